"""Making invitations, sending them, and noting what happens to them."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Mapping
from datetime import date, timedelta
from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa
from flask import Flask

from webapp import clock, database
from webapp.access import Permission, roles_with
from webapp.accounts import actions as accounts
from webapp.accounts import queries as people
from webapp.actor import Actor
from webapp.delegated_admin import actions as delegated_admin
from webapp.delegated_admin import queries as delegated
from webapp.delegated_admin import rules as delegated_rules
from webapp.delegated_admin.models import DelegatedRelationship
from webapp.errors import Forbidden, speaks
from webapp.evidence import actions as evidence
from webapp.evidence.models import Fact
from webapp.invitations import emails, queries, rules
from webapp.invitations.models import Invitation, InvitationAct
from webapp.messages import actions as messages
from webapp.messages import queries as outbox
from webapp.messages.models import Message
from webapp.organizations import actions as organization_actions
from webapp.organizations import queries as organizations
from webapp.organizations.models import Organization
from webapp.organizations.rules import NotPaired, Stop
from webapp.policies import queries as policies
from webapp.relationships import actions as relationship_actions
from webapp.tasks import actions as tasks

speaks("uq_invitations_supersedes_id", lambda: rules.InvitationEnded(ending="superseded", at=None))

#: Acts that happen at most once to an invitation; "accepted" at most once per customer.
_ONCE = {"withdrawn", "superseded", "expired", "reminded"}

#: The mails that carry an invitation's link: none leaves once the link leads nowhere, or to an address that was wrong.
_MAILS = ("invitation", "reminder")


def insert(
    partner: Organization,
    *,
    asks: str,
    customer: Organization | None = None,
    reseller: Organization | None = None,
    language: str,
    last_day: date | None,
    recipient: str | None = None,
    subject: str = "",
    body: str = "",
    standing: bool = False,
    supersedes_id: UUID | None = None,
    offer_id: UUID | None = None,
    by: Actor | None = None,
    id_: UUID | None = None,
) -> Invitation:
    """Insert an invitation. `last_day` is a day in the customer's zone (for any customer: the partner's)."""
    zone = (customer or partner).zone
    row = Invitation(
        id=id_ or uuid4(), ref=secrets.token_hex(16), asks=asks, partner_id=partner.id,
        reseller_id=reseller.id if reseller is not None else None,
        customer_id=customer.id if customer is not None else None,
        standing=standing, language=language, last_day=last_day,
        closes_at=clock.end_of(last_day, zone) if last_day is not None else None,
        recipient=recipient, subject=subject, body=body, supersedes_id=supersedes_id, offer_id=offer_id,
        created_at=clock.now(), created_by_id=by.person_id if by is not None else None,
    )  # fmt: skip
    database.session().add(row)
    database.session().flush()
    return row


def note(
    invitation: Invitation,
    kind: str,
    *,
    by: Actor | None = None,
    customer_id: UUID | None = None,
    acceptance_id: UUID | None = None,
    relationship_id: UUID | None = None,
    message_id: UUID | None = None,
    receiver_id: UUID | None = None,
    person_id: UUID | None = None,
    fact: Fact | None = None,
    once: str = "",
) -> InvitationAct:
    """Add an act to an invitation. What may happen once is refused a second time by the constraint.

    `person_id` is who did it where no actor is at hand; `once` names what else may happen once.
    """
    act_id = uuid4()
    once = once or (kind if kind in _ONCE else f"accepted:{customer_id}" if kind == "accepted" else act_id.hex)
    row = InvitationAct(
        id=act_id, invitation_id=invitation.id, kind=kind, once_key=once, customer_id=customer_id,
        person_id=by.person_id if by is not None else person_id, receiver_id=receiver_id, message_id=message_id, acceptance_id=acceptance_id,
        relationship_id=relationship_id, fact_id=fact.id if fact is not None else None, at=clock.now(),
    )  # fmt: skip
    database.session().add(row)
    database.session().flush()
    return row


def told(
    invitation: Invitation, kind: str, *, by: Actor | None, customer_id: UUID | None = None, source: str = "page",
    facts: dict[str, Any] | None = None, personal: dict[str, str] | None = None,
    personal_of: Mapping[str, UUID] | None = None,
) -> Fact:  # fmt: skip
    """Record a fact about an invitation in the chain that is held ("invitation.made", "invitation.withdrawn" …)."""
    return evidence.record(
        f"invitation.{kind}",
        by=by,
        source=source,
        customer_id=customer_id or invitation.customer_id,
        partner_id=invitation.partner_id,
        other_partner_id=invitation.reseller_id,
        facts={"invitation_id": str(invitation.id), "asks": invitation.asks, **(facts or {})},
        personal=personal,
        personal_of=personal_of,
    )


# --- standing invitations --------------------------------------------------------------------------------------


def register(app: Flask) -> None:
    """Follow the creation of partners, the confirmation of pairs, and what becomes of offers; say what disabling
    stops; let go of an erased person's address."""
    evidence.follow(_make_standing)
    evidence.follow(_follow_offer)
    accounts.holds(_forget_recipient)
    organization_actions.stops(_open_with)


