"""Adding, changing and renewing subscriptions; licences, the partner of record, and the catalogue."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa
from flask import Flask
from sqlalchemy.exc import IntegrityError

from webapp import clock, database, worker
from webapp.access import Permission, roles_with
from webapp.accounts import actions as accounts
from webapp.accounts.models import Person
from webapp.accounts.rules import Stays
from webapp.actor import Actor
from webapp.errors import speaks
from webapp.evidence import actions as evidence
from webapp.evidence.models import SITE_CHAIN, Fact
from webapp.organizations import actions as organization_actions
from webapp.organizations import queries as organizations
from webapp.organizations.models import Organization
from webapp.organizations.rules import Stop
from webapp.subscriptions import emails, queries, rules
from webapp.subscriptions.models import (
    Licence,
    PartnerOfRecord,
    Product,
    RenewalStop,
    Subscription,
    SubscriptionStanding,
)
from webapp.tasks import actions as tasks
from webapp.webhooks import actions as webhooks
from webapp.webhooks.actions import Told

speaks("uq_products_code", lambda: rules.ProductDiffers(product=None))
speaks("uq_subscriptions_follows", lambda: rules.SubscriptionMoved(line_id=None))
speaks("uq_subscriptions_replaces", lambda: rules.SubscriptionMoved(line_id=None))


def register(_app: Flask) -> None:
    """Say what disabling an organization stops, what erasing a person takes along, and who is told of a partner of record."""
    webhooks.also_told_by(_told_to_programs)
    organization_actions.stops(_stops_renewing)
    accounts.holds(_forget_licences)


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
    product_id: UUID | None = None,
) -> tuple[Subscription, bool]:
    """Note what a customer bought through a partner; answer it, and whether it is new: the very same is not noted twice.

    `product_id`: the product of the catalogue that it is; keys of that product can extend it.

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
        ends_on=ends_on, auto_renews=auto_renews, source=source, product_id=product_id,
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


def begin_paid(
    customer: Organization, partner_id: UUID | None, *, product: Product, name: str, seats: int, ends_on: date,
    contract: str, by: Actor | None, source: str = "page", replaces: UUID | None = None,
) -> Subscription:  # fmt: skip
    """Begin a subscription of its own today in the customer's zone: by product keys, or by direct billing. `replaces`: the
    one that the customer leaves for it, which then only runs out. The caller holds the customer's chain.

    Raises what `rules.check_subscription` raises, and SubscriptionMoved when that one was left before."""
    today = clock.today(customer.zone)
    rules.check_subscription(name, seats, today, ends_on, product.kind)
    return _subscribe(
        customer, partner_id, None, product=name, kind=product.kind, seats=seats, starts_on=today, ends_on=ends_on,
        auto_renews=False, product_id=product.id, by=by, source=source, contract=contract, replaces=replaces,
    )  # fmt: skip


def change(
    subscription: Subscription, *, seats: int, ends_on: date, why: str, by: Actor | None, contract: str | None = None,
    source: str = "page",
) -> Subscription:  # fmt: skip
    """Let the newest row of a subscription go on with other seats or a later end: more licences, an extension, a
    reactivation (`why`: "seats", "extension" or "reactivation"). Once: the new row names the one it takes over from. What
    was stopped from renewing itself stays stopped.

    Raises SubscriptionMoved when that has been taken over already, or the customer has left it for another;
    SeatsOutOfBounds, TermOutOfOrder.
    """
    customer = organizations.organization_by_id(subscription.customer_id)
    assert customer is not None
    database.write(chain=customer.chain_id)
    if queries.follower_of(subscription.id) is not None or queries.left_for(subscription.line_id) is not None:
        raise rules.SubscriptionMoved(line_id=subscription.line_id)
    rules.check_subscription(subscription.product, seats, subscription.starts_on, ends_on, subscription.kind)
    return _subscribe(
        customer, subscription.partner_id, subscription.reseller_id, product=subscription.product,
        kind=subscription.kind, seats=seats, starts_on=subscription.starts_on, ends_on=ends_on,
        auto_renews=subscription.auto_renews and queries.stop_of(subscription.id) is None, source=source,
        product_id=subscription.product_id, follows=subscription, anchor_on=subscription.anchor_on,
        by=by, contract=contract or subscription.contract, why=why,
    )  # fmt: skip


