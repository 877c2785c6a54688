"""Which text applies, who may accept or attest it, what that is worth, and that what was shown is what is signed."""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from html import unescape
from typing import Any, Protocol, TypeVar
from uuid import UUID, uuid5

from webapp.errors import Refusal

CUSTOMER_AGREEMENT = "MicrosoftCustomerAgreement"
_TEMPLATES = UUID("5174e000-0000-4000-8000-000000000002")


#: The texts shipped with the product: version, effective day, file. The first is older than the day before which
#: acceptances must be renewed, the last is there to be read ahead.
SAMPLES = (
    ("2022-10", date(2022, 10, 1), "customer-agreement-2022-10"),
    ("2026-03", date(2026, 3, 1), "customer-agreement"),
    ("2026-11", date(2027, 1, 1), "customer-agreement-2026-11"),
)
#: Where Microsoft publishes its own agreement.
MICROSOFTS_OWN = "https://www.microsoft.com/licensing/docs/customeragreement"


class AlreadyAccepted(Refusal):
    """This version was accepted already. `reference`, `person`, `at`, `acceptance_id` say by whom and when."""


class NotInForce(Refusal):
    """The text is not the one that applies today in this country: newer, older, or of another country."""


class NoAgreement(Refusal):
    """No text is in force in this country. `country`: its code."""


class RoleCannotAccept(Refusal):
    """The policy names other roles. `roles`: who may accept; `people`: their names, where the page may tell."""

    status = 403


class MailboxUnconfirmed(Refusal):
    """The person has not yet proved to read its mailbox, and a partner made its account."""

    status = 403


class AlreadyPublished(Refusal):
    """A text of this type, country, language and version is published; it cannot be changed."""


class DocumentLinkOver(Refusal):
    """A link to a published text that the API gave is older than DOCUMENT_LASTS."""

    status = 410


class EffectiveDatesDiffer(Refusal):
    """Another language of the same version and country takes effect on another day."""


class _Dated(Protocol):
    effective_on: date
    published_at: Any


Text = TypeVar("Text", bound=_Dated)


class _Written(Protocol):
    language: Any


Written = TypeVar("Written", bound=_Written)


def newest_in_force(texts: Iterable[Text], today: date) -> Text | None:
    """The newest text whose effective day has come, in the customer's country and zone."""
    come = [text for text in texts if text.effective_on <= today]
    return max(come, key=lambda text: (text.effective_on, text.published_at), default=None)


