"""What a program's roles, places to return to, scopes and tenants may be."""

from __future__ import annotations

from uuid import UUID

import pytest

from webapp.api_clients import rules

ALL = frozenset(rules.ROLES)
ADMIN, SALES, READ = "admin_agent", "sales_agent", "read_only"


@pytest.mark.parametrize(
    ("token", "client", "person", "expected"),
    [
        ({ADMIN, READ}, ALL, None, {ADMIN, READ}),  # the program acts as itself
        ({ADMIN, READ}, {READ}, None, {READ}),  # a role was taken from the program
        (ALL, ALL, {"admin_agent"}, ALL),  # an admin agent does all that a sales agent does
        (ALL, ALL, {"sales_agent"}, {SALES, READ}),
        (ALL, ALL, {"helpdesk_agent"}, {READ}),
        ({ADMIN}, ALL, {"sales_agent"}, set()),
        (ALL, ALL, set(), set()),  # whoever has no role gives none
        ({SALES}, {ADMIN}, {"admin_agent"}, set()),
    ],
)
def test_a_token_carries_what_it_was_given_as_far_as_program_and_person_have_it(
    token: set[str], client: set[str], person: set[str] | None, expected: set[str]
) -> None:
    held = frozenset(person) if person is not None else None
    assert rules.roles_in_force(frozenset(token), frozenset(client), held) == expected


def test_roles_are_offered_in_one_order() -> None:
    assert rules.offered([READ, SALES], frozenset({"sales_agent"})) == (SALES, READ)


@pytest.mark.parametrize(
    ("uri", "fault"),
    [
        ("https://erp.example/callback", ""),
        ("https://erp.example:8443/callback?a=b&c=%20d", ""),
        ("http://localhost:8400/", ""),
        ("http://127.0.0.1/callback", ""),
        ("http://erp.example/callback", "scheme"),
        ("http://localhost.erp.example/", "scheme"),
        ("http://127.0.0.1.erp.example/", "scheme"),
        ("javascript:alert(1)", "scheme"),
        ("erp.example/callback", "scheme"),
        ("com.example.app:/callback", "scheme"),
        ("https://erp.example/#there", "fragment"),
        ("https://erp.example/#", "fragment"),
        ("https://", "host"),
        ("https:///callback", "host"),
        ("https://user@erp.example/", "host"),
        ("https://erp.example;script-src/", "host"),
        ("https://[::1]/", "host"),
        ("https://[::1/", "host"),
        ("https://*.erp.example/", "characters"),
        ("https://erp.example/a b", "characters"),
        ("https://例え.example/", "characters"),
        ('https://erp.example/"', "characters"),
        ("https://erp.example\\@evil.example/", "characters"),
        ("https://erp.example/" + "a" * 2000, "long"),
    ],
)
def test_a_place_to_return_to_is_https_or_on_loopback_and_nothing_else(uri: str, fault: str) -> None:
    assert rules.redirect_fault(uri) == fault


def test_the_origin_of_a_place_is_what_a_policy_names() -> None:
    assert rules.origin_of("https://erp.example:8443/callback?a=b") == "https://erp.example:8443"


@pytest.mark.parametrize(
    ("scope", "expected"),
    [("", True), ("a b", True), ("a  b", False), (' a', False), ('a"b', False), ("ä", False), ("a" * 401, False), ("a\0", False)],
)  # fmt: skip
def test_a_scope_is_words_of_few_characters(scope: str, expected: bool) -> None:
    assert rules.is_scope(scope) is expected


def test_a_tenant_is_the_partner_by_id_or_domain_or_any() -> None:
    id_ = UUID("11111111-2222-3333-4444-555555555555")
    own = [str(id_), str(id_).upper(), "northwind.example", "NorthWind.example", "common", "organizations", "Common"]
    assert all(rules.is_tenant(word, id_, ["northwind.example"]) for word in own)
    others = ["other.example", "", "consumers", str(UUID(int=1)), "northwind.example.evil.example"]
    assert not any(rules.is_tenant(word, id_, ["northwind.example"]) for word in others)


def test_who_can_consent() -> None:
    own, other = UUID(int=1), UUID(int=2)
    rules.check_consent(own, own, (READ,), program="ERP", partner="Northwind")
    with pytest.raises(rules.ProgramOfAnother):
        rules.check_consent(other, own, (READ,), program="ERP", partner="Northwind")
    with pytest.raises(rules.NoRoleForProgram):
        rules.check_consent(own, own, (), program="ERP", partner="Northwind")
