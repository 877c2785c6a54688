"""From the outbox to the mail server: what is written, who may deliver it, what is tried again."""

from __future__ import annotations

import smtplib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.header import decode_header, make_header
from email.utils import parseaddr, parsedate_to_datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from flask import Flask
from flask_babel import gettext

from config import MailServer
from tests.support.served import free_port
from tests.support.sink import Received, Sink
from webapp import clock, database, pages, tokens, worker
from webapp.messages import actions as messages
from webapp.messages import rules
from webapp.messages.models import Message

Make = Callable[..., Flask]
NOW = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = NOW

    def forward(self, **more: float) -> None:
        self.now += timedelta(**more)


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Clock:
    standing = Clock()
    monkeypatch.setattr(clock, "now", lambda: standing.now)
    return standing


@pytest.fixture
def mailing(make_app: Make, sink: Sink) -> Flask:
    """An application that hands its mail to the sink."""
    return make_app(mail_server=MailServer("127.0.0.1", sink.port, timeout=5))


def put(app: Flask, *addresses: str, **more: Any) -> list[UUID]:
    """Put a message to each address into the outbox."""
    values: dict[str, Any] = {"kind": "test", "language": "ja", "subject": "件名", "text": "本文\n"}
    with app.app_context(), database.unit_of_work():
        database.write()
        return [messages.put(to=address, **(values | more)).id for address in addresses]


def row(app: Flask, id_: UUID) -> Message:
    with app.app_context():
        found = database.session().get_one(Message, id_)
        database.session().expunge(found)
        return found


def deliver(app: Flask) -> int:
    with app.app_context():
        return messages.deliver_due()


def only(sink: Sink) -> Received:
    assert len(sink.received) == 1
    return sink.received[0]


# --- writing -------------------------------------------------------------------------------------------------


def test_a_message_outside_a_transaction_is_refused(app: Flask) -> None:
    with app.app_context(), pytest.raises(RuntimeError, match="transaction of the fact"):
        messages.put(kind="x", to="a@b.example", language="en", subject="s", text="t")


def test_what_is_rolled_back_says_nothing(mailing: Flask, sink: Sink) -> None:
    with mailing.app_context():
        with pytest.raises(ZeroDivisionError), database.unit_of_work():
            database.write()
            messages.put(kind="x", to="a@b.example", language="en", subject="s", text="t")
            raise ZeroDivisionError
    assert deliver(mailing) == 0
    assert sink.received == []


@pytest.fixture
def letter(tmp_path: Path, app: Flask) -> str:
    """A message of this test's own; answers its template."""
    from jinja2 import ChoiceLoader, FileSystemLoader

    folder = tmp_path / "templates" / "probe" / "emails" / "letter"
    folder.mkdir(parents=True)
    (folder / "subject.txt").write_text("{{ _('Sign in') }}:\n  {{ name }}\n")
    (folder / "body.txt").write_text("{{ name }} & … {{ at|moment_text }}\n{{ link }}\n{{ operator.name }}\n")
    (folder / "body.html").write_text('<p>{{ name }} … {{ at|moment }}</p><a href="{{ link }}">{{ link }}</a>')
    loader = app.jinja_env.loader
    assert loader is not None
    app.jinja_env.loader = ChoiceLoader([FileSystemLoader(tmp_path / "templates"), loader])
    return "probe/emails/letter"


def test_words_are_rendered_at_writing_time_in_the_receivers_language_and_zone(app: Flask, letter: str) -> None:
    at = datetime(2026, 5, 1, 15, 30, tzinfo=UTC)
    with app.test_request_context(base_url="http://localhost", headers={"Accept-Language": "en"}):
        from flask import g

        g.zone = "America/New_York"
        database.begin_unit()
        database.write()
        row = messages.send(letter, to="a@b.example", language="ja", zone="Asia/Tokyo", name="<山田> & Co", at=at)
        assert row.subject == "サインイン: <山田> & Co"
        assert "2026年5月2日 00:30 (日本時間, UTC+09:00)" in row.text
        assert "<山田> & Co" in row.text
        assert row.html is not None
        assert "&lt;山田&gt; &amp; Co" in row.html
        assert 'datetime="2026-05-01T15:30:00+00:00"' in row.html
        assert row.language == "ja"
        assert row.kind == "letter"
        assert gettext("Sign in") == "Sign in"  # the page being made keeps its own language and zone
        assert g.zone == "America/New_York"
        database.rollback()


