"""Agreements: published versions by country and language, and a customer's acceptance of one.

What was shown is what is signed: the form carries a fingerprint of everything shown, and the act keeps the
version with the SHA-256 of its bytes and the literal words of each box.
"""
