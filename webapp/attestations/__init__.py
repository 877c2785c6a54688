"""The partner's pages about a customer's agreement: attesting, its history, asking the provider that may."""
