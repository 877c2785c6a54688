"""What a partner may read of a record, and how personal values are checked."""

from __future__ import annotations

from typing import Any

import pytest

from webapp.evidence import rules

OWN, OTHER, CUSTOMER = "partner-1", "partner-2", "customer-1"


@pytest.mark.parametrize(
    ("kind", "reader", "record", "everything"),
    [
        ("customer", CUSTOMER, {"organization_id": CUSTOMER, "customer_id": CUSTOMER}, True),
        ("customer", CUSTOMER, {"organization_id": OWN, "customer_id": CUSTOMER}, True),
        ("partner", OWN, {"organization_id": OWN, "customer_id": CUSTOMER}, True),
        ("partner", OWN, {"organization_id": OWN, "customer_id": None}, True),
        ("partner", OWN, {"organization_id": CUSTOMER, "customer_id": CUSTOMER}, False),
        ("partner", OWN, {"organization_id": OTHER, "customer_id": CUSTOMER}, False),
        ("partner", OWN, {"organization_id": None, "customer_id": CUSTOMER}, False),
        ("partner", OWN, {"organization_id": OTHER, "customer_id": None}, False),
        ("partner", OWN, {"organization_id": None, "customer_id": None}, True),
    ],
)
def test_who_sees_all_personal_values(kind: str, reader: str, record: dict[str, Any], everything: bool) -> None:
    assert (rules.seen_by(kind, reader, record) is None) is everything


def test_what_a_partner_sees_of_another_holds_no_address_and_no_browser() -> None:
    assert {"address", "network_address", "browser", "title", "department"}.isdisjoint(rules.SEEN_BY_PARTNERS)


def test_a_personal_value_that_does_not_match_its_digest_is_found() -> None:
    record = {"personal": {"name": {"id": "1", "sha256": rules.personal_digest("salt", "value")}}}
    assert rules.personal_findings(1, record, {"1": ("salt", "value")}) == []
    assert rules.personal_findings(1, record, {}) == []
    assert [each.kind for each in rules.personal_findings(1, record, {"1": ("salt", "other")})] == ["edited"]


def test_the_same_record_has_one_spelling() -> None:
    assert rules.canonical({"b": 1, "a": "日本"}) == '{"a":"日本","b":1}'
    with pytest.raises(ValueError, match="Out of range"):
        rules.canonical({"a": float("nan")})
