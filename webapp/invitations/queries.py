"""Reading invitations: by their reference, by who may see them, and how their life went so far."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from flask import current_app
from markupsafe import Markup
from sqlalchemy.orm import aliased

from webapp import clock, database
from webapp.accounts import queries as accounts
from webapp.accounts.models import Person
from webapp.actor import Actor
from webapp.agreements import queries as agreements
from webapp.delegated_admin import queries as delegated
from webapp.delegated_admin.models import DelegatedRelationship
from webapp.evidence import queries as evidence
from webapp.invitations import emails, rules
from webapp.invitations.models import Invitation, InvitationAct
from webapp.invitations.rules import Life, Step, ended_by, state_of
from webapp.messages.models import Message
from webapp.organizations import queries as organizations
from webapp.organizations.models import Organization
from webapp.organizations.rules import name_key
from webapp.policies import queries as policies
from webapp.relationships import queries as relationships
from webapp.relationships.models import Relationship
from webapp.tasks.models import Task


def by_ref(ref: str) -> Invitation | None:
    """The invitation that a link's `ref` names."""
    return database.session().scalar(sa.select(Invitation).where(Invitation.ref == ref.lower()))


def by_id(invitation_id: UUID) -> Invitation | None:
    """One invitation."""
    return database.session().get(Invitation, invitation_id)


def invitation_of_offer(offer_id: UUID) -> Invitation | None:
    """The invitation that carries an offer of delegated administration: the newest one that none took the place of."""
    return database.session().scalar(
        sa.select(Invitation)
        .where(Invitation.offer_id == offer_id, ~_acts("superseded"))
        .order_by(Invitation.created_at.desc(), Invitation.id)
        .limit(1)
    )


def asking_for(offer_id: UUID) -> Sequence[Invitation]:
    """The invitations that ask for an offer of delegated administration and for nothing else."""
    return (
        database.session()
        .scalars(sa.select(Invitation).where(Invitation.offer_id == offer_id, Invitation.asks == "administration"))
        .all()
    )


def offer_of(invitation: Invitation) -> DelegatedRelationship | None:
    """The offer of delegated administration that an invitation asks for or carries."""
    return delegated.by_id(invitation.offer_id) if invitation.offer_id is not None else None


def pending_offer_of(invitation: Invitation) -> DelegatedRelationship | None:
    """The same while it waits for an answer."""
    found = offer_of(invitation)
    return found if found is not None and delegated.state(found) == "pending" else None


def invitation_for(actor: Actor, invitation_id: UUID) -> Invitation | None:
    """An invitation that the actor's partner organization made, or that names it as the reseller."""
    found = by_id(invitation_id)
    if found is None or actor.organization_id not in (found.partner_id, found.reseller_id):
        return None
    return found


def standing(partner_id: UUID, asks: str, reseller_id: UUID | None = None) -> Invitation | None:
    """A partner's standing invitation of a kind (with a reseller: that of the pair)."""
    return database.session().scalar(
        sa.select(Invitation).where(
            Invitation.partner_id == partner_id,
            Invitation.asks == asks,
            Invitation.standing,
            Invitation.reseller_id == reseller_id if reseller_id else Invitation.reseller_id.is_(None),
        )
    )


def acts_of(invitation_id: UUID) -> Sequence[InvitationAct]:
    """What happened to an invitation, oldest first."""
    return (
        database.session()
        .scalars(
            sa.select(InvitationAct)
            .where(InvitationAct.invitation_id == invitation_id)
            .order_by(InvitationAct.at, InvitationAct.id)
        )
        .all()
    )


def message_of(invitation_id: UUID) -> Message | None:
    """The newest mail that carried this invitation from here."""
    return database.session().scalar(
        sa.select(Message)
        .where(Message.about_id == invitation_id, Message.kind == "invitation")
        .order_by(Message.created_at.desc())
        .limit(1)
    )


def life_of(invitation: Invitation) -> Life:
    """All that decides the state of an invitation."""
    return Life(
        for_one=invitation.customer_id is not None,
        closes_at=invitation.closes_at,
        steps=tuple(Step(act.kind, act.at, act.customer_id) for act in acts_of(invitation.id)),
        mail=rules.mail_state(message_of(invitation.id)),
        answered_once=invitation.asks == "administration",
    )


def state(invitation: Invitation) -> str:
    """The state of an invitation now."""
    return state_of(life_of(invitation), clock.now())


def is_open(invitation: Invitation) -> bool:
    """Whether nothing has ended an invitation."""
    return not ended_by(life_of(invitation), clock.now())


