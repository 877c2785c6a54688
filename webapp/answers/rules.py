"""What a link's parameters mean, who may answer an invitation, and who may make an account by one.

A link carries parameters, not power. Unknown parameters are ignored (mail scanners add them), repeated ones are
refused; `ref` decides, and whatever else is said must agree with it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from webapp.errors import Refusal

#: What `invType` says, and what an invitation of that type asks.
TYPES = {
    "ResellerRelationship": "relationship",
    "IndirectResellerRelationship": "relationship",
    "CustomerAgreement": "agreement",
    "Administration": "administration",
}
DECLINE_REASONS = ("not_now", "unknown_partner", "other_partner", "terms", "wrong_organization", "other")
#: Purpose of the link that proves a new customer's mailbox.
SIGN_UP = "sign-up"
MAIL_PAUSE = timedelta(minutes=10)  # between two mails with a sign-up link to the same address
#: Where a new organization's day is, until it says otherwise; elsewhere UTC.
ZONES = {
    "JP": "Asia/Tokyo", "US": "America/New_York", "GB": "Europe/London", "DE": "Europe/Berlin", "FR": "Europe/Paris",
    "CA": "America/Toronto", "AU": "Australia/Sydney", "SG": "Asia/Singapore", "KR": "Asia/Seoul", "TW": "Asia/Taipei",
    "IN": "Asia/Kolkata", "NZ": "Pacific/Auckland", "IE": "Europe/Dublin", "NL": "Europe/Amsterdam",
    "BE": "Europe/Brussels", "CH": "Europe/Zurich", "AT": "Europe/Vienna", "IT": "Europe/Rome", "ES": "Europe/Madrid",
    "SE": "Europe/Stockholm", "NO": "Europe/Oslo", "DK": "Europe/Copenhagen", "FI": "Europe/Helsinki",
    "PL": "Europe/Warsaw", "BR": "America/Sao_Paulo", "MX": "America/Mexico_City", "TH": "Asia/Bangkok",
}  # fmt: skip


class MalformedLink(Refusal):
    """The parameters cannot be read. `why`: "repeated", "type", "id", "number", "choice" or "incomplete"; `parameter`."""

    status = 400


class UnknownLink(Refusal):
    """No invitation for this link: unknown, altered, or closed by the partner. It does not say which."""

    status = 404


class PartnersNotPaired(Refusal):
    """Provider and reseller do not work together (any more). `partner`: the reseller, `contact`: its address."""

    status = 410


class OnlyByPartner(Refusal):
    """A link that asks for delegated administration without an offer: the partner is to be asked. `partner`."""

    status = 404


class LinkForCustomers(Refusal):
    """Somebody of a partner opened a link that customers open. `own`: whether of the partner that made it; `ref`."""

    status = 403


class WrongAccount(Refusal):
    """Signed in for another organization than the invitation is for. `organization`: whose it is; `ref`."""

    status = 403


class ShownHasChanged(Refusal):
    """What would be signed is not what was shown. `changes`: names of the parts that differ."""


class OwnAddress(Refusal):
    """The mailbox lies in a partner's own hands: no customer proves itself by it. `partner`: the name, or empty."""


class AlreadyAnswered(Refusal):
    """A request for admission was answered already. `at`, `admitted`."""


class SignUpLinkOver(Refusal):
    """The link was used, or is too old. `ref`: the invitation it came from, or empty."""

    status = 410


class CountryNotServed(Refusal):
    """The service is not offered in this country."""


@dataclass(frozen=True)
class Link:
    """What the parameters of a link say; empty where they say nothing.

    `page` is a path of Microsoft's, in lower case; `number` is the partner's MPN id ("0": none).
    """

    ref: str = ""
    page: str = ""
    type: str = ""
    partner_id: UUID | None = None
    reseller_id: UUID | None = None
    number: str = ""

    @property
    def is_empty(self) -> bool:
        return self == Link()


_KNOWN = {name.lower(): name for name in ("ref", "invType", "partnerId", "msppId", "indirectCSPId", "DAP", "lang")}
_GUID = re.compile(r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}")