def _open_with(organization_id: UUID, person_id: UUID | None) -> list[Stop]:
    """The open invitations that stop with an organization; those of one person go on without it."""
    if person_id is not None:
        return []
    stops = []
    for row in queries.open_with(organization_id):
        partner, _reseller, customer = queries.parties_of(row)
        last = "a standing one" if row.standing else f"open until {row.last_day}"
        whom = customer.name if customer is not None else "any customer"
        stops.append(Stop("invitation", row.id, f"invitation of {partner.name} for {whom}, {last}"))
    return stops


def _make_standing(fact: Fact, _record: Mapping[str, Any]) -> None:
    """A follower: each partner and each pair has its invitations for everybody, without a last day."""
    if fact.kind == "partner.created" and fact.partner_id is not None:
        partner = organizations.partner_by_id(fact.partner_id)
        if partner is not None:
            _ensure_standing(partner, "agreement")
            if partner.programme in {"direct_bill", "indirect_provider"}:
                _ensure_standing(partner, "relationship")
    elif fact.kind == "pairing.confirmed" and fact.partner_id is not None and fact.other_partner_id is not None:
        provider = organizations.partner_by_id(fact.partner_id)
        reseller = organizations.partner_by_id(fact.other_partner_id)
        if provider is not None and reseller is not None:
            _ensure_standing(provider, "relationship", reseller)


def _ensure_standing(partner: Organization, asks: str, reseller: Organization | None = None) -> None:
    if queries.standing(partner.id, asks, reseller.id if reseller is not None else None) is None:
        language = (reseller or partner).language
        insert(partner, asks=asks, reseller=reseller, language=language, last_day=None, standing=True)


#: What becomes of an invitation for delegated administration when its offer is answered or taken back. That nobody
#: answered is told by the last day alone, which is the same.
_OUTCOMES = {
    "delegated_admin.approved": "accepted",
    "delegated_admin.declined": "declined",
    "delegated_admin.withdrawn": "withdrawn",
}


def _follow_offer(fact: Fact, record: Mapping[str, Any]) -> None:
    """A follower: the partner follows its invitation, so what became of the offer is noted there. Offers that were
    withdrawn with the end of a relationship were noted by their own follower just before."""
    if fact.kind == "relationship.ended":
        kind, offers = "withdrawn", list(delegated.withdrawn_with(fact.id))
    elif fact.kind in _OUTCOMES:
        kind, offers = _OUTCOMES[fact.kind], [UUID(record["facts"]["delegated_id"])]
    else:
        return
    for row in [each for offer_id in offers for each in queries.asking_for(offer_id)]:
        if not rules.ended_by(queries.life_of(row), fact.at):
            note(row, kind, customer_id=fact.customer_id, person_id=fact.person_id, fact=fact)


def close(invitation: Invitation, *, by: Actor) -> bool:
    """Close a standing invitation: its links lead nowhere until it is reopened. False when it is closed already."""
    return _turn(invitation, "closed", by)


def reopen(invitation: Invitation, *, by: Actor) -> bool:
    """Open a standing invitation again. False when it is open."""
    return _turn(invitation, "reopened", by)


def _turn(invitation: Invitation, kind: str, by: Actor) -> bool:
    row = database.locked(invitation, chain=by.chain_id)
    is_closed = queries.state(row) == "closed"
    if is_closed == (kind == "closed"):
        return False
    note(row, kind, by=by, fact=told(row, kind, by=by))
    return True


