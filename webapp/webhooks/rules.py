"""Which fact is which event, where events may be sent, and when something is tried again."""

from __future__ import annotations

import ipaddress
import json
import re
import unicodedata
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from webapp.errors import Refusal

# --- events ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Event:
    """What a registration can ask for. `resource` is its ResourceName, `path` the address of the resource below the API's
    own, filled with ids of the fact (None: it has none)."""

    name: str
    resource: str
    path: str | None


_OFFER = "/v1.0/tenantRelationships/delegatedAdminRelationships/{delegated_id}"
_GRANULAR, _DAP = "GranularAdminRelationship", "PartnerCustomerDap"
_ASSIGNMENT = ("GranularAdminAccessAssignment", _OFFER + "/accessAssignments/{assignment_id}")
TEST = "test-created"
EVENTS: dict[str, Event] = {
    each.name: each
    for each in (
        Event(TEST, "test", "/webhooks/v1/registration/validationEvents/{delivery_id}"),
        Event("reseller-relationship-accepted-by-customer", "Customer", "/v1/customers/{customer_id}"),
        Event("customer-agreement-accepted", "CustomerAgreement", "/v1/customers/{customer_id}/agreements"),
        Event("attestation-objected", "CustomerAgreement", "/v1/customers/{customer_id}/agreements"),
        Event("subscription-updated", "Subscription", "/v1/customers/{customer_id}/subscriptions/{line_id}"),
        Event("dap-admin-relationship-approved", _DAP, None),
        Event("dap-admin-relationship-terminated", _DAP, None),
        Event("granular-admin-relationship-approved", _GRANULAR, _OFFER),
        Event("granular-admin-relationship-activated", _GRANULAR, _OFFER),
        Event("granular-admin-relationship-terminated", _GRANULAR, _OFFER),
        Event("granular-admin-relationship-expired", _GRANULAR, _OFFER),
        Event("granular-admin-access-assignment-created", *_ASSIGNMENT),
        Event("granular-admin-access-assignment-activated", *_ASSIGNMENT),
        Event("granular-admin-access-assignment-updated", *_ASSIGNMENT),
        Event("granular-admin-access-assignment-deleted", *_ASSIGNMENT),
    )
}
#: Names of Partner Center's that a registration may hold although nothing here ever raises them.
NEVER = ("dap-admin-relationship-terminated-by-microsoft",)

#: The events that a kind of fact is, in the order in which they are sent.
#:
#: There is one kind of delegated administration here, with named roles and a duration. Programs that know the older kind
#: (DAP) hear of it by the older names as well. What is approved is active at once. A declined or withdrawn request is
#: what Graph shows as terminated, one that nobody answered in time as expired. Of the partner of record of a subscription
#: partners are told as `subscriptions` says: each of them may see something else.
OF_FACTS: dict[str, tuple[str, ...]] = {
    "relationship.accepted": ("reseller-relationship-accepted-by-customer",),
    "agreement.accepted": ("customer-agreement-accepted",),
    "agreement.objected": ("attestation-objected",),
    "subscription.added": ("subscription-updated",),
    "subscription.changed": ("subscription-updated",),
    "subscription.renewed": ("subscription-updated",),
    "subscription.renewal_stopped": ("subscription-updated",),
    "delegated_admin.approved": (
        "granular-admin-relationship-approved", "granular-admin-relationship-activated",
        "dap-admin-relationship-approved",
    ),
    "delegated_admin.ended": ("granular-admin-relationship-terminated", "dap-admin-relationship-terminated"),
    "delegated_admin.declined": ("granular-admin-relationship-terminated",),
    "delegated_admin.withdrawn": ("granular-admin-relationship-terminated",),
    "delegated_admin.lapsed": ("granular-admin-relationship-expired",),
    "delegated_admin.expired": ("granular-admin-relationship-expired", "dap-admin-relationship-terminated"),
    "delegated_admin.assignment_created": (
        "granular-admin-access-assignment-created", "granular-admin-access-assignment-activated",
    ),
    "delegated_admin.assignment_updated": ("granular-admin-access-assignment-updated",),
    "delegated_admin.assignment_deleted": ("granular-admin-access-assignment-deleted",),
}  # fmt: skip
#: How many events one fact can be, at most: their places follow each other in its place in the chain.
WIDTH = 10_000


