"""A customer's subscriptions through the page: the list, what follows when, and its partner of record."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa

from tests.subscriptions.scene import Holding
from tests.support.visitor import Page, Visitor
from webapp import database, pages
from webapp.accounts.models import Person
from webapp.organizations.models import Organization
from webapp.subscriptions import queries
from webapp.subscriptions.models import PartnerOfRecord, RenewalStop, Subscription
from webapp.tasks.models import Task

Browser = Callable[..., Visitor]


def signed_in(holding: Holding, browser: Browser, role: str = "billing_administrator") -> Visitor:
    visitor = browser()
    visitor.sign_in(holding.customer[role].address)
    return visitor


def japanese(holding: Holding) -> None:
    """Everybody reads Japanese."""
    with holding.app.app_context(), database.unit_of_work():
        database.write()
        database.session().execute(sa.update(Person).values(language="ja"))


def links_to(page: Page, part: str) -> list[str]:
    return [url for url in page.links.values() if part in url]


# --- the list --------------------------------------------------------------------------------------------------


def test_without_any_it_says_how_one_begins_to_who_can_begin_it(holding: Holding, browser: Browser) -> None:
    page = signed_in(holding, browser).open("/subscriptions")
    assert "No subscriptions yet" in page.words
    assert page.links["Use a product key"].endswith("/redeem")
    assert page.links["Buy something"].endswith("/orders/new")
    page = signed_in(holding, browser, "global_reader").open("/subscriptions")
    assert "Global and billing administrators begin one." in page.words
    assert not links_to(page, "/redeem")


def test_the_list_says_seats_term_stage_and_through_whom(holding: Holding, browser: Browser) -> None:
    holding.begin()
    holding.begin(indirect=True)
    line = holding.line(seats=1200, renews=True)
    holding.give(line, holding.customer[""])
    for ended, product in ((10, "Ended lately"), (31, "Ended before"), (121, "Gone")):
        holding.line(ended=ended, product=product, indirect=True)
    holding.keyed()
    page = signed_in(holding, browser).open("/subscriptions")
    for words in ("1 of 1,200", "Active", "Expired", "Disabled", "Deleted", "automatic", "Northwind Cloud",
                  "Indirect provider: Fabrikam Distribution", "Paid in advance by product key", "5 subscriptions"):  # fmt: skip
        assert words in page.words, words


def test_the_list_turns_pages(holding: Holding, browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queries, "PAGE", 2)
    holding.begin()
    for number in range(3):
        holding.line(product=f"Product {number}")
    visitor = signed_in(holding, browser)
    first = visitor.open("/subscriptions")
    assert "Product 0" not in first.words
    second = visitor.follow("Next page")
    assert "Product 0" in second.words
    assert visitor.follow("Previous page").words == first.words
    long_ago = pages.cursor("2000-01-01T00:00:00+00:00", str(UUID(int=0)))
    assert "Nothing here any more" in visitor.open(f"/subscriptions?after={long_ago}").words


# --- one of them -----------------------------------------------------------------------------------------------


def test_it_says_what_follows_on_which_day_in_the_customer_s_zone(timed: Holding) -> None:
    def browser() -> Visitor:
        return Visitor(timed.app)

    timed.it_is(datetime(2026, 11, 27, 16, 0, tzinfo=UTC))  # the 28th in Tokyo
    timed.begin()
    line = timed.line(ended=-2)
    visitor = signed_in(timed, browser)
    page = visitor.open(f"/subscriptions/{line}")
    assert "It runs until the end of 30 November 2026. Unless it is extended before, this follows:" in page.words
    assert "Until the end of 30 December 2026 people can still work with it as before." in page.words
    assert "until the end of 30 March 2027, only administrators reach it" in page.words
    assert "After 30 March 2027 it is deleted together with its data." in page.words
    assert "Japan Time" in page.words
    for moment, words in (
        (datetime(2026, 11, 30, 14, 59, tzinfo=UTC), "It runs until the end of 30 November 2026"),
        (datetime(2026, 11, 30, 15, 1, tzinfo=UTC), "People can still work with it as before until the end of 30 Dec"),
        (datetime(2026, 12, 30, 14, 59, tzinfo=UTC), "People can still work with it as before"),
        (datetime(2026, 12, 30, 15, 1, tzinfo=UTC), "People have no access any more; administrators reach it until"),
        (datetime(2027, 3, 30, 14, 59, tzinfo=UTC), "it can be reactivated"),
        (datetime(2027, 3, 30, 15, 1, tzinfo=UTC), "was deleted after 30 March 2027 together with its data"),
    ):
        timed.it_is(moment)
        visitor = signed_in(timed, browser)
        page = visitor.open(f"/subscriptions/{line}")
        assert words in page.words, moment
    assert not links_to(page, "/renewal")


def test_its_history_says_what_changed_and_when(holding: Holding, browser: Browser) -> None:
    holding.begin()
    line = holding.line(seats=5)
    holding.change(line, seats=8)
    ends_on = holding.today() + timedelta(days=400)
    holding.change(line, why="extension", ends_on=ends_on)
    holding.name(line, holding.provider)
    holding.name(line, None)
    page = signed_in(holding, browser, "global_reader").open(f"/subscriptions/{line}")
    last = 0
    for words in (
        "The partner of record was removed", "Fabrikam Distribution became partner of record", "It was extended",
        "8 seats as before", "The number of seats changed", "From 5 to 8 seats", "It began", "5 seats",
    ):  # fmt: skip
        at = page.words.find(words, last)
        assert at >= last, words
        last = at


def test_each_reads_what_it_may_do(holding: Holding, browser: Browser) -> None:
    holding.begin()
    line = holding.line(renews=True)
    page = signed_in(holding, browser, "global_administrator").open(f"/subscriptions/{line}")
    assert page.links["Renew or reactivate"].endswith(f"/subscriptions/{line}/renewal")
    assert page.links["Use a product key"].endswith(f"/redeem?subscription={line}")
    assert page.links["Who has a licence"].endswith(f"/users?licence={line}")
    assert page.links["Partner of record"].endswith(f"/subscriptions/{line}/partner-of-record")
    page = signed_in(holding, browser, "global_reader").open(f"/subscriptions/{line}")
    assert page.links["Who has a licence"].endswith(f"/users?licence={line}")
    for part in ("/renewal", "/redeem", "/partner-of-record"):
        assert not links_to(page, part)
    assert not [form for form in page.forms if "renewal-stop" in form.action]


def test_the_renewal_is_stopped_once(holding: Holding, browser: Browser) -> None:
    holding.begin()
    line = holding.line(renews=True)
    visitor = signed_in(holding, browser)
    page = visitor.open(f"/subscriptions/{line}")
    assert "and then renews itself for another term" in page.words
    assert "It will not renew itself any more." in visitor.submit(to="/renewal-stop").words
    visitor.page = page
    assert "It does not renew itself. Nothing was changed." in visitor.submit(to="/renewal-stop").words
    assert len(holding.rows(RenewalStop)) == 1


def test_another_customer_s_subscription_is_none(holding: Holding, browser: Browser) -> None:
    holding.begin()
    line = holding.line()
    stranger = holding.world.an_organization_of_one("customer", "Adventure Works")
    visitor = browser()
    visitor.sign_in(stranger["everything"].address)
    for path in (f"/subscriptions/{line}", f"/subscriptions/{line}/partner-of-record", f"/subscriptions/{uuid4()}"):
        assert visitor.open(path).status == 404
    assert signed_in(holding, browser, "").open(f"/subscriptions/{line}").status == 403


def test_long_japanese_names_are_shown_whole(holding: Holding, browser: Browser) -> None:
    name = "株式会社" + "東京国際情報基盤運営機構" * 15
    product = "業務用クラウド統合スイート（年間契約・法人向け）" * 6
    with holding.app.app_context(), database.unit_of_work():
        database.write()
        database.session().execute(
            sa.update(Organization).where(Organization.id == holding.partner.id).values(name=name)
        )
    japanese(holding)
    holding.begin()
    line = holding.line(product=product, renews=True)
    visitor = signed_in(holding, browser)
    for path in ("/subscriptions", f"/subscriptions/{line}", f"/subscriptions/{line}/partner-of-record"):
        page = visitor.open(path)
        assert page.status == 200
        assert name in page.words
        assert product in page.words
    assert "次の期間に更新されます" in visitor.open(f"/subscriptions/{line}").words


# --- partner of record -----------------------------------------------------------------------------------------


def begin(holding: Holding, browser: Browser) -> tuple[Visitor, str]:
    holding.begin()
    path = f"/subscriptions/{holding.line()}/partner-of-record"
    visitor = signed_in(holding, browser)
    visitor.open(path)
    return visitor, path


def test_the_name_is_seen_before_anything_is_changed(holding: Holding, browser: Browser) -> None:
    visitor, _path = begin(holding, browser)
    number = holding.number_of(holding.provider).translate({ord(str(n)): 0xFF10 + n for n in range(10)})
    page = visitor.submit(number=f"{number[:3]} {number[3:]}", to="/check")
    assert page.heading == "Is this the right partner?"
    for words in ("Fabrikam Distribution", "United States", "Verified domain"):
        assert words in page.words
    assert "Northwind Cloud will no longer be partner of record, and is told so." in page.words
    assert holding.rows(PartnerOfRecord) == []
    changed = visitor.follow("Change")
    (form,) = [form for form in changed.forms if form.action.endswith("/check")]
    assert form.fields["number"] == [holding.number_of(holding.provider)]
    visitor.submit(to="/check")
    page = visitor.submit(to="/partner-of-record")
    assert "Fabrikam Distribution is partner of record now." in page.words
    assert "Fabrikam Distribution is not enrolled" in page.words
    assert not [form for form in page.forms if form.action.endswith("/offer-request")]


@pytest.mark.parametrize(
    ("number", "words"),
    [
        ("", "Enter the partner number."),
        ("abc", "A partner number is 1 to 16 digits."),
        ("99999999", "No partner that works here has this number."),
    ],
)
def test_a_number_that_is_nobody_s_is_said_so_and_stays_in_the_field(
    holding: Holding, browser: Browser, number: str, words: str
) -> None:
    visitor, _path = begin(holding, browser)
    page = visitor.submit(number=number, to="/check")
    assert page.status == 422
    assert words in page.words
    (form,) = [form for form in page.forms if form.action.endswith("/check")]
    assert form.fields["number"] == [number]


def test_the_number_of_who_it_is_already_is_said_so(holding: Holding, browser: Browser) -> None:
    visitor, _path = begin(holding, browser)
    page = visitor.submit(number=holding.number_of(holding.partner), to="/check")
    assert page.status == 422
    assert "This is the number of Northwind Cloud, which is partner of record already." in page.words


def test_a_stale_page_confirms_nothing_and_a_second_click_says_so(holding: Holding, browser: Browser) -> None:
    visitor, path = begin(holding, browser)
    check = visitor.submit(number=holding.number_of(holding.provider), to="/check")
    line = UUID(path.split("/")[2])
    holding.name(line, holding.reseller)
    page = visitor.submit(to="/partner-of-record")
    assert page.status == 409
    assert page.heading == "The partner of record was changed meanwhile"
    assert "Tailspin Resellers is partner of record" in visitor.follow("See the partner of record").words
    holding.name(line, holding.provider)
    visitor.page = check
    assert "Fabrikam Distribution is partner of record already." in visitor.submit(to="/partner-of-record").words


def test_it_is_removed_after_a_page_that_says_what_follows(holding: Holding, browser: Browser) -> None:
    visitor, path = begin(holding, browser)
    page = visitor.follow("Remove the partner of record")
    assert "It still sees the subscription, because it sells it to you." in page.words
    assert "The subscription has no partner of record any more." in visitor.submit(to="/removal").words
    assert "There is none that could be removed." in visitor.open(f"{path}/removal").words
    visitor.page = page
    assert "There is no partner of record. Nothing was changed." in visitor.submit(to="/removal").words


def test_one_click_asks_for_an_offer_and_a_second_says_that_it_was_asked(holding: Holding, browser: Browser) -> None:
    visitor, _path = begin(holding, browser)
    assert "You asked for an offer." in visitor.submit(to="/offer-request").words
    assert "The partner was asked today already. Nothing was sent twice." in visitor.submit(to="/offer-request").words
    (task,) = holding.rows(Task, Task.kind == "offer_wanted")
    assert (task.organization_id, task.waits) == (holding.partner.id, True)


def test_who_only_reads_names_nobody(holding: Holding, browser: Browser) -> None:
    _visitor, path = begin(holding, browser)
    assert signed_in(holding, browser, "global_reader").open(path).status == 403
    assert len(holding.rows(Subscription)) == 1
