"""The mail server of the tests is itself tested: what it refuses, keeps, and how a client can be stopped in it."""

from __future__ import annotations

import gc
import smtplib
import socket
from contextlib import ExitStack

import pytest

from tests.support.sink import Received, Sink


def _send(sink: Sink, to: str, subject: str = "Hello") -> None:
    with smtplib.SMTP("127.0.0.1", sink.port, timeout=10) as client:
        client.sendmail(
            "from@here.example", [to], f"Subject: {subject}\r\nMessage-ID: <1@here>\r\n\r\nSee http://x/y\r\n"
        )


def test_a_mail_is_kept_as_it_arrived(sink: Sink) -> None:
    _send(sink, "to@there.example")
    (mail,) = sink.wait_for(1, to="to@there.example")
    assert (mail.subject, mail.message_id, mail.links) == ("Hello", "<1@here>", ["http://x/y"])
    assert sink.message_ids == ["<1@here>"]


def test_a_refused_recipient_gets_the_words_of_the_refusal(sink: Sink) -> None:
    sink.refusals["gone@there.example"] = "550 5.1.1 No such mailbox"
    with pytest.raises(smtplib.SMTPRecipientsRefused, match="No such mailbox"):
        _send(sink, "gone@there.example")
    assert sink.received == []


def test_a_mail_that_does_not_come_is_noticed(sink: Sink) -> None:
    with pytest.raises(AssertionError, match="0 of 1 mails"):
        sink.wait_for(1, seconds=0.05)


def test_the_hook_is_called_before_the_client_hears_that_it_was_kept(sink: Sink) -> None:
    seen: list[Received] = []
    sink.before_reply = seen.append
    _send(sink, "to@there.example")
    assert [mail.subject for mail in seen] == ["Hello"]
    assert sink.replied.wait(5)


def test_connections_that_clients_keep_open_are_closed_with_the_server() -> None:
    for _ in range(10):
        with Sink() as own, ExitStack() as clients:
            for _each in range(3):
                clients.enter_context(socket.create_connection(("127.0.0.1", own.port)))
            del own
    gc.collect()  # an unclosed transport is a warning here, and a warning fails the test
