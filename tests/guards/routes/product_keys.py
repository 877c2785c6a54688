"""Routes of `product_keys`: redeeming with a new account, signed out or by a partner, and for the own organization."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from tests.guards.routes import AGENTS, ANSWERERS, CUSTOMER_READERS, Row, many, row
from tests.product_keys.scene import ACCOUNT
from tests.support.story import Signed, Story
from webapp import clock, database
from webapp.organizations.models import Organization
from webapp.product_keys import actions, queries
from webapp.product_keys.models import ProductKey, RedemptionDraft
from webapp.subscriptions import actions as subscriptions
from webapp.subscriptions import queries as catalogue

KEY = "BCDFG-HJKMP-QRTVW-XY234-67896"


def _sets_up(status: int, **more: Any) -> Row:
    """What a newcomer does, and a partner's agents for a customer; a customer's people have pages of their own."""
    exceptions = {"stranger": 404, "helpdesk_agent": 403, "partner_member": 403, "delegate": 404}
    return row(status, to=("nobody", *AGENTS), otherwise=404, **(exceptions | more))


def _redeems(status: int, **more: Any) -> Row:
    """What a customer's buyers do for it, and a delegated administrator; partners have no such page."""
    return row(
        status, to=(*ANSWERERS, "delegate"), otherwise=404, delegated_admin_administrator=403, global_reader=403, member=403, **more
    )  # fmt: skip


def _a_key(s: Story, count: int = 1) -> list[str]:
    """Keys that are issued; their ids."""
    s.catalogue()
    with s.unit():
        product = catalogue.product_by_code("SUITE-Y")
        assert product is not None
        made = actions.issue(
            product, count=count, seats=1, months=12, expires_on=clock.today("UTC") + timedelta(days=90)
        )
        rows = database.session().query(ProductKey).filter(ProductKey.batch_id == made.batch_id)
        return sorted(str(each.id) for each in rows)


def _draft(
    s: Story, visitor: str, key_ids: list[str], *, own: UUID | None = None, values: dict[str, Any] | None = None
) -> UUID:
    """What a visitor has entered; the cookie of nobody's browser names it."""
    with s.unit():
        database.write()
        now = clock.now()
        row_ = RedemptionDraft(
            id=uuid4(), person_id=s.actor(visitor).person_id if visitor != "nobody" else None, organization_id=own,
            step="keys", key_ids=key_ids, values=values or {}, created_at=now, updated_at=now,
        )  # fmt: skip
        database.session().add(row_)
        database.session().flush()
        id_ = row_.id
    if visitor == "nobody":
        _remember(s, id_)
    return id_


def _remember(s: Story, draft_id: UUID) -> None:
    client = s.client("nobody")
    with client.session_transaction(base_url="http://localhost") as session:
        session["redemption"] = str(draft_id)
    cookie = client.get_cookie(str(s.app.config["SESSION_COOKIE_NAME"]), domain="localhost")
    assert cookie is not None
    s.signed["nobody"] = Signed(cookie.value, s.signed["nobody"].csrf_token, None)


def _entered(s: Story, values: dict[str, Any] | None = None, count: int = 1) -> list[str]:
    """Everybody who sets up accounts has entered the same key."""
    key_ids = _a_key(s, count)
    for visitor in ("nobody", *AGENTS, "rival"):
        _draft(s, visitor, key_ids, values=values)
    return key_ids


def _keys(s: Story) -> dict[str, Any]:
    _entered(s)
    return {}


def _account(s: Story) -> dict[str, Any]:
    _entered(s, ACCOUNT)
    return {}


def _created(s: Story) -> dict[str, Any]:
    """Everybody has set up an account."""
    key_ids = _entered(s)
    with s.unit():
        database.write()
        database.session().query(RedemptionDraft).filter(RedemptionDraft.organization_id.is_(None)).update(
            {"redeemed_at": clock.now(), "customer_id": s.customer.id}
        )
    assert key_ids
    return {}


def _fingerprint(s: Story) -> dict[str, Any]:
    """What the check page shows carries: it is the same for everybody who entered the same."""
    draft = s.only(RedemptionDraft, person_id=None)
    with s.app.app_context():
        return {
            "fingerprint": queries.fingerprint_of_account(
                draft, queries.planned(draft, clock.today("America/New_York"))
            )
        }