def _forget_recipient(person_id: UUID) -> tuple[int, list[Any]]:
    """Erase a person's address where invitations were sent to it."""
    person = people.person_by_id(person_id)
    if person is None or not person.address:
        return 0, []
    result = database.session().execute(
        sa.update(Invitation)
        .where(sa.func.lower(Invitation.recipient) == person.address.casefold())
        .values(recipient="")
    )
    return database.rows_of(result), []


# --- the message -----------------------------------------------------------------------------------------------


def write_message(invitation: Invitation, *, subject: str, body: str) -> None:
    """Keep the partner's own words. Raises LinkMissing, InvitationEnded, AlreadySent."""
    row = database.locked(invitation, chain=_chain(invitation))
    life = queries.life_of(row)
    rules.check_can_change(life, clock.now())
    if not rules.can_edit(life, clock.now()):
        raise rules.AlreadySent(at=_sent_at(life), recipient=row.recipient or "")
    rules.check_link(body, queries.link_of(row))
    row.subject, row.body = subject, body
    database.session().flush()


def keep_words(invitation: Invitation, *, subject: str | None, text: str | None) -> None:
    """Keep a program's words where it has some: "{link}" stands for the link, which follows at the end otherwise. Raises what
    `write_message` raises."""
    if subject is None and text is None:
        return
    link = queries.link_of(invitation)
    before = queries.message_words(invitation)
    body = rules.with_link(text.replace("{link}", link), link) if text is not None else before[1]
    write_message(invitation, subject=subject or before[0], body=body)


def _sent_at(life: rules.Life) -> Any:
    step = life.last("sent")
    return step.at if step is not None else clock.now()


def _chain(invitation: Invitation, by: Actor | None = None) -> UUID:
    """The chain of an act on an invitation: its customer's, else that of the partner who acts."""
    _partner, _reseller, customer = parties = queries.parties_of(invitation)
    if customer is not None:
        return customer.chain_id
    return by.chain_id if by is not None else parties[0].chain_id


# --- a partner's verbs -----------------------------------------------------------------------------------------


def make(
    *, by: Actor, asks: str, customer: Organization | None, other: Organization | None, language: str,
    last_day: date | None, recipient: str | None, key: UUID | None = None, offer: DelegatedRelationship | None = None,
    source: str = "page",
) -> Invitation:  # fmt: skip
    """Make an invitation with its generated message; the same `key` makes it once.

    `other` is the indirect reseller (named by a provider) or the provider (named by an indirect reseller). `offer` is
    the delegated administration that "administration" asks for (its last day counts, `last_day` does not), or that
    "relationship" carries beside; it is the acting partner's, and its customer is the invitation's.
    Raises LastDayOutOfBounds, OwnRecipient, NoProvider, NotPaired, OfferOver, PartnerDistrusted.
    """
    own = organizations.partner_by_id(by.organization_id)
    if own is None:
        raise LookupError("no partner")
    customer = _check_carries(asks, customer, offer, own)
    database.write(chain=customer.chain_id if customer is not None else own.chain_id)
    taken = queries.by_id(key) if key is not None else None
    before = queries.invitation_for(by, taken.id) if taken is not None else None
    if before is not None:
        return before
    partner, reseller = _parties(own, asks, other)
    _check_trusted(customer, partner, reseller)
    if offer is not None:
        delegated_rules.check_can_answer(delegated.life_of(offer), clock.now(), partner=own.name, person="")
    if offer is not None and asks == "administration":
        last_day = delegated_rules.last_day(offer.closes_at - timedelta(microseconds=1), delegated.life_of(offer).zone)
    assert last_day is not None
    rules.check_last_day(last_day, clock.today((customer or partner).zone))
    if customer is not None and recipient:
        _check_recipient(recipient, partner, reseller)
    row = insert(
        partner, asks=asks, customer=customer, reseller=reseller, language=language, last_day=last_day,
        recipient=recipient if customer is not None else None, by=by, offer_id=offer.id if offer is not None else None,
        id_=key if taken is None else None,
    )  # fmt: skip
    row.subject, row.body = queries.message_words(row)
    facts = {"language": language, "last_day": last_day.isoformat(), "for_any": customer is None}
    told(
        row, "made", by=by, source=source, facts=facts | ({"delegated_id": str(offer.id)} if offer is not None else {})
    )
    return row


