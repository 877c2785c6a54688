"""Routes of `home`."""

from typing import Any

from tests.guards.routes import CUSTOMERS, EVERYBODY, PARTNERS, row

#: The list of what is left to set up is on a customer's first page only.
_PARTNERS_404: dict[str, Any] = dict.fromkeys(("rival", *PARTNERS), 404)

ROUTES = {
    "GET /": row(302, to=EVERYBODY, nobody=200),
    "GET /home": row(200, to=CUSTOMERS, otherwise=302, delegate=302),  # to the page of whoever acts for a customer
    "GET /partner": row(200, to=PARTNERS, otherwise=404),
    "POST /home/setup-dismissal": row(302, to=("global_administrator",), otherwise=403, **_PARTNERS_404),
    "POST /home/setup-list": row(302, to=("global_administrator",), otherwise=403, **_PARTNERS_404),
    "GET /language/<code>": row(302, to=EVERYBODY, prepare=lambda s: {"code": "ja", "back": "/help"}),
    "GET /help": row(200, to=EVERYBODY),
    "GET /privacy": row(200, to=EVERYBODY),
    "GET /health/live": row(200, to=EVERYBODY),
    "GET /health/ready": row(200, to=EVERYBODY),
}
