"""The partner's overview of delegated administration, the form of an offer, and saved sets of roles."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from tests.support.builders import Party, World
from tests.support.story import Story
from tests.support.visitor import Form, Page, Visitor, words_of
from webapp import clock, database
from webapp.accounts.models import Person
from webapp.delegated_admin import actions as delegated_admin
from webapp.delegated_admin import queries as delegated_queries
from webapp.delegated_admin import rules as delegated_rules
from webapp.delegated_admin.models import DelegatedRelationship, RoleSet
from webapp.delegated_admin.roles import BASIC, BY_ID, GLOBAL_ADMINISTRATOR, ROLES
from webapp.invitations import queries as invitations
from webapp.invitations.models import Invitation
from webapp.messages.models import Message
from webapp.offers import queries, rules
from webapp.organizations.models import Organization, RoleAssignment
from webapp.pages import day_text

Stories = Callable[..., Story]
OVERVIEW, NEW = "/partner/delegated-admin", "/partner/delegated-admin/new"
ALL = "/partner/delegated-admin/relationships"


def agent(story: Story, visitor: str = "admin_agent", language: str = "en") -> Visitor:
    found = Visitor(story.app, language=language)
    found.sign_in(story.address_of(visitor))
    return found


def ticked(page: Page) -> list[str]:
    return form_of(page).fields.get("roles", [])


def form_of(page: Page) -> Form:
    """The form of an offer."""
    return next(form for form in page.forms if form.action.endswith("/new") and form.method == "post")


def offers_of(story: Story, name: str = "") -> list[DelegatedRelationship]:
    """What all partners offered, but the delegate's."""
    with story.app.app_context():
        others = DelegatedRelationship.partner_id != story.helper.id
        found = sa.select(DelegatedRelationship).where(others).order_by(DelegatedRelationship.created_at)
        return list(database.session().scalars(found.filter_by(name=name) if name else found))


def more_customers(story: Story, count: int) -> list[Party]:
    """Customers that the partner invited."""
    made = [
        World(story.app).a_customer(f"Firm {number:02}", roles=("global_administrator",)) for number in range(count)
    ]
    for each in made:
        story.invite(story.partner, each)
    return made


def choose(story: Story, *customers: Party) -> str:
    return f"{NEW}?" + "&".join(f"customer={each.id}" for each in customers)


# --- the overview ----------------------------------------------------------------------------------------------


def test_the_overview_says_which_customers_have_it_and_which_do_not(story: Story) -> None:
    (other,) = more_customers(story, 1)
    visitor = agent(story)
    page = visitor.open(OVERVIEW)
    assert "Contoso Ltd." in page.words
    assert "Offered" in page.words
    assert other.name not in visitor.open(f"{OVERVIEW}?delegated=offered").words
    assert "Contoso Ltd." not in visitor.open(f"{OVERVIEW}?delegated=without").words
    story.approve(story.offers["waiting"])
    assert "Contoso Ltd." in visitor.open(f"{OVERVIEW}?delegated=active").words
    assert "No customer fits" in visitor.open(f"{OVERVIEW}?search=zzz").words


def test_what_no_customer_was_told_of_is_not_said_to_wait(story: Story) -> None:
    with story.unit():
        made = delegated_admin.offer(
            story.organization(story.customer), by=story.actor("admin_agent"), name="Only prepared", roles=BASIC,
            duration_days=30, auto_extends=False,
        )  # fmt: skip
        offer_id = made.id
    pages = (
        f"{OVERVIEW}/relationships?search=Contoso",
        f"/partner/customers/{story.customer.id}",
        f"{OVERVIEW}/{offer_id}",
    )
    visitor = agent(story)
    assert ["Not sent yet" in visitor.open(each).words for each in pages] == [True, True, True]
    with story.unit():
        delegated_admin.announce(database.session().get_one(DelegatedRelationship, offer_id))
    assert ["Not sent yet" in visitor.open(each).words for each in pages] == [False, False, False]
    assert "Waiting for the customer" in visitor.page.words


