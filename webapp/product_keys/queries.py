"""Reading keys, drafts, what redeeming would do, and what it did."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from flask import current_app

from webapp import clock, database, languages, tokens
from webapp.accounts import queries as people
from webapp.accounts.models import Attempt
from webapp.accounts.rules import network_of
from webapp.actor import Actor, full_name
from webapp.errors import Refusal
from webapp.orders import queries as orders
from webapp.organizations import queries as organizations
from webapp.organizations.models import Organization
from webapp.policies import queries as policies
from webapp.product_keys import rules
from webapp.product_keys.models import ProductKey, Redemption, RedemptionDraft
from webapp.subscriptions import queries as subscriptions
from webapp.subscriptions import rules as subscription_rules
from webapp.subscriptions.models import Product, Subscription, SubscriptionStanding
from webapp.subscriptions.rules import Arithmetic

ABOUT = "product-key"

# --- keys --------------------------------------------------------------------------------------------------------


def digest_of(key: str, key_id: str | None = None) -> str:
    """The keyed hash of a key, under the present key or a named one."""
    return tokens.keyed_digest(key, about=ABOUT, key_id=key_id)


def keys_of(typed: Collection[str]) -> dict[str, ProductKey]:
    """The keys that somebody typed (25 characters each), issued under any key that is configured, by what was typed."""
    digests = {digest_of(each, key_id): each for each in typed for key_id in current_app.config["KEYS"]}
    rows = database.session().scalars(sa.select(ProductKey).where(ProductKey.digest.in_(digests)))
    return {digests[row.digest]: row for row in rows}


@dataclass(frozen=True)
class Batch:
    """Keys that were issued together. `partner`: for whom, or empty."""

    id: UUID
    product: str
    seats: int
    months: int
    expires_on: date
    partner: str
    issued_at: datetime
    issued: int
    redeemed: int


def batches() -> list[Batch]:
    """Every batch, the newest first."""
    rows = database.session().execute(
        sa.select(
            ProductKey.batch_id, Product.code, ProductKey.seats, ProductKey.months, ProductKey.expires_on,
            Organization.name, sa.func.min(ProductKey.issued_at).label("issued_at"), sa.func.count().label("issued"),
            sa.func.count(Redemption.id).label("redeemed"),
        )
        .join(Product, Product.id == ProductKey.product_id)
        .outerjoin(Organization, Organization.id == ProductKey.partner_id)
        .outerjoin(Redemption, Redemption.product_key_id == ProductKey.id)
        .group_by(
            ProductKey.batch_id, Product.code, ProductKey.seats, ProductKey.months, ProductKey.expires_on,
            Organization.name,
        )
        .order_by(sa.func.min(ProductKey.issued_at).desc(), ProductKey.batch_id)
    )  # fmt: skip
    return [
        Batch(
            row.batch_id, row.code, row.seats, row.months, row.expires_on, row.name or "", row.issued_at, row.issued,
            row.redeemed,
        )
        for row in rows
    ]  # fmt: skip


# --- limits on wrong keys ----------------------------------------------------------------------------------------


def attempt_words(by: Actor | None, network_address: str) -> tuple[str, str]:
    """Keyed digests under which wrong keys are counted: of the person (if signed in) at its address, and of all."""
    who = str(by.person_id) if by is not None else ""
    pair = tokens.keyed_digest(f"{ABOUT}|{who}|{network_of(network_address)}", about="attempt")
    return pair, tokens.keyed_digest(ABOUT, about="attempt")


def _counted(everybody: bool, words: tuple[str, str], now: datetime) -> list[sa.ColumnElement[bool]]:
    """The attempts that count for one of the two limits. `words`: see `attempt_words`."""
    pair, all_together = words
    window = timedelta(minutes=rules.DAY if everybody else rules.HOUR)
    whose = Attempt.network == all_together if everybody else Attempt.pair == pair
    return [whose, Attempt.at > now - window, Attempt.at <= now]


def left_to_try(words: tuple[str, str]) -> rules.Left:
    """How many more keys may be wrong now. `words`: see `attempt_words`. Raises TooManyWrongKeys when none may."""
    now = clock.now()

    def count(everybody: bool) -> int:
        statement = sa.select(sa.func.count()).select_from(Attempt).where(*_counted(everybody, words, now))
        return database.session().scalar(statement) or 0

    left = rules.left_to_try(
        count(False),
        count(True),
        policies.value("product_key.wrong_an_hour"),
        policies.value("product_key.wrong_a_day"),
    )
    if left.count <= 0:
        raise too_many(words, left)
    return left


def too_many(words: tuple[str, str], left: rules.Left) -> rules.TooManyWrongKeys:
    """That a limit was reached, and in how many minutes enough of what it counts is too old to be counted."""
    now = clock.now()
    at = database.session().scalar(
        sa.select(Attempt.at)
        .where(*_counted(left.everybody, words, now))
        .order_by(Attempt.at, Attempt.id)
        .offset(max(0, -left.count))
        .limit(1)
    )
    window = rules.DAY if left.everybody else rules.HOUR
    return rules.TooManyWrongKeys(minutes=rules.minutes_until(at or now, window, now), everybody=left.everybody)


# --- who redeems -------------------------------------------------------------------------------------------------


def receiver_for(actor: Actor) -> Organization | None:
    """The customer that the actor belongs to or acts for."""
    return organizations.organization_by_id(actor.organization_id) if actor.is_customer else None


def setter_for(actor: Actor) -> Organization:
    """The partner whose person sets up a customer. Raises ProviderMissing for an indirect reseller that no indirect
    provider confirmed."""
    own = organizations.partner_by_id(actor.organization_id)
    assert own is not None
    orders.check_has_provider(own)
    return own


def _of(actor: Actor | None, word: str) -> list[sa.ColumnElement[bool]] | None:
    """Whose drafts: the actor's for whom it works now; of a browser, the one that its cookie names."""
    if actor is not None:
        receives = actor.organization_id if actor.is_customer else None
        return [
            RedemptionDraft.person_id == actor.person_id,
            RedemptionDraft.organization_id == receives if receives else RedemptionDraft.organization_id.is_(None),
        ]
    try:
        return [RedemptionDraft.id == UUID(word), RedemptionDraft.person_id.is_(None)]
    except ValueError:
        return None


