"""What time brings to delegated administration: notices, extensions, ends, offers that nobody answered.

Each is a unit of work of its own, decided again under its lock: safe to run twice and on several workers.
"""

from __future__ import annotations

import logging

from sqlalchemy.exc import IntegrityError

from webapp import clock, database
from webapp.delegated_admin import actions, queries
from webapp.worker import Job

log = logging.getLogger("countersign.delegated_admin")


def attend() -> int:
    """Attend to everything that fell due. What fails is written to the log and left for the next time."""
    done = 0
    for relationship_id, row in [(each.id, each) for each in queries.due(clock.now())]:
        try:
            with database.unit_of_work():
                done += actions.attend(row)
        except IntegrityError:  # another worker was first; the constraint kept it to once
            continue
        except Exception:  # what is wrong with one keeps nobody else waiting; it is tried again the next time
            log.exception("delegated administration %s cannot be attended to", relationship_id)
    return done


JOBS = (Job("attend to delegated administration", 30.0, attend),)
