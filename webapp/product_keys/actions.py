"""Issuing keys, entering them, and redeeming them: for an organization that is here, or together with its account."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa
from flask import Flask, current_app

from webapp import access, clock, database
from webapp import actor as actors
from webapp.access import Permission
from webapp.accounts import actions as accounts
from webapp.accounts import queries as people
from webapp.accounts.models import Attempt, Person
from webapp.accounts.rules import Stays
from webapp.actor import Actor
from webapp.errors import Forbidden, Refusal, speaks
from webapp.evidence import actions as evidence
from webapp.evidence.models import SITE_CHAIN
from webapp.onboarding import rules as customer_rules
from webapp.organizations import actions as organization_actions
from webapp.organizations import queries as organizations
from webapp.organizations.models import Organization
from webapp.organizations.rules import domain_of, is_public_mail
from webapp.policies import queries as policies
from webapp.product_keys import emails, queries, rules
from webapp.product_keys.models import ProductKey, Redemption, RedemptionDraft
from webapp.product_keys.queries import Choice, Entered, Option
from webapp.product_keys.rules import Typed
from webapp.subscriptions import actions as subscription_actions
from webapp.subscriptions import queries as subscriptions
from webapp.subscriptions import rules as subscription_rules
from webapp.subscriptions.models import Product, Subscription

#: Under which wrong keys are counted one after the other.
COUNTING = 0x4B455953

speaks("uq_redemptions_product_key_id", lambda: rules.KeyUsed(last_five="", own=False))


def register(_app: Flask) -> None:
    """Let drafts go with whoever entered them."""
    accounts.holds(_forget_drafts)


def _forget_drafts(person_id: UUID) -> tuple[int, list[Stays]]:
    result = database.session().execute(sa.delete(RedemptionDraft).where(RedemptionDraft.person_id == person_id))
    return database.rows_of(result), []


# --- issuing -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Issued:
    """Keys that were just made: nobody can read them again."""

    batch_id: UUID
    keys: list[str]


def issue(
    product: Product, *, count: int, seats: int, months: int, expires_on: date, partner: Organization | None = None
) -> Issued:
    """Make synthetic keys of a product, each for so many seats and months, to be redeemed until a day (UTC).

    The database keeps a keyed hash of each and its last five characters. Raises CountOutOfBounds, SeatsOutOfBounds,
    MonthsOutOfBounds, MoreThanProduct, ExpiredAlready.
    """
    names = (product.name_en, product.name_ja)
    subscription_rules.check_product(product.code, names, product.kind, months, seats, seats)
    rules.check_issue(count, seats, product.seats_max, expires_on, clock.today("UTC"))
    keys = [rules.new_key(secrets.choice) for _ in range(count)]
    key_id = next(iter(current_app.config["KEYS"]))
    database.write(chain=SITE_CHAIN)
    batch_id, now = uuid4(), clock.now()
    rows = [
        {
            "id": uuid4(), "digest": queries.digest_of(key, key_id), "key_id": key_id, "last_five": rules.last_five(key),
            "product_id": product.id, "seats": seats, "months": months, "expires_on": expires_on,
            "partner_id": partner.id if partner is not None else None, "batch_id": batch_id, "issued_at": now,
        }
        for key in keys
    ]  # fmt: skip
    database.session().execute(sa.insert(ProductKey), rows)
    evidence.record(
        "product_key.issued", source="operator", partner_id=partner.id if partner is not None else None,
        facts={
            "batch_id": str(batch_id), "product_id": str(product.id), "code": product.code, "count": count,
            "seats": seats, "months": months, "expires_on": expires_on.isoformat(),
        },
    )  # fmt: skip
    return Issued(batch_id, keys)


# --- entering keys -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Fault:
    """Why a key that was typed is not taken: by its characters ("strangers", "short", "long"), because it is "unknown" or
    was entered before ("again"), because there are too "many"; or a `refusal` says it."""

    kind: str
    typed: Typed
    refusal: Refusal | None = None


def enter(
    draft: RedemptionDraft | None, text: str, *, by: Actor | None, customer: Organization | None = None,
    network_address: str,
) -> tuple[RedemptionDraft | None, list[Fault]]:  # fmt: skip
    """Take the keys of a text into a draft (None: a new one): all of them, or none when one has a fault.

    It consumes no key. Whoever is wrong too often is refused; a text that can be no key does not count. Somebody signed in
    has one draft for each receiver: a second click adds to what the first one made. Raises TooManyWrongKeys, RedemptionOver,
    Forbidden.
    """
    before = queries.entered_in(draft.key_ids) if draft is not None else []
    typed = rules.read_keys(text)
    faults = [
        Fault("strangers" if each.strangers else "short" if each.length < rules.LENGTH else "long", each)
        for each in typed
        if not each.key
    ]
    if len(before) + len(typed) > rules.MOST_KEYS:
        faults = [Fault("many", typed[-1])]
    found: list[Entered] = []
    if not faults:
        found, faults = _judged(typed, before, by, customer, network_address)
    if faults or not found:
        return draft, faults
    return _kept(draft, [str(each.key.id) for each in found], by, customer), []


def _judged(
    typed: Sequence[Typed], before: list[Entered], by: Actor | None, customer: Organization | None, network_address: str
) -> tuple[list[Entered], list[Fault]]:
    """Which keys these are; each that is none counts."""
    found: list[Entered] = []
    faults: list[Fault] = []
    with _counted(len(typed), by, network_address) as counted:
        rows = queries.keys_of({each.key for each in typed})
        past = queries.past_of(rows.values(), customer)
        known = {entered.key.id: entered for entered in queries.entered_in([str(row.id) for row in rows.values()])}
        for each in typed:
            if each.key not in rows:
                faults.append(Fault("unknown", each))
                counted.wrong()
                continue
            entered = known[rows[each.key].id]
            if entered.key.id in {other.key.id for other in (*before, *found)}:
                faults.append(Fault("again", each))
                continue
            try:
                queries.check_key(entered, past, customer=customer)
            except Refusal as refusal:
                faults.append(Fault("refused", each, refusal))
                continue
            found.append(entered)
    if not faults:
        faults = _too_many([*before, *found], typed[-1])
    return found, faults


def _too_many(entered: list[Entered], typed: Typed) -> list[Fault]:
    """What a product is not sold for, all its keys together."""
    for product, keys in queries.by_product(entered):
        try:
            queries.check_total(product, sum(key.seats for key in keys))
        except rules.TooManyLicences as refusal:
            return [Fault("refused", typed, refusal)]
    return []


class _Counted:
    """Attempts that were counted before they are judged; `wrong()` leaves one as it is."""

    def __init__(self, ids: list[UUID], words: tuple[str, str], left: rules.Left) -> None:
        self.ids, self.words, self.left = ids, words, left

    def wrong(self) -> None:
        """One of them was wrong. Raises TooManyWrongKeys when one more than may be."""
        self.left = replace(self.left, count=self.left.count - 1)
        self.ids.pop()
        if self.left.count < 0:
            raise queries.too_many(self.words, self.left)


@contextmanager
def _counted(count: int, by: Actor | None, network_address: str) -> Iterator[_Counted]:
    """Count so many attempts in a unit of work of its own; those that were not wrong are taken back at the end.

    One after the other: whoever comes meanwhile has only what these leave, as if they all were wrong. Raises
    TooManyWrongKeys.
    """
    words = queries.attempt_words(by, network_address)
    ids = [uuid4() for _ in range(count)]
    with database.unit_of_work():
        database.write()
        database.alone(COUNTING)
        left = queries.left_to_try(words)
        same = {"kind": queries.ABOUT, "pair": words[0], "network": words[1], "at": clock.now()}
        database.session().execute(sa.insert(Attempt), [{"id": each, **same} for each in ids])
    counted = _Counted(ids, words, left)
    try:
        yield counted
    finally:
        if counted.ids:
            with database.unit_of_work():
                database.write()
                database.session().execute(sa.delete(Attempt).where(Attempt.id.in_(counted.ids)))


def _clear_wrong(by: Actor | None, network_address: str) -> None:
    """A success clears the wrong keys of the pair; those of everybody stay counted."""
    pair, _everybody = queries.attempt_words(by, network_address)
    database.session().execute(sa.update(Attempt).where(Attempt.pair == pair).values(pair=""))


def _kept(
    draft: RedemptionDraft | None, key_ids: list[str], by: Actor | None, customer: Organization | None
) -> RedemptionDraft:
    now = clock.now()
    row = _open(draft, by) if draft is not None else _taken(by, customer)
    if row is None:
        row = RedemptionDraft(
            id=uuid4(), person_id=by.person_id if by is not None else None,
            organization_id=customer.id if customer is not None else None, step="keys", key_ids=key_ids, values={},
            created_at=now, updated_at=now,
        )  # fmt: skip
        database.session().add(row)
    else:
        row.key_ids = [*row.key_ids, *(each for each in key_ids if each not in row.key_ids)]
        row.step, row.updated_at = "keys", now
    database.session().flush()
    return row


def _taken(by: Actor | None, customer: Organization | None) -> RedemptionDraft | None:
    """The open draft of whoever is signed in, which another click made meanwhile: one click waits for the other. What has
    rested too long goes. Raises Forbidden."""
    database.write()
    if by is None:
        return None
    _still_may(by)
    session = database.session()
    session.execute(sa.select(Person.id).where(Person.id == by.person_id).with_for_update(key_share=True))
    row = queries.open_draft_of(by.person_id, customer)
    if row is not None and row.updated_at < _resting_since():
        session.delete(row)
        session.flush()
        return None
    return row


def _open(draft: RedemptionDraft, by: Actor | None) -> RedemptionDraft:
    """Hold a draft that is not redeemed. Raises RedemptionOver, Forbidden."""
    row = database.locked(draft)
    if by is not None:
        _still_may(by)
    made = organizations.organization_by_id(row.customer_id) if row.customer_id is not None else None
    rules.check_open(row.redeemed_at is not None, made.name if made is not None else "")
    return row


def _still_may(by: Actor) -> None:
    """Ask again now that the draft is held: a session or a role that was lost meanwhile counts. A customer's people, and who
    acts for it, are asked again by the rule of their route. Raises Forbidden."""
    if by.is_customer:
        return
    fresh, needed = actors.load(by.session_id), Permission.SET_UP_CUSTOMERS
    if fresh is None or not fresh.may(needed):
        raise Forbidden(permission=needed, roles=access.roles_with(by.organization_kind, needed))


def remove(draft: RedemptionDraft, key_id: str, *, by: Actor | None) -> RedemptionDraft:
    """Take a key out of a draft. Raises RedemptionOver, Forbidden."""
    row = _open(draft, by)
    row.key_ids = [each for each in row.key_ids if each != key_id]
    row.step, row.updated_at = "keys", clock.now()
    return row


def keep(draft: RedemptionDraft, values: Mapping[str, Any], *, step: str, by: Actor | None) -> RedemptionDraft:
    """Keep what a page gave; `step` is the page to go on with. Raises RedemptionOver, Forbidden."""
    row = _open(draft, by)
    row.values = {**row.values, **values}
    row.step, row.updated_at = step, clock.now()
    return row


def discard(draft: RedemptionDraft, *, by: Actor | None) -> None:
    """Delete a draft that was not redeemed. Raises RedemptionOver, Forbidden."""
    row = _open(draft, by)
    database.session().delete(row)
    database.session().flush()


def forget_resting() -> int:
    """Delete the drafts that nobody touched for longer than policy says; what was redeemed stays. Safe to run twice."""
    database.write()
    resting = RedemptionDraft.updated_at < _resting_since()
    return database.rows_of(
        database.session().execute(sa.delete(RedemptionDraft).where(resting, RedemptionDraft.redeemed_at.is_(None)))
    )


def _resting_since() -> datetime:
    return clock.now() - timedelta(days=policies.value("product_key.draft_days"))


# --- an account, and its first subscriptions ---------------------------------------------------------------------


def address_fault(address: str) -> str | None:
    """Why an address cannot be a new organization's administrator: "microsoft", "partner" (it lies in a partner's hands),
    "known" (an organization with its mail domain is here), "used" (somebody signs in with it); None when it can."""
    if customer_rules.is_microsofts(address):
        return "microsoft"
    if organizations.partner_holding(address) is not None:
        return "partner"
    if organizations.organization_by_mail_domain(address) is not None:
        return "known"
    return "used" if people.person_by_address(address) is not None else None


def create_account(draft: RedemptionDraft, *, by: Actor | None, fingerprint: str, network_address: str) -> Organization:
    """Make the organization of a draft, its global administrator, and the subscriptions that its keys pay for, with a
    licence for that person: one act in the new customer's chain. Only now are the keys consumed.

    `by` is a partner's person who sets up its customer; None: the customer itself, signed out. `fingerprint` is of what
    the check page showed. The administrator has no password: the mailed link proves the mailbox. Raises RedemptionOver,
    NoKeyEntered, RedemptionChanged, OrganizationKnown, NotRightAddress, AddressOfPartner, AddressInUse, KeyUsed, KeyExpired,
    KeyForHome, ProductUnavailable, TooManyLicences, ProviderMissing, Forbidden.
    """
    row = _open(draft, by)
    own = queries.setter_for(by) if by is not None else None
    values = row.values
    zone = customer_rules.zone_of(values["country"], "")
    entered = _held(row, country=values["country"])
    plan = queries.planned(row, clock.today(zone))
    if queries.fingerprint_of_account(row, plan) != fingerprint:
        raise rules.RedemptionChanged(changes=[])
    customer = _organization(values, zone, own, by)
    person = _administrator(customer, values, own, by)
    source = "page" if by is not None else "sign-up"
    made = []
    for product, keys in queries.by_product(entered):
        subscription = _begin(customer, product, keys, by=by, source=source)
        _redeemed(customer, keys, subscription, "began", by=by, setter=own, source=source)
        made.append(subscription)
        standing = subscriptions.standing_of(subscription.line_id)
        assert standing is not None
        subscription_actions.give_licence(standing, person, by=by, source=source)
    emails.account_ready(
        person,
        zone=zone,
        organization=customer.name,
        partner=own.name if own is not None else "",
        given=_facts_of(made),
    )
    _clear_wrong(by, network_address)
    now = clock.now()
    row.customer_id, row.values, row.step, row.redeemed_at, row.updated_at = customer.id, {}, "done", now, now
    database.session().flush()
    return customer


def _held(row: RedemptionDraft, *, country: str = "", customer: Organization | None = None) -> list[Entered]:
    """The keys of a draft, held and checked again. Raises NoKeyEntered, and what `queries.check_key` raises."""
    entered = queries.entered_in(row.key_ids, locked=True)
    rules.check_any(entered)
    past = queries.past_of((each.key for each in entered), customer)
    for each in entered:
        queries.check_key(each, past, country=country, customer=customer)
    return entered


def _organization(values: Mapping[str, Any], zone: str, own: Organization | None, by: Actor | None) -> Organization:
    address = values["address"]
    rules.check_not_microsofts(customer_rules.is_microsofts(address))
    there = organizations.organization_by_mail_domain(address)
    rules.check_unknown(there is not None and there.kind == "customer", domain_of(address))
    domain = domain_of(address)
    customer = organization_actions.create_organization(
        "customer", values["organization"], country=values["country"], language=values["language"], zone=zone,
        phone=values["phone"], domains=() if is_public_mail(domain) or there is not None else (domain,), created_by=own,
        by=by, source="page" if by is not None else "sign-up",
    )  # fmt: skip
    organization_actions.check_address(customer, address)
    return customer


def _administrator(
    customer: Organization, values: Mapping[str, Any], own: Organization | None, by: Actor | None
) -> Person:
    return organization_actions.add_member(
        customer, given_name=values["given_name"], family_name=values["family_name"], address=values["address"],
        roles=("global_administrator",), language=values["language"],
        created_by_partner_id=own.id if own is not None else None, by=by,
        source="page" if by is not None else "sign-up",
    )  # fmt: skip


def _begin(
    customer: Organization, product: Product, keys: list[ProductKey], *, by: Actor | None, source: str = "page"
) -> Subscription:
    """A subscription of its own for the keys of one product. Raises TooManyLicences."""
    result = subscription_rules.begun(clock.today(customer.zone), queries.paid_by(keys))
    queries.check_total(product, result.seats)
    return subscription_actions.begin_paid(
        customer, rules.one_partner(key.partner_id for key in keys), product=product,
        name=subscriptions.name_of(product, customer.language), seats=result.seats, ends_on=result.ends_on,
        contract="product_key", by=by, source=source,
    )  # fmt: skip


def _redeemed(
    customer: Organization, keys: list[ProductKey], subscription: Subscription, how: str, *, by: Actor | None,
    setter: Organization | None = None, source: str = "page",
) -> None:  # fmt: skip
    """Consume keys: a fact for what they paid for, and a row for each. `how`: "began", "seats", "extension" or
    "reactivation"."""
    fact = evidence.record(
        "product_key.redeemed", by=by, source=source, customer_id=customer.id,
        partner_id=setter.id if setter is not None else subscription.partner_id,
        facts={
            "keys": [
                {"id": str(key.id), "last_five": key.last_five, "seats": key.seats, "months": key.months} for key in keys
            ],
            "last_fives": ", ".join(key.last_five for key in keys), "product": subscription.product,
            "subscription_id": str(subscription.id), "line_id": str(subscription.line_id), "how": how,
        },
    )  # fmt: skip
    database.session().add_all(
        Redemption(
            id=uuid4(), product_key_id=key.id, customer_id=customer.id, subscription_id=subscription.id,
            organization_id=by.home_id if by is not None else None, person_id=by.person_id if by is not None else None,
            at=fact.at, fact_id=fact.id,
        )
        for key in keys
    )  # fmt: skip
    database.session().flush()


def _facts_of(made: list[Subscription]) -> list[dict[str, Any]]:
    """What messages say of subscriptions."""
    return [{"product": each.product, "seats": each.seats, "ends_on": each.ends_on} for each in made]


# --- for an organization that is here ----------------------------------------------------------------------------


def redeem(
    draft: RedemptionDraft, *, by: Actor, ways: Mapping[UUID, str], fingerprint: str, parts: Mapping[str, Sequence[str]],
    network_address: str,
) -> list[Subscription]:  # fmt: skip
    """Redeem a draft's keys for the customer, as the page showed: `ways` names for each product (by id) what its keys do.

    One transaction under the customer's chain; a key that somebody else was faster with lets nothing be redeemed. Its
    administrators get a mail. Raises RedemptionChanged (with what changed since `parts`), KeyUsed, KeyExpired, KeyForHome,
    ProductUnavailable, TooManyLicences, ExtensionTooLong, NoKeyEntered.
    """
    row = database.locked(draft, chain=by.chain_id)
    customer = organizations.organization_by_id(by.organization_id)
    assert customer is not None
    entered = queries.entered_in(row.key_ids, locked=True)
    rules.check_any(entered)
    past = queries.past_of((each.key for each in entered), customer)
    for each in entered:
        done = row.id if row.redeemed_at is not None else None
        queries.check_key(each, past, customer=customer, draft_id=done)
    choices = queries.choices_of(customer, entered, _line_of(row))
    if queries.fingerprint_of_choices(row, choices) != fingerprint:
        raise rules.RedemptionChanged(changes=queries.changes_between(parts, queries.parts_of(choices)))
    made = [_do(customer, choice, _chosen(choice, ways), by) for choice in choices]
    now = clock.now()
    row.redeemed_at = row.updated_at = now
    row.customer_id, row.step = customer.id, "done"
    database.session().flush()
    _clear_wrong(by, network_address)
    _tell(row, customer, made, by)
    return made


def _line_of(row: RedemptionDraft) -> UUID | None:
    try:
        return UUID(str(row.values.get("subscription", "")))
    except ValueError:
        return None


def _chosen(choice: Choice, ways: Mapping[UUID, str]) -> Option:
    """What was chosen for a product's keys; what cannot be says why."""
    option = choice.chosen(ways.get(choice.product.id, ""))
    if option is not None:
        return option
    wanted = next((each for each in choice.options if each.value == ways.get(choice.product.id)), None)
    raise wanted.obstacle if wanted is not None and wanted.obstacle is not None else rules.RedemptionChanged(changes=[])


def _do(customer: Organization, choice: Choice, option: Option, by: Actor) -> Subscription:
    """Let the keys of one product do what was chosen."""
    if option.line is None or option.result is None:
        made, how = _begin(customer, choice.product, choice.keys, by=by), "began"
    else:
        before = subscriptions.newest_of_line(option.line.line_id)
        assert before is not None
        how = rules.why_of(option.way, before.ends_on, clock.today(customer.zone))
        made = subscription_actions.change(
            before, seats=option.result.seats, ends_on=option.result.ends_on, why=how, by=by
        )
    _redeemed(customer, choice.keys, made, how, by=by)
    return made


def _tell(row: RedemptionDraft, customer: Organization, made: list[Subscription], by: Actor) -> None:
    """Tell the customer's administrators who pay."""
    for person in organizations.people_with(customer.id, *access.roles_with("customer", Permission.REDEEM_KEYS)):
        emails.redeemed(
            row.id, to=person, zone=person.zone or customer.zone, organization=customer.name, by=by.name,
            partner=by.acting.partner_name if by.acting is not None else "", at=row.redeemed_at, made=_facts_of(made),
        )  # fmt: skip
