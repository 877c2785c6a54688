"""Subscriptions in every stage, from both sides, and the partner of record."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

from tests.support.builders import Party
from tests.support.delegation import Delegation
from tests.support.main_job import Clicks
from tests.support.state import State
from webapp import clock, database
from webapp.orders.models import Order
from webapp.organizations import queries as organizations
from webapp.organizations.models import Organization
from webapp.subscriptions import actions, queries
from webapp.subscriptions.models import Subscription, SubscriptionStanding

#: Days since the end (negative: until it), and what the product is called.
_ENDED = {
    "expired": (10, {"en": "Business Standard suite", "ja": "ビジネス スタンダード スイート"}),
    "disabled": (50, {"en": "Mail and calendar", "ja": "メールと予定表"}),
    "deleted": (150, {"en": "Trial of everything", "ja": "全機能試用版"}),
}


def _checks(number: str) -> Callable[[Clicks], None]:
    """Enter a partner's number, and go on; "provider": that of the one there is."""

    def then(clicks: Clicks) -> None:
        typed = number
        if typed == "provider":
            with clicks.app.app_context():
                typed = next(
                    str(each.partner_number)
                    for each in organizations.organizations("partner")
                    if each.programme == "indirect_provider"
                )
        form = clicks.form("/check")
        form.locator("[name=number]").fill(typed)
        clicks.submit("/check")

    return then


STATES = (
    State("subscriptions", "accepted", "/subscriptions"),
    State("subscriptions-empty", "renewing", "/subscriptions"),
    State("subscription-active", "accepted", "/subscriptions/{active_line}"),
    State("subscription-expired", "accepted", "/subscriptions/{expired_line}"),
    State("subscription-disabled", "accepted", "/subscriptions/{disabled_line}"),
    State("subscription-deleted", "accepted", "/subscriptions/{deleted_line}"),
    State("subscription-by-key", "accepted", "/subscriptions/{keyed_line}"),
    State("partner-of-record", "accepted", "/subscriptions/{active_line}/partner-of-record"),
    State("partner-of-record-not-enrolled", "accepted", "/subscriptions/{keyed_line}/partner-of-record"),
    State("partner-of-record-none", "accepted", "/subscriptions/{disabled_line}/partner-of-record"),
    State(
        "partner-of-record-error", "accepted", "/subscriptions/{active_line}/partner-of-record", _checks("99999999")
    ),
    State(
        "partner-of-record-check", "accepted", "/subscriptions/{active_line}/partner-of-record", _checks("provider")
    ),
    State("partner-of-record-removal", "accepted", "/subscriptions/{active_line}/partner-of-record/removal"),
    State("partner-of-record-removal-none", "accepted", "/subscriptions/{disabled_line}/partner-of-record/removal"),
    State("subscription-at-partner", "partner", "/partner/subscriptions/{active_line}"),
    State("subscription-at-partner-of-record", "provider", "/partner/subscriptions/{keyed_line}"),
)  # fmt: skip


def fill(filling: Any) -> None:
    """What the accepted customer has in every stage; its partners of record; an offer that it asks for."""
    app, customer, values = filling.app, filling.accepted, filling.made.values
    with app.app_context():
        order = database.session().get(Order, UUID(values["order"]))
        assert order is not None
        values["active_line"] = str(order.subscription_id)
    for stage, (days, names) in _ENDED.items():
        with app.app_context(), database.unit_of_work():
            whose, partner = _row(customer), _row(filling.partner)
            ends_on = clock.today(whose.zone) - timedelta(days=days)
            row, _new = actions.add(
                whose, partner, reseller=None, product=names[filling.language], seats=12,
                starts_on=ends_on - timedelta(days=364), ends_on=ends_on,
            )  # fmt: skip
            values[f"{stage}_line"] = str(row.line_id)
    values["keyed_line"] = _by_key(filling, customer)
    by = Delegation(app).acting(customer)
    with app.app_context(), database.unit_of_work():
        actions.name_partner_of_record(_line(values["keyed_line"]), _row(filling.provider), by=by)
    with app.app_context(), database.unit_of_work():
        actions.name_partner_of_record(_line(values["disabled_line"]), None, by=by)
    filling.world.enroll(filling.partner)
    with app.app_context(), database.unit_of_work():
        actions.ask_for_offer(_line(values["active_line"]), by=by)


def _by_key(filling: Any, customer: Party) -> str:
    """Something that began by product keys, got more seats, and was extended."""
    with filling.app.app_context(), database.unit_of_work():
        whose = _row(customer)
        database.write(chain=whose.chain_id)
        product = queries.product_by_code("BUSINESS-PREMIUM")
        assert product is not None
        first = clock.today(whose.zone)
        row = actions.begin_paid(
            whose, None, product=product, name=queries.name_of(product, filling.language), seats=25,
            ends_on=first + timedelta(days=364), contract="product_key", by=None, source="job",
        )  # fmt: skip
        line_id = row.line_id
    for seats, days, why in ((40, 300, "seats"), (40, 665, "extension")):
        with filling.app.app_context(), database.unit_of_work():
            newest: Subscription | None = queries.newest_of_line(line_id)
            assert newest is not None
            actions.change(newest, seats=seats, ends_on=first + timedelta(days=days), why=why, by=None, source="job")
    return str(line_id)


def _row(party: Party) -> Organization:
    found = organizations.organization_by_id(party.id)
    assert found is not None
    return found


def _line(line_id: str) -> SubscriptionStanding:
    found = queries.standing_of(UUID(line_id))
    assert found is not None
    return found