def _newest(conditions: list[sa.ColumnElement[bool]] | None) -> RedemptionDraft | None:
    if conditions is None:
        return None
    since = clock.now() - timedelta(days=policies.value("product_key.draft_days"))
    return database.session().scalar(
        sa.select(RedemptionDraft)
        .where(*conditions, RedemptionDraft.updated_at >= since)
        .order_by(RedemptionDraft.updated_at.desc(), RedemptionDraft.id)
        .limit(1)
    )


def open_draft_of(person_id: UUID, customer: Organization | None) -> RedemptionDraft | None:
    """What a person entered for a customer (None: one to come) and did not redeem yet, held until the transaction ends."""
    receives = RedemptionDraft.organization_id == customer.id if customer else RedemptionDraft.organization_id.is_(None)
    return database.session().scalar(
        sa.select(RedemptionDraft)
        .where(RedemptionDraft.person_id == person_id, receives, RedemptionDraft.redeemed_at.is_(None))
        .with_for_update()
        .execution_options(populate_existing=True)
    )


def draft_of(actor: Actor | None, word: str = "") -> RedemptionDraft | None:
    """What somebody entered and did not redeem yet. `word`: what the cookie of a browser says."""
    conditions = _of(actor, word)
    return _newest([*conditions, RedemptionDraft.redeemed_at.is_(None)] if conditions is not None else None)


def done_by(actor: Actor | None, word: str = "") -> RedemptionDraft | None:
    """What somebody redeemed last."""
    conditions = _of(actor, word)
    return _newest([*conditions, RedemptionDraft.redeemed_at.is_not(None)] if conditions is not None else None)


def result_for(actor: Actor, draft_id: UUID) -> RedemptionDraft | None:
    """A redemption of the customer that the actor belongs to or acts for, by whomever."""
    found = database.session().get(RedemptionDraft, draft_id)
    if found is None or not actor.is_customer or found.redeemed_at is None:
        return None
    return found if found.organization_id == actor.organization_id else None


# --- what was entered --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Entered:
    """A key of a draft, and its product."""

    key: ProductKey
    product: Product

    @property
    def name(self) -> str:
        """The product's name in the reader's language."""
        return _name(self.product)


