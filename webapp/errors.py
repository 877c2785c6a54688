"""Refusals, and how what goes wrong becomes a page.

A refusal is a fact about the world ("the invitation was withdrawn"), not a sentence: its class name and its
facts are raised by a rule, its words stand in `templates/errors/refusals/<Name>.html`.
"""

from __future__ import annotations

import logging
import secrets
import sqlite3
from collections.abc import Callable
from typing import Any

from flask import Flask, Response, g, make_response, request
from flask_wtf.csrf import CSRFError
from sqlalchemy.exc import DataError, IntegrityError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from werkzeug.exceptions import BadRequest, HTTPException, NotFound

from webapp import actor, database

log = logging.getLogger("countersign")


class Refusal(Exception):
    """A rule says no. `status` is the HTTP status of its page; `facts` are shown there.

    `operator` marks one that only commands meet: it is said in the terminal and has no page.
    """

    status = 409
    operator = False

    def __init__(self, **facts: Any) -> None:
        super().__init__(type(self).__name__, facts)
        self.facts = facts

    @property
    def name(self) -> str:
        return type(self).__name__

    def __getattr__(self, name: str) -> Any:
        try:
            return self.__dict__["facts"][name]
        except KeyError:
            raise AttributeError(name) from None


class Forbidden(Refusal):
    """Visible, but this actor may not do it. `permission` names what is missing."""

    status = 403


class TooManyAttempts(Refusal):
    """A limit on failures was reached. `minutes` says when the next attempt is counted anew."""

    status = 429


_constraint_refusals: dict[str, Callable[[], Refusal]] = {}


def speaks(constraint: str, refusal: Callable[[], Refusal]) -> None:
    """Say which refusal a constraint's violation means, on both engines."""
    _constraint_refusals[constraint] = refusal


def refusal_of(error: IntegrityError) -> Refusal | None:
    """The refusal that a violated constraint stands for, or None for a fault of our own."""
    make = _constraint_refusals.get(database.constraint_name(error))
    return make() if make else None


def reference() -> str:
    """A short random reference that a reader can quote and the log can be searched for."""
    alphabet = "BCDFGHJKLMNPQRSTVWXZ23456789"
    return "".join(secrets.choice(alphabet) for _ in range(8))


def init_app(app: Flask) -> None:
    """Turn refusals, HTTP errors and faults into pages, for the API into its own errors."""
    app.register_error_handler(Refusal, _refused)
    app.register_error_handler(LookupError, _gone)
    app.register_error_handler(CSRFError, _csrf)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(OperationalError, _busy)
    app.register_error_handler(PoolTimeout, _busy)
    app.register_error_handler(DataError, _unreadable)
    app.register_error_handler(Exception, _fault)


def _page(template: str, status: int, **context: Any) -> Response:
    from webapp import pages, rest

    database.rollback()
    if actor.is_api_place(request.path):
        refusal = context.get("refusal")
        return rest.refusal_answer(refusal) if refusal else rest.status_answer(status, context["reference"])
    response = make_response(pages.render(template, **context), status)
    response.headers["Cache-Control"] = "no-store"
    return response


def _refused(refusal: Refusal) -> Response:
    response = _page(f"errors/refusals/{refusal.name}.html", refusal.status, refusal=refusal, reference=reference())
    if refusal.status == 429:
        response.headers["Retry-After"] = str(int(refusal.facts.get("minutes", 5)) * 60)
    return response


def _gone(error: LookupError) -> Response:
    if type(error) is not LookupError:
        return _fault(error)
    return _http(NotFound())


def _csrf(_error: CSRFError) -> Response:
    from webapp import again

    return again.offer(status=400)


_KNOWN = {400, 403, 404, 405, 413, 414, 429, 503}


def _http(error: HTTPException) -> Response:
    if (error.response is not None and not actor.is_api_place(request.path)) or (error.code or 500) < 400:
        return make_response(error.get_response())
    status = error.code or 500
    template = f"errors/{status if status in _KNOWN else 400 if status < 500 else 500}.html"
    response = _page(template, status, reference=reference())
    for name, value in error.get_headers(request.environ):
        if name in {"Allow", "Retry-After"}:
            response.headers[name] = value
    return response


def _unreadable(error: DataError) -> Response:
    """Asked with a NUL: PostgreSQL takes none in a text (SQLite does, and finds nothing by it)."""
    return _http(BadRequest()) if "NUL" in str(error.orig) else _fault(error)


#: Classes of SQLSTATE: no connection, rolled back to end a deadlock, no resources, locked, stopped by an operator.
_BUSY_CLASSES = ("08", "40", "53", "55", "57")


def _is_busy(error: OperationalError) -> bool:
    code = getattr(error.orig, "sqlite_errorcode", None)
    if code is not None:
        return code & 0xFF in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
    if isinstance(error.orig, sqlite3.Error):
        return False
    state = getattr(error.orig, "sqlstate", None)
    return state is None or state[:2] in _BUSY_CLASSES  # none: the server did not answer


def _busy(error: Exception) -> Response:
    """The database cannot take this request now: nothing was done, trying again is right."""
    if isinstance(error, OperationalError) and not _is_busy(error):
        return _fault(error)
    said = str(error.orig) if isinstance(error, OperationalError) else str(error)
    shown = reference()
    log.warning("busy %s%s: %s", shown, _ids(), (said.splitlines() or [""])[0])
    response = _last_page("errors/503.html", 503, shown)
    response.headers["Retry-After"] = "5"
    return response


def _fault(error: Exception) -> Response:
    shown = reference()
    log.exception("fault %s%s", shown, _ids(), exc_info=error)
    return _last_page("errors/500.html", 500, shown)


def _ids() -> str:
    """The ids of a call of the API, for the log."""
    from webapp import rest

    if not actor.is_api_place(request.path):
        return ""
    return f" request={rest.call().request_id} correlation={rest.call().correlation_id}"


def _last_page(template: str, status: int, shown: str) -> Response:
    """A page for when the database may not answer: it is not asked again who reads it."""
    g.setdefault("actor", None)
    try:
        return _page(template, status, reference=shown)
    except Exception:  # the page itself failed: plain words are better than a stack trace
        log.exception("fault %s while rendering its page", shown)
        response = make_response(f"Sorry, there is a problem with the service. Reference: {shown}\n", status)
        response.mimetype = "text/plain"
        response.headers["Cache-Control"] = "no-store"
        return response
