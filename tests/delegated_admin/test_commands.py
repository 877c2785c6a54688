"""`flask delegated-admin …`."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest
import sqlalchemy as sa
from flask import Flask

from tests.delegated_admin.scene import Moment, Scene
from tests.support.builders import World
from webapp import database
from webapp.delegated_admin.models import DelegatedStanding
from webapp.delegated_admin.roles import BASIC


def rebuild(app: Flask) -> str:
    answer = app.test_cli_runner().invoke(args=["delegated-admin", "rebuild"])
    assert answer.exit_code == 0, answer.output
    return answer.output.strip()


def spoil(scene: Scene, offer_id: UUID) -> None:
    """What no action does: rows that contradict the acts."""
    with scene.unit():
        database.write()
        database.session().execute(
            sa.update(DelegatedStanding)
            .where(DelegatedStanding.relationship_id == offer_id)
            .values(state="active", roles=[], ends_at=None, next_at=None, announced=False)
        )


def test_rebuilding_mends_what_differs_from_the_acts_and_nothing_else(
    app: Flask, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = Scene(app, world, Moment(monkeypatch))
    assert rebuild(app) == "0 looked at, 0 written anew."
    waiting, active, ended = scene.offer(), scene.offer(), scene.offer()
    for each in (active, ended):
        scene.approve(each)
    scene.end(ended)
    right = {each: scene.standing(each) for each in (waiting, active, ended)}
    assert rebuild(app) == "3 looked at, 0 written anew."
    spoil(scene, ended)
    spoil(scene, active)
    with scene.unit():
        database.write()
        database.session().execute(sa.delete(DelegatedStanding).where(DelegatedStanding.relationship_id == waiting))
    assert rebuild(app) == "3 looked at, 3 written anew."
    for each, before in right.items():
        now = scene.standing(each)
        assert (now.state, now.roles, now.ends_at, now.next_at, now.announced) == (
            before.state, before.roles, before.ends_at, before.next_at, before.announced
        )  # fmt: skip
    assert rebuild(app) == "3 looked at, 0 written anew."


def test_rebuilding_brings_what_time_changed_and_leaves_the_telling_to_the_worker(
    app: Flask, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = Scene(app, world, Moment(monkeypatch))
    offer = scene.offer(BASIC, 10)
    scene.approve(offer)
    scene.moment.go(days=11)
    assert scene.standing(offer).state == "active"
    assert rebuild(app) == "1 looked at, 1 written anew."
    assert scene.standing(offer).state == "expired"
    assert scene.mails(offer, "expired") == []
    scene.moment.now += timedelta(hours=1)
    scene.work()
    assert len(scene.mails(offer, "expired")) == 3
    assert rebuild(app) == "1 looked at, 0 written anew."
