"""`flask evidence verify [--receipt FILE]`."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

import click
from flask.cli import AppGroup

from webapp.evidence import queries
from webapp.evidence.models import SITE_CHAIN
from webapp.evidence.rules import Finding

evidence = AppGroup("evidence", help="The chains of evidence.")


@evidence.command("verify")
@click.option(
    "--receipt", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Check this receipt only."
)
def verify(receipt: Path | None) -> None:
    """Verify every chain and document, or one RECEIPT (JSON). Exit status 1 when something is wrong."""
    if receipt is not None:
        _verify_receipt(receipt)
        return
    facts = wrong = 0
    chains = queries.chain_ids()
    for chain_id in chains:
        name = f"chain {chain_id}" + (" (the site's own)" if chain_id == SITE_CHAIN else "")
        count, found = _say(name, queries.verify_chain(chain_id))
        facts, wrong = facts + count, wrong + found
    documents, found = _say("documents", queries.verify_documents())
    wrong += found
    if wrong:
        raise click.ClickException(f"{wrong} findings in {len(chains)} chains, {facts} facts, {documents} documents.")
    click.echo(f"Verified: {len(chains)} chains, {facts} facts, {documents} documents. Nothing was changed.")


def _say(name: str, results: Iterable[Finding | int]) -> tuple[int, int]:
    count = found = 0
    for result in results:
        if isinstance(result, int):
            count = result
            continue
        found += 1
        place = f", position {result.position}" if result.position else ""
        click.echo(f"{result.kind}: {name}{place}: {result.detail}")
    return count, found


def _verify_receipt(path: Path) -> None:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        findings = queries.verify_receipt(content)
    except (ValueError, TypeError) as error:
        raise click.ClickException(f"{path} cannot be read as a receipt: {error}") from None
    _, found = _say(f"chain {content['chain_id']}", findings)
    if found:
        raise click.ClickException(f"{found} findings: the receipt and the database do not agree.")
    click.echo("Verified: the receipt matches its hash and stands in the database, unchanged.")


GROUPS = (evidence,)
