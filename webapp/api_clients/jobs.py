"""Forgetting what is long over: codes, tokens, and answers that were kept for retries."""

from webapp import database, replays
from webapp.api_clients import actions
from webapp.worker import Job


def forget_old() -> int:
    """Delete codes and tokens that ended long ago; safe to run twice. Answers how many went."""
    with database.unit_of_work():
        return actions.forget_old()


JOBS = (
    Job("forget old codes and tokens of programs", 3600.0, forget_old),
    Job("forget old first answers of the API", 600.0, replays.forget_old),
)