def is_settled(invitation: Invitation, customer: Organization) -> bool:
    """Whether nothing is left for a customer to answer: it agreed and, where asked to, relates already."""
    if invitation.asks == "administration":
        return pending_offer_of(invitation) is None
    if not agreements.is_current(customer):
        return False
    if invitation.asks == "agreement":
        return True
    between = relationships.open_between(customer.id, invitation.partner_id, invitation.reseller_id)
    return invitation.asks == "relationship" and between is not None


def is_unheard(invitation: Invitation) -> bool:
    """Whether its customer says that it does not know one of its partners, or one of them no longer works here."""
    partner, reseller, customer = parties_of(invitation)
    both = [each for each in (partner, reseller) if each is not None]
    unknown = relationships.distrusted_by(customer.id) if customer is not None else frozenset()
    return any(each.id in unknown or not each.is_open for each in both)


def naming(customer_id: UUID) -> Sequence[Invitation]:
    """The invitations that name a customer, newest first, open or not."""
    return (
        database.session()
        .scalars(
            sa.select(Invitation).where(Invitation.customer_id == customer_id).order_by(Invitation.created_at.desc())
        )
        .all()
    )


def usual_last_day(zone: str) -> date:
    """The last day of an invitation of which nobody says another (policy), in a zone."""
    return clock.today(zone) + timedelta(days=policies.value("invitation.days"))


def partners_beside(own: Organization) -> list[Organization]:
    """With whom a partner's invitation can be made: a provider's resellers, a reseller's providers."""
    if own.programme == "indirect_provider":
        return list(organizations.resellers_of(own.id))
    return list(organizations.providers_of(own.id)) if own.programme == "indirect_reseller" else []


def relationship_request(own: Organization, other: Organization | None) -> Invitation | None:
    """The standing invitation by which any customer establishes a relationship with a partner, `other` beside it. Raises
    NoProvider for an indirect reseller without one, InvitationClosed."""
    partner, reseller = (own, other) if own.programme != "indirect_reseller" else (other, own)
    if partner is None:
        raise rules.NoProvider()
    found = standing(partner.id, "relationship", reseller.id if reseller is not None else None)
    if found is not None:
        rules.check_open(life_of(found), clock.now(), partner=partner.name)
    return found


# --- links -----------------------------------------------------------------------------------------------------


def open_with(organization_id: UUID) -> list[Invitation]:
    """The invitations that name an organization on either side, and are open now."""
    rows = database.session().scalars(
        sa.select(Invitation)
        .where(
            sa.or_(
                Invitation.partner_id == organization_id,
                Invitation.reseller_id == organization_id,
                Invitation.customer_id == organization_id,
            ),
            sa.or_(Invitation.closes_at.is_(None), Invitation.closes_at > clock.now()),
        )
        .order_by(Invitation.created_at)
    )
    return [row for row in rows if not ended_by(life_of(row), clock.now())]


def link_of(invitation: Invitation) -> str:
    """The absolute link of an invitation, as it stands in its message."""
    return _link(invitation, _told_offer_of(invitation))


def _link(invitation: Invitation, offer: DelegatedRelationship | None) -> str:
    parameters = _parameters(invitation, invitation.ref, invitation.language, carries=offer is not None)
    return rules.link(current_app.config["PUBLIC_URL"], parameters)


def microsoft_link_of(invitation: Invitation) -> str:
    """A standing invitation's link in Microsoft's shape, without `ref`; empty where Microsoft's names no partner."""
    if not invitation.standing or invitation.asks != "relationship":
        return ""
    return rules.microsoft_link(current_app.config["PUBLIC_URL"], _parameters(invitation, "", "", carries=False))


def _parameters(invitation: Invitation, ref: str, language: str, *, carries: bool) -> list[tuple[str, str]]:
    reseller = organizations.organization_by_id(invitation.reseller_id) if invitation.reseller_id else None
    return rules.link_parameters(
        asks=invitation.asks,
        partner_id=invitation.partner_id,
        reseller_id=invitation.reseller_id,
        reseller_number=reseller.partner_number if reseller is not None else None,
        carries=carries,
        ref=ref,
        language=language,
    )


# --- the message -----------------------------------------------------------------------------------------------


