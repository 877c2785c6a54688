"""Reading relationships."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import sqlalchemy as sa
from flask_babel import gettext as _
from sqlalchemy.orm import aliased

from webapp import clock, database
from webapp.accounts import queries as accounts
from webapp.actor import Actor, full_name
from webapp.evidence import queries as evidence
from webapp.evidence import rules as evidence_rules
from webapp.evidence.models import Fact
from webapp.organizations import queries as organizations
from webapp.organizations.models import Organization
from webapp.relationships import rules
from webapp.relationships.models import Distrust, Ending, EndingAnswer, EndingReminder, EndingRequest, Relationship
from webapp.subscriptions import queries as subscriptions


def open_between(customer_id: UUID, partner_id: UUID, reseller_id: UUID | None = None) -> Relationship | None:
    """The relationship of exactly these that has not ended."""
    return database.session().scalar(
        sa.select(Relationship)
        .outerjoin(Ending, Ending.relationship_id == Relationship.id)
        .where(
            Relationship.customer_id == customer_id,
            Relationship.partner_id == partner_id,
            Relationship.reseller_key == (str(reseller_id) if reseller_id else ""),
            Ending.id.is_(None),
        )
    )


def goes_on_between(customer_id: UUID, partner_id: UUID, reseller_id: UUID | None = None) -> bool:
    """Whether there is an open relationship of exactly these that the customer does not ask to end."""
    found = open_between(customer_id, partner_id, reseller_id)
    return found is not None and all(answer is not None for _request, answer in requests_of(found.id))


subscriptions.relations_found_by(
    lambda customer, partner, reseller: open_between(customer, partner, reseller) is not None,
    going_on=goes_on_between,
)


def of_customer(customer_id: UUID) -> Sequence[tuple[Relationship, Ending | None]]:
    """All relationships of a customer, newest first, each with its end if it ended."""
    rows = database.session().execute(
        sa.select(Relationship, Ending)
        .outerjoin(Ending, Ending.relationship_id == Relationship.id)
        .where(Relationship.customer_id == customer_id)
        .order_by(Relationship.began_at.desc(), Relationship.id)
    )
    return [(row[0], row[1]) for row in rows]


def live_with(organization_id: UUID) -> Sequence[Relationship]:
    """The relationships of an organization, on either side, that have not ended."""
    return (
        database.session()
        .scalars(
            sa.select(Relationship)
            .outerjoin(Ending, Ending.relationship_id == Relationship.id)
            .where(
                sa.or_(
                    Relationship.customer_id == organization_id,
                    Relationship.partner_id == organization_id,
                    Relationship.reseller_id == organization_id,
                ),
                Ending.id.is_(None),
            )
            .order_by(Relationship.began_at)
        )
        .all()
    )


def distrust_of(customer_id: UUID, partner_id: UUID) -> Distrust | None:
    """The newest act by which a customer said that it does not know a partner, or took that back."""
    return database.session().scalar(
        sa.select(Distrust)
        .where(Distrust.customer_id == customer_id, Distrust.partner_id == partner_id)
        .order_by(Distrust.ordinal.desc())
        .limit(1)
    )


def distrusted_since(customer_id: UUID, partner_id: UUID) -> datetime | None:
    """Since when a customer says that it does not know a partner; None while it does not say so."""
    newest = distrust_of(customer_id, partner_id)
    return newest.at if newest is not None and newest.kind == "said" else None


def distrusted_by(customer_id: UUID) -> frozenset[UUID]:
    """The partners that a customer says it does not know, in one query."""
    said = database.session().execute(
        sa.select(Distrust.partner_id, Distrust.kind)
        .where(Distrust.customer_id == customer_id)
        .order_by(Distrust.ordinal)
    )
    newest = {row.partner_id: row.kind for row in said}
    return frozenset(partner_id for partner_id, kind in newest.items() if kind == "said")


def open_distrusts() -> Sequence[Distrust]:
    """Whom customers say they do not know now, the oldest first: what the operator looks into."""
    later = aliased(Distrust)
    return (
        database.session()
        .scalars(
            sa.select(Distrust)
            .outerjoin(
                later,
                sa.and_(
                    later.customer_id == Distrust.customer_id,
                    later.partner_id == Distrust.partner_id,
                    later.ordinal > Distrust.ordinal,
                ),
            )
            .where(Distrust.kind == "said", later.id.is_(None))
            .order_by(Distrust.at, Distrust.id)
        )
        .all()
    )


def is_known_here(customer_id: UUID, partner_id: UUID) -> bool:
    """Whether anything between a customer and a partner stands in the evidence: a relationship, an offer, an
    invitation."""
    return (
        database.session().scalar(
            sa.select(Fact.id)
            .where(
                Fact.customer_id == customer_id,
                sa.or_(Fact.partner_id == partner_id, Fact.other_partner_id == partner_id),
            )
            .limit(1)
        )
        is not None
    )


def partner_here(actor: Actor, partner_id: UUID) -> Organization | None:
    """A partner that had anything to do with the actor's own customer organization."""
    found = organizations.partner_by_id(partner_id)
    if found is None or not actor.is_customer or not is_known_here(actor.organization_id, partner_id):
        return None
    return found


