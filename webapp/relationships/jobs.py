"""Reminding partners of customers that asked to end a relationship.

Each request is a unit of work of its own, decided again under its lock: safe to run twice and on several workers.
"""

from __future__ import annotations

from sqlalchemy.exc import IntegrityError

from webapp import clock, database
from webapp.policies import queries as policies
from webapp.relationships import actions, queries
from webapp.worker import Job


def remind() -> int:
    """Remind partners of every request that waits for so many days (policy); each number of days once."""
    days = [int(each) for each in policies.value("relationship.reminder_days")]
    done = 0
    for request in queries.to_remind_of(clock.now(), days):
        try:
            with database.unit_of_work():
                done += actions.remind(request)
        except IntegrityError:  # another worker was first; the constraint kept it to once
            continue
    return done


JOBS = (Job("remind partners of requests to end", 60.0, remind),)
