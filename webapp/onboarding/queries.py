"""Reading drafts, what would be made of one, and who is likely the same customer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from flask_babel import gettext as _

from webapp import clock, database, languages, pages
from webapp.accounts import queries as people
from webapp.accounts.models import Person
from webapp.actor import Actor, full_name
from webapp.agreements import queries as agreements
from webapp.agreements import rules as agreement_rules
from webapp.agreements.models import AgreementText
from webapp.agreements.rules import Consent, Signatory
from webapp.attestations import queries as attestations
from webapp.attestations.queries import Renewal
from webapp.customers import queries as customers
from webapp.customers.models import Overview
from webapp.errors import Refusal
from webapp.invitations.rules import NoProvider
from webapp.onboarding import rules
from webapp.onboarding.models import CustomerDraft
from webapp.onboarding.rules import Duplicate, Known
from webapp.organizations import queries as organizations
from webapp.organizations.models import Domain, Organization
from webapp.organizations.rules import NotPaired, name_key
from webapp.policies import queries as policies

# --- drafts ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Listed:
    """A draft in the list. `name` is empty while none was typed; `by`: who began it."""

    id: UUID
    name: str
    step: str
    by: str
    updated_at: datetime


def drafts_for(actor: Actor) -> list[Listed]:
    """The drafts of the actor's partner that are not finished, the one touched last first."""
    rows = database.session().execute(
        sa.select(
            CustomerDraft.id, CustomerDraft.values.label("typed"), CustomerDraft.step, CustomerDraft.updated_at,
            Person.given_name, Person.family_name,
        )
        .join(Person, Person.id == CustomerDraft.person_id)
        .where(CustomerDraft.partner_id == actor.organization_id, CustomerDraft.customer_id.is_(None))
        .order_by(CustomerDraft.updated_at.desc(), CustomerDraft.id)
        .limit(rules.MOST_DRAFTS)
    )  # fmt: skip
    return [
        Listed(
            row.id, str(row.typed.get("name", "")), row.step, full_name(row.given_name, row.family_name), row.updated_at
        )
        for row in rows
    ]  # fmt: skip


def how_many(partner_id: UUID) -> int:
    """How many unfinished drafts a partner has."""
    return (
        database.session().scalar(
            sa.select(sa.func.count()).where(
                CustomerDraft.partner_id == partner_id, CustomerDraft.customer_id.is_(None)
            )
        )
        or 0
    )


def draft_for(actor: Actor, draft_id: UUID) -> CustomerDraft | None:
    """A draft of the actor's partner, finished or not."""
    found = database.session().get(CustomerDraft, draft_id)
    return found if found is not None and found.partner_id == actor.organization_id else None


def own_for(actor: Actor) -> Organization:
    """The actor's partner organization."""
    found = organizations.partner_by_id(actor.organization_id)
    assert found is not None
    return found


# --- who sells ---------------------------------------------------------------------------------------------------


def others_of(own: Organization) -> Sequence[Organization]:
    """With whom a partner can add a customer: a provider's resellers, a reseller's providers."""
    if own.programme == "indirect_provider":
        return organizations.resellers_of(own.id)
    return organizations.providers_of(own.id) if own.programme == "indirect_reseller" else []


def check_can_add(own: Organization) -> None:
    """Raises NoProvider for an indirect reseller that no provider has confirmed."""
    if own.programme == "indirect_reseller" and not others_of(own):
        raise NoProvider()


def parties_of(own: Organization, other: str) -> tuple[Organization, Organization | None]:
    """Partner and reseller of the relationship that creating begins; `other` is the id that was chosen, or empty.

    Raises NoProvider, NotPaired (the pairing has ended meanwhile).
    """
    check_can_add(own)
    others = others_of(own)
    chosen = next((each for each in others if str(each.id) == other), None)
    if own.programme == "indirect_reseller":
        if chosen is None and len(others) == 1 and not other:
            chosen = others[0]
        if chosen is None:
            raise NotPaired()
        return chosen, own
    if other and chosen is None:
        raise NotPaired()
    return own, chosen


# --- attesting ---------------------------------------------------------------------------------------------------


def attestation_obstacle(own: Organization) -> Refusal | None:
    """What keeps a partner from attesting for a customer that it adds, or None: its programme, or policy."""
    try:
        agreement_rules.check_may_attest(
            own.programme, allowed=policies.value("attestation.programmes"), today=clock.today("UTC"),
            last_day=date.fromisoformat(policies.value("attestation.last_day")), sells=True, customer="",
        )  # fmt: skip
    except (agreement_rules.ResellerCannotAttest, agreement_rules.AttestationClosed) as refusal:
        return refusal
    return None


def check_day(country: str, zone: str, day: date) -> AgreementText:
    """The text that was in force in a country on a day. Raises AgreedInFuture, NoTextOnDay."""
    agreement_rules.check_agreed_on(day, clock.today(zone))
    text = agreements.text_on(country, day, languages.language())
    first = min((each.effective_on for each in agreements.texts_of(country)), default=None)
    agreement_rules.check_text_on(text, country, day, first)
    assert text is not None
    return text


