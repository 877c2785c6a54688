"""Acting for a customer: whom one may administer, the banner, what is written down, stopping, and being shut out."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

import pytest
import sqlalchemy as sa
from werkzeug.test import TestResponse

from tests.delegated_admin.scene import Moment
from tests.support.delegation import Delegation
from tests.support.rows import changed, digests
from tests.support.story import Story
from tests.support.visitor import Page
from webapp import clock, database
from webapp.accounts.models import Person, Session
from webapp.actor import Actor, RightsOver
from webapp.delegated_admin import actions, queries
from webapp.delegated_admin.models import DelegatedRelationship
from webapp.delegated_admin.roles import ROLES
from webapp.evidence import queries as evidence
from webapp.evidence.models import Fact
from webapp.organizations import queries as organizations
from webapp.organizations.models import Organization, RoleAssignment
from webapp.subscriptions import actions as subscriptions
from webapp.subscriptions import queries as subscription_queries

Stories = Callable[..., Story]
KEY = {role.key: role.id for role in ROLES}
BANNER = "You are administering Contoso Ltd. as"


def seen(story: Story, address: str, visitor: str = "delegate", status: int = 200) -> Page:
    answer = story.client(visitor).get(address)
    assert answer.status_code == status, f"{address}: {answer.status_code} {answer.headers.get('Location')}"
    return Page(answer, f"http://localhost{address}")


def send(story: Story, path: str, visitor: str = "delegate", token: str = "", /, **sent: str) -> TestResponse:
    """Send a form, whatever is answered."""
    return story.client(visitor).post(
        path,
        data={**sent, "csrf_token": token or story.signed[visitor].csrf_token},
        headers={"Origin": "http://localhost", "Referer": "http://localhost/"},
    )


def roles_of(story: Story) -> UUID:
    """The delegated administration by which the delegate acts."""
    return story.only(DelegatedRelationship, partner_id=story.helper.id).id


def take_away(story: Story, *keys: str) -> None:
    """The customer takes roles away from the delegate's partner; all of them without a name."""
    with story.unit():
        row, by = (
            database.session().get_one(DelegatedRelationship, roles_of(story)),
            story.actor("global_administrator"),
        )
        if keys:
            actions.remove_roles(row, by=by, roles=[KEY[key] for key in keys])
        else:
            actions.end(row, by=by)


def kinds(story: Story) -> list[str]:
    """The facts of acting at the customer, in order."""
    with story.app.app_context():
        return list(
            database.session().scalars(
                sa.select(Fact.kind)
                .where(Fact.kind.startswith("delegated_admin.acting"), Fact.customer_id == story.customer.id)
                .order_by(Fact.position)
            )
        )


def histories(story: Story) -> tuple[str, str]:
    """What the customer and the delegate's partner read of what happened."""
    helper = Delegation(story.app).acting(story.helper, "admin_agent")
    with story.app.test_request_context("/"):
        readers = (story.actor("global_administrator"), helper)
        found = [
            evidence.tell(evidence.history(reader, evidence.Filter(), size=50), reader) for reader in readers
        ]  # fmt: skip
    first, second = (" | ".join(str(each.words) for each in entries) for entries in found)
    return first, second


# --- whom one may administer ---


def test_admin_agents_are_shown_every_role_and_what_it_opens_here(story: Story) -> None:
    page = seen(story, "/partner/administered")
    assert "Contoso Ltd." in page.words
    assert "User Administrator" in page.words
    assert "See subscriptions; manage people, licences and passwords" in page.words
    assert "25 roles are recorded; they open no page here" in page.words
    assert "You are administering it" in page.words


def test_helpdesk_agents_are_shown_the_roles_that_reset_passwords_alone(stories: Stories) -> None:
    story = stories()
    story.approve(
        story.offer(story.partner, story.customer, "Mixed", roles=[KEY["user_administrator"], KEY["global_reader"]])
    )
    page = seen(story, "/partner/administered", "helpdesk_agent")
    assert "User Administrator" in page.words
    assert "Global Reader" not in page.words
    assert "have a link to a new password mailed to them" in page.words
    assert "Administer Contoso Ltd." in page.words


def test_what_opens_no_page_here_has_no_button(stories: Stories) -> None:
    story = stories()
    story.approve(story.offer(story.partner, story.customer, "Mail", roles=[KEY["exchange_administrator"]]))
    page = seen(story, "/partner/administered", "admin_agent")
    assert "1 role is recorded; it opens no page here" in page.words
    assert not [form for form in page.forms if form.action.endswith(f"{story.customer.id}/acting")]
    assert send(story, f"/partner/administered/{story.customer.id}/acting", "admin_agent").status_code == 404
    assert (
        "None: what the customer approved resets no passwords"
        in seen(story, "/partner/administered", "helpdesk_agent").words
    )


