"""The customer's pages: an offer and its four answers, sending it on, what is in force, taking roles away, what is over."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from flask import Flask

from tests.delegated_admin.scene import Moment, Scene
from tests.support.builders import World
from tests.support.visitor import Page, Visitor
from webapp import database
from webapp.accounts.models import Person
from webapp.delegated_admin import actions
from webapp.delegated_admin.roles import BASIC, BY_ID, GLOBAL_ADMINISTRATOR, ROLES
from webapp.evidence import queries as evidence
from webapp.evidence.models import Fact
from webapp.organizations import actions as organizations
from webapp.relationships import actions as relationships
from webapp.relationships.models import Relationship

EXCHANGE = next(role.id for role in ROLES if role.key == "exchange_administrator")
HELPDESK = next(role.id for role in ROLES if role.key == "helpdesk_administrator")
Come = Callable[..., Visitor]


@pytest.fixture
def scene(app: Flask, world: World, monkeypatch: pytest.MonkeyPatch) -> Scene:
    return Scene(app, world, Moment(monkeypatch))


@pytest.fixture
def come(scene: Scene) -> Come:
    """Somebody of the customer at the page of an offer: `come(offer_id, "billing_administrator")`."""

    def at(offer_id: UUID, role: str = "global_administrator", *, language: str = "en") -> Visitor:
        visitor = Visitor(scene.app, language=language)
        visitor.sign_in(scene.customer[role].address)
        visitor.open(address(offer_id))
        return visitor

    return at


def address(offer_id: UUID, rest: str = "") -> str:
    return f"/delegated-admin/{offer_id}{rest}"


def speak(scene: Scene, language: str) -> None:
    """The customer's global administrator reads this language."""
    with scene.unit():
        database.write()
        database.session().get_one(Person, scene.customer["global_administrator"].id).language = language


def links_to(page: Page, end: str) -> bool:
    return any(url.endswith(end) for url in page.links.values())


# --- an offer ---------------------------------------------------------------------------------------------------


def test_an_offer_says_who_asks_for_what_how_long_and_until_when_it_can_be_answered(scene: Scene, come: Come) -> None:
    page = come(scene.offer([*BASIC, EXCHANGE], 90, name="Everyday support")).page
    assert page.heading == f"{scene.partner.name} asks to administer {scene.customer.name}"
    assert "Everyday support" in page.words
    assert "90 days" in page.words
    assert "If approved now: until 28 February 2027" in page.words
    assert "until the end of 28 February 2027" in page.words  # ninety days to answer, by the policy
    assert "No: it ends by itself" in page.words
    assert "1 of the 7 roles goes beyond what usual support needs" in page.words
    assert "What the automatic extension means" not in page.words
    assert "Global Administrator role is among them" not in page.words


def test_risks_are_named_in_words_and_the_global_administrator_is_flagged(scene: Scene, come: Come) -> None:
    page = come(scene.offer([role.id for role in ROLES])).page
    for risk, count in (("High", 12), ("Medium", 14), ("Low", 6)):
        assert f"{risk} risk · {count} roles" in page.words
    assert "The Global Administrator role is among them." in page.words
    assert "Reaches everything" in page.words
    assert "26 of the 32 roles go beyond" in page.words


def test_an_offer_within_the_least_privilege_set_says_so(scene: Scene, come: Come) -> None:
    page = come(scene.offer(extends=True)).page
    assert "None of these roles goes beyond what usual support needs." in page.words
    assert "More than usual support needs" not in page.words
    assert "It takes effect only at the end" in page.words


def test_each_role_says_what_it_allows_and_what_not_in_both_languages(scene: Scene, come: Come) -> None:
    offer_id = scene.offer()
    english = come(offer_id).page
    speak(scene, "ja")
    japanese = come(offer_id, language="ja").page
    assert "They will not be able to" in english.words
    assert "できないこと" in japanese.words
    assert "ヘルプデスク管理者" in japanese.words


