"""Deleting drafts that nobody touched for 30 days."""

from webapp import database
from webapp.onboarding import actions
from webapp.worker import Job


def forget_resting() -> int:
    """Delete old drafts; safe to run twice. Answers how many."""
    with database.unit_of_work():
        return actions.forget_resting()


JOBS = (Job("delete resting drafts of customers", 3600.0, forget_resting),)