def open_with_partner(customer_id: UUID, partner_id: UUID) -> Sequence[Relationship]:
    """The open relationships of a customer in which a partner has either place, the oldest first."""
    return (
        database.session()
        .scalars(
            sa.select(Relationship)
            .outerjoin(Ending, Ending.relationship_id == Relationship.id)
            .where(
                Relationship.customer_id == customer_id,
                sa.or_(Relationship.partner_id == partner_id, Relationship.reseller_id == partner_id),
                Ending.id.is_(None),
            )
            .order_by(Relationship.began_at, Relationship.id)
        )
        .all()
    )


def related_otherwise(customer_id: UUID, partner_id: UUID, ended_id: UUID) -> bool:
    """Whether a customer has an open relationship with a partner (on either place of it) besides one that ends now."""
    return (
        database.session().scalar(
            sa.select(Relationship.id)
            .outerjoin(Ending, Ending.relationship_id == Relationship.id)
            .where(
                Relationship.customer_id == customer_id,
                sa.or_(Relationship.partner_id == partner_id, Relationship.reseller_id == partner_id),
                Relationship.id != ended_id,
                Ending.id.is_(None),
            )
            .limit(1)
        )
        is not None
    )


def how_many(customer_id: UUID, partner_id: UUID, reseller_id: UUID | None) -> int:
    """How many relationships of exactly these there were so far."""
    return (
        database.session().scalar(
            sa.select(sa.func.count())
            .select_from(Relationship)
            .where(
                Relationship.customer_id == customer_id,
                Relationship.partner_id == partner_id,
                Relationship.reseller_key == (str(reseller_id) if reseller_id else ""),
            )
        )
        or 0
    )


def relationship_by_id(relationship_id: UUID) -> Relationship | None:
    """One relationship, ended or not."""
    return database.session().get(Relationship, relationship_id)


def receipt_for(actor: Actor, relationship_id: UUID) -> Relationship | None:
    """A relationship that the actor's own organization accepted; what a partner created has no receipt."""
    found = relationship_by_id(relationship_id)
    if found is None or found.customer_id != actor.organization_id or found.origin != "acceptance":
        return None
    return found


def fact_of(relationship: Relationship) -> Fact:
    """The fact by which a relationship began."""
    found = evidence.fact_by_id(relationship.fact_id)
    assert found is not None  # a foreign key
    return found


def reference_of(relationship: Relationship) -> str:
    """The short reference of a relationship that a customer accepted."""
    return evidence_rules.reference_of(fact_of(relationship).hash)


@dataclass(frozen=True)
class Terms:
    """What a reseller relationship means, in the reader's words: what a partner can do by it, and what not."""

    box: str
    can: tuple[str, ...]
    cannot: tuple[str, ...]


