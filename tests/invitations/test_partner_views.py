"""A partner's pages, through the browser, in both languages and on both engines."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any
from urllib.parse import unquote
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from flask import Flask

from tests.support.builders import Party, World
from tests.support.visitor import Page, Visitor
from webapp import clock, database, pages
from webapp.evidence.models import Fact
from webapp.invitations import actions, queries, rules
from webapp.invitations.models import Invitation, InvitationAct
from webapp.messages.models import Message
from webapp.organizations import queries as organizations
from webapp.policies import actions as policies

Browser = Callable[..., Visitor]


@pytest.fixture
def partner(world: World) -> Party:
    return world.a_partner("Northwind Cloud")


@pytest.fixture
def customer(world: World, partner: Party) -> Party:
    return a_known_customer(world, partner)


def a_known_customer(world: World, partner: Party, name: str = "Contoso Ltd", **more: Any) -> Party:
    """A customer that the partner made."""
    with world.app.app_context():
        own = organizations.organization_by_id(partner.id)
    return world.a_customer(name, created_by=own, **more)


def signed_in(browser: Browser, party: Party, role: str = "sales_agent", **options: Any) -> Visitor:
    visitor = browser(**options)
    visitor.sign_in(party[role].address)
    return visitor


def prepared(visitor: Visitor, customer: Party | None, **values: Any) -> UUID:
    """Make an invitation through the pages; answer its id."""
    visitor.open("/partner/invitations/new" + (f"?customer={customer.id}" if customer else ""))
    page = visitor.submit({"for_whom": "named" if customer else "any", **values}, to="/partner/invitations")
    assert page.status == 200, page.words
    return UUID(page.url.rsplit("/", 1)[1])


def loaded(app: Flask, invitation_id: UUID) -> Invitation:
    with app.app_context():
        found = queries.by_id(invitation_id)
        assert found is not None
        return found


def link_of(app: Flask, invitation_id: UUID) -> str:
    with app.app_context():
        found = queries.by_id(invitation_id)
        assert found is not None
        return queries.link_of(found)


def state_of(app: Flask, invitation_id: UUID) -> str:
    with app.app_context():
        found = queries.by_id(invitation_id)
        assert found is not None
        return queries.state(found)


def outbox(app: Flask) -> list[Message]:
    with app.app_context():
        return list(
            database.session().scalars(
                sa.select(Message).where(Message.kind == "invitation").order_by(Message.created_at)
            )
        )


def kinds(app: Flask, invitation_id: UUID) -> list[str]:
    with app.app_context():
        return [act.kind for act in queries.acts_of(invitation_id)]


def facts_about(app: Flask, invitation_id: UUID) -> list[str]:
    with app.app_context():
        rows = database.session().scalars(
            sa.select(Fact).where(Fact.record.contains(str(invitation_id))).order_by(Fact.at, Fact.position)
        )
        return [row.kind.removeprefix("invitation.") for row in rows]


def note_of(app: Flask, invitation_id: UUID, kind: str, **more: Any) -> None:
    """Something that the customer's side notes."""
    with app.app_context(), database.unit_of_work():
        row = queries.by_id(invitation_id)
        assert row is not None
        database.write(row)
        actions.note(row, kind, **more)


# --- making ----------------------------------------------------------------------------------------------------


def test_a_sales_agent_makes_an_invitation_with_its_message(
    app: Flask, browser: Browser, partner: Party, customer: Party
) -> None:
    visitor = signed_in(browser, partner)
    made = prepared(visitor, customer, asks="relationship", language="en")
    page = visitor.page
    assert page.heading == "Invitation for Contoso Ltd"
    assert "Prepared" in page.words
    link = link_of(app, made)
    assert link in page.words
    assert "invType=ResellerRelationship" in link
    row = loaded(app, made)
    assert row.recipient == customer["global_administrator"].address
    assert link in row.body
    assert "Contoso Ltd" in row.subject
    assert "password" not in row.body.lower()
    assert facts_about(app, made) == ["made"]
    assert outbox(app) == []


@pytest.mark.parametrize("language", ["ja", "en"])
def test_the_message_is_written_in_the_mail_language_not_in_the_page_s(
    app: Flask, world: World, browser: Browser, partner: Party, customer: Party, language: str
) -> None:
    visitor = signed_in(browser, partner)
    made = prepared(visitor, customer, asks="agreement", language=language)
    row = loaded(app, made)
    assert ("顧客契約" in row.body) == (language == "ja")
    assert ("Step 1" in row.body) == (language == "en")
    assert f"lang={language}" in row.body