def title_for(country: str, zone: str) -> str:
    """What the agreement that applies in a country today is called in a box."""
    text = agreements.text_in_force(country, zone, languages.language())
    return agreements.title_of(text) if text is not None else str(_("Microsoft Customer Agreement"))


# --- domain and contact ------------------------------------------------------------------------------------------


def domain_fault(own: Organization, domain: str) -> str | None:
    """Why a domain cannot be a new customer's: "own" (the partner's), "taken"; None when it is available. It never says
    whose it is."""
    if organizations.is_own_address(own.id, f"a@{domain}"):
        return "own"
    taken = database.session().scalar(sa.select(Domain.id).where(Domain.name == domain))
    return "taken" if taken is not None or organizations.partner_holding(f"a@{domain}") is not None else None


def address_fault(own: Organization, address: str, but: UUID | None = None) -> str | None:
    """Why an address cannot be a customer's contact: "microsoft", "own" (in the partner's hands), "partner" (in another
    partner's), "used" (somebody else signs in with it; `but` is who may); None when it can."""
    if rules.is_microsofts(address):
        return "microsoft"
    if organizations.is_own_address(own.id, address):
        return "own"
    if organizations.partner_holding(address) is not None:
        return "partner"
    holder = people.person_by_address(address)
    return "used" if holder is not None and holder.id != but else None


# --- duplicates --------------------------------------------------------------------------------------------------


def duplicates_for(actor: Actor, values: Mapping[str, Any]) -> list[Duplicate]:
    """The customers that this partner sees and that are likely the same as a draft; nothing of others' customers."""
    wanted: list[sa.ColumnElement[bool]] = []
    if values.get("name"):
        wanted.append(Organization.name_key == name_key(values["name"]))
    if values.get("domain"):
        wanted.append(Organization.id.in_(sa.select(Domain.organization_id).where(Domain.name == values["domain"])))
    if values.get("address"):
        key = people.address_key(values["address"])
        wanted.append(Organization.id.in_(sa.select(Person.organization_id).where(Person.address_key == key)))
    if not wanted:
        return []
    own = sa.and_(Overview.customer_id == Organization.id, Overview.partner_id == actor.organization_id)
    rows = database.session().execute(
        sa.select(Organization.id, Organization.name)
        .join(Overview, own)  # before the limit: namesakes that are others' customers must not use it up
        .where(Organization.kind == "customer", sa.or_(*wanted))
        .order_by(Organization.name_key, Organization.id)
        .limit(50)
    )
    found = [known for row in rows if (known := _known(actor, row.id, row.name)) is not None]
    return rules.duplicates(values, found)


def _known(actor: Actor, customer_id: UUID, name: str) -> Known | None:
    """What this partner knows of a customer: profile and contact only where it sees the profile."""
    if customers.customer_for(actor, customer_id) is None:
        return None
    if customers.seen_customer(actor, customer_id) is None:
        return Known(customer_id, name)
    domains = frozenset(each.name for each in organizations.domains_of(customer_id))
    contacts = frozenset(each.address_key for each in organizations.people_of(customer_id))
    return Known(customer_id, name, domains, contacts)


def unseen_duplicates(actor: Actor, draft: CustomerDraft) -> list[Duplicate]:
    """The likely duplicates of a draft that nobody has yet said to be others."""
    return rules.unseen(duplicates_for(actor, draft.values), draft.values.get("dismissed", ()))


# --- the review --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Review:
    """What would be made of a draft, as the last page before it shows it. `text`: the version that is attested, if one is;
    `values` are the draft's. `renewal`: why what is attested must be renewed at once, if it must."""

    values: Mapping[str, Any]
    partner: Organization
    reseller: Organization | None
    zone: str
    text: AgreementText | None
    signatory: Signatory | None
    renewal: Renewal | None = None

    @property
    def contact_name(self) -> str:
        return full_name(self.values["given_name"], self.values["family_name"])

    @property
    def agreed_on(self) -> date | None:
        return rules.agreed_on(self.values) if self.text is not None else None

    @property
    def doubt(self) -> str | None:
        """What is odd with the name, see `rules.name_doubt`."""
        return rules.name_doubt(self.values["name"])

    @cached_property
    def boxes(self) -> dict[str, str]:
        """The literal words that the partner confirms by creating, in the reader's language: they become evidence."""
        if self.text is None or self.signatory is None or self.agreed_on is None:
            return {}
        name = full_name(self.signatory.given_name, self.signatory.family_name)
        customer = self.values["name"]
        return {
            "agreed": str(
                _("I confirm that %(name)s accepted the %(title)s, version %(version)s, for %(customer)s on %(day)s.")
                % {
                    "name": name, "title": agreements.title_of(self.text), "version": self.text.version,
                    "customer": customer, "day": pages.day_text(self.agreed_on),
                }
            ),
            "told": str(
                _("I know that %(customer)s is told of this within minutes, and that it can object.")
                % {"customer": customer}
            ),
        }  # fmt: skip

    @cached_property
    def evidence(self) -> dict[str, Any]:
        """What becomes evidence of an attestation."""
        if self.text is None:
            return {}
        return {
            "boxes": self.boxes,
            "language": languages.language(),
            "customer": self.values["name"],
            "agreed_on": self.values["agreed_on"],
            "text": {"version": self.text.version, "html_sha256": self.text.html_sha256},
            "renewal": self.renewal.as_shown() if self.renewal is not None else None,
        }

    @property
    def fingerprint(self) -> str:
        """SHA-256 (hex) over everything shown: another tab, or another day, may have changed it."""
        shown = {name: value for name, value in self.values.items() if name != "dismissed"}
        parties = [str(self.partner.id), str(self.reseller.id) if self.reseller is not None else ""]
        return agreement_rules.fingerprint({"values": shown, "parties": parties, "attested": self.evidence})


