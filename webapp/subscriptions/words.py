"""Subscriptions in words."""

from __future__ import annotations

from flask_babel import gettext as _
from flask_babel import ngettext


def count_words(count: int, most: int) -> str:
    """How many subscriptions there are, counted no further than `most`."""
    if count > most:
        return str(_("1,000+ subscriptions"))
    return str(ngettext("%(num)s subscription", "%(num)s subscriptions", count))
