"""Adding a customer: a partner's draft, page by page, and the one act that makes the customer of it.

The customer gets its organization, its first administrator with a temporary password, and the reseller relationship "by
creation"; an attestation if the partner attests. Until somebody has signed in there, the partner may correct the address.
"""
