"""The rules of the API, whatever it speaks of: what a request may carry, how an operation declares itself, how errors
read, and the limit on requests.

An operation is a view declared with `@operation(...)` in a slice's `api.py`: a second face on the same queries, actions
and refusals as the pages. From the declarations the slice `api_reference` makes the specification.

Two shapes of error exist, by address: Partner Center's, and Graph's below `/v1.0`; where `Accept` asks for it,
`application/problem+json` (RFC 9457) instead of either.
"""

from __future__ import annotations

import hashlib
import json
import logging
import re
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import wraps
from html import unescape
from typing import Any, ClassVar, TypeVar
from urllib.parse import quote
from uuid import UUID, uuid4

import marshmallow as ma
from flask import Flask, Request, Response, current_app, g, make_response, request, session
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_smorest import Blueprint as SmorestBlueprint
from marshmallow import fields
from webargs.flaskparser import FlaskParser
from werkzeug.routing import BaseConverter

from webapp import access, clock, database, languages
from webapp import actor as actors
from webapp.access import Permission
from webapp.errors import Refusal
from webapp.forms import address_of, clean, readable_pattern, unreadable

log = logging.getLogger("countersign.api")

LARGEST = 1024 * 1024
DEEPEST = 32
PROBLEM = "application/problem+json"


# --- the call ------------------------------------------------------------------------------------------------


@dataclass
class Call:
    """What is known of one call before anything of it is parsed. Both ids are echoed; without one it is made here."""

    request_id: str
    correlation_id: str
    began: float
    headers: dict[str, str] = field(default_factory=dict)


def is_graph() -> bool:
    """Whether this request speaks Graph's shapes."""
    return request.path.casefold().startswith("/v1.0")


def call() -> Call:
    """The call of this request."""
    if "call" not in g:
        sent = (_guid_of(request.headers.get(name)) for name in ("MS-RequestId", "client-request-id", "request-id"))
        correlation = _guid_of(request.headers.get("MS-CorrelationId"))
        g.call = Call(next(filter(None, sent), str(uuid4())), correlation or str(uuid4()), time.monotonic())
    found: Call = g.call
    return found


def _guid_of(text: str | None) -> str:
    try:
        return str(UUID(text or ""))
    except ValueError:
        return ""


def init_app(app: Flask) -> None:
    """Bind the API's rules to an application."""
    app.url_map.converters["guid"] = Guid
    app.register_error_handler(ApiError, _said)
    app.after_request(_finish)
    if not log.handlers:
        log.addHandler(logging.StreamHandler())
        log.setLevel(logging.INFO)


def count_call() -> None:
    """Count a call of the API before it is decided whether it may be made: what is refused uses the limit as well."""
    actor = actors.current()
    if actor is not None and request.endpoint is not None:
        count(actor.organization_id)


def before() -> None:
    """What every call of the API passes once it is known who comes, and before it is parsed. Raises ApiError."""
    request.max_content_length = LARGEST
    sent = request.headers.get("MS-RequestId")
    if sent is not None and not _guid_of(sent):
        raise ApiError(400, 2000, _("MS-RequestId must be a GUID."))


def _finish(response: Response) -> Response:
    if not actors.is_api_place(request.path):
        return response
    session.modified = False  # the words of a refusal are a page's, whose forms would begin a session
    now = call()
    response.headers["MS-RequestId"] = now.request_id
    response.headers["MS-CorrelationId"] = now.correlation_id
    if is_graph():
        response.headers["request-id"] = response.headers["client-request-id"] = now.request_id
    for name, value in now.headers.items():
        response.headers.setdefault(name, value)
    response.headers["Cache-Control"] = "no-store"
    actor = g.get("actor")
    log.info(
        "%s api request=%s correlation=%s client=%s organization=%s person=%s %s %s %s %dms",
        clock.now().isoformat(timespec="seconds"), now.request_id, now.correlation_id,
        getattr(actor, "client_id", None), getattr(actor, "organization_id", None), getattr(actor, "person_id", None),
        request.method, quote(request.path) if request.url_rule is not None else "-", response.status_code,
        (time.monotonic() - now.began) * 1000,
    )  # fmt: skip
    return response


# --- the limit on requests -----------------------------------------------------------------------------------


