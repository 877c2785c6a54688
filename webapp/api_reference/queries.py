"""The specification, made from what the operations declare, and the same as a page shows it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pprint import pformat
from typing import Any
from urllib.parse import urlencode

from apispec import APISpec
from apispec.ext.marshmallow import MarshmallowPlugin, resolver
from flask import current_app
from flask_smorest import Api
from markupsafe import Markup
from marshmallow import fields

from webapp import rest
from webapp.rest import GRAPH_HEADERS, HEADERS


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
        "name": "X-Locale", "in": "header", "required": False, "schema": {"type": "string", "examples": ["ja-JP"]},
        "description": "The language of errors and names: ja-JP, else en-US.",
    },
    "MSCorrelationId": {
        "name": "MS-CorrelationId", "in": "header", "required": False, "schema": {"type": "string"},
        "description": "An id for several requests that belong together; a GUID is echoed and logged, anything else is replaced.",
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
    "MSContinuationToken": {
        "name": "MS-ContinuationToken", "in": "header", "required": False, "schema": {"type": "string"},
        "description": "Of the page before (its `links.next` and `continuationToken`): the page that follows.",
    },
    "IfMatch": {
        "name": "If-Match", "in": "header", "required": False, "schema": {"type": "string"},
        "description": "The ETag of the version that is changed; a stale one is refused.",
    },
    "IfMatchNeeded": {
        "name": "If-Match", "in": "header", "required": True, "schema": {"type": "string"},
        "description": "The ETag of the version that is changed; a stale one is refused with 412, none with 400.",
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
    _token_endpoints(api.spec)
    _certificates(api.spec)
    return _tidy(api.spec.to_dict())


def _components(spec: APISpec) -> None:
    for schema in (PartnerError, GraphError, Problem):
        spec.components.schema(schema.__name__, schema=schema)
    replayed = {"Idempotent-Replayed": "true where this is the first answer once more, and nothing was done again."}
    for name, words in (HEADERS | GRAPH_HEADERS | replayed).items():
        spec.components.header(name, {"schema": {"type": "string"}, "description": words})
    for name, parameter in _PARAMETERS.items():
        spec.components.parameter(name, parameter["in"], parameter)
    spec.components.security_scheme("token", {"type": "http", "scheme": "bearer"})
    for status, words in _MEANING.items():
        for kind in ("", "Graph"):
            spec.components.response(
                f"{kind}E{status}", _error(status, words, "GraphError" if kind else "PartnerError")
            )


class TokenAnswer(rest.Schema):
    """An access token, and with a person's consent a refresh token."""

    token_type = fields.String(required=True, data_key="token_type", metadata={"example": "Bearer"})
    expires_in = fields.Raw(
        required=True, data_key="expires_in", metadata={"description": "Seconds; the older endpoint says it as a text."}
    )
    access_token = fields.String(required=True, data_key="access_token")
    refresh_token = fields.String(data_key="refresh_token")
    scope = fields.String(data_key="scope")
    resource = fields.String(data_key="resource")


class TokenError(rest.Schema):
    """Why there is no token (RFC 6749)."""

    error = fields.String(required=True, metadata={"example": "invalid_client"})
    error_description = fields.String(data_key="error_description")


def _token_endpoints(spec: APISpec) -> None:
    """The two addresses that give tokens: they speak OAuth's language, forms in and its own errors out."""
    for schema in (TokenAnswer, TokenError):
        spec.components.schema(schema.__name__, schema=schema)
    spec.tag({"name": "oauth", "description": "Tokens."})
    texts = ("client_id", "client_secret", "code", "redirect_uri", "code_verifier", "refresh_token")
    for version, asks in (("v2.0/", "scope"), ("", "resource")):
        grants = ["client_credentials", "authorization_code", "refresh_token"]
        shape = {
            "type": "object",
            "required": ["grant_type"],
            "properties": {"grant_type": {"type": "string", "enum": grants}, asks: {"type": "string"}}
            | {name: {"type": "string"} for name in texts},
            "example": {"grant_type": grants[0], "client_id": "…", "client_secret": "…", asks: ".default"},
        }
        operation = {
            "operationId": "token" if version else "token_v1",
            "tags": ["oauth"],
            "security": [],
            "summary": f"Exchange a client's secret, a code or a refresh token for an access token ({version or 'v1'}).".replace("/)", ")"),
            "description": "The client proves itself in the form or by HTTP Basic. The tenant is the partner's id, one of its domains, "
            "`common` or `organizations`. Codes need PKCE (S256). A refresh token works once; one that comes a second time ends all "
            "that came of the same consent.",
            "requestBody": {"required": True, "content": {"application/x-www-form-urlencoded": {"schema": shape}}},
            "responses": {
                200: _json_answer("A token.", "TokenAnswer"),
                **{status: _json_answer(words, "TokenError") for status, words in _NO_TOKEN.items()},
            },
        }  # fmt: skip
        _add(spec, "oauth.token" if version else "oauth.token_v1", {"post": operation})


