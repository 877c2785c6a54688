"""What a link leads to, what a reader is shown before it signs, and what was answered."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from flask_babel import gettext as _
from sqlalchemy.orm import aliased

from webapp import access, clock, database, languages
from webapp.access import Permission
from webapp.accounts import queries as accounts
from webapp.accounts.models import Person
from webapp.actor import Actor, full_name
from webapp.agreements import queries as agreements
from webapp.agreements import rules as agreement_rules
from webapp.agreements.models import Acceptance, AgreementText
from webapp.agreements.rules import NoAgreement, RoleCannotAccept
from webapp.answers import rules
from webapp.answers.models import AdmissionRequest
from webapp.answers.rules import Link
from webapp.delegated_admin import queries as delegated
from webapp.delegated_admin import rules as delegated_rules
from webapp.delegated_admin.models import DelegatedRelationship
from webapp.invitations import queries as invitations
from webapp.invitations import rules as invitation_rules
from webapp.invitations.models import Invitation, InvitationAct
from webapp.invitations.rules import InvitationAccepted
from webapp.organizations import queries as organizations
from webapp.organizations.models import Organization, Pairing
from webapp.organizations.rules import PartnerInactive
from webapp.policies import queries as policies
from webapp.relationships import queries as relationships
from webapp.relationships.models import Ending, Relationship
from webapp.relationships.queries import Terms
from webapp.relationships.rules import AlreadyRelated

# --- what a link leads to ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Asked:
    """An invitation with those it concerns. `customer` None: for any customer. `offer`: the delegated administration
    that it asks for or carries, while that waits for an answer."""

    invitation: Invitation
    partner: Organization
    reseller: Organization | None
    customer: Organization | None
    offer: DelegatedRelationship | None = None

    @property
    def asks_administration(self) -> bool:
        """Whether it asks for delegated administration and nothing else."""
        return self.invitation.asks == "administration"

    @property
    def asks_relationship(self) -> bool:
        return self.invitation.asks == "relationship"

    @property
    def offerer(self) -> Organization:
        """Who would get the rights of the offer: the one that made it, of the two that an indirect invitation names."""
        if self.reseller is not None and self.offer is not None and self.offer.partner_id == self.reseller.id:
            return self.reseller
        return self.partner

    @property
    def ref(self) -> str:
        return self.invitation.ref


def _organization(organization_id: UUID) -> Organization:
    found = organizations.organization_by_id(organization_id)
    assert found is not None  # a foreign key
    return found


def asked_by(invitation: Invitation) -> Asked:
    """An invitation with its partner, reseller and customer, and the offer that comes with it."""
    return Asked(
        invitation,
        _organization(invitation.partner_id),
        _organization(invitation.reseller_id) if invitation.reseller_id else None,
        _organization(invitation.customer_id) if invitation.customer_id else None,
        invitations.pending_offer_of(invitation),
    )


def asked_by_link(link: Link) -> Asked:
    """The invitation that a link leads to: by its `ref`, else the partner's standing one.

    Raises MalformedLink, UnknownLink, PartnerInactive, PartnersNotPaired, OnlyByPartner. Whether it is still open
    is another question: see `check_open`.
    """
    if link.ref:
        invitation = invitations.by_ref(link.ref)
    else:
        rules.check_complete(link)
        invitation = _standing(link)
    if invitation is None:
        raise rules.UnknownLink()
    asked = asked_by(invitation)
    numbers = [asked.partner.partner_number, asked.reseller.partner_number if asked.reseller else None]
    rules.check_agrees(
        link,
        asks=invitation.asks,
        partner_id=invitation.partner_id,
        reseller_id=invitation.reseller_id,
        numbers=numbers,
    )
    check_partners(asked)
    return asked


def _standing(link: Link) -> Invitation | None:
    assert link.partner_id is not None
    partner = organizations.partner_by_id(link.partner_id)
    if partner is None:
        raise rules.UnknownLink()
    _check_active(partner)
    if link.type == "Administration":
        raise rules.OnlyByPartner(partner=partner.name)
    reseller_id = link.reseller_id if link.type == "IndirectResellerRelationship" else None
    if reseller_id is not None:
        reseller = organizations.partner_by_id(reseller_id)
        if reseller is None:
            raise rules.UnknownLink()
        _check_active(reseller)
        if organizations.pairing(partner.id, reseller.id) is None:
            raise rules.PartnersNotPaired(partner=reseller.name, contact=reseller.contact_address)
    return invitations.standing(partner.id, rules.TYPES[link.type], reseller_id)


def _check_active(partner: Organization) -> None:
    if not partner.is_open:
        raise PartnerInactive(partner=partner.name)


def check_partners(asked: Asked) -> None:
    """Raises PartnerInactive, PartnersNotPaired, OnlyByPartner: what a partner's invitation needs at any time."""
    _check_active(asked.partner)
    if asked.reseller is not None:
        _check_active(asked.reseller)
        if organizations.pairing(asked.partner.id, asked.reseller.id) is None:
            raise rules.PartnersNotPaired(partner=asked.reseller.name, contact=asked.reseller.contact_address)
    if asked.asks_administration and asked.invitation.offer_id is None:
        raise rules.OnlyByPartner(partner=asked.partner.name)