class _Counter:
    """Requests of each organization in the minute at hand, in this process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._minute = 0
        self._counts: dict[UUID, int] = {}

    def add(self, organization_id: UUID, minute: int) -> int:
        with self._lock:
            if minute != self._minute:
                self._minute, self._counts = minute, {}
            self._counts[organization_id] = self._counts.get(organization_id, 0) + 1
            return self._counts[organization_id]


def count(organization_id: UUID) -> None:
    """Count a request of an organization. Each process allows its part of the limit, so that the whole is approximate.

    Raises ApiError 429 with `Retry-After` (seconds) when the minute's part is used up.
    """
    config = current_app.config["COUNTERSIGN"]
    allowed = max(1, config.api_requests_per_minute // config.web_workers)
    counter: _Counter = current_app.extensions.setdefault("countersign-api-counter", _Counter())
    now = clock.now().timestamp()
    made, left = counter.add(organization_id, int(now // 60)), 60 - int(now % 60)
    call().headers |= {
        "RateLimit-Limit": str(allowed),
        "RateLimit-Remaining": str(max(0, allowed - made)),
        "RateLimit-Reset": str(left),
    }
    if made > allowed:
        call().headers["Retry-After"] = str(left)
        raise ApiError(429, 429, _("Too many requests: wait %(seconds)d seconds.", seconds=left))


# --- errors --------------------------------------------------------------------------------------------------


class ApiError(Exception):
    """What only the API says: `status` is HTTP's, `code` Partner Center's, `details` name fields ("email: …")."""

    def __init__(self, status: int, code: int, description: str, *details: str) -> None:
        super().__init__(status, code, description, *details)
        self.status, self.code, self.description, self.details = status, code, description, details


@dataclass(frozen=True)
class Code:
    """What a refusal is in the API: the HTTP status and Partner Center's code. `name`: of a newer commerce error, whose
    body has more fields."""

    status: int
    code: int
    name: str = ""


#: The refusals of the rules by class name. Every other one keeps its page's status and that status's own code.
CODES: dict[str, Code] = {
    "Forbidden": Code(403, 900150),
    "AgreementMissing": Code(403, 13605),
    "AgreementNotInOrder": Code(403, 13605),
    "SameAttestation": Code(400, 600061, "PartnerConfirmedAgreementAlreadyExists"),
    "ResellerCannotAttest": Code(403, 2032),
    "AttestationClosed": Code(403, 600006),
    "AddressOfPartner": Code(400, 800002),
    "AgreedInFuture": Code(400, 800002),
    "NoTextOnDay": Code(400, 800002),
    "CountryNotServed": Code(400, 800002),
    "SeatsOutOfRange": Code(400, 2002),
    "DurationOutOfBounds": Code(400, 2000),
    "UnknownRole": Code(400, 2000),
    "NoRoles": Code(400, 2000),
    "NotSelling": Code(403, 20002),
    "SeatsNotOffered": Code(400, 2002),
    "ProductClosed": Code(400, 800002),
    "SubscriptionDeleted": Code(400, 2011),
    "SeatsFixedNow": Code(400, 2001),
    "SeatsOnlyGrow": Code(400, 800090),
    "CannotRenewItself": Code(400, 800093),
    "PaidElsewhere": Code(403, 600006),
    "NotTheSeller": Code(403, 20002),
    "TemplateNotInForce": Code(400, 800002),
    "InvitationClosed": Code(409, 800060),
    "OwnRecipient": Code(400, 800002),
    "LastDayOutOfBounds": Code(400, 800002),
    "NotPaired": Code(400, 800016),
    "PartnersNotPaired": Code(400, 800016),
    "RoleCannotAccept": Code(403, 900150),
    "NotEnrolled": Code(403, 600006),
    "CannotExtend": Code(400, 2000),
    "AlreadyAsked": Code(400, 2000),
    "CustomerMissing": Code(400, 2000),
    "NotActive": Code(400, 2000),
    "OnlyGlobalAdministratorGoes": Code(400, 2000),
    "RolesNotHeld": Code(400, 2000),
}
#: The code of a status where nothing more is known.
CODE_OF = {400: 800002, 401: 400, 403: 2032, 404: 1000, 409: 800060, 412: 2055, 422: 800002, 500: 800003}
#: The catalogue of errors: each code with the status that it usually has, and what it says.
MEANINGS: dict[int, tuple[int, str]] = {
    400: (401, "There is no bearer token, or one that is unknown, over or revoked."),
    405: (405, "The address does not take this method."),
    413: (413, "The body is larger than 1 MB."),
    415: (415, "The body is not application/json."),
    429: (
        429,
        "The organization's requests of this minute, or its test events of this minute, are used up; Retry-After says "
        "how long to wait.",
    ),
    503: (503, "The service is busy; nothing was changed. Retry-After says how long to wait."),
    1000: (404, "There is no such thing, or none that this token's organization sees."),
    2000: (400, "The request cannot be read, or a value is not allowed; `data` names the fields."),
    2001: (400, "The quantity cannot change while the subscription is expired or disabled."),
    2002: (400, "The quantity is outside the product's bounds."),
    2011: (400, "The subscription is deleted: nothing of it changes any more."),
    2032: (403, "A rule forbids this to the token's organization."),
    2055: (
        400,
        "The ETag sent is not that of the present version: read again, then change. Graph's addresses answer 412.",
    ),
    3000: (404, "No partner that works here has this number."),
    13605: (403, "The customer has neither accepted the Microsoft Customer Agreement nor did a partner confirm it."),
    20002: (403, "The organization sells nothing to this customer: there is no reseller relationship."),
    600006: (403, "This is not open to the organization now: its programme or the policy does not allow it."),
    600049: (400, "The customer's country asks for an organization registration number, and there is none."),
    600050: (400, "The organization registration number is none."),
    600061: (400, "The same person with the same address and phone was confirmed already."),
    800002: (400, "A value contradicts a rule; `description` says which."),
    800003: (500, "There is a problem with the service; the reference can be quoted."),
    800016: (400, "The named partner is no confirmed indirect reseller of this provider."),
    800060: (
        409,
        "Something stands against it: it was done already, is over, or the request id was used for another request.",
    ),
    800090: (400, "The quantity cannot go down within a term."),
    800093: (400, "The subscription cannot be let renew itself by its partner."),
    800098: (400, "The customer names its partner of record; a partner does not change it."),
    900206: (400, "A line names a partner of record without partnerOnRecordAttestationAccepted."),
    900150: (403, "The roles of the token do not allow this."),
}
#: What a program that knows Partner Center or Graph meets here and not there, beside what each operation says.
DIFFERENCES = (
    "Ids of customers and partners are Countersign's own; they are no tenants of Microsoft's.",
    "A delegated administration has one GUID as its id, where Graph joins two.",
    "A customer that the partner has no relationship, no open invitation and no history with is 404 / 1000, not 403.",
    "App-only tokens (client credentials) may do whatever their roles allow, also what Partner Center keeps for App+User. "
    "The evidence then names the program.",
    "Answers carry no byte order mark. MS-Contract-Version and MS-PartnerCenter-* headers are accepted and not needed.",
    "A successful answer is sent again for 24 hours to whoever repeats its MS-RequestId; Idempotency-Key does the same. "
    "Refused requests may be repeated with the same id.",
    "Nobody is billed: billing cycles have no effect, orders are completed at once, and what is ordered renews itself only "
    "where the line says so with autoRenewEnabled, which Partner Center's orders do not have.",
    "The limit of requests is counted in each process, for its part of the whole: it is approximate.",
)
GRAPH_CODE_OF = {
    400: "BadRequest", 401: "InvalidAuthenticationToken", 403: "Authorization_RequestDenied",
    404: "Request_ResourceNotFound", 405: "Request_BadRequest", 409: "Request_MultipleObjectsWithSameKeyValue",
    412: "PreconditionFailed", 413: "RequestEntityTooLarge", 415: "UnsupportedMediaType", 429: "TooManyRequests",
    500: "InternalServerError", 503: "ServiceUnavailable",
}  # fmt: skip


def _said(error: ApiError) -> Response:
    database.rollback()
    return error_answer(error.status, error.code, error.description, error.details)


def refusal_answer(refusal: Refusal) -> Response:
    """A rule's refusal as an error of the API, in the words of its page."""
    known = CODES.get(refusal.name) or Code(refusal.status, CODE_OF.get(refusal.status, refusal.status))
    return error_answer(known.status, known.code, _sentences(words_of(refusal)), name=known.name)


