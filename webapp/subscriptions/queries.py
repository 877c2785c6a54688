"""Reading subscriptions."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import aliased

from webapp import clock, database
from webapp.actor import Actor
from webapp.evidence import queries as evidence
from webapp.evidence.models import Fact
from webapp.organizations import queries as organizations
from webapp.organizations.models import Organization
from webapp.policies import queries as policies
from webapp.subscriptions import rules
from webapp.subscriptions.models import (
    Licence,
    PartnerOfRecord,
    Product,
    RenewalStop,
    Subscription,
    SubscriptionStanding,
)
from webapp.subscriptions.rules import Stages, Turns

S = SubscriptionStanding
#: The kind of fact by which a customer asks its partner of record for an offer of delegated administration.
OFFER_WANTED = "partner_of_record.offer_wanted"


def _nobody(_customer: UUID, _partner: UUID, _reseller: UUID | None) -> bool:
    return False


Between = Callable[[UUID, UUID, UUID | None], bool]
_is_related: Between = _nobody
_goes_on: Between = _nobody


def relations_found_by(find: Between, *, going_on: Between) -> None:
    """Set the queries for whether a customer (first) has an open relationship with exactly these now, and whether it is
    one that the customer did not ask to end."""
    global _is_related, _goes_on
    _is_related, _goes_on = find, going_on


def goes_on(customer_id: UUID, partner_id: UUID, reseller_id: UUID | None) -> bool:
    """Whether a customer has an open relationship with exactly these, and does not ask to end it."""
    return _goes_on(customer_id, partner_id, reseller_id)


def is_related(customer_id: UUID, partner_id: UUID, reseller_id: UUID | None) -> bool:
    """Whether a customer has an open relationship with exactly these."""
    return _is_related(customer_id, partner_id, reseller_id)


def active_between(
    customer_id: UUID, partner_id: UUID, reseller_id: UUID | None, today: date
) -> Sequence[SubscriptionStanding]:
    """What a customer has through exactly these and whose last day is not over, the earliest end first."""
    return (
        database.session()
        .scalars(
            sa.select(S)
            .where(
                S.customer_id == customer_id, S.partner_id == partner_id,
                S.reseller_id == reseller_id if reseller_id else S.reseller_id.is_(None), S.ends_on >= today,
            )
            .order_by(S.ends_on, S.line_id)
        )
        .all()
    )  # fmt: skip


def the_same(
    customer_id: UUID, partner_id: UUID, reseller_id: UUID | None, product: str, seats: int, starts_on: date,
    ends_on: date,
) -> Subscription | None:  # fmt: skip
    """A subscription that says exactly this."""
    return database.session().scalar(
        sa.select(Subscription)
        .where(
            Subscription.customer_id == customer_id, Subscription.partner_id == partner_id,
            Subscription.reseller_id == reseller_id if reseller_id else Subscription.reseller_id.is_(None),
            Subscription.product == product,
            Subscription.seats == seats, Subscription.starts_on == starts_on, Subscription.ends_on == ends_on,
        )
        .limit(1)
    )  # fmt: skip


def of_customer(customer_id: UUID) -> Sequence[SubscriptionStanding]:
    """All that a customer ever had, the earliest end first."""
    return (
        database.session()
        .scalars(sa.select(S).where(S.customer_id == customer_id).order_by(S.ends_on, S.line_id))
        .all()
    )


def bought_through(customer_id: UUID) -> list[Organization]:
    """The partners through whom a customer bought what closes direct acceptance, the newest purchase first.

    Only those of an open relationship ("through an existing partner relationship", seed 002): who sells no longer
    cannot attest either, and the customer is not to be sent there. In an indirect relationship it is the provider.
    """
    session = database.session()
    bought = session.execute(
        sa.select(Subscription.partner_id, Subscription.reseller_id, sa.func.max(Subscription.created_at))
        .where(
            Subscription.customer_id == customer_id, Subscription.kind.in_(rules.CLOSE_DIRECT_ACCEPTANCE),
            Subscription.follows_id.is_(None), Subscription.partner_id.is_not(None),
            Subscription.contract == "partner",
        )
        .group_by(Subscription.partner_id, Subscription.reseller_id)
        .order_by(sa.func.max(Subscription.created_at).desc(), Subscription.partner_id)
    ).all()  # fmt: skip
    ids = list(dict.fromkeys(row[0] for row in bought if row[0] and is_related(customer_id, row[0], row[1])))
    rows = session.scalars(
        sa.select(Organization).where(Organization.id.in_(ids), Organization.disabled_at.is_(None))
    )  # fmt: skip
    return sorted(rows, key=lambda row: ids.index(row.id))


# --- the catalogue -----------------------------------------------------------------------------------------------


def products(*, open_only: bool = False) -> Sequence[Product]:
    """The products of the catalogue by code, those that can be ordered or all."""
    statement = sa.select(Product).order_by(Product.code)
    if open_only:
        statement = statement.where(Product.closed_at.is_(None))
    return database.session().scalars(statement).all()


def product_by_id(product_id: UUID) -> Product | None:
    """One product, open or closed."""
    return database.session().get(Product, product_id)


def product_by_code(code: str) -> Product | None:
    """One product by its code, open or closed."""
    return database.session().scalar(sa.select(Product).where(Product.code == code))


def name_of(product: Product, language: str) -> str:
    """A product's name in a language."""
    return product.name_ja if language == "ja" else product.name_en


