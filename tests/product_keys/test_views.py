"""A newcomer redeems through the pages, signed out; a partner sets up its customer."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from tests.product_keys.scene import ACCOUNT, Counter, enter, start, to_account, to_check
from tests.support.visitor import Visitor
from webapp import clock, database
from webapp.accounts import actions as accounts
from webapp.accounts.models import Attempt, Person
from webapp.errors import Forbidden
from webapp.evidence.models import Fact
from webapp.messages.models import Message
from webapp.organizations.models import Organization, RoleAssignment
from webapp.policies import actions as policies
from webapp.product_keys import actions, jobs
from webapp.product_keys.models import Redemption, RedemptionDraft
from webapp.relationships.models import Relationship
from webapp.subscriptions.models import Licence, Subscription

Browser = Callable[..., Visitor]


def made(counter: Counter) -> Organization:
    """The customer that was set up."""
    (found,) = counter.rows(Organization, Organization.name == "Woodgrove Bank Ltd.")
    assert isinstance(found, Organization)
    return found


def test_a_newcomer_redeems_and_gets_account_subscription_and_licence(counter: Counter, browser: Browser) -> None:
    keys = counter.keys(count=2, seats=5)
    visitor = browser()
    page = start(visitor)
    assert page.heading == "Enter your product keys"
    page = enter(visitor, keys[0].lower().replace("-", " "), button="Add another product key")
    assert f"Product key that ends in {keys[0][-5:]}: Suite Business" in page.words
    assert keys[0] not in page.html
    page = enter(visitor, keys[1])
    assert page.heading == "Is everything correct?"
    for words in ("Suite Business", "10", "12 months, from the day", "120 licence-months ÷ 10 licences = 12 months"):
        assert words in page.words
    page = visitor.submit(button="Finish adding product keys", to="/redeem/review")
    assert page.heading == "Step 2: create the account"
    page = visitor.follow("Start step 2")
    page = visitor.submit(ACCOUNT, to="/redeem/account")
    assert page.heading == "Check before you create the account"
    assert counter.rows(Redemption) == []
    page = visitor.submit(button="Create account")
    assert page.heading == "The account is created"
    assert "Until you have used it nobody can sign in" in page.words
    customer = made(counter)
    (person,) = counter.rows(Person, Person.organization_id == customer.id)
    assert (person.address, person.password_hash, person.confirmed_at) == ("kim@woodgrove.example", None, None)
    assert [row.role for row in counter.rows(RoleAssignment, RoleAssignment.person_id == person.id)] == [
        "global_administrator"
    ]
    (subscription,) = counter.rows(Subscription)
    assert (subscription.seats, subscription.contract, subscription.partner_id) == (10, "product_key", None)
    assert [(row.line_id, row.person_id) for row in counter.rows(Licence)] == [(subscription.id, person.id)]
    assert {row.subscription_id for row in counter.rows(Redemption)} == {subscription.id}
    kinds = [fact.kind for fact in counter.rows(Fact, Fact.chain_id == customer.chain_id)]
    assert kinds == ["customer.created", "person.added", "subscription.added", "product_key.redeemed", "licence.given"]
    (mail,) = counter.rows(Message, Message.kind == "account_ready")
    assert "/first-sign-in/" in mail.text
    assert "Suite Business, 10 licences" in mail.text
    (draft,) = counter.rows(RedemptionDraft)
    assert (draft.values, draft.customer_id) == ({}, customer.id)
    assert visitor.open("/redeem/done").heading == "The account is created"
    assert visitor.open("/redeem/review").heading == "The account is created", "the back button leads there"


def test_a_second_click_on_create_finds_what_the_first_one_made(counter: Counter, browser: Browser) -> None:
    visitor = browser()
    page = to_check(visitor, *counter.keys())
    visitor.submit(button="Create account")
    visitor.page = page
    assert visitor.submit(button="Create account").heading == "The account is created"
    assert len(counter.rows(Organization, Organization.name == "Woodgrove Bank Ltd.")) == 1


def test_a_closed_browser_comes_back_to_what_was_entered(counter: Counter, browser: Browser) -> None:
    (key,) = counter.keys()
    first = browser()
    to_check(first, key)
    cookie = first.client.get_cookie("session", domain="localhost")
    assert cookie is not None
    assert cookie.expires is not None  # it outlives the browser
    again = browser()
    again.client.set_cookie("session", cookie.value, domain="localhost")
    page = again.open("/redeem")
    assert "You entered 1 product key here before, and did not finish. It is not used yet." in page.words
    page = again.follow("Go on")
    assert page.heading == "Check before you create the account"
    assert "Woodgrove Bank Ltd." in page.words
    assert again.submit(button="Create account").heading == "The account is created"
    assert "You entered" not in browser().open("/redeem").words  # another browser knows nothing of it


def test_starting_over_deletes_what_was_entered(counter: Counter, browser: Browser) -> None:
    visitor = browser()
    to_check(visitor, *counter.keys())
    visitor.open("/redeem")
    page = visitor.submit(to="/redeem/deletion")
    assert "No product key was used." in page.words
    assert counter.rows(RedemptionDraft) == []
    assert visitor.open("/redeem/keys").heading == "Redeem product keys"


def test_who_is_not_the_right_person_does_not_begin(counter: Counter, browser: Browser) -> None:
    visitor = browser()
    visitor.open("/redeem")
    page = visitor.submit(to="/redeem")
    assert page.status == 422
    assert "Tick the box if you are the right person." in page.words
    assert visitor.open("/redeem/keys").heading == "Redeem product keys"


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("", "Enter a product key."),
        ("BCDFG-HJKMP-QRTVW-XY234", "too short: it has 20 characters"),
        ("BCDFG-HJKMP-QRTVW-XY234-67896-7", "too long: it has 26 characters"),
        ("BCDFG-HJKMP-QRTVW-XY234-678O9", "Character 24 (group 5, place 4) is “O”, which is in no product key."),
        ("BCDFG-HJKMP-QRTVW-XY234-67896", "that ends in 67896 is not valid"),
    ],
)
def test_what_is_no_key_is_said_beside_the_field_and_stays_there(
    counter: Counter, browser: Browser, typed: str, words: str
) -> None:
    visitor = browser()
    start(visitor)
    page = enter(visitor, typed)
    assert page.status == 422
    assert words in page.words
    assert visitor.page.forms[-1].fields.get("keys", [""])[0] == typed or typed in page.html
    assert counter.rows(RedemptionDraft) == []


def test_each_reason_has_words_of_its_own(counter: Counter, browser: Browser) -> None:
    (home,), (old,), (closed,), (good,) = (
        counter.keys("HOME-SOLO", seats=5), counter.keys(days=0), counter.keys("OTHER"), counter.keys()
    )  # fmt: skip
    with counter.app.app_context(), database.unit_of_work():
        from webapp.subscriptions import actions as catalogue

        catalogue.close_product("OTHER")
    visitor = browser()
    start(visitor)
    assert "a product for the home" in enter(visitor, home).words
    assert "is not offered any more" in enter(visitor, closed).words
    with counter.app.app_context(), database.unit_of_work():
        database.write()
        from webapp.product_keys.models import ProductKey

        database.session().execute(
            sa.update(ProductKey)
            .where(ProductKey.last_five == old[-5:])
            .values(expires_on=clock.today("UTC") - timedelta(days=1))
        )
    assert "expired on" in enter(visitor, old).words
    assert "was entered already" in enter(visitor, good, good).words
    assert "has 15 licences at most, and this would be 20" in enter(visitor, *counter.keys("SMALL", 2)).words
    assert enter(visitor, good).heading == "Is everything correct?"


def test_a_key_can_be_taken_out_again(counter: Counter, browser: Browser) -> None:
    one, two = counter.keys(count=2)
    visitor = browser()
    start(visitor)
    enter(visitor, one, two, button="Add")
    page = visitor.submit(button=f"Remove the key {one[-5:]}")
    assert one[-5:] not in page.words
    assert two[-5:] in page.words
    assert enter(visitor, "").heading == "Is everything correct?"


def test_wrong_keys_are_limited_and_the_page_shows_a_way_out(counter: Counter, browser: Browser) -> None:
    (right,) = counter.keys()
    visitor = browser()
    start(visitor)
    for _ in range(20):
        assert enter(visitor, "BCDFG-HJKMP-QRTVW-XY234-67896").status == 422
    page = enter(visitor, right)
    assert page.status == 429
    assert 3500 < int(page.response.headers["Retry-After"]) <= 3600
    assert page.heading == "Enter your product keys"
    assert "So many wrong product keys were entered that none is taken for a while." in page.words
    assert "operator@countersign.example" in page.words
    assert right in page.html  # what was typed stays
    elsewhere = browser(network="198.51.100.7")
    start(elsewhere)
    assert enter(elsewhere, right).heading == "Is everything correct?"
    assert len(counter.rows(Attempt)) == 20  # a right key is no attempt that counts


def test_a_list_is_judged_no_further_than_the_limit(counter: Counter, browser: Browser) -> None:
    visitor = browser()
    start(visitor)
    wrong = [f"BCDFG-HJKMP-QRTVW-XY234-6789{letter}" for letter in "BCDFGHJKMPQRTVWXY2346789"]
    assert enter(visitor, *wrong).status == 429
    assert len(counter.rows(Attempt)) == 21


def test_all_together_have_a_limit_too(counter: Counter, browser: Browser) -> None:
    with counter.app.app_context(), database.unit_of_work():
        policies.set_policy("product_key.wrong_a_day", 2, why="for a test")
    for number in range(2):
        visitor = browser(network=f"198.51.100.{number + 1}")
        start(visitor)
        assert enter(visitor, "BCDFG-HJKMP-QRTVW-XY234-67896").status == 422
    visitor = browser(network="203.0.113.1")
    start(visitor)
    page = enter(visitor, "BCDFG-HJKMP-QRTVW-XY234-67896")
    assert (page.status, "That has nothing to do with yours." in page.words) == (429, True)
    assert "Try again in 24 hours" in page.words  # the first of the two is a day old then


def test_the_limit_for_all_is_named_in_the_middle_of_a_list_too(counter: Counter, browser: Browser) -> None:
    with counter.app.app_context(), database.unit_of_work():
        policies.set_policy("product_key.wrong_a_day", 1, why="for a test")
    visitor = browser()
    start(visitor)
    page = enter(visitor, "BCDFG-HJKMP-QRTVW-XY234-67896", "BCDFG-HJKMP-QRTVW-XY234-67899")
    assert (page.status, "That has nothing to do with yours." in page.words) == (429, True)


def test_the_wait_is_reckoned_from_the_oldest_that_counts(counter: Counter, browser: Browser) -> None:
    visitor = browser()
    start(visitor)
    for _ in range(20):
        enter(visitor, "BCDFG-HJKMP-QRTVW-XY234-67896")
    with counter.app.app_context(), database.unit_of_work():
        database.write()
        first = database.session().scalars(sa.select(Attempt).order_by(Attempt.at)).first()
        assert first is not None
        first.at = clock.now() - timedelta(minutes=49, seconds=30)
    page = enter(visitor, "BCDFG-HJKMP-QRTVW-XY234-67896")
    assert (page.status, page.response.headers["Retry-After"]) == (429, "660")
    assert "Try again in 11 minutes" in page.words


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"organization": "Inc."}, "Enter the name, not only its legal form."),
        ({"address": "kim"}, "Enter an email address in the correct format"),
        ({"address": "kim@microsoft.com"}, "an address of Microsoft's"),
        ({"phone": "ring me"}, "Enter a telephone number, like"),
        ({"country": ""}, "Choose a country or region."),
        ({"given_name": ""}, "Enter the first name."),
    ],
)
def test_what_is_wrong_with_the_account_is_said_and_kept(
    counter: Counter, browser: Browser, changes: dict[str, str], words: str
) -> None:
    visitor = browser()
    to_account(visitor, *counter.keys())
    page = visitor.submit(ACCOUNT | changes, to="/redeem/account")
    assert (page.status, words in page.words) == (422, True), page.words
    assert "Abercrombie" in page.html


def test_only_served_countries_are_offered(counter: Counter, browser: Browser) -> None:
    visitor = browser()
    page = to_account(visitor, *counter.keys())
    (form,) = [form for form in page.forms if "country" in form.names]
    assert set(form.options["country"]) == {"", "JP", "US", "GB", "DE", "FR", "CA", "AU", "SG"}
    assert "Not in the list? The service is not available there." in page.words


def test_an_organization_that_is_here_is_not_made_twice(counter: Counter, browser: Browser) -> None:
    visitor = browser()
    to_account(visitor, *counter.keys())
    domain = counter.customer["global_administrator"].address.rpartition("@")[2]
    page = visitor.submit(ACCOUNT | {"address": f"new@{domain}"}, to="/redeem/account")
    assert page.status == 422
    assert f"{domain} belongs to an organization that has an account here." in page.words
    assert "Sign in to redeem for it" in page.links
    assert counter.rows(Redemption) == []
    assert "You entered 1 product key" in visitor.open("/redeem").words


def test_an_organization_that_came_meanwhile_is_not_made_twice_either(counter: Counter, browser: Browser) -> None:
    one, two = counter.keys(count=2)
    first, second = browser(), browser()
    to_check(first, one)
    to_check(second, two, organization="Woodgrove")
    first.submit(button="Create account")
    page = second.submit(button="Create account")
    assert (page.status, page.heading) == (409, "This organization has an account already")
    assert "no product key was used" in page.words
    assert len(counter.rows(Redemption)) == 1


def test_who_is_slower_with_the_same_key_is_told_and_nothing_is_made(counter: Counter, browser: Browser) -> None:
    (key,) = counter.keys()
    first, second = browser(), browser()
    to_check(first, key)
    to_check(second, key, organization="Litware Inc.", address="ann@litware.example")
    first.submit(button="Create account")
    page = second.submit(button="Create account")
    assert (page.status, page.heading) == (409, "This product key was used already")
    assert "Ask in your own organization first" in page.words
    assert "Woodgrove" not in page.words
    assert counter.rows(Organization, Organization.name == "Litware Inc.") == []


def test_the_address_of_a_partner_is_refused(counter: Counter, browser: Browser) -> None:
    visitor = browser()
    to_account(visitor, *counter.keys())
    address = counter.partner["admin_agent"].address.replace("admin.agent", "somebody.else")
    page = visitor.submit(ACCOUNT | {"address": address}, to="/redeem/account")
    assert (page.status, "lies in the hands of a partner" in page.words) == (422, True)


def test_a_failure_after_the_organization_was_made_leaves_nothing(
    counter: Counter, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    visitor = browser()
    to_check(visitor, *counter.keys())

    def fails(*_arguments: Any, **_options: Any) -> None:
        raise RuntimeError("planted")

    monkeypatch.setattr("webapp.product_keys.emails.account_ready", fails)
    page = visitor.submit(button="Create account")
    assert page.status == 500
    assert counter.rows(Organization, Organization.name == "Woodgrove Bank Ltd.") == []
    assert counter.rows(Redemption) == counter.rows(Licence) == counter.rows(Subscription) == []
    monkeypatch.undo()
    visitor.open("/redeem/check")
    assert visitor.submit(button="Create account").heading == "The account is created"


def test_resting_drafts_go_and_what_was_redeemed_stays(counter: Counter, browser: Browser) -> None:
    one, two = counter.keys(count=2)
    visitor = browser()
    to_check(visitor, one)
    visitor.submit(button="Create account")
    other = browser()
    start(other)
    enter(other, two)
    with counter.app.app_context(), database.unit_of_work():
        database.write()
        database.session().execute(
            sa.update(RedemptionDraft).values(updated_at=clock.now() - timedelta(days=30, minutes=1))
        )
    assert other.open("/redeem/review").heading == "No product key is entered"
    with counter.app.app_context():
        assert (jobs.forget_resting(), jobs.forget_resting()) == (1, 0)
    (left,) = counter.rows(RedemptionDraft)
    assert left.redeemed_at is not None


# --- a partner ---------------------------------------------------------------------------------------------------


def test_a_partner_sets_up_its_customer_and_becomes_neither_reseller_nor_administrator(
    counter: Counter, browser: Browser
) -> None:
    visitor = browser()
    visitor.sign_in(counter.partner["sales_agent"].address)
    page = to_check(visitor, *counter.keys())
    assert page.heading == "Check before you create the account"
    page = visitor.submit(button="Create account")
    assert "You are neither the reseller nor the delegated administrator of this customer." in page.words
    customer = made(counter)
    assert customer.created_by_partner_id == counter.partner.id
    assert counter.rows(Relationship) == []
    (person,) = counter.rows(Person, Person.organization_id == customer.id)
    assert person.created_by_partner_id == counter.partner.id
    assert [row.person_id for row in counter.rows(Licence)] == [person.id]
    page = visitor.follow("Prepare an invitation")
    (form,) = [form for form in page.forms if "recipient" in form.names]
    assert (form.fields["customer"], form.fields["recipient"]) == ([str(customer.id)], ["kim@woodgrove.example"])
    assert "Woodgrove Bank Ltd." in visitor.open("/partner/customers").words
    (mail,) = counter.rows(Message, Message.kind == "account_ready")
    assert "Northwind Cloud redeemed product keys for Woodgrove Bank Ltd." in mail.text


def test_a_partner_s_draft_is_its_person_s(counter: Counter, browser: Browser) -> None:
    visitor = browser()
    visitor.sign_in(counter.partner["sales_agent"].address)
    start(visitor)
    enter(visitor, *counter.keys())
    again = browser()
    again.sign_in(counter.partner["sales_agent"].address)
    assert "You entered 1 product key here before" in again.open("/redeem").words
    colleague = browser()
    colleague.sign_in(counter.partner["admin_agent"].address)
    assert "You entered" not in colleague.open("/redeem").words


def test_a_reseller_without_a_confirmed_provider_is_refused_with_how_to_get_one(
    counter: Counter, browser: Browser
) -> None:
    lonely = counter.world.a_partner("Proseware Resellers", programme="indirect_reseller")
    visitor = browser()
    visitor.sign_in(lonely["admin_agent"].address)
    page = visitor.open("/redeem")
    assert (page.status, page.heading) == (403, "An indirect provider must be confirmed first")
    assert "See your team and your providers" in page.links
    paired = browser()
    paired.sign_in(counter.reseller["admin_agent"].address)
    assert paired.open("/redeem").status == 200


@pytest.mark.parametrize("lost", ["role", "session"])
def test_who_lost_a_role_or_the_session_while_it_waited_changes_nothing(counter: Counter, lost: str) -> None:
    agent = counter.partner["sales_agent"]
    one, two = counter.keys(count=2)
    with counter.app.app_context(), database.unit_of_work():
        by = counter.world._acting(agent)
    with counter.app.app_context(), database.unit_of_work():
        draft, _faults = actions.enter(None, one, by=by, network_address="192.0.2.1")
        assert draft is not None
    with counter.app.app_context(), database.unit_of_work():
        if lost == "session":
            accounts.end_sessions_of(agent.id)
        else:
            database.write()
            database.session().execute(sa.delete(RoleAssignment).where(RoleAssignment.person_id == agent.id))
    with counter.app.app_context():
        (draft,) = counter.rows(RedemptionDraft)
        before = (draft.key_ids, draft.values, draft.step)
        for act in (
            lambda: actions.enter(draft, two, by=by, network_address="192.0.2.1"),
            lambda: actions.enter(None, two, by=by, network_address="192.0.2.1"),
            lambda: actions.remove(draft, draft.key_ids[0], by=by),
            lambda: actions.keep(draft, {"a": "b"}, step="check", by=by),
            lambda: actions.discard(draft, by=by),
            lambda: actions.create_account(draft, by=by, fingerprint="", network_address="192.0.2.1"),
        ):
            with pytest.raises(Forbidden), database.unit_of_work():
                act()
    (draft,) = counter.rows(RedemptionDraft)
    assert (draft.key_ids, draft.values, draft.step) == before


def test_a_role_that_was_lost_between_the_steps_counts(counter: Counter, browser: Browser) -> None:
    visitor = browser()
    visitor.sign_in(counter.partner["sales_agent"].address)
    to_check(visitor, *counter.keys())
    with counter.app.app_context(), database.unit_of_work():
        database.write()
        database.session().execute(
            sa.delete(RoleAssignment).where(RoleAssignment.person_id == counter.partner["sales_agent"].id)
        )
    assert visitor.submit(button="Create account").status == 403
    assert counter.rows(Redemption) == []
