"""A partner's overview of delegated administration at its customers, and making an offer with its message."""