def term_from(first: date, product: Product) -> tuple[date, date]:
    """First and last day of a product ordered on a day."""
    return first, rules.last_day(first, product.term_months)


# --- renewing ----------------------------------------------------------------------------------------------------


def subscription_by_id(subscription_id: UUID) -> Subscription | None:
    """One subscription."""
    return database.session().get(Subscription, subscription_id)


def follower_of(subscription_id: UUID) -> Subscription | None:
    """The row that took over from a row, if one did."""
    return database.session().scalar(sa.select(Subscription).where(Subscription.follows_id == subscription_id))


def rows_of_line(line_id: UUID) -> Sequence[Subscription]:
    """Every row of a subscription, the oldest first: each names the one before."""
    found = database.session().scalars(sa.select(Subscription).where(Subscription.line_id == line_id)).all()
    after = {row.follows_id: row for row in found}
    ordered: list[Subscription] = []
    at: UUID | None = None
    while (row := after.get(at)) is not None:
        ordered.append(row)
        at = row.id
    return ordered


def ordered_term_of(row: Subscription) -> rules.Term:
    """The term in which a row stands, as it was when it began: before any seats or days were added."""
    began = next(each for each in rows_of_line(row.line_id) if each.starts_on == row.starts_on)
    return rules.Term(row.anchor_on or row.starts_on, began.starts_on, began.ends_on)


def left_for(line_id: UUID) -> UUID | None:
    """The subscription for which a customer left one; None: it did not."""
    return database.session().scalar(
        sa.select(Subscription.line_id).where(Subscription.replaces_line_id == line_id)
    )  # fmt: skip


def newest_of_line(line_id: UUID) -> Subscription | None:
    """The newest row of a subscription: the one that counts."""
    later = aliased(Subscription)
    return database.session().scalar(
        sa.select(Subscription).where(
            Subscription.line_id == line_id, ~sa.exists().where(later.follows_id == Subscription.id)
        )
    )


def standing_of(line_id: UUID) -> SubscriptionStanding | None:
    """Where one subscription stands."""
    return database.session().get(SubscriptionStanding, line_id)


def stop_of(subscription_id: UUID) -> RenewalStop | None:
    """The act by which a subscription stopped to renew itself."""
    return database.session().scalar(sa.select(RenewalStop).where(RenewalStop.subscription_id == subscription_id))


def stopped_by(line_id: UUID) -> UUID | None:
    """The organization whose person stopped a subscription from renewing itself last; None: nobody's did."""
    fact = database.session().scalar(
        sa.select(Fact)
        .join(RenewalStop, RenewalStop.fact_id == Fact.id)
        .join(Subscription, Subscription.id == RenewalStop.subscription_id)
        .where(Subscription.line_id == line_id)
        .order_by(RenewalStop.at.desc())
        .limit(1)
    )
    if fact is None:
        return None
    record = evidence.record_of(fact)
    acting = record.get("acting", {}).get("for")
    who = acting or record["organization_id"]
    return UUID(who) if who else None


def may_start_renewal(row: Subscription, customer: Organization) -> bool:
    """Whether a subscription that does not renew itself could: it runs by a partner's contract, its last day is not over,
    the customer has not left it, and the partner still sells to the customer."""
    if left_for(row.line_id) is not None:
        return False
    if row.contract != "partner" or row.partner_id is None or row.ends_on < clock.today(customer.zone):
        return False
    if row.auto_renews and stop_of(row.id) is None:
        return False
    partner = database.session().get(Organization, row.partner_id)
    return partner is not None and partner.is_open and goes_on(customer.id, row.partner_id, row.reseller_id)