def _sentences(words: list[str]) -> str:
    """A heading and what follows it as one text: a heading has no full stop."""
    stop = "。" if languages.language() == "ja" else "."
    ended = [each if each.endswith((".", "?", "!", "。", "？")) else each + stop for each in words]
    return ("" if stop == "。" else " ").join(ended)


def words_of(refusal: Refusal) -> list[str]:
    """Heading and first paragraph of a refusal's page, as plain text in the caller's language (`X-Locale`)."""
    from webapp import pages  # renders pages, which ask who acts

    if refusal.name == "Forbidden":  # its page speaks of people
        roles = [role for role, allowed in access.BY_TOKEN.items() if refusal.facts.get("permission") in allowed]
        return [
            _("The token does not allow this."),
            _("It needs one of these roles: %(roles)s.", roles=", ".join(roles)),
        ]
    page = pages.render(f"errors/refusals/{refusal.name}.html", refusal=refusal, reference="")
    found = [re.search(pattern, page, re.DOTALL) for pattern in (r"<h1[^>]*>(.*?)</h1>", r'<p class="lede">(.*?)</p>')]
    return [text for match in found if match and (text := _plain(match[1]))]


def _plain(markup: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", "", markup)).split())


def status_answer(status: int, reference: str) -> Response:
    """What went wrong outside the rules, by its HTTP status; `reference` can be searched for in the log."""
    words = {
        400: _("The request cannot be read."),
        401: _("A valid bearer token is needed."),
        403: _("The token does not allow this."),
        404: _("There is nothing here that this token can see."),
        405: _("This address does not take this method."),
        413: _("The request is larger than 1 MB."),
        415: _("The content type must be application/json."),
        503: _("The service is busy. Nothing was changed; try again."),
    }
    said = words.get(status) or _("There is a problem with the service. Reference: %(reference)s", reference=reference)
    return error_answer(status, CODE_OF.get(status, status), said)


def error_answer(
    status: int, code: int, description: str, details: tuple[str, ...] = (), *, name: str = ""
) -> Response:
    """An error in the shape that the address speaks, or as a problem where `Accept` asks for one."""
    request_id = call().request_id
    description = description[:1024]
    best = request.accept_mimetypes.best_match(["application/json", PROBLEM], "application/json")
    if best == PROBLEM:
        body: dict[str, Any] = {
            "type": f"{current_app.config['PUBLIC_URL']}/api/docs#error-{code}", "title": MEANINGS.get(code, (status, description))[1], "status": status,
            "detail": " ".join((description, *details)), "instance": f"urn:uuid:{request_id}", "code": code,
            "errors": list(details),
        }  # fmt: skip
    elif is_graph():
        body = {
            "error": {
                "code": GRAPH_CODE_OF.get(status, "UnknownError"),
                "message": " ".join((description, *details)),
                "innerError": {
                    "date": f"{clock.now():%Y-%m-%dT%H:%M:%S}",
                    "request-id": request_id,
                    "client-request-id": request_id,
                },
            }
        }
    elif name:
        body = {
            "code": code, "message": description, "description": description, "errorName": name, "isRetryable": False,
            "parameters": {}, "errorMessageExtended": f"InternalErrorCode={code}", "data": list(details),
            "source": "PartnerFD",
        }  # fmt: skip
    else:
        body = {"code": code, "description": description, "data": list(details), "source": "PartnerFD"}
    response = make_response(json.dumps(body, ensure_ascii=False), status)
    response.mimetype = PROBLEM if best == PROBLEM else "application/json"
    if status == 401:
        response.headers["WWW-Authenticate"] = 'Bearer realm="Countersign", error="invalid_token"'
    return response


# --- parameters and bodies -----------------------------------------------------------------------------------


class Guid(BaseConverter):
    """A path's id: a UUID in any usual spelling. What is none reaches the operation's declaration, which refuses it with
    400 / 2000 once it is known who asks."""

    regex = r"[^/]+"

    def to_python(self, value: str) -> UUID | str:
        try:
            return UUID(value)
        except ValueError:
            return value

    def to_url(self, value: Any) -> str:
        return str(value)


class Text(fields.String):
    """A text: normalised as the pages' fields are, without characters that nobody can read."""

    def __init__(self, *, longest: int, shortest: int = 0, lines: bool = False, **more: Any) -> None:
        validators = [ma.validate.Length(min=shortest or None, max=longest), *more.pop("validators", ())]
        pattern = readable_pattern(many_lines=lines, needed=shortest > 0)
        super().__init__(validate=validators, metadata={"pattern": pattern} | more.pop("metadata", {}), **more)
        self.lines = lines

    def _deserialize(self, value: Any, attr: str | None, data: Any, **more: Any) -> str:
        text = super()._deserialize(value, attr, data, **more)
        assert text is not None
        if unreadable(text, many_lines=self.lines):
            raise ma.ValidationError(_("Remove characters that cannot be read."))
        return clean(text)


class Coded(fields.String):
    """A text of a fixed alphabet: a code, a number, a duration. `pattern` must match all of it."""

    def __init__(self, *, longest: int, pattern: str, shortest: int = 0, **more: Any) -> None:
        length = ma.validate.Length(min=shortest or None, max=longest)
        super().__init__(validate=[length, ma.validate.Regexp(pattern)], **more)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **more: Any) -> Any:
        text = super()._deserialize(value, attr, data, **more)
        if text is not None and text.endswith("\n"):  # which Python's `$` lets pass, and nobody else's
            raise ma.ValidationError(_("This holds a line break."))
        return text


