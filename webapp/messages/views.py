"""The demonstration's mailbox: the messages that would have left this computer."""

from __future__ import annotations

import re
from uuid import UUID

from flask import Blueprint, abort, current_app
from flask.typing import ResponseReturnValue
from markupsafe import Markup

from webapp import pages, security
from webapp.access import anyone
from webapp.messages import actions, queries

blueprint = Blueprint("messages", __name__)
_DEMO = "exists in the demonstration only, whose passwords everybody knows; elsewhere it answers 404"


@blueprint.get("/mailbox")
@anyone(because=_DEMO)
def mailbox() -> ResponseReturnValue:
    _only_in_demo()
    security.one_time_secret()
    return pages.render("messages/mailbox.html", messages=queries.newest())


@blueprint.get("/mailbox/<uuid:message_id>")
@anyone(because=_DEMO)
def message(message_id: UUID) -> ResponseReturnValue:
    _only_in_demo()
    security.one_time_secret()
    found = queries.message_by_id(message_id)
    if found is None:
        abort(404)
    text, html = actions.filled(found)
    return pages.render("messages/message.html", message=found, text=text, html=_inner(html) if html else None)


def _only_in_demo() -> None:
    if not current_app.config["DEMO"]:
        abort(404)


def _inner(html: str) -> Markup:
    """What stands between the body tags: our own templates wrote it and escaped what was given to them."""
    found = re.search(r"<body[^>]*>(.*)</body>", html, re.DOTALL)
    return Markup(found[1] if found else "")  # noqa: S704
