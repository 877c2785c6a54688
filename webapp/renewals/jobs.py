"""Telling of coming ends: what is due, each in a unit of work of its own, then one mail for each person concerned."""

from __future__ import annotations

import logging
from collections.abc import Callable
from uuid import UUID

from sqlalchemy.exc import IntegrityError

from webapp import clock, database, worker
from webapp.renewals import actions, queries, rules
from webapp.worker import Job

log = logging.getLogger("countersign.renewals")


def tell_ends() -> int:
    """Tell of every end that is due; answer how many notices were noted. What fails is written to the log and left for
    the next time."""
    told, place, days = 0, None, queries.notice_days()
    while found := queries.may_be_due(clock.now(), days, place):
        place = (found[-1].ending.ends_on, found[-1].line_id)
        for each in found:
            if worker.is_stopping():
                return told
            if rules.due_now(each.ending, clock.now(), days) is not None:
                told += _alone(actions.tell, each.line_id)
    for organization_id in queries.with_untold():
        _alone(actions.mail, organization_id)
    return told


def _alone(act: Callable[[UUID], int], id_: UUID) -> int:
    """One act in a unit of work of its own: what is wrong with one keeps nobody else waiting."""
    try:
        with database.unit_of_work():
            return int(act(id_))
    except IntegrityError:  # another worker was first; the constraint kept it to once
        return 0
    except Exception:
        log.exception("%s cannot be told of its ends", id_)
        return 0


JOBS = (Job("tell of coming ends", 300.0, tell_ends),)
