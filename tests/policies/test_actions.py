"""Setting policies: each change is a fact of the site's chain."""

from __future__ import annotations

import json

import pytest
import sqlalchemy as sa
from flask import Flask

from webapp import database
from webapp.evidence.models import SITE_CHAIN, Chain, Fact
from webapp.policies import actions, queries
from webapp.policies.rules import POLICIES, PolicyOutOfBounds


def facts(app: Flask) -> list[dict[str, object]]:
    with app.app_context():
        statement = sa.select(Fact.record).where(Fact.kind == "policy.set", Fact.chain_id == SITE_CHAIN)
        return [json.loads(record)["facts"] for record in database.session().scalars(statement.order_by(Fact.position))]


def set_policy(app: Flask, name: str, value: object, why: str = "asked for") -> None:
    with app.app_context(), database.unit_of_work():
        actions.set_policy(name, value, why)


def test_a_policy_has_its_default_until_it_is_set(app: Flask) -> None:
    with app.app_context():
        assert queries.value("invitation.days") == 30
        assert queries.all_values() == {name: policy.default for name, policy in POLICIES.items()}
    set_policy(app, "invitation.days", 60)
    set_policy(app, "countries.served", ["JP", "US"])
    with app.app_context():
        assert queries.value("invitation.days") == 60
        assert queries.value("countries.served") == ["JP", "US"]
        assert queries.all_values()["invitation.days"] == 60


def test_every_change_is_a_fact_with_before_after_and_why(app: Flask) -> None:
    set_policy(app, "invitation.days", 60, "longer holidays")
    set_policy(app, "invitation.days", 30, "back again")
    assert facts(app) == [
        {"policy": "invitation.days", "from": 30, "to": 60, "why": "longer holidays"},
        {"policy": "invitation.days", "from": 60, "to": 30, "why": "back again"},
    ]
    with app.app_context():
        assert database.session().get_one(Chain, SITE_CHAIN).length == 2


def test_what_is_so_already_changes_nothing(app: Flask) -> None:
    set_policy(app, "invitation.days", 30)
    set_policy(app, "invitation.days", 60)
    set_policy(app, "invitation.days", 60)
    assert len(facts(app)) == 1


def test_a_refused_value_and_a_change_without_reason_leave_nothing(app: Flask) -> None:
    with pytest.raises(PolicyOutOfBounds):
        set_policy(app, "invitation.days", 0)
    with pytest.raises(ValueError, match="reason"):
        set_policy(app, "invitation.days", 60, " \u3000")
    assert facts(app) == []
    with app.app_context():
        assert queries.value("invitation.days") == 30
