"""Reading published texts and acceptances."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from urllib.parse import quote
from uuid import UUID

import sqlalchemy as sa
from flask import current_app
from flask_babel import gettext as _
from sqlalchemy.orm import aliased

from webapp import clock, database, tokens
from webapp.accounts.models import Person
from webapp.accounts.rules import LinkUsedOrExpired
from webapp.actor import Actor
from webapp.agreements import changes, rules
from webapp.agreements.changes import Changes
from webapp.agreements.models import Acceptance, AgreementText, Attestation, Objection
from webapp.agreements.rules import CUSTOMER_AGREEMENT, SIGNATORY, Consent
from webapp.errors import Refusal
from webapp.evidence import queries as evidence
from webapp.evidence.models import Fact, PersonalFact
from webapp.messages import queries as outbox
from webapp.messages.queries import Delivery
from webapp.organizations import queries as organizations
from webapp.organizations.models import Organization
from webapp.organizations.rules import AddressOfPartner
from webapp.policies import queries as policies
from webapp.relationships import actions as relationship_actions
from webapp.relationships import queries as relationships
from webapp.subscriptions import queries as subscriptions
from webapp.tokens import Token


def texts_of(country: str, type_: str = CUSTOMER_AGREEMENT) -> Sequence[AgreementText]:
    """Every published text of a type in a country, newest effective day first."""
    return (
        database.session()
        .scalars(
            sa.select(AgreementText)
            .where(AgreementText.type == type_, AgreementText.country == country)
            .order_by(AgreementText.effective_on.desc(), AgreementText.published_at.desc())
        )
        .all()
    )


def text_in_force(country: str, zone: str, language: str, type_: str = CUSTOMER_AGREEMENT) -> AgreementText | None:
    """The text that applies today, in the reader's language where the country offers it, else another offered one."""
    texts = texts_of(country, type_)
    newest = rules.newest_in_force(texts, clock.today(zone))
    if newest is None:
        return None
    same = [text for text in texts if text.version == newest.version]
    return next((text for text in same if text.language == language), newest)


def text_by_id(text_id: UUID) -> AgreementText | None:
    """One published text."""
    return database.session().get(AgreementText, text_id)


def html_of(text: AgreementText) -> str:
    """The published HTML, as it was rendered once."""
    document = evidence.document(text.html_sha256)
    if document is None:
        raise RuntimeError("a published document is missing")
    return document.content.decode()


def acceptances_of(customer_id: UUID, type_: str = CUSTOMER_AGREEMENT) -> Sequence[tuple[Acceptance, AgreementText]]:
    """A customer's acceptances with their texts, newest first."""
    rows = database.session().execute(
        sa.select(Acceptance, AgreementText)
        .join(AgreementText, AgreementText.id == Acceptance.text_id)
        .where(Acceptance.customer_id == customer_id, Acceptance.type == type_)
        .order_by(Acceptance.at.desc())
    )
    return [(row[0], row[1]) for row in rows]


def acceptance_in_force(customer_id: UUID, type_: str = CUSTOMER_AGREEMENT) -> tuple[Acceptance, AgreementText] | None:
    """The newest acceptance, which no later one replaces."""
    return next(iter(acceptances_of(customer_id, type_)), None)


def acceptance_by_id(acceptance_id: UUID) -> Acceptance | None:
    """One acceptance."""
    return database.session().get(Acceptance, acceptance_id)


def is_current(customer: Organization, type_: str = CUSTOMER_AGREEMENT) -> bool:
    """Whether the customer accepted the version that applies today, and need not renew that: nothing is left to accept."""
    accepted = acceptance_in_force(customer.id, type_)
    newest = rules.newest_in_force(texts_of(customer.country, type_), clock.today(customer.zone))
    if accepted is None or newest is None or accepted[1].version != newest.version:
        return False
    return clock.day_of(accepted[0].at, customer.zone) >= renew_before(customer.zone)


def signed_by(person_id: UUID) -> Sequence[tuple[Acceptance, AgreementText]]:
    """What a person accepted, newest first."""
    rows = database.session().execute(
        sa.select(Acceptance, AgreementText)
        .join(AgreementText, AgreementText.id == Acceptance.text_id)
        .where(Acceptance.person_id == person_id)
        .order_by(Acceptance.at.desc())
    )
    return [(row[0], row[1]) for row in rows]


