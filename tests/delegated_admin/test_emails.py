"""What both sides are told: each event, for each side, in both languages; text and html say the same."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import html5lib
import pytest
from flask import Flask

from config import ROOT
from tests.delegated_admin.scene import Moment, Scene
from tests.support.builders import World
from tests.support.visitor import words_of
from webapp import database
from webapp.accounts.models import Person
from webapp.delegated_admin import emails, rules
from webapp.delegated_admin.roles import BASIC, GLOBAL_ADMINISTRATOR, RESETTING, ROLES
from webapp.messages.models import Message

AT = datetime(2026, 12, 1, 15, 30, tzinfo=UTC)
END = datetime(2027, 12, 1, 15, 30, tzinfo=UTC)
HELPDESK = next(role.id for role in ROLES if role.key == "helpdesk_administrator")
CONTACT = "operator@countersign.example"

#: What every mail is given (see `actions._facts`), and each event's own facts, once for every case it tells apart.
COMMON = {
    "customer": "Contoso Ltd.", "partner": "Northwind Cloud", "name": "Everyday support", "duration_days": 365,
    "by_given": "Ann", "by_family": "Lee", "by_organization": "Contoso Ltd.", "by_address": "ann@contoso.example",
    "at": AT, "held": list(BASIC), "auto_extends": False, "last_day": date(2027, 3, 1),
}  # fmt: skip
CASES: list[tuple[str, dict[str, Any]]] = [
    ("approved", {"ends_at": END, "roles": list(BASIC)}),
    ("approved", {"ends_at": END, "roles": list(BASIC), "auto_extends": True}),
    *(("declined", {"comment": comment, "wanted": [], "reason": reason})
      for reason, comment in (("not_needed", ""), ("too_much", "No."), ("unknown_partner", ""), ("other_partner", ""),
                              ("other", "We moved."))),
    ("declined", {"comment": "These would do.", "wanted": [HELPDESK], "reason": "fewer"}),
    ("roles_removed", {"roles": [GLOBAL_ADMINISTRATOR], "left": list(BASIC)}),
    ("switched", {"on": True, "ends_at": END}),
    ("switched", {"on": False, "ends_at": END}),
    ("extended", {"ends_at": END}),
    *(("expiring", {"ends_at": END, "days_left": days, "extends": extends})
      for days in (30, 1, 0) for extends in (True, False)),
    ("expired", {"ends_at": END}),
    ("ended", {"reason": "", "ended_by": "customer"}),
    ("ended", {"reason": "Thank you.", "ended_by": "partner"}),
    ("handed_over", {}),
]  # fmt: skip


@pytest.fixture
def scene(app: Flask, world: World, monkeypatch: pytest.MonkeyPatch) -> Scene:
    return Scene(app, world, Moment(monkeypatch))


@pytest.fixture
def told(scene: Scene) -> Callable[..., Message]:
    """The mail of an event: `told("approved", "customer", "ja", ends_at=…)`."""
    offer_id = scene.offer()

    def tell(event: str, side: str, language: str, **facts: Any) -> Message:
        member = scene.customer["global_administrator"] if side == "customer" else scene.partner["admin_agent"]
        with scene.unit():
            database.write()
            person = database.session().get_one(Person, member.id)
            person.language = language
            emails.tell(event, to=person, side=side, zone="Asia/Tokyo", relationship_id=offer_id, **COMMON | facts)
        return scene.mails(offer_id, event)[-1]

    return tell


def words_in_html(mail: Message) -> str:
    return words_of(html5lib.parse(mail.html or "").find(".//{http://www.w3.org/1999/xhtml}body"))


def test_every_event_has_its_mail_and_every_mail_its_event() -> None:
    folder = ROOT / "templates" / "delegated_admin" / "emails"
    assert {each.name for each in folder.iterdir() if each.is_dir()} == set(emails.EVENTS)
    assert {event for event, _facts in CASES} == set(emails.EVENTS)


@pytest.mark.parametrize("language", ["en", "ja"])
@pytest.mark.parametrize("side", ["customer", "partner"])
def test_text_and_html_of_every_case_say_the_same_to_either_side(
    told: Callable[..., Message], side: str, language: str
) -> None:
    for event, facts in CASES:
        if event == "handed_over" and side == "partner":
            continue  # it stays within the customer
        mail = told(event, side, language, **facts)
        html = words_in_html(mail)
        for line in filter(None, (line.strip().removeprefix("- ") for line in mail.text.splitlines())):
            assert " ".join(line.split()) in html, f"{event}: {line!r} not in the html"
        assert mail.subject in html
        assert CONTACT in mail.text
        assert "Everyday support" in mail.text
        assert "{{" not in mail.text + mail.subject
        assert bool(re.search("[ぁ-ん]", mail.text)) == (language == "ja")
        assert not re.search(r"\n{3,}", mail.text), f"{event} ({side}, {language}) has holes:\n{mail.text}"


def test_the_approval_names_approver_end_partner_name_roles_link_and_how_to_object(
    told: Callable[..., Message],
) -> None:
    mail = told("approved", "customer", "en", ends_at=END, roles=list(BASIC))
    assert mail.subject == "Northwind Cloud is now a delegated administrator of Contoso Ltd."
    assert "Ann Lee (ann@contoso.example) approved" in mail.text
    assert "Partner: Northwind Cloud" in mail.text
    assert "Relationship name: Everyday support" in mail.text
    assert "Expires on: 2 December 2027, 12:30am (Japan Time, UTC+9)" in mail.text
    assert "- Helpdesk Administrator" in mail.text
    assert re.search(r"http://localhost/delegated-admin/[0-9a-f-]{36}\n", mail.text)
    assert f"remove the roles. They end at once. Then write to us at {CONTACT}." in mail.text


@pytest.mark.parametrize(
    ("language", "said"),
    [("en", "those that reset passwords, and for that alone."), ("ja", "パスワードをリセットできるロールを")],
)
def test_the_partner_reads_which_roles_its_helpdesk_agents_hold(
    told: Callable[..., Message], language: str, said: str
) -> None:
    roles = [role.id for role in ROLES]
    mail = told("approved", "partner", language, ends_at=END, roles=roles)
    assert said in mail.text
    assert said in words_in_html(mail)
    assert rules.roles_for(frozenset({"helpdesk_agent"}), roles) == RESETTING


def test_the_partner_is_led_to_its_own_page_and_reads_no_address_of_the_approver(
    told: Callable[..., Message],
) -> None:
    mail = told("approved", "partner", "en", ends_at=END, roles=list(BASIC))
    assert re.search(r"http://localhost/partner/delegated-admin/[0-9a-f-]{36}\n", mail.text)
    assert "ann@contoso.example" not in mail.text + (mail.html or "")
    assert "Customer: Contoso Ltd." in mail.text


@pytest.mark.parametrize(
    ("extends", "days", "subject", "says"),
    [
        (False, 30, "Northwind Cloud: delegated administration ends in 30 days", "It will not extend itself"),
        (False, 1, "Northwind Cloud: delegated administration ends in 1 day", "It will not extend itself"),
        (False, 0, "Northwind Cloud: delegated administration ends today", "It will not extend itself"),
        (True, 7, "Northwind Cloud: delegated administration extends itself in 7 days", "It will extend itself by 180"),
    ],
)
def test_a_notice_says_when_and_whether_it_extends_itself(
    told: Callable[..., Message], extends: bool, days: int, subject: str, says: str
) -> None:
    mail = told("expiring", "customer", "en", ends_at=END, days_left=days, extends=extends)
    assert mail.subject == subject
    assert says in mail.text


def test_removed_and_remaining_roles_are_both_named(told: Callable[..., Message]) -> None:
    mail = told("roles_removed", "partner", "ja", roles=[GLOBAL_ADMINISTRATOR], left=[HELPDESK])
    assert mail.text.index("グローバル管理者") < mail.text.index("ヘルプデスク管理者")


def test_what_really_happens_is_told_to_both_sides_in_each_readers_language(scene: Scene) -> None:
    with scene.unit():
        database.write()
        database.session().get_one(Person, scene.customer["delegated_admin_administrator"].id).language = "ja"
    offer_id = scene.offer(list(BASIC), name="Everyday support")
    scene.approve(offer_id)
    scene.switch(offer_id, True)
    scene.remove_roles(offer_id, [HELPDESK])
    scene.end(offer_id, by=scene.agent, reason="Done.")
    by_event = {event: scene.mails(offer_id, event) for event in ("approved", "switched", "roles_removed", "ended")}
    readers = {
        scene.customer["global_administrator"].address: "en", scene.partner["admin_agent"].address: "en",
        scene.customer["delegated_admin_administrator"].address: "ja",
    }  # fmt: skip
    assert all({mail.recipient: mail.language for mail in mails} == readers for mails in by_event.values())
    ended = next(mail for mail in by_event["ended"] if mail.recipient == scene.partner["admin_agent"].address)
    assert "Done." in ended.text
    assert f"({scene.partner.name}) ended it on" in ended.text
    assert "Helpdesk Administrator" not in ended.text  # it had been removed before