def test_opening_an_offer_changes_nothing_and_not_now_leads_home(scene: Scene, come: Come) -> None:
    offer_id = scene.offer()
    before = scene.kinds(offer_id)
    visitor = come(offer_id)
    assert visitor.page.links["Not now"].endswith("/home")
    assert "Nothing happens. The request waits for you until the end of" in visitor.page.words
    visitor.open(address(offer_id, "/approval"))
    assert scene.kinds(offer_id) == before
    assert scene.state(offer_id) == "pending"


def test_an_offer_of_somebody_else_or_that_was_not_sent_is_not_there(scene: Scene, come: Come) -> None:
    untold = scene.offer(announced=False)
    assert come(untold).page.status == 404
    elsewhere = scene.world.a_customer()
    assert come(scene.offer(customer=elsewhere)).page.status == 404


# --- approving ---------------------------------------------------------------------------------------------------


def approved(visitor: Visitor, offer_id: UUID) -> Page:
    visitor.open(address(offer_id, "/approval"))
    return visitor.submit(approval=True)


def test_approving_asks_for_the_literal_box_and_is_in_force_then(scene: Scene, come: Come) -> None:
    offer_id = scene.offer(name="Everyday support")
    visitor = come(offer_id)
    visitor.open(address(offer_id, "/approval"))
    box = f"I approve these roles for {scene.partner.name} at {scene.customer.name}, and I am allowed to decide this"
    assert box in visitor.page.words
    page = visitor.submit()
    assert page.status == 422
    assert "Tick the box to approve." in page.words
    assert scene.state(offer_id) == "pending"
    page = visitor.submit(approval=True)
    assert page.url.endswith(address(offer_id))
    assert "You approved. It is in force from now on" in page.words
    assert scene.state(offer_id) == "active"
    assert shown_with(scene, offer_id)["boxes"] == {"approval": box}


@pytest.mark.parametrize(
    ("language", "roles", "extends", "said"),
    [
        (
            "en",
            BASIC,
            False,
            "either side can switch on the automatic extension by 180 days later. Your organization is",
        ),
        (
            "ja",
            BASIC,
            False,
            "後からどちらからでも 180 日間の自動延長を設定できます。設定された場合は貴組織にお知らせし",
        ),
        (
            "en",
            [GLOBAL_ADMINISTRATOR],
            False,
            "If you remove that role, either side can switch on the automatic extension",
        ),
        (
            "ja",
            [GLOBAL_ADMINISTRATOR],
            False,
            "このロールを削除した後は、どちらからでも 180 日間の自動延長を設定できます",
        ),
        ("en", BASIC, True, "extends itself by 180 days each time it would end, until either side switches that off."),
        ("ja", BASIC, True, "どちらかが解除するまで、期間が満了するたびに 180 日ずつ自動延長されます。"),
    ],
)
def test_who_approves_reads_who_can_switch_the_extension_later_and_that_is_evidence(
    scene: Scene, come: Come, language: str, roles: list[str], extends: bool, said: str
) -> None:
    speak(scene, language)
    offer_id = scene.offer(roles, extends=extends)
    visitor = come(offer_id, language=language)
    assert said in visitor.page.words
    assert said in visitor.open(address(offer_id, "/approval")).words
    visitor.submit(approval=True)
    extension = shown_with(scene, offer_id)["extension"]
    assert said in extension
    assert extension.endswith(("。", "."))


def shown_with(scene: Scene, offer_id: UUID) -> Any:
    with scene.app.app_context():
        facts = database.session().query(Fact).filter_by(kind="delegated_admin.approved").all()
        records = [evidence.record_of(fact)["facts"] for fact in facts]
        return next(each["shown"] for each in records if each["delegated_id"] == str(offer_id))


def test_what_was_not_shown_is_not_approved_and_the_offer_is_shown_again(scene: Scene, come: Come) -> None:
    offer_id = scene.offer()
    visitor = come(offer_id)
    visitor.open(address(offer_id, "/approval"))
    page = visitor.submit(approval=True, fingerprint="something else")
    assert page.status == 409
    assert "Nothing was approved: what you would approve is not what you were shown." in page.words
    assert page.heading.endswith(f"asks to administer {scene.customer.name}")
    assert scene.state(offer_id) == "pending"