def check_open(asked: Asked, reader: Actor | None) -> None:
    """Raises why an invitation cannot be answered (by the reader's organization) any more.

    A closed one is told like an unknown one. Names stand in the refusal only for the customer's own people.
    """
    reader_id = reader.organization_id if reader is not None else object()  # nobody: what others accepted is not told
    life = invitations.life_of(asked.invitation)
    try:
        invitation_rules.check_open(
            life,
            clock.now(),
            partner=asked.partner.name,
            contact=asked.partner.contact_address or "",
            customer_id=reader_id,
        )
    except invitation_rules.InvitationClosed:
        raise rules.UnknownLink() from None
    except InvitationAccepted as refusal:
        raise _accepted(asked, reader, refusal.at) from None


def _accepted(asked: Asked, reader: Actor | None, at: datetime) -> InvitationAccepted:
    facts: dict[str, Any] = {"at": at, "partner": asked.partner.name}
    act = acceptance_act(asked.invitation, reader.organization_id) if reader is not None else None
    if reader is not None and act is not None:
        given = accounts.names_of([act.person_id] if act.person_id else [])
        facts |= {
            "person": full_name(*next(iter(given.values()), ("", ""))),
            "own": act.person_id == reader.person_id,
            "acceptance_id": act.acceptance_id,
            "relationship_id": act.relationship_id,
            "may_read": reader.may(Permission.READ_RECEIPTS),
            "offer_id": asked.offer.id if asked.offer is not None and is_shown(asked, reader) else None,
            "must_renew": agreements.standing_of_customer(_organization(reader.organization_id)).state == "must_renew",
        }
    return InvitationAccepted(**facts)


def is_shown(asked: Asked, reader: Actor) -> bool:
    """Whether the reader can open the page of the offer: its organization was told of it."""
    offer_id = asked.invitation.offer_id
    return offer_id is not None and delegated.of_customer(reader, offer_id) is not None


def acceptance_act(invitation: Invitation, customer_id: UUID) -> InvitationAct | None:
    """The act by which a customer accepted an invitation."""
    return database.session().scalar(
        sa.select(InvitationAct).where(
            InvitationAct.invitation_id == invitation.id,
            InvitationAct.kind == "accepted",
            InvitationAct.customer_id == customer_id,
        )
    )


def has_once(invitation_id: UUID, once_key: str) -> bool:
    """Whether what may happen once to an invitation has happened."""
    return (
        database.session().scalar(
            sa.select(InvitationAct.id).where(
                InvitationAct.invitation_id == invitation_id, InvitationAct.once_key == once_key
            )
        )
        is not None
    )


