"""The loop that runs the jobs: no job stops another, and it ends when told."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator

import pytest
from flask import Flask, current_app

from tests.support.served import WorkerProcess
from tests.support.sink import Sink
from webapp import database, worker
from webapp.messages import actions as messages
from webapp.worker import Job


@pytest.fixture
def jobs(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Job]]:
    """An empty list of jobs; signals and the stop are put back afterwards."""
    mine: list[Job] = []
    monkeypatch.setattr(worker, "_jobs", mine)
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield mine
    for number, handler in before.items():
        signal.signal(number, handler)
    worker._stop.clear()


def stopping_after(times: int, seen: list[str], name: str) -> Callable[[], int]:
    def run() -> int:
        assert current_app
        seen.append(name)
        if seen.count(name) >= times:
            signal.raise_signal(signal.SIGTERM)
        return 1

    return run


def idle(seen: list[str], name: str) -> Callable[[], int]:
    def run() -> int:
        seen.append(name)
        return 0

    return run


def test_a_failing_job_is_logged_and_does_not_stop_the_others(
    app: Flask, jobs: list[Job], caplog: pytest.LogCaptureFixture
) -> None:
    seen: list[str] = []

    def broken() -> int:
        seen.append("broken")
        database.session()
        raise ZeroDivisionError

    worker.runs(Job("broken", 0.0, broken))
    worker.runs(Job("good", 0.0, stopping_after(3, seen, "good")))
    worker.run_forever(app)
    assert seen.count("good") == 3
    assert seen.count("broken") == 3
    assert caplog.text.count("job broken failed") == 3


def test_a_job_that_did_nothing_rests_and_one_that_did_something_goes_on(app: Flask, jobs: list[Job]) -> None:
    seen: list[str] = []
    worker.runs(Job("idle", 3600.0, idle(seen, "idle")))
    worker.runs(Job("busy", 3600.0, stopping_after(3, seen, "busy")))
    worker.run_forever(app)
    assert seen == ["idle", "busy", "busy", "busy"]


def test_a_job_is_added_once_by_its_name(jobs: list[Job]) -> None:
    for _ in range(2):
        worker.runs(Job("same", 1.0, lambda: 0))
    assert [job.name for job in jobs] == ["same"]


def test_told_to_stop_no_further_job_is_begun(app: Flask, jobs: list[Job]) -> None:
    seen: list[str] = []
    worker.runs(Job("first", 0.0, stopping_after(1, seen, "first")))
    worker.runs(Job("second", 0.0, idle(seen, "second")))
    worker.run_forever(app)
    assert seen == ["first"]
    assert worker.is_stopping()


def test_run_once_runs_every_job_and_tells_what_it_did(app: Flask, jobs: list[Job]) -> None:
    worker.runs(Job("a", 1.0, lambda: 2))
    worker.runs(Job("b", 1.0, lambda: 0))
    assert worker.run_once(app) == {"a": 2, "b": 0}
    with app.app_context():  # as `flask` does
        said = app.test_cli_runner().invoke(args=["worker", "--once"], catch_exceptions=False).output
    assert said == "a: 2\nb: 0\n"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_process_promptly_and_in_the_middle_of_a_batch(
    app: Flask, work: Callable[..., WorkerProcess], sink: Sink, number: signal.Signals
) -> None:
    with app.app_context(), database.unit_of_work():
        database.write()
        for each in range(50):
            messages.put(kind="x", to=f"p{each}@customer.example", language="en", subject="s", text="t")
    at_work = threading.Event()
    sink.before_reply = lambda _mail: at_work.set()
    sink.stall = 0.05
    process = work(mail_port=sink.port)
    assert at_work.wait(60), process.said
    began = time.monotonic()
    process.send(number)
    assert process.child.wait(30) == 0, process.said
    assert time.monotonic() - began < 10
    assert len(sink.received) < 50
    assert "Traceback" not in process.said
    sink.stall, sink.before_reply = 0.0, None
    with work(mail_port=sink.port):
        sink.wait_for(50, seconds=50)
    assert len(set(sink.message_ids)) == len(sink.message_ids) == 50
