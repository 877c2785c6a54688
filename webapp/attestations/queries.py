"""What a partner sees of a customer's agreement, and what it would attest."""

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
from webapp.accounts.models import Person
from webapp.actor import Actor, full_name
from webapp.agreements import queries as agreements
from webapp.agreements import rules as agreement_rules
from webapp.agreements.models import Acceptance, AgreementText, Attestation
from webapp.agreements.queries import ShownAttestation, Standing
from webapp.agreements.rules import Consent, Signatory
from webapp.customers import queries as customers
from webapp.errors import Refusal
from webapp.evidence import queries as evidence
from webapp.evidence.models import Document, Fact
from webapp.organizations import queries as organizations
from webapp.organizations.models import Organization
from webapp.relationships import queries as relationships
from webapp.relationships.rules import PartnerDistrusted


def customer_for(actor: Actor, customer_id: UUID) -> Organization | None:
    """A customer whose profile the actor's partner organization sees."""
    return customers.seen_customer(actor, customer_id)


def related_for(actor: Actor, customer_id: UUID) -> Organization | None:
    """The same where the actor's partner organization has an open reseller relationship with the customer, in either
    place."""
    found = customer_for(actor, customer_id)
    return found if found is not None and relationships.open_with_partner(customer_id, actor.organization_id) else None


def own_for(actor: Actor) -> Organization:
    """The actor's partner organization."""
    found = organizations.partner_by_id(actor.organization_id)
    assert found is not None
    return found


def obstacle(partner: Organization, customer: Organization) -> Refusal | None:
    """What keeps a partner from attesting for a customer: ResellerCannotAttest, AttestationClosed, NotTheSeller or
    PartnerDistrusted."""
    try:
        agreements.check_may_attest(partner, customer)
    except (
        agreement_rules.ResellerCannotAttest, agreement_rules.AttestationClosed, agreement_rules.NotTheSeller,
        PartnerDistrusted,
    ) as refusal:  # fmt: skip
        return refusal
    return None


# --- what would be attested --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Review:
    """What a partner would attest, as the last page before it shows it. `text`: the version in force on that day;
    `contact`: whom the notice goes to; `renewal`: why the customer still could not buy, or None."""

    partner: Organization
    customer: Organization
    signatory: Signatory
    agreed_on: date
    text: AgreementText
    contact: Person
    renewal: Renewal | None

    @property
    def name(self) -> str:
        """The name of who agreed."""
        return full_name(self.signatory.given_name, self.signatory.family_name)

    @property
    def contact_name(self) -> str:
        return full_name(self.contact.given_name, self.contact.family_name)

    @cached_property
    def boxes(self) -> dict[str, str]:
        """The literal words of the two boxes, in the reader's language: they become evidence."""
        customer = self.customer.name
        return {
            "agreed": str(
                _("I confirm that %(name)s accepted the %(title)s, version %(version)s, for %(customer)s on %(day)s.")
                % {
                    "name": self.name, "title": agreements.title_of(self.text), "version": self.text.version,
                    "customer": customer, "day": pages.day_text(self.agreed_on),
                }
            ),
            "told": str(
                _("I know that %(customer)s is told of this within minutes, and that it can object.")
                % {"customer": customer}
            ),
        }  # fmt: skip

    @cached_property
    def shown(self) -> dict[str, Any]:
        """Everything that the page shows, by part."""
        return {
            "boxes": self.boxes,
            "language": languages.language(),
            "customer": self.customer.name,
            "signatory": self.signatory.as_personal(),
            "agreed_on": self.agreed_on.isoformat(),
            "text": {"version": self.text.version, "html_sha256": self.text.html_sha256},
            "effective_on": self.text.effective_on.isoformat(),
            "contact": {"name": self.contact_name, "address": self.contact.address},
            "renewal": self.renewal.as_shown() if self.renewal is not None else None,
        }

    @property
    def evidence(self) -> dict[str, Any]:
        """What of it becomes evidence: all but who is told, whose name and address are not about this act, and who
        agreed, which stands there by itself."""
        return {name: value for name, value in self.shown.items() if name not in {"contact", "signatory"}}

    @property
    def fingerprint(self) -> str:
        """SHA-256 (hex) over everything shown."""
        return agreement_rules.fingerprint(self.shown)

    @property
    def parts(self) -> dict[str, str]:
        """A short digest of each part: enough to tell later what changed."""
        return agreement_rules.parts(self.shown)


def review_of(partner: Organization, customer: Organization, signatory: Signatory, agreed_on: date) -> Review:
    """What a partner would attest. Raises whatever `agreements.queries.check_attestation` raises."""
    text = agreements.check_attestation(partner, customer, signatory, agreed_on, languages.language())
    contact = agreements.primary_contact_of(customer.id)
    assert contact is not None
    consent = Consent("attested", agreed_on, text.effective_on, clock.now())
    return Review(
        partner, customer, signatory, agreed_on, text, contact, renewal_of(consent, customer.country, customer.zone)
    )