def due(today: date, after: tuple[date, UUID] | None = None, limit: int = 100) -> Sequence[Subscription]:
    """What may be due for renewal, the earliest end first: its last day lies before `today`, the earliest or latest day
    that it is anywhere now; the customer's own day decides. `after`: last day and line of the one before."""
    statement = (
        sa.select(Subscription)
        .join(S, S.subscription_id == Subscription.id)
        .join(Organization, Organization.id == S.customer_id)
        .where(S.renews.is_(True), S.ends_on < today, Organization.disabled_at.is_(None))
        .order_by(S.ends_on, S.line_id)
        .limit(limit)
    )
    if after is not None:
        statement = statement.where(sa.or_(S.ends_on > after[0], sa.and_(S.ends_on == after[0], S.line_id > after[1])))
    return database.session().scalars(statement).all()


def renewing_of(organization_id: UUID) -> Sequence[SubscriptionStanding]:
    """What renews itself at an organization, on either side."""
    return (
        database.session()
        .scalars(
            sa.select(S)
            .where(
                sa.or_(
                    S.customer_id == organization_id, S.partner_id == organization_id, S.reseller_id == organization_id
                ),
                S.renews.is_(True),
            )
            .order_by(S.ends_on, S.line_id)
        )
        .all()
    )  # fmt: skip


def all_lines() -> Sequence[UUID]:
    """The ids of all subscriptions, in no order."""
    return database.session().scalars(sa.select(Subscription.id).where(Subscription.follows_id.is_(None))).all()


# --- stages ------------------------------------------------------------------------------------------------------


def stages_of(contract: str) -> Stages:
    """How long the stages of a contract last (policy)."""
    return Stages(
        policies.value(f"subscription.expired_days.{contract}"),
        policies.value(f"subscription.disabled_days.{contract}"),
    )


def stage_of(row: SubscriptionStanding | Subscription, zone: str) -> str:
    """The stage of a subscription now, on the customer's day: one of `rules.STAGES`."""
    return rules.stage_of(row.starts_on, row.ends_on, clock.today(zone), stages_of(row.contract))


# --- partner of record -------------------------------------------------------------------------------------------


def record_acts_of(line_id: UUID) -> Sequence[PartnerOfRecord]:
    """What the customer said about the partner of record of a subscription, the oldest first."""
    return (
        database.session()
        .scalars(sa.select(PartnerOfRecord).where(PartnerOfRecord.line_id == line_id).order_by(PartnerOfRecord.ordinal))
        .all()
    )


def partner_with_number(number: str) -> Organization:
    """The open partner that a customer means by a number. Raises UnknownPartnerNumber."""
    found = organizations.partner_by_number(number)
    rules.check_known(number, found is not None and found.is_open)
    assert found is not None
    return found


def is_record_partner(customer_id: UUID, partner_id: UUID) -> bool:
    """Whether a partner is partner of record of anything that a customer has or had."""
    found = sa.select(S.line_id).where(S.record_partner_id == partner_id, S.customer_id == customer_id).limit(1)
    return database.session().scalar(found) is not None


def offer_wanted_at(customer_id: UUID, partner_id: UUID) -> datetime | None:
    """When a customer last asked a partner for an offer of delegated administration."""
    asked = database.session().scalars(
        sa.select(Fact)
        .where(
            Fact.customer_id == customer_id, Fact.kind == OFFER_WANTED,
            sa.or_(Fact.partner_id == partner_id, Fact.other_partner_id == partner_id),
        )
        .order_by(Fact.at.desc())
        .limit(MOST)
    )  # fmt: skip
    # the columns name every partner concerned: which of them was asked stands in the record
    return next((row.at for row in asked if evidence.record_of(row)["facts"]["asked_id"] == str(partner_id)), None)


def may_offer_to(standing: SubscriptionStanding, partner_id: UUID) -> bool:
    """Whether a partner has a relationship with the customer of a subscription by which it can make an offer at once."""
    if is_related(standing.customer_id, partner_id, None):
        return True
    reseller = standing.reseller_id
    if standing.partner_id is None or reseller is None or partner_id not in {standing.partner_id, reseller}:
        return False
    return is_related(standing.customer_id, standing.partner_id, reseller)


# --- licences ----------------------------------------------------------------------------------------------------


