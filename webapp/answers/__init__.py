"""Answers: the journey of whoever opens an invitation's link: reading, signing in with the right account,
accepting or declining, and the account that a first visitor may need."""
