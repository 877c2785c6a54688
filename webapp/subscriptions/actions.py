"""Adding subscriptions, renewing them, and the catalogue they come from."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any
from uuid import UUID, uuid4

from flask import Flask
from sqlalchemy.exc import IntegrityError

from webapp import clock, database, worker
from webapp.actor import Actor
from webapp.errors import speaks
from webapp.evidence import actions as evidence
from webapp.evidence.models import SITE_CHAIN
from webapp.organizations import actions as organization_actions
from webapp.organizations import queries as organizations
from webapp.organizations.models import Organization
from webapp.organizations.rules import Stop
from webapp.subscriptions import queries, rules
from webapp.subscriptions.models import Product, RenewalStop, Subscription

speaks("uq_products_code", lambda: rules.ProductDiffers(product=None))


def register(_app: Flask) -> None:
    """Say what disabling an organization stops."""
    organization_actions.stops(_stops_renewing)


def add(
    customer: Organization,
    partner: Organization,
    *,
    reseller: Organization | None,
    product: str,
    seats: int,
    starts_on: date,
    ends_on: date,
    kind: str = "software_subscription",
    auto_renews: bool = False,
    source: str = "operator",
) -> tuple[Subscription, bool]:
    """Note what a customer bought through a partner; answer it, and whether it is new: the very same is not noted twice.

    Raises ProductNotNamed, UnknownKind, SeatsOutOfBounds, TermOutOfOrder, NotRelated.
    """
    rules.check_subscription(product, seats, starts_on, ends_on, kind)
    database.write(chain=customer.chain_id)
    reseller_id = reseller.id if reseller is not None else None
    present = queries.the_same(customer.id, partner.id, reseller_id, product, seats, starts_on, ends_on)
    if present is not None:
        return present, False
    rules.check_related(queries.is_related(customer.id, partner.id, reseller_id))
    row = _subscribe(
        customer, partner.id, reseller_id, product=product, kind=kind, seats=seats, starts_on=starts_on,
        ends_on=ends_on, auto_renews=auto_renews, source=source,
    )  # fmt: skip
    return row, True


def subscribe(
    customer: Organization,
    partner: Organization,
    *,
    reseller: Organization | None,
    product: Product,
    name: str,
    seats: int,
    auto_renews: bool,
    by: Actor,
) -> Subscription:
    """Begin what was just ordered: today in the customer's zone, for the product's term. `name`: what the product is
    called in the customer's language. The caller holds the customer's chain and has asked what may refuse it."""
    today = clock.today(customer.zone)
    return _subscribe(
        customer, partner.id, reseller.id if reseller is not None else None, product=name, kind=product.kind,
        seats=seats, starts_on=today, ends_on=rules.last_day(today, product.term_months), auto_renews=auto_renews,
        product_id=product.id, by=by, source="page",
    )  # fmt: skip


def _subscribe(
    customer: Organization, partner_id: UUID, reseller_id: UUID | None, *, product: str, kind: str, seats: int,
    starts_on: date, ends_on: date, auto_renews: bool, source: str, product_id: UUID | None = None,
    renews_id: UUID | None = None, anchor_on: date | None = None, by: Actor | None = None,
) -> Subscription:  # fmt: skip
    """One row and its fact."""
    id_ = uuid4()
    fact = evidence.record(
        "subscription.added" if renews_id is None else "subscription.renewed",
        by=by,
        source=source,
        customer_id=customer.id,
        partner_id=partner_id,
        other_partner_id=reseller_id,
        facts={
            "subscription_id": str(id_), "product": product, "kind": kind, "seats": seats,
            "starts_on": starts_on.isoformat(), "ends_on": ends_on.isoformat(), "auto_renews": auto_renews,
        } | ({"renews_id": str(renews_id)} if renews_id is not None else {}),
    )  # fmt: skip
    row = Subscription(
        id=id_, customer_id=customer.id, partner_id=partner_id, reseller_id=reseller_id, product=product, kind=kind,
        seats=seats, starts_on=starts_on, ends_on=ends_on, auto_renews=auto_renews, product_id=product_id,
        renews_id=renews_id, anchor_on=anchor_on, created_at=fact.at, fact_id=fact.id,
    )  # fmt: skip
    database.session().add(row)
    database.session().flush()
    return row


# --- renewing ----------------------------------------------------------------------------------------------------


def renew(subscription: Subscription) -> Subscription | None:
    """Let a subscription go on by itself for another term of the same length; None when there is nothing to do.

    Once: the next term names the one it renews. The agreement is not asked about (seed 002); whether there is still
    somebody who sells it is. Where the relationship has ended, or the customer asks to end it, it stops instead.
    """
    customer = organizations.organization_by_id(subscription.customer_id)
    partner = organizations.organization_by_id(subscription.partner_id)
    assert customer is not None
    assert partner is not None
    database.write(chain=customer.chain_id)
    if not subscription.auto_renews or not rules.is_due(subscription.ends_on, clock.today(customer.zone)):
        return None
    if queries.renewal_of(subscription.id) is not None or queries.stop_of(subscription.id) is not None:
        return None
    if not customer.is_open or not partner.is_open:
        return None
    if not queries.goes_on(customer.id, partner.id, subscription.reseller_id):
        _stop(subscription, customer, by=None)
        return None
    anchor = subscription.anchor_on or subscription.starts_on
    starts_on, ends_on = rules.next_term(anchor, subscription.starts_on, subscription.ends_on)
    return _subscribe(
        customer, partner.id, subscription.reseller_id, product=subscription.product, kind=subscription.kind,
        seats=subscription.seats, starts_on=starts_on, ends_on=ends_on, auto_renews=True, source="job",
        product_id=subscription.product_id, renews_id=subscription.id, anchor_on=anchor,
    )  # fmt: skip


def renew_due() -> int:
    """Renew every subscription whose last day is over for its customer and that renews itself; answer how many.

    Each is a unit of work of its own, decided again under its lock: safe to run twice and on several workers. After a long
    silence a subscription gets each of the terms that have begun since, one after the other.
    """
    renewed, place = 0, None
    tomorrow = clock.today("UTC") + timedelta(days=1)  # somewhere it is that day already
    while found := queries.due(tomorrow, place):
        for subscription in found:
            place = (subscription.ends_on, subscription.id)
            if worker.is_stopping():
                return renewed
            try:
                with database.unit_of_work():
                    renewed += renew(subscription) is not None
            except IntegrityError:  # another worker was first; the constraint kept it to once
                continue
    return renewed


def stop_renewal(subscription: Subscription, *, by: Actor) -> bool:
    """Let a subscription run out at its last day instead of renewing itself. False when it does not renew itself any
    more: it was stopped before, or another term has begun."""
    customer = organizations.organization_by_id(subscription.customer_id)
    assert customer is not None
    database.write(chain=customer.chain_id)
    if not subscription.auto_renews or queries.renewal_of(subscription.id) is not None:
        return False
    if queries.stop_of(subscription.id) is not None:
        return False
    _stop(subscription, customer, by=by)
    return True


def _stop(subscription: Subscription, customer: Organization, *, by: Actor | None) -> None:
    fact = evidence.record(
        "subscription.renewal_stopped",
        by=by,
        source="page" if by is not None else "job",
        customer_id=customer.id,
        partner_id=subscription.partner_id,
        other_partner_id=subscription.reseller_id,
        facts={
            "subscription_id": str(subscription.id), "product": subscription.product,
            "ends_on": subscription.ends_on.isoformat(),
        },
    )  # fmt: skip
    database.session().add(RenewalStop(id=uuid4(), subscription_id=subscription.id, at=fact.at, fact_id=fact.id))
    database.session().flush()


def _stops_renewing(organization_id: UUID, person_id: UUID | None) -> list[Stop]:
    """What does not renew itself while an organization is disabled; it does not hang on one person."""
    if person_id is not None:
        return []
    return [
        Stop("subscription", row.id, f"renewal of {row.product}, {row.seats} seats, after {row.ends_on}")
        for row in queries.renewing_of(organization_id)
    ]


# --- the catalogue -----------------------------------------------------------------------------------------------


def add_product(
    code: str,
    *,
    name_en: str,
    name_ja: str,
    kind: str,
    term_months: int,
    per_seat: bool,
    seats_min: int,
    seats_max: int,
) -> tuple[Product, bool]:
    """Put a product into the catalogue, or open it again; answer it, and whether anything changed.

    Raises CodeMalformed, ProductNotNamed, UnknownKind, MonthsOutOfBounds, SeatsOutOfBounds; ProductDiffers when the code
    is that of another product.
    """
    if not per_seat:
        seats_min = seats_max = 1
    rules.check_product(code, (name_en, name_ja), kind, term_months, seats_min, seats_max)
    wanted: dict[str, Any] = {
        "name_en": name_en, "name_ja": name_ja, "kind": kind, "term_months": term_months, "per_seat": per_seat,
        "seats_min": seats_min, "seats_max": seats_max,
    }  # fmt: skip
    database.write(chain=SITE_CHAIN)
    row = queries.product_by_code(code)
    if row is None:
        row = Product(id=uuid4(), code=code, created_at=clock.now(), **wanted)
        database.session().add(row)
        database.session().flush()
        evidence.record(
            "product.added", source="operator", facts={"product_id": str(row.id), "code": code, **wanted}
        )  # fmt: skip
        return row, True
    rules.check_same_product(row, wanted)
    if row.is_open:
        return row, False
    row.closed_at = None
    evidence.record("product.reopened", source="operator", facts={"product_id": str(row.id), "code": code})
    return row, True


def close_product(code: str) -> tuple[Product, bool]:
    """Take a product out of what can be ordered; what runs goes on. False when it is closed. Raises UnknownProduct."""
    database.write(chain=SITE_CHAIN)
    row = queries.product_by_code(code)
    if row is None:
        raise rules.UnknownProduct(code=code)
    if not row.is_open:
        return row, False
    row.closed_at = clock.now()
    evidence.record("product.closed", source="operator", facts={"product_id": str(row.id), "code": code})
    return row, True
