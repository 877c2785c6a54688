"""Routes of `directory`: a customer's people."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from tests.guards.routes import CUSTOMER_READERS, Row, many, row
from tests.support.story import Story
from webapp import database
from webapp.accounts.models import Person
from webapp.directory import actions
from webapp.subscriptions import actions as subscriptions
from webapp.subscriptions import queries as subscription_queries
from webapp.subscriptions.models import SubscriptionStanding


def _reads(status: int, **more: Any) -> Row:
    return row(status, to=CUSTOMER_READERS, member=403, otherwise=404, **more)


def _leads(status: int, **more: Any) -> Row:
    """What only the global administrator does, and who acts for the customer; partners have no such page."""
    exceptions: dict[str, Any] = {"delegate": status} | more
    return row(
        status, to=("global_administrator",), otherwise=404, billing_administrator=403,
        delegated_admin_administrator=403, global_reader=403, member=403, **exceptions,
    )  # fmt: skip


def _person(s: Story) -> dict[str, Any]:
    return {"person_id": s.customer[""].id}


def _line(s: Story, seats: int = 50) -> UUID:
    """A subscription of the customer's, of which seats can be given."""
    product_id = s.catalogue()
    with s.unit():
        database.write(chain=s.customer.chain_id)
        product = subscription_queries.product_by_id(product_id)
        assert product is not None
        made = subscriptions.begin_paid(
            s.organization(s.customer), None, product=product, name=product.name_en, seats=seats,
            ends_on=s.today() + timedelta(days=364), contract="product_key", by=None,
        )  # fmt: skip
        return made.line_id


def _licensed(s: Story) -> dict[str, Any]:
    _line(s)
    return _person(s)


def _blocked(s: Story) -> dict[str, Any]:
    with s.unit():
        by = s.actor("global_administrator")
        person_id = actions.add(by=by, **_new(s)).person.id
    with s.unit():
        actions.block(database.session().get_one(Person, person_id), by=by)
        return {"person_id": person_id}


def _new(s: Story) -> dict[str, Any]:
    return {
        "given_name": "Ann",
        "family_name": "Lee",
        "address": f"ann.{uuid4().hex[:8]}@{s.address_of('member').partition('@')[2]}",
        "language": "en",
    }


ROUTES = {
    "GET /users": _reads(200),
    "GET /users/new": _leads(200),
    "POST /users": _leads(302, stranger=422, form=_new),
    "GET /users/<uuid:person_id>": _reads(200, prepare=_person),
    "GET /users/<uuid:person_id>/licences": _leads(200, prepare=_licensed),
    "POST /users/<uuid:person_id>/licences": _leads(
        302, prepare=_licensed, form=lambda s: {"licences": [str(s.only(SubscriptionStanding).line_id)]}
    ),
    "GET /users/<uuid:person_id>/roles": _leads(200, delegate=403, prepare=_person),
    "POST /users/<uuid:person_id>/roles": _leads(
        302, delegate=403, prepare=_person, form=lambda s: {"roles": ["global_reader"], "sure": "yes"}
    ),
    "POST /users/<uuid:person_id>/password-reset": _leads(302, prepare=_person),
    "GET /users/<uuid:person_id>/block": _leads(200, prepare=_person),
    "POST /users/<uuid:person_id>/block": _leads(302, prepare=_person),
    "POST /users/<uuid:person_id>/unblock": _leads(302, prepare=_blocked),
}


def _people(s: Story, count: int) -> None:
    line_id = _line(s, 60)
    with s.unit():
        by, standing = s.actor("global_administrator"), subscription_queries.standing_of(line_id)
        assert standing is not None
        for number in range(count):
            actions.add(
                by=by, given_name=f"Person {number}", family_name="New",
                address=f"{uuid4().hex}@{s.address_of('member').partition('@')[2]}", lines=[standing],
            )  # fmt: skip


LISTS = {"GET /users": many("global_administrator", _people)}