def text_for(_actor: Actor, text_id: UUID) -> AgreementText | None:
    """A published text: whoever is signed in may read it, in force or not."""
    return text_by_id(text_id)


def receipt_for(actor: Actor, acceptance_id: UUID) -> Acceptance | None:
    """An acceptance of the actor's own organization."""
    found = acceptance_by_id(acceptance_id)
    return found if found is not None and found.customer_id == actor.organization_id else None


@dataclass(frozen=True)
class Published:
    """A version in one country with its languages, and where it stands: "in_force", "future" or "past"."""

    text: AgreementText
    texts: Sequence[AgreementText]
    standing: str


def versions_for(country: str, zone: str, language: str, type_: str = CUSTOMER_AGREEMENT) -> list[Published]:
    """Every version of a country, newest first, each represented by the text in the reader's language."""
    texts = texts_of(country, type_)
    today = clock.today(zone)
    newest = rules.newest_in_force(texts, today)
    found: dict[str, list[AgreementText]] = {}
    for text in texts:
        found.setdefault(text.version, []).append(text)
    return [
        Published(
            next((text for text in same if text.language == language), same[0]),
            sorted(same, key=lambda text: text.language),
            rules.standing_of(same[0].effective_on, version, newest.version if newest else None, today),
        )
        for version, same in found.items()
    ]


def standing_of(text: AgreementText, zone: str) -> str:
    """Where a text stands today: "in_force", "future" or "past"."""
    today = clock.today(zone)
    newest = rules.newest_in_force(texts_of(text.country, text.type), today)
    return rules.standing_of(text.effective_on, text.version, newest.version if newest else None, today)


def other_languages(text: AgreementText) -> list[AgreementText]:
    """The same version of the same country in its other languages."""
    same = texts_of(text.country, text.type)
    return [each for each in same if each.version == text.version and each.language != text.language]


def signer_of(acceptance: Acceptance) -> str:
    """The signer's name as it was signed; empty once it was erased."""
    fact = evidence.fact_by_id(acceptance.fact_id)
    if fact is None:
        return ""
    record = evidence.record_of(fact)
    entry = record["personal"].get("name")
    return evidence.personal_values([{"personal": {"name": entry}}]).get(entry["id"], "") if entry else ""


@dataclass(frozen=True)
class ShownToPartner:
    """All that a partner learns of an acceptance: who, when, which version. Never address, browser or salts."""

    reference: str
    name: str
    at: datetime
    version: str
    language: str


def shown_to_partner(acceptance: Acceptance) -> ShownToPartner:
    """A customer's acceptance as its partner may see it."""
    text = text_by_id(acceptance.text_id)
    assert text is not None
    return ShownToPartner(acceptance.reference, signer_of(acceptance), acceptance.at, text.version, text.language)


def commitment(text: AgreementText, organization: str) -> str:
    """The literal words of the box by which an organization accepts a text, in the reader's language."""
    return str(
        _("I accept the %(title)s, version %(version)s, for %(organization)s")
        % {"title": title_of(text), "version": text.version, "organization": organization}
    )


def authority_words(organization: str) -> str:
    """The literal words of the box by which the signer says that it may bind the organization."""
    return str(_("I have the authority to bind %(organization)s") % {"organization": organization})


def title_of(text: AgreementText) -> str:
    """What the box and the pages call an agreement: a sample never goes by the name of Microsoft's."""
    return str(_("sample customer agreement")) if text.is_sample else str(_("Microsoft Customer Agreement"))


def all_texts() -> Sequence[AgreementText]:
    """Every published text, by country, newest first: what the operator lists."""
    return (
        database.session()
        .scalars(
            sa.select(AgreementText).order_by(
                AgreementText.country, AgreementText.type, AgreementText.effective_on.desc(), AgreementText.language
            )
        )
        .all()
    )


# --- as the API names them ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Template:
    """An agreement by its version, in whatever countries and languages it is published: Partner Center's template.
    `version_rank`: 0 for the first published version of its type, 1 for the next. `effective_on`: the first day on which it
    was in force anywhere."""

    template_id: UUID
    agreement_type: str
    version: str
    version_rank: int
    agreement_link: str
    effective_on: date


