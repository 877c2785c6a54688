"""Names, domains, and what an organization must keep."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from uuid import UUID

from webapp.errors import Refusal

#: Legal forms that are dropped from the name searched by, so that "株式会社Contoso" is found under Contoso.
_LEGAL_FORMS = re.compile(
    r"株式会社|有限会社|合同会社|合資会社|合名会社|一般社団法人|一般財団法人|\(株\)|\(有\)|"
    r"\b(incorporated|inc|corporation|corp|company|co|limited|ltd|llc|llp|plc|gmbh|ag|kg|sarl|sas|pty|kk|k\.k)\b\.?"
)

#: Mail services open to everybody: their domains say nothing about an organization.
PUBLIC_MAIL = frozenset(
    {
        "gmail.com", "googlemail.com", "outlook.com", "outlook.jp", "hotmail.com", "hotmail.co.jp", "live.com", "live.jp",
        "msn.com", "yahoo.com", "yahoo.co.jp", "ymail.ne.jp", "icloud.com", "me.com", "mac.com", "aol.com", "gmx.com",
        "gmx.de", "gmx.net", "web.de", "t-online.de", "orange.fr", "free.fr", "wanadoo.fr", "laposte.net", "mail.com",
        "proton.me", "protonmail.com", "zoho.com", "yandex.com", "qq.com", "163.com", "126.com", "naver.com",
        "daum.net", "docomo.ne.jp", "ezweb.ne.jp", "au.com", "softbank.ne.jp", "i.softbank.jp", "nifty.com",
        "biglobe.ne.jp", "ocn.ne.jp", "so-net.ne.jp", "plala.or.jp", "comcast.net", "verizon.net", "btinternet.com",
        "publicmail.example",
    }
)  # fmt: skip


class LastAdministrator(Refusal):
    """The act would leave the organization without an administrator."""


class DomainTaken(Refusal):
    """Another organization has this domain in its profile."""


class NotPaired(Refusal):
    """Provider and reseller do not belong together."""


class AlreadyPaired(Refusal):
    """Provider and reseller work together already."""


class OtherAdministrators(Refusal):
    """The organization still has administrators who can help themselves. `count` says how many."""


class CannotSignIn(Refusal):
    """The person who should administer was disabled or erased."""


class AddressOfPartner(Refusal):
    """The address of a customer's person lies in a partner's hands. `partner` is its name."""


class AddressNotUsable(Refusal):
    """Nobody new can be invited under this address. It does not say why: whose it is concerns nobody else."""


class PartnerInactive(Refusal):
    """The partner (or its reseller) no longer works here. `partner`: the name."""

    status = 410


class WrongProgramme(Refusal):
    """An indirect provider pairs with an indirect reseller, in this order; nobody else pairs."""


@dataclass(frozen=True)
class Stop:
    """Something open that disabling an organization or a person stops: an invitation, a live right.

    `kind` as in facts ("invitation", "relationship"); `words` is plain English for the operator.
    """

    kind: str
    about_id: UUID
    words: str


def check_pairing(provider_programme: str | None, reseller_programme: str | None) -> None:
    """Raises WrongProgramme unless provider and reseller are what they are called."""
    if (provider_programme, reseller_programme) != ("indirect_provider", "indirect_reseller"):
        raise WrongProgramme()


def check_lost(administrators: int) -> None:
    """Raises OtherAdministrators when more than the one who is lost administer the organization."""
    if administrators > 1:
        raise OtherAdministrators(count=administrators)


def domains_above(domain: str) -> list[str]:
    """A domain and every domain it lies in: "a.b.example" -> itself, "b.example", "example"."""
    parts = domain.casefold().split(".")
    return [".".join(parts[start:]) for start in range(len(parts))]


def name_key(name: str) -> str:
    """The name that is searched and sorted by: NFKC, case-folded, legal form and outer punctuation dropped."""
    folded = unicodedata.normalize("NFKC", name).casefold()
    bare = " ".join(_LEGAL_FORMS.sub(" ", folded).split()).strip(" ,.・-")
    return (bare or " ".join(folded.split()))[:200]


def culture_of(language: str) -> str:
    """A language as Partner Center's API names it together with a country: "ja-JP", else "en-US"."""
    return "ja-JP" if language == "ja" else "en-US"


def domain_of(address: str) -> str:
    """The domain of a mail address, in lower case."""
    return address.rsplit("@", 1)[-1].casefold()


def is_public_mail(domain: str) -> bool:
    """Whether a domain is a mail service open to everybody."""
    return domain.casefold() in PUBLIC_MAIL


def is_own_address(address: str, people: set[str], domains: set[str]) -> bool:
    """Whether an address lies in an organization's own hands: one of its people's, or within its domains.

    `domains` are those of its profile and its people; public mail services do not count.
    """
    if address.casefold() in people:
        return True
    domain = domain_of(address)
    return any(domain == own or domain.endswith("." + own) for own in domains if own and not is_public_mail(own))


def check_usable(signs_in_elsewhere: bool, is_others_domain: bool) -> None:
    """Raises AddressNotUsable for an address that signs in at another organization, or lies in a domain of one.

    The domains of a partner's people count as the partner's own: an address in a customer's domain would keep that
    customer's people from proving their mailboxes.
    """
    if signs_in_elsewhere or is_others_domain:
        raise AddressNotUsable()


def check_administrator_remains(administrators: set[str], leaving: str) -> None:
    """Raises LastAdministrator when nobody but `leaving` administers the organization."""
    if administrators == {leaving}:
        raise LastAdministrator()