def terms(customer: str, partner: Organization, reseller: Organization | None) -> Terms:
    """The words of a relationship between a customer (its name; may be empty) and these, in the reader's language."""
    names = {"organization": customer, "partner": partner.name, "reseller": reseller.name if reseller else ""}
    if reseller is not None:
        box = _(
            "I accept the indirect reseller relationship of %(organization)s with %(reseller)s and its indirect"
            " provider %(partner)s"
        )
        can = (
            _("%(reseller)s can advise you, and order cloud products for you through %(partner)s."),
            _("%(partner)s can bill %(reseller)s for them, and see your orders and subscriptions."),
            _("Both can see your organization's name and address, and open support requests for you."),
        )
        cannot = (
            _(
                "By the relationship alone neither of them gets administrator rights, nor access to your mail, files or people."
            ),
            _("Neither of them can accept an agreement for you."),
            _("Your other partners, and what you bought through them, stay as they are."),
        )
    else:
        box = _("I accept the reseller relationship of %(organization)s with %(partner)s")
        can = (
            _("%(partner)s can order cloud products for you, and bill you for them."),
            _("%(partner)s can see your organization's name and address, your orders and your subscriptions."),
            _("%(partner)s can open support requests for you."),
        )
        cannot = (
            _(
                "By the relationship alone %(partner)s gets no administrator rights, nor access to your mail, files or people."
            ),
            _("%(partner)s cannot accept an agreement for you."),
            _("Your other partners, and what you bought through them, stay as they are."),
        )
    return Terms(
        str(box) % names, tuple(str(each) % names for each in can), tuple(str(each) % names for each in cannot)
    )


def begun_by(invitation_id: UUID, customer_id: UUID) -> Relationship | None:
    """The relationship that a customer began by accepting an invitation."""
    return database.session().scalar(
        sa.select(Relationship).where(
            Relationship.invitation_id == invitation_id, Relationship.customer_id == customer_id
        )
    )


def accepted_by(person_id: UUID) -> Sequence[Relationship]:
    """The relationships that a person accepted for its organization."""
    return (
        database.session()
        .scalars(
            sa.select(Relationship).where(Relationship.person_id == person_id, Relationship.origin == "acceptance")
        )
        .all()
    )


# --- ending ----------------------------------------------------------------------------------------------------


def customers_own(actor: Actor, relationship_id: UUID) -> Relationship | None:
    """A relationship of the actor's own customer organization, ended or not."""
    found = relationship_by_id(relationship_id)
    return found if found is not None and actor.is_customer and found.customer_id == actor.organization_id else None


def partners_own(actor: Actor, relationship_id: UUID) -> Relationship | None:
    """A relationship in which the actor's own partner organization has either place, ended or not."""
    found = relationship_by_id(relationship_id)
    if found is None or not actor.is_partner or actor.organization_id not in (found.partner_id, found.reseller_id):
        return None
    return found


def parties_of(row: Relationship) -> tuple[Organization, Organization, Organization | None]:
    """Customer, partner and indirect reseller of a relationship."""
    found = [organizations.organization_by_id(id_) if id_ else None for id_ in _ids(row)]
    customer, partner, reseller = found
    assert customer is not None  # foreign keys
    assert partner is not None
    return customer, partner, reseller


def _ids(row: Relationship) -> tuple[UUID, UUID, UUID | None]:
    return row.customer_id, row.partner_id, row.reseller_id


def end_of(relationship_id: UUID) -> Ending | None:
    """The end of a relationship, once it has ended."""
    return database.session().scalar(sa.select(Ending).where(Ending.relationship_id == relationship_id))


def held_by(row: Relationship) -> list[rules.Held]:
    """What holds up the end of a relationship today (the customer's day), the earliest end first."""
    customer, _partner, _reseller = parties_of(row)
    found = subscriptions.active_between(row.customer_id, row.partner_id, row.reseller_id, clock.today(customer.zone))
    return [rules.Held(each.product, each.seats, each.ends_on) for each in found]


def requests_of(relationship_id: UUID) -> list[tuple[EndingRequest, EndingAnswer | None]]:
    """The requests to end a relationship, newest first, each with its answer."""
    rows = database.session().execute(
        sa.select(EndingRequest, EndingAnswer)
        .outerjoin(EndingAnswer, EndingAnswer.request_id == EndingRequest.id)
        .where(EndingRequest.relationship_id == relationship_id)
        .order_by(EndingRequest.ordinal.desc())
    )
    return [(row[0], row[1]) for row in rows]


