"""Reading what ends: for the notices, for the partner's page and calendar, and for whoever renews."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any
from uuid import UUID
from zoneinfo import available_timezones

import sqlalchemy as sa
from sqlalchemy.orm import aliased

from webapp import clock, database, tokens
from webapp.access import Permission
from webapp.accounts import queries as accounts
from webapp.actor import Actor, full_name
from webapp.agreements import queries as agreements
from webapp.organizations import queries as organizations
from webapp.organizations.models import Organization
from webapp.organizations.rules import name_key
from webapp.policies import queries as policies
from webapp.renewals import rules
from webapp.renewals.models import DirectSwitch, RenewalMail, RenewalNotice
from webapp.renewals.rules import Ending
from webapp.subscriptions import queries as subscriptions
from webapp.subscriptions.models import CONTRACTS, PartnerOfRecord, Product, Subscription, SubscriptionStanding
from webapp.subscriptions.rules import last_day, stage_of, turns_of
from webapp.tokens import Token

S = SubscriptionStanding
FEED = "renewals-feed"
PAGE = 40
#: Counting stops after so many; a list then says "1,000+".
MOST = 1000
#: A calendar holds so many ends at most, from a month back to so far ahead.
MOST_EVENTS = 2000
EVENTS_BACK, EVENTS_AHEAD = timedelta(days=31), timedelta(days=400)
#: So many are looked through at once.
BATCH = 500
Place = tuple[date, UUID]


def own_for(actor: Actor) -> Organization | None:
    """The actor's own organization, when it is a partner."""
    return organizations.partner_by_id(actor.organization_id) if actor.is_partner else None


def notice_days() -> list[int]:
    """How many days before an end it is told (policy)."""
    return [int(each) for each in policies.value("renewal.notice_days")]


# --- days of all zones -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Days:
    """What day it is now: in UTC, in the zones that are a day behind, in those that are a day ahead."""

    utc: date
    behind: frozenset[str]
    ahead: frozenset[str]

    def before(self, shift: int) -> sa.ColumnElement[bool]:
        """SQL: the end lies before the customer's day that is `shift` days after its today."""
        day, end, zone = self.utc + timedelta(days=shift), S.ends_on, Organization.zone
        found = [end < day - timedelta(days=1)]
        found.append(sa.and_(end == day - timedelta(days=1), zone.not_in(sorted(self.behind))))
        found.append(sa.and_(end == day, zone.in_(sorted(self.ahead))))
        return sa.or_(*found)