def _certificates(spec: APISpec) -> None:
    """What receivers of webhooks check signatures with."""
    operation = {
        "operationId": "webhook_certificate",
        "tags": ["webhooks_api"],
        "security": [],
        "summary": "Read the certificate that a delivery's signature is checked with.",
        "description": "The address stands in the delivery's header `X-MS-Certificate-Url`.",
        "responses": {
            200: {
                "description": "The certificate as PEM.",
                "content": {"application/x-pem-file": {"schema": {"type": "string"}}},
            },
            404: "E404",
        },
    }
    _add(spec, "webhooks.certificate", {"get": operation})


def _add(spec: APISpec, endpoint: str, operations: dict[str, Any]) -> None:
    spec.path(rule=next(current_app.url_map.iter_rules(endpoint)), operations=operations)


_NO_TOKEN = {
    400: "The request is not one, or the code or refresh token is not good (any more).",
    401: "The client or its secret is not right.",
    429: "Too many wrong secrets, or the organization's limit is reached.",
}


def _json_answer(words: str, shape: str) -> dict[str, Any]:
    return {
        "description": words,
        "content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{shape}"}}},
    }


def _error(status: int, words: str, shape: str) -> dict[str, Any]:
    names = [*HEADERS, *(GRAPH_HEADERS if shape == "GraphError" else ())]
    headers: dict[str, Any] = {
        name: {"$ref": f"#/components/headers/{name}"}
        for name in names
        if status != 401 or not name.startswith("RateLimit")
    }
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
    """Each operation asks for a token unless it says otherwise, and names every status: none has an answer "else"."""
    for operations in spec["paths"].values():
        for operation in operations.values():
            if isinstance(operation, dict) and "responses" in operation:
                operation.setdefault("security", [{"token": []}])
                operation["responses"].pop("default", None)
    spec["components"]["responses"].pop("DEFAULT_ERROR", None)
    spec["components"]["schemas"].pop("Error", None)
    return spec


# --- the page ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Parameter:
    """What an operation takes in its address, query or headers. `where`: "path", "query" or "header"."""

    name: str
    where: str
    needed: bool
    says: str


@dataclass(frozen=True)
class Field:
    """A field of a body, by its path ("billingProfile.email", "lineItems[].quantity"). `kind`: of JSON, with its format."""

    path: str
    kind: str
    needed: bool
    says: str


@dataclass(frozen=True)
class Answer:
    """A status that an operation answers with."""

    status: str
    says: str


@dataclass(frozen=True)
class Operation:
    """An operation as its page shows it, with an example that can be run."""

    id: str
    method: str
    path: str
    summary: str
    paragraphs: tuple[str, ...]
    parameters: tuple[Parameter, ...]
    body: tuple[Field, ...]
    answers: tuple[Answer, ...]
    answer: tuple[Field, ...]
    curl: str
    python: str


@dataclass(frozen=True)
class Group:
    """The operations of one capability."""

    id: str
    title: str
    operations: tuple[Operation, ...]


@dataclass(frozen=True)
class Error:
    """A code of the catalogue. `statuses`: of HTTP."""

    code: int
    statuses: tuple[int, ...]
    means: str


def groups() -> list[Group]:
    """Every operation by capability, in the order of the addresses."""
    spec = specification()
    found: dict[str, list[Operation]] = {}
    for path, operations in sorted(spec["paths"].items()):
        for method, operation in operations.items():
            if isinstance(operation, dict) and "responses" in operation:
                whole = operation | {
                    "parameters": [*operations.get("parameters", []), *operation.get("parameters", [])]
                }
                found.setdefault(operation["tags"][0], []).append(_operation(spec, path, method, whole))
    titles = {tag["name"]: tag["description"].rstrip(".") for tag in spec["tags"]}
    return [Group(name, titles.get(name, name), tuple(each)) for name, each in found.items()]