def test_a_second_click_says_who_approved_and_when_and_does_nothing_again(scene: Scene, come: Come) -> None:
    offer_id = scene.offer()
    first, second = come(offer_id), come(offer_id, "delegated_admin_administrator")
    second.open(address(offer_id, "/approval"))
    approved(first, offer_id)
    page = second.submit(approval=True)
    assert page.status == 409
    assert page.heading == "This request was approved already"
    assert "Global Of Customer" in page.words
    assert "Nothing was done a second time." in page.words
    assert scene.kinds(offer_id).count("approved") == 1
    page = second.follow("See where it stands")
    assert "In force" in page.words
    for rest in ("/approval", "/fewer", "/decline"):
        assert second.open(address(offer_id, rest)).heading == "This request was approved already"


def test_whoever_did_not_prove_the_mailbox_is_asked_to_first(scene: Scene, come: Come) -> None:
    offer_id = scene.offer()
    with scene.unit():
        database.write()
        database.session().get_one(Person, scene.customer["global_administrator"].id).confirmed_at = None
    visitor = come(offer_id)
    assert visitor.open(address(offer_id, "/approval")).heading == "First show that your mailbox is yours"


# --- fewer, declining ----------------------------------------------------------------------------------------------


def test_asking_for_fewer_begins_with_the_least_privilege_set(scene: Scene, come: Come) -> None:
    offer_id = scene.offer([*BASIC, EXCHANGE, GLOBAL_ADMINISTRATOR])
    visitor = come(offer_id)
    visitor.open(address(offer_id, "/fewer"))
    form = next(form for form in visitor.page.forms if "roles" in form.names)
    assert set(form.fields["roles"]) == set(BASIC)
    assert set(form.options["roles"]) == {*BASIC, EXCHANGE, GLOBAL_ADMINISTRATOR}
    page = visitor.submit(roles=[HELPDESK, EXCHANGE], comment="These would do.")
    assert "You asked for fewer roles." in page.words
    assert "asked for fewer roles on" in page.words
    assert "These would do." in page.words
    assert "As soon as the partner makes a new offer" in page.words
    assert scene.state(offer_id) == "declined"
    successor = scene.offer([HELPDESK, EXCHANGE], replaces=offer_id)
    visitor.open(address(offer_id))
    assert visitor.follow("See the new request").url.endswith(address(successor))


@pytest.mark.parametrize(("roles", "said"), [([], "Choose at least one role."), (list(BASIC), "These are all roles.")])
def test_asking_for_none_or_all_is_said_at_the_field(scene: Scene, come: Come, roles: list[str], said: str) -> None:
    offer_id = scene.offer()
    visitor = come(offer_id)
    visitor.open(address(offer_id, "/fewer"))
    page = visitor.submit(roles=roles)
    assert page.status == 422
    assert said in page.words
    assert scene.state(offer_id) == "pending"


def test_an_offer_of_one_role_is_not_asked_to_be_fewer(scene: Scene, come: Come) -> None:
    page = come(scene.offer([HELPDESK])).page
    assert not links_to(page, "/fewer")
    assert links_to(page, "/decline")


def test_declining_needs_a_reason_and_says_what_was_answered(scene: Scene, come: Come) -> None:
    offer_id = scene.offer()
    visitor = come(offer_id)
    visitor.open(address(offer_id, "/decline"))
    assert visitor.page.links["I do not know this partner"].endswith(
        f"/settings/partner-relationships/partners/{scene.partner.id}/distrust"
    )
    assert visitor.submit(comment="No.").status == 422
    page = visitor.submit(reason="too_much", comment="No.")
    assert f"You declined. {scene.partner.name} is told by mail." in page.words
    assert "declined this request on" in page.words
    assert "“No.”" in page.words
    assert "The partner never had any of these roles by it." in page.words
    assert scene.state(offer_id) == "declined"


