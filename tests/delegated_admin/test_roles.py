"""The catalogue of roles, and their words in both languages."""

from __future__ import annotations

import pytest
from flask import Flask
from flask_babel import force_locale

from webapp.delegated_admin.roles import (
    BASIC,
    BY_ID,
    GLOBAL_ADMINISTRATOR,
    HELPDESK_ADMINISTRATOR,
    RISKS,
    ROLES,
    in_order,
)
from webapp.delegated_admin.words import RoleWords, role_name, role_words

#: Microsoft's names and template ids.
KNOWN = {
    "Global Administrator": "62e90394-69f5-4237-9190-012177145e10",
    "Global Reader": "f2ef992c-3afb-46b9-b7cf-a126ee74c451",
    "User Administrator": "fe930be7-5e62-47db-91af-98c3a49a38b1",
    "Helpdesk Administrator": "729827e3-9c14-49f7-bb1b-9608f156bbb8",
    "License Administrator": "4d6ac14f-3453-41d0-bef9-a3e0c569773a",
    "Service Support Administrator": "f023fd81-a637-4b56-95fd-791ac0226033",
    "Directory Readers": "88d8e3e3-8f55-4a1e-953a-9b9898b8876b",
    "Directory Writers": "9360feb5-f418-4baa-8175-e2a00bac4301",
    "Billing Administrator": "b0f54661-2d74-4c50-afa3-1ec803f12efe",
    "Exchange Administrator": "29232cdf-9323-42fd-ade2-1d097af3e4de",
    "SharePoint Administrator": "f28a1f50-f6e7-4571-818b-6a12f2af6b6c",
    "Teams Administrator": "69091246-20e8-4a56-aa4d-066075b2a7a8",
    "Intune Administrator": "3a2c62db-5318-420d-8d74-23affee5d9d5",
    "Security Administrator": "194ae4cb-b126-40b2-bd5b-6091b380977d",
    "Security Reader": "5d6b6bb7-de71-4623-b4af-96380a352509",
    "Application Administrator": "9b895d92-2cd3-44c7-9d02-a6ac2d5ea5c3",
    "Cloud Application Administrator": "158c047a-c907-4556-b7ef-446551a6b5f7",
    "Cloud App Security Administrator": "892c5842-a9a6-463a-8041-72aa08ca3cf6",
    "Cloud Device Administrator": "7698a772-787b-4ac8-901f-60d6b08affd2",
    "Domain Name Administrator": "8329153b-31d0-4727-b945-745eb3bc5f31",
    "Privileged Role Administrator": "e8611ab8-c189-46e8-94e1-60213ab1f814",
    "Privileged Authentication Administrator": "7be44c8a-adaf-4e2a-84d6-ab2649e08a13",
    "Authentication Policy Administrator": "0526716b-113d-4c15-b2c8-68e3c22b9f80",
    "Authentication Administrator": "c4e39bd9-1100-46d3-8c65-fb160da0071f",
    "Groups Administrator": "fdd7a751-b60b-444a-984c-02652fe8fa1c",
    "Compliance Administrator": "17315797-102d-40b4-93e0-432062caca18",
    "Reports Reader": "4a5d8f65-41da-4de4-8968-e035b65339cf",
    "Message Center Reader": "790c1fb9-7f7d-4f88-86a1-ef1f95c05c1b",
    "Dynamics 365 Administrator": "44367163-eba1-44c3-98af-f5787879f96a",
    "Power Platform Administrator": "11648597-926c-4cf3-9c36-bcebb0ba8dcc",
    "External Identity Provider Administrator": "be2f45a1-457d-42af-a067-6ec1fa63bc45",
    "Customer Delegated Admin Relationship Administrator": "fc8ad4e2-40e4-4724-8317-bcda7503ecbf",
}
JAPANESE = {
    "Global Administrator": "グローバル管理者",
    "Privileged Role Administrator": "特権ロール管理者",
    "Helpdesk Administrator": "ヘルプデスク管理者",
    "Billing Administrator": "課金管理者",
    "License Administrator": "ライセンス管理者",
    "Directory Readers": "ディレクトリ閲覧者",
}


def _words(app: Flask, language: str) -> list[RoleWords]:
    with app.test_request_context(), force_locale(language):
        return [role_words(role.id) for role in ROLES]


@pytest.mark.one_engine
def test_the_catalogue_is_microsofts_32_roles_by_their_names_and_template_ids(app: Flask) -> None:
    assert {words.name: words.id for words in _words(app, "en")} == KNOWN
    assert len(KNOWN) == len(ROLES) == len({role.key for role in ROLES}) == 32


@pytest.mark.one_engine
@pytest.mark.parametrize("language", ["en", "ja"])
def test_every_role_says_what_it_allows_and_what_it_does_not_in_words_of_its_own(app: Flask, language: str) -> None:
    said = _words(app, language)
    for part in ("name", "can", "cannot"):
        words = [getattr(each, part) for each in said]
        assert all(word.strip() == word and word for word in words)
        assert len(set(words)) == 32, part
        assert not [word for word in words if word[-1] in ".。"], f"{part}: parts of a sentence, without a full stop"
    assert all(len(each.can) >= 20 and len(each.cannot) >= 10 for each in said)


@pytest.mark.one_engine
def test_no_role_speaks_english_to_a_japanese_reader(app: Flask) -> None:
    english, japanese = _words(app, "en"), _words(app, "ja")
    for one, other in zip(english, japanese, strict=True):
        assert one.id == other.id
        for part in ("name", "can", "cannot"):
            assert getattr(one, part) != getattr(other, part)
            assert any(character > "\u3000" for character in getattr(other, part)), other
    assert {
        one.name: other.name for one, other in zip(english, japanese, strict=True) if one.name in JAPANESE
    } == JAPANESE


@pytest.mark.one_engine
def test_a_roles_name_alone_is_the_name_of_its_words(app: Flask) -> None:
    with app.test_request_context(), force_locale("ja"):
        assert role_name(GLOBAL_ADMINISTRATOR) == role_words(GLOBAL_ADMINISTRATOR).name == "グローバル管理者"


def test_the_least_privilege_set_holds_no_role_of_high_risk() -> None:
    assert BASIC
    assert "high" not in {BY_ID[role].risk for role in BASIC}
    assert GLOBAL_ADMINISTRATOR not in BASIC
    assert HELPDESK_ADMINISTRATOR in BASIC


def test_roles_stand_in_the_order_of_their_risk() -> None:
    order = [RISKS.index(role.risk) for role in ROLES]
    assert order == sorted(order)
    assert set(order) == {0, 1, 2}


def test_whoever_can_give_itself_every_right_is_of_high_risk() -> None:
    for name in ("Global Administrator", "Privileged Role Administrator", "Privileged Authentication Administrator"):
        assert BY_ID[KNOWN[name]].risk == "high"


def test_chosen_roles_are_kept_once_each_in_the_catalogues_order_and_unknown_ones_are_dropped() -> None:
    first, second = ROLES[0].id, ROLES[1].id
    assert in_order([second, first, second, "no such role"]) == (first, second)
    assert in_order([]) == ()
