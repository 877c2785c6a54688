"""A customer in Tokyo, its partners, a published agreement: what the tests of attestations act in."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from flask import Flask

from tests.relationships.scene import Scene
from tests.support.builders import Party, World
from webapp import clock, database, tokens
from webapp.agreements import actions, queries
from webapp.agreements.models import Attestation, Objection
from webapp.agreements.rules import Signatory
from webapp.messages import actions as messages
from webapp.messages.models import Message
from webapp.organizations import actions as organizations
from webapp.organizations import queries as organization_queries
from webapp.policies import actions as policies
from webapp.tokens import Token

TANIA = Signatory("Tania", "Carr", "tania.carr@contoso.example", "+1 555 0100")


class Attesting(Scene):
    """The scene with both relationships begun and version 2026-03 in force; `world` makes more."""

    def __init__(self, app: Flask, world: World, *, related: bool = True) -> None:
        super().__init__(app, world)
        self.world = world
        world.a_published_agreement("JP")
        if related:
            self.begin()
            self.begin(indirect=True)

    def attest(
        self, signatory: Signatory = TANIA, *, agreed_on: date | None = None, partner: Party | None = None,
        role: str = "sales_agent", **more: Any,
    ) -> UUID:  # fmt: skip
        """Somebody of a partner (default: the direct one) attests, for today by default; answers the attestation's id."""
        with self.app.app_context():
            by = self.actor((partner or self.partner)[role])
        with self.app.app_context(), database.unit_of_work():
            day = agreed_on or clock.today("Asia/Tokyo")
            customer = self.organization(self.customer)
            return actions.attest(customer, by=by, signatory=signatory, agreed_on=day, **more).id

    def object_on_page(self, attestation_id: UUID, comment: str = "", role: str = "billing_administrator") -> None:
        """An administrator of the customer objects on the page."""
        with self.app.app_context():
            by = self.actor(self.customer[role])
        with self.app.app_context(), database.unit_of_work():
            row = database.session().get_one(Attestation, attestation_id)
            actions.object_signed_in(row, by=by, comment=comment)

    def consent(self) -> str:
        """What the customer's consent is worth."""
        with self.app.app_context():
            return queries.standing_of_customer(self.organization(self.customer)).state

    def attestations(self) -> Sequence[Attestation]:
        with self.app.app_context():
            return database.session().scalars(sa.select(Attestation).order_by(Attestation.at)).all()

    def objections(self) -> Sequence[Objection]:
        with self.app.app_context():
            return database.session().scalars(sa.select(Objection).order_by(Objection.at)).all()

    def messages(self, kind: str) -> list[Message]:
        """The messages of a kind, oldest first."""
        with self.app.app_context():
            rows = database.session().scalars(
                sa.select(Message).where(Message.kind == kind).order_by(Message.created_at)
            )
            return list(rows)

    def text_of(self, message: Message) -> str:
        """A message's text as it leaves."""
        with self.app.app_context():
            return messages.filled(message)[0]

    def link(self, attestation_id: UUID) -> str:
        """The path of the link in the notice of an attestation."""
        with self.app.app_context():
            found = database.session().scalars(sa.select(Token).where(Token.purpose == "objection"))
            return "/objection/" + next(
                tokens.secret_of(each) for each in found if each.facts["attestation_id"] == str(attestation_id)
            )

    def set_policy(self, name: str, value: Any) -> None:
        with self.app.app_context(), database.unit_of_work():
            policies.set_policy(name, value, "a test")

    def close(self, party: Party) -> None:
        """The operator closes access for an organization."""
        with self.app.app_context(), database.unit_of_work():
            row = organization_queries.organization_by_id(party.id)
            assert row is not None
            organizations.disable(row, "a test")
