"""Invitations: what a partner asks of a customer, the message that carries it, and what became of it.

A link carries parameters, not power: possessing it grants nothing. How a customer answers stands in `answers`.
"""
