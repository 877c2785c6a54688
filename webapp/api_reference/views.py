"""The specification, and the page that explains the API."""

from __future__ import annotations

from flask import Blueprint, current_app, jsonify
from flask.typing import ResponseReturnValue

from webapp import pages, rest
from webapp.access import anyone
from webapp.api_reference import queries

blueprint = Blueprint("api_reference", __name__)


@blueprint.get("/api/openapi.json")
@anyone(because="what the API offers is no secret, and programs are made from it")
def specification() -> ResponseReturnValue:
    return jsonify(queries.specification())


@blueprint.get("/api/docs")
@anyone(because="what the API offers is no secret, and it is read before there is a client")
def docs() -> ResponseReturnValue:
    return pages.render(
        "api_reference/docs.html",
        groups=queries.groups(),
        errors=queries.errors(),
        differences=rest.DIFFERENCES,
        marked=queries.marked,
        commands=queries.first_commands(current_app.config["PUBLIC_URL"]),
    )