def test_an_offer_of_which_fewer_is_wanted_is_not_called_declined(story: Story) -> None:
    offer_id = story.offers["waiting"]
    with story.unit():
        row = database.session().get_one(DelegatedRelationship, offer_id)
        by = story.actor("global_administrator")
        delegated_admin.decline(row, by=by, reason="", wanted=BASIC[:1])
    words = agent(story).open(f"{OVERVIEW}/{offer_id}").words
    assert "Fewer roles asked for" in words
    assert "Declined" not in words.replace("Declined offers", "")


def test_who_may_not_offer_sees_no_boxes(story: Story) -> None:
    page = agent(story, "helpdesk_agent").open(OVERVIEW)
    assert "Contoso Ltd." in page.words
    assert "Offer to selected" not in page.words


def test_a_partner_that_is_not_enrolled_is_told_how_to_enrol(story: Story) -> None:
    visitor = Visitor(story.app)
    visitor.sign_in(story.provider["admin_agent"].address)
    page = visitor.open(OVERVIEW)
    assert "not enrolled" in page.words
    assert visitor.open(NEW).status == 403


def test_the_list_of_all_tells_state_roles_and_end(story: Story) -> None:
    visitor = agent(story)
    address = ALL
    page = visitor.open(address)
    assert "Everyday support" in page.words
    assert "+ 4 more" in page.words
    story.approve(story.offers["waiting"])
    assert "365 days left" in visitor.open(address).words
    assert "Nothing fits" in visitor.open(f"{address}?state=ending").words
    short = story.approve(story.offer(story.partner, story.customer, "A month", duration_days=20))
    page = visitor.open(f"{address}?state=ending")
    assert "A month" in page.words
    assert "20 days left" in page.words
    story.post("admin_agent", f"{OVERVIEW}/{short}/ending")
    assert "A month" not in visitor.open(address).words
    assert "A month" in visitor.open(f"{address}?state=over").words


def test_what_was_over_a_year_ago_is_no_longer_listed(story: Story, monkeypatch: Any) -> None:
    story.post("admin_agent", f"{OVERVIEW}/{story.offers['waiting']}/withdrawal")
    visitor = agent(story)
    assert "Everyday support" in visitor.open(f"{ALL}?state=all").words
    with story.app.app_context():
        reader = story.actor("admin_agent")
    later = clock.now() + timedelta(days=366)
    monkeypatch.setattr(clock, "now", lambda: later)
    with story.app.app_context():
        found = queries.relationships_for(reader, queries.Wanted(state="all"))
        assert found.rows == []


def test_the_overview_forgets_what_ended_over_a_year_ago(story: Story, monkeypatch: Any) -> None:
    offer_id = story.approve(story.offers["waiting"])
    story.post("admin_agent", f"{OVERVIEW}/{offer_id}/ending")
    ended = clock.now()
    for days, has_ended in ((364, True), (366, False)):
        later = ended + timedelta(days=days)
        monkeypatch.setattr(clock, "now", lambda at=later: at)
        visitor = agent(story)
        for address in (OVERVIEW, "/partner/customers"):
            assert ("Ended" in page_table(visitor.open(address))) is has_ended


def page_table(page: Page) -> str:
    """What stands in the rows of a list."""
    return " ".join(words_of(row) for row in page.elements("td"))


@pytest.mark.parametrize("zone", ["Asia/Tokyo", "America/Los_Angeles"])
def test_the_last_day_to_answer_is_the_customers_whoever_reads_where(story: Story, zone: str) -> None:
    with story.unit():
        database.write()
        database.session().get_one(Organization, story.customer.id).zone = zone
    offer_id = story.offer(story.partner, story.customer, "Where")
    with story.unit():
        row = database.session().get_one(DelegatedRelationship, offer_id)
        last = day_text(clock.today(zone) + timedelta(days=90))
        assert delegated_rules.last_day(row.closes_at - timedelta(microseconds=1), zone) == clock.today(
            zone
        ) + timedelta(days=90)
    visitor = agent(story)
    table = page_table(visitor.open(ALL))
    assert f"{last}to be answered until then" in table
    story.post("admin_agent", f"{OVERVIEW}/{story.offers['waiting']}/withdrawal")
    assert f"until {last}" in page_table(visitor.open(OVERVIEW))


