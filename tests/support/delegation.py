"""Delegated administration without pages: what a partner offers a customer, and what became of it."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import Flask

from tests.support.builders import Party, World
from webapp import actor as actors
from webapp import database
from webapp.accounts import actions as accounts
from webapp.accounts import queries as people
from webapp.actor import Actor
from webapp.delegated_admin import actions, queries
from webapp.delegated_admin.models import DelegatedRelationship
from webapp.delegated_admin.roles import BASIC
from webapp.organizations import queries as organizations


class Delegation:
    """What happens between partners and customers of one application."""

    def __init__(self, app: Flask) -> None:
        self.app = app

    def offer(self, partner: Party, customer: Party, name: str, *, announced: bool = True, **changes: Any) -> UUID:
        """A partner (with an admin agent) offers delegated administration; `announced`: the customer was told of it."""
        terms: dict[str, Any] = {"roles": BASIC, "duration_days": 365, "auto_extends": False} | changes
        with self.app.app_context():
            row = organizations.organization_by_id(partner.id)
            assert row is not None
            enrolled = row.enrolled_at is not None
        if not enrolled:
            World(self.app).enroll(partner)
        by = self.acting(partner, "admin_agent")
        with self.app.app_context(), database.unit_of_work():
            named = organizations.organization_by_id(customer.id)
            assert named is not None
            made = actions.offer(named, by=by, name=name, **terms)
            if announced:
                actions.announce(made)
            return made.id

    def approve(self, offer_id: UUID, customer: Party) -> UUID:
        """The customer's global administrator approves; answers the id."""
        by = self.acting(customer)
        with self.app.app_context(), database.unit_of_work():
            row = self._row(offer_id)
            fingerprint = queries.shown_to(row).fingerprint
            actions.approve(row, by=by, fingerprint=fingerprint, network_address="192.0.2.1", browser="Test")
        return offer_id

    def active(self, partner: Party, customer: Party, name: str, **changes: Any) -> UUID:
        """Delegated administration in force; its id."""
        return self.approve(self.offer(partner, customer, name, **changes), customer)

    def decline(self, offer_id: UUID, customer: Party) -> None:
        """The customer's global administrator declines."""
        by = self.acting(customer)
        with self.app.app_context(), database.unit_of_work():
            actions.decline(self._row(offer_id), by=by, reason="not_needed")

    def withdraw(self, offer_id: UUID, partner: Party) -> None:
        """The partner takes its offer back."""
        by = self.acting(partner, "admin_agent")
        with self.app.app_context(), database.unit_of_work():
            actions.withdraw(self._row(offer_id), by=by)

    def send_on(self, offer_id: UUID, customer: Party, by: str, to: str) -> None:
        """One person of the customer sends an offer on to another, both by role."""
        sender = self.acting(customer, by)
        with self.app.app_context(), database.unit_of_work():
            receiver = people.person_by_id(customer[to].id)
            assert receiver is not None
            actions.hand_over(self._row(offer_id), by=sender, to=receiver)

    def end(self, relationship_id: UUID, customer: Party) -> None:
        """The customer's global administrator ends it."""
        by = self.acting(customer)
        with self.app.app_context(), database.unit_of_work():
            actions.end(self._row(relationship_id), by=by)

    def acting(self, party: Party, role: str = "global_administrator") -> Actor:
        """A person as actions take it, freshly signed in."""
        with self.app.app_context(), database.unit_of_work():
            session_id = accounts.start_session(
                party[role].id, proof="password", network_address="192.0.2.1", browser="Test"
            ).id
        with self.app.app_context():
            found = actors.load(session_id)
            assert found is not None
            return found

    def _row(self, relationship_id: UUID) -> DelegatedRelationship:
        found = queries.by_id(relationship_id)
        assert found is not None
        return found
