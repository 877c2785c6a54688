"""Forgetting what is no longer needed: counted failures after a day, sessions 90 days after their end."""

from webapp import database
from webapp.accounts import actions
from webapp.worker import Job


def forget_old() -> int:
    """Delete old failures and old sessions; safe to run twice. Answers how many rows went."""
    with database.unit_of_work():
        return actions.forget_attempts() + actions.forget_old_sessions()


JOBS = (Job("forget old failures and sessions", 3600.0, forget_old),)