def templates(type_: str = "*") -> list[Template]:
    """Every template of a type (`*`: of all), newest version first; one query."""
    rows = database.session().execute(
        sa.select(AgreementText.type, AgreementText.version, sa.func.min(AgreementText.effective_on).label("first"))
        .group_by(AgreementText.type, AgreementText.version)
        .order_by(AgreementText.type, sa.func.min(AgreementText.effective_on), AgreementText.version)
    )
    ranks, found = dict[str, int](), list[Template]()
    for row in rows:
        rank = ranks[row.type] = ranks.get(row.type, -1) + 1
        id_ = rules.template_id(row.type, row.version)
        found.append(Template(id_, row.type, row.version, rank, agreement_link(), row.first))
    return [each for each in reversed(found) if type_ in {"*", each.agreement_type}]


def current_templates(type_: str = "*") -> list[Template]:
    """The newest version of each type that is in force anywhere today (UTC): what there is to accept."""
    today, found = clock.today("UTC"), dict[str, Template]()
    for each in templates(type_):
        if each.effective_on <= today:
            found.setdefault(each.agreement_type, each)
    return list(found.values())


def agreement_link() -> str:
    """Where a customer reads and accepts its agreement."""
    return f"{current_app.config['PUBLIC_URL']}/agreement"


def template_by_id(template_id: UUID) -> Template | None:
    """A template, in force or not."""
    return next((each for each in templates() if each.template_id == template_id), None)


def text_of_template(template: Template, country: str, language: str) -> AgreementText | None:
    """A template's text in a country, in a language ("ja-JP") where it is offered, else in another. None where it is not
    published in that country."""
    texts = [each for each in texts_of(country, template.agreement_type) if each.version == template.version]
    return rules.in_language(texts, language)


#: What a link to a published text leads to: the page, or the Markdown that it was made of.
DISPLAY, DOWNLOAD = "display", "download"


def document_link(text: AgreementText, use: str) -> str:
    """A link to a published text (`use`: DISPLAY or DOWNLOAD) that works for anybody who holds it, for five minutes; no two
    are the same. It names the key that signed it."""
    key_id = next(iter(current_app.config["KEYS"]))
    until = int((clock.now() + rules.DOCUMENT_LASTS).timestamp())
    said = f"{key_id}.{use}.{text.id.hex}.{until}.{secrets.token_hex(8)}"
    proof = tokens.keyed_digest(said, about=_DOCUMENT, key_id=key_id)
    return f"{current_app.config['PUBLIC_URL']}/agreement-documents/{quote(f'{said}.{proof}')}"


_DOCUMENT = "agreement document"


def document_by(secret: str) -> tuple[AgreementText, str]:
    """The text that a link leads to, and its use. LookupError for what is no link of ours. Raises DocumentLinkOver."""
    said, _dot, proof = secret.rpartition(".")
    key_id, *rest = said.rsplit(".", 4)
    if key_id not in current_app.config["KEYS"] or len(rest) != 4:
        raise LookupError("no link")
    if not hmac.compare_digest(tokens.keyed_digest(said, about=_DOCUMENT, key_id=key_id).encode(), proof.encode()):
        raise LookupError("no link")
    use, text_id, until, _nonce = rest
    if clock.now().timestamp() >= int(until):
        raise rules.DocumentLinkOver()
    text = text_by_id(UUID(text_id))
    if text is None:
        raise LookupError("no text")
    return text, use


def source_of(text: AgreementText) -> bytes:
    """The Markdown that was published, byte by byte."""
    document = evidence.document(text.source_sha256)
    if document is None:
        raise RuntimeError("a published document is missing")
    return document.content


# --- attestations and what consent is worth ----------------------------------------------------------------------


@dataclass(frozen=True)
class Attested:
    """An attestation with its text and the objection to it, if there is one."""

    row: Attestation
    text: AgreementText
    objection: Objection | None


def attestations_of(customer_id: UUID, type_: str = CUSTOMER_AGREEMENT) -> Sequence[Attested]:
    """A customer's attestations, newest first."""
    rows = database.session().execute(
        sa.select(Attestation, AgreementText, Objection)
        .join(AgreementText, AgreementText.id == Attestation.text_id)
        .outerjoin(Objection, Objection.attestation_id == Attestation.id)
        .where(Attestation.customer_id == customer_id, Attestation.type == type_)
        .order_by(Attestation.at.desc(), Attestation.id)
    )
    return [Attested(row[0], row[1], row[2]) for row in rows]


def attestation_by_id(attestation_id: UUID) -> Attestation | None:
    """One attestation."""
    return database.session().get(Attestation, attestation_id)


