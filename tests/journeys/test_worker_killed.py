"""The worker dies at any moment: no message is lost, at most one is repeated per death, with its Message-ID.

A quarter of the deaths fall between the server's 250 and our commit: the worker is stopped before the 250 leaves
the server and killed once it left.
"""

from __future__ import annotations

import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from flask import Flask

from tests.support.served import WorkerProcess
from tests.support.sink import Received, Sink
from webapp import database
from webapp.messages import actions as messages
from webapp.messages.models import Message

SEED = 20261120


def put_messages(app: Flask, count: int) -> set[str]:
    """Put so many messages into the outbox; answer their Message-IDs."""
    with app.app_context(), database.unit_of_work():
        database.write()
        return {
            messages.put(
                kind="test", to=f"person{n}@customer.example", language="ja", subject=f"件名 {n}", text=f"本文 {n}\n"
            ).message_id
            for n in range(count)
        }


def waiting(app: Flask) -> int:
    """How many messages are not handed over yet."""
    with app.app_context():
        statement = sa.select(sa.func.count()).select_from(Message).where(Message.handed_over_at.is_(None))
        return database.session().scalar(statement) or 0


class Deaths:
    """Starts workers and kills them; moves their clock on, so that a dead one's leases run out."""

    def __init__(self, app: Flask, database_url: str, directory: Path, sink: Sink) -> None:
        self.app, self.url, self.directory, self.sink = app, database_url, directory, sink
        self.clock = directory / "offset"
        self.moved = 0
        self.random = random.Random(SEED)

    def worker(self) -> WorkerProcess:
        self.moved += 61
        self.clock.write_text(str(self.moved))
        return WorkerProcess(self.url, self.directory, mail_port=self.sink.port, CLOCK_OFFSET_FILE=str(self.clock))

    def at_random(self) -> None:
        """Let a worker hand over a little, and kill it whatever it does then."""
        before = len(self.sink.received)
        with self.worker() as worker:
            self.sink.wait_for(before + 1 + self.random.randrange(2))
            pause = self.random.random() * 0.03
            time.sleep(pause)
            worker.kill()

    def between_250_and_commit(self) -> None:
        """Stop a worker before the server's 250 leaves, kill it after."""
        reached = threading.Event()
        self.sink.replied.clear()
        with self.worker() as worker:

            def stop(_mail: Received) -> None:
                self.sink.before_reply = None
                worker.send(signal.SIGSTOP)
                reached.set()

            self.sink.before_reply = stop
            assert reached.wait(30), worker.said
            assert self.sink.replied.wait(10)
            worker.kill()


@pytest.fixture
def sink() -> Iterator[Sink]:
    with Sink() as server:
        server.stall = 0.004
        yield server


@pytest.mark.timeout(1800)
def test_no_message_is_lost_and_few_are_repeated(
    app: Flask, database_url: str, tmp_path: Path, sink: Sink, full: bool
) -> None:
    kills = 200 if full else 20
    ids = put_messages(app, kills * 12)
    deaths = Deaths(app, database_url, tmp_path, sink)
    for number in range(kills):
        if number % 4 == 3:
            deaths.between_250_and_commit()
        else:
            deaths.at_random()
    assert waiting(app), "every message went out before the last kill: the test proved less than it says"
    with deaths.worker():
        sink.wait_for(len(ids), seconds=60)
        for _ in range(300):
            if not waiting(app):
                break
            time.sleep(0.1)
    counted = Counter(sink.message_ids)
    repeats = sum(counted.values()) - len(counted)
    print(f"{len(ids)} messages, {kills} kills, {repeats} repeats")
    assert waiting(app) == 0
    assert set(counted) == ids  # none lost, and no repeat under another Message-ID
    assert kills // 4 <= repeats <= kills