def test_the_list_goes_on_over_several_pages_in_both_orders(story: Story) -> None:
    for number in range(45):
        story.offer(story.partner, story.customer, f"Offer {number:02}")
    visitor = agent(story)
    for order in ("end", "end_down"):
        page = visitor.open(f"{ALL}?sort={order}")
        assert "46 delegated administrations" in page.words
        first = [words for words in page.links if words.startswith(("Offer", "Everyday"))]
        page = visitor.open(page.links["Next page"])
        second = [words for words in page.links if words.startswith(("Offer", "Everyday"))]
        assert (len(first), len(second)) == (40, 6)
        assert not set(first) & set(second)
        assert [
            w for w in visitor.open(page.links["Previous page"]).links if w.startswith(("Offer", "Everyday"))
        ] == first


# --- one offer -------------------------------------------------------------------------------------------------


def test_without_a_customer_the_form_leads_to_the_overview(story: Story) -> None:
    assert "Choose who it is for" in agent(story).open(NEW).words


def test_a_customer_that_the_partner_does_not_see_is_not_found(story: Story) -> None:
    visitor = agent(story)
    assert visitor.open(choose(story, story.newcomer)).status == 404
    assert visitor.open(f"{NEW}?customer=nonsense").status == 404


def test_the_form_begins_with_the_least_privilege_set_and_shows_all_roles(story: Story) -> None:
    page = agent(story).open(choose(story, story.customer))
    assert ticked(page) == list(BASIC)
    form = form_of(page)
    assert set(form.options["roles"]) == set(BY_ID)
    assert "12 roles" in page.words


def test_an_offer_is_made_once_with_its_invitation_and_nothing_is_sent_by_itself(story: Story) -> None:
    visitor = agent(story)
    visitor.open(choose(story, story.customer))
    form = form_of(visitor.page)
    page = visitor.submit(name="Quick help", to="/new", button="Make the offer")
    assert page.url.startswith("http://localhost/partner/invitations/")
    (offer,) = offers_of(story, "Quick help")
    assert offer.roles == list(BASIC)
    assert (offer.duration_days, offer.auto_extends) == (365, False)
    with story.app.app_context():
        told = invitations.invitation_of_offer(offer.id)
        assert told is not None
        assert told.asks == "administration"
        assert not delegated_queries.standing_of(offer).announced
    again = {**form.fields, "name": "Quick help", "act": "make"}
    answer = story.post("admin_agent", NEW, **again)
    assert answer.status_code == 302
    assert visitor.open(answer.headers["Location"]).url.endswith(str(told.id))
    assert len(offers_of(story, "Quick help")) == 1


def test_an_offer_can_be_sent_at_once(story: Story) -> None:
    visitor = agent(story)
    visitor.open(choose(story, story.customer))
    page = visitor.submit(name="Quick help", sending="send", to="/new", button="Make the offer")
    (offer,) = offers_of(story, "Quick help")
    assert page.url.endswith(f"/partner/delegated-admin/{offer.id}")
    with story.app.app_context():
        told = invitations.invitation_of_offer(offer.id)
        assert told is not None
        mails = database.session().scalars(sa.select(Message).where(Message.about_id == told.id)).all()
        assert [mail.recipient for mail in mails] == [story.address_of("global_administrator")]
        assert delegated_queries.standing_of(offer).announced


def test_each_customer_gets_the_message_in_its_own_language_unless_one_is_chosen(story: Story) -> None:
    story.invite(story.partner, story.newcomer)
    visitor = agent(story)
    for chosen, spoken in (("customer", {"en", "ja"}), ("en", {"en"})):
        visitor.open(choose(story, story.customer, story.newcomer))
        visitor.submit(name=f"In {chosen}", language=chosen, sending="send", to="/new", button="Make")
        with story.app.app_context():
            made = [
                invitations.invitation_of_offer(row.id)
                for row in offers_of(story)
                if row.name.startswith(f"In {chosen}")
            ]
            assert {each.language for each in made if each is not None} == spoken


