"""A customer that bought through a partner, and what both do about the agreement, without pages."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from tests.support.builders import World
from webapp import clock, database
from webapp.actor import Actor
from webapp.agreements import actions, queries
from webapp.agreements.rules import CUSTOMER_AGREEMENT, Signatory
from webapp.organizations import queries as organizations
from webapp.organizations.models import Organization
from webapp.policies import actions as policies
from webapp.relationships import actions as relationships
from webapp.relationships.models import Relationship
from webapp.subscriptions import actions as subscriptions
from webapp.tokens import Token, secret_of


class Scene:
    """One customer, and a partner that sells to it."""

    def __init__(self, world: World, **customer: Any) -> None:
        self.world = world
        self.app = world.app
        self.partner = world.a_partner()
        self.customer = world.a_customer(**customer)
        self.relationship_id = self.relate()

    def customer_row(self) -> Organization:
        """The customer (inside an application context)."""
        found = organizations.organization_by_id(self.customer.id)
        assert found is not None
        return found

    def partner_row(self) -> Organization:
        """The partner (inside an application context)."""
        found = organizations.organization_by_id(self.partner.id)
        assert found is not None
        return found

    def acting(self, role: str, *, of_partner: bool = False) -> Actor:
        """Somebody of either side, signed in."""
        with self.app.app_context(), database.unit_of_work():
            return self.world._acting((self.partner if of_partner else self.customer)[role])

    def relate(self) -> UUID:
        """The reseller relationship begins."""
        with self.app.app_context(), database.unit_of_work():
            customer = self.customer_row()
            database.write(chain=customer.chain_id)
            return relationships.begin(
                customer, partner_id=self.partner.id, reseller_id=None, origin="creation", by=None
            ).id

    def end(self) -> None:
        """The relationship ends."""
        by = self.acting("admin_agent", of_partner=True)
        with self.app.app_context(), database.unit_of_work():
            row = database.session().get_one(Relationship, self.relationship_id)
            relationships.end(row, by=by)

    def buy(self, kind: str = "software_subscription", days: int = 300, **changes: Any) -> UUID:
        """The customer buys through the partner; until so many days from now."""
        with self.app.app_context(), database.unit_of_work():
            today = clock.today("UTC")
            row, _new = subscriptions.add(
                self.customer_row(), self.partner_row(), reseller=None, product=f"A {kind}", seats=5,
                starts_on=today - timedelta(days=65), ends_on=today + timedelta(days=days), kind=kind, **changes,
            )  # fmt: skip
            return row.id

    def publish(self, version: str, effective_on: date, source: str = "", **changes: Any) -> None:
        """A version in the customer's country, in English."""
        with self.app.app_context(), database.unit_of_work():
            actions.publish(
                type_=CUSTOMER_AGREEMENT, country=self.customer_row().country, language="en", version=version,
                title=f"Agreement {version}", effective_on=effective_on, is_sample=True,
                source=source or f"# Agreement\n\n## 1. Only clause\n\nThis is version {version}.\n", **changes,
            )  # fmt: skip

    def publish_samples(self, country: str) -> None:
        """The texts shipped with the product."""
        with self.app.app_context(), database.unit_of_work():
            actions.publish_samples([country])

    def set_policy(self, name: str, value: Any) -> None:
        """The operator sets a policy."""
        with self.app.app_context(), database.unit_of_work():
            policies.set_policy(name, value, "for a test")

    def accept(self) -> UUID:
        """The customer accepts the text in force."""
        by = self.acting("global_administrator")
        with self.app.app_context(), database.unit_of_work():
            customer = self.customer_row()
            text = queries.text_in_force(customer.country, customer.zone, "en")
            assert text is not None
            return actions.accept(
                customer, text, by=by, shown={"boxes": {}}, signer={"name": "Ann Lee"}, proof="password"
            ).id

    def attest(self, agreed_on: date | None = None) -> UUID:
        """The partner confirms that the customer agreed, today if nothing else is said."""
        by = self.acting("sales_agent", of_partner=True)
        with self.app.app_context(), database.unit_of_work():
            customer = self.customer_row()
            return actions.attest(
                customer, by=by, signatory=Signatory("Ann", "Lee", "ann.lee@elsewhere.example"),
                agreed_on=agreed_on or clock.today(customer.zone),
            ).id  # fmt: skip

    def object(self) -> None:
        """The customer's contact objects to the last attestation."""
        with self.app.app_context(), database.unit_of_work():
            contact = queries.primary_contact_of(self.customer.id)
            assert contact is not None
            tokens = database.session().scalars(sa.select(Token).where(Token.purpose == "objection")).all()
            secret, address = secret_of(tokens[-1]), contact.address
            actions.object_to(secret, address, comment="No.", network_address="192.0.2.1")

    def ask(self) -> bool:
        """The customer asks the partner to confirm."""
        by = self.acting("global_administrator")
        with self.app.app_context(), database.unit_of_work():
            return actions.ask_for_attestation(self.customer_row(), self.partner_row(), by=by)