# --- who may not ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", ["billing_administrator", "global_reader", ""])
def test_whoever_may_not_decide_sees_no_answers_but_who_can_and_sends_it_on(
    scene: Scene, come: Come, role: str
) -> None:
    offer_id = scene.offer()
    visitor = come(offer_id, role)
    for rest in ("/approval", "/fewer", "/decline"):
        assert not links_to(visitor.page, rest)
    assert "You can read this request, but not answer it." in visitor.page.words
    assert visitor.open(address(offer_id, "/approval")).status == 403
    assert "These people can do it" in visitor.page.words
    visitor.open(address(offer_id))
    assert visitor.submit(to="/hand-over").status == 422
    receiver = scene.customer["global_administrator"]
    page = visitor.submit(person=str(receiver.id), to="/hand-over")
    assert "Sent on to Global Of Customer" in page.words
    assert "Sent on so far" in page.words
    assert [mail.recipient for mail in scene.mails(offer_id, "handed_over")] == [receiver.address]
    page = visitor.submit(person=str(receiver.id), to="/hand-over")
    assert "was sent this request today already" in page.words
    assert scene.kinds(offer_id).count("handed_over") == 1
    received = come(offer_id)
    assert "sent this request on to you on" in received.page.words
    assert "sent this request on to you on" not in come(offer_id, "delegated_admin_administrator").page.words


def test_only_who_decides_now_can_be_sent_a_request(scene: Scene, come: Come) -> None:
    offer_id = scene.offer()
    visitor = come(offer_id, "billing_administrator")
    form = next(form for form in visitor.page.forms if "person" in form.names)
    deciders = {str(scene.customer[role].id) for role in ("global_administrator", "delegated_admin_administrator")}
    assert set(form.options["person"]) == deciders
    scene.take(scene.customer["delegated_admin_administrator"], "delegated_admin_administrator")
    visitor.submit(person=str(scene.customer["delegated_admin_administrator"].id), to="/hand-over")
    assert visitor.page.status == 422
    assert "handed_over" not in scene.kinds(offer_id)


@pytest.mark.parametrize(
    ("language", "said"), [("en", "does not work here any more"), ("ja", "は現在このサイトを利用していません")]
)
def test_the_offer_of_a_partner_that_was_disabled_is_answered_by_nobody(
    scene: Scene, come: Come, language: str, said: str
) -> None:
    offer_id = scene.offer()
    speak(scene, language)
    visitor = come(offer_id, language=language)
    with scene.unit():
        organizations.disable(scene.organization(scene.partner), "unpaid")
    for rest in ("", "/approval", "/fewer", "/decline"):
        page = visitor.open(address(offer_id, rest))
        assert (page.status, said in page.heading) == (410, True)
    with scene.unit():
        organizations.enable(scene.organization(scene.partner), "paid")
    assert visitor.open(address(offer_id, "/approval")).status == 200


def test_where_nobody_can_decide_the_operator_is_named(scene: Scene, come: Come) -> None:
    offer_id = scene.offer()
    for role in ("global_administrator", "delegated_admin_administrator"):
        scene.take(scene.customer[role], role)
    page = come(offer_id, "billing_administrator").page
    assert "At present nobody of your organization has such a role." in page.words
    assert "operator@countersign.example" in page.words


# --- what is in force -------------------------------------------------------------------------------------------


def in_force(scene: Scene, **terms: Any) -> UUID:
    offer_id = scene.offer(**terms)
    scene.approve(offer_id)
    return offer_id


def test_what_is_in_force_says_roles_dates_state_and_last_activity(scene: Scene, come: Come) -> None:
    page = come(in_force(scene, days=30)).page
    assert page.heading == scene.partner.name
    assert "State In force" in page.words
    assert "Approved by Global Of Customer" in page.words
    assert "Start 30 November 2026" in page.words
    assert "End 30 December 2026" in page.words
    assert "(Eastern Time, UTC-5)" in page.words
    assert "Last activity" in page.words
    assert "Reports Reader" in page.words
    assert "offered delegated administration" in page.words  # the history