def entered_in(key_ids: Sequence[str], *, locked: bool = False) -> list[Entered]:
    """The keys of a draft in the order in which they were entered. `locked`: they are held until the transaction ends,
    always in the same order."""
    ids = [UUID(each) for each in key_ids]
    session = database.session()
    statement = sa.select(ProductKey).where(ProductKey.id.in_(ids)).order_by(ProductKey.id)
    if locked:
        statement = statement.with_for_update().execution_options(populate_existing=True)
    rows = {row.id: row for row in session.scalars(statement)}
    products = {
        row.id: row
        for row in session.scalars(sa.select(Product).where(Product.id.in_({row.product_id for row in rows.values()})))
    }
    return [Entered(rows[each], products[rows[each].product_id]) for each in ids if each in rows]


def by_product(entered: Iterable[Entered]) -> list[tuple[Product, list[ProductKey]]]:
    """The keys of each product, in the order in which they were entered."""
    found: dict[UUID, tuple[Product, list[ProductKey]]] = {}
    for each in entered:
        found.setdefault(each.product.id, (each.product, []))[1].append(each.key)
    return list(found.values())


def paid_by(keys: Iterable[ProductKey]) -> list[tuple[int, int]]:
    """What keys carry: seats and months of each."""
    return [(key.seats, key.months) for key in keys]


# --- whether a key can be redeemed -------------------------------------------------------------------------------


@dataclass(frozen=True)
class Past:
    """What was before: the redemptions of keys, by key, and the products that the customer has or had."""

    redemptions: Mapping[UUID, Redemption]
    had: frozenset[UUID | None]


def past_of(keys: Iterable[ProductKey], customer: Organization | None = None) -> Past:
    """What became of keys, and what a customer (None: one to come) has or had."""
    ids = {key.id for key in keys}
    rows = database.session().scalars(sa.select(Redemption).where(Redemption.product_key_id.in_(ids)))
    had = subscriptions.of_customer(customer.id) if customer is not None else ()
    return Past({row.product_key_id: row for row in rows}, frozenset(row.product_id for row in had))


def check_key(
    entered: Entered,
    past: Past,
    *,
    country: str = "",
    customer: Organization | None = None,
    draft_id: UUID | None = None,
) -> None:
    """Whether a key can be redeemed now, for a customer (or for one to come, in a `country` if that is known). `past`: of
    the key, and of the customer.

    Raises KeyForHome, KeyUsed, KeyExpired, ProductUnavailable.
    """
    key, product = entered.key, entered.product
    if key.id in past.redemptions:
        raise _used(key, product, past.redemptions[key.id], customer, draft_id)
    country = customer.country if customer is not None else country
    rules.check_key(
        rules.Asked(
            key.last_five, product.code, _name(product), product.kind, product.is_open, key.expires_on,
            served=not country or country in policies.value("countries.served"), had=product.id in past.had,
        ),
        clock.today("UTC"),
    )  # fmt: skip


def _name(product: Product) -> str:
    return subscriptions.name_of(product, languages.language())


def _used(
    key: ProductKey, product: Product, before: Redemption, customer: Organization | None, draft_id: UUID | None
) -> rules.KeyUsed:
    """That a key was redeemed; by whom and when only where it is the customer's own."""
    if customer is None or before.customer_id != customer.id:
        return rules.KeyUsed(last_five=key.last_five, own=False)
    return rules.KeyUsed(
        last_five=key.last_five, own=True, product=_name(product), by=name_of(before), at=before.at, draft_id=draft_id
    )


def name_of(redemption: Redemption) -> str:
    """Who redeemed; empty where nobody was signed in, or who it was is erased."""
    if redemption.person_id is None:
        return ""
    names = people.names_of({redemption.person_id})
    return full_name(*names[redemption.person_id]) if redemption.person_id in names else ""


def check_total(product: Product, seats: int) -> None:
    """Raises TooManyLicences."""
    rules.check_licences(_name(product), seats, product.seats_max)


# --- an account to come ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Planned:
    """A subscription that keys would begin: with which seats until when, and the arithmetic. `biller`: the partner that the
    keys were issued for, which becomes its partner of record; empty for nobody."""

    product: Product
    name: str
    keys: list[ProductKey]
    result: Arithmetic
    biller: str


