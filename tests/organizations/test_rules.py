"""Pairs, last administrators, domains."""

from __future__ import annotations

import pytest

from webapp.organizations import rules

PROVIDER, RESELLER, DIRECT = "indirect_provider", "indirect_reseller", "direct_bill"


@pytest.mark.parametrize(
    ("provider", "reseller", "well"),
    [
        (PROVIDER, RESELLER, True),
        (RESELLER, PROVIDER, False),
        (PROVIDER, PROVIDER, False),
        (DIRECT, RESELLER, False),
        (PROVIDER, DIRECT, False),
        (None, RESELLER, False),
        (PROVIDER, None, False),
    ],
)
def test_only_a_provider_is_paired_with_a_reseller(provider: str | None, reseller: str | None, well: bool) -> None:
    if well:
        rules.check_pairing(provider, reseller)
    else:
        with pytest.raises(rules.WrongProgramme):
            rules.check_pairing(provider, reseller)


@pytest.mark.parametrize(
    ("administrators", "leaving", "refused"),
    [({"a"}, "a", True), ({"a", "b"}, "a", False), (set(), "a", False), ({"b"}, "a", False)],
)
def test_the_last_administrator_does_not_leave(administrators: set[str], leaving: str, refused: bool) -> None:
    if refused:
        with pytest.raises(rules.LastAdministrator):
            rules.check_administrator_remains(administrators, leaving)
    else:
        rules.check_administrator_remains(administrators, leaving)


@pytest.mark.parametrize(("count", "refused"), [(0, False), (1, False), (2, True)])
def test_an_administrator_is_replaced_only_when_none_can_help_himself(count: int, refused: bool) -> None:
    if refused:
        with pytest.raises(rules.OtherAdministrators):
            rules.check_lost(count)
    else:
        rules.check_lost(count)


def test_a_domain_lies_in_those_above_it() -> None:
    assert rules.domains_above("Mail.Contoso.example") == ["mail.contoso.example", "contoso.example", "example"]
