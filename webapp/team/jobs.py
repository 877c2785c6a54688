"""Clearing inboxes of requests that wait no more. Safe to run twice and on several workers."""

from __future__ import annotations

from webapp import database
from webapp.team import actions, queries
from webapp.worker import Job


def let_go() -> int:
    """Take requests for a pairing that nobody answered in time out of the inboxes."""
    found = queries.over_but_open()
    if found:
        with database.unit_of_work():
            for request in found:
                actions.let_go(request)
    return len(found)


JOBS = (Job("let go of requests between partners", 300.0, let_go),)