def test_a_page_that_was_sent_twice_makes_one_invitation(
    app: Flask, browser: Browser, partner: Party, customer: Party
) -> None:
    visitor = signed_in(browser, partner)
    form_page = visitor.open(f"/partner/invitations/new?customer={customer.id}")
    first = visitor.submit(asks="agreement", language="en").url
    visitor.page = form_page
    assert visitor.submit(asks="agreement", language="en").url == first


def test_an_invitation_for_any_customer_names_none_and_is_not_sent_from_here(
    app: Flask, browser: Browser, partner: Party
) -> None:
    visitor = signed_in(browser, partner)
    made = prepared(visitor, None, asks="agreement", language="en")
    assert visitor.page.heading == "Invitation for any customer"
    assert loaded(app, made).recipient is None
    assert not [form for form in visitor.page.forms if form.action.endswith("/sending")]
    assert "invType=CustomerAgreement" in link_of(app, made)


def test_the_partner_s_own_domain_is_refused_in_words_and_nothing_typed_is_lost(
    app: Flask, browser: Browser, partner: Party, customer: Party
) -> None:
    visitor = signed_in(browser, partner)
    domain = partner["sales_agent"].address.split("@")[1]
    for address in (partner["helpdesk_agent"].address, f"somebody@mail.{domain}"):
        visitor.open(f"/partner/invitations/new?customer={customer.id}")
        page = visitor.submit(asks="agreement", language="ja", recipient=address)
        assert page.status == 422
        assert "This address is your own organization" in page.words
        assert f'value="{address}"' in page.html


@pytest.mark.parametrize(("days", "fits"), [(-1, False), (0, True), (365, True), (366, False)])
def test_the_last_day_lies_between_today_and_a_year(
    app: Flask, browser: Browser, partner: Party, customer: Party, days: int, fits: bool
) -> None:
    visitor = signed_in(browser, partner)
    visitor.open(f"/partner/invitations/new?customer={customer.id}")
    day = clock.today("America/New_York") + timedelta(days=days)
    page = visitor.submit(asks="agreement", language="en", last_day=day.isoformat())
    assert page.status == (200 if fits else 422)
    assert ("Choose a day from" in page.words) != fits


@pytest.mark.parametrize(
    "values",
    [{"last_day": "31/12/2030"}, {"last_day": ""}, {"recipient": "nobody"}, {"recipient": "a\u202eb@x.example"}],
)
def test_what_cannot_be_read_is_refused(
    browser: Browser, partner: Party, customer: Party, values: dict[str, str]
) -> None:
    visitor = signed_in(browser, partner)
    visitor.open(f"/partner/invitations/new?customer={customer.id}")
    page = visitor.submit({"asks": "agreement", "language": "en", **values})
    assert page.status == 422
    assert "There is a problem" in page.words


def test_another_s_customer_cannot_be_named(browser: Browser, world: World, partner: Party) -> None:
    visitor = signed_in(browser, partner)
    other = world.a_customer("Fabrikam")
    assert visitor.open(f"/partner/invitations/new?customer={other.id}").status == 404
    assert "Fabrikam" not in visitor.open("/partner/invitations/new").html


def test_a_provider_invites_with_its_reseller_and_both_see_it(app: Flask, world: World, browser: Browser) -> None:
    provider = world.a_partner("Fabrikam Distribution", programme="indirect_provider")
    reseller = world.a_partner("Tailspin Resellers", programme="indirect_reseller")
    world.pair(provider, reseller)
    customer = a_known_customer(world, provider)
    made = prepared(signed_in(browser, provider), customer, asks="relationship", other=str(reseller.id), language="en")
    row = loaded(app, made)
    assert (row.partner_id, row.reseller_id) == (provider.id, reseller.id)
    link = link_of(app, made)
    assert f"invType=IndirectResellerRelationship&partnerId={provider.id}" in link
    assert f"indirectCSPId={reseller.id}" in link
    visitor = signed_in(browser, reseller)
    assert visitor.open(f"/partner/invitations/{made}").status == 200
    assert "Contoso Ltd" in visitor.open("/partner/invitations").words


def test_an_indirect_reseller_names_its_provider(app: Flask, world: World, browser: Browser) -> None:
    provider = world.a_partner("Fabrikam Distribution", programme="indirect_provider")
    reseller = world.a_partner("Tailspin Resellers", programme="indirect_reseller")
    visitor = signed_in(browser, reseller)
    page = visitor.open("/partner/invitations/new")
    assert page.status == 200
    assert page.heading == "You need an indirect provider first"
    world.pair(provider, reseller)
    customer = a_known_customer(world, reseller)
    made = prepared(visitor, customer, asks="relationship", language="en")
    row = loaded(app, made)
    assert (row.partner_id, row.reseller_id) == (provider.id, reseller.id)
    with app.app_context():
        assert queries.maker_id(row) == reseller.id