def test_the_stored_body_shows_a_gap_and_only_the_mail_holds_the_secret(app: Flask, letter: str) -> None:
    with app.app_context(), database.unit_of_work():
        database.write()
        token = tokens.issue("password-reset", "a@b.example", lasts=timedelta(hours=1))
        row = messages.send(
            letter, to="a@b.example", language="en", zone="UTC", name="Dots… and more…", at=NOW, token=token,
            link=lambda secret: pages.absolute("accounts.reset", secret=secret) if False else f"http://localhost/r/{secret}",
        )  # fmt: skip
        secret = tokens.secret_of(token)
        assert secret not in row.text + str(row.html) + row.subject
        assert "http://localhost/r/…" in row.text
        text, html = messages.filled(row)
        assert f"http://localhost/r/{secret}\n" in text
        assert html is not None
        assert html.count(secret) == 2
        assert text.count(secret) == 1
        assert "Dots… and more…" in text
        assert "…" not in text.split("\n")[1]
        assert messages.as_mail(row).body == text


def test_a_link_made_by_the_product_has_its_gap_filled_too(app: Flask, letter: str) -> None:
    endpoint, argument = next(
        (rule.endpoint, next(iter(rule.arguments)))
        for rule in app.url_map.iter_rules()
        if rule.arguments == {"secret"}
    )  # fmt: skip
    with app.app_context(), database.unit_of_work():
        database.write()
        token = tokens.issue("x", "a@b.example", lasts=timedelta(hours=1))
        row = messages.send(
            letter, to="a@b.example", language="en", zone="UTC", name="n", at=NOW, token=token,
            link=lambda secret: pages.absolute(endpoint, **{argument: secret}),
        )  # fmt: skip
        assert "…" in row.text
        assert "%E2%80%A6" not in row.text + str(row.html)
        assert pages.absolute(endpoint, **{argument: tokens.secret_of(token)}) in messages.filled(row)[0]


@pytest.mark.parametrize(
    "wrong",
    [
        {"to": "a@b.example\nBcc: c@d.example"}, {"to": "a@b.example\r\n"}, {"to": "a@b.example, c@d.example"}, {"to": ""},
        {"to": "nobody"}, {"to": "Me <a@b.example>"}, {"to": "a@b.example\0"}, {"subject": "x\nBcc: c@d.example"}, {"subject": "x\ry"},
        {"reply_to": "a@b.example\nX: y"}, {"from_name": "Me\r\nX: y"}, {"from_name": "Me\0"},
    ],
)  # fmt: skip
def test_a_header_of_two_lines_and_a_second_address_are_refused(app: Flask, wrong: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"one (line|address)"):
        put(app, wrong.get("to", "a@b.example"), **{name: value for name, value in wrong.items() if name != "to"})


# --- the mail ------------------------------------------------------------------------------------------------


