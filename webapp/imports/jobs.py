"""Doing the rows of what was started, and letting go of what files said about persons."""

from __future__ import annotations

import time

from webapp import clock, database
from webapp.imports import actions, queries
from webapp.worker import Job

#: Seconds after which the worker looks at its other jobs: mails do not wait for a long file.
AT_ONCE = 2.0


def run() -> int:
    """Do rows for a while."""
    until, done = time.monotonic() + AT_ONCE, 0
    while time.monotonic() < until:
        count = actions.turn()
        done += count
        if not count:
            break
    return done


def let_go() -> int:
    """Let go of values that were kept long enough."""
    done = 0
    for import_id in queries.to_let_go(clock.now()):
        with database.unit_of_work():
            done += actions.let_go(import_id)
    return done


JOBS = (Job("run imports", 1.0, run), Job("let go of imported values", 3600.0, let_go))