def last_answer(invitation: Invitation, customer_id: UUID | None) -> InvitationAct | None:
    """The newest of a customer's acts on an invitation: opened, declined or accepted."""
    if customer_id is None:
        return None
    return database.session().scalar(
        sa.select(InvitationAct)
        .where(
            InvitationAct.invitation_id == invitation.id,
            InvitationAct.customer_id == customer_id,
            InvitationAct.kind.in_(("opened", "declined", "accepted")),
        )
        .order_by(InvitationAct.at.desc(), InvitationAct.id)
        .limit(1)
    )


def asked_of(actor: Actor, ref: str) -> Asked | None:
    """The invitation of a step on the journey: for the actor's own customer organization, or for any customer.

    Delegated administration has no such steps: it is decided on the page of its offer.
    """
    invitation = _invitation_to(actor, ref)
    return asked_by(invitation) if invitation is not None and invitation.asks != "administration" else None


def offered_to(actor: Actor, ref: str) -> Asked | None:
    """The invitation that asks the actor's own customer organization for delegated administration, or carries it."""
    invitation = _invitation_to(actor, ref)
    return asked_by(invitation) if invitation is not None and invitation.offer_id is not None else None


def _invitation_to(actor: Actor, ref: str) -> Invitation | None:
    if not actor.is_customer or len(ref) != 32:
        return None
    invitation = invitations.by_ref(ref)
    if invitation is None or invitation.customer_id not in (None, actor.organization_id):
        return None
    return invitation


def own_link_of(actor: Actor, ref: str) -> Asked | None:
    """The invitation of a link that the actor's own partner organization made, or that names it as the reseller."""
    invitation = invitations.by_ref(ref) if len(ref) == 32 else None
    if invitation is None or actor.organization_id not in (invitation.partner_id, invitation.reseller_id):
        return None
    return asked_by(invitation)


def partners_around(actor: Actor) -> list[Organization]:
    """The partners that stand near a customer: related to it, asking it, or the maker of its account."""
    person = accounts.person_by_id(actor.person_id)
    customer = organizations.organization_by_id(actor.organization_id)
    near = {person.created_by_partner_id if person is not None else None}
    near.add(customer.created_by_partner_id if customer is not None else None)
    for row, _ending in relationships.of_customer(actor.organization_id):
        near |= {row.partner_id, row.reseller_id}
    for invitation in invitations.naming(actor.organization_id):
        near |= {invitation.partner_id, invitation.reseller_id}
    found = [organizations.organization_by_id(partner_id) for partner_id in near if partner_id is not None]
    return [partner for partner in found if partner is not None]


def answered_of(actor: Actor, ref: str) -> tuple[Asked, InvitationAct] | None:
    """An invitation that the actor's organization accepted, with the act."""
    asked = asked_of(actor, ref)
    act = acceptance_act(asked.invitation, actor.organization_id) if asked is not None else None
    return (asked, act) if asked is not None and act is not None else None


def contact_on_file(asked: Asked) -> Person | None:
    """Who gets the sign-in link of a named customer's invitation: its first administrator.

    Never whom the partner wrote to: it could try addresses and see which of them have an account.
    """
    if asked.customer is None:
        return None
    if asked.asks_administration:
        return next(iter(_global_ones_first(asked.customer.id, delegated.deciders(asked.customer.id))), None)
    return next(iter(administrators_of(asked.customer.id)), None)


def administrators_of(customer_id: UUID) -> Sequence[Person]:
    """The people of a customer who may answer invitations, global administrators first."""
    found = organizations.people_with(customer_id, *access.roles_with("customer", Permission.ANSWER_INVITATIONS))
    return _global_ones_first(customer_id, found)


def _global_ones_first(customer_id: UUID, found: Sequence[Person]) -> Sequence[Person]:
    first = {person.id for person in organizations.people_with(customer_id, "global_administrator")}
    return sorted(found, key=lambda person: person.id not in first)


# --- who may answer ------------------------------------------------------------------------------------------


def acceptors_of(customer_id: UUID) -> Sequence[Person]:
    """The people of a customer who can accept the agreement and a relationship, by the policy; first who proved the
    mailbox."""
    found = organizations.people_with(customer_id, *policies.value("agreement.acceptors"))
    return sorted(found, key=lambda person: person.confirmed_at is None)