def test_the_switch_is_said_with_what_it_means_and_only_who_decides_has_it(scene: Scene, come: Come) -> None:
    offer_id = in_force(scene)
    visitor = come(offer_id)
    assert "Off. All roles end by themselves." in visitor.page.words
    page = visitor.submit(to="/auto-extension")
    assert "It extends itself from now on." in page.words
    assert "Next extension" in page.words
    assert scene.standing(offer_id).auto_extends
    other = come(offer_id, "delegated_admin_administrator")
    visitor.submit(to="/auto-extension")
    page = other.submit(to="/auto-extension")
    assert "It was so already. Nothing was changed." in page.words
    assert not any("auto-extension" in form.action for form in come(offer_id, "billing_administrator").page.forms)


def test_with_the_global_administrator_there_is_no_switch(scene: Scene, come: Come) -> None:
    page = come(in_force(scene, roles=[GLOBAL_ADMINISTRATOR])).page
    assert "it cannot be switched on" in page.words
    assert not any("auto-extension" in form.action for form in page.forms)


def test_one_role_is_removed_after_its_consequences_were_said_and_is_named_as_removed(scene: Scene, come: Come) -> None:
    offer_id = in_force(scene)
    visitor = come(offer_id)
    visitor.open(address(offer_id, f"/roles/{HELPDESK}/removal"))
    assert "no longer able by this role to reset passwords" in visitor.page.words
    assert "5 other roles stay" in visitor.page.words
    assert "Orders, billing and subscriptions go on." in visitor.page.words
    other = come(offer_id, "delegated_admin_administrator")
    other.open(address(offer_id, f"/roles/{HELPDESK}/removal"))
    page = visitor.submit(to="/removal")
    assert "Removed: Helpdesk Administrator." in page.words
    assert "Removed by Global Of Customer" in page.words
    assert HELPDESK not in scene.standing(offer_id).roles
    page = other.submit(to="/removal")
    assert "Helpdesk Administrator was removed already, by Global Of Customer" in page.words
    assert scene.kinds(offer_id).count("roles_removed") == 1
    assert "was removed already" in other.open(address(offer_id, f"/roles/{HELPDESK}/removal")).words


def test_a_role_that_was_never_offered_has_no_page(scene: Scene, come: Come) -> None:
    offer_id = in_force(scene)
    visitor = come(offer_id)
    assert visitor.open(address(offer_id, f"/roles/{EXCHANGE}/removal")).status == 404
    assert visitor.open(address(offer_id, "/roles/nonsense/removal")).status == 404
    assert EXCHANGE in BY_ID


def test_removing_the_last_role_says_that_it_ends_with_it(scene: Scene, come: Come) -> None:
    offer_id = in_force(scene, roles=[HELPDESK])
    visitor = come(offer_id)
    assert not links_to(visitor.page, f"/roles/{HELPDESK}/removal")  # one role: "remove all roles" says it
    visitor.open(address(offer_id, f"/roles/{HELPDESK}/removal"))
    assert "It is the last role" in visitor.page.words
    visitor.submit(to="/removal")
    assert scene.state(offer_id) == "ended"


@pytest.mark.parametrize(
    ("language", "said"),
    [("en", "It was ended before. Nothing was done a second time."), ("ja", "二重に処理は行われていません。")],
)
def test_who_comes_second_in_removing_all_roles_reads_that_it_was_ended_before(
    scene: Scene, come: Come, monkeypatch: pytest.MonkeyPatch, language: str, said: str
) -> None:
    speak(scene, language)
    offer_id, colleague = in_force(scene), scene.actor(scene.customer["delegated_admin_administrator"])
    visitor = come(offer_id, language=language)
    visitor.open(address(offer_id, "/removal"))
    end = actions.end

    def faster(row: Any, **more: Any) -> bool:
        assert end(row, by=colleague)
        return end(row, **more)

    monkeypatch.setattr(actions, "end", faster)
    page = visitor.submit(to="/removal")
    assert said in page.words
    assert "All roles were removed, at once." not in page.words


