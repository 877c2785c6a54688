"""Acts that change what a partner's list shows, without pages: what a random history is made of."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa
from flask import Flask

from tests.support.builders import Party, World
from webapp import clock, database
from webapp.access import permissions_of
from webapp.actor import Actor
from webapp.agreements import actions as agreements
from webapp.agreements import queries as agreement_queries
from webapp.agreements.rules import Signatory
from webapp.customers import queries, rules
from webapp.customers.queries import Wanted
from webapp.delegated_admin import actions as delegated_admin
from webapp.delegated_admin import queries as delegated_queries
from webapp.delegated_admin.models import DelegatedRelationship
from webapp.delegated_admin.roles import BASIC
from webapp.evidence import actions as evidence
from webapp.evidence.models import SITE_CHAIN
from webapp.invitations import actions as invitations
from webapp.invitations import queries as invitation_queries
from webapp.invitations.models import Invitation
from webapp.organizations import queries as organizations
from webapp.organizations.models import Organization
from webapp.organizations.rules import name_key
from webapp.relationships import actions as relationships
from webapp.relationships.models import Ending, Relationship
from webapp.subscriptions import actions as subscriptions
from webapp.tokens import Token, secret_of


class Acts:
    """What happens between some partners and one customer."""

    def __init__(self, app: Flask, world: World, *, created: bool = False) -> None:
        self.app = app
        self.provider = world.a_partner(programme="indirect_provider", roles=("admin_agent",))
        self.reseller = world.a_partner(programme="indirect_reseller", roles=())
        self.direct = world.a_partner(roles=("admin_agent",))
        for partner in (self.reseller, self.direct):
            world.enroll(partner)
        with app.app_context():
            by = organizations.organization_by_id(self.direct.id) if created else None
            self.customer = world.a_customer(roles=("global_administrator",), created_by=by)
        self.named: list[UUID] = []
        self.offers: list[UUID] = []
        self.attested: list[tuple[UUID, str]] = []

    def _customer(self) -> Organization:
        found = organizations.organization_by_id(self.customer.id)
        assert found is not None
        return found

    def invite(self, indirect: bool, asks: str, *, named: bool = True, days: int = 30) -> UUID:
        """An invitation is made; it may be over already (negative days)."""
        with self.app.app_context(), database.unit_of_work():
            partner = organizations.organization_by_id((self.provider if indirect else self.direct).id)
            reseller = organizations.organization_by_id(self.reseller.id) if indirect else None
            assert partner is not None
            customer = self._customer()
            database.write(chain=customer.chain_id if named else partner.chain_id)
            row = invitations.insert(
                partner, asks=asks, customer=customer if named else None, reseller=reseller, language="en",
                last_day=clock.today("UTC") + timedelta(days=days),
            )  # fmt: skip
            invitations.told(row, "made", by=None, source="operator")
            if named:
                self.named.append(row.id)
            return row.id

    def step(self, which: int, kind: str) -> None:
        """Something happens to one of the invitations that name the customer; what may happen once does."""
        if not self.named:
            return
        with self.app.app_context(), database.unit_of_work():
            row = database.session().get(Invitation, self.named[which % len(self.named)])
            assert row is not None
            customer = self._customer()
            database.write(chain=customer.chain_id)
            present = {act.kind for act in invitation_queries.acts_of(row.id)}
            if kind in present & {"withdrawn", "superseded", "expired"}:
                return
            concerned = customer.id if kind in {"opened", "declined"} else None
            fact = invitations.told(row, kind, by=None, source="operator")
            invitations.note(row, kind, customer_id=concerned, fact=fact)

    def accept(self, which: int, *, anyone: UUID | None = None) -> None:
        """The customer accepts what an invitation asks: the next version of the agreement, and the relationship."""
        if not self.named and anyone is None:
            return
        with self.app.app_context(), database.unit_of_work():
            row = database.session().get(Invitation, anyone or self.named[which % len(self.named)])
            assert row is not None
            customer = self._customer()
            database.write(chain=customer.chain_id)
            acts = [act for act in invitation_queries.acts_of(row.id) if act.kind == "accepted"]
            if acts or agreement_queries.confirmers_of(customer):
                return  # once; and not by itself after it bought without ever agreeing
            acceptance = self._accept_agreement(customer, row)
            related = None
            if row.asks == "relationship" and self._open(customer, row.partner_id, row.reseller_id) is None:
                related = relationships.begin(
                    customer, partner_id=row.partner_id, reseller_id=row.reseller_id, origin="acceptance", by=None,
                    invitation_id=row.id,
                )  # fmt: skip
            if acceptance is None and related is None:
                return
            invitations.note(
                row,
                "accepted",
                customer_id=customer.id,
                acceptance_id=acceptance,
                relationship_id=related.id if related is not None else None,
            )

    def accept_alone(self) -> None:
        """The customer accepts the agreement without an invitation, unless a partner has to attest it."""
        with self.app.app_context(), database.unit_of_work():
            customer = self._customer()
            database.write(chain=customer.chain_id)
            if not agreement_queries.confirmers_of(customer):
                self._accept_agreement(customer, None)

    def _accept_agreement(self, customer: Organization, invitation: Invitation | None) -> UUID | None:
        """Accept the version in force, once; each call after the first finds it accepted."""
        text = agreement_queries.text_in_force(customer.country, customer.zone, "en")
        assert text is not None
        before = agreement_queries.acceptance_in_force(customer.id)
        if before is not None and before[1].version == text.version:
            return None
        row = agreements.accept(
            customer, text, by=signer(self.customer), shown={"boxes": {}}, signer={"name": "Ann Lee"}, proof="password",
            partner_id=invitation.partner_id if invitation else None,
            other_partner_id=invitation.reseller_id if invitation else None,
            invitation_id=invitation.id if invitation else None,
        )  # fmt: skip
        return row.id

    def _open(self, customer: Organization, partner_id: UUID, reseller_id: UUID | None) -> Relationship | None:
        from webapp.relationships.queries import open_between

        return open_between(customer.id, partner_id, reseller_id)

    def begin(self, indirect: bool) -> None:
        """A relationship begins by creation."""
        with self.app.app_context(), database.unit_of_work():
            customer = self._customer()
            database.write(chain=customer.chain_id)
            partner, reseller = (self.provider.id, self.reseller.id) if indirect else (self.direct.id, None)
            if self._open(customer, partner, reseller) is None:
                relationships.begin(customer, partner_id=partner, reseller_id=reseller, origin="creation", by=None)

    def end(self, indirect: bool) -> None:
        """The relationship ends."""
        with self.app.app_context(), database.unit_of_work():
            customer = self._customer()
            database.write(chain=customer.chain_id)
            partner, reseller = (self.provider.id, self.reseller.id) if indirect else (self.direct.id, None)
            row = self._open(customer, partner, reseller)
            if row is None:
                return
            fact = evidence.record(
                "relationship.ended", source="operator", customer_id=customer.id, partner_id=partner,
                other_partner_id=reseller, facts={"relationship_id": str(row.id)},
            )  # fmt: skip
            database.session().add(Ending(relationship_id=row.id, at=fact.at, fact_id=fact.id))

    def offer(self, indirect: bool, extends: bool) -> None:
        """The reseller, or the partner that sells directly, offers delegated administration."""
        with self.app.app_context(), database.unit_of_work():
            partner = organizations.organization_by_id((self.reseller if indirect else self.direct).id)
            assert partner is not None
            by = _agent(partner)
            row = delegated_admin.offer(
                self._customer(), by=by, name=f"Support {uuid4()}", roles=BASIC, duration_days=30, auto_extends=extends
            )
            self.offers.append(row.id)

    def delegate(self, which: int, what: str) -> None:
        """Something happens to one of the offers, if it can; who may decide so is tested where it belongs."""
        if not self.offers:
            return
        with self.app.app_context(), database.unit_of_work():
            row = database.session().get_one(DelegatedRelationship, self.offers[which % len(self.offers)])
            row = database.locked(row, chain=self._customer().chain_id)
            if delegated_queries.state(row) != (
                "pending" if what in {"approved", "declined", "withdrawn"} else "active"
            ):
                return
            on = not delegated_queries.standing_of(row).auto_extends
            told: dict[str, dict[str, Any]] = {
                "switched": {"on": on},
                "ended": {"by": "customer"},
                "declined": {"reason": "other"},
            }
            facts = told.get(what)
            past = "extension_switched" if what == "switched" else what
            fact = delegated_admin._record(row, past, by=None, facts=facts, source="operator")
            delegated_admin._note(row, what, fact=fact, facts=facts)
            delegated_admin._project(row)

    def attest(self, indirect: bool, days_ago: int) -> None:
        """The provider, or the partner that sells directly, attests that the customer agreed so many days ago; somebody
        else each time, so that it is never the same again."""
        with self.app.app_context(), database.unit_of_work():
            customer = self._customer()
            party = self.provider if indirect else self.direct
            if not agreement_queries.sells_to(party.id, customer.id):
                return
            partner = organizations.organization_by_id(party.id)
            assert partner is not None
            row = agreements.attest(
                customer, by=_agent(partner, party["admin_agent"].id),
                signatory=Signatory("Kim", f"Doe {len(self.attested)}", "kim@elsewhere.example"),
                agreed_on=clock.today(customer.zone) - timedelta(days=days_ago),
            )  # fmt: skip
            tokens = database.session().scalars(sa.select(Token).where(Token.purpose == "objection"))
            token = next(each for each in tokens if each.facts["attestation_id"] == str(row.id))
            self.attested.append((row.id, secret_of(token)))

    def object_to(self, which: int) -> None:
        """The customer says that one of the attestations is not so; once."""
        if not self.attested:
            return
        id_, secret = self.attested[which % len(self.attested)]
        with self.app.app_context(), database.unit_of_work():
            if agreement_queries.objection_to(id_) is not None:
                return
            address = self.customer["global_administrator"].address
            assert agreements.object_to(secret, address, comment="", network_address="::1") is not None

    def buy(self, indirect: bool, kind: str) -> None:
        """The customer buys something, if it may through these."""
        with self.app.app_context(), database.unit_of_work():
            customer, first = self._customer(), clock.today("UTC")
            partner = organizations.organization_by_id((self.provider if indirect else self.direct).id)
            reseller = organizations.organization_by_id(self.reseller.id) if indirect else None
            assert partner is not None
            if self._open(customer, partner.id, reseller.id if reseller else None) is None:
                return
            subscriptions.add(
                customer, partner, reseller=reseller, product=f"{kind} {uuid4()}", seats=1, starts_on=first,
                ends_on=first + timedelta(days=30), kind=kind,
            )  # fmt: skip

    def require_anew(self) -> None:
        """A version is published that everybody must accept anew."""
        require_anew(self.app)

    def renew(self) -> None:
        """A version is published that everybody must accept anew, and the customer does."""
        self.require_anew()
        self.accept_alone()

    def rename(self, name: str) -> None:
        """The customer gets another name."""
        with self.app.app_context(), database.unit_of_work():
            row = database.locked(self._customer())
            row.name, row.name_key = name, name_key(name)
            evidence.record("customer.renamed", source="operator", customer_id=row.id, facts={"name": name})

    def states(self) -> dict[UUID, tuple[str, list[str]]]:
        """By partner that sees the profile: the state of the agreement as its list shows it, and those by which its list
        finds the customer."""
        with self.app.app_context():
            found = {}
            for party in (self.provider, self.reseller, self.direct):
                partner = organizations.organization_by_id(party.id)
                assert partner is not None
                actor, now = _agent(partner), clock.now()
                listed = queries.customers_for(actor, Wanted())
                shown = [listed.beside.agreement(row, now) for row in listed.rows]
                by = [state for state in rules.AGREEMENT_STATES if queries.count_for(party.id, Wanted(agreement=state))]
                if shown and shown[0]:
                    found[party.id] = shown[0], by
            return found

    def worth(self) -> str:
        """What the customer's consent is worth, by all that was accepted and attested."""
        with self.app.app_context():
            return agreement_queries.standing_of_customer(self._customer()).state

    def rows(self) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        """The rows as they are stored, and as the acts say."""
        with self.app.app_context():
            stored = queries.stored_rows(self.customer.id)
            wanted = queries.rows_by_acts(self._customer())

        def order(row: dict[str, Any]) -> str:
            return str(row["partner_id"])

        return sorted(stored, key=order), sorted(wanted, key=order)


