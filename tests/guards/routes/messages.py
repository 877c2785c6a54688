"""Routes of `messages`: the demonstration's mailbox."""

from typing import Any

from tests.guards.routes import EVERYBODY, row
from tests.support.story import Story
from webapp.messages.models import Message


def _mail(s: Story) -> dict[str, Any]:
    s.post("nobody", "/password-reset", address=s.address_of("global_administrator"))
    return {"message_id": s.only(Message).id}


ROUTES = {
    "GET /mailbox": row(200, to=EVERYBODY, prepare=lambda s: _mail(s) and {}),
    "GET /mailbox/<uuid:message_id>": row(200, to=EVERYBODY, prepare=_mail),
}
