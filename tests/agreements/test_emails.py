"""What the notice of an attestation says, and what it keeps to itself."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime

import pytest
import sqlalchemy as sa
import time_machine
from flask import Flask

from config import MailServer
from tests.agreements.scene import TANIA, Attesting
from tests.support.builders import World
from tests.support.sink import Received, Sink
from webapp import database
from webapp.agreements.rules import Signatory
from webapp.messages import actions as messages
from webapp.messages.models import Message
from webapp.organizations.models import Organization

NOON_IN_TOKYO = datetime(2026, 5, 1, 3, 0, tzinfo=UTC)


@pytest.fixture
def mailing(make_app: Callable[..., Flask], sink: Sink) -> Attesting:
    """The scene, with a mail server."""
    app = make_app(mail_server=MailServer("127.0.0.1", sink.port, timeout=5))
    return Attesting(app, World(app))


def received(scene: Attesting, sink: Sink, kind: str = "attested") -> list[Received]:
    """What arrived once everything was handed over."""
    with scene.app.app_context():
        while messages.deliver_due():
            pass
    ids = {each.message_id for each in scene.messages(kind)}
    return [mail for mail in sink.received if mail.message_id in ids]


def test_the_notice_says_who_attested_in_whose_name_for_when_and_how_to_object(mailing: Attesting, sink: Sink) -> None:
    with time_machine.travel(NOON_IN_TOKYO, tick=False):
        attestation_id = mailing.attest(agreed_on=date(2026, 4, 30))
        (mail,) = received(mailing, sink)
    assert mail.recipients == (mailing.customer["global_administrator"].address,)
    assert mail.subject == "Northwind Cloud confirmed that Contoso 株式会社 accepted the customer agreement"
    link = f"http://localhost{mailing.link(attestation_id)}"
    for part in (mail.text, mail.part("html")):
        said = re.sub(r"\s+", " ", part)
        for words in (
            "Sales Of", "Northwind Cloud", "Tania Carr (tania.carr@contoso.example)", "30 April 2026", "2026-03",
            mailing.attestations()[0].reference, link, "30 July 2026, 12:00pm (Japan", "This is a sample text",
            "Ask Northwind Cloud: contact@", "You need no account",
        ):  # fmt: skip
            assert words in said, f"{words!r} is missing in {said}"
        assert TANIA.phone not in said
    assert "Reply-To" not in mail.mail


def test_the_secret_of_the_link_is_not_kept_with_the_message(mailing: Attesting, sink: Sink) -> None:
    path = mailing.link(mailing.attest())
    (mail,) = received(mailing, sink)
    assert [each for each in mail.links if each.endswith(path)]
    (row,) = mailing.messages("attested")
    assert path.rsplit("/", 1)[1] not in f"{row.text}{row.html}"
    assert "/objection/…" in row.text


def test_the_notice_speaks_the_contacts_language(mailing: Attesting, sink: Sink) -> None:
    with mailing.app.app_context(), database.unit_of_work():
        database.write()
        database.session().execute(sa.text("UPDATE people SET language = 'ja'"))
        database.session().execute(sa.update(Organization).values(contact_address=None))
    with time_machine.travel(NOON_IN_TOKYO, tick=False):
        mailing.attest(Signatory("太郎", "山田", "taro@contoso.example"))
        (mail,) = received(mailing, sink)
    assert mail.subject == "Northwind Cloud が、Contoso 株式会社 様の顧客契約への同意を証明しました"
    for words in (
        "山田 太郎 様 (taro@contoso.example)",
        "契約同意日: 2026年5月1日",
        "Northwind Cloud までお問い合わせください。",
    ):
        assert words in mail.text
        assert words in mail.part("html")


@pytest.mark.parametrize("hostile", ["<b>x</b>", "{{ config }}", "%(name)s", "http://evil.example/…"])
def test_what_a_partner_typed_is_told_as_it_was_typed(mailing: Attesting, sink: Sink, hostile: str) -> None:
    mailing.attest(Signatory(hostile, "Carr", "a@contoso.example"))
    (mail,) = received(mailing, sink)
    assert f"{hostile} Carr" in mail.text.replace("\N{WORD JOINER}", "")
    assert "<b>x</b>" not in mail.part("html")
    secret = mailing.link(mailing.attestations()[0].id).rsplit("/", 1)[1]
    assert mail.text.count(secret) == len(re.findall(rf"http://localhost/objection/{secret}", mail.text)) == 1


def test_every_attestation_is_told_also_the_fifth_of_a_day(mailing: Attesting, sink: Sink) -> None:
    for number in range(5):
        mailing.attest(Signatory("Ann", "Lee", f"ann{number}@contoso.example"))
    assert len(received(mailing, sink)) == 5


def test_what_is_rolled_back_tells_nobody(mailing: Attesting) -> None:
    with pytest.raises(ZeroDivisionError), mailing.app.app_context():
        by = mailing.actor(mailing.partner["sales_agent"])
        with database.unit_of_work():
            from webapp.agreements import actions

            actions.attest(mailing.organization(mailing.customer), by=by, signatory=TANIA, agreed_on=date(2026, 3, 1))
            raise ZeroDivisionError
    assert mailing.attestations() == []
    assert mailing.messages("attested") == []


def test_the_partner_is_told_of_an_objection_in_the_words_that_were_said(mailing: Attesting, sink: Sink) -> None:
    mailing.object_on_page(mailing.attest(agreed_on=date(2026, 4, 30)), "Nobody <of us> did.")
    mails = received(mailing, sink, "objected")
    assert {mail.recipients[0] for mail in mails} == {
        mailing.partner[role].address for role in ("admin_agent", "sales_agent")
    }
    for mail in mails:
        assert mail.subject == "Contoso 株式会社 objects to your confirmation of its agreement"
        assert "“Nobody <of us> did.”" in mail.text
        assert "Nobody &lt;of us&gt; did." in mail.part("html")
        assert f"http://localhost/partner/customers/{mailing.customer.id}/agreement" in mail.links
        assert "30 April 2026" in mail.text


def test_an_objection_without_a_comment_is_told_without_one(mailing: Attesting, sink: Sink) -> None:
    mailing.object_on_page(mailing.attest())
    for mail in received(mailing, sink, "objected"):
        assert "What was said" not in mail.text
        assert "What was said" not in mail.part("html")
    with mailing.app.app_context():
        assert database.session().scalar(sa.select(sa.func.count()).select_from(Message)) == 3