def test_the_mail_as_it_arrives(mailing: Flask, sink: Sink, time: Clock) -> None:
    [id_] = put(
        mailing, "me@customer.example", subject="マイクロソフト顧客契約のご確認のお願い" * 5, text="本文 " * 400 + "\n.\n終わり\n", html="<p>本文</p>",
        reply_to="sales@partner.example", from_name='Fabrikam, Inc. (日本) "FI" <x@y.example>',
    )  # fmt: skip
    assert deliver(mailing) == 1
    assert row(mailing, id_).last_error is None
    received = only(sink)
    mail = received.mail
    assert received.sender == "mail@countersign.example"
    assert received.recipients == ("me@customer.example",)
    assert received.subject == "マイクロソフト顧客契約のご確認のお願い" * 5
    name, address = parseaddr(str(message_from_bytes(received.raw)["From"]))
    assert address == "mail@countersign.example"
    assert str(make_header(decode_header(name))) == 'Fabrikam, Inc. (日本) "FI" <x@y.example>'
    assert str(mail["Reply-To"]) == "sales@partner.example"
    assert str(mail["To"]) == "me@customer.example"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["Content-Language"] == "ja"
    assert parsedate_to_datetime(str(mail["Date"])) == NOW
    assert received.message_id == row(mailing, id_).message_id == f"<{id_.hex}@localhost>"
    assert received.part("plain").replace("\r\n", "\n") == "本文 " * 400 + "\n.\n終わり\n"
    assert received.part("html").strip() == "<p>本文</p>"
    assert all(len(line) <= 100 for line in received.raw.split(b"\r\n"))
    assert received.raw.isascii()
    assert all(len(mail.get_all(header) or []) == 1 for header in ("From", "To", "Subject", "Date", "Message-ID"))
    kept = row(mailing, id_)
    assert kept.handed_over_at == kept.closed_at == NOW
    assert (kept.attempts, kept.last_error, kept.given_up_at, kept.leased_until) == (1, None, None, None)


@pytest.mark.parametrize(
    "name",
    [
        "Fabrikam, Inc.",
        "O'Neill; Co",
        "a@b.example",
        "日本 (株)",
        '"quoted"',
        "Very Long Partner Name " * 6 + "Inc.",
        "日本語の会社" * 12,
        "=?utf-8?q?x?=",
    ],
)
def test_a_partners_name_never_breaks_the_sender(mailing: Flask, sink: Sink, name: str) -> None:
    put(mailing, "me@customer.example", from_name=name)
    deliver(mailing)
    shown, address = parseaddr(str(message_from_bytes(only(sink).raw)["From"]))
    assert address == "mail@countersign.example"
    assert str(make_header(decode_header(shown))) == name


def test_a_domain_in_other_letters_is_spelled_as_smtp_takes_it(mailing: Flask, sink: Sink) -> None:
    [id_] = put(mailing, "me@例え.example")
    deliver(mailing)
    assert only(sink).recipients == ("me@xn--r8jz45g.example",)
    assert row(mailing, id_).handed_over_at is not None


def test_without_a_server_messages_stay(app: Flask) -> None:
    [id_] = put(app, "me@customer.example")
    assert deliver(app) == 0
    assert row(app, id_).attempts == 0


# --- leases --------------------------------------------------------------------------------------------------


def test_what_one_worker_leased_no_other_delivers_until_the_lease_ends(mailing: Flask, sink: Sink, time: Clock) -> None:
    [id_] = put(mailing, "me@customer.example")
    with mailing.app_context():
        assert messages.claim(time.now, uuid4()) == [id_]  # a worker that dies here
        assert messages.claim(time.now, uuid4()) == []
    time.forward(seconds=59)
    assert deliver(mailing) == 0
    time.forward(seconds=1)
    assert deliver(mailing) == 1
    assert only(sink).message_id == row(mailing, id_).message_id


def test_a_worker_that_lost_its_lease_to_another_does_not_deliver(mailing: Flask, sink: Sink, time: Clock) -> None:
    """It stood still for longer than the lease; the other holds the message, and delivers it."""
    [id_] = put(mailing, "me@customer.example")
    one, other = uuid4(), uuid4()
    connection = messages.Connection(MailServer("127.0.0.1", sink.port, timeout=5))
    with mailing.app_context():
        assert messages.claim(time.now, one) == [id_]
        time.forward(seconds=61)
        assert messages.claim(time.now, other) == [id_]
        assert messages._deliver_one(connection, id_, one) is None
        assert sink.received == []
        messages._deliver_one(connection, id_, other)
        connection.close()
    assert only(sink).message_id == row(mailing, id_).message_id


