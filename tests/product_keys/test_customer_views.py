"""Redeeming for the own organization through the pages: what keys do, shown before Redeem, done once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from uuid import UUID

import pytest
import sqlalchemy as sa

from tests.product_keys.scene import Counter, enter, to_choice
from tests.support.visitor import Page, Visitor
from webapp import clock, database
from webapp.evidence.models import Fact
from webapp.messages.models import Message
from webapp.policies import actions as policies
from webapp.product_keys.models import ProductKey, Redemption, RedemptionDraft
from webapp.subscriptions import actions as subscriptions
from webapp.subscriptions import queries as subscription_queries
from webapp.subscriptions.models import Subscription, SubscriptionStanding

Browser = Callable[..., Visitor]


@pytest.fixture
def admin(counter: Counter, browser: Browser) -> Visitor:
    visitor = browser()
    visitor.sign_in(counter.customer["billing_administrator"].address)
    return visitor


def today() -> date:
    """The customer's day."""
    return clock.today("Asia/Tokyo")


def options(page: Page, number: int = 0) -> list[str]:
    """What the page before Redeem offers for a product."""
    (form,) = [form for form in page.forms if "fingerprint" in form.names]
    return form.options.get(f"way_{number}", form.fields.get(f"way_{number}", []))


def redeem(visitor: Visitor, **ways: str) -> Page:
    return visitor.submit(ways, button="Redeem", to="/redeem/own")


def test_who_is_signed_in_redeems_for_its_own_organization_shown_large(counter: Counter, admin: Visitor) -> None:
    page = admin.open("/redeem")
    assert page.url.endswith("/redeem/own")
    assert "The product keys will be redeemed for: Contoso 株式会社" in page.words
    assert "billing.administrator@" in page.words
    page = admin.submit(button="Switch account")
    assert page.url.endswith("/sign-in?next=/redeem/own")


def test_without_a_subscription_of_the_product_a_new_one_begins(counter: Counter, admin: Visitor) -> None:
    page = to_choice(admin, *counter.keys(count=2, seats=4, partner=counter.partner))
    assert options(page) == ["new"]
    page = redeem(admin)
    assert page.heading == "The product keys are redeemed"
    (row,) = counter.rows(Subscription)
    assert (row.seats, row.partner_id, row.contract, row.starts_on) == (8, counter.partner.id, "product_key", today())
    assert len(counter.rows(Redemption, Redemption.subscription_id == row.id)) == 2
    told = {mail.recipient for mail in counter.rows(Message, Message.kind == "redeemed")}
    assert told == {counter.customer[role].address for role in ("global_administrator", "billing_administrator")}
    assert admin.open(page.url).heading == "The product keys are redeemed"
    facts = [fact.kind for fact in counter.rows(Fact, Fact.chain_id == counter.customer.chain_id)][-2:]
    assert facts == ["subscription.added", "product_key.redeemed"]
    reader = Visitor(counter.app)
    reader.sign_in(counter.customer["global_reader"].address)
    assert reader.open(page.url).status == 200
    assert "redeemed product keys" in reader.open("/history").words


def test_more_licences_get_one_end_date_and_the_sum_is_shown(counter: Counter, admin: Visitor) -> None:
    line = counter.has(seats=100, ends_in=60)
    page = to_choice(admin, *counter.keys(seats=100))
    assert options(page) == [f"seats:{line}", f"extend:{line}", "new"]
    assert "licences with" in page.words
    assert "÷ 200" in page.words
    page = redeem(admin, way_0=f"seats:{line}")
    assert "before: 100" in page.words
    standing = counter.standing(line)
    assert standing.seats == 200
    months = (standing.ends_on - today()).days / 30.4
    assert 6.8 < months < 7.2  # (100 × 2 + 100 × 12) ÷ 200, the documented example
    (fact,) = counter.rows(Fact, Fact.kind == "subscription.changed")
    assert '"why":"seats"' in fact.record