def message_words(invitation: Invitation) -> tuple[str, str]:
    """Subject and text of an invitation: the partner's, else the generated ones. The text always holds the link.

    Words that nobody changed are made anew once the offer that a relationship carried is over.
    """
    if not invitation.body or (_has_lost_offer(invitation) and _is_untouched(invitation)):
        return _generated(invitation, _told_offer_of(invitation))
    return invitation.subject, rules.with_link(invitation.body, link_of(invitation))


def tells_of_lost_offer(invitation: Invitation) -> bool:
    """Whether the partner's own text may still tell of an offer that is over: nobody looked at it since. Whoever saves
    it again saves the link that leads to no offer."""
    return (
        _has_lost_offer(invitation)
        and not rules.holds_link(invitation.body, link_of(invitation))
        and not _is_untouched(invitation)
    )


def check_words(invitation: Invitation) -> None:
    """Raises OfferInMessageOver while the text has to be looked at before it goes out."""
    if tells_of_lost_offer(invitation):
        raise rules.OfferInMessageOver(invitation_id=invitation.id)


def _told_offer_of(invitation: Invitation) -> DelegatedRelationship | None:
    """The offer that a message tells of: what it asks for, or what it carries while that waits."""
    return offer_of(invitation) if invitation.asks == "administration" else pending_offer_of(invitation)


def _has_lost_offer(invitation: Invitation) -> bool:
    carried = invitation.asks == "relationship" and invitation.offer_id is not None
    return carried and bool(invitation.body) and pending_offer_of(invitation) is None


def _is_untouched(invitation: Invitation) -> bool:
    return (invitation.subject, invitation.body) == _generated(invitation, offer_of(invitation))


def _generated(invitation: Invitation, offer: DelegatedRelationship | None) -> tuple[str, str]:
    partner, reseller, customer = parties_of(invitation)
    return emails.generated(
        asks=invitation.asks,
        partner=partner.name,
        reseller=reseller.name if reseller is not None else "",
        customer=customer.name if customer is not None else "",
        link=_link(invitation, offer),
        language=invitation.language,
        zone=(customer or partner).zone,
        last_day=invitation.last_day,
        acceptors=policies.value(
            "delegated_admin.approvers" if invitation.asks == "administration" else "agreement.acceptors"
        ),
        offer=emails.Offered(
            delegated.parties_of(offer)[1].name, offer.name, tuple(offer.roles), offer.duration_days, offer.auto_extends
        )
        if offer is not None
        else None,
    )


def renewed_words(old: Invitation, new: Invitation) -> tuple[str, str]:
    """The message of the invitation that takes another's place: its words, with the new link and last day.

    Where the offer that the earlier one carried was answered meanwhile, the words are made anew, without it.
    """
    if old.offer_id != new.offer_id:
        return _generated(new, _told_offer_of(new))
    subject, body = message_words(old)
    body = rules.with_link(body.replace(link_of(old), link_of(new)), link_of(new))
    days = emails.day_words(old.last_day, new.last_day, new.language)
    return subject.replace(*days), body.replace(*days)


def mailto_of(invitation: Invitation) -> str:
    """The address that opens the reader's mail program with a short form of the message."""
    partner, reseller, customer = parties_of(invitation)
    link = link_of(invitation)
    compose = emails.short_form(
        asks=invitation.asks,
        partner=partner.name,
        reseller=reseller.name if reseller is not None else "",
        customer=customer.name if customer is not None else "",
        link=link,
        language=invitation.language,
        zone=(customer or partner).zone,
        last_day=invitation.last_day,
        subject=message_words(invitation)[0],
    )
    return rules.fitting_mailto(invitation.recipient or "", link, compose)


def html_of(invitation: Invitation) -> Markup:
    """The message as HTML, for the clipboard."""
    return emails.as_html(message_words(invitation)[1], link_of(invitation))


def eml_of(invitation: Invitation) -> bytes:
    """The message as a file for a mail program."""
    subject, body = message_words(invitation)
    return emails.eml(
        recipient=invitation.recipient,
        subject=subject,
        body=body,
        link=link_of(invitation),
        language=invitation.language,
    )


@dataclass(frozen=True)
class Arrival:
    """A mail as it arrives: what left from here, or what would."""

    sender: str
    reply_to: str
    recipient: str
    subject: str
    text: str


