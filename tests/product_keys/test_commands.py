"""`flask product-keys issue|list`: a file that only its owner reads, and nothing of a key anywhere else."""

from __future__ import annotations

import logging
import stat
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.product_keys.scene import Counter, to_choice
from tests.support.visitor import Visitor
from webapp import clock, database
from webapp.evidence.models import SITE_CHAIN, Fact
from webapp.product_keys import queries, rules
from webapp.product_keys.models import ProductKey


def run(counter: Counter, *arguments: str) -> tuple[int, str]:
    result = counter.app.test_cli_runner().invoke(args=["product-keys", *arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.output


def issue(counter: Counter, path: Path, **changes: Any) -> tuple[int, str]:
    given = {
        "product": "SUITE-Y",
        "count": 3,
        "seats": 5,
        "months": 12,
        "expires": "2099-12-31",
        "file": path,
    } | changes
    return run(counter, "issue", *(word for name, value in given.items() for word in (f"--{name}", str(value))))


def test_keys_are_written_to_a_file_of_its_owner_and_shown_nowhere(
    counter: Counter, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    path = tmp_path / "keys.txt"
    code, output = issue(counter, path, partner=counter.partner.name)
    assert code == 0, output
    lines = path.read_text().splitlines()
    assert len(set(lines)) == 3
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert all([each.key for each in rules.read_keys(line)] == [line.replace("-", "")] for line in lines)
    rows = counter.rows(ProductKey)
    assert {row.last_five for row in rows} == {line[-5:] for line in lines}
    assert {(row.key_id, row.seats, row.months, row.partner_id) for row in rows} == {("k1", 5, 12, counter.partner.id)}
    (fact,) = counter.rows(Fact, Fact.kind == "product_key.issued")
    assert (fact.chain_id, fact.partner_id) == (SITE_CHAIN, counter.partner.id)
    said = output + caplog.text + fact.record + "".join(row.digest for row in rows)
    assert not any(line in said or line.replace("-", "") in said for line in lines)


def test_a_file_that_exists_is_not_overwritten_and_nothing_is_issued(counter: Counter, tmp_path: Path) -> None:
    path = tmp_path / "keys.txt"
    path.write_text("mine")
    code, output = issue(counter, path)
    assert (code != 0, "exists. Nothing was issued" in output, path.read_text()) == (True, True, "mine")
    code, output = issue(counter, tmp_path / "nowhere" / "keys.txt")
    assert (code != 0, "cannot be written" in output) == (True, True)
    assert counter.rows(ProductKey) == []


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"product": "NONE"}, "No product has this code"),
        ({"count": 0}, "From 1 to 10,000 keys"),
        ({"count": 10_001}, "From 1 to 10,000 keys"),
        ({"seats": 0}, "from 1 to 1,000,000 seats"),
        ({"seats": 301}, "not sold for so many seats"),
        ({"months": 61}, "from 1 to 60 months"),
        ({"expires": "2020-01-01"}, "is over"),
    ],
)
def test_what_cannot_be_issued_leaves_no_file(
    counter: Counter, tmp_path: Path, changes: dict[str, Any], words: str
) -> None:
    path = tmp_path / "keys.txt"
    code, output = issue(counter, path, **changes)
    assert code != 0
    assert words in output
    assert not path.exists()
    assert counter.rows(ProductKey) == []


def test_batches_are_listed_with_what_became_of_them(counter: Counter, tmp_path: Path) -> None:
    issue(counter, tmp_path / "one.txt")
    issue(counter, tmp_path / "two.txt", count=1, expires=clock.today("UTC").isoformat())
    visitor = Visitor(counter.app)
    visitor.sign_in(counter.customer["global_administrator"].address)
    to_choice(visitor, (tmp_path / "one.txt").read_text().splitlines()[0])
    visitor.submit(button="Redeem", to="/redeem/own")
    with counter.app.app_context(), database.unit_of_work():
        database.write()
        batch = next(each for each in queries.batches() if each.issued == 1)
        database.session().query(ProductKey).filter_by(batch_id=batch.id).update(
            {"expires_on": clock.today("UTC") - timedelta(days=1)}
        )
    code, output = run(counter, "list")
    assert code == 0
    assert "issued 3  redeemed 1  expired 0" in output
    assert "issued 1  redeemed 0  expired 1" in output
    assert "2 batches." in output


def test_a_key_is_known_under_every_key_that_is_configured(counter: Counter) -> None:
    (printed,) = counter.keys()
    typed = printed.replace("-", "")
    with counter.app.app_context():
        kept = dict(counter.app.config["KEYS"])
        counter.app.config["KEYS"] = dict(reversed(list(kept.items())))  # another key signs now
        assert queries.keys_of([typed])
        counter.app.config["KEYS"] = {"k0": kept["k0"]}  # and the one that signed is gone
        assert queries.keys_of([typed]) == {}
        counter.app.config["KEYS"] = kept