def _subscribe(
    customer: Organization, partner_id: UUID | None, reseller_id: UUID | None, *, product: str, kind: str, seats: int,
    starts_on: date, ends_on: date, auto_renews: bool, source: str, product_id: UUID | None = None,
    follows: Subscription | None = None, anchor_on: date | None = None, by: Actor | None = None,
    contract: str = "partner", why: str = "", replaces: UUID | None = None,
) -> Subscription:  # fmt: skip
    """One row, its fact, and where the subscription (and the one that it replaces) then stands. `why`: of a change within
    a term."""
    id_ = uuid4()
    kind_of_fact = (
        "subscription.added" if follows is None else "subscription.changed" if why else "subscription.renewed"
    )
    fact = evidence.record(
        kind_of_fact,
        by=by,
        source=source,
        customer_id=customer.id,
        partner_id=partner_id,
        other_partner_id=reseller_id,
        facts={
            "subscription_id": str(id_), "product": product, "kind": kind, "seats": seats,
            "starts_on": starts_on.isoformat(), "ends_on": ends_on.isoformat(), "auto_renews": auto_renews,
            "contract": contract, "sold_by_id": str(partner_id) if partner_id is not None else None,
            "reseller_id": str(reseller_id) if reseller_id is not None else None,
        } | _before(follows) | ({"why": why} if why else {})
        | ({"replaces_line_id": str(replaces)} if replaces is not None else {}),
    )  # fmt: skip
    row = Subscription(
        id=id_, customer_id=customer.id, partner_id=partner_id, reseller_id=reseller_id, product=product, kind=kind,
        seats=seats, starts_on=starts_on, ends_on=ends_on, auto_renews=auto_renews, product_id=product_id,
        line_id=follows.line_id if follows is not None else id_, contract=contract,
        follows_id=follows.id if follows is not None else None, anchor_on=anchor_on, created_at=fact.at, fact_id=fact.id,
        replaces_line_id=replaces,
    )  # fmt: skip
    database.session().add(row)
    database.session().flush()
    stand(row.line_id)
    if replaces is not None:
        stand(replaces)
    return row


def _before(follows: Subscription | None) -> dict[str, Any]:
    """What a fact says of the row that was there before."""
    if follows is None:
        return {}
    return {
        "follows_id": str(follows.id), "line_id": str(follows.line_id), "seats_before": follows.seats,
        "ended_on_before": follows.ends_on.isoformat(),
    }  # fmt: skip


# --- where each stands -------------------------------------------------------------------------------------------


def stand(line_id: UUID) -> None:
    """Write down where a subscription stands, from its acts. Needs an open `write()`."""
    wanted = standing_from_acts(line_id)
    session = database.session()
    row = session.get(SubscriptionStanding, line_id)
    if row is None:
        session.add(SubscriptionStanding(**wanted))
    else:
        for name, value in wanted.items():
            setattr(row, name, value)
    session.flush()


def standing_from_acts(line_id: UUID) -> dict[str, Any]:
    """What a SubscriptionStanding must say, by column."""
    rows = queries.rows_of_line(line_id)
    first, last = rows[0], rows[-1]
    acts = queries.record_acts_of(line_id)
    return {
        "line_id": line_id, "subscription_id": last.id, "customer_id": last.customer_id,
        "partner_id": last.partner_id, "reseller_id": last.reseller_id,
        "record_partner_id": acts[-1].partner_id if acts else last.reseller_id or last.partner_id,
        "product": last.product, "product_id": last.product_id, "kind": last.kind, "contract": last.contract,
        "seats": last.seats, "starts_on": last.starts_on, "ends_on": last.ends_on,
        "renews": last.auto_renews and queries.stop_of(last.id) is None, "created_at": first.created_at,
        "left_for_id": queries.left_for(line_id),
    }  # fmt: skip


def rebuild_standings() -> int:
    """Write down anew where every subscription stands; answer how many rows were wrong or missing."""
    wrong = 0
    for line_id in queries.all_lines():
        with database.unit_of_work():
            row = queries.standing_of(line_id)
            customer = organizations.organization_by_id(
                row.customer_id if row is not None else queries.rows_of_line(line_id)[0].customer_id
            )
            assert customer is not None
            database.write(chain=customer.chain_id)
            wanted, row = standing_from_acts(line_id), queries.standing_of(line_id)
            if row is None or any(getattr(row, name) != value for name, value in wanted.items()):
                wrong += 1
                stand(line_id)
    return wrong


# --- renewing ----------------------------------------------------------------------------------------------------


