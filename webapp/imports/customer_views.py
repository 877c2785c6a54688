"""Many people of a customer at once, from a file: the pages of imports at the customer's own place."""

from __future__ import annotations

from flask import Blueprint

from webapp.access import Permission
from webapp.imports import partner_views

blueprint = Blueprint("people_imports", __name__, url_prefix="/users/import")
partner_views.serve(blueprint, Permission.MANAGE_PEOPLE)
