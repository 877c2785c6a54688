"""Through whom a customer bought what closes direct acceptance."""

from __future__ import annotations

from datetime import date

import pytest

from tests.relationships.scene import Scene
from tests.support.builders import Party, World
from webapp import clock, database
from webapp.organizations.models import Organization
from webapp.subscriptions import actions, queries, rules


@pytest.fixture
def scene(app: object, world: World) -> Scene:
    return Scene(world.app, world)


def bought(scene: Scene, kind: str, partner: Party | None = None, reseller: Party | None = None) -> None:
    with scene.app.app_context(), database.unit_of_work():
        day = clock.today("Asia/Tokyo")
        actions.add(
            scene.organization(scene.customer), scene.organization(partner or scene.partner),
            reseller=scene.organization(reseller) if reseller else None, product=kind, kind=kind, seats=1,
            starts_on=day, ends_on=day,
        )  # fmt: skip


def through(scene: Scene) -> list[str]:
    with scene.app.app_context():
        found: list[Organization] = queries.bought_through(scene.customer.id)
        return [each.name for each in found]


@pytest.mark.parametrize("kind", rules.KINDS)
def test_every_kind_but_a_trial_closes_direct_acceptance(scene: Scene, kind: str) -> None:
    scene.begin()
    assert through(scene) == []
    bought(scene, kind)
    assert through(scene) == ([] if kind == "trial" else ["Northwind Cloud"])


def test_the_newest_purchase_comes_first_and_the_provider_stands_for_its_reseller(scene: Scene) -> None:
    scene.begin()
    scene.begin(indirect=True)
    bought(scene, "offer")
    bought(scene, "azure_plan", scene.provider, scene.reseller)
    assert through(scene) == ["Fabrikam Distribution", "Northwind Cloud"]
    bought(scene, "software")
    assert through(scene) == ["Northwind Cloud", "Fabrikam Distribution"]


def test_whoever_no_longer_sells_to_the_customer_does_not_count(scene: Scene) -> None:
    relationship = scene.begin()
    scene.buy(until=date(2026, 1, 31))
    assert through(scene) == ["Northwind Cloud"]
    scene.end(relationship)
    assert through(scene) == []
