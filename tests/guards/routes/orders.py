"""Routes of `orders`: a partner's orders, and a customer's own purchases."""

from typing import Any
from uuid import UUID, uuid4

from tests.guards.routes import AGENTS, ANSWERERS, CUSTOMER_READERS, PARTNER_READERS, Row, many, row
from tests.support.story import Story
from webapp.relationships import queries as relationships

_ONLY_READS: dict[str, Any] = {"helpdesk_agent": 403, "partner_member": 403}


def _reads(status: int, **more: Any) -> Row:
    return row(status, to=PARTNER_READERS, partner_member=403, otherwise=404, **more)


def _orders(status: int, **more: Any) -> Row:
    return row(status, to=AGENTS, otherwise=404, **_ONLY_READS, **more)


def _buys(status: int, **more: Any) -> Row:
    """What a customer's buyers do; partners have no such page."""
    return row(
        status, to=ANSWERERS, otherwise=404, delegated_admin_administrator=403, global_reader=403, member=403, **more
    )  # fmt: skip


def _sold(s: Story) -> dict[str, Any]:
    return {"order_id": s.order()}


def _customer(s: Story) -> dict[str, Any]:
    """A customer in order, and what it can buy."""
    s.catalogue()
    with s.app.app_context():
        related = relationships.open_between(s.customer.id, s.partner.id)
    if related is None:
        s.related()
    return {"customer_id": s.customer.id}


def _unconfirmed(s: Story) -> dict[str, Any]:
    """A customer that never agreed, and what it could buy."""
    s.catalogue()
    s.sells_to(s.customer)
    return {"customer_id": s.customer.id}


def _nothing(s: Story) -> dict[str, Any]:
    _customer(s)
    return {}


def _form(s: Story) -> dict[str, Any]:
    return {"key": str(uuid4()), "seller": str(_relationship(s)), "product": str(s.catalogue()), "seats": "25"}


def _relationship(s: Story) -> UUID:
    with s.app.app_context():
        found = relationships.open_between(s.customer.id, s.partner.id)
        assert found is not None
        return found.id


def _attesting(s: Story, p: dict[str, Any]) -> dict[str, Any]:
    person = {"given_name": "Ann", "family_name": "Lee", "email": "ann.lee@contoso.example"}
    address = f"/partner/customers/{p['customer_id']}/orders/review"
    return s.fields_after("sales_agent", address, _form(s), to="/attestation", **person)


ROUTES = {
    "GET /partner/orders": _reads(200),
    "GET /partner/orders/<uuid:order_id>": _reads(200, rival=404, prepare=_sold),
    "GET /partner/orders/new": _orders(200),
    # A partner that has delegated roles alone sees the customer and sells it nothing.
    "GET /partner/customers/<uuid:customer_id>/orders": _reads(200, delegate=200, prepare=_customer),
    "POST /partner/customers/<uuid:customer_id>/orders/review": _orders(
        200, delegate=403, prepare=_customer, form=_form
    ),
    "POST /partner/customers/<uuid:customer_id>/orders": _orders(302, delegate=403, prepare=_customer, form=_form),
    "POST /partner/customers/<uuid:customer_id>/orders/attestation": _orders(
        302, delegate=403, prepare=_unconfirmed, form=_attesting
    ),
    "GET /orders": row(200, to=CUSTOMER_READERS, member=403, otherwise=404),
    "GET /orders/<uuid:order_id>": row(200, to=CUSTOMER_READERS, member=403, otherwise=404, prepare=_sold),
    "GET /orders/new": _buys(200),
    # A stranger has other partners: the one in the form is none that it was shown.
    "POST /orders/review": _buys(200, stranger=422, prepare=_nothing, form=_form),
    "POST /orders": _buys(302, stranger=422, prepare=_nothing, form=_form),
    "POST /orders/attestation-request": _buys(
        302, stranger=404, prepare=_nothing, form=lambda s: {"seller": str(_relationship(s))}
    ),
}


def _many(s: Story, count: int) -> None:
    for _ in range(count):
        s.order()


LISTS = {
    "GET /partner/orders": many("admin_agent", _many),
    "GET /partner/customers/<uuid:customer_id>/orders": many("admin_agent", _many, prepare=_customer),
    "GET /orders": many("global_administrator", _many),
}