# --- the message -----------------------------------------------------------------------------------------------


def test_a_message_cannot_lose_its_link(app: Flask, browser: Browser, partner: Party, customer: Party) -> None:
    visitor = signed_in(browser, partner)
    made = prepared(visitor, customer, asks="agreement", language="en")
    link = link_of(app, made)
    before = loaded(app, made).body
    for text in ("Dear all, please accept.", f"Please open {link[:-3]} now", f"Please open {link}x now"):
        visitor.open(f"/partner/invitations/{made}/message")
        page = visitor.submit(subject="Our invitation", body=text)
        assert page.status == 422
        assert "Your message must keep the link" in page.words
        assert text in page.html.replace("&amp;", "&")
        assert 'value="Our invitation"' in page.html
        assert loaded(app, made).body == before
    page = visitor.submit(button="Put the link back")
    assert page.status == 200
    row = loaded(app, made)
    assert row.subject == "Our invitation"
    assert link in row.body.split()
    assert "Please open" in row.body


def test_an_edited_message_is_kept_as_typed(app: Flask, browser: Browser, partner: Party, customer: Party) -> None:
    visitor = signed_in(browser, partner)
    made = prepared(visitor, customer, asks="agreement", language="ja")
    text = f"いつもお世話になっております。🙂\n\n{link_of(app, made)}\n\nよろしくお願いいたします。"
    visitor.open(f"/partner/invitations/{made}/message")
    page = visitor.submit(subject="ご同意のお願い", body=text)
    assert page.status == 200
    row = loaded(app, made)
    assert (row.subject, row.body) == ("ご同意のお願い", text)
    assert "いつもお世話になっております。" in page.words


def test_a_password_does_not_go_into_a_message(app: Flask, browser: Browser, partner: Party, customer: Party) -> None:
    visitor = signed_in(browser, partner)
    made = prepared(visitor, customer, asks="agreement", language="en")
    visitor.open(f"/partner/invitations/{made}/message")
    page = visitor.submit(body=f"{link_of(app, made)}\nPassword: Sommer2026!")
    assert page.status == 422
    assert "a password never goes by mail" in page.words


def test_the_downloaded_file_holds_the_message_and_the_link_intact(
    app: Flask, browser: Browser, world: World, partner: Party
) -> None:
    customer = a_known_customer(world, partner, "Contoso 株式会社")
    visitor = signed_in(browser, partner)
    made = prepared(visitor, customer, asks="relationship", language="ja")
    response = visitor.client.get(f"/partner/invitations/{made}/message.eml", base_url=visitor.origin)
    assert response.mimetype == "message/rfc822"
    assert "attachment" in response.headers["Content-Disposition"]
    assert ".eml" in response.headers["Content-Disposition"]
    mail = message_from_bytes(response.data, policy=default)
    assert isinstance(mail, EmailMessage)
    assert response.data.isascii()
    assert mail["X-Unsent"] == "1"
    assert mail["To"] == customer["global_administrator"].address
    row, link = loaded(app, made), link_of(app, made)
    assert mail["Subject"] == row.subject
    plain = mail.get_body(("plain",))
    page = mail.get_body(("html",))
    assert plain is not None
    assert page is not None
    assert plain.get_content().strip() == row.body
    assert f'href="{link.replace("&", "&amp;")}"' in page.get_content()


def test_open_in_email_holds_the_link_and_stays_short(
    app: Flask, browser: Browser, world: World, partner: Party
) -> None:
    customer = a_known_customer(world, partner, "株式会社" + "長" * 190)
    visitor = signed_in(browser, partner)
    made = prepared(visitor, customer, asks="relationship", language="ja")
    mailto = visitor.page.links["Open in email"]
    assert len(mailto) < 1900
    assert link_of(app, made) in unquote(mailto)
    assert mailto.startswith(f"mailto:{customer['global_administrator'].address}?subject=")


# --- sending and following -------------------------------------------------------------------------------------


def test_send_from_here_puts_one_mail_into_the_outbox(
    app: Flask, browser: Browser, partner: Party, customer: Party
) -> None:
    visitor = signed_in(browser, partner)
    made = prepared(visitor, customer, asks="agreement", language="en")
    page_with_button = visitor.page
    page = visitor.submit(to="/sending")
    assert "Waiting to be sent" in page.words
    visitor.page = page_with_button
    page = visitor.submit(to="/sending")
    assert "Nothing was sent a second time." in page.words
    (mail,) = outbox(app)
    assert mail.recipient == customer["global_administrator"].address
    assert mail.reply_to == partner["sales_agent"].address
    assert mail.from_name == "Northwind Cloud via Countersign Test"
    assert mail.html is None
    assert link_of(app, made) in mail.text.split()
    assert "of Northwind Cloud wrote the message between the lines" in mail.text
    assert kinds(app, made) == ["sent"]
    assert facts_about(app, made) == ["made", "sent"]


