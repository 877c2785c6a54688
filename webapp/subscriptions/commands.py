"""`flask subscriptions add|list|renew|rebuild` and `flask products add|list|close`."""

from __future__ import annotations

from datetime import datetime

import click
from flask.cli import AppGroup

from webapp import database
from webapp.errors import Refusal
from webapp.organizations import queries as organizations
from webapp.organizations.commands import organization_named
from webapp.subscriptions import actions, queries, rules
from webapp.subscriptions.models import Product

subscriptions = AppGroup("subscriptions", help="What customers bought through whom.")

_WORDS: dict[type[Refusal], str] = {
    rules.ProductNotNamed: "A product's name has from 1 to 200 characters, in one line.",
    rules.SeatsOutOfBounds: "A subscription has from 1 to 1,000,000 seats.",
    rules.TermOutOfOrder: "The last day (--until) lies before the first (--from).",
    rules.NotRelated: "The customer has no open relationship of exactly these: nothing is sold without one."
    " Name the indirect reseller with --reseller where there is one.",
    rules.UnknownKind: "A product is one of: " + ", ".join(rules.KINDS) + ".",
    rules.CodeMalformed: "A code has from 1 to 40 letters, digits, dots, colons, hyphens or underscores.",
    rules.MonthsOutOfBounds: "A product runs from 1 to 60 months.",
    rules.ProductDiffers: "This code is that of a product that is otherwise. Close it, and add the new one under another"
    " code: what was sold under a code does not change.",
    rules.UnknownProduct: "No product has this code: see `flask products list`.",
}
_DAY = click.DateTime(["%Y-%m-%d"])


@subscriptions.command("add")
@click.argument("customer")
@click.argument("partner")
@click.option("--product", required=True, help="Its name, as customers know it.")
@click.option("--seats", type=int, required=True)
@click.option("--from", "starts", type=_DAY, required=True, help="First day, YYYY-MM-DD, in the customer's zone.")
@click.option("--until", "ends", type=_DAY, required=True, help="Last day, included.")
@click.option("--reseller", help="The indirect reseller, where PARTNER is its indirect provider.")
@click.option("--kind", default="software_subscription", show_default=True, help=", ".join(rules.KINDS))
@click.option("--renews", is_flag=True, help="It renews itself at its end.")
def add(
    customer: str, partner: str, product: str, seats: int, starts: datetime, ends: datetime, reseller: str | None,
    kind: str, renews: bool,
) -> None:  # fmt: skip
    """Note what CUSTOMER bought through PARTNER (id, number, domain or name)."""
    whose, whom = organization_named(customer, "customer"), organization_named(partner, "partner")
    other = organization_named(reseller, "partner") if reseller else None
    try:
        with database.unit_of_work():
            row, new = actions.add(
                whose, whom, reseller=other, product=product.strip(), seats=seats, starts_on=starts.date(),
                ends_on=ends.date(), kind=kind, auto_renews=renews,
            )  # fmt: skip
            words = f"{row.product}, {row.seats} seats, {row.starts_on} to {row.ends_on} ({row.id})."
    except Refusal as refusal:
        raise click.ClickException(_WORDS.get(type(refusal), refusal.name)) from None
    click.echo(f"Added for {whose.name}: {words}" if new else f"It is there already. Nothing was changed: {words}")


@subscriptions.command("list")
@click.argument("customer")
def list_subscriptions(customer: str) -> None:
    """List what CUSTOMER has and had: id, days, stage, seats, product, through whom."""
    whose = organization_named(customer, "customer")
    rows = queries.of_customer(whose.id)
    names = organizations.names_of({id_ for each in rows for id_ in (each.partner_id, each.reseller_id) if id_})
    for row in rows:
        through = names[row.partner_id] if row.partner_id else row.contract.replace("_", " ")
        through += f", reseller {names[row.reseller_id]}" if row.reseller_id else ""
        stage = queries.stage_of(row, whose.zone)
        click.echo(
            f"{row.line_id}  {row.starts_on} to {row.ends_on}  {stage}  {row.seats} seats  {row.product}  ({through})"
        )
    click.echo(f"{len(rows)} subscriptions.")


@subscriptions.command("renew")
def renew() -> None:
    """Renew what renews itself and whose last day is over, as the worker does. Safe to run twice."""
    click.echo(f"{actions.renew_due()} subscriptions renewed.")


@subscriptions.command("rebuild")
def rebuild() -> None:
    """Write down anew, from the acts, where every subscription stands. Safe to run twice."""
    click.echo(f"{actions.rebuild_standings()} rows were wrong or missing, and are right now.")


products = AppGroup("products", help="What can be ordered.")


@products.command("add")
@click.argument("code")
@click.option("--name-en", required=True)
@click.option("--name-ja", required=True)
@click.option("--kind", required=True, help=", ".join(rules.KINDS))
@click.option("--months", type=int, required=True, help="How long it runs.")
@click.option("--seats", "seats_min", type=int, default=1, show_default=True, help="The fewest seats.")
@click.option("--seats-max", type=int, default=300, show_default=True)
@click.option("--flat", is_flag=True, help="Not sold by the seat: one is ordered.")
def add_product(
    code: str, name_en: str, name_ja: str, kind: str, months: int, seats_min: int, seats_max: int, flat: bool
) -> None:
    """Add the product CODE, or open it again."""
    try:
        with database.unit_of_work():
            row, changed = actions.add_product(
                code.strip(), name_en=name_en.strip(), name_ja=name_ja.strip(), kind=kind, term_months=months,
                per_seat=not flat, seats_min=seats_min, seats_max=seats_max,
            )  # fmt: skip
            words = _product_words(row)
    except Refusal as refusal:
        raise click.ClickException(_WORDS.get(type(refusal), refusal.name)) from None
    click.echo(f"Can be ordered: {words}" if changed else f"It can be ordered already. Nothing was changed: {words}")


@products.command("list")
def list_products() -> None:
    """List every product: code, state, kind, term, seats, names."""
    rows = queries.products()
    for row in rows:
        click.echo(_product_words(row))
    click.echo(f"{len(rows)} products.")


@products.command("close")
@click.argument("code")
def close_product(code: str) -> None:
    """Take the product CODE out of what can be ordered. What runs goes on."""
    try:
        with database.unit_of_work():
            row, changed = actions.close_product(code.strip())
            words = _product_words(row)
    except Refusal as refusal:
        raise click.ClickException(_WORDS.get(type(refusal), refusal.name)) from None
    click.echo(f"Closed: {words}" if changed else f"It is closed already. Nothing was changed: {words}")


def _product_words(row: Product) -> str:
    state = "open" if row.is_open else f"closed {row.closed_at:%Y-%m-%d}"
    seats = f"{row.seats_min} to {row.seats_max} seats" if row.per_seat else "not by the seat"
    return f"{row.code}  {state}  {row.kind}  {row.term_months} months  {seats}  {row.name_en} / {row.name_ja}"


GROUPS = (subscriptions, products)