def errors() -> list[Error]:
    """The catalogue: every code that an answer may carry."""
    statuses: dict[int, set[int]] = {}
    for status, code in rest.CODE_OF.items():
        statuses.setdefault(code, set()).add(status)
    for known in rest.CODES.values():
        statuses.setdefault(known.code, set()).add(known.status)
    for code, (status, _means) in rest.MEANINGS.items():
        statuses.setdefault(code, set()).add(status)
    return [Error(code, tuple(sorted(statuses[code])), rest.MEANINGS[code][1]) for code in sorted(statuses)]


def marked(text: str) -> Markup:
    """A sentence of the specification with what stands between backquotes as code."""
    parts = text.split("`")
    return Markup("").join(
        Markup("<code>{}</code>").format(part) if odd % 2 else part for odd, part in enumerate(parts)
    )


def _operation(spec: dict[str, Any], path: str, method: str, operation: dict[str, Any]) -> Operation:
    parameters = [_resolved(spec, each) for each in operation.get("parameters", [])]
    bodies: dict[str, dict[str, Any]] = operation.get("requestBody", {}).get("content", {})
    content_type = next(iter(bodies), "")
    body = bodies.get(content_type, {})
    headers: dict[str, str] = {}
    address = path
    for each in parameters:
        if each["in"] == "path":
            address = address.replace(f"{{{each['name']}}}", str(_value(spec, each)))
        elif each["in"] == "header" and each.get("required"):
            headers[each["name"]] = '"…"'
    query = {each["name"]: _value(spec, each) for each in parameters if each["in"] == "query" and each.get("required")}
    if query:
        address += f"?{urlencode(query)}"
    if operation.get("security") != []:
        headers["Authorization"] = "Bearer $TOKEN"
    if content_type:
        headers["Content-Type"] = content_type
    example = (body.get("example") or example_of(spec, body["schema"])) if body else None
    sent = (method.upper(), address, headers, example)
    good = next(_resolved(spec, each) for status, each in operation["responses"].items() if int(status) < 300)
    answer = good.get("content", {}).get("application/json", {}).get("schema")
    return Operation(
        id=operation["operationId"],
        method=method.upper(),
        path=path,
        summary=operation.get("summary", ""),
        paragraphs=tuple(
            " ".join(each.split()) for each in operation.get("description", "").split("\n\n") if each.strip()
        ),
        parameters=tuple(
            Parameter(
                each["name"],
                each["in"],
                bool(each.get("required")),
                each.get("description", "") or each.get("schema", {}).get("description", ""),
            )
            for each in parameters
        ),
        body=tuple(fields_of(spec, body["schema"])) if body else (),
        answers=tuple(
            Answer(status, _resolved(spec, each).get("description", ""))
            for status, each in sorted(operation["responses"].items())
        ),
        answer=tuple(fields_of(spec, answer)) if answer else (),
        curl=_curl(*sent),
        python=_python(*sent),
    )


def fields_of(spec: dict[str, Any], schema: dict[str, Any], path: str = "", depth: int = 4) -> Iterator[Field]:
    """The fields of a shape and of what lies within it."""
    schema = _resolved(spec, schema)
    if schema.get("type") == "array":
        yield from fields_of(spec, schema.get("items", {}), f"{path}[]", depth)
        return
    needed = schema.get("required", [])
    for name, each in schema.get("properties", {}).items():
        whole = _resolved(spec, each)
        here = f"{path}.{name}" if path else name
        yield Field(here, _kind(whole), name in needed, whole.get("description") or each.get("description", ""))
        if depth and name not in {"links", "attributes"}:
            yield from fields_of(spec, whole, here, depth - 1)


def _kind(schema: dict[str, Any]) -> str:
    kind = schema.get("type", "object")
    kind = " or ".join(kind) if isinstance(kind, list) else kind
    return f"{kind}, {schema['format']}" if "format" in schema else str(kind)


