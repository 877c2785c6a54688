"""Names and layers: no empty words, a closed list of file names in a slice, private parts stay private."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from config import ROOT
from webapp import SLICES

BANNED = {"util", "utils", "helper", "helpers", "common", "misc", "manager", "data", "info", "stuff", "tool", "tools"}
BANNED_VERBS = {"process", "handle"}
FILES = {
    "__init__.py", "models.py", "rules.py", "queries.py", "actions.py", "emails.py", "forms.py", "views.py",
    "customer_views.py", "partner_views.py", "api.py", "schemas.py", "jobs.py", "commands.py",
    "changes.py",  # agreements: what differs between two versions; pure, like rules
    "roles.py", "words.py",  # delegated_admin: the catalogue of Microsoft's roles, its facts and its words
    "grants.py",  # api_clients: OAuth 2 by Authlib's classes, over our own queries and actions
}  # fmt: skip
#: What belongs to a slice alone; others ask through its queries and actions. Shapes of the API may be shared upwards: what
#: is answered in two places (a customer, an address) has one shape.
PRIVATE = ("views", "customer_views", "partner_views", "api")
#: Frameworks that name their methods themselves.
GIVEN = {"handle_RCPT", "handle_DATA", "handle_starttag", "handle_startendtag", "handle_endtag", "handle_data",
         "handle_error", "process_bind_param", "process_result_value", "process_formdata", "process_data"}  # fmt: skip


def python_files(root: Path = ROOT) -> list[Path]:
    """Every Python file of ours."""
    return sorted(
        path
        for folder in ("webapp", "tests")
        for path in (root / folder).rglob("*.py")
        if "migrations" not in path.parts
    )


def words_of(name: str) -> set[str]:
    """The words of a name, in snake or camel case."""
    return {each.lower() for each in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", name)}


def named_badly(name: str) -> bool:
    """Whether a name holds an empty word."""
    first = name.lstrip("_").split("_")[0]
    if name in GIVEN or name.startswith("test_"):
        return False
    return bool(words_of(name) & BANNED) or (first in BANNED_VERBS and "_" in name.lstrip("_"))


def bad_names(path: Path, source: str) -> Iterator[str]:
    """The bad names of a file: its own, and those of its functions and classes."""
    if named_badly(path.stem):
        yield f"{path.name}"
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and named_badly(node.name):
            yield f"{path.name}:{node.lineno} {node.name}"


def strange_files(package: Path, slices: tuple[str, ...]) -> list[str]:
    """Files in a slice that are not of the closed list, and slices that are not wired."""
    found = [f"{each.name} is not in the list of slices" for each in package.iterdir()
             if each.is_dir() and each.name not in {*slices, "migrations", "translations", "__pycache__"}]  # fmt: skip
    for name in slices:
        for path in (package / name).rglob("*.py"):
            if path.name not in FILES or path.parent != package / name:
                found.append(str(path.relative_to(package)))
    return sorted(found)


def trespasses(slice_: str, source: str) -> list[str]:
    """Imports of another slice's private parts."""
    found = []
    for node in ast.walk(ast.parse(source)):
        modules: list[str] = []
        if isinstance(node, ast.ImportFrom) and node.module:
            modules = [node.module, *(f"{node.module}.{each.name}" for each in node.names)]
        elif isinstance(node, ast.Import):
            modules = [each.name for each in node.names]
        for module in modules:
            parts = module.split(".")
            if len(parts) == 3 and parts[0] == "webapp" and parts[1] in SLICES and parts[1] != slice_:
                if parts[2] in PRIVATE:
                    found.append(f"{slice_} imports {module}")
    return sorted(set(found))


def test_no_file_function_or_class_has_an_empty_name() -> None:
    assert [bad for path in python_files() for bad in bad_names(path, path.read_text("utf-8"))] == []


def test_a_slice_holds_only_files_of_the_closed_list() -> None:
    assert strange_files(ROOT / "webapp", SLICES) == []


def test_no_slice_uses_another_s_private_parts() -> None:
    found = [
        each
        for name in SLICES
        for path in (ROOT / "webapp" / name).glob("*.py")
        for each in trespasses(name, path.read_text("utf-8"))
    ]
    assert found == []


def test_every_slice_says_what_it_is_and_holds_no_code_there() -> None:
    for name in SLICES:
        tree = ast.parse((ROOT / "webapp" / name / "__init__.py").read_text("utf-8"))
        assert ast.get_docstring(tree), f"{name}/__init__.py says nothing"
        assert len(tree.body) == 1, f"{name}/__init__.py holds code"


def test_the_layers_hold() -> None:
    done = subprocess.run(
        [str(Path(sys.executable).parent / "lint-imports"), "--no-cache", "--no-logo"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout


def test_the_contracts_name_every_slice() -> None:

    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]["contracts"]
    assert contracts[0]["layers"][:-1] == list(reversed(SLICES))
    assert contracts[1]["containers"] == [f"webapp.{name}" for name in SLICES]


# --- the guard itself ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["string_utils", "DataManager", "process_order", "_handle_it", "InfoPage", "helper"])
def test_the_guard_finds_an_empty_name(name: str) -> None:
    assert list(bad_names(Path("x.py"), f"def {name}(): ..."))


@pytest.mark.parametrize("name", ["database", "handler", "processes", "begin", "informed", "update"])
def test_the_guard_leaves_good_names_alone(name: str) -> None:
    assert not list(bad_names(Path("x.py"), f"def {name}(): ..."))


def test_the_guard_finds_a_strange_file_and_a_slice_that_is_not_wired(tmp_path: Path) -> None:
    for name in ("known", "unknown"):
        (tmp_path / name).mkdir()
    (tmp_path / "known" / "rules.py").touch()
    (tmp_path / "known" / "services.py").touch()
    assert strange_files(tmp_path, ("known",)) == ["known/services.py", "unknown is not in the list of slices"]


@pytest.mark.parametrize(
    "line", ["from webapp.accounts import views", "from webapp.accounts.views import x", "import webapp.accounts.api"]
)
def test_the_guard_finds_a_private_part_in_use(line: str) -> None:
    assert trespasses("home", line)
    assert not trespasses("accounts", line)
    assert not trespasses("home", "from webapp.accounts import actions, queries")
