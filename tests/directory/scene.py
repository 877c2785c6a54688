"""A customer with a subscription, its people, and a partner's person that acts for it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from flask import Flask

from tests.support.builders import Member, World
from webapp import actor as actors
from webapp import clock, database
from webapp.access import DELEGATED
from webapp.accounts import actions as accounts
from webapp.accounts.models import Person
from webapp.actor import Actor
from webapp.database import Model
from webapp.delegated_admin import queries as delegated_admin
from webapp.directory import actions
from webapp.organizations import queries as organizations
from webapp.organizations.models import Organization
from webapp.subscriptions import actions as subscriptions
from webapp.subscriptions import queries as subscription_queries
from webapp.subscriptions.models import SubscriptionStanding


class Office:
    """A customer's office."""

    def __init__(self, app: Flask, world: World) -> None:
        self.app, self.world = app, world
        self.customer = world.a_customer("Contoso Ltd.")
        self.partner = world.a_partner("Northwind Cloud")
        self.domain = self.customer[""].address.partition("@")[2]

    def organization(self) -> Organization:
        found = organizations.organization_by_id(self.customer.id)
        assert found is not None
        return found

    def line(self, name: str = "Suite", *, seats: int = 2, days: int = 365, code: str = "SUITE") -> UUID:
        """A subscription of so many seats that ends in so many days."""
        with self.app.app_context(), database.unit_of_work():
            product, _new = subscriptions.add_product(
                code, name_en=name, name_ja=f"{name} スイート", kind="software_subscription", term_months=12,
                per_seat=True, seats_min=1, seats_max=300,
            )  # fmt: skip
            product_id = product.id
        with self.app.app_context(), database.unit_of_work():
            database.write(chain=self.customer.chain_id)
            found = subscription_queries.product_by_id(product_id)
            assert found is not None
            today = clock.today(self.organization().zone)
            return subscriptions.begin_paid(
                self.organization(), None, product=found, name=name, seats=seats, ends_on=today + timedelta(days=days),
                contract="product_key", by=None,
            ).line_id  # fmt: skip

    def actor(self, role: str = "global_administrator") -> Actor:
        with database.unit_of_work():
            session_id = accounts.start_session(
                self.customer[role].id, proof="password", network_address="", browser="Test"
            ).id
        found = actors.load(session_id)
        assert found is not None
        return found

    def delegate(self) -> Actor:
        """An admin agent of the partner that acts for the customer with every role that opens a page here."""
        if not delegated_admin.roles_between(self.customer.id, self.partner.id):
            self.world.enroll(self.partner)
            offer = self.world.an_offer(self.partner, self.customer, "Everything", roles=sorted(DELEGATED))
            self.world.an_approval(offer, self.customer["global_administrator"])
        with database.unit_of_work():
            session_id = accounts.start_session(
                self.partner["admin_agent"].id, proof="password", network_address="", browser="Test"
            ).id
        own = actors.load(session_id)
        assert own is not None
        found = delegated_admin.acting_of(own, self.customer.id)
        assert isinstance(found, Actor)
        return found

    def do(self, act: Callable[[Actor], Any], role: str = "global_administrator") -> Any:
        """Something that somebody of the customer (or "delegate") does, in a transaction of its own."""
        with self.app.app_context():
            actor = self.delegate() if role == "delegate" else self.actor(role)
            with database.unit_of_work():
                return act(actor)

    def add(
        self, name: str = "ann", *, lines: tuple[UUID, ...] = (), role: str = "global_administrator", **more: Any
    ) -> UUID:
        """Add somebody; the id of the person."""

        def act(by: Actor) -> UUID:
            values: dict[str, Any] = {
                "given_name": "Ann", "family_name": "Lee", "address": f"{name}@{self.domain}", **more
            }  # fmt: skip
            standings = [database.session().get_one(SubscriptionStanding, each) for each in lines]
            return actions.add(by=by, lines=standings, **values).person.id

        found: UUID = self.do(act, role)
        return found

    def person(self, person: Member | UUID) -> Person:
        return database.session().get_one(Person, person if isinstance(person, UUID) else person.id)

    def rows(self, model: type[Model], *where: sa.ColumnElement[bool]) -> list[Any]:
        with self.app.app_context():
            return list(database.session().scalars(sa.select(model).where(*where)))
