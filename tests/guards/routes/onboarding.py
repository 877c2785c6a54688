"""Routes of `onboarding`: adding a customer, and correcting its contact."""

from datetime import timedelta
from typing import Any

from tests.guards.routes import AGENTS, Row, many, row
from tests.support.story import Story
from webapp import clock, database
from webapp.onboarding import actions, queries
from webapp.onboarding.models import CustomerDraft

COMPANY = {"name": "Woodgrove Bank Ltd.", "country": "US", "language": "en"}
ADDRESS = {"address_line": "1 Main Street", "city": "Redmond", "region": "WA", "postal_code": "98052"}
CONTACT = {"given_name": "Kim", "family_name": "Abercrombie", "address": "kim@woodgrove.example"}
ALL = COMPANY | ADDRESS | CONTACT | {
    "domain": "woodgrove.example", "agreement": "ask",
    "dismissed": ["1 Main Street, Redmond, WA 98052"],  # so that the guard of languages knows the address as one text
}  # fmt: skip


def _draft(s: Story, values: dict[str, Any], step: str = "review") -> dict[str, Any]:
    with s.unit():
        row_ = actions.begin(by=s.actor("sales_agent"))
        actions.keep(row_, values, step=step)
        return {"draft_id": row_.id}


def _whole(s: Story) -> dict[str, Any]:
    return _draft(s, ALL)


def _attested(s: Story) -> dict[str, Any]:
    return _draft(s, ALL | {"agreement": "attest", "agreed_on": clock.today("UTC").replace(day=1).isoformat()})


def _like_another(s: Story) -> dict[str, Any]:
    _made(s)
    return _draft(s, COMPANY, "address")


def _made(s: Story) -> dict[str, Any]:
    """A customer that the partner just added."""
    draft_id = _whole(s)["draft_id"]
    with s.unit():
        draft = database.session().get_one(CustomerDraft, draft_id)
        shown = queries.review_of(draft, s.organization(s.partner)).fingerprint
        made = actions.create(draft, by=s.actor("admin_agent"), fingerprint=shown)
        return {"draft_id": draft_id, "customer_id": made.customer.id}


def _of_draft(s: Story) -> dict[str, Any]:
    return {"draft_id": _made(s)["draft_id"]}


def _of_customer(s: Story) -> dict[str, Any]:
    return {"customer_id": _made(s)["customer_id"]}


def _own(status: int, prepare: Any = _whole, **more: Any) -> Row:
    """What only those of the partner reach who add customers."""
    return row(
        status, to=AGENTS, helpdesk_agent=403, partner_member=403, otherwise=404, prepare=prepare, **more
    )  # fmt: skip


def _signatory(s: Story) -> dict[str, Any]:
    day = (clock.today("UTC") - timedelta(days=1)).isoformat()
    return {"given_name": "Terry", "family_name": "Adams", "email": "terry@woodgrove.example", "agreed_on": day}


def _shown(s: Story, p: dict[str, Any]) -> dict[str, Any]:
    return s.fields("admin_agent", f"/partner/customers/new/{p['draft_id']}/duplicates", to="/duplicates")


def _creation(s: Story, p: dict[str, Any]) -> dict[str, Any]:
    return s.fields("admin_agent", f"/partner/customers/new/{p['draft_id']}/review", to="/creation")


def _many(s: Story, count: int) -> None:
    for number in range(count):
        _draft(s, COMPANY | {"name": f"Customer {number}"}, "address")


_NEW = "/partner/customers/new/<uuid:draft_id>"
ROUTES = {
    "GET /partner/customers/new": row(200, to=AGENTS),
    "POST /partner/customers/new": row(302, to=AGENTS),
    f"POST {_NEW}/deletion": _own(302),
    f"GET {_NEW}/company": _own(200),
    f"POST {_NEW}/company": _own(302, form=lambda s: COMPANY),
    f"GET {_NEW}/address": _own(200),
    f"POST {_NEW}/address": _own(302, form=lambda s: ADDRESS),
    f"GET {_NEW}/domain": _own(200),
    f"POST {_NEW}/domain": _own(302, form=lambda s: {"domain": "woodgrove.example"}),
    f"GET {_NEW}/contact": _own(200),
    f"POST {_NEW}/contact": _own(302, form=lambda s: CONTACT),
    f"GET {_NEW}/duplicates": _own(200, prepare=_like_another),
    f"POST {_NEW}/duplicates": _own(302, prepare=_like_another, form=_shown),
    f"GET {_NEW}/agreement": _own(200),
    f"POST {_NEW}/agreement": _own(302, form=lambda s: {"agreement": "ask"}),
    f"GET {_NEW}/signatory": _own(200, prepare=_attested),
    f"POST {_NEW}/signatory": _own(302, prepare=_attested, form=_signatory),
    f"GET {_NEW}/review": _own(200, prepare=_attested),
    f"POST {_NEW}/creation": _own(200, form=_creation),
    f"GET {_NEW}/done": _own(200, prepare=_of_draft),
    "GET /partner/customers/<uuid:customer_id>/contact": _own(200, prepare=_of_customer),
    "POST /partner/customers/<uuid:customer_id>/contact": _own(
        200, prepare=_of_customer, form=lambda s: {"address": "right@woodgrove.example"}
    ),
    "POST /partner/customers/<uuid:customer_id>/contact/password": _own(200, prepare=_of_customer),
}

LISTS = {"GET /partner/customers/new": many("admin_agent", _many)}
