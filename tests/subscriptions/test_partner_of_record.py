"""The partner of record: named, changed, removed; who is told and in which language; asking it for an offer."""

from __future__ import annotations

import threading
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa

from tests.subscriptions.scene import Holding
from tests.support.builders import Party
from tests.support.delegation import Delegation
from webapp import actor as actors
from webapp import database
from webapp.accounts.models import Person
from webapp.delegated_admin import queries as delegated
from webapp.delegated_admin.roles import ROLES
from webapp.evidence import queries as evidence
from webapp.evidence.models import Fact
from webapp.messages.models import Message
from webapp.organizations import actions as organizations
from webapp.subscriptions import actions, queries, rules
from webapp.subscriptions.models import PartnerOfRecord
from webapp.tasks.models import Task

BILLING = next(role.id for role in ROLES if role.key == "billing_administrator")


def agents(party: Party) -> set[str]:
    return {party[role].address for role in ("admin_agent", "sales_agent")}


def told(holding: Holding, kind: str) -> set[str]:
    return set(holding.mails(kind))


def entries(holding: Holding, party: Party) -> list[tuple[str, bool, str]]:
    rows = holding.rows(Task, Task.organization_id == party.id)
    return [(row.kind, row.waits, row.path) for row in rows if row.kind.startswith(("partner_of", "offer_wanted"))]


def speaks_japanese(holding: Holding, address: str) -> None:
    with holding.app.app_context(), database.unit_of_work():
        database.write()
        database.session().execute(sa.update(Person).where(Person.address == address).values(language="ja"))


def test_the_seller_is_partner_of_record_until_the_customer_names_another(holding: Holding) -> None:
    holding.begin()
    holding.begin(indirect=True)
    assert holding.standing(holding.line()).record_partner_id == holding.partner.id
    assert holding.standing(holding.line(indirect=True)).record_partner_id == holding.reseller.id
    assert holding.standing(holding.keyed()).record_partner_id is None


def test_the_named_and_the_former_are_told_each_in_its_language_and_neither_learns_of_the_other(
    holding: Holding,
) -> None:
    holding.begin()
    line = holding.line()
    speaks_japanese(holding, holding.provider["sales_agent"].address)
    assert holding.name(line, holding.provider)
    assert not holding.name(line, holding.provider)
    assert told(holding, "partner_of_record_named") == agents(holding.provider)
    assert told(holding, "partner_of_record_removed") == agents(holding.partner)
    assert told(holding, "record_changed_for_you") == set()
    named = holding.mails("partner_of_record_named")
    assert "named you partner of record of Suite" in named[holding.provider["admin_agent"].address].subject
    assert "レコードのパートナー" in named[holding.provider["sales_agent"].address].subject
    for mail in (*named.values(), *holding.mails("partner_of_record_removed").values()):
        assert "Contoso 株式会社" in mail.text
        assert "delegated" not in mail.text or "did it as delegated" not in mail.text
    assert "Northwind" not in "".join(mail.text for mail in named.values())
    assert entries(holding, holding.provider) == [
        ("partner_of_record_named", False, f"/partner/subscriptions/{line}")
    ]  # fmt: skip
    assert entries(holding, holding.partner) == [
        ("partner_of_record_removed", False, f"/partner/subscriptions/{line}")
    ]  # fmt: skip
    facts = holding.rows(Fact, Fact.kind.startswith("partner_of_record."))
    assert {(fact.kind, fact.partner_id, fact.other_partner_id) for fact in facts} == {
        ("partner_of_record.named", holding.provider.id, None),
        ("partner_of_record.removed", holding.partner.id, None),
    }
    (act,) = holding.rows(PartnerOfRecord)
    assert act.partner_id == holding.provider.id
    assert act.fact_id in {fact.id for fact in facts if fact.kind.endswith("named")}


def test_removed_it_sees_the_subscription_no_longer_unless_it_sells_it(holding: Holding) -> None:
    holding.begin()
    line = holding.line()

    def sees(party: Party) -> bool:
        with holding.app.app_context():
            return queries.sellers_line(holding.actor(party["helpdesk_agent"]), line) is not None

    assert not sees(holding.provider)
    holding.name(line, holding.provider)
    assert sees(holding.provider)
    assert sees(holding.partner)
    assert holding.name(line, None)
    assert not sees(holding.provider)
    assert sees(holding.partner)
    assert entries(holding, holding.provider)[-1] == ("partner_of_record_removed", False, "/partner/inbox")
    assert not holding.name(line, None)
    with holding.app.app_context():
        assert [act.partner_id for act in queries.record_acts_of(line)] == [holding.provider.id, None]


def test_a_stale_confirmation_changes_nothing(holding: Holding) -> None:
    holding.begin()
    line = holding.line()
    shown = rules.record_word(holding.partner.id)
    holding.name(line, holding.provider, shown=shown)
    with pytest.raises(rules.PartnerOfRecordChanged) as refused:
        holding.name(line, holding.reseller, shown=shown)
    assert refused.value.line_id == line
    with pytest.raises(rules.PartnerOfRecordChanged):
        holding.name(line, None, shown=shown)
    assert not holding.name(line, holding.provider, shown=shown)  # a second click
    assert holding.standing(line).record_partner_id == holding.provider.id