def test_the_same_keys_let_the_same_licences_run_longer(counter: Counter, admin: Visitor) -> None:
    line = counter.has(seats=100, ends_on=date(today().year + 1, 1, 31))
    page = to_choice(admin, *counter.keys(seats=25), subscription=line)
    (form,) = [form for form in page.forms if "fingerprint" in form.names]
    assert form.fields["way_0"] == [f"extend:{line}"]  # whoever comes from a subscription is proposed its extension
    redeem(admin)
    assert counter.standing(line).ends_on == date(today().year + 1, 4, 30)
    assert counter.standing(line).seats == 100


def test_more_than_three_years_are_not_offered_and_it_says_why(counter: Counter, admin: Visitor) -> None:
    line = counter.has(seats=1, ends_in=30)
    page = to_choice(admin, *counter.keys(seats=4))
    assert options(page) == [f"seats:{line}", "new"]
    assert "at most three years are added at once, and this would be 48 months" in page.words


def test_more_licences_than_the_product_has_are_not_offered(counter: Counter, admin: Visitor) -> None:
    line = counter.has("SMALL", seats=10)
    page = to_choice(admin, *counter.keys("SMALL", seats=10))
    assert options(page) == [f"extend:{line}", "new"]
    assert "Small Plan has 15 licences at most, and this would be 20." in page.words


@pytest.mark.parametrize(("over", "compared"), [(30, False), (31, True)])
def test_an_extension_from_an_old_end_that_loses_much_stands_beside_a_new_one(
    counter: Counter, admin: Visitor, over: int, compared: bool
) -> None:
    line = counter.has(seats=10, ends_in=-over - 1)
    page = to_choice(admin, *counter.keys(seats=10))
    assert options(page) == [f"extend:{line}", "new"]
    assert f"{over} days of them are over already." in page.words
    assert ("Compare both" in page.words) is compared
    redeem(admin, way_0=f"extend:{line}")
    (fact,) = counter.rows(Fact, Fact.kind == "subscription.changed")
    assert '"why":"reactivation"' in fact.record


def test_an_extension_that_would_still_be_over_is_not_offered(counter: Counter, admin: Visitor) -> None:
    counter.has(seats=100, ends_in=-60)
    page = to_choice(admin, *counter.keys(seats=5))
    assert options(page) == ["new"]
    assert "Not possible: it would end on" in page.words


def test_what_is_deleted_begins_anew(counter: Counter, admin: Visitor) -> None:
    counter.has(seats=10, ends_in=-121)
    assert options(to_choice(admin, *counter.keys())) == ["new"]


def test_what_was_left_for_another_is_not_offered(counter: Counter, admin: Visitor) -> None:
    line = counter.has()
    with counter.app.app_context(), database.unit_of_work():
        customer = counter.organization(counter.customer)
        database.write(chain=customer.chain_id)
        product = subscription_queries.product_by_code("SUITE-Y")
        assert product is not None
        new = subscriptions.begin_paid(
            customer, None, product=product, name="Suite", seats=10, ends_on=today() + timedelta(days=364),
            contract="direct", by=None, replaces=line,
        ).line_id  # fmt: skip
    found = options(to_choice(admin, *counter.keys(), subscription=line))
    assert not [value for value in found if str(line) in value]
    assert [value for value in found if str(new) in value]


def test_each_product_is_asked_about(counter: Counter, admin: Visitor) -> None:
    line = counter.has()
    page = to_choice(admin, *counter.keys(), *counter.keys("OTHER"))
    assert options(page, 1) == ["new"]
    page = redeem(admin)
    assert (page.status, "Choose what the product keys shall do." in page.words) == (422, True)
    assert counter.rows(Redemption) == []
    redeem(admin, way_0=f"extend:{line}")
    assert len(counter.rows(Redemption)) == 2


