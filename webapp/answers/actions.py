"""Opening, accepting and declining an invitation; and the account that a first visitor may need."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa
from flask import Flask

from webapp import access, clock, database, pages, tokens
from webapp import actor as actors
from webapp.access import Permission
from webapp.accounts import actions as accounts
from webapp.accounts import queries as people
from webapp.accounts.models import Person, Session
from webapp.accounts.rules import Stays
from webapp.actor import Actor, full_name
from webapp.agreements import actions as agreements
from webapp.agreements import rules as agreement_rules
from webapp.agreements.models import Acceptance
from webapp.answers import emails, queries, rules
from webapp.answers.models import AdmissionRequest
from webapp.answers.queries import Asked, Offer
from webapp.delegated_admin import rules as delegated_rules
from webapp.errors import speaks
from webapp.evidence import actions as evidence
from webapp.evidence import queries as facts_of
from webapp.evidence.rules import reference_of
from webapp.invitations import actions as invitations
from webapp.invitations import queries as invitation_queries
from webapp.invitations.models import InvitationAct
from webapp.messages import queries as outbox
from webapp.organizations import actions as organization_actions
from webapp.organizations import queries as organizations
from webapp.organizations.models import Organization
from webapp.organizations.rules import domain_of, is_public_mail
from webapp.policies import queries as policies
from webapp.relationships import actions as relationship_actions
from webapp.relationships.models import Relationship
from webapp.tasks import actions as tasks
from webapp.tokens import Token

speaks("uq_admission_requests_open", lambda: rules.AlreadyAnswered(at=None, admitted=None))


def register(_app: Flask) -> None:
    """Let go of what an erased person wrote."""
    accounts.holds(_forget_requests)


@dataclass(frozen=True)
class Signature:
    """What the signer adds: title and department (which may be empty), and from where."""

    title: str
    department: str
    network_address: str
    browser: str


@dataclass(frozen=True)
class Accepted:
    """What an acceptance made; the agreement is missing where it was accepted before, the relationship where none
    was asked."""

    acceptance: Acceptance | None
    relationship: Relationship | None


def open_invitation(asked: Asked, by: Actor) -> None:
    """Note that somebody signed in went on with an invitation; once per customer. Raises why it cannot.

    From then on the customer knows of the offer that comes with it.
    """
    asked = _locked(asked, by)
    queries.check_partners(asked)
    queries.check_open(asked, by)
    invitations.announce_offer(asked.invitation, by=by)
    if queries.last_answer(asked.invitation, by.organization_id) is None:
        fact = invitations.told(asked.invitation, "opened", by=by, customer_id=by.organization_id)
        invitations.note(asked.invitation, "opened", by=by, customer_id=by.organization_id, fact=fact)


def open_offer(asked: Asked, by: Actor) -> None:
    """Go on to the offer that an invitation asks for, or that is left of one whose relationship there is already.

    Notes that it was opened, once, while it is open; where the offer is over nothing is left to note.
    """
    asked = _locked(asked, by)
    queries.check_partners(asked)
    if asked.offer is None:
        return
    if invitation_queries.is_open(asked.invitation):
        open_invitation(asked, by)
    else:
        invitations.announce_offer(asked.invitation, by=by)


def hand_over(asked: Asked, *, by: Actor, to: Person) -> bool:
    """Send an invitation on to an administrator of the same organization who can accept it; forwarder and receiver are
    kept as evidence. At most once a day to the same person (then False).

    Raises CannotReceive, AlreadyRelated, AlreadyAccepted, NoAgreement and what ends an invitation.
    """
    asked = _locked(asked, by)
    by = _fresh(by)
    queries.check_partners(asked)
    queries.check_open(asked, by)
    offer = queries.offer_to(by.organization_id, asked)
    name = full_name(to.given_name, to.family_name)
    delegated_rules.check_receiver(to.id, [each.id for each in queries.receivers_for(by)], name)
    zone = to.zone or offer.customer.zone
    once = f"handed:{to.id}:{clock.today(offer.customer.zone).isoformat()}"
    if queries.has_once(asked.invitation.id, once):
        return False
    fact = invitations.told(
        asked.invitation, "handed_over", by=by, customer_id=by.organization_id, facts={"receiver_id": str(to.id)},
        personal={
            "forwarder": by.name, "forwarder_address": by.address, "receiver": name, "receiver_address": to.address
        },
        personal_of={"receiver": to.id, "receiver_address": to.id},
    )  # fmt: skip
    invitations.note(
        asked.invitation, "handed_over", by=by, customer_id=by.organization_id, receiver_id=to.id, fact=fact, once=once
    )
    emails.handed_over(
        to=to, zone=zone, about_id=asked.invitation.id, url=invitation_queries.link_of(asked.invitation),
        asks=_asked_for(offer), partner=(asked.reseller or asked.partner).name, organization=offer.customer.name,
        by_given=by.given_name, by_family=by.family_name, by_address=by.address, last_day=asked.invitation.last_day,
    )  # fmt: skip
    return True


def _locked(asked: Asked, by: Actor) -> Asked:
    """Hold the customer's chain and the invitation, in this order, and read both afresh."""
    invitation = database.locked(asked.invitation, chain=by.chain_id)
    return queries.asked_by(invitation)


