"""The gate: side by side with what seed 002 says of buying."""

from __future__ import annotations

from datetime import date
from itertools import product as every
from typing import Any

import pytest

from webapp.agreements.rules import CONSENT_STATES, IN_ORDER
from webapp.errors import Refusal
from webapp.orders import rules
from webapp.orders.rules import SIDES, Asked

BOTH = frozenset({"direct_bill", "indirect_provider"})
PROVIDERS = frozenset({"indirect_provider"})
NOBODY: frozenset[str] = frozenset()

#: side, consent, programme, who may attest by policy -> what helps ("" passes).
TABLE = [
    # A customer that agreed buys, and is ordered for, whoever sells and whatever the policy on attesting is.
    ("partner", "accepted", "direct_bill", BOTH, ""),
    ("partner", "attested", "direct_bill", NOBODY, ""),
    ("partner", "accepted", "indirect_reseller", NOBODY, ""),
    ("partner", "attested", "indirect_provider", BOTH, ""),
    ("customer", "accepted", "direct_bill", BOTH, ""),
    ("customer", "attested", "indirect_reseller", NOBODY, ""),
    # "A new order for an existing customer that was not confirmed: a prompt to complete the confirmation."
    ("partner", "none", "direct_bill", BOTH, "attest"),
    ("partner", "none", "indirect_provider", BOTH, "attest"),
    ("partner", "must_renew", "direct_bill", BOTH, "attest"),
    # "Indirect resellers cannot attest on behalf of customers. They must work with their indirect provider."
    ("partner", "none", "indirect_reseller", BOTH, "provider"),
    ("partner", "must_renew", "indirect_reseller", PROVIDERS, "provider"),
    # What policy closes, the customer does itself.
    ("partner", "none", "direct_bill", PROVIDERS, "accept"),
    ("partner", "none", "direct_bill", NOBODY, "accept"),
    ("partner", "none", "indirect_reseller", NOBODY, "accept"),
    ("partner", "must_renew", "indirect_provider", NOBODY, "accept"),
    # Who denied what was attested is spoken with first.
    ("partner", "objected", "direct_bill", BOTH, "objected"),
    ("partner", "objected", "indirect_reseller", NOBODY, "objected"),
    # "Contact your partner to confirm your acceptance of the Microsoft Customer Agreement."
    ("customer", "none", "direct_bill", BOTH, "ask"),
    ("customer", "none", "indirect_reseller", PROVIDERS, "ask"),
    ("customer", "must_renew", "direct_bill", BOTH, "ask"),
    ("customer", "none", "direct_bill", NOBODY, "accept"),
    ("customer", "objected", "direct_bill", BOTH, "accept"),
]  # fmt: skip


@pytest.mark.parametrize(("side", "state", "programme", "attesting", "remedy"), TABLE)
def test_what_helps_where_consent_is_missing(
    side: str, state: str, programme: str, attesting: frozenset[str], remedy: str
) -> None:
    asked = Asked(side, state, programme, attesting=attesting)
    if not remedy:
        rules.check_gate(asked)
        return
    with pytest.raises(rules.AgreementMissing) as refused:
        rules.check_gate(asked)
    assert (refused.value.remedy, refused.value.side, refused.value.state) == (remedy, side, state)
    assert refused.value.status == 403


@pytest.mark.parametrize(("state", "programme"), [*every(CONSENT_STATES, ("direct_bill", "indirect_reseller"))])
def test_automatic_renewals_are_exempt_whatever_was_agreed(state: str, programme: str) -> None:
    rules.check_gate(Asked("automatic", state, programme, attesting=NOBODY))


@pytest.mark.parametrize(("side", "state"), [*every(SIDES, CONSENT_STATES)])
def test_without_relationship_or_pair_nothing_is_bought_even_with_consent(side: str, state: str) -> None:
    cases: list[tuple[dict[str, Any], str]] = [
        ({"related": False}, "NotSelling"),
        ({"paired": False}, "ProviderMissing"),
        ({"related": False, "paired": False}, "ProviderMissing"),
    ]
    for changes, name in cases:
        with pytest.raises(Refusal) as refused:
            rules.check_gate(Asked(side, state, "indirect_reseller", **changes))
        assert refused.value.name == name


@pytest.mark.parametrize(
    ("side", "direct", "led"), [("customer", True, True), ("customer", False, False), ("partner", True, False)]
)
def test_only_a_customer_that_may_accept_directly_is_led_to_the_agreement(side: str, direct: bool, led: bool) -> None:
    with pytest.raises(rules.AgreementMissing) as refused:
        rules.check_gate(Asked(side, "none", "direct_bill", direct=direct))
    assert refused.value.direct is led


def test_the_states_that_can_buy_are_those_of_the_agreement() -> None:
    assert rules.CONSENTED == IN_ORDER


@pytest.mark.parametrize(
    ("is_open", "seats", "refusal"),
    [
        (True, 5, ""),
        (True, 300, ""),
        (True, 4, "SeatsNotOffered"),
        (True, 301, "SeatsNotOffered"),
        (False, 5, "ProductClosed"),
        (False, 1, "ProductClosed"),
    ],
)
def test_a_product_is_open_and_sold_for_so_many_seats(is_open: bool, seats: int, refusal: str) -> None:
    if not refusal:
        rules.check_product("SUITE-Y", is_open, seats, 5, 300)
        return
    with pytest.raises(Refusal) as refused:
        rules.check_product("SUITE-Y", is_open, seats, 5, 300)
    assert refused.value.name == refusal


@pytest.mark.parametrize(
    ("stage", "contract", "seats", "name"),
    [
        ("active", "partner", 6, None), ("coming", "partner", 6, None), ("expired", "partner", 6, "SeatsFixedNow"),
        ("disabled", "partner", 6, "SeatsFixedNow"), ("active", "partner", 4, "SeatsOnlyGrow"),
        ("active", "product_key", 6, "PaidElsewhere"), ("active", "direct", 6, "PaidElsewhere"),
    ],
)  # fmt: skip
def test_a_partner_adds_seats_to_what_runs_by_its_contract(
    stage: str, contract: str, seats: int, name: str | None
) -> None:
    def check() -> None:
        rules.check_seats(stage, contract, "Suite", 5, seats, date(2026, 11, 20))

    if name is None:
        check()
    else:
        with pytest.raises(Refusal) as refused:
            check()
        assert refused.value.name == name


@pytest.mark.parametrize(("possible", "by_customer"), [(False, False), (True, True), (False, True)])
def test_a_partner_lets_renew_what_can_and_what_the_customer_did_not_stop(possible: bool, by_customer: bool) -> None:
    rules.check_renewable("Suite", possible=True, by_customer=False)
    with pytest.raises(rules.CannotRenewItself) as refused:
        rules.check_renewable("Suite", possible=possible, by_customer=by_customer)
    assert refused.value.by_customer is by_customer


def test_what_is_deleted_and_what_was_checked_out_do_not_change() -> None:
    rules.check_there("disabled", "Suite")
    rules.check_open([])
    with pytest.raises(rules.SubscriptionDeleted):
        rules.check_there("deleted", "Suite")
    with pytest.raises(rules.CartOrdered):
        rules.check_open(["x"])
