"""`flask product-keys issue|list`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TextIO

import click
from flask.cli import AppGroup

from webapp import clock, database
from webapp.errors import Refusal
from webapp.organizations.commands import organization_named
from webapp.product_keys import actions, queries, rules
from webapp.subscriptions import queries as subscriptions
from webapp.subscriptions import rules as subscription_rules

product_keys = AppGroup("product-keys", help="Keys that pay for a product in advance.")

_WORDS: dict[type[Refusal], str] = {
    rules.CountOutOfBounds: "From 1 to 10,000 keys are issued at once.",
    rules.ExpiredAlready: "The last day (--expires) is over.",
    rules.MoreThanProduct: "The product is not sold for so many seats: see `flask products list`.",
    subscription_rules.SeatsOutOfBounds: "A key carries from 1 to 1,000,000 seats.",
    subscription_rules.MonthsOutOfBounds: "A key carries from 1 to 60 months.",
}


@product_keys.command("issue")
@click.option("--product", "code", required=True, help="The product's code.")
@click.option("--count", type=int, required=True, help="How many keys.")
@click.option("--seats", type=int, required=True, help="Seats that each key carries.")
@click.option("--months", type=int, required=True, help="Months that each key carries.")
@click.option(
    "--expires", type=click.DateTime(["%Y-%m-%d"]), required=True, help="Last day to redeem, YYYY-MM-DD, UTC."
)
@click.option(
    "--partner", help="The partner that they are for, and that bills the customer: id, number, domain or name."
)
@click.option(
    "--file", "path", type=click.Path(dir_okay=False, path_type=Path), help="Where to write them; it must not exist."
)
def issue(
    code: str, count: int, seats: int, months: int, expires: datetime, partner: str | None, path: Path | None
) -> None:
    """Make synthetic keys and write them to a file that only its owner reads, one a line. They are shown nowhere else, and
    cannot be made again: the database keeps keyed hashes."""
    product = subscriptions.product_by_code(code.strip())
    if product is None:
        raise click.ClickException("No product has this code: see `flask products list`.")
    whom = organization_named(partner, "partner") if partner else None
    target = path or Path(f"product-keys-{code.strip()}-{clock.now():%Y%m%d-%H%M%S}.txt".replace(":", "_"))
    try:
        with _new_file(target) as file, database.unit_of_work():
            made = actions.issue(
                product, count=count, seats=seats, months=months, expires_on=expires.date(), partner=whom
            )
            file.writelines(f"{rules.grouped(key)}\n" for key in made.keys)
            file.flush()
            os.fsync(file.fileno())
    except FileExistsError:
        raise click.ClickException(f"{target} exists. Nothing was issued: name another file with --file.") from None
    except OSError as error:
        raise click.ClickException(f"{target} cannot be written: {error.strerror}. Nothing was issued.") from None
    except Refusal as refusal:
        raise click.ClickException(_WORDS.get(type(refusal), refusal.name)) from None
    click.echo(f"{count} keys of {product.code} are in {target} (batch {made.batch_id}). Keep the file safe.")


@contextmanager
def _new_file(path: Path) -> Iterator[TextIO]:
    """A file that did not exist and that only its owner reads; it goes again when anything fails."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "w", encoding="ascii") as file:
            yield file
    except BaseException:
        path.unlink(missing_ok=True)
        raise


@product_keys.command("list")
def list_keys() -> None:
    """List every batch: when, product, what each key carries, how many were issued, redeemed, and have expired."""
    rows, today = queries.batches(), clock.today("UTC")
    for row in rows:
        expired = row.issued - row.redeemed if row.expires_on < today else 0
        for_whom = f"  for {row.partner}" if row.partner else ""
        click.echo(
            f"{row.id}  {row.issued_at:%Y-%m-%d}  {row.product}  {row.seats} seats  {row.months} months"
            f"  until {row.expires_on}  issued {row.issued}  redeemed {row.redeemed}  expired {expired}{for_whom}"
        )
    click.echo(f"{len(rows)} batches.")


GROUPS = (product_keys,)
