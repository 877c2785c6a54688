"""Who is told of a coming end, and by which mails."""

from __future__ import annotations

import re
import threading
from datetime import date, timedelta
from uuid import UUID

import pytest
import sqlalchemy as sa

from tests.delegated_admin.scene import Moment
from tests.renewals.scene import Ends
from tests.support.builders import World
from webapp import database
from webapp.evidence.models import Fact
from webapp.organizations.models import Organization, RoleAssignment
from webapp.policies import actions as policies
from webapp.renewals import actions, queries, words
from webapp.renewals.models import RenewalMail, RenewalNotice
from webapp.subscriptions import actions as subscriptions
from webapp.subscriptions import queries as catalogue

END = date(2027, 6, 30)


def before(ends: Ends, days: int, hour: int = 12, end: date = END) -> None:
    ends.at(end - timedelta(days=days), hour)


def test_the_partner_of_record_and_the_customer_s_administrators_are_told_four_times(ends: Ends) -> None:
    line = ends.line(END)
    for days in (61, 60, 59, 31, 30, 8, 7, 2, 1, 0, -1):
        before(ends, days)
        ends.work()
        ends.work()
    assert ends.told(line) == [(60, 60), (30, 30), (7, 7), (1, 1)]
    people = {ends.partner[role].address for role in ("admin_agent", "sales_agent")}
    people |= {ends.customer[role].address for role in ("global_administrator", "billing_administrator")}
    assert {mail.recipient for mail in ends.mails()} == people
    assert len(ends.mails()) == 4 * len(people)
    assert {row.partner_id for row in ends.rows(RenewalNotice)} == {ends.partner.id}
    assert {row.person_count for row in ends.rows(RenewalMail)} == {2}
    facts = ends.rows(Fact, Fact.kind == "renewal.noticed")
    assert {(fact.chain_id, fact.partner_id) for fact in facts} == {(ends.customer.chain_id, ends.partner.id)}


def test_a_mail_says_what_ends_when_in_its_reader_s_language(world: World, moment: Moment, ends: Ends) -> None:
    tokyo = world.a_customer("コントソ株式会社", language="ja", country="JP", zone="Asia/Tokyo")
    ends.relate(tokyo, ends.partner)
    line = ends.line(END, customer=tokyo, seats=25, product="スイート")
    ends.at(END - timedelta(days=7), 9, "Asia/Tokyo")
    ends.work()
    mails = {mail.recipient: mail for mail in ends.mails()}
    agent = mails[ends.partner["sales_agent"].address]
    assert agent.subject == "スイート of コントソ株式会社 ends in 7 days"
    assert f"/partner/subscriptions/{line}" in agent.text
    assert "30 June 2027" in agent.text
    customer = mails[tokyo["billing_administrator"].address]
    assert customer.subject == "コントソ株式会社 様の スイート はあと 7 日で終了します"
    assert "Northwind Cloud" in customer.text  # the customer sees who its partner of record is
    assert f"/subscriptions/{line}/renewal" in customer.text


def test_many_ends_of_one_run_are_one_mail_a_person(ends: Ends) -> None:
    lines = [ends.line(END, product=f"Suite {number:02}") for number in range(60)]
    before(ends, 30)
    assert ends.work() == 60
    assert all(ends.told(line) == [(30, 30)] for line in lines)
    (mail,) = [mail for mail in ends.mails() if mail.recipient == ends.partner["admin_agent"].address]
    assert mail.subject == "60 subscriptions end soon"
    assert len(re.findall(r"^- ", mail.text, re.MULTILINE)) == 50
    assert "10 more stand on the page." in mail.text
    assert len(ends.mails()) == 4


def test_after_downtime_it_is_one_notice(ends: Ends) -> None:
    line = ends.line(END)
    before(ends, 5)
    ends.work()
    assert ends.told(line) == [(7, 5)]
    before(ends, 1)
    ends.work()
    assert ends.told(line) == [(7, 5), (1, 1)]


def test_a_moved_end_has_notices_of_its_own(ends: Ends) -> None:
    line = ends.line(END)
    before(ends, 30)
    ends.work()
    ends.extend(line, later := END + timedelta(days=365))
    for days in (7, 1):
        before(ends, days)
        ends.work()
    assert ends.told(line) == [(30, 30)]
    before(ends, 60, end=later)
    ends.work()
    assert ends.told(line) == [(30, 30), (60, 60)]


def test_a_new_partner_of_record_is_told_what_is_due_from_then_on(world: World, ends: Ends) -> None:
    other = world.a_partner("Fabrikam Distribution")
    line = ends.line(END)
    before(ends, 60)
    ends.work()
    before(ends, 20)  # nobody worked on the thirtieth day
    ends.name(line, other)
    ends.work()
    assert ends.told(line) == [(60, 60)]
    before(ends, 7)
    ends.work()
    rows = {row.days: row.partner_id for row in ends.rows(RenewalNotice)}
    assert rows == {60: ends.partner.id, 7: other.id}
    (mail,) = [mail for mail in ends.mails() if mail.recipient == other["admin_agent"].address]
    assert mail.subject.endswith("ends in 7 days")


def test_without_a_partner_of_record_or_with_a_disabled_one_the_customer_alone_is_told(ends: Ends) -> None:
    line, other = ends.line(END), ends.line(END)
    ends.name(line, None)
    with ends.unit():
        database.write()
        database.session().get_one(Organization, ends.partner.id).disabled_at = ends.moment.now
    before(ends, 30)
    ends.work()
    assert ends.told(line) == ends.told(other) == [(30, 30)]
    assert {row.partner_id for row in ends.rows(RenewalNotice)} == {None}
    assert {mail.recipient for mail in ends.mails()} == {
        ends.customer[role].address for role in ("global_administrator", "billing_administrator")
    }


