"""The list costs what its page costs: index-backed, the same queries for 2 rows and for 40."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import fields
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from flask import Flask
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.support.builders import Party, World
from webapp import clock, database
from webapp.actor import Actor
from webapp.customers import queries, rules
from webapp.customers.models import Overview
from webapp.customers.queries import Wanted
from webapp.customers.rules import Agreed
from webapp.database import db
from webapp.organizations.rules import name_key
from webapp.policies import actions as policies

BEGAN = datetime(2026, 1, 1, tzinfo=UTC)


def as_actor(partner: Party) -> Actor:
    return Actor(
        person_id=uuid4(), session_id=uuid4(), organization_id=partner.id, organization_kind="partner",
        organization_name=partner.name, chain_id=partner.chain_id, given_name="", family_name="", address="",
        language="en", zone="UTC", country="US", confirmed=True, roles=frozenset(), permissions=frozenset(),
    )  # fmt: skip


OTHER = UUID(int=7)
_ATTESTED = {
    "agreement_state": "attested", "agreement_at": None, "agreement_version": None, "accepted_on": None,
    "accepted_effective_on": None, "attested_at": BEGAN, "attested_by": OTHER, "attested_version": "2026-03",
    "attested_on": date(2026, 3, 1), "attested_effective_on": date(2026, 3, 1), "consent_effective_on": date(2026, 3, 1),
}  # fmt: skip
FEW: dict[int, dict[str, Any]] = {
    100: _ATTESTED,
    101: _ATTESTED | {"attested_on": date(2022, 1, 1), "attested_effective_on": date(2021, 1, 1)}
    | {"consent_effective_on": date(2021, 1, 1)},
    102: _ATTESTED | {"agreement_state": "objected", "objected_at": BEGAN, "objected_partner_id": OTHER},
    103: dict.fromkeys(_ATTESTED) | {"agreement_state": "needed", "bought": True},
    104: dict.fromkeys(_ATTESTED) | {"agreement_state": "opened", "invitation_step": "opened", "invitation_id": OTHER},
}  # fmt: skip


def fill(app: Flask, partner_id: UUID, count: int, **values: Any) -> None:
    """Insert so many rows as a follower would: every third accepted, every fifth related, some invited; few must renew,
    are attested, objected or need an attestation."""
    rows = []
    for number in range(count):
        name = f"Firm {number * 7919 % count:06} Inc."
        invited = number % 4 == 1
        rows.append(
            {
                "partner_id": partner_id, "customer_id": uuid4(), "name": name, "name_key": name_key(name),
                "domain": f"c{number}.example", "country": "US", "since": BEGAN + timedelta(minutes=number),
                "created": True,
                "agreement_state": "accepted" if number % 3 == 0 else "invited" if invited else "none",
                "agreement_at": BEGAN if number % 3 == 0 else None,
                "agreement_version": "2026-03" if number % 3 == 0 else None,
                "accepted_on": date(2026, 3, 1) if number % 3 == 0 else None,
                "accepted_effective_on": date(2026, 3, 1) if number % 3 == 0 else None,
                "consent_effective_on": date(2026, 3, 1) if number % 3 == 0 else None,
                "relationship_state": "current" if number % 5 == 0 else "ended" if number % 501 == 7 else "none",
                "relationship_at": BEGAN if number % 5 == 0 or number % 501 == 7 else None,
                "relationship_ended_at": BEGAN if number % 501 == 7 else None,
                "invitation_id": uuid4() if invited else None, "invitation_step": "sent" if invited else None,
                "invitation_at": BEGAN if invited else None, "invitation_closes_at": None,
                "sold_as": "direct", "other_partner_id": OTHER if number % 503 == 11 else None,
            }
            | (FEW.get(number % 499, {}) if count > 1000 else {})
            | values
        )  # fmt: skip
    with app.app_context(), database.unit_of_work():
        database.write()
        database.session().execute(sa.insert(Overview), rows)


@contextmanager
def statements(app: Flask) -> Iterator[list[tuple[str, Any]]]:
    """Every statement the reader is given meanwhile."""
    seen: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, _many: bool) -> None:
        seen.append((statement, parameters))

    engine = db.engines["reader"]
    sa.event.listen(engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        sa.event.remove(engine, "before_cursor_execute", note)


FILTERS = [
    (Wanted(), "ix_customer_overviews_name"),
    (Wanted(sort="name_down"), "ix_customer_overviews_name"),
    (Wanted(sort="newest"), "ix_customer_overviews_newest"),
    (Wanted(sort="oldest"), "ix_customer_overviews_newest"),
    (Wanted(search="firm 0012"), "ix_customer_overviews_name"),
    (Wanted(search="c77.example"), "ix_customer_overviews_domain"),
    (Wanted(relationship="ended"), "ix_customer_overviews_relationship"),
    (Wanted(relationship="ended", sort="newest"), "ix_customer_overviews_relationship_newest"),
    (Wanted(agreement="accepted"), "ix_customer_overviews_"),
    (Wanted(agreement="invited", sort="newest"), "ix_customer_overviews_"),
    *((Wanted(agreement=state), "ix_customer_overviews_") for state in rules.AGREEMENT_STATES),
    (Wanted(agreement="needs_attestation"), "ix_customer_overviews_agreement"),
    (Wanted(agreement="opened", sort="newest"), "ix_customer_overviews_agreement_newest"),
    (Wanted(programme="direct"), "ix_customer_overviews_name"),
    (Wanted(other_id=OTHER), "ix_customer_overviews_other"),
]


def test_every_filter_and_order_reads_an_index_among_twenty_thousand_rows(app: Flask, world: World) -> None:
    partner = world.a_partner(roles=())
    fill(app, partner.id, 20_000)
    with app.app_context():
        with db.engines["default"].connect() as connection:
            connection.exec_driver_sql("ANALYZE")
            connection.commit()
        actor = as_actor(partner)
        for wanted, index in FILTERS:
            first = queries.customers_for(actor, wanted)
            assert first.rows, wanted
            middle = first.rows[len(first.rows) // 2]
            value = middle.name_key if wanted.sort.startswith("name") else middle.since.isoformat()
            for place in ({}, {"after": (value, middle.customer_id)}, {"before": (value, middle.customer_id)}):
                with statements(app) as seen:
                    queries.customers_for(actor, wanted, **place)
                plan = explained(next(each for each in seen if "customer_overviews" in each[0]))
                assert index in plan, f"{wanted} {place}: {plan}"
                assert "Seq Scan" not in plan
                assert "SCAN customer_overviews" not in plan


def test_counting_what_few_fit_reads_few_rows(app: Flask, world: World) -> None:
    partner = world.a_partner(roles=())
    fill(app, partner.id, 20_000)
    with app.app_context():
        with db.engines["default"].connect() as connection:
            connection.exec_driver_sql("ANALYZE")
            connection.commit()
        for state, index in (("must_renew", "renewal"), ("needs_attestation", "agreement"), ("objected", "agreement")):
            with statements(app) as seen:
                assert queries.count_for(partner.id, Wanted(agreement=state)) == 40
            plan = explained(next(each for each in seen if "customer_overviews" in each[0]))
            assert f"ix_customer_overviews_{index}" in plan, plan


def explained(statement: tuple[str, Any]) -> str:
    """How the engine answers a statement."""
    text, parameters = statement
    with db.engines["reader"].connect() as connection:
        sqlite = connection.dialect.name == "sqlite"
        prefix = "EXPLAIN QUERY PLAN " if sqlite else "EXPLAIN "
        rows = connection.exec_driver_sql(prefix + text, parameters)
        return "\n".join(str(row[-1]) for row in rows)


def test_what_the_invitation_tells_where_nobody_can_attest_reads_an_index(app: Flask, world: World) -> None:
    partner = world.a_partner(roles=())
    fill(app, partner.id, 20_000)
    with app.app_context():
        with database.unit_of_work():
            policies.set_policy("attestation.programmes", ["indirect_provider"], why="a test")
        with db.engines["default"].connect() as connection:
            connection.exec_driver_sql("ANALYZE")
            connection.commit()
        assert queries.customers_for(as_actor(partner), Wanted(agreement="needs_attestation")).rows == []
        for state in ("none", "invited", "opened"):
            with statements(app) as seen:
                assert queries.customers_for(as_actor(partner), Wanted(agreement=state)).rows
            plan = explained(next(each for each in seen if "customer_overviews" in each[0]))
            assert "ix_customer_overviews_" in plan, plan
            assert "Seq Scan" not in plan


def test_the_list_asks_as_often_for_forty_rows_as_for_two(app: Flask, world: World) -> None:
    counts = set()
    for rows in (2, 40):
        partner = world.a_partner(roles=())
        fill(app, partner.id, rows)
        with app.app_context(), statements(app) as seen:
            assert len(queries.customers_for(as_actor(partner), Wanted()).rows) == rows
        counts.add(len(seen))
    assert len(counts) == 1


def test_the_whole_page_asks_as_often_for_forty_rows_as_for_two(
    app: Flask, world: World, browser: Callable[..., Any]
) -> None:
    counts = set()
    for rows in (2, 40):
        partner = world.a_partner(roles=("admin_agent",))
        fill(app, partner.id, rows)
        visitor = browser()
        visitor.sign_in(partner["admin_agent"].address)
        with app.app_context(), statements(app) as seen:
            visitor.open("/partner/customers")
        counts.add(len(seen))
    assert len(counts) == 1, counts


@pytest.mark.parametrize("sort", rules.SORTS)
def test_pages_forth_and_back_hold_every_customer_once(app: Flask, world: World, sort: str) -> None:
    partner = world.a_partner(roles=())
    fill(app, partner.id, 100)
    fill(app, partner.id, 30, name="Same", name_key="same", since=BEGAN)  # equal names and times
    actor = as_actor(partner)

    def place(row: Any) -> tuple[str, UUID]:
        return (row.name_key if sort.startswith("name") else row.since.isoformat()), row.customer_id

    with app.app_context():
        forth, page = [], queries.customers_for(actor, Wanted(sort=sort))
        assert not page.more_before
        while True:
            forth.append([row.customer_id for row in page.rows])
            if not page.more_after:
                break
            page = queries.customers_for(actor, Wanted(sort=sort), after=place(page.rows[-1]))
        back = [forth[-1]]
        while True:
            page = queries.customers_for(actor, Wanted(sort=sort), before=place(page.rows[0]))
            back.insert(0, [row.customer_id for row in page.rows])
            assert page.more_after
            if not page.more_before:
                break
    assert forth == back
    assert [len(each) for each in forth] == [40, 40, 40, 10]
    assert len({each for page in forth for each in page}) == 130


def test_a_search_finds_the_beginning_of_a_name_or_a_whole_domain(app: Flask, world: World) -> None:
    partner = world.a_partner(roles=())
    for name, domain in (
        ("株式会社 Contoso", "contoso.example"),
        ("contoso.example fans", "fans.example"),
        ("日本 %_商事", ""),
    ):
        fill(app, partner.id, 1, name=name, name_key=name_key(name), domain=domain)

    def found(text: str) -> list[str]:
        with app.app_context():
            return [row.name for row in queries.customers_for(as_actor(partner), Wanted(search=text)).rows]

    assert found("conTOSO株式会社") == ["株式会社 Contoso", "contoso.example fans"]
    assert found("contoso.example") == ["株式会社 Contoso"]
    assert found("ann@contoso.example") == ["株式会社 Contoso"]
    assert found("fans.example") == ["contoso.example fans"]
    assert found("contoso.examp") == ["contoso.example fans"]
    assert found("example") == []
    assert found("日本 %") == ["日本 %_商事"]
    assert found("日本 _") == []
    assert found("日本") == ["日本 %_商事"]


def test_another_partners_customers_never_show(app: Flask, world: World) -> None:
    one, other = world.a_partner(roles=()), world.a_partner(roles=())
    fill(app, one.id, 3)
    with app.app_context():
        row = queries.customers_for(as_actor(one), Wanted()).rows[0]
        assert queries.customers_for(as_actor(other), Wanted()).rows == []
        assert queries.customer_for(as_actor(other), row.customer_id) is None
        assert queries.customer_for(as_actor(one), row.customer_id) is not None


_NOTHING: dict[str, Any] = dict.fromkeys((each.name for each in fields(Agreed)), None)
_ACCEPTED = {
    "agreement_state": "accepted", "agreement_at": BEGAN, "agreement_version": "2026-03", "accepted_on": date(2026, 3, 1),
    "accepted_effective_on": date(2026, 3, 1), "consent_effective_on": date(2026, 3, 1),
}  # fmt: skip
_LONG_AGO = {key: date(2022, 10, 1) for key in ("accepted_on", "accepted_effective_on")}
#: What a customer may have agreed to: nothing, and each state with what else there may be.
KEPT: list[dict[str, Any]] = [
    _NOTHING,
    *(_NOTHING | FEW[number] for number in (100, 101, 102, 103)),
    _NOTHING | _ACCEPTED,
    _NOTHING | _ACCEPTED | _LONG_AGO | {"consent_effective_on": date(2022, 10, 1)},
    _NOTHING | _ATTESTED | _ACCEPTED | _LONG_AGO,
    _NOTHING | _ATTESTED | _ACCEPTED | _LONG_AGO | {"objected_at": BEGAN, "objected_partner_id": OTHER},
    _NOTHING | _ACCEPTED | _LONG_AGO | {"consent_effective_on": date(2022, 10, 1), "objected_at": BEGAN},
]
_step = st.sampled_from([None, *rules.RANKS])


@given(
    created=st.booleans(),
    related=st.sampled_from(rules.RELATIONSHIP_STATES),
    step=_step,
    closes=st.sampled_from([None, -1, 1]),
    delegated=st.sampled_from(rules.DELEGATED_STATES),
    until=st.sampled_from([None, -400, -1, 1]),
    kept=st.sampled_from(KEPT),
    attesting=st.booleans(),
)
@example(
    created=True,
    related="current",
    step="opened",
    closes=None,
    delegated="none",
    until=None,
    kept=_NOTHING | FEW[103],
    attesting=False,
)
@example(
    created=True,
    related="current",
    step="sent",
    closes=-1,
    delegated="none",
    until=None,
    kept=_NOTHING | FEW[103],
    attesting=False,
)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_list_and_one_customer_agree_on_who_is_seen(
    app: Flask, world: World, created: bool, related: str, step: str | None, closes: int | None, delegated: str,
    until: int | None, kept: dict[str, Any], attesting: bool,
) -> None:  # fmt: skip
    partner = world.a_partner(roles=())
    with app.app_context(), database.unit_of_work():
        policies.set_policy("attestation.last_day", "9999-12-31" if attesting else "2026-01-05", why="a test")
    fill(
        app, partner.id, 1, created=created, relationship_state=related,
        **{"agreement_state": rules.stored_agreement(Agreed(), False, step)} | kept,
        invitation_id=uuid4() if step else None, invitation_step=step,
        invitation_closes_at=clock.now() + timedelta(days=closes) if closes and step else None,
        delegated_state=delegated, delegated_ends_at=clock.now() + timedelta(days=until) if until else None,
    )  # fmt: skip
    with app.app_context():
        actor = as_actor(partner)
        row = database.session().scalars(sa.select(Overview).where(Overview.partner_id == partner.id)).one()
        listed = bool(queries.customers_for(actor, Wanted()).rows)
        assert listed is rules.may_see(queries.sight_of(row))
        assert listed is (queries.customer_for(actor, row.customer_id) is not None)
        present = rules.listed_delegated(row.delegated_state, row.delegated_ends_at, clock.now())
        for state in rules.DELEGATED_STATES:
            fits = bool(queries.customers_for(actor, Wanted(delegated=state)).rows)
            assert fits is (listed and state == present)
        state = queries.customers_for(actor, Wanted()).beside.agreement(row, clock.now()) if listed else ""
        assert bool(state) is (listed and rules.may_see_profile(queries.sight_of(row)))
        for each in rules.AGREEMENT_STATES:
            assert bool(queries.customers_for(actor, Wanted(agreement=each)).rows) is (each == state), each
        without = bool(queries.customers_for(actor, Wanted(delegated="without")).rows)
        assert without is (listed and present in {"none", "ended"})


def test_counting_stops_after_a_thousand(app: Flask, world: World) -> None:
    partner = world.a_partner(roles=())
    fill(app, partner.id, 1000)
    with app.app_context():
        assert queries.customers_for(as_actor(partner), Wanted()).count == 1000
    fill(app, partner.id, 10)
    with app.app_context():
        assert queries.customers_for(as_actor(partner), Wanted()).count == 1001
