"""The gate on buying: who can order for a customer, and what must be in order before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from webapp.errors import Refusal

#: Who orders: a partner for its customer, the customer itself, or nobody (a subscription that renews itself).
SIDES = ("partner", "customer", "automatic")
#: What is worth something as consent: the states with which a customer can buy.
CONSENTED = frozenset({"accepted", "attested"})
#: How long a cart is kept after it was made (Partner Center's API: seven days), and how many lines it or an order has.
CART_LASTS = timedelta(days=7)
MOST_LINES = 20


class AgreementMissing(Refusal):
    """Nothing is bought for a customer that did not agree, must agree again, or denies that it did (seed 002).

    `side` and `state` (of consent) as asked; `customer`, `customer_id`; `partner` (who confirms), `partner_id`, `contact`;
    `reseller`: the indirect reseller's name, if there is one; `relationship_id`; `remedy`: see `remedy_of`; `direct`: the
    customer may accept by itself.
    """

    status = 403


class NotSelling(Refusal):
    """Nothing is ordered without an open relationship. `customer`, `partner`: the names, where they are known."""

    status = 403


class ProviderMissing(Refusal):
    """An indirect reseller orders through an indirect provider that confirmed it, and this one has none. `reseller`;
    `provider`: the name of the provider of the relationship, or empty."""

    status = 403


class ProductClosed(Refusal):
    """The product can no longer be ordered. `product`: its code."""


class SeatsNotOffered(Refusal):
    """The product is not sold for so many seats. `low`, `high`: the bounds."""


class OrderedAlready(Refusal):
    """This very form has placed an order."""


class CartOrdered(Refusal):
    """The cart was checked out: what it ordered does not change any more."""


class SubscriptionDeleted(Refusal):
    """The subscription is gone, its data deleted: nothing of it changes any more. `product`."""


class SeatsFixedNow(Refusal):
    """Seats are added while a subscription runs, not while it is expired or disabled. `product`, `ends_on`."""


class SeatsOnlyGrow(Refusal):
    """A partner adds seats within a term; fewer are for the next one. `product`, `seats`: how many there are."""


class PaidElsewhere(Refusal):
    """The subscription runs by product keys or direct billing: no partner adds seats to it. `product`."""


class CannotRenewItself(Refusal):
    """The subscription cannot be let renew itself by its partner. `product`; `by_customer`: the customer stopped it, and
    only the customer starts it again; else it does not run any more, runs by another contract, or the customer ends the
    relationship."""


@dataclass(frozen=True)
class Asked:
    """What the gate is asked.

    `side`: one of SIDES; `state`: the customer's consent, one of `agreements.rules.CONSENT_STATES`; `programme`: of the
    partner that orders or is bought from; `related`: there is an open relationship of exactly these; `paired`: provider
    and reseller are confirmed (true in a direct relationship); `attesting`: the programmes that policy lets attest today;
    `direct`: the customer may accept by itself.
    """

    side: str
    state: str
    programme: str | None
    related: bool = True
    paired: bool = True
    attesting: frozenset[str] = frozenset({"direct_bill", "indirect_provider"})
    direct: bool = True


def needs_consent(side: str) -> bool:
    """Whether whoever orders is held up at the gate: automatic renewals are exempt (seed 002)."""
    return side != "automatic"


def remedy_of(asked: Asked) -> str:
    """What helps where consent is missing. For a partner: "attest" (the prompt opens), "provider" (an indirect reseller
    asks its provider), "objected" (speak with the customer first), "accept" (nobody attests any more: the customer accepts
    by itself). For a customer: "ask" (the partner confirms) or "accept".
    """
    if asked.state == "objected":
        return "objected" if asked.side == "partner" else "accept"
    if asked.side == "customer":
        return "ask" if asked.attesting else "accept"
    if asked.programme == "indirect_reseller":
        return "provider" if "indirect_provider" in asked.attesting else "accept"
    return "attest" if asked.programme in asked.attesting else "accept"


def check_gate(asked: Asked) -> None:
    """Whether something may be bought now; what runs already is never asked about.

    Raises ProviderMissing, NotSelling, AgreementMissing (the latter two without their names: the caller knows them).
    """
    if not asked.paired:
        raise ProviderMissing()
    if not asked.related:
        raise NotSelling()
    if needs_consent(asked.side) and asked.state not in CONSENTED:
        raise AgreementMissing(
            side=asked.side, state=asked.state, remedy=remedy_of(asked),
            direct=asked.side == "customer" and asked.direct,
        )  # fmt: skip


def check_product(code: str, is_open: bool, seats: int, low: int, high: int) -> None:
    """Raises ProductClosed, SeatsNotOffered."""
    if not is_open:
        raise ProductClosed(product=code)
    if not low <= seats <= high:
        raise SeatsNotOffered(low=low, high=high)


# --- carts -------------------------------------------------------------------------------------------------------


def check_open(order_ids: Sequence[str]) -> None:
    """Raises CartOrdered once a cart has placed orders."""
    if order_ids:
        raise CartOrdered()


# --- what a partner changes ------------------------------------------------------------------------------------------


def check_there(stage: str, product: str) -> None:
    """Raises SubscriptionDeleted."""
    if stage == "deleted":
        raise SubscriptionDeleted(product=product)


def check_seats(stage: str, contract: str, product: str, before: int, seats: int, ends_on: date) -> None:
    """Whether a partner lets a subscription have other seats within its term: more of them, while it runs (or will), and
    where the partner is whom the customer pays. Raises PaidElsewhere, SeatsFixedNow, SeatsOnlyGrow."""
    if contract != "partner":
        raise PaidElsewhere(product=product)
    if stage not in {"coming", "active"}:
        raise SeatsFixedNow(product=product, ends_on=ends_on)
    if seats < before:
        raise SeatsOnlyGrow(product=product, seats=before)


def check_renewable(product: str, *, possible: bool, by_customer: bool) -> None:
    """Whether a partner lets a subscription renew itself from now on: what the customer stopped stays stopped until the
    customer starts it. Raises CannotRenewItself."""
    if by_customer or not possible:
        raise CannotRenewItself(product=product, by_customer=by_customer)