@pytest.mark.parametrize("behind", [0.0, 0.01, 29.0, 59.0])
def test_a_worker_whose_clock_is_behind_leaves_alone_what_another_leased(mailing: Flask, behind: float) -> None:
    """It read the time before it waited for the lock, or its machine's clock goes slow."""
    ids = put(mailing, "me@customer.example", "you@customer.example")
    now = clock.now() + timedelta(minutes=5)  # both have been due for a while
    with mailing.app_context():
        assert sorted(messages.claim(now, uuid4())) == sorted(ids)
        assert messages.claim(now - timedelta(seconds=behind), uuid4()) == []


def test_two_workers_share_a_batch_and_deliver_each_message_once(mailing: Flask, make_app: Make, sink: Sink) -> None:
    import threading

    ids = put(mailing, *(f"p{number}@customer.example" for number in range(60)))
    apps = [mailing, make_app(mail_server=MailServer("127.0.0.1", sink.port, timeout=5))]
    barrier = threading.Barrier(4)

    def run(app: Flask) -> None:
        barrier.wait(30)
        deliver(app)

    threads = [threading.Thread(target=run, args=(apps[number % 2],)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(sink.message_ids) == sorted(row(mailing, id_).message_id for id_ in ids)


def test_a_long_batch_renews_its_leases(mailing: Flask, sink: Sink, time: Clock) -> None:
    put(mailing, *(f"p{number}@customer.example" for number in range(5)))
    sink.before_reply = lambda _mail: time.forward(seconds=19)  # each takes nearly as long as it may
    assert deliver(mailing) == 5
    assert len(sink.received) == 5
    with mailing.app_context():
        left = database.session().scalar(sa.select(sa.func.count()).where(Message.closed_at.is_(None)))
    assert left == 0


def test_while_a_message_is_tried_its_lease_outlasts_the_attempt(mailing: Flask, sink: Sink, time: Clock) -> None:
    ids = put(mailing, *(f"p{number}@customer.example" for number in range(4)))
    remaining: list[timedelta] = []

    def note(mail: Received) -> None:
        with mailing.app_context():
            found = database.session().scalars(sa.select(Message).where(Message.message_id == mail.message_id)).one()
            assert found.leased_until is not None
            remaining.append(found.leased_until - time.now)
        time.forward(seconds=25)

    sink.before_reply = note
    deliver(mailing)
    assert len(remaining) == len(ids)
    assert min(remaining) > timedelta(seconds=20)


def test_the_oldest_are_claimed_first_and_at_most_a_batch(mailing: Flask, time: Clock) -> None:
    ids = []
    for number in range(3):
        ids += put(mailing, f"p{number}@customer.example")
        time.forward(seconds=1)
    put(mailing, *(f"q{number}@customer.example" for number in range(rules.BATCH)))
    with mailing.app_context():
        claimed = messages.claim(time.now, uuid4())
    assert len(claimed) == rules.BATCH
    assert claimed[:3] == ids


@pytest.mark.parametrize("days", [1, 400])
def test_a_clock_set_back_holds_up_nothing(mailing: Flask, sink: Sink, time: Clock, days: int) -> None:
    [leased] = put(mailing, "leased@customer.example")
    with mailing.app_context():
        messages.claim(time.now, uuid4())
    [failed] = put(mailing, "failed@customer.example")
    sink.refusals["failed@customer.example"] = "451 4.3.0 Later"
    deliver(mailing)
    sink.refusals.clear()
    [waiting] = put(mailing, "waiting@customer.example")
    time.forward(days=-days)
    assert deliver(mailing) == 3
    assert {row(mailing, id_).handed_over_at for id_ in (leased, failed, waiting)} == {time.now}


# --- failures ------------------------------------------------------------------------------------------------


def test_a_4xx_is_tried_again_after_growing_pauses_and_then_succeeds(mailing: Flask, sink: Sink, time: Clock) -> None:
    [id_] = put(mailing, "me@customer.example")
    sink.refusals["me@customer.example"] = "451 4.7.1 Greylisted, come back"
    pauses = []
    for attempt in range(1, 6):
        assert deliver(mailing) == 1
        found = row(mailing, id_)
        assert (found.attempts, found.closed_at, found.leased_until) == (attempt, None, None)
        assert found.last_error == "451 4.7.1 Greylisted, come back"
        pauses.append(found.next_attempt_at - time.now)
        time.now = found.next_attempt_at - timedelta(seconds=1)
        assert deliver(mailing) == 0
        time.forward(seconds=1)
    assert pauses == [timedelta(minutes=minutes) for minutes in (1, 2, 4, 8, 16)]
    sink.refusals.clear()
    assert deliver(mailing) == 1
    assert row(mailing, id_).handed_over_at == time.now
    assert row(mailing, id_).last_error is None


def test_after_a_long_outage_what_waits_leaves_within_minutes(make_app: Make, time: Clock) -> None:
    port = free_port()
    app = make_app(mail_server=MailServer("127.0.0.1", port, timeout=5))
    [id_] = put(app, "me@customer.example")
    while time.now < NOW + timedelta(hours=3):
        assert deliver(app) == 1
        found = row(app, id_)
        assert found.closed_at is None
        assert timedelta(0) < found.next_attempt_at - time.now <= timedelta(minutes=5)
        time.now = found.next_attempt_at
    with Sink(port) as sink:
        sink.refusals["me@customer.example"] = "451 4.7.1 Greylisted, come back"
        assert deliver(app) == 1
        assert row(app, id_).given_up_at is None  # patience was not used up meanwhile
        sink.refusals.clear()
        time.now = row(app, id_).next_attempt_at
        assert deliver(app) == 1
    assert row(app, id_).handed_over_at == time.now


def test_a_5xx_is_given_up_in_the_servers_words_and_retry_revives_it(mailing: Flask, sink: Sink, time: Clock) -> None:
    bad, good = put(mailing, "gone@customer.example", "me@customer.example")
    sink.refusals["gone@customer.example"] = "550 5.1.1 No such mailbox here"
    assert deliver(mailing) == 2
    found = row(mailing, bad)
    assert found.given_up_at == found.closed_at == time.now
    assert found.last_error == "550 5.1.1 No such mailbox here"
    assert row(mailing, good).handed_over_at is not None
    time.forward(days=30)
    assert deliver(mailing) == 0
    sink.refusals.clear()
    runner = mailing.test_cli_runner()
    assert "No such mailbox here" in runner.invoke(args=["messages", "stuck"]).output
    assert "1 will be tried again" in runner.invoke(args=["messages", "retry", str(bad)]).output
    assert "0 will be tried again" in runner.invoke(args=["messages", "retry", str(good)]).output
    assert deliver(mailing) == 1
    assert row(mailing, bad).handed_over_at == time.now
    assert sink.message_ids.count(row(mailing, bad).message_id) == 1


def test_patience_ends_after_the_last_attempt(mailing: Flask, sink: Sink, time: Clock) -> None:
    [id_] = put(mailing, "me@customer.example")
    sink.refusals["me@customer.example"] = "451 Later"
    for _ in range(rules.LAST_ATTEMPT):
        deliver(mailing)
        time.forward(hours=2)
    found = row(mailing, id_)
    assert found.attempts == rules.LAST_ATTEMPT
    assert found.given_up_at is not None


def test_a_server_that_is_away_costs_one_attempt_a_batch_and_nothing_is_given_up(
    make_app: Make, sink: Sink, time: Clock
) -> None:
    away = make_app(mail_server=MailServer("127.0.0.1", free_port(), timeout=1))
    ids = put(away, *(f"p{number}@customer.example" for number in range(5)))
    for _ in range(30):
        assert deliver(away) <= 1
        time.forward(hours=3)
    found = [row(away, id_) for id_ in ids]
    assert all(each.given_up_at is None and each.closed_at is None for each in found)
    assert sum(each.attempts for each in found) == rules.COUNTED_AWAY
    assert any("refused" in (each.last_error or "") for each in found)
    back = make_app(mail_server=MailServer("127.0.0.1", sink.port, timeout=5))
    assert deliver(back) == 5
    assert len(sink.received) == 5


def test_messages_of_one_moment_are_claimed_in_one_order_wherever_they_lie_in_the_table(
    mailing: Flask, time: Clock
) -> None:
    ids = put(mailing, *(f"p{number}@customer.example" for number in range(12)))
    with mailing.app_context():
        for id_ in reversed(ids[::2]):  # what was written again lies behind the rest
            with database.unit_of_work():
                database.write()
                database.locked(database.session().get_one(Message, id_)).attempts = 1
        claimed = messages.claim(time.now, uuid4())
    assert claimed == sorted(ids)


def test_a_password_that_the_server_refuses_gives_up_no_message(
    mailing: Flask, sink: Sink, time: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def login(*_: Any) -> None:
        raise smtplib.SMTPAuthenticationError(535, b"5.7.8 Bad credentials")

    [id_] = put(mailing, "me@customer.example")
    with monkeypatch.context() as patch:
        patch.setattr(messages.Connection, "_open", login)
        deliver(mailing)
    found = row(mailing, id_)
    assert found.given_up_at is None
    assert found.last_error == "535 5.7.8 Bad credentials"


def test_a_message_that_cannot_be_written_does_not_hold_up_those_behind_it(
    mailing: Flask, sink: Sink, time: Clock
) -> None:
    with mailing.app_context(), database.unit_of_work():
        database.write()
        token = tokens.issue("x", "a@b.example", lasts=timedelta(hours=1))
        token.key_id = "gone"
        poison = messages.put(
            kind="x", to="a@b.example", language="en", subject="s", text="http://localhost/…", token=token
        ).id
    time.forward(seconds=1)
    [behind] = put(mailing, "me@customer.example")
    assert deliver(mailing) == 2
    assert row(mailing, behind).handed_over_at is not None
    assert row(mailing, poison).given_up_at is not None


def test_a_server_that_says_strange_things_is_quoted_in_one_line(mailing: Flask, sink: Sink) -> None:
    [id_] = put(mailing, "me@customer.example")
    sink.refusals["me@customer.example"] = "550-first line\r\n550 second \x00 " + "x" * 600
    deliver(mailing)
    said = row(mailing, id_).last_error
    assert said is not None
    assert len(said) <= 500
    assert said.isprintable()


def test_a_worker_told_to_stop_gives_back_what_it_did_not_try(mailing: Flask, sink: Sink, time: Clock) -> None:
    put(mailing, *(f"p{number}@customer.example" for number in range(5)))
    sink.before_reply = lambda _mail: worker._stop.set()
    try:
        assert deliver(mailing) == 1
    finally:
        worker._stop.clear()
        sink.before_reply = None
    assert deliver(mailing) == 4
    assert len(sink.received) == 5


# --- the rules -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("before", "answered", "away"), [(0, 1, 1), (1, 2, 2), (3, 4, 4), (4, 5, 4), (11, 12, 11)])
def test_a_server_that_is_not_reached_counts_a_few_times_only(before: int, answered: int, away: int) -> None:
    assert rules.counted(before) == answered
    assert rules.counted(before, unreachable=True) == away


@pytest.mark.parametrize(
    ("attempts", "minutes"), [(0, 1), (1, 1), (2, 2), (3, 4), (7, 64), (8, 120), (12, 120), (10_000, 120)]
)
def test_the_pause_doubles_up_to_two_hours(attempts: int, minutes: int) -> None:
    assert rules.next_attempt(attempts, NOW) == NOW + timedelta(minutes=minutes)
    assert rules.next_attempt(attempts, NOW, unreachable=True) == NOW + timedelta(minutes=min(minutes, 5))


@pytest.mark.parametrize(
    ("code", "attempts", "final"),
    [(None, 1, False), (421, 1, False), (450, 11, False), (451, 12, True), (500, 1, True), (554, 1, True), (599, 1, True), (600, 1, False), (250, 1, False), (None, 12, True)],
)  # fmt: skip
def test_a_permanent_no_or_the_end_of_patience_is_final(code: int | None, attempts: int, final: bool) -> None:
    assert rules.is_final(code, attempts) is final


def test_a_lease_outlives_an_attempt() -> None:
    assert timedelta(seconds=MailServer("x").timeout) < rules.LEASE
