"""Attesting what a page showed, and asking the provider that may attest."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from uuid import UUID

from webapp import clock, database
from webapp.access import Permission, roles_with
from webapp.actor import Actor
from webapp.agreements import actions as agreements
from webapp.agreements import queries as agreement_queries
from webapp.agreements import rules as agreement_rules
from webapp.agreements.actions import Proof
from webapp.agreements.models import Attestation
from webapp.agreements.rules import Signatory
from webapp.attestations import emails, queries, rules
from webapp.evidence import actions as evidence
from webapp.organizations import queries as organizations
from webapp.organizations.models import Organization
from webapp.tasks import actions as tasks


def proof_from(name: str, content: bytes) -> Proof:
    """A file as it is kept: its type by its bytes, its name cleaned. Raises ProofRefused."""
    kept = rules.name_of(name)
    return Proof(kept, rules.check_proof(kept, content), content)


def attest(
    customer: Organization,
    *,
    by: Actor,
    signatory: Signatory,
    agreed_on: date,
    fingerprint: str,
    parts: Mapping[str, str],
    proof: Proof | None,
) -> Attestation:
    """Attest what the review page showed (its `fingerprint`, and `parts` to tell what changed).

    Raises AttestationHasChanged, and whatever `agreements.actions.attest` raises.
    """
    row = database.locked(customer)
    review = queries.review_of(queries.own_for(by), row, signatory, agreed_on)
    rules.check_same(agreement_rules.changed(parts, review.parts), same=fingerprint == review.fingerprint)
    return agreements.attest(
        row, by=by, signatory=signatory, agreed_on=agreed_on, proof=proof, shown=review.evidence
    )  # fmt: skip


def confirm(
    customer: Organization, *, by: Actor, signatory: Signatory, agreed_on: date, template_id: UUID
) -> Attestation:  # fmt: skip
    """Attest what a program says, for which nobody ticked boxes. The version that counts is the one that was in force on the
    day, as on the page; `template_id` names it, or the agreement of today.

    Raises TemplateNotInForce, and whatever `agreements.actions.attest` raises.
    """
    row = database.locked(customer)
    text = queries.review_of(queries.own_for(by), row, signatory, agreed_on).text
    rules.check_template(
        template_id,
        current=frozenset(each.template_id for each in agreement_queries.current_templates(text.type)),
        on_day=agreement_rules.template_id(text.type, text.version),
        day=agreed_on,
        version=text.version,
    )
    return agreements.attest(row, by=by, signatory=signatory, agreed_on=agreed_on)


def request(customer: Organization, provider: Organization, *, by: Actor, words: str) -> bool:
    """An indirect reseller asks its provider for this customer to attest: a fact, a task and mails to the provider's
    agents. False when it asked on the same day (the customer's) already.

    Raises NoProviderToAsk when that provider does not sell to the customer through the reseller (any more).
    """
    row = database.locked(customer)
    if provider.id not in {each.id for each in agreement_queries.providers_for(by.organization_id, row.id)}:
        raise rules.NoProviderToAsk(customer=row.name, customer_id=row.id, provider=provider.name)
    last = queries.requested_at(row.id, by.organization_id, provider.id)
    if last is not None and clock.day_of(last, row.zone) == clock.today(row.zone):
        return False
    fact = evidence.record(
        queries.REQUESTED, by=by, customer_id=row.id, partner_id=provider.id, other_partner_id=by.organization_id,
        personal={"reason": words},
    )  # fmt: skip
    path = f"/partner/customers/{row.id}/agreement"
    tasks.put(
        provider.id, "attestation_requested", about_key=str(row.id), about_id=row.id, waits=True, again=True,
        facts={"customer": row.name, "reseller": by.organization_name}, path=path,
    )  # fmt: skip
    if provider.is_open:
        for person in organizations.people_with(provider.id, *roles_with("partner", Permission.ATTEST)):
            emails.requested(
                to=person, zone=person.zone or provider.zone, about_id=row.id, customer=row.name,
                reseller=by.organization_name, words=words, at=fact.at, asker=by, path=path,
            )  # fmt: skip
    return True
