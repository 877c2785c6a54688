"""Who may come: the order of the answers, and that nothing is parsed before."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest
from flask import Flask, request

import webapp
from tests.kernel.conftest import Probe
from tests.kernel.test_database import ORIGIN, post, signed_in
from tests.support.builders import World
from tests.support.engines import configuration
from webapp import access, actor, create_app, pages
from webapp.access import (
    ACTS,
    DELEGATED,
    POLICY,
    REACH,
    ROLES,
    Permission,
    Requirement,
    delegated_permissions,
    permissions_of,
    roles_with,
)
from webapp.delegated_admin.roles import RESETTING
from webapp.delegated_admin.roles import ROLES as ROLES_TO_DELEGATE
from webapp.organizations import queries as organizations
from webapp.organizations.models import Organization

ACCEPT = Permission.ANSWER_INVITATIONS


def own(person: actor.Actor, organization_id: UUID) -> Organization | None:
    return organizations.organization_by_id(organization_id) if organization_id == person.organization_id else None


def show(organization: Organization) -> str:
    return f"{organization.name} {request.form.get('typed', '')}"


@pytest.fixture
def guarded(probe: Probe) -> None:
    probe("/guarded/<uuid:organization_id>", show, methods=("GET", "POST"), requirement=Requirement(ACCEPT, own))


# --- declaring -----------------------------------------------------------------------------------------------


def test_a_route_that_says_nothing_keeps_the_application_from_starting(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def init_app(app: Flask) -> None:
        original(app)
        app.add_url_rule("/undeclared", endpoint="undeclared", view_func=lambda: "open to all")

    original = pages.init_app
    monkeypatch.setattr(webapp.pages, "init_app", init_app)
    with pytest.raises(RuntimeError, match="undeclared"):
        create_app(configuration(f"sqlite:///{tmp_path}/none.sqlite", tmp_path))


def test_every_route_of_the_product_is_declared_for_every_method(app: Flask) -> None:
    for rule in app.url_map.iter_rules():
        found = access.requirement_of(app, rule.endpoint)
        assert found is not None, rule
        assert (found.permission is None) == bool(found.because), rule


# --- the order of the answers --------------------------------------------------------------------------------


@pytest.mark.usefixtures("guarded")
def test_who_is_not_signed_in_is_led_to_sign_in_and_back(app: Flask) -> None:
    answer = app.test_client().get(f"/guarded/{uuid4()}?a=1&b=%E5%90%8C", base_url=ORIGIN)
    assert answer.status_code == 302
    assert answer.headers["Location"].startswith("/sign-in?next=/guarded/")
    assert (
        answer.headers["Location"].endswith("?a%3D1%26b%3D%25E5%2590%258C") or "%3Fa%3D1" in answer.headers["Location"]
    )


@pytest.mark.usefixtures("guarded")
@pytest.mark.parametrize("body", ["none", "bad csrf", "huge", "huge files", "no form", "broken"])
@pytest.mark.parametrize("origin", [ORIGIN, "http://evil.example", ""])
def test_a_post_of_nobody_is_answered_before_anything_is_parsed(app: Flask, body: str, origin: str) -> None:
    sent: dict[str, dict[str, Any]] = {
        "none": {},
        "bad csrf": {"data": {"csrf_token": "wrong"}},
        "huge": {"data": {"typed": "x" * 3_000_000}},
        "huge files": {"data": b"x" * 3_000_000, "content_type": "multipart/form-data; boundary=x"},
        "no form": {"data": b"{", "content_type": "application/json"},
        "broken": {"data": b"\xff\xfe=%zz&\0", "content_type": "application/x-www-form-urlencoded"},
    }
    headers = {"Origin": origin} if origin else {}
    answer = app.test_client().post(f"/guarded/{uuid4()}", base_url=ORIGIN, headers=headers, **sent[body])
    assert answer.status_code == 401
    assert "You are no longer signed in" in answer.get_data(as_text=True)


@pytest.mark.usefixtures("guarded")
@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("body", ["good", "bad csrf", "huge"])
def test_invisible_is_404_and_visible_but_not_allowed_is_403_whatever_the_body(
    app: Flask, world: World, method: str, body: str
) -> None:
    mine, foreign = world.a_customer(), world.a_customer()
    data = {"good": {"typed": "x"}, "bad csrf": {"csrf_token": "no"}, "huge": {"typed": "x" * 3_000_000}}[body]
    for role, own_status in (("global_reader", 403), ("", 403)):
        client = signed_in(app, mine[role].address)
        send = getattr(client, method.lower())
        sent = {"base_url": ORIGIN, **({"data": data} if method == "POST" else {})}
        assert send(f"/guarded/{foreign.id}", **sent).status_code == 404
        assert send(f"/guarded/{uuid4()}", **sent).status_code == 404
        answer = send(f"/guarded/{mine.id}", **sent)
        assert answer.status_code == own_status
        page = answer.get_data(as_text=True)
        assert "Global administrator" in page
        assert "Billing administrator" in page
        assert "Global reader" not in page


@pytest.mark.usefixtures("guarded")
def test_the_allowed_receive_the_object_and_not_its_id(app: Flask, world: World) -> None:
    mine = world.a_customer("Adventure Works")
    client = signed_in(app, mine["billing_administrator"].address)
    assert client.get(f"/guarded/{mine.id}", base_url=ORIGIN).get_data(as_text=True) == "Adventure Works "
    assert post(client, f"/guarded/{mine.id}", typed="same").get_data(as_text=True) == "Adventure Works same"
    bad = client.post(f"/guarded/{mine.id}", base_url=ORIGIN, data={"typed": "x"}, headers={"Origin": ORIGIN})
    assert bad.status_code == 400  # allowed, but the form is not ours
    huge = post(client, f"/guarded/{mine.id}", typed="x" * 3_000_000)
    assert huge.status_code == 413


def test_an_organization_of_another_kind_is_told_so_and_shown_no_empty_list(
    app: Flask, probe: Probe, world: World
) -> None:
    partner = world.a_partner(language="ja")
    probe("/customers-only", lambda: "done", requirement=Requirement(ACCEPT))
    answer = signed_in(app, partner["admin_agent"].address).get("/customers-only", base_url=ORIGIN)
    assert answer.status_code == 403
    page = answer.get_data(as_text=True)
    assert "別の種類の組織" in page
    assert "<ul></ul>" not in page


def test_what_has_no_route_is_404_and_the_wrong_method_405(app: Flask) -> None:
    client = app.test_client()
    assert client.get("/no/such/page", base_url=ORIGIN).status_code == 404
    wrong = client.delete("/sign-in", base_url=ORIGIN)
    assert wrong.status_code in {400, 405}
    assert client.open("/sign-in", method="PUT", base_url=ORIGIN).status_code in {400, 405}


# --- the table -----------------------------------------------------------------------------------------------


def test_roles_only_add_to_what_every_member_may_do() -> None:
    for (kind, role), granted in POLICY.items():
        assert granted >= POLICY[kind, ""], (kind, role)
        assert permissions_of(kind, frozenset({role})) == granted


def test_a_role_of_the_other_kind_or_of_nobody_gives_nothing() -> None:
    every = frozenset(ROLES["customer"] + ROLES["partner"] + ("owner", ""))
    assert permissions_of("partner", every) & {ACCEPT, Permission.ADMIT_PEOPLE} == frozenset()
    assert Permission.WRITE_INVITATIONS not in permissions_of("customer", every)
    assert permissions_of("customer", frozenset({"owner"})) == POLICY["customer", ""]


def test_every_permission_is_given_to_somebody_and_named_by_roles() -> None:
    for permission in Permission:
        holders = [roles_with(kind, permission) for kind in ("customer", "partner")]
        by_token = [role for role, allowed in access.BY_TOKEN.items() if permission in allowed]
        assert any(holders) or by_token, permission


def test_a_token_allows_nothing_that_its_role_at_the_partner_does_not() -> None:
    for role in ("admin_agent", "sales_agent"):
        assert access.BY_TOKEN[role] - {Permission.USE_API} < access.POLICY["partner", role]
    writes = {Permission.ATTEST, Permission.PLACE_ORDERS, Permission.WRITE_INVITATIONS, Permission.ADD_CUSTOMERS}
    assert not writes & access.BY_TOKEN["read_only"]


# --- who acts for a customer ---------------------------------------------------------------------------------

EVERY_ROLE = frozenset(role.id for role in ROLES_TO_DELEGATE)
#: What binds a customer, opens it to others, or reaches its administrators: only its own people do that.
NEVER = {
    Permission.ANSWER_INVITATIONS, Permission.ANSWER_DELEGATED_ADMIN, Permission.HAND_OVER, Permission.ASK_TO_END,
    Permission.DISTRUST_PARTNERS, Permission.BUY, Permission.ADMIT_PEOPLE, Permission.GIVE_ROLES, Permission.WORK_INBOX,
    Permission.READ_INBOX, Permission.READ_DELEGATED_ADMIN,
}  # fmt: skip


def test_a_delegate_never_gets_what_binds_the_customer_whatever_roles_there_are() -> None:
    every_agent = frozenset(ROLES["partner"])
    allowed = delegated_permissions(every_agent, EVERY_ROLE)
    assert not allowed & NEVER
    administrator = POLICY["customer", "global_administrator"]
    assert allowed < administrator
    assert administrator - allowed == NEVER | ACTS, "a new permission of the customer's: may a delegate have it?"


def test_no_permission_of_a_partner_comes_with_a_delegated_role() -> None:
    of_partners = permissions_of("partner", frozenset(ROLES["partner"])) - permissions_of(
        "customer", frozenset(ROLES["customer"])
    )
    assert not delegated_permissions(frozenset({"admin_agent"}), EVERY_ROLE) & of_partners


@pytest.mark.parametrize(
    ("partner_roles", "allowed"),
    [
        ({"helpdesk_agent"}, {Permission.READ_PEOPLE, Permission.RESET_PASSWORDS}),
        ({"sales_agent"}, set()),
        (set(), set()),
        ({"helpdesk_agent", "sales_agent"}, {Permission.READ_PEOPLE, Permission.RESET_PASSWORDS}),
    ],
)
def test_helpdesk_agents_reset_passwords_and_no_more(partner_roles: set[str], allowed: set[Permission]) -> None:
    assert delegated_permissions(frozenset(partner_roles), EVERY_ROLE) == allowed


def test_only_whom_a_delegated_role_can_help_may_administer_customers() -> None:
    assert set(roles_with("partner", Permission.ADMINISTER_CUSTOMERS)) == set(REACH)


def test_the_roles_that_reset_passwords_are_those_of_the_table() -> None:
    assert {role for role, allowed in DELEGATED.items() if Permission.RESET_PASSWORDS in allowed} == RESETTING


def test_every_delegated_role_is_one_that_can_be_offered() -> None:
    assert DELEGATED.keys() <= EVERY_ROLE
    assert len(EVERY_ROLE) == 32


@pytest.mark.parametrize(
    ("path", "own"),
    [
        ("/", True), ("/partner", True), ("/partner/customers", True), ("/partners", False), ("/partner-x", False),
        ("/account", True), ("/accounts", False), ("/acting", False), ("/acting/end", True), ("/acting/ending", False),
        ("/AdminPortal/Home", True), ("/invitation", True), ("/invitation/abc/acceptance", True), ("/home", False),
        ("/agreement/acceptance", False), ("/users", False), ("/history", False), ("/settings/partner", False),
    ],
)  # fmt: skip
def test_where_a_person_is_itself_and_where_the_customer_s(path: str, own: bool) -> None:
    assert actor.is_own_place(path) is own


#: Pages for anyone that are a customer's for whoever acts for one.
FOR_ANYONE_AND_A_CUSTOMER = ("/redeem", "/calendar")


def test_what_is_for_anyone_is_no_customer_s_page(app: Flask) -> None:
    for rule in app.url_map.iter_rules():
        found = access.requirement_of(app, rule.endpoint)
        assert found is not None
        if found.permission is None and "anycase" not in rule.rule:
            assert actor.is_own_place(rule.rule) or rule.rule.startswith(FOR_ANYONE_AND_A_CUSTOMER), rule.rule
