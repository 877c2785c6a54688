"""Publishing a text, accepting it, asking for that again, attesting that it was accepted elsewhere, and objecting to it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from flask import Flask
from markdown_it import MarkdownIt

from webapp import clock, database, languages, tokens
from webapp.access import Permission, roles_with
from webapp.accounts import actions as accounts
from webapp.accounts import queries as people
from webapp.accounts.rules import Stays
from webapp.actor import Actor
from webapp.agreements import emails, queries, rules
from webapp.agreements.models import Acceptance, AgreementText, Attestation, Objection
from webapp.errors import speaks
from webapp.evidence import actions as evidence
from webapp.evidence import queries as evidence_queries
from webapp.evidence.models import SITE_CHAIN
from webapp.evidence.rules import canonical, reference_of
from webapp.messages import actions as messages
from webapp.messages import queries as outbox
from webapp.organizations import queries as organizations
from webapp.organizations.models import Organization
from webapp.policies import queries as policies
from webapp.relationships.rules import kept_until
from webapp.tasks import actions as tasks
from webapp.tasks import queries as inbox

speaks("uq_agreement_texts_type_country_language_version", rules.AlreadyPublished)
speaks("uq_acceptances_first", rules.AlreadyAccepted)
speaks("uq_acceptances_replaces_id", rules.AlreadyAccepted)
speaks("uq_attestations_first", lambda: rules.SameAttestation(equal=(), at=None, by=""))
speaks("uq_attestations_replaces_id", lambda: rules.SameAttestation(equal=(), at=None, by=""))
speaks("uq_objections_attestation_id", lambda: rules.AlreadyObjected(at=clock.now()))


def register(_app: Flask) -> None:
    """Say what stays when a signer is erased."""
    accounts.holds(_stays)


def _stays(person_id: UUID) -> tuple[int, list[Stays]]:
    """A signer's name, address and authority stay while the act is in force and for the retention time."""
    years = policies.value("evidence.retention_years")
    stays = []
    for acceptance, text in queries.signed_by(person_id):
        fact = evidence_queries.fact_by_id(acceptance.fact_id)
        assert fact is not None
        record = evidence_queries.record_of(fact)
        until = kept_until(acceptance.at.date(), years)
        stays.append(
            Stays(
                f"the signature of acceptance {acceptance.reference} ({text.version})",
                f"it is evidence of a contract; kept while in force, and {years} years",
                until,
                frozenset(UUID(entry["id"]) for entry in record["personal"].values()),
            )
        )
        if outbox.went_to_others(acceptance.id, "receipt", person_id):
            stays.append(
                Stays(
                    f"receipts of acceptance {acceptance.reference} mailed to colleagues",
                    "they name the signer, and are copies of evidence that others hold",
                )
            )
    return 0, [*stays, *_attested_stays(person_id, years)]


def _attested_stays(person_id: UUID, years: int) -> Iterator[Stays]:
    """Who attested, who was attested to have agreed, and who objected: as a signer."""
    for act in queries.attestation_acts_of(person_id):
        words = {
            "attested": f"the attestation {act.reference}, made in this person's name or by it",
            "objected": f"the objection to attestation {act.reference}",
        }
        yield Stays(
            words[act.kind],
            f"it is evidence of who agreed to a contract; kept while in force, and {years} years",
            kept_until(act.at.date(), years),
            act.personal,
        )
        if act.kind == "attested" and act.has_proof:
            yield Stays(
                f"the file kept as proof with attestation {act.reference}",
                f"it may name who agreed, and is part of that evidence; kept while in force, and {years} years",
                kept_until(act.at.date(), years),
            )
        if act.kind == "attested" and outbox.went_to_others(act.attestation_id, queries.NOTICE, person_id):
            yield Stays(
                f"the notice of attestation {act.reference} mailed to somebody else",
                "it names who attested and for whom, and is a copy of evidence that others hold",
            )