def _resolved(spec: dict[str, Any], node: dict[str, Any]) -> dict[str, Any]:
    """What a reference refers to, or the node itself."""
    while "$ref" in node:
        found: Any = spec
        for part in node["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        node = found
    return node


def _value(spec: dict[str, Any], parameter: dict[str, Any]) -> Any:
    if "example" in parameter:
        return parameter["example"]
    if parameter["name"] in _NAMED:
        return _NAMED[parameter["name"]]
    return example_of(spec, parameter.get("schema", {}))


#: What stands for a part of an address.
_NAMED = {
    "tenant": "common",
    "domain": "contoso.example",
    "domain_prefix": "contoso",
    "country": "JP",
    "offer_id": "M365-BB-12",
}
#: What stands for a value whose shape names no example.
_EXAMPLES = {
    "uuid": "3b33e682-00c3-41ee-9dd2-a548adf56438", "date-time": "2026-11-20T00:00:00Z", "date": "2026-11-20",
    "email": "someone@contoso.example", "uri": "https://receiver.example/events", "url": "https://receiver.example/events",
}  # fmt: skip


def example_of(spec: dict[str, Any], schema: dict[str, Any]) -> Any:
    """A value of a shape: its own example, else one made of its parts."""
    schema = _resolved(spec, schema)
    if "example" in schema:
        return schema["example"]
    if schema.get("examples"):
        return schema["examples"][0]
    if schema.get("enum"):
        return schema["enum"][0]
    for combined in ("allOf", "anyOf", "oneOf"):
        if schema.get(combined):
            return example_of(spec, schema[combined][0])
    kind = schema.get("type", "object")
    kind = next((each for each in kind if each != "null"), "null") if isinstance(kind, list) else kind
    if kind == "object":
        fields_ = schema.get("properties", {})
        needed = schema.get("required") or list(fields_)
        return {name: example_of(spec, fields_[name]) for name in fields_ if name in needed}
    if kind == "array":
        return [example_of(spec, schema.get("items", {}))]
    if kind in {"integer", "number"}:
        return schema.get("minimum", 1)
    if kind == "boolean":
        return True
    return _EXAMPLES.get(schema.get("format", ""), "text")


def _curl(method: str, address: str, headers: dict[str, str], body: Any) -> str:
    url = f'"$COUNTERSIGN{address}"'
    lines = [
        f"curl --head {url}" if method == "HEAD" else f"curl {url}" if method == "GET" else f"curl -X {method} {url}"
    ]
    form = body is not None and "form" in headers.get("Content-Type", "")
    for name, value in headers.items():
        if name == "Content-Type" and form:
            continue  # curl says so by itself
        lines.append(f'-H "{name}: {value}"' if '"' not in value else f"-H '{name}: {value}'")
    if form:
        lines += [f"-d {name}={value}" for name, value in body.items()]
    elif body is not None:
        lines.append(f"-d '{_json(body)}'")
    return " \\\n  ".join(lines)


def _python(method: str, address: str, headers: dict[str, str], body: Any) -> str:
    form = "form" in headers.get("Content-Type", "")
    kept = {name: value for name, value in headers.items() if name != "Content-Type"}
    shown = pformat(kept, width=96, sort_dicts=False).replace("'Bearer $TOKEN'", 'f"Bearer {token}"')
    lines = ["import httpx", "", "answer = httpx.request(", f'    "{method}", f"{{countersign}}{address}",']
    if kept:
        lines.append(f"    headers={shown},")
    if body is not None:
        given = pformat(body, width=96, sort_dicts=False).replace("\n", "\n    ")
        lines.append(f"    {'data' if form else 'json'}={given},")
    return "\n".join([*lines, ")", "print(answer.status_code, answer.text)"])


def _json(body: Any) -> str:
    return json.dumps(body, ensure_ascii=False, indent=2).replace("'", "'\\''")


def first_commands(public_url: str) -> dict[str, str]:
    """How a program gets its first token (`token`), and what it does with it (`call`)."""
    return {
        "token": f"COUNTERSIGN={public_url}\n"
        'TOKEN=$(curl -s "$COUNTERSIGN/common/oauth2/v2.0/token" \\\n'
        "  -d grant_type=client_credentials -d client_id=… -d client_secret=… -d scope=.default \\\n"
        "  | python3 -c 'import json, sys; print(json.load(sys.stdin)[\"access_token\"])')",
        "call": _curl("GET", "/v1/customers", {"Authorization": "Bearer $TOKEN"}, None),
    }