def planned(draft: RedemptionDraft, today: date) -> list[Planned]:
    """What a draft's keys would begin on a day. Raises NoKeyEntered, SeatsOutOfBounds."""
    entered = entered_in(draft.key_ids)
    rules.check_any(entered)
    found = by_product(entered)
    billers = {product.id: rules.one_partner(key.partner_id for key in keys) for product, keys in found}
    names = organizations.names_of({each for each in billers.values() if each is not None})
    return [
        Planned(
            product, _name(product), keys, subscription_rules.begun(today, paid_by(keys)),
            names.get(biller, "") if (biller := billers[product.id]) is not None else "",
        )
        for product, keys in found
    ]  # fmt: skip


def fingerprint_of(*shown: Any) -> str:
    """What stands for everything that a page showed."""
    text = json.dumps(shown, sort_keys=True, ensure_ascii=False, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def fingerprint_of_account(draft: RedemptionDraft, plan: Sequence[Planned]) -> str:
    """What stands for a checked account: what was typed, and what would begin."""
    return fingerprint_of(
        dict(draft.values), [(each.product.code, each.result.seats, each.result.ends_on, each.biller) for each in plan],
        draft.key_ids,
    )  # fmt: skip


# --- what a customer can do with its keys ------------------------------------------------------------------------


@dataclass(frozen=True)
class Option:
    """One thing that a product's keys can do: `way` is "seats", "extend" (both of `line`) or "new"; `result` what comes of
    it, or `obstacle` why it cannot be.

    `biller`: the partner that sells the line and bills it afterwards as well; empty for nobody. `still_over`: it would end
    before today. `of_another`: a key was issued for another partner than who sells the line.
    """

    way: str
    line: SubscriptionStanding | None = None
    stage: str = ""
    result: Arithmetic | None = None
    obstacle: Refusal | None = None
    biller: str = ""
    still_over: bool = False
    of_another: bool = False

    @property
    def value(self) -> str:
        """How a form names it."""
        return f"{self.way}:{self.line.line_id}" if self.line is not None else self.way

    @property
    def is_possible(self) -> bool:
        return self.result is not None and not self.still_over and not self.of_another


@dataclass(frozen=True)
class Choice:
    """What can be done with the keys of one product. `loses`: an extension from an old end loses so much that the other
    way stands beside it."""

    product: Product
    name: str
    keys: list[ProductKey]
    options: list[Option] = field(default_factory=list)

    @property
    def possible(self) -> list[Option]:
        return [each for each in self.options if each.is_possible]

    @property
    def loses(self) -> list[Option]:
        return [each for each in self.possible if each.result and subscription_rules.loses_much(each.result)]

    def chosen(self, value: str) -> Option | None:
        """The possible option of this name."""
        return next((each for each in self.possible if each.value == value), None)


def choices_of(customer: Organization, entered: Collection[Entered], first: UUID | None = None) -> list[Choice]:
    """What a customer can do with keys today; `first`: the subscription that somebody came from."""
    today = clock.today(customer.zone)
    lines = sorted(subscriptions.of_customer(customer.id), key=lambda each: each.line_id != first)
    stages = {contract: subscriptions.stages_of(contract) for contract in sorted({row.contract for row in lines})}
    billers = organizations.names_of({row.partner_id for row in lines if row.partner_id is not None})
    found = []
    for product, keys in by_product(entered):
        options: list[Option] = []
        for row in lines:
            stage = subscription_rules.stage_of(row.starts_on, row.ends_on, today, stages[row.contract])
            if row.product_id == product.id and row.left_for_id is None and subscription_rules.may_renew(stage):
                of_another = rules.is_of_another((key.partner_id for key in keys), (row.partner_id, row.reseller_id))
                biller = billers.get(row.partner_id, "") if row.partner_id is not None else ""
                options += [
                    replace(each, biller=biller, of_another=of_another)
                    for each in _options_of(row, stage, product, paid_by(keys), today)
                ]
        options.append(_begin(product, paid_by(keys), today))
        found.append(Choice(product, _name(product), keys, options))
    return found


def _options_of(
    row: SubscriptionStanding, stage: str, product: Product, paid: list[tuple[int, int]], today: date
) -> list[Option]:
    """More seats while it runs, and a later end."""
    options = []
    if row.ends_on >= today:
        try:
            more = subscription_rules.with_seats(row.seats, row.ends_on, max(today, row.starts_on), paid)
            check_total(product, more.seats)
            options.append(Option("seats", row, stage, more))
        except (subscription_rules.ExtensionTooLong, rules.TooManyLicences) as refusal:
            options.append(Option("seats", row, stage, obstacle=refusal))
    try:
        later = subscription_rules.extended(row.seats, row.ends_on, today, paid)
        options.append(Option("extend", row, stage, later, still_over=not rules.works_again(later, today)))
    except subscription_rules.ExtensionTooLong as refusal:
        options.append(Option("extend", row, stage, obstacle=refusal))
    return options


def _begin(product: Product, paid: list[tuple[int, int]], today: date) -> Option:
    result = subscription_rules.begun(today, paid)
    try:
        check_total(product, result.seats)
    except rules.TooManyLicences as refusal:
        return Option("new", obstacle=refusal)
    return Option("new", result=result)


def parts_of(choices: Sequence[Choice]) -> dict[str, list[str]]:
    """How each subscription stood that a page showed, by its id: product, seats, last day."""
    return {
        str(option.line.line_id): [choice.name, str(option.line.seats), option.line.ends_on.isoformat()]
        for choice in choices
        for option in choice.options
        if option.line is not None
    }


def fingerprint_of_choices(draft: RedemptionDraft, choices: Sequence[Choice]) -> str:
    """What stands for everything that the page before Redeem showed."""
    return fingerprint_of(
        draft.key_ids,
        [
            (
                choice.product.code, option.value, option.line.subscription_id if option.line is not None else None,
                (option.result.seats, option.result.ends_on) if option.result is not None else None,
            )
            for choice in choices
            for option in choice.options
        ],
    )  # fmt: skip


def changes_between(before: Mapping[str, Sequence[str]], now: Mapping[str, Sequence[str]]) -> list[dict[str, Any]]:
    """The subscriptions that stand otherwise than a page showed."""
    found = []
    for line_id in sorted({*before, *now}):
        was, is_now = before.get(line_id), now.get(line_id)
        if was != is_now:
            found.append(
                {
                    "product": (is_now or was or [""])[0],
                    "seats_before": was[1] if was else "", "ended_before": _day(was),
                    "seats": is_now[1] if is_now else "", "ends_on": _day(is_now),
                }
            )  # fmt: skip
    return found


def _day(part: Sequence[str] | None) -> date | None:
    try:
        return date.fromisoformat(part[2]) if part is not None else None
    except (IndexError, ValueError):
        return None


# --- what redeeming did ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Redeemed:
    """What keys did: the row that they made of a subscription, and the row before it (None: it began)."""

    subscription: Subscription
    before: Subscription | None
    keys: list[str]
    at: datetime
    by: str


def redeemed_in(draft: RedemptionDraft) -> list[Redeemed]:
    """What became of a draft's keys, by subscription."""
    session = database.session()
    ids = [UUID(each) for each in draft.key_ids]
    rows = session.execute(
        sa.select(Redemption, ProductKey.last_five, Subscription)
        .join(ProductKey, ProductKey.id == Redemption.product_key_id)
        .join(Subscription, Subscription.id == Redemption.subscription_id)
        .where(Redemption.product_key_id.in_(ids), Redemption.customer_id == draft.customer_id)
        .order_by(Subscription.product, Subscription.id, ProductKey.id)
    ).all()
    names = people.names_of({row.Redemption.person_id for row in rows if row.Redemption.person_id})
    earlier = {
        row.id: row
        for row in session.scalars(
            sa.select(Subscription).where(Subscription.id.in_({row.Subscription.follows_id for row in rows}))
        )
    }
    found: dict[UUID, Redeemed] = {}
    for redemption, last_five, subscription in rows:
        if subscription.id not in found:
            before = earlier.get(subscription.follows_id) if subscription.follows_id is not None else None
            by = full_name(*names[redemption.person_id]) if redemption.person_id in names else ""
            found[subscription.id] = Redeemed(subscription, before, [], redemption.at, by)
        found[subscription.id].keys.append(last_five)
    return list(found.values())
