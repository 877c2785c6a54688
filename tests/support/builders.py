"""Builders of what a story needs, through the same actions that the product uses."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import count
from typing import Any
from uuid import UUID

from flask import Flask

from webapp import actor as actors
from webapp import clock, database
from webapp.access import ROLES
from webapp.accounts import actions as accounts
from webapp.accounts.actions import hash_password
from webapp.actor import Actor
from webapp.agreements import actions as agreements
from webapp.agreements.rules import CUSTOMER_AGREEMENT
from webapp.delegated_admin import actions as delegated_admin
from webapp.delegated_admin import queries as delegated_queries
from webapp.delegated_admin.roles import BASIC
from webapp.invitations import actions as invitations
from webapp.invitations import queries as invitation_queries
from webapp.organizations import actions as organizations
from webapp.organizations import queries

PASSWORD = "countersign-demo"
_HASH = hash_password(PASSWORD)
_number = count(1)


@dataclass(frozen=True)
class Member:
    """Somebody a test can sign in as."""

    id: UUID
    address: str
    roles: tuple[str, ...]


@dataclass
class Party:
    """An organization with its people by role."""

    id: UUID
    name: str
    chain_id: UUID
    people: dict[str, Member] = field(default_factory=dict)

    def __getitem__(self, role: str) -> Member:
        return self.people[role]


@dataclass(frozen=True)
class Asked:
    """An invitation that a test opens by its reference."""

    id: UUID
    ref: str

    @property
    def path(self) -> str:
        return f"/invitation?ref={self.ref}"


class World:
    """Makes organizations and people in an application's database."""

    def __init__(self, app: Flask) -> None:
        self.app = app

    def a_partner(
        self, name: str = "", *, roles: tuple[str, ...] = ("admin_agent", "sales_agent", "helpdesk_agent", ""),
        programme: str = "direct_bill", language: str = "en", country: str = "US", zone: str = "America/New_York",
    ) -> Party:  # fmt: skip
        """A partner with one person per role ("" is a member without a role)."""
        number = next(_number)
        return self._organization(
            "partner", name or f"Partner {number}", f"partner{number}.example", roles,
            programme=programme, partner_number=str(4_000_000 + number), language=language, country=country, zone=zone,
            contact_address=f"contact@partner{number}.example",
        )  # fmt: skip

    def a_customer(
        self, name: str = "", *, roles: tuple[str, ...] = (*ROLES["customer"], ""),
        language: str = "en", country: str = "US", zone: str = "America/New_York", **more: Any,
    ) -> Party:  # fmt: skip
        """A customer with one person per role ("" is a member without a role)."""
        number = next(_number)
        return self._organization(
            "customer", name or f"Customer {number}", f"customer{number}.example", roles,
            language=language, country=country, zone=zone, **more,
        )  # fmt: skip

    def an_organization_of_one(self, kind: str, name: str = "") -> Party:
        """A customer or a partner with one person, "everything", who has every role of its kind."""
        number = next(_number)
        domain = f"{kind}{number}.example"
        more: dict[str, Any] = {"language": "en", "country": "US", "zone": "America/New_York"}
        if kind == "partner":
            more |= {
                "programme": "direct_bill",
                "partner_number": str(4_000_000 + number),
                "contact_address": f"contact@{domain}",
            }
        party = self._organization(kind, name or f"{kind.title()} {number}", domain, (), **more)
        with self.app.app_context(), database.unit_of_work():
            row = queries.organization_by_id(party.id)
            assert row is not None
            person = organizations.add_member(
                row, given_name="Ever", family_name="Ything", address=f"everything@{domain}", roles=ROLES[kind],
                password_hash=_HASH, confirmed=True,
            )  # fmt: skip
            party.people["everything"] = Member(person.id, person.address, ROLES[kind])
        return party

    def _organization(self, kind: str, name: str, domain: str, roles: tuple[str, ...], **more: Any) -> Party:
        with self.app.app_context():
            with database.unit_of_work():
                row = organizations.create_organization(kind, name, domains=(domain,), **more)
                party = Party(row.id, row.name, row.chain_id)
                for role in roles:
                    local = role.replace("_", ".") or "member"
                    person = organizations.add_member(
                        row, given_name=local.split(".")[0].title(), family_name=f"Of {domain.split('.')[0].title()}",
                        address=f"{local}@{domain}", roles=(role,) if role else (), password_hash=_HASH, confirmed=True,
                    )  # fmt: skip
                    party.people[role] = Member(person.id, person.address, (role,) if role else ())
        return party

    def pair(self, provider: Party, reseller: Party) -> None:
        """Confirm that a provider works with a reseller."""
        with self.app.app_context(), database.unit_of_work():
            one, other = queries.organization_by_id(provider.id), queries.organization_by_id(reseller.id)
            assert one is not None
            assert other is not None
            organizations.pair(one, other)

    def enroll(self, partner: Party) -> None:
        """Let a partner offer delegated administration."""
        with self.app.app_context(), database.unit_of_work():
            row = queries.organization_by_id(partner.id)
            assert row is not None
            organizations.enroll(row)

    def an_offer(self, partner: Party, customer: Party, name: str, *, by: str = "admin_agent", **terms: Any) -> UUID:
        """An offer of delegated administration that its customer was told of; answers its id."""
        with self.app.app_context(), database.unit_of_work():
            actor = self._acting(partner[by])
        with self.app.app_context(), database.unit_of_work():
            row = queries.organization_by_id(customer.id)
            assert row is not None
            wanted: dict[str, Any] = {"roles": BASIC, "duration_days": 365, "auto_extends": False} | terms
            offered = delegated_admin.offer(row, by=actor, name=name, **wanted)
            delegated_admin.announce(offered)
            return offered.id

    def an_approval(self, offer_id: UUID, by: Member) -> UUID:
        """Somebody of the customer approves an offer; answers its id."""
        with self.app.app_context(), database.unit_of_work():
            actor = self._acting(by)
        with self.app.app_context(), database.unit_of_work():
            row = delegated_queries.by_id(offer_id)
            assert row is not None
            delegated_admin.approve(
                row, by=actor, fingerprint=delegated_queries.shown_to(row).fingerprint, network_address="192.0.2.1",
                browser="Test",
            )  # fmt: skip
            return offer_id

    def _acting(self, member: Member) -> Actor:
        session = accounts.start_session(member.id, proof="password", network_address="192.0.2.1", browser="Test")
        found = actors.load(session.id)
        assert found is not None
        return found

    def a_published_agreement(self, country: str = "US", *, version: str = "2026-03", **changes: Any) -> UUID:
        """A sample agreement in force, in English (and in Japanese for Japan); answers the English text's id."""
        facts: dict[str, Any] = {
            "type_": CUSTOMER_AGREEMENT, "effective_on": date(2026, 3, 1), "is_sample": True,
        } | changes  # fmt: skip
        with self.app.app_context(), database.unit_of_work():
            for language in ("ja", "en") if country == "JP" else ("en",):
                text = agreements.publish(
                    country=country, language=language, version=version, title=f"Agreement {version} {language}",
                    source=f"# Agreement {version}\n\n## 1. First clause\n\n### 1.1 Part\n\nWords ({language}).\n", **facts,
                )  # fmt: skip
            return text.id

    def an_invitation(
        self, partner: Party, customer: Party | None = None, *, asks: str = "relationship", reseller: Party | None = None,
        expired: bool = False, standing: bool = False, sent: bool = False, **changes: Any,
    ) -> Asked:  # fmt: skip
        """An invitation of a partner, for a named customer or (None) for any; `standing` answers the partner's own,
        `sent` lets the partner say that it sent it."""
        with self.app.app_context(), database.unit_of_work():
            rows = [queries.organization_by_id(each.id) if each else None for each in (partner, customer, reseller)]
            maker, named, through = rows
            assert maker is not None
            if standing:
                row = invitation_queries.standing(maker.id, asks, through.id if through else None)
                assert row is not None
                return Asked(row.id, row.ref)
            database.write(chain=(named or maker).chain_id)
            last_day = clock.today("UTC") + timedelta(days=-3 if expired else 30)
            row = invitations.insert(
                maker, asks=asks, customer=named, reseller=through,
                **{"language": maker.language, "last_day": last_day, **changes},
            )  # fmt: skip
            if sent:
                invitations.note(row, "said_sent")
            return Asked(row.id, row.ref)
