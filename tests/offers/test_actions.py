"""Making offers: each customer's in a transaction of its own, once, and what stands in the way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa

from tests.support.builders import Party, World
from tests.support.story import Story
from tests.support.visitor import Visitor
from webapp import database
from webapp.accounts.models import Person
from webapp.delegated_admin import actions as delegated_admin
from webapp.delegated_admin import queries as delegated_queries
from webapp.delegated_admin import rules as delegated_rules
from webapp.delegated_admin.models import DelegatedRelationship
from webapp.delegated_admin.roles import BASIC
from webapp.errors import Forbidden
from webapp.invitations import queries as invitations
from webapp.invitations.rules import OwnRecipient, SendLimitReached
from webapp.messages.models import Message
from webapp.offers import actions, rules
from webapp.organizations.models import Organization, RoleAssignment
from webapp.policies import actions as policies
from webapp.relationships import actions as relationships
from webapp.relationships.rules import PartnerDistrusted

KEY = UUID("6f3b1c52-7a0e-4f5e-9a51-0a8f3f2b1c44")


def terms(name: str = "Care", **changes: Any) -> actions.Terms:
    values: dict[str, Any] = {
        "name": name, "roles": BASIC, "duration_days": 90, "auto_extends": False, "language": "en"
    }  # fmt: skip
    return actions.Terms(**(values | changes))


def make(story: Story, *customers: Party, key: UUID = KEY, **more: Any) -> list[actions.Outcome]:
    """The partner's admin agent offers."""
    replaces = more.pop("replaces", None)
    with story.app.app_context():
        by = story.actor("admin_agent")
        row = delegated_queries.by_id(replaces) if replaces else None
        return actions.make_each([each.id for each in customers], by=by, terms=terms(**more), key=key, replaces=row)


def count(story: Story, model: Any) -> int:
    """How many rows there are, but for what the delegate acts by."""
    own = 1 if model is DelegatedRelationship else 0
    with story.app.app_context():
        return -own + (database.session().scalar(sa.select(sa.func.count()).select_from(model)) or 0)


def taken_from(story: Story, person_id: UUID) -> None:
    """A person loses every role."""
    with story.unit():
        database.write()
        database.session().execute(sa.delete(RoleAssignment).where(RoleAssignment.person_id == person_id))


def test_the_same_key_offers_once_and_answers_the_same_again(story: Story) -> None:
    first = make(story, story.customer)
    before = count(story, DelegatedRelationship), count(story, Message)
    assert make(story, story.customer) == [replace(each, made_before=True) for each in first]
    assert (count(story, DelegatedRelationship), count(story, Message)) == before


def test_another_partners_key_takes_nothing_from_it(story: Story) -> None:
    (first,) = make(story, story.customer)
    with story.app.app_context():
        by = story.actor("rival")
        (outcome,) = actions.make_each([story.stranger.id], by=by, terms=terms(), key=KEY)
    assert outcome.refusal is None
    assert outcome.offer_id != first.offer_id


def test_names_of_several_are_unique_though_their_customers_share_one(story: Story) -> None:
    twins = [World(story.app).a_customer("Twin", roles=("global_administrator",)) for _ in range(2)]
    outcomes = make(story, *twins)
    assert sorted(each.name for each in outcomes) == ["Care – Twin", "Care – Twin (2)"]


def test_whoever_lost_the_role_meanwhile_offers_nothing(story: Story) -> None:
    with story.app.app_context():
        by = story.actor("admin_agent")
    taken_from(story, story.partner["admin_agent"].id)
    with story.app.app_context():
        (outcome,) = actions.make_each([story.customer.id], by=by, terms=terms(), key=KEY)
    assert isinstance(outcome.refusal, Forbidden)
    assert count(story, DelegatedRelationship) == 1  # the one of the story


def _distrust(story: Story) -> None:
    with story.unit():
        by = story.actor("global_administrator")
        customer, partner = story.organization(story.customer), story.organization(story.partner)
        relationships.say_unknown(customer, partner, by=by)


def _nobody_there(story: Story) -> None:
    taken_from(story, story.customer["global_administrator"].id)


def _own_address(story: Story) -> None:
    with story.unit():
        database.write()
        person = database.session().get_one(Person, story.customer["global_administrator"].id)
        person.address = "somebody@" + story.address_of("admin_agent").split("@")[1]


def _not_enrolled(story: Story) -> None:
    with story.unit():
        database.write()
        database.session().get_one(Organization, story.partner.id).enrolled_at = None


@pytest.mark.parametrize(
    ("happens", "refusal"),
    [
        (_distrust, PartnerDistrusted),
        (_nobody_there, rules.NoRecipient),
        (_own_address, OwnRecipient),
        (_not_enrolled, delegated_rules.NotEnrolled),
    ],
)
def test_what_stands_in_the_way_is_answered_and_nothing_is_made(
    story: Story, happens: Callable[[Story], None], refusal: type[Exception]
) -> None:
    happens(story)
    (outcome,) = make(story, story.customer, send=True)
    assert isinstance(outcome.refusal, refusal)
    assert count(story, DelegatedRelationship) == 1
    with story.app.app_context():
        assert invitations.by_id(rules.invitation_id(KEY, story.customer.id)) is None


def test_with_the_last_mail_of_the_day_the_others_are_not_made(story: Story) -> None:
    with story.unit():
        policies.set_policy("invitation.sends_a_day", 1, "a test")
    other = World(story.app).a_customer("Firm", roles=("global_administrator",))
    first, second = make(story, story.customer, other, send=True)
    assert first.refusal is None
    assert isinstance(second.refusal, SendLimitReached)
    assert count(story, DelegatedRelationship) == 2


def test_a_smaller_offer_is_made_once_whoever_makes_it(story: Story) -> None:
    asked = story.offers["waiting"]
    with story.unit():
        row = database.session().get_one(DelegatedRelationship, asked)
        delegated_admin.decline(row, by=story.actor("global_administrator"), reason="fewer", wanted=[BASIC[0]])
    (first,) = make(story, story.customer, replaces=asked, roles=(BASIC[0],))
    (second,) = make(story, story.customer, replaces=asked, name="Late", key=uuid4())
    assert first.refusal is None
    assert isinstance(second.refusal, rules.SuccessorMade)
    assert second.refusal.offer_id == first.offer_id


def test_what_was_refused_for_one_customer_is_a_page(story: Story) -> None:
    visitor = Visitor(story.app)
    visitor.sign_in(story.address_of("admin_agent"))
    visitor.open(f"/partner/delegated-admin/new?customer={story.customer.id}")
    _nobody_there(story)
    page = visitor.submit(name="Care", sending="send", to="/new", button="Make the offer")
    assert page.status == 409
    assert page.heading == "Nobody at the customer has an address on file"


def test_who_was_slower_is_led_to_the_smaller_offer(story: Story) -> None:
    asked = story.offers["waiting"]
    with story.unit():
        row = database.session().get_one(DelegatedRelationship, asked)
        delegated_admin.decline(row, by=story.actor("global_administrator"), reason="fewer", wanted=[BASIC[0]])
    visitor = Visitor(story.app)
    visitor.sign_in(story.address_of("admin_agent"))
    visitor.open(f"/partner/delegated-admin/new?after={asked}")
    (first,) = make(story, story.customer, replaces=asked)
    page = visitor.submit(name="Late", to="/new", button="Make the offer")
    assert page.heading == "A smaller offer was made already"
    assert page.links["Open the smaller offer"].endswith(str(first.offer_id))
