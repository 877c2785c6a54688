"""Reseller relationships between a customer and a partner: how they began, and (later) how they end."""