def objection_to(attestation_id: UUID) -> Objection | None:
    """The objection to an attestation."""
    return database.session().scalar(sa.select(Objection).where(Objection.attestation_id == attestation_id))


def signatory_of(attestation: Attestation) -> dict[str, str]:
    """Who agreed, by the names of SIGNATORY; empty once it was erased."""
    fact = evidence.fact_by_id(attestation.fact_id)
    if fact is None:
        return {}
    entries = {k: v for k, v in evidence.record_of(fact)["personal"].items() if k in SIGNATORY}
    values = evidence.personal_values([{"personal": entries}])
    return {name: values[entry["id"]] for name, entry in entries.items() if entry["id"] in values}


def text_on(country: str, day: date, language: str, type_: str = CUSTOMER_AGREEMENT) -> AgreementText | None:
    """The text that was in force on a day, in a language where the country offers it, else another offered one."""
    texts = texts_of(country, type_)
    newest = rules.newest_in_force(texts, day)
    if newest is None:
        return None
    same = [text for text in texts if text.version == newest.version]
    return next((text for text in same if text.language == language), newest)


@dataclass(frozen=True)
class Standing:
    """What a customer's consent is worth today. `state`: one of `rules.CONSENT_STATES`; `acceptances` and `attestations`
    newest first."""

    state: str
    acceptances: Sequence[tuple[Acceptance, AgreementText]] = field(default_factory=list)
    attestations: Sequence[Attested] = field(default_factory=list)

    @property
    def provided(self) -> bool:
        """Whether the customer accepted directly ("Customer acceptance through Microsoft: Provided")."""
        return bool(self.acceptances)

    @property
    def is_in_order(self) -> bool:
        """Whether the customer can buy."""
        return self.state in rules.IN_ORDER

    @property
    def agreed_before(self) -> bool:
        """Whether anybody ever accepted or attested."""
        return bool(self.acceptances or self.attestations)


def standing_of_customer(customer: Organization, type_: str = CUSTOMER_AGREEMENT) -> Standing:
    """What a customer's consent is worth today: who agreed, who attested, and whether it must be renewed."""
    acceptances, attestations = acceptances_of(customer.id, type_), attestations_of(customer.id, type_)
    state = rules.consent_state(
        consents(acceptances, attestations, customer.zone),
        renew_before=renew_before(customer.zone),
        required=rules.required_since(texts_of(customer.country, type_), clock.today(customer.zone)),
    )
    return Standing(state, acceptances, attestations)


def consents(
    acceptances: Sequence[tuple[Acceptance, AgreementText]], attestations: Sequence[Attested], zone: str
) -> list[Consent]:
    """Both kinds of consent as the rules compare them; `zone` is the customer's."""
    found = [Consent("accepted", clock.day_of(a.at, zone), text.effective_on, a.at) for a, text in acceptances]
    for each in attestations:
        objected_at = each.objection.at if each.objection is not None else None
        found.append(Consent("attested", each.row.agreed_on, each.text.effective_on, each.row.at, objected_at))
    return found


def renew_before(zone: str = "UTC") -> date:
    """Consent given before this day must be renewed (policy, once that day has come in the customer's zone)."""
    return rules.renewed_since(date.fromisoformat(policies.value("agreement.renew_before")), clock.today(zone))


def sells_to(partner_id: UUID, customer_id: UUID) -> bool:
    """Whether a partner sells to a customer itself: it is the direct-bill partner or the provider of an open
    relationship, not its reseller."""
    return any(each.partner_id == partner_id for each in relationships.open_with_partner(customer_id, partner_id))


def providers_for(reseller_id: UUID, customer_id: UUID) -> list[Organization]:
    """The providers through which an indirect reseller sells to a customer."""
    ids = {
        each.partner_id
        for each in relationships.open_with_partner(customer_id, reseller_id)
        if each.reseller_id == reseller_id
    }
    rows = [organizations.organization_by_id(each) for each in ids]
    return sorted((row for row in rows if row is not None), key=lambda row: row.name_key)


def check_may_attest(partner: Organization, customer: Organization) -> None:
    """Raises ResellerCannotAttest, AttestationClosed, NotTheSeller, PartnerDistrusted: what a partner is told before it
    fills in a form."""
    rules.check_may_attest(
        partner.programme, allowed=policies.value("attestation.programmes"), today=clock.today("UTC"),
        last_day=date.fromisoformat(policies.value("attestation.last_day")),
        sells=sells_to(partner.id, customer.id), customer=customer.name,
        providers=[each.name for each in providers_for(partner.id, customer.id)],
    )  # fmt: skip
    relationship_actions.check_trusted(customer.id, partner.id)