def test_what_renews_itself_or_belongs_to_a_closed_customer_is_not_told_of(ends: Ends) -> None:
    renewing = ends.line(END, renews=True)
    stopped = ends.line(END, renews=True)
    with ends.unit():
        row = catalogue.newest_of_line(stopped)
        assert row is not None
        subscriptions.stop_renewal(row, by=ends.actor(ends.customer["global_administrator"]))
    before(ends, 7)
    ends.work()
    assert ends.told(renewing) == []
    assert ends.told(stopped) == [(7, 7)]
    with ends.unit():
        database.write()
        database.session().get_one(Organization, ends.customer.id).disabled_at = ends.moment.now
    before(ends, 1)
    assert ends.work() == 0


def test_the_days_are_policy(ends: Ends) -> None:
    line = ends.line(END)
    with ends.unit():
        policies.set_policy("renewal.notice_days", ["14", "3"], "shorter")
    for days in (60, 30, 14, 7, 3, 1):
        before(ends, days)
        ends.work()
    assert ends.told(line) == [(14, 14), (3, 3)]


def test_several_workers_tell_once(ends: Ends) -> None:
    lines = [ends.line(END) for _ in range(6)]
    before(ends, 30)
    start, faults = threading.Barrier(3), []

    def look() -> None:
        try:
            start.wait()
            ends.work()
        except BaseException as fault:
            faults.append(fault)

    threads = [threading.Thread(target=look) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
    assert all(ends.told(line) == [(30, 30)] for line in lines)
    told = [line for mail in ends.mails() if mail.recipient == ends.partner["admin_agent"].address
            for line in re.findall(r"Contoso Ltd\.: (Suite \d+)", mail.text)]  # fmt: skip
    assert len(told) == len(set(told)) == 6


def test_a_worker_that_died_between_notice_and_mail_leaves_the_mail_to_the_next(ends: Ends) -> None:
    line = ends.line(END)
    before(ends, 30)
    with ends.unit():
        assert actions.tell(line)
    assert ends.mails() == []
    ends.work()
    assert len(ends.mails()) == 4
    assert all(row.told_at is not None for row in ends.rows(RenewalMail))


@pytest.mark.one_engine
def test_a_batch_after_the_first_is_looked_through_as_well(ends: Ends, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("webapp.renewals.queries.BATCH", 2)
    lines = [ends.line(END + timedelta(days=number % 3)) for number in range(5)]
    before(ends, 28)
    ends.work()
    assert [ends.told(line) for line in lines] == [[(30, 28 + number % 3)] for number in range(5)]


def told_words(ends: Ends, line: UUID) -> list[str]:
    """What the page says of a line's notices."""
    with ends.app.test_request_context():
        return [words.told_words(each, "UTC") for each in queries.notices_of([line])[line]]


def close(ends: Ends, organization_id: UUID) -> None:
    with ends.unit():
        database.write()
        database.session().get_one(Organization, organization_id).disabled_at = ends.moment.now


def test_where_no_mail_went_the_page_says_so(ends: Ends) -> None:
    line = ends.line(END)
    before(ends, 30)
    with ends.unit():
        assert actions.tell(line)
    assert told_words(ends, line)[0].endswith("30 days before, the mail has not left yet")
    close(ends, ends.partner.id)
    ends.work()
    assert told_words(ends, line)[0].endswith("30 days before, nobody could be told")
    assert {mail.recipient for mail in ends.mails()} == {
        ends.customer[role].address for role in ("global_administrator", "billing_administrator")
    }


def test_a_partner_without_sellers_is_not_said_to_be_told(world: World, ends: Ends) -> None:
    other = world.a_partner("Fabrikam Distribution")
    line = ends.line(END)
    ends.name(line, other)
    with ends.unit():
        database.write()
        database.session().execute(
            sa.delete(RoleAssignment).where(RoleAssignment.person_id.in_([each.id for each in other.people.values()]))
        )
    before(ends, 30)
    ends.work()
    assert told_words(ends, line)[0].endswith("nobody could be told")


@pytest.mark.parametrize("change", ["moved", "passed", "renews", "renamed", "closed"])
def test_a_mail_that_waited_is_not_sent_when_its_notice_no_longer_holds(world: World, ends: Ends, change: str) -> None:
    line = ends.line(END)
    before(ends, 7)
    with ends.unit():
        assert actions.tell(line)
    if change == "moved":
        ends.extend(line, END + timedelta(days=365))
    elif change == "passed":
        before(ends, -1)
    elif change == "renews":
        assert ends.renew_itself(line)
    elif change == "renamed":
        ends.name(line, world.a_partner("Fabrikam Distribution"))
    else:
        close(ends, ends.customer.id)
    ends.work()
    agents = {ends.partner[role].address for role in ("admin_agent", "sales_agent")}
    assert not agents & {mail.recipient for mail in ends.mails()}
    assert len(ends.mails()) == (2 if change == "renamed" else 0)  # the customer's end still stands
    assert all(row.told_at is not None for row in ends.rows(RenewalMail))


def test_a_mail_that_waited_says_how_many_days_are_left_when_it_leaves(ends: Ends) -> None:
    line = ends.line(END)
    before(ends, 30)
    with ends.unit():
        assert actions.tell(line)
    before(ends, 28)
    ends.work()
    assert {mail.subject for mail in ends.mails()} == {"Suite 1 of Contoso Ltd. ends in 28 days"}


def test_without_a_plan_nobody_is_told(ends: Ends) -> None:
    ends.line(END)
    before(ends, 7)
    with ends.app.app_context():
        assert queries.may_be_due(ends.moment.now, []) == []