def arrival_of(invitation: Invitation, actor: Actor) -> Arrival:
    """The invitation as its receiver sees it in the mailbox: the mail that left, else as the actor would send it."""
    partner, _reseller, customer = parties_of(invitation)
    zone, site = (customer or partner).zone, current_app.config["MAIL_DEFAULT_SENDER"]
    sent = message_of(invitation.id)
    if sent is not None and sent.text:
        return Arrival(f"{sent.from_name} <{site}>", sent.reply_to or "", sent.recipient, sent.subject, sent.text)
    subject, body = message_words(invitation)
    if invitation.customer_id is None:  # it goes out by the partner's own means, as it stands
        return Arrival("", "", "", subject, body)
    text = emails.framed(
        body,
        given_name=actor.given_name,
        family_name=actor.family_name,
        address=actor.address,
        partner=actor.organization_name,
        language=invitation.language,
        zone=zone,
    )
    name = emails.sender_name(actor.organization_name, invitation.language, zone)
    return Arrival(f"{name} <{site}>", actor.address, invitation.recipient or "", subject, text)


# --- what a partner sees ---------------------------------------------------------------------------------------


def own_for(actor: Actor, invitation_id: UUID) -> Invitation | None:
    """An invitation that the actor's organization made for somebody: every one but the standing ones."""
    found = invitation_for(actor, invitation_id)
    return found if found is not None and not found.standing else None


def named_for(actor: Actor, invitation_id: UUID) -> Invitation | None:
    """An invitation of the actor's organization that names its customer: one that goes to an address."""
    found = own_for(actor, invitation_id)
    return found if found is not None and found.customer_id is not None else None


def standing_for(actor: Actor, invitation_id: UUID) -> Invitation | None:
    """A standing invitation of the actor's organization."""
    found = invitation_for(actor, invitation_id)
    return found if found is not None and found.standing else None


def standing_of(actor: Actor) -> Sequence[Invitation]:
    """The standing invitations of the actor's organization, as partner or as the reseller of a pair."""
    return (
        database.session()
        .scalars(
            sa.select(Invitation)
            .where(
                Invitation.standing,
                sa.or_(Invitation.partner_id == actor.organization_id, Invitation.reseller_id == actor.organization_id),
            )
            .order_by(Invitation.reseller_id.is_not(None), Invitation.asks, Invitation.created_at, Invitation.id)
        )
        .all()
    )


@dataclass(frozen=True)
class Standing:
    """A standing invitation as its page shows it."""

    invitation: Invitation
    reseller: str
    partner: str
    state: str
    link: str
    microsoft_link: str


def standing_shown(actor: Actor) -> list[Standing]:
    """The standing invitations of the actor's organization with their links and whether they are open."""
    found = []
    for each in standing_of(actor):
        partner, reseller, _customer = parties_of(each)
        found.append(
            Standing(
                invitation=each,
                reseller=reseller.name if reseller is not None else "",
                partner=partner.name,
                state="closed" if state(each) == "closed" else "open",
                link=link_of(each),
                microsoft_link=microsoft_link_of(each),
            )
        )
    return found


def parties_of(invitation: Invitation) -> tuple[Organization, Organization | None, Organization | None]:
    """The partner, the reseller and the named customer of an invitation."""
    partner = organizations.organization_by_id(invitation.partner_id)
    assert partner is not None
    reseller = organizations.organization_by_id(invitation.reseller_id) if invitation.reseller_id else None
    customer = organizations.organization_by_id(invitation.customer_id) if invitation.customer_id else None
    return partner, reseller, customer


def maker_id(invitation: Invitation) -> UUID:
    """The organization whose person made the invitation: its partner, or the reseller that it names."""
    maker = accounts.person_by_id(invitation.created_by_id) if invitation.created_by_id else None
    if maker is not None and maker.organization_id == invitation.reseller_id:
        return maker.organization_id
    return invitation.partner_id


def successor_of(invitation_id: UUID) -> Invitation | None:
    """The invitation that took the place of this one."""
    return database.session().scalar(sa.select(Invitation).where(Invitation.supersedes_id == invitation_id))


def _visible_customers(organization_id: UUID) -> sa.ColumnElement[bool]:
    """Customers that a partner made, that it has an open or accepted invitation with, or a relationship, past or not."""
    gone = sa.exists().where(
        InvitationAct.invitation_id == Invitation.id, InvitationAct.kind.in_(("withdrawn", "superseded"))
    )
    ours = sa.or_(Invitation.partner_id == organization_id, Invitation.reseller_id == organization_id)
    invited = sa.select(Invitation.customer_id).where(
        ours,
        Invitation.customer_id.is_not(None),
        sa.or_(Invitation.closes_at.is_(None), Invitation.closes_at > clock.now()),
        ~gone,
    )
    accepted = (
        sa.select(InvitationAct.customer_id)
        .join(Invitation, Invitation.id == InvitationAct.invitation_id)
        .where(ours, InvitationAct.kind == "accepted", InvitationAct.customer_id.is_not(None))
    )
    related = sa.select(Relationship.customer_id).where(
        sa.or_(Relationship.partner_id == organization_id, Relationship.reseller_id == organization_id)
    )
    return sa.or_(
        Organization.created_by_partner_id == organization_id,
        Organization.id.in_(invited),
        Organization.id.in_(accepted),
        Organization.id.in_(related),
    )


