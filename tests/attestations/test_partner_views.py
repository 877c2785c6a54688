"""The partner's pages about a customer's agreement: looking, attesting, the proof."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.attestations.scene import (
    EML,
    JPEG,
    PDF,
    PERSON,
    PNG,
    Scene,
    confirmed,
    only,
    reviewed,
    with_file,
)
from webapp import clock, database
from webapp.agreements import queries as agreements
from webapp.attestations import rules
from webapp.evidence import queries as evidence
from webapp.messages.models import Message
from webapp.policies import actions as policies
from webapp.relationships import actions as relationships

# --- looking -----------------------------------------------------------------------------------------------------


def test_a_customer_that_nobody_asked_is_shown_as_not_provided(scene: Scene) -> None:
    page = scene.agent().open(scene.path())
    assert page.heading == "Microsoft Customer Agreement"
    assert "Customer acceptance through Microsoft Not provided" in page.words
    assert "No partner attested" in page.words
    assert "Nothing happened yet" in page.words


def test_the_page_says_so_in_japanese(scene: Scene) -> None:
    japanese = scene.world.a_partner("Fabrikam 株式会社", language="ja", country="JP", zone="Asia/Tokyo")
    scene.relate(scene.customer, japanese)
    agent = scene.agent(japanese, language="ja")
    page = agent.open(scene.path())
    assert "Microsoft を通じた顧客の同意 提供されていません" in page.words
    assert "編集" in page.links
    reviewed(agent, scene)
    assert "保存して続行" in [label for form in agent.page.forms for _name, _value, label in form.buttons]
    page = confirmed(agent)
    assert "数分以内に Contoso Ltd. 様に通知します。" in page.words


def test_attested_stands_apart_from_accepted_through_microsoft(scene: Scene) -> None:
    agent = scene.agent()
    reviewed(agent, scene)
    page = confirmed(agent)
    assert "Saved. Contoso Ltd. is told within minutes." in page.words
    assert "Customer acceptance through Microsoft Not provided" in page.words
    assert "In order: attested by a partner" in page.words
    for said in ("Hanako Suzuki", "hanako@contoso.example", "+81 3 1234 5678", "Northwind Cloud", "2026-03"):
        assert said in page.words
    assert "Message on its way to the customer" in page.words


def test_a_helpdesk_agent_reads_and_does_not_attest(scene: Scene) -> None:
    page = scene.agent(role="helpdesk_agent").open(scene.path())
    assert page.status == 200
    assert "Edit" not in page.links
    assert "An admin agent or a sales agent of your organization can attest." in page.words


def test_another_partner_of_the_customer_reads_who_attested_but_not_in_whose_name(scene: Scene) -> None:
    agent = scene.agent()
    reviewed(agent, scene)
    with_file(agent, PDF, "signed.pdf")
    other = scene.world.a_partner("Proseware Services")
    scene.relate(scene.customer, other)
    page = scene.agent(other).open(scene.path())
    assert "Northwind Cloud attested that version 2026-03 was accepted" in page.words
    for secret in ("Hanako", "hanako@contoso.example", "signed.pdf", "Message on its way"):
        assert secret not in page.html


def test_a_stranger_finds_nothing(scene: Scene) -> None:
    other = scene.world.a_partner("Proseware Services")
    for more in ("", "/attestation", "/attestation-request"):
        assert scene.agent(other).open(scene.path(more=more)).status == 404


def test_the_way_to_an_invitation_is_filled_in(scene: Scene) -> None:
    agent = scene.agent()
    agent.open(scene.path())
    page = agent.follow("Invite the customer to accept it")
    form = next(each for each in page.forms if "asks" in each.names)
    assert form.fields["asks"] == ["agreement"]
    assert form.fields["customer"] == [str(scene.customer.id)]


# --- attesting ---------------------------------------------------------------------------------------------------


def test_nothing_is_stored_before_the_last_button(scene: Scene) -> None:
    agent = scene.agent()
    page = reviewed(agent, scene)
    assert page.heading == "Check before you save"
    assert scene.attestations() == []
    assert scene.mails("attested") == []


def test_the_review_shows_version_day_receiver_and_a_way_to_read_it(scene: Scene) -> None:
    agent = scene.agent()
    page = reviewed(agent, scene)
    assert "Version 2026-03" in page.words
    assert "1 March 2026" in page.words
    assert scene.customer["global_administrator"].address in page.words
    assert "gets an email within minutes" in page.words
    agent.follow("Read this version")
    assert agent.page.status == 200


def test_the_version_is_the_one_of_that_day(scene: Scene) -> None:
    page = reviewed(scene.agent(), scene, agreed_on="2024-02-29")
    assert "Version 2022-10" in page.words


def test_what_was_confirmed_becomes_evidence_word_for_word(scene: Scene) -> None:
    agent = scene.agent()
    reviewed(agent, scene)
    confirmed(agent)
    with scene.app.app_context():
        fact = only(scene.facts("agreement.attested"))
        values = evidence.personal_rows(evidence.record_of(fact))
    shown = values["shown"][1]
    assert (
        "I confirm that Hanako Suzuki accepted the sample customer agreement, version 2026-03, for Contoso Ltd."
        in shown
    )
    assert "I know that Contoso Ltd. is told of this within minutes, and that it can object." in shown
    assert scene.customer["global_administrator"].address not in shown


def test_both_boxes_are_asked(scene: Scene) -> None:
    agent = scene.agent()
    reviewed(agent, scene)
    page = agent.submit(agreed=True, to="/confirmation")
    assert page.status == 422
    assert "Tick the box when you have read this." in page.words
    assert scene.attestations() == []
    page = confirmed(agent)
    assert page.status == 200
    assert len(scene.attestations()) == 1


@pytest.mark.parametrize(
    ("field", "typed", "said"),
    [
        ("given_name", " ", "Enter the first name."),
        ("family_name", "", "Enter the last name."),
        ("email", "hanako", "Enter an email address in the correct format"),
        ("phone", "call me", "Enter a telephone number"),
        ("agreed_on", "2026-02-30", "Enter a real date"),
        ("agreed_on", "", "Enter the date of acceptance."),
        ("agreed_on", "2022-09-30", "No version of the agreement was in force in United States on that day."),
        ("agreed_on", "0001-01-01", "No version of the agreement was in force in United States on that day."),
    ],
)
def test_what_is_wrong_stands_beside_its_field(scene: Scene, field: str, typed: str, said: str) -> None:
    agent = scene.agent()
    page = reviewed(agent, scene, None, **{field: typed})
    assert page.status == 422
    assert said in page.words
    form = next(each for each in page.forms if each.action.endswith("/review"))
    assert form.fields["family_name"] == ["" if field == "family_name" else "Suzuki"]


def test_tomorrow_is_refused_by_the_customer_s_day(scene: Scene) -> None:
    tomorrow = scene.today() + timedelta(days=1)
    page = reviewed(scene.agent(), scene, agreed_on=tomorrow.isoformat())
    assert page.status == 422
    assert "The date of acceptance cannot lie in the future." in page.words
    assert reviewed(scene.agent(), scene, agreed_on=scene.today().isoformat()).status == 200


def test_the_form_offers_the_customer_s_today(scene: Scene) -> None:
    agent = scene.agent()
    page = agent.open(scene.path(more="/attestation"))
    form = next(each for each in page.forms if "agreed_on" in each.names)
    assert form.fields["agreed_on"] == [scene.today().isoformat()]
    assert form.fields["phone"] == [""]


def test_the_phone_is_optional_and_fullwidth_digits_are_kept_as_digits(scene: Scene) -> None:
    agent = scene.agent()
    reviewed(agent, scene, phone="")
    assert confirmed(agent).status == 200
    reviewed(agent, scene, phone="０３-１２３４-５６７８")
    assert "03-1234-5678" in confirmed(agent).words


def test_change_brings_back_what_was_entered(scene: Scene) -> None:
    agent = scene.agent()
    page = reviewed(agent, scene)
    form = next(each for each in page.forms if each.action.endswith("/confirmation"))
    data = {name: each[0] for name, each in form.fields.items()}
    response = agent.client.post(
        scene.path(more="/attestation"), data=data, base_url=agent.origin, headers={"Referer": agent.origin + "/"}
    )
    assert response.status_code == 200
    assert 'value="Suzuki"' in response.text
    assert scene.attestations() == []


def test_the_same_person_twice_is_refused_with_the_fields_that_are_equal(scene: Scene) -> None:
    agent = scene.agent()
    reviewed(agent, scene)
    confirmed(agent)
    page = reviewed(
        agent, scene, given_name=" hanako", family_name="SUZUKI", phone="+81 3 1234 5678",
        agreed_on=scene.today().isoformat(),
    )  # fmt: skip
    assert page.status == 422
    assert "first name, last name, email address, and telephone number" in page.words
    assert "Northwind Cloud saved" in page.words
    assert len(scene.attestations()) == 1


def test_a_real_change_adds_an_entry_and_overwrites_nothing(scene: Scene) -> None:
    agent = scene.agent()
    reviewed(agent, scene)
    confirmed(agent)
    reviewed(agent, scene, given_name="Taro", email="taro@contoso.example")
    page = confirmed(agent)
    first, second = scene.attestations()
    assert second.replaces_id == first.id
    assert page.words.count("Northwind Cloud attested that version") == 2
    assert len(scene.mails("attested")) == 2


def test_twice_pressed_is_once_attested(scene: Scene) -> None:
    agent = scene.agent()
    review = reviewed(agent, scene)
    confirmed(agent)
    agent.page = review  # the back button
    page = confirmed(agent)
    assert page.heading == "Microsoft Customer Agreement"
    assert "This was saved already" in page.words
    assert len(scene.attestations()) == 1
    assert len(scene.mails("attested")) == 1


def test_what_was_shown_is_what_is_attested(scene: Scene) -> None:
    agent = scene.agent()
    reviewed(agent, scene, agreed_on="2026-04-01")
    scene.world.a_published_agreement("US", version="2026-04", effective_on=scene.today().replace(month=4, day=1))
    page = confirmed(agent)
    assert page.status == 409
    assert "something on it has changed" in page.words
    assert "the version of the agreement" in page.words
    assert scene.attestations() == []
    form = next(each for each in page.forms if each.action.endswith("/confirmation"))
    assert "agreed" not in form.fields, "a box stayed ticked for what was not shown"
    confirmed(agent)
    assert len(scene.attestations()) == 1


def test_a_hidden_field_that_was_altered_is_shown_again_not_saved(scene: Scene) -> None:
    agent = scene.agent()
    reviewed(agent, scene)
    page = confirmed(agent, given_name="Mallory")
    assert page.status == 409
    assert "who accepted" in page.words
    assert scene.attestations() == []


def test_a_day_before_the_policy_s_is_warned_of(scene: Scene) -> None:
    agent = scene.agent()
    page = reviewed(agent, scene, agreed_on="2023-03-31")
    assert "Whatever was accepted before 1 April 2023 must be renewed." in page.words
    page = confirmed(agent)
    assert "Must be renewed" in page.words
    assert "Until then the customer cannot buy." in page.words
    assert "must be renewed" not in reviewed(agent, scene, given_name="Taro", agreed_on="2023-04-01").words


def test_a_step_opened_by_its_address_begins_with_the_form(scene: Scene) -> None:
    agent = scene.agent()
    for step in ("review", "confirmation"):
        assert agent.open(scene.path(more=f"/attestation/{step}")).heading == "Who accepted the agreement?"


def test_a_helpdesk_agent_is_told_who_can(scene: Scene) -> None:
    page = scene.agent(role="helpdesk_agent").open(scene.path(more="/attestation"))
    assert page.status == 403
    assert "Sales agent" in page.words


def test_nobody_to_tell_means_nothing_saved(scene: Scene) -> None:
    alone = scene.world.a_customer("Empty Ltd.", roles=("",))
    scene.relate(alone, scene.partner)
    page = reviewed(scene.agent(), scene, alone)
    assert page.status == 409
    assert scene.attestations(alone) == []


def test_a_partner_that_the_customer_does_not_know_reads_why_it_cannot_attest(scene: Scene) -> None:
    with scene.app.app_context(), database.unit_of_work():
        by = scene.world._acting(scene.customer["global_administrator"])
    with scene.app.app_context(), database.unit_of_work():
        relationships.say_unknown(scene.row(scene.customer), scene.row(scene.partner), by=by)
    agent = scene.agent()
    page = agent.open(scene.path())
    assert page.status == 200
    assert "the customer says that it does not know your organization" in page.words
    assert "Edit" not in page.links
    page = agent.open(scene.path(more="/attestation"))
    assert (page.status, page.heading) == (409, "This customer says that it does not know the partner")


def test_an_objection_is_shown_with_its_words(scene: Scene) -> None:
    from webapp.agreements import actions as agreement_actions

    agent = scene.agent()
    reviewed(agent, scene)
    confirmed(agent)
    with scene.app.app_context(), database.unit_of_work():
        actor = scene.world._acting(scene.customer["global_administrator"])
    with scene.app.app_context(), database.unit_of_work():
        row = agreements.attestation_by_id(only(scene.attestations()).id)
        assert row is not None
        agreement_actions.object_signed_in(row, by=actor, comment="Nobody of this name works here.")
    page = agent.open(scene.path())
    assert "The customer says that what was attested is not so." in page.words
    assert page.words.count("Nobody of this name works here.") == 2


# --- the proof ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "name"), [(PDF, "signed.pdf"), (PNG, "scan.PNG"), (JPEG, "photo.jpeg"), (EML, "署名.eml")]
)
def test_a_proof_is_kept_and_only_ever_downloaded(scene: Scene, content: bytes, name: str) -> None:
    agent = scene.agent()
    reviewed(agent, scene)
    page = with_file(agent, content, name)
    assert name in page.words
    row = only(scene.attestations())
    answer = agent.client.get(scene.path(more=f"/attestations/{row.id}/proof"), base_url=agent.origin)
    assert answer.data == content
    assert answer.mimetype == "application/octet-stream"
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in answer.headers["Content-Security-Policy"]


@pytest.mark.parametrize(
    ("content", "name", "said"),
    [
        (PDF, "signed.png", "would have to end in .pdf"),
        (b"MZ\x90\0", "signed.pdf", "is no PDF, PNG, JPEG or EML file"),
        (PNG + PDF, "scan.png", "holds something else"),
        (b"", "empty.pdf", "is empty"),
        (b"%PDF-1.7\n" + b"0" * rules.LARGEST + b"%%EOF", "big.pdf", "larger than 10 MB"),
    ],
)
def test_another_file_is_refused_by_its_name_and_nothing_is_lost(
    scene: Scene, content: bytes, name: str, said: str
) -> None:
    agent = scene.agent()
    reviewed(agent, scene)
    page = with_file(agent, content, name)
    assert page.status == 422
    assert said in page.words
    assert name in page.words or "larger" in said
    assert scene.attestations() == []
    page = with_file(agent, PDF, "signed.pdf")
    assert "signed.pdf" in page.words


def test_a_body_far_too_large_is_refused_with_everything_that_was_entered(scene: Scene) -> None:
    agent = scene.agent()
    reviewed(agent, scene)
    page = with_file(agent, b"%PDF-1.7\n" + b"0" * (rules.LARGEST + 3 * 1024**2), "huge.pdf")
    assert page.status == 413
    assert page.heading == "Check before you save"
    assert "The file is larger than 10 MB." in page.words
    assert "Hanako Suzuki" in page.words
    page = with_file(agent, PDF, "signed.pdf")
    assert "signed.pdf" in page.words
    assert len(scene.attestations()) == 1


def test_a_body_far_too_large_from_a_foreign_page_shows_nothing(scene: Scene) -> None:
    agent = scene.agent()
    answer = agent.client.post(
        scene.path(more="/attestation/confirmation"), data=b"x" * (rules.LARGEST + 2 * 1024**2),
        content_type="multipart/form-data; boundary=abc", base_url=agent.origin,
        headers={"Origin": "https://evil.example"},
    )  # fmt: skip
    assert answer.status_code == 413
    assert "That is too large" in answer.text


def test_other_forms_stay_small(scene: Scene) -> None:
    agent = scene.agent()
    answer = agent.client.post(
        scene.path(more="/attestation/review"), data=b"x" * (3 * 1024**2), base_url=agent.origin,
        content_type="multipart/form-data; boundary=abc", headers={"Origin": agent.origin},
    )  # fmt: skip
    assert answer.status_code == 413


def test_a_file_is_asked_for_again_when_the_page_comes_back(scene: Scene) -> None:
    agent = scene.agent()
    reviewed(agent, scene)
    page = with_file(agent, PDF, "signed.pdf", told=None)
    assert page.status == 422
    assert "Choose the file again." in page.words


def test_what_came_over_a_sign_in_without_its_file_is_asked_for_again(scene: Scene) -> None:
    agent = scene.agent()
    page = reviewed(agent, scene)
    form = next(each for each in page.forms if each.action.endswith("/confirmation"))
    data = {name: each[0] for name, each in form.fields.items() if name != "proof"} | {"agreed": "y", "told": "y"}
    answer = agent.client.post(
        scene.path(more="/attestation/confirmation"), data=data, base_url=agent.origin,
        headers={"Referer": agent.origin + "/"},
    )  # fmt: skip
    assert answer.status_code == 422
    assert "Choose the file again." in answer.text
    assert scene.attestations() == []


def test_the_proof_is_for_who_attested_and_for_the_customer(scene: Scene) -> None:
    agent = scene.agent()
    reviewed(agent, scene)
    with_file(agent, PDF, "signed.pdf")
    row = only(scene.attestations())
    other = scene.world.a_partner("Proseware Services")
    scene.relate(scene.customer, other)
    assert scene.agent(other).open(scene.path(more=f"/attestations/{row.id}/proof")).status == 404
    customer = scene.agent(scene.customer, "global_reader")
    answer = customer.client.get(f"/agreement/attestations/{row.id}/proof", base_url=customer.origin)
    assert answer.data == PDF
    stranger = scene.agent(scene.indirect, "global_administrator")
    assert stranger.open(f"/agreement/attestations/{row.id}/proof").status == 404


def test_the_notice_goes_to_the_primary_contact(scene: Scene) -> None:
    agent = scene.agent()
    reviewed(agent, scene)
    confirmed(agent)
    mail = only(scene.mails("attested"))
    assert mail.recipient == scene.customer["global_administrator"].address
    assert "Hanako" in mail.text


def test_everything_entered_is_kept_as_it_was(scene: Scene) -> None:
    agent = scene.agent()
    reviewed(agent, scene)
    confirmed(agent)
    row = only(scene.attestations())
    assert row.agreed_on == scene.today() - timedelta(days=3)
    with scene.app.app_context():
        found = agreements.attestation_by_id(row.id)
        assert found is not None
        assert agreements.signatory_of(found) == PERSON


# --- policy, and the notice --------------------------------------------------------------------------------------


def test_where_policy_lets_nobody_attest_the_page_says_what_is_left(scene: Scene) -> None:
    with scene.app.app_context(), database.unit_of_work():
        policies.set_policy("attestation.last_day", "2026-01-31", why="a test")
    agent = scene.agent()
    page = agent.open(scene.path())
    assert "Partners like yours cannot attest here, or not any more." in page.words
    assert "Edit" not in page.links
    assert "Invite the customer to accept it" in page.links
    assert agent.open(scene.path(more="/attestation")).status == 403


def test_a_late_notice_is_visible_while_it_waits_and_after(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    agent = scene.agent()
    reviewed(agent, scene)
    assert "It leaves by" in confirmed(agent).words
    later = clock.now() + timedelta(minutes=31)
    with monkeypatch.context() as moved:
        moved.setattr(clock, "now", lambda: later)
        page = agent.open(scene.path())
    assert page.words.count("Message to the customer is late") == 2
    mail = only(scene.mails("attested"))
    for handed_over_at, said in (
        (later, "Customer told late"), (mail.created_at + timedelta(minutes=1), "Customer told The message left on")
    ):  # fmt: skip
        with scene.app.app_context(), database.unit_of_work():
            row = database.locked(database.session().get_one(Message, mail.id))
            row.handed_over_at = row.closed_at = handed_over_at
        assert said in agent.open(scene.path()).words
    with scene.app.app_context(), database.unit_of_work():
        row = database.locked(database.session().get_one(Message, mail.id))
        row.handed_over_at, row.given_up_at = None, later
    assert "Customer not told: the message could not be delivered" in agent.open(scene.path()).words


def test_after_a_version_that_asks_again_the_page_says_why(scene: Scene) -> None:
    agent = scene.agent()
    reviewed(agent, scene)
    confirmed(agent)
    scene.world.a_published_agreement(
        "US", version="2026-11", effective_on=scene.today() - timedelta(days=1), requires_renewal=True
    )
    page = agent.open(scene.path())
    assert "Version 2026-11, in force since" in page.words
    assert "asks everybody who accepted an earlier one to accept again." in page.words
    page = reviewed(agent, scene, given_name="Taro", agreed_on=(scene.today() - timedelta(days=5)).isoformat())
    assert "the customer still cannot buy until it is renewed." in page.words
    reviewed(agent, scene, given_name="Taro", agreed_on=scene.today().isoformat())
    assert "In order: attested by a partner" in confirmed(agent).words
