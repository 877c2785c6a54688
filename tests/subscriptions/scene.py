"""A customer with subscriptions, and its partners: what the tests of subscriptions act in."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from flask import Flask

from tests.relationships.scene import Scene
from tests.support.builders import Member, Party, World
from webapp import clock, database
from webapp.accounts.models import Person
from webapp.subscriptions import actions, queries
from webapp.subscriptions.models import SubscriptionStanding

ZONE = "Asia/Tokyo"


class Holding(Scene):
    """A scene whose customer (in Tokyo) has subscriptions; the partner can offer delegated administration."""

    def __init__(self, app: Flask, world: World, clock_file: Path | None = None) -> None:
        super().__init__(app, world, clock_file)
        self.world = world
        world.enroll(self.partner)

    def today(self) -> date:
        """The customer's day."""
        return clock.today(ZONE)

    def line(
        self, *, seats: int = 5, ended: int = -30, product: str = "Suite", indirect: bool = False, renews: bool = False,
        days: int = 365,
    ) -> UUID:  # fmt: skip
        """Something bought through the partner (or the reseller) that ended so many days ago (negative: will end)."""
        partner, reseller = (self.provider, self.reseller) if indirect else (self.partner, None)
        ends_on = self.today() - timedelta(days=ended)
        with self.app.app_context(), database.unit_of_work():
            row, _new = actions.add(
                self.organization(self.customer), self.organization(partner),
                reseller=self.organization(reseller) if reseller else None, product=product, seats=seats,
                starts_on=min(self.today(), ends_on) - timedelta(days=days), ends_on=ends_on, auto_renews=renews,
            )  # fmt: skip
            return row.line_id

    def keyed(self, *, seats: int = 5, ends_on: date | None = None) -> UUID:
        """Something that began today by product keys: nobody sold it."""
        with self.app.app_context():
            with database.unit_of_work():
                actions.add_product(
                    "SUITE-Y", name_en="Suite", name_ja="スイート", kind="software_subscription", term_months=12,
                    per_seat=True, seats_min=1, seats_max=300,
                )  # fmt: skip
            with database.unit_of_work():
                customer = self.organization(self.customer)
                database.write(chain=customer.chain_id)
                product = queries.product_by_code("SUITE-Y")
                assert product is not None
                row = actions.begin_paid(
                    customer, None, product=product, name="Suite", seats=seats,
                    ends_on=ends_on or self.today() + timedelta(days=364), contract="product_key", by=None, source="job",
                )  # fmt: skip
                return row.line_id

    def standing(self, line_id: UUID) -> SubscriptionStanding:
        """Where it stands, detached."""
        with self.app.app_context():
            found = queries.standing_of(line_id)
            assert found is not None
            return found

    def change(self, line_id: UUID, *, why: str = "seats", **changes: Any) -> None:
        """More seats, or another last day, for the row that counts."""
        with self.app.app_context(), database.unit_of_work():
            row = queries.newest_of_line(line_id)
            assert row is not None
            wanted: dict[str, Any] = {"seats": row.seats, "ends_on": row.ends_on} | changes
            actions.change(row, why=why, by=None, source="job", **wanted)

    def give(self, line_id: UUID, member: Member) -> bool:
        """Give somebody a seat; whether it is new."""
        with self.app.app_context(), database.unit_of_work():
            return actions.give_licence(self._found(line_id), self._person(member), by=None, source="job")[1]

    def take(self, line_id: UUID, member: Member) -> bool:
        """Take it back; whether there was one."""
        with self.app.app_context(), database.unit_of_work():
            return actions.take_licence(self._found(line_id), self._person(member), by=None, source="job")

    def name(
        self, line_id: UUID, party: Party | None, *, role: str = "billing_administrator", shown: str = ""
    ) -> bool:  # fmt: skip
        """Name a partner of record, or none; whether anything changed."""
        with self.app.app_context():
            by = self.actor(self.customer[role])
            with database.unit_of_work():
                partner = self.organization(party) if party is not None else None
                act = actions.name_partner_of_record(self._found(line_id), partner, by=by, shown=shown)
                return act is not None

    def ask_for_offer(self, line_id: UUID) -> bool:
        """Ask the partner of record for an offer; whether it was asked."""
        with self.app.app_context():
            by = self.actor(self.customer["global_administrator"])
            with database.unit_of_work():
                return actions.ask_for_offer(self._found(line_id), by=by)

    def number_of(self, party: Party) -> str:
        """A partner's number."""
        with self.app.app_context():
            number = self.organization(party).partner_number
        assert number is not None
        return number

    def _found(self, line_id: UUID) -> SubscriptionStanding:
        found = queries.standing_of(line_id)
        assert found is not None
        return found

    def _person(self, member: Member) -> Person:
        return database.session().get_one(Person, member.id)