def receivers_for(actor: Actor) -> list[Person]:
    """Whom the actor can send an invitation on to."""
    return [each for each in acceptors_of(actor.organization_id) if each.id != actor.person_id]


def check_may_accept(actor: Actor, asked: Asked | None = None) -> None:
    """Raises RoleCannotAccept, with who can, unless a role of the actor is among those that the policy names.

    With the invitation that is asked, the refusal says whom it can be sent on to from here.
    """
    acceptors = policies.value("agreement.acceptors")
    try:
        agreement_rules.check_may_accept(actor.roles, acceptors)
    except RoleCannotAccept:
        people = acceptors_of(actor.organization_id)
        text = agreements.text_in_force(actor.country, _organization(actor.organization_id).zone, languages.language())
        raise RoleCannotAccept(
            roles=tuple(acceptors),
            people=[full_name(person.given_name, person.family_name) for person in people],
            text_id=text.id if text is not None else None,
            **(_sent_on_from(asked, actor, people) if asked is not None else {}),
        ) from None


def _sent_on_from(asked: Asked, actor: Actor, people: Sequence[Person]) -> dict[str, Any]:
    """What the page that says no shows of the invitation itself."""
    return {
        "ref": asked.ref,
        "asks": asked.invitation.asks,
        "partner": (asked.reseller or asked.partner).name,
        "receivers": [{"id": each.id, "name": full_name(each.given_name, each.family_name)} for each in people],
        "offer_id": asked.offer.id if asked.offer is not None and is_shown(asked, actor) else None,
    }


# --- what is shown, and signed -------------------------------------------------------------------------------


@dataclass(frozen=True)
class Offer:
    """All that a signer is shown, and what becomes evidence when it is accepted.

    `text` None: the version in force was accepted before (`accepted`), so only the relationship is asked. `terms`
    None: no relationship is asked, or it is open already (`related`). `since`: what the customer agreed to before, or a
    partner said so, and `compared`: the text of that version in the language of this one, for what changed since.
    `boxes` are the literal words by name ("agreement", "relationship", "authority"), in the order shown.
    """

    customer: Organization
    text: AgreementText | None
    accepted: tuple[Acceptance, AgreementText] | None
    since: agreements.Before | None
    compared: AgreementText | None
    related: Relationship | None
    terms: Terms | None
    asked: Asked | None
    boxes: dict[str, str]
    language: str

    @property
    def shown(self) -> dict[str, Any]:
        """Everything shown, as plain values: what the fingerprint is made of."""
        found: dict[str, Any] = {
            "organization": {"id": str(self.customer.id), "name": self.customer.name},
            "boxes": self.boxes,
            "shown_language": self.language,
        }
        if self.text is not None:
            found["agreement"] = {
                "text_id": str(self.text.id), "type": self.text.type, "country": self.text.country,
                "language": self.text.language, "version": self.text.version,
                "effective_on": self.text.effective_on.isoformat(), "source_sha256": self.text.source_sha256,
                "html_sha256": self.text.html_sha256, "is_sample": self.text.is_sample,
            }  # fmt: skip
            if self.since is not None:
                found["changes_since"] = {
                    "version": self.since.text.version,
                    "html_sha256": self.compared.html_sha256 if self.compared is not None else None,
                }
        elif self.accepted is not None:
            found["accepted_before"] = {"reference": self.accepted[0].reference, "version": self.accepted[1].version}
        if self.asked is not None:
            found["invitation_id"] = str(self.asked.invitation.id)
        if self.asked is not None and self.terms is not None:
            partner, reseller = self.asked.partner, self.asked.reseller
            found["partner"] = {"id": str(partner.id), "name": partner.name}
            found["reseller"] = {"id": str(reseller.id), "name": reseller.name} if reseller is not None else None
            found["terms"] = {"can": list(self.terms.can), "cannot": list(self.terms.cannot)}
        return found

    @property
    def fingerprint(self) -> str:
        return agreement_rules.fingerprint(self.shown)

    @property
    def parts(self) -> dict[str, str]:
        return agreement_rules.parts(self.shown)