def known_names(names: Iterable[str]) -> list[str]:
    """The names as they are spelled here, each once, in the order of EVENTS; unknown ones are left out."""
    wanted = {each.casefold() for each in names}
    return [each for each in (*EVENTS, *NEVER) if each in wanted]


def body_of(event: str, ids: Mapping[str, Any], *, base: str, audit_id: str | None, at: datetime) -> str:
    """What is sent, as JSON. `base`: the API's address without a slash at its end; `at`: when it happened, in UTC."""
    known = EVENTS[event]
    filled = dict(ids)
    filled["line_id"] = ids.get("line_id") or ids.get("subscription_id")
    body = {
        "EventName": event,
        "ResourceUri": _address(known, filled, base),
        "ResourceName": known.resource,
        "AuditUri": f"{base}/v1/auditrecords/{audit_id}" if audit_id is not None else None,
        "ResourceChangeUtcDate": at.isoformat(timespec="microseconds"),
    }
    return json.dumps(body, ensure_ascii=False)


def _address(event: Event, ids: Mapping[str, Any], base: str) -> str | None:
    """Where the resource is read; None where it has no address, or an id that is part of it is not told."""
    if event.path is None:
        return None
    parts = {name: ids.get(name) for name in re.findall(r"{(\w+)}", event.path)}
    return base + event.path.format_map(parts) if all(parts.values()) else None


# --- registering -------------------------------------------------------------------------------------------------

LONGEST_URL = 2000
TESTS, TESTS_WITHIN = 2, timedelta(minutes=1)
#: How long the secret before a rotation signs as well.
ROTATION_LASTS = timedelta(hours=24)


class AlreadyRegistered(Refusal):
    """The partner has a registration: it is changed, not made again."""


class TooManyTestEvents(Refusal):
    """More test events than `TESTS` in a minute. `minutes`: when the next may be asked for."""

    status = 429


class DeliveryNotDead(Refusal):
    """Only what was given up, of the registration that is open, is sent once more."""


class TargetForbidden(Refusal):
    """Nothing is sent there. `why`: "malformed", "scheme", "userinfo", "fragment", "port", "name" or "address"."""

    status = 422

    def __init__(self, why: str) -> None:
        super().__init__(why=why)


@dataclass(frozen=True)
class Target:
    """Where something is sent. `host` is a name in ASCII or an address without brackets; `listed`: the operator allows it
    whatever its address is. `path` holds the query."""

    scheme: str
    host: str
    port: int
    path: str
    listed: bool

    @property
    def authority(self) -> str:
        """Host and port as the header Host has them."""
        shown = f"[{self.host}]" if ":" in self.host else self.host
        return shown if self.port == PORTS[self.scheme] else f"{shown}:{self.port}"


PORTS = {"http": 80, "https": 443}
#: Where receivers on the open network may listen: nothing but HTTPS is spoken to there.
OPEN_PORTS = frozenset({443, 8443})
_NAME = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)")
_URL = re.compile(r"[!#-;=?-\[\]_a-z~]+")  # printable ASCII without " < > \ ^ ` { | }
#: Names that only mean something inside a network, or on this machine.
_INNER = frozenset(
    {
        "localhost", "localdomain", "local", "internal", "intranet", "lan", "home", "corp", "private", "arpa", "onion",
        "invalid", "test",
    }
)  # fmt: skip


