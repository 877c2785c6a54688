"""Forgetting carts that nobody checked out, and those that somebody did."""

from __future__ import annotations

from webapp.orders import actions
from webapp.worker import Job

JOBS = (Job("forget carts", 3600.0, actions.forget_carts),)
