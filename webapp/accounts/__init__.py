"""Accounts: people, how they sign in and out, prove their mailbox, choose a password, language and zone."""
