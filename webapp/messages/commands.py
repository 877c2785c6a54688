"""`flask messages stuck|late|retry`, and `flask doctor`, which looks at everything a process stands on."""

from __future__ import annotations

import math
import smtplib
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from uuid import UUID

import click
import sqlalchemy as sa
from flask import current_app
from flask.cli import AppGroup, with_appcontext

from config import Config
from webapp import clock, database
from webapp.database import db
from webapp.evidence import queries as evidence
from webapp.extensions import alembic
from webapp.messages import actions, queries
from webapp.messages.models import Message

messages = AppGroup("messages", help="Outgoing mail.")


@messages.command("stuck")
def stuck() -> None:
    """List messages that failed, were given up, or are late."""
    rows = queries.stuck()
    for row in rows:
        state = "given up" if row.given_up_at else f"tried {row.attempts} times"
        click.echo(f"{_line(row)}: {state}; {row.last_error or 'late'}")
    click.echo(f"{len(rows)} stuck.")


@messages.command("late")
@click.option("--days", default=30, show_default=True, type=click.IntRange(1, 3650), help="How far to look back.")
def late(days: int) -> None:
    """List messages that left after their deadline, and those that are past it and did not leave."""
    rows = queries.late(clock.now() - timedelta(days=days))
    for row, delivery in rows:
        words = {"handed_over": "left", "given_up": "given up"}.get(delivery.state, "waits")
        click.echo(f"{_line(row)}: due {row.due_at:%Y-%m-%d %H:%M}Z, {words}, {_minutes(delivery.late_by)} late")
    click.echo(f"{len(rows)} late.")


def _line(row: Message) -> str:
    return f"{row.id}  {row.created_at:%Y-%m-%d %H:%M}Z  {row.kind} to {row.recipient}"


def _minutes(duration: timedelta) -> str:
    """A duration in whole minutes, rounded up: nothing late reads as nought."""
    minutes = math.ceil(duration / timedelta(minutes=1))
    return f"{minutes} minute{'' if minutes == 1 else 's'}"


@messages.command("retry")
@click.argument("message_id", required=False, type=click.UUID)
def retry(message_id: UUID | None) -> None:
    """Try given-up messages again (one by its id, or all)."""
    with database.unit_of_work():
        count = actions.retry(message_id)
    click.echo(f"{count} will be tried again.")


# --- flask doctor --------------------------------------------------------------------------------------------

Finding = tuple[bool, str]  # whether it is well, and one sentence


def _configuration() -> Iterator[Finding]:
    config: Config = current_app.config["COUNTERSIGN"]
    engine = db.engines["reader"]
    yield True, f"configuration: {config.public_url} on {engine.dialect.name}{', demonstration' if config.demo else ''}"
    if config.clock_offset_file is not None:
        yield config.demo, f"clock: moved by {config.clock_offset_file}"


def _keys() -> Iterator[Finding]:
    config: Config = current_app.config["COUNTERSIGN"]
    yield True, f"keys: {len(config.keys)}, {config.current_key[0]} signs what is new"
    lost = sorted(queries.keys_of_open_links() - set(config.keys))
    if lost:
        yield False, f"keys: open links were signed with {', '.join(lost)}, which SECRET_KEYS lacks"


def _migrations() -> Iterator[Finding]:
    heads = {str(each.revision) for each in alembic.heads()}
    try:
        with db.engines["reader"].connect() as connection:
            here = set(connection.scalars(sa.text("SELECT version_num FROM alembic_version")))
    except sa.exc.DatabaseError:
        here = set()
    well = here == heads
    yield well, f"migrations: at {', '.join(sorted(here)) or 'none'}" + ("" if well else "; run `flask migrate`")
    if well:
        missing = sorted(_triggers_expected() - _triggers_present())
        yield not missing, "append-only triggers: " + (f"missing {', '.join(missing)}" if missing else "in place")


def _triggers_expected() -> set[str]:
    sqlite = db.engines["reader"].dialect.name == "sqlite"
    return {
        f"append_only_{table}_{operation.lower()}"
        for table, operations in database.append_only_tables().items()
        for operation in operations
        if not (sqlite and operation == "TRUNCATE")
    }


def _triggers_present() -> set[str]:
    engine = db.engines["reader"]
    if engine.dialect.name == "sqlite":
        statement = "SELECT name FROM sqlite_master WHERE type = 'trigger'"
    else:
        statement = "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal AND tgenabled <> 'D'"
    with engine.connect() as connection:
        return set(connection.scalars(sa.text(statement)))


def _clock() -> Iterator[Finding]:
    now = clock.now()
    newest = evidence.newest_at()
    if newest is not None and newest - now > timedelta(minutes=1):
        yield False, f"clock: the newest fact ({newest:%Y-%m-%d %H:%M:%S}Z) lies in the future: the clock was set back"
    engine = db.engines["reader"]
    if engine.dialect.name == "postgresql":
        with engine.connect() as connection:
            there: datetime = connection.scalars(sa.text("SELECT clock_timestamp()")).one()
        apart = abs((there - now).total_seconds())
        yield apart < 60, f"clock: {apart:.1f} seconds from the database's"
    else:
        yield True, f"clock: {now:%Y-%m-%d %H:%M:%S}Z"


def _mail() -> Iterator[Finding]:
    config: Config = current_app.config["COUNTERSIGN"]
    late = len(queries.stuck())
    if config.mail_server is None:
        yield config.demo, "mail: no MAIL_SERVER" + ("; /mailbox shows what would be sent" if config.demo else "")
        return
    server = config.mail_server
    connection = actions.Connection(server)
    try:
        connection.check()
        yield True, f"mail: {server.host}:{server.port} answers ({server.security})"
    except (OSError, smtplib.SMTPException) as error:
        yield False, f"mail: {server.host}:{server.port} does not answer: {error}"
    finally:
        connection.close()
    yield late == 0, f"mail: {late} messages stuck" + ("; see `flask messages stuck`" if late else "")


CHECKS: tuple[Callable[[], Iterator[Finding]], ...] = (_configuration, _migrations, _clock, _keys, _mail)


@click.command("doctor")
@with_appcontext
def doctor() -> None:
    """Check configuration, migrations, clock, keys and mail. Exit status 1 when something is not well."""
    faults = 0
    for check in CHECKS:
        try:
            findings = list(check())
        except sa.exc.SQLAlchemyError as error:
            findings = [(False, f"{check.__name__.strip('_')}: {str(error).splitlines()[0]}")]
        for well, words in findings:
            faults += not well
            click.echo(f"{'ok   ' if well else 'FAULT'}  {words}")
    if faults:
        raise click.ClickException(f"{faults} faults.")
    click.echo("All is well.")


GROUPS = (messages, doctor)
