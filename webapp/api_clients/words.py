"""Roles of programs in words: what a program with them can do, and what not. Pure."""

from __future__ import annotations

from collections.abc import Collection

from flask_babel import gettext as _


def can(roles: Collection[str]) -> list[str]:
    """What a program with these roles can do."""
    found = [_("Read your customers, their agreements, orders, subscriptions and delegated administration")]
    if _sells(roles):
        found += [
            _("Add and invite customers, and attest agreements for them"),
            _("Place and change orders and subscriptions"),
        ]
    if "admin_agent" in roles:
        found += [
            _("Offer delegated administration and end it"),
            _("End reseller relationships"),
            _("Have events sent to addresses on the internet (webhooks)"),
        ]
    return found


def cannot(roles: Collection[str]) -> list[str]:
    """What a program with these roles cannot do."""
    found = []
    if not _sells(roles):
        found.append(_("Change anything"))
    elif "admin_agent" not in roles:
        found.append(_("Offer or end delegated administration, or end relationships"))
    return [
        *found,
        _("Sign in as you, or see or change your password"),
        _("Accept, buy or decide anything in a customer's place"),
        _("Administer customers"),
        _("Change your team, or other programs"),
    ]


def _sells(roles: Collection[str]) -> bool:
    return not {"admin_agent", "sales_agent"}.isdisjoint(roles)