def test_what_became_of_the_mail_stands_on_the_page(
    app: Flask, browser: Browser, partner: Party, customer: Party
) -> None:
    visitor = signed_in(browser, partner)
    made = prepared(visitor, customer, asks="agreement", language="en")
    visitor.submit(to="/sending")
    (mail,) = outbox(app)
    settle(app, mail.id, handed_over_at=clock.now())
    assert "Delivered to the mail server" in visitor.open(f"/partner/invitations/{made}").words
    settle(app, mail.id, handed_over_at=None, given_up_at=clock.now(), last_error="550 5.1.1 no such mailbox")
    page = visitor.open(f"/partner/invitations/{made}")
    assert "Could not be delivered" in page.words
    assert "550 5.1.1 no such mailbox" in page.words
    visitor.submit(to="/own-sending")
    assert "Sent by yourselves" in visitor.page.words


def settle(app: Flask, message_id: UUID, **values: Any) -> None:
    """What the delivery writes."""
    with app.app_context(), database.unit_of_work():
        database.write()
        database.session().execute(
            sa.update(Message).where(Message.id == message_id).values(closed_at=clock.now(), **values)
        )


def test_the_daily_number_of_mails_is_kept_and_the_way_out_named(
    app: Flask, browser: Browser, world: World, partner: Party, customer: Party
) -> None:
    with app.app_context(), database.unit_of_work():
        policies.set_policy("invitation.sends_a_day", 1, "a test")
    visitor = signed_in(browser, partner)
    prepared(visitor, customer, asks="agreement", language="en")
    visitor.submit(to="/sending")
    second = prepared(visitor, customer, asks="agreement", language="en")
    page = visitor.submit(to="/sending")
    assert page.status == 429
    assert page.heading == "Today's number of mails is reached"
    assert "by your own mail now" in page.words
    assert len(outbox(app)) == 1
    assert kinds(app, second) == []
    other = world.a_partner("Another")
    theirs = a_known_customer(world, other, "Theirs")
    visitor = signed_in(browser, other)
    prepared(visitor, theirs, asks="agreement", language="en")
    assert visitor.submit(to="/sending").status == 200


def test_saying_that_it_was_sent_is_noted_once(app: Flask, browser: Browser, partner: Party, customer: Party) -> None:
    visitor = signed_in(browser, partner)
    made = prepared(visitor, customer, asks="agreement", language="en")
    page_with_button = visitor.page
    visitor.submit(to="/own-sending")
    visitor.page = page_with_button
    assert "noted before" in visitor.submit(to="/own-sending").words
    assert kinds(app, made) == ["said_sent"]
    assert state_of(app, made) == "said_sent"


def test_sending_again_replaces_the_earlier_one_and_its_link_says_so(
    app: Flask, browser: Browser, partner: Party, customer: Party
) -> None:
    visitor = signed_in(browser, partner)
    made = prepared(visitor, customer, asks="agreement", language="en")
    visitor.open(f"/partner/invitations/{made}/message")
    visitor.submit(body=f"My own words. {link_of(app, made)} until then")
    visitor.submit(to="/sending")
    form_page = visitor.open(f"/partner/invitations/{made}/replacement")
    page = visitor.submit(button="Send again")
    newer = UUID(page.url.rsplit("/", 1)[1])
    assert newer != made
    assert state_of(app, made) == "superseded"
    assert loaded(app, newer).supersedes_id == made
    assert loaded(app, newer).body == f"My own words. {link_of(app, newer)} until then"
    assert [mail.about_id for mail in outbox(app)] == [made, newer]
    visitor.page = form_page
    assert visitor.submit(button="Send again").url == page.url
    assert len(outbox(app)) == 2
    old = visitor.open(f"/partner/invitations/{made}")
    assert "A newer invitation takes its place" in old.words
    assert facts_about(app, made) == ["made", "sent", "superseded", "made"]


def test_a_new_last_day_stands_in_the_words_of_the_newer_one(
    app: Flask, browser: Browser, partner: Party, customer: Party
) -> None:
    visitor = signed_in(browser, partner)
    made = prepared(visitor, customer, asks="agreement", language="ja")
    visitor.submit(to="/own-sending")
    visitor.open(f"/partner/invitations/{made}/replacement")
    day = clock.today("America/New_York") + timedelta(days=200)
    page = visitor.submit(last_day=day.isoformat(), button="Only prepare it")
    row = loaded(app, UUID(page.url.rsplit("/", 1)[1]))
    assert f"{day.year}年{day.month}月{day.day}日" in row.body
    assert f"{day.year}年{day.month}月{day.day}日" in row.subject
    assert outbox(app) == []


