"""A form that came without its session or its token comes again, with what was typed.

Offered only where the request came from our own pages: what a foreign page posts is not shown as something to
confirm. Passwords and files are never carried.
"""

from __future__ import annotations

import re
import unicodedata
from urllib.parse import unquote, urlsplit

from flask import Response, current_app, make_response, redirect, request, url_for
from werkzeug.exceptions import HTTPException, MethodNotAllowed, NotFound
from werkzeug.routing import RequestRedirect
from werkzeug.wrappers import Response as BaseResponse

from webapp import actor as actors
from webapp import database, pages

#: Names of fields that are never carried: passwords, one-time codes (postal codes are none), our own.
_NEVER = re.compile(r"password|csrf_token|carried_|(?<!postal_)(?<!country_)code$")
LONGEST = 100_000


def came_from_us() -> bool:
    """Whether the browser says that one of our pages sent this request."""
    sent = request.headers.get("Origin") or request.headers.get("Referer") or ""
    return _is_ours(sent)


def _is_ours(address: str) -> bool:
    ours = urlsplit(current_app.config["PUBLIC_URL"])
    try:
        parts = urlsplit(address)
    except ValueError:
        return False
    return (parts.scheme, parts.netloc) == (ours.scheme, ours.netloc)


def typed() -> list[tuple[str, str]]:
    """What was typed into the form of this request, without secrets; nothing of one that is too large."""
    try:
        pairs = [(k, v) for k, values in request.form.lists() for v in values if not _NEVER.search(k)]
    except HTTPException:
        return []
    return pairs if sum(len(k) + len(v) for k, v in pairs) <= LONGEST else []


def local(target: str | None) -> str:
    """A path of ours to continue at, or an empty text: nobody is led to a foreign page."""
    if not target or not target.startswith("/") or target.startswith(("//", "/\\")) or "\\" in target:
        return ""
    if any(unicodedata.category(character) in {"Cc", "Cs", "Zl", "Zp"} for character in target):
        return ""
    return target


def sign_in_first() -> BaseResponse:
    """Send somebody who is not signed in to sign in, and back to the same step."""
    path = request.full_path.rstrip("?") if request.query_string else request.path
    if request.method in {"GET", "HEAD"}:
        return redirect(url_for("accounts.sign_in", next=path))
    return offer(status=401, signed_out=True)


def offer(*, status: int, signed_out: bool = False) -> Response:
    """The page that offers the same form again (after signing in, where the session is gone).

    Not to whoever began or stopped to act for a customer: the form may have been meant for another organization.
    """
    database.rollback()
    moved = not signed_out and actors.has_moved()
    carried = typed() if came_from_us() and not moved else []
    target = request.full_path.rstrip("?") if carried else _page_of_form()
    page = pages.render("errors/again.html", carried=carried, target=target, signed_out=signed_out, moved=moved)
    response = make_response(page, status)
    response.headers["Cache-Control"] = "no-store"
    return response


def _page_of_form() -> str:
    """The page to open again where nothing can be carried: the one that showed the form, else one that opens."""
    sender = request.headers.get("Referer") or ""
    places = [request.path]
    if _is_ours(sender):
        sent = urlsplit(sender)
        places.insert(0, f"{sent.path}?{sent.query}" if sent.query else sent.path)
    return next((place for place in places if local(place) and opens(place)), "/")


def opens(place: str) -> bool:
    """Whether a path of ours can be opened with GET."""
    try:
        current_app.url_map.bind("").match(unquote(urlsplit(place).path), method="GET")
    except (NotFound, MethodNotAllowed):
        return False
    except RequestRedirect:
        return True
    return True
