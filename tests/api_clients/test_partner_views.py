"""A partner's programs on their pages: made, changed, given secrets, revoked; and what is seen of them elsewhere."""

from __future__ import annotations

import re
from datetime import timedelta
from uuid import UUID

import sqlalchemy as sa

from tests.api_clients.scene import REDIRECT, Scene
from tests.support.visitor import Visitor
from webapp import clock, database
from webapp.accounts import actions as account_actions
from webapp.accounts import queries as accounts
from webapp.accounts.models import Activity, Person
from webapp.api_clients import actions, queries
from webapp.api_clients.models import ApiClient
from webapp.evidence import actions as facts
from webapp.evidence import queries as evidence
from webapp.evidence.models import Fact
from webapp.messages.models import Message
from webapp.organizations import actions as organizations
from webapp.organizations import queries as organization_queries
from webapp.organizations.models import Organization
from webapp.team import queries as team


def add(browser: Visitor, name: str = "ERP", **more: object) -> tuple[str, str]:
    """Add a program by the page; its id and its secret."""
    browser.open("/partner/api-clients/new")
    browser.submit({"name": name, "roles": ["sales_agent", "read_only"]} | more, to="/api-clients")
    return shown_on(browser)


def shown_on(browser: Visitor) -> tuple[str, str]:
    secret, client_id, _tenant = re.findall(r'<code class="code"[^>]*>([^<]+)</code>', browser.page.html)
    return client_id, secret


def admin(scene: Scene) -> Visitor:
    return scene.browser(scene.partner["admin_agent"])


def test_an_admin_agent_adds_a_program_whose_secret_is_shown_once(scene: Scene) -> None:
    browser = admin(scene)
    page = browser.open("/partner/api-clients")
    assert "No program uses the API yet" in page.words
    assert "How the API is used" in page.links
    client_id, secret = add(browser, redirect_uris=f"{REDIRECT}\n\nhttp://localhost:8400/\n{REDIRECT}")
    assert browser.page.heading == "The program is added"
    assert browser.page.response.headers["Cache-Control"] == "no-store"
    assert browser.page.response.headers["Content-Encoding"] == "identity"
    page = browser.follow("I have kept the secret")
    assert secret not in page.html
    assert f"{secret[:8]}…" in page.words
    assert "http://localhost:8400/" in page.words
    (row,) = scene.rows(ApiClient)
    assert (str(row.id), row.roles) == (client_id, ["sales_agent", "read_only"])
    assert row.redirect_uris == [REDIRECT, "http://localhost:8400/"]
    page = browser.open("/partner/api-clients")
    assert "ERP" in page.words
    assert "Never" in page.words
    assert "API clients" in page.links


def test_what_is_wrong_with_a_program_is_said_beside_the_field(scene: Scene) -> None:
    browser = admin(scene)
    browser.open("/partner/api-clients/new")
    page = browser.submit(name=" ", redirect_uris="https://a.example/\nhttp://a.example/", to="/api-clients")
    assert page.status == 422
    for words in ("Enter a name.", "Choose at least one role.", "Line 2: use https, or http with localhost"):
        assert words in page.words
    many = "\n".join(f"https://a.example/{number}" for number in range(21))
    page = browser.submit(name="ERP", roles=["read_only"], redirect_uris=many, to="/api-clients")
    assert "Enter at most 20 addresses." in page.words
    assert scene.rows(ApiClient) == []


def test_a_secret_is_exchanged_and_at_most_two_work(scene: Scene) -> None:
    browser = admin(scene)
    client_id, _first = add(browser)
    show = f"/partner/api-clients/{client_id}"
    browser.open(show)
    browser.submit(button="Make a secret")
    assert browser.page.heading == "The new secret"
    assert "The earlier secret still works" in browser.page.words
    _id, second = shown_on(browser)
    page = browser.open(show)
    assert "Two secrets work" in page.words
    csrf = next(form.fields["csrf_token"] for form in page.forms if "csrf_token" in form.fields)
    refused = browser.client.post(
        f"{show}/secrets", data={"csrf_token": csrf}, headers={"Referer": browser.origin + "/"}
    )
    assert refused.status_code == 409
    assert "Two secrets work already" in refused.text
    browser.follow("Revoke css_")
    assert "It is the only secret" not in browser.page.words
    page = browser.submit(button="Revoke the secret")
    assert "The secret is revoked." in page.words
    assert f"{second[:8]}…" in page.words
    page = browser.follow("Revoke css_")
    assert "It is the only secret" in page.words
    page = browser.submit(button="Revoke the secret")
    assert "The program has no secret" in page.words


