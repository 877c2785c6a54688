"""Organizations: customers and partners, their profile, domains, programmes, the roles of their people, and the
pairs of indirect providers and resellers."""
