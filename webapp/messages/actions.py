"""Writing a message, and handing messages over."""

from __future__ import annotations

import logging
import secrets
import smtplib
import ssl
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from email import encoders, policy
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import sqlalchemy as sa
from flask import current_app, g, render_template
from flask_babel import force_locale
from flask_mail import Message as Mail

from config import Config, MailServer
from webapp import clock, database, languages, pages, tokens, worker
from webapp.messages import rules
from webapp.messages.models import Message
from webapp.tokens import Token

log = logging.getLogger("countersign.messages")


@contextmanager
def reader_of(language: str, zone: str) -> Iterator[None]:
    """Render for the receiver of a mail: its language, its time zone."""
    before = g.get("zone")
    g.zone = zone
    try:
        with force_locale(language):
            yield
    finally:
        if before is None:
            g.pop("zone")
        else:
            g.zone = before


def send(
    template: str,
    *,
    to: str,
    language: str,
    zone: str,
    about_id: UUID | None = None,
    person_id: UUID | None = None,
    token: Token | None = None,
    link: Callable[[str], str] | None = None,
    reply_to: str | None = None,
    due_in: timedelta | None = None,
    **facts: Any,
) -> Message:
    """Put a message into the outbox, in the transaction of the fact it tells.

    `template` is the folder under a slice's `emails/` ("agreements/emails/receipt") with `subject.txt`,
    `body.txt` and `body.html`; its words are rendered now, in the receiver's language and zone. `link(secret)`
    makes the absolute link of `token`; it is stored with `…` in the secret's place. Only that place is filled in later,
    never one in somebody's words: a name like "https://elsewhere.example/…" must not carry the secret away.
    """
    marks = {secrets.token_hex(16): gap for gap in (rules.GAP, rules.CODE_GAP)}
    for_link, for_code = marks
    if token is not None and link is not None:
        facts["link"] = link(for_link)
    if facts.get("code") == rules.CODE_GAP:
        facts["code"] = for_code
    with reader_of(language, zone):
        common = {
            "operator": pages.Operator(current_app.config["OPERATOR_NAME"], current_app.config["OPERATOR_CONTACT"]),
            "language": languages.language(),
            "public_url": current_app.config["PUBLIC_URL"],
        } | facts
        subject = " ".join(render_template(f"{template}/subject.txt", **common).split())
        text = rules.with_gaps(render_template(f"{template}/body.txt", **common).strip() + "\n", marks)
        html = rules.with_gaps(render_template(f"{template}/body.html", **common), marks)
    return put(
        kind=template.rsplit("/", 1)[-1],
        to=to,
        language=language,
        subject=subject,
        text=text,
        html=html,
        about_id=about_id,
        person_id=person_id,
        token=token,
        reply_to=reply_to,
        due_in=due_in,
    )


def put(
    *,
    kind: str,
    to: str,
    language: str,
    subject: str,
    text: str,
    html: str | None = None,
    about_id: UUID | None = None,
    person_id: UUID | None = None,
    sender_id: UUID | None = None,
    token: Token | None = None,
    reply_to: str | None = None,
    from_name: str | None = None,
    due_in: timedelta | None = None,
) -> Message:
    """Put a message whose words are given (a partner's own, written by `sender_id`) into the outbox. Needs an open
    `write()`.

    Raises ValueError when a header would hold more than one line or the recipient more than one address.
    """
    if not database.is_writing():
        raise RuntimeError("a message belongs to the transaction of the fact it tells")
    rules.check_headers(to, subject, reply_to or "", from_name or "")
    now = clock.now()
    row = Message(
        id=uuid4(),
        kind=kind,
        about_id=about_id,
        person_id=person_id,
        sender_id=sender_id,
        recipient=to,
        reply_to=reply_to,
        from_name=from_name,
        language=language,
        subject=subject,
        text=text,
        html=html,
        token_id=token.id if token is not None else None,
        created_at=now,
        next_attempt_at=now,
        attempts=0,
        due_at=now + due_in if due_in is not None else None,
        message_id="",
    )
    host = urlsplit(current_app.config["PUBLIC_URL"]).hostname or "localhost"
    row.message_id = f"<{row.id.hex}@{f'[{host}]' if ':' in host else host}>"
    database.session().add(row)
    database.session().flush()
    return row


# --- handing over --------------------------------------------------------------------------------------------


