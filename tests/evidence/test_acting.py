"""What a delegated administrator does: whom the fact names, and who reads it."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

import pytest
from flask import Flask

from tests.directory.scene import Office
from tests.support.builders import Party, World
from webapp import actor as actors
from webapp import database
from webapp.accounts import actions as accounts
from webapp.actor import Actor
from webapp.evidence import actions, queries, rules
from webapp.evidence.models import Fact


@pytest.fixture
def office(app: Flask, world: World) -> Iterator[Office]:
    """A customer, with a partner whose admin agent acts for it."""
    found = Office(app, world)
    with app.test_request_context("/", method="POST"):
        yield found


def reader(party: Party, role: str) -> Actor:
    with database.unit_of_work():
        session_id = accounts.start_session(party[role].id, proof="password", network_address="", browser="Test").id
    found = actors.load(session_id)
    assert found is not None
    return found


def recorded(office: Office, by: Actor, partner_id: UUID | None, other_id: UUID | None) -> Fact:
    with database.unit_of_work():
        database.write(chain=office.customer.chain_id)
        fact_id = actions.record(
            "test.acted", by=by, customer_id=office.customer.id, partner_id=partner_id, other_partner_id=other_id
        ).id
    return database.session().get_one(Fact, fact_id)


def test_a_third_partner_is_named_besides_the_two_that_the_act_concerns_and_all_read_it_once(office: Office) -> None:
    provider = office.world.a_partner("Provider", programme="indirect_provider")
    reseller = office.world.a_partner("Reseller", programme="indirect_reseller")
    fact = recorded(office, office.delegate(), provider.id, reseller.id)
    assert (fact.partner_id, fact.other_partner_id, fact.acting_partner_id) == (
        provider.id, reseller.id, office.partner.id
    )  # fmt: skip
    record, fact_id = queries.record_of(fact), fact.id
    assert record["acting_partner_id"] == record["organization_id"] == str(office.partner.id)
    assert record["acting"] == {"for": str(office.customer.id)}
    wanted = queries.Filter(kinds=("test.",))
    for party, role in (
        (provider, "admin_agent"), (reseller, "admin_agent"), (office.partner, "admin_agent"),
        (office.customer, "global_administrator"),
    ):  # fmt: skip
        own = reader(party, role)
        assert [row.id for row in queries.history(own, wanted, size=9)] == [fact_id]
        assert queries.how_many(own, wanted, 9) == 1
    stranger = reader(office.world.a_partner("Stranger"), "admin_agent")
    assert queries.history(stranger, wanted, size=9) == []
    assert [each for each in queries.verify_chain(office.customer.chain_id) if isinstance(each, rules.Finding)] == []


def test_a_partner_that_the_act_concerns_anyhow_is_not_named_twice(office: Office) -> None:
    fact = recorded(office, office.delegate(), office.partner.id, None)
    assert (fact.partner_id, fact.other_partner_id, fact.acting_partner_id) == (office.partner.id, None, None)
    assert queries.how_many(reader(office.partner, "admin_agent"), queries.Filter(kinds=("test.",)), 9) == 1


def test_a_record_from_before_the_column_still_verifies() -> None:
    text = rules.canonical({"position": 1, "kind": "test.acted", "partner_id": None})
    columns = {"kind": "test.acted", "partner_id": None, "acting_partner_id": None}
    link = rules.Link("x", 1, text, rules.GENESIS, rules.hash_of(rules.GENESIS, text), columns)
    assert rules.findings_in([link], 1, link.hash) == []