def saved_already(
    partner: Organization, customer: Organization, signatory: Signatory, agreed_on: date
) -> Attestation | None:
    """The newest attestation of a customer, when it says exactly this and the same partner saved it."""
    last = next(iter(agreements.attestations_of(customer.id)), None)
    if last is None or last.row.partner_id != partner.id or last.row.agreed_on != agreed_on:
        return None
    try:
        agreement_rules.check_differs(signatory, agreements.signatory_of(last.row))
    except agreement_rules.SameAttestation:
        return last.row
    return None


def changes_in_words(changes: Sequence[str]) -> list[str]:
    """Names of parts that differ between what was shown and what would be attested now, in words."""
    words = {
        "boxes": _("the words that you confirm"),
        "statement": _("the words that you confirm"),
        "language": _("the language"),
        "customer": _("the name of the customer"),
        "signatory": _("who accepted"),
        "agreed_on": _("the date of acceptance"),
        "text": _("the version of the agreement"),
        "effective_on": _("the day on which the version took effect"),
        "contact": _("who is told"),
        "renewal": _("whether it must be renewed"),
        "other": _("something else on the page"),
    }
    return [str(words[each]) for each in changes if each in words] or [str(words["other"])]


# --- what consent is worth ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Renewal:
    """Why a consent must be renewed. `before`: it was given before this day of the policy; `version` (with `since`): it
    was given to an earlier version than this one, which asks everybody again."""

    before: date | None
    version: str
    since: date | None

    def as_shown(self) -> dict[str, str]:
        """The facts as text."""
        return {"before": self.before.isoformat() if self.before else "", "version": self.version}


def renewal_of(consent: Consent, country: str, zone: str) -> Renewal | None:
    """Why a consent of a customer there must be renewed today, or None."""
    texts, today = agreements.texts_of(country), clock.today(zone)
    before, required = agreements.renew_before(zone), agreement_rules.required_since(texts, today)
    if not agreement_rules.is_stale(consent, renew_before=before, required=required):
        return None
    later = required is not None and consent.effective_on < required
    newest = next((each for each in texts if later and each.requires_renewal and each.effective_on == required), None)
    return Renewal(
        before if consent.agreed_on < before else None,
        newest.version if newest is not None else "",
        required if newest is not None else None,
    )


@dataclass(frozen=True)
class Event:
    """One entry of the history. `kind`: "accepted", "attested", "objected", "requested" (a reseller asked its provider)
    or "wanted" (the customer asked). `who`: a person, empty where its name is not the reader's or was erased; `words`: what
    was written with it."""

    kind: str
    at: datetime
    who: str = ""
    words: str = ""
    partner: str = ""
    acceptance: Acceptance | None = None
    text: AgreementText | None = None
    attestation: ShownAttestation | None = None
    own: bool = False


@dataclass(frozen=True)
class Picture:
    """A customer's agreement as a partner sees it. `standing`: what consent is worth today; `renewal`: why it must be
    renewed; `provided`: the newest direct acceptance, `attested`: the newest attestation, with `own` for the reader's;
    `asked`: what others asked since anybody agreed; `history`: everything, newest first."""

    standing: Standing
    renewal: Renewal | None
    provided: Event | None
    attested: Event | None
    asked: list[Event]
    history: list[Event]


def picture_of(actor: Actor, customer: Organization) -> Picture:
    """A customer's agreement as the actor's organization sees it, in a fixed number of queries.

    Who agreed, with address and telephone number, is shown to the partner that attested it, not to others.
    """
    standing = agreements.standing_of_customer(customer)
    events = [*_accepted(standing), *_attested(standing, actor), *_asked_for(actor, customer)]
    events.sort(key=lambda each: each.at, reverse=True)
    agreed = [each for each in events if each.kind in {"accepted", "attested"}]
    consents = agreements.consents(standing.acceptances, standing.attestations, customer.zone)
    newest = max(consents, key=lambda each: each.at, default=None)
    must_renew = newest is not None and standing.state == "must_renew"
    return Picture(
        standing,
        renewal_of(newest, customer.country, customer.zone) if newest is not None and must_renew else None,
        next((each for each in agreed if each.kind == "accepted"), None),
        next((each for each in agreed if each.kind == "attested"), None),
        [
            each for each in events
            if each.kind in {"requested", "wanted"} and (not agreed or each.at > agreed[0].at)
        ],
        events,
    )  # fmt: skip


def _accepted(standing: Standing) -> list[Event]:
    """Direct acceptances: who, when, which version, and no more."""
    personal = _personal_of([row.fact_id for row, _text in standing.acceptances])
    return [
        Event("accepted", row.at, who=personal.get(row.fact_id, {}).get("name", ""), acceptance=row, text=text)
        for row, text in standing.acceptances
    ]


def _attested(standing: Standing, actor: Actor) -> list[Event]:
    """Attestations, and the objections to them."""
    found = []
    for each in agreements.shown_attestations(standing.attestations):
        own = each.row.partner_id == actor.organization_id
        shown: dict[str, Any] = {"text": each.text, "attestation": each, "partner": each.partner, "own": own}
        found.append(Event("attested", each.row.at, who=each.attester if own else "", **shown))
        if each.objection is not None:
            found.append(Event("objected", each.objection.at, words=each.comment if own else "", **shown))
    return found


