"""The rules of invitations as tables of plain facts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from webapp.invitations import rules
from webapp.invitations.rules import Life, Step

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
LATER, EARLIER = NOW + timedelta(days=1), NOW - timedelta(days=1)


def a_life(*kinds: str, for_one: bool = True, closes_at: datetime | None = LATER, mail: str = "") -> Life:
    steps = tuple(Step(kind, EARLIER + timedelta(minutes=n), "customer") for n, kind in enumerate(kinds))
    return Life(for_one=for_one, closes_at=closes_at, steps=steps, mail=mail)


@dataclass(frozen=True)
class Left:
    """A mail's row."""

    handed_over_at: datetime | None = None
    cancelled_at: datetime | None = None
    given_up_at: datetime | None = None


@pytest.mark.parametrize(
    ("mail", "state"),
    [
        (None, ""),
        (Left(), "waiting"),
        (Left(handed_over_at=NOW), "delivered"),
        (Left(given_up_at=NOW), "undeliverable"),
        (Left(cancelled_at=NOW), ""),
        (Left(cancelled_at=NOW, given_up_at=EARLIER), ""),
        (Left(handed_over_at=EARLIER, cancelled_at=NOW), "delivered"),
    ],
)
def test_what_became_of_a_mail(mail: Left | None, state: str) -> None:
    assert rules.mail_state(mail) == state


@pytest.mark.parametrize(
    ("life", "state"),
    [
        (a_life(), "prepared"),
        (a_life("said_sent"), "said_sent"),
        (a_life("sent", mail="waiting"), "sending"),
        (a_life("sent", mail="delivered"), "delivered"),
        (a_life("sent", mail="undeliverable"), "undeliverable"),
        (a_life("sent", "said_sent", mail="undeliverable"), "said_sent"),
        (a_life("said_sent", "sent", mail="undeliverable"), "undeliverable"),
        (a_life("sent", "corrected", "sent", mail="waiting"), "sending"),
        (a_life("sent", "opened", mail="delivered"), "opened"),
        (a_life("sent", "opened", "declined", mail="delivered"), "declined"),
        (a_life("declined", "opened"), "opened"),
        (a_life("declined", "accepted"), "accepted"),
        (a_life("accepted", for_one=False), "opened"),
        (a_life("accepted", closes_at=EARLIER), "accepted"),
        (a_life("opened", "withdrawn"), "withdrawn"),
        (a_life("withdrawn", closes_at=EARLIER), "withdrawn"),
        (a_life("superseded", closes_at=EARLIER), "superseded"),
        (a_life(closes_at=NOW), "expired"),
        (a_life(closes_at=NOW + timedelta(microseconds=1)), "prepared"),
        (a_life("declined", closes_at=EARLIER), "expired"),
        (a_life("closed", for_one=False, closes_at=None), "closed"),
        (a_life("closed", "reopened", for_one=False, closes_at=None), "prepared"),
    ],
)
def test_the_state_follows_from_the_acts(life: Life, state: str) -> None:
    assert rules.state_of(life, NOW) == state


OVER = [a_life("accepted"), a_life("withdrawn"), a_life("superseded"), a_life(closes_at=EARLIER)]


@pytest.mark.parametrize("life", OVER)
def test_what_is_over_is_neither_sent_nor_changed(life: Life) -> None:
    with pytest.raises(rules.InvitationEnded):
        rules.check_can_change(life, NOW)
    with pytest.raises(rules.InvitationEnded):
        rules.check_can_send(life, NOW, recipient="a@x.example")
    assert not rules.can_edit(life, NOW)


@pytest.mark.parametrize(
    ("life", "can"),
    [
        (a_life(), True),
        (a_life("sent", mail="delivered"), True),
        (a_life(closes_at=EARLIER), True),
        (a_life("declined"), True),
        (a_life("accepted"), False),
        (a_life("withdrawn"), False),
        (a_life("superseded"), False),
    ],
)
def test_a_newer_one_takes_the_place_of_what_is_open_or_expired(life: Life, can: bool) -> None:
    if can:
        rules.check_can_replace(life, NOW)
    else:
        with pytest.raises(rules.InvitationEnded):
            rules.check_can_replace(life, NOW)


