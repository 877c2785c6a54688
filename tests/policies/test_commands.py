"""`flask policies list|set`."""

from __future__ import annotations

import pytest
from flask import Flask

from webapp.policies import queries
from webapp.policies.rules import POLICIES, bounds


def test_the_list_names_every_policy_with_its_value_and_source(app: Flask) -> None:
    runner = app.test_cli_runner()
    runner.invoke(args=["policies", "set", "invitation.days", "60", "--why", "longer"])
    said = runner.invoke(args=["policies", "list"]).output
    for name, policy in POLICIES.items():
        assert f"{name} = " in said
        assert policy.source in said
        assert bounds(policy) in said
    assert "invitation.days = 60  (default 30)" in said


@pytest.mark.parametrize(
    ("name", "value", "kept"),
    [
        ("invitation.days", "60", 60),
        ("countries.served", '["JP", "US"]', ["JP", "US"]),
        ("agreement.renew_before", "2024-01-01", "2024-01-01"),
        ("agreement.renew_before", '"2024-01-01"', "2024-01-01"),
    ],
)
def test_a_policy_is_set_from_json_or_plain_text(app: Flask, name: str, value: str, kept: object) -> None:
    for _ in range(2):
        answer = app.test_cli_runner().invoke(args=["policies", "set", name, value, "--why", "asked"])
        assert answer.exit_code == 0, answer.output
    with app.app_context():
        assert queries.value(name) == kept


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nothing.here", "1", "--why", "x"], "There is no policy"),
        (["invitation.days", "0", "--why", "x"], "it is a number from 1 to 365"),
        (
            ["agreement.acceptors", "[]", "--why", "x"],
            'some of these: ["global_administrator", "billing_administrator"]',
        ),
        (["agreement.renew_before", "soon", "--why", "x"], "it is a day, as in 2026-03-01"),
        (["attestation.last_day", "2026-02-29", "--why", "x"], "it is a day, as in 2026-03-01"),
        (["attestation.programmes", '["indirect_reseller"]', "--why", "x"], '["direct_bill", "indirect_provider"]'),
        (["import.rows", "0", "--why", "x"], "it is a number from 1 to 100000"),
        (["invitation.days", "NaN", "--why", "x"], "is not a value"),
        (["invitation.days", "{}", "--why", "x"], "is not a value"),
        (["invitation.days", "60", "--why", " "], "Say why"),
        (["invitation.days", "60"], "--why"),
    ],
)
def test_what_cannot_be_set_is_refused_in_words(app: Flask, arguments: list[str], words: str) -> None:
    answer = app.test_cli_runner().invoke(args=["policies", "set", *arguments])
    assert answer.exit_code != 0
    assert words in answer.output
    assert "Traceback" not in answer.output
    with app.app_context():
        assert queries.all_values() == {name: policy.default for name, policy in POLICIES.items()}
