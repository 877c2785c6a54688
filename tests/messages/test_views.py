"""The demonstration's mailbox."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from tests.support.builders import World
from tests.support.visitor import Visitor
from webapp import database
from webapp.messages import actions
from webapp.messages.models import Message


@pytest.fixture
def app(make_app: Callable[..., Flask]) -> Flask:
    return make_app(demo=True)


def test_a_message_stands_there_with_its_secret_filled_in_and_is_not_kept(world: World, app: Flask) -> None:
    person = world.a_customer()["global_administrator"]
    visitor = Visitor(app)
    assert "No messages yet" in visitor.open("/mailbox").words
    visitor.open("/password-reset")
    visitor.submit(address=person.address)
    page = visitor.open("/mailbox")
    assert page.response.headers["Cache-Control"] == "no-store"
    assert person.address in page.words
    page = visitor.follow("Set a new password for Countersign")
    assert page.response.headers["Cache-Control"] == "no-store"
    assert "…" not in page.words
    link = next(url for words, url in page.links.items() if words == "Set a new password")
    assert re.search(r"/password-reset/[\w-]{30,}$", link)
    assert visitor.open(link).status == 200


def test_an_unknown_message_is_not_found(app: Flask) -> None:
    assert Visitor(app).open("/mailbox/00000000-0000-0000-0000-000000000000").status == 404


def test_outside_the_demonstration_there_is_no_mailbox(make_app: Callable[..., Flask]) -> None:
    visitor: Any = Visitor(make_app())
    assert visitor.open("/mailbox").status == 404
    assert visitor.open("/mailbox/00000000-0000-0000-0000-000000000000").status == 404


def test_in_the_mailbox_a_message_left_when_it_was_written(app: Flask) -> None:
    with app.app_context():
        with database.unit_of_work():
            database.write()
            written = actions.put(kind="test", to="a@contoso.example", language="en", subject="Hello", text="Hello\n")
            written.created_at -= timedelta(minutes=5)
            written_at = written.created_at
        assert actions.deliver_due() == 1
        message = database.session().scalars(sa.select(Message)).one()
        assert message.handed_over_at == message.created_at == written_at
