"""Delegated administration: what a partner offers, what the customer answers, how long it lasts, how it ends; and
which rights a partner's people have at a customer because of it.
"""
