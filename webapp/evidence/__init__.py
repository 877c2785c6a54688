"""Evidence: what happened, by whom, to what, append-only, in chains of hashes.

Each organization has a chain, and the site has one. A fact is recorded in the transaction of the act it tells;
personal values stand apart, salted, so that erasing a person leaves the chain verifiable.
"""