def is_attesting_open(programme: str | None) -> bool:
    """Whether policy lets anybody attest what a partner of this programme sells: itself, or an indirect reseller's
    provider. Policy alone: whether it sells, and the customer knows it, is asked by `check_may_attest`."""
    return rules.is_attesting_open(
        "indirect_provider" if programme == "indirect_reseller" else programme,
        allowed=policies.value("attestation.programmes"), today=clock.today("UTC"),
        last_day=date.fromisoformat(policies.value("attestation.last_day")),
    )  # fmt: skip


def primary_contact_of(customer_id: UUID) -> Person | None:
    """Who is told of every attestation: the customer's global administrator who is there the longest; one whose mailbox is
    confirmed comes first, since an address that a partner typed may be read by that partner."""
    found = organizations.people_with(customer_id, "global_administrator")
    return min(found, key=lambda each: (each.confirmed_at is None, each.created_at, each.id), default=None)


def check_signatory(partner: Organization, email: str) -> None:
    """Raises AddressOfPartner when whoever is said to have agreed for the customer reads its mail at the partner."""
    if organizations.is_own_address(partner.id, email):
        raise AddressOfPartner(partner=partner.name)


def check_attestation(
    partner: Organization, customer: Organization, signatory: rules.Signatory, agreed_on: date, language: str
) -> AgreementText:
    """The text that an attestation would be for, after everything that may refuse it: what the review page shows and the
    action asks again.

    Raises ResellerCannotAttest, AttestationClosed, NotTheSeller, PartnerDistrusted, AgreedInFuture, NoTextOnDay,
    SameAttestation, AddressOfPartner, NobodyToTell.
    """
    check_may_attest(partner, customer)
    check_signatory(partner, signatory.email)
    rules.check_agreed_on(agreed_on, clock.today(customer.zone))
    text = text_on(customer.country, agreed_on, language)
    first = min((each.effective_on for each in texts_of(customer.country)), default=None)
    rules.check_text_on(text, customer.country, agreed_on, first)
    assert text is not None
    last = next(iter(attestations_of(customer.id, text.type)), None)
    if last is not None:
        # whoever may attest sells to the customer, and its pages name the partner that attested
        names = organizations.names_of({last.row.partner_id})
        rules.check_differs(signatory, signatory_of(last.row), at=last.row.at, by=names[last.row.partner_id])
    rules.check_receiver(primary_contact_of(customer.id) is not None)
    return text


#: The message that tells a customer of an attestation.
NOTICE = "attested"


def notice_of(attestation_id: UUID) -> Delivery | None:
    """What became of the notice of an attestation: `state`, `due_at`, `handed_over_at`, `late_by`. None once its row
    is gone."""
    return notices_of([attestation_id]).get(attestation_id)


def notices_of(attestation_ids: Collection[UUID]) -> dict[UUID, Delivery]:
    """The same for several attestations, in one query."""
    return outbox.deliveries_of(attestation_ids, NOTICE)


def open_objection(secret: str) -> tuple[Token, Attestation]:
    """The link of a notice and the attestation it is about, to object to. Raises AlreadyObjected, LinkUsedOrExpired."""
    token, attestation, objection = objection_link(secret)
    rules.check_first_objection(objection.at if objection is not None else None)
    return token, attestation


def objection_link(secret: str) -> tuple[Token, Attestation, Objection | None]:
    """The link of a notice, the attestation it is about, and the objection to that: with one, the link goes on saying so.

    Raises LinkUsedOrExpired.
    """
    token = tokens.found_by(secret, "objection")
    attestation = attestation_by_id(UUID(token.facts["attestation_id"])) if token is not None else None
    objection = objection_to(attestation.id) if attestation is not None else None
    if token is None or attestation is None or (objection is None and not token.is_open(clock.now())):
        raise LinkUsedOrExpired(purpose="objection")
    return token, attestation, objection


def attestation_for(actor: Actor, attestation_id: UUID) -> Attestation | None:
    """An attestation about the actor's own organization."""
    found = attestation_by_id(attestation_id)
    return found if found is not None and found.customer_id == actor.organization_id else None


