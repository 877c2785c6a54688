"""Customers, partners and subscriptions that end, at a moment that the test sets."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from flask import Flask

from tests.delegated_admin.scene import Moment
from tests.support.builders import Member, Party, World
from webapp import actor as actors
from webapp import clock, database
from webapp.accounts import actions as accounts
from webapp.actor import Actor
from webapp.agreements import actions as agreements
from webapp.agreements.rules import Signatory
from webapp.database import Model
from webapp.messages.models import Message
from webapp.organizations import queries as organizations
from webapp.organizations.models import Organization
from webapp.relationships import actions as relationships
from webapp.renewals import jobs
from webapp.renewals.models import RenewalNotice
from webapp.subscriptions import actions as subscriptions
from webapp.subscriptions import queries as catalogue
from webapp.subscriptions.models import SubscriptionStanding

#: A morning on which it is Monday, 11 January 2027 everywhere from New York to Tokyo.
BEGIN = datetime(2027, 1, 11, 14, 30, tzinfo=UTC)


class Ends:
    """A customer (New York unless said otherwise) and the partner that sells to it."""

    def __init__(self, app: Flask, world: World, moment: Moment, *, zone: str = "America/New_York") -> None:
        self.app, self.world, self.moment = app, world, moment
        moment.now = max(moment.now, BEGIN)
        self.partner = world.a_partner("Northwind Cloud")
        self.customer = world.a_customer("Contoso Ltd.", zone=zone)
        self.relate(self.customer, self.partner)
        self._sessions: dict[UUID, UUID] = {}
        self._number = 0

    @contextmanager
    def unit(self) -> Iterator[None]:
        """An application context with a unit of work."""
        with self.app.app_context(), database.unit_of_work():
            yield

    def organization(self, party: Party) -> Organization:
        """An organization's row (inside a unit)."""
        found = organizations.organization_by_id(party.id)
        assert found is not None
        return found

    def actor(self, member: Member) -> Actor:
        """Somebody signed in; the session is made anew when it ran out."""
        session_id = self._sessions.get(member.id)
        with self.app.app_context():
            found = actors.load(session_id) if session_id is not None else None
        if found is not None:
            return found
        with self.unit():
            row = accounts.start_session(member.id, proof="password", network_address="192.0.2.1", browser="Test")
            self._sessions[member.id] = row.id
            loaded = actors.load(row.id)
        assert loaded is not None
        return loaded

    def relate(self, customer: Party, partner: Party) -> None:
        """The partner sells to the customer from now on."""
        with self.unit():
            relationships.begin(
                self.organization(customer), partner_id=partner.id, reseller_id=None, origin="creation", by=None
            )

    def attest(self) -> None:
        """The customer's agreement is in order: its partner attests that it accepted."""
        self.world.a_published_agreement(effective_on=date(2026, 3, 1))
        by = self.actor(self.partner["admin_agent"])
        with self.unit():
            customer = self.organization(self.customer)
            agreements.attest(
                customer, by=by, signatory=Signatory("Ann", "Lee", "ann.lee@contoso.example"),
                agreed_on=clock.today(customer.zone),
            )  # fmt: skip

    def product(self, *, most: int = 300) -> UUID:
        """A product of the catalogue, for a year."""
        with self.unit():
            return subscriptions.add_product(
                "SUITE-Y", name_en="Suite Business", name_ja="スイート ビジネス", kind="software_subscription",
                term_months=12, per_seat=True, seats_min=1, seats_max=most,
            )[0].id  # fmt: skip

    def today(self) -> date:
        """The customer's day."""
        with self.app.app_context():
            return clock.today(self.organization(self.customer).zone)

    def line(
        self, ends_on: date, *, starts_on: date | None = None, customer: Party | None = None, partner: Party | None = None,
        renews: bool = False, seats: int = 5, product: str = "",
    ) -> UUID:  # fmt: skip
        """Something that was bought through the partner and ends on a day; the id of its line."""
        self._number += 1
        with self.unit():
            row, _new = subscriptions.add(
                self.organization(customer or self.customer), self.organization(partner or self.partner), reseller=None,
                product=product or f"Suite {self._number}", seats=seats,
                starts_on=starts_on or min(ends_on, self.moment.now.date()) - timedelta(days=300), ends_on=ends_on,
                auto_renews=renews,
            )  # fmt: skip
            return row.line_id

    def catalogue_line(self, days: int, *, seats: int = 5, contract: str = "partner", by_partner: bool = True) -> UUID:
        """A product of the catalogue that began some time ago and ends in so many days (below zero: ended)."""
        product_id, now = self.product(), self.moment.now
        self.moment.now = now - timedelta(days=300)
        with self.unit():
            customer, product = self.organization(self.customer), catalogue.product_by_id(product_id)
            assert product is not None
            database.write(chain=customer.chain_id)
            row = subscriptions.begin_paid(
                customer, self.partner.id if by_partner else None, product=product, name=product.name_en, seats=seats,
                ends_on=clock.today(customer.zone) + timedelta(days=300 + days), contract=contract, by=None,
                source="operator",
            )  # fmt: skip
            line_id = row.line_id
        self.moment.now = now
        return line_id

    def renew_itself(self, line_id: UUID) -> bool:
        """The customer lets a line renew itself."""
        by = self.actor(self.customer["global_administrator"])
        with self.unit():
            row = catalogue.newest_of_line(line_id)
            assert row is not None
            return subscriptions.start_renewal(row, by=by)

    def standing(self, line_id: UUID) -> SubscriptionStanding:
        """Where a line stands (inside an application context)."""
        found = catalogue.standing_of(line_id)
        assert found is not None
        return found

    def extend(self, line_id: UUID, ends_on: date) -> None:
        """The end moves."""
        with self.unit():
            row = catalogue.newest_of_line(line_id)
            assert row is not None
            subscriptions.change(row, seats=row.seats, ends_on=ends_on, why="extension", by=None, source="operator")

    def name(self, line_id: UUID, partner: Party | None, customer: Party | None = None) -> None:
        """The customer names its partner of record, or none."""
        by = self.actor((customer or self.customer)["global_administrator"])
        with self.unit():
            subscriptions.name_partner_of_record(
                self.standing(line_id), self.organization(partner) if partner is not None else None, by=by
            )

    def give(self, line_id: UUID, *people: Member) -> None:
        """People get a licence."""
        for member in people:
            with self.unit():
                person = next(each for each in organizations.people_of(self.customer.id) if each.id == member.id)
                subscriptions.give_licence(self.standing(line_id), person, by=None, source="operator")

    # --- time ---

    def at(self, day: date, hour: int = 12, zone: str = "") -> None:
        """Set the clock to a local hour of a day at the customer."""
        with self.app.app_context():
            place = ZoneInfo(zone or self.organization(self.customer).zone)
        self.moment.now = datetime(day.year, day.month, day.day, hour, tzinfo=place).astimezone(UTC)

    def work(self) -> int:
        """The worker looks once."""
        with self.app.app_context():
            return jobs.tell_ends()

    # --- what became of it ---

    def rows(self, model: type[Model], *conditions: Any) -> list[Any]:
        """Rows of a model."""
        with self.app.app_context():
            found = list(database.session().scalars(sa.select(model).where(*conditions)))
            database.session().expunge_all()
        return found

    def told(self, line_id: UUID) -> list[tuple[int, int]]:
        """The notices of a line in order: (days of the plan, days that were left)."""
        rows = self.rows(RenewalNotice, RenewalNotice.line_id == line_id)
        return [(row.days, row.days_left) for row in sorted(rows, key=lambda row: row.at)]

    def mails(self, kind: str = "ending") -> list[Message]:
        """The mails of a kind, in order."""
        return sorted(self.rows(Message, Message.kind == kind), key=lambda row: row.created_at)
