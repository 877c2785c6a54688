"""One delegated administration on its partner's side: what the page says in each state, and what can be done there."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from tests.support.story import Story
from tests.support.visitor import Page, Visitor
from webapp.accounts import queries as people
from webapp.delegated_admin import actions, queries
from webapp.delegated_admin.roles import BASIC, GLOBAL_ADMINISTRATOR

Stories = Callable[..., Story]


def seen(story: Story, address: str, visitor: str = "admin_agent") -> Page:
    answer = story.client(visitor).get(address)
    assert answer.status_code == 200, answer.text
    return Page(answer, f"http://localhost{address}")


def page_of(offer_id: UUID) -> str:
    return f"/partner/delegated-admin/{offer_id}"


def test_a_waiting_offer_says_so_and_can_be_withdrawn_once(stories: Stories) -> None:
    story = stories()
    address = page_of(story.offers["waiting"])
    page = seen(story, address)
    assert "Waiting for the customer" in page.words
    assert "Helpdesk Administrator" in page.words
    assert "Nothing. Nobody of your organization has a delegated role" in page.words
    visitor = Visitor(story.app)
    visitor.sign_in(story.address_of("admin_agent"))
    visitor.open(f"{address}/withdrawal")
    late = visitor.page
    page = visitor.submit(to="/withdrawal")
    assert "The offer is withdrawn." in page.words
    assert "Withdrawn" in page.words
    visitor.page = late
    assert "It was withdrawn before" in visitor.submit(to="/withdrawal").words
    assert "There is nothing to withdraw" in seen(story, f"{address}/withdrawal").words


def test_how_a_request_went_round_at_the_customer_is_not_the_partners_to_read(stories: Stories) -> None:
    story = stories()
    offer_id = story.offers["waiting"]
    with story.unit():
        by = story.actor("billing_administrator")
        row, person = queries.by_id(offer_id), people.person_by_id(story.actor("global_administrator").person_id)
        assert row is not None
        assert person is not None
        assert actions.hand_over(row, by=by, to=person)
    for address in (page_of(offer_id), "/history"):
        assert "sent the request" not in seen(story, address).words
        assert "offered" in seen(story, address).words
    assert "sent the request" in seen(story, "/history", "global_administrator").words


def test_in_force_it_says_until_when_and_what_the_readers_people_may_do(stories: Stories) -> None:
    story = stories()
    address = page_of(story.approve(story.offers["waiting"]))
    page = seen(story, address)
    assert "365 days left" in page.words
    assert "Approved by" in page.words
    assert "Sales agent Nothing" in page.words
    assert "Admin agent (you) Helpdesk Administrator" in page.words
    assert "End delegated administration" not in seen(story, address, "helpdesk_agent").links


def test_once_ended_it_shows_who_ended_it_and_that_nobody_may_do_anything(stories: Stories) -> None:
    story = stories()
    offer_id = story.approve(story.offers["waiting"])
    address = page_of(offer_id)
    assert "these roles there any more" in seen(story, f"{address}/ending").words
    visitor = Visitor(story.app)
    visitor.sign_in(story.address_of("admin_agent"))
    visitor.open(f"{address}/ending")
    late = visitor.page
    page = visitor.submit(to="/ending", reason="The project is over.")
    assert "Ended by Your organization" in page.words
    assert "Nothing. Nobody of your organization" in page.words
    with story.app.app_context():
        assert not queries.rights_of(story.actor("admin_agent"), story.customer.id).roles
    assert "The project is over." in page.words
    visitor.page = late
    assert "It was ended before" in visitor.submit(to="/ending").words
    assert "There is nothing to end" in seen(story, f"{address}/ending").words


def test_the_extension_is_switched_on_and_off(stories: Stories) -> None:
    story = stories()
    address = page_of(story.approve(story.offers["waiting"]))
    story.post("admin_agent", f"{address}/auto-extension", on="yes")
    assert "Next extension on" in seen(story, address).words
    story.post("admin_agent", f"{address}/auto-extension", on="yes")
    assert "Next extension on" in seen(story, address).words
    story.post("admin_agent", f"{address}/auto-extension", on="no")
    assert "Ends on" in seen(story, address).words


def test_with_the_global_administrator_there_is_no_switch(stories: Stories) -> None:
    story = stories()
    offer_id = story.offer(story.partner, story.customer, "Everything", roles=[*BASIC, GLOBAL_ADMINISTRATOR])
    page = seen(story, page_of(story.approve(offer_id)))
    assert "Not possible" in page.words
    assert not [form for form in page.forms if form.action.endswith("/auto-extension")]