def customer_for(actor: Actor, customer_id: UUID) -> Organization | None:
    """A customer that the actor's partner organization sees and can invite."""
    return database.session().scalar(
        sa.select(Organization).where(
            Organization.id == customer_id,
            Organization.kind == "customer",
            Organization.disabled_at.is_(None),
            _visible_customers(actor.organization_id),
        )
    )


def customers_for(actor: Actor, search: str = "", limit: int = 50) -> Sequence[Any]:
    """Id and name of the customers that the actor's partner organization can invite, by name."""
    statement = sa.select(Organization.id, Organization.name).where(
        Organization.kind == "customer",
        Organization.disabled_at.is_(None),
        _visible_customers(actor.organization_id),
    )
    if search:
        statement = statement.where(Organization.name_key.contains(name_key(search), autoescape=True))
    return database.session().execute(statement.order_by(Organization.name_key, Organization.id).limit(limit)).all()


def address_on_file(customer_id: UUID) -> str:
    """The address an invitation goes to unless the partner names another: the first global administrator's."""
    return next((each.address for each in organizations.people_with(customer_id, "global_administrator")), "")


def sent_since(organization_id: UUID, since: datetime) -> int:
    """How many invitations the people of a partner sent from here since a moment."""
    return (
        database.session().scalar(
            sa.select(sa.func.count())
            .select_from(InvitationAct)
            .join(Person, Person.id == InvitationAct.person_id)
            .where(InvitationAct.kind == "sent", InvitationAct.at >= since, Person.organization_id == organization_id)
        )
        or 0
    )


# --- the list --------------------------------------------------------------------------------------------------

PAGE_SIZE = 40
Place = tuple[datetime, UUID]


@dataclass(frozen=True)
class Row:
    """A line of the partner's list: `at` and `by` tell the last step; `by` is empty where nobody did it. `carries`: an
    offer of delegated administration comes with the relationship."""

    id: UUID
    asks: str
    customer: str
    reseller: str
    language: str
    last_day: date | None
    created_at: datetime
    state: str
    at: datetime
    by: tuple[str, str] | None
    carries: bool = False
    customer_id: UUID | None = None


def _acts(*kinds: str) -> sa.ColumnElement[bool]:
    return sa.exists().where(InvitationAct.invitation_id == Invitation.id, InvitationAct.kind.in_(kinds))


def _newest_answer() -> sa.ColumnElement[Any]:
    return (
        sa.select(InvitationAct.kind)
        .where(InvitationAct.invitation_id == Invitation.id, InvitationAct.kind.in_(("accepted", "declined", "opened")))
        .order_by(InvitationAct.at.desc(), InvitationAct.id.desc())
        .limit(1)
        .scalar_subquery()
    )


def _newest_at(kind: str) -> sa.ColumnElement[Any]:
    return (
        sa.select(sa.func.max(InvitationAct.at))
        .where(InvitationAct.invitation_id == Invitation.id, InvitationAct.kind == kind)
        .scalar_subquery()
    )


def _newest_mail() -> sa.ColumnElement[Any]:
    state = sa.case(
        (Message.handed_over_at.is_not(None), "delivered"),
        (Message.cancelled_at.is_not(None), ""),
        (Message.given_up_at.is_not(None), "undeliverable"),
        else_="waiting",
    )
    return (
        sa.select(state)
        .where(Message.about_id == Invitation.id, Message.kind == "invitation")
        .order_by(Message.created_at.desc())
        .limit(1)
        .scalar_subquery()
    )


