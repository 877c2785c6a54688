"""`flask doctor` and `flask messages`."""

from __future__ import annotations

import socket
from collections.abc import Callable
from datetime import timedelta

import sqlalchemy as sa
from flask import Flask

from config import MailServer
from webapp import clock, database, tokens
from webapp.database import db
from webapp.messages import actions


def doctor(app: Flask) -> tuple[int, str]:
    result = app.test_cli_runner().invoke(args=["doctor"])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.output


def test_all_is_well_in_a_fresh_demonstration(make_app: Callable[..., Flask]) -> None:
    code, output = doctor(make_app(demo=True))
    assert (code, output.endswith("All is well.\n")) == (0, True), output


def test_no_mail_server_outside_the_demonstration_is_a_fault(app: Flask) -> None:
    code, output = doctor(app)
    assert code == 1
    assert "FAULT  mail: no MAIL_SERVER" in output


def test_a_mail_server_that_does_not_answer_is_a_fault(make_app: Callable[..., Flask]) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    code, output = doctor(make_app(mail_server=MailServer("127.0.0.1", port, timeout=1)))
    assert code == 1
    assert f"mail: 127.0.0.1:{port} does not answer" in output


def test_a_missing_trigger_and_an_older_revision_are_faults(make_app: Callable[..., Flask]) -> None:
    app = make_app(demo=True)
    with app.app_context(), db.engines["default"].begin() as connection:
        on = " ON facts" if connection.dialect.name == "postgresql" else ""
        connection.exec_driver_sql(f"DROP TRIGGER append_only_facts_update{on}")
    assert "append-only triggers: missing append_only_facts_update" in doctor(app)[1]
    with app.app_context(), db.engines["default"].begin() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '0000'"))
    code, output = doctor(app)
    assert (code, "run `flask migrate`" in output) == (1, True)


def test_a_lost_key_of_open_links_is_a_fault(make_app: Callable[..., Flask]) -> None:
    app = make_app(demo=True)
    with app.app_context(), database.unit_of_work():
        database.write()
        tokens.issue("password-reset", "somebody@contoso.example", lasts=timedelta(hours=1))
    code, output = doctor(make_app(demo=True, keys={"k2": bytes(range(2, 34))}))
    assert (code, "signed with k1" in output) == (1, True)


def test_a_message_that_failed_is_listed_and_tried_again(app: Flask) -> None:
    with app.app_context():
        with database.unit_of_work():
            database.write()
            row = actions.put(kind="test", to="a@contoso.example", language="en", subject="s", text="t")
            row.attempts, row.given_up_at, row.closed_at, row.last_error = 12, clock.now(), clock.now(), "550 no"
    runner = app.test_cli_runner()
    assert "test to a@contoso.example: given up; 550 no" in runner.invoke(args=["messages", "stuck"]).output
    assert runner.invoke(args=["messages", "retry"]).output == "1 will be tried again.\n"
    assert runner.invoke(args=["messages", "retry"]).output == "0 will be tried again.\n"
    assert runner.invoke(args=["messages", "stuck"]).output == "0 stuck.\n"


def test_a_message_that_left_or_waits_past_its_deadline_is_listed_as_late(app: Flask) -> None:
    now = clock.now()
    with app.app_context(), database.unit_of_work():
        database.write()
        for address, due, left in (
            ("in.time", now, now), ("left.late", now - timedelta(minutes=31), now), ("waits", now - timedelta(hours=2), None),
            ("waits.in.time", now + timedelta(hours=1), None), ("no.deadline", None, now),
        ):  # fmt: skip
            row = actions.put(kind="test", to=f"{address}@contoso.example", language="en", subject="s", text="t")
            row.due_at, row.handed_over_at, row.closed_at = due, left, left
    output = app.test_cli_runner().invoke(args=["messages", "late"]).output
    assert [line.split(": ")[0].rsplit(" ", 1)[1] for line in output.splitlines()[:-1]] == [
        "left.late@contoso.example", "waits@contoso.example"
    ]  # fmt: skip
    assert "left, 31 minutes late" in output
    assert "waits, 121 minutes late" in output  # begun minutes count
    assert output.endswith("2 late.\n")
    with app.app_context(), database.unit_of_work():
        database.write()
        database.session().execute(
            sa.text("UPDATE messages SET created_at = :then"), {"then": "2026-01-01 00:00:00+00:00"}
        )
    assert app.test_cli_runner().invoke(args=["messages", "late"]).output == "0 late.\n"