class MailAddress(fields.Email):
    """A mail address of the usual shape, as the pages' forms take it."""

    def __init__(self, **more: Any) -> None:
        super().__init__(validate=ma.validate.Length(max=254), **more)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **more: Any) -> str:
        text = super()._deserialize(value, attr, data, **more)
        try:
            return address_of(clean(text))
        except ValueError:
            raise self.make_error("invalid") from None


class Flag(fields.Boolean):
    """True or false, as JSON has them: no text that looks like one."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **more: Any) -> bool:
        if not isinstance(value, bool):
            raise self.make_error("invalid", input=value)
        return value


class QueryFlag(fields.Boolean):
    """true or false in an address."""

    def __init__(self, **more: Any) -> None:
        super().__init__(truthy={"true", "True", "TRUE", "1"}, falsy={"false", "False", "FALSE", "0"}, **more)


class Number(fields.Integer):
    """A whole number, no text that looks like one."""

    def __init__(self, *, low: int, high: int, **more: Any) -> None:
        super().__init__(strict=True, validate=ma.validate.Range(low, high), **more)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **more: Any) -> Any:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self.make_error("invalid", input=value)
        if isinstance(value, float) and value.is_integer():
            value = int(value)  # to JSON 2.0 is the whole number 2
        return super()._deserialize(value, attr, data, **more)


class QueryNumber(fields.Integer):
    """A whole number in an address."""

    def __init__(self, *, low: int, high: int, **more: Any) -> None:
        super().__init__(validate=ma.validate.Range(low, high), **more)


class Schema(ma.Schema):
    """A shape of Microsoft's: names are camelCase in answers and in any letter case in requests; what is not known is
    ignored. `example`: of a body, as a caller would send it."""

    example: ClassVar[Mapping[str, Any]] = {}

    class Meta:
        unknown = ma.EXCLUDE

    def on_bind_field(self, field_name: str, field_obj: fields.Field[Any]) -> None:
        if field_obj.data_key is None:
            first, *rest = field_name.split("_")
            field_obj.data_key = first + "".join(each.title() for each in rest)

    @ma.pre_load
    def _in_any_case(self, values: Any, **_more: Any) -> Any:
        if not isinstance(values, Mapping):
            return values
        names = {str(each.data_key).casefold(): str(each.data_key) for each in self.load_fields.values()}
        found: dict[str, Any] = {}
        for key in values:
            name = names.get(str(key).casefold(), str(key))
            if name in found:
                raise ma.ValidationError({name: [_("This stands twice.")]})
            found[name] = values[key]
        return found


class OwnSchema(Schema):
    """A shape of our own: what is not known is refused, so that no misspelt field is lost without a word."""

    class Meta:
        unknown = ma.RAISE


class Attributes(Schema):
    """What Partner Center says of each resource besides."""

    etag = fields.String()
    object_type = fields.String(required=True)


def attributes(object_type: str, etag: str | None = None) -> dict[str, str]:
    """The `attributes` of a resource."""
    return {"object_type": object_type} | ({"etag": etag} if etag is not None else {})


class Header(Schema):
    """A header that a link is to be followed with."""

    key = fields.String(required=True)
    value = fields.String(required=True)


class Link(Schema):
    """An address within the API."""

    uri = fields.String(required=True)
    method = fields.String(required=True)
    headers = fields.List(fields.Nested(Header), required=True)


class Links(Schema):
    """Where a collection, and its next page, is found."""

    self = fields.Nested(Link)
    next = fields.Nested(Link)


def link(uri: str, **headers: str) -> dict[str, Any]:
    """A link to an address of the API (`/v1/…`); `MS_ContinuationToken="…"` becomes a header of it."""
    sent = [{"key": name.replace("_", "-"), "value": value} for name, value in headers.items()]
    return {"uri": uri, "method": "GET", "headers": sent}


def collection_of(item: type[Schema]) -> type[Schema]:
    """The shape of a collection of these."""
    return type(
        f"{item.__name__}Collection",
        (Schema,),
        {
            "__doc__": f"A collection of {item.__name__}.",
            "total_count": fields.Integer(required=True),
            "items": fields.List(fields.Nested(item), required=True),
            "links": fields.Nested(Links),
            "continuation_token": fields.String(),
            "attributes": fields.Nested(Attributes, required=True),
        },
    )


def collection(items: list[Any], *, total: int | None = None, following: str = "", **more: Any) -> dict[str, Any]:
    """What a collection's shape is made of. `following`: the token of the next page, where there is one."""
    here = request.full_path.rstrip("?")
    links = {"self": link(here)}
    if following:
        parts = [f"{key}={value}" for key, value in _arguments() if key.casefold() != "seekoperation"]
        where = "&".join([*parts, "seekOperation=Next"])
        links["next"] = link(f"{request.path}?{where}", MS_ContinuationToken=following)
        more["continuation_token"] = following
    return {
        "total_count": len(items) if total is None else total,
        "items": items,
        "links": links,
        "attributes": attributes("Collection"),
    } | more


