"""What a row of a file costs, as a multiple of the least that any program could do: one INSERT and its commit."""

from __future__ import annotations

import time
from collections.abc import Sequence
from uuid import UUID, uuid4

import sqlalchemy as sa
from flask import Flask

from tests.support.builders import World
from tests.support.many import many_customers
from webapp import clock, database
from webapp.actor import Actor
from webapp.database import db
from webapp.evidence import actions as evidence
from webapp.imports import actions, queries
from webapp.invitations.models import Invitation
from webapp.organizations import queries as organizations
from webapp.relationships.models import Relationship


def rows_of_a_file(app: Flask, kind: str, count: int) -> str:
    """Import a file of so many rows in one process; answer the figures as a line."""
    world = World(app)
    partner = world.a_partner("Northwind Cloud")
    world.a_published_agreement()
    ids = many_customers(app, partner, count)
    with app.app_context():
        by = organizations.actor_of_person(partner["admin_agent"].id)
        assert by is not None
    if kind == "attestations":
        _related(app, by, ids)
    bare = _bare(app, by, count)
    lines = [(number + 2, _line(kind, number)) for number in range(count)]
    began = time.perf_counter()
    with app.app_context(), database.unit_of_work():
        import_id = actions.upload(
            by=by, kind=kind, language="en", file_name="many.csv", sha256="0" * 64, lines=lines
        ).id  # fmt: skip
    checked = time.perf_counter() - began
    with app.app_context(), database.unit_of_work():
        found = queries.by_id(import_id)
        assert found is not None
        actions.start(found, by=by, sends=False)
    began = time.perf_counter()
    with app.app_context():
        while actions.turn():
            pass
        counts = queries.counts_of([import_id])[import_id]
    each = (time.perf_counter() - began) / count
    assert counts.done == count, counts
    return (
        f"{count} {kind}: {each * 1000:.1f} ms a row, {each / bare:.1f} × a bare INSERT ({bare * 1000:.2f} ms); "
        f"checked in {checked / count * 1000:.2f} ms a row"
    )


def _line(kind: str, number: int) -> dict[str, str]:
    domain = f"many{number}.example"
    if kind == "invitations":
        return {"customer": domain}
    return {
        "customer": domain, "given_name": "Ann", "family_name": "Lee", "email": f"ann@{domain}", "phone": "",
        "agreed_on": "2026-11-02",
    }  # fmt: skip


def _related(app: Flask, by: Actor, ids: Sequence[UUID]) -> None:
    """Give every customer a relationship with the partner, as a row: who attests sells."""
    with app.app_context(), database.unit_of_work():
        database.write(chain=by.chain_id)
        fact = evidence.record("bench.prepared", source="operator")
        now = clock.now()
        database.session().execute(
            sa.insert(Relationship),
            [
                {
                    "id": uuid4(), "customer_id": each, "partner_id": by.organization_id, "reseller_id": None,
                    "origin": "creation", "began_at": now, "ordinal": 1, "fact_id": fact.id,
                }
                for each in ids
            ],
        )  # fmt: skip


def _bare(app: Flask, by: Actor, count: int) -> float:
    """Seconds for one INSERT of an invitation, with its commit, without anything around it."""
    statement = sa.insert(Invitation)
    began = time.perf_counter()
    with app.app_context(), db.engines["default"].connect() as connection:
        for _ in range(count):
            connection.execute(
                statement,
                {
                    "id": uuid4(), "ref": uuid4().hex, "asks": "agreement", "partner_id": by.organization_id,
                    "standing": False, "language": "en", "subject": "A subject", "body": "Some words\n" * 40,
                    "created_at": clock.now(),
                },
            )  # fmt: skip
            connection.commit()
    return (time.perf_counter() - began) / count