def renew(subscription: Subscription) -> Subscription | None:
    """Let a subscription go on by itself for another term of the length that was ordered; None when there is nothing to do.

    Once: the next term names the one it renews. The agreement is not asked about (seed 002); whether there is still
    somebody who sells it is. Where the relationship has ended, or the customer asks to end it, it stops instead.
    """
    customer = organizations.organization_by_id(subscription.customer_id)
    partner = organizations.organization_by_id(subscription.partner_id) if subscription.partner_id else None
    assert customer is not None
    database.write(chain=customer.chain_id)
    if not subscription.auto_renews or not rules.is_due(subscription.ends_on, clock.today(customer.zone)):
        return None
    if queries.follower_of(subscription.id) is not None or queries.stop_of(subscription.id) is not None:
        return None
    if partner is None or not customer.is_open or not partner.is_open:
        return None  # nobody sells it: what keys paid for, or is billed directly, is renewed by hand
    if not queries.goes_on(customer.id, partner.id, subscription.reseller_id):
        _stop(subscription, customer, by=None)
        return None
    term = rules.next_term(queries.ordered_term_of(subscription), subscription.ends_on)
    return _subscribe(
        customer, partner.id, subscription.reseller_id, product=subscription.product, kind=subscription.kind,
        seats=subscription.seats, starts_on=term.first, ends_on=term.last, auto_renews=True, source="job",
        product_id=subscription.product_id, follows=subscription, anchor_on=term.anchor, contract=subscription.contract,
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
            place = (subscription.ends_on, subscription.line_id)
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
    if not subscription.auto_renews or queries.follower_of(subscription.id) is not None:
        return False
    if queries.stop_of(subscription.id) is not None:
        return False
    _stop(subscription, customer, by=by)
    return True


def stop_renewal_of(standing: SubscriptionStanding, *, by: Actor) -> bool:
    """Stop the renewal of the row of a subscription that counts; see `stop_renewal`."""
    customer = _customer_of(standing)
    database.write(chain=customer.chain_id)
    newest = queries.newest_of_line(standing.line_id)
    assert newest is not None
    return stop_renewal(newest, by=by)


def start_renewal(subscription: Subscription, *, by: Actor) -> bool:
    """Let a subscription that a partner sells renew itself at its end, from the same term on. False when it does so already,
    or cannot: its last day is over, another row has taken over, the customer has left it, or nobody sells it any more."""
    customer = organizations.organization_by_id(subscription.customer_id)
    partner = organizations.organization_by_id(subscription.partner_id) if subscription.partner_id else None
    assert customer is not None
    database.write(chain=customer.chain_id)
    if queries.follower_of(subscription.id) is not None or not queries.may_start_renewal(subscription, customer):
        return False
    assert partner is not None
    _subscribe(
        customer, partner.id, subscription.reseller_id, product=subscription.product, kind=subscription.kind,
        seats=subscription.seats, starts_on=subscription.starts_on, ends_on=subscription.ends_on, auto_renews=True,
        source="page", product_id=subscription.product_id, follows=subscription, anchor_on=subscription.anchor_on, by=by,
        contract=subscription.contract, why="renewal",
    )  # fmt: skip
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
            "subscription_id": str(subscription.id), "line_id": str(subscription.line_id),
            "product": subscription.product, "ends_on": subscription.ends_on.isoformat(),
        },
    )  # fmt: skip
    database.session().add(RenewalStop(id=uuid4(), subscription_id=subscription.id, at=fact.at, fact_id=fact.id))
    database.session().flush()
    stand(subscription.line_id)


def _stops_renewing(organization_id: UUID, person_id: UUID | None) -> list[Stop]:
    """What does not renew itself while an organization is disabled; it does not hang on one person."""
    if person_id is not None:
        return []
    return [
        Stop("subscription", row.subscription_id, f"renewal of {row.product}, {row.seats} seats, after {row.ends_on}")
        for row in queries.renewing_of(organization_id)
    ]


# --- licences ----------------------------------------------------------------------------------------------------


def give_licence(
    standing: SubscriptionStanding, person: Person, *, by: Actor | None, source: str = "page"
) -> tuple[Licence, bool]:
    """Give a person of the customer a seat of a subscription; answer it, and whether it is new. Raises NoLicencesNow,
    NoSeatLeft, NotOneOfThem."""
    customer = _customer_of(standing)
    rules.check_member(person.organization_id == customer.id)
    database.write(chain=customer.chain_id)
    standing = database.session().get_one(SubscriptionStanding, standing.line_id)
    present = queries.licence_of(standing.line_id, person.id)
    if present is not None:
        return present, False
    stage = queries.stage_of(standing, customer.zone)
    rules.check_licence(standing.product, standing.seats, queries.given(standing.line_id), stage)
    row = Licence(id=uuid4(), line_id=standing.line_id, person_id=person.id, given_at=clock.now())
    database.session().add(row)
    database.session().flush()
    _record_licence("licence.given", standing, person, by=by, source=source)
    return row, True


