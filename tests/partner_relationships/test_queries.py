"""The customer's one list: both types, filtered, in pages, and what ends soon."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
import time_machine
from flask import Flask

from tests.partner_relationships.test_customer_views import relate
from tests.support.builders import Party, World
from tests.support.delegation import Delegation
from webapp import clock, database
from webapp.partner_relationships import queries
from webapp.partner_relationships.queries import Wanted
from webapp.relationships import queries as relationships
from webapp.relationships.models import EndingAnswer, EndingRequest

LONG_AGO = datetime.fromisoformat("2026-01-05T10:00:00+00:00")


def listed(app: Flask, customer: Party, wanted: Wanted, **place: Any) -> list[str]:
    """What the list holds, as "type of partner" or the name of the delegated administration."""
    actor = Delegation(app).acting(customer)
    with app.app_context():
        rows, _more = queries.relationships_of(actor, wanted, **place)
        assert queries.counted(actor, wanted).fitting == len(rows)
        return [row.name or f"{row.kind} {row.partner}" for row in rows]


@pytest.fixture
def mixed(app: Flask, world: World) -> Party:
    """A customer with something of every kind and state."""
    delegation = Delegation(app)
    customer = world.a_customer()
    north, prose = world.a_partner("Northwind Cloud"), world.a_partner("Adatum Services")
    provider = world.a_partner("Zulu Provider", programme="indirect_provider")
    reseller = world.a_partner("Litware Resellers", programme="indirect_reseller")
    world.pair(provider, reseller)
    relate(app, customer, north)
    relate(app, customer, provider, reseller)
    delegation.active(north, customer, "Support")
    delegation.end(delegation.active(north, customer, "Once"), customer)
    delegation.decline(delegation.offer(prose, customer, "Too much"), customer)
    delegation.withdraw(delegation.offer(prose, customer, "Taken back"), prose)
    delegation.offer(prose, customer, "Please")
    delegation.offer(prose, customer, "Secret", announced=False)
    return customer


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (Wanted(), ["indirect_reseller Litware Resellers", "reseller Northwind Cloud", "Support"]),
        (Wanted(status="waiting"), ["Please"]),
        (Wanted(status="ended"), ["Taken back", "Too much", "Once"]),
        (
            Wanted(status="all"),
            ["Please", "Taken back", "Too much", "indirect_reseller Litware Resellers", "reseller Northwind Cloud", "Once",
             "Support"],
        ),
        (Wanted(status="all", kind="reseller"), ["reseller Northwind Cloud"]),
        (Wanted(status="all", kind="indirect_reseller"), ["indirect_reseller Litware Resellers"]),
        (Wanted(status="all", kind="delegated_administration", search="north"), ["Once", "Support"]),
        (Wanted(status="all", search="zulu"), ["indirect_reseller Litware Resellers"]),
        (Wanted(search="adatum"), []),
        (Wanted(status="all", search="%"), []),
    ],
)  # fmt: skip
def test_the_list_holds_both_types_by_partner_and_keeps_to_its_filters(
    app: Flask, mixed: Party, wanted: Wanted, expected: list[str]
) -> None:
    assert listed(app, mixed, wanted) == expected


def test_another_customer_sees_none_of_it(app: Flask, world: World, mixed: Party) -> None:
    assert listed(app, world.a_customer(), Wanted(status="all")) == []


def test_a_place_in_the_list_divides_it_whatever_stands_there(app: Flask, mixed: Party) -> None:
    actor = Delegation(app).acting(mixed)
    every = Wanted(status="all")
    with app.app_context():
        rows, _more = queries.relationships_of(actor, every)
        for number, row in enumerate(rows):
            place = (row.shown_key, row.own_key, row.id)
            after, _more = queries.relationships_of(actor, every, after=place)
            before, _more = queries.relationships_of(actor, every, before=place)
            assert [each.id for each in (*before, row, *after)] == [each.id for each in rows], number


def test_pages_of_many_of_both_types_hold_each_once(app: Flask, world: World) -> None:
    customer, partner = world.a_customer(), world.a_partner("Northwind Cloud")
    delegation = Delegation(app)
    for number in range(queries.PAGE + 3):
        delegation.offer(partner, customer, f"Offer {number:02}")
    relate(app, customer, partner)
    actor = delegation.acting(customer)
    with app.app_context():
        every = Wanted(status="all")
        first, more = queries.relationships_of(actor, every)
        assert more
        last = first[-1]
        second, more = queries.relationships_of(actor, every, after=(last.shown_key, last.own_key, last.id))
        assert not more
        ids = [row.id for row in (*first, *second)]
    assert len(ids) == len(set(ids)) == queries.PAGE + 4
    assert (len(first), first[0].kind) == (queries.PAGE, "reseller")


def test_what_is_over_for_more_than_a_year_leaves_the_list_whether_the_worker_noted_it_or_not(
    app: Flask, world: World
) -> None:
    delegation = Delegation(app)
    customer, partner = world.a_customer(), world.a_partner()
    with time_machine.travel(LONG_AGO, tick=False):
        delegation.end(delegation.active(partner, customer, "Ended"), customer)
        delegation.active(partner, customer, "Short", duration_days=1)
        delegation.active(partner, customer, "Extending", duration_days=1, auto_extends=True)
        delegation.offer(partner, customer, "Unanswered")
    expected = {
        0: ["Ended"], 2: ["Ended", "Short"], 91: ["Ended", "Short", "Unanswered"], 364: ["Ended", "Short", "Unanswered"],
        365: ["Short", "Unanswered"], 366: ["Unanswered"], 460: [],
    }  # fmt: skip
    for days, names in expected.items():
        with time_machine.travel(LONG_AGO + timedelta(days=days), tick=False):
            assert listed(app, customer, Wanted(status="ended")) == names, days
            assert "Extending" in listed(app, customer, Wanted()), days


def ask_to_end(app: Flask, customer: Party, relationship_id: UUID, answer: str = "") -> None:
    """The customer asks to end a relationship; `answer` is the partner's, if it gave one."""
    with app.app_context(), database.unit_of_work():
        relationship = relationships.relationship_by_id(relationship_id)
        assert relationship is not None
        database.write(chain=customer.chain_id)
        ordinal = database.session().scalar(
            sa.select(sa.func.count())
            .select_from(EndingRequest)
            .where(EndingRequest.relationship_id == relationship_id)
        )
        row = EndingRequest(
            id=uuid4(), relationship_id=relationship_id, ordinal=(ordinal or 0) + 1, at=clock.now(),
            fact_id=relationship.fact_id,
        )  # fmt: skip
        database.session().add(row)
        database.session().flush()
        if answer:
            database.session().add(
                EndingAnswer(request_id=row.id, answer=answer, at=clock.now(), fact_id=relationship.fact_id)
            )


