"""Routes of the kernel."""

from tests.guards.routes import EVERYBODY, row

ROUTES = {
    "GET /static/<path:filename>": row(200, to=EVERYBODY, prepare=lambda s: {"filename": "countersign.css"}),
}