def goes_on(list_name: str, at: datetime, id_: UUID) -> str:
    """The token of the page after a place (moment and id) in a list."""
    from webapp import pages  # renders pages, which ask who acts

    return pages.cursor(list_name, at.isoformat(), str(id_))


def continued(list_name: str, token: str | None = None) -> tuple[datetime, UUID] | None:
    """Where the caller goes on in a list: the place in its token (`MS-ContinuationToken`, or `token` of its query), None at
    the start. Raises ApiError 400 for a token that is none, or another list's."""
    from webapp import pages  # renders pages, which ask who acts

    word = token or request.headers.get("MS-ContinuationToken", "")
    place = pages.read_place(word, list_name) if word else None
    if word and place is None:
        raise ApiError(400, 2000, _("This continuation token is none of this list."), "MS-ContinuationToken")
    return place


def _arguments() -> list[tuple[str, str]]:
    return [(quote(key), quote(value)) for key, values in request.args.lists() for value in values]


class _Parser(FlaskParser):
    """Reads a request; what is wrong with it becomes an error that names the field."""

    def _raw_load_json(self, req: Request) -> Any:
        if req.mimetype not in {"application/json", ""} and not req.mimetype.endswith("+json"):
            raise ApiError(415, 415, _("The content type must be application/json."))
        return read_json(req.get_data(cache=True))

    def handle_error(self, error: ma.ValidationError, *_args: Any, **_more: Any) -> Any:
        raise ApiError(400, 2000, _("The request is not valid."), *_flat(error.messages)) from error


