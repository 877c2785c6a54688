"""An indirect reseller, which cannot attest, asks its provider for this customer."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.attestations.scene import Scene, confirmed, only, reviewed
from tests.support.builders import Party
from webapp import clock, database
from webapp.agreements import queries as agreements
from webapp.attestations import actions
from webapp.attestations.rules import NoProviderToAsk
from webapp.organizations import actions as organizations
from webapp.organizations import queries as organization_queries


def asked(scene: Scene, words: str = "Ms. Suzuki accepted on Monday.") -> None:
    agent = scene.agent(scene.reseller)
    agent.open(scene.path(scene.indirect))
    agent.follow("Ask your provider to attest")
    agent.submit(words=words, to="/attestation-request")


def test_a_reseller_is_told_why_not_and_who_its_provider_is(scene: Scene) -> None:
    agent = scene.agent(scene.reseller)
    page = agent.open(scene.path(scene.indirect))
    assert "An indirect reseller cannot attest this itself." in page.words
    assert "Fabrikam Distribution" in page.words
    assert "Edit" not in page.links
    page = agent.open(scene.path(scene.indirect, "/attestation"))
    assert page.heading == "Ask your provider to attest"
    assert "Fabrikam Distribution" in page.words
    form = next(each for each in page.forms if "words" in each.names)
    assert "Litware 合同会社 accepted the Microsoft Customer Agreement" in form.fields["words"][0]


def test_a_reseller_cannot_attest_by_posting(scene: Scene) -> None:
    agent = scene.agent(scene.reseller)
    agent.open(scene.path(scene.indirect))
    provider = scene.agent(scene.provider)
    review = reviewed(provider, scene, scene.indirect)
    form = next(each for each in review.forms if each.action.endswith("/confirmation"))
    token = next(each for each in agent.page.forms if "csrf_token" in each.names).fields["csrf_token"][0]
    data = {name: each[0] for name, each in form.fields.items()} | {
        "agreed": "y", "told": "y", "csrf_token": token
    }  # fmt: skip
    for step in ("", "/review", "/confirmation"):
        answer = agent.client.post(
            scene.path(scene.indirect, f"/attestation{step}"), data=data, base_url=agent.origin,
            headers={"Referer": agent.origin + "/"},
        )  # fmt: skip
        assert answer.status_code == 403, step
    assert scene.attestations(scene.indirect) == []


def test_the_request_is_a_task_a_mail_and_evidence(scene: Scene) -> None:
    asked(scene)
    task = only(scene.tasks("attestation_requested"))
    assert (task.organization_id, task.waits, task.done_at) == (scene.provider.id, True, None)
    assert {each.recipient for each in scene.mails("attestation_requested")} == {
        scene.provider["admin_agent"].address, scene.provider["sales_agent"].address
    }  # fmt: skip
    mail = scene.mails("attestation_requested")[0]
    assert "Ms. Suzuki accepted on Monday." in mail.text
    assert mail.reply_to == scene.reseller["sales_agent"].address
    fact = only(scene.facts("attestation.requested"))
    assert (fact.customer_id, fact.partner_id, fact.other_partner_id, fact.chain_id) == (
        scene.indirect.id, scene.provider.id, scene.reseller.id, scene.indirect.chain_id
    )  # fmt: skip
    provider = scene.agent(scene.provider)
    provider.open("/partner/inbox")
    page = provider.follow("Tailspin Resellers asks you to attest that Litware 合同会社")
    assert "Ms. Suzuki accepted on Monday." in page.words
    assert "Tailspin Resellers asked you on" in page.words


def test_once_a_day(scene: Scene) -> None:
    asked(scene)
    agent = scene.agent(scene.reseller)
    page = agent.open(scene.path(scene.indirect, "/attestation-request"))
    assert "It can be asked once a day." in page.words
    page = agent.submit(words="Again", to="/attestation-request")
    assert "was asked today already" in page.words
    assert len(scene.facts("attestation.requested")) == 1
    assert len(scene.mails("attestation_requested")) == 2


def test_the_task_is_done_when_the_provider_attests(scene: Scene) -> None:
    asked(scene)
    agent = scene.agent(scene.provider)
    reviewed(agent, scene, scene.indirect)
    page = confirmed(agent)
    assert only(scene.tasks("attestation_requested")).done_at is not None
    assert "asked you on" not in page.words
    assert "Tailspin Resellers asked its provider to attest" in page.words
    page = scene.agent(scene.reseller).open(scene.path(scene.indirect))
    assert "In order: attested by a partner" in page.words
    assert "Fabrikam Distribution attested that version" in page.words


def test_asked_again_on_another_day_it_waits_again(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    asked(scene)
    agent = scene.agent(scene.provider)
    reviewed(agent, scene, scene.indirect)
    confirmed(agent)
    later = clock.now() + timedelta(days=1)
    with monkeypatch.context() as moved:
        moved.setattr(clock, "now", lambda: later)
        asked(scene, "There is a newer version.")
    assert only(scene.tasks("attestation_requested")).done_at is None
    assert len(scene.facts("attestation.requested")) == 2


def test_a_message_is_needed(scene: Scene) -> None:
    agent = scene.agent(scene.reseller)
    agent.open(scene.path(scene.indirect, "/attestation-request"))
    page = agent.submit(words="  ", to="/attestation-request")
    assert page.status == 422
    assert "Enter a message." in page.words
    assert scene.facts("attestation.requested") == []


def test_of_two_providers_one_is_chosen(scene: Scene) -> None:
    other = scene.world.a_partner("Adatum Distribution", programme="indirect_provider")
    scene.world.pair(other, scene.reseller)
    scene.relate(scene.indirect, other, scene.reseller)
    agent = scene.agent(scene.reseller)
    agent.open(scene.path(scene.indirect, "/attestation-request"))
    assert agent.submit(words="Please.", to="/attestation-request").status == 422
    page = agent.submit(provider=str(other.id), words="Please.", to="/attestation-request")
    assert "Adatum Distribution was asked" in page.words
    assert only(scene.tasks("attestation_requested")).organization_id == other.id


def test_without_a_provider_there_is_nobody_to_ask(scene: Scene) -> None:
    with scene.app.app_context(), database.unit_of_work():
        row = organizations.create_organization(
            "customer", "Woodgrove Bank", country="US", language="en", zone="America/New_York",
            created_by=scene.row(scene.reseller),
        )  # fmt: skip
        lonely = Party(row.id, row.name, row.chain_id)
    agent = scene.agent(scene.reseller)
    page = agent.open(scene.path(lonely))
    assert "You have no indirect provider for this customer yet" in page.words
    page = agent.open(scene.path(lonely, "/attestation-request"))
    assert page.status == 403
    assert "You have no indirect provider for this customer" in page.heading


def test_a_provider_that_ceases_to_sell_while_it_is_asked_is_not_asked(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent = scene.agent(scene.reseller)
    agent.open(scene.path(scene.indirect, "/attestation-request"))
    locked = database.locked

    def ends_first(row: Any, **more: Any) -> Any:
        """The customer ends the relationship between the reading and the lock."""
        found = locked(row, **more)
        monkeypatch.setattr(agreements, "providers_for", lambda _reseller_id, _customer_id: [])
        return found

    monkeypatch.setattr(database, "locked", ends_first)
    page = agent.submit(words="Please.", to="/attestation-request")
    assert page.status == 403
    assert page.heading == "Fabrikam Distribution no longer sells to this customer through you"
    assert scene.facts("attestation.requested") == []
    assert scene.tasks("attestation_requested") == []
    assert scene.mails("attestation_requested") == []


def test_a_provider_of_other_customers_is_not_asked_for_this_one(scene: Scene) -> None:
    other = scene.world.a_partner("Adatum Distribution", programme="indirect_provider")
    scene.world.pair(other, scene.reseller)
    with scene.app.app_context():
        asker = organization_queries.actor_of_person(scene.reseller["sales_agent"].id)
        assert asker is not None
        with pytest.raises(NoProviderToAsk) as refused, database.unit_of_work():
            actions.request(scene.row(scene.indirect), scene.row(other), by=asker, words="Please.")
    assert refused.value.facts["provider"] == "Adatum Distribution"
    assert scene.facts("attestation.requested") == []


def test_whoever_may_attest_is_led_to_attest(scene: Scene) -> None:
    page = scene.agent().open(scene.path(more="/attestation-request"))
    assert page.heading == "Who accepted the agreement?"


def test_a_helpdesk_agent_does_not_ask(scene: Scene) -> None:
    agent = scene.agent(scene.reseller, "helpdesk_agent")
    assert agent.open(scene.path(scene.indirect, "/attestation-request")).status == 403


def test_the_history_of_the_customer_tells_it(scene: Scene) -> None:
    asked(scene)
    customer = scene.agent(scene.indirect, "global_administrator", language="ja")
    page = customer.open("/history")
    assert "Tailspin Resellers" in page.words
    assert "証明するよう Fabrikam Distribution に依頼しました" in page.words