def test_without_any_it_says_how_one_begins(story: Story) -> None:
    assert "No customer to administer" in seen(story, "/partner/administered", "admin_agent").words


def test_the_list_goes_on_after_a_page(stories: Stories, monkeypatch: pytest.MonkeyPatch) -> None:
    from webapp.delegated_admin import views

    story = stories()
    monkeypatch.setattr(views, "PAGE_SIZE", 1)
    for name, customer in (("One", story.customer), ("Two", story.newcomer)):
        Delegation(story.app).active(story.partner, customer, name)
    first = seen(story, "/partner/administered", "admin_agent")
    assert "Contoso Ltd." in first.words
    assert "Litware" not in first.words
    (onward,) = [link for link in first.links.values() if "after=" in link]
    second = seen(story, onward.removeprefix("http://localhost"), "admin_agent")
    assert "Litware" in second.words
    assert "Contoso Ltd." not in second.words
    for wrong in ("x", "W10", "WyJhIiwiYiJd"):
        assert "Contoso Ltd." in seen(story, f"/partner/administered?after={wrong}", "admin_agent").words


# --- acting ---


def test_the_banner_stands_on_every_page_while_acting(story: Story) -> None:
    for address in ("/acting", "/agreement", "/history", "/users", "/partner", "/account", "/help"):
        page = seen(story, address)
        assert BANNER in page.html, address
        assert "of Lucerne Administration" in page.html, address
        assert any(form.action.endswith("/acting/end") for form in page.forms), address
    assert BANNER in seen(story, "/nowhere", status=404).html
    assert BANNER not in seen(story, "/agreement", "global_administrator").html
    assert BANNER not in seen(story, "/partner", "admin_agent").html


def test_customer_pages_wear_the_customer_s_frame_and_own_pages_the_own(story: Story) -> None:
    there, own = seen(story, "/agreement").html, seen(story, "/partner").html
    assert '<p class="masthead-organization">Contoso Ltd.</p>' in there
    assert '<p class="masthead-organization">Lucerne Administration</p>' in own
    assert 'href="/history"' in there
    assert 'href="/history"' not in own, "that is the customer's history now"
    assert "Pages that are open to you" in seen(story, "/acting").words


def test_the_first_page_leads_to_where_acting_begins(story: Story) -> None:
    client = story.client("delegate")
    assert client.get("/home").headers["Location"] == "/acting"
    assert client.get("/").headers["Location"] == "/home"


def test_whoever_acts_for_nobody_has_no_such_page(story: Story) -> None:
    assert story.client("admin_agent").get("/acting").status_code == 404
    assert send(story, "/acting/end", "admin_agent").headers["Location"] == "/partner/administered"
    assert send(story, "/acting/end", "member").headers["Location"] == "/"


def test_beginning_and_stopping_stand_in_both_histories_under_the_person_s_own_name(stories: Stories) -> None:
    story = stories()
    assert send(story, "/acting/end").headers["Location"] == "/partner/administered"
    assert kinds(story) == ["delegated_admin.acting_began", "delegated_admin.acting_ended"]
    for words in histories(story):
        assert (
            "of Lucerne Administration began to administer Contoso Ltd., with these roles: Global Administrator,"
            in words
        )
        assert "of Lucerne Administration stopped administering Contoso Ltd." in words
    assert BANNER not in seen(story, "/partner").html
    assert story.client("delegate").get("/agreement").status_code == 403, "a partner's person again"
    assert send(story, "/acting/end").status_code in {302, 400}
    assert kinds(story) == ["delegated_admin.acting_began", "delegated_admin.acting_ended"], "once means once"


def test_an_act_stands_under_name_and_partner_and_shows_the_partner_no_more_than_needed(stories: Stories) -> None:
    story = stories()
    product_id = story.catalogue()
    with story.unit():
        by = story.actor("delegate")
        database.write(chain=story.customer.chain_id)
        product = subscription_queries.product_by_id(product_id)
        assert product is not None
        subscriptions.begin_paid(
            story.organization(story.customer), None, product=product, name="Suite", seats=3,
            ends_on=story.today() + timedelta(days=300), contract="product_key", by=by,
        )  # fmt: skip
    at_customer, at_partner = histories(story)
    name = f"{by.name} (Lucerne Administration)"
    assert f"{name} began a subscription of Contoso Ltd." in at_customer
    assert f"{name} began a subscription of Contoso Ltd." in at_partner
    fact = story.only(Fact, kind="subscription.added")
    assert (fact.customer_id, fact.partner_id, fact.acting_partner_id) == (story.customer.id, None, story.helper.id)
    assert fact.person_id == by.person_id
    with story.app.app_context():
        *findings, _count = evidence.verify_chain(story.customer.chain_id)
    assert findings == []