def _in_state(wanted: str) -> sa.ColumnElement[bool]:
    """`rules.state_of` in SQL, for the filter of the list; a test compares the two."""
    accepted = sa.and_(Invitation.customer_id.is_not(None), _acts("accepted"))
    refused = sa.and_(Invitation.asks == "administration", _acts("declined"))
    answered = sa.or_(accepted, refused)
    withdrawn, superseded = _acts("withdrawn"), _acts("superseded")
    expired = sa.func.coalesce(Invitation.closes_at <= clock.now(), sa.false())
    is_open = sa.and_(~answered, ~withdrawn, ~superseded, ~expired)
    answer, mail = sa.func.coalesce(_newest_answer(), ""), sa.func.coalesce(_newest_mail(), "")
    said, sent = _newest_at("said_sent"), _newest_at("sent")
    said_later = sa.and_(said.is_not(None), sa.func.coalesce(said > sent, sa.true()))
    came_back = sa.and_(mail == "undeliverable", ~said_later)
    quiet = sa.and_(is_open, answer == "")
    found: dict[str, sa.ColumnElement[bool]] = {
        "accepted": accepted,
        "withdrawn": sa.and_(~answered, withdrawn),
        "superseded": sa.and_(~answered, ~withdrawn, superseded),
        "expired": sa.and_(~answered, ~withdrawn, ~superseded, expired),
        "declined": sa.or_(sa.and_(is_open, answer == "declined"), sa.and_(~accepted, refused)),
        "opened": sa.and_(is_open, answer.in_(("opened", "accepted"))),
        "undeliverable": sa.and_(quiet, came_back),
        "prepared": sa.and_(quiet, mail == "", ~_acts("said_sent")),
        "sent": sa.and_(quiet, ~came_back, sa.or_(mail != "", _acts("said_sent"))),
    }
    return found[wanted]


#: What the list can be filtered by. "sent" holds what waits to be sent, was delivered, or is said to be sent.
STATES = ("prepared", "sent", "undeliverable", "opened", "declined", "accepted", "withdrawn", "superseded", "expired")


def list_for(
    actor: Actor, *, state: str = "", asks: str = "", search: str = "",
    older_than: Place | None = None, newer_than: Place | None = None,
) -> tuple[list[Row], bool]:  # fmt: skip
    """Up to PAGE_SIZE invitations that the actor's organization made (standing ones apart), newest first, and
    whether there are more in the direction asked for. Places are time and id of the row beside the page."""
    reseller = aliased(Organization)
    statement = (
        sa.select(
            Invitation.id, Invitation.asks, Invitation.language, Invitation.last_day, Invitation.closes_at,
            Invitation.created_at, Invitation.created_by_id, Invitation.customer_id, Invitation.offer_id,
            Organization.name.label("customer"), reseller.name.label("reseller"),
        )
        .outerjoin(Organization, Organization.id == Invitation.customer_id)
        .outerjoin(reseller, reseller.id == Invitation.reseller_id)
        .where(*_wanted(actor, state, asks, search))
    )  # fmt: skip
    if older_than is not None:
        at, id_ = older_than
        statement = statement.where(
            _beyond(Invitation.created_at < at, Invitation.created_at == at, Invitation.id < id_)
        )
    if newer_than is not None:
        at, id_ = newer_than
        statement = statement.where(
            _beyond(Invitation.created_at > at, Invitation.created_at == at, Invitation.id > id_)
        )
        order: list[sa.ColumnElement[Any]] = [Invitation.created_at.asc(), Invitation.id.asc()]
    else:
        order = [Invitation.created_at.desc(), Invitation.id.desc()]
    found = list(database.session().execute(statement.order_by(*order).limit(PAGE_SIZE + 1)))
    rows, more = found[:PAGE_SIZE], len(found) > PAGE_SIZE
    return _rows(rows[::-1] if newer_than is not None else rows), more


def _beyond(
    further: sa.ColumnElement[bool], same: sa.ColumnElement[bool], beside: sa.ColumnElement[bool]
) -> sa.ColumnElement[bool]:
    return sa.or_(further, sa.and_(same, beside))


def _wanted(actor: Actor, state: str, asks: str, search: str) -> list[sa.ColumnElement[bool]]:
    found = [
        sa.or_(Invitation.partner_id == actor.organization_id, Invitation.reseller_id == actor.organization_id),
        ~Invitation.standing,
    ]
    if state in STATES:
        found.append(_in_state(state))
    if asks in rules.ASKS:
        found.append(Invitation.asks == asks)
    if search:
        found.append(Organization.name_key.contains(name_key(search), autoescape=True))
    return found


COUNTED = 1001  # no list is counted further


def how_many(actor: Actor, *, state: str = "", asks: str = "", search: str = "") -> int:
    """How many invitations a list holds, counted no further than COUNTED."""
    part = (
        sa.select(Invitation.id)
        .outerjoin(Organization, Organization.id == Invitation.customer_id)
        .where(*_wanted(actor, state, asks, search))
        .limit(COUNTED)
    )
    return database.session().scalar(sa.select(sa.func.count()).select_from(part.subquery())) or 0


