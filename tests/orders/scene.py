"""Who buys what through whom: what the tests of orders act in."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from flask import Flask

from tests.relationships.scene import Scene
from tests.support.builders import Party, World
from webapp import clock, database
from webapp.agreements import actions as agreements
from webapp.agreements.rules import Signatory
from webapp.orders import actions, queries
from webapp.orders.models import Order
from webapp.organizations import queries as organizations
from webapp.relationships.models import Relationship
from webapp.subscriptions import actions as subscriptions
from webapp.subscriptions import queries as catalogue


class Market(Scene):
    """A scene with a published agreement and a catalogue: a suite sold by the seat, and an Azure plan that is not."""

    def __init__(self, app: Flask, world: World, clock_file: Path | None = None) -> None:
        super().__init__(app, world, clock_file)
        self.world = world
        world.a_published_agreement("JP")
        with app.app_context():
            with database.unit_of_work():
                self.suite: UUID = subscriptions.add_product(
                    "SUITE-Y", name_en="Suite Business", name_ja="スイート ビジネス", kind="software_subscription",
                    term_months=12, per_seat=True, seats_min=1, seats_max=300,
                )[0].id  # fmt: skip
            with database.unit_of_work():
                self.plan: UUID = subscriptions.add_product(
                    "AZURE", name_en="Azure plan", name_ja="Azure プラン", kind="azure_plan", term_months=1, per_seat=False,
                    seats_min=1, seats_max=1,
                )[0].id  # fmt: skip

    def attest(self, *, by: Party | None = None, given_name: str = "Aki", agreed_on: date | None = None) -> UUID:
        """A partner attests that the customer accepted."""
        with self.app.app_context():
            actor = self.actor((by or self.partner)["admin_agent"])
            with database.unit_of_work():
                row = agreements.attest(
                    self.organization(self.customer), by=actor,
                    signatory=Signatory(given_name, "Sato", "aki.sato@customer.example"),
                    agreed_on=agreed_on or clock.today("Asia/Tokyo"),
                )  # fmt: skip
                return row.id

    def place(
        self, relationship: UUID, *, by: Party | None = None, role: str = "", product: UUID | None = None,
        seats: int = 5, key: UUID | None = None, auto_renews: bool = False,
    ) -> tuple[UUID, bool]:  # fmt: skip
        """Somebody orders through a relationship; the order's id, and whether it is new."""
        with self.app.app_context():
            party = by or self.partner
            roles = (role,) if role else ("admin_agent", "global_administrator")
            actor = self.actor(next(party.people[each] for each in roles if each in party.people))
            with database.unit_of_work():
                found = catalogue.product_by_id(product or self.suite)
                assert found is not None
                order, new = actions.place(
                    self.organization(self.customer), by=actor, key=key or uuid4(), seller=self.seller(relationship),
                    product=found, seats=seats, auto_renews=auto_renews,
                )  # fmt: skip
                return order.id, new

    def seller(self, relationship_id: UUID) -> queries.Seller:
        """Through whom a relationship goes (inside an application context)."""
        row = database.session().get_one(Relationship, relationship_id)
        partner = organizations.organization_by_id(row.partner_id)
        assert partner is not None
        reseller = organizations.organization_by_id(row.reseller_id) if row.reseller_id else None
        return queries.Seller(row, partner, reseller)

    def orders(self) -> list[Any]:
        """Every order."""
        return self.rows(Order)