def publish(
    *,
    type_: str,
    country: str,
    language: str,
    version: str,
    title: str,
    effective_on: date,
    source: str,
    requires_renewal: bool = False,
    is_sample: bool = False,
) -> AgreementText:
    """Publish a text: Markdown is rendered once, source and HTML are kept by SHA-256. It never changes again.

    Raises AlreadyPublished, EffectiveDatesDiffer.
    """
    html = rendered(source)
    database.write(chain=SITE_CHAIN)
    for other in queries.texts_of(country, type_):
        if other.version == version and other.language == language:
            raise rules.AlreadyPublished()
        if other.version == version and other.effective_on != effective_on:
            raise rules.EffectiveDatesDiffer()
    row = AgreementText(
        id=uuid4(), type=type_, country=country, language=language, version=version, title=title,
        effective_on=effective_on, requires_renewal=requires_renewal, is_sample=is_sample, published_at=clock.now(),
        source_sha256=evidence.keep_document(source.encode(), "text/markdown; charset=utf-8"),
        html_sha256=evidence.keep_document(html.encode(), "text/html; charset=utf-8"),
    )  # fmt: skip
    database.session().add(row)
    database.session().flush()
    evidence.record(
        "agreement.published",
        source="operator",
        facts={
            "text_id": str(row.id),
            "type": type_,
            "country": country,
            "language": language,
            "version": version,
            "effective_on": effective_on.isoformat(),
            "source_sha256": row.source_sha256,
            "html_sha256": row.html_sha256,
            "is_sample": is_sample,
            "requires_renewal": requires_renewal,
        },
    )
    return row


def rendered(source: str) -> str:
    """Markdown as it is shown. Each heading gets an id, so that a table of contents can lead to it; the text's own
    title becomes a heading of the second level, because the page around it has a first one."""
    markdown = MarkdownIt("commonmark", {"html": False}).enable("table")
    parsed = markdown.parse(source)
    seen: set[str] = set()
    for token, inside in zip(parsed, [*parsed[1:], None], strict=True):
        if token.type not in {"heading_open", "heading_close"}:
            continue
        if token.type == "heading_open" and inside is not None:
            token.attrSet("id", rules.anchor_of(inside.content, seen))
        token.tag = "h2" if token.tag == "h1" else token.tag
    return str(markdown.renderer.render(parsed, markdown.options, {}))


SAMPLES = Path(__file__).parent / "samples"


def publish_samples(countries: Iterable[str]) -> int:
    """Publish the texts shipped with the product for these countries; answer how many were new.

    English for every country, Japanese for Japan. A later version is published with a far effective date: it can be
    read, not accepted. Safe to run twice: what is published stays.
    """
    published = 0
    for country in countries:
        there = {(text.version, text.language) for text in queries.texts_of(country)}
        for version, effective_on, name in rules.SAMPLES:
            for language in ("ja", "en") if country == "JP" else ("en",):
                if (version, language) in there:
                    continue
                source = (SAMPLES / f"{name}.{language}.md").read_text("utf-8")
                title = source.partition("\n")[0].lstrip("# ")
                publish(
                    type_=rules.CUSTOMER_AGREEMENT, country=country, language=language, version=version, title=title,
                    effective_on=effective_on, source=source, is_sample=True,
                )  # fmt: skip
                published += 1
    return published


def accept(
    customer: Organization,
    text: AgreementText,
    *,
    by: Actor,
    shown: Mapping[str, Any],
    signer: Mapping[str, str],
    proof: str,
    partner_id: UUID | None = None,
    other_partner_id: UUID | None = None,
    invitation_id: UUID | None = None,
    account_made_by_partner_id: UUID | None = None,
) -> Acceptance:
    """Accept a text for a customer; one act, one fact in the customer's chain.

    `shown` is everything the signer was shown (its fingerprint was already compared), `signer` the personal
    values that evidence keeps (name, address, title, department, network_address, browser). The same version can be
    accepted again once that must be renewed. Raises AlreadyAccepted, NotInForce, DirectAcceptanceClosed.
    """
    database.write(chain=customer.chain_id)
    newest = rules.newest_in_force(queries.texts_of(customer.country, text.type), clock.today(customer.zone))
    if newest is None or newest.version != text.version or text.country != customer.country:
        raise rules.NotInForce()
    before = queries.acceptance_in_force(customer.id, text.type)
    if before is not None and queries.is_current(customer, text.type):
        raise rules.AlreadyAccepted(reference=before[0].reference, at=before[0].at, acceptance_id=before[0].id)
    queries.check_direct(customer)
    acceptance_id = uuid4()
    fact = evidence.record(
        "agreement.accepted",
        by=by,
        customer_id=customer.id,
        partner_id=partner_id,
        other_partner_id=other_partner_id,
        facts={
            "acceptance_id": str(acceptance_id), "type": text.type, "country": text.country, "version": text.version,
            "text_id": str(text.id), "text_language": text.language, "source_sha256": text.source_sha256,
            "html_sha256": text.html_sha256, "shown": dict(shown), "fingerprint": rules.fingerprint(shown),
            "replaces_id": str(before[0].id) if before is not None else None, "proof": proof,
            "account_made_by_partner_id": str(account_made_by_partner_id) if account_made_by_partner_id else None,
            "invitation_id": str(invitation_id) if invitation_id else None,
        },
        personal=signer,
    )  # fmt: skip
    row = Acceptance(
        id=acceptance_id, reference=reference_of(fact.hash), type=text.type, customer_id=customer.id, text_id=text.id,
        person_id=by.person_id, partner_id=partner_id, invitation_id=invitation_id,
        replaces_id=before[0].id if before is not None else None,
        shown_language=str(shown.get("shown_language", text.language)), at=fact.at, fact_id=fact.id,
    )  # fmt: skip
    database.session().add(row)
    database.session().flush()
    _nobody_asks_any_more(customer, by)
    for each in queries.attestations_of(customer.id, text.type):
        tasks.done_everywhere("attestation_objected", each.row.id)  # the customer itself settled it
    tasks.done_everywhere(RENEWAL, customer.id, by_id=by.person_id)
    return row