@pytest.mark.parametrize(
    ("language", "one", "several"),
    [
        ("en", "This offer was made before. Nothing was made or sent a second time", "2 were made before"),
        ("ja", "この依頼はすでに作成済みです。重複して作成も送信もしていません。", "2 件は作成済みのため"),
    ],
)
def test_a_form_that_comes_twice_is_told_that_nothing_was_sent_again(
    story: Story, language: str, one: str, several: str
) -> None:
    with story.unit():
        person_id = story.actor("admin_agent").person_id
        database.write()
        database.session().get_one(Person, person_id).language = language
    visitor = agent(story, language=language)
    (other,) = more_customers(story, 1)
    for customers, said in (((story.customer,), one), ((story.customer, other), several)):
        shown = visitor.open(choose(story, *customers))
        for again in (False, True):
            visitor.page = shown  # the second time by the browser's Back
            page = visitor.submit(name=f"Twice {len(customers)}", sending="send", to="/new", button=BUTTONS[language])
            assert (said in page.words) == again, page.words
            assert page.status == 200
    assert len(offers_of(story)) == 4  # one was there, one was made, and two


#: How the button that makes an offer begins.
BUTTONS = {"en": "Make", "ja": "依頼を作成"}


def test_a_name_that_is_taken_is_refused_with_a_free_one(story: Story) -> None:
    visitor = agent(story)
    visitor.open(choose(story, story.customer))
    page = visitor.submit(name="everyday  SUPPORT", to="/new", button="Make the offer")
    assert "“everyday SUPPORT (2)” is free" in page.words or "(2)” is free" in page.words


def test_the_global_administrator_and_extending_exclude_one_another(story: Story) -> None:
    visitor = agent(story)
    visitor.open(choose(story, story.customer))
    page = visitor.submit(
        name="All",
        roles=[GLOBAL_ADMINISTRATOR],
        auto_extends="y",
        to="/new",
        button="Make the offer",
    )
    assert "nothing extends itself" in page.words
    assert "Not possible with the Global Administrator role, which is chosen above" in page.words
    assert not offers_of(story, "All")


def test_what_is_missing_or_out_of_bounds_is_said_and_what_was_typed_is_kept(story: Story) -> None:
    visitor = agent(story)
    visitor.open(choose(story, story.customer))
    page = visitor.submit(name="", duration_days="731", roles=[], to="/new", button="Make the offer")
    for words in ("Enter a name.", "Choose at least one role.", "Enter a whole number of days from 1 to 730."):
        assert words in page.words
    assert form_of(visitor.page).fields["duration_days"] == ["731"]


def test_looking_for_a_role_narrows_the_list_and_keeps_what_is_ticked(story: Story) -> None:
    visitor = agent(story)
    visitor.open(choose(story, story.customer))
    page = visitor.submit(find="exchange", name="Kept", to="/new", button="Find")
    form = form_of(visitor.page)
    names = {BY_ID[role].key for role in form.options["roles"]}
    assert names == {"exchange_administrator", *(BY_ID[role].key for role in BASIC)}
    assert ticked(page) == list(BASIC)
    assert form.fields["name"] == ["Kept"]
    assert len(offers_of(story)) == 1


def test_a_set_is_saved_used_and_deleted(story: Story) -> None:
    two = [ROLES[12].id, ROLES[16].id]
    visitor = agent(story)
    visitor.open(choose(story, story.customer))
    page = visitor.submit(set_name="Mail and people", roles=two, to="/new", button="Save the set")
    assert "The set “Mail and people” is saved." in page.words
    page = visitor.submit(set_name="mail AND people", to="/new", button="Save the set")
    assert "This name is taken." in page.words
    visitor.open(choose(story, story.customer))
    with story.app.app_context():
        saved = database.session().scalars(sa.select(RoleSet)).one()
    page = visitor.submit(role_set=str(saved.id), to="/new", button="Start from this set")
    assert ticked(page) == two
    assert "Mail and people" in visitor.open(f"{OVERVIEW}/role-sets").words
    page = visitor.submit(to="/deletion")
    assert "No saved sets yet" in page.words