def _check_trusted(customer: Organization | None, *partners: Organization | None) -> None:
    """Raises PartnerDistrusted where a named customer says that it does not know one of the partners."""
    for each in partners:
        if customer is not None and each is not None:
            relationship_actions.check_trusted(customer.id, each.id)


def _check_carries(
    asks: str, customer: Organization | None, offer: DelegatedRelationship | None, own: Organization
) -> Organization | None:
    """The customer of an invitation and of the offer it carries; LookupError when they do not belong together."""
    if offer is None:
        if asks == "administration":
            raise LookupError("delegated administration is asked for by an offer")
        return customer
    if asks == "agreement" or offer.partner_id != own.id or (customer is not None and customer.id != offer.customer_id):
        raise LookupError("the offer does not belong to this invitation")
    return organizations.organization_by_id(offer.customer_id)


def _parties(own: Organization, asks: str, other: Organization | None) -> tuple[Organization, Organization | None]:
    """Partner and reseller of an invitation that `own` makes. Raises NoProvider, NotPaired."""
    if asks != "relationship":
        return own, None
    if own.programme == "indirect_reseller":
        if other is None:
            raise rules.NoProvider()
        provider, reseller = other, own
    elif own.programme == "indirect_provider" and other is not None:
        provider, reseller = own, other
    else:
        return own, None
    if organizations.pairing(provider.id, reseller.id) is None or not (provider.is_open and reseller.is_open):
        raise NotPaired(partner=provider.name, contact=provider.contact_address)
    return provider, reseller


def _check_recipient(recipient: str, *parties: Organization | None) -> None:
    rules.check_address(any(organizations.is_own_address(each.id, recipient) for each in parties if each is not None))


def send(invitation: Invitation, *, by: Actor, source: str = "page") -> Message:
    """Send an invitation from here, once.

    Raises InvitationEnded, AlreadySent, SendLimitReached, OwnRecipient, PartnerDistrusted, OfferInMessageOver.
    """
    row = database.locked(invitation, chain=_chain(invitation, by))
    if not row.recipient:
        raise LookupError("no recipient")
    rules.check_can_send(queries.life_of(row), clock.now(), recipient=row.recipient)
    return _send(row, by, source)


def _send(row: Invitation, by: Actor, source: str = "page") -> Message:
    partner, reseller, customer = queries.parties_of(row)
    recipient, zone = row.recipient or "", (customer or partner).zone
    _check_trusted(customer, partner, reseller)
    _check_recipient(recipient, partner, reseller)
    queries.check_words(row)
    _count_sending(by)
    subject, body = queries.message_words(row)
    text = emails.framed(
        body, given_name=by.given_name, family_name=by.family_name, address=by.address,
        partner=by.organization_name, language=row.language, zone=zone,
    )  # fmt: skip
    known = people.person_by_address(recipient)
    message = messages.put(
        kind="invitation", to=recipient, language=row.language, subject=subject, text=text + "\n", about_id=row.id,
        person_id=known.id if known is not None else None, sender_id=by.person_id, reply_to=by.address,
        from_name=emails.sender_name(by.organization_name, row.language, zone),
    )  # fmt: skip
    digest = hashlib.sha256(message.text.encode()).hexdigest()
    fact = told(row, "sent", by=by, source=source, facts={"message_id": str(message.id), "text_sha256": digest})
    note(row, "sent", by=by, message_id=message.id, fact=fact)
    announce_offer(row, by=by)
    return message


def announce_offer(invitation: Invitation, *, by: Actor) -> None:
    """Note that the customer was told of the offer that an invitation asks for or carries, while it waits."""
    offer = queries.pending_offer_of(invitation)
    if offer is not None:
        delegated_admin.announce(offer, by=by)


def _count_sending(by: Actor) -> None:
    """Keep to the daily number of mails. The partner's row is locked, so that two at once do not both pass."""
    session = database.session()
    session.execute(
        sa.select(Organization.id).where(Organization.id == by.organization_id).with_for_update(key_share=True)
    )
    own = organizations.organization_by_id(by.organization_id)
    assert own is not None
    today = clock.today(own.zone)
    begins = clock.end_of(today - timedelta(days=1), own.zone)
    rules.check_sends(
        queries.sent_since(own.id, begins),
        policies.value("invitation.sends_a_day"),
        opens_at=clock.end_of(today, own.zone),
    )


