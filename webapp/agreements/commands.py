"""`flask agreements publish|publish-samples|list`."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click
from flask.cli import AppGroup

from webapp import clock, database
from webapp.agreements import actions, queries, rules
from webapp.languages import LANGUAGES
from webapp.policies import queries as policies

agreements = AppGroup("agreements", help="The versions of the customer agreement.")


@agreements.command("publish")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--type", "type_", default=rules.CUSTOMER_AGREEMENT, show_default=True, help="The kind of agreement.")
@click.option("--country", required=True, metavar="CODE", help="ISO 3166 code, such as JP.")
@click.option("--language", required=True, type=click.Choice(list(LANGUAGES)))
@click.option("--version", required=True, help="The name of the version, such as 2026-03.")
@click.option("--title", default="", help="The title (default: the first heading of the file).")
@click.option("--effective", required=True, type=click.DateTime(["%Y-%m-%d"]), help="The first day it applies.")
@click.option("--requires-renewal", is_flag=True, help="Whoever accepted an earlier version must accept this one.")
@click.option("--sample", is_flag=True, help="Mark it as a sample wherever it is shown.")
def publish(
    file: Path, type_: str, country: str, language: str, version: str, title: str, effective: datetime,
    requires_renewal: bool, sample: bool,
) -> None:  # fmt: skip
    """Publish the Markdown FILE as a text of an agreement. It cannot be changed afterwards."""
    try:
        source = file.read_text("utf-8")
    except UnicodeDecodeError:
        raise click.ClickException(f"{file} is not UTF-8 text.") from None
    if not source.strip():
        raise click.ClickException(f"{file} is empty.")
    code = country.upper()
    if len(code) != 2 or not code.isascii() or not code.isalpha():
        raise click.ClickException(f"{country!r} is not a country's code of two letters.")
    try:
        with database.unit_of_work():
            text = actions.publish(
                type_=type_, country=code, language=language, version=version,
                title=title or source.lstrip().partition("\n")[0].lstrip("# ").strip(), effective_on=effective.date(),
                source=source, requires_renewal=requires_renewal, is_sample=sample,
            )  # fmt: skip
            digest = text.html_sha256
    except rules.AlreadyPublished:
        raise click.ClickException(
            f"Version {version} for {code} in {language} is published already; publish another version instead."
        ) from None
    except rules.EffectiveDatesDiffer:
        raise click.ClickException(
            f"Version {version} for {code} takes effect on another day in its other language."
        ) from None
    click.echo(f"Published {version} for {code} in {language}, SHA-256 {digest}.")


@agreements.command("publish-samples")
def publish_samples() -> None:
    """Publish the sample texts shipped with Countersign for every served country. Safe to run twice."""
    with database.unit_of_work():
        count = actions.publish_samples(policies.value("countries.served"))
    click.echo(f"{count} sample texts published." if count else "All sample texts are published already.")


@agreements.command("list")
def list_texts() -> None:
    """Print every published text: country, language, version, first day, state today (UTC) and SHA-256."""
    texts = queries.all_texts()
    if not texts:
        click.echo("No text is published; see `flask agreements publish-samples`.")
    for text in texts:
        standing = queries.standing_of(text, "UTC").replace("_", " ")
        sample = "  sample" if text.is_sample else ""
        click.echo(
            f"{text.country}  {text.language}  {text.version:<12} from {text.effective_on.isoformat()}  {standing:<8}  "
            f"{text.html_sha256[:16]}  published {clock.day_of(text.published_at, 'UTC').isoformat()}{sample}"
        )


GROUPS = (agreements,)
