"""Routes of `home`."""

from tests.guards.routes import CUSTOMERS, EVERYBODY, PARTNERS, row

ROUTES = {
    "GET /": row(302, to=EVERYBODY, nobody=200),
    "GET /home": row(200, to=CUSTOMERS, otherwise=302),
    "GET /partner": row(200, to=PARTNERS, otherwise=404),
    "GET /language/<code>": row(302, to=EVERYBODY, prepare=lambda s: {"code": "ja", "back": "/help"}),
    "GET /help": row(200, to=EVERYBODY),
    "GET /privacy": row(200, to=EVERYBODY),
    "GET /health/live": row(200, to=EVERYBODY),
    "GET /health/ready": row(200, to=EVERYBODY),
}