def read_json(content: bytes) -> Any:
    """A JSON value of a body. Raises ApiError 400 for what is none: bad UTF-8, NaN, nested deeper than 32 levels."""
    try:
        text = content.decode("utf-8-sig")
        value = json.loads(text, parse_constant=_no_number)
    except UnicodeDecodeError:
        raise ApiError(400, 2000, _("The body is not UTF-8.")) from None
    except (ValueError, RecursionError):
        raise ApiError(400, 2000, _("The body is not JSON.")) from None
    if _deeper(value, DEEPEST):
        raise ApiError(400, 2000, _("The body is nested too deeply."))
    return value


def _no_number(_text: str) -> Any:
    raise ValueError("NaN and Infinity are no JSON")


def _deeper(value: Any, levels: int) -> bool:
    if isinstance(value, dict | list):
        inner = value.values() if isinstance(value, dict) else value
        return levels == 0 or any(_deeper(each, levels - 1) for each in inner)
    return False


def _flat(messages: Any, path: str = "") -> list[str]:
    """Each fault with the path of its field: "billingProfile.email: …"."""
    if isinstance(messages, Mapping):
        places = {key: path if key == "_schema" else f"{path}.{key}" if path else str(key) for key in messages}
        if not path and len(messages) == 1 and next(iter(messages)) in {"json", "query", "form"}:
            places = dict.fromkeys(messages, "")  # where webargs found it, no field
        return [text for key, each in messages.items() for text in _flat(each, places[key])]
    texts = messages if isinstance(messages, list) else [messages]
    said = [_translated(str(each)) for each in texts]
    return [f"{path}: {each}" for each in said] if path else said


