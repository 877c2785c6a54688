"""A customer, its partners and a clock: what the tests of relationships act in."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import sqlalchemy as sa
from flask import Flask

from tests.support.builders import Member, Party, World
from tests.support.visitor import Page
from webapp import actor as actors
from webapp import clock, database
from webapp.accounts import actions as accounts
from webapp.actor import Actor
from webapp.database import Model
from webapp.messages.models import Message
from webapp.organizations import queries as organizations
from webapp.organizations.models import Organization
from webapp.relationships import actions, queries
from webapp.relationships.models import EndingRequest, Relationship
from webapp.subscriptions import actions as subscriptions


def forms_to(page: Page, part: str) -> list[str]:
    """Where a page's forms go, of those whose path holds this."""
    paths = [urlsplit(form.action).path for form in page.forms]
    return [path for path in paths if part in path]


class Scene:
    """One customer in Tokyo (who reads English), a direct partner, and a provider with its reseller."""

    def __init__(self, app: Flask, world: World, clock_file: Path | None = None) -> None:
        self.app, self.clock_file = app, clock_file
        self.partner: Party = world.a_partner("Northwind Cloud")
        self.provider: Party = world.a_partner("Fabrikam Distribution", programme="indirect_provider")
        self.reseller: Party = world.a_partner("Tailspin Resellers", programme="indirect_reseller")
        world.pair(self.provider, self.reseller)
        self.customer: Party = world.a_customer("Contoso 株式会社", country="JP", zone="Asia/Tokyo")
        self._sessions: dict[UUID, UUID] = {}

    def it_is(self, moment: datetime) -> None:
        """Set the clock; it goes on from there."""
        assert self.clock_file is not None
        self.clock_file.write_text(str((moment - datetime.now(UTC)).total_seconds()))

    # --- who ---

    def actor(self, member: Member) -> Actor:
        """Somebody as actions take it (inside an application context)."""
        known = self._sessions.get(member.id)
        found = actors.load(known) if known is not None else None
        if found is None:  # nobody signed in yet, or the session has expired
            with database.unit_of_work():
                row = accounts.start_session(member.id, proof="password", network_address="", browser="Test")
                self._sessions[member.id] = row.id
            found = actors.load(self._sessions[member.id])
        assert found is not None
        return found

    def organization(self, party: Party) -> Organization:
        """An organization's row (inside an application context)."""
        found = organizations.organization_by_id(party.id)
        assert found is not None
        return found

    # --- what happens ---

    def begin(self, *, indirect: bool = False) -> UUID:
        """A relationship begins: with the partner, or with the reseller through its provider."""
        partner, reseller = (self.provider, self.reseller) if indirect else (self.partner, None)
        with self.app.app_context(), database.unit_of_work():
            row = actions.begin(
                self.organization(self.customer), partner_id=partner.id,
                reseller_id=reseller.id if reseller else None, origin="acceptance", by=None,
            )  # fmt: skip
            return row.id

    def buy(
        self, *, until: date | None = None, indirect: bool = False, product: str = "Microsoft 365 Business Premium"
    ) -> UUID:
        """The customer buys 25 seats of something, to a day (default: in thirty days)."""
        partner, reseller = (self.provider, self.reseller) if indirect else (self.partner, None)
        with self.app.app_context(), database.unit_of_work():
            today = clock.today("Asia/Tokyo")
            until = until or today + timedelta(days=30)
            row, _new = subscriptions.add(
                self.organization(self.customer), self.organization(partner),
                reseller=self.organization(reseller) if reseller else None, product=product, seats=25,
                starts_on=min(today, until) - timedelta(days=30), ends_on=until,
            )  # fmt: skip
            return row.id

    def ask(self, relationship_id: UUID, *, role: str = "global_administrator", reason: str = "") -> bool:
        return bool(self._do(Relationship, relationship_id, actions.ask_to_end, self.customer[role], reason=reason))

    def withdraw(self, relationship_id: UUID) -> bool:
        return bool(
            self._do(
                EndingRequest, self.newest(relationship_id), actions.withdraw_ending_request,
                self.customer["billing_administrator"],
            )
        )  # fmt: skip

    def answer(
        self, relationship_id: UUID, *, agree: bool, reason: str = "", request_id: UUID | None = None,
        by: Party | None = None,
    ) -> bool:  # fmt: skip
        return bool(
            self._do(
                EndingRequest, request_id or self.newest(relationship_id), actions.answer_ending,
                (by or self.partner)["admin_agent"], agree=agree, reason=reason,
            )
        )  # fmt: skip

    def end(self, relationship_id: UUID, *, by: Party | None = None, reason: str = "") -> bool:
        return bool(
            self._do(Relationship, relationship_id, actions.end, (by or self.partner)["admin_agent"], reason=reason)
        )

    def distrust(self, party: Party | None = None, *, comment: str = "") -> bool:
        return self._turn(actions.say_unknown, party or self.partner, comment=comment)

    def trust(self, party: Party | None = None) -> bool:
        return self._turn(actions.lift_unknown, party or self.partner)

    def _turn(self, verb: Callable[..., bool], party: Party, **more: Any) -> bool:
        with self.app.app_context():
            by = self.actor(self.customer["global_administrator"])
            with database.unit_of_work():
                return verb(self.organization(self.customer), self.organization(party), by=by, **more)

    def _do(self, model: type[Model], id_: UUID, verb: Callable[..., Any], member: Member, **more: Any) -> Any:
        with self.app.app_context():
            by = self.actor(member)
            row = database.session().get(model, id_)
            assert row is not None
            with database.unit_of_work():
                return verb(row, by=by, **more)

    # --- what there is ---

    def newest(self, relationship_id: UUID) -> UUID:
        """The newest request to end a relationship."""
        with self.app.app_context():
            return queries.requests_of(relationship_id)[0][0].id

    def state(self, relationship_id: UUID) -> queries.EndingState:
        with self.app.app_context():
            return queries.ending_of(relationship_id)

    def rows(self, model: type[Model], *where: Any) -> list[Any]:
        with self.app.app_context():
            return list(database.session().scalars(sa.select(model).where(*where)))

    def mails(self, kind: str) -> dict[str, Message]:
        """The mails of a kind by their receivers; one each is expected."""
        found = self.rows(Message, Message.kind == kind)
        by_receiver = {each.recipient: each for each in found}
        assert len(by_receiver) == len(found), f"{kind} went twice to somebody: {[each.recipient for each in found]}"
        return by_receiver
