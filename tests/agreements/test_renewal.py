"""When consent must be renewed: tables of days and versions, and the same with zones through the database."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import NamedTuple

import pytest
import time_machine

from tests.agreements.buying import Scene
from tests.support.builders import World
from webapp.agreements import queries, rules
from webapp.agreements.rules import Consent


class Text(NamedTuple):
    """A version as `required_since` reads it."""

    effective_on: date
    requires_renewal: bool


APRIL = date(2023, 4, 1)
OLD, MARCH, JUNE = date(2022, 10, 1), date(2026, 3, 1), date(2026, 6, 1)


def _consent(agreed_on: date, effective_on: date = MARCH) -> Consent:
    return Consent("accepted", agreed_on, effective_on, datetime(2026, 3, 2, tzinfo=UTC))


@pytest.mark.parametrize(
    ("agreed_on", "effective_on", "required", "why"),
    [
        (date(2023, 3, 31), OLD, None, "day"),
        (date(2023, 4, 1), OLD, None, ""),  # "acceptances older than this date": the day itself is good
        (date(2023, 4, 2), OLD, None, ""),
        (date(2022, 10, 1), OLD, None, "day"),
        (date(2024, 2, 29), OLD, None, ""),
        (date(2024, 2, 29), OLD, MARCH, "version"),
        (date(2023, 3, 31), OLD, MARCH, "version"),  # both: the version is what is read about
        (date(2026, 3, 1), MARCH, MARCH, ""),  # the version that requires it, itself
        (date(2026, 7, 1), MARCH, JUNE, "version"),
        (date(2026, 7, 1), JUNE, MARCH, ""),  # a later one than it
        (date(2023, 3, 31), JUNE, JUNE, "day"),
    ],
)
def test_consent_is_stale_by_its_day_or_by_its_version(
    agreed_on: date, effective_on: date, required: date | None, why: str
) -> None:
    consent = _consent(agreed_on, effective_on)
    assert rules.why_stale(consent, renew_before=APRIL, required=required) == why
    assert rules.is_stale(consent, renew_before=APRIL, required=required) is bool(why)


@pytest.mark.parametrize(
    ("texts", "today", "since"),
    [
        ([], JUNE, None),
        ([Text(OLD, False), Text(MARCH, False)], JUNE, None),
        ([Text(OLD, False), Text(MARCH, True)], JUNE, MARCH),
        ([Text(MARCH, True), Text(JUNE, True)], date(2026, 5, 31), MARCH),  # the later one is not in force yet
        ([Text(MARCH, True), Text(JUNE, True)], JUNE, JUNE),
        ([Text(MARCH, True), Text(JUNE, False)], JUNE, MARCH),  # what followed does not take it back
    ],
)
def test_a_version_requires_renewal_from_its_first_day(texts: list[Text], today: date, since: date | None) -> None:
    assert rules.required_since(texts, today) == since


@pytest.mark.parametrize(
    ("policy", "today", "since"),
    [
        (date(2023, 4, 1), date(2026, 11, 20), date(2023, 4, 1)),
        (date(2027, 1, 1), date(2026, 12, 31), date.min),  # whoever renews today would be asked again tomorrow
        (date(2027, 1, 1), date(2027, 1, 1), date(2027, 1, 1)),
    ],
)
def test_a_day_of_renewal_that_has_not_come_asks_nobody(policy: date, today: date, since: date) -> None:
    assert rules.renewed_since(policy, today) == since


@pytest.mark.parametrize(
    ("zone", "at", "current"),
    [
        ("UTC", "2026-03-31T23:59:59+00:00", False),
        ("UTC", "2026-04-01T00:00:00+00:00", True),
        ("Asia/Tokyo", "2026-03-31T14:59:59+00:00", False),
        ("Asia/Tokyo", "2026-03-31T15:00:00+00:00", True),  # the first of April in Tokyo
        ("America/Los_Angeles", "2026-04-01T06:59:59+00:00", False),
        ("America/Los_Angeles", "2026-04-01T07:00:00+00:00", True),
        ("Pacific/Kiritimati", "2026-03-31T10:00:00+00:00", True),
    ],
)
def test_the_day_of_an_acceptance_is_the_customers(world: World, zone: str, at: str, current: bool) -> None:
    scene = Scene(world, zone=zone)
    scene.publish("2026-03", date(2026, 3, 1))
    with time_machine.travel(at, tick=False):
        scene.accept()
    scene.set_policy("agreement.renew_before", "2026-04-01")
    with world.app.app_context():
        customer = scene.customer_row()
        assert queries.is_current(customer) is current
        assert queries.standing_of_customer(customer).state == ("accepted" if current else "must_renew")


def test_the_same_version_is_accepted_again_while_that_is_stale_and_not_once_more(world: World) -> None:
    scene = Scene(world)
    scene.publish("2026-03", date(2026, 3, 1))
    with time_machine.travel("2026-03-05T12:00:00+00:00", tick=False):
        first = scene.accept()
        with pytest.raises(rules.AlreadyAccepted):
            scene.accept()
    scene.set_policy("agreement.renew_before", "2026-04-01")
    second = scene.accept()
    with pytest.raises(rules.AlreadyAccepted):
        scene.accept()
    with world.app.app_context():
        rows = queries.acceptances_of(scene.customer.id)
        assert [(row.id, row.replaces_id) for row, _text in rows] == [(second, first), (first, None)]
        assert queries.standing_of_customer(scene.customer_row()).state == "accepted"


def test_a_newer_version_that_requires_nothing_leaves_the_consent_in_order(world: World) -> None:
    scene = Scene(world)
    scene.publish("2026-03", date(2026, 3, 1))
    scene.accept()
    scene.publish("2026-06", date(2026, 6, 1))
    with world.app.app_context():
        assert queries.standing_of_customer(scene.customer_row()).state == "accepted"
        assert not queries.is_current(scene.customer_row())
    scene.publish("2026-09", date(2026, 9, 1), requires_renewal=True)
    with world.app.app_context():
        before = queries.consent_before(scene.customer_row())
        assert before is not None
        assert (before.text.version, before.why) == ("2026-03", "version")
    scene.accept()
    with world.app.app_context():
        assert queries.standing_of_customer(scene.customer_row()).state == "accepted"


@pytest.mark.parametrize(
    ("accepted", "attested", "objected", "base"),
    [
        ("2026-03", "", False, "2026-03"),
        ("", "2026-03", False, "2026-03"),
        ("2026-03", "2026-06", False, "2026-06"),  # what somebody of the customer agreed to last
        ("2026-03", "2026-06", True, "2026-03"),  # and what it denies does not count
        ("", "2026-06", True, None),
        ("", "", False, None),
    ],
)
def test_what_changed_is_told_since_the_newest_version_agreed_to(
    world: World, accepted: str, attested: str, objected: bool, base: str | None
) -> None:
    scene = Scene(world)
    scene.publish("2026-03", date(2026, 3, 1))
    if accepted:
        scene.accept()
    if attested == "2026-06":
        scene.publish("2026-06", date(2026, 6, 1))
    if attested:
        scene.attest()
    if objected:
        scene.object()
    scene.publish("2026-09", date(2026, 9, 1), requires_renewal=True)
    with world.app.app_context():
        before = queries.consent_before(scene.customer_row())
        assert (before.text.version if before is not None else None) == base
        assert (before.partner if before is not None else "") == (
            scene.partner.name if attested and base == attested else ""
        )


def test_changes_are_those_of_the_language_that_is_read(world: World) -> None:
    scene = Scene(world, country="JP")
    scene.publish_samples("JP")
    with world.app.app_context():
        texts = {(each.version, each.language): each for each in queries.texts_of("JP")}
        new = texts["2026-03", "ja"]
        compared = queries.compared_with(texts["2022-10", "en"], new)
        assert compared is texts["2022-10", "ja"]
        assert compared is not None
        found = queries.changes_between(compared, new)
        assert any(("60", "90") in clause.numbers for clause in found.to_read)
        assert queries.changes_between(compared, new) is found  # what is published never changes