def _fresh(by: Actor) -> Actor:
    """The actor as it is now that the lock is held."""
    return actors.load(by.session_id) or by


def accept_invitation(
    asked: Asked, *, by: Actor, fingerprint: str, parts: Mapping[str, str], signature: Signature
) -> Accepted:
    """Accept what an invitation asks: agreement and relationship stand or fall together; one transaction.

    `fingerprint` and `parts` are of what was shown. Raises ShownHasChanged, InvitationAccepted and what else ends
    an invitation, RoleCannotAccept, MailboxUnconfirmed, OwnAddress, PartnerInactive, PartnersNotPaired,
    AlreadyAccepted, AlreadyRelated, NoAgreement.
    """
    asked = _locked(asked, by)
    by = _fresh(by)
    queries.check_partners(asked)
    queries.check_open(asked, by)
    _check_signer(by, asked)
    offer = queries.offer_to(by.organization_id, asked)
    _check_same(offer, fingerprint, parts)
    made = _accept(offer, by, signature)
    act = _note(asked, "accepted", by, made)
    _receipts(offer, made, by, signature)
    _tell_partners(asked, "invitation_accepted", str(act.id), offer.customer, {"asks": _asked_for(offer)})
    return made


def accept_agreement(*, by: Actor, fingerprint: str, parts: Mapping[str, str], signature: Signature) -> Accepted:
    """Accept the agreement in force, without an invitation. Raises like `accept_invitation`."""
    customer = organizations.organization_by_id(by.organization_id)
    assert customer is not None
    database.locked(customer)
    by = _fresh(by)
    _check_signer(by, None)
    for partner in queries.partners_around(by):
        rules.check_not_own(organizations.is_own_address(partner.id, by.address), partner.name)
    offer = queries.offer_to(by.organization_id, None)
    _check_same(offer, fingerprint, parts)
    made = _accept(offer, by, signature)
    _receipts(offer, made, by, signature)
    return made


def _check_same(offer: Offer, fingerprint: str, parts: Mapping[str, str]) -> None:
    rules.check_same(dict(parts), offer.parts, same=fingerprint == offer.fingerprint)


def _check_signer(by: Actor, asked: Asked | None) -> None:
    queries.check_may_accept(by, asked)
    agreement_rules.check_mailbox(by.confirmed)
    if asked is not None:
        _check_not_own(asked, by.address)


def _check_not_own(asked: Asked, address: str) -> None:
    for partner in (asked.partner, asked.reseller):
        if partner is not None:
            rules.check_not_own(organizations.is_own_address(partner.id, address), partner.name)