def filled(message: Message) -> tuple[str, str | None]:
    """Text and HTML as they leave: the secret of the link, or the code, in its place."""
    if message.token_id is None:
        return message.text, message.html
    token = database.session().get(Token, message.token_id)
    secret = tokens.secret_of(token) if token is not None else ""
    gap, end = f"/{rules.GAP}", f"/{secret}"  # the slash: an ellipsis in the words is none of ours
    if token is not None and token.code_digest is not None:
        gap, end = rules.CODE_GAP, tokens.code_of(token)
    html = message.html.replace(gap, end) if message.html is not None else None
    return message.text.replace(gap, end), html


def as_mail(message: Message) -> Mail:
    """The mail as it is handed to SMTP. The same row always gives the same Message-ID."""
    text, html = filled(message)
    sender = current_app.config["MAIL_DEFAULT_SENDER"]
    mail = Mail(
        subject=message.subject,
        recipients=[message.recipient],
        body=text,
        html=html,
        reply_to=message.reply_to,
        sender=sender,
        extra_headers={"Auto-Submitted": "auto-generated", "Content-Language": message.language},
    )
    # The name is given apart: in one text with the address a comma would end it, or it would be encoded twice.
    mail.sender = (message.from_name or current_app.config["OPERATOR_NAME"], sender)
    mail.msgId = message.message_id
    mail.date = message.created_at.timestamp()
    return mail


def as_bytes(mail: Mail) -> bytes:
    """The mail as it goes over the wire: ASCII, in lines that every server takes.

    Its headers are complete and folded already. The policy that Flask-Mail writes with would take them apart and
    put them together again: blanks inside long Japanese names, and a sender's name that is read as an address.
    Its bodies are in base64: as Flask-Mail leaves them, a paragraph of 350 kanji is a line too long for SMTP.
    """
    written = mail._message()
    for part in written.walk():
        if part.get_content_maintype() == "text":
            content = part.get_payload(decode=True)
            del part["Content-Transfer-Encoding"]
            part.set_payload(content)
            encoders.encode_base64(part)
    written.policy = policy.compat32.clone(linesep="\r\n", max_line_length=100)
    return bytes(written.as_bytes())


def claim(now: datetime, by: UUID | None = None) -> list[UUID]:
    """Lease up to 100 messages that are due, the oldest first, for one run of a worker (`by`).

    A lease that ran out is due again (its worker died), and so is what lies further ahead than any lease or
    pause can reach (the clock was set back meanwhile). A worker whose `now` is up to `rules.SKEW` behind another's
    leaves alone what the other leased.
    """
    with database.unit_of_work():
        database.write()
        due = (
            sa.select(Message.id)
            .where(
                Message.closed_at.is_(None),
                sa.or_(
                    Message.next_attempt_at <= now, Message.next_attempt_at > now + rules.LONGEST_PAUSE + rules.SKEW
                ),
                sa.or_(
                    Message.leased_until.is_(None),
                    Message.leased_until <= now,
                    Message.leased_until > now + rules.LEASE + rules.SKEW,
                ),
            )
            .order_by(Message.next_attempt_at)
            .limit(rules.BATCH)
            .with_for_update(skip_locked=True)
        )
        claimed = database.session().execute(
            sa.update(Message)
            .where(Message.id.in_(due.scalar_subquery()))
            .values(leased_until=now + rules.LEASE, leased_by=by)
            .returning(Message.id, Message.created_at)
        )
        # of one moment, by id: while the server is away, a batch always tries the same message first
        return [row.id for row in sorted(claimed, key=lambda row: (row.created_at, row.id))]


def release(by: UUID) -> None:
    """Give back what a run leased and did not try: somebody else may take it at once."""
    with database.unit_of_work():
        database.write()
        database.session().execute(
            sa.update(Message)
            .where(Message.leased_by == by, Message.closed_at.is_(None))
            .values(leased_until=None, leased_by=None)
        )


class Unreachable(OSError):
    """The mail server takes no mail at all now: not reached, not encrypted, not signed in to."""