def test_removing_all_roles_says_before_what_goes_and_what_goes_on(scene: Scene, come: Come) -> None:
    offer_id = in_force(scene)
    visitor, other = come(offer_id), come(offer_id, "delegated_admin_administrator")
    other.open(address(offer_id, "/removal"))
    visitor.follow("Remove all roles")
    assert "can manage anything in your organization by these roles" in visitor.page.words
    assert "Orders, billing and subscriptions go on." in visitor.page.words
    assert scene.state(offer_id) == "active"
    page = visitor.submit(comment="Thank you for everything.", to="/removal")
    assert "All roles were removed, at once." in page.words
    assert "removed all roles on" in page.words
    assert "Thank you for everything." in page.words
    assert scene.rights(scene.partner["admin_agent"]).roles == frozenset()
    page = other.submit(comment="", to="/removal")
    assert page.status == 409
    assert page.heading == "This was ended already"
    assert "Global Of Customer" in page.words
    assert scene.kinds(offer_id).count("ended") == 1


@pytest.mark.parametrize("rest", ["/removal", "/auto-extension"])
def test_whoever_may_not_decide_cannot_change_what_is_in_force(scene: Scene, come: Come, rest: str) -> None:
    offer_id = in_force(scene)
    visitor = come(offer_id, "billing_administrator")
    assert not links_to(visitor.page, "/removal")
    assert visitor.open(address(offer_id, "/removal")).status == 403
    answer = visitor.client.post(address(offer_id, rest), data={"on": "yes"}, headers={"Origin": "http://localhost"})
    assert answer.status_code in {400, 403}
    assert scene.state(offer_id) == "active"
    assert not scene.standing(offer_id).auto_extends


# --- what is over ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("language", "heading", "said"),
    [
        ("en", "This request ended with the reseller relationship", "was withdrawn with the end of the reseller"),
        ("ja", "この依頼は、リセラー関係とともに終了しました", "リセラー関係の終了とともに取り下げられました。"),
    ],
)
def test_what_was_withdrawn_with_the_relationship_says_so(
    scene: Scene, come: Come, language: str, heading: str, said: str
) -> None:
    offer_id, by = scene.offer(), scene.administrator
    with scene.unit():
        row = relationships.begin(
            scene.organization(scene.customer),
            partner_id=scene.partner.id,
            reseller_id=None,
            origin="acceptance",
            by=by,
        )
        relationship_id = row.id
    by = scene.agent
    with scene.unit():
        relationships.end(database.session().get_one(Relationship, relationship_id), by=by)
    speak(scene, language)
    visitor = come(offer_id, language=language)
    assert said in visitor.page.words
    page = visitor.open(address(offer_id, "/approval"))
    assert page.heading == heading
    assert scene.partner.name in page.words


def test_what_lapsed_was_withdrawn_expired_or_ended_by_the_partner_says_so(scene: Scene, come: Come) -> None:
    withdrawn, lapsed = scene.offer(), scene.offer()
    scene.withdraw(withdrawn)
    ended, expired = in_force(scene), in_force(scene, days=30)
    scene.end(ended, by=scene.agent, reason="We no longer need them.")
    page = come(withdrawn).page
    assert f"{scene.partner.name} withdrew this request on" in page.words
    assert "ask it for a new offer: contact@" in page.words
    page = come(ended).page
    assert f"Admin Of Partner{scene.partner.name.split()[-1]} of {scene.partner.name} ended it on" in page.words
    assert "“We no longer need them.”" in page.words
    scene.live(scene.moment.now + timedelta(days=200))
    page = come(lapsed).page
    assert "Nobody answered this request until" in page.words
    visitor = come(lapsed)
    assert visitor.open(address(lapsed, "/approval")).heading == "This request was not answered in time"
    page = come(expired).page
    assert "The term was over on" in page.words
    assert "Orders, billing and subscriptions go on." in page.words
    visitor = come(expired)
    assert visitor.open(address(expired, "/removal")).heading == "Its term is over"