def offer_to(customer_id: UUID, asked: Asked | None) -> Offer:
    """What a customer would accept now, in the reader's language.

    Raises NoAgreement; AlreadyAccepted when nothing but the agreement is asked and its version in force was
    accepted, which need not be renewed; AlreadyRelated when the same relationship is open; DirectAcceptanceClosed.
    """
    customer = _organization(customer_id)
    language = languages.language()
    text = agreements.text_in_force(customer.country, customer.zone, language)
    if text is None:
        raise NoAgreement(country=customer.country)
    accepted = agreements.acceptance_in_force(customer.id, text.type) if agreements.is_current(customer) else None
    related = related_since(asked, customer.id) if asked is not None else None
    if accepted is not None and (asked is None or not asked.asks_relationship):
        raise already_accepted(accepted)
    if accepted is not None and related is not None:
        raise AlreadyRelated(since=related.began_at)
    if accepted is None:
        agreements.check_direct(customer)
    since = agreements.consent_before(customer) if accepted is None else None
    boxes = {} if accepted is not None else {"agreement": agreements.commitment(text, customer.name)}
    terms = None
    if asked is not None and asked.asks_relationship and related is None:
        terms = relationships.terms(customer.name, asked.partner, asked.reseller)
        boxes["relationship"] = terms.box
    boxes["authority"] = agreements.authority_words(customer.name)
    return Offer(
        customer, text if accepted is None else None, accepted, since,
        agreements.compared_with(since.text, text) if since is not None else None, related, terms, asked, boxes, language,
    )  # fmt: skip


def already_accepted(accepted: tuple[Acceptance, AgreementText]) -> agreement_rules.AlreadyAccepted:
    """The refusal that tells by whom and when the agreement was accepted."""
    acceptance, text = accepted
    return agreement_rules.AlreadyAccepted(
        reference=acceptance.reference,
        at=acceptance.at,
        acceptance_id=acceptance.id,
        version=text.version,
        person=agreements.signer_of(acceptance),
    )


def related_since(asked: Asked, customer_id: UUID) -> Relationship | None:
    """The open relationship that the invitation would begin a second time."""
    if not asked.asks_relationship:
        return None
    return relationships.open_between(
        customer_id, asked.partner.id, asked.reseller.id if asked.reseller is not None else None
    )


def is_only_offer_left(asked: Asked, customer_id: UUID) -> bool:
    """Whether relationship and agreement are there already, and an offer that came beside them still waits."""
    return (
        asked.offer is not None
        and related_since(asked, customer_id) is not None
        and agreements.is_current(_organization(customer_id))
    )


def changes_in_words(changes: Sequence[str]) -> list[str]:
    """The names of changed parts as sentences for the reader."""
    words = {
        "agreement": _("The agreement: another version or another language of it is in force now."),
        "accepted_before": _("The agreement: somebody of your organization accepted it meanwhile."),
        "changes_since": _("The version that this one is compared with."),
        "organization": _("The name of your organization."),
        "partner": _("The name of the partner."),
        "reseller": _("The name of the reseller."),
        "terms": _("What the relationship lets the partner do."),
        "shown_language": _("The language in which you read the page."),
        "boxes": _("The words of the boxes that you tick."),
    }
    found = [words[name] for name in changes if name in words]
    return found or [_("Something on the page.")]


# --- what waits ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Waiting:
    """Something that waits for a customer's answer. `asks`: one of `invitations.rules.ASKS`; `path` leads there.

    `partner` and `reseller` are names, empty where the agreement alone waits; `closes_at` is when it ends, if it does.
    `name` is an offer's; `carries`: delegated administration comes with the relationship. `sent_on_by`: the colleague who
    sent it on to the reader. Of the agreement alone: `renews`: it was accepted and must be again; `confirmed_by`: the
    partner that has to confirm it.
    """

    asks: str
    path: str
    partner: str = ""
    reseller: str = ""
    closes_at: datetime | None = None
    last_day: Any = None
    declined_at: datetime | None = None
    name: str = ""
    carries: bool = False
    sent_on_by: str = ""
    renews: bool = False
    confirmed_by: str = ""


