"""Reading subscriptions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import aliased

from webapp import clock, database
from webapp.actor import Actor
from webapp.organizations.models import Organization
from webapp.subscriptions import rules
from webapp.subscriptions.models import Product, RenewalStop, Subscription


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


def _through(customer_id: UUID, partner_id: UUID, reseller_id: UUID | None) -> list[sa.ColumnElement[bool]]:
    return [
        Subscription.customer_id == customer_id,
        Subscription.partner_id == partner_id,
        Subscription.reseller_id == reseller_id if reseller_id else Subscription.reseller_id.is_(None),
    ]


def active_between(
    customer_id: UUID, partner_id: UUID, reseller_id: UUID | None, today: date
) -> Sequence[Subscription]:
    """What a customer has through exactly these and whose last day is not over, the earliest end first."""
    return (
        database.session()
        .scalars(
            sa.select(Subscription)
            .where(*_through(customer_id, partner_id, reseller_id), Subscription.ends_on >= today)
            .order_by(Subscription.ends_on, Subscription.id)
        )
        .all()
    )


def the_same(
    customer_id: UUID, partner_id: UUID, reseller_id: UUID | None, product: str, seats: int, starts_on: date,
    ends_on: date,
) -> Subscription | None:  # fmt: skip
    """A subscription that says exactly this."""
    return database.session().scalar(
        sa.select(Subscription)
        .where(
            *_through(customer_id, partner_id, reseller_id), Subscription.product == product,
            Subscription.seats == seats, Subscription.starts_on == starts_on, Subscription.ends_on == ends_on,
        )
        .limit(1)
    )  # fmt: skip


def of_customer(customer_id: UUID) -> Sequence[Subscription]:
    """All that a customer ever had, the earliest end first."""
    return (
        database.session()
        .scalars(
            sa.select(Subscription)
            .where(Subscription.customer_id == customer_id)
            .order_by(Subscription.ends_on, Subscription.id)
        )
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
            Subscription.renews_id.is_(None),
        )
        .group_by(Subscription.partner_id, Subscription.reseller_id)
        .order_by(sa.func.max(Subscription.created_at).desc(), Subscription.partner_id)
    ).all()  # fmt: skip
    ids = list(dict.fromkeys(row[0] for row in bought if is_related(customer_id, row[0], row[1])))
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


def renewal_of(subscription_id: UUID) -> Subscription | None:
    """The subscription that renews another."""
    return database.session().scalar(sa.select(Subscription).where(Subscription.renews_id == subscription_id))


def stop_of(subscription_id: UUID) -> RenewalStop | None:
    """The act by which a subscription stopped to renew itself."""
    return database.session().scalar(sa.select(RenewalStop).where(RenewalStop.subscription_id == subscription_id))


def renews_itself() -> list[sa.ColumnElement[bool]]:
    """Conditions: a subscription renews itself at its end, and did not so far."""
    later = aliased(Subscription)
    return [
        Subscription.auto_renews.is_(True),
        ~sa.exists().where(later.renews_id == Subscription.id),
        ~sa.exists().where(RenewalStop.subscription_id == Subscription.id),
    ]


def due(today: date, after: tuple[date, UUID] | None = None, limit: int = 100) -> Sequence[Subscription]:
    """What may be due for renewal, the earliest end first: its last day lies before `today`, the earliest or latest day
    that it is anywhere now; the customer's own day decides. `after`: last day and id of the one before."""
    statement = (
        sa.select(Subscription)
        .join(Organization, Organization.id == Subscription.customer_id)
        .where(Subscription.ends_on < today, Organization.disabled_at.is_(None), *renews_itself())
        .order_by(Subscription.ends_on, Subscription.id)
        .limit(limit)
    )
    if after is not None:
        statement = statement.where(
            sa.or_(
                Subscription.ends_on > after[0],
                sa.and_(Subscription.ends_on == after[0], Subscription.id > after[1]),
            )
        )
    return database.session().scalars(statement).all()


def renewing_of(organization_id: UUID) -> Sequence[Subscription]:
    """What renews itself at an organization, on either side."""
    return (
        database.session()
        .scalars(
            sa.select(Subscription)
            .where(
                sa.or_(
                    Subscription.customer_id == organization_id,
                    Subscription.partner_id == organization_id,
                    Subscription.reseller_id == organization_id,
                ),
                *renews_itself(),
            )
            .order_by(Subscription.ends_on, Subscription.id)
        )
        .all()
    )


# --- lists -------------------------------------------------------------------------------------------------------

PAGE = 40
#: Counting stops after so many; a list then says "1,000+".
MOST = 1000
Place = tuple[datetime, UUID]


@dataclass(frozen=True)
class Line:
    """One subscription as a list shows it. `state`: one of `rules.STATES`; `renews`: it renews itself at its end."""

    id: UUID
    product: str
    kind: str
    seats: int
    starts_on: date
    ends_on: date
    state: str
    renews: bool
    partner_id: UUID
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
    partner, reseller, later = aliased(Organization), aliased(Organization), aliased(Subscription)
    conditions: list[sa.ColumnElement[bool]] = [Subscription.customer_id == customer.id]
    if seller_id is not None:
        conditions.append(sa.or_(Subscription.partner_id == seller_id, Subscription.reseller_id == seller_id))
    statement = (
        sa.select(
            Subscription.id, Subscription.product, Subscription.kind, Subscription.seats, Subscription.starts_on,
            Subscription.ends_on, Subscription.auto_renews, Subscription.created_at, Subscription.partner_id,
            partner.name.label("partner"), reseller.name.label("reseller"),
            later.id.label("renewal_id"), RenewalStop.id.label("stop_id"),
        )
        .join(partner, partner.id == Subscription.partner_id)
        .outerjoin(reseller, reseller.id == Subscription.reseller_id)
        .outerjoin(later, later.renews_id == Subscription.id)
        .outerjoin(RenewalStop, RenewalStop.subscription_id == Subscription.id)
        .where(*conditions)
        .limit(PAGE + 1)
    )  # fmt: skip
    at, id_ = Subscription.created_at, Subscription.id
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
    counted = sa.select(Subscription.id).where(*conditions).limit(MOST + 1).subquery()
    today = clock.today(customer.zone)
    lines = [
        Line(
            row.id, row.product, row.kind, row.seats, row.starts_on, row.ends_on,
            rules.state_of(row.starts_on, row.ends_on, today),
            row.auto_renews and row.renewal_id is None and row.stop_id is None,
            row.partner_id, row.partner, row.reseller or "", row.created_at,
        )
        for row in found
    ]  # fmt: skip
    return Listed(
        rows=lines,
        more_before=more if before is not None else after is not None,
        more_after=before is not None or more,
        count=database.session().scalar(sa.select(sa.func.count()).select_from(counted)) or 0,
    )


def customers_own(actor: Actor, subscription_id: UUID) -> Subscription | None:
    """A subscription of the actor's own customer organization."""
    found = subscription_by_id(subscription_id)
    return found if found is not None and found.customer_id == actor.organization_id else None


def sellers_own(actor: Actor, subscription_id: UUID) -> Subscription | None:
    """A subscription that the actor's partner organization sells, as partner or as reseller."""
    found = subscription_by_id(subscription_id)
    if found is None or actor.organization_id not in {found.partner_id, found.reseller_id}:
        return None
    return found