def is_replaced(attestation: Attestation) -> bool:
    """Whether a later attestation took the place of this one."""
    found = sa.select(Attestation.id).where(Attestation.replaces_id == attestation.id)
    return database.session().scalar(found) is not None


@dataclass(frozen=True)
class ShownAttestation:
    """An attestation with everything that a page says of it.

    `partner`: its name; `attester`: the name of its person; `signatory`: by the names of SIGNATORY; names are empty once
    they were erased. `objector`: who objected on the page, empty for the link; `comment`: what was said. `notice`: what
    became of the mail to the customer.
    """

    row: Attestation
    text: AgreementText
    objection: Objection | None
    partner: str
    attester: str
    signatory: dict[str, str]
    objector: str
    comment: str
    notice: Delivery | None


def shown_attestations(attestations: Sequence[Attested]) -> list[ShownAttestation]:
    """Attestations as pages tell them, in a fixed number of queries. For the customer, or the partner that attested: they
    name people."""
    ids = {each.row.fact_id for each in attestations} | {
        each.objection.fact_id for each in attestations if each.objection
    }
    facts = database.session().scalars(sa.select(Fact).where(Fact.id.in_(list(ids)))).all() if ids else []
    records = {fact.id: evidence.record_of(fact) for fact in facts}
    values = evidence.personal_values(records.values())
    partners = organizations.names_of({each.row.partner_id for each in attestations})
    notices = notices_of([each.row.id for each in attestations])

    def personal(fact_id: UUID | None) -> dict[str, str]:
        entries = records[fact_id]["personal"] if fact_id is not None else {}
        return {name: values[entry["id"]] for name, entry in entries.items() if entry["id"] in values}

    found = []
    for each in attestations:
        made, denied = personal(each.row.fact_id), personal(each.objection.fact_id if each.objection else None)
        found.append(
            ShownAttestation(
                each.row, each.text, each.objection, partner=partners.get(each.row.partner_id, ""),
                attester=made.get("actor_name", ""), signatory={name: made[name] for name in SIGNATORY if name in made},
                objector=denied.get("actor_name", ""), comment=denied.get("reason", ""), notice=notices.get(each.row.id),
            )
        )  # fmt: skip
    return found


@dataclass(frozen=True)
class AttestationAct:
    """An attestation ("attested") or an objection ("objected") whose evidence holds values of a person (their ids).
    `has_proof`: whether a file is kept with the attestation."""

    kind: str
    attestation_id: UUID
    reference: str
    at: datetime
    personal: frozenset[UUID]
    has_proof: bool


def attestation_acts_of(person_id: UUID) -> list[AttestationAct]:
    """The attestations that a person made or was named in, and the objections it made."""
    person = database.session().get(Person, person_id)
    assert person is not None
    concerns = sa.or_(Attestation.person_id == person_id, Attestation.customer_id == person.organization_id)
    made = sa.select(Attestation, Attestation.fact_id, Attestation.at).where(concerns)
    denied = sa.select(Attestation, Objection.fact_id, Objection.at).join(
        Objection, Objection.attestation_id == Attestation.id
    )
    acts = [("attested", *row) for row in database.session().execute(made)]
    acts += [("objected", *row) for row in database.session().execute(denied.where(concerns))]
    found = []
    for kind, attestation, fact_id, at in acts:
        own = _personal_of(fact_id, person_id)
        if own:
            proof = attestation.proof_sha256 is not None
            found.append(AttestationAct(kind, attestation.id, attestation.reference, at, own, proof))
    return found


def _personal_of(fact_id: UUID, person_id: UUID) -> frozenset[UUID]:
    """The ids of the personal values of a fact that belong to a person."""
    fact = evidence.fact_by_id(fact_id)
    assert fact is not None
    ids = [UUID(entry["id"]) for entry in evidence.record_of(fact)["personal"].values()]
    kept = sa.select(PersonalFact.id).where(PersonalFact.id.in_(ids), PersonalFact.person_id == person_id)
    return frozenset(database.session().scalars(kept))


@dataclass(frozen=True)
class Before:
    """The consent that a new acceptance follows: the newest version that the customer accepted, or that a partner said it
    did (`partner`: its name, else empty).

    `agreed_on` is the customer's day; `why` it must be renewed: see `rules.why_stale`.
    """

    text: AgreementText
    agreed_on: date
    at: datetime
    why: str
    partner: str = ""


