"""What ends, for the partner of record and its calendar; and the ways to renew, for the customer."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from tests.support.builders import Party
from tests.support.delegation import Delegation
from tests.support.main_job import Clicks
from tests.support.state import State
from webapp import clock, database
from webapp.organizations import queries as organizations
from webapp.organizations.models import Organization
from webapp.renewals import actions, queries
from webapp.subscriptions import actions as subscriptions
from webapp.subscriptions import queries as catalogue
from webapp.subscriptions.models import SubscriptionStanding


def _presses(clicks: Clicks) -> None:
    """Press the button although a box is to be ticked."""
    clicks.submit("/direct-billing")


STATES = (
    State("renewals", "partner", "/partner/renewals"),
    State("renewals-group", "partner", "/partner/renewals?group=days30"),
    State("renewals-none-fit", "partner", "/partner/renewals?search=nobody"),
    State("renewals-empty", "new partner", "/partner/renewals"),
    State("renewals-feed", "partner", "/partner/renewals/feed"),
    State("renewals-feed-none", "new partner", "/partner/renewals/feed"),
    State("renewal-soon", "accepted", "/subscriptions/{soon_line}/renewal"),
    State("renewal-early", "accepted", "/subscriptions/{early_line}/renewal"),
    State("renewal-expired", "accepted", "/subscriptions/{expired_line}/renewal"),
    State("renewal-disabled", "accepted", "/subscriptions/{disabled_line}/renewal"),
    State("renewal-deleted", "accepted", "/subscriptions/{deleted_line}/renewal"),
    State("renewal-switched", "accepted", "/subscriptions/{switched_line}/renewal"),
    State("direct-billing", "accepted", "/subscriptions/{soon_line}/renewal/direct-billing"),
    State("direct-billing-early", "accepted", "/subscriptions/{early_line}/renewal/direct-billing"),
    State("direct-billing-error", "accepted", "/subscriptions/{early_line}/renewal/direct-billing", _presses),
    State("direct-billing-closed", "accepted", "/subscriptions/{expired_line}/renewal/direct-billing", status=409),
    State("direct-billing-again", "accepted", "/subscriptions/{switched_line}/renewal/direct-billing", status=409),
    State("direct-billing-agreement", "customer", "/subscriptions/{unagreed_line}/renewal/direct-billing", status=403),
)  # fmt: skip
#: Name -> (days until the end, seats).
_ENDS = {"soon": (5, 25), "early": (29, 40), "switched": (3, 12), "later": (200, 60)}


def fill(filling: Any) -> None:
    """What ends soon and later at the accepted customer, notices of it, a switch to direct billing, a calendar's link."""
    app, customer, values = filling.app, filling.accepted, filling.made.values
    for name, (days, seats) in _ENDS.items():
        values[f"{name}_line"] = _sold(filling, customer, days, seats)
    values["unagreed_line"] = _sold(filling, filling.customer, 4, 10)
    for name, days, left in (("soon", 7, 7), ("early", 60, 60), ("early", 30, 30)):
        with app.app_context(), database.unit_of_work():
            actions.note(_line(values[f"{name}_line"]), days=days, days_left=left)
    delegation = Delegation(app)
    by, agent = delegation.acting(customer), delegation.acting(filling.partner, "sales_agent")
    with app.app_context(), database.unit_of_work():
        standing = _line(values["switched_line"])
        direct = queries.direct_of(standing, _row(customer), "active")
        assert direct is not None
        actions.switch_to_direct(standing, by=by, seats=12, shown=direct.shown, loss_accepted=False)
    with app.app_context(), database.unit_of_work():
        actions.link_calendar(agent)


def _sold(filling: Any, customer: Party, days: int, seats: int) -> str:
    """A product of the catalogue that the partner sold and that ends in so many days."""
    with filling.app.app_context(), database.unit_of_work():
        whose = _row(customer)
        database.write(chain=whose.chain_id)
        product = catalogue.product_by_code("BUSINESS-PREMIUM")
        assert product is not None
        row = subscriptions.begin_paid(
            whose, filling.partner.id, product=product, name=catalogue.name_of(product, filling.language), seats=seats,
            ends_on=clock.today(whose.zone) + timedelta(days=days), contract="partner", by=None, source="job",
        )  # fmt: skip
        return str(row.line_id)


def _line(line_id: str) -> SubscriptionStanding:
    found = catalogue.standing_of(UUID(line_id))
    assert found is not None
    return found


def _row(party: Party) -> Organization:
    found = organizations.organization_by_id(party.id)
    assert found is not None
    return found
