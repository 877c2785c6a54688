"""Every kind of tampering alone, on the first, a middle and the last record: refused by the database; when forced,
found and named; with all later hashes recomputed, found by an earlier receipt."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.exc import DBAPIError

from tests.support.builders import World
from webapp import database
from webapp.database import db
from webapp.evidence import actions, queries, rules
from webapp.evidence.models import Chain, Document, Fact, PersonalFact

LENGTH = 5
PLACES = {"first": 1, "middle": 3, "last": LENGTH}
facts: Any = Fact.__table__
chains: Any = Chain.__table__


class Tampered:
    """A chain of five facts, and hands that reach past the application and, when forced, past the triggers."""

    def __init__(self, app: Flask, chain_id: UUID) -> None:
        self.app, self.chain_id = app, chain_id

    def run(self, forced: bool, change: Callable[[sa.Connection], object]) -> None:
        with self.app.app_context():
            engine = db.engines["default"]
            with engine.begin() as connection:
                if forced and engine.dialect.name == "postgresql":
                    connection.exec_driver_sql("SET LOCAL session_replication_role = replica")
                elif forced:
                    names = connection.scalars(sa.text("SELECT name FROM sqlite_master WHERE type = 'trigger'")).all()
                    for name in names:
                        connection.exec_driver_sql(f"DROP TRIGGER {name}")
                change(connection)

    def rows(self, connection: sa.Connection) -> list[Any]:
        return list(
            connection.execute(sa.select(facts).where(facts.c.chain_id == self.chain_id).order_by(facts.c.position))
        )

    def at(self, position: int) -> sa.ColumnElement[bool]:
        return sa.and_(facts.c.chain_id == self.chain_id, facts.c.position == position)

    def findings(self) -> list[rules.Finding]:
        with self.app.app_context():
            return [each for each in queries.verify_chain(self.chain_id) if isinstance(each, rules.Finding)]

    def verify(self, *arguments: str) -> tuple[int, str]:
        result = self.app.test_cli_runner().invoke(args=["evidence", "verify", *arguments])
        return result.exit_code, result.output

    def receipt(self, position: int) -> dict[str, Any]:
        with self.app.app_context():
            row = database.session().scalars(sa.select(Fact).where(self.at(position))).one()
            salted = queries.personal_rows(queries.record_of(row))
            return {
                "record": row.record, "previous_hash": row.previous_hash, "hash": row.hash,
                "chain_id": str(row.chain_id), "position": row.position,
                "personal": {name: {"salt": salt, "value": value} for name, (salt, value) in salted.items()},
            }  # fmt: skip

    # Each of these is one kind of tampering; `place` is the position it aims at.

    def edit(self, connection: sa.Connection, place: int) -> None:
        text = self.rows(connection)[place - 1].record.replace('"source":"', '"source":"x')
        connection.execute(sa.update(facts).where(self.at(place)).values(record=text))

    def edit_column(self, connection: sa.Connection, place: int) -> None:
        connection.execute(sa.update(facts).where(self.at(place)).values(kind="domain.refused"))

    def edit_acting(self, connection: sa.Connection, place: int) -> None:
        connection.execute(sa.update(facts).where(self.at(place)).values(acting_partner_id=uuid4()))

    def edit_with_its_hash(self, connection: sa.Connection, place: int) -> None:
        row = self.rows(connection)[place - 1]
        text = row.record.replace('"source":"', '"source":"x')
        connection.execute(
            sa.update(facts).where(self.at(place)).values(record=text, hash=rules.hash_of(row.previous_hash, text))
        )

    def delete(self, connection: sa.Connection, place: int) -> None:
        connection.execute(sa.delete(facts).where(self.at(place)))

    def delete_and_close_up(self, connection: sa.Connection, place: int) -> None:
        self.delete(connection, place)
        for position in range(place + 1, LENGTH + 1):
            connection.execute(sa.update(facts).where(self.at(position)).values(position=position - 1))

    def insert(self, connection: sa.Connection, place: int) -> None:
        rows = self.rows(connection)
        for position in range(LENGTH, place - 1, -1):
            connection.execute(sa.update(facts).where(self.at(position)).values(position=position + 1))
        self._add(connection, rows, place)

    def append(self, connection: sa.Connection, place: int) -> None:
        self._add(connection, self.rows(connection), place + 1)

    def _add(self, connection: sa.Connection, rows: list[Any], place: int) -> None:
        previous = rows[place - 2].hash if place > 1 else rules.GENESIS
        record = json.loads(rows[0].record) | {"position": place, "facts": {"domain": "forged.example"}}
        text = rules.canonical(record)
        values = rows[0]._asdict() | {
            "id": uuid4(), "position": place, "record": text, "previous_hash": previous,
            "hash": rules.hash_of(previous, text),
        }  # fmt: skip
        connection.execute(sa.insert(facts).values(**values))

    def reorder(self, connection: sa.Connection, place: int) -> None:
        other = place + 1 if place < LENGTH else place - 1
        for position, target in ((place, 99), (other, place), (99, other)):
            connection.execute(sa.update(facts).where(self.at(position)).values(position=target))

    def cut(self, connection: sa.Connection, place: int) -> None:
        connection.execute(sa.delete(facts).where(facts.c.chain_id == self.chain_id, facts.c.position >= place))

    def recompute(self, connection: sa.Connection) -> None:
        """Make the chain fit again, as somebody would who rewrites everything."""
        previous, position = rules.GENESIS, 0
        for row in self.rows(connection):
            position += 1
            record = json.loads(row.record) | {"position": position}
            text = rules.canonical(record)
            values = {"record": text, "previous_hash": previous, "position": position, "kind": record["kind"]}
            previous = rules.hash_of(previous, text)
            connection.execute(sa.update(facts).where(facts.c.id == row.id).values(hash=previous, **values))
        connection.execute(
            sa.update(chains).where(chains.c.id == self.chain_id).values(length=position, head=previous)
        )  # fmt: skip


@pytest.fixture
def tampered(app: Flask, world: World) -> Tampered:
    customer = world.a_customer(roles=("global_administrator",))
    with app.app_context():
        for number in range(LENGTH - 2):
            with database.unit_of_work():
                database.write(chain=customer.chain_id)
                actions.record(
                    "domain.confirmed", customer_id=customer.id, facts={"domain": f"{number}.example"},
                    personal={"name": "山田 花子"}, personal_of=customer["global_administrator"].id,
                )  # fmt: skip
        with database.unit_of_work():
            database.write(chain=customer.chain_id)
            assert actions.keep_document(b"a document", "text/plain")
        assert (row := database.session().get(Chain, customer.chain_id)) is not None
        assert row.length == LENGTH
    return Tampered(app, customer.chain_id)


def test_an_untouched_chain_verifies(tampered: Tampered) -> None:
    code, output = tampered.verify()
    assert code == 0, output
    assert output.startswith("Verified: ")


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize(
    "kind", ["edit", "edit_column", "edit_acting", "edit_with_its_hash", "delete", "insert", "reorder", "cut"]
)
def test_the_database_refuses(tampered: Tampered, kind: str, place: str) -> None:
    with pytest.raises(DBAPIError, match="append-only"):
        tampered.run(False, lambda connection: getattr(tampered, kind)(connection, PLACES[place]))
    assert tampered.findings() == []


FOUND = {
    # what is done: what it is called on the first, the middle and the last record, and at which position
    "edit": (("edited", 1), ("edited", 3), ("edited", 5)),
    "edit_column": (("edited", 1), ("edited", 3), ("edited", 5)),
    "edit_acting": (("edited", 1), ("edited", 3), ("edited", 5)),
    "edit_with_its_hash": (("mismatch", 2), ("mismatch", 4), ("mismatch", 5)),
    "delete": (("missing", 1), ("missing", 3), ("cut", 5)),
    "delete_and_close_up": (("missing", 1), ("missing", 3), ("cut", 5)),
    "insert": (("inserted", 1), ("inserted", 3), ("inserted", 5)),
    "append": (("mismatch", 2), ("mismatch", 4), ("inserted", 6)),
    "reorder": (("reordered", 2), ("reordered", 4), ("reordered", 5)),
    "cut": (("cut", 1), ("cut", 3), ("cut", 5)),
}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("kind", [each for each in FOUND if each != "append"])
def test_what_is_forced_is_found_and_named(tampered: Tampered, kind: str, place: str) -> None:
    expected = FOUND[kind][list(PLACES).index(place)]
    tampered.run(True, lambda connection: getattr(tampered, kind)(connection, PLACES[place]))
    found = {(each.kind, each.position) for each in tampered.findings()}
    assert expected in found
    assert {name for name, _position in found} <= {expected[0], "inserted" if "insert" in kind else "cut"}
    code, output = tampered.verify()
    assert code == 1
    assert f"{expected[0]}: chain {tampered.chain_id}, position {expected[1]}:" in output


def test_a_fact_added_behind_the_last_is_found(tampered: Tampered) -> None:
    tampered.run(True, lambda connection: tampered.append(connection, LENGTH))
    assert [(each.kind, each.position) for each in tampered.findings()] == [("inserted", LENGTH + 1)]


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("kind", ["edit", "delete", "insert", "reorder", "cut"])
def test_with_all_later_hashes_recomputed_an_earlier_receipt_finds_it(
    tampered: Tampered, tmp_path: Path, kind: str, place: str
) -> None:
    receipts = {position: tampered.receipt(position) for position in range(1, LENGTH + 1)}

    def rewrite(connection: sa.Connection) -> None:
        getattr(tampered, kind)(connection, PLACES[place])
        tampered.recompute(connection)

    tampered.run(True, rewrite)
    assert tampered.findings() == []  # the chain alone says nothing any more
    aimed = tmp_path / "receipt.json"
    aimed.write_text(json.dumps(receipts[PLACES[place]], ensure_ascii=False), encoding="utf-8")
    code, output = tampered.verify("--receipt", str(aimed))
    assert code == 1, output
    assert any(f"{name}: chain" in output for name in ("mismatch", "cut", "missing")), output
    if PLACES[place] > 1 and kind != "reorder":
        before = tmp_path / "before.json"
        before.write_text(json.dumps(receipts[PLACES[place] - 1]), encoding="utf-8")
        assert tampered.verify("--receipt", str(before))[0] == 0  # what lies before is untouched


@pytest.mark.parametrize("change", ["record", "hash", "position", "personal", "nothing"])
def test_a_receipt_is_checked_by_itself(tampered: Tampered, tmp_path: Path, change: str) -> None:
    receipt = tampered.receipt(3)
    if change == "record":
        receipt["record"] = receipt["record"].replace('"source":"', '"source":"x')
    elif change == "hash":
        receipt["hash"] = "0" * 64
    elif change == "position":
        receipt["position"] = 4
    elif change == "personal":
        receipt["personal"]["name"]["value"] = "somebody else"
    path = tmp_path / "receipt.json"
    path.write_text(json.dumps(receipt), encoding="utf-8")
    code, output = tampered.verify("--receipt", str(path))
    assert code == (0 if change == "nothing" else 1), output


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"record": 1}', "null", '{"position": "x"}'])
def test_what_is_no_receipt_is_said_in_one_line(tampered: Tampered, tmp_path: Path, content: str) -> None:
    path = tmp_path / "receipt.json"
    path.write_text(content, encoding="utf-8")
    code, output = tampered.verify("--receipt", str(path))
    assert code == 1
    assert "cannot be read as a receipt" in output
    assert "Traceback" not in output


def test_a_changed_personal_value_is_found_and_an_erased_one_is_not(tampered: Tampered) -> None:
    personal: Any = PersonalFact.__table__
    target = sa.select(personal.c.id).where(personal.c.value == "山田 花子").limit(1).scalar_subquery()

    def change(connection: sa.Connection) -> None:
        connection.execute(sa.update(personal).where(personal.c.id == target).values(value="somebody else"))

    with pytest.raises(DBAPIError, match="append-only"):
        tampered.run(False, change)
    tampered.run(
        False, lambda connection: connection.execute(sa.delete(personal).where(personal.c.id == target)) and None
    )
    assert tampered.findings() == []
    tampered.run(True, change)
    assert [each.kind for each in tampered.findings()] == ["edited"]


def test_a_changed_document_is_found(tampered: Tampered) -> None:
    documents: Any = Document.__table__
    change = sa.update(documents).values(content=b"another document")
    with pytest.raises(DBAPIError, match="append-only"):
        tampered.run(False, lambda connection: connection.execute(change))
    tampered.run(True, lambda connection: connection.execute(change))
    code, output = tampered.verify()
    assert code == 1
    assert "edited: documents" in output


def test_a_chain_whose_row_is_gone_is_found(tampered: Tampered) -> None:
    def remove(connection: sa.Connection) -> None:
        if connection.dialect.name == "sqlite":
            connection.exec_driver_sql("PRAGMA defer_foreign_keys=ON")
        connection.execute(sa.update(chains).where(chains.c.id == tampered.chain_id).values(length=0))

    tampered.run(True, remove)
    assert ("inserted", 1) in {(each.kind, each.position) for each in tampered.findings()}


def test_facts_recorded_during_the_walk_are_no_finding() -> None:
    walk = rules.Walk()
    head, links = rules.GENESIS, []
    for position in range(1, 4):
        text = rules.canonical({"position": position})
        links.append(rules.Link(str(position), position, text, head, rules.hash_of(head, text)))
        head = links[-1].hash
    walk.watch(2)
    assert [finding for link in links for finding in walk.follow(link)] == []
    assert walk.finish(2, links[1].hash, now=(3, links[2].hash)) == []
    assert [each.kind for each in walk.finish(2, "0" * 64, now=(4, "1" * 64))] == ["mismatch"]
