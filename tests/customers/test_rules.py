"""What an overview says, and who sees a customer, from plain facts."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from webapp.agreements.rules import Consent, consent_state
from webapp.customers import rules
from webapp.customers.rules import Agreed, Recorded, Sight, Span, Step, Term
from webapp.delegated_admin.rules import Life
from webapp.delegated_admin.rules import Step as Act

DAY = datetime(2026, 11, 1, tzinfo=UTC)


def day(number: int) -> datetime:
    return DAY + timedelta(days=number)


@pytest.mark.parametrize(
    ("kinds", "last"),
    [
        (["made"], "made"),
        (["made", "sent"], "sent"),
        (["made", "said_sent", "sent"], "sent"),
        (["made", "sent", "said_sent"], "sent"),
        (["made", "said_sent", "opened"], "opened"),
        (["made", "opened", "sent"], "opened"),
        (["made", "opened", "declined"], "declined"),
        (["made", "declined", "opened"], "opened"),
        (["made", "declined", "accepted"], "accepted"),
        (["made", "sent", "withdrawn", "opened"], "withdrawn"),
        (["made", "expired", "superseded"], "expired"),
        (["made", "reminded", "corrected"], "made"),
        ([], None),
    ],
)
def test_the_last_step_is_the_furthest_and_nothing_follows_an_ending(kinds: list[str], last: str | None) -> None:
    found = rules.last_step(Step(kind, day(number)) for number, kind in enumerate(kinds))
    assert (found.kind if found is not None else None) == last


@pytest.mark.parametrize(
    ("kept", "bought", "step", "state"),
    [
        ("", False, None, "none"),
        ("", False, "made", "invited"),
        ("", False, "declined", "invited"),
        ("", False, "opened", "opened"),
        ("", False, "withdrawn", "none"),
        ("", False, "expired", "none"),
        ("", False, "accepted", "none"),
        ("", True, None, "needed"),
        ("", True, "opened", "needed"),
        ("agreement_at", True, "opened", "accepted"),
        ("attested_at", True, "sent", "attested"),
        ("objected_at", True, "sent", "objected"),
        ("objected_at attested_at", False, None, "objected"),
        ("objected_at attested_at agreement_at", False, None, "accepted"),
    ],
)
def test_what_anybody_agreed_to_tells_before_what_was_bought_and_that_before_what_is_asked(
    kept: str, bought: bool, step: str | None, state: str
) -> None:
    known: Any = dict.fromkeys(kept.split(), DAY)
    assert rules.stored_agreement(Agreed(**known), bought, step) == state


OLD, NEW = date(2022, 10, 1), date(2026, 3, 1)


@st.composite
def histories(draw: st.DrawFn) -> list[Recorded]:
    """What a customer agreed to, one after the other: each to a version in force on the day that it names."""
    found = []
    for number in range(draw(st.integers(0, 5))):
        kind = draw(st.sampled_from(["accepted", "attested"]))
        agreed_on = date(2022, 10, 1) + timedelta(
            days=300 * number if kind == "accepted" else draw(st.integers(0, 1500))
        )
        version = OLD if agreed_on < NEW else NEW
        objected = draw(st.booleans()) and kind == "attested"
        consent = Consent(kind, agreed_on, version, day(number), day(100 + number) if objected else None)
        found.append(Recorded(uuid4(), consent, str(version), uuid4() if kind == "attested" else None))
    return found


@given(histories(), st.dates(date(2022, 1, 1), date(2027, 1, 1)), st.sampled_from([None, OLD, NEW, date(2026, 11, 1)]))
@settings(deadline=None)
def test_what_a_row_keeps_is_worth_what_all_that_was_agreed_to_is_worth(
    history: list[Recorded], renew_before: date, required: date | None
) -> None:
    kept = rules.agreed(history)
    whole = [each.consent for each in history]
    state = consent_state(whole, renew_before=renew_before, required=required)
    assert consent_state(rules.consents_in(kept), renew_before=renew_before, required=required) == state
    stored = rules.stored_agreement(kept, False, None)
    assert (stored == "none") is (state == "none")
    if state == "must_renew":
        assert kept.consent_effective_on is not None
        assert kept.consent_effective_on < rules.Renewals(renew_before, {"US": [required] if required else []}).bound(
            date(2027, 1, 1)
        )


@pytest.mark.parametrize(
    ("stored", "on", "today", "present"),
    [
        ("needed", None, NEW, "needs_attestation"),
        ("none", None, NEW, "none"),
        ("invited", None, NEW, "invited"),
        ("accepted", NEW, NEW, "accepted"),
        ("accepted", date(2023, 3, 31), date(2026, 10, 31), "must_renew"),
        ("accepted", date(2023, 4, 1), date(2026, 10, 31), "accepted"),
        ("accepted", date(2023, 4, 1), date(2026, 11, 1), "must_renew"),
    ],
)
def test_the_state_of_the_agreement_depends_on_the_day(stored: str, on: date | None, today: date, present: str) -> None:
    renewals = rules.Renewals(date(2023, 4, 1), {"US": [date(2026, 11, 1)], "JP": [date(2020, 1, 1)]})
    row = SimpleNamespace(
        agreement_state=stored, country="US", invitation_step="sent", invitation_closes_at=None,
        **asdict(Agreed(agreement_at=DAY if on else None, accepted_on=on, accepted_effective_on=on)),
    )  # fmt: skip
    assert rules.present_agreement(row, DAY, renewals=renewals, today=today) == present


@pytest.mark.parametrize(
    ("step", "closes", "present"),
    [
        (None, None, "none"),
        ("sent", None, "invited"),
        ("declined", day(2), "invited"),
        ("opened", day(2), "opened"),
        ("opened", day(1), "none"),
        ("withdrawn", None, "none"),
        ("accepted", None, "none"),
    ],
)
def test_where_nobody_can_attest_any_more_the_invitation_tells_how_it_stands(
    step: str | None, closes: datetime | None, present: str
) -> None:
    row = SimpleNamespace(agreement_state="needed", invitation_step=step, invitation_closes_at=closes)
    for attesting in (True, False):
        renewals = rules.Renewals(date.min, {}, attesting)
        state = rules.present_agreement(row, day(1), renewals=renewals, today=day(1).date())
        assert state == ("needs_attestation" if attesting else present)


@pytest.mark.parametrize(
    ("partner", "reseller", "whose", "place", "beside"),
    [(1, None, 1, "direct", None), (1, 2, 1, "provider", 2), (1, 2, 2, "reseller", 1)],
)
def test_a_partners_place_is_whose_relationship_it_is(
    partner: int, reseller: int | None, whose: int, place: str, beside: int | None
) -> None:
    span = Span(DAY, None, UUID(int=partner), UUID(int=reseller) if reseller else None)
    assert rules.place_in(span, UUID(int=whose)) == (place, UUID(int=beside) if beside else None)
    assert rules.place_in(None, UUID(int=whose)) == ("", None)


def test_only_what_was_bought_through_a_relationship_that_is_open_needs_an_attestation() -> None:
    one, other = UUID(int=1), UUID(int=2)
    assert rules.is_bought([Span(DAY, None, one, other)], {(one, other)})
    assert not rules.is_bought([Span(DAY, day(1), one, other)], {(one, other)})
    assert not rules.is_bought([Span(DAY, None, one, None)], {(one, other)})
    assert not rules.is_bought([Span(DAY, None, one, other)], set())


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("Contoso", "Contoso"),
        ("=1+1", "'=1+1"),
        ("+81 3", "'+81 3"),
        ("-1", "'-1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "'\t=1"),
        ("\r=1", "'\r=1"),
        *((f"{start}1+1", f"'{start}1+1") for start in rules.FORMULA),
        ("2026-03-01", "2026-03-01"),
        ("'=1", "'=1"),
        ("", ""),
    ],
)
def test_a_cell_that_a_spreadsheet_would_calculate_begins_with_an_apostrophe(text: str, cell: str) -> None:
    assert rules.cell(text) == cell


@pytest.mark.parametrize(
    ("spans", "shown"),
    [
        ([], ("none", None, None)),
        ([Span(day(1))], ("current", day(1), None)),
        ([Span(day(1), day(2))], ("ended", day(1), day(2))),
        ([Span(day(1), day(9)), Span(day(2), day(3))], ("ended", day(1), day(9))),
        ([Span(day(1), day(2)), Span(day(3))], ("current", day(3), None)),
        ([Span(day(1)), Span(day(3), day(4))], ("current", day(1), None)),
        ([Span(day(1)), Span(day(3))], ("current", day(3), None)),
    ],
)
def test_an_open_relationship_counts_before_an_ended_one(spans: list[Span], shown: tuple[object, ...]) -> None:
    assert rules.relationship_of(spans) == shown


@pytest.mark.parametrize(
    ("step", "closes", "present"),
    [
        (None, None, ""),
        ("made", None, "made"),
        ("opened", day(1), "expired"),
        ("opened", day(0), "expired"),
        ("opened", day(5), "opened"),
        ("accepted", day(-9), "accepted"),
        ("withdrawn", day(-9), "withdrawn"),
    ],
)
def test_what_ran_out_is_expired_before_the_worker_notes_it(
    step: str | None, closes: datetime | None, present: str
) -> None:
    now = day(1)
    assert rules.present_step(step, closes, now) == present
    row = SimpleNamespace(agreement_state="invited", invitation_step=step, invitation_closes_at=closes)
    state = rules.present_agreement(row, now, renewals=rules.Renewals(date.min, {}), today=now.date())
    assert state == ("none" if present == "expired" else "invited")


@pytest.mark.parametrize(
    ("created", "related", "step", "sees", "profile"),
    [
        (True, "none", "", True, True),
        (False, "none", "", False, False),
        (False, "none", "made", True, True),
        (False, "none", "declined", True, True),
        (False, "none", "accepted", True, True),
        (False, "none", "expired", False, False),
        (False, "none", "withdrawn", False, False),
        (False, "current", "", True, True),
        (False, "ended", "", True, False),
        (True, "ended", "accepted", True, False),
        (False, "ended", "opened", True, True),
        (True, "none", "expired", True, True),
    ],
)
def test_a_partner_sees_what_it_created_asked_or_sells_to(
    created: bool, related: str, step: str, sees: bool, profile: bool
) -> None:
    sight = Sight(created=created, related=related, step=step)
    assert rules.may_see(sight) is sees
    assert rules.may_see_profile(sight) is profile


@pytest.mark.parametrize(
    ("related", "step", "delegated", "sees", "profile"),
    [
        ("none", "", "offered", True, True),
        ("current", "", "offered", True, True),
        ("ended", "", "offered", True, False),
        ("ended", "opened", "offered", True, True),
        ("none", "", "active", True, True),
        ("none", "", "ended", True, False),
        ("ended", "", "active", True, True),
        ("ended", "", "ended", True, False),
        ("none", "accepted", "ended", True, True),
        ("current", "", "ended", True, True),
    ],
)
def test_delegated_administration_lets_a_partner_see_while_it_lasts_and_its_history_after(
    related: str, step: str, delegated: str, sees: bool, profile: bool
) -> None:
    sight = Sight(created=False, related=related, step=step, delegated=delegated)
    assert rules.may_see(sight) is sees
    assert rules.may_see_profile(sight) is profile


@pytest.mark.parametrize(
    ("acts", "extends", "term"),
    [
        ([], False, Term("pending", day(90))),
        (["announced"], False, Term("pending", day(90))),
        (["declined"], False, Term("none")),
        (["withdrawn"], False, Term("none")),
        (["lapsed"], False, Term("none")),
        (["approved"], False, Term("active", day(10))),
        (["approved"], True, Term("active")),
        (["approved", "extended"], True, Term("active")),
        (["approved", "expired"], False, Term("ended", day(10))),
        (["approved", "ended"], True, Term("ended", day(1))),
    ],
)
def test_one_delegated_administration_counts_by_its_acts(acts: list[str], extends: bool, term: Term) -> None:
    steps = tuple(Act(kind, day(number)) for number, kind in enumerate(acts))
    assert rules.term_of(Life(("role",), 10, extends, day(90), "Asia/Tokyo", steps)) == term


@pytest.mark.parametrize(
    ("terms", "state", "at"),
    [
        ([], "none", None),
        ([("none", None)], "none", None),
        ([("pending", 3), ("none", None)], "offered", 3),
        ([("ended", 1), ("ended", 2)], "ended", 2),
        ([("ended", 4), ("pending", 3)], "offered", 3),
        ([("active", 5), ("pending", 9), ("ended", 1)], "active", 5),
        ([("active", 5), ("active", 8)], "active", 8),
        ([("active", 5), ("active", None)], "active", None),
    ],
)
def test_what_is_in_force_tells_before_what_waits_and_what_ended(
    terms: list[tuple[str, int | None]], state: str, at: int | None
) -> None:
    rows = [rules.Term(each, day(number) if number else None) for each, number in terms]
    assert rules.delegated_of(rows) == (state, day(at) if at else None)


@pytest.mark.parametrize(
    ("state", "at", "present"),
    [
        ("active", None, "active"), ("active", 2, "active"), ("active", 1, "ended"), ("offered", 2, "offered"),
        ("offered", 1, "none"), ("ended", 1, "ended"), ("none", None, "none"),
    ],
)  # fmt: skip
def test_an_end_that_has_passed_counts_before_anybody_notes_it(state: str, at: int | None, present: str) -> None:
    assert rules.present_delegated(state, day(at) if at else None, day(1)) == present
    assert rules.listed_delegated(state, day(at) if at else None, day(1)) == present


@pytest.mark.parametrize("state", ["active", "ended"])
def test_what_ended_over_a_year_ago_has_left_the_lists_but_lets_a_partner_see(state: str) -> None:
    ended = day(1)
    assert rules.listed_delegated(state, ended, ended + timedelta(days=364)) == "ended"
    assert rules.listed_delegated(state, ended, ended + timedelta(days=365)) == "none"
    assert rules.present_delegated(state, ended, ended + timedelta(days=365)) == "ended"


@pytest.mark.parametrize(
    ("text", "is_domain"),
    [
        ("contoso.example", True),
        ("ann@contoso.example", True),
        (" contoso.example ", True),
        ("Contoso", False),
        ("Contoso Inc.", False),
        ("Inc.", False),
        ("株式会社", False),
        ("a. b", False),
    ],
)
def test_a_search_text_with_a_dot_and_no_blank_reads_like_a_domain(text: str, is_domain: bool) -> None:
    assert rules.is_domain(text) is is_domain
