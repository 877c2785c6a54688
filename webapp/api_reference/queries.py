"""The specification, made from what the operations declare."""

from __future__ import annotations

from typing import Any

from apispec import APISpec
from apispec.ext.marshmallow import MarshmallowPlugin, resolver
from flask import current_app
from flask_smorest import Api
from marshmallow import fields

from webapp import rest
from webapp.rest import HEADERS


class _Api(Api):
    """flask-smorest's collector of what the operations declare. Errors stay ours, and so does the page."""

    def _register_error_handlers(self) -> None:
        return None

    def _register_doc_blueprint(self) -> None:
        return None


class PartnerError(rest.Schema):
    """An error in Partner Center's shape. Newer commerce errors (600061) have `message`, `errorName` and their like besides."""

    code = fields.Integer(
        required=True, metadata={"description": "Partner Center's code, see the catalogue of errors."}
    )
    description = fields.String(required=True, metadata={"description": "In the caller's language (`X-Locale`)."})
    data = fields.List(fields.String(), required=True, metadata={"description": "What is wrong with which field."})
    source = fields.String(required=True)


class GraphInnerError(rest.Schema):
    """When it happened, and the id of the request."""

    date = fields.String(required=True)
    request_id = fields.String(required=True, data_key="request-id")
    client_request_id = fields.String(required=True, data_key="client-request-id")


class GraphErrorBody(rest.Schema):
    """What went wrong, in Graph's shape."""

    code = fields.String(required=True)
    message = fields.String(required=True)
    inner_error = fields.Nested(GraphInnerError, required=True)


class GraphError(rest.Schema):
    """An error in Graph's shape."""

    error = fields.Nested(GraphErrorBody, required=True)


class Problem(rest.Schema):
    """An error as RFC 9457 has it; sent where `Accept` asks for application/problem+json."""

    type = fields.String(required=True)
    title = fields.String(required=True)
    status = fields.Integer(required=True)
    detail = fields.String(required=True)
    instance = fields.String(required=True)
    code = fields.Integer(required=True)
    errors = fields.List(fields.String(), required=True)


_MEANING = {
    400: "The request cannot be read, a value is not allowed, or it was made on an older version (2055).",
    401: "There is no token, or one that is unknown, over or revoked.",
    403: "The token's roles do not allow this, or a rule forbids it (13605: the agreement is missing).",
    404: "There is no such thing, or none that this token's organization sees.",
    405: "The address does not take this method.",
    409: "It was done already, something stands against it, or the request id was used for another request.",
    412: "It was made on an older version.",
    413: "The body is larger than 1 MB.",
    415: "The body is not JSON.",
    422: "The values are understood, and cannot be taken.",
    429: "The organization's limit of requests a minute is reached.",
    500: "There is a problem with the service.",
    503: "The service is busy; nothing was changed.",
}
_PARAMETERS: dict[str, dict[str, Any]] = {
    "XLocale": {
        "name": "X-Locale", "in": "header", "required": False, "schema": {"type": "string", "enum": ["en-US", "ja-JP"]},
        "description": "The language of errors and names: ja-JP or en-US (default).",
    },
    "MSCorrelationId": {
        "name": "MS-CorrelationId", "in": "header", "required": False, "schema": {"type": "string", "format": "uuid"},
        "description": "An id for several requests that belong together; it is echoed and logged.",
    },
    "MSRequestId": {
        "name": "MS-RequestId", "in": "header", "required": False, "schema": {"type": "string", "format": "uuid"},
        "description": "The same on a retry: a successful first answer is sent again for 24 hours.",
    },
    "IdempotencyKey": {
        "name": "Idempotency-Key", "in": "header", "required": False,
        "schema": {"type": "string", "maxLength": 255, "pattern": "^[!-~]+$"},
        "description": "As MS-RequestId, with any key; it decides where both are sent.",
    },
    "IfMatch": {
        "name": "If-Match", "in": "header", "required": False, "schema": {"type": "string"},
        "description": "The ETag of the version that is changed; a stale one is refused.",
    },
}  # fmt: skip


def specification() -> dict[str, Any]:
    """The whole API as OpenAPI 3.1."""
    made: dict[str, Any] | None = current_app.extensions.get("countersign-specification")
    if made is None:
        made = current_app.extensions["countersign-specification"] = _made()
    return made


def _made() -> dict[str, Any]:
    app = current_app
    api = _Api(
        spec_kwargs={
            "title": "Countersign", "version": "1", "openapi_version": "3.1.0",
            "marshmallow_plugin": MarshmallowPlugin(schema_name_resolver=resolver),
            "servers": [{"url": app.config["PUBLIC_URL"]}],
        }
    )  # fmt: skip
    api.register_converter(rest.Guid, lambda _converter: {"type": "string", "format": "uuid"})
    api._app, api.config = app, {}
    api._init_spec(**api._spec_kwargs)
    for name in sorted(app.blueprints):
        blueprint = app.blueprints[name]
        if isinstance(blueprint, rest.Blueprint):
            blueprint.register_views_in_doc(api, app, api.spec, name=name, parameters=None)
            api.spec.tag({"name": name, "description": blueprint.description})
    _components(api.spec)
    return _tidy(api.spec.to_dict())


def _components(spec: APISpec) -> None:
    for schema in (PartnerError, GraphError, Problem):
        spec.components.schema(schema.__name__, schema=schema)
    for name, words in HEADERS.items():
        spec.components.header(name, {"schema": {"type": "string"}, "description": words})
    for name, parameter in _PARAMETERS.items():
        spec.components.parameter(name, parameter["in"], parameter)
    spec.components.security_scheme("token", {"type": "http", "scheme": "bearer"})
    for status, words in _MEANING.items():
        for kind in ("", "Graph"):
            spec.components.response(
                f"{kind}E{status}", _error(status, words, "GraphError" if kind else "PartnerError")
            )


def _error(status: int, words: str, shape: str) -> dict[str, Any]:
    headers: dict[str, Any] = {name: {"$ref": f"#/components/headers/{name}"} for name in HEADERS}
    if status in {429, 503}:
        headers["Retry-After"] = {"schema": {"type": "string"}, "description": "Seconds to wait."}
    if status == 401:
        headers["WWW-Authenticate"] = {"schema": {"type": "string"}, "description": "Bearer, and what is wrong."}
    return {
        "description": words,
        "headers": headers,
        "content": {
            "application/json": {"schema": {"$ref": f"#/components/schemas/{shape}"}},
            rest.PROBLEM: {"schema": {"$ref": "#/components/schemas/Problem"}},
        },
    }


def _tidy(spec: dict[str, Any]) -> dict[str, Any]:
    """Each operation asks for a token unless it says otherwise."""
    for operations in spec["paths"].values():
        for operation in operations.values():
            if isinstance(operation, dict) and "responses" in operation:
                operation.setdefault("security", [{"token": []}])
    return spec