def say_sent(invitation: Invitation, *, by: Actor) -> bool:
    """Note that the partner says to have sent it by its own means. False when it said so. Raises InvitationEnded."""
    row = database.locked(invitation, chain=_chain(invitation, by))
    life = queries.life_of(row)
    rules.check_can_change(life, clock.now())
    if queries.state(row) == "said_sent" or (life.last("said_sent") is not None and life.mail != "undeliverable"):
        return False
    note(row, "said_sent", by=by, fact=told(row, "said_sent", by=by))
    announce_offer(row, by=by)
    _settle(row, by)
    return True


def withdraw(
    invitation: Invitation, *, by: Actor, still: Callable[[Invitation], None] = lambda _invitation: None
) -> bool:
    """Take an invitation back, at once, and an offer of one's own with it that waits for an answer. False when it was
    withdrawn. An offer of the other partner that the invitation names stays as it is. `still` is asked about the invitation
    once it is locked.

    Raises CannotWithdrawAccepted, InvitationEnded, Forbidden (an offer is taken back by who may offer).
    """
    row = database.locked(invitation, chain=_chain(invitation, by))
    still(row)
    life = queries.life_of(row)
    if rules.ended_by(life, clock.now()) == "withdrawn":
        return False
    rules.check_can_withdraw(life)
    rules.check_can_change(life, clock.now())
    offer = queries.pending_offer_of(row)
    if offer is not None and offer.partner_id != by.organization_id:
        offer = None
    if offer is not None:
        _check_may_offer(by)
    note(row, "withdrawn", by=by, fact=told(row, "withdrawn", by=by))
    if offer is not None:
        delegated_admin.withdraw(offer, by=by)
    messages.cancel(row.id, _MAILS)
    _settle(row, by)
    return True


def _check_may_offer(by: Actor) -> None:
    if not by.may(Permission.OFFER_DELEGATED_ADMIN):
        raise Forbidden(
            permission=Permission.OFFER_DELEGATED_ADMIN, roles=roles_with("partner", Permission.OFFER_DELEGATED_ADMIN)
        )


def correct(invitation: Invitation, *, by: Actor, recipient: str) -> bool:
    """Correct the address an invitation goes to; what was sent from here is sent again, to the new one.

    False when it is that address already. Raises InvitationEnded, OwnRecipient, SendLimitReached, PartnerDistrusted,
    OfferInMessageOver.
    """
    row = database.locked(invitation, chain=_chain(invitation, by))
    life = queries.life_of(row)
    rules.check_can_change(life, clock.now())
    if row.recipient == recipient:
        return False
    partner, reseller, customer = queries.parties_of(row)
    _check_trusted(customer, partner, reseller)
    _check_recipient(recipient, partner, reseller)
    personal = {"from_address": row.recipient or "", "to_address": recipient}
    known = {name: people.person_by_address(address) for name, address in personal.items() if address}
    owners = {name: person.id for name, person in known.items() if person is not None}
    fact = told(row, "corrected", by=by, personal=personal, personal_of=owners)
    row.recipient = recipient
    note(row, "corrected", by=by, fact=fact)
    messages.cancel(row.id, _MAILS)
    if life.last("sent") is not None:
        _send(row, by)
    _settle(row, by)
    return True


def replace(invitation: Invitation, *, by: Actor, last_day: date, send_now: bool) -> Invitation:
    """Make an invitation that takes the place of this one, with its message; the earlier link then says so.

    Answers the one that took its place before, if any. An offer that waits for an answer goes on with the new one.
    Raises InvitationEnded, LastDayOutOfBounds, SendLimitReached, OwnRecipient, NewOfferNeeded.
    """
    rules.check_sent_again(invitation.asks, invitation.customer_id)
    row = database.locked(invitation, chain=_chain(invitation, by))
    before = queries.successor_of(row.id)
    if before is not None:
        return before
    rules.check_can_replace(queries.life_of(row), clock.now())
    partner, reseller, customer = queries.parties_of(row)
    _check_trusted(customer, partner, reseller)
    rules.check_last_day(last_day, clock.today((customer or partner).zone))
    if reseller is not None and organizations.pairing(partner.id, reseller.id) is None:
        raise NotPaired(partner=partner.name, contact=partner.contact_address)
    offer = queries.pending_offer_of(row)
    new = insert(
        partner, asks=row.asks, customer=customer, reseller=reseller, language=row.language, last_day=last_day,
        recipient=row.recipient or None, supersedes_id=row.id, offer_id=offer.id if offer is not None else None, by=by,
    )  # fmt: skip
    new.subject, new.body = queries.renewed_words(row, new)
    told_new = {"language": new.language, "last_day": last_day.isoformat(), "supersedes_id": str(row.id)}
    note(row, "superseded", by=by, fact=told(row, "superseded", by=by, facts={"by_invitation_id": str(new.id)}))
    told(new, "made", by=by, facts=told_new | {"for_any": customer is None})
    messages.cancel(row.id, _MAILS)
    _settle(row, by)
    if send_now and new.recipient:
        _send(new, by)
    return new