def require_anew(app: Flask) -> None:
    """Publish a version that takes effect a day after the newest one and must be accepted anew."""
    with app.app_context():
        texts = agreement_queries.texts_of("US")
    day = max(text.effective_on for text in texts) + timedelta(days=1)
    publish(app, f"anew {day}", day, requires_renewal=True)


def publish(
    app: Flask, version: str = "2026-03", effective_on: date = date(2026, 3, 1), *, requires_renewal: bool = False
) -> None:
    """Publish an agreement for the country that customers of tests are in."""
    with app.app_context(), database.unit_of_work():
        database.write(chain=SITE_CHAIN)
        agreements.publish(
            type_="MicrosoftCustomerAgreement", country="US", language="en", version=version, title="Agreement",
            effective_on=effective_on, source=f"# Agreement {version}\n\nWords.", requires_renewal=requires_renewal,
        )  # fmt: skip


def _agent(partner: Organization, person_id: UUID | None = None) -> Actor:
    """An admin agent of a partner as an act takes it."""
    roles = frozenset({"admin_agent"})
    return Actor(
        person_id=person_id or uuid4(), session_id=UUID(int=0), organization_id=partner.id, organization_kind="partner",
        organization_name=partner.name, chain_id=partner.chain_id, given_name="Kim", family_name="Bo",
        address="kim@partner.example", language="en", zone=partner.zone, country=partner.country, confirmed=True,
        roles=roles, permissions=permissions_of("partner", roles),
    )  # fmt: skip


def signer(customer: Party) -> Actor:
    """The customer's administrator as an act takes it."""
    row = organizations.organization_by_id(customer.id)
    assert row is not None
    roles = frozenset({"global_administrator"})
    return Actor(
        person_id=customer["global_administrator"].id, session_id=UUID(int=0), organization_id=row.id,
        organization_kind="customer", organization_name=row.name, chain_id=row.chain_id, given_name="Ann",
        family_name="Lee", address=customer["global_administrator"].address, language="en", zone=row.zone,
        country=row.country, confirmed=True, roles=roles, permissions=permissions_of("customer", roles),
    )  # fmt: skip
