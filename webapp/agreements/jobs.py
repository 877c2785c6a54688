"""Asking customers again whose consent became stale: a version that requires it came into force, or the policy's day.

Each customer is a unit of work of its own, decided again under its lock: safe to run twice and on several workers.
"""

from __future__ import annotations

import logging
from uuid import UUID

from sqlalchemy.exc import IntegrityError

from webapp import database, worker
from webapp.agreements import actions, queries
from webapp.organizations import queries as organizations
from webapp.tasks import queries as tasks
from webapp.worker import Job

log = logging.getLogger("countersign.agreements")

#: So many customers are looked at in one go.
BATCH = 200


def ask_to_renew() -> int:
    """Ask every customer that has to renew and was not asked for this reason; answer how many. What fails is written to
    the log and left for the next time."""
    asked, last = 0, None
    while True:
        found = queries.perhaps_stale(last, BATCH)
        for customer_id in found:
            asked += _ask(customer_id)
        if len(found) < BATCH or worker.is_stopping():
            return asked
        last = found[-1]


def _ask(customer_id: UUID) -> bool:
    """Ask one customer; whoever was asked is passed over without a lock."""
    try:
        customer = organizations.organization_by_id(customer_id)
        reason = queries.reason_to_renew(customer) if customer is not None else None
        if customer is None or reason is None or tasks.was_put(customer_id, actions.RENEWAL, reason.key):
            return False
        with database.unit_of_work():
            return actions.ask_to_renew(customer)
    except IntegrityError:  # another worker was first; the constraint kept it to once
        return False
    except Exception:  # what is wrong with one keeps nobody else waiting; it is tried again the next time
        log.exception("customer %s cannot be asked to renew its consent", customer_id)
        return False


JOBS = (Job("ask customers to renew their consent", 3600.0, ask_to_renew),)