def _rows(found: Sequence[Any]) -> list[Row]:
    """The last step of each, with one query for acts, one for mails and one for names."""
    ids = [row.id for row in found]
    acts: dict[UUID, list[Any]] = {each: [] for each in ids}
    for act in database.session().execute(
        sa.select(
            InvitationAct.invitation_id, InvitationAct.kind, InvitationAct.at, InvitationAct.customer_id,
            InvitationAct.person_id,
        )
        .where(InvitationAct.invitation_id.in_(ids))
        .order_by(InvitationAct.at, InvitationAct.id)
    ):  # fmt: skip
        acts[act.invitation_id].append(act)
    mails: dict[UUID, Message] = {}
    for message in database.session().execute(
        sa.select(
            Message.about_id, Message.handed_over_at, Message.given_up_at, Message.cancelled_at, Message.created_at
        )
        .where(Message.about_id.in_(ids), Message.kind == "invitation")
        .order_by(Message.created_at)
    ):
        mails[message.about_id] = message  # type: ignore[assignment]
    steps = {row.id: _last_step(row, acts[row.id], mails.get(row.id)) for row in found}
    names = names_of(person for _state, _at, person in steps.values() if person is not None)
    return [
        Row(
            id=row.id, asks=row.asks, customer=row.customer or "", reseller=row.reseller or "", language=row.language,
            last_day=row.last_day, created_at=row.created_at, state=state, at=at,
            by=names.get(person) if person is not None else None,
            carries=row.asks == "relationship" and row.offer_id is not None, customer_id=row.customer_id,
        )
        for row in found
        for state, at, person in (steps[row.id],)
    ]  # fmt: skip


def _last_step(row: Any, acts: Sequence[Any], message: Message | None) -> tuple[str, datetime, UUID | None]:
    life = Life(
        for_one=row.customer_id is not None,
        closes_at=row.closes_at,
        steps=tuple(Step(act.kind, act.at, act.customer_id) for act in acts),
        mail=rules.mail_state(message),
        answered_once=row.asks == "administration",
    )
    state = state_of(life, clock.now())
    if state == "expired":
        return state, row.closes_at, None
    if message is not None and state in {"delivered", "undeliverable"}:
        return state, message.handed_over_at or message.given_up_at or message.created_at, None
    told = {"sending": "sent"}.get(state, state)
    act = next((each for each in reversed(acts) if each.kind == told), None)
    if act is None:
        return state, row.created_at, row.created_by_id
    return state, act.at, act.person_id


def names_of(people: Iterable[UUID]) -> dict[UUID, tuple[str, str]]:
    """Given and family name of people by id; erased ones have none."""
    ids = set(people)
    if not ids:
        return {}
    rows = database.session().execute(
        sa.select(Person.id, Person.given_name, Person.family_name).where(Person.id.in_(ids))
    )
    return {row.id: (row.given_name, row.family_name) for row in rows if row.given_name or row.family_name}


# --- following one ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Event:
    """Something on an invitation's time line. `kind` chooses the words; `facts` fills them."""

    kind: str
    at: datetime
    by: tuple[str, str] | None = None
    organization: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)


def events_of(invitation: Invitation) -> list[Event]:
    """What happened to an invitation, oldest first: its making, its acts, and what became of its mails."""
    acts = [act for act in acts_of(invitation.id) if act.kind != "handed_over"][-EVENTS:]  # that is the customer's own
    mails = {message.id: message for message in mails_about(invitation.id)}
    ids = [act.person_id for act in acts if act.person_id] + [invitation.created_by_id]
    names = names_of(each for each in ids if each is not None)
    customers = _organization_names(act.customer_id for act in acts if act.customer_id)
    found = [Event("made", invitation.created_at, _name(names, invitation.created_by_id))]
    for act in acts:
        message = mails.get(act.message_id) if act.message_id else None
        found.append(
            Event(
                act.kind, act.at, _name(names, act.person_id),
                customers.get(act.customer_id, "") if act.customer_id else "", _facts_of(act, message),
            )
        )  # fmt: skip
        if message is not None:
            found.extend(replace(event, at=max(event.at, act.at)) for event in _mail_event(message))
    if invitation.closes_at is not None and ended_by(life_of(invitation), clock.now()) == "expired":
        found = [event for event in found if event.kind != "expired"]
        found.append(Event("expired", invitation.closes_at))
    return sorted(found, key=lambda event: event.at)


