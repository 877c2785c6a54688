"""Recording: in the chain that is held, in one transaction with its followers, whatever else happens at once."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from itertools import pairwise
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st

from tests.kernel.test_database import signed_in
from tests.support.builders import Party, World
from webapp import actor as actors
from webapp import database
from webapp.accounts.models import Session
from webapp.actor import Actor
from webapp.evidence import actions as evidence
from webapp.evidence import rules
from webapp.evidence.models import GENESIS, SITE_CHAIN, Chain, Document, Fact, PersonalFact
from webapp.organizations import queries as organizations


def findings(chain_id: UUID) -> list[rules.Finding]:
    """What is wrong in a chain as it stands in the database."""
    session = database.session()
    chain = session.get_one(Chain, chain_id, populate_existing=True)
    facts = session.scalars(sa.select(Fact).where(Fact.chain_id == chain_id).order_by(Fact.position)).all()
    links = [
        rules.Link(
            str(fact.id), fact.position, fact.record, fact.previous_hash, fact.hash,
            columns={
                "kind": fact.kind, "chain_id": str(fact.chain_id), "at": fact.at.isoformat(timespec="microseconds"),
                "customer_id": str(fact.customer_id) if fact.customer_id else None,
                "partner_id": str(fact.partner_id) if fact.partner_id else None,
                "person_id": str(fact.person_id) if fact.person_id else None,
            },
        )
        for fact in facts
    ]  # fmt: skip
    return rules.findings_in(links, chain.length, chain.head)


def an_actor(app: Flask, party: Party, role: str) -> Actor:
    signed_in(app, party[role].address)
    with app.app_context():
        row = database.session().scalars(sa.select(Session).where(Session.person_id == party[role].id)).first()
        assert row is not None
        found = actors.load(row.id)
    assert found is not None
    return found


@pytest.fixture
def followed(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Mapping[str, Any]]]:
    """What a follower of this test was told."""
    told: list[tuple[str, Mapping[str, Any]]] = []
    monkeypatch.setattr(evidence, "_followers", [])
    evidence.follow(lambda fact, record: told.append((fact.kind, record)))
    return told


def test_nothing_is_recorded_without_a_held_chain(app: Flask) -> None:
    with app.app_context():
        with pytest.raises(RuntimeError, match="without a locked chain"):
            evidence.record("x.happened")
        with pytest.raises(RuntimeError, match="without a locked chain"), database.unit_of_work():
            database.write()
            evidence.record("x.happened")
        with pytest.raises(RuntimeError, match="gone"), database.unit_of_work():
            database.write(chain=uuid4())
            evidence.record("x.happened")


def test_a_chain_begins_at_genesis_and_every_fact_follows_the_one_before(app: Flask, world: World) -> None:
    party = world.a_customer()
    with app.app_context():
        for number in range(3):
            with database.unit_of_work():
                database.write(chain=party.chain_id)
                evidence.record("x.happened", facts={"number": number})
                evidence.record("y.happened", facts={"number": number})
        facts = database.session().scalars(
            sa.select(Fact).where(Fact.chain_id == party.chain_id).order_by(Fact.position)
        ).all()  # fmt: skip
        chain = database.session().get_one(Chain, party.chain_id)
        assert facts[0].previous_hash == GENESIS
        assert facts[0].kind == "customer.created"
        assert [fact.position for fact in facts] == list(range(1, len(facts) + 1))
        for one, next_one in pairwise(facts):
            assert next_one.previous_hash == one.hash
        assert (chain.length, chain.head) == (len(facts), facts[-1].hash)
        assert findings(party.chain_id) == []


def test_eight_who_record_at_once_on_one_chain_leave_no_gap_and_no_fork(app: Flask, world: World) -> None:
    party = world.a_customer()
    barrier = threading.Barrier(8)
    faults: list[BaseException] = []

    def work(worker: int) -> None:
        try:
            barrier.wait(30)
            for number in range(5):
                with app.app_context(), database.unit_of_work():
                    subject = organizations.organization_by_id(party.id)
                    assert subject is not None
                    database.locked(subject)
                    evidence.record("x.happened", facts={"worker": worker, "number": number})
        except BaseException as fault:
            faults.append(fault)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert faults == []
    with app.app_context():
        mine = (
            database.session().scalars(sa.select(Fact).where(Fact.kind == "x.happened").order_by(Fact.position)).all()
        )
        assert len(mine) == 40
        for worker in range(8):
            told = [json.loads(fact.record)["facts"] for fact in mine]
            assert [each["number"] for each in told if each["worker"] == worker] == list(range(5))
        assert findings(party.chain_id) == []


def test_an_act_that_is_undone_leaves_no_fact_no_personal_value_and_no_length(app: Flask, world: World) -> None:
    party = world.a_customer()
    with app.app_context():
        before = database.session().scalar(sa.select(sa.func.count()).select_from(PersonalFact))
        length = database.session().get_one(Chain, party.chain_id).length
        with pytest.raises(ZeroDivisionError), database.unit_of_work():
            database.write(chain=party.chain_id)
            evidence.record("x.happened", personal={"name": "Somebody"}, personal_of=uuid4())
            raise ZeroDivisionError
        assert database.session().scalar(sa.select(sa.func.count()).select_from(PersonalFact)) == before
        assert database.session().get_one(Chain, party.chain_id, populate_existing=True).length == length
        assert findings(party.chain_id) == []


# --- followers -----------------------------------------------------------------------------------------------


def test_a_follower_is_told_once_with_the_record_and_reads_what_the_act_wrote(
    app: Flask, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    party = world.a_customer()
    monkeypatch.setattr(evidence, "_followers", [])
    told: list[Any] = []

    def follower(fact: Fact, record: Mapping[str, Any]) -> None:
        row = organizations.organization_by_id(party.id)
        assert row is not None
        told.append((fact.position, record["facts"], row.city))
        row.city = "seen by the follower"

    evidence.follow(follower)
    evidence.follow(follower)
    with app.app_context():
        subject = organizations.organization_by_id(party.id)
        assert subject is not None
        with database.unit_of_work():
            database.locked(subject).city = "written by the act"
            evidence.record("x.happened", facts={"a": 1})
        assert [(facts, city) for _position, facts, city in told] == [({"a": 1}, "written by the act")]
        row = organizations.organization_by_id(party.id)
        assert row is not None
        assert row.city == "seen by the follower"


def test_a_followers_failure_undoes_the_act(app: Flask, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    party = world.a_customer()
    monkeypatch.setattr(evidence, "_followers", [])

    def follower(_fact: Fact, _record: Mapping[str, Any]) -> None:
        raise ZeroDivisionError

    evidence.follow(follower)
    with app.app_context():
        with pytest.raises(ZeroDivisionError), database.unit_of_work():
            database.write(chain=party.chain_id)
            evidence.record("x.happened")
        assert database.session().scalar(sa.select(Fact.id).where(Fact.kind == "x.happened")) is None
        assert findings(party.chain_id) == []


# --- personal values -----------------------------------------------------------------------------------------


def test_personal_values_stand_apart_salted_and_the_record_shows_digests_only(app: Flask, world: World) -> None:
    party = world.a_customer()
    with app.app_context():
        for _ in range(2):
            with database.unit_of_work():
                database.write(chain=party.chain_id)
                evidence.record(
                    "x.happened", personal={"address": "hidden@person.example", "empty": ""}, personal_of=uuid4()
                )
        facts = database.session().scalars(sa.select(Fact).where(Fact.kind == "x.happened")).all()
        named = [json.loads(fact.record)["personal"] for fact in facts]
        assert all("hidden@person.example" not in fact.record for fact in facts)
        assert [set(each) for each in named] == [{"address"}, {"address"}]
        assert named[0]["address"]["sha256"] != named[1]["address"]["sha256"]  # the same value, another salt
        for each in named:
            row = database.session().get_one(PersonalFact, UUID(each["address"]["id"]))
            assert rules.personal_digest(row.salt, row.value) == each["address"]["sha256"]
            assert len(bytes.fromhex(row.salt)) >= 16


def test_the_actors_name_is_his_and_goes_with_him_and_not_with_the_other_person(app: Flask, world: World) -> None:
    party = world.a_customer()
    doer, other = an_actor(app, party, "global_administrator"), party["billing_administrator"].id
    with app.app_context():
        with database.unit_of_work():
            database.write(chain=party.chain_id)
            evidence.record("x.happened", by=doer, personal={"address": "other@person.example"}, personal_of=other)
        rows = database.session().scalars(sa.select(PersonalFact)).all()
        assert {(row.person_id, row.value) for row in rows if row.value in {doer.name, "other@person.example"}} >= {
            (doer.person_id, doer.name), (other, "other@person.example"),
        }  # fmt: skip
        assert (other, doer.name) not in {(row.person_id, row.value) for row in rows}


def test_after_erasing_a_person_the_chain_still_verifies(app: Flask, world: World) -> None:
    party = world.a_customer()
    person = uuid4()
    with app.app_context():
        kept = set()
        for number in range(3):
            with database.unit_of_work():
                database.write(chain=party.chain_id)
                fact = evidence.record("x.happened", personal={"address": f"{number}@p.example"}, personal_of=person)
                if number == 1:
                    kept = {UUID(json.loads(fact.record)["personal"]["address"]["id"])}
        with database.unit_of_work():
            database.write()
            assert evidence.forget_personal(person, keep=kept) == 2
        rows = database.session().scalars(sa.select(PersonalFact.value).where(PersonalFact.person_id == person)).all()
        assert rows == ["1@p.example"]
        assert findings(party.chain_id) == []


# --- documents, chains ---------------------------------------------------------------------------------------


def test_a_document_is_kept_once_by_its_digest(app: Flask) -> None:
    content = "契約".encode() + bytes(range(256))
    with app.app_context():
        for _ in range(2):
            with database.unit_of_work():
                database.write()
                digest = evidence.keep_document(content, "text/html")
        assert database.session().scalars(sa.select(Document.content)).all() == [content]
        assert digest == rules.document_digest(content)


def test_the_site_has_one_chain_and_making_it_again_changes_nothing(app: Flask) -> None:
    with app.app_context():
        with database.unit_of_work():
            database.write(chain=SITE_CHAIN)
            evidence.record("x.happened")
        with database.unit_of_work():
            evidence.ensure_site_chain()
        assert database.session().get_one(Chain, SITE_CHAIN).length == 1
        assert findings(SITE_CHAIN) == []


def test_a_clock_set_back_breaks_no_chain(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    from datetime import timedelta

    from webapp import clock

    original = clock.now
    with app.app_context():
        for days in (0, -400, 3):
            monkeypatch.setattr(clock, "now", lambda days=days: original() + timedelta(days=days))
            with database.unit_of_work():
                database.write(chain=SITE_CHAIN)
                evidence.record("x.happened")
        assert findings(SITE_CHAIN) == []


# --- the spelling of a record --------------------------------------------------------------------------------

letters = st.text(st.characters(codec="utf-8"))
plain = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | letters
values = st.recursive(plain, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(letters, inner, max_size=3))


@given(st.dictionaries(letters, values, max_size=5), st.randoms())
def test_a_record_has_one_spelling_whatever_the_order_of_its_parts(record: dict[str, Any], random: Any) -> None:
    parts = list(record.items())
    random.shuffle(parts)
    text = rules.canonical(record)
    assert rules.canonical(dict(parts)) == text
    assert json.loads(text) == record
    assert rules.canonical(json.loads(text)) == text
    assert text.encode().decode() == text


def test_the_spelling_and_the_hash_of_a_record_never_change() -> None:
    record = {"b": [1, None, True], "a": '契約 "x" <&> \u2028 👩‍💻', "ä": {"z": 1, "y": -0}}
    text = rules.canonical(record)
    assert text == '{"a":"契約 \\"x\\" <&> \u2028 👩‍💻","b":[1,null,true],"ä":{"y":0,"z":1}}'
    assert rules.hash_of(GENESIS, text) == "34838e23e28c286b560a60f31ac46d87487de5cb4878db29837b5ba83b961370"
    assert (
        rules.personal_digest("00" * 16, "山田 太郎")
        == "22f206671b5996d8956d913ba33b4024421e16570db99511ae34bfab71adb366"
    )


@pytest.mark.parametrize("value", [float("nan"), float("inf"), object(), b"bytes", {1, 2}])
def test_what_has_no_spelling_is_refused(value: object) -> None:
    with pytest.raises((ValueError, TypeError)):
        rules.canonical({"a": value})
