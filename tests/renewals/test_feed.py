"""The calendar: read back by a parser of the test's own, its link, and when that opens nothing."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.renewals.scene import Ends
from tests.support.visitor import Visitor
from webapp import database
from webapp.accounts.models import Person
from webapp.evidence.models import Fact
from webapp.organizations.models import Organization, RoleAssignment
from webapp.renewals import queries, schemas
from webapp.renewals.schemas import Event
from webapp.tokens import Token

END = date(2027, 2, 10)
Component = tuple[str, dict[str, str], list["Component"]]


def parsed(octets: bytes) -> Component:
    """A calendar by RFC 5545, strictly: line ends, lengths, folds, escapes, nesting. AssertionError on any fault."""
    assert octets.endswith(b"\r\n")
    raw = octets.removesuffix(b"\r\n").split(b"\r\n")
    assert b"\r" not in b"".join(raw)
    assert b"\n" not in b"".join(raw)
    lines: list[bytes] = []
    for line in raw:
        assert len(line) <= 75, line
        line.decode("utf-8")  # no character is broken by a fold
        if line.startswith(b" "):
            lines[-1] += line[1:]
        else:
            lines.append(line)
    stack: list[Component] = [("", {}, [])]
    for each in lines:
        name, _colon, value = each.decode().partition(":")
        assert re.fullmatch(r"[A-Z-]+(;[A-Z-]+=[^;:,\"]+)*", name), name
        if name == "BEGIN":
            stack.append((value, {}, []))
        elif name == "END":
            component = stack.pop()
            assert component[0] == value
            stack[-1][2].append(component)
        else:
            assert name not in stack[-1][1], f"twice: {name}"
            stack[-1][1][name] = value
    ((_top, values, (calendar,)),) = [stack[0]] if len(stack) == 1 else []
    assert values == {}
    assert calendar[0] == "VCALENDAR"
    return calendar


def plain(value: str) -> str:
    """A text without its escapes; a bare comma or semicolon is a fault."""
    assert not re.search(r"(?<!\\)(?:\\\\)*[,;]", value), value
    return re.sub(r"\\([\\;,nN])", lambda found: "\n" if found[1] in "nN" else found[1], value)


def check_calendar(calendar: Component) -> list[dict[str, str]]:
    """What a calendar and its events must have; the events."""
    assert calendar[1]["VERSION"] == "2.0"
    assert calendar[1]["PRODID"]
    assert calendar[2], "a calendar holds at least one component"
    events = [values for kind, values, _inner in calendar[2] if kind == "VEVENT"]
    for event in events:
        assert {"UID", "DTSTAMP", "DTSTART;VALUE=DATE", "SUMMARY"} <= event.keys()
        assert re.fullmatch(r"\d{8}T\d{6}Z", event["DTSTAMP"])
        first, after = event["DTSTART;VALUE=DATE"], event["DTEND;VALUE=DATE"]
        assert datetime.strptime(after, "%Y%m%d") - datetime.strptime(first, "%Y%m%d") == timedelta(days=1)
    assert len({event["UID"] for event in events}) == len(events)
    return events


# --- the text ----------------------------------------------------------------------------------------------------


@given(
    name=st.text(max_size=120), summary=st.text(max_size=400), description=st.text(max_size=600),
    day=st.dates(date(2000, 1, 1), date(2100, 1, 1)),
)  # fmt: skip
def test_whatever_names_hold_the_calendar_reads_back(name: str, summary: str, description: str, day: date) -> None:
    event = Event(uuid4(), day, datetime(2027, 1, 1, tzinfo=UTC), summary, description, "https://example.example/a?b=c")
    (read,) = check_calendar(parsed(schemas.calendar(name, "localhost", "ja", [event]).encode()))
    for key, value in (("SUMMARY", summary), ("DESCRIPTION", description)):
        expected = re.sub(r"[\x00-\x09\x0b-\x1f\x7f\x80-\x9f\u2028\u2029]+", " ", re.sub("\r\n?", "\n", value))
        assert plain(read[key]) == expected
    assert read["DTSTART;VALUE=DATE"] == day.strftime("%Y%m%d")
    assert read["UID"] == f"{event.line_id}-{day:%Y%m%d}@localhost"


def test_an_empty_calendar_still_holds_a_component() -> None:
    calendar = parsed(schemas.calendar("Nothing", "localhost", "en", []).encode())
    assert check_calendar(calendar) == []
    assert [kind for kind, _values, _inner in calendar[2]] == ["VTIMEZONE"]


@pytest.mark.parametrize("length", [73, 74, 75, 76, 150, 224])
def test_a_line_is_folded_at_75_octets_and_no_character_is_broken(length: int) -> None:
    for character in ("a", "é", "日", "🎉"):
        line = "X:" + character * length
        pieces = schemas.folded(line).split("\r\n")
        assert all(len(piece.encode()) <= 75 for piece in pieces)
        assert pieces[0] + "".join(piece.removeprefix(" ") for piece in pieces[1:]) == line


# --- the link ----------------------------------------------------------------------------------------------------


def link_of(visitor: Visitor) -> str:
    """The link that the page shows."""
    found = re.search(r"https?://[^\s/]+(/calendar/renewals/[0-9A-Za-z_-]+\.ics)", visitor.page.words)
    assert found is not None, visitor.page.words
    return found[1]


def agent(ends: Ends, browser: Callable[..., Visitor], role: str = "sales_agent") -> Visitor:
    visitor = browser()
    visitor.sign_in(ends.partner[role].address)
    visitor.open("/partner/renewals/feed")
    return visitor


def test_the_calendar_shows_what_ends_as_whole_days_and_follows_what_changes(
    ends: Ends, browser: Callable[..., Visitor]
) -> None:
    line = ends.line(END, seats=25, product="Suite; Business, A")
    ends.line(END + timedelta(days=900))
    ends.line(END - timedelta(days=100))
    ends.line(END, renews=True)
    visitor = agent(ends, browser)
    assert "You have no link now." in visitor.page.words
    visitor.submit(to="/feed")
    assert visitor.page.status == 200
    answer = ends.app.test_client().get(path := link_of(visitor))
    assert answer.headers["Content-Type"] == "text/calendar; charset=utf-8"
    assert answer.headers["Cache-Control"] == "private, no-cache"
    (event,) = check_calendar(parsed(answer.data))
    assert plain(event["SUMMARY"]) == "Suite; Business, A of Contoso Ltd. expires"
    assert event["DTSTART;VALUE=DATE"] == "20270210"
    assert event["URL"].endswith(f"/partner/subscriptions/{line}")
    again = ends.app.test_client().get(path, headers={"If-None-Match": answer.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    ends.extend(line, END + timedelta(days=30))
    (moved,) = check_calendar(parsed(ends.app.test_client().get(path).data))
    assert moved["DTSTART;VALUE=DATE"] == "20270312"
    assert moved["UID"] != event["UID"]


def test_the_page_that_shows_the_link_is_kept_nowhere(ends: Ends, browser: Callable[..., Visitor]) -> None:
    visitor = agent(ends, browser)
    visitor.submit(to="/feed")
    answer = visitor.client.get("/partner/renewals/feed", headers={"Accept-Encoding": "gzip"})
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Content-Encoding"] == "identity"
    (token,) = ends.rows(Token, Token.purpose == queries.FEED)
    secret = urlsplit(link_of(visitor)).path.rsplit("/", 1)[1].removesuffix(".ics")
    assert secret not in str(vars(token))  # computed, not stored


def test_a_new_link_or_a_revocation_closes_the_one_before(ends: Ends, browser: Callable[..., Visitor]) -> None:
    visitor, client = agent(ends, browser), ends.app.test_client()
    visitor.submit(to="/feed")
    first = link_of(visitor)
    visitor.submit(to="/feed")
    second = link_of(visitor)
    assert first != second
    assert [client.get(path).status_code for path in (first, second)] == [404, 200]
    visitor.submit(to="/revocation")
    assert "You have no link now." in visitor.page.words
    assert client.get(second).status_code == 404
    kinds = [fact.kind for fact in ends.rows(Fact, Fact.chain_id == ends.partner.chain_id, Fact.kind.like("renewal_%"))]
    assert sorted(kinds) == ["renewal_calendar.linked", "renewal_calendar.linked", "renewal_calendar.revoked"]


@pytest.mark.parametrize("why", ["role", "disabled", "closed", "expired", "unknown"])
def test_the_link_is_dead_as_soon_as_its_person_may_not_read(
    ends: Ends, browser: Callable[..., Visitor], why: str
) -> None:
    visitor, client = agent(ends, browser), ends.app.test_client()
    visitor.submit(to="/feed")
    path, person_id = link_of(visitor), ends.partner["sales_agent"].id
    assert client.get(path).status_code == 200
    with ends.unit():
        database.write()
        session = database.session()
        if why == "role":
            session.query(RoleAssignment).filter_by(person_id=person_id).delete()
        elif why == "disabled":
            session.get_one(Person, person_id).disabled_at = ends.moment.now
        elif why == "closed":
            session.get_one(Organization, ends.partner.id).disabled_at = ends.moment.now
        elif why == "expired":
            session.query(Token).update({"expires_at": ends.moment.now})
    if why == "unknown":
        path = path.replace(path[-12:-4], "AAAAAAAA")
    assert client.get(path).status_code == 404


def test_one_partner_s_calendar_shows_nothing_of_another_s(ends: Ends, browser: Callable[..., Visitor]) -> None:
    other = ends.world.a_partner("Fabrikam Distribution")
    ends.relate(ends.customer, other)
    mine, named, theirs = ends.line(END), ends.line(END), ends.line(END, partner=other)
    ends.name(named, other)
    visitor = agent(ends, browser)
    visitor.submit(to="/feed")
    events = check_calendar(parsed(ends.app.test_client().get(link_of(visitor)).data))
    shown = {UUID(event["UID"][:36]) for event in events}
    assert shown == {mine}
    assert not shown & {named, theirs}
