"""Deleting what was entered and not redeemed for longer than policy says."""

from webapp import database
from webapp.product_keys import actions
from webapp.worker import Job


def forget_resting() -> int:
    """Delete old drafts; safe to run twice. Answers how many."""
    with database.unit_of_work():
        return actions.forget_resting()


JOBS = (Job("delete resting redemptions", 3600.0, forget_resting),)
