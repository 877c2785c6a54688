"""What is wrong with a row, and what can be done with an import in each state: tables of plain facts."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from webapp.errors import Refusal
from webapp.imports import rules
from webapp.imports.rules import Candidate, Checked, Known, Other

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
TODAY = date(2026, 11, 20)
ID, SECOND, PARTNER = UUID(int=1), UUID(int=2), UUID(int=3)


@dataclass(frozen=True)
class Text:
    effective_on: date
    published_at: Any = NOW


CONTOSO = Candidate(
    ID, "Contoso 株式会社", frozenset({"contoso.example", "contoso.co.example"}), "JP", TODAY,
    on_file="admin@contoso.example", sells=True, texts=(Text(date(2026, 3, 1)),),
)  # fmt: skip
KNOWN = Known(
    [CONTOSO], "direct_bill", {"ann@northwind.example"}, {"northwind.example"},
    allowed=("direct_bill", "indirect_provider"), today=TODAY,
)  # fmt: skip
ATTESTED = {
    "customer": "contoso.example", "given_name": "Taro", "family_name": "Takahashi", "email": "taro@contoso.example",
    "phone": "+81 3 1234 5678", "agreed_on": "2026-11-02",
}  # fmt: skip


def check(kind: str, known: Known = KNOWN, /, **values: str) -> Checked:
    base = ATTESTED if kind == "attestations" else {"customer": "contoso.example"}
    return rules.check_row(kind, {**base, **values}, known)


def codes(found: Checked) -> list[tuple[str, str]]:
    return [(fault.column, fault.code) for fault in found.faults]


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2026-11-20", TODAY),
        ("2026/11/20", TODAY),
        ("2026.11.20", TODAY),
        ("2026年11月20日", TODAY),
        ("２０２６年１１月２０日", TODAY),
        ("2026 年 11 月 20 日", TODAY),
        ("2026-11-20 00:00:00", TODAY),
        ("2028-2-29", date(2028, 2, 29)),
        ("2027-02-29", None),
        ("11/20/2026", None),
        ("20.11.2026", None),
        ("2026-11-20 13:00", None),
        ("46346", None),
        ("", None),
        ("2026-13-01", None),
    ],
)
def test_a_day_is_read_in_the_forms_that_people_write(text: str, day: date | None) -> None:
    assert rules.day_in(text) == day


@pytest.mark.parametrize(
    ("column", "text", "choice"),
    [
        ("asks", "Agreement only", "agreement"),
        ("asks", "契約のみ", "agreement"),
        ("asks", "リセラー関係", "relationship"),
        ("asks", "everything", None),
        ("language", "日本語", "ja"),
        ("language", "EN", "en"),
        ("language", "fr", None),
    ],
)
def test_a_choice_is_read_in_both_languages(column: str, text: str, choice: str | None) -> None:
    assert rules.choice_in(column, text) == choice


@pytest.mark.parametrize(
    "word",
    [
        "contoso.example",
        "CONTOSO.CO.EXAMPLE",
        str(ID),
        "Contoso 株式会社",
        "ｃｏｎｔｏｓｏ　株式会社",
        "contoso  株式会社",
    ],
)
def test_a_customer_is_named_by_domain_id_or_exact_name(word: str) -> None:
    assert check("invitations", customer=word).customer_id == ID


@pytest.mark.parametrize("word", ["contoso", "sub.contoso.example", "Contoso Ltd.", str(SECOND)])
def test_what_names_no_customer_of_the_partner_is_a_fault(word: str) -> None:
    assert codes(check("invitations", customer=word)) == [("customer", "no_customer")]


def test_a_name_that_two_customers_have_is_a_fault_and_a_domain_tells_them_apart() -> None:
    twin = replace(CONTOSO, id=SECOND, domains=frozenset({"other.example"}))
    both = replace(KNOWN, candidates=[CONTOSO, twin])
    assert codes(check("invitations", both, customer="Contoso 株式会社")) == [("customer", "several_customers")]
    assert check("invitations", both, customer="other.example").customer_id == SECOND


def test_a_recipient_alone_names_the_customer_by_its_domain() -> None:
    assert check("invitations", customer="", recipient="x@contoso.example").customer_id == ID
    assert codes(check("invitations", customer="", recipient="x@elsewhere.example")) == [
        ("customer", "no_customer_of_mail")
    ]
    assert codes(check("invitations", customer="")) == [("customer", "empty")]


@pytest.mark.parametrize(
    ("values", "found"),
    [
        ({}, []),
        ({"recipient": "no address"}, [("recipient", "no_mail")]),
        ({"recipient": "ann@northwind.example"}, [("recipient", "OwnRecipient")]),
        ({"recipient": "x@mail.northwind.example"}, [("recipient", "OwnRecipient")]),
        ({"last_day": "2026-11-20"}, []),
        ({"last_day": "2026-11-19"}, [("last_day", "LastDayOutOfBounds")]),
        ({"last_day": "2027-11-20"}, []),
        ({"last_day": "2027-11-21"}, [("last_day", "LastDayOutOfBounds")]),
        ({"last_day": "soon"}, [("last_day", "no_day")]),
        ({"language": "fr"}, [("language", "no_choice")]),
        ({"asks": "all"}, [("asks", "no_choice")]),
        ({"partner": "Tailspin"}, [("partner", "no_partner")]),
        ({"customer": "=A1"}, [("customer", "formula")]),
        ({"customer": "＝A1"}, [("customer", "formula")]),
        ({"customer": "a\u202eb"}, [("customer", "unreadable")]),
        ({"recipient": "x" * 300}, [("recipient", "too_long")]),
    ],
)
def test_faults_of_an_invitation(values: dict[str, str], found: list[tuple[str, str]]) -> None:
    assert codes(check("invitations", **values)) == found


def test_without_an_address_on_file_an_invitation_names_one() -> None:
    known = replace(KNOWN, candidates=[replace(CONTOSO, on_file="")])
    assert codes(check("invitations", known)) == [("recipient", "no_recipient")]
    assert codes(check("invitations", known, recipient="x@contoso.example")) == []


TAILSPIN = Other(PARTNER, frozenset({"tailspin resellers", "tailspin.example", "4000001"}))


@pytest.mark.parametrize(
    ("programme", "others", "values", "found", "other"),
    [
        ("indirect_provider", [TAILSPIN], {}, [], None),
        ("indirect_provider", [TAILSPIN], {"partner": "Tailspin  Resellers"}, [], PARTNER),
        ("indirect_provider", [TAILSPIN], {"partner": "4000001", "asks": "agreement"}, [], None),
        ("indirect_reseller", [TAILSPIN], {}, [], PARTNER),
        ("indirect_reseller", [TAILSPIN, replace(TAILSPIN, id=SECOND)], {}, [("partner", "empty")], None),
        ("indirect_reseller", [], {}, [("partner", "NoProvider")], None),
        ("indirect_reseller", [], {"asks": "agreement"}, [], None),
        ("indirect_reseller", [TAILSPIN], {"partner": "x"}, [("partner", "no_partner")], None),
    ],
)
def test_whom_an_indirect_invitation_names(
    programme: str, others: list[Other], values: dict[str, str], found: list[tuple[str, str]], other: UUID | None
) -> None:
    checked = check("invitations", replace(KNOWN, programme=programme, others=others), **values)
    assert (codes(checked), checked.other_id) == (found, other)


@pytest.mark.parametrize(
    ("values", "found"),
    [
        ({}, []),
        ({"phone": ""}, []),
        ({"phone": "０３−１２３４−５６７８"}, []),
        ({"phone": "call me"}, [("phone", "no_phone")]),
        ({"given_name": ""}, [("given_name", "empty")]),
        ({"family_name": "x" * 101}, [("family_name", "too_long")]),
        ({"email": "taro"}, [("email", "no_mail")]),
        ({"agreed_on": ""}, [("agreed_on", "empty")]),
        ({"agreed_on": "2026-11-20"}, []),
        ({"agreed_on": "2026-11-21"}, [("agreed_on", "AgreedInFuture")]),
        ({"agreed_on": "2026-02-28"}, [("agreed_on", "NoTextOnDay")]),
        ({"agreed_on": "2026-02-29"}, [("agreed_on", "no_day")]),
    ],
)
def test_faults_of_an_attestation(values: dict[str, str], found: list[tuple[str, str]]) -> None:
    assert codes(check("attestations", **values)) == found


@pytest.mark.parametrize(
    ("known", "customer", "code"),
    [
        ({}, {"sells": False}, "NotTheSeller"),
        ({}, {"on_file": ""}, "NobodyToTell"),
        ({"programme": "indirect_reseller"}, {}, "ResellerCannotAttest"),
        ({"allowed": ("indirect_provider",)}, {}, "AttestationClosed"),
        ({"last_day": date(2026, 11, 19)}, {}, "AttestationClosed"),
    ],
)
def test_who_may_not_attest_is_told_for_each_row(known: dict[str, Any], customer: dict[str, Any], code: str) -> None:
    changed = replace(KNOWN, candidates=[replace(CONTOSO, **customer)], **known)
    assert codes(check("attestations", changed)) == [("customer", code)]


def test_what_was_attested_or_asked_before_is_a_warning_and_no_fault() -> None:
    same = {
        "given_name": "TARO",
        "family_name": "takahashi ",
        "email": "Taro@contoso.example",
        "phone": "+81 3 1234 5678",
    }
    for last, warning in ((same, "attested"), (same | {"phone": "1"}, ""), (None, "")):
        found = check("attestations", replace(KNOWN, candidates=[replace(CONTOSO, last=last)]))
        assert (codes(found), found.warning) == ([], warning)
    states: list[tuple[dict[str, Any], str]] = [
        ({"invited": True, "accepted": True}, "invited"),
        ({"accepted": True}, "accepted"),
    ]
    for facts, warning in states:
        assert check("invitations", replace(KNOWN, candidates=[replace(CONTOSO, **facts)])).warning == warning


def test_a_row_that_says_the_same_as_one_before_is_marked() -> None:
    rows = [
        (number, check("attestations", **values))
        for number, values in enumerate([{}, {"given_name": "ＴＡＲＯ"}, {"phone": ""}, {"email": "x"}], start=2)
    ]
    rules.mark_repeated("attestations", rows)
    assert [row.warning for _number, row in rows] == ["", "repeated", "", ""]


def test_values_are_kept_normalised() -> None:
    found = check("attestations", agreed_on="2026年11月2日", email="taro@CONTOSO.example")
    assert (found.values["agreed_on"], found.values["email"]) == ("2026-11-02", "taro@contoso.example")


@dataclass
class Row:
    id: UUID = ID
    started_at: datetime | None = None
    paused_at: datetime | None = None
    stopped_for: str = ""
    waits_until: datetime | None = None
    cancelled_at: datetime | None = None
    ended_at: datetime | None = None
    emptied_at: datetime | None = None


@pytest.mark.parametrize(
    ("facts", "state", "changes", "open_"),
    [
        ({}, "checked", None, None),
        ({"started_at": NOW}, "running", "ImportStarted", None),
        ({"started_at": NOW, "waits_until": NOW + timedelta(hours=1)}, "waiting", "ImportStarted", None),
        ({"started_at": NOW, "waits_until": NOW}, "running", "ImportStarted", None),
        ({"started_at": NOW, "paused_at": NOW}, "paused", "ImportStarted", None),
        ({"started_at": NOW, "paused_at": NOW, "stopped_for": "Forbidden"}, "stopped", "ImportStarted", None),
        ({"started_at": NOW, "ended_at": NOW}, "finished", "ImportOver", "ImportOver"),
        ({"cancelled_at": NOW, "ended_at": NOW}, "cancelled", "ImportOver", "ImportOver"),
    ],
)
def test_what_each_state_allows(facts: dict[str, Any], state: str, changes: str | None, open_: str | None) -> None:
    row = Row(**facts)
    assert rules.state_of(row, NOW) == state
    assert _refused(lambda: rules.check_unstarted(row, NOW)) == changes
    assert _refused(lambda: rules.check_open(row, NOW)) == open_


def _refused(act: Any) -> str | None:
    try:
        act()
    except Refusal as refusal:
        return refusal.name
    return None


def test_an_import_without_good_rows_or_without_values_is_refused() -> None:
    assert _refused(lambda: rules.check_some(0, ID)) == "NothingToImport"
    assert _refused(lambda: rules.check_some(1, ID)) is None
    assert _refused(lambda: rules.check_kept(Row(emptied_at=NOW))) == "RowsLetGo"
    assert _refused(lambda: rules.check_kept(Row())) is None
