"""Programs of a partner that use the API: made, rotated and revoked by its admin agents, and the tokens they are given.

A client signs in with a secret of its own (client credentials), or a person of the partner consents to it (authorization
code). Secrets and tokens are shown once and stored as digests.
"""
