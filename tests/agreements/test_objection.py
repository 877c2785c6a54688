"""The pages on which a customer objects to an attestation: by the link of the notice, and signed in."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
import time_machine

from tests.agreements.scene import TANIA, Attesting
from tests.support.visitor import Visitor
from webapp import clock
from webapp.agreements.rules import Signatory

Browser = Callable[..., Visitor]
KENJI = Signatory("Kenji", "Sato", "kenji.sato@contoso.example")


def contact(scene: Attesting) -> str:
    return scene.customer["global_administrator"].address


# --- by the link -------------------------------------------------------------------------------------------------


def test_the_link_opens_a_form_and_changes_nothing_until_the_address_is_typed(
    scene: Attesting, browser: Browser
) -> None:
    path = scene.link(scene.attest())
    visitor = browser()
    page = visitor.open(path)
    assert page.heading == "Object to a confirmation of the agreement"
    assert scene.objections() == []
    page = visitor.submit(address=contact(scene), comment="Nobody of us did.")
    assert (page.heading, page.url.endswith(path)) == ("Objection recorded", True)
    assert len(scene.objections()) == 1
    assert scene.consent() == "objected"


def test_whoever_holds_the_link_reads_no_names_of_people_and_no_addresses(scene: Attesting, browser: Browser) -> None:
    attestation_id = scene.attest()
    path = scene.link(attestation_id)
    visitor = browser()
    words = visitor.open(path).words
    for shown in ("Northwind Cloud", "Contoso 株式会社", "2026-03", scene.attestations()[0].reference):
        assert shown in words
    hidden = ("Tania", "Carr", TANIA.email, "Sales Of", contact(scene))
    assert not [each for each in hidden if each in visitor.page.html]
    visitor.submit(address=contact(scene), comment="A word for the partner alone.")
    anybody = browser().open(path)
    assert anybody.heading == "Objection recorded"
    assert not [each for each in (*hidden, "A word for the partner alone") if each in anybody.html]


def test_the_pages_of_a_link_are_not_kept(scene: Attesting) -> None:
    path = scene.link(scene.attest())
    answer = scene.app.test_client().get(path, headers={"Accept-Encoding": "br"})
    assert (answer.headers["Cache-Control"], answer.headers["Content-Encoding"]) == ("no-store", "identity")


def test_a_wrong_address_says_so_and_keeps_what_was_typed(scene: Attesting, browser: Browser) -> None:
    visitor = browser()
    visitor.open(scene.link(scene.attest()))
    page = visitor.submit(address=TANIA.email, comment="Nobody of us did.")
    assert page.status == 422
    assert "The message was not sent to this address." in page.words
    assert "Nobody of us did." in page.html
    assert visitor.submit(address="nonsense").status == 422
    assert visitor.submit(address=contact(scene), comment="x" * 1001).status == 422
    assert scene.objections() == []
    for _ in range(9):
        visitor.submit(address="somebody@contoso.example", comment="")
    assert visitor.submit(address=contact(scene), comment="").status == 429
    assert scene.objections() == []


def test_a_second_click_does_nothing_and_says_when_it_was_done(scene: Attesting, browser: Browser) -> None:
    path = scene.link(scene.attest())
    first, second = browser(), browser()
    first.open(path)
    second.open(path)
    first.submit(address=contact(scene))
    page = second.submit(address=contact(scene))
    assert (page.status, page.heading) == (409, "The objection was recorded already")
    assert second.follow("See the objection").heading == "Objection recorded"
    assert len(scene.objections()) == 1
    assert len(scene.messages("objected")) == 2  # one to each of the partner's two agents


@pytest.mark.parametrize("which", ["too old", "unknown"])
def test_a_link_that_does_not_work_any_more_says_what_is_left_to_do(
    scene: Attesting, browser: Browser, which: str
) -> None:
    path = scene.link(scene.attest())
    if which == "unknown":
        path = "/objection/" + "A" * 43
    with time_machine.travel(clock.now() + timedelta(days=91 if which == "too old" else 0)):
        page = browser().open(path)
    assert (page.status, page.heading) == (410, "This link no longer works")
    assert "an administrator of your organization can still do so" in page.words
    assert "password" not in page.words


def test_a_link_for_something_else_does_not_open_an_objection(scene: Attesting, browser: Browser) -> None:
    path = scene.link(scene.attest())
    assert browser().open(path.replace("/objection/", "/first-sign-in/")).status == 410


def test_the_link_of_a_replaced_attestation_says_so(scene: Attesting, browser: Browser) -> None:
    first, second = scene.attest(), scene.attest(KENJI)
    later = "A later confirmation took the place of this one"
    assert later in browser().open(scene.link(first)).words
    assert later not in browser().open(scene.link(second)).words


def test_the_link_reads_in_japanese_too(scene: Attesting, browser: Browser) -> None:
    visitor = browser(language="ja")
    page = visitor.open(scene.link(scene.attest()))
    assert page.heading == "契約への同意の証明に異議を申し立てる"
    assert visitor.submit(address=contact(scene)).heading == "異議を記録しました"


# --- signed in ---------------------------------------------------------------------------------------------------


def test_the_agreements_page_says_what_was_attested_by_whom_and_leads_to_an_objection(
    scene: Attesting, browser: Browser
) -> None:
    scene.attest()
    (row,) = scene.attestations()
    visitor = browser()
    visitor.sign_in(scene.customer["billing_administrator"].address)
    page = visitor.open("/agreement")
    for words in ("Northwind Cloud", "Sales Of", "Tania Carr", TANIA.email, "2026-03", row.reference, "confirmed"):
        assert words in page.words
    assert visitor.follow(f"Object to confirmation {row.reference}").status == 200
    page = visitor.submit(comment="Tania left years ago.")
    assert page.heading == "Objection recorded"
    page = visitor.open("/agreement")
    assert "objected" in page.words
    assert "Billing Of" in page.words
    assert not [each for each in page.links if each.startswith("Object")]
    assert scene.consent() == "objected"


def test_a_member_reads_who_agreed_without_the_address_and_is_told_who_can_object(
    scene: Attesting, browser: Browser
) -> None:
    attestation_id = scene.attest()
    visitor = browser()
    visitor.sign_in(scene.customer[""].address)
    page = visitor.open("/agreement")
    assert "Tania Carr" in page.words
    assert TANIA.email not in page.words
    assert "A global or billing administrator of your organization can object here" in page.words
    assert visitor.open(f"/agreement/attestations/{attestation_id}/objection").status == 403


def test_an_earlier_attestation_is_marked_as_replaced(scene: Attesting, browser: Browser) -> None:
    scene.attest()
    scene.attest(KENJI, partner=scene.provider)
    visitor = browser()
    visitor.sign_in(contact(scene))
    words = visitor.open("/agreement").words
    assert "replaced" in words
    assert "Fabrikam Distribution" in words


def test_an_objection_is_told_in_the_history_of_both_sides(scene: Attesting, browser: Browser) -> None:
    scene.object_on_page(scene.attest(), "Tania left years ago.")
    visitor = browser()
    visitor.sign_in(contact(scene))
    words = visitor.open("/history?kind=agreements").words
    assert "confirmed that Tania Carr accepted the agreement" in words
    assert "objected to what Northwind Cloud confirmed" in words
    visitor = browser()
    visitor.sign_in(scene.partner["admin_agent"].address)
    words = visitor.open("/history").words
    assert "confirmed that Tania Carr accepted the agreement" in words
    assert "Tania left years ago." in words
    visitor = browser()
    visitor.sign_in(scene.provider["admin_agent"].address)
    assert "Tania" not in visitor.open("/history").words


def test_an_objection_waits_in_the_partners_inbox(scene: Attesting, browser: Browser) -> None:
    scene.object_on_page(scene.attest())
    visitor = browser()
    visitor.sign_in(scene.partner["sales_agent"].address)
    page = visitor.open("/partner/inbox")
    assert "Contoso 株式会社 objects to your confirmation of its agreement" in page.links