def review_of(draft: CustomerDraft, own: Organization) -> Review:
    """What would be made of a draft. Raises DraftIncomplete (with the page to go to), NoProvider, NotPaired."""
    values = draft.values
    missing = rules.step_missing(values, may_attest=attestation_obstacle(own) is None)
    if missing is None and values["country"] not in policies.value("countries.served"):
        missing = "company"
    rules.check_complete(missing, draft.id)
    try:
        return planned(values, own)
    except (agreement_rules.AgreedInFuture, agreement_rules.NoTextOnDay):
        rules.check_complete("agreement", draft.id)
        raise


def planned(values: Mapping[str, Any], own: Organization) -> Review:
    """What would be made of values that are whole. Raises NoProvider, NotPaired, AgreedInFuture, NoTextOnDay."""
    partner, reseller = parties_of(own, values.get("other", ""))
    zone = rules.zone_of(values["country"], values.get("region", ""))
    text, signatory, renewal = None, None, None
    if values["agreement"] == "attest":
        day = rules.agreed_on(values)
        assert day is not None
        text = check_day(values["country"], zone, day)
        signatory = signatory_of(values)
        consent = Consent("attested", day, text.effective_on, clock.now())
        renewal = attestations.renewal_of(consent, values["country"], zone)
    return Review(values, partner, reseller, zone, text, signatory, renewal)


def signatory_of(values: Mapping[str, Any]) -> Signatory:
    """Who agreed, as a draft says: its primary contact, unless somebody else was named."""
    named = values.get("signatory")
    if named:
        return Signatory(**{name: str(named.get(name, "")) for name in agreement_rules.SIGNATORY})
    return Signatory(values["given_name"], values["family_name"], values["address"], "")


# --- a customer that was added -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Added:
    """A customer that the actor's partner added, and the administrator that it made there. `open`: nobody has signed in
    yet, so that its address can be corrected."""

    customer: Organization
    contact: Person
    open: bool


def added_for(actor: Actor, customer_id: UUID) -> Added | None:
    """A customer that the actor's partner made, with the first administrator it made for it; None for any other."""
    customer = customers.seen_customer(actor, customer_id)
    if customer is None or customer.created_by_partner_id != actor.organization_id:
        return None
    contact = contact_made_by(actor.organization_id, customer_id)
    return Added(customer, contact, not anybody_signed_in(customer_id)) if contact is not None else None


def contact_made_by(partner_id: UUID, customer_id: UUID) -> Person | None:
    """The first administrator that a partner made at a customer, while that person can sign in."""
    return next(
        (
            each
            for each in organizations.people_with(customer_id, "global_administrator")
            if each.created_by_partner_id == partner_id
        ),
        None,
    )


def can_have_password(contact: Person) -> bool:
    """Whether a temporary password would sign a contact in: a code is left for its address."""
    return people.codes_left(contact) > 0


def anybody_signed_in(customer_id: UUID) -> bool:
    """Whether anybody of a customer ever proved a mailbox, and so signed in: whom a partner makes cannot without."""
    return (
        database.session().scalar(
            sa.select(Person.id).where(Person.organization_id == customer_id, Person.confirmed_at.is_not(None)).limit(1)
        )
        is not None
    )


def can_correct(customer: Organization, partner_id: UUID) -> bool:
    """Whether a partner can still correct the contact's address of a customer: it made both, and nobody signed in."""
    return (
        customer.created_by_partner_id == partner_id
        and contact_made_by(partner_id, customer.id) is not None
        and not anybody_signed_in(customer.id)
    )


def is_attested(customer: Organization) -> bool:
    """Whether what the customer needs to buy is there: then nothing has to be asked."""
    return agreements.standing_of_customer(customer).is_in_order