def waiting_for(actor: Actor) -> list[Waiting]:
    """What waits for the actor's customer organization: open invitations that name it, those for any customer that a
    colleague sent on to the reader, offers of delegated administration, and the agreement while it is not accepted. What was sent on to the reader comes first. Nothing of a
    partner that the organization does not know.

    The number of queries does not grow with what waits. An invitation for delegated administration is not listed:
    its offer is.
    """
    if not actor.is_customer:
        return []
    customer = _organization(actor.organization_id)
    current = agreements.is_current(customer)
    unknown = relationships.distrusted_by(customer.id)
    offers = {
        each.relationship_id: each for each in delegated.waiting_for(customer.id) if each.partner_id not in unknown
    }
    asked = [
        each
        for each in _open_invitations(customer, current, actor.person_id)
        if each.partner_id not in unknown and each.reseller_id not in unknown
    ]
    acts = _acts_by_invitation((each.id for each in asked), customer.id)
    senders = _senders(actor, acts)
    partners = {each.partner_id for each in asked} | {each.partner_id for each in offers.values()}
    names = organizations.names_of(partners | {each.reseller_id for each in asked if each.reseller_id})
    found = []
    for invitation in asked:
        life = _life(invitation, acts[invitation.id])
        if not (invitation_rules.has_gone_out(life) or invitation.id in senders):
            continue
        if invitation_rules.ended_by(life, clock.now()) or life.last("accepted", customer.id) is not None:
            continue
        answers = [each for each in acts[invitation.id] if each.kind in {"opened", "declined", "accepted"}]
        declined = answers[-1].at if answers and answers[-1].kind == "declined" else None
        found.append(
            Waiting(
                asks=invitation.asks, path=f"/invitation?ref={invitation.ref}", partner=names[invitation.partner_id],
                reseller=names[invitation.reseller_id] if invitation.reseller_id else "",
                closes_at=invitation.closes_at, last_day=invitation.last_day, declined_at=declined,
                carries=invitation.offer_id in offers, sent_on_by=senders.get(invitation.id, ""),
            )
        )  # fmt: skip
    found += [
        Waiting(
            asks="administration", path=f"/delegated-admin/{each.relationship_id}", partner=names[each.partner_id],
            closes_at=each.closes_at, name=each.name, sent_on_by=senders.get(each.relationship_id, ""),
            last_day=delegated_rules.last_day(each.closes_at - timedelta(microseconds=1), customer.zone),
        )
        for each in offers.values()
    ]  # fmt: skip
    agreement = _waiting_agreement(customer) if not current else None
    found += [agreement] if agreement is not None else []
    return sorted(found, key=lambda each: not each.sent_on_by)


def _waiting_agreement(customer: Organization) -> Waiting | None:
    """The agreement, while the customer cannot buy without it: nobody agreed, or it must be renewed, or was denied."""
    standing = agreements.standing_of_customer(customer)
    text = agreements.text_in_force(customer.country, customer.zone, languages.language())
    if standing.is_in_order or text is None:
        return None
    confirmers = agreements.confirmers_of(customer) if not standing.agreed_before else []
    if confirmers:
        return Waiting(asks="agreement", path="/agreement", confirmed_by=confirmers[0].name)
    return Waiting(asks="agreement", path="/agreement/acceptance", renews=standing.state == "must_renew")