def test_after_a_customer_asked_for_fewer_the_next_offer_is_filled_in(story: Story) -> None:
    asked = story.offers["waiting"]
    with story.unit():
        row = database.session().get_one(DelegatedRelationship, asked)
        by = story.actor("global_administrator")
        delegated_admin.decline(row, by=by, reason="fewer", comment="Only this", wanted=[BASIC[0]])
    visitor = agent(story)
    page = visitor.open(f"{OVERVIEW}/{asked}")
    assert "The customer asks for fewer roles." in page.words
    assert "Only this" in page.words
    page = visitor.open(page.links["Make a smaller offer"])
    assert ticked(page) == [BASIC[0]]
    assert form_of(visitor.page).fields["name"] == ["Everyday support (2)"]
    visitor.submit(to="/new", button="Make the offer")
    (made,) = offers_of(story, "Everyday support (2)")
    assert made.replaces_id == asked
    assert "See the smaller offer" in visitor.open(f"{OVERVIEW}/{asked}").links
    assert visitor.open(f"{NEW}?after={asked}").url.endswith(str(made.id))


def test_an_invitation_to_a_relationship_carries_an_offer(story: Story) -> None:
    visitor = agent(story)
    visitor.open(f"{choose(story, story.customer)}&with=relationship")
    visitor.submit(name="Together", to="/new", button="Make the offer")
    (offer,) = offers_of(story, "Together")
    with story.app.app_context():
        told = database.session().scalars(sa.select(Invitation).where(Invitation.offer_id == offer.id)).one()
        assert told.asks == "relationship"
    assert visitor.open(f"{OVERVIEW}/{offer.id}/message").url.endswith(f"/partner/invitations/{told.id}")


# --- several at once -------------------------------------------------------------------------------------------


def test_several_customers_each_get_an_offer_of_their_own_once(story: Story) -> None:
    customers = [story.customer, *more_customers(story, 2)]
    visitor = agent(story)
    visitor.open(OVERVIEW)
    page = visitor.submit(customer=[str(each.id) for each in customers], to="/new")
    assert "For 3 customers" in page.words
    form = form_of(visitor.page)
    page = visitor.submit(name="Care", to="/new", button="Make 3 offers")
    assert "3 offers are made." in page.words
    assert sorted(each.name for each in offers_of(story)) == [
        "Care – Contoso Ltd.", "Care – Firm 00", "Care – Firm 01", "Everyday support"
    ]  # fmt: skip
    story.post("admin_agent", NEW, **{**form.fields, "name": "Care", "act": "make"})
    assert len(offers_of(story)) == 4


def test_one_that_is_refused_does_not_hold_up_the_others(story: Story) -> None:
    customers = [story.customer, *more_customers(story, 1)]
    _nobody_there(story, customers[1])
    visitor = agent(story)
    visitor.open(choose(story, *customers))
    page = visitor.submit(name="Care", sending="send", to="/new", button="Make 2 offers")
    assert "1 offer is made. 1 was refused." in page.words
    assert "Nobody there has an address on file." in page.words
    assert [each.customer_id for each in offers_of(story) if each.name.startswith("Care")] == [story.customer.id]


def _nobody_there(story: Story, customer: Party) -> None:
    """Take the role from a customer's only administrator."""
    with story.unit():
        database.write()
        person_id = customer["global_administrator"].id
        database.session().execute(sa.delete(RoleAssignment).where(RoleAssignment.person_id == person_id))


def test_one_of_several_is_left_out_again(story: Story) -> None:
    customers = [story.customer, *more_customers(story, 1)]
    visitor = agent(story)
    visitor.open(choose(story, *customers))
    page = visitor.submit(name="Kept", to="/new", button=f"Leave out {story.customer.name}")
    assert "For 1 customer" in page.words
    assert form_of(visitor.page).fields["customer"] == [str(customers[1].id)]


