"""The loop that runs the slices' jobs: handing over mail, reminders, expiry. Any number may run at once."""

from __future__ import annotations

import logging
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from flask import Flask

log = logging.getLogger("countersign.worker")


@dataclass(frozen=True)
class Job:
    """Something to run again and again, safe to run twice. `every` in seconds; `run` answers how much it did."""

    name: str
    every: float
    run: Callable[[], int]


_jobs: list[Job] = []
_stop = threading.Event()


def is_stopping() -> bool:
    """Whether this worker was told to stop: a job with much to do ends after the piece at hand."""
    return _stop.is_set()


def runs(job: Job) -> None:
    """Add a job to the loop (once per name)."""
    if job.name not in {each.name for each in _jobs}:
        _jobs.append(job)


def run_once(app: Flask) -> dict[str, int]:
    """Run every job one time; what tests and `flask worker --once` do. Faults are raised."""
    done: dict[str, int] = {}
    for job in _jobs:
        with app.app_context():
            done[job.name] = job.run()
    return done


def run_forever(app: Flask) -> None:
    """Run the jobs until SIGTERM or SIGINT. A job's fault is logged and does not stop the others."""
    _stop.clear()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: _stop.set())
    due = {job.name: 0.0 for job in _jobs}
    while not _stop.is_set():
        for job in _jobs:
            if _stop.is_set() or time.monotonic() < due[job.name]:
                continue
            try:
                with app.app_context():
                    did = job.run()
            except Exception:
                log.exception("job %s failed", job.name)
                did = 0
            due[job.name] = time.monotonic() + (0.0 if did else job.every)
        _stop.wait(0.2)