def given(line_id: UUID) -> int:
    """How many seats of a subscription are given to people."""
    return (
        database.session().scalar(sa.select(sa.func.count()).select_from(Licence).where(Licence.line_id == line_id))
        or 0
    )


def given_by_line(customer_id: UUID) -> dict[UUID, int]:
    """How many seats are given, by line; lines of which none is given are missing."""
    rows = database.session().execute(
        sa.select(Licence.line_id, sa.func.count())
        .join(S, S.line_id == Licence.line_id)
        .where(S.customer_id == customer_id)
        .group_by(Licence.line_id)
    )
    return {row[0]: row[1] for row in rows}


def licence_of(line_id: UUID, person_id: UUID) -> Licence | None:
    """The seat that a person has of a subscription."""
    return database.session().scalar(
        sa.select(Licence).where(Licence.line_id == line_id, Licence.person_id == person_id)
    )


def licences_of_people(person_ids: Collection[UUID]) -> dict[UUID, list[SubscriptionStanding]]:
    """The subscriptions of which people have a seat, by person."""
    rows = database.session().execute(
        sa.select(Licence.person_id, S)
        .join(S, S.line_id == Licence.line_id)
        .where(Licence.person_id.in_(list(person_ids)))
        .order_by(S.product, S.line_id)
    )
    found: dict[UUID, list[SubscriptionStanding]] = {}
    for person_id, standing in rows:
        found.setdefault(person_id, []).append(standing)
    return found


# --- lists -------------------------------------------------------------------------------------------------------

PAGE = 40
#: Counting stops after so many; a list then says "1,000+".
MOST = 1000
Place = tuple[datetime, UUID]


@dataclass(frozen=True)
class Line:
    """One subscription as a list shows it. `id` is that of its newest row. `stage`: one of `rules.STAGES`; `renews`: it
    renews itself at its end; `given`: the seats that people have. `partner` and `reseller` are names, empty where there is
    none."""

    id: UUID
    line_id: UUID
    product: str
    kind: str
    contract: str
    seats: int
    given: int
    starts_on: date
    ends_on: date
    stage: str
    renews: bool
    partner_id: UUID | None
    partner: str
    reseller: str
    created_at: datetime


@dataclass(frozen=True)
class Listed:
    """One page: rows in order, whether there are more on either side, and how many in all (capped)."""

    rows: list[Line]
    more_before: bool
    more_after: bool
    count: int


def listed(
    customer: Organization, seller_id: UUID | None = None, *, after: Place | None = None, before: Place | None = None
) -> Listed:
    """A customer's subscriptions, the newest first; `seller_id`: only those through one partner, on either place."""
    partner, reseller = aliased(Organization), aliased(Organization)
    conditions: list[sa.ColumnElement[bool]] = [S.customer_id == customer.id]
    if seller_id is not None:
        conditions.append(sa.or_(S.partner_id == seller_id, S.reseller_id == seller_id))
    seats_given = sa.select(sa.func.count()).select_from(Licence).where(Licence.line_id == S.line_id).scalar_subquery()
    statement = (
        sa.select(S, partner.name.label("partner"), reseller.name.label("reseller"), seats_given.label("given"))
        .outerjoin(partner, partner.id == S.partner_id)
        .outerjoin(reseller, reseller.id == S.reseller_id)
        .where(*conditions)
        .limit(PAGE + 1)
    )
    at, id_ = S.created_at, S.line_id
    if before is not None:
        later_than = sa.or_(at > before[0], sa.and_(at == before[0], id_ > before[1]))
        statement = statement.where(later_than).order_by(at, id_)
    else:
        if after is not None:
            statement = statement.where(sa.or_(at < after[0], sa.and_(at == after[0], id_ < after[1])))
        statement = statement.order_by(at.desc(), id_.desc())
    found = list(database.session().execute(statement).all())
    more, found = len(found) > PAGE, found[:PAGE]
    if before is not None:
        found.reverse()
    counted = sa.select(S.line_id).where(*conditions).limit(MOST + 1).subquery()
    today = clock.today(customer.zone)
    stages = {contract: stages_of(contract) for contract in {row[0].contract for row in found}}
    return Listed(
        rows=[_line(row[0], row.partner, row.reseller, row.given, today, stages[row[0].contract]) for row in found],
        more_before=more if before is not None else after is not None,
        more_after=before is not None or more,
        count=database.session().scalar(sa.select(sa.func.count()).select_from(counted)) or 0,
    )