def test_no_more_are_taken_at_once_than_the_limit(story: Story, monkeypatch: Any) -> None:
    monkeypatch.setattr(rules, "MOST_AT_ONCE", 2)
    page = agent(story).open(choose(story, story.customer, *more_customers(story, 2)))
    assert "You chose more than 2 customers." in page.words
    assert len(form_of(page).fields["customer"]) == 2


def test_a_provider_names_its_reseller_in_an_invitation_that_carries_an_offer(story: Story) -> None:
    World(story.app).enroll(story.provider)
    visitor = Visitor(story.app)
    visitor.sign_in(story.provider["admin_agent"].address)
    page = visitor.open(f"/partner/invitations/new?customer={story.customer.id}")
    visitor.open(page.links["Offer delegated administration"])  # the customer is chosen already
    assert form_of(visitor.page).fields["carrier"] == ["relationship"]
    visitor.submit(name="Together", other=str(story.reseller.id), to="/new", button="Make the offer")
    (offer,) = offers_of(story, "Together")
    told = story.only(Invitation, offer_id=offer.id)
    assert (told.asks, told.reseller_id) == ("relationship", story.reseller.id)


def test_an_offer_comes_with_an_invitation_to_a_relationship_where_there_is_none(story: Story) -> None:
    visitor = agent(story)
    page = visitor.open(choose(story, story.customer))
    assert form_of(page).options["carrier"] == ["own", "relationship"]
    assert form_of(page).fields["carrier"] == ["own"]
    visitor.submit(name="Both", carrier="relationship", to="/new", button="Make the offer")
    (both,) = offers_of(story, "Both")
    assert story.only(Invitation, offer_id=both.id).asks == "relationship"
    visitor.open(choose(story, story.customer))
    visitor.submit(name="Alone", to="/new", button="Make the offer")
    (alone,) = offers_of(story, "Alone")
    assert story.only(Invitation, offer_id=alone.id).asks == "administration"
    story.accept("global_administrator", story.partner)
    page = visitor.open(f"{choose(story, story.customer)}&with=relationship")
    assert "carrier" not in form_of(page).names
    visitor.submit(name="Later", to="/new", button="Make the offer")
    (later,) = offers_of(story, "Later")
    assert story.only(Invitation, offer_id=later.id).asks == "administration"


def test_the_way_from_a_new_invitation_over_the_overview_keeps_the_relationship(story: Story) -> None:
    customers = [story.customer, *more_customers(story, 1)]
    visitor = agent(story)
    page = visitor.open("/partner/invitations/new")
    page = visitor.open(page.links["Offer delegated administration"])
    page = visitor.submit(search="Contoso")
    page = visitor.submit(customer=[str(story.customer.id)], to="/new")
    assert form_of(page).fields["carrier"] == ["relationship"]
    page = visitor.open(f"{choose(story, *customers)}&with=relationship")
    assert "The offer goes with an invitation to a reseller relationship" in page.words
    visitor.submit(name="Several", to="/new", button="Make 2 offers")
    with story.app.app_context():
        asked = sa.select(Invitation.asks).where(Invitation.offer_id.is_not(None), ~Invitation.standing)
        assert set(database.session().scalars(asked)) == {"relationship"}


def test_a_reseller_without_a_provider_is_not_asked_what_its_offer_comes_with(story: Story) -> None:
    lone = World(story.app).a_partner("Lone Reseller", programme="indirect_reseller")
    World(story.app).enroll(lone)
    story.invite(lone, story.customer, asks="agreement")
    visitor = Visitor(story.app)
    visitor.sign_in(lone["admin_agent"].address)
    page = visitor.open(choose(story, story.customer))
    assert "carrier" not in form_of(page).names
    visitor.submit(name="Alone", to="/new", button="Make the offer")
    assert len(offers_of(story, "Alone")) == 1


def test_the_choice_speaks_japanese(story: Story) -> None:
    with story.unit():
        person_id = story.actor("admin_agent").person_id
        database.write()
        database.session().get_one(Person, person_id).language = "ja"
    page = agent(story, language="ja").open(choose(story, story.customer))
    assert "依頼と一緒に送るもの" in page.words
    assert "なし (依頼だけを専用のメッセージで送る)" in page.words
