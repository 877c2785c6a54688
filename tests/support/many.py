"""Customers by the thousand: inserted as rows, since making each through the actions takes longer than the test of them."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID, uuid4

import sqlalchemy as sa
from flask import Flask

from tests.support.builders import Party
from webapp import clock, database
from webapp.accounts.models import Person
from webapp.customers.models import Overview
from webapp.evidence.models import GENESIS, Chain
from webapp.organizations.models import Domain, Organization, RoleAssignment
from webapp.organizations.rules import name_key


def many_customers(app: Flask, partner: Party, count: int, *, country: str = "US", start: int = 0) -> list[UUID]:
    """So many customers that a partner created, "many<n>.example", each with a global administrator
    "admin@many<n>.example". Their chains are empty: nothing happened to them yet."""
    ids = [uuid4() for _ in range(count)]
    chains, people = [uuid4() for _ in ids], [uuid4() for _ in ids]
    with app.app_context(), database.unit_of_work():
        database.write()
        now = clock.now()
        each = list(enumerate(zip(ids, chains, people, strict=True), start=start))
        names = {n: f"Many {n}" for n, _ in each}
        rows: list[tuple[type[database.Model], list[dict[str, object]]]] = [
            (Chain, [{"id": chain, "length": 0, "head": GENESIS} for _, (_, chain, _) in each]),
            (
                Organization,
                [
                    {
                        "id": id_, "chain_id": chain, "kind": "customer", "name": names[n], "name_key": name_key(names[n]),
                        "country": country, "language": "en", "zone": "America/New_York", "created_at": now,
                        "created_by_partner_id": partner.id,
                    }
                    for n, (id_, chain, _) in each
                ],
            ),
            (Domain, [{"id": uuid4(), "organization_id": id_, "name": f"many{n}.example"} for n, (id_, _, _) in each]),
            (
                Person,
                [
                    {
                        "id": person, "organization_id": id_, "given_name": "Ann", "family_name": f"Number {n}",
                        "address": f"admin@many{n}.example", "address_key": f"admin@many{n}.example", "language": "en",
                        "created_at": now - timedelta(days=1),
                    }
                    for n, (id_, _, person) in each
                ],
            ),
            (
                RoleAssignment,
                [
                    {"id": uuid4(), "person_id": person, "role": "global_administrator", "given_at": now}
                    for _, (_, _, person) in each
                ],
            ),
            (
                Overview,
                [
                    {
                        "partner_id": partner.id, "customer_id": id_, "name": names[n], "name_key": name_key(names[n]),
                        "domain": f"many{n}.example", "country": country, "since": now, "created": True,
                    }
                    for n, (id_, _, _) in each
                ],
            ),
        ]  # fmt: skip
        for model, values in rows:
            for begin in range(0, len(values), 1000):
                database.session().execute(sa.insert(model), values[begin : begin + 1000])
    return ids