def _name(names: Mapping[UUID, tuple[str, str]], person_id: UUID | None) -> tuple[str, str] | None:
    return names.get(person_id) if person_id is not None else None


EVENTS = 200  # of an invitation for any customer, the newest so many acts are shown


def mails_about(invitation_id: UUID) -> Sequence[Message]:
    """Every mail about an invitation: the invitation itself, reminders."""
    return database.session().scalars(sa.select(Message).where(Message.about_id == invitation_id)).all()


def _organization_names(ids: Iterable[UUID]) -> dict[UUID, str]:
    rows = database.session().execute(
        sa.select(Organization.id, Organization.name).where(Organization.id.in_(set(ids)))
    )
    return {row.id: row.name for row in rows}


def _facts_of(act: InvitationAct, message: Message | None) -> dict[str, str]:
    found: dict[str, str] = {}
    if message is not None:
        found["recipient"] = message.recipient
    if act.kind == "accepted" and act.acceptance_id is not None:
        acceptance = agreements.acceptance_by_id(act.acceptance_id)
        text = agreements.text_by_id(acceptance.text_id) if acceptance is not None else None
        found["version"] = text.version if text is not None else ""
        found["reference"] = acceptance.reference if acceptance is not None else ""
    if act.kind in {"declined", "corrected"} and act.fact_id is not None:
        fact = evidence.fact_by_id(act.fact_id)
        record = evidence.record_of(fact) if fact is not None else {"facts": {}, "personal": {}}
        values = evidence.personal_values([record])
        personal = {name: values.get(entry["id"], "") for name, entry in record["personal"].items()}
        found |= {name: personal.get(name, "") for name in ("from_address", "to_address")}
        found |= {"reason": str(record["facts"].get("reason") or ""), "comment": personal.get("reason", "")}
    return found


def _mail_event(message: Message) -> list[Event]:
    words = {"words": message.last_error or ""}
    if message.handed_over_at is not None:
        return [Event("delivered", message.handed_over_at)]
    if message.given_up_at is not None:
        return [Event("undeliverable", message.given_up_at, facts=words)]
    if message.cancelled_at is not None:
        return [Event("not_sent", message.cancelled_at)] if message.closed_at is not None else []
    if message.attempts:
        return [Event("delayed", message.next_attempt_at, facts=words)]
    return []


# --- what the worker asks --------------------------------------------------------------------------------------


def soon_closing(within: timedelta) -> Sequence[Invitation]:
    """Named invitations that close within a time and were sent from here, without a reminder."""
    now = clock.now()
    return _work(
        sa.select(Invitation).where(
            Invitation.closes_at > now,
            Invitation.closes_at <= now + within,
            Invitation.customer_id.is_not(None),
            _acts("sent"),
            ~_acts("reminded", "accepted", "withdrawn", "superseded"),
        )
    )


def lately_closed() -> Sequence[Invitation]:
    """Invitations whose last day is over, where that was not noted yet."""
    return _work(
        sa.select(Invitation).where(
            Invitation.closes_at <= clock.now(),
            ~_acts("expired", "withdrawn", "superseded"),
            sa.or_(Invitation.customer_id.is_(None), ~_acts("accepted")),
            sa.or_(Invitation.asks != "administration", ~_acts("declined")),
        )
    )


def _work(statement: sa.Select[Invitation]) -> Sequence[Invitation]:
    return database.session().scalars(statement.order_by(Invitation.closes_at).limit(BATCH)).all()


def answered_unsettled() -> Sequence[Invitation]:
    """Invitations for delegated administration whose offer is over, while a mail about them could still leave."""
    mail = sa.exists().where(
        Message.about_id == Invitation.id, Message.handed_over_at.is_(None), Message.cancelled_at.is_(None)
    )
    return _work(
        sa.select(Invitation).where(
            Invitation.asks == "administration", _acts("accepted", "declined", "withdrawn"), mail
        )
    )


def undelivered() -> Sequence[Message]:
    """Mails with an invitation that were given up, where the partner was not told yet."""
    told = sa.exists().where(Task.kind == "invitation_undeliverable", Task.about_id == Message.id)
    return (
        database.session()
        .scalars(
            sa.select(Message)
            .where(Message.kind == "invitation", Message.given_up_at.is_not(None), ~told)
            .order_by(Message.given_up_at)
            .limit(BATCH)
        )
        .all()
    )


BATCH = 100