def _accept(offer: Offer, by: Actor, signature: Signature) -> Accepted:
    session = people.session_by_id(by.session_id)
    person = people.person_by_id(by.person_id)
    assert session is not None
    assert person is not None
    asked = offer.asked
    personal = {
        "name": by.name, "address": by.address, "title": signature.title, "department": signature.department,
        "network_address": signature.network_address, "browser": signature.browser[:300],
    }  # fmt: skip
    acceptance = relationship = None
    if offer.text is not None:
        acceptance = agreements.accept(
            offer.customer, offer.text, by=by, shown=offer.shown, signer=personal, proof=session.proof,
            partner_id=asked.partner.id if asked is not None else None,
            other_partner_id=asked.reseller.id if asked is not None and asked.reseller is not None else None,
            invitation_id=asked.invitation.id if asked is not None else None,
            account_made_by_partner_id=person.created_by_partner_id,
        )  # fmt: skip
    if asked is not None and offer.terms is not None:
        made_by = person.created_by_partner_id
        relationship = relationship_actions.begin(
            offer.customer, partner_id=asked.partner.id,
            reseller_id=asked.reseller.id if asked.reseller is not None else None,
            origin="acceptance", by=by, invitation_id=asked.invitation.id,
            facts={
                "shown": offer.shown, "fingerprint": offer.fingerprint, "proof": session.proof,
                "acceptance_id": str(_agreement_behind(offer, acceptance)),
                "account_made_by_partner_id": str(made_by) if made_by else None,
            },
            personal=personal,
        )  # fmt: skip
    return Accepted(acceptance, relationship)


def _agreement_behind(offer: Offer, acceptance: Acceptance | None) -> Any:
    """The acceptance that the relationship rests on: the one made with it, or the earlier one."""
    if acceptance is not None:
        return acceptance.id
    assert offer.accepted is not None
    return offer.accepted[0].id


def _note(asked: Asked, kind: str, by: Actor, made: Accepted | None = None) -> InvitationAct:
    fact_id = None
    if made is not None:
        row = made.relationship or made.acceptance
        fact_id = row.fact_id if row is not None else None
    return invitations.note(
        asked.invitation, kind, by=by, customer_id=by.organization_id,
        acceptance_id=made.acceptance.id if made is not None and made.acceptance is not None else None,
        relationship_id=made.relationship.id if made is not None and made.relationship is not None else None,
        fact=facts_of.fact_by_id(fact_id) if fact_id is not None else None,
    )  # fmt: skip


def _asked_for(offer: Offer) -> str:
    return "relationship" if offer.terms is not None else "agreement"


def _tell_partners(asked: Asked, kind: str, key: str, customer: Organization, facts: dict[str, Any]) -> None:
    path = f"/partner/invitations/{asked.invitation.id}"
    for partner in (asked.partner, asked.reseller):
        if partner is not None:
            tasks.put(
                partner.id, kind, about_key=key, about_id=asked.invitation.id, path=path, waits=False,
                facts={"customer": customer.name, **facts},
            )  # fmt: skip


def _receipts(offer: Offer, made: Accepted, by: Actor, signature: Signature) -> None:
    """The receipt by mail to every administrator, each in the own language and zone."""
    row = made.acceptance or made.relationship
    assert row is not None
    fact = facts_of.fact_by_id(row.fact_id)
    last = facts_of.fact_by_id((made.relationship or row).fact_id)  # its hash covers the one before it as well
    assert fact is not None
    assert last is not None
    url = _receipt_url(made)
    text = offer.text
    for person in queries.administrators_of(offer.customer.id):
        emails.receipt(
            to=person, zone=person.zone or offer.customer.zone, about_id=row.id, organization=offer.customer.name,
            signer_given=by.given_name, signer_family=by.family_name, signer_address=by.address, title=signature.title,
            department=signature.department, at=fact.at, reference=reference_of(fact.hash),
            hash=last.hash, position=last.position, version=text.version if text is not None else "",
            text_language=text.language if text is not None else "", html_sha256=text.html_sha256 if text else "",
            is_sample=text.is_sample if text is not None else False,
            partner=offer.asked.partner.name if offer.asked is not None and offer.terms is not None else "",
            reseller=offer.asked.reseller.name if offer.asked is not None and offer.asked.reseller is not None else "",
            boxes=list(offer.boxes.values()), boxes_language=offer.language, url=url,
        )  # fmt: skip


def _receipt_url(made: Accepted) -> str:
    if made.acceptance is not None:
        return pages.absolute("agreements.receipt", acceptance_id=made.acceptance.id)
    assert made.relationship is not None
    return pages.absolute("relationships.receipt", relationship_id=made.relationship.id)