def days_now() -> Days:
    """The days of all zones now."""
    now = clock.now()
    return _days(
        now.replace(minute=now.minute // 15 * 15, second=0, microsecond=0)
    )  # zones differ by quarters of an hour


@lru_cache(maxsize=4)
def _days(moment: datetime) -> Days:
    today = moment.date()
    by_zone = {zone: rules.local_day(moment, zone) for zone in available_timezones()}
    return Days(
        today,
        frozenset(zone for zone, day in by_zone.items() if day < today),
        frozenset(zone for zone, day in by_zone.items() if day > today),
    )


# --- for the notices ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Candidate:
    """A subscription that may have to be told of."""

    line_id: UUID
    ending: Ending


def _endings() -> sa.Select[*tuple[Any, ...]]:
    """What decides about a notice: the end, since when it stands, since when it has its partner of record, what was told."""
    named = (
        sa.select(PartnerOfRecord.at)
        .where(PartnerOfRecord.line_id == S.line_id)
        .order_by(PartnerOfRecord.ordinal.desc())
        .limit(1)
        .scalar_subquery()
    )
    told = (
        sa.select(sa.func.min(RenewalNotice.days))
        .where(RenewalNotice.line_id == S.line_id, RenewalNotice.ends_on == S.ends_on)
        .scalar_subquery()
    )
    return (
        sa.select(
            S.line_id, S.starts_on, S.ends_on, Organization.zone, Subscription.created_at.label("since"),
            named.label("named"), told.label("told"),
        )
        .join(Organization, Organization.id == S.customer_id)
        .join(Subscription, Subscription.id == S.subscription_id)
        .where(S.renews.is_(False), Organization.disabled_at.is_(None), S.left_for_id.is_(None))
    )  # fmt: skip


def _candidate(row: Any) -> Candidate:
    since = max(row.since, row.named) if row.named is not None else row.since
    return Candidate(row.line_id, Ending(row.starts_on, row.ends_on, row.zone, since, row.told))


def candidate(line_id: UUID) -> Candidate | None:
    """One subscription as the notices see it; None when it is not told of at all."""
    row = database.session().execute(_endings().where(S.line_id == line_id)).first()
    return _candidate(row) if row is not None else None


def may_be_due(now: datetime, days: Sequence[int], after: Place | None = None) -> Sequence[Candidate]:
    """What may have to be told somewhere on earth now, the earliest end first; the rule decides by the customer's day.

    Read by the index of ends, in the days that have a notice; what was told already is left out.
    """
    plan = sorted(set(days))
    if not plan:
        return []
    low, high = now.date() - timedelta(days=1), now.date() + timedelta(days=1)  # the days that it is anywhere
    untold = [
        sa.and_(
            S.ends_on > high + timedelta(days=before), S.ends_on <= high + timedelta(days=each),
            ~sa.exists().where(
                RenewalNotice.line_id == S.line_id, RenewalNotice.ends_on == S.ends_on, RenewalNotice.days <= each
            ),
        )
        for before, each in zip([-9999, *plan], plan, strict=False)
    ]  # fmt: skip
    statement = (
        _endings()
        .where(S.ends_on >= low, S.ends_on <= high + timedelta(days=plan[-1]), sa.or_(*untold))
        .order_by(S.ends_on, S.line_id)
        .limit(BATCH)
    )
    if after is not None:
        statement = statement.where(sa.or_(S.ends_on > after[0], sa.and_(S.ends_on == after[0], S.line_id > after[1])))
    return [_candidate(row) for row in database.session().execute(statement)]


def with_untold() -> Sequence[UUID]:
    """The organizations whose people were not told of every notice yet."""
    return (
        database.session()
        .scalars(sa.select(RenewalMail.organization_id).where(RenewalMail.told_at.is_(None)).distinct())
        .all()
    )


def untold(organization_id: UUID) -> Sequence[RenewalMail]:
    """What an organization's people were not told of yet, held until this transaction ends."""
    return (
        database.session()
        .scalars(
            sa.select(RenewalMail)
            .where(RenewalMail.organization_id == organization_id, RenewalMail.told_at.is_(None))
            .order_by(RenewalMail.id)
            .with_for_update()
        )
        .all()
    )


@dataclass(frozen=True)
class Entry:
    """A notice with what a mail says of it: `days_left` on the customer's day now; `partner` of record and its `contact`,
    None where there is none."""

    notice_id: UUID
    line_id: UUID
    ends_on: date
    days_left: int
    product: str
    seats: int
    contract: str
    customer: str
    partner: str | None
    contact: str | None


def entries_of(notice_ids: Sequence[UUID], reader: Organization) -> list[Entry]:
    """Those notices that still hold, as an organization's mails say them, the earliest end first: the end stands and is
    not over, and a partner that reads is still partner of record."""
    partner = aliased(Organization)
    statement = (
        _endings()
        .with_only_columns(
            RenewalNotice.id, S.line_id, S.ends_on, S.product, S.seats, S.contract, Organization.name.label("customer"),
            Organization.zone, partner.name.label("partner"), partner.contact_address.label("contact"),
        )
        .join(RenewalNotice, sa.and_(RenewalNotice.line_id == S.line_id, RenewalNotice.ends_on == S.ends_on))
        .outerjoin(partner, partner.id == RenewalNotice.partner_id)
        .where(RenewalNotice.id.in_(list(notice_ids)))
        .order_by(S.ends_on, Organization.name_key, RenewalNotice.id)
    )  # fmt: skip
    if reader.kind == "partner":
        statement = statement.where(S.record_partner_id == reader.id)
    rows = [(row, (row.ends_on - clock.today(row.zone)).days) for row in database.session().execute(statement)]
    return [
        Entry(
            notice_id=row.id, line_id=row.line_id, ends_on=row.ends_on, days_left=days_left, product=row.product,
            seats=row.seats, contract=row.contract, customer=row.customer, partner=row.partner, contact=row.contact,
        )
        for row, days_left in rows
        if days_left >= 0
    ]  # fmt: skip


@dataclass(frozen=True)
class Told:
    """One notice, as pages say it: `days_left` when it was noted; `person_count`: how many people of the partner of record
    (`partner_id`), or else of the customer, got the mail; None while it waits."""

    line_id: UUID
    partner_id: UUID | None
    at: datetime
    days_left: int
    person_count: int | None


def notices_of(line_ids: Sequence[UUID]) -> Mapping[UUID, Sequence[Told]]:
    """What was told of the present end of subscriptions, the first notice first, by line."""
    reader = sa.func.coalesce(RenewalNotice.partner_id, RenewalNotice.customer_id)
    rows = database.session().execute(
        sa.select(
            RenewalNotice.line_id, RenewalNotice.partner_id, RenewalNotice.at, RenewalNotice.days_left,
            RenewalMail.person_count,
        )
        .join(S, sa.and_(S.line_id == RenewalNotice.line_id, S.ends_on == RenewalNotice.ends_on))
        .join(RenewalMail, sa.and_(RenewalMail.notice_id == RenewalNotice.id, RenewalMail.organization_id == reader))
        .where(RenewalNotice.line_id.in_(list(line_ids)))
        .order_by(RenewalNotice.at, RenewalNotice.id)
    )  # fmt: skip
    found: dict[UUID, list[Told]] = {}
    for row in rows:
        found.setdefault(row.line_id, []).append(Told(*row))
    return found


# --- the partner's page ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Row:
    """One subscription that ends, for its partner of record. `group`: one of `rules.GROUPS` on the customer's day; `days_left`
    are negative once the end has passed; `told`: the notices of this end that this partner got."""

    line_id: UUID
    customer_id: UUID
    customer: str
    product: str
    contract: str
    seats: int
    ends_on: date
    stage: str
    group: str
    days_left: int
    told: Sequence[Told] = ()


@dataclass(frozen=True)
class Listed:
    """One page: rows in order, whether there are more on either side, and how many in all (capped)."""

    rows: list[Row]
    more_before: bool
    more_after: bool
    count: int


def _ending_for(partner_id: UUID, group: str, search: str) -> sa.Select[*tuple[Any, ...]]:
    """What ends for a partner of record and can still be renewed somewhere on earth."""
    days = days_now()
    kept = [
        sa.and_(S.contract == contract, ~days.before(-(stages.expired_days + stages.disabled_days)))
        for contract in CONTRACTS
        for stages in [subscriptions.stages_of(contract)]
    ]
    statement = (
        sa.select(
            S.line_id, S.customer_id, S.product, S.contract, S.seats, S.starts_on, S.ends_on,
            Organization.name.label("customer"), Organization.zone,
        )
        .join(Organization, Organization.id == S.customer_id)
        .where(S.record_partner_id == partner_id, S.renews.is_(False), S.left_for_id.is_(None), sa.or_(*kept))
    )  # fmt: skip
    if group:
        low, high = rules.bounds_of(group)
        if low is not None:
            statement = statement.where(~days.before(low))
        if high is not None:
            statement = statement.where(days.before(high + 1))
    key = name_key(search) if search else ""
    if key:
        statement = statement.where(Organization.name_key.startswith(key, autoescape=True))
    return statement


def ending_for(
    actor: Actor, *, group: str = "", search: str = "", after: Place | None = None, before: Place | None = None
) -> Listed:
    """What ends for the actor's partner as partner of record, the earliest end first."""
    base = _ending_for(actor.organization_id, group, search)
    end, id_ = S.ends_on, S.line_id
    statement = base.limit(PAGE + 1)
    if before is not None:
        statement = statement.where(sa.or_(end < before[0], sa.and_(end == before[0], id_ < before[1])))
        statement = statement.order_by(end.desc(), id_.desc())
    else:
        if after is not None:
            statement = statement.where(sa.or_(end > after[0], sa.and_(end == after[0], id_ > after[1])))
        statement = statement.order_by(end, id_)
    found = list(database.session().execute(statement).all())
    more, found = len(found) > PAGE, found[:PAGE]
    if before is not None:
        found.reverse()
    counted = base.with_only_columns(S.line_id).limit(MOST + 1).subquery()
    return Listed(
        rows=_rows(found, actor.organization_id),
        more_before=more if before is not None else after is not None,
        more_after=before is not None or more,
        count=database.session().scalar(sa.select(sa.func.count()).select_from(counted)) or 0,
    )


def _rows(found: Sequence[Any], partner_id: UUID) -> list[Row]:
    told = notices_of([row.line_id for row in found])
    stages = {contract: subscriptions.stages_of(contract) for contract in CONTRACTS}
    now = clock.now()
    rows = []
    for row in found:
        today = rules.local_day(now, row.zone)
        rows.append(
            Row(
                line_id=row.line_id, customer_id=row.customer_id, customer=row.customer, product=row.product,
                contract=row.contract, seats=row.seats, ends_on=row.ends_on,
                stage=stage_of(row.starts_on, row.ends_on, today, stages[row.contract]),
                group=rules.group_of(row.ends_on, today), days_left=(row.ends_on - today).days,
                told=[each for each in told.get(row.line_id, ()) if each.partner_id == partner_id],
            )
        )  # fmt: skip
    return rows


def has_any(actor: Actor) -> bool:
    """Whether anything ends for the actor's partner."""
    found = _ending_for(actor.organization_id, "", "").with_only_columns(S.line_id).limit(1)
    return database.session().scalar(found) is not None


def exported_for(actor: Actor, *, group: str = "", search: str = "") -> Iterator[list[Row]]:
    """All of it, a batch at a time."""
    place: Place | None = None
    while True:
        statement = _ending_for(actor.organization_id, group, search).order_by(S.ends_on, S.line_id).limit(BATCH)
        if place is not None:
            statement = statement.where(
                sa.or_(S.ends_on > place[0], sa.and_(S.ends_on == place[0], S.line_id > place[1]))
            )
        found = database.session().execute(statement).all()
        if not found:
            return
        place = (found[-1].ends_on, found[-1].line_id)
        yield _rows(found, actor.organization_id)


# --- the calendar ------------------------------------------------------------------------------------------------


def feed_of(person_id: UUID) -> Token | None:
    """The open link to a person's calendar."""
    return database.session().scalar(
        sa.select(Token)
        .where(
            Token.purpose == FEED, Token.person_id == person_id, Token.used_at.is_(None), Token.expires_at > clock.now()
        )
        .order_by(Token.created_at.desc())
        .limit(1)
    )  # fmt: skip


def reader_of_feed(secret: str) -> Actor | None:
    """Whose calendar a link opens: a person that may read the renewals now; None otherwise, whatever the reason."""
    token = tokens.found_by(secret, FEED)
    if token is None or token.person_id is None or not token.is_open(clock.now()):
        return None
    actor = organizations.actor_of_person(token.person_id)
    return actor if actor is not None and actor.is_partner and actor.may(Permission.READ_RENEWALS) else None


def events_for(actor: Actor) -> Sequence[Any]:
    """What a calendar shows: what ends from a month back to a year ahead, the earliest first, MOST_EVENTS at most."""
    today = clock.today("UTC")
    statement = (
        _ending_for(actor.organization_id, "", "")
        .join(Subscription, Subscription.id == S.subscription_id)
        .add_columns(Subscription.created_at.label("since"))
        .where(S.ends_on >= today - EVENTS_BACK, S.ends_on <= today + EVENTS_AHEAD)
        .order_by(S.ends_on, S.line_id)
        .limit(MOST_EVENTS)
    )
    return database.session().execute(statement).all()


# --- whoever renews ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Direct:
    """Direct billing as it would begin today: `seats` as before, the first and last day, how many paid days would be lost,
    and whether that is so many that it is asked about (`early`). `shown`: what the page shows, to be compared."""

    product: Product
    name: str
    seats: int
    given: int
    first: date
    last: date
    lost: int
    early: bool

    @property
    def shown(self) -> str:
        parts = (self.product.id, self.product.term_months, self.first, self.lost, self.early)
        return "|".join(str(each) for each in parts)


@dataclass(frozen=True)
class Ways:
    """One subscription and how it can be renewed. `direct` None: not now, because of `closed` ("coming", "product");
    `switch`: it was switched already, `switched_by` by whom; `record`: the name of its partner of record; `seller`: of who
    sells it; `told`: the notices of this end."""

    standing: SubscriptionStanding
    zone: str
    today: date
    stage: str
    people_until: date
    kept_until: date
    direct: Direct | None
    switch: DirectSwitch | None
    switched_by: str
    record: str
    seller: str
    told: Sequence[Told]

    @property
    def may_use_key(self) -> bool:
        """Whether a product key can extend or reactivate it."""
        return self.stage not in {"deleted", "coming"} and self.switch is None


def ways_of(standing: SubscriptionStanding) -> Ways:
    """How a subscription can be renewed today."""
    customer = organizations.organization_by_id(standing.customer_id)
    assert customer is not None
    today = clock.today(customer.zone)
    stage = subscriptions.stage_of(standing, customer.zone)
    turns = turns_of(standing.ends_on, subscriptions.stages_of(standing.contract))
    switch = switch_of(standing.line_id)
    names = organizations.names_of(
        {each for each in (standing.record_partner_id, standing.reseller_id, standing.partner_id) if each is not None}
    )
    seller_id = standing.reseller_id or standing.partner_id
    return Ways(
        standing=standing, zone=customer.zone, today=today, stage=stage, people_until=turns.expired_until,
        kept_until=turns.disabled_until, direct=direct_of(standing, customer, stage), switch=switch,
        switched_by=person_name(switch.person_id) if switch is not None else "",
        record=names.get(standing.record_partner_id, "") if standing.record_partner_id else "",
        seller=names.get(seller_id, "") if seller_id else "",
        told=notices_of([standing.line_id]).get(standing.line_id, ()),
    )  # fmt: skip


def direct_of(standing: SubscriptionStanding, customer: Organization, stage: str) -> Direct | None:
    """Direct billing as it would begin today; None while it cannot."""
    product = subscriptions.product_by_id(standing.product_id) if standing.product_id is not None else None
    if product is None or not product.is_open or stage == "coming":
        return None
    today = clock.today(customer.zone)
    return Direct(
        product=product, name=subscriptions.name_of(product, customer.language), seats=standing.seats,
        given=subscriptions.given(standing.line_id) if stage != "deleted" else 0, first=today,
        last=last_day(today, product.term_months), lost=rules.lost_days(standing.ends_on, today),
        early=rules.is_early(standing.ends_on, today, policies.value("renewal.direct_days")),
    )  # fmt: skip


def switch_of(line_id: UUID) -> DirectSwitch | None:
    """The act by which a subscription was switched to direct billing."""
    return database.session().scalar(sa.select(DirectSwitch).where(DirectSwitch.line_id == line_id))


def person_name(person_id: UUID) -> str:
    """Somebody's name; empty when it was erased."""
    found = accounts.names_of([person_id]).get(person_id)
    return full_name(*found) if found is not None else ""


def check_agreement(customer: Organization, line_id: UUID) -> None:
    """Raises AgreementNotInOrder unless the customer's agreement is in order."""
    standing = agreements.standing_of_customer(customer)
    rules.check_agreement(standing.is_in_order, state=standing.state, line_id=line_id)
