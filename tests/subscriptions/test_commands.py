"""`flask subscriptions add|list`: once, a second time, and where it is refused."""

from __future__ import annotations

import pytest

from tests.relationships.scene import Scene
from tests.support.builders import World
from webapp.evidence.models import SITE_CHAIN, Fact
from webapp.subscriptions.models import Product, Subscription


@pytest.fixture
def scene(app: object, world: World) -> Scene:
    return Scene(world.app, world)


def run(scene: Scene, *arguments: str) -> tuple[int, str]:
    result = scene.app.test_cli_runner().invoke(args=["subscriptions", *arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.output


def add(scene: Scene, *more: str, partner: str = "Northwind Cloud", **changes: str) -> tuple[int, str]:
    options = {"product": "Microsoft 365 Business Premium", "seats": "25", "from": "2026-04-01", "until": "2027-03-31"}
    given = [word for name, value in (options | changes).items() for word in (f"--{name.strip('_')}", value)]
    return run(scene, "add", "Contoso 株式会社", partner, *given, *more)


def test_it_is_added_once_with_one_fact(scene: Scene) -> None:
    scene.begin()
    code, output = add(scene)
    assert code == 0, output
    assert "Added for Contoso 株式会社: Microsoft 365 Business Premium, 25 seats, 2026-04-01 to 2027-03-31" in output
    code, output = add(scene)
    assert code == 0
    assert "Nothing was changed" in output
    (row,) = scene.rows(Subscription)
    assert (row.partner_id, row.reseller_id, row.seats) == (scene.partner.id, None, 25)
    (fact,) = scene.rows(Fact, Fact.kind == "subscription.added")
    assert (fact.chain_id, row.fact_id) == (scene.customer.chain_id, fact.id)
    assert add(scene, seats="26")[0] == 0
    assert len(scene.rows(Subscription)) == 2


def test_through_a_reseller_the_relationship_of_exactly_these_counts(scene: Scene) -> None:
    scene.begin(indirect=True)
    code, output = add(scene, partner="Fabrikam Distribution")
    assert code != 0
    assert "no open relationship of exactly these" in output
    code, output = add(scene, "--reseller", "Tailspin Resellers", partner="Fabrikam Distribution")
    assert code == 0, output
    assert scene.rows(Subscription)[0].reseller_id == scene.reseller.id


def test_after_the_end_nothing_is_sold(scene: Scene) -> None:
    relationship = scene.begin()
    scene.end(relationship)
    code, output = add(scene)
    assert code != 0
    assert "no open relationship" in output
    assert scene.rows(Subscription) == []


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"seats": "0"}, "from 1 to 1,000,000 seats"),
        ({"seats": "many"}, "not a valid integer"),
        ({"until": "2026-03-31"}, "lies before the first"),
        ({"until": "31.3.2027"}, "does not match the format"),
        ({"product": " "}, "A product's name has from 1 to 200 characters"),
        ({"partner": "Contoso 株式会社"}, "is a customer, not a partner"),
        ({"reseller": "Nobody"}, "No single organization"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(scene: Scene, changes: dict[str, str], says: str) -> None:
    scene.begin()
    code, output = add(scene, **changes)
    assert code != 0
    assert says in output
    assert scene.rows(Subscription) == []


def test_the_list_says_what_is_active_and_through_whom(scene: Scene) -> None:
    assert run(scene, "list", "Contoso 株式会社") == (0, "0 subscriptions.\n")
    scene.begin()
    scene.begin(indirect=True)
    add(scene, **{"from": "2025-01-01", "until": "2025-12-31"})
    scene.buy(indirect=True)
    code, output = run(scene, "list", str(scene.customer.id))
    assert code == 0
    over, active, count = output.splitlines()
    assert "2025-01-01 to 2025-12-31  deleted  25 seats  Microsoft 365 Business Premium  (Northwind Cloud)" in over
    assert "active" in active
    assert active.endswith("(Fabrikam Distribution, reseller Tailspin Resellers)")
    assert count == "2 subscriptions."


def products(scene: Scene, *arguments: str) -> tuple[int, str]:
    result = scene.app.test_cli_runner().invoke(args=["products", *arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.output


SUITE = (
    "SUITE-Y", "--name-en", "Suite Business", "--name-ja", "スイート ビジネス", "--kind", "software_subscription",
    "--months", "12", "--seats-max", "300",
)  # fmt: skip


def test_a_product_is_added_once_closed_once_and_opened_again_each_with_a_fact(scene: Scene) -> None:
    said = "SUITE-Y  open  software_subscription  12 months  1 to 300 seats  Suite Business / スイート ビジネス"
    assert products(scene, "add", *SUITE) == (0, f"Can be ordered: {said}\n")
    code, output = products(scene, "add", *SUITE)
    assert (code, "Nothing was changed" in output) == (0, True)
    assert products(scene, "list") == (0, f"{said}\n1 products.\n")
    assert "Closed: SUITE-Y  closed 20" in products(scene, "close", "SUITE-Y")[1]
    assert "It is closed already" in products(scene, "close", "SUITE-Y")[1]
    assert products(scene, "add", *SUITE)[1] == f"Can be ordered: {said}\n"
    facts = scene.rows(Fact, Fact.kind.startswith("product."))
    assert sorted(fact.kind for fact in facts) == ["product.added", "product.closed", "product.reopened"]
    assert {fact.chain_id for fact in facts} == {SITE_CHAIN}


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("add", *SUITE, "--months", "24"), "This code is that of a product that is otherwise."),
        (("add", "A B", *SUITE[1:]), "A code has from 1 to 40 letters"),
        (("add", "OTHER", *SUITE[1:], "--kind", "car"), "A product is one of: offer, software"),
        (("add", "OTHER", *SUITE[1:], "--months", "0"), "A product runs from 1 to 60 months."),
        (("add", "OTHER", *SUITE[1:], "--seats", "301"), "from 1 to 1,000,000 seats"),
        (("close", "OTHER"), "No product has this code"),
    ],
)
def test_a_product_that_cannot_be_is_refused_in_one_line(scene: Scene, arguments: tuple[str, ...], says: str) -> None:
    products(scene, "add", *SUITE)
    code, output = products(scene, *arguments)
    assert code != 0
    assert says in output
    assert len(scene.rows(Product)) == 1


def test_a_product_that_is_not_sold_by_the_seat_and_one_that_renews(scene: Scene) -> None:
    flat = (
        "AZURE",
        "--name-en",
        "Azure plan",
        "--name-ja",
        "Azure プラン",
        "--kind",
        "azure_plan",
        "--months",
        "1",
        "--flat",
    )
    assert "not by the seat" in products(scene, "add", *flat)[1]
    scene.begin()
    add(scene, "--renews", "--kind", "azure_plan", **{"from": "2026-01-01", "until": "2026-01-31"})
    (row,) = scene.rows(Subscription)
    assert (row.kind, row.auto_renews) == ("azure_plan", True)
    code, output = run(scene, "renew")
    assert code == 0
    assert output.endswith("subscriptions renewed.\n")
    assert not output.startswith("0 ")
    assert run(scene, "renew")[1] == "0 subscriptions renewed.\n"
