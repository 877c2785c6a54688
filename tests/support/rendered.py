"""Which templates the run rendered, included, extended and imported ones as well.

Every template that Jinja makes is watched from here on. Each process of a run writes what it saw into one directory;
the last one compares (see `tests/conftest.py`).
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jinja2

from config import ROOT

DIRECTORY_VARIABLE = "COUNTERSIGN_TEST_RENDERED"
seen: set[str] = set()


class Watched(jinja2.Template):
    """A template that notes that it was rendered."""

    @classmethod
    def _from_namespace(cls, environment: Any, namespace: Any, globals_: Any) -> Any:
        made = super()._from_namespace(environment, namespace, globals_)
        render, name = made.root_render_func, made.name

        def root(context: Any) -> Iterator[str]:
            if name:
                seen.add(name)
            return render(context)

        made.root_render_func = root
        return made


def watch() -> None:
    """Note every template from now on."""
    jinja2.Environment.template_class = Watched


def keep() -> None:
    """Write down what this process rendered, for the comparison at the end of the run."""
    directory = os.environ.get(DIRECTORY_VARIABLE)
    if directory:
        Path(directory, uuid.uuid4().hex).write_text("\n".join(sorted(seen)), "utf-8")


def kept(directory: Path) -> set[str]:
    """What all processes of the run rendered."""
    return {line for path in directory.iterdir() for line in path.read_text("utf-8").splitlines() if line}


def never_rendered(rendered: set[str], root: Path = ROOT) -> list[str]:
    """The templates that no test rendered."""
    folder = root / "templates"
    there = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.suffix in {".html", ".txt"}}
    return sorted(there - rendered)