def _line(
    row: SubscriptionStanding, partner: str | None, reseller: str | None, seats_given: int, today: date, stages: Stages
) -> Line:
    return Line(
        id=row.subscription_id, line_id=row.line_id, product=row.product, kind=row.kind, contract=row.contract,
        seats=row.seats, given=seats_given, starts_on=row.starts_on, ends_on=row.ends_on,
        stage=rules.stage_of(row.starts_on, row.ends_on, today, stages), renews=row.renews, partner_id=row.partner_id,
        partner=partner or "", reseller=reseller or "", created_at=row.created_at,
    )  # fmt: skip


# --- one of them -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Step:
    """One row of a subscription, told by what it changed: "begun", "renewed" (its next term), or what
    `rules.kind_of_change` says; with what was there before (as it is now, for the first one)."""

    kind: str
    at: datetime
    starts_on: date
    ends_on: date
    seats: int
    ended_on_before: date
    seats_before: int


@dataclass(frozen=True)
class Naming:
    """What the customer said about the partner of record: `partner` is its name, empty where it was removed."""

    at: datetime
    partner: str


@dataclass(frozen=True)
class Details:
    """One subscription with all that its page says. `stage`: one of `rules.STAGES`; `turns`: when what follows the end
    ends; `given`: seats that people have; `record`: its partner of record; `steps` and `namings` newest first."""

    standing: SubscriptionStanding
    customer: Organization
    partner: Organization | None
    reseller: Organization | None
    record: Organization | None
    stage: str
    turns: Turns
    given: int
    steps: Sequence[Step]
    namings: Sequence[Naming]

    @property
    def line_id(self) -> UUID:
        return self.standing.line_id


def details_of(standing: SubscriptionStanding) -> Details:
    """One subscription with all that its page says; who reads it has been decided."""
    acts = record_acts_of(standing.line_id)
    ids = {standing.customer_id, standing.partner_id, standing.reseller_id, standing.record_partner_id}
    ids |= {act.partner_id for act in acts}
    rows = database.session().scalars(sa.select(Organization).where(Organization.id.in_([id_ for id_ in ids if id_])))
    by_id: dict[UUID | None, Organization] = {row.id: row for row in rows}
    customer, stages = by_id[standing.customer_id], stages_of(standing.contract)
    return Details(
        standing=standing, customer=customer, partner=by_id.get(standing.partner_id),
        reseller=by_id.get(standing.reseller_id), record=by_id.get(standing.record_partner_id),
        stage=rules.stage_of(standing.starts_on, standing.ends_on, clock.today(customer.zone), stages),
        turns=rules.turns_of(standing.ends_on, stages), given=given(standing.line_id),
        steps=_steps(rows_of_line(standing.line_id), customer.zone)[::-1],
        namings=[Naming(act.at, by_id[act.partner_id].name if act.partner_id else "") for act in acts][::-1],
    )  # fmt: skip


def _steps(rows: Sequence[Subscription], zone: str) -> list[Step]:
    found = []
    for before, row in zip([None, *rows[:-1]], rows, strict=True):
        if before is None:
            kind = "begun"
        elif row.starts_on != before.starts_on:
            kind = "renewed"
        else:
            day = clock.day_of(row.created_at, zone)
            kind = rules.kind_of_change(before.seats, row.seats, before.ends_on, row.ends_on, day)
        was = before or row
        found.append(Step(kind, row.created_at, row.starts_on, row.ends_on, row.seats, was.ends_on, was.seats))
    return found


def holder_for(actor: Actor) -> Organization | None:
    """The customer that the actor belongs to or acts for."""
    return organizations.organization_by_id(actor.organization_id) if actor.is_customer else None


def customers_line(actor: Actor, line_id: UUID) -> SubscriptionStanding | None:
    """A subscription of the customer that the actor belongs to or acts for."""
    found = standing_of(line_id)
    return found if found is not None and found.customer_id == actor.organization_id else None


def sellers_line(actor: Actor, line_id: UUID) -> SubscriptionStanding | None:
    """A subscription that the actor's partner organization sells, as partner or as reseller, or is partner of record of."""
    found = standing_of(line_id)
    if found is None or actor.organization_id not in {found.partner_id, found.reseller_id, found.record_partner_id}:
        return None
    return found


def sold_line(actor: Actor, line_id: UUID) -> SubscriptionStanding | None:
    """A subscription that the actor's partner organization sells, as partner or as reseller."""
    found = standing_of(line_id)
    if found is None or actor.organization_id not in {found.partner_id, found.reseller_id}:
        return None
    return found
