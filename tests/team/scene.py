"""Partners of every programme and what they do: what the tests of teams and pairings act in."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from threading import Thread
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from flask import Flask
from sqlalchemy.exc import IntegrityError

from tests.support.builders import Member, Party, World
from webapp import actor as actors
from webapp import database, errors
from webapp.accounts import actions as accounts
from webapp.accounts.models import Person
from webapp.actor import Actor
from webapp.database import Model
from webapp.messages.models import Message
from webapp.organizations import queries as organizations
from webapp.organizations.models import Organization, Pairing
from webapp.team import actions, queries
from webapp.team.models import PairingRequest


class Scene:
    """A provider, a reseller and a direct partner."""

    def __init__(self, app: Flask, world: World, clock_file: Path | None = None) -> None:
        self.app, self.world, self.clock_file = app, world, clock_file
        self.provider = world.a_partner("Fabrikam Distribution", programme="indirect_provider")
        self.reseller = world.a_partner("Tailspin Resellers", programme="indirect_reseller")
        self.partner = world.a_partner("Northwind Cloud")

    def days_later(self, days: float) -> None:
        assert self.clock_file is not None
        self.clock_file.write_text(str(days * 86_400))

    def organization(self, party: Party) -> Organization:
        found = organizations.organization_by_id(party.id)
        assert found is not None
        return found

    def number(self, party: Party) -> str:
        with self.app.app_context():
            return self.organization(party).partner_number or ""

    def _actor(self, member: Member) -> Actor:
        with database.unit_of_work():
            row = accounts.start_session(member.id, proof="password", network_address="", browser="Test")
            session_id = row.id
        found = actors.load(session_id)
        assert found is not None
        return found

    def do(self, party: Party, act: Callable[[Actor], Any], role: str = "admin_agent") -> Any:
        """Something that somebody of a partner does, in a transaction of its own."""
        with self.app.app_context():
            actor = self._actor(party[role])
            with database.unit_of_work():
                return act(actor)

    def ask(self, by: Party, other: Party) -> UUID:
        found: UUID = self.do(by, lambda actor: actions.ask(self.organization(other), by=actor).id)
        return found

    def _request(self, request_id: UUID) -> PairingRequest:
        found = queries.request_by_id(request_id)
        assert found is not None
        return found

    def confirm(self, by: Party, request_id: UUID) -> bool:
        return bool(self.do(by, lambda actor: actions.confirm(self._request(request_id), by=actor)))

    def decline(self, by: Party, request_id: UUID, reason: str = "") -> bool:
        return bool(self.do(by, lambda actor: actions.decline(self._request(request_id), by=actor, reason=reason)))

    def withdraw(self, by: Party, request_id: UUID) -> bool:
        return bool(self.do(by, lambda actor: actions.withdraw(self._request(request_id), by=actor)))

    def end(self, by: Party) -> bool:
        return bool(self.do(by, lambda actor: actions.end(self.rows(Pairing)[0], by=actor)))

    def pair(self) -> None:
        """The reseller asks, the provider confirms."""
        self.confirm(self.provider, self.ask(self.reseller, self.provider))

    def is_paired(self) -> bool:
        with self.app.app_context():
            return organizations.pairing(self.provider.id, self.reseller.id) is not None

    def remove(self, member: Member, by: Party, role: str = "admin_agent") -> bool:
        return bool(self.do(by, lambda actor: actions.remove(self.person(member), by=actor), role))

    def give(self, member: Member, roles: set[str], by: Party) -> bool:
        return bool(
            self.do(by, lambda actor: actions.change_roles(self.person(member), frozenset(roles), by=actor))
        )  # fmt: skip

    def person(self, member: Member) -> Person:
        return database.session().get_one(Person, member.id)

    def rows(self, model: type[Model], *where: sa.ColumnElement[bool]) -> list[Any]:
        with self.app.app_context():
            return list(database.session().scalars(sa.select(model).where(*where)))

    def mails(self, kind: str) -> list[Message]:
        return self.rows(Message, Message.kind == kind)


def together(*acts: Callable[[], Any]) -> list[Any]:
    """Run acts at once, each in a thread; what each answered, or the class of its refusal."""
    results: list[Any] = []

    def run(act: Callable[[], Any]) -> None:
        try:
            results.append(act())
        except IntegrityError as error:
            refusal = errors.refusal_of(error)
            assert refusal is not None
            results.append(type(refusal))
        except errors.Refusal as refusal:
            results.append(type(refusal))

    threads = [Thread(target=run, args=(act,)) for act in acts]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert len(results) == len(acts), "one of them failed without a word"
    return results
