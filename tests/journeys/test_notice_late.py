"""The mail server is down for 31 minutes and the worker is killed meanwhile: the customer is told once, late, and both the
partner and the operator see by how much.

Real processes, real SMTP. The minutes are simulated: worker, command and test read one clock that is moved on.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from flask import Flask

from config import MailServer
from tests.agreements.scene import Attesting
from tests.support.builders import World
from tests.support.served import PATIENCE, WorkerProcess, free_port
from tests.support.sink import Sink
from webapp import clock, database
from webapp.agreements import queries
from webapp.messages.models import Message
from webapp.messages.queries import Delivery

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


@dataclass
class Outage:
    """An attestation is made at `start`; `minutes()` moves everybody's clock on from there."""

    app: Flask
    scene: Attesting
    url: str
    directory: Path
    clock_file: Path
    port: int
    start: datetime = NOON

    def minutes(self, later: float) -> None:
        """Set the clock to so many minutes after the start."""
        moment = self.start + timedelta(minutes=later)
        self.clock_file.write_text(str((moment - datetime.now(UTC)).total_seconds()))

    def worker(self) -> WorkerProcess:
        """Start a worker that delivers to the port, whether somebody listens there or not."""
        return WorkerProcess(self.url, self.directory, mail_port=self.port, CLOCK_OFFSET_FILE=str(self.clock_file))

    def row(self) -> Message:
        """The notice in the outbox now."""
        with self.app.app_context():
            return database.session().scalars(sa.select(Message).where(Message.kind == "attested")).one()

    def wait_until(self, holds: Callable[[Message], bool], worker: WorkerProcess) -> None:
        """Wait until the worker has done something with the notice."""
        until = time.monotonic() + PATIENCE
        while not holds(self.row()):
            assert time.monotonic() < until, f"the worker did nothing:\n{worker.said}"
            time.sleep(0.05)

    def notice(self) -> Delivery:
        """What the partner's page says of the notice."""
        with self.app.app_context():
            (attestation,) = self.scene.attestations()
            found = queries.notice_of(attestation.id)
            assert found is not None
            return found

    def said(self, command: str) -> str:
        """What the operator reads."""
        result = self.app.test_cli_runner().invoke(args=["messages", command])
        assert result.exit_code == 0, result.output
        return result.output


@pytest.fixture
def outage(make_app: Callable[..., Flask], database_url: str, tmp_path: Path) -> Iterator[Outage]:
    """At noon a partner attests; the mail server is not there (its port is free)."""
    clock_file, port = tmp_path / "clock", free_port()
    app = make_app(clock_offset_file=clock_file, mail_server=MailServer("127.0.0.1", port, timeout=5))
    down = Outage(app, Attesting(app, World(app)), database_url, tmp_path, clock_file, port)
    down.minutes(0)
    down.scene.attest()
    down.start = down.row().created_at
    yield down
    clock.read_offset_from(None)


@pytest.mark.timeout(300)
def test_the_notice_goes_out_once_and_its_lateness_shows_to_partner_and_operator(outage: Outage) -> None:
    contact = outage.scene.customer["global_administrator"].address
    message_id = outage.row().message_id
    assert (outage.notice().state, outage.notice().is_late) == ("waiting", False)

    # Nobody answers. A worker tries and fails; it is killed, and so is the next one, half an hour later.
    with outage.worker() as worker:
        outage.wait_until(lambda row: row.attempts >= 1, worker)
        worker.kill()
    assert "attested to" in outage.said("stuck")
    assert outage.said("late") == "0 late.\n"
    outage.minutes(29)
    with outage.worker() as worker:
        outage.wait_until(lambda row: row.attempts >= 2, worker)
        worker.kill()
    assert not outage.notice().is_late
    outage.minutes(31)
    assert outage.notice().state == "waiting"
    assert timedelta(minutes=1) <= outage.notice().late_by < timedelta(minutes=2)
    assert "waits, 2 minutes late" in outage.said("late")

    # The server is back.
    outage.minutes(33)
    with Sink(outage.port) as sink:
        with outage.worker() as worker:
            sink.wait_for(1, seconds=PATIENCE)
            outage.wait_until(lambda row: row.handed_over_at is not None, worker)
            worker.kill()
        with outage.worker() as worker:  # another one finds nothing left to do
            time.sleep(3)
            assert worker.is_alive, worker.said
    arrived = sink.received
    assert [(mail.recipients, mail.message_id) for mail in arrived] == [((contact,), message_id)]
    assert [link for link in arrived[0].links if "/objection/" in link]

    # Late it was, and late it stays, to the partner and to the operator.
    outage.minutes(600)
    notice = outage.notice()
    assert (notice.state, notice.due_at) == ("handed_over", outage.row().created_at + timedelta(minutes=30))
    assert timedelta(minutes=3) <= notice.late_by < timedelta(minutes=5)
    assert "left, " in outage.said("late")
    assert outage.said("late").endswith("1 late.\n")
    assert outage.said("stuck") == "0 stuck.\n"