def _translated(message: str) -> str:
    """The usual words of the library in the caller's language."""
    known = {
        "Missing data for required field.": _("This is needed."),
        "Field may not be null.": _("This may not be null."),
        "Not a valid string.": _("This must be a text."),
        "Not a valid integer.": _("This must be a whole number."),
        "Not a valid boolean.": _("This must be true or false."),
        "Not a valid list.": _("This must be a list."),
        "Not a valid UUID.": _("This must be a GUID."),
        "Not a valid datetime.": _("This must be a date and time."),
        "Not a valid date.": _("This must be a date."),
        "Invalid input type.": _("This must be an object."),
        "Unknown field.": _("There is no such field."),
        "Not a valid email address.": _("This must be an email address."),
    }
    if message in known:
        return str(known[message])
    for pattern, words in _LIMITS.items():
        found = re.fullmatch(pattern, message)
        if found is not None:
            return str(words) % found.groupdict()
    return message


#: Further words of the library, with what they name.
_LIMITS: dict[str, Any] = {
    r"Must be greater than or equal to (?P<low>\S+) and less than or equal to (?P<high>\S+)\.": _l(
        "This must be from %(low)s to %(high)s."
    ),
    r"Length must be between (?P<low>\d+) and (?P<high>\d+)\.": _l("This must have %(low)s to %(high)s characters."),
    r"Longer than maximum length (?P<high>\d+)\.": _l("This must have at most %(high)s characters."),
    r"Shorter than minimum length (?P<low>\d+)\.": _l("This must have at least %(low)s characters."),
    r"Must be one of: (?P<values>.*)\.": _l("This must be one of: %(values)s."),
    r"String does not match expected pattern\.": _l("This is not written as it must be."),
}


# --- conditions ----------------------------------------------------------------------------------------------


def etag_of(*parts: object) -> str:
    """A resource's version out of whatever changes with it, without quotes."""
    return hashlib.sha256("\0".join(map(str, parts)).encode()).hexdigest()[:20]


def quoted(etag: str) -> str:
    """A version as the header ETag has it; Graph's are weak."""
    return f'W/"{etag}"' if is_graph() else f'"{etag}"'


def check_version(etag: str, *, needed: bool = False) -> None:
    """Refuse a change that was made on an older version (`If-Match`): 400 / 2055, Graph 412. `needed`: refuse one that
    names none (Graph)."""
    sent = request.headers.get("If-Match", "").strip()
    if not sent:
        if needed:
            raise ApiError(400, 2000, _("The header If-Match is needed."))
        return
    # a compressed answer's ETag ends with the encoding: it is the same version
    wanted = {
        re.sub(r":(br|gzip|zstd|deflate)$", "", each.strip().removeprefix("W/").strip('"')) for each in sent.split(",")
    }
    if "*" not in wanted and etag not in wanted:
        said = _("This was changed meanwhile. Read it again, and send its new ETag.")
        raise ApiError(412 if is_graph() else 400, 2055, said)


# --- declaring operations ------------------------------------------------------------------------------------

View = TypeVar("View", bound=Callable[..., Any])


class Blueprint(SmorestBlueprint):
    """A slice's operations."""

    ARGUMENTS_PARSER = _Parser()


@dataclass(frozen=True)
class Declared:
    """What an operation declared, for the specification and the tests."""

    method: str
    rule: str
    permission: Permission
    statuses: tuple[int, ...]


OPERATIONS: dict[str, Declared] = {}


def operation(
    blueprint: Blueprint,
    method: str,
    rule: str,
    permission: Permission,
    *,
    on: Callable[..., Any] | None = None,
    answers: type[ma.Schema] | ma.Schema | dict[str, Any] | None = None,
    status: int = 200,
    query: type[ma.Schema] | None = None,
    body: type[ma.Schema] | None = None,
    versioned: bool = False,
    paged: bool = False,
    refuses: tuple[int, ...] = (),
    headers: Mapping[str, str] | None = None,
) -> Callable[[View], View]:
    """Declare a view as an operation.

    `on(actor, **ids)` finds the object that the view receives first (None: 404). `query` and `body` are given to the view
    under these names, as dictionaries. `answers` is the shape of the view's value, sent with `status`; without it the
    answer has no body. `paged`: it goes on where `MS-ContinuationToken` says. `versioned`: it answers with an ETag, and a change obeys If-Match. `refuses`: statuses of errors
    beside those that follow from the declaration. `headers`: further headers of the answer, each with what it says.
    Summary and description are the view's docstring.
    """

    def mark(view: View) -> View:
        statuses = _statuses(method, rule, body is not None, query is not None, versioned, refuses)
        decorated: Any = view
        for schema, location, name in ((query, "query", "query"), (body, "json", "body")):
            if schema is not None:
                more = {"location": location, "arg_name": name, "error_status_code": 400}
                if location == "json" and getattr(schema, "example", None):
                    more["example"] = getattr(schema, "example", None)
                decorated = blueprint.arguments(schema, **more)(decorated)
        decorated = blueprint.response(status, answers, headers=_documented(method, rule, versioned, headers))(
            _bodiless(decorated, status, answers)
        )
        decorated = blueprint.doc(**_manual(view, rule, statuses))(decorated)
        taken = decorated._apidoc.setdefault("arguments", {}).setdefault("parameters", [])
        # beside those of `query`: given to doc() they would replace them
        changes = versioned and not (
            method == "POST" and rule.startswith("/v1.0")
        )  # what Graph makes has no version before
        taken.extend(_headers_taken(method, rule, changes or 412 in refuses, paged, needed=changes))
        found = on
        if "<guid:" in rule:
            found = _guids_first(on)
        decorated = access.requires(permission, on=found)(decorated)
        blueprint.route(rule, methods=[method])(decorated)
        OPERATIONS[f"{method} {rule}"] = Declared(method, rule, permission, (status, *statuses))
        return view

    return mark