def target_of(url: str, listed: Collection[str] = ()) -> Target:
    """Where an address leads. `listed`: hosts ("name" or "name:port") that the operator allows besides, over http too.

    Raises TargetForbidden for what cannot be meant for an open receiver, by its spelling alone. What its name resolves
    to is looked at whenever something is sent.
    """
    url = unicodedata.normalize("NFKC", url)
    if len(url) > LONGEST_URL or any(ord(each) < 33 or unicodedata.category(each) in {"Cc", "Cf"} for each in url):
        raise TargetForbidden("malformed")
    try:
        parts = urlsplit(url)
        host, port = _ascii(parts.hostname or ""), parts.port
    except ValueError:
        raise TargetForbidden("malformed") from None
    if parts.scheme not in PORTS:
        raise TargetForbidden("scheme")
    if "@" in parts.netloc:
        raise TargetForbidden("userinfo")
    if "#" in url:
        raise TargetForbidden("fragment")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if not host or not _URL.fullmatch(path) or not path.startswith("/") or port == 0 or parts.netloc.endswith(":"):
        raise TargetForbidden("malformed")
    number = port or PORTS[parts.scheme]
    allowed = is_listed(host, number, listed)
    _check_host(host, allowed)
    if not allowed and parts.scheme != "https":
        raise TargetForbidden("scheme")
    if not allowed and number not in OPEN_PORTS:
        raise TargetForbidden("port")
    return Target(parts.scheme, host, number, path, allowed)


def _ascii(host: str) -> str:
    """A host in lower case, without the dot at its end; a name in other letters in its IDNA form."""
    host = host.removesuffix(".").casefold()
    if host.isascii():
        return host
    try:
        return host.encode("idna").decode()
    except UnicodeError:
        raise ValueError("no host") from None


def _check_host(host: str, allowed: bool) -> None:
    """Raises TargetForbidden for an address that is not open, or a name that is none of the open network."""
    if ":" in host:
        if "%" in host or not _is_address(host):
            raise TargetForbidden("malformed")
        if not allowed and not is_open(host):
            raise TargetForbidden("address")
        return
    labels = host.split(".")
    if re.fullmatch(r"[0-9]+|0x[0-9a-f]*", labels[-1]):  # what resolvers read as a number, in whatever spelling
        if not _is_address(host):
            raise TargetForbidden("address")
        if not allowed and not is_open(host):
            raise TargetForbidden("address")
        return
    if len(host) > 253 or not all(_NAME.fullmatch(each) for each in labels):
        raise TargetForbidden("malformed")
    if not allowed and (len(labels) < 2 or labels[-1] in _INNER):
        raise TargetForbidden("name")


def is_listed(host: str, port: int, listed: Collection[str]) -> bool:
    """Whether the operator allows a host, or this port of it."""
    shown = f"[{host}]" if ":" in host else host
    return bool({host, shown, f"{shown}:{port}"} & {each.casefold() for each in listed})


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


#: Of IPv6 only global unicast is open, and of it nothing that carries another address inside or is set apart.
_GLOBAL = ipaddress.IPv6Network("2000::/3")
_CLOSED_6 = tuple(
    ipaddress.IPv6Network(each)
    for each in (
        "2001::/23",  # Teredo, ORCHID and their like
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4: an IPv4 address inside
        "3fff::/20",  # documentation
    )
)
_CLOSED_4 = tuple(
    ipaddress.IPv4Network(each)
    for each in (
        "0.0.0.0/8",  # this network, unspecified
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # carriers' own (CGNAT)
        "127.0.0.0/8",  # loopback
        "169.254.0.0/16",  # link-local, with the clouds' metadata services
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # protocol assignments
        "192.0.2.0/24",  # documentation
        "192.31.196.0/24",  # AS112
        "192.52.193.0/24",  # AMT
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",  # private
        "192.175.48.0/24",  # AS112
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, broadcast
    )
)


