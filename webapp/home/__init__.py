"""The landing page, both dashboards, and the pages that belong to nobody else: help, privacy, health, language."""