def test_two_subscriptions_of_one_product_are_told_apart(counter: Counter, admin: Visitor) -> None:
    counter.has(seats=10, ends_on=date(today().year + 1, 1, 31))
    counter.has(seats=12, ends_on=date(today().year + 1, 2, 28))
    words = to_choice(admin, *counter.keys(seats=12)).words
    assert words.count("What you have") == 2
    for seats, day in ((10, "31 January"), (12, "28 February")):
        assert f"What you have {seats} licences, until {day} {today().year + 1}" in words
        assert words.count(f"Now: {seats} licences, until {day} {today().year + 1}.") == 2  # more licences, a later end


def test_what_a_partner_sold_stays_billed_by_it_and_takes_no_key_of_another(counter: Counter, admin: Visitor) -> None:
    line = counter.has(seats=10)
    with counter.app.app_context(), database.unit_of_work():
        database.write()
        database.session().execute(
            sa.update(SubscriptionStanding)
            .where(SubscriptionStanding.line_id == line)
            .values(partner_id=counter.partner.id)
        )
    page = to_choice(admin, *counter.keys(partner=counter.partner))
    assert options(page) == [f"seats:{line}", f"extend:{line}", "new"]
    assert page.words.count(f"It stays billed by {counter.partner.name}.") == 2
    admin.open("/redeem/own")
    enter(admin, *counter.keys(partner=counter.provider), to="/redeem/own/keys")
    page = admin.open("/redeem/own/choice")
    assert options(page) == ["new"]
    assert "issued for another partner than the one that sells this subscription" in page.words


def test_who_is_wrong_too_often_keeps_what_was_typed(counter: Counter, admin: Visitor) -> None:
    with counter.app.app_context(), database.unit_of_work():
        policies.set_policy("product_key.wrong_an_hour", 1, why="for a test")
    to_choice(admin, "BCDFG-HJKMP-QRTVW-XY234-67896")
    page = to_choice(admin, "BCDFG-HJKMP-QRTVW-XY234-67899")
    assert (page.status, page.heading) == (429, "Redeem product keys")
    assert "BCDFG-HJKMP-QRTVW-XY234-67899" in page.html
    assert "none is taken for a while" in page.words
    assert int(page.response.headers["Retry-After"]) > 3500


def test_a_subscription_that_moved_meanwhile_lets_nothing_be_redeemed(counter: Counter, admin: Visitor) -> None:
    line = counter.has(seats=10, ends_in=60)
    to_choice(admin, *counter.keys())
    with counter.app.app_context(), database.unit_of_work():
        row = subscription_queries.newest_of_line(line)
        assert row is not None
        subscriptions.change(row, seats=30, ends_on=row.ends_on, why="seats", by=None)
    page = redeem(admin, way_0=f"extend:{line}")
    assert (page.status, page.heading) == (409, "Something has changed since the page was shown")
    assert "Suite Business had 10 licences until" in page.words
    assert "and has 30 licences until" in page.words
    assert counter.rows(Redemption) == []
    admin.follow("Check it anew")
    assert redeem(admin, way_0=f"extend:{line}").heading == "The product keys are redeemed"


def test_a_form_that_was_altered_redeems_nothing(counter: Counter, admin: Visitor) -> None:
    to_choice(admin, *counter.keys())
    (form,) = [form for form in admin.page.forms if "fingerprint" in form.names]
    sent = {name: values[0] for name, values in form.fields.items()}
    for changes in ({"fingerprint": "0" * 64}, {"way_0": f"extend:{UUID(int=1)}"}, {"parts": "[]"}):
        if changes == {"parts": "[]"}:
            changes |= {"fingerprint": ""}
        answer = admin.client.post(
            "/redeem/own", data=sent | changes, base_url=admin.origin, headers={"Referer": admin.origin + "/"}
        )
        assert answer.status_code == 409, answer.text
    assert counter.rows(Redemption) == []


def test_a_second_click_is_told_by_whom_and_when(counter: Counter, admin: Visitor) -> None:
    page = to_choice(admin, *counter.keys())
    redeem(admin)
    admin.page = page
    page = redeem(admin)
    assert (page.status, page.heading) == (409, "This product key was redeemed already"), page.words
    assert "Billing Of" in page.words
    assert admin.follow("See what was redeemed").heading == "The product keys are redeemed"
    assert len(counter.rows(Redemption)) == 1