@pytest.mark.parametrize(
    ("life", "refused"),
    [
        (a_life("accepted"), True),
        (a_life("accepted", for_one=False), False),
        (a_life("opened"), False),
        (a_life("declined"), False),
    ],
)
def test_only_what_its_customer_accepted_cannot_be_withdrawn(life: Life, refused: bool) -> None:
    if refused:
        with pytest.raises(rules.CannotWithdrawAccepted):
            rules.check_can_withdraw(life)
    else:
        rules.check_can_withdraw(life)


@pytest.mark.parametrize(
    ("life", "refused"),
    [
        (a_life(), False),
        (a_life("said_sent"), False),
        (a_life("sent", mail="waiting"), True),
        (a_life("sent", mail="delivered"), True),
        (a_life("sent", mail="undeliverable"), False),
    ],
)
def test_a_mail_leaves_once_unless_it_came_back(life: Life, refused: bool) -> None:
    assert rules.can_edit(life, NOW) != refused
    if refused:
        with pytest.raises(rules.AlreadySent):
            rules.check_can_send(life, NOW, recipient="a@x.example")
    else:
        rules.check_can_send(life, NOW, recipient="a@x.example")


@pytest.mark.parametrize(
    ("day", "fits"),
    [
        (date(2026, 11, 19), False),
        (date(2026, 11, 20), True),
        (date(2027, 11, 20), True),
        (date(2027, 11, 21), False),
    ],
)
def test_the_last_day_is_today_or_later_within_a_year(day: date, fits: bool) -> None:
    if fits:
        rules.check_last_day(day, date(2026, 11, 20))
    else:
        with pytest.raises(rules.LastDayOutOfBounds):
            rules.check_last_day(day, date(2026, 11, 20))


@pytest.mark.parametrize(
    ("life", "due_at", "due"),
    [
        (a_life("sent", mail="delivered"), NOW, True),
        (a_life("sent", mail="delivered"), NOW + timedelta(seconds=1), False),
        (a_life("sent", mail="delivered"), EARLIER - timedelta(hours=1), False),  # sent after that moment
        (a_life("sent", "opened", mail="delivered"), NOW, True),
        (a_life("sent", "declined", mail="delivered"), NOW, False),
        (a_life("sent", "reminded", mail="delivered"), NOW, False),
        (a_life("sent", mail="undeliverable"), NOW, False),
        (a_life("said_sent"), NOW, False),
        (a_life("sent", "accepted", mail="delivered"), NOW, False),
        (a_life("sent", "withdrawn", mail="delivered"), NOW, False),
    ],
)
def test_a_reminder_is_due_once_for_what_was_sent_from_here_and_is_open(
    life: Life, due_at: datetime, due: bool
) -> None:
    assert rules.is_reminder_due(life, NOW, due_at) is due


@pytest.mark.parametrize(
    ("sent", "limit", "refused"), [(0, 1, False), (1, 1, True), (199, 200, False), (200, 200, True)]
)
def test_a_day_has_so_many_mails(sent: int, limit: int, refused: bool) -> None:
    if refused:
        with pytest.raises(rules.SendLimitReached):
            rules.check_sends(sent, limit, LATER)
    else:
        rules.check_sends(sent, limit, LATER)


# --- links -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({"asks": "agreement", "partner_id": "p"}, "invType=CustomerAgreement&partnerId=p"),
        ({"asks": "relationship", "partner_id": "p"}, "invType=ResellerRelationship&partnerId=p&msppId=0&DAP=false"),
        (
            {"asks": "relationship", "partner_id": "p", "reseller_id": "r", "reseller_number": "4711"},
            "invType=IndirectResellerRelationship&partnerId=p&msppId=4711&indirectCSPId=r&DAP=false",
        ),
    ],
)
def test_a_link_has_microsoft_s_parameters_then_ours(facts: dict[str, Any], expected: str) -> None:
    plain = rules.link("https://c.example", rules.link_parameters(**facts))
    assert plain == f"https://c.example/invitation?{expected}"
    whole = rules.link("https://c.example", rules.link_parameters(**facts, ref="0f", language="ja"))
    assert whole == f"https://c.example/invitation?{expected}&ref=0f&lang=ja"
    names = [name for name, _value in parse_qsl(urlsplit(whole).query)]
    assert len(names) == len(set(names))
    standing = rules.microsoft_link("https://c.example", rules.link_parameters(**facts))
    assert standing == f"https://c.example/AdminPortal/Home?{expected}#/BillingAccounts/partner-invitation"


