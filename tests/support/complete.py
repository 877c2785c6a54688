"""Whether a run was all of it: `pytest --complete` fails when something was left out, skipped or never rendered."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.rendered import never_rendered


def faults(config: pytest.Config, rendered: set[str]) -> list[tuple[str, str]]:
    """Names and words of what is missing from a complete run."""
    found = []
    narrowed = [
        name
        for name in (
            "keyword",
            "markexpr",
            "deselect",
            "lf",
            "failedfirst",
            "maxfail",
            "ignore",
            "ignore_glob",
            "engine",
        )
        if getattr(config.option, name, None)
    ]
    if narrowed or config.args_source is not pytest.Config.ArgsSource.TESTPATHS:
        found.append(("everything is run", f"the run was narrowed: {narrowed or config.args}"))
    terminal: Any = config.pluginmanager.get_plugin("terminalreporter")
    for outcome in ("skipped", "xfailed", "xpassed", "deselected", "rerun"):
        count = len(terminal.stats.get(outcome, [])) if terminal is not None else 0
        if count:
            found.append(("nothing is left out", f"{count} {outcome}"))
    missed = never_rendered(rendered)
    if missed:
        found.append(("every template is rendered", "no test rendered: " + ", ".join(missed)))
    return found


def fail(session: pytest.Session, name: str, words: str) -> None:
    """Let the run fail as if a test of this name had failed."""
    report = pytest.TestReport(
        nodeid=f"the run::{name}", location=("the run", None, name), keywords={}, outcome="failed", longrepr=words,
        when="call",
    )  # fmt: skip
    session.config.hook.pytest_runtest_logreport(report=report)
    session.testsfailed += 1
    session.exitstatus = pytest.ExitCode.TESTS_FAILED