# --- attesting ---------------------------------------------------------------------------------------------------

#: The notice of an attestation is handed over at the latest so long after it (seed 002).
NOTICE_DUE = timedelta(minutes=30)
OBJECT = "objection"


@dataclass(frozen=True)
class Proof:
    """A file that the partner keeps with an attestation; its type was checked by its bytes."""

    name: str
    media_type: str
    content: bytes


def attest(
    customer: Organization,
    *,
    by: Actor,
    signatory: rules.Signatory,
    agreed_on: date,
    proof: Proof | None = None,
    shown: Mapping[str, Any] | None = None,
    source: str = "page",
) -> Attestation:
    """A partner's person says that a customer agreed elsewhere; one act, one fact in the customer's chain, one notice to
    its primary contact.

    `agreed_on` is the customer's day; `shown` holds the literal words that the partner confirmed: they may name people,
    so that the evidence keeps them as personal values. What the partner had to do about an objection is done by it.
    Raises what `queries.check_attestation` raises.
    """
    database.write(chain=customer.chain_id)
    partner = organizations.organization_by_id(by.organization_id)
    assert partner is not None
    text = queries.check_attestation(partner, customer, signatory, agreed_on, languages.language())
    last = next(iter(queries.attestations_of(customer.id, text.type)), None)
    contact = queries.primary_contact_of(customer.id)
    assert contact is not None
    attestation_id = uuid4()
    digest = evidence.keep_document(proof.content, proof.media_type) if proof is not None else None
    fact = evidence.record(
        "agreement.attested",
        by=by,
        source=source,
        customer_id=customer.id,
        partner_id=partner.id,
        facts={
            "attestation_id": str(attestation_id), "type": text.type, "country": text.country, "version": text.version,
            "text_id": str(text.id), "source_sha256": text.source_sha256, "agreed_on": agreed_on.isoformat(),
            "effective_on": text.effective_on.isoformat(), "replaces_id": str(last.row.id) if last is not None else None,
            "document_sha256": digest, "fingerprint": rules.fingerprint(shown) if shown else None,
        },
        personal=signatory.as_personal() | ({"shown": canonical(dict(shown))} if shown else {}),
        personal_of=_signatory_id(customer, signatory) or attestation_id,
    )  # fmt: skip
    row = Attestation(
        id=attestation_id, reference=reference_of(fact.hash), type=text.type, customer_id=customer.id, text_id=text.id,
        partner_id=partner.id, person_id=by.person_id, agreed_on=agreed_on,
        replaces_id=last.row.id if last is not None else None, proof_sha256=digest,
        proof_name=proof.name[:200] if proof is not None else None, at=fact.at, fact_id=fact.id,
    )  # fmt: skip
    database.session().add(row)
    database.session().flush()
    _nobody_asks_any_more(customer, by)
    for each in queries.attestations_of(customer.id, text.type):
        tasks.done(partner.id, "attestation_objected", str(each.row.id), by_id=by.person_id)
    if queries.standing_of_customer(customer).is_in_order:
        tasks.done_everywhere(RENEWAL, customer.id)
    token = tokens.issue(
        OBJECT, contact.address, lasts=timedelta(days=policies.value("attestation.objection_days")),
        person_id=contact.id, attestation_id=str(attestation_id),
    )  # fmt: skip
    emails.attested(
        row, to=contact, token=token, zone=contact.zone or customer.zone, customer=customer.name, partner=partner,
        text=text, signatory=signatory, attester=by, due_in=NOTICE_DUE,
    )  # fmt: skip
    return row


