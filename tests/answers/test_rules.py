"""What a link says, and whether it agrees with the invitation."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import partial
from uuid import UUID

import pytest

from webapp.answers import rules
from webapp.answers.rules import Link, MalformedLink, UnknownLink
from webapp.errors import Refusal

PARTNER = UUID("11111111-1111-4111-8111-111111111111")
RESELLER = UUID("22222222-2222-4222-8222-222222222222")
REF = "0123456789abcdef0123456789abcdef"

READ = [
    ([], Link()),
    ([("utm_source", "x"), ("lang", "ja"), ("DAP", "true")], Link()),
    ([("ref", REF)], Link(ref=REF)),
    ([("REF", f" {REF.upper()} ")], Link(ref=REF)),
    ([("ref", "/BillingAccounts/agreement")], Link(page="/billingaccounts/agreement")),
    ([("ref", "/BillingAccounts/Agreement/")], Link(page="/billingaccounts/agreement")),
    ([("ref", "/")], Link(page="/")),
    (
        [("invType", "ResellerRelationship"), ("partnerId", str(PARTNER)), ("msppId", "0"), ("DAP", "true")],
        Link(type="ResellerRelationship", partner_id=PARTNER, number="0"),
    ),
    (
        [("invtype", "indirectresellerrelationship"), ("partnerid", str(PARTNER).upper()), ("indirectCSPId", str(RESELLER))],
        Link(type="IndirectResellerRelationship", partner_id=PARTNER, reseller_id=RESELLER),
    ),
    ([("x" * 10_000, "y"), ("ref", REF)], Link(ref=REF)),
]  # fmt: skip


@pytest.mark.parametrize(("parameters", "said"), READ)
def test_a_link_says_what_its_known_parameters_say(parameters: list[tuple[str, str]], said: Link) -> None:
    assert rules.read_link(parameters) == said


UNREADABLE = [
    ([("ref", REF), ("Ref", REF)], "repeated"),
    ([("partnerId", str(PARTNER)), ("partnerid", str(PARTNER))], "repeated"),
    ([("lang", "ja"), ("lang", "en")], "repeated"),
    ([("invType", "Anything")], "type"),
    ([("invType", "\x00")], "type"),
    ([("partnerId", "123")], "id"),
    ([("partnerId", "{" + str(PARTNER) + "}")], "id"),
    ([("partnerId", str(PARTNER) + "\n" + "1")], "id"),
    ([("indirectCSPId", "🙂")], "id"),
    ([("msppId", "12a")], "number"),
    ([("msppId", "١٢٣")], "number"),
    ([("msppId", "9" * 17)], "number"),
    ([("DAP", "maybe")], "choice"),
]


@pytest.mark.parametrize(("parameters", "why"), UNREADABLE)
def test_a_malformed_parameter_is_refused(parameters: list[tuple[str, str]], why: str) -> None:
    with pytest.raises(MalformedLink) as refused:
        rules.read_link(parameters)
    assert refused.value.why == why


@pytest.mark.parametrize("ref", ["x", REF[:-1], REF + "0", "g" * 32, "\u202e" + REF, "a" * 100_000, "\x00", "🙂"])
def test_a_reference_that_is_none_of_ours_is_unknown_not_malformed(ref: str) -> None:
    with pytest.raises(UnknownLink):
        rules.read_link([("ref", ref)])


@pytest.mark.parametrize(
    "link",
    [
        Link(),
        Link(partner_id=PARTNER),
        Link(type="ResellerRelationship"),
        Link(type="IndirectResellerRelationship", partner_id=PARTNER),
    ],
)
def test_a_link_without_reference_must_say_whose_invitation_it_means(link: Link) -> None:
    with pytest.raises(MalformedLink):
        rules.check_complete(link)


AGREES = [
    (Link(ref=REF), "relationship", None, True),
    (Link(type="ResellerRelationship", partner_id=PARTNER, number="0"), "relationship", None, True),
    (Link(type="ResellerRelationship", partner_id=PARTNER, number="4500101"), "relationship", None, True),
    (Link(type="IndirectResellerRelationship", reseller_id=RESELLER), "relationship", RESELLER, True),
    (Link(type="CustomerAgreement"), "agreement", None, True),
    (Link(type="CustomerAgreement"), "relationship", None, False),
    (Link(type="ResellerRelationship"), "relationship", RESELLER, False),
    (Link(type="IndirectResellerRelationship"), "relationship", None, False),
    (Link(partner_id=RESELLER), "relationship", None, False),
    (Link(reseller_id=RESELLER), "relationship", None, False),
    (Link(number="999"), "relationship", None, False),
]


@pytest.mark.parametrize(("link", "asks", "reseller_id", "agrees"), AGREES)
def test_whatever_a_link_says_must_agree_with_the_invitation(
    link: Link, asks: str, reseller_id: UUID | None, agrees: bool
) -> None:
    check = partial(
        rules.check_agrees, link, asks=asks, partner_id=PARTNER, reseller_id=reseller_id, numbers=["4500101", None]
    )
    if agrees:
        check()
    else:
        with pytest.raises(UnknownLink):
            check()


@pytest.mark.parametrize(
    ("kind", "own", "customer_id", "refusal"),
    [
        ("customer", RESELLER, RESELLER, None),
        ("customer", RESELLER, None, None),
        ("customer", PARTNER, RESELLER, rules.WrongAccount),
        ("partner", PARTNER, RESELLER, rules.LinkForCustomers),
        ("partner", RESELLER, None, rules.LinkForCustomers),
    ],
)
def test_only_the_customer_that_is_meant_goes_on(
    kind: str, own: UUID, customer_id: UUID | None, refusal: type[Refusal] | None
) -> None:
    check = partial(
        rules.check_account, kind=kind, organization_id=own, partner_id=PARTNER, reseller_id=None,
        customer_id=customer_id, organization="", ref=REF,
    )  # fmt: skip
    if refusal is None:
        check()
    else:
        with pytest.raises(refusal):
            check()


def test_what_changed_is_named() -> None:
    rules.check_same({"a": "1"}, {"a": "2"}, same=True)
    with pytest.raises(rules.ShownHasChanged) as refused:
        rules.check_same({"a": "1", "b": "1"}, {"a": "1", "b": "2", "c": "3"}, same=False)
    assert refused.value.changes == ["b", "c"]
    with pytest.raises(rules.ShownHasChanged) as refused:
        rules.check_same({"a": "1"}, {"a": "1"}, same=False)
    assert refused.value.changes == ["other"]


def test_sign_up_links_end_by_use_and_by_time() -> None:
    now = datetime(2026, 5, 1, tzinfo=UTC)
    rules.check_link_open(None, now + timedelta(seconds=1), now, "")
    for used_at, expires_at in ((now, now + timedelta(days=1)), (None, now)):
        with pytest.raises(rules.SignUpLinkOver):
            rules.check_link_open(used_at, expires_at, now, "")


@pytest.mark.parametrize(
    ("last", "may"),
    [(None, True), (timedelta(minutes=-9), False), (timedelta(minutes=-10), True), (timedelta(minutes=5), True)],
)
def test_another_link_goes_out_after_ten_minutes(last: timedelta | None, may: bool) -> None:
    now = datetime(2026, 5, 1, tzinfo=UTC)
    assert rules.may_mail_again(None if last is None else now + last, now) is may


def test_a_masked_address_keeps_first_letter_and_domain() -> None:
    assert rules.masked("admin@contoso.example") == "a•••@contoso.example"


def test_every_reason_to_decline_is_offered() -> None:
    from webapp.answers.forms import DeclineForm

    choices = DeclineForm.reason.kwargs["choices"]
    assert tuple(choice.value for choice in choices) == rules.DECLINE_REASONS
