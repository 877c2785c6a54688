"""What the evidence of agreements says, and what of it stays when somebody is erased."""

from __future__ import annotations

from uuid import UUID

import pytest
import sqlalchemy as sa
from flask import Flask

from tests.agreements.scene import Attesting
from tests.agreements.test_actions import facts
from tests.support.builders import World
from webapp import database
from webapp.accounts import actions as accounts
from webapp.accounts import queries as people
from webapp.accounts.rules import Stays
from webapp.agreements.actions import Proof
from webapp.agreements.rules import Signatory
from webapp.evidence import queries as evidence
from webapp.evidence.models import Fact
from webapp.policies import queries as policies
from webapp.relationships.rules import kept_until


@pytest.mark.parametrize("required", [True, False])
def test_the_publication_says_whether_the_version_requires_renewal(
    app: Flask, world: World, scene: Attesting, required: bool
) -> None:
    world.a_published_agreement("US", requires_renewal=required)
    record = facts(app, "agreement.published")[-1]
    assert (record["facts"]["country"], record["facts"]["requires_renewal"]) == ("US", required)
    words = "Whoever agreed to an earlier version must accept this one."
    with app.app_context():
        reader = scene.actor(scene.customer["global_administrator"])
    with app.test_request_context():
        published = sa.select(Fact).where(Fact.kind == "agreement.published").order_by(Fact.at.desc()).limit(1)
        (entry,) = evidence.tell(database.session().scalars(published).all(), reader)
    assert entry.words.startswith("The agreement was published: version 2026-03, US, en, from 2026-03-01.")
    assert (words in entry.words) is required


def what_stays(scene: Attesting, person_id: UUID) -> list[Stays]:
    """Erase a person; what stays."""
    with scene.app.app_context(), database.unit_of_work():
        person = people.person_by_id(person_id)
        assert person is not None
        return list(accounts.erase(person, "asked for it")[1])


@pytest.mark.parametrize("who", ["signatory", "attester"])
def test_the_file_kept_as_proof_stays_when_somebody_whom_it_concerns_is_erased(scene: Attesting, who: str) -> None:
    signer = scene.customer["billing_administrator"]
    proof = Proof("signed.pdf", "application/pdf", b"%PDF-1.7 signed by Billie Ing")
    scene.attest(Signatory("Billie", "Ing", signer.address), proof=proof)
    (row,) = scene.attestations()
    with scene.app.app_context():
        years = policies.value("evidence.retention_years")
    erased = signer if who == "signatory" else scene.partner["sales_agent"]
    found = [each for each in what_stays(scene, erased.id) if "proof" in each.what]
    assert [(each.what, each.until) for each in found] == [
        (f"the file kept as proof with attestation {row.reference}", kept_until(row.at.date(), years))
    ]
    assert found[0].why == (
        f"it may name who agreed, and is part of that evidence; kept while in force, and {years} years"
    )
    with scene.app.app_context():
        assert row.proof_sha256 is not None
        kept = evidence.document(row.proof_sha256)
        assert kept is not None
        assert kept.content == proof.content


def test_without_a_file_no_proof_is_said_to_stay(scene: Attesting) -> None:
    signer = scene.customer["billing_administrator"]
    scene.attest(Signatory("Billie", "Ing", signer.address))
    assert [each.what for each in what_stays(scene, signer.id) if "proof" in each.what] == []
