"""Routes of `api_reference`: what the API offers."""

from tests.guards.routes import EVERYBODY, row

ROUTES = {
    "GET /api/openapi.json": row(200, to=EVERYBODY),
    "GET /api/docs": row(200, to=EVERYBODY),
}