class Connection:
    """One kept SMTP connection, opened when first needed, with a time-out and verified TLS."""

    def __init__(self, server: MailServer) -> None:
        self.server = server
        self._smtp: smtplib.SMTP | None = None

    def deliver(self, mail: Mail, sender: str) -> None:
        """Hand one mail over. Raises SMTPException or OSError when the server does not take it."""
        content = as_bytes(mail)
        try:
            smtp = self._open()
        except (OSError, smtplib.SMTPException) as failed:
            raise Unreachable(_words_of(failed)) from failed
        smtp.sendmail(sender, [_on_the_wire(each) for each in mail.recipients], content)

    def check(self) -> None:
        """Ask whether the server answers, handing nothing over. Raises SMTPException or OSError."""
        self._open().noop()

    def _open(self) -> smtplib.SMTP:
        if self._smtp is not None:
            return self._smtp
        server = self.server
        context = ssl.create_default_context()
        if server.security == "tls":
            smtp: smtplib.SMTP = smtplib.SMTP_SSL(server.host, server.port, timeout=server.timeout, context=context)
        else:
            smtp = smtplib.SMTP(server.host, server.port, timeout=server.timeout)
        self._smtp = smtp
        if server.security == "starttls":
            smtp.starttls(context=context)
        if server.user:
            smtp.login(server.user, server.password)
        return smtp

    def close(self) -> None:
        """Forget the connection, politely where it still answers."""
        smtp, self._smtp = self._smtp, None
        if smtp is not None:
            try:
                smtp.quit()
            except (OSError, smtplib.SMTPException):
                smtp.close()


def deliver_due() -> int:
    """Hand over what is due, one commit a message; answer how many were tried. Without a server: nothing, but in
    the demonstration, where `/mailbox` is the hand-over.

    While the server cannot be reached only one message of a batch is tried; the others wait for the end of their
    lease. A worker that is told to stop gives back what it did not try.
    """
    config: Config = current_app.config["COUNTERSIGN"]
    if config.mail_server is None:
        return _into_mailbox() if config.demo else 0
    by, tried = uuid4(), 0
    connection = Connection(config.mail_server)
    try:
        for message_id in claim(clock.now(), by):
            if worker.is_stopping():
                release(by)
                break
            tried += 1
            if isinstance(_deliver_one(connection, message_id, by), Unreachable):
                break
    finally:
        connection.close()
    return tried


def _into_mailbox() -> int:
    """The demonstration without a mail server: what is due counts as handed over when it was
    written, and is read at `/mailbox`."""
    now = clock.now()
    due = sa.select(Message.id).where(Message.closed_at.is_(None), Message.next_attempt_at <= now)
    found = database.session().scalars(due.limit(rules.BATCH)).all()
    if found:
        with database.unit_of_work():
            database.write()
            database.session().execute(
                sa.update(Message)
                .where(Message.id.in_(found))
                .values(handed_over_at=Message.created_at, closed_at=now, attempts=1)
            )
    return len(found)


def _lease_again(message: Message, by: UUID, now: datetime) -> bool:
    """Make sure that the lease outlasts one attempt; False when another worker took the message over."""
    if message.closed_at is not None or message.leased_by != by or message.leased_until is None:
        return False
    if rules.LEASE / 2 < message.leased_until - now <= rules.LEASE:
        return True
    with database.unit_of_work():
        database.write()
        renewed = database.session().execute(
            sa.update(Message)
            .where(Message.id == message.id, Message.leased_by == by, Message.closed_at.is_(None))
            .values(leased_until=now + rules.LEASE)
        )
        return database.rows_of(renewed) > 0


def _deliver_one(connection: Connection, message_id: UUID, by: UUID) -> Exception | None:
    """Try one message and keep what came of it; answer the fault that it met."""
    message = database.session().get(Message, message_id, populate_existing=True)
    if message is None or not _lease_again(message, by, clock.now()):
        return None
    error: Exception | None = None
    if message.cancelled_at is not None:
        with database.unit_of_work():
            _close_cancelled(database.locked(message), by)
        return None
    try:
        connection.deliver(as_mail(message), current_app.config["MAIL_DEFAULT_SENDER"])
    except (OSError, smtplib.SMTPException) as failed:
        error = failed
        connection.close()
    except Exception as failed:  # a message that cannot even be written must not hold up those behind it
        log.exception("message %s cannot be written", message_id)
        error = failed
        connection.close()
    with database.unit_of_work():
        _keep_result(database.locked(message), by, error)
    return error


def _keep_result(row: Message, by: UUID, error: Exception | None) -> None:
    if row.closed_at is not None or (error is not None and row.leased_by != by):
        return  # another worker took it over and says what came of it
    now, unreachable = clock.now(), isinstance(error, Unreachable)
    row.attempts = rules.counted(row.attempts, unreachable=unreachable)
    row.leased_until = row.leased_by = None
    if error is None:
        row.handed_over_at = row.closed_at = now
        row.last_error = None
        return
    row.last_error = _words_of(error)
    row.next_attempt_at = rules.next_attempt(row.attempts, now, unreachable=unreachable)
    if row.cancelled_at is not None:
        row.closed_at = now
    elif _is_final(error, row.attempts):
        row.given_up_at = row.closed_at = now


