"""Routes of `relationships` at the customer."""

from typing import Any

from tests.guards.routes import ADMINISTRATORS, ANSWERERS, CUSTOMER_READERS, CUSTOMERS, Row, row
from tests.support.story import Story


def related(s: Story) -> dict[str, Any]:
    """Let the customer accept the partner's relationship."""
    return s.related()


def _to_partner(s: Story) -> dict[str, Any]:
    return {"partner_id": s.partner.id}


def _by(status: int, **more: Any) -> Row:
    """What only a customer's global or billing administrator does; others of it are told so."""
    refused: Any = {each: 403 for each in CUSTOMERS if each not in ANSWERERS}
    return row(status, to=ANSWERERS, otherwise=404, **refused, **more)


def _by_each(status: int, **more: Any) -> Row:
    """What each of a customer's administrators does; others of it are told so."""
    refused: Any = {each: 403 for each in CUSTOMERS if each not in ADMINISTRATORS}
    return row(status, to=ADMINISTRATORS, otherwise=404, **refused, **more)


ROUTES = {
    "GET /relationship/receipts/<uuid:relationship_id>": row(
        200, to=CUSTOMER_READERS, member=403, otherwise=404, prepare=related
    ),
    "GET /relationship/receipts/<uuid:relationship_id>.json": row(
        200, to=CUSTOMER_READERS, member=403, otherwise=404, prepare=related
    ),
    "GET /settings/partner-relationships/<uuid:relationship_id>/ending": _by(200, prepare=related),
    "POST /settings/partner-relationships/<uuid:relationship_id>/ending": _by(
        302, prepare=related, form=lambda s: {"reason": "We move to another partner."}
    ),
    "POST /settings/partner-relationships/<uuid:relationship_id>/ending/withdrawal": _by(
        302, prepare=lambda s: s.ask_to_end()
    ),
    # With one partner only, its own page asks.
    "GET /settings/partner-relationships/<uuid:relationship_id>/distrust": _by_each(302, prepare=related),
    "POST /settings/partner-relationships/<uuid:relationship_id>/distrust": _by_each(
        302, prepare=related, form=lambda s: {"comment": "Nobody knows it."}
    ),
    "GET /settings/partner-relationships/partners/<uuid:partner_id>/distrust": row(
        200, to=CUSTOMER_READERS, member=403, otherwise=404, prepare=_to_partner
    ),
    "POST /settings/partner-relationships/partners/<uuid:partner_id>/distrust": _by_each(
        302, prepare=_to_partner, form=lambda s: {"comment": "Nobody knows it."}
    ),
    "POST /settings/partner-relationships/partners/<uuid:partner_id>/trust": _by_each(
        302, prepare=lambda s: s.distrust()
    ),
}