LINK = "https://c.example/invitation?invType=CustomerAgreement&partnerId=p&ref=0f&lang=ja"


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        (LINK, True),
        (f"Hello\n{LINK}\nbye", True),
        (f"<{LINK}>", True),
        (f"({LINK}).", True),
        (f"こちらです:{LINK}\nよろしく", True),
        (f"リンク「{LINK}」", True),
        (f"See {LINK}.", True),
        ("", False),
        (LINK[:-1], False),
        (f"{LINK}x", False),
        (f"{LINK}&ref=1", False),
        (f"{LINK}をご覧ください", False),
        (f"https://evil.example/?{LINK}", False),
        (LINK.replace("&", "&amp;"), False),
        (LINK.replace("ref=", "ref=\n"), False),
    ],
)
def test_a_text_holds_its_link_whole_or_not_at_all(text: str, holds: bool) -> None:
    assert rules.holds_link(text, LINK) is holds


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Hello", f"Hello\n\n{LINK}"),
        ("", LINK),
        (f"Hello\n{LINK[:-4]}\nbye", f"Hello\n{LINK}\nbye"),
        (f"Hello {LINK}x bye", f"Hello {LINK} bye"),
        (f"Hello {LINK} bye", f"Hello {LINK} bye"),
    ],
)
def test_the_link_is_put_back_in_its_place_or_at_the_end(text: str, expected: str) -> None:
    assert rules.with_link(text, LINK) == expected


@given(st.text(max_size=300))
def test_the_link_can_be_put_back_into_any_text(text: str) -> None:
    assert rules.holds_link(rules.with_link(text, LINK), LINK)


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("Password: hunter22", True),
        ("Your temporary password: abc", True),
        ("初期パスワード:abc123", True),
        ("We never ask for your password.", False),
        ("パスワードをお送りすることはありません。", False),
        ("Password:\n", False),
    ],
)
def test_a_password_is_seen(text: str, holds: bool) -> None:
    assert rules.holds_password(text) is holds


# --- mailto ----------------------------------------------------------------------------------------------------


@settings(max_examples=200, deadline=None)
@given(
    partner=st.text(min_size=1, max_size=200),
    customer=st.text(min_size=1, max_size=200),
    subject=st.text(max_size=200),
    local=st.text(alphabet="abcあ漢.+%&?=", min_size=1, max_size=64),
    host=st.integers(min_value=1, max_value=200),
)
def test_open_in_email_stays_short_and_holds_the_link(
    partner: str, customer: str, subject: str, local: str, host: int
) -> None:
    link = LINK.replace("c.example", "c" * host + ".example")

    def compose(length: int) -> tuple[str, str]:
        names = rules.shortened(partner, length), rules.shortened(customer, length)
        return rules.shortened(subject, length), f"{names[0]} から {names[1]} 様へのお願いです。\n\n{link}\n\n期限"

    found = rules.fitting_mailto(f"{local}@x.example", link, compose)
    assert len(found) < rules.MAILTO_LIMIT
    assert found.isascii()
    assert found.startswith("mailto:")
    assert link in unquote(found)
    fields = dict(parse_qsl(found.split("?", 1)[1], keep_blank_values=True))
    assert link in fields["body"]


def test_short_names_are_not_cut() -> None:
    found = rules.fitting_mailto(
        "a@x.example", LINK, lambda length: ("S", f"{rules.shortened('Northwind Cloud', length)} {LINK}")
    )
    assert "Northwind Cloud" in unquote(found)