def test_a_colleague_with_the_same_key_is_told_by_whom(counter: Counter, admin: Visitor, browser: Browser) -> None:
    (key,) = counter.keys()
    colleague = browser()
    colleague.sign_in(counter.customer["global_administrator"].address)
    to_choice(colleague, key)
    to_choice(admin, key)
    redeem(admin)
    page = redeem(colleague)
    assert (page.status, "Billing Of" in page.words) == (409, True)
    page = to_choice(admin, key)
    assert "was redeemed for your organization already, on" in page.words


def test_a_key_of_another_organization_tells_nothing_of_it(counter: Counter, admin: Visitor, browser: Browser) -> None:
    (key,) = counter.keys()
    other = counter.world.a_customer("Adventure Works")
    stranger = browser()
    stranger.sign_in(other["global_administrator"].address)
    to_choice(stranger, key)
    redeem(stranger)
    page = to_choice(admin, key)
    assert "was used already. Ask in your own organization first" in page.words
    assert "Adventure" not in page.words


def test_a_country_that_is_not_served_is_said(counter: Counter, browser: Browser) -> None:
    other = counter.world.a_customer("Tailwind", country="BR", zone="America/Sao_Paulo")
    visitor = browser()
    visitor.sign_in(other["global_administrator"].address)
    assert "is not available in your country or region" in to_choice(visitor, *counter.keys()).words


def test_a_trial_can_be_had_once(counter: Counter, admin: Visitor) -> None:
    one, two = counter.keys("TRIAL", 2)
    to_choice(admin, one)
    redeem(admin)
    assert "had the trial Suite Trial before" in to_choice(admin, two).words


def test_a_key_that_expired_on_the_way_is_refused_at_the_last_step(counter: Counter, admin: Visitor) -> None:
    (key,) = counter.keys()
    to_choice(admin, key)
    with counter.app.app_context(), database.unit_of_work():
        database.write()
        database.session().execute(sa.update(ProductKey).values(expires_on=clock.today("UTC") - timedelta(days=1)))
    page = redeem(admin)
    assert (page.status, page.heading) == (410, "This product key has expired")
    assert counter.rows(Redemption) == []


def test_a_key_can_be_taken_out_and_the_draft_stays_for_another_day(
    counter: Counter, admin: Visitor, browser: Browser
) -> None:
    one, two = counter.keys(count=2)
    admin.open("/redeem/own")
    enter(admin, one, two, button="Add", to="/redeem/own/keys")
    admin.submit(button=f"Remove the key {one[-5:]}")
    again = browser()
    again.sign_in(counter.customer["billing_administrator"].address)
    page = again.open("/redeem/own")
    assert (two[-5:] in page.words, one[-5:] in page.words) == (True, False)
    assert enter(again, "", to="/redeem/own/keys").heading == "Is everything correct?"
    again.open("/redeem/own")
    again.submit(button=f"Remove the key {two[-5:]}")
    assert again.open("/redeem/own/choice").heading == "No product key is entered"
    assert enter_nothing(again) == 422


def enter_nothing(visitor: Visitor) -> int:
    visitor.open("/redeem/own")
    return enter(visitor, "", to="/redeem/own/keys").status


def test_faults_come_back_beside_the_field(counter: Counter, admin: Visitor) -> None:
    page = to_choice(admin, "BCDFG-HJKMP-QRTVW-XY234-67896")
    assert (page.status, "is not valid" in page.words, "67896" in page.html) == (422, True, True)
    assert counter.rows(RedemptionDraft) == []


@pytest.mark.parametrize("role", ["", "global_reader"])
def test_who_may_not_redeem_is_told_who_can(counter: Counter, browser: Browser, role: str) -> None:
    visitor = browser()
    visitor.sign_in(counter.customer[role].address)
    page = visitor.open("/redeem")
    assert page.status == 403
    assert "Global administrator" in page.words
    assert "Billing administrator" in page.words
