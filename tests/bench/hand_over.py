"""How long a notice waits until the mail server has it: a worker of its own, real SMTP on loopback."""

from __future__ import annotations

import statistics
import time
from datetime import timedelta
from pathlib import Path

import sqlalchemy as sa
from flask import Flask

from tests.support.served import WorkerProcess
from tests.support.sink import Sink
from webapp import database
from webapp.messages import actions as messages
from webapp.messages.models import Message

#: Notices a second: a file of attestations makes about so many.
A_SECOND = 40


def hand_over(app: Flask, database_url: str, directory: Path, count: int) -> str:
    """Put so many notices into the outbox, as an import does, while a worker runs; answer the delays as a line."""
    with Sink() as sink, WorkerProcess(database_url, directory, mail_port=sink.port):
        _put(app, 1, "first")
        sink.wait_for(1, seconds=60)  # the worker is up
        began = time.monotonic()
        for number in range(count):
            _put(app, number, "notice")
            time.sleep(max(0.0, began + number / A_SECOND - time.monotonic()))
        while (
            len(sink.received) <= count
        ):  # `wait_for` reads every mail again with each that comes, in the server's own time
            assert time.monotonic() - began < 600, f"{len(sink.received)} of {count} notices arrived"
            time.sleep(0.05)
        delays = _delays(app, count)
    p50, p95 = statistics.median(delays), statistics.quantiles(delays, n=20)[18]
    return (
        f"{count} notices at {count / (time.monotonic() - began):.0f} a second: handed over after "
        f"{p50:.2f} s (p50), {p95:.2f} s (p95), {max(delays):.2f} s (max); due after 30 minutes"
    )


def _put(app: Flask, number: int, kind: str) -> None:
    with app.app_context(), database.unit_of_work():
        database.write()
        messages.put(
            kind=kind, to=f"person{number}@customer.example", language="en", subject=f"Notice {number}",
            text="Some words about an attestation.\n" * 30, html="<p>Some words about an attestation.</p>\n" * 30,
            due_in=timedelta(minutes=30),
        )  # fmt: skip


def _delays(app: Flask, count: int) -> list[float]:
    """Seconds between the fact and the hand-over of each notice, once the worker has noted all."""
    for _ in range(600):
        with app.app_context():
            rows = (
                database.session()
                .execute(
                    sa.select(Message.created_at, Message.handed_over_at).where(
                        Message.kind == "notice", Message.handed_over_at.is_not(None)
                    )
                )
                .all()
            )
        if len(rows) == count:
            return [(row.handed_over_at - row.created_at).total_seconds() for row in rows]
        time.sleep(0.1)
    raise SystemExit("not every notice was handed over")