def test_a_request_to_end_marks_its_relationship_until_it_is_answered(app: Flask, world: World) -> None:
    customer, other = world.a_customer(), world.a_customer()
    partner = world.a_partner()
    asked, refused = relate(app, customer, partner), relate(app, other, partner)
    relate(app, customer, world.a_partner())
    ask_to_end(app, customer, asked, "refused")
    ask_to_end(app, customer, asked)
    ask_to_end(app, other, refused, "refused")
    for who, expected in ((customer, [asked]), (other, [])):
        actor = Delegation(app).acting(who)
        with app.app_context():
            rows, _more = queries.relationships_of(actor, Wanted(status="all"))
            assert [row.id for row in rows if row.asked_to_end] == expected


def test_partners_with_a_right_are_counted_once_whatever_the_right(app: Flask, mixed: Party) -> None:
    with app.app_context():
        assert queries.active_partners(mixed.id) == (["Litware Resellers", "Northwind Cloud"], 2)
        assert queries.active_partners(mixed.id, limit=1) == (["Litware Resellers"], 2)


def test_a_delegate_alone_is_a_partner_with_a_right(app: Flask, world: World) -> None:
    customer, partner = world.a_customer(), world.a_partner("Northwind Cloud")
    Delegation(app).active(partner, customer, "Support")
    with app.app_context():
        assert queries.active_partners(customer.id) == (["Northwind Cloud"], 1)


def test_what_ends_within_thirty_days_is_named_unless_it_extends_itself(app: Flask, world: World) -> None:
    delegation = Delegation(app)
    customer, partner = world.a_customer(), world.a_partner("Northwind Cloud")
    delegation.active(partner, customer, "Later", duration_days=31)
    delegation.active(partner, customer, "Last", duration_days=30)
    delegation.active(partner, customer, "First", duration_days=3)
    delegation.active(partner, customer, "Extends", duration_days=3, auto_extends=True)
    delegation.end(delegation.active(partner, customer, "Over", duration_days=3), customer)
    with app.app_context():
        found = queries.ending_soon(customer.id)
    assert [(each.name, each.partner) for each in found] == [("First", "Northwind Cloud"), ("Last", "Northwind Cloud")]