def _asked_for(actor: Actor, customer: Organization) -> list[Event]:
    """Requests to attest that concern the actor's organization: of a reseller, and of the customer itself."""
    facts = _requests(customer.id, sa.or_(*(column == actor.organization_id for column in _SIDES)), HISTORY)
    personal = _personal_of([each.id for each in facts])
    names = organizations.names_of({each.other_partner_id for each in facts if each.other_partner_id})
    return [
        Event(
            each.kind.partition(".")[2], each.at, who=personal.get(each.id, {}).get("actor_name", ""),
            words=personal.get(each.id, {}).get("reason", ""),
            partner=names.get(each.other_partner_id, "") if each.other_partner_id else "",
            own=each.other_partner_id == actor.organization_id,
        )
        for each in facts
    ]  # fmt: skip


#: So many requests are shown.
HISTORY = 100
REQUESTED = "attestation.requested"
_SIDES = (Fact.partner_id, Fact.other_partner_id)


def _requests(customer_id: UUID, condition: sa.ColumnElement[bool], limit: int) -> Sequence[Fact]:
    return (
        database.session()
        .scalars(
            sa.select(Fact)
            .where(Fact.customer_id == customer_id, Fact.kind.in_((REQUESTED, "attestation.wanted")), condition)
            .order_by(Fact.at.desc(), Fact.id.desc())
            .limit(limit)
        )
        .all()
    )


def _personal_of(fact_ids: Sequence[UUID]) -> Mapping[UUID, Mapping[str, str]]:
    """The personal values of several facts by name, in two queries; erased ones are missing."""
    if not fact_ids:
        return {}
    facts = database.session().scalars(sa.select(Fact).where(Fact.id.in_(fact_ids))).all()
    records = {fact.id: evidence.record_of(fact) for fact in facts}
    values = evidence.personal_values(records.values())
    return {
        fact_id: {name: values[entry["id"]] for name, entry in record["personal"].items() if entry["id"] in values}
        for fact_id, record in records.items()
    }


# --- as the API tells it -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Confirmation:
    """A partner's confirmation as Partner Center has it. `contact`: who agreed, by the names of SIGNATORY; empty where the
    reader is not the partner that confirmed it, or it was erased."""

    row: Attestation
    template_id: UUID
    contact: Mapping[str, str]


def confirmations_of(actor: Actor, customer: Organization, type_: str) -> list[Confirmation]:
    """What partners confirmed for a customer (of a type; `*`: of all), newest first, in a fixed number of queries. What the
    customer accepted itself is none of it."""
    types = [agreement_rules.CUSTOMER_AGREEMENT] if type_ == "*" else [type_]
    found = []
    for each in agreements.shown_attestations(
        [each for type_ in types for each in agreements.attestations_of(customer.id, type_)]
    ):
        own = each.row.partner_id == actor.organization_id
        template_id = agreement_rules.template_id(each.row.type, each.text.version)
        found.append(Confirmation(each.row, template_id, each.signatory if own else {}))
    return found


# --- asking the provider -----------------------------------------------------------------------------------------


def requested_at(customer_id: UUID, reseller_id: UUID, provider_id: UUID) -> datetime | None:
    """When a reseller last asked a provider to attest for a customer."""
    return database.session().scalar(
        sa.select(sa.func.max(Fact.at)).where(
            Fact.customer_id == customer_id,
            Fact.other_partner_id == reseller_id,
            Fact.partner_id == provider_id,
            Fact.kind == REQUESTED,
        )
    )


def request_words(reseller: Organization, customer: Organization) -> str:
    """The prepared text of a request, in the reader's language."""
    return str(
        _(
            "Please confirm in Countersign that %(customer)s accepted the Microsoft Customer Agreement. As an indirect"
            " reseller, %(reseller)s cannot do it itself. Write to us when you need to know who accepted it, and when.",
            customer=customer.name,
            reseller=reseller.name,
        )
    )


# --- the proof ---------------------------------------------------------------------------------------------------


def with_proof_of(actor: Actor, customer_id: UUID, attestation_id: UUID) -> Attestation | None:
    """An attestation with a proof, for the partner that attested and keeps it."""
    found = agreements.attestation_by_id(attestation_id)
    if found is None or found.proof_sha256 is None:
        return None
    own = found.partner_id == actor.organization_id and found.customer_id == customer_id
    return found if own else None


def with_proof_about(actor: Actor, attestation_id: UUID) -> Attestation | None:
    """An attestation with a proof, for the customer that it is about: what is said in its name, and with what, it can
    look at before it objects."""
    found = agreements.attestation_for(actor, attestation_id)
    return found if found is not None and found.proof_sha256 is not None else None


def proof_of(attestation: Attestation) -> Document:
    """The file that is kept with an attestation."""
    found = evidence.document(attestation.proof_sha256 or "")
    assert found is not None
    return found
