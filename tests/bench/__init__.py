"""How fast it is, on both engines: `make bench`. Figures to compare with one another, not tests."""
