"""Attesting under the lock: what was shown decides, and two at once are one."""

from __future__ import annotations

from threading import Barrier, Thread

import pytest

from tests.attestations.scene import PERSON, Scene, only, reviewed
from webapp import clock, database
from webapp.agreements.rules import Signatory
from webapp.attestations import actions, queries
from webapp.attestations.rules import AttestationHasChanged


def test_two_clicks_at_once_attest_once(scene: Scene) -> None:
    agent = scene.agent()
    page = reviewed(agent, scene)
    form = next(each for each in page.forms if each.action.endswith("/confirmation"))
    data = {name: each[0] for name, each in form.fields.items()} | {"agreed": "y", "told": "y"}
    cookie = agent.client.get_cookie(str(scene.app.config["SESSION_COOKIE_NAME"]), domain="localhost")
    assert cookie is not None
    answers: list[int] = []
    together = Barrier(2)

    def press() -> None:
        client = scene.app.test_client()
        client.set_cookie(cookie.key, cookie.value, domain="localhost")
        together.wait(30)
        answer = client.post(
            scene.path(more="/attestation/confirmation"), data=data, base_url=agent.origin,
            headers={"Referer": agent.origin + "/"},
        )  # fmt: skip
        answers.append(answer.status_code)

    threads = [Thread(target=press) for _ in range(2)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert answers == [302, 302]
    assert len(scene.attestations()) == 1
    assert len(scene.mails("attested")) == 1
    assert len(scene.facts("agreement.attested")) == 1


def test_what_changed_is_named_and_nothing_is_attested(scene: Scene) -> None:
    with scene.app.app_context(), database.unit_of_work():
        actor = scene.world._acting(scene.partner["sales_agent"])
    with scene.app.app_context():
        customer = scene.row(scene.customer)
        day = clock.today(customer.zone)
        review = queries.review_of(scene.row(scene.partner), customer, Signatory(**PERSON), day)
        before = review.parts | {"contact": "somebody else"}
    with (
        pytest.raises(AttestationHasChanged) as refused,
        scene.app.app_context(),
        database.unit_of_work(),
    ):
        actions.attest(
            scene.row(scene.customer), by=actor, signatory=Signatory(**PERSON), agreed_on=day, fingerprint="0" * 64,
            parts=before, proof=None,
        )  # fmt: skip
    assert refused.value.changes == ["contact"]
    assert scene.attestations() == []


def test_the_same_file_is_kept_once_and_its_digest_stands_in_the_fact(scene: Scene) -> None:
    with scene.app.app_context(), database.unit_of_work():
        actor = scene.world._acting(scene.partner["sales_agent"])
    proof = actions.proof_from("C:\\scans\\signed.pdf", b"%PDF-1.7\n%%EOF\n")
    with scene.app.app_context():
        day = clock.today(scene.row(scene.customer).zone)
        review = queries.review_of(scene.row(scene.partner), scene.row(scene.customer), Signatory(**PERSON), day)
        fingerprint, parts = review.fingerprint, review.parts
    with scene.app.app_context(), database.unit_of_work():
        actions.attest(
            scene.row(scene.customer), by=actor, signatory=Signatory(**PERSON), agreed_on=day, fingerprint=fingerprint,
            parts=parts, proof=proof,
        )  # fmt: skip
    row = only(scene.attestations())
    assert row.proof_name == "signed.pdf"
    assert row.proof_sha256 in only(scene.facts("agreement.attested")).record
