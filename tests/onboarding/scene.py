"""Adding a customer through the pages, as tests do it."""

from __future__ import annotations

import re
from typing import Any

from tests.support.builders import Member
from tests.support.visitor import Page, Visitor

COMPANY = {"name": "Woodgrove Bank Ltd.", "country": "US", "language": "en"}
ADDRESS = {"address_line": "1 Main Street", "city": "Redmond", "region": "Washington", "postal_code": "98052"}
CONTACT = {"given_name": "Kim", "family_name": "Abercrombie", "address": "kim@woodgrove.example"}
DOMAIN = "woodgrove.example"


def begin(visitor: Visitor) -> Page:
    """Start a draft."""
    visitor.open("/partner/customers/new")
    return visitor.submit(to="/partner/customers/new")


def fill(
    visitor: Visitor, *, agreement: dict[str, Any] | None = None, until: str = "review", company: dict[str, Any] | None = None,
    address: dict[str, Any] | None = None, domain: str = DOMAIN, contact: dict[str, Any] | None = None,
) -> Page:  # fmt: skip
    """Fill in a new draft as far as a page."""
    page = begin(visitor)
    steps = (
        ("company", COMPANY | (company or {})), ("address", ADDRESS if address is None else address),
        ("domain", {"domain": domain}), ("contact", CONTACT | (contact or {})),
        ("agreement", agreement or {"agreement": "ask"}),
    )  # fmt: skip
    for step, values in steps:
        if step == until:
            return page
        assert page.url.endswith(f"/{step}"), f"{page.url}: {page.words}"
        page = visitor.submit(values)
    return page


def create(visitor: Visitor, **filled: Any) -> tuple[Page, str]:
    """Add a customer; the page that shows the temporary password, and the password."""
    page = fill(visitor, **filled)
    assert page.url.endswith("/review"), f"{page.url}: {page.words}"
    page = visitor.submit(to="/creation")
    assert page.status == 200, page.words
    return page, password_on(page)


def password_on(page: Page) -> str:
    """The temporary password that a page shows."""
    found = re.search(r'id="temporary-password">([^<]+)<', page.html)
    assert found is not None, page.words
    return found[1]


def as_partner(visitor: Visitor, member: Member) -> Visitor:
    """Sign in as somebody of the partner."""
    visitor.sign_in(member.address)
    return visitor
