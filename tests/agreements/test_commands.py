"""Publishing by command."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa
from flask import Flask

from webapp import database
from webapp.agreements import queries
from webapp.agreements.models import AgreementText
from webapp.evidence.models import Fact


def run(app: Flask, *words: str) -> tuple[int, str]:
    result = app.test_cli_runner().invoke(args=["agreements", *words])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.output


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "text.md"
    path.write_text("# The <b>title</b>\n\n## 1. Clause\n\nText & *more*\n\n<script>alert(1)</script>\n", "utf-8")
    return path


def test_a_text_is_published_once_and_never_changes(app: Flask, file: Path) -> None:
    words = [
        "publish",
        str(file),
        "--country",
        "jp",
        "--language",
        "en",
        "--version",
        "v1",
        "--effective",
        "2026-01-01",
    ]
    code, output = run(app, *words)
    assert code == 0, output
    code, output = run(app, *words)
    assert code == 1
    assert "published already" in output
    words[words.index("en")] = "ja"
    words[words.index("2026-01-01")] = "2026-02-01"
    code, output = run(app, *words)
    assert code == 1
    assert "another day" in output
    with app.app_context():
        text = database.session().scalars(sa.select(AgreementText)).one()
        assert (text.country, text.title, text.is_sample) == ("JP", "The <b>title</b>", False)
        html = queries.html_of(text)
        assert '<h2 id="clause-1">1. Clause</h2>' in html
        assert "<script>" not in html
        assert database.session().scalar(sa.select(sa.func.count()).where(Fact.kind == "agreement.published")) == 1


@pytest.mark.parametrize(
    ("change", "says"),
    [({"--country": "Japan"}, "code of two letters"), ({"--effective": "tomorrow"}, "does not match"), ({"--language": "fr"}, "not one of")],
)  # fmt: skip
def test_a_mistaken_option_is_explained(app: Flask, file: Path, change: dict[str, str], says: str) -> None:
    options = {"--country": "JP", "--language": "en", "--version": "v1", "--effective": "2026-01-01"} | change
    code, output = run(app, "publish", str(file), *(word for pair in options.items() for word in pair))
    assert code != 0
    assert says in output
    assert "Traceback" not in output


def test_samples_are_published_once_marked_and_the_later_one_is_not_in_force(app: Flask) -> None:
    assert run(app, "publish-samples")[0] == 0
    assert "published already" in run(app, "publish-samples")[1]
    with app.app_context():
        texts = queries.texts_of("JP")
        assert sorted((t.version, t.language) for t in texts) == [
            ("2022-10", "en"), ("2022-10", "ja"), ("2026-03", "en"), ("2026-03", "ja"), ("2026-11", "en"),
            ("2026-11", "ja"),
        ]  # fmt: skip
        assert all(text.is_sample for text in texts)
        found = queries.text_in_force("JP", "Asia/Tokyo", "ja")
        assert found is not None
        assert found.language == "ja"
        assert {t.language for t in queries.texts_of("DE")} == {"en"}
    code, output = run(app, "list")
    assert code == 0
    assert "JP  ja  2026-03" in output