def tell_again(customer: Organization) -> int:
    """The address of the primary contact was corrected before anybody had signed in there: tell it of everything that any
    partner attested and nobody objected to. Notices that did not leave yet leave no more, and links that went to the
    earlier address object no more. Answers how many it is told.

    The deadline stays that of the attestation: whoever had to be told is told late, and that shows.
    The caller holds the customer's chain, and records the correction.
    """
    contact = queries.primary_contact_of(customer.id)
    assert contact is not None
    tokens.revoke(OBJECT, contact.id)
    told = 0
    for each in queries.attestations_of(customer.id):
        messages.cancel(each.row.id, {queries.NOTICE})
        partner = organizations.organization_by_id(each.row.partner_id)
        assert partner is not None
        attester, known = people.person_by_id(each.row.person_id), queries.signatory_of(each.row)
        if each.objection is not None or attester is None or not known:
            continue
        token = tokens.issue(
            OBJECT, contact.address, lasts=timedelta(days=policies.value("attestation.objection_days")),
            person_id=contact.id, attestation_id=str(each.row.id),
        )  # fmt: skip
        notice = emails.attested(
            each.row, to=contact, token=token, zone=contact.zone or customer.zone, customer=customer.name,
            partner=partner, text=each.text, signatory=rules.Signatory(**known), attester=attester, due_in=NOTICE_DUE,
        )  # fmt: skip
        notice.due_at = each.row.at + NOTICE_DUE
        told += 1
    database.session().flush()
    return told


def _signatory_id(customer: Organization, signatory: rules.Signatory) -> UUID | None:
    """The customer's person of that address: whose the values are. Others belong to the attestation alone."""
    person = people.person_by_address(signatory.email)
    return person.id if person is not None and person.organization_id == customer.id else None


def object_to(secret: str, address: str, *, comment: str, network_address: str) -> Objection | None:
    """Use up the link of a notice: whoever reads the primary contact's mailbox says that the attestation is not so. A task
    for the partner, and evidence.

    None when `address` is not the one the notice went to (counted; the link stays). Raises LinkUsedOrExpired,
    TooManyAttempts, AlreadyObjected.
    """
    token, attestation = queries.open_objection(secret)
    accounts.count_attempt("link", str(token.id), network_address)
    if not tokens.was_sent_to(token, address):
        return None
    customer = _customer_of(attestation)
    database.write(chain=customer.chain_id)
    accounts.clear_attempts("link", str(token.id), network_address)
    token, attestation = queries.open_objection(secret)
    row = _object(
        attestation, customer, by=None, comment=comment,
        personal={"address": address, "network_address": network_address}, personal_of=token.person_id,
    )  # fmt: skip
    token.used_at = clock.now()
    return row


def object_signed_in(attestation: Attestation, *, by: Actor, comment: str) -> Objection:
    """An administrator of the customer says on the page what the link of the notice says: the same act. Raises
    AlreadyObjected."""
    customer = _customer_of(attestation)
    row = database.locked(attestation, chain=customer.chain_id)
    return _object(row, customer, by=by, comment=comment, personal={"address": by.address}, personal_of=by.person_id)


def _customer_of(attestation: Attestation) -> Organization:
    customer = organizations.organization_by_id(attestation.customer_id)
    assert customer is not None  # a foreign key
    return customer


