"""Generated requests: whatever is sent, the answer is one that the specification promises.

Each operation is asked with examples that schemathesis makes of the specification: half of them with seeded ids and the
valid body of `tests/guards/api`, which must succeed; the others with generated values, right and wrong. All checks of
schemathesis are made on every answer. `make test` tries 20 examples of each operation, `--full` 1,000.
"""

from __future__ import annotations

from collections import Counter
from contextlib import ExitStack
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import Case, openapi
from schemathesis.checks import CHECKS, load_all_checks
from schemathesis.core.parameters import ParameterLocation
from schemathesis.generation import GenerationMode

from tests.guards.api import Op, operations
from tests.support.engines import Engines
from tests.support.story import Story, tell

TABLE = operations()
KEYS = sorted(TABLE)
load_all_checks()
_CHECKS: list[Any] = list(CHECKS.get_all())
#: A value of the right shape may name what does not exist, or break a rule: that is an answer, not a fault.
ACCEPTED = ["2xx", "400", "403", "404", "409", "412", "422", "429"]


def configuration() -> schemathesis.Config:
    """Every check, with what a rule may say to well-formed values."""
    return schemathesis.Config.from_dict({"checks": {"positive_data_acceptance": {"expected-statuses": ACCEPTED}}})


class Asked:
    """One operation, and what came of asking it."""

    def __init__(self, engines: Engines, engine: str, key: str) -> None:
        self.method, rule = key.split(" ", 1)
        self.path = rule.replace("<guid:", "{").replace("<", "{").replace(">", "}")
        self.row: Op = TABLE[key]
        self.reads = self.method in {"GET", "HEAD"}
        self.token = next(each for each in self.row.to if each.startswith("api_"))
        self.engines, self.engine = engines, engine
        self.template, self.told = engines.seeded(engine, tell)
        self.statuses: Counter[int] = Counter()
        self.harmless: set[str] = set()
        self.kept = ExitStack()
        self.story: Story | None = None

    def fresh(self) -> tuple[Story, dict[str, Any]]:
        """A story with what the operation is about; acts get a new one each time."""
        if self.story is None or not self.reads:
            self.kept.close()
            seat = self.kept.enter_context(self.engines.seat(self.engine, self.template, demo=True))
            self.story = self.told.moved_to(seat.application())
            self.parameters = self.row.prepare(self.story) if self.row.prepare else {}
        return self.story, self.parameters

    def schema(self) -> Any:
        story, _parameters = self.fresh()
        return openapi.from_wsgi("/api/openapi.json", story.app, config=configuration())

    def send(self, case: Case[Any], *, seeded: bool) -> None:
        """Send an example and check its answer."""
        story, parameters = self.fresh()
        case.operation.app = story.app
        named = {name: str(value) for name, value in parameters.items() if f"{{{name}}}" in self.path}
        spoilt = set() if seeded else _spoilt(case)
        if not spoilt & named.keys():  # what is wrong on purpose stays wrong
            case.path_parameters = {**(case.path_parameters or {}), **named}
        if "Authorization" not in spoilt:
            case.headers["Authorization"] = f"Bearer {story.tokens[self.token]}"
        case.headers["Accept-Encoding"] = "identity"  # schemathesis reads the answer as it is sent
        if seeded:
            asked = {name: str(value) for name, value in parameters.items() if name not in named}
            case.query = {name: value for name, value in (case.query or {}).items() if name in self.harmless} | asked
            for name in ("If-Match", "MS-RequestId", "Idempotency-Key", "MS-ContinuationToken"):
                case.headers.pop(name, None)
            if self.row.body is not None:
                case.body = self.row.body(story, parameters)
            if self.row.headers is not None:
                case.headers.update(self.row.headers(story, parameters))
        answer = case.call()
        self.statuses[answer.status_code] += 1
        if seeded:
            assert answer.status_code < 300, f"valid, and answered {answer.status_code}: {answer.text}"
        if case.meta is not None and case.meta.generation.mode is GenerationMode.POSITIVE and not seeded:
            assert not _is_unread(answer), f"fits the specification, and is refused: {answer.text}"
        case.validate_response(answer, checks=[*_CHECKS])


def _is_unread(answer: Any) -> bool:
    """Whether an answer says that the request's shape is wrong: in Partner Center's error with the code 2000, or in Graph's."""
    if answer.status_code != 400 or not answer.content:
        return False
    body = answer.json()
    said = body["error"]["message"] if "error" in body else body["description"] if body["code"] == 2000 else ""
    return str(said).startswith("The request is not valid.")


def _spoilt(case: Case[Any]) -> set[str]:
    """The parameters of an example that are wrong on purpose."""
    if case.meta is None or case.meta.generation.mode is GenerationMode.POSITIVE:
        return set()
    found = {str(each.parameter) for each in case.meta.phase.data.mutations if each.parameter}
    if case.meta.is_negative_at(ParameterLocation.PATH):
        found |= set(case.path_parameters or {})
    return found


@pytest.mark.parametrize("key", KEYS)
def test_whatever_is_sent_the_answer_is_as_specified(engines: Engines, engine: str, key: str, full: bool) -> None:
    asked = Asked(engines, engine, key)
    with asked.kept:
        operation = asked.schema()[asked.path][asked.method]
        # any value of these is one that the operation can answer with what it has
        asked.harmless = {
            each.name
            for each in operation.query
            if each.definition.get("schema", {}).get("type") in ("integer", "boolean")
        }
        right = operation.as_strategy(generation_mode=GenerationMode.POSITIVE)
        wrong = operation.as_strategy(generation_mode=GenerationMode.NEGATIVE)
        examples = 1000 if full else 20
        half = settings(
            max_examples=examples // 2, deadline=None, database=None, phases=[Phase.generate], derandomize=not full,
            suppress_health_check=list(HealthCheck),
        )  # fmt: skip

        @half
        @given(case=right)
        def seeded(case: Case[Any]) -> None:
            asked.send(case, seeded=True)

        @half
        @given(case=st.one_of(right, wrong))
        def generated(case: Case[Any]) -> None:
            asked.send(case, seeded=False)

        seeded()
        generated()
    good = sum(count for status, count in asked.statuses.items() if status < 300)
    assert good * 2 >= sum(asked.statuses.values()), f"{key}: {dict(asked.statuses)}"
    assert not any(status >= 500 for status in asked.statuses)