def decline_invitation(asked: Asked, *, by: Actor, reason: str, comment: str) -> None:
    """Decline; the invitation stays open, and a later acceptance stands beside this in the history.

    A second time in a row adds nothing. Raises what ends an invitation, RoleCannotAccept.
    """
    asked = _locked(asked, by)
    by = _fresh(by)
    queries.check_partners(asked)
    queries.check_open(asked, by)
    queries.check_may_accept(by, asked)
    before = queries.last_answer(asked.invitation, by.organization_id)
    if before is not None and before.kind == "declined":
        return
    fact = invitations.told(
        asked.invitation, "declined", by=by, customer_id=by.organization_id, facts={"reason": reason},
        personal={"reason": comment} if comment else None,
    )  # fmt: skip
    act = invitations.note(asked.invitation, "declined", by=by, customer_id=by.organization_id, fact=fact)
    customer = organizations.organization_by_id(by.organization_id)
    assert customer is not None
    _tell_partners(
        asked, "invitation_declined", str(act.id), customer, {"asks": asked.invitation.asks, "reason": reason}
    )


# --- a first visitor's account -------------------------------------------------------------------------------


def send_sign_in_link(asked: Asked, *, network_address: str) -> str:
    """Mail the named customer's contact the link to sign in with; answer the masked address, or an empty text.

    Raises TooManyAttempts and what ends an invitation.
    """
    queries.check_open(asked, None)
    person = queries.contact_on_file(asked)
    if person is None:
        return ""
    accounts.request_link(
        person.address, network_address=network_address, continue_to=f"/invitation?ref={asked.ref}"
    )  # fmt: skip
    return rules.masked(person.address)


def request_sign_up(asked: Asked, address: str, *, language: str, network_address: str) -> None:
    """Mail a link to sign up to whoever came with an invitation for any customer.

    Nobody learns whether the address signs in already: then the mail says so. Raises OwnAddress, TooManyAttempts and
    what ends an invitation.
    """
    queries.check_partners(asked)
    queries.check_open(asked, None)
    _check_not_own(asked, address)
    accounts.count_attempt("sign-up", address, network_address)
    database.write()
    person = people.person_by_address(address)
    if person is not None:
        last = outbox.last_written(person.id, "has_account")
        if person.can_sign_in() and people.home_of(person).is_open and rules.may_mail_again(last, clock.now()):
            emails.has_account(
                to=person, zone=person.zone or people.home_of(person).zone, ref=asked.ref, partner=asked.partner.name
            )
        return
    if not rules.may_mail_again(tokens.last_issued(rules.SIGN_UP, address), clock.now()):
        return
    lasts = timedelta(days=policies.value("link.confirmation_days"))
    token = tokens.issue(rules.SIGN_UP, address, lasts=lasts, ref=asked.ref, language=language)
    emails.sign_up(to=address, language=language, zone=asked.partner.zone, token=token, partner=asked.partner.name)


@dataclass(frozen=True)
class NewCustomer:
    """What a first visitor says of its organization and itself. `country` is ISO 3166 alpha-2."""

    organization: str
    country: str
    given_name: str
    family_name: str
    language: str


def sign_up(
    token: Token, given: NewCustomer, *, address: str, password: str, network_address: str, browser: str
) -> Session | AdmissionRequest | None:
    """Use up a sign-up link: make the organization, its first global administrator, and start a session.

    Where an organization with this (not public) mail domain exists, its administrators are asked instead. None when
    `address` is not the one the link was sent to (counted; the link stays). Raises SignUpLinkOver, CountryNotServed,
    OwnAddress, AddressInUse, TooManyAttempts.
    """
    ref = str(token.facts.get("ref", ""))
    rules.check_link_open(token.used_at, token.expires_at, clock.now(), ref)
    accounts.count_attempt("link", str(token.id), network_address)
    if not tokens.was_sent_to(token, address):
        return None
    rules.check_country(given.country, policies.value("countries.served"))
    hashed = accounts.hash_password(password)
    there = organizations.organization_by_mail_domain(address)
    token = database.locked(token, chain=there.chain_id if there is not None else None)
    rules.check_link_open(token.used_at, token.expires_at, clock.now(), ref)
    if there is None:  # somebody of the same domain may have signed up while this one waited
        there = organizations.organization_by_mail_domain(address)
        if there is not None:
            database.write(chain=there.chain_id)
    accounts.clear_attempts("link", str(token.id), network_address)
    asked = _came_from(ref)
    if asked is not None:
        _check_not_own(asked, address)
    rules.check_not_own(organizations.partner_holding(address) is not None, "")
    token.used_at = clock.now()
    if there is not None:
        return _ask_for_admission(there, given, address, ref)
    domain = domain_of(address)
    organization = organization_actions.create_organization(
        "customer", given.organization, country=given.country, language=given.language,
        zone=rules.ZONES.get(given.country, "UTC"), source="sign-up",
        domains=() if is_public_mail(domain) else (domain,),
    )  # fmt: skip
    person = organization_actions.add_member(
        organization, given_name=given.given_name, family_name=given.family_name, address=address,
        roles=("global_administrator",), password_hash=hashed, confirmed=True, source="sign-up",
    )  # fmt: skip
    return accounts.start_session(person.id, proof="link", network_address=network_address, browser=browser)