def _open_invitations(customer: Organization, current: bool, person_id: UUID) -> list[Invitation]:
    """The invitations that name a customer (or name none, and were sent on to a person of it) and whose last day is not
    over, newest first, as far as something is left to accept and their partners work here, together where there are
    two."""
    partner, reseller = aliased(Organization), aliased(Organization)
    related, ending, pair = aliased(Relationship), aliased(Ending), aliased(Pairing)
    is_related = (
        sa.select(related.id)
        .outerjoin(ending, ending.relationship_id == related.id)
        .where(
            related.customer_id == customer.id,
            related.partner_id == Invitation.partner_id,
            sa.or_(
                related.reseller_id == Invitation.reseller_id,
                sa.and_(related.reseller_id.is_(None), Invitation.reseller_id.is_(None)),
            ),
            ending.id.is_(None),
        )
        .exists()
    )
    is_paired = (
        sa.select(pair.id)
        .where(
            pair.provider_id == Invitation.partner_id,
            pair.reseller_id == Invitation.reseller_id,
            pair.ended_at.is_(None),
        )
        .exists()
    )
    sent_on = (
        sa.select(InvitationAct.id)
        .where(
            InvitationAct.invitation_id == Invitation.id,
            InvitationAct.kind == "handed_over",
            InvitationAct.customer_id == customer.id,
            InvitationAct.receiver_id == person_id,
        )
        .exists()
    )
    statement = (
        sa.select(Invitation)
        .join(partner, partner.id == Invitation.partner_id)
        .outerjoin(reseller, reseller.id == Invitation.reseller_id)
        .where(
            sa.or_(Invitation.customer_id == customer.id, sa.and_(Invitation.customer_id.is_(None), sent_on)),
            sa.or_(Invitation.closes_at.is_(None), Invitation.closes_at > clock.now()),
            partner.disabled_at.is_(None),
            sa.or_(Invitation.reseller_id.is_(None), sa.and_(reseller.disabled_at.is_(None), is_paired)),
        )
        .order_by(Invitation.created_at.desc(), Invitation.id)
    )
    if current:
        statement = statement.where(Invitation.asks == "relationship", ~is_related)
    else:
        statement = statement.where(Invitation.asks != "administration")
    return list(database.session().scalars(statement))


def _acts_by_invitation(ids: Iterable[UUID], customer_id: UUID) -> dict[UUID, list[InvitationAct]]:
    """What happened to invitations, oldest first, without what other customers did; one query for all."""
    found: dict[UUID, list[InvitationAct]] = {each: [] for each in ids}
    rows = database.session().scalars(
        sa.select(InvitationAct)
        .where(
            InvitationAct.invitation_id.in_(list(found)),
            sa.or_(InvitationAct.customer_id.is_(None), InvitationAct.customer_id == customer_id),
        )
        .order_by(InvitationAct.at, InvitationAct.id)
    )
    for act in rows:
        found[act.invitation_id].append(act)
    return found


def _life(invitation: Invitation, acts: Sequence[InvitationAct]) -> invitation_rules.Life:
    steps = tuple(invitation_rules.Step(act.kind, act.at, act.customer_id) for act in acts)
    for_one = invitation.customer_id is not None
    return invitation_rules.Life(for_one=for_one, closes_at=invitation.closes_at, steps=steps)


def _senders(actor: Actor, acts: Mapping[UUID, Sequence[InvitationAct]]) -> dict[UUID, str]:
    """Who sent what waits on to the reader, by the id of the invitation or of the offer."""
    sent: dict[UUID, UUID | None] = {key: act.person_id for key, act in delegated.sent_on_to(actor.person_id).items()}
    for id_, of_one in acts.items():
        for act in of_one:
            if act.kind == "handed_over" and act.receiver_id == actor.person_id:
                sent[id_] = act.person_id
    given = accounts.names_of({each for each in sent.values() if each is not None})
    return {id_: full_name(*given[person]) for id_, person in sent.items() if person is not None and person in given}


# --- admission -----------------------------------------------------------------------------------------------


def admission_for(actor: Actor, request_id: UUID) -> AdmissionRequest | None:
    """A request for admission to the actor's organization."""
    found = database.session().get(AdmissionRequest, request_id)
    return found if found is not None and found.organization_id == actor.organization_id else None


def open_admission(organization_id: UUID, address: str) -> AdmissionRequest | None:
    """The open request of an address."""
    return database.session().scalar(
        sa.select(AdmissionRequest).where(
            AdmissionRequest.organization_id == organization_id,
            AdmissionRequest.address_key == accounts.address_key(address),
            AdmissionRequest.answered_at.is_(None),
        )
    )