def test_a_corrected_address_gets_the_same_link_once_more(
    app: Flask, browser: Browser, partner: Party, customer: Party
) -> None:
    visitor = signed_in(browser, partner)
    made = prepared(visitor, customer, asks="agreement", language="en", recipient="admni@contoso.example")
    visitor.submit(to="/sending")
    form_page = visitor.open(f"/partner/invitations/{made}/correction")
    page = visitor.submit(recipient=partner["admin_agent"].address)
    assert page.status == 422
    assert "your own organization" in page.words
    visitor.page = form_page
    page = visitor.submit(recipient="admin@contoso.example")
    assert "From admni@contoso.example to admin@contoso.example" in page.words
    visitor.page = form_page
    visitor.submit(recipient="admin@contoso.example")
    assert [mail.recipient for mail in outbox(app)] == ["admni@contoso.example", "admin@contoso.example"]
    assert sorted(kinds(app, made)) == ["corrected", "sent", "sent"]
    assert state_of(app, made) == "sending"


def test_withdrawing_asks_first_and_happens_once(app: Flask, browser: Browser, partner: Party, customer: Party) -> None:
    visitor = signed_in(browser, partner)
    made = prepared(visitor, customer, asks="agreement", language="en")
    visitor.follow("Withdraw")
    assert state_of(app, made) == "prepared"
    form_page = visitor.page
    page = visitor.submit(to="/withdrawal")
    assert "Withdrawn" in page.words
    visitor.page = form_page
    assert "It was withdrawn before" in visitor.submit(to="/withdrawal").words
    assert kinds(app, made) == ["withdrawn"]
    assert facts_about(app, made) == ["made", "withdrawn"]


def test_after_an_acceptance_nothing_is_withdrawn_and_the_page_says_what_to_do(
    app: Flask, browser: Browser, partner: Party, customer: Party
) -> None:
    visitor = signed_in(browser, partner)
    made = prepared(visitor, customer, asks="agreement", language="en")
    form_page = visitor.open(f"/partner/invitations/{made}/withdrawal")
    note_of(app, made, "accepted", customer_id=customer.id)
    page = visitor.submit(to="/withdrawal")
    assert page.status == 409
    assert page.heading == "It is accepted and cannot be withdrawn"
    assert "Settings > Partner relationships" in page.words
    assert "It is accepted" not in visitor.open(f"/partner/invitations/{made}/withdrawal").heading
    assert "can no longer be withdrawn" in visitor.page.words
    assert state_of(app, made) == "accepted"
    assert form_page.status == 200


def test_one_for_any_customer_is_withdrawn_from_the_others(
    app: Flask, browser: Browser, partner: Party, customer: Party
) -> None:
    visitor = signed_in(browser, partner)
    made = prepared(visitor, None, asks="agreement", language="en")
    note_of(app, made, "accepted", customer_id=customer.id)
    visitor.open(f"/partner/invitations/{made}/withdrawal")
    visitor.submit(to="/withdrawal")
    assert state_of(app, made) == "withdrawn"


@pytest.mark.parametrize("verb", ["sending", "own-sending", "withdrawal", "correction", "replacement", "message"])
def test_nothing_happens_to_an_invitation_that_is_over(
    app: Flask, browser: Browser, partner: Party, customer: Party, verb: str
) -> None:
    visitor = signed_in(browser, partner)
    made = prepared(visitor, customer, asks="agreement", language="en")
    page = {
        "sending": visitor.page, "own-sending": visitor.page,
    }.get(verb) or visitor.open(f"/partner/invitations/{made}/{verb}")  # fmt: skip
    note_of(app, made, "superseded")
    visitor.page = page
    values = {"recipient": "admin@elsewhere.example"} if verb == "correction" else {}
    answer = visitor.submit(values, to=f"/{verb}")
    assert answer.status == 409
    assert answer.heading == "This invitation is over"
    assert kinds(app, made) == ["superseded"]
    assert outbox(app) == []


def test_the_answer_of_the_customer_stands_on_the_time_line(
    app: Flask, browser: Browser, partner: Party, customer: Party
) -> None:
    visitor = signed_in(browser, partner)
    made = prepared(visitor, customer, asks="agreement", language="en")
    note_of(app, made, "opened", customer_id=customer.id)
    page = visitor.open(f"/partner/invitations/{made}")
    assert "Opened for Contoso Ltd" in page.words
    note_of(app, made, "declined", customer_id=customer.id)
    assert "Declined" in visitor.open("/partner/invitations").words
    note_of(app, made, "accepted", customer_id=customer.id)
    assert "Accepted" in visitor.open("/partner/invitations").words


