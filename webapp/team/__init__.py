"""A partner's people and their roles, and the pairs of indirect providers and resellers: asked for by one side,
confirmed by the other."""