def test_of_two_confirmations_at_once_one_counts(holding: Holding) -> None:
    holding.begin()
    line = holding.line()
    shown = rules.record_word(holding.partner.id)
    roles = {"global_administrator": holding.provider, "billing_administrator": holding.reseller}
    with holding.app.app_context():
        for role in roles:
            holding.actor(holding.customer[role])
    start, refused = threading.Barrier(2), []

    def work(role: str) -> None:
        start.wait()
        try:
            holding.name(line, roles[role], role=role, shown=shown)
        except rules.PartnerOfRecordChanged:
            refused.append(role)

    threads = [threading.Thread(target=work, args=(role,)) for role in roles]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(refused) == 1
    assert len(holding.rows(PartnerOfRecord)) == 1


def test_whose_access_is_closed_can_be_named_by_nobody(holding: Holding) -> None:
    holding.begin()
    line = holding.line()
    with holding.app.app_context(), database.unit_of_work():
        organizations.disable(holding.organization(holding.provider), "for a test")
    with pytest.raises(rules.PartnerDisabled):
        holding.name(line, holding.provider)
    with holding.app.app_context(), pytest.raises(rules.UnknownPartnerNumber):
        queries.partner_with_number(holding.number_of(holding.provider))


def test_what_a_delegated_administrator_did_is_told_to_the_customer_s_administrators(holding: Holding) -> None:
    holding.begin()
    line = holding.line()
    helper = holding.world.a_partner("Woodgrove Services")
    Delegation(holding.app).active(helper, holding.customer, "Billing", roles=[BILLING])
    speaks_japanese(holding, holding.customer["billing_administrator"].address)
    with holding.app.app_context():
        own = holding.actor(helper["admin_agent"])
        acting = delegated.acting_of(own, holding.customer.id)
        assert isinstance(acting, actors.Actor)
        with database.unit_of_work():
            standing = queries.standing_of(line)
            assert standing is not None
            provider = holding.organization(holding.provider)
            assert actions.name_partner_of_record(standing, provider, by=acting) is not None
    mails = holding.mails("record_changed_for_you")
    assert set(mails) == {holding.customer[role].address for role in ("global_administrator", "billing_administrator")}
    english = mails[holding.customer["global_administrator"].address]
    assert english.subject == "Fabrikam Distribution is partner of record of Suite now"
    assert "of Woodgrove Services, delegated administrator of Contoso 株式会社" in english.text
    assert "代理管理者" in mails[holding.customer["billing_administrator"].address].text
    to_partner = holding.mails("partner_of_record_named")[holding.provider["admin_agent"].address]
    assert "Woodgrove Services did it as delegated administrator of the customer." in to_partner.text
    with holding.app.app_context():
        words = [
            entry.words
            for entry in evidence.tell(
                holding.rows(Fact, Fact.kind == "partner_of_record.named"),
                holding.actor(holding.customer["global_administrator"]),
            )
        ]
    assert len(words) == 1
    assert "named Fabrikam Distribution partner of record of Suite" in words[0]


# --- asking for an offer ---------------------------------------------------------------------------------------


def test_the_partner_is_asked_once_a_day_and_waits_again_on_another(timed: Holding) -> None:
    timed.it_is(datetime(2026, 3, 1, 3, 0, tzinfo=UTC))
    timed.begin()
    line = timed.line(ended=-200)
    assert timed.ask_for_offer(line)
    assert not timed.ask_for_offer(line)
    assert entries(timed, timed.partner) == [("offer_wanted", True, f"/partner/subscriptions/{line}")]
    assert told(timed, "offer_wanted") == agents(timed.partner)
    other = timed.line(ended=-200, product="Other")
    assert not timed.ask_for_offer(other)  # the partner is asked, not the subscription
    timed.it_is(datetime(2026, 3, 1, 14, 59, tzinfo=UTC))
    assert not timed.ask_for_offer(line)
    timed.it_is(datetime(2026, 3, 1, 15, 1, tzinfo=UTC))  # the next day in Tokyo
    assert timed.ask_for_offer(line)
    assert len(timed.rows(Message, Message.kind == "offer_wanted")) == 4
    assert len(entries(timed, timed.partner)) == 1


def test_who_is_no_longer_partner_of_record_is_not_waited_for(holding: Holding) -> None:
    holding.begin()
    line, other = holding.line(), holding.line(product="Other")
    holding.ask_for_offer(line)

    def waits() -> bool:
        (task,) = holding.rows(Task, Task.kind == "offer_wanted")
        return task.done_at is None

    holding.name(line, None)
    assert waits()
    holding.name(other, holding.provider)
    assert not waits()


def test_nobody_is_asked_who_cannot_offer_or_is_not_there(holding: Holding) -> None:
    holding.begin()
    line = holding.line()
    holding.name(line, holding.provider)
    with pytest.raises(rules.PartnerCannotOffer) as refused:
        holding.ask_for_offer(line)
    assert refused.value.partner == "Fabrikam Distribution"
    holding.name(line, None)
    with pytest.raises(rules.NoPartnerOfRecord):
        holding.ask_for_offer(line)
    assert holding.rows(Fact, Fact.kind == queries.OFFER_WANTED) == []


def test_an_offer_can_be_made_at_once_by_whom_the_customer_is_related_to(holding: Holding) -> None:
    holding.begin(indirect=True)
    line = holding.line(indirect=True)
    with holding.app.app_context():
        standing = queries.standing_of(line)
        assert standing is not None
        can = {
            party.name: queries.may_offer_to(standing, party.id)
            for party in (holding.partner, holding.provider, holding.reseller)
        }
    assert can == {"Northwind Cloud": False, "Fabrikam Distribution": True, "Tailspin Resellers": True}
