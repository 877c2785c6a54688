"""The customer is asked again and reads what changed, on both pages; and is sent to its partner where that must confirm."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from datetime import date, timedelta

import pytest
import sqlalchemy as sa
import time_machine

from tests.agreements.buying import Scene
from tests.support.builders import World
from tests.support.visitor import Visitor
from webapp import clock, database
from webapp.agreements import queries as agreements
from webapp.agreements.rules import DirectAcceptanceClosed
from webapp.evidence import queries as evidence
from webapp.evidence.models import Fact
from webapp.tasks.models import Task

Browser = Callable[..., Visitor]
OLD, NEW = (
    "# Agreement\n\n## 1. Notice\n\nWe tell you 30 days before.\n\n## 2. Rest\n\nThis stays.\n",
    "# Agreement\n\n## 1. Notice\n\nWe tell you 90 days before.\n\n## 2. Rest\n\nThis stays.\n\n## 3. Data\n\nIt is yours.\n",
)


def _signed_in(scene: Scene, browser: Browser, role: str = "global_administrator", language: str = "en") -> Visitor:
    visitor = browser(language=language)
    visitor.sign_in(scene.customer[role].address)
    return visitor


def _accept(visitor: Visitor, address: str = "/agreement/acceptance") -> None:
    visitor.open(address)
    visitor.submit(agreement=True, authority=True, title="Owner")
    visitor.submit(button="Accept agreement")
    assert visitor.page.heading == "Agreement accepted"


def _marks(visitor: Visitor, tag: str) -> list[str]:
    found = re.findall(rf"<{tag}>(.*?)</{tag}>", visitor.page.html, re.DOTALL)
    return [html.unescape(re.sub(r"<[^>]+>", "", each)) for each in found]


def test_a_version_that_requires_it_is_asked_for_at_once_and_says_what_changed(world: World, browser: Browser) -> None:
    scene = Scene(world)
    scene.publish("2026-03", date(2026, 3, 1), OLD)
    scene.buy()
    visitor = _signed_in(scene, browser)
    scene.attest()  # the customer bought: it may accept by itself only once somebody agreed
    _accept(visitor)
    assert "Nothing waits for your organization." in visitor.open("/home").words
    scene.publish("2026-06", date(2026, 6, 1), NEW, requires_renewal=True)
    assert "The customer agreement has to be accepted again" in visitor.open("/home").words
    for page in (visitor.open("/agreement"), visitor.follow("Review and accept")):
        assert "A newer version is in force that everybody has to accept" in page.words
        assert "Until then nothing new can be bought. Running subscriptions go on." in page.words
        assert "What changed since version 2026-03" in page.words
        assert "30 is now 90" in page.words
        assert "[removed: 30 end of removed]" in " ".join(_marks(visitor, "del"))
        assert any("3. Data" in each for each in _marks(visitor, "ins"))
        assert not any("This stays" in each for each in _marks(visitor, "ins") + _marks(visitor, "del"))
    _accept(visitor)
    with world.app.app_context():
        rows = agreements.acceptances_of(scene.customer.id)
        assert [text.version for _row, text in rows] == ["2026-06", "2026-03"]
        fact = evidence.fact_by_id(rows[0][0].fact_id)
        assert fact is not None
        since = evidence.record_of(fact)["facts"]["shown"]["changes_since"]
        assert since == {"version": "2026-03", "html_sha256": rows[1][1].html_sha256}  # what it was compared with
    assert "Nothing waits for your organization." in visitor.open("/home").words
    assert visitor.open("/agreement/acceptance").heading == "The agreement was accepted already"


@pytest.mark.parametrize("language", ["en", "ja"])
def test_an_acceptance_from_before_the_policys_day_is_renewed_in_either_language(
    world: World, browser: Browser, language: str
) -> None:
    scene = Scene(world, country="JP", zone="Asia/Tokyo", language=language)
    scene.publish_samples("JP")
    with time_machine.travel("2023-03-31T14:59:00+00:00", tick=False):  # one minute before April in Tokyo
        scene.accept()
    visitor = _signed_in(scene, browser, language=language)
    words = {
        "en": ("has to be accepted again", "Acceptances from before 1 April 2023 have to be renewed.", "60 is now 90"),
        "ja": ("再度の同意が必要", "2023年4月1日より前の同意は、更新が必要です。", "60 から 90 に変更"),
    }[language]
    assert words[0] in visitor.page.words
    for address in ("/agreement", "/agreement/acceptance"):
        page = visitor.open(address)
        assert words[1] in page.words
        assert words[2] in page.words
        assert any("60" in each for each in _marks(visitor, "del"))
    visitor.submit(agreement=True, authority=True, title="Owner")
    visitor.submit(button="Accept agreement" if language == "en" else "契約に同意する")
    assert words[0] not in visitor.open("/home").words


def test_the_same_version_is_asked_for_again_when_the_policys_day_moves(world: World, browser: Browser) -> None:
    scene = Scene(world)
    scene.publish("2026-03", date(2026, 3, 1), OLD)
    with time_machine.travel("2026-03-10T12:00:00+00:00", tick=False):
        scene.accept()
    visitor = _signed_in(scene, browser)
    assert visitor.open("/agreement/acceptance").heading == "The agreement was accepted already"
    scene.set_policy("agreement.renew_before", "2026-10-01")
    page = visitor.open("/agreement/acceptance")
    assert page.heading == "Review the agreement"
    assert "Nothing: the same version is in force." in page.words
    assert "Version 2026-03 waits for your acceptance once more." in visitor.open("/agreement").words
    _accept(visitor)
    assert visitor.open("/agreement/acceptance").heading == "The agreement was accepted already"


def test_an_invitation_that_asks_for_the_agreement_can_be_answered_again(world: World, browser: Browser) -> None:
    scene = Scene(world)
    scene.publish("2026-03", date(2026, 3, 1), OLD)
    scene.accept()
    named = world.an_invitation(scene.partner, scene.customer, asks="agreement", sent=True)
    anyone = world.an_invitation(scene.partner, asks="agreement", standing=True)
    visitor = _signed_in(scene, browser)
    assert visitor.open(named.path).heading == "The agreement was accepted already"
    assert scene.partner.name not in visitor.open("/home").words.split("Where you stand")[0]
    scene.publish("2026-06", date(2026, 6, 1), NEW, requires_renewal=True)
    assert f"{scene.partner.name} asks you to accept the customer agreement" in visitor.open("/home").words
    visitor.open(named.path)
    visitor.submit(button="Continue")
    assert "What changed since version 2026-03" in visitor.page.words
    visitor.submit(agreement=True, authority=True, title="Owner")
    visitor.submit(button="Accept agreement")
    assert visitor.page.heading == "Agreement accepted"
    # one for any customer is accepted once by each: later it leads to the agreement itself
    scene.publish("2026-07", date(2026, 7, 1), OLD, requires_renewal=True)
    _accept(visitor, f"/invitation/{anyone.ref}/acceptance")
    scene.publish("2026-08", date(2026, 8, 1), NEW, requires_renewal=True)
    page = visitor.open(anyone.path)
    assert page.heading == "You accepted this already"
    assert "Since then the agreement has to be accepted again." in page.words
    assert visitor.follow("See why, and what changed").heading == "Agreement"


def test_what_changed_is_told_since_a_version_that_a_partner_confirmed(world: World, browser: Browser) -> None:
    scene = Scene(world)
    scene.publish("2026-03", date(2026, 3, 1), OLD)
    scene.attest()
    visitor = _signed_in(scene, browser)
    assert "Nothing waits for your organization." in visitor.page.words
    assert "Confirmed by a partner" in visitor.page.words
    assert "Nothing is missing; you can also accept it here yourselves." in visitor.open("/agreement").words
    scene.publish("2026-06", date(2026, 6, 1), NEW, requires_renewal=True)
    assert "The customer agreement has to be accepted again" in visitor.open("/home").words
    for address in ("/agreement", "/agreement/acceptance"):
        assert (
            f"{scene.partner.name} confirmed that your organization accepted version 2026-03"
            in visitor.open(address).words
        )
        assert "30 is now 90" in visitor.page.words
    _accept(visitor)
    assert "Nothing waits for your organization." in visitor.open("/home").words


def test_a_language_in_which_the_earlier_version_is_missing_is_not_compared(world: World, browser: Browser) -> None:
    scene = Scene(world, country="JP", zone="Asia/Tokyo", language="ja")
    scene.publish("2025-03", date(2025, 3, 1), OLD)  # English alone
    scene.accept()
    scene.publish_samples("JP")
    visitor = _signed_in(scene, browser, language="ja")
    visitor.open("/agreement")
    assert "以前の版は日本語では公開されていません。" in visitor.page.words
    assert _marks(visitor, "ins") == []


# --- where the partner must confirm ------------------------------------------------------------------------------------

SEED = {
    "en": "Please reach out to your partner to confirm your acceptance of the Microsoft Customer Agreement",
    "ja": "パートナーに連絡して、Microsoft 顧客契約への同意を確認してください",
}


@pytest.mark.parametrize("language", ["en", "ja"])
def test_a_customer_that_bought_and_never_agreed_is_sent_to_its_partner(
    world: World, browser: Browser, language: str
) -> None:
    scene = Scene(world, language=language)
    scene.publish("2026-03", date(2026, 3, 1), OLD)
    scene.buy("azure_plan")
    visitor = _signed_in(scene, browser, language=language)
    assert scene.partner.name in visitor.page.words  # its first page says who must confirm
    assert SEED[language] in visitor.open("/agreement").words
    page = visitor.open("/agreement/acceptance")
    assert page.status == 403
    assert SEED[language] in page.words
    with world.app.app_context():
        contact = scene.partner_row().contact_address
    assert f'href="mailto:{contact}?subject=' in page.html
    assert f"/partner/customers/{scene.customer.id}/agreement" in page.words  # where the partner confirms
    words = {"en": f"Ask {scene.partner.name} to confirm", "ja": f"{scene.partner.name} に確認を依頼する"}[language]
    visitor.submit(button=words)
    assert visitor.page.status == 200
    assert SEED[language] in visitor.page.words
    visitor.submit(button=words)
    assert {"en": "was asked today already", "ja": "本日すでに依頼しています"}[language] in visitor.page.words
    with world.app.app_context():
        [task] = database.session().scalars(sa.select(Task).where(Task.kind == "attestation_wanted")).all()
        assert (task.organization_id, task.facts, task.about_key, task.path) == (
            scene.partner.id, {"customer": scene.customer.name}, str(scene.customer.id),
            f"/partner/customers/{scene.customer.id}/agreement",
        )  # fmt: skip
        facts = database.session().scalars(sa.select(Fact).where(Fact.kind == "attestation.wanted")).all()
        assert [(each.customer_id, each.partner_id) for each in facts] == [(scene.customer.id, scene.partner.id)]


def test_no_way_around_the_partner_accepts(world: World, browser: Browser) -> None:
    scene = Scene(world)
    scene.publish("2026-03", date(2026, 3, 1), OLD)
    invited = world.an_invitation(scene.partner, scene.customer, asks="agreement", sent=True)
    visitor = _signed_in(scene, browser)
    visitor.open("/agreement/acceptance")
    scene.buy()  # while the page is open
    visitor.submit(agreement=True, authority=True, title="Owner")
    assert visitor.page.heading == "Your partner has to confirm your acceptance"
    assert visitor.open(invited.path).status == 403
    assert visitor.open(f"/invitation/{invited.ref}/acceptance").status == 403
    with world.app.app_context():
        assert agreements.acceptances_of(scene.customer.id) == []
    with pytest.raises(DirectAcceptanceClosed):
        scene.accept()  # the action itself


def test_once_the_partner_confirmed_its_task_is_done_and_the_customer_can_accept_by_itself(
    world: World, browser: Browser
) -> None:
    scene = Scene(world)
    scene.publish("2026-03", date(2026, 3, 1), OLD)
    scene.buy()
    assert scene.ask()
    scene.attest()
    with world.app.app_context():
        [task] = database.session().scalars(sa.select(Task).where(Task.kind == "attestation_wanted")).all()
        assert task.done_at is not None
        assert task.done_by_id == scene.partner["sales_agent"].id
    visitor = _signed_in(scene, browser)
    _accept(visitor)


@pytest.mark.parametrize(
    ("kind", "closed"),
    [
        ("offer", True), ("software", True), ("software_subscription", True), ("reserved_instance", True),
        ("azure_plan", True), ("trial", False),
    ],
)  # fmt: skip
def test_what_closes_direct_acceptance(world: World, kind: str, closed: bool) -> None:
    scene = Scene(world)
    scene.publish("2026-03", date(2026, 3, 1), OLD)
    scene.buy(kind)
    if closed:
        with pytest.raises(DirectAcceptanceClosed):
            scene.accept()
    else:
        scene.accept()


def test_nobody_is_sent_to_a_partner_that_cannot_confirm(world: World) -> None:
    for open_it in (_end, _policy_over, _programme_over):
        scene = Scene(world)
        scene.publish(f"2026-{open_it.__name__}", date(2026, 3, 1), OLD)
        scene.buy(days=-1)
        with pytest.raises(DirectAcceptanceClosed):
            scene.accept()
        open_it(scene)
        scene.accept()
        scene.set_policy("attestation.last_day", "9999-12-31")
        scene.set_policy("attestation.programmes", ["direct_bill", "indirect_provider"])


def _end(scene: Scene) -> None:
    """The relationship is over."""
    scene.end()


def _policy_over(scene: Scene) -> None:
    """Partners may attest no longer."""
    scene.set_policy("attestation.last_day", (clock.today("UTC") - timedelta(days=1)).isoformat())


def _programme_over(scene: Scene) -> None:
    """Partners of this programme may attest no longer."""
    scene.set_policy("attestation.programmes", ["indirect_provider"])


def test_who_cannot_answer_for_the_customer_reads_what_to_do_and_asks_nobody(world: World, browser: Browser) -> None:
    scene = Scene(world)
    scene.publish("2026-03", date(2026, 3, 1), OLD)
    scene.buy()
    visitor = _signed_in(scene, browser, "global_reader")
    page = visitor.open("/agreement")
    assert SEED["en"] in page.words
    assert f"Ask {scene.partner.name} to confirm" not in page.words
    assert "mailto:" in page.html


def test_a_partner_that_need_not_confirm_is_not_asked(world: World, browser: Browser) -> None:
    scene = Scene(world)
    scene.publish("2026-03", date(2026, 3, 1), OLD)
    scene.buy()
    visitor = _signed_in(scene, browser)
    visitor.open("/agreement")
    scene.attest()  # meanwhile
    visitor.submit(button=f"Ask {scene.partner.name} to confirm")
    assert "This partner cannot be asked to confirm." in visitor.page.words
    with world.app.app_context():
        assert (
            database.session().scalar(
                sa.select(sa.func.count()).select_from(Fact).where(Fact.kind == "attestation.wanted")
            )
            == 0
        )