def _settle(row: Invitation, by: Actor | None) -> None:
    """What waited in the inbox about this invitation is done."""
    maker, person = queries.maker_id(row), by.person_id if by is not None else None
    tasks.done(maker, "invitation_expired", str(row.id), by_id=person)
    for message in queries.mails_about(row.id):
        tasks.done(maker, "invitation_undeliverable", str(message.id), by_id=person)


# --- what the worker does --------------------------------------------------------------------------------------


def remind(invitation: Invitation) -> bool:
    """Remind the named contact, once. False when it is not due (any more), or of nobody the customer would hear from."""
    row = database.locked(invitation, chain=_chain(invitation))
    partner, reseller, customer = queries.parties_of(row)
    if customer is None or row.last_day is None or row.closes_at is None or not row.recipient:
        return False
    if queries.is_settled(row, customer) or queries.is_unheard(row):
        return False
    days = policies.value("invitation.reminder_days")
    due_at = clock.end_of(row.last_day - timedelta(days=days + 1), customer.zone)
    if not rules.is_reminder_due(queries.life_of(row), clock.now(), due_at):
        return False
    message = emails.reminder(
        to=row.recipient, language=row.language, zone=customer.zone, invitation_id=row.id, asks=row.asks,
        asker=(reseller or partner).name, customer=customer.name, link=queries.link_of(row), last_day=row.last_day,
        closes_at=row.closes_at, carries=queries.pending_offer_of(row) is not None,
    )  # fmt: skip
    note(row, "reminded", message_id=message.id)
    return True


def note_expiry(invitation: Invitation) -> bool:
    """Note once that the last day is over, and tell the partner. False when it was noted or is not so."""
    row = database.locked(invitation, chain=_chain(invitation))
    life = queries.life_of(row)
    if rules.ended_by(life, clock.now()) != "expired" or life.last("expired") is not None:
        return False
    note(row, "expired", fact=told(row, "expired", by=None, source="job"))
    _tell(row, "invitation_expired", about_key=str(row.id), about_id=row.id)
    return True


def settle(invitation: Invitation) -> bool:
    """Have no mail leave any more about an invitation for delegated administration whose offer is over."""
    row = database.locked(invitation, chain=_chain(invitation))
    if not rules.ended_by(queries.life_of(row), clock.now()):
        return False
    stopped = messages.cancel(row.id, _MAILS)
    _settle(row, None)
    return bool(stopped)


def note_undeliverable(message: Message) -> bool:
    """Tell the partner, once, that a mail with its invitation could not be delivered."""
    row = queries.by_id(message.about_id) if message.about_id is not None else None
    if row is None:
        return False
    row = database.locked(row, chain=_chain(row))
    fresh = outbox.message_by_id(message.id)
    if fresh is None or fresh.given_up_at is None:
        return False
    _tell(row, "invitation_undeliverable", about_key=str(message.id), about_id=message.id)
    if rules.ended_by(queries.life_of(row), clock.now()) or fresh.recipient != row.recipient:
        tasks.done(queries.maker_id(row), "invitation_undeliverable", str(message.id))
    return True


def _tell(row: Invitation, kind: str, *, about_key: str, about_id: UUID) -> None:
    _partner, _reseller, customer = queries.parties_of(row)
    tasks.put(
        queries.maker_id(row), kind, about_key=about_key, about_id=about_id, path=f"/partner/invitations/{row.id}",
        waits=True, facts={"customer": customer.name} if customer is not None else {},
    )  # fmt: skip