def test_roles_and_places_are_changed(scene: Scene) -> None:
    browser = admin(scene)
    client_id, _secret = add(browser)
    browser.open(f"/partner/api-clients/{client_id}/roles")
    page = browser.submit(roles=["admin_agent"], redirect_uris=REDIRECT, to="/roles")
    assert "The program is changed." in page.words
    assert "Admin agent" in page.words
    browser.open(f"/partner/api-clients/{client_id}/roles")
    assert "Nothing was changed" in browser.submit(to="/roles").words
    browser.open(f"/partner/api-clients/{client_id}/roles")
    assert browser.submit(redirect_uris="x", to="/roles").status == 422


def test_a_program_is_revoked_once_and_nothing_about_it_changes_any_more(scene: Scene) -> None:
    browser = admin(scene)
    client_id, _secret = add(browser)
    show = f"/partner/api-clients/{client_id}"
    browser.open(f"{show}/roles")
    other = admin(scene)
    other.open(show)
    other.follow("Revoke the program")
    assert "The program is revoked." in other.submit(button="Revoke the program").words
    assert "is revoked already" in other.open(f"{show}/revocation").heading
    page = browser.submit(roles=["admin_agent"], to="/roles")
    assert (page.status, page.heading) == (409, "The program was revoked")
    with scene.app.app_context():
        row = queries.client_by_id(UUID(client_id))
        assert row is not None
        assert not row.is_open


def test_last_used_is_noted_for_a_program_also_by_reading_and_once_in_five_minutes(moved_scene: Scene) -> None:
    scene = moved_scene
    program = scene.program()
    token = program.own()

    def seen() -> list[object]:
        with scene.app.app_context():
            return list(
                database.session().scalars(sa.select(Activity.seen_at).where(Activity.session_id == program.id))
            )

    assert seen() == []
    assert scene.status_with(token) == 200
    first = seen()
    assert len(first) == 1
    scene.seconds_later(120)
    scene.status_with(token)
    assert seen() == first
    scene.seconds_later(400)
    scene.status_with(token)
    assert seen() != first
    page = admin(scene).open(f"/partner/api-clients/{program.id}")
    assert "Never" not in page.words
    with scene.app.app_context():
        (row,), _more = queries.clients_of(scene.partner.id)
        assert row.last_used is not None
        assert abs(clock.now() - row.last_used) < timedelta(minutes=1)


def test_more_than_a_page_of_programs_is_turned(scene: Scene) -> None:
    for number in range(queries.PAGE + 1):
        scene.program(name=f"Program {number:02}")
    browser = admin(scene)
    page = browser.open("/partner/api-clients")
    assert "50 programs on this page" in page.words
    page = browser.follow("Next page")
    assert "1 program on this page" in page.words
    assert "Program 00" in page.words
    assert "Program 50" in browser.follow("Previous page").words


# --- a program is nobody -------------------------------------------------------------------------------------


def test_a_program_is_nowhere_among_people(scene: Scene) -> None:
    program = scene.program(name="Ledger")
    with scene.app.app_context():
        people, _more = team.people_of(scene.partner.id)
        assert all(each.family_name != "Ledger" for each in people)
        assert team.colleague(scene.actor(scene.partner["admin_agent"]), program.person_id) is None
        assert program.person_id not in {each.id for each in accounts.people()}
        assert program.person_id not in {id_ for id_, _name in evidence.members_of(scene.partner.id)}
        assert program.person_id not in {each.id for each in organization_queries.people_of(scene.partner.id)}
    browser = admin(scene)
    for path in ("/partner/team", "/history"):
        assert "Ledger" not in re.sub(r"<ol.*?</ol>", "", browser.open(path).html, flags=re.DOTALL).split("<table")[0]
    assert browser.open(f"/partner/team/people/{program.person_id}").status == 404
    runner = scene.app.test_cli_runner()
    assert "Ledger" not in runner.invoke(args=["accounts", "list"]).output
    address = scene.one(Person, program.person_id).address
    for verb in ("enable", "disable", "reset", "erase"):
        refused = runner.invoke(
            args=["accounts", verb, address, "--why", "A test.", *(["--yes"] if verb == "erase" else [])]
        )
        assert refused.exit_code == 1
        assert "This is a program" in refused.output
    assert scene.one(Person, program.person_id).disabled_at is not None


