"""Reading a customer's relationships with all its partners."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import aliased

from webapp import clock, database
from webapp.accounts import queries as accounts
from webapp.actor import Actor
from webapp.agreements.models import Acceptance, AgreementText
from webapp.database import UTCDateTime
from webapp.delegated_admin import queries as delegated
from webapp.delegated_admin import rules as delegated_rules
from webapp.delegated_admin.models import DelegatedStanding
from webapp.delegated_admin.words import RoleWords, role_words
from webapp.evidence import queries as evidence
from webapp.evidence.models import Fact
from webapp.organizations import queries as organizations
from webapp.organizations.models import Organization
from webapp.organizations.rules import name_key
from webapp.partner_relationships import rules
from webapp.relationships import queries as relationships
from webapp.relationships.models import Ending, EndingAnswer, EndingRequest, Relationship
from webapp.relationships.queries import EndingState, Terms, terms

PAGE = 40
HISTORY = 20  # facts on a partner's page; the whole history stands on its own page
_Reseller = aliased(Organization)
_Customer = aliased(Organization)
_S = DelegatedStanding

#: A place in the list: the key of the partner's name, the key of the relationship's own name, and its id.
Place = tuple[str, str, UUID]


@dataclass(frozen=True)
class Wanted:
    """What of the list is wanted. `status` is one of `rules.STATUSES`, `kind` one of `rules.KINDS` or empty for all."""

    search: str = ""
    status: str = "active"
    kind: str = ""

    @property
    def is_filtered(self) -> bool:
        return bool(self.search or self.kind) or self.status != "active"


def _searched(wanted: Wanted, *names: Any) -> list[sa.ColumnElement[bool]]:
    if not wanted.search:
        return []
    key = name_key(wanted.search)
    return [sa.or_(*(name.startswith(key, autoescape=True) for name in names))]


# --- reseller relationships --------------------------------------------------------------------------------------


def _resellers(customer_id: UUID, wanted: Wanted) -> list[sa.ColumnElement[bool]]:
    found = [Relationship.customer_id == customer_id, *_searched(wanted, Organization.name_key, _Reseller.name_key)]
    if wanted.kind:
        indirect = Relationship.reseller_id.is_not(None)
        of_kind = {"reseller": sa.not_(indirect), "indirect_reseller": indirect}
        found.append(of_kind.get(wanted.kind, sa.false()))
    of_status = {"active": Ending.id.is_(None), "waiting": sa.false(), "ended": Ending.id.is_not(None)}
    return found + ([of_status[wanted.status]] if wanted.status in of_status else [])


def _joined(*columns: Any) -> sa.Select[*tuple[Any, ...]]:
    return (
        sa.select(*columns)
        .select_from(Relationship)
        .join(Organization, Organization.id == Relationship.partner_id)
        .outerjoin(_Reseller, _Reseller.id == Relationship.reseller_id)
        .outerjoin(Ending, Ending.relationship_id == Relationship.id)
    )


_shown_name = sa.func.coalesce(_Reseller.name_key, Organization.name_key)
#: The customer asked to end it, and the partner has not answered.
_is_asked_to_end = sa.and_(
    Ending.id.is_(None),
    sa.exists()
    .where(EndingRequest.relationship_id == Relationship.id, ~sa.exists().where(EndingAnswer.request_id == EndingRequest.id))
    .correlate(Relationship),
)  # fmt: skip


def _nothing(of: Any) -> sa.Cast[Any]:
    return sa.cast(sa.null(), of)


_RESELLER_COLUMNS = (
    sa.case((Relationship.reseller_id.is_(None), "reseller"), else_="indirect_reseller").label("kind"),
    Relationship.id.label("id"),
    _shown_name.label("shown_key"),
    sa.literal("", sa.String).label("own_key"),
    sa.func.coalesce(_Reseller.name, Organization.name).label("partner"),
    sa.case((_Reseller.id.is_not(None), Organization.name)).label("provider"),
    _nothing(sa.String).label("name"),
    _nothing(sa.JSON).label("roles"),
    sa.case((Ending.id.is_(None), "active"), else_="ended").label("state"),
    Relationship.began_at.label("began_at"),
    Ending.at.label("over_at"),
    _nothing(UTCDateTime).label("ends_at"),
    _nothing(UTCDateTime).label("closes_at"),
    _nothing(sa.Integer).label("duration_days"),
    sa.false().label("auto_extends"),
    sa.case((_is_asked_to_end, 1), else_=0).label("asked_to_end"),
    _nothing(sa.String).label("zone"),
)


# --- delegated administration ------------------------------------------------------------------------------------


def _delegated(customer_id: UUID, wanted: Wanted, now: datetime) -> list[sa.ColumnElement[bool]]:
    found = [_S.customer_id == customer_id, _S.announced.is_(True), delegated.is_listed(now)]
    found += _searched(wanted, Organization.name_key)
    if wanted.kind and wanted.kind != "delegated_administration":
        found.append(sa.false())
    active, waiting = delegated.is_active(now), delegated.is_pending(now)
    of_status = {"active": active, "waiting": waiting, "ended": sa.not_(sa.or_(active, waiting))}
    return found + ([of_status[wanted.status]] if wanted.status in of_status else [])


def _standings(*columns: Any) -> sa.Select[*tuple[Any, ...]]:
    return (
        sa.select(*columns)
        .select_from(_S)
        .join(Organization, Organization.id == _S.partner_id)
        .join(_Customer, _Customer.id == _S.customer_id)
    )


_DELEGATED_COLUMNS = (
    sa.literal("delegated_administration", sa.String).label("kind"),
    _S.relationship_id.label("id"),
    Organization.name_key.label("shown_key"),
    _S.name_key.label("own_key"),
    Organization.name.label("partner"),
    _nothing(sa.String).label("provider"),
    _S.name.label("name"),
    _S.roles.label("roles"),
    _S.state.label("state"),
    _S.activated_at.label("began_at"),
    _S.over_at.label("over_at"),
    _S.ends_at.label("ends_at"),
    _S.closes_at.label("closes_at"),
    _S.duration_days.label("duration_days"),
    _S.auto_extends.label("auto_extends"),
    sa.literal(0, sa.Integer).label("asked_to_end"),
    _Customer.zone.label("zone"),
)


# --- both in one list --------------------------------------------------------------------------------------------


def relationships_of(
    actor: Actor, wanted: Wanted, *, after: Place | None = None, before: Place | None = None
) -> tuple[list[sa.Row[Any]], bool]:
    """One page of a customer's relationships of both types by the name of the partner it deals with, and whether there
    are more that way. A partner's reseller relationship stands before its delegated administration."""
    customer_id, now = actor.organization_id, clock.now()
    parts = [
        _part(_joined(*_RESELLER_COLUMNS).where(*_resellers(customer_id, wanted)), after, before),
        _part(_standings(*_DELEGATED_COLUMNS).where(*_delegated(customer_id, wanted, now)), after, before),
    ]
    both = sa.union_all(*(sa.select(part.subquery()) for part in parts)).subquery()
    statement = sa.select(both).order_by(*_order(both.c, before is not None)).limit(PAGE + 1)
    rows = list(database.session().execute(statement).all())
    more, rows = len(rows) > PAGE, rows[:PAGE]
    return (rows[::-1] if before is not None else rows), more


