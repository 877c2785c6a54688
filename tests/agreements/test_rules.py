"""Which version applies, and how a text is read."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from webapp.agreements import rules
from webapp.errors import Refusal


@dataclass
class Text:
    version: str
    effective_on: date
    published_at: Any = 0


MARCH, NOVEMBER = Text("2026-03", date(2026, 3, 1)), Text("2026-11", date(2026, 11, 1))
CORRECTED = Text("2026-03b", date(2026, 3, 1), 1)


@pytest.mark.parametrize(
    ("texts", "today", "version"),
    [
        ([], date(2026, 5, 1), None),
        ([MARCH, NOVEMBER], date(2026, 2, 28), None),
        ([MARCH, NOVEMBER], date(2026, 3, 1), "2026-03"),
        ([NOVEMBER, MARCH], date(2026, 10, 31), "2026-03"),
        ([MARCH, NOVEMBER], date(2026, 11, 1), "2026-11"),
        ([CORRECTED, MARCH], date(2026, 4, 1), "2026-03b"),
    ],
)
def test_the_newest_version_whose_day_has_come_applies(texts: list[Text], today: date, version: str | None) -> None:
    found = rules.newest_in_force(texts, today)
    assert (found.version if found else None) == version


@pytest.mark.parametrize(
    ("effective_on", "version", "in_force", "standing"),
    [
        (date(2026, 11, 1), "2026-11", "2026-03", "future"),
        (date(2026, 3, 1), "2026-03", "2026-03", "in_force"),
        (date(2025, 3, 1), "2025-03", "2026-03", "past"),
    ],
)
def test_a_version_is_in_force_ahead_or_past(effective_on: date, version: str, in_force: str, standing: str) -> None:
    assert rules.standing_of(effective_on, version, in_force, date(2026, 5, 1)) == standing


def test_a_fingerprint_changes_with_every_part() -> None:
    shown = {"boxes": {"agreement": "I accept"}, "organization": {"name": "A"}, "list": ["x", "y"]}
    before = rules.fingerprint(shown)
    assert rules.fingerprint(dict(reversed(shown.items()))) == before
    for name, value in (("boxes", {"agreement": "I accept "}), ("organization", {"name": "B"}), ("list", ["y", "x"])):
        changed = shown | {name: value}
        assert rules.fingerprint(changed) != before
        assert rules.changed(rules.parts(shown), rules.parts(changed)) == [name]


@pytest.mark.parametrize(
    ("roles", "may"),
    [
        ({"global_administrator"}, True),
        ({"billing_administrator", "x"}, True),
        ({"global_reader"}, False),
        (set(), False),
    ],
)
def test_only_the_roles_of_the_policy_accept(roles: set[str], may: bool) -> None:
    acceptors = ("global_administrator", "billing_administrator")
    if may:
        rules.check_may_accept(frozenset(roles), acceptors)
    else:
        with pytest.raises(rules.RoleCannotAccept):
            rules.check_may_accept(frozenset(roles), acceptors)


def test_headings_get_ids_that_never_repeat() -> None:
    seen: set[str] = set()
    headings = ("Title", "1. One", "1.1 Part", "第2条 二", "1. One", "Annex", "3.2.1")
    assert [rules.anchor_of(each, seen) for each in headings] == [
        "part", "clause-1", "clause-1-1", "clause-2", "clause-1-2", "part-2", "clause-3-2-1",
    ]  # fmt: skip


def test_the_contents_leave_the_title_out() -> None:
    html = '<h2 id="part">T</h2><h2 id="clause-1">1. A &amp; <em>B</em></h2><p>x</p><h3 id="clause-1-1">1.1</h3>'
    assert [(h.id, h.text, h.level) for h in rules.headings_of(html)] == [
        ("clause-1", "1. A & B", 2),
        ("clause-1-1", "1.1", 3),
    ]


# --- who may attest ----------------------------------------------------------------------------------------------

DIRECT, PROVIDER, RESELLER = "direct_bill", "indirect_provider", "indirect_reseller"
BOTH = (DIRECT, PROVIDER)
FOREVER = date(9999, 12, 31)
TODAY = date(2026, 5, 1)


@pytest.mark.parametrize(
    ("programme", "allowed", "last_day", "sells", "refusal"),
    [
        (DIRECT, BOTH, FOREVER, True, None),
        (PROVIDER, BOTH, FOREVER, True, None),
        (DIRECT, (DIRECT,), TODAY, True, None),  # the last day is a day on which it is allowed
        (DIRECT, BOTH, FOREVER, False, rules.NotTheSeller),
        (PROVIDER, BOTH, FOREVER, False, rules.NotTheSeller),
        (PROVIDER, (DIRECT,), FOREVER, True, rules.AttestationClosed),
        (DIRECT, (PROVIDER,), FOREVER, True, rules.AttestationClosed),
        (DIRECT, (), FOREVER, True, rules.AttestationClosed),
        (DIRECT, BOTH, date(2026, 4, 30), True, rules.AttestationClosed),
        (None, BOTH, FOREVER, True, rules.AttestationClosed),
        (RESELLER, BOTH, FOREVER, True, rules.ResellerCannotAttest),
        (RESELLER, (*BOTH, RESELLER), FOREVER, True, rules.ResellerCannotAttest),  # whatever a policy says
        (RESELLER, (), date(2020, 1, 1), False, rules.ResellerCannotAttest),
    ],
)
def test_only_a_direct_bill_partner_or_provider_that_sells_attests_while_policy_lets_it(
    programme: str | None, allowed: tuple[str, ...], last_day: date, sells: bool, refusal: type[Refusal] | None
) -> None:
    def check() -> None:
        rules.check_may_attest(
            programme, allowed=allowed, today=TODAY, last_day=last_day, sells=sells, customer="Contoso",
            providers=["Fabrikam"],
        )  # fmt: skip

    if refusal is None:
        check()
        return
    with pytest.raises(refusal) as refused:
        check()
    facts = {
        rules.NotTheSeller: {"customer": "Contoso"},
        rules.ResellerCannotAttest: {"providers": ("Fabrikam",)},
        rules.AttestationClosed: {"last_day": last_day, "ended": last_day < TODAY},
    }
    assert refused.value.facts == facts[refusal]


@pytest.mark.parametrize(
    ("agreed_on", "today", "allowed"),
    [
        (date(2026, 5, 1), date(2026, 5, 1), True),
        (date(2026, 4, 30), date(2026, 5, 1), True),
        (date(2026, 5, 2), date(2026, 5, 1), False),
        (date(2024, 2, 29), date(2024, 2, 29), True),
        (date(2024, 2, 29), date(2024, 2, 28), False),
        (date(2024, 3, 1), date(2024, 2, 29), False),
        (date(2027, 1, 1), date(2026, 12, 31), False),
    ],
)
def test_nobody_agreed_on_a_day_that_has_not_come(agreed_on: date, today: date, allowed: bool) -> None:
    if allowed:
        rules.check_agreed_on(agreed_on, today)
        return
    with pytest.raises(rules.AgreedInFuture) as refused:
        rules.check_agreed_on(agreed_on, today)
    assert refused.value.today == today


def test_a_day_without_any_version_is_refused_with_the_first_day_that_had_one() -> None:
    rules.check_text_on(MARCH, "JP", TODAY, MARCH.effective_on)
    with pytest.raises(rules.NoTextOnDay) as refused:
        rules.check_text_on(None, "JP", date(2020, 1, 1), date(2022, 10, 1))
    assert refused.value.facts == {"country": "JP", "day": date(2020, 1, 1), "first": date(2022, 10, 1)}


# --- equal and different signatories ------------------------------------------------------------------------------

TANIA = {"given_name": "Tania", "family_name": "Carr", "email": "tania@contoso.example", "phone": "1234567890"}
TARO = {"given_name": "太郎", "family_name": "山田", "email": "taro@contoso.example", "phone": ""}


@pytest.mark.parametrize(
    ("last", "changes"),
    [
        (TANIA, {}),
        (TANIA, {"given_name": "TANIA", "email": "Tania@Contoso.Example"}),
        (TANIA, {"given_name": "  Tania ", "family_name": "\tCarr\N{NO-BREAK SPACE}"}),
        (TANIA, {"given_name": "Ｔａｎｉａ", "phone": "１２３４５６７８９０"}),
        (TANIA, {"email": "tania@contoso.example\N{ZERO WIDTH NON-JOINER}"}),
        (TANIA, {"phone": "(123) 456-7890"}),
        (TARO, {"given_name": "太\N{ZERO WIDTH JOINER}郎"}),
        (TARO, {"phone": " - "}),
        ({**TANIA, "family_name": "Van  Straße"}, {"family_name": "van\N{IDEOGRAPHIC SPACE}STRASSE"}),
        ({**TARO, "family_name": "ﾔﾏﾀﾞ"}, {"family_name": "ヤマダ"}),
        ({**TANIA, "given_name": "Re\N{COMBINING ACUTE ACCENT}ne"}, {"given_name": "Réne"}),
    ],
)
def test_spelling_the_same_in_another_way_is_no_change(last: dict[str, str], changes: dict[str, str]) -> None:
    with pytest.raises(rules.SameAttestation) as refused:
        rules.check_differs(rules.Signatory(**{**last, **changes}), last, at="then", by="Northwind")
    filled = tuple(name for name in rules.SIGNATORY if name != "phone" or last["phone"])
    assert refused.value.facts == {"equal": filled, "at": "then", "by": "Northwind"}


@pytest.mark.parametrize(
    "changes",
    [
        {"given_name": "Tanya"}, {"family_name": "Carré"}, {"email": "tania.carr@contoso.example"}, {"phone": ""},
        {"phone": "+1234567890"}, {"phone": "1234567891"}, {"given_name": "Carr", "family_name": "Tania"},
    ],
)  # fmt: skip
def test_one_field_that_really_changed_is_enough(changes: dict[str, str]) -> None:
    rules.check_differs(rules.Signatory(**{**TANIA, **changes}), TANIA)


@pytest.mark.parametrize("last", [{}, {"given_name": "Tania", "family_name": "Carr"}])
def test_nothing_is_equal_to_what_was_erased_or_never_there(last: dict[str, str]) -> None:
    rules.check_differs(rules.Signatory(**TANIA), last)


# --- what a customer's consent is worth ---------------------------------------------------------------------------

RENEW_BEFORE = date(2023, 4, 1)
OLD, NEW = date(2022, 10, 1), date(2026, 3, 1)


def consent(kind: str, agreed_on: date = NEW, effective_on: date = NEW, at: int = 0, objected: bool = False) -> Any:
    moment = datetime(2026, 4, 1, tzinfo=UTC) + timedelta(days=at)
    return rules.Consent(kind, agreed_on, effective_on, moment, moment + timedelta(hours=1) if objected else None)


ACCEPTED, ATTESTED = consent("accepted"), consent("attested")
ACCEPTED_LONG_AGO = consent("accepted", date(2023, 3, 31), OLD)
ATTESTED_LONG_AGO = consent("attested", date(2023, 3, 31), OLD)
DENIED = consent("attested", at=1, objected=True)


@pytest.mark.parametrize(
    ("consents", "required", "state"),
    [
        ([], None, "none"),
        ([], NEW, "none"),
        ([ACCEPTED], None, "accepted"),
        ([ATTESTED], None, "attested"),
        ([ACCEPTED, ATTESTED], None, "accepted"),
        ([ATTESTED, consent("accepted", at=5)], None, "accepted"),
        ([ACCEPTED_LONG_AGO], None, "must_renew"),
        ([ATTESTED_LONG_AGO], None, "must_renew"),
        ([consent("accepted", date(2023, 4, 1), OLD)], None, "accepted"),  # the policy's day itself is late enough
        ([consent("attested", date(2023, 4, 1), OLD)], None, "attested"),
        ([ACCEPTED_LONG_AGO, ATTESTED], None, "attested"),
        ([ACCEPTED_LONG_AGO, ACCEPTED], None, "accepted"),
        # A version that requires renewal.
        ([consent("accepted", date(2026, 2, 28), OLD)], NEW, "must_renew"),
        ([consent("attested", date(2026, 2, 28), OLD)], NEW, "must_renew"),
        ([ACCEPTED], NEW, "accepted"),
        ([ATTESTED], NEW, "attested"),
        ([ATTESTED], date(2026, 6, 1), "must_renew"),
        # Objections.
        ([DENIED], None, "objected"),
        ([ATTESTED, DENIED], None, "objected"),  # an earlier confirmation does not stand in for one that is denied
        ([DENIED, consent("attested", at=2)], None, "attested"),
        ([DENIED, consent("accepted", at=2)], None, "accepted"),
        ([ACCEPTED, DENIED], None, "accepted"),  # what the customer itself did stands
        ([ACCEPTED_LONG_AGO, DENIED], None, "objected"),
        ([DENIED, consent("attested", date(2023, 3, 31), OLD, at=2)], None, "must_renew"),
        ([DENIED, consent("attested", at=2, objected=True)], None, "objected"),
        ([consent("attested", date(2023, 3, 31), OLD, objected=True)], None, "objected"),
        ([ATTESTED, consent("attested", date(2023, 3, 31), OLD, at=2)], None, "attested"),
    ],
)
@pytest.mark.parametrize("backwards", [False, True])
def test_a_consent_is_worth_what_it_is_whatever_the_order_of_rows(
    consents: list[Any], required: date | None, state: str, backwards: bool
) -> None:
    rows = consents[::-1] if backwards else consents
    assert rules.consent_state(rows, renew_before=RENEW_BEFORE, required=required) == state
    assert state in rules.CONSENT_STATES
    assert (state in rules.IN_ORDER) == (state in {"accepted", "attested"})


def test_an_objection_is_made_once() -> None:
    rules.check_first_objection(None)
    with pytest.raises(rules.AlreadyObjected) as refused:
        rules.check_first_objection("then")
    assert refused.value.at == "then"


def test_an_attestation_that_could_be_told_to_nobody_is_refused() -> None:
    rules.check_receiver(True)
    with pytest.raises(rules.NobodyToTell):
        rules.check_receiver(False)
