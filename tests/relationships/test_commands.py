"""What the operator sees and does about partners that are not known."""

from __future__ import annotations

import pytest

from tests.relationships.scene import Scene
from webapp.evidence.models import Fact


def run(scene: Scene, *arguments: str) -> tuple[int, str]:
    result = scene.app.test_cli_runner().invoke(args=["relationships", *arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.output


def test_the_open_ones_are_listed_with_who_said_so(scene: Scene) -> None:
    assert run(scene, "distrusts") == (0, "0 partners are not known.\n")
    scene.distrust()
    code, output = run(scene, "distrusts")
    assert code == 0
    assert f"Contoso 株式会社 ({scene.customer.id}) does not know Northwind Cloud ({scene.partner.id})" in output
    assert "said by Global Of" in output
    assert output.endswith("1 partners are not known.\n")


def test_the_operator_lifts_one_and_a_second_time_changes_nothing(scene: Scene) -> None:
    scene.distrust()
    arguments = ("lift-distrust", str(scene.customer.id), "Northwind Cloud", "--why", "They called.")
    code, output = run(scene, *arguments)
    assert code == 0
    assert "can get rights at Contoso 株式会社 again" in output
    code, output = run(scene, *arguments)
    assert (code, "Nothing was changed." in output) == (0, True)
    (fact,) = scene.rows(Fact, Fact.kind == "relationship.trusted")
    assert '"source":"operator"' in fact.record.replace(": ", ":")
    assert "They called." in fact.record


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("Northwind Cloud", "Northwind Cloud", "--why", "x"), "is a partner, not a customer"),
        (("Contoso 株式会社", "Nobody", "--why", "x"), "No single organization is called 'Nobody'"),
        (("Contoso 株式会社", "Northwind Cloud", "--why", " "), "Say why"),
        (("Contoso 株式会社", "Northwind Cloud"), "--why"),
    ],
)
def test_what_cannot_be_lifted_is_said_in_one_line(scene: Scene, arguments: tuple[str, ...], says: str) -> None:
    code, output = run(scene, "lift-distrust", *arguments)
    assert code != 0
    assert says in output