def _part(
    statement: sa.Select[*tuple[Any, ...]], after: Place | None, before: Place | None
) -> sa.Select[*tuple[Any, ...]]:
    """As much of one type as a page can need, beyond the place."""
    columns = {column.key: column for column in statement.selected_columns}
    partner, own, id_ = columns["shown_key"].element, columns["own_key"].element, columns["id"].element
    if before is not None:
        key, name, edge = before
        further = sa.or_(partner < key, sa.and_(partner == key, sa.or_(own < name, sa.and_(own == name, id_ < edge))))
        statement = statement.where(further)
    elif after is not None:
        key, name, edge = after
        further = sa.or_(partner > key, sa.and_(partner == key, sa.or_(own > name, sa.and_(own == name, id_ > edge))))
        statement = statement.where(further)
    return statement.order_by(*_order(statement.selected_columns, before is not None)).limit(PAGE + 1)


def _order(columns: Any, backwards: bool) -> list[sa.ColumnElement[Any]]:
    keys = [columns["shown_key"], columns["own_key"], columns["id"]]
    return [key.desc() for key in keys] if backwards else keys


@dataclass(frozen=True)
class Counted:
    """How many relationships fit what is wanted, how many wait for an answer, and how many there are in all."""

    fitting: int
    waiting: int
    all: int


