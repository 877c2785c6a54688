"""Renewing what renews itself."""

from __future__ import annotations

from webapp.subscriptions import actions
from webapp.worker import Job

JOBS = (Job("renew subscriptions", 300.0, actions.renew_due),)
