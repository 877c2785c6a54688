"""Operations of `agreements`: what there is to accept."""

from tests.guards.api import READERS, op

OPERATIONS = {
    "GET /v1/agreements": op(200, to=READERS),
}