def _close_cancelled(row: Message, by: UUID) -> None:
    """Close what was cancelled while it lay in a batch."""
    if row.closed_at is None and row.leased_by == by:
        row.closed_at, row.leased_until, row.leased_by = clock.now(), None, None


def _is_final(error: Exception, attempts: int) -> bool:
    if isinstance(error, Unreachable):
        return False  # says nothing about this message
    if not isinstance(error, OSError | smtplib.SMTPException):
        return True
    return rules.is_final(_code_of(error), attempts)


def _code_of(error: Exception) -> int | None:
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return next(iter(error.recipients.values()))[0] if error.recipients else None
    if isinstance(error, smtplib.SMTPResponseException):
        return int(error.smtp_code)
    return None


def _words_of(error: Exception) -> str:
    """What the mail server said, in its own words, short."""
    if isinstance(error, smtplib.SMTPRecipientsRefused) and error.recipients:
        code, words = next(iter(error.recipients.values()))
        return _spoken(code, words)
    if isinstance(error, smtplib.SMTPResponseException):
        return _spoken(error.smtp_code, error.smtp_error)
    return str(error)[:500] or type(error).__name__


def _spoken(code: int, words: bytes | str) -> str:
    text = words.decode(errors="replace") if isinstance(words, bytes) else words
    return " ".join(f"{code} {text}".replace("\0", " ").split())[:500]


def _on_the_wire(address: str) -> str:
    """An address as SMTP takes it: a domain in other letters than ASCII is spelled in its IDNA form."""
    local_part, _at, domain = address.rpartition("@")
    return f"{local_part}@{domain if domain.isascii() else domain.encode('idna').decode()}"


def cancel(about_id: UUID, kinds: Collection[str]) -> int:
    """Have the messages of these kinds about something not leave any more; answer how many had not left.

    What a worker holds in its hands now it closes itself, unless the mail left already.
    """
    database.write()
    now = clock.now()
    held = sa.and_(Message.leased_until.is_not(None), Message.leased_until > now, Message.closed_at.is_(None))
    result = database.session().execute(
        sa.update(Message)
        .where(
            Message.about_id == about_id,
            Message.kind.in_(kinds),
            Message.handed_over_at.is_(None),
            Message.cancelled_at.is_(None),
        )
        .values(
            cancelled_at=now,
            closed_at=sa.case((held, sa.null()), else_=sa.func.coalesce(Message.closed_at, now)),
        )
        .execution_options(synchronize_session="fetch")
    )
    return database.rows_of(result)


def forget(person_id: UUID, address: str) -> int:
    """Empty the words and addresses of every message to a person that is erased, and of every message in that
    person's own name; answer how many. What did not leave yet does not leave any more."""
    database.write()
    now = clock.now()
    own = [Message.sender_id == person_id]
    if address:
        own.append(sa.func.lower(Message.reply_to) == address.casefold())
    written = database.session().execute(
        sa.update(Message)
        .where(sa.or_(*own), Message.text != "")
        .values(
            reply_to=None, from_name=None, subject="", text="", html=None,
            cancelled_at=sa.case(
                (Message.handed_over_at.is_(None), sa.func.coalesce(Message.cancelled_at, now)), else_=Message.cancelled_at
            ),
            closed_at=sa.func.coalesce(Message.closed_at, now),
        )
    )  # fmt: skip
    result = database.session().execute(
        sa.update(Message)
        .where(sa.or_(Message.person_id == person_id, sa.func.lower(Message.recipient) == address.casefold()))
        .where(Message.recipient != "")
        .values(
            recipient="", reply_to=None, subject="", text="", html=None, token_id=None, last_error=None,
            closed_at=sa.func.coalesce(Message.closed_at, now),
        )
    )  # fmt: skip
    return database.rows_of(written) + database.rows_of(result)


def retry(message_id: UUID | None = None) -> int:
    """Try given-up messages again now (one, or all); answer how many."""
    database.write()
    statement = sa.update(Message).where(
        Message.given_up_at.is_not(None), Message.cancelled_at.is_(None), Message.recipient != ""
    )
    if message_id is not None:
        statement = statement.where(Message.id == message_id)
    result = database.session().execute(
        statement.values(
            given_up_at=None, closed_at=None, attempts=0, next_attempt_at=clock.now(), leased_until=None, leased_by=None
        )
    )
    return database.rows_of(result)


__all__ = ["as_mail", "cancel", "claim", "deliver_due", "filled", "forget", "put", "reader_of", "retry", "send"]