def read_link(parameters: Iterable[tuple[str, str]]) -> Link:
    """What the parameters of an address say. Raises MalformedLink, UnknownLink (a `ref` that is none of ours)."""
    found: dict[str, str] = {}
    for name, value in parameters:
        known = _KNOWN.get(name.lower()) if len(name) < 20 else None
        if known is None:
            continue
        if known in found:
            raise MalformedLink(why="repeated", parameter=known)
        found[known] = value.strip()
    ref = found.get("ref", "")
    page = ref[:200].rstrip("/").lower() if ref.startswith("/") else ""
    if ref and not ref.startswith("/") and not re.fullmatch(r"[0-9a-fA-F]{32}", ref):
        raise UnknownLink()
    kind = found.get("invType", "")
    type_ = next((name for name in TYPES if name.lower() == kind.lower()), "")
    if kind and not type_:
        raise MalformedLink(why="type", parameter="invType")
    if found.get("DAP", "").lower() not in {"", "true", "false"}:
        raise MalformedLink(why="choice", parameter="DAP")
    number = found.get("msppId", "")
    if not re.fullmatch(r"[0-9]{0,16}", number, re.ASCII):
        raise MalformedLink(why="number", parameter="msppId")
    return Link(
        ref=ref.lower() if not page and not ref.startswith("/") else "",
        page=page or ("/" if ref.startswith("/") else ""),
        type=type_,
        partner_id=_guid(found, "partnerId"),
        reseller_id=_guid(found, "indirectCSPId"),
        number=number,
    )


def _guid(found: dict[str, str], name: str) -> UUID | None:
    value = found.get(name, "")
    if not value:
        return None
    if not _GUID.fullmatch(value):
        raise MalformedLink(why="id", parameter=name)
    return UUID(value)


def check_complete(link: Link) -> None:
    """Raises MalformedLink when a link without `ref` does not say whose invitation it means."""
    if not link.type:
        raise MalformedLink(why="incomplete", parameter="invType")
    if link.partner_id is None:
        raise MalformedLink(why="incomplete", parameter="partnerId")
    if link.type == "IndirectResellerRelationship" and link.reseller_id is None:
        raise MalformedLink(why="incomplete", parameter="indirectCSPId")


def type_of(asks: str, reseller_id: UUID | None) -> str:
    """The `invType` of an invitation."""
    if asks == "relationship" and reseller_id is not None:
        return "IndirectResellerRelationship"
    return next(name for name, asked in TYPES.items() if asked == asks)


def check_agrees(
    link: Link, *, asks: str, partner_id: UUID, reseller_id: UUID | None, numbers: Iterable[str | None]
) -> None:
    """Raises UnknownLink when a parameter says something else than the invitation: the link was altered."""
    if link.type and link.type != type_of(asks, reseller_id):
        raise UnknownLink()
    if link.partner_id is not None and link.partner_id != partner_id:
        raise UnknownLink()
    if link.reseller_id is not None and link.reseller_id != reseller_id:
        raise UnknownLink()
    if link.number not in {"", "0"} and link.number not in set(numbers):
        raise UnknownLink()


def page_of(link: Link) -> str:
    """Where a page path of Microsoft's leads here: "agreement", "invitation" or "home"."""
    if link.page in {"/billingaccounts/agreement", "/partners/agreement"}:
        return "agreement"
    return "invitation" if link.type else "home"


def check_account(
    *, kind: str, organization_id: UUID, partner_id: UUID, reseller_id: UUID | None, customer_id: UUID | None,
    organization: str, ref: str,
) -> None:  # fmt: skip
    """Raises LinkForCustomers or WrongAccount when somebody signed in cannot answer for whom the invitation is for."""
    if kind == "partner":
        raise LinkForCustomers(own=organization_id in (partner_id, reseller_id), ref=ref, organization=organization)
    if customer_id is not None and organization_id != customer_id:
        raise WrongAccount(organization=organization, ref=ref)


def check_same(before: dict[str, str], now: dict[str, str], *, same: bool) -> None:
    """Raises ShownHasChanged, naming the parts that differ, unless the fingerprint is the `same`."""
    if same:
        return
    changes = sorted(name for name in {*before, *now} if before.get(name) != now.get(name))
    raise ShownHasChanged(changes=changes or ["other"])


def check_link_open(used_at: datetime | None, expires_at: datetime, now: datetime, ref: str) -> None:
    """Raises SignUpLinkOver for a link that was used or is too old."""
    if used_at is not None or now >= expires_at:
        raise SignUpLinkOver(ref=ref)


def check_country(country: str, served: Iterable[str]) -> None:
    """Raises CountryNotServed."""
    if country not in set(served):
        raise CountryNotServed(country=country)


def check_not_own(is_own: bool, partner: str) -> None:
    """Raises OwnAddress when a mailbox lies in a partner's own hands."""
    if is_own:
        raise OwnAddress(partner=partner)


def may_mail_again(last: datetime | None, now: datetime) -> bool:
    """Whether another sign-up link may go to an address; a clock that was set back locks nobody out."""
    return last is None or not timedelta(0) <= now - last < MAIL_PAUSE


def masked(address: str) -> str:
    """An address as somebody may see it who only holds the link: first letter and domain."""
    local, _at, domain = address.rpartition("@")
    return f"{local[:1]}•••@{domain}"