def request_by_id(request_id: UUID) -> EndingRequest | None:
    """One request to end a relationship."""
    return database.session().get(EndingRequest, request_id)


def answer_to(request_id: UUID) -> EndingAnswer | None:
    """What became of a request, once it was answered or withdrawn."""
    return database.session().scalar(sa.select(EndingAnswer).where(EndingAnswer.request_id == request_id))


def to_remind_of(now: datetime, days: Collection[int], limit: int = 100) -> Sequence[EndingRequest]:
    """The requests that wait for an answer since so many days (any of `days`) without the reminder of that day; the
    oldest first."""

    def is_due(each: int) -> sa.ColumnElement[bool]:
        sent = sa.exists().where(EndingReminder.request_id == EndingRequest.id, EndingReminder.days == each)
        return sa.and_(EndingRequest.at <= now - timedelta(days=each), ~sent)

    return (
        database.session()
        .scalars(
            sa.select(EndingRequest)
            .outerjoin(EndingAnswer, EndingAnswer.request_id == EndingRequest.id)
            .where(EndingAnswer.id.is_(None), sa.or_(*(is_due(each) for each in days)))
            .order_by(EndingRequest.at, EndingRequest.id)
            .limit(limit)
        )
        .all()
    )


def reminded_days(request_id: UUID) -> set[int]:
    """After how many days the partner was reminded of a request so far."""
    return set(
        database.session().scalars(sa.select(EndingReminder.days).where(EndingReminder.request_id == request_id))
    )


@dataclass(frozen=True)
class Said:
    """An act about ending, as pages tell it: who (a person's name; empty when erased, or nobody did it), of which
    organization (empty: the operator), when, and the reason given (empty when there is none)."""

    kind: str
    at: datetime
    who: str
    organization: str
    reason: str


@dataclass(frozen=True)
class EndingState:
    """Where the ending of a relationship stands. `request`: the one that waits for an answer, and `asked` its words;
    `answer`: what became of the last one that is over; `held`: what holds the end up today; `ended`: the end."""

    request: EndingRequest | None
    asked: Said | None
    answer: Said | None
    ended: Said | None
    held: Sequence[rules.Held]

    @property
    def free_on(self) -> object | None:
        """The first day on which nothing holds it up; None when nothing does."""
        return rules.free_on(self.held)


def ending_of(relationship_id: UUID) -> EndingState:
    """Where the ending of a relationship stands, in the words that both sides may read."""
    row = relationship_by_id(relationship_id)
    assert row is not None
    requests = requests_of(relationship_id)
    waiting = next((request for request, answer in requests if answer is None), None)
    answered = next((answer for _request, answer in requests if answer is not None), None)
    end = end_of(relationship_id)
    tell = _Teller(row)
    return EndingState(
        request=waiting,
        asked=tell("asked", waiting) if waiting is not None else None,
        answer=tell(answered.answer, answered) if answered is not None else None,
        ended=tell("ended", end) if end is not None else None,
        held=held_by(row) if end is None else [],
    )


class _Teller:
    """Tells acts about one relationship: names and reasons are read as they are needed."""

    def __init__(self, row: Relationship) -> None:
        self.row = row

    def __call__(self, kind: str, act: EndingRequest | EndingAnswer | Ending) -> Said:
        organization_id = self.row.customer_id if isinstance(act, EndingRequest) else act.by_organization_id
        organization = organizations.organization_by_id(organization_id) if organization_id else None
        return Said(
            kind=kind, at=act.at, who=name_of(act.person_id),
            organization=organization.name if organization is not None else "", reason=_reason(act.fact_id),
        )  # fmt: skip


def name_of(person_id: UUID | None) -> str:
    """A person's name, or an empty text for nobody (and for whoever was erased)."""
    if person_id is None:
        return ""
    given = accounts.names_of([person_id]).get(person_id)
    return full_name(*given) if given else ""


def _reason(fact_id: UUID) -> str:
    fact = evidence.fact_by_id(fact_id)
    if fact is None:
        return ""
    _salt, value = evidence.personal_rows(evidence.record_of(fact)).get("reason", ("", ""))
    return value