# --- who may ---------------------------------------------------------------------------------------------------


def test_a_helpdesk_agent_only_reads(app: Flask, browser: Browser, partner: Party, customer: Party) -> None:
    visitor = signed_in(browser, partner)
    made = prepared(visitor, customer, asks="agreement", language="en")
    forms = {verb: visitor.open(f"/partner/invitations/{made}/{verb}") for verb in VERBS}
    forms |= {verb: visitor.open(f"/partner/invitations/{made}") for verb in ("sending", "own-sending")}
    reader = signed_in(browser, partner, "helpdesk_agent")
    page = reader.open(f"/partner/invitations/{made}")
    assert page.status == 200
    assert [form.action for form in page.forms if "/partner/" in form.action.split("?")[0]] == []
    assert reader.open("/partner/invitations").status == 200
    assert reader.open("/partner/invitations/standing").status == 200
    assert reader.open("/partner/invitations/new").status == 403
    assert posted(reader, "/partner/invitations", {"asks": "agreement"}) == 403
    for verb, form in forms.items():
        assert posted(reader, f"/partner/invitations/{made}/{verb}", values_of(form, verb)) == 403
    assert kinds(app, made) == []


VERBS = ("withdrawal", "correction", "replacement", "message")


def values_of(page: Page, verb: str) -> dict[str, Any]:
    """The fields of the form that does something, as the page shows them."""
    form = next(each for each in page.forms if each.action.endswith(f"/{verb}"))
    return {name: values for name, values in form.fields.items() if name != "csrf_token"}


def posted(visitor: Visitor, path: str, values: dict[str, Any]) -> int:
    """Send a body that no page showed to this visitor; its own token, so that only the rules decide."""
    token = next(form.fields["csrf_token"] for form in visitor.page.forms if "csrf_token" in form.fields)
    headers = {"Origin": visitor.origin, "Referer": visitor.origin + "/"}
    return visitor.client.post(
        path, base_url=visitor.origin, headers=headers, data={**values, "csrf_token": token}
    ).status_code


def test_another_partner_finds_nothing(
    app: Flask, world: World, browser: Browser, partner: Party, customer: Party
) -> None:
    made = prepared(signed_in(browser, partner), customer, asks="agreement", language="en")
    stranger = signed_in(browser, world.a_partner("Stranger"), "admin_agent")
    for path in ("", "/message", "/withdrawal", "/correction", "/replacement", "/message.eml"):
        assert stranger.open(f"/partner/invitations/{made}{path}").status == 404
    for verb in (*VERBS, "sending", "own-sending", "closure", "reopening"):
        assert posted(stranger, f"/partner/invitations/{made}/{verb}", {}) == 404
    assert "Contoso" not in stranger.open("/partner/invitations").words
    assert stranger.open(f"/partner/invitations/{uuid4()}").status == 404


def test_a_customer_s_administrator_does_not_see_the_partner_s_pages(browser: Browser, customer: Party) -> None:
    visitor = signed_in(browser, customer, "global_administrator")
    assert visitor.open("/partner/invitations").status == 403


# --- the list --------------------------------------------------------------------------------------------------


def test_the_list_filters_searches_and_turns_its_pages(
    app: Flask, browser: Browser, world: World, partner: Party, customer: Party
) -> None:
    visitor = signed_in(browser, partner)
    assert visitor.open("/partner/invitations").heading == "Invitations"
    assert "No invitations yet" in visitor.page.words
    with app.app_context(), database.unit_of_work():
        database.write()
        own, theirs = organizations.organization_by_id(partner.id), organizations.organization_by_id(customer.id)
        assert own is not None
        day = clock.today("UTC") + timedelta(days=30)
        for number in range(85):
            actions.insert(
                own, asks="agreement" if number % 2 else "relationship", customer=theirs if number < 3 else None,
                language="en", last_day=day,
            )  # fmt: skip
    seen: list[str] = []
    page = visitor.open("/partner/invitations")
    assert "85 invitations" in page.words
    seen += invitation_links(page)
    page = visitor.follow("Next page")
    seen += invitation_links(page)
    page = visitor.follow("Next page")
    seen += invitation_links(page)
    assert "Next page" not in page.links
    assert len(seen) == len(set(seen)) == 85
    assert invitation_links(visitor.follow("Previous page")) == seen[40:80]
    assert invitation_links(visitor.follow("Previous page")) == seen[:40]
    assert "Previous page" not in visitor.page.links
    page = visitor.submit(search="contoso", asks="agreement")
    assert len(invitation_links(page)) == 1
    page = visitor.submit(state="withdrawn")
    assert "No invitation fits" in page.words


