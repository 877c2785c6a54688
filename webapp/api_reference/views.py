"""The specification, and the page that explains the API."""

from __future__ import annotations

from flask import Blueprint, jsonify
from flask.typing import ResponseReturnValue

from webapp.access import anyone
from webapp.api_reference import queries

blueprint = Blueprint("api_reference", __name__)


@blueprint.get("/api/openapi.json")
@anyone(because="what the API offers is no secret, and programs are made from it")
def specification() -> ResponseReturnValue:
    return jsonify(queries.specification())
