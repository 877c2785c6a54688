"""Handing over mail, every two seconds."""

from webapp.messages.actions import deliver_due
from webapp.worker import Job

JOBS = (Job("deliver messages", 2.0, deliver_due),)