def fingerprint(shown: Mapping[str, Any]) -> str:
    """SHA-256 (hex) over everything that was shown: version hash, literal words of each box, language, terms."""
    text = json.dumps(shown, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def parts(shown: Mapping[str, Any]) -> dict[str, str]:
    """A short digest of each part of what was shown, by name: enough to tell later what changed."""
    return {name: fingerprint({name: value})[:16] for name, value in shown.items()}


def changed(shown_before: Mapping[str, Any], shown_now: Mapping[str, Any]) -> list[str]:
    """Names of what differs between what was shown and what would be shown now (or of their `parts`)."""
    return sorted(k for k in {*shown_before, *shown_now} if shown_before.get(k) != shown_now.get(k))


def standing_of(effective_on: date, version: str, in_force: str | None, today: date) -> str:
    """Where a version stands: "in_force", "future" (can be read, not accepted) or "past"."""
    if effective_on > today:
        return "future"
    return "in_force" if version == in_force else "past"


def check_may_accept(roles: frozenset[str], acceptors: Iterable[str]) -> None:
    """Raises RoleCannotAccept unless one of the person's roles is among those that the policy names."""
    allowed = tuple(acceptors)
    if not roles & set(allowed):
        raise RoleCannotAccept(roles=allowed)


def check_mailbox(confirmed: bool) -> None:
    """Raises MailboxUnconfirmed: authority needs a mailbox that the partner does not read."""
    if not confirmed:
        raise MailboxUnconfirmed()


def anchor_of(heading: str, seen: set[str]) -> str:
    """The id of a heading, unique among those `seen` (it is added): "clause-3-2" for "3.2 Prices"."""
    number = re.match(r"(?:第\s*)?(\d+(?:\.\d+)*)", heading)
    anchor = "clause-" + number[1].replace(".", "-") if number else "part"
    found, count = anchor, 1
    while found in seen:
        count += 1
        found = f"{anchor}-{count}"
    seen.add(found)
    return found


@dataclass(frozen=True)
class Heading:
    """An entry of a text's table of contents. `level` is 2 or 3."""

    id: str
    text: str
    level: int


def headings_of(html: str) -> list[Heading]:
    """The table of contents of a published text (without its own title, which comes first)."""
    found = [
        Heading(id=match[2], text=unescape(re.sub(r"<[^>]+>", "", match[3])), level=int(match[1]))
        for match in re.finditer(r'<h([23]) id="([^"]+)">(.*?)</h\1>', html, re.DOTALL)
    ]
    return found[1:] if found and found[0].id == "part" else found


# --- attesting -------------------------------------------------------------------------------------------------


class ResellerCannotAttest(Refusal):
    """An indirect reseller never attests (seed 002). `providers`: the names of its providers for this customer."""

    status = 403


class AttestationClosed(Refusal):
    """The operator's policy does not let this kind of partner attest, or no longer. `last_day`: the last one (UTC);
    `ended`: whether it has passed."""

    status = 403


class NotTheSeller(Refusal):
    """Who attests sells to the customer: it has an open relationship with it. `customer`: its name."""

    status = 403


class AgreedInFuture(Refusal):
    """Nobody agreed on a day that has not come in the customer's zone. `today`: the customer's day."""


class NoTextOnDay(Refusal):
    """No version was in force in the country on that day. `country`: its code, `day`; `first`: the first day there was
    one, or None."""


class SameAttestation(Refusal):
    """First name, last name, email and phone are all the same as in the last attestation (Partner Center 600061).
    `equal`: the names of the fields that hold something, `at`: when that was recorded (None: just now, by somebody else),
    `by`: the name of the partner that attested."""


class NobodyToTell(Refusal):
    """Every attestation is told to the customer, and this one has nobody who could be told."""


class AlreadyObjected(Refusal):
    """Somebody objected to this attestation before. `at`: when."""


class DirectAcceptanceClosed(Refusal):
    """The customer bought through a partner and never agreed: that partner confirms (seed 002). `partner_id`,
    `partner`: whom to ask, `contact`: its address."""

    status = 403


#: What SameAttestation compares and every attestation holds; `phone` may be empty.
SIGNATORY = ("given_name", "family_name", "email", "phone")


@dataclass(frozen=True)
class Signatory:
    """Who agreed for the customer, as the partner says."""

    given_name: str
    family_name: str
    email: str
    phone: str = ""

    def as_personal(self) -> dict[str, str]:
        """The values by the names of SIGNATORY."""
        return {name: getattr(self, name) for name in SIGNATORY}


def compared(value: str) -> str:
    """A value as it is compared with another: NFKC, invisible characters dropped, blanks in one, case-folded."""
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", value).casefold())
    return " ".join("".join(each for each in folded if unicodedata.category(each) != "Cf").split())


def _compared(values: Mapping[str, str]) -> dict[str, str]:
    """The values of SIGNATORY as they are compared; of a phone number only what is dialled."""
    found = {name: compared(values.get(name, "")) for name in SIGNATORY}
    found["phone"] = re.sub(r"[^0-9a-z+*#]", "", found["phone"])
    return found


def check_differs(given: Signatory, last: Mapping[str, str], *, at: Any = None, by: str = "") -> None:
    """Raises SameAttestation when every field is the same as in the last attestation.

    `last` is empty when there is none, or its values were erased.
    """
    now = _compared(given.as_personal())
    if last and _compared(last) == now:
        raise SameAttestation(equal=tuple(name for name in SIGNATORY if now[name]), at=at, by=by)


def is_attesting_open(programme: str | None, *, allowed: Iterable[str], today: date, last_day: date) -> bool:
    """Whether policy lets partners of this programme attest; `today` and `last_day` in UTC."""
    return programme in set(allowed) and today <= last_day


def check_may_attest(
    programme: str | None, *, allowed: Iterable[str], today: date, last_day: date, sells: bool, customer: str,
    providers: Iterable[str] = (),
) -> None:  # fmt: skip
    """Who may attest: a direct-bill partner or indirect provider with an open relationship, as long as policy lets it.

    `allowed` are programmes, `last_day` the last day of attesting (both policy, `today` and it in UTC); `providers` the
    names of an indirect reseller's providers. Raises ResellerCannotAttest, AttestationClosed, NotTheSeller.
    """
    if programme == "indirect_reseller":
        raise ResellerCannotAttest(providers=tuple(providers))
    if not is_attesting_open(programme, allowed=allowed, today=today, last_day=last_day):
        raise AttestationClosed(last_day=last_day, ended=today > last_day)
    if not sells:
        raise NotTheSeller(customer=customer)


def check_agreed_on(agreed_on: date, today: date) -> None:
    """Raises AgreedInFuture for a day after the customer's own."""
    if agreed_on > today:
        raise AgreedInFuture(today=today)


def check_text_on(text: object | None, country: str, day: date, first: date | None) -> None:
    """Raises NoTextOnDay unless a version was in force."""
    if text is None:
        raise NoTextOnDay(country=country, day=day, first=first)


def check_receiver(there: bool) -> None:
    """Raises NobodyToTell."""
    if not there:
        raise NobodyToTell()


def check_first_objection(at: object | None) -> None:
    """Raises AlreadyObjected when somebody objected."""
    if at is not None:
        raise AlreadyObjected(at=at)


# --- what a customer's consent is worth --------------------------------------------------------------------------

#: "none": nobody ever agreed; "must_renew": somebody did, and must again; "objected": the customer denies what was attested.
CONSENT_STATES = ("none", "accepted", "attested", "must_renew", "objected")
#: With one of these a customer can buy.
IN_ORDER = frozenset({"accepted", "attested"})


@dataclass(frozen=True)
class Consent:
    """An acceptance ("accepted") or an attestation ("attested"). `agreed_on`: the customer's day; `effective_on`: that of
    its version; `at`: when it was recorded; `objected_at`: when the customer objected to it, if it did."""

    kind: str
    agreed_on: date
    effective_on: date
    at: datetime
    objected_at: datetime | None = None


def required_since(texts: Iterable[Any], today: date) -> date | None:
    """The effective day of the newest version in force that whoever agreed to an earlier one must accept."""
    found = requiring(texts, today)
    return found.effective_on if found is not None else None


def requiring(texts: Iterable[Any], today: date) -> Any | None:
    """The newest version in force that whoever agreed to an earlier one must accept."""
    come = [text for text in texts if text.requires_renewal and text.effective_on <= today]
    return max(come, key=lambda text: text.effective_on, default=None)


def renewal_key(why: str, version: str, day: date) -> str:
    """What tells one reason to renew from another: "version:2026-11" or "day:2023-04-01"."""
    return f"version:{version}" if why == "version" else f"day:{day.isoformat()}"


def is_stale(consent: Consent, *, renew_before: date, required: date | None) -> bool:
    """Whether it must be renewed: given before the policy's day, or to a version before the one that requires it."""
    return bool(why_stale(consent, renew_before=renew_before, required=required))


def why_stale(consent: Consent, *, renew_before: date, required: date | None) -> str:
    """Why it must be renewed: "version" (a later one requires it), "day" (given before the policy's day) or "" (it need
    not)."""
    if required is not None and consent.effective_on < required:
        return "version"
    return "day" if consent.agreed_on < renew_before else ""


def renewed_since(renew_before: date, today: date) -> date:
    """The day before which consent is stale, as far as it has come: a day ahead asks nobody until it is there, or
    whoever renewed today would have to again."""
    return renew_before if renew_before <= today else date.min


def consent_state(consents: Iterable[Consent], *, renew_before: date, required: date | None) -> str:
    """One of CONSENT_STATES. What the customer accepted itself comes before what was attested; an objection to the newest
    stands until something newer is attested or accepted."""
    known = list(consents)
    if not known:
        return "none"
    good = [
        each for each in known
        if each.objected_at is None and not is_stale(each, renew_before=renew_before, required=required)
    ]  # fmt: skip
    if any(each.kind == "accepted" for each in good):
        return "accepted"
    if max(known, key=lambda each: each.at).objected_at is not None:
        return "objected"
    return "attested" if good else "must_renew"


def attesting_page(customer_id: object) -> str:
    """The path of the page on which a partner confirms for a customer."""
    return f"/partner/customers/{customer_id}/agreement"


def check_direct(bought_through: Iterable[Any], agreed_before: bool) -> None:
    """A customer that bought through a partner and never agreed is confirmed by that partner, not by itself.

    `bought_through`: the partners (with `id`, `name`, `contact_address`), the one to ask first. Raises
    DirectAcceptanceClosed.
    """
    first = next(iter(bought_through), None)
    if first is not None and not agreed_before:
        raise DirectAcceptanceClosed(partner_id=first.id, partner=first.name, contact=first.contact_address)


def template_id(type_: str, version: str) -> UUID:
    """The id by which Partner Center's API names a version of an agreement, the same in every installation."""
    return uuid5(_TEMPLATES, f"{type_}/{version}")


# --- as the API names texts --------------------------------------------------------------------------------------

#: So long does a link to a published text work that the API gave.
DOCUMENT_LASTS = timedelta(minutes=5)
#: The languages of texts as Partner Center spells them.
LOCALES = {"en": "en-US", "ja": "ja-JP"}


def locale_of(language: str) -> str:
    """A text's language as Partner Center spells it ("ja-JP")."""
    return LOCALES.get(language, language)


def in_language(texts: Iterable[Written], wanted: str) -> Written | None:
    """The text in a language ("ja-JP", or "ja"); where it is not offered the English one, else any. None without texts."""
    found = sorted(texts, key=lambda text: (text.language != "en", text.language))
    language = wanted.partition("-")[0].casefold()
    return next((text for text in found if text.language == language), next(iter(found), None))


def document_name(type_: str, version: str, country: str, language: str) -> str:
    """The name of the file that a text is downloaded as: "customer-agreement-2026-03-JP-ja.md"."""
    kind = re.sub(r"(?<=[a-z])(?=[A-Z])", "-", type_.removeprefix("Microsoft")).lower()
    return re.sub(r"[^A-Za-z0-9._-]+", "-", f"{kind}-{version}-{country}-{language}.md")
