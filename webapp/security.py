"""Hosts and headers: whom every request must name, and what every answer carries whatever its page."""

from __future__ import annotations

from urllib.parse import urlsplit

from flask import Flask, Response, current_app, g, request
from werkzeug.exceptions import SecurityError

from config import Config

CONTENT_SECURITY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)


def init_app(app: Flask, config: Config) -> None:
    """Refuse other hosts and add the headers."""
    own = urlsplit(config.public_url)
    hosts = {own.netloc, own.hostname or "", *config.trusted_hosts}
    app.config["TRUSTED_HOSTS"] = sorted(host for host in hosts if host)
    app.before_request(_refuse_other_hosts)
    app.after_request(_headers)


def _refuse_other_hosts() -> Response | None:
    """Answer in plain words: for a name that is not ours no page of ours has an address."""
    if not isinstance(request.routing_exception, SecurityError):
        return None
    return Response("This is not the address of this service.\n", 400, mimetype="text/plain")


def one_time_secret() -> None:
    """Mark the page being made as one that shows a secret: it is neither compressed nor kept."""
    g.shows_secret = True


def _headers(response: Response) -> Response:
    if request.endpoint == "static" and response.status_code == 200 and str(response.mimetype).startswith("text/"):
        response.direct_passthrough = False
        response.make_sequence()  # small; Flask-Compress would stream the file and never close it
    headers = response.headers
    headers.setdefault("Content-Security-Policy", CONTENT_SECURITY)
    headers.setdefault("Referrer-Policy", "same-origin")
    headers.setdefault("X-Content-Type-Options", "nosniff")
    headers.setdefault("X-Frame-Options", "DENY")
    headers.setdefault("Cross-Origin-Opener-Policy", "same-origin")
    headers.setdefault("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
    if str(current_app.config["PUBLIC_URL"]).startswith("https://"):
        headers.setdefault("Strict-Transport-Security", "max-age=31536000; includeSubDomains")
    if request.endpoint != "static":
        headers.setdefault("Cache-Control", "no-store" if g.get("shows_secret") else "no-cache, private")
    if g.get("shows_secret"):
        headers["Content-Encoding"] = "identity"
    return response
