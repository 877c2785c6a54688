"""`flask api-clients list|create|revoke`."""

from __future__ import annotations

import re

import pytest

from tests.api_clients.scene import Program, Scene
from webapp.api_clients import queries
from webapp.api_clients.models import ApiClient
from webapp.evidence.models import Fact
from webapp.messages.models import Message


def run(scene: Scene, *arguments: str) -> tuple[int, str]:
    result = scene.app.test_cli_runner().invoke(args=["api-clients", *arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.output


def test_a_program_is_made_once_and_its_secret_is_printed(scene: Scene) -> None:
    arguments = (
        "create",
        scene.partner.name,
        "--name",
        "ERP",
        "--role",
        "read_only",
        "--redirect-uri",
        "http://localhost/",
    )
    code, output = run(scene, *arguments)
    assert code == 0, output
    (secret,) = re.findall(r"css_\S+", output)
    with scene.app.app_context():
        row = queries.open_client_named(scene.partner.id, "ERP")
        assert row is not None
        assert Program(scene, row, secret).own()
    code, output = run(scene, *arguments)
    assert code == 0
    assert "Nothing was changed" in output
    assert "css_" not in output
    (fact,) = scene.rows(Fact, Fact.kind == "api_client.created")
    assert (fact.person_id, '"source":"operator"' in fact.record) == (None, True)
    (told,) = scene.rows(Message, Message.kind == "program_created")
    assert told.recipient == scene.partner["admin_agent"].address
    assert "The operator of this site added the program ERP" in told.text


@pytest.mark.parametrize(
    "wrong",
    [
        ("--name", ""),
        ("--name", "a" * 61),
        ("--role", "global_administrator"),
        ("--redirect-uri", "http://erp.example/"),
    ],
)
def test_what_is_wrong_is_refused(scene: Scene, wrong: tuple[str, str]) -> None:
    given = {"--name": "ERP", "--role": "read_only"} | dict([wrong])
    code, _output = run(scene, "create", scene.partner.name, *(word for pair in given.items() for word in pair))
    assert code == 2
    assert scene.rows(ApiClient) == []
    assert run(scene, "create", "nobody.example", "--name", "ERP", "--role", "read_only")[0] == 1


def test_programs_are_listed_and_revoked(scene: Scene) -> None:
    program, other = scene.program(name="ERP"), scene.program(by=scene.rival["admin_agent"], name="Shop")
    code, output = run(scene, "list")
    assert code == 0
    assert "ERP" in output
    assert "Shop" in output
    assert "2 programs." in output
    assert program.secret not in output
    assert "Shop" not in run(scene, "list", "--partner", scene.partner.name)[1]
    token = program.own()
    assert "is revoked." in run(scene, "revoke", str(program.id), "--why", "Lost.")[1]
    assert "was revoked already" in run(scene, "revoke", str(program.id), "--why", "Lost.")[1]
    assert scene.status_with(token) == 401
    assert scene.status_with(other.own()) == 200
    assert run(scene, "revoke", str(scene.partner.id), "--why", "Lost.")[0] == 1
    assert "revoked" in run(scene, "list")[1]
