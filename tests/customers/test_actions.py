"""The rows say what the acts say, whatever happened; rebuilding changes nothing but what is wrong."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from flask import Flask
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.customers.acts import Acts, publish
from tests.support.builders import World
from webapp import commands, database
from webapp.customers import actions, rules
from webapp.customers.models import Overview

STEPS = ("sent", "said_sent", "opened", "declined", "withdrawn", "superseded", "expired", "corrected")
_asks = st.sampled_from(["agreement", "relationship"])
_which = st.integers(0, 3)
_act = st.one_of(
    st.tuples(st.just("invite"), st.booleans(), _asks),
    st.tuples(st.just("step"), _which, st.sampled_from(STEPS)),
    st.tuples(st.just("accept"), _which),
    st.tuples(st.just("anyone"), st.booleans(), _asks),
    st.tuples(st.just("accept_alone")),
    st.tuples(st.just("begin"), st.booleans()),
    st.tuples(st.just("end"), st.booleans()),
    st.tuples(st.just("offer"), st.booleans(), st.booleans()),
    st.tuples(st.just("delegate"), _which, st.sampled_from(["approved", "declined", "withdrawn", "ended", "switched"])),
    st.tuples(st.just("renew")),
    st.tuples(st.just("rename"), st.sampled_from(["株式会社 Contoso", "Wingtip Toys, Inc.", "zebra"])),
)
#: What becomes of a customer's consent, with fewer acceptances, which tell before all else.
_consents = st.one_of(
    st.tuples(st.just("attest"), st.booleans(), st.sampled_from([0, 1, 30])),
    st.tuples(st.just("object_to"), _which),
    st.tuples(st.just("buy"), st.booleans(), st.sampled_from(["software_subscription", "azure_plan", "trial"])),
    st.tuples(st.just("require_anew")),
    st.tuples(st.just("begin"), st.booleans()),
    st.tuples(st.just("end"), st.booleans()),
    st.sampled_from([("invite", False, "agreement"), ("step", 0, "opened"), ("step", 0, "expired"), ("renew",)]),
)
_histories = st.one_of(
    st.lists(st.one_of(_act, _consents), max_size=16),
    st.lists(_consents, min_size=1, max_size=8).map(lambda acts: [("begin", False), ("begin", True), *acts]),
)


def perform(acts: Acts, act: tuple[Any, ...]) -> None:
    if act[0] == "anyone":
        acts.accept(0, anyone=acts.invite(act[1], act[2], named=False))
    else:
        getattr(acts, act[0])(*act[1:])


@given(created=st.booleans(), history=_histories)
@example(created=False, history=[("begin", True), ("buy", True, "offer"), ("end", True), ("begin", True)])
@example(created=True, history=[("buy", False, "offer"), ("begin", False), ("buy", False, "offer"), ("end", False)])
@example(created=False, history=[("begin", True), ("attest", True, 30), ("object_to", 0), ("attest", True, 1)])
@example(created=False, history=[("begin", False), ("attest", False, 0), ("require_anew",), ("object_to", 0)])
@example(created=False, history=[("begin", False), ("buy", False, "software_subscription"), ("renew",)])
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_after_any_history_the_stored_rows_are_those_that_the_acts_say(
    app: Flask, world: World, created: bool, history: list[tuple[Any, ...]]
) -> None:
    if not published(app):
        publish(app)
    acts = Acts(app, world, created=created)
    for act in history:
        perform(acts, act)
        stored, wanted = acts.rows()
        assert stored == wanted, f"after {act}"
    worth = acts.worth()
    for state, found_by in acts.states().values():
        assert found_by == [state]
        assert (state if state in rules.AGREED_STATES else "none") == worth


def published(app: Flask) -> bool:
    with app.app_context():
        return bool(database.session().scalar(sa.text("SELECT count(*) FROM agreement_texts")))


def test_a_newer_version_accepted_shows_in_every_partners_row(app: Flask, world: World) -> None:
    publish(app)
    acts = Acts(app, world, created=True)
    acts.begin(True)
    acts.accept_alone()
    publish(app, "2026-04", date(2026, 4, 1))
    acts.accept_alone()
    stored, wanted = acts.rows()
    assert stored == wanted
    assert [row["agreement_version"] for row in stored] == ["2026-04"] * 3
    assert {row["agreement_state"] for row in stored} == {"accepted"}


def test_an_indirect_invitation_shows_to_provider_and_reseller(app: Flask, world: World) -> None:
    acts = Acts(app, world)
    acts.invite(True, "relationship")
    stored, _wanted = acts.rows()
    assert {row["partner_id"] for row in stored} == {acts.provider.id, acts.reseller.id}


def test_what_somebody_opens_or_declines_by_an_invitation_for_anyone_makes_no_row(app: Flask, world: World) -> None:
    acts = Acts(app, world)
    acts.invite(False, "relationship", named=False)
    assert acts.rows() == ([], [])


def test_rebuilding_mends_what_is_wrong_and_only_that(app: Flask, world: World) -> None:
    publish(app)
    acts = Acts(app, world, created=True)
    acts.invite(True, "relationship")
    acts.accept(0)
    with app.app_context():
        assert actions.rebuild() == (1, 0)
        with database.unit_of_work():
            database.write()
            database.session().execute(
                sa.update(Overview).where(Overview.partner_id == acts.reseller.id).values(relationship_state="ended")
            )
            database.session().execute(sa.delete(Overview).where(Overview.partner_id == acts.direct.id))
            left_over = {"partner_id": acts.customer.id, "name": "left over", "name_key": "left over", "country": "US"}
            row = acts.rows()[0][0]
            database.session().execute(sa.insert(Overview).values(**(row | left_over)))
    with app.app_context():
        assert actions.rebuild() == (1, 3)
        assert actions.rebuild() == (1, 0)
    stored, wanted = acts.rows()
    assert stored == wanted


def test_the_command_says_how_many_rows_were_wrong(app: Flask, world: World) -> None:
    Acts(app, world, created=True)
    answer = app.test_cli_runner().invoke(args=["customers", "rebuild"])
    assert answer.exit_code == 0
    assert "1 customers read, 0 rows" in answer.output


@pytest.mark.parametrize("kind", ["withdrawn", "expired"])
def test_an_ended_invitation_no_longer_counts_as_asked(app: Flask, world: World, kind: str) -> None:
    acts = Acts(app, world)
    acts.invite(False, "agreement")
    assert acts.rows()[0][0]["agreement_state"] == "invited"
    acts.step(0, kind)
    assert acts.rows()[0][0]["agreement_state"] == "none"


def test_rows_of_an_earlier_version_are_completed_after_migrating(app: Flask, world: World) -> None:
    publish(app)
    acts = Acts(app, world, created=True)
    acts.begin(False)
    acts.begin(True)
    acts.accept_alone()
    acts.buy(True, "offer")
    lacking = {"accepted_on": None, "accepted_effective_on": None, "consent_effective_on": None, "bought": False}
    with app.app_context(), database.unit_of_work():
        database.write()
        database.session().execute(sa.update(Overview).values(sold_as=None, other_partner_id=None, **lacking))
    stored, wanted = acts.rows()
    assert stored != wanted
    with app.app_context():
        commands.migrate()
    stored, wanted = acts.rows()
    assert stored == wanted
    assert {row["sold_as"] for row in stored} == {"direct", "provider", "reseller"}


def test_what_was_bought_through_a_partner_needs_its_attestation_until_somebody_agrees_or_it_ends(
    app: Flask, world: World
) -> None:
    publish(app)
    acts = Acts(app, world)

    def states() -> dict[UUID, str]:
        return {id_: state for id_, (state, _found_by) in acts.states().items()}

    acts.begin(True)
    acts.begin(False)
    acts.buy(True, "trial")
    assert set(states().values()) == {"none"}
    acts.invite(True, "agreement")
    acts.buy(True, "azure_plan")
    assert states() == {
        acts.provider.id: "needs_attestation", acts.reseller.id: "needs_attestation", acts.direct.id: "none",
    }  # fmt: skip
    acts.end(True)
    assert acts.provider.id not in states() or states()[acts.provider.id] != "needs_attestation"
    acts.begin(True)
    assert states()[acts.provider.id] == "needs_attestation"
    acts.attest(False, 0)
    assert set(states().values()) == {"attested"}
    acts.require_anew()
    assert set(states().values()) == {"must_renew"}
    acts.object_to(0)
    assert set(states().values()) == {"objected"}
    acts.accept_alone()
    assert set(states().values()) == {"accepted"}
