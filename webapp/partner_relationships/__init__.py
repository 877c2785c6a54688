"""The customer's one list of all its partners, and the details of each."""
