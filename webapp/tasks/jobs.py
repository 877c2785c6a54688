"""Telling partners of their customers' answers, every ten seconds."""

from webapp import database
from webapp.tasks import actions, queries
from webapp.worker import Job


def tell_answers() -> int:
    """Tell every partner that has answers to be told, each in a transaction of its own."""
    told = 0
    for partner_id in queries.with_untold():
        with database.unit_of_work():
            told += actions.tell_answers(partner_id)
    return told


JOBS = (Job("tell partners of answers", 10.0, tell_answers),)