def _own_keys(s: Story, count: int = 1) -> dict[str, Any]:
    """Everybody who redeems for its own organization has entered the same key."""
    key_ids = _a_key(s, count)
    for visitor in (*ANSWERERS, "delegate", "stranger"):
        _draft(s, visitor, key_ids, own=s.stranger.id if visitor == "stranger" else s.customer.id)
    return {}


def _choice(s: Story) -> dict[str, Any]:
    with s.app.app_context():
        draft = queries.draft_of(s.actor("global_administrator"))
        assert draft is not None
        choices = queries.choices_of(s.organization(s.customer), queries.entered_in(draft.key_ids))
        return {"way_0": "new", "parts": "{}", "fingerprint": queries.fingerprint_of_choices(draft, choices)}


def _done(s: Story) -> dict[str, Any]:
    return {"draft_id": s.redeem_key()}


def _text(_s: Story) -> dict[str, Any]:
    return {"keys": "", "act": "next"}


ROUTES = {
    "GET /redeem": _sets_up(200, **dict.fromkeys((*CUSTOMER_READERS, "member", "stranger", "delegate"), 302)),
    "POST /redeem": _sets_up(302, form=lambda _s: {"right_person": "y"}),
    "POST /redeem/deletion": _sets_up(302, prepare=_keys),
    "GET /redeem/keys": _sets_up(200, prepare=_keys),
    "POST /redeem/keys": _sets_up(302, prepare=_keys, form=_text),
    "POST /redeem/keys/removal": _sets_up(302, prepare=_keys, form=lambda _s: {"key": str(uuid4())}),
    "GET /redeem/review": _sets_up(200, prepare=_keys),
    "POST /redeem/review": _sets_up(302, prepare=_keys),
    "GET /redeem/step-2": _sets_up(200, prepare=_keys),
    "GET /redeem/account": _sets_up(200, prepare=_keys),
    "POST /redeem/account": _sets_up(302, prepare=_keys, form=lambda _s: dict(ACCOUNT)),
    "GET /redeem/check": _sets_up(200, prepare=_account),
    "POST /redeem/creation": _sets_up(302, prepare=_account, form=_fingerprint),
    "GET /redeem/done": _sets_up(200, prepare=_created),
    "GET /redeem/own": _redeems(200),
    "POST /redeem/own/keys": _redeems(302, prepare=_own_keys, form=_text),
    "POST /redeem/own/keys/removal": _redeems(302, prepare=_own_keys, form=lambda _s: {"key": str(uuid4())}),
    "GET /redeem/own/choice": _redeems(200, prepare=_own_keys),
    "POST /redeem/own": _redeems(302, prepare=_own_keys, form=_choice),
    "GET /redeem/own/<uuid:draft_id>": row(200, to=CUSTOMER_READERS, member=403, otherwise=404, prepare=_done),
}


def _many_keys(s: Story, count: int, values: dict[str, Any] | None = None) -> None:
    _entered(s, values, count)


def _many_own_keys(s: Story, count: int) -> None:
    _own_keys(s, count)


def _more_lines(s: Story, count: int) -> None:
    """The customer has so many more subscriptions of the product."""
    s.catalogue()
    for _ in range(count):
        with s.unit():
            customer = database.session().get_one(Organization, s.customer.id)
            database.write(chain=customer.chain_id)
            product = catalogue.product_by_code("SUITE-Y")
            assert product is not None
            subscriptions.begin_paid(
                customer, None, product=product, name="Suite", seats=5, ends_on=clock.today(customer.zone) + timedelta(days=90),
                contract="product_key", by=None, source="test",
            )  # fmt: skip


LISTS = {
    "GET /redeem/keys": many("admin_agent", _many_keys),
    "GET /redeem/review": many("admin_agent", _many_keys),
    "GET /redeem/check": many("admin_agent", lambda s, count: _many_keys(s, count, ACCOUNT)),
    "GET /redeem/own": many("global_administrator", _many_own_keys),
    "GET /redeem/own/choice": many("global_administrator", _more_lines, prepare=_own_keys),
}
