"""Keeping a draft, making a customer of it, and correcting the address of a contact that never signed in."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa
from flask import Flask

from webapp import clock, database
from webapp.accounts import actions as accounts
from webapp.accounts.models import Person
from webapp.accounts.rules import Stays
from webapp.actor import Actor
from webapp.agreements import actions as agreements
from webapp.evidence import actions as evidence
from webapp.onboarding import queries, rules
from webapp.onboarding.models import CustomerDraft
from webapp.organizations import actions as organization_actions
from webapp.organizations import queries as organizations
from webapp.organizations.models import Organization
from webapp.relationships import actions as relationships


def register(_app: Flask) -> None:
    """Let drafts go with whoever began them."""
    accounts.holds(_forget_drafts)


def _forget_drafts(person_id: UUID) -> tuple[int, list[Stays]]:
    result = database.session().execute(sa.delete(CustomerDraft).where(CustomerDraft.person_id == person_id))
    return database.rows_of(result), []


# --- drafts ------------------------------------------------------------------------------------------------------


def begin(*, by: Actor) -> CustomerDraft:
    """Begin a draft. Raises TooManyDrafts, NoProvider."""
    database.write()
    queries.check_can_add(queries.own_for(by))
    rules.check_drafts(queries.how_many(by.organization_id))
    now = clock.now()
    row = CustomerDraft(
        id=uuid4(), partner_id=by.organization_id, person_id=by.person_id, step=rules.STEPS[0], values={}, created_at=now,
        updated_at=now,
    )  # fmt: skip
    database.session().add(row)
    database.session().flush()
    return row


def keep(draft: CustomerDraft, values: Mapping[str, Any], *, step: str) -> CustomerDraft:
    """Keep what a page gave; `step` is the page to go on with. Raises DraftFinished."""
    row = database.locked(draft)
    _check_open(row)
    row.values = {**row.values, **values}
    row.step, row.updated_at = step, clock.now()
    return row


def dismiss(draft: CustomerDraft, marks: list[str]) -> CustomerDraft:
    """Say that likely duplicates are other customers. Raises DraftFinished."""
    row = database.locked(draft)
    _check_open(row)
    row.values = {**row.values, "dismissed": sorted({*row.values.get("dismissed", ()), *marks})}
    row.updated_at = clock.now()
    return row


def delete(draft: CustomerDraft) -> None:
    """Delete a draft; what was made of one stays."""
    row = database.locked(draft)
    database.session().delete(row)
    database.session().flush()


def forget_resting() -> int:
    """Delete the drafts that nobody touched for 30 days; answers how many. Safe to run twice."""
    database.write()
    before = clock.now() - rules.RESTS
    return database.rows_of(
        database.session().execute(sa.delete(CustomerDraft).where(CustomerDraft.updated_at < before))
    )


def _check_open(row: CustomerDraft) -> None:
    made = organizations.organization_by_id(row.customer_id) if row.customer_id is not None else None
    rules.check_not_finished(row.customer_id, row.id, made.name if made is not None else "")


# --- creating ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Made:
    """A customer that was just made, and the temporary password of its administrator: shown once, kept nowhere. Empty when
    none can be given, see `correct_contact`."""

    customer: Organization
    contact: Person
    password: str


def create(draft: CustomerDraft, *, by: Actor, fingerprint: str) -> Made:
    """Make the customer of a draft, as its review page showed it: organization, first administrator, the relationship "by
    creation" and, where the partner attests, the attestation. One act, in the new customer's chain.

    Once: the draft is held, and domain and address are unique. Raises DraftFinished, DraftIncomplete, DraftChanged,
    DomainTaken, AddressInUse, AddressOfPartner, NoProvider, NotPaired, and what `agreements.actions.attest` raises.
    """
    password, hashed = accounts.new_temporary_password()
    row = database.locked(draft)
    _check_open(row)
    own = queries.own_for(by)
    review = queries.review_of(row, own)
    rules.check_shown(review.fingerprint == fingerprint, row.id)
    customer, contact = _make(review, own, by, hashed)
    row.customer_id, row.values, row.step, row.updated_at = customer.id, {}, "done", clock.now()
    database.session().flush()
    return Made(customer, contact, password)


def add(values: Mapping[str, Any], *, by: Actor, others: Collection[UUID] = ()) -> Made:
    """The same without a draft: make the customer of values that are whole, as the forms of a draft give them. `others`: likely
    duplicates that the partner says are other customers.

    Raises LikelyDuplicate, DomainTaken, AddressInUse, AddressOfPartner, NoProvider, NotPaired.
    """
    password, hashed = accounts.new_temporary_password()
    database.write()
    own = queries.own_for(by)
    rules.check_new(queries.duplicates_for(by, values), others)
    customer, contact = _make(queries.planned(values, own), own, by, hashed)
    return Made(customer, contact, password)


def _make(review: queries.Review, own: Organization, by: Actor, hashed: str) -> tuple[Organization, Person]:
    """Organization, first administrator, relationship and, where the partner attests, attestation."""
    values = review.values
    customer = _organization(review, own, by)
    contact = organization_actions.add_member(
        customer, given_name=values["given_name"], family_name=values["family_name"], address=values["address"],
        roles=("global_administrator",), language=values["language"], password_hash=hashed,
        temporary_until=accounts.temporary_until(), created_by_partner_id=own.id, by=by, source="page",
    )  # fmt: skip
    relationships.begin(
        customer, partner_id=review.partner.id, reseller_id=review.reseller.id if review.reseller is not None else None,
        origin="creation", by=by,
    )  # fmt: skip
    if review.signatory is not None:
        agreements.attest(
            customer, by=by, signatory=review.signatory, agreed_on=date.fromisoformat(values["agreed_on"]),
            shown=review.evidence,
        )  # fmt: skip
    return customer, contact


def _organization(review: queries.Review, own: Organization, by: Actor) -> Organization:
    values = review.values
    customer = organization_actions.create_organization(
        "customer", values["name"], country=values["country"], language=values["language"], zone=review.zone,
        domains=(values["domain"],), address_line=values["address_line"], city=values.get("city", ""),
        region=values.get("region", ""), postal_code=values.get("postal_code", ""), phone=values.get("phone", ""),
        registration_number=values.get("registration_number", ""), created_by=own, by=by, source="page",
    )  # fmt: skip
    organization_actions.check_address(customer, values["address"])
    return customer


# --- until somebody signed in there ------------------------------------------------------------------------------


def correct_contact(customer: Organization, *, by: Actor, address: str) -> Made:
    """Correct the address of the administrator that the partner made, before anybody signed in there: every earlier code,
    link and password ends, another temporary password is given, and attestations are told to the new address.

    No password is given, and any earlier one ends, when no code is left for the new address: a link to the mailbox remains.
    Raises SignedInThere, AddressOfPartner, AddressInUse.
    """
    password, hashed = accounts.new_temporary_password()
    row, contact = _untouched(customer, by)
    organization_actions.check_address(row, address)
    before = contact.address
    accounts.correct_address(contact, address)
    works = accounts.give_temporary_password(contact, hashed)
    evidence.record(
        "person.contact_corrected", by=by, customer_id=row.id, partner_id=by.organization_id,
        facts={"about_person_id": str(contact.id)}, personal={"address": address, "previous_address": before},
        personal_of=contact.id,
    )  # fmt: skip
    agreements.tell_again(row)
    return Made(row, contact, password if works else "")


def renew_temporary_password(customer: Organization, *, by: Actor) -> Made:
    """Give the administrator that the partner made another temporary password, before anybody signed in there: the earlier
    one, every code and link end. Raises SignedInThere, NoCodesLeft."""
    password, hashed = accounts.new_temporary_password()
    row, contact = _untouched(customer, by)
    works = accounts.give_temporary_password(contact, hashed)
    rules.check_password_works(works, row.name, row.id, contact.address)
    evidence.record(
        "person.temporary_password_given", by=by, customer_id=row.id, partner_id=by.organization_id,
        facts={"about_person_id": str(contact.id)},
    )  # fmt: skip
    return Made(row, contact, password)


def _untouched(customer: Organization, by: Actor) -> tuple[Organization, Person]:
    """Hold a customer where nobody signed in yet, and the administrator that the partner made. Raises SignedInThere."""
    row = database.locked(customer)
    rules.check_nobody_signed_in(queries.anybody_signed_in(row.id), row.name)
    contact = queries.contact_made_by(by.organization_id, row.id)
    if contact is None:
        raise LookupError("no contact of the partner's making")
    return row, contact