def consent_before(customer: Organization, standing: Standing | None = None) -> Before | None:
    """What a customer would renew; None where nobody ever agreed, or the customer denies it."""
    known = standing or standing_of_customer(customer)
    found = [Before(text, clock.day_of(row.at, customer.zone), row.at, "") for row, text in known.acceptances[:1]]
    for each in known.attestations:
        if each.objection is None:
            partner = organizations.names_of({each.row.partner_id})[each.row.partner_id]
            found.append(Before(each.text, each.row.agreed_on, each.row.at, "", partner))
            break
    newest = max(found, key=lambda each: (each.text.effective_on, each.at), default=None)
    if newest is None:
        return None
    why = rules.why_stale(
        Consent("", newest.agreed_on, newest.text.effective_on, newest.at), renew_before=renew_before(customer.zone),
        required=rules.required_since(texts_of(customer.country, newest.text.type), clock.today(customer.zone)),
    )  # fmt: skip
    return replace(newest, why=why)


@dataclass(frozen=True)
class Reason:
    """Why a customer is asked again: `why` as in `rules.why_stale`, `required` the version that requires it (empty for
    the policy's `day`). `text`: what applies now, in the language asked for."""

    why: str
    required: str
    day: date
    text: AgreementText

    @property
    def key(self) -> str:
        """A customer is told once of each."""
        return rules.renewal_key(self.why, self.required, self.day)


def reason_to_renew(customer: Organization, language: str = "en") -> Reason | None:
    """Why a customer has to renew its consent; None where it need not, or has nothing to renew."""
    standing = standing_of_customer(customer)
    if standing.state != "must_renew":
        return None
    before = consent_before(customer, standing)
    text = text_in_force(customer.country, customer.zone, language)
    if before is None or text is None:
        return None
    required = rules.requiring(texts_of(customer.country), clock.today(customer.zone))
    version = required.version if before.why == "version" and required is not None else ""
    return Reason(before.why, version, renew_before(customer.zone), text)


#: A day begins up to so much earlier somewhere than in UTC.
_EARLIEST_ZONE = timedelta(hours=14)


def perhaps_stale(after: UUID | None, limit: int) -> Sequence[UUID]:
    """Open customers that agreed once and whose consent may be stale, by id: whoever agreed lately enough, whatever its
    zone, is left out. `reason_to_renew` says who really has to."""
    latest = (clock.now() + _EARLIEST_ZONE).date()
    day = rules.renewed_since(date.fromisoformat(policies.value("agreement.renew_before")), latest)
    requiring = aliased(AgreementText)
    required = (
        sa.select(sa.func.max(requiring.effective_on))
        .where(
            requiring.type == CUSTOMER_AGREEMENT, requiring.country == Organization.country,
            requiring.requires_renewal.is_(True), requiring.effective_on <= latest,
        )
        .correlate(Organization)
        .scalar_subquery()
    )  # fmt: skip
    to_good_text = AgreementText.effective_on >= sa.func.coalesce(required, date.min)
    accepted = sa.exists().where(Acceptance.customer_id == Organization.id, Acceptance.type == CUSTOMER_AGREEMENT)
    attested = sa.exists().where(Attestation.customer_id == Organization.id, Attestation.type == CUSTOMER_AGREEMENT)
    accepted_lately = accepted.where(
        Acceptance.text_id == AgreementText.id,
        Acceptance.at >= datetime.combine(max(day, _ANCIENT) + timedelta(days=1), time(), UTC),
        to_good_text,
    )
    attested_lately = attested.where(
        Attestation.text_id == AgreementText.id,
        Attestation.agreed_on >= day,
        ~sa.exists().where(Objection.attestation_id == Attestation.id),
        to_good_text,
    )
    found = sa.select(Organization.id).where(
        Organization.kind == "customer", Organization.disabled_at.is_(None), sa.or_(accepted, attested),
        ~accepted_lately, ~attested_lately,
    )  # fmt: skip
    if after is not None:
        found = found.where(Organization.id > after)
    return database.session().scalars(found.order_by(Organization.id).limit(limit)).all()


#: Nothing is recorded from before this day.
_ANCIENT = date(1970, 1, 1)


