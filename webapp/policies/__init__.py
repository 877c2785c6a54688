"""Policies: settings that change while the product runs.

Each is declared once in `rules.py` with its type, default, bounds and source; the database keeps only the
deviations, with who set them, when and why.
"""