def _object(
    attestation: Attestation,
    customer: Organization,
    *,
    by: Actor | None,
    comment: str,
    personal: Mapping[str, str],
    personal_of: UUID | None,
) -> Objection:
    """One fact, one row, a task and a mail for whoever attested. The partner reads the comment, not who objected from
    which address."""
    before = queries.objection_to(attestation.id)
    rules.check_first_objection(before.at if before is not None else None)
    fact = evidence.record(
        "agreement.objected",
        by=by,
        source="page" if by is not None else "link",
        customer_id=customer.id,
        partner_id=attestation.partner_id,
        facts={
            "attestation_id": str(attestation.id), "type": attestation.type, "reference": attestation.reference,
            "agreed_on": attestation.agreed_on.isoformat(),
        },
        personal={**personal, "reason": comment},
        personal_of=personal_of,
    )  # fmt: skip
    row = Objection(
        id=uuid4(), attestation_id=attestation.id, customer_id=customer.id, at=fact.at, fact_id=fact.id
    )  # fmt: skip
    database.session().add(row)
    database.session().flush()
    path = f"/partner/customers/{customer.id}/agreement"
    tasks.put(
        attestation.partner_id, "attestation_objected", about_key=str(attestation.id), about_id=attestation.id,
        waits=True, facts={"customer": customer.name}, path=path,
    )  # fmt: skip
    _tell_of_objection(attestation, customer, at=fact.at, comment=comment, path=path)
    return row


def _tell_of_objection(
    attestation: Attestation, customer: Organization, *, at: datetime, comment: str, path: str
) -> None:
    """Tell the partner's people who may attest."""
    partner = organizations.organization_by_id(attestation.partner_id)
    text = queries.text_by_id(attestation.text_id)
    assert partner is not None
    assert text is not None
    if not partner.is_open:
        return
    for person in organizations.people_with(partner.id, *roles_with("partner", Permission.ATTEST)):
        emails.objected(
            attestation, to=person, zone=person.zone or partner.zone, customer=customer.name, partner=partner.name,
            version=text.version, at=at, comment=comment, path=path,
        )  # fmt: skip


# --- asking the customer again -----------------------------------------------------------------------------------

#: The entry in the inbox of a customer whose consent has to be renewed.
RENEWAL = "renewal_needed"


def ask_to_renew(customer: Organization) -> bool:
    """Ask a customer whose consent became stale to accept again: evidence, an entry in its inbox, and a mail to everybody
    who may accept. Once for each reason (a version that requires it, or the policy's day); else False.

    What it was asked for an earlier reason waits no more: one acceptance settles both.
    """
    customer = database.locked(customer)
    reason = queries.reason_to_renew(customer)
    if reason is None or not customer.is_open or inbox.was_put(customer.id, RENEWAL, reason.key):
        return False
    evidence.record(
        "agreement.renewal_asked",
        source="job",
        customer_id=customer.id,
        facts={
            "type": reason.text.type, "reason": reason.why, "version": reason.required or None,
            "day": reason.day.isoformat() if reason.why == "day" else None,
        },
    )  # fmt: skip
    tasks.done_everywhere(RENEWAL, customer.id)
    tasks.put(
        customer.id, "renewal_needed", about_key=reason.key, about_id=customer.id, waits=True,
        facts={"reason": reason.why, "version": reason.required}, path="/agreement",
    )  # fmt: skip
    for person in organizations.people_with(customer.id, *policies.value("agreement.acceptors")):
        emails.renewal(reason.text, to=person, customer=customer, why=reason.why, day=reason.day)
    return True


# --- asking a partner to attest ----------------------------------------------------------------------------------


def ask_for_attestation(customer: Organization, partner: Organization, *, by: Actor) -> bool:
    """Ask a partner to confirm that the customer agreed: evidence, and a task in the partner's inbox.

    Once a day (the customer's) to the same partner; then False. A request that the partner put aside waits again on
    another day.
    """
    database.locked(customer)
    last = queries.attestation_wanted_at(customer.id, partner.id)
    if last is not None and clock.day_of(last, customer.zone) == clock.today(customer.zone):
        return False
    evidence.record("attestation.wanted", by=by, customer_id=customer.id, partner_id=partner.id)
    tasks.put(
        partner.id, "attestation_wanted", about_key=str(customer.id), about_id=customer.id, waits=True, again=True,
        facts={"customer": customer.name}, path=rules.attesting_page(customer.id),
    )  # fmt: skip
    return True


def _nobody_asks_any_more(customer: Organization, by: Actor) -> None:
    """The customer agreed: what it asked its partners, and what a reseller asked its provider, is done."""
    for kind in ("attestation_wanted", "attestation_requested"):
        tasks.done(by.organization_id, kind, str(customer.id), by_id=by.person_id)
        tasks.done_everywhere(kind, customer.id)