def _bodiless(view: Any, status: int, answers: Any) -> Any:
    if answers is not None:
        return view

    @wraps(view)
    def empty(*args: Any, **named: Any) -> Response:
        answer = view(*args, **named)
        if isinstance(answer, Response):
            return answer
        bare = Response(status=status)
        del bare.headers["Content-Type"]  # there is no body that has a type
        return bare

    return empty


def _guids_first(on: Callable[..., Any] | None) -> Callable[..., Any]:
    def find(actor: Any, **ids: Any) -> Any:
        wrong = [name for name, value in ids.items() if isinstance(value, str) and name.endswith("_id")]
        if wrong:
            raise ApiError(400, 2000, _("%(name)s must be a GUID.", name=wrong[0]))
        return on(actor, **ids) if on is not None else ids

    return find


def _statuses(
    method: str, rule: str, body: bool, query: bool, versioned: bool, refuses: tuple[int, ...]
) -> tuple[int, ...]:
    found = {400, 401, 403, 429, 500, 503, *refuses}
    if "<" in rule:
        found.add(404)
    if method not in database.READING:
        found |= {409, 413, 422}
    if body:
        found.add(415)
    if versioned and rule.startswith("/v1.0") and method not in {*database.READING, "POST"}:
        found.add(412)
    return tuple(sorted(found))


def _documented(method: str, rule: str, versioned: bool, more: Mapping[str, str] | None) -> dict[str, Any]:
    names = [*HEADERS, *(GRAPH_HEADERS if rule.startswith("/v1.0") else ())]
    names += [] if method in database.READING else ["Idempotent-Replayed"]
    shown: dict[str, Any] = {name: {"$ref": f"#/components/headers/{name}"} for name in names}
    if versioned:
        shown["ETag"] = {"schema": {"type": "string"}, "description": "The version, to be sent back as If-Match."}
    for name, words in (more or {}).items():
        shown[name] = {"schema": {"type": "string"}, "description": words}
    return shown


#: What Graph's answers carry besides.
GRAPH_HEADERS = {
    "request-id": "The same as MS-RequestId.",
    "client-request-id": "The same as MS-RequestId.",
}
#: What every answer to somebody carries, with what it says; what is refused with 401 was nobody's, and counts for none.
HEADERS = {
    "MS-RequestId": "The id of this request: the caller's, or one made here.",
    "MS-CorrelationId": "The id that several requests share: the caller's, or one made here.",
    "RateLimit-Limit": "Requests a minute that this process takes of the organization.",
    "RateLimit-Remaining": "How many of them are left in this minute.",
    "RateLimit-Reset": "Seconds until the next minute.",
}


def _manual(view: Any, rule: str, statuses: tuple[int, ...]) -> dict[str, Any]:
    shape = "Graph" if rule.startswith("/v1.0") else ""
    return {
        "operationId": view.__name__,
        "responses": {status: f"{shape}E{status}" for status in statuses},
    }


def _headers_taken(method: str, rule: str, conditional: bool, paged: bool, *, needed: bool) -> list[str]:
    """The headers that an operation reads, by their names among the specification's components. Graph's changes need
    If-Match."""
    names = ["XLocale", "MSCorrelationId"]
    if method not in database.READING:
        names += ["MSRequestId", "IdempotencyKey"]
        if conditional:
            names.append("IfMatchNeeded" if needed and rule.startswith("/v1.0") else "IfMatch")
    return [*names, "MSContinuationToken"] if paged else names
