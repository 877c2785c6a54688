"""Lists: as many queries for 40 entries as for 2, and nothing is loaded behind one's back."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import sqlalchemy as sa

from tests.guards.routes import Growing, lists, many
from tests.guards.test_routes import address_of
from tests.support.rows import statements
from tests.support.story import Story
from webapp import database
from webapp.database import Model

LISTS = lists()


def cost(story: Story, key: str, growing: Growing) -> tuple[int, int]:
    """The number of queries that a list takes, and the length of its page."""
    parameters = growing.prepare(story) if growing.prepare else {}
    address = address_of(story.app, key, {**parameters, **growing.arguments})
    client = story.client(growing.visitor)
    assert client.get(address).status_code == 200, address  # the first view also notes when the session was seen
    with statements(story.app) as seen:
        answer = client.get(address)
    assert answer.status_code == 200
    return len(seen), len(answer.get_data())


@pytest.mark.parametrize("key", sorted(LISTS) or ["none"])
def test_a_list_takes_as_many_queries_when_it_grows(stories: Callable[..., Story], key: str) -> None:
    assert key in LISTS, "no list is named in tests/guards/routes/*.py"
    growing = LISTS[key]
    short, long = stories(), stories()
    growing.add(short, 2)
    growing.add(long, 40)
    (few, small), (many_, large) = cost(short, key, growing), cost(long, key, growing)
    assert large > small, f"{key} does not grow: does `add` make what it shows?"
    assert few == many_, f"{key}: {few} queries for 2 entries, {many_} for 40"


def test_no_model_loads_another_behind_one_s_back() -> None:
    for mapper in Model.registry.mappers:
        for relation in mapper.relationships:
            assert relation.lazy in {"raise", "raise_on_sql", "noload"}, f"{mapper.class_.__name__}.{relation.key}"


def test_the_counter_counts_every_statement(story: Story) -> None:
    with statements(story.app) as seen, story.app.app_context():
        for _ in range(3):
            database.session().execute(sa.select(sa.literal(1)))
    assert len([each for each in seen if each.startswith("SELECT")]) == 3
    assert many("nobody", lambda s, n: None).visitor == "nobody"
