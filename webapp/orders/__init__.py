"""Buying: orders of partners, purchases of customers, and why either is refused until the agreement is accepted."""
