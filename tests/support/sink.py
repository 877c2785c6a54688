"""A mail server that keeps what it is given: real SMTP on loopback, in a thread."""

from __future__ import annotations

import asyncio
import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from types import TracebackType
from typing import Any, Self

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP

from tests.support.served import free_port


@dataclass(frozen=True)
class Received:
    """One mail as it arrived."""

    sender: str
    recipients: tuple[str, ...]
    raw: bytes

    @property
    def mail(self) -> EmailMessage:
        return message_from_bytes(self.raw, policy=policy.default)

    @property
    def message_id(self) -> str:
        return str(self.mail["Message-ID"])

    @property
    def subject(self) -> str:
        return str(self.mail["Subject"])

    def part(self, kind: str) -> str:
        """The words of its part "plain" or "html"."""
        found = self.mail.get_body(preferencelist=(kind,))
        assert found is not None, f"no {kind} part"
        return str(found.get_content())

    @property
    def text(self) -> str:
        return self.part("plain")

    @property
    def links(self) -> list[str]:
        """Every link of the text part, in order."""
        return re.findall(r"https?://[^\s<>\"]+", self.text)


class _Controller(Controller):
    """Hangs up before its loop ends: a connection that a worker keeps open would otherwise be found unclosed by the
    garbage collector, in the middle of some later test."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._connections: list[SMTP] = []

    def factory(self) -> SMTP:
        connection = super().factory()
        self._connections.append(connection)
        return connection

    def stop(self, no_assert: bool = False) -> None:
        asyncio.run_coroutine_threadsafe(self._hang_up(), self.loop).result(10)
        super().stop(no_assert)

    async def _hang_up(self) -> None:
        for listening in self.server.sockets:
            self.loop.remove_reader(listening.fileno())  # closing it would drop half-accepted ones unclosed
        for _ in range(3):  # what was accepted gets its connection object within three turns of the loop
            await asyncio.sleep(0)
        while open_ones := [each for each in self._connections if each.session is None or each.transport is not None]:
            for each in open_ones:
                if each.transport is not None:
                    each.transport.abort()
            await asyncio.sleep(0)


class Sink:
    """The server, on a port of its own or a given one. `received` holds each mail that was answered with 250, repeats included.

    `refusals[address] = "550 5.1.1 No such mailbox"` (or 4xx: try later) refuses a recipient. `stall`: seconds
    between a mail's last byte and its 250. `before_reply(received)` is called in the server's thread when the mail
    is kept and the 250 not yet sent: a test that stops the client there (SIGSTOP) and kills it once `replied` has
    come kills it between the server's 250 and its own commit.
    """

    def __init__(self, port: int | None = None) -> None:
        self.received: list[Received] = []
        self.refusals: dict[str, str] = {}
        self.stall = 0.0
        self.before_reply: Callable[[Received], None] | None = None
        self.replied = threading.Event()
        self._arrived = threading.Condition()
        self.port = port or free_port()
        self._controller = _Controller(self, hostname="127.0.0.1", port=self.port, enable_SMTPUTF8=True)

    def __enter__(self) -> Self:
        self._controller.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._controller.stop()

    async def handle_RCPT(  # noqa: N802
        self, _server: Any, _session: Any, envelope: Any, address: str, options: list[str]
    ) -> str:
        if address in self.refusals:
            return self.refusals[address]
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 OK"

    async def handle_DATA(self, server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802
        mail = Received(str(envelope.mail_from), tuple(envelope.rcpt_tos), bytes(envelope.original_content))
        if self.stall:
            await asyncio.sleep(self.stall)
        with self._arrived:
            self.received.append(mail)
            self._arrived.notify_all()
        if self.before_reply is not None:
            self.before_reply(mail)
        server.loop.call_later(0.02, self.replied.set)
        return "250 OK kept"

    def wait_for(self, count: int = 1, *, to: str = "", seconds: float = 30.0) -> list[Received]:
        """The mails received (to one address), once there are at least so many; fails when they do not come."""
        until = time.monotonic() + seconds
        with self._arrived:
            while len(found := self.to(to)) < count:
                left = until - time.monotonic()
                seen = [(m.recipients, m.subject) for m in self.received]
                assert left > 0, f"{len(found)} of {count} mails to {to or 'anybody'}; received: {seen}"
                self._arrived.wait(left)
        return found

    def to(self, address: str) -> list[Received]:
        """What arrived for an address (empty: for anybody)."""
        return [mail for mail in self.received if not address or address in mail.recipients]

    @property
    def message_ids(self) -> list[str]:
        """The Message-ID of each mail received, repeats included."""
        return [mail.message_id for mail in list(self.received)]
