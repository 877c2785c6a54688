"""Which fact is which event, what may be sent to, when something is tried again."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from config import ROOT
from webapp.webhooks import rules
from webapp.webhooks.rules import Outcome, TargetForbidden

FORBIDDEN = {
    # addresses of this machine and of networks
    "https://127.0.0.1/": "address",
    "https://127.255.255.254/": "address",
    "https://0.0.0.0/": "address",
    "https://0.1.2.3/": "address",
    "https://10.0.0.1/": "address",
    "https://172.16.0.1/": "address",
    "https://172.31.255.255/": "address",
    "https://192.168.1.1/": "address",
    "https://100.64.0.1/": "address",
    "https://100.127.255.255/": "address",
    "https://169.254.169.254/latest/meta-data/": "address",
    "https://192.0.0.170/": "address",
    "https://192.0.2.1/": "address",
    "https://192.88.99.1/": "address",
    "https://198.18.0.1/": "address",
    "https://198.51.100.7/": "address",
    "https://203.0.113.9/": "address",
    "https://224.0.0.1/": "address",
    "https://239.255.255.250/": "address",
    "https://240.0.0.1/": "address",
    "https://255.255.255.255/": "address",
    # the same in spellings that resolvers read
    "https://127.1/": "address",
    "https://127.0.1/": "address",
    "https://2130706433/": "address",
    "https://017700000001/": "address",
    "https://0x7f000001/": "address",
    "https://0x7f.0.0.1/": "address",
    "https://0177.0.0.1/": "address",
    "https://127.0.0.1./": "address",
    "https://１２７.0.0.1/": "address",
    "https://127。0。0。1/": "address",
    "https://①②⑦.0.0.1/": "address",
    "https://256.256.256.256/": "address",
    # IPv6
    "https://[::1]/": "address",
    "https://[::]/": "address",
    "https://[fe80::1]/": "address",
    "https://[fec0::1]/": "address",
    "https://[fc00::1]/": "address",
    "https://[fd12:3456:789a::1]/": "address",
    "https://[ff02::1]/": "address",
    "https://[::ffff:127.0.0.1]/": "address",
    "https://[::ffff:8.8.8.8]/": "address",
    "https://[::ffff:0:127.0.0.1]/": "address",
    "https://[::127.0.0.1]/": "address",
    "https://[2002:7f00:1::]/": "address",
    "https://[2002:808:808::1]/": "address",
    "https://[64:ff9b::7f00:1]/": "address",
    "https://[64:ff9b:1::a00:1]/": "address",
    "https://[2001:0:53aa:64c::1]/": "address",
    "https://[2001:db8::1]/": "address",
    "https://[100::1]/": "address",
    "https://[fe80::1%25eth0]/": "malformed",
    # names of networks
    "https://localhost/": "name",
    "https://LOCALHOST./": "name",
    "https://receiver/": "name",
    "https://a.localhost/": "name",
    "https://printer.local/": "name",
    "https://metadata.google.internal/": "name",
    "https://router.lan/": "name",
    "https://1.0.0.127.in-addr.arpa/": "name",
    # what else an address must not be
    "http://receiver.example/": "scheme",
    "ftp://receiver.example/": "scheme",
    "file:///etc/passwd": "scheme",
    "gopher://receiver.example/": "scheme",
    "javascript:alert(1)": "scheme",
    "//receiver.example/": "scheme",
    "receiver.example": "scheme",
    "": "scheme",
    "https://user:password@receiver.example/": "userinfo",
    "https://receiver.example@127.0.0.1/": "userinfo",
    "https://receiver.example\\@127.0.0.1/": "userinfo",
    "https://receiver.example:22/": "port",
    "https://receiver.example:25/": "port",
    "https://receiver.example:80/": "port",
    "https://receiver.example:6379/": "port",
    "https://receiver.example:0/": "malformed",
    "https://receiver.example:/": "malformed",
    "https://receiver.example:99999/": "malformed",
    "https://receiver.example:https/": "malformed",
    "https://receiver.example/#part": "fragment",
    "https://receiver.example/#": "fragment",
    "https:///events": "malformed",
    "https://receiver..example/": "malformed",
    "https://-receiver.example/": "malformed",
    "https://receiver_.example/": "malformed",
    "https://[::1/": "malformed",
    "https://receiver.example /": "malformed",
    "https://receiver.example/a b": "malformed",
    "https://receiver.example/\r\nHost: other.example": "malformed",
    "https://receiver.example/\x00": "malformed",
    "https://receiver.example/é": "malformed",
    "https://rec\u00adeiver.example/": "malformed",
    f"https://receiver.example/{'a' * 2000}": "malformed",
}


@pytest.mark.parametrize(("url", "why"), FORBIDDEN.items())
def test_nothing_is_sent_where_only_this_machine_reaches(url: str, why: str) -> None:
    with pytest.raises(TargetForbidden) as refused:
        rules.target_of(url)
    assert refused.value.why == why


def test_the_table_has_at_least_forty_targets() -> None:
    assert len(FORBIDDEN) >= 40


@pytest.mark.parametrize(
    ("url", "host", "port", "path"),
    [
        ("https://receiver.example/events?key=1", "receiver.example", 443, "/events?key=1"),
        ("HTTPS://Receiver.Example", "receiver.example", 443, "/"),
        ("https://receiver.example.:8443/a%20b", "receiver.example", 8443, "/a%20b"),
        ("https://受信.example/", "xn--vuq69g.example", 443, "/"),
        ("https://8.8.8.8/", "8.8.8.8", 443, "/"),
        ("https://[2606:4700::1111]/", "2606:4700::1111", 443, "/"),
    ],
)
def test_an_open_receiver_may_be_sent_to(url: str, host: str, port: int, path: str) -> None:
    target = rules.target_of(url)
    assert (target.host, target.port, target.path, target.listed) == (host, port, path, False)


@pytest.mark.parametrize(
    ("url", "listed", "fits"),
    [
        ("http://127.0.0.1:9000/", ("127.0.0.1:9000",), True),
        ("http://127.0.0.1:9001/", ("127.0.0.1:9000",), False),
        ("http://hooks/", ("hooks",), True),
        ("https://HOOKS:9/", ("Hooks",), True),
        ("http://[::1]:9000/", ("[::1]:9000",), True),
        ("http://hooks.lan/", ("hooks",), False),
        ("http://user@hooks/", ("hooks",), False),
        ("ftp://hooks/", ("hooks",), False),
        ("https://127.1/", ("127.0.0.1",), False),
    ],
)
def test_the_operator_lists_hosts_of_its_own_network(url: str, listed: tuple[str, ...], fits: bool) -> None:
    if fits:
        assert rules.target_of(url, listed).listed
    else:
        with pytest.raises(TargetForbidden):
            rules.target_of(url, listed)


@pytest.mark.parametrize("inner", ["127.0.0.1", "10.1.2.3", "::1", "::ffff:8.8.8.8", "fe80::1%2", "nonsense"])
def test_a_name_with_any_inner_address_is_not_sent_to(inner: str) -> None:
    target = rules.target_of("https://receiver.example/")
    rules.check_addresses(target, ["8.8.8.8", "2606:4700::1111"])
    with pytest.raises(TargetForbidden):
        rules.check_addresses(target, ["8.8.8.8", inner])
    rules.check_addresses(rules.target_of("https://hooks/", ["hooks"]), [inner])


# --- events ------------------------------------------------------------------------------------------------------


def kinds_with_words() -> set[str]:
    """Every kind of fact, as its words are filed (a guard sees to it that each has some)."""
    return {path.stem for path in (ROOT / "templates").glob("*/facts/*.html")}


def test_every_kind_that_is_told_exists() -> None:
    assert {each.replace(".", "_") for each in rules.OF_FACTS} - kinds_with_words() == set()


def test_every_kind_that_is_an_operation_of_partner_center_s_exists() -> None:
    assert {each.replace(".", "_") for each in rules.OPERATIONS} - kinds_with_words() == set()


def test_every_event_is_told_of_some_fact_and_every_told_event_is_known() -> None:
    told = {event for events in rules.OF_FACTS.values() for event in events}
    assert told | {rules.TEST} == set(rules.EVENTS)
    assert all(len(set(events)) == len(events) for events in rules.OF_FACTS.values())


def test_a_body_says_what_happened_and_where_to_read_more() -> None:
    at = datetime(2026, 5, 1, 12, 0, 0, 15908, tzinfo=UTC)
    ids = {"customer_id": "c", "subscription_id": "s"}
    found = json.loads(
        rules.body_of("subscription-updated", ids, base="https://here.example", audit_id="a", at=at)
    )  # fmt: skip
    assert found == {
        "EventName": "subscription-updated",
        "ResourceUri": "https://here.example/v1/customers/c/subscriptions/s",
        "ResourceName": "Subscription",
        "AuditUri": "https://here.example/v1/auditrecords/a",
        "ResourceChangeUtcDate": "2026-05-01T12:00:00.015908+00:00",
    }
    dap = json.loads(rules.body_of("dap-admin-relationship-approved", {}, base="", audit_id=None, at=at))
    assert (dap["ResourceUri"], dap["AuditUri"]) == (None, None)
    lacking = rules.body_of("granular-admin-relationship-expired", {}, base="", audit_id=None, at=at)
    assert json.loads(lacking)["ResourceUri"] is None


def test_names_are_known_in_any_letter_case_and_once() -> None:
    assert rules.known_names(["SUBSCRIPTION-updated", "test-created", "Test-Created", "nothing"]) == [
        "test-created", "subscription-updated"
    ]  # fmt: skip


# --- when --------------------------------------------------------------------------------------------------------


def test_ten_attempts_with_growing_pauses() -> None:
    now = datetime(2026, 5, 1, tzinfo=UTC)
    moments = [rules.next_attempt(count, now) for count in range(1, 11)]
    assert moments[-1] is None
    pauses = [each - now for each in moments[:-1] if each is not None]
    assert len(pauses) == 9
    assert pauses == sorted(set(pauses))
    assert sum(pauses, timedelta()) > timedelta(hours=1)
    assert rules.LEASE.total_seconds() > rules.TIMEOUT


@pytest.mark.parametrize(
    ("outcome", "delivered", "away"),
    [
        (Outcome(code=200), True, False),
        (Outcome(code=204), True, False),
        (Outcome(code=199), False, False),
        (Outcome(code=302), False, False),
        (Outcome(code=410), False, False),
        (Outcome(code=500), False, False),
        (Outcome(error="timeout"), False, True),
        (Outcome(error="unreachable"), False, True),
        (Outcome(error="forbidden"), False, False),
    ],
)
def test_any_2xx_is_delivered(outcome: Outcome, delivered: bool, away: bool) -> None:
    assert (outcome.is_delivered, outcome.is_away) == (delivered, away)
