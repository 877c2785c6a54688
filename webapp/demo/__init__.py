"""The demonstration: organizations, people and stories for a first look, made through the product's own actions."""