def take_licence(standing: SubscriptionStanding, person: Person, *, by: Actor | None, source: str = "page") -> bool:
    """Take a person's seat of a subscription back; False when it has none."""
    customer = _customer_of(standing)
    database.write(chain=customer.chain_id)
    row = queries.licence_of(standing.line_id, person.id)
    if row is None:
        return False
    database.session().delete(row)
    database.session().flush()
    _record_licence("licence.taken", standing, person, by=by, source=source)
    return True


def move_licences(line_id: UUID, to: UUID) -> int:
    """Let everybody who has a seat of a subscription have one of another instead, which takes its place; answer how many.
    The caller holds the customer's chain, has asked whether there are seats enough, and records the act."""
    result = database.session().execute(sa.update(Licence).where(Licence.line_id == line_id).values(line_id=to))
    return database.rows_of(result)


def _record_licence(
    kind: str, standing: SubscriptionStanding, person: Person, *, by: Actor | None, source: str
) -> None:  # fmt: skip
    evidence.record(
        kind, by=by, source=source, customer_id=standing.customer_id,
        facts={
            "about_person_id": str(person.id), "line_id": str(standing.line_id), "product": standing.product,
        },
    )  # fmt: skip


def _customer_of(standing: SubscriptionStanding) -> Organization:
    found = organizations.organization_by_id(standing.customer_id)
    assert found is not None
    return found


def _forget_licences(person_id: UUID) -> tuple[int, list[Stays]]:
    result = database.session().execute(sa.delete(Licence).where(Licence.person_id == person_id))
    return database.rows_of(result), []


# --- partner of record -------------------------------------------------------------------------------------------

#: Facts that name a partner of record, whether or not it sells the subscription.
_OF_RECORD = ("partner_of_record.named", "partner_of_record.removed", "renewal.switched_to_direct")


def _told_to_programs(fact: Fact, record: Mapping[str, Any]) -> Iterator[Told]:
    """Who sells a subscription is told that it changed. A partner of record that does not sell it cannot count on reading it,
    now or later: it is told without an address of it. Whom else the customer named stays the customer's to tell: a seller
    that the fact does not name is not shown its record, and hears of one act once."""
    if fact.kind not in _OF_RECORD:
        return
    line_id = record["facts"]["line_id"]
    standing = queries.standing_of(UUID(line_id))  # as it was before the act
    assert standing is not None
    sellers = {each for each in (standing.partner_id, standing.reseller_id) if each is not None}
    named = {each for each in (fact.partner_id, fact.other_partner_id) if each is not None}
    if fact.kind == "partner_of_record.named" and standing.record_partner_id is not None:
        told = named  # the sellers were told that the former one was removed
    else:
        told = named | sellers
    for partner_id in told:
        facts = {"line_id": line_id} if partner_id in sellers else {}
        yield Told(partner_id, "subscription.changed", facts, shows_record=partner_id in named)


def name_partner_of_record(
    standing: SubscriptionStanding, partner: Organization | None, *, by: Actor, shown: str = ""
) -> PartnerOfRecord | None:
    """Name the partner of record of a subscription, or none; None when it is that already.

    `shown`: whom the page showed, as `rules.record_word` writes it. The named and the former partner are told in their
    inbox and by mail, and the customer's administrators by mail when a delegated administrator did it. Each partner reads
    a fact of its own: neither learns the other's name. Raises PartnerDisabled, PartnerOfRecordChanged.
    """
    customer = _customer_of(standing)
    database.write(chain=customer.chain_id)
    standing = database.session().get_one(SubscriptionStanding, standing.line_id)
    former_id = standing.record_partner_id
    if (partner.id if partner is not None else None) == former_id:
        return None
    rules.check_same_record(shown, rules.record_word(former_id), standing.line_id)
    rules.check_partner_open(partner is None or partner.is_open)
    former = organizations.organization_by_id(former_id) if former_id is not None else None
    facts = [
        _record_naming(kind, standing, each, by)
        for kind, each in (("removed", former), ("named", partner))
        if each is not None
    ]  # fmt: skip
    row = PartnerOfRecord(
        id=uuid4(), line_id=standing.line_id, ordinal=len(queries.record_acts_of(standing.line_id)) + 1,
        partner_id=partner.id if partner is not None else None, at=facts[-1].at, fact_id=facts[-1].id,
    )  # fmt: skip
    database.session().add(row)
    database.session().flush()
    stand(standing.line_id)
    _tell_of_naming(row, standing, customer, partner, former, by)
    return row