def counted(actor: Actor, wanted: Wanted) -> Counted:
    """The numbers of a customer's relationships of both types; one query."""
    customer_id, now = actor.organization_id, clock.now()

    def number(of: Wanted) -> Any:
        resellers = _joined(sa.func.count()).where(*_resellers(customer_id, of)).scalar_subquery()
        standings = _standings(sa.func.count()).where(*_delegated(customer_id, of, now)).scalar_subquery()
        return resellers + standings

    every = (wanted, Wanted(status="waiting"), Wanted(status="all"))
    found = database.session().execute(sa.select(*(number(of) for of in every))).one()
    return Counted(*found)


def active_partners(customer_id: UUID, limit: int = 5) -> tuple[list[str], int]:
    """Names of the partners that have any right at a customer now, as reseller or as delegated administrator (at most
    `limit`), and how many there are."""
    wanted = Wanted()
    resellers = _joined(sa.func.coalesce(_Reseller.name, Organization.name).label("name"), _shown_name.label("key"))
    delegates = _standings(Organization.name.label("name"), Organization.name_key.label("key"))
    both = sa.union(
        resellers.where(*_resellers(customer_id, wanted)),
        delegates.where(*_delegated(customer_id, wanted, clock.now())),
    ).subquery()
    found = list(database.session().scalars(sa.select(both.c.name).order_by(both.c.key, both.c.name)))
    return found[:limit], len(found)


@dataclass(frozen=True)
class EndingSoon:
    """Delegated administration whose end is near. `partner` is a name."""

    id: UUID
    name: str
    partner: str
    ends_at: datetime


def ending_soon(customer_id: UUID) -> list[EndingSoon]:
    """What is in force at a customer, does not extend itself, and ends within `rules.SOON`; the next end first."""
    now = clock.now()
    rows = database.session().execute(
        _standings(_S.relationship_id, _S.name, Organization.name.label("partner"), _S.ends_at)
        .where(
            _S.customer_id == customer_id, delegated.is_active(now), _S.auto_extends.is_(False),
            _S.ends_at <= now + rules.SOON,
        )
        .order_by(_S.ends_at, _S.relationship_id)
        .limit(PAGE)
    )  # fmt: skip
    return [EndingSoon(row.relationship_id, row.name, row.partner, row.ends_at) for row in rows]


# --- one relationship --------------------------------------------------------------------------------------------


def relationship_for(actor: Actor, relationship_id: UUID) -> Relationship | None:
    """A relationship of the actor's own customer organization."""
    found = database.session().get(Relationship, relationship_id)
    return found if found is not None and found.customer_id == actor.organization_id else None


@dataclass(frozen=True)
class Party:
    """A partner as a customer sees it: who it is, where, whom to ask. `verified_domain` is empty while unconfirmed."""

    organization: Organization
    verified_domain: str


@dataclass(frozen=True)
class Accepted:
    """What a customer's person accepted: a version of the agreement, asked for by this partner."""

    acceptance_id: UUID
    reference: str
    version: str
    at: datetime
    name: tuple[str, str] | None


@dataclass(frozen=True)
class Delegated:
    """Delegated administration of a partner, as its page shows it now. `until`: see
    `delegated_admin.rules.shown_until`."""

    id: UUID
    name: str
    state: str
    roles: tuple[RoleWords, ...]
    began_at: datetime | None
    until: datetime | None
    zone: str
    duration_days: int
    ends_soon: bool
    auto_extends: bool
    partner: str
    asked_to_end: bool = False


@dataclass(frozen=True)
class Distrusted:
    """A partner that the customer says it does not know, and since when."""

    id: UUID
    name: str
    since: datetime


@dataclass(frozen=True)
class Details:
    """Everything that a relationship's page shows."""

    relationship: Relationship
    ended_at: datetime | None
    partner: Party
    reseller: Party | None
    began_by: tuple[str, str] | None
    accepted: Sequence[Accepted]
    terms: Terms
    delegated: Sequence[Delegated]
    ending: EndingState
    distrusted: Sequence[Distrusted]
    history: Sequence[evidence.Entry]

    @property
    def contact(self) -> Party:
        """Whom the customer deals with: the reseller where there is one."""
        return self.reseller or self.partner

    @property
    def delegated_now(self) -> list[Delegated]:
        """What is in force."""
        return [each for each in self.delegated if each.state == "active"]

    @property
    def delegated_before(self) -> list[Delegated]:
        """What is over, or never came to be."""
        return [each for each in self.delegated if each.state not in {"active", "pending"}]