def is_open(address: str) -> bool:
    """Whether an address is one of the open network: no private, loopback, link-local, shared, multicast, reserved or
    unspecified one, and no IPv6 address that carries an IPv4 address inside (mapped, compatible, 6to4, NAT64, Teredo)."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(found, ipaddress.IPv4Address):
        return found.is_global and not any(found in each for each in _CLOSED_4)
    return found.scope_id is None and found in _GLOBAL and not any(found in each for each in _CLOSED_6)


def check_addresses(target: Target, addresses: Collection[str]) -> None:
    """Raises TargetForbidden where a name resolves to any address that is not open, unless its host is listed."""
    if not target.listed and not all(is_open(each) for each in addresses):
        raise TargetForbidden("address")


# --- sending -----------------------------------------------------------------------------------------------------

TIMEOUT = 10.0  # seconds, for all of one attempt once the name is resolved
LEASE = timedelta(seconds=60)  # longer than the time-out and what resolving a name may take
LARGEST_ANSWER = 64 * 1024
BATCH = 100
#: How many of one registration a run takes: a receiver that is slow or was away for long does not use the run up.
AT_A_TIME = 20
#: For how many seconds one run goes on, so that mail and all else that the worker does need not wait for longer.
RUN = 5.0
#: How far apart two workers may read the time and still see each other's leases.
SKEW = timedelta(seconds=60)
#: Pauses after the first attempt, the second…: ten attempts in about nine hours.
PAUSES = tuple(timedelta(minutes=each) for each in (1, 2, 5, 10, 20, 40, 80, 160, 240))
LAST_ATTEMPT = len(PAUSES) + 1
#: How long a receiver that was not reached is left alone, whatever waits for it.
AWAY = timedelta(seconds=30)
#: How long what is over is kept: delivered or dropped, and given up.
KEPT, KEPT_DEAD = timedelta(days=30), timedelta(days=90)
#: Why there was no answer. With the first four the receiver was not reached.
ERRORS = ("timeout", "unreachable", "tls", "unresolved", "forbidden", "protocol", "fault")
#: What a delivery can be.
STATES = ("waiting", "delivered", "dead", "dropped")


@dataclass(frozen=True)
class Outcome:
    """What came of an attempt: HTTP's code and reason, or an error (one of ERRORS) with its detail."""

    code: int | None = None
    message: str = ""
    error: str = ""
    detail: str = ""

    @property
    def is_delivered(self) -> bool:
        """Any 2xx. Everything else failed: a redirect is not followed, and 410 ends no registration, which only people do."""
        return self.code is not None and 200 <= self.code < 300

    @property
    def is_away(self) -> bool:
        """Whether the receiver was not reached at all."""
        return self.error in ERRORS[:4]


def next_attempt(attempts: int, now: datetime) -> datetime | None:
    """When to try again after so many failed attempts; None: it is given up."""
    return now + PAUSES[attempts - 1] if attempts < LAST_ATTEMPT else None


def state_of(delivered_at: datetime | None, dead_at: datetime | None, closed_at: datetime | None) -> str:
    """One of STATES."""
    if delivered_at is not None:
        return "delivered"
    if dead_at is not None:
        return "dead"
    return "waiting" if closed_at is None else "dropped"


# --- audit records -----------------------------------------------------------------------------------------------

#: Partner Center's name of an operation, where it has one that fits; every other kind keeps its own, with _ for the dot.
OPERATIONS = {
    "agreement.attested": "create_agreement",
    "order.placed": "create_order",
    "relationship.ended": "remove_partner_customer_relationship",
    "delegated_admin.approved": "granular_admin_relationship_approved",
    "delegated_admin.ended": "granular_admin_relationship_terminated",
    "delegated_admin.expired": "granular_admin_relationship_expired",
    "delegated_admin.extended": "extend_relationship",
    "customer.created": "add_customer",
    "subscription.changed": "update_subscription",
}
#: Partner Center's name of what an operation is about, by the beginning of the kind.
RESOURCES = {
    "agreement": "agreement",
    "attestation": "agreement",
    "customer": "customer",
    "delegated_admin": "granular_admin_relationship",
    "licence": "license",
    "order": "order",
    "partner_of_record": "subscription",
    "person": "customer_user",
    "relationship": "partner_customer_relationship",
    "renewal": "subscription",
    "subscription": "subscription",
    "webhook": "webhook_registration",
}
#: What of a fact's ids a record tells: ids of the thing itself, none of persons or of other organizations.
TOLD = (
    "acceptance_id", "attestation_id", "assignment_id", "delegated_id", "line_id", "order_id", "relationship_id",
    "subscription_id",
)  # fmt: skip
RECORDS_WITHIN = timedelta(days=30)


def operation_of(kind: str) -> str:
    """The operationType of a kind of fact."""
    return OPERATIONS.get(kind) or kind.replace(".", "_")


def resource_of(kind: str) -> str:
    """The resourceType of a kind of fact."""
    subject = kind.partition(".")[0]
    return RESOURCES.get(subject, subject)