def test_beginning_for_another_customer_stops_for_the_first_and_says_so_there(stories: Stories) -> None:
    story = stories()
    Delegation(story.app).active(story.helper, story.newcomer, "Also")
    assert send(story, f"/partner/administered/{story.newcomer.id}/acting").status_code == 302
    assert kinds(story) == ["delegated_admin.acting_began", "delegated_admin.acting_ended"]
    assert story.only(Session, id=story.signed["delegate"].session_id).acting_for_id == story.newcomer.id


def test_a_form_that_was_open_before_is_not_done_for_another_organization(stories: Stories) -> None:
    story = stories()
    Delegation(story.app).active(story.helper, story.newcomer, "Also", roles=[role.id for role in ROLES])
    client, old = story.client("delegate"), story.signed["delegate"].csrf_token
    headers = {"Origin": "http://localhost", "Referer": "http://localhost/"}
    begun = client.post(
        f"/partner/administered/{story.newcomer.id}/acting", data={"csrf_token": old}, headers=headers
    )  # fmt: skip
    assert begun.status_code == 302
    before = digests(story.app)
    late = client.post("/users", data={"csrf_token": old, "given_name": "Ann"}, headers=headers)
    assert late.status_code == 400
    assert "This form was opened for another organization" in late.text
    assert "Litware" in late.text, "it says for whom it would be now"
    assert 'value="Ann"' not in late.text, "one click must not do it for the wrong one"
    assert changed(before, digests(story.app), but=("activity",)) == []


def test_a_form_that_is_sent_after_stopping_says_so_and_changes_nothing(stories: Stories) -> None:
    story = stories()
    client = story.client("delegate")
    headers = {"Origin": "http://localhost", "Referer": "http://localhost/"}
    token = Page(client.get("/users/new"), "http://localhost/users/new").forms[-1].fields["csrf_token"]
    assert client.post("/acting/end", data={"csrf_token": token}, headers=headers).status_code == 302
    before = digests(story.app)
    for address in ("/users", f"/users/{story.customer[''].id}/block"):
        late = client.post(address, data={"csrf_token": token}, headers=headers)
        assert late.status_code == 404
        assert "you no longer administer one" in late.text
    assert changed(before, digests(story.app), but=("activity",)) == []


def test_who_is_refused_while_acting_reads_why_and_who_can(story: Story) -> None:
    refused = story.client("delegate").get("/orders/new")
    assert refused.status_code == 403
    assert "The roles that Contoso Ltd. gave your organization do not allow this" in refused.text


# --- what ends it ---


def test_the_customer_s_pages_close_at_once_and_the_way_back_says_so_once(stories: Stories) -> None:
    story = stories()
    client = story.client("delegate")
    assert client.get("/agreement").status_code == 200
    take_away(story)
    for address in ("/agreement", "/acting", "/home", "/users", "/history", "/redeem", "/nowhere"):
        shut = client.get(address)
        assert shut.status_code == 404, address
        assert "You cannot see its pages any more" in shut.text
        assert BANNER not in shut.text
    assert client.get("/").headers["Location"] == "/partner"
    assert "Your rights for Contoso Ltd. ended on" in client.get("/partner").text
    assert "Your rights for" not in client.get("/partner").text
    assert client.get("/history").status_code == 200, "its own history again"


def test_a_post_from_an_open_page_is_not_found_and_changes_nothing(stories: Stories) -> None:
    story = stories()
    take_away(story)
    before = digests(story.app)
    new = {"given_name": "Ann", "family_name": "Lee", "address": "ann@customer1.example", "language": "en"}
    assert send(story, "/users", **new).status_code == 404
    assert send(story, "/users", "delegate", "wrong", **new).status_code == 404
    assert changed(before, digests(story.app), but=("activity",)) == []


def test_rights_that_end_while_an_act_waits_for_the_lock_count(
    stories: Stories, monkeypatch: pytest.MonkeyPatch
) -> None:
    story = stories()
    original, calls = queries.acting_of, 0

    def acting_of(own: Actor, customer_id: UUID) -> Actor | RightsOver:
        nonlocal calls
        calls += 1
        if calls == 1:
            return original(own, customer_id)
        return RightsOver(customer_id, "Contoso Ltd.", None)  # as read once the chain is held

    monkeypatch.setattr("webapp.actor._act", acting_of)
    before = digests(story.app)
    new = {"given_name": "Ann", "family_name": "Lee", "address": "ann@customer1.example", "language": "en"}
    assert send(story, "/users", **new).status_code == 404
    assert calls > 1
    assert changed(before, digests(story.app), but=("activity",)) == []