def _record_naming(past: str, standing: SubscriptionStanding, partner: Organization, by: Actor) -> Fact:
    return evidence.record(
        f"partner_of_record.{past}", by=by, customer_id=standing.customer_id, partner_id=partner.id,
        facts={
            "line_id": str(standing.line_id), "product": standing.product, "record_partner_id": str(partner.id),
            "number": partner.partner_number,
        },
    )  # fmt: skip


def _tell_of_naming(
    row: PartnerOfRecord, standing: SubscriptionStanding, customer: Organization, partner: Organization | None,
    former: Organization | None, by: Actor,
) -> None:  # fmt: skip
    """Tell the partners, and the customer's administrators of what a delegated administrator did for them."""
    facts = _facts_of_naming(standing, customer, by) | {"at": row.at}
    if former is not None:
        sells = former.id in {standing.partner_id, standing.reseller_id}
        path = f"/partner/subscriptions/{row.line_id}" if sells else "/partner/inbox"
        _tell_partner("partner_of_record_removed", former, row.id, path, facts)
        if not queries.is_record_partner(customer.id, former.id):
            tasks.done(former.id, "offer_wanted", str(customer.id))
    if partner is not None:
        _tell_partner("partner_of_record_named", partner, row.id, f"/partner/subscriptions/{row.line_id}", facts)
    if by.acting is not None:
        for person in organizations.people_with(
            customer.id, *roles_with("customer", Permission.NAME_PARTNER_OF_RECORD)
        ):
            emails.record_changed_for_you(
                row, to=person, zone=person.zone or customer.zone, person=by.name,
                partner=partner.name if partner is not None else "", **facts,
            )  # fmt: skip


def _facts_of_naming(standing: SubscriptionStanding, customer: Organization, by: Actor) -> dict[str, Any]:
    """What every message about a partner of record says. `for_customer`: the partner whose delegated administrator did it
    for the customer, or empty."""
    return {
        "customer": customer.name, "product": standing.product, "seats": standing.seats, "ends_on": standing.ends_on,
        "for_customer": by.acting.partner_name if by.acting is not None else "",
    }  # fmt: skip


def _tell_partner(kind: str, partner: Organization, about_id: UUID, path: str, facts: dict[str, Any]) -> None:
    """An entry in the inbox of a partner, and a mail to each of its agents."""
    tasks.put(
        partner.id, kind, about_key=str(about_id), about_id=about_id, waits=False, path=path,
        facts={"customer": facts["customer"], "product": facts["product"]},
    )  # fmt: skip
    for person in organizations.people_with(partner.id, *roles_with("partner", Permission.WORK_INBOX)):
        emails.to_partner(kind, about_id, to=person, zone=person.zone or partner.zone, path=path, **facts)


def ask_for_offer(standing: SubscriptionStanding, *, by: Actor) -> bool:
    """Ask the partner of record for an offer of delegated administration: a task in its inbox, and a mail. False when the
    customer asked it today (the customer's day) already.

    Raises NoPartnerOfRecord, PartnerDisabled, PartnerCannotOffer.
    """
    customer = _customer_of(standing)
    database.write(chain=customer.chain_id)
    standing = database.session().get_one(SubscriptionStanding, standing.line_id)
    partner_id = standing.record_partner_id
    partner = organizations.organization_by_id(partner_id) if partner_id is not None else None
    if partner is None:
        raise rules.NoPartnerOfRecord(line_id=standing.line_id)
    rules.check_can_offer(partner.name, partner.is_open, partner.enrolled_at is not None, standing.line_id)
    last = queries.offer_wanted_at(customer.id, partner.id)
    if last is not None and clock.day_of(last, customer.zone) == clock.today(customer.zone):
        return False
    fact = evidence.record(
        queries.OFFER_WANTED, by=by, customer_id=customer.id, partner_id=partner.id,
        facts={"line_id": str(standing.line_id), "product": standing.product, "asked_id": str(partner.id)},
    )  # fmt: skip
    facts = _facts_of_naming(standing, customer, by)
    path = f"/partner/subscriptions/{standing.line_id}"
    tasks.put(
        partner.id, "offer_wanted", about_key=str(customer.id), about_id=standing.line_id, waits=True, again=True,
        facts={"customer": customer.name, "product": standing.product}, path=path,
    )  # fmt: skip
    for person in organizations.people_with(partner.id, *roles_with("partner", Permission.WORK_INBOX)):
        emails.to_partner(
            "offer_wanted", fact.id, to=person, zone=person.zone or partner.zone, path=path, at=fact.at, **facts
        )  # fmt: skip
    return True


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
