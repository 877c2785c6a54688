"""What the list shows and finds; which customers a partner sees."""

from __future__ import annotations

from datetime import timedelta
from itertools import product
from typing import Any

from flask import Flask

from tests.support.builders import Party, World
from webapp import actor as actors
from webapp import clock, database
from webapp.accounts import actions as accounts
from webapp.actor import Actor
from webapp.invitations import actions, queries
from webapp.invitations.models import Invitation
from webapp.messages import actions as messages
from webapp.organizations import queries as organizations
from webapp.organizations.models import Organization
from webapp.relationships import actions as relationships

ACTS: tuple[tuple[str, ...], ...] = (
    (), ("said_sent",), ("sent",), ("sent", "said_sent"), ("said_sent", "sent"), ("sent", "opened"),
    ("opened", "declined"), ("declined", "opened"), ("declined", "accepted"), ("accepted",), ("withdrawn",),
    ("opened", "superseded"), ("superseded", "expired"),
)  # fmt: skip
#: What is asked, and whether it names its customer.
KINDS = (("agreement", True), ("agreement", False), ("administration", True))
MAILS = ("", "waiting", "delivered", "undeliverable")


def actor_of(party: Party, role: str = "sales_agent") -> Actor:
    with database.unit_of_work():
        session_id = accounts.start_session(party[role].id, proof="password", network_address="", browser="Test").id
    found = actors.load(session_id)
    assert found is not None
    return found


def organization(party: Party) -> Organization:
    found = organizations.organization_by_id(party.id)
    assert found is not None
    return found


def an_invitation(partner: Party, customer: Party | None, **more: Any) -> Invitation:
    with database.unit_of_work():
        database.write()
        day = more.pop("last_day", clock.today("UTC") + timedelta(days=9))
        made = actions.insert(
            organization(partner), asks="agreement", language="en", last_day=day,
            customer=organization(customer) if customer is not None else None, **more,
        ).id  # fmt: skip
    found = queries.by_id(made)
    assert found is not None
    return found


def test_the_filter_finds_exactly_what_the_rule_says(app: Flask, world: World) -> None:
    partner, customer = world.a_partner(), world.a_customer()
    with app.app_context():
        actor = actor_of(partner)
        today = clock.today("UTC")
        with database.unit_of_work():
            database.write()
            for acts, mail, (asks, named), days in product(ACTS, MAILS, KINDS, (9, -2)):
                row = actions.insert(
                    organization(partner), asks=asks, language="en", last_day=today + timedelta(days=days),
                    customer=organization(customer) if named else None,
                )  # fmt: skip
                if mail:
                    sent = messages.put(
                        kind="invitation", to="a@x.example", language="en", subject="S", text="T", about_id=row.id
                    )
                    sent.handed_over_at = clock.now() if mail == "delivered" else None
                    sent.given_up_at = clock.now() if mail == "undeliverable" else None
                for kind in acts:
                    actions.note(row, kind, customer_id=customer.id)
        expected: dict[str, set[Any]] = {state: set() for state in queries.STATES}
        for row in database.session().query(Invitation).filter(~Invitation.standing):
            state = queries.state(row)
            expected[{"sending": "sent", "delivered": "sent", "said_sent": "sent"}.get(state, state)].add(row.id)
        for state in queries.STATES:
            found: set[Any] = set()
            place = None
            while True:
                rows, more = queries.list_for(actor, state=state, older_than=place)
                found |= {each.id for each in rows}
                assert {each.state for each in rows} <= (
                    {"sending", "delivered", "said_sent"} if state == "sent" else {state}
                )
                if not more:
                    break
                place = (rows[-1].created_at, rows[-1].id)
            assert found == expected[state], state
            assert queries.how_many(actor, state=state) == len(found)
        assert all(expected.values())


def test_a_partner_sees_whom_it_made_asked_or_sells_to(app: Flask, world: World) -> None:
    partner, other = world.a_partner(), world.a_partner()
    with app.app_context():
        own = organization(partner)
    made = world.a_customer("Made", created_by=own)
    asked, withdrawn, expired, accepted, related, foreign = (
        world.a_customer(name) for name in ("Asked", "Withdrawn", "Expired", "Accepted", "Related", "Foreign")
    )
    with app.app_context():
        an_invitation(partner, asked)
        gone = an_invitation(partner, withdrawn)
        an_invitation(partner, expired, last_day=clock.today("UTC") - timedelta(days=2))
        done = an_invitation(partner, None)
        an_invitation(other, foreign)
        with database.unit_of_work():
            database.write()
            actions.note(gone, "withdrawn")
            actions.note(done, "accepted", customer_id=accepted.id)
        with database.unit_of_work():
            relationships.begin(
                organization(related), partner_id=partner.id, reseller_id=None, origin="acceptance", by=None
            )
        actor = actor_of(partner)
        assert [row.name for row in queries.customers_for(actor)] == ["Accepted", "Asked", "Made", "Related"]
        assert [row.name for row in queries.customers_for(actor, "ma")] == ["Made"]
        assert queries.customer_for(actor, made.id) is not None
        for party in (withdrawn, expired, foreign):
            assert queries.customer_for(actor, party.id) is None


def test_a_search_takes_signs_of_patterns_as_they_are(app: Flask, world: World) -> None:
    partner, customer = world.a_partner(), world.a_customer("100% Natural_Foods")
    with app.app_context():
        an_invitation(partner, customer)
        actor = actor_of(partner)
        for search, count in (("100%", 1), ("l_f", 1), ("%", 1), ("1%0", 0), ("NATURAL", 1), ("\\", 0), ("natural", 1)):
            assert len(queries.list_for(actor, search=search)[0]) == count, search
