"""Renewing: the ways, and direct billing from the page to what follows."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

import pytest

from tests.renewals.scene import Ends
from tests.support.delegation import Delegation
from tests.support.visitor import Visitor
from webapp.delegated_admin.roles import ROLES
from webapp.errors import Refusal
from webapp.evidence.models import Fact
from webapp.renewals import actions, queries
from webapp.renewals.models import DirectSwitch
from webapp.subscriptions import actions as subscriptions
from webapp.subscriptions.models import Licence, SubscriptionStanding
from webapp.subscriptions.rules import SubscriptionMoved
from webapp.tasks.models import Task


@pytest.fixture
def buyer(ends: Ends, browser: Callable[..., Visitor]) -> Visitor:
    visitor = browser()
    visitor.sign_in(ends.customer["billing_administrator"].address)
    return visitor


def standing(ends: Ends, line_id: UUID) -> SubscriptionStanding:
    (row,) = ends.rows(SubscriptionStanding, SubscriptionStanding.line_id == line_id)
    found: SubscriptionStanding = row
    return found


def page_of(line_id: UUID) -> str:
    return f"/subscriptions/{line_id}/renewal"


@pytest.mark.parametrize(
    ("days", "words", "missing"),
    [
        (
            100,
            ["By product key", "It is too early for this: 100 days that are paid would be lost"],
            ["Reactivate it by product key"],
        ),
        (7, ["By product key", "Switch to direct billing"], ["too early"]),
        (-30, ["It has expired", "Reactivate it by product key", "Switch to direct billing"], ["It is disabled"]),
        (-31, ["It is disabled", "Reactivate it by product key", "Switch to direct billing"], ["It has expired"]),
        (-120, ["It is disabled", "Reactivate it by product key"], ["It was deleted"]),
        (-121, ["It was deleted", "Begin anew by product key", "Switch to direct billing"], ["Reactivate"]),
    ],
)
def test_the_ways_follow_from_the_day(
    ends: Ends, buyer: Visitor, days: int, words: list[str], missing: list[str]
) -> None:
    line = ends.catalogue_line(days)
    buyer.open(page_of(line))
    for each in words:
        assert each in buyer.page.words
    for each in missing:
        assert each not in buyer.page.words
    key = next(url for label, url in buyer.page.links.items() if label == "Redeem a product key")
    assert key.endswith("/redeem" if days == -121 else f"/redeem?subscription={line}")
    assert "Northwind Cloud" in buyer.page.words  # the partner of record


def test_what_has_not_begun_is_not_renewed(ends: Ends, buyer: Visitor) -> None:
    line = ends.line(ends.today() + timedelta(days=400), starts_on=ends.today() + timedelta(days=30))
    buyer.open(page_of(line))
    assert "It has not begun yet" in buyer.page.words
    buyer.open(f"{page_of(line)}/direct-billing")
    assert (buyer.page.status, buyer.page.heading) == (409, "This subscription has not begun yet")


def test_what_is_not_in_the_catalogue_is_not_billed_directly(ends: Ends, buyer: Visitor) -> None:
    line = ends.line(ends.today())
    buyer.open(page_of(line))
    assert "This product is not offered for direct billing." in buyer.page.words
    buyer.open(f"{page_of(line)}/direct-billing")
    assert (buyer.page.status, buyer.page.heading) == (409, "This product is not offered for direct billing")
    closing = ends.catalogue_line(3)
    with ends.unit():
        subscriptions.close_product("SUITE-Y")
    buyer.open(f"{page_of(closing)}/direct-billing")
    assert buyer.page.status == 409


def test_automatic_renewal_is_switched_on_and_off_where_a_partner_sells_it(ends: Ends, buyer: Visitor) -> None:
    line = ends.catalogue_line(50)
    buyer.open(page_of(line))
    buyer.submit(to="/automatic-renewal")
    assert standing(ends, line).renews
    assert "It renews itself after the last day" in buyer.page.words
    buyer.submit(to="/renewal-stop")
    assert not standing(ends, line).renews
    by_key = ends.catalogue_line(50, contract="product_key")
    buyer.open(page_of(by_key))
    assert "Automatic renewal" not in buyer.page.words
    over = ends.catalogue_line(-1)
    buyer.open(page_of(over))
    assert "Automatic renewal" not in buyer.page.words


# --- direct billing ----------------------------------------------------------------------------------------------


def test_shortly_before_the_end_a_new_subscription_begins_at_once_and_people_go_on_in_it(
    ends: Ends, buyer: Visitor
) -> None:
    line = ends.catalogue_line(5)
    ends.attest()
    ends.give(line, ends.customer[""], ends.customer["global_reader"])
    assert ends.renew_itself(line)
    buyer.open(f"{page_of(line)}/direct-billing")
    assert buyer.page.heading == "Check before you switch to direct billing"
    assert "2, who go on in the new one" in buyer.page.words
    buyer.submit(to="/direct-billing", seats="１２")
    (switch,) = ends.rows(DirectSwitch)
    new, old = standing(ends, switch.new_line_id), standing(ends, line)
    today = ends.today()
    assert (new.contract, new.partner_id, new.record_partner_id, new.seats) == ("direct", None, None, 12)
    assert (new.starts_on, new.ends_on) == (today, today.replace(year=today.year + 1) - timedelta(days=1))
    assert (old.renews, old.ends_on, old.record_partner_id) == (False, today + timedelta(days=5), ends.partner.id)
    assert {row.line_id for row in ends.rows(Licence)} == {new.line_id}
    assert switch.licences == 2
    kinds = [
        fact.kind for fact in sorted(ends.rows(Fact, Fact.chain_id == ends.customer.chain_id), key=lambda f: f.position)
    ]
    assert kinds[-3:] == ["subscription.added", "subscription.renewal_stopped", "renewal.switched_to_direct"]
    assert buyer.page.url.endswith(f"/subscriptions/{new.line_id}")


def test_its_partner_is_told_and_no_notice_of_the_old_one_follows(ends: Ends, buyer: Visitor) -> None:
    line = ends.catalogue_line(7)
    ends.attest()
    buyer.open(f"{page_of(line)}/direct-billing")
    buyer.submit(to="/direct-billing")
    told = {mail.recipient for mail in ends.mails("switched")}
    assert told == {
        ends.partner["admin_agent"].address, ends.partner["sales_agent"].address,
        ends.customer["global_administrator"].address, ends.customer["billing_administrator"].address,
    }  # fmt: skip
    (task,) = ends.rows(Task, Task.kind == "switched_to_direct")
    assert (task.organization_id, task.path) == (ends.partner.id, f"/partner/subscriptions/{line}")
    ends.at(ends.today() + timedelta(days=6))
    ends.work()
    assert ends.told(line) == []
    agent = Visitor(ends.app)
    agent.sign_in(ends.partner["sales_agent"].address)
    agent.open("/partner/inbox")
    assert "Contoso Ltd. switched Suite Business to direct billing" in agent.page.words
    agent.open("/partner/renewals")
    assert "Nothing ends" in agent.page.words


def test_what_was_left_is_not_extended_nor_renewed_elsewhere(ends: Ends, buyer: Visitor) -> None:
    line = ends.catalogue_line(5)
    ends.attest()
    assert "Use a product key" in buyer.open(f"/subscriptions/{line}").links
    buyer.open(f"{page_of(line)}/direct-billing")
    buyer.submit(to="/direct-billing")
    (switch,) = ends.rows(DirectSwitch)
    assert (standing(ends, line).left_for_id, standing(ends, switch.new_line_id).left_for_id) == (
        switch.new_line_id,
        None,
    )
    assert "Use a product key" not in buyer.open(f"/subscriptions/{line}").links
    assert not ends.renew_itself(line)
    with pytest.raises(SubscriptionMoved):
        ends.extend(line, ends.today() + timedelta(days=400))
    ends.extend(switch.new_line_id, ends.today() + timedelta(days=400))
    with ends.app.app_context():
        assert subscriptions.rebuild_standings() == 0


def test_who_acts_for_the_customer_buys_nothing_and_reads_who_does(ends: Ends) -> None:
    line = ends.catalogue_line(5)
    ends.attest()
    billing = next(role.id for role in ROLES if role.key == "billing_administrator")
    Delegation(ends.app).active(ends.partner, ends.customer, "Everyday support", roles=[billing])
    agent = Visitor(ends.app)
    agent.sign_in(ends.partner["admin_agent"].address)
    agent.open("/partner/administered")
    agent.submit(to="/acting")
    page = agent.open(page_of(line))
    assert "A global administrator or billing administrator of Contoso Ltd. can let it renew itself" in page.words
    assert "A global administrator or billing administrator of Contoso Ltd. can switch to direct billing" in page.words
    assert "Switch to direct billing" not in page.links
    assert not [form for form in page.forms if "automatic-renewal" in form.action]
    assert agent.open(f"{page_of(line)}/direct-billing").status == 403


def test_earlier_it_is_asked_again_and_says_what_is_lost(ends: Ends, buyer: Visitor) -> None:
    line = ends.catalogue_line(8)
    ends.attest()
    buyer.open(f"{page_of(line)}/direct-billing")
    assert "8 days of the present subscription that are paid would be lost" in buyer.page.words
    buyer.submit(to="/direct-billing")
    assert buyer.page.status == 422
    assert "Tick the box if you want it now" in buyer.page.words
    assert ends.rows(DirectSwitch) == []
    buyer.submit(to="/direct-billing", loss=True)
    assert len(ends.rows(DirectSwitch)) == 1


def test_a_second_click_begins_nothing_and_says_who_did_it(ends: Ends, buyer: Visitor) -> None:
    line = ends.catalogue_line(5)
    ends.attest()
    other = Visitor(ends.app)
    other.sign_in(ends.customer["global_administrator"].address)
    for each in (buyer, other):
        each.open(f"{page_of(line)}/direct-billing")
    buyer.submit(to="/direct-billing")
    other.submit(to="/direct-billing")
    assert (other.page.status, other.page.heading) == (409, "This was switched to direct billing already")
    assert re.search(r"Billing Of Customer\d+ did it on 11 January 2027", other.page.words)
    assert len(ends.rows(DirectSwitch)) == 1
    buyer.open(page_of(line))
    assert "See the new subscription" in buyer.page.links
    assert "By product key" not in buyer.page.words


def test_two_at_the_same_moment_begin_one(ends: Ends) -> None:
    line = ends.catalogue_line(5)
    ends.attest()
    people = [ends.actor(ends.customer[role]) for role in ("global_administrator", "billing_administrator")]
    start, new, refused = threading.Barrier(2), [], []

    def click(number: int) -> None:
        try:
            with ends.unit():
                row = ends.standing(line)
                direct = queries.direct_of(row, ends.organization(ends.customer), "active")
                assert direct is not None
                start.wait()
                new.append(
                    actions.switch_to_direct(
                        row, by=people[number], seats=5, shown=direct.shown, loss_accepted=False
                    ).line_id
                )
        except Refusal as refusal:
            refused.append(refusal.name)

    threads = [threading.Thread(target=click, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert refused == ["SwitchedAlready"]
    assert len(new) == 1


def test_without_the_agreement_nothing_begins_and_the_page_says_the_way(ends: Ends, buyer: Visitor) -> None:
    ends.world.a_published_agreement()
    line = ends.catalogue_line(5)
    buyer.open(f"{page_of(line)}/direct-billing")
    assert (buyer.page.status, buyer.page.heading) == (403, "The agreement must be in order first")
    assert "See where your agreement stands" in buyer.page.links


def test_what_changed_since_the_page_was_shown_is_shown_again(ends: Ends, buyer: Visitor) -> None:
    line = ends.catalogue_line(5)
    ends.attest()
    buyer.open(f"{page_of(line)}/direct-billing")
    ends.extend(line, ends.today() + timedelta(days=40))
    buyer.submit(to="/direct-billing")
    assert buyer.page.status == 409
    assert "what would begin has changed since the page was shown" in buyer.page.words
    assert "40 days" in buyer.page.words
    assert ends.rows(DirectSwitch) == []
    buyer.submit(to="/direct-billing", loss=True)
    assert len(ends.rows(DirectSwitch)) == 1


@pytest.mark.parametrize(
    ("seats", "words"),
    [
        ("0", "Enter a whole number"), ("", "Enter how many seats"), ("many", "Enter a whole number"),
        ("301", "sold for 1 to 300 seats"), ("1", "2 people have a licence"),
    ],
)  # fmt: skip
def test_seats_that_cannot_be_are_said_beside_the_field(ends: Ends, buyer: Visitor, seats: str, words: str) -> None:
    line = ends.catalogue_line(5)
    ends.attest()
    ends.give(line, ends.customer[""], ends.customer["global_reader"])
    buyer.open(f"{page_of(line)}/direct-billing")
    buyer.submit(to="/direct-billing", seats=seats)
    assert buyer.page.status == 422
    assert words in buyer.page.words
    assert ends.rows(DirectSwitch) == []


def test_after_it_was_deleted_a_new_one_begins_without_its_people(ends: Ends, buyer: Visitor) -> None:
    line = ends.catalogue_line(-121)
    ends.attest()
    buyer.open(f"{page_of(line)}/direct-billing")
    buyer.submit(to="/direct-billing")
    (switch,) = ends.rows(DirectSwitch)
    assert switch.licences == 0
    assert standing(ends, switch.new_line_id).starts_on == ends.today()