def invitation_links(page: Page) -> list[str]:
    hrefs = [a.get("href") or "" for a in page.elements("a")]
    return [each for each in hrefs if each.startswith("/partner/invitations/") and each.count("-") == 4]


def test_the_list_asks_the_database_as_often_for_two_rows_as_for_forty(
    app: Flask, browser: Browser, partner: Party
) -> None:
    from webapp.database import db

    visitor = signed_in(browser, partner)
    counts = []
    for more in (2, 38):
        with app.app_context(), database.unit_of_work():
            database.write()
            own = organizations.organization_by_id(partner.id)
            assert own is not None
            for _ in range(more):
                actions.insert(own, asks="agreement", language="en", last_day=clock.today("UTC"))
        asked: list[str] = []
        with app.app_context():
            engine = db.engines["reader"]

        def listen(_c: Any, _cursor: Any, statement: str, *_rest: Any, asked: list[str] = asked) -> None:
            asked.append(statement)

        sa.event.listen(engine, "before_cursor_execute", listen)
        visitor.open("/partner/invitations")
        sa.event.remove(engine, "before_cursor_execute", listen)
        counts.append(len(asked))
    assert counts[0] == counts[1]


# --- standing ones ---------------------------------------------------------------------------------------------


def test_each_partner_has_its_standing_invitations(app: Flask, world: World, browser: Browser) -> None:
    direct = world.a_partner("Direct")
    provider = world.a_partner("Provider", programme="indirect_provider")
    reseller = world.a_partner("Reseller", programme="indirect_reseller")
    world.pair(provider, reseller)
    world.pair(provider, reseller)
    with app.app_context():
        found = {
            party.name: sorted(
                (each.asks, each.reseller_id == reseller.id)
                for each in database.session().scalars(
                    sa.select(Invitation).where(Invitation.partner_id == party.id, Invitation.standing)
                )
            )
            for party in (direct, provider, reseller)
        }
    assert found["Direct"] == [("agreement", False), ("relationship", False)]
    assert found["Provider"] == [("agreement", False), ("relationship", False), ("relationship", True)]
    assert found["Reseller"] == [("agreement", False)]
    page = signed_in(browser, reseller, "admin_agent").open("/partner/invitations/standing")
    assert f"partnerId={provider.id}" in page.html
    assert "/AdminPortal/Home?invType=IndirectResellerRelationship" in page.html


def test_an_admin_agent_closes_and_reopens_a_standing_invitation(app: Flask, browser: Browser, partner: Party) -> None:
    visitor = signed_in(browser, partner, "admin_agent")
    form_page = visitor.open("/partner/invitations/standing")
    page = visitor.submit(to="/closure")
    assert "Closed" in page.words
    assert "Open it again" in page.html
    visitor.page = form_page
    assert "It was closed before" in visitor.submit(to="/closure").words
    assert "Closed" not in visitor.submit(to="/reopening").words
    with app.app_context():
        rows = database.session().scalars(sa.select(InvitationAct).order_by(InvitationAct.at)).all()
        assert [row.kind for row in rows] == ["closed", "reopened"]
    seller = signed_in(browser, partner, "sales_agent")
    assert not [f for f in seller.open("/partner/invitations/standing").forms if f.action.endswith("/closure")]
    assert posted(seller, f"/partner/invitations/{rows[0].invitation_id}/closure", {}) == 403


def test_a_standing_invitation_shows_its_message_and_is_no_other_verb_s(
    app: Flask, browser: Browser, partner: Party
) -> None:
    visitor = signed_in(browser, partner, "admin_agent")
    with app.app_context():
        row = queries.standing(partner.id, "relationship")
    assert row is not None
    page = visitor.open(f"/partner/invitations/{row.id}")
    assert page.heading == "Standing invitation"
    assert link_of(app, row.id) in page.words
    for verb in (*VERBS, "sending", "own-sending"):
        assert posted(visitor, f"/partner/invitations/{row.id}/{verb}", {}) == 404


# --- Japanese --------------------------------------------------------------------------------------------------


