"""The partner's page of what ends, and its file."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from tests.renewals.scene import Ends
from tests.support.builders import World
from tests.support.visitor import Visitor


@pytest.fixture
def agent(ends: Ends, browser: Callable[..., Visitor]) -> Visitor:
    visitor = browser()
    visitor.sign_in(ends.partner["sales_agent"].address)
    return visitor


def headings(visitor: Visitor) -> list[str]:
    """The groups of the page."""
    return ["".join(each.itertext()).strip() for each in visitor.page.elements("h2")]


def shown(visitor: Visitor) -> list[UUID]:
    """The lines of the page, in order."""
    return [UUID(url.rsplit("/", 1)[1]) for url in visitor.page.links.values() if "/partner/subscriptions/" in url]


def file_of(visitor: Visitor, arguments: str = "") -> list[dict[str, str]]:
    answer = visitor.client.get(f"/partner/renewals/export{arguments}")
    assert answer.status_code == 200
    assert answer.mimetype == "text/csv"
    text = answer.data.decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text, newline="")))


def some_of_each(ends: Ends) -> dict[str, UUID]:
    """Something in each group, and what is listed nowhere."""
    today = ends.today()
    days = {"overdue": -1, "days7": 7, "days30": 8, "days60": 60, "later": 61}
    found = {name: ends.line(today + timedelta(days=each), product=name) for name, each in days.items()}
    ends.line(today - timedelta(days=121), product="deleted")
    ends.line(today + timedelta(days=5), product="renews", renews=True)
    return found


def test_what_ends_stands_under_its_group(ends: Ends, agent: Visitor) -> None:
    lines = some_of_each(ends)
    agent.open("/partner/renewals")
    assert headings(agent) == ["Overdue", "Within 7 days", "Within 30 days", "Within 60 days", "Later"]
    assert shown(agent) == list(lines.values())
    assert "Expires in 7 days (18 Jan)" in agent.page.words
    assert "Expired 1 day ago (10 Jan)" in agent.page.words
    assert "5 subscriptions" in agent.page.words


@pytest.mark.parametrize("group", ["overdue", "days7", "days30", "days60", "later"])
def test_a_group_is_shown_alone(ends: Ends, agent: Visitor, group: str) -> None:
    lines = some_of_each(ends)
    agent.open(f"/partner/renewals?group={group}")
    assert shown(agent) == [lines[group]]
    assert "1 subscription" in agent.page.words
    assert [row["Product"] for row in file_of(agent, f"?group={group}")] == [group]


def test_the_customer_s_day_decides_about_the_group(ends: Ends, world: World, agent: Visitor) -> None:
    today = ends.today()  # New York; at half past two in the afternoon (UTC) it is the next day in Kiritimati
    there = world.a_customer("Kiribati Ltd.", zone="Pacific/Kiritimati")
    ends.relate(there, ends.partner)
    here, far = ends.line(today, product="here"), ends.line(today, customer=there, product="far")
    for group, line in (("overdue", far), ("days7", here)):
        agent.open(f"/partner/renewals?group={group}")
        assert shown(agent) == [line]
    agent.open("/partner/renewals")
    assert headings(agent) == ["Overdue", "Within 7 days"]


def test_who_was_told_when_stands_beside_it(ends: Ends, world: World, agent: Visitor) -> None:
    end = ends.today() + timedelta(days=30)
    line = ends.line(end)
    agent.open("/partner/renewals")
    assert "Not yet" in agent.page.words
    ends.work()
    agent.open("/partner/renewals")
    assert "30 days before, to 2 people" in agent.page.words
    other = world.a_partner("Fabrikam Distribution")
    ends.name(line, other)
    agent.open("/partner/renewals")
    assert shown(agent) == []
    newer = Visitor(ends.app)
    newer.sign_in(other["sales_agent"].address)
    newer.open("/partner/renewals")
    assert shown(newer) == [line]
    assert "Not yet" in newer.page.words  # what another partner was told is none of its business


def test_a_customer_is_searched_for_by_the_beginning_of_its_name(ends: Ends, world: World, agent: Visitor) -> None:
    other = world.a_customer("株式会社アドベンチャー", zone="Asia/Tokyo")
    ends.relate(other, ends.partner)
    mine, theirs = ends.line(ends.today()), ends.line(ends.today(), customer=other)
    for word, expected in (("conto", [mine]), ("アドベンチャー", [theirs]), ("%", []), ("", [mine, theirs])):
        agent.open(f"/partner/renewals?search={word.replace('%', '%25')}")
        assert sorted(shown(agent)) == sorted(expected), word
    agent.open("/partner/renewals?search=nobody")
    assert "Nothing fits" in agent.page.words


def test_pages_follow_one_another(ends: Ends, agent: Visitor) -> None:
    today = ends.today()
    lines = [ends.line(today + timedelta(days=number // 2)) for number in range(90)]
    agent.open("/partner/renewals")
    found, pages = shown(agent), 1
    while "Next page" in agent.page.links:
        agent.follow("Next page")
        found, pages = found + shown(agent), pages + 1
    assert (len(found), pages) == (90, 3)
    assert set(found) == set(lines)
    agent.follow("Previous page")
    assert shown(agent) == found[40:80]
    agent.open("/partner/renewals?after=nonsense&group=nonsense")
    assert len(shown(agent)) == 40


def test_the_file_holds_all_and_calculates_nothing(ends: Ends, agent: Visitor) -> None:
    lines = some_of_each(ends)
    ends.line(ends.today(), product="=cmd|' /C calc'!A0")
    rows = file_of(agent)
    assert len(rows) == 6
    by_product = {row["Product"]: row for row in rows}
    assert "'=cmd|' /C calc'!A0" in by_product
    overdue: dict[str, Any] = by_product["overdue"]
    assert (overdue["Customer"], overdue["Seats"], overdue["Days left"], overdue["Stage"], overdue["Group"]) == (
        "Contoso Ltd.", "5", "-1", "Expired", "Overdue",
    )  # fmt: skip
    assert overdue["Last day"] == (ends.today() - timedelta(days=1)).isoformat()
    assert overdue["Subscription"] == str(lines["overdue"])


def test_with_nothing_to_show_the_page_says_how_it_fills(ends: Ends, agent: Visitor) -> None:
    agent.open("/partner/renewals")
    assert "Nothing ends" in agent.page.words
    assert file_of(agent) == []