def details_of(actor: Actor, relationship: Relationship) -> Details:
    """A relationship with its partners, what was accepted, and its history in the reader's words."""
    session = database.session()
    ids = [each for each in (relationship.partner_id, relationship.reseller_id) if each is not None]
    acceptances = session.execute(
        sa.select(Acceptance.id, Acceptance.reference, Acceptance.at, Acceptance.person_id, AgreementText.version)
        .join(AgreementText, AgreementText.id == Acceptance.text_id)
        .where(Acceptance.customer_id == relationship.customer_id, Acceptance.partner_id.in_(ids))
        .order_by(Acceptance.at.desc())
    ).all()
    people = [each.person_id for each in acceptances] + [relationship.person_id]
    names = accounts.names_of(each for each in people if each is not None)
    ending = relationships.ending_of(relationship.id)
    partner = _party(relationship.partner_id)
    reseller = _party(relationship.reseller_id) if relationship.reseller_id else None
    return Details(
        relationship=relationship,
        ended_at=ending.ended.at if ending.ended is not None else None,
        partner=partner,
        reseller=reseller,
        terms=terms(actor.organization_name, partner.organization, reseller.organization if reseller else None),
        began_by=names.get(relationship.person_id) if relationship.person_id else None,
        accepted=[
            Accepted(each.id, each.reference, each.version, each.at, names.get(each.person_id)) for each in acceptances
        ],
        delegated=_delegated_to(relationship.customer_id, ids),
        ending=ending,
        distrusted=_distrusted(relationship.customer_id, [each for each in (reseller, partner) if each]),
        history=evidence.tell(_facts_between(relationship.customer_id, ids), actor),
    )


def _distrusted(customer_id: UUID, parties: list[Party]) -> list[Distrusted]:
    said = [(each, relationships.distrusted_since(customer_id, each.organization.id)) for each in parties]
    return [Distrusted(each.organization.id, each.organization.name, since) for each, since in said if since]


def _delegated_to(customer_id: UUID, partner_ids: list[UUID]) -> list[Delegated]:
    """What a customer gave these partners or was offered by them: what is in force first, then what waits."""
    now = clock.now()
    rows = database.session().execute(
        _standings(*_DELEGATED_COLUMNS)
        .where(*_delegated(customer_id, Wanted(status="all"), now), _S.partner_id.in_(partner_ids))
        .order_by(_S.created_at.desc(), _S.relationship_id)
        .limit(PAGE)
    )
    found = []
    for row in rows:
        state, until = delegated_rules.present_state(row, now), delegated_rules.shown_until(row, now)
        found.append(
            Delegated(
                id=row.id, name=row.name, state=state, roles=tuple(role_words(role) for role in row.roles),
                began_at=row.began_at, until=until, zone=row.zone, duration_days=row.duration_days,
                ends_soon=rules.ends_soon(state, row.ends_at, row.auto_extends, now), auto_extends=row.auto_extends,
                partner=row.partner,
            )
        )  # fmt: skip
    return sorted(found, key=lambda each: {"active": 0, "pending": 1}.get(each.state, 2))


def _party(partner_id: UUID) -> Party:
    found = organizations.organization_by_id(partner_id)
    assert found is not None  # a foreign key
    return Party(found, organizations.verified_domain_of(partner_id))


def _facts_between(customer_id: UUID, partner_ids: list[UUID]) -> Sequence[Any]:
    """The newest facts that name this customer and one of these partners."""
    return (
        database.session()
        .execute(
            sa.select(Fact.id, Fact.chain_id, Fact.position, Fact.kind, Fact.at, Fact.person_id, Fact.record)
            .where(
                Fact.customer_id == customer_id,
                sa.or_(
                    *(
                        column.in_(partner_ids)
                        for column in (Fact.partner_id, Fact.other_partner_id, Fact.acting_partner_id)
                    )
                ),
            )
            .order_by(Fact.at.desc(), Fact.id.desc())
            .limit(HISTORY)
        )
        .all()
    )