def _came_from(ref: str) -> Asked | None:
    invitation = invitation_queries.by_ref(ref)
    return queries.asked_by(invitation) if invitation is not None else None


def _ask_for_admission(there: Organization, given: NewCustomer, address: str, ref: str) -> AdmissionRequest:
    row = queries.open_admission(there.id, address)
    if row is not None:
        return row
    row = AdmissionRequest(
        id=uuid4(), organization_id=there.id, given_name=given.given_name, family_name=given.family_name,
        address=address, address_key=people.address_key(address), language=given.language, ref=ref,
        asked_at=clock.now(),
    )  # fmt: skip
    database.session().add(row)
    database.session().flush()
    evidence.record(
        "admission.requested", source="sign-up", customer_id=there.id, facts={"request_id": str(row.id)},
        personal={"name": full_name(given.given_name, given.family_name), "address": address}, personal_of=row.id,
    )  # fmt: skip
    tasks.put(
        there.id, "admission_request", about_key=str(row.id), about_id=row.id, path=f"/admissions/{row.id}", waits=True
    )
    for person in organizations.people_with(there.id, *access.roles_with("customer", Permission.ADMIT_PEOPLE)):
        emails.admission_requested(
            to=person, zone=person.zone or there.zone, organization=there.name, request_id=row.id, at=row.asked_at
        )
    return row


def answer_admission(request: AdmissionRequest, *, by: Actor, admit: bool, role: str = "") -> None:
    """Admit whoever asked (with a role, or none) or refuse; once. Raises AlreadyAnswered, AddressInUse."""
    row = database.locked(request, chain=by.chain_id)
    if row.answered_at is not None:
        raise rules.AlreadyAnswered(at=row.answered_at, admitted=row.admitted)
    there = organizations.organization_by_id(row.organization_id)
    assert there is not None
    row.answered_at, row.answered_by_id, row.admitted = clock.now(), by.person_id, admit
    tasks.done(there.id, "admission_request", str(row.id), by_id=by.person_id)
    address = row.address
    if admit:
        person = organization_actions.add_member(
            there, given_name=row.given_name, family_name=row.family_name, address=address,
            roles=(role,) if role else (), language=row.language, by=by, source="page",
        )  # fmt: skip
        accounts.send_first_sign_in(person, f"/invitation?ref={row.ref}" if row.ref else "")
        return
    evidence.record("admission.refused", by=by, customer_id=there.id, facts={"request_id": str(row.id)})
    emails.admission_refused(
        to=address, language=row.language, zone=there.zone, organization=there.name, request_id=row.id
    )
    _forget_asker(row)


def _forget_asker(row: AdmissionRequest) -> int:
    """Empty a request of name and address, and take them out of the evidence; answer how many values went."""
    row.given_name = row.family_name = row.address = ""
    row.address_key = f"forgotten {row.id}"
    return 2 + evidence.forget_personal(row.id, set())


def _forget_requests(person_id: UUID) -> tuple[int, list[Stays]]:
    """What an erased person once wrote when it asked to be admitted."""
    person = people.person_by_id(person_id)
    if person is None:
        return 0, []
    rows = database.session().scalars(
        sa.select(AdmissionRequest).where(AdmissionRequest.address_key == person.address_key)
    )
    return sum(_forget_asker(row) for row in rows.all()), []