def test_one_role_less_is_one_permission_less_on_the_next_request(stories: Stories) -> None:
    story = stories()
    take_away(story, "global_administrator", "user_administrator")
    client = story.client("delegate")
    assert client.get("/users").status_code == 200
    assert client.get("/users/new").status_code == 403
    take_away(story, *(key for key in KEY if key not in {"exchange_administrator"}))
    assert client.get("/users").status_code == 404
    assert "Your rights for Contoso Ltd. ended on" in client.get("/account").text


def test_stopping_works_after_the_rights_ended_and_is_not_recorded_then(stories: Stories) -> None:
    story = stories()
    take_away(story)
    assert send(story, "/acting/end").headers["Location"] == "/partner/administered"
    assert kinds(story) == ["delegated_admin.acting_began"]
    assert story.only(Session, id=story.signed["delegate"].session_id).acting_for_id is None


def test_new_rights_do_not_resume_what_was_over(stories: Stories) -> None:
    story = stories()
    take_away(story)
    client = story.client("delegate")
    client.get("/partner")
    Delegation(story.app).active(story.helper, story.customer, "Again", roles=[role.id for role in ROLES])
    page = client.get("/partner/administered")
    assert BANNER not in page.text
    assert client.get("/agreement").status_code == 403, "as anybody of another partner"
    token = Page(page, "http://localhost/partner/administered").forms[-1].fields["csrf_token"]
    client.post(
        f"/partner/administered/{story.customer.id}/acting", data={"csrf_token": token},
        headers={"Origin": "http://localhost", "Referer": "http://localhost/"},
    )  # fmt: skip
    assert client.get("/users").status_code == 200
    assert kinds(story) == ["delegated_admin.acting_began", "delegated_admin.acting_began"]


def test_the_term_s_end_ends_it_without_a_worker(stories: Stories, monkeypatch: pytest.MonkeyPatch) -> None:
    story = stories()
    moment = Moment(monkeypatch, clock.now())
    assert story.client("delegate").get("/agreement").status_code == 200
    with story.unit():
        row = database.session().get_one(Session, story.signed["delegate"].session_id)
        database.write()
        database.session().merge(row).expires_at = clock.now() + timedelta(days=900)
    moment.go(days=366)
    assert story.client("delegate").get("/agreement").status_code == 404


@pytest.mark.parametrize("why", ["own role", "customer closed", "temporary password", "signed out"])
def test_whatever_takes_the_rights_shuts_out(stories: Stories, why: str) -> None:
    story = stories()
    with story.unit():
        database.write()
        session = database.session()
        if why == "own role":
            session.execute(sa.delete(RoleAssignment).where(RoleAssignment.person_id == story.helper["admin_agent"].id))
        elif why == "customer closed":
            found = organizations.organization_by_id(story.customer.id)
            assert found is not None
            session.execute(sa.update(Organization).where(Organization.id == found.id).values(disabled_at=clock.now()))
        elif why == "temporary password":
            session.execute(
                sa.update(Person)
                .where(Person.id == story.helper["admin_agent"].id)
                .values(temporary_until=clock.now() + timedelta(days=1))
            )
        else:
            session.execute(
                sa.update(Session).where(Session.id == story.signed["delegate"].session_id).values(ended_at=clock.now())
            )
    client = story.client("delegate")
    expected = {"temporary password": 302, "signed out": 302}.get(why, 404)
    assert client.get("/agreement").status_code == expected
    if expected == 404:
        words = client.get("/help").text
        assert ("ended on" if why == "customer closed" else "Your rights for Contoso Ltd. ended.") in words


def test_the_customer_is_told_what_stands_in_its_history_and_what_does_not(story: Story) -> None:
    page = seen(story, f"/delegated-admin/{roles_of(story)}", "global_administrator")
    assert "in the access log of this service, not in your history" in page.words


def test_what_a_delegate_reads_is_in_the_access_log_and_in_no_history(
    stories: Stories, caplog: pytest.LogCaptureFixture
) -> None:
    story = stories()
    before = digests(story.app)
    with caplog.at_level("INFO", logger="countersign.access"):
        for address in ("/users?search=ann", "/inbox"):
            story.client("delegate").get(address)
        for visitor, address in (("delegate", "/partner"), ("delegate", "/help"), ("global_administrator", "/users")):
            story.client(visitor).get(address)
    assert changed(before, digests(story.app), but=("activity",)) == []
    person, customer = story.helper["admin_agent"].id, story.customer.id
    who = f" acting person={person} partner={story.helper.id} customer={customer} "
    lines = [record.getMessage() for record in caplog.records if record.name == "countersign.access"]
    assert [line.partition(who)[2] for line in lines] == ["GET /users 200", "GET /inbox 403"]
