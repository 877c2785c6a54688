"""Routes of `evidence`: an organization's own history."""

from tests.guards.routes import CUSTOMER_READERS, PARTNER_READERS, row

READERS = (*CUSTOMER_READERS, *PARTNER_READERS)

ROUTES = {
    "GET /history": row(200, to=READERS),
    "GET /history/verification": row(200, to=READERS),
}
