"""Reading a partner's customers: the list, one customer, and what the rows must say according to the acts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from webapp import clock, database
from webapp.access import ROLES
from webapp.accounts.models import Person
from webapp.actor import Actor
from webapp.agreements import queries as agreements
from webapp.agreements.models import Acceptance, AgreementText
from webapp.agreements.rules import CUSTOMER_AGREEMENT
from webapp.customers import rules
from webapp.customers.models import Overview
from webapp.customers.rules import Agreed, Recorded, Renewals, Sight, Span, Step, Term
from webapp.delegated_admin import queries as delegated_admin
from webapp.delegated_admin import rules as delegated_rules
from webapp.delegated_admin.models import DelegatedRelationship, DelegatedStanding
from webapp.delegated_admin.roles import in_order
from webapp.delegated_admin.rules import Step as LifeStep
from webapp.delegated_admin.words import role_name
from webapp.evidence.models import Fact
from webapp.invitations.models import Invitation, InvitationAct
from webapp.messages.models import Message
from webapp.organizations import queries as organizations
from webapp.organizations.models import Organization
from webapp.organizations.rules import domain_of, name_key
from webapp.relationships.models import Ending, EndingAnswer, EndingRequest, Relationship
from webapp.subscriptions.models import Subscription
from webapp.subscriptions.rules import CLOSE_DIRECT_ACCEPTANCE

PAGE = 40
#: Rows of an exported file that are read at once.
EXPORTED = 500
#: Counting stops after so many; a list then says "1,000+".
MOST = 1000
_AFTER_EVERY_NAME = "\U0010ffff"


@dataclass(frozen=True)
class Wanted:
    """What of the list is wanted. `agreement`, `relationship` and `delegated` are states, empty for all; `delegated`
    may also be "without": neither in force nor offered. `programme` is this partner's place (one of `rules.PLACES`),
    `other_id` the provider or reseller beside it."""

    search: str = ""
    agreement: str = ""
    relationship: str = ""
    sort: str = "name"
    delegated: str = ""
    programme: str = ""
    other_id: UUID | None = None

    @property
    def is_filtered(self) -> bool:
        return bool(
            self.search or self.agreement or self.relationship or self.delegated or self.programme or self.other_id
        )


@dataclass(frozen=True)
class Beside:
    """What is shown beside rows and stands elsewhere: the zones of their customers, the names of the partners that they
    name, and what makes a consent stale."""

    renewals: Renewals
    zones: dict[UUID, str] = field(default_factory=dict)
    names: dict[UUID, str] = field(default_factory=dict)

    def agreement(self, row: Any, now: datetime) -> str:
        """The state of the agreement now; empty where the partner sees nothing but history."""
        if not rules.may_see_profile(sight_of(row)):
            return ""
        today = clock.day_of(now, self.zones.get(row.customer_id, "UTC"))
        return rules.present_agreement(row, now, renewals=self.renewals, today=today)


@dataclass(frozen=True)
class Listed:
    """One page of the list: rows in order, whether there are more on either side, and how many in all (capped)."""

    rows: list[sa.Row[Any]]
    more_before: bool
    more_after: bool
    count: int
    beside: Beside
    mails: dict[UUID, str] = field(default_factory=dict)
    invited_at: dict[UUID, datetime] = field(default_factory=dict)


_COLUMNS = (
    Overview.customer_id, Overview.name, Overview.name_key, Overview.domain, Overview.country, Overview.since,
    Overview.created,
    Overview.agreement_state, Overview.agreement_at, Overview.agreement_version,
    Overview.accepted_on, Overview.accepted_effective_on, Overview.attested_at, Overview.attested_by,
    Overview.attested_on, Overview.attested_effective_on, Overview.attested_version, Overview.objected_at,
    Overview.objected_partner_id, Overview.consent_effective_on,
    Overview.relationship_state, Overview.relationship_at, Overview.relationship_ended_at, Overview.sold_as,
    Overview.other_partner_id,
    Overview.invitation_id, Overview.invitation_step, Overview.invitation_at, Overview.invitation_closes_at,
    Overview.delegated_state, Overview.delegated_ends_at,
)  # fmt: skip


def renewals(partner_id: UUID) -> Renewals:
    """What makes a consent stale (the policy's day and the published versions that require it), and whether what a
    partner sells can be attested; five queries."""
    rows = database.session().execute(
        sa.select(AgreementText.country, AgreementText.effective_on)
        .where(AgreementText.type == CUSTOMER_AGREEMENT, AgreementText.requires_renewal.is_(True))
        .distinct()
    )
    days: dict[str, list[date]] = {}
    for row in rows:
        days.setdefault(row.country, []).append(row.effective_on)
    partner = organizations.partner_by_id(partner_id)
    attesting = agreements.is_attesting_open(partner.programme if partner is not None else None)
    return Renewals(agreements.renew_before(), days, attesting)


def _seen(now: datetime) -> sa.ColumnElement[bool]:
    """`rules.may_see` in SQL; a test compares the two."""
    return sa.or_(
        Overview.created.is_(True),
        Overview.relationship_state != "none",
        Overview.invitation_step == "accepted",
        Overview.delegated_state.in_(("active", "ended")),
        _delegated("offered", now),
        _asked(now),
    )


def _asked(now: datetime) -> sa.ColumnElement[bool]:
    """Whether an invitation of this partner is open."""
    still = sa.or_(Overview.invitation_closes_at.is_(None), Overview.invitation_closes_at > now)
    return sa.and_(Overview.invitation_step.is_not(None), Overview.invitation_step.not_in(rules.ENDED), still)


def _profile_seen(now: datetime) -> sa.ColumnElement[bool]:
    """`rules.may_see_profile` in SQL; a test compares the two."""
    related = Overview.relationship_state
    accepted = sa.and_(Overview.invitation_step.is_not(None), Overview.invitation_step == "accepted")
    return sa.or_(
        related == "current",
        _delegated("active", now),
        sa.and_(_delegated("offered", now), related != "ended"),
        _asked(now),
        sa.and_(related == "none", sa.or_(Overview.created.is_(True), accepted)),
    )


def _stale(
    agreed_on: sa.SQLColumnExpression[Any], effective_on: sa.SQLColumnExpression[Any], renewals: Renewals, today: date
) -> sa.ColumnElement[bool]:
    """`agreements.rules.is_stale` in SQL."""
    required = [(country, renewals.required(country, today)) for country in sorted(renewals.days)]
    return sa.or_(
        agreed_on < renewals.renew_before,
        *(sa.and_(Overview.country == country, effective_on < day) for country, day in required if day is not None),
    )


def _agreement(state: str, now: datetime, renewals: Renewals) -> sa.ColumnElement[bool]:
    """`rules.present_agreement` in SQL. A version that everybody must accept anew counts here from its day in UTC on, in
    the list from the customer's own day on."""
    today, stored = now.date(), Overview.agreement_state
    if state == "needs_attestation":
        return stored == "needed" if renewals.attesting else sa.false()
    told = () if renewals.attesting else ("needed",)  # of these the invitation tells
    if state in {"invited", "opened"}:
        opened = Overview.invitation_step == "opened"
        by_step = sa.or_(stored == state, opened if state == "opened" else sa.not_(opened))
        return sa.and_(stored.in_((state, *told)), by_step, _asked(now))
    if state == "none":
        return sa.or_(stored == "none", sa.and_(stored.in_(("invited", "opened", *told)), sa.not_(_asked(now))))
    own = _stale(Overview.accepted_on, Overview.accepted_effective_on, renewals, today)
    said = _stale(Overview.attested_on, Overview.attested_effective_on, renewals, today)
    old = sa.and_(stored == "accepted", own)
    if state == "accepted":
        return sa.and_(stored == "accepted", sa.not_(own))
    if state == "objected":
        return sa.or_(stored == "objected", sa.and_(old, Overview.objected_at.is_not(None)))
    attested = sa.and_(Overview.objected_at.is_(None), Overview.attested_at.is_not(None), sa.not_(said))
    if state == "attested":
        return sa.and_(stored.in_(("attested", "accepted")), attested, sa.or_(stored == "attested", own))
    return sa.and_(
        Overview.consent_effective_on < renewals.bound(today),  # few, by an index, where few must renew
        Overview.objected_at.is_(None),
        sa.or_(Overview.attested_at.is_(None), said),
        sa.or_(old, stored == "attested"),
    )


def _delegated(state: str, now: datetime) -> sa.ColumnElement[bool]:
    """`rules.listed_delegated` in SQL: "offered", "active", "ended", "none", or "without" for the last two."""
    over = sa.and_(Overview.delegated_ends_at.is_not(None), Overview.delegated_ends_at <= now)
    stored = Overview.delegated_state
    if state in {"offered", "active"}:
        return sa.and_(stored == state, sa.not_(over))
    ended = sa.or_(stored == "ended", sa.and_(stored == "active", over))
    never = sa.or_(stored == "none", sa.and_(stored == "offered", over))
    long_ago = sa.and_(
        Overview.delegated_ends_at.is_not(None), Overview.delegated_ends_at <= now - delegated_rules.KEPT_IN_LISTS
    )
    if state == "ended":
        return sa.and_(ended, sa.not_(long_ago))
    return sa.or_(never, sa.and_(ended, long_ago) if state == "none" else ended)


def _conditions(
    partner_id: UUID, wanted: Wanted, now: datetime, stale: Renewals | None = None
) -> list[sa.ColumnElement[bool]]:
    found: list[sa.ColumnElement[bool]] = [Overview.partner_id == partner_id, _seen(now)]
    if wanted.agreement:
        found += [_agreement(wanted.agreement, now, stale or renewals(partner_id)), _profile_seen(now)]
    if wanted.relationship:
        found.append(Overview.relationship_state == wanted.relationship)
    if wanted.delegated:
        found.append(_delegated(wanted.delegated, now))
    if wanted.programme:
        found.append(Overview.sold_as == wanted.programme)
    if wanted.other_id:
        found.append(Overview.other_partner_id == wanted.other_id)
    return found


def _searches(text: str) -> list[list[sa.ColumnElement[bool]]]:
    """What to try in order: a text that reads like a domain is looked up as one, then as the beginning of a name."""
    if not text:
        return [[]]
    tries: list[list[sa.ColumnElement[bool]]] = []
    if rules.is_domain(text):
        tries.append([Overview.domain == domain_of(text.strip())])
    key = name_key(text)
    tries.append([Overview.name_key >= key, Overview.name_key < key + _AFTER_EVERY_NAME])
    return tries


def customers_for(
    actor: Actor, wanted: Wanted, *, after: tuple[str, UUID] | None = None, before: tuple[str, UUID] | None = None
) -> Listed:
    """One page of the partner's customers, after or before a place (sort value and id of a row)."""
    now, stale = clock.now(), renewals(actor.organization_id)
    conditions = _conditions(actor.organization_id, wanted, now, stale)
    tries = _searches(wanted.search)
    found: list[sa.Row[Any]] = []
    for fitting in tries:
        statement = _page(wanted.sort, after, before).where(*conditions, *fitting)
        found = list(database.session().execute(statement).all())
        if found:
            break
    more, found = len(found) > PAGE, found[:PAGE]
    if before is not None:
        found.reverse()
    counted = sa.select(Overview.customer_id).where(*conditions, *fitting).limit(MOST + 1).subquery()
    count = database.session().scalar(sa.select(sa.func.count()).select_from(counted)) or 0
    invited_at, mails = _invitations([row.invitation_id for row in found if row.invitation_id])
    return Listed(
        rows=found,
        more_before=more if before is not None else after is not None and bool(found),
        more_after=more if before is None else bool(found),
        count=count,
        mails=mails,
        invited_at=invited_at,
        beside=_beside(found, stale),
    )


def _beside(rows: Sequence[Any], stale: Renewals) -> Beside:
    """What stands beside these rows; one query."""
    named = {id_ for row in rows for id_ in (row.attested_by, row.objected_partner_id, row.other_partner_id) if id_}
    customers = {row.customer_id for row in rows}
    found = database.session().execute(
        sa.select(Organization.id, Organization.zone, Organization.name).where(
            Organization.id.in_(list(customers | named))
        )
    )
    beside = Beside(stale)
    for each in found:
        beside.zones[each.id], beside.names[each.id] = each.zone, each.name
    return beside


def exported_for(actor: Actor, wanted: Wanted) -> Iterator[tuple[list[sa.Row[Any]], Beside]]:
    """All that fits, some at a time, each time with two queries: what a file is written from while it is sent."""
    now, stale = clock.now(), renewals(actor.organization_id)
    conditions = _conditions(actor.organization_id, wanted, now, stale)
    session, column = database.session(), _sorted_by(wanted.sort)
    for fitting in _searches(wanted.search):
        place: tuple[str, UUID] | None = None
        while True:
            statement = _page(wanted.sort, place, None, EXPORTED).where(*conditions, *fitting)
            rows = list(session.execute(statement).all())
            if not rows:
                break
            yield rows[:EXPORTED], _beside(rows[:EXPORTED], stale)
            last = rows[:EXPORTED][-1]
            value = getattr(last, column.key)
            place = (value if isinstance(value, str) else value.isoformat(), last.customer_id)
            if len(rows) <= EXPORTED:
                return
        if place is not None:
            return


@dataclass(frozen=True)
class Sought:
    """What the API searches by: `by` is "name", "domain", "reseller" or "provider" (`text` is then the other partner's id);
    `whole`: the text is all of it, not its beginning."""

    by: str
    text: str
    whole: bool = False

    @property
    def sort(self) -> str:
        return "domain" if self.by == "domain" else "name"

    @property
    def conditions(self) -> list[sa.ColumnElement[bool]]:
        if self.by in {"reseller", "provider"}:
            place = "provider" if self.by == "reseller" else "reseller"
            return [
                Overview.other_partner_id == UUID(self.text),
                Overview.sold_as == place,
                Overview.relationship_state == "current",
            ]
        key = domain_of(self.text) if self.by == "domain" else name_key(self.text)
        column = _sorted_by(self.sort)
        return [column == key] if self.whole else [column >= key, column < key + _AFTER_EVERY_NAME]


def listed_for(
    actor: Actor, sought: Sought | None, *, size: int, after: tuple[str, UUID] | None = None
) -> tuple[list[sa.Row[Any]], bool, int]:
    """The customers that the partner sees, by name (searched by domain: by that), after a place; whether there are more, and
    how many in all, counted no further than MOST + 1. Two queries, whose cost follows the page."""
    fitting = [Overview.partner_id == actor.organization_id, _seen(clock.now()), *(sought.conditions if sought else [])]
    statement = _page(sought.sort if sought else "name", after, None, size).where(*fitting)
    found = list(database.session().execute(statement).all())
    some = sa.select(Overview.customer_id).where(*fitting).limit(MOST + 1).subquery()
    count = database.session().scalar(sa.select(sa.func.count()).select_from(some)) or 0
    return found[:size], len(found) > size, count


def _sorted_by(sort: str) -> Any:
    if sort == "domain":
        return Overview.domain
    return Overview.name_key if sort.startswith("name") else Overview.since


def _page(
    sort: str, after: tuple[str, UUID] | None, before: tuple[str, UUID] | None, size: int = PAGE
) -> sa.Select[*tuple[Any, ...]]:
    column = _sorted_by(sort)
    down = sort in {"name_down", "newest"}
    place, backwards = (before, True) if before is not None else (after, False)
    descending = down != backwards
    statement: sa.Select[*tuple[Any, ...]] = sa.select(*_COLUMNS)
    if place is not None:
        value: Any = datetime.fromisoformat(place[0]) if column is Overview.since else place[0]
        edge, key = place[1], Overview.customer_id
        # spelled so that both engines start at the place in the index
        if descending:
            statement = statement.where(column <= value, sa.or_(column < value, key < edge))
        else:
            statement = statement.where(column >= value, sa.or_(column > value, key > edge))
    order = [column.desc(), Overview.customer_id.desc()] if descending else [column, Overview.customer_id]
    return statement.order_by(*order).limit(size + 1)


def _invitations(ids: list[UUID]) -> tuple[dict[UUID, datetime], dict[UUID, str]]:
    """When these invitations were made, and what became of the newest mail that carried each."""
    made = database.session().execute(sa.select(Invitation.id, Invitation.created_at).where(Invitation.id.in_(ids)))
    mails = database.session().execute(
        sa.select(Message.about_id, Message.handed_over_at, Message.given_up_at)
        .where(Message.about_id.in_(ids), Message.kind == "invitation", Message.cancelled_at.is_(None))
        .order_by(Message.created_at)
    )
    states = {
        row.about_id: "delivered" if row.handed_over_at else "undeliverable" if row.given_up_at else "waiting"
        for row in mails
    }
    return {row.id: row.created_at for row in made}, states


def has_any(actor: Actor) -> bool:
    """Whether the partner sees any customer at all."""
    return (
        database.session().scalar(
            sa.select(Overview.customer_id)
            .where(Overview.partner_id == actor.organization_id, _seen(clock.now()))
            .limit(1)
        )
        is not None
    )


def count_for(partner_id: UUID, wanted: Wanted, stale: Renewals | None = None) -> int:
    """How many customers fit, counted no further than MOST + 1. `stale` spares asking for it again (`renewals`)."""
    fitting = _conditions(partner_id, wanted, clock.now(), stale)
    some = sa.select(Overview.customer_id).where(*fitting).limit(MOST + 1).subquery()
    return database.session().scalar(sa.select(sa.func.count()).select_from(some)) or 0


def sight_of(row: Any) -> Sight:
    """What decides what the partner sees of a customer now."""
    now = clock.now()
    step = rules.present_step(row.invitation_step, row.invitation_closes_at, now)
    delegated = rules.present_delegated(row.delegated_state, row.delegated_ends_at, now)
    return Sight(created=row.created, related=row.relationship_state, step=step, delegated=delegated)


def customer_for(actor: Actor, customer_id: UUID) -> Overview | None:
    """The overview of a customer that the actor's partner organization sees."""
    if not actor.is_partner:
        return None
    found = database.session().get(Overview, (actor.organization_id, customer_id))
    return found if found is not None and rules.may_see(sight_of(found)) else None


def seen_customer(actor: Actor, customer_id: UUID) -> Organization | None:
    """A customer whose profile the actor's partner organization sees: what works on a customer begins with it."""
    found = customer_for(actor, customer_id)
    if found is None or not rules.may_see_profile(sight_of(found)):
        return None
    return organizations.organization_by_id(customer_id)


def partners_seeing(customer_id: UUID) -> list[UUID]:
    """The partners that see a customer's profile now."""
    rows = database.session().scalars(sa.select(Overview).where(Overview.customer_id == customer_id))
    return [row.partner_id for row in rows if rules.may_see_profile(sight_of(row))]


def chosen_for(actor: Actor, ids: Sequence[UUID]) -> list[sa.Row[Any]]:
    """Those of these customers that the actor's partner organization sees and can work with, by name."""
    statement = (
        sa.select(*_COLUMNS)
        .join(Organization, Organization.id == Overview.customer_id)
        .where(
            Overview.partner_id == actor.organization_id,
            Overview.customer_id.in_(list(ids)),
            Organization.disabled_at.is_(None),
            _seen(clock.now()),
        )
        .order_by(Overview.name_key, Overview.customer_id)
    )
    found: list[Any] = list(database.session().execute(statement))
    return found


def contact_of(customer_id: UUID) -> Person | None:
    """The person to talk to: the customer's first global administrator."""
    return next(iter(organizations.people_with(customer_id, "global_administrator")), None)


@dataclass(frozen=True)
class Invited:
    """One invitation on a customer's page."""

    id: UUID
    asks: str
    step: str
    at: datetime
    made_at: datetime
    closes_at: datetime | None
    mail: str


def invitations_to(actor: Actor, customer_id: UUID, limit: int = 20) -> list[Invited]:
    """The newest invitations of the actor's partner to a customer, with their last step; three queries."""
    answered = sa.select(InvitationAct.invitation_id).where(
        InvitationAct.customer_id == customer_id, InvitationAct.kind == "accepted"
    )
    rows = (
        database.session()
        .execute(
            sa.select(Invitation.id, Invitation.asks, Invitation.created_at, Invitation.closes_at)
            .where(
                sa.or_(Invitation.partner_id == actor.organization_id, Invitation.reseller_id == actor.organization_id),
                sa.or_(Invitation.customer_id == customer_id, Invitation.id.in_(answered)),
            )
            .order_by(Invitation.created_at.desc(), Invitation.id)
            .limit(limit)
        )
        .all()
    )
    ids = [row.id for row in rows]
    steps: dict[UUID, list[Step]] = {row.id: [Step("made", row.created_at)] for row in rows}
    for act in database.session().execute(
        sa.select(InvitationAct.invitation_id, InvitationAct.kind, InvitationAct.at)
        .where(
            InvitationAct.invitation_id.in_(ids),
            sa.or_(InvitationAct.customer_id.is_(None), InvitationAct.customer_id == customer_id),
        )
        .order_by(InvitationAct.at, InvitationAct.id)
    ):
        steps[act.invitation_id].append(Step(act.kind, act.at))
    _made, mails = _invitations(ids)
    found = []
    for row in rows:
        last = rules.last_step(steps[row.id])
        assert last is not None
        step = rules.present_step(last.kind, row.closes_at, clock.now())
        at = row.closes_at if step == "expired" and last.kind != "expired" else last.at
        found.append(Invited(row.id, row.asks, step, at, row.created_at, row.closes_at, mails.get(row.id, "")))
    return found


@dataclass(frozen=True)
class Profile:
    """What a partner sees of a customer that is more than history."""

    customer: Organization
    domains: tuple[str, ...]
    contact: Person | None


def profile_of(overview: Overview) -> Profile | None:
    """The profile of a customer, where the partner whose row this is sees it."""
    if not rules.may_see_profile(sight_of(overview)):
        return None
    customer = organizations.organization_by_id(overview.customer_id)
    assert customer is not None
    domains = tuple(each.name for each in organizations.domains_of(customer.id))
    return Profile(customer, domains, contact_of(customer.id))


def profile_for(actor: Actor, customer_id: UUID) -> Profile | None:
    """The profile of a customer, where the actor's partner sees it."""
    found = customer_for(actor, customer_id)
    return profile_of(found) if found is not None else None


# --- what binds the partner and one customer -------------------------------------------------------------------


@dataclass(frozen=True)
class Related:
    """A reseller relationship on a customer's page. `asked_at`: when the customer asked to end it, while that waits."""

    id: UUID
    began_at: datetime
    ended_at: datetime | None
    asked_at: datetime | None


def relationships_with(actor: Actor, customer_id: UUID, limit: int = 20) -> list[Related]:
    """The relationships of a customer with the actor's partner, on either place of it, the newest first."""
    asked = (
        sa.select(sa.func.max(EndingRequest.at))
        .outerjoin(EndingAnswer, EndingAnswer.request_id == EndingRequest.id)
        .where(EndingRequest.relationship_id == Relationship.id, EndingAnswer.id.is_(None))
        .scalar_subquery()
    )
    rows = database.session().execute(
        sa.select(Relationship.id, Relationship.began_at, Ending.at, asked)
        .outerjoin(Ending, Ending.relationship_id == Relationship.id)
        .where(
            Relationship.customer_id == customer_id,
            sa.or_(Relationship.partner_id == actor.organization_id, Relationship.reseller_id == actor.organization_id),
        )
        .order_by(Relationship.began_at.desc(), Relationship.id)
        .limit(limit)
    )
    return [Related(id_, began, ended, None if ended else at) for id_, began, ended, at in rows]


@dataclass(frozen=True)
class Delegation:
    """A delegated administration on a customer's page. `until` is its end; while it waits, the last moment to answer;
    None while it extends itself. `roles` are names."""

    id: UUID
    name: str
    state: str
    roles: tuple[str, ...]
    until: datetime | None


def delegations_at(actor: Actor, customer_id: UUID, limit: int = 40) -> list[Delegation]:
    """The delegated administration of the actor's partner at a customer: what is in force, what waits, then the rest,
    each the newest first; what is over for more than a year is left out."""
    now, standing = clock.now(), DelegatedStanding
    rows = database.session().scalars(
        sa.select(standing)
        .where(
            standing.customer_id == customer_id,
            standing.partner_id == actor.organization_id,
            delegated_admin.is_listed(now),
        )
        .order_by(standing.created_at.desc(), standing.relationship_id)
        .limit(limit)
    )
    found = []
    for row in rows:
        state = delegated_rules.state_for_partner(row, now)
        until = delegated_rules.shown_until(row, now)
        found.append(
            Delegation(
                row.relationship_id, row.name, state, tuple(role_name(role) for role in row.roles),
                None if state == "active" and row.auto_extends else until,
            )
        )  # fmt: skip
    return sorted(found, key=lambda each: {"active": 0, "pending": 1, "unsent": 2}.get(each.state, 3))


def rights_by_role(actor: Actor, customer_id: UUID) -> dict[str, list[str]]:
    """The names of the delegated roles that the people of the actor's partner hold at a customer now, by their role
    at the partner; empty when nobody holds any."""
    delegated = delegated_admin.roles_between(customer_id, actor.organization_id)
    held = {role: delegated_rules.roles_for(frozenset({role}), delegated) for role in ROLES["partner"]}
    return {role: [role_name(each) for each in in_order(ids)] for role, ids in held.items() if ids}


# --- what the rows must say ------------------------------------------------------------------------------------


def first_domain(customer_id: UUID) -> str:
    """The domain that a customer is found by: the first of its profile by name."""
    return next((each.name for each in organizations.domains_of(customer_id)), "")


def spans_of(customer_id: UUID, partner_id: UUID, *, ending: tuple[UUID, datetime] | None = None) -> list[Span]:
    """Every relationship of a customer with a partner, as provider or as reseller.

    `ending` (relationship, when) is one whose end is being recorded just now.
    """
    rows = database.session().execute(
        sa.select(Relationship.id, Relationship.began_at, Ending.at, Relationship.partner_id, Relationship.reseller_id)
        .outerjoin(Ending, Ending.relationship_id == Relationship.id)
        .where(
            Relationship.customer_id == customer_id,
            sa.or_(Relationship.partner_id == partner_id, Relationship.reseller_id == partner_id),
        )
    )
    found = []
    for row in rows:
        ended_at = ending[1] if ending is not None and row.id == ending[0] else row.at
        found.append(Span(row.began_at, ended_at, row.partner_id, row.reseller_id))
    return found


def purchases_of(customer_id: UUID) -> set[tuple[UUID, UUID | None]]:
    """Through whom (provider and reseller) a customer bought what closes direct acceptance. Renewals are no purchases, and
    neither product keys nor direct billing go through a relationship."""
    rows = database.session().execute(
        sa.select(Subscription.partner_id, Subscription.reseller_id)
        .where(
            Subscription.customer_id == customer_id, Subscription.kind.in_(CLOSE_DIRECT_ACCEPTANCE),
            Subscription.follows_id.is_(None), Subscription.contract == "partner",
        )
        .distinct()
    )  # fmt: skip
    return {(row.partner_id, row.reseller_id) for row in rows}


def recorded_of(customer: Organization) -> list[Recorded]:
    """Everything that a customer accepted, or that was attested for it."""
    accepted, attested = agreements.acceptances_of(customer.id), agreements.attestations_of(customer.id)
    marks: list[tuple[UUID, str, UUID | None]] = [(row.id, text.version, None) for row, text in accepted]
    marks += [(each.row.id, each.text.version, each.row.partner_id) for each in attested]
    consents = agreements.consents(accepted, attested, customer.zone)
    return [
        Recorded(id_, consent, version, by)
        for (id_, version, by), consent in zip(marks, consents, strict=True)
    ]  # fmt: skip


def terms_of(
    customer_id: UUID, partner_id: UUID, *, more: tuple[UUID, LifeStep] | None = None
) -> list[Term]:  # fmt: skip
    """Every delegated administration of a customer with a partner, by its acts.

    `more` (relationship, act) is an act that is being recorded just now.
    """
    rows = database.session().scalars(
        sa.select(DelegatedRelationship).where(
            DelegatedRelationship.customer_id == customer_id, DelegatedRelationship.partner_id == partner_id
        )
    )
    found = []
    for row in rows:
        life = delegated_admin.life_of(row)
        if more is not None and more[0] == row.id:
            life = replace(life, steps=(*life.steps, more[1]))
        found.append(rules.term_of(life))
    return found


def _moments(customer_id: UUID) -> sa.Select[*tuple[Any, ...]]:
    """Acts on invitations with the moment their fact tells, in order."""
    named = sa.select(Invitation.id).where(Invitation.customer_id == customer_id)
    found: sa.Select[*tuple[Any, ...]] = sa.select(InvitationAct.invitation_id, InvitationAct.kind, Fact.at)
    return (
        found.join(Fact, Fact.id == InvitationAct.fact_id)
        .where(sa.or_(InvitationAct.customer_id == customer_id, InvitationAct.invitation_id.in_(named)))
        .order_by(Fact.at, Fact.position)
    )


def rows_by_acts(customer: Organization) -> list[dict[str, Any]]:
    """What every partner's row about a customer must hold, from the acts alone: what rebuilding writes."""
    shared = {
        "customer_id": customer.id, "name": customer.name, "name_key": customer.name_key,
        "domain": first_domain(customer.id), "country": customer.country,
    }  # fmt: skip
    kept, purchases = rules.agreed(recorded_of(customer)), purchases_of(customer.id)
    return [
        shared
        | asdict(kept)
        | {"partner_id": partner_id, "since": since, "created": customer.created_by_partner_id == partner_id}
        | _bonds(customer.id, partner_id, kept, purchases)
        for partner_id, since in _partners_of(customer).items()
    ]


def _bonds(
    customer_id: UUID, partner_id: UUID, kept: Agreed, purchases: set[tuple[UUID, UUID | None]]
) -> dict[str, Any]:  # fmt: skip
    """The part of a row that tells of this partner alone."""
    tracked = _tracked(customer_id, partner_id)
    step = tracked.step if tracked is not None else None
    spans = spans_of(customer_id, partner_id)
    bought = rules.is_bought(spans, purchases)
    state, began_at, ended_at = rules.relationship_of(spans)
    sold_as, other_id = rules.place_in(rules.shown_span(spans), partner_id)
    delegated, until = rules.delegated_of(terms_of(customer_id, partner_id))
    return {
        "agreement_state": rules.stored_agreement(kept, bought, step.kind if step else None),
        "bought": bought,
        "relationship_state": state,
        "relationship_at": began_at,
        "relationship_ended_at": ended_at,
        "sold_as": sold_as,
        "other_partner_id": other_id,
        "invitation_id": tracked.id if tracked else None,
        "invitation_step": step.kind if step else None,
        "invitation_at": step.at if step else None,
        "invitation_closes_at": tracked.closes_at if tracked else None,
        "delegated_state": delegated,
        "delegated_ends_at": until,
    }


def _partners_of(customer: Organization) -> dict[UUID, datetime]:
    """Every partner that ever saw a customer, and since when."""
    seen: list[tuple[UUID | None, datetime]] = [(customer.created_by_partner_id, customer.created_at)]
    session = database.session()
    for row in session.execute(
        sa.select(Relationship.partner_id, Relationship.reseller_id, Relationship.began_at).where(
            Relationship.customer_id == customer.id
        )
    ):
        seen += [(row.partner_id, row.began_at), (row.reseller_id, row.began_at)]
    for row in session.execute(
        sa.select(Invitation.partner_id, Invitation.reseller_id, Invitation.created_at).where(
            Invitation.customer_id == customer.id, Invitation.asks != "administration"
        )
    ):
        seen += [(row.partner_id, row.created_at), (row.reseller_id, row.created_at)]
    offered = (
        sa.select(DelegatedRelationship.partner_id, Fact.at)
        .join(Fact, Fact.id == DelegatedRelationship.fact_id)
        .where(DelegatedRelationship.customer_id == customer.id)
    )
    seen += [(each.partner_id, each.at) for each in session.execute(offered)]
    for invitation, at in _accepted_invitations(customer.id):
        seen += [(invitation.partner_id, at), (invitation.reseller_id, at)]
    found: dict[UUID, datetime] = {}
    for partner_id, at in seen:
        if partner_id is not None:
            found[partner_id] = min(at, found.get(partner_id, at))
    return found


def _accepted_invitations(customer_id: UUID) -> list[tuple[Invitation, datetime]]:
    """The invitations that a customer accepted, each with the moment of its first accepting act."""
    moments: dict[UUID, datetime] = {}
    session = database.session()
    for model, column in ((Acceptance, Acceptance.at), (Relationship, Relationship.began_at)):
        for row in session.execute(
            sa.select(model.invitation_id, column.label("at")).where(
                model.customer_id == customer_id, model.invitation_id.is_not(None)
            )
        ):
            moments[row.invitation_id] = min(row.at, moments.get(row.invitation_id, row.at))
    rows = session.scalars(sa.select(Invitation).where(Invitation.id.in_(list(moments))))
    return [(row, moments[row.id]) for row in rows]


@dataclass(frozen=True)
class Tracked:
    """The invitation that a row tells of."""

    id: UUID
    asks: str
    closes_at: datetime | None
    step: Step
    begins_at: datetime


def _tracked(customer_id: UUID, partner_id: UUID) -> Tracked | None:
    accepted = {row.id: (row, at) for row, at in _accepted_invitations(customer_id)}
    named = database.session().scalars(
        sa.select(Invitation).where(
            Invitation.customer_id == customer_id,
            Invitation.asks != "administration",
            sa.or_(Invitation.partner_id == partner_id, Invitation.reseller_id == partner_id),
        )
    )
    steps: dict[UUID, list[Step]] = {}
    for act in database.session().execute(_moments(customer_id)):
        if act.kind != "accepted":
            steps.setdefault(act.invitation_id, []).append(Step(act.kind, act.at))
    found: list[Tracked] = []
    for row in named:
        moments = [Step("made", row.created_at), *steps.get(row.id, [])]
        if row.id in accepted:
            moments.append(Step("accepted", accepted[row.id][1]))
        step = rules.last_step(sorted(moments, key=lambda each: each.at))
        assert step is not None
        found.append(Tracked(row.id, row.asks, row.closes_at, step, row.created_at))
    for row, at in accepted.values():
        if row.customer_id is None and partner_id in (row.partner_id, row.reseller_id):
            found.append(Tracked(row.id, row.asks, row.closes_at, Step("accepted", at), at))
    return max(found, key=lambda each: each.begins_at, default=None)


def unknown_places(limit: int) -> Sequence[UUID]:
    """Customers with rows of an earlier version, which lack what it did not know."""
    statement = sa.select(Overview.customer_id).where(Overview.sold_as.is_(None)).distinct().limit(limit)
    return database.session().scalars(statement).all()


def customer_ids(after: UUID | None, limit: int) -> Sequence[UUID]:
    """Ids of customers in their own order, for walking through all of them."""
    statement = sa.select(Organization.id).where(Organization.kind == "customer").order_by(Organization.id).limit(limit)
    if after is not None:
        statement = statement.where(Organization.id > after)
    return database.session().scalars(statement).all()


def stored_rows(customer_id: UUID) -> list[dict[str, Any]]:
    """The rows about a customer as they are stored."""
    table = Overview.__table__
    rows = database.session().execute(sa.select(table).where(table.c.customer_id == customer_id))
    return [dict(row._mapping) for row in rows]