@dataclass(frozen=True)
class Position:
    """Where a customer stands: what its consent is worth, the `text` in force in the reader's language, whether it accepted
    that (`current`), and what a new acceptance would follow (`before`), with what changed since.

    `compared`: the earlier version in the language of `text`, None where there is none. `confirmers`: whom it has to ask,
    because it cannot accept by itself.
    """

    standing: Standing
    text: AgreementText | None
    current: bool
    before: Before | None
    compared: AgreementText | None
    confirmers: Sequence[Asked]

    @property
    def changes(self) -> Changes | None:
        """What differs between the two."""
        if self.compared is None or self.text is None:
            return None
        return changes_between(self.compared, self.text)


def position_of(customer: Organization, language: str) -> Position:
    """Where a customer stands with the agreement today."""
    standing, current = standing_of_customer(customer), is_current(customer)
    text = text_in_force(customer.country, customer.zone, language)
    before = consent_before(customer, standing) if text is not None and not current else None
    compared = compared_with(before.text, text) if before is not None and text is not None else None
    return Position(standing, text, current, before, compared, confirmers_of(customer) if not current else [])


def compared_with(before: AgreementText, text: AgreementText) -> AgreementText | None:
    """The earlier version in the language of a text; None where it was not published in it."""
    same = [before, *texts_of(before.country, before.type)]
    return next((each for each in same if each.version == before.version and each.language == text.language), None)


def changes_between(before: AgreementText, text: AgreementText) -> Changes:
    """What differs between two published texts of one language."""
    digests = before.html_sha256, text.html_sha256
    if digests not in _compared:
        while len(_compared) >= _MOST_COMPARED:
            _compared.pop(next(iter(_compared)), None)
        old, new = (changes.clauses_of(html_of(each)) for each in (before, text))
        _compared[digests] = changes.between(old, new)
    return _compared[digests]


#: What was compared lately, by the digests of both texts: what is published never changes.
_compared: dict[tuple[str, str], Changes] = {}
_MOST_COMPARED = 64


# --- who confirms for a customer that may not accept by itself ------------------------------------------------------


def attesters_of(customer: Organization) -> list[Organization]:
    """The partners through which a customer bought and that can confirm its acceptance now, whoever sold last first.

    Empty where nobody can: no relationship is open any more, the customer does not know the partner, or policy no
    longer lets it attest.
    """
    unknown = relationships.distrusted_by(customer.id)
    found = []
    for partner in subscriptions.bought_through(customer.id):
        try:
            check_may_attest(partner, customer)
        except Refusal:
            continue
        if partner.id not in unknown:
            found.append(partner)
    return found


def attestation_wanted_at(customer_id: UUID, partner_id: UUID) -> datetime | None:
    """When a customer last asked a partner to confirm its acceptance."""
    return database.session().scalar(
        sa.select(sa.func.max(Fact.at)).where(
            Fact.customer_id == customer_id, Fact.partner_id == partner_id, Fact.kind == "attestation.wanted"
        )
    )


@dataclass(frozen=True)
class Asked:
    """A partner that a customer asks to confirm its acceptance. `asked_at`: when it last did, `url`: the page on which the
    partner confirms."""

    id: UUID
    name: str
    contact_address: str | None
    asked_at: datetime | None
    url: str

    @property
    def contact(self) -> str:
        return self.contact_address or ""


def confirmers_of(customer: Organization) -> list[Asked]:
    """Whom a customer asks, while it cannot accept by itself: it bought and never agreed. Empty when it can."""
    attesters = attesters_of(customer)
    if not attesters or standing_of_customer(customer).agreed_before:
        return []
    url = current_app.config["PUBLIC_URL"] + rules.attesting_page(customer.id)
    return [
        Asked(each.id, each.name, each.contact_address, attestation_wanted_at(customer.id, each.id), url)
        for each in attesters
    ]


def confirmer_of(customer: Organization, partner_id: str) -> Organization | None:
    """The partner of this id, if the customer has to ask it (or one like it) to confirm."""
    asked = {str(each.id) for each in confirmers_of(customer)}
    return next((each for each in attesters_of(customer) if str(each.id) == partner_id and partner_id in asked), None)


def check_direct(customer: Organization) -> None:
    """Raises DirectAcceptanceClosed, with everybody who can be asked (`partners`)."""
    partners = confirmers_of(customer)
    try:
        rules.check_direct(partners, agreed_before=False)
    except rules.DirectAcceptanceClosed as refusal:
        raise rules.DirectAcceptanceClosed(**refusal.facts, partners=partners, customer=customer.name) from None