def test_every_page_speaks_japanese(app: Flask, world: World, browser: Browser) -> None:
    partner = world.a_partner("ノースウィンド クラウド株式会社", language="ja", country="JP", zone="Asia/Tokyo")
    customer = a_known_customer(world, partner, "Contoso 株式会社", language="ja", country="JP", zone="Asia/Tokyo")
    visitor = signed_in(browser, partner, "admin_agent", language="ja")
    made = prepared(visitor, customer, asks="relationship", language="ja")
    assert visitor.page.heading == "Contoso 株式会社 様への招待"
    row = loaded(app, made)
    assert "Contoso 株式会社 様" in row.body
    assert "(日本時間)" in row.body
    for path in ("", "/message", "/withdrawal", "/correction", "/replacement"):
        assert visitor.open(f"/partner/invitations/{made}{path}").status == 200
    visitor.open(f"/partner/invitations/{made}/message")
    assert "リンクは削除できません" in visitor.submit(body="こんにちは").words
    visitor.open(f"/partner/invitations/{made}")
    assert "送信待ち" in visitor.submit(to="/sending").words
    (mail,) = outbox(app)
    assert mail.from_name == "ノースウィンド クラウド株式会社 (Countersign Test 経由)"
    visitor.open(f"/partner/invitations/{made}/withdrawal")
    assert "取り下げ" in visitor.submit(to="/withdrawal").words
    assert "招待" in visitor.open("/partner/invitations").heading
    assert "常設" in visitor.open("/partner/invitations/standing").heading


# --- refusals --------------------------------------------------------------------------------------------------


def test_a_lone_reseller_that_posts_anyway_reads_how_to_get_a_provider(world: World, browser: Browser) -> None:
    reseller = world.a_partner("Tailspin Resellers", programme="indirect_reseller")
    visitor = signed_in(browser, reseller)
    visitor.open("/partner/invitations/new")
    visitor.open("/partner/invitations")
    assert posted(visitor, "/partner/invitations", {"asks": "relationship"}) == 409


def test_a_message_that_left_is_not_changed(app: Flask, browser: Browser, partner: Party, customer: Party) -> None:
    visitor = signed_in(browser, partner)
    made = prepared(visitor, customer, asks="agreement", language="en")
    shown = visitor.page
    form_page = visitor.open(f"/partner/invitations/{made}/message")
    visitor.page = shown
    visitor.submit(to="/sending")
    visitor.page = form_page
    answer = visitor.submit(subject="Another", to="/message")
    assert answer.status == 409
    assert answer.heading == "It was sent already"
    assert visitor.open(f"/partner/invitations/{made}/message").url.endswith(str(made))


def test_an_address_that_became_the_partner_s_own_is_not_written_to(
    app: Flask, browser: Browser, partner: Party, customer: Party
) -> None:
    visitor = signed_in(browser, partner)
    made = prepared(visitor, customer, asks="agreement", language="en")
    with app.app_context(), database.unit_of_work():
        row = queries.by_id(made)
        assert row is not None
        database.locked(row).recipient = partner["admin_agent"].address
    answer = visitor.submit(to="/sending")
    assert answer.status == 422
    assert answer.heading == "This address is your own organization's"
    assert outbox(app) == []


def test_the_history_tells_what_was_done_in_words(
    app: Flask, browser: Browser, partner: Party, customer: Party
) -> None:
    visitor = signed_in(browser, partner, "admin_agent")
    prepared(visitor, customer, asks="agreement", language="en")
    visitor.submit(to="/own-sending")
    visitor.submit(to="/sending")
    url = visitor.page.url
    visitor.open(f"{url}/correction")
    visitor.submit(recipient="right@contoso.example", to="/correction")
    visitor.open(f"{url}/replacement")
    visitor.submit({}, to="/replacement")
    newer = visitor.page.url
    visitor.open(f"{newer}/withdrawal")
    visitor.submit(to="/withdrawal")
    visitor.open("/partner/invitations/standing")
    visitor.submit(to="/closure")
    visitor.submit(to="/reopening")
    page = visitor.open("/history")
    for words in (
        "prepared an invitation for Contoso Ltd", "noted that the invitation", "sent the invitation of", "corrected",
        "A newer invitation took the place", "in the place of an earlier one", "withdrew the invitation",
        "closed a standing", "opened a standing",
    ):  # fmt: skip
        assert words in page.words, words


@pytest.mark.parametrize("language", ["ja", "en"])
def test_refusals_that_forms_usually_tell_have_pages_as_well(app: Flask, language: str) -> None:
    today = clock.today("UTC")
    for refusal in (rules.LinkMissing(), rules.LastDayOutOfBounds(first=today, last=today + timedelta(days=365))):
        with app.test_request_context(f"/?lang={language}"):
            page = pages.render(f"errors/refusals/{refusal.name}.html", refusal=refusal, reference="BCDF2345")
        assert "/partner/invitations" in page
        assert ("リンク" in page or "期限" in page) == (language == "ja")
