"""The specification says all that the API does, and the page shows all that the specification says."""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import pytest
from flask import Flask

from config import ROOT
from webapp import rest
from webapp.actor import is_api_place
from webapp.api_reference import queries

METHODS = {"get", "head", "post", "put", "patch", "delete"}

#: About shapes, which are the same on every engine.
pytestmark = pytest.mark.one_engine


@pytest.fixture
def spec(app: Flask) -> dict[str, Any]:
    with app.app_context():
        return queries.specification()


def each_operation(spec: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, operations in spec["paths"].items():
        for method in METHODS & operations.keys():
            yield method, path, operations[method]


def nodes(value: Any) -> Iterator[dict[str, Any]]:
    """Every object within a JSON value."""
    if isinstance(value, dict):
        yield value
    for each in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from nodes(each)


def resolved(spec: dict[str, Any], node: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in node:
        found: Any = spec
        for part in node["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        node = found
    return node


def test_it_is_openapi_3_1_and_every_reference_leads_somewhere(spec: dict[str, Any]) -> None:
    assert spec["openapi"].startswith("3.1")
    for node in nodes(spec):
        assert isinstance(resolved(spec, node), dict)


def test_every_route_of_the_api_is_in_it_and_nothing_else(app: Flask, spec: dict[str, Any]) -> None:
    routes = {
        (method.lower(), re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule))
        for rule in app.url_map.iter_rules()
        if is_api_place(rule.rule)
        for method in (rule.methods or set()) - {"OPTIONS"}
        if method != "HEAD" or "GET" not in (rule.methods or set())
    }
    assert {(method, path) for method, path, _operation in each_operation(spec)} == routes


def test_every_operation_has_a_name_of_its_own_and_words(spec: dict[str, Any]) -> None:
    names = [operation["operationId"] for _method, _path, operation in each_operation(spec)]
    assert len(names) == len(set(names))
    for method, path, operation in each_operation(spec):
        assert operation.get("summary"), f"{method} {path} says nothing"
        assert operation["summary"].endswith("."), f"{method} {path}: a sentence ends with a point"


def test_every_status_that_was_declared_is_in_it_with_its_headers(spec: dict[str, Any]) -> None:
    for declared in rest.OPERATIONS.values():
        path = declared.rule.replace("<guid:", "{").replace("<", "{").replace(">", "}")
        answers = spec["paths"][path][declared.method.lower()]["responses"]
        assert {int(each) for each in answers} == set(declared.statuses), path
        for status, answer in answers.items():
            found = resolved(spec, answer)
            needed = {name for name in rest.HEADERS if status != "401" or not name.startswith("RateLimit")}
            assert needed <= found["headers"].keys(), f"{path} {status}"
            if int(status) >= 400 and declared.method != "HEAD":
                assert set(found["content"]) == {"application/json", rest.PROBLEM}, f"{path} {status}"


def test_every_parameter_that_was_declared_is_in_it(app: Flask, spec: dict[str, Any]) -> None:
    for key in rest.OPERATIONS:
        method, rule = key.split(" ")
        operation = spec["paths"][rule.replace("<guid:", "{").replace("<", "{").replace(">", "}")][method.lower()]
        taken = {resolved(spec, each)["name"] for each in operation["parameters"]}
        assert {"X-Locale", "MS-CorrelationId"} <= taken, key
        endpoint = next(
            each.endpoint
            for each in app.url_map.iter_rules()
            if each.rule == rule and method in (each.methods or set())
        )
        view: Any = app.view_functions[endpoint]
        for each in view._apidoc.get("arguments", {}).get("parameters", []):
            if isinstance(each, dict) and each["in"] == "query":
                fields = each["schema"]().fields.values()
                assert {str(field.data_key) for field in fields} <= taken, key


def test_every_example_of_a_body_can_be_read(app: Flask, spec: dict[str, Any]) -> None:
    read = 0
    for each in app.view_functions.values():
        for taken in getattr(each, "_apidoc", {}).get("arguments", {}).get("parameters", []):
            if isinstance(taken, dict) and taken["in"] == "json" and taken.get("example"):
                with app.test_request_context("/v1/x"):
                    taken["schema"]().load(taken["example"])
                read += 1
    assert read > 5


def test_every_shape_is_a_json_schema_whose_fields_have_a_type(spec: dict[str, Any]) -> None:
    for name, schema in spec["components"]["schemas"].items():
        jsonschema_rs.meta.validate(schema)
        assert schema.get("type") == "object", name


def test_every_code_that_can_be_sent_is_in_the_catalogue() -> None:
    sent = {each.code for each in rest.CODES.values()} | set(rest.CODE_OF.values())
    for path in (ROOT / "webapp").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "attr", getattr(node.func, "id", "")) == "ApiError":
                code = node.args[1]
                sent |= {code.value} if isinstance(code, ast.Constant) and isinstance(code.value, int) else set()
    assert sent - rest.MEANINGS.keys() == set()


def test_the_page_shows_each_operation_with_examples_that_can_be_run(app: Flask) -> None:
    page = app.test_client().get("/api/docs").text
    with app.app_context():
        shown = [operation for group in queries.groups() for operation in group.operations]
    assert {f"{each.method} {each.path}" for each in shown} >= {
        key.replace("<guid:", "{").replace("<", "{").replace(">", "}") for key in rest.OPERATIONS
    }
    for each in shown:
        assert f'id="operation-{each.id}"' in page
        compile(each.python, each.id, "exec")
        assert shlex.split(each.curl)[0] == "curl", each.curl
        assert "{" not in each.curl.split("\n")[0], each.curl


def test_the_page_explains_every_code(app: Flask) -> None:
    page = app.test_client().get("/api/docs").text
    found = queries.errors()
    assert found
    for error in found:
        assert f'id="error-{error.code}"' in page