def test_histories_name_the_program_and_who_used_one(scene: Scene) -> None:
    program = scene.program(name="Ledger")
    member = scene.partner["sales_agent"]
    tokens = program.consented(member)
    for token in (program.own(), tokens["access_token"]):
        with scene.app.test_request_context(
            "/v1/agreements", method="POST", headers={"Authorization": f"Bearer {token}"}
        ):
            by = queries.bearer(token)
            assert by is not None
            with database.unit_of_work():
                organization = database.session().get_one(Organization, scene.partner.id)
                database.write(chain=organization.chain_id)
                facts.record("partner.enrolled", by=by, partner_id=organization.id)
    words = admin(scene).open("/history?kind=organization").words
    assert "Ledger (program)" in words
    assert "(through the program Ledger)" in words
    by = scene.actor(scene.partner["admin_agent"])
    with scene.app.app_context(), database.unit_of_work():
        account_actions.choose_language(by, "ja")
    assert "Ledger (プログラム)" in admin(scene).open("/history?kind=organization").words
    with scene.app.app_context(), database.unit_of_work():
        account_actions.choose_language(by, "en")
    page = admin(scene).open(f"/partner/api-clients/{program.id}")
    assert "Ledger (program)" in page.words


def test_every_fact_about_programs_reads_in_words(scene: Scene) -> None:
    program = scene.program(name="Ledger")
    scene.act(actions.change, program, roles=["read_only"], redirect_uris=[])
    scene.act(actions.change, program, roles=["read_only", "admin_agent"], redirect_uris=[])
    scene.act(actions.change, program, roles=["sales_agent"], redirect_uris=[])
    scene.act(actions.change, program, roles=["sales_agent"], redirect_uris=[REDIRECT])
    code = program.code_of(scene.partner["sales_agent"])
    tokens = program.exchange(code).get_json()
    program.refresh(tokens["refresh_token"])
    program.refresh(tokens["refresh_token"])
    code = program.code_of(scene.partner["sales_agent"])
    program.exchange(code)
    program.exchange(code)
    scene.act(actions.add_secret, program)
    with scene.app.app_context():
        older = queries.open_secrets([program.id])[program.id][0]
    scene.act(actions.revoke_secret, program, older)
    scene.act(actions.revoke, program, why="It is no longer used.")
    words = admin(scene).open("/history?kind=people").words
    for said in (
        "added the program Ledger", "took roles from the program Ledger: Sales agent", "gave the program Ledger roles: Admin agent",
        "changed the roles of the program Ledger: given Sales agent; taken Admin agent, Read only",
        "changed where the program Ledger returns to", "agreed that the program Ledger acts in that person's name",
        "A refresh token of the program Ledger came a second time", "A code of the program Ledger came a second time",
        "made another secret (css_", "revoked the secret css_", "revoked the program Ledger: It is no longer used.",
    ):  # fmt: skip
        assert said in words, said
    kinds = {row.kind for row in scene.rows(Fact, Fact.kind.startswith("api_client."))}
    assert len(kinds) == 7


def test_colleagues_who_lead_programs_are_told(scene: Scene) -> None:
    with scene.app.app_context(), database.unit_of_work():
        organization = database.session().get_one(Organization, scene.partner.id)
        for number, language in enumerate(("en", "ja")):
            organizations.add_member(
                organization, given_name="Ada", family_name="Lee", address=f"ada{number}@northwind.example",
                roles=("admin_agent",), language=language,
            )  # fmt: skip
    program = scene.program(name="Ledger")
    scene.act(actions.revoke, program)
    told = scene.rows(Message, Message.kind.in_(("program_created", "program_revoked")))
    assert {(each.recipient, each.kind) for each in told} == {
        (f"ada{number}@northwind.example", kind) for number in (0, 1) for kind in ("program_created", "program_revoked")
    }
    english = next(each for each in told if each.recipient.startswith("ada0") and each.kind == "program_created")
    assert english.subject == "A program was added: Ledger"
    assert f"/partner/api-clients/{program.id}" in english.text
    assert program.secret not in "".join(each.text + (each.html or "") for each in told)
