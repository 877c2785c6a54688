"""What is a name, an address and a registration number in which country; what looks like a duplicate; who corrects what.

Lengths and the countries that ask for a registration number are Partner Center's (create-a-customer.md); what company names
may not be is from its validate-names-addresses.md.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from webapp.errors import Refusal
from webapp.organizations.rules import PUBLIC_MAIL, domain_of, name_key

#: A draft that nobody touched for so long is deleted.
RESTS = timedelta(days=30)
#: Drafts that one partner has at the same time.
MOST_DRAFTS = 200
STEPS = ("company", "address", "domain", "contact", "agreement", "review")

NAME, LINE, PERSON, CITY, POSTAL_CODE, PHONE, NUMBER = 200, 200, 50, 100, 20, 40, 40


class DraftFinished(Refusal):
    """The customer was made of this draft already. `draft_id`, `customer`: its name."""


class DraftIncomplete(Refusal):
    """Something of the draft is missing or no longer right. `draft_id`, `step`: where."""


class DraftChanged(Refusal):
    """What would be made is not what the review page showed: somebody changed the draft. `draft_id`."""


class TooManyDrafts(Refusal):
    """The partner has as many drafts as it may. `limit`."""


class LikelyDuplicate(Refusal):
    """Customers that the partner sees are likely the same as the one to be made. `duplicates`: each with `id` and `name`."""


class SignedInThere(Refusal):
    """Somebody has signed in at the customer: its address is no longer the partner's to correct. `customer`."""


class NoCodesLeft(Refusal):
    """So many codes were mailed to the contact that a temporary password would not sign in. `customer`, `customer_id`,
    `address`: the contact's."""


def check_not_finished(customer_id: UUID | None, draft_id: UUID, customer: str) -> None:
    """Raises DraftFinished once a customer was made of a draft."""
    if customer_id is not None:
        raise DraftFinished(draft_id=draft_id, customer=customer)


def check_drafts(count: int) -> None:
    """Raises TooManyDrafts."""
    if count >= MOST_DRAFTS:
        raise TooManyDrafts(limit=MOST_DRAFTS)


def check_nobody_signed_in(anybody: bool, customer: str) -> None:
    """Raises SignedInThere."""
    if anybody:
        raise SignedInThere(customer=customer)


def check_password_works(works: bool, customer: str, customer_id: UUID, address: str) -> None:
    """Raises NoCodesLeft for a temporary password that no code is left for."""
    if not works:
        raise NoCodesLeft(customer=customer, customer_id=customer_id, address=address)


# --- the company -------------------------------------------------------------------------------------------------

#: Abbreviations and words that are no name by themselves.
_LONE_FORM = re.compile(
    r"(incorporated|inc|corporation|corp|company|co|limited|ltd|llc|llp|lp|plc|gmbh|ag|kg|ohg|ug|ev|sarl|sa|sas|sasu|pty|"
    r"ptyltd|pteltd|pte|coltd|bv|nv|ab|as|oy|aps|spa|srl|kk|gk|株式会社|有限会社|合同会社|合資会社|合名会社|"
    r"一般社団法人|一般財団法人|株|有|同)"
)
_HOST = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{1,62}")


def narrow(text: str) -> str:
    """Codes and numbers as they are kept: full-width letters and digits made narrow, dashes made one, blanks single."""
    folded = unicodedata.normalize("NFKC", text)
    folded = re.sub("[\u2010-\u2015\u2212\u30fc\uff70]", "-", folded)
    return " ".join(folded.split())


def _bare(name: str) -> str:
    """Letters and digits of a name, folded."""
    folded = unicodedata.normalize("NFKC", name).casefold()
    return "".join(each for each in folded if unicodedata.category(each)[0] in "LN")


def name_fault(name: str) -> str | None:
    """What is wrong with a company's name: "long", "blank" (only blanks or special characters), "one" (one character),
    "form" (a legal form alone); None when it will do."""
    bare = _bare(name)
    if len(name) > NAME:
        return "long"
    if not bare:
        return "blank"
    if len(bare) == 1:
        return "one"
    return "form" if _LONE_FORM.fullmatch(bare) else None


def name_doubt(name: str) -> str | None:
    """What is odd with a name, though it may be right: "domain" (it reads like one), "repeated" (one character alone)."""
    folded = unicodedata.normalize("NFKC", name).casefold().strip()
    if _HOST.fullmatch(folded) or folded.startswith(("www.", "http://", "https://")):
        return "domain"
    return "repeated" if len(set(_bare(name))) == 1 else None


# --- the address -------------------------------------------------------------------------------------------------

#: Where Microsoft asks for an organization's registration number.
NUMBER_NEEDED = frozenset(
    {
        "AM", "AZ", "BY", "HU", "IN", "KZ", "KG", "MD", "RU", "TJ", "UZ", "UA", "BR", "ZA",
        "PL", "AE", "SA", "TR", "TH", "VN", "MM", "IQ", "SS", "VE",
    }
)  # fmt: skip
#: No postal city there.
NO_CITY = frozenset({"SG"})

_POSTAL_CODES = {
    "JP": re.compile(r"[0-9]{3}-[0-9]{4}"),
    "US": re.compile(r"[0-9]{5}(-[0-9]{4})?"),
    "CA": re.compile(r"[ABCEGHJ-NPRSTVXY][0-9][ABCEGHJ-NPRSTV-Z] [0-9][ABCEGHJ-NPRSTV-Z][0-9]"),
    "AU": re.compile(r"[0-9]{4}"),
    "GB": re.compile(r"(GIR 0AA|[A-Z]{1,2}[0-9][A-Z0-9]? [0-9][ABD-HJLNP-UW-Z]{2})"),
    "DE": re.compile(r"[0-9]{5}"),
    "FR": re.compile(r"[0-9]{5}"),
    "SG": re.compile(r"[0-9]{6}"),
}
_ANY_CODE = re.compile(r"[A-Z0-9][A-Z0-9 -]{1,18}")
POSTAL_EXAMPLES = {
    "JP": "100-0001", "US": "98052", "CA": "K1A 0B1", "AU": "2000", "GB": "SW1A 1AA", "DE": "10115", "FR": "75001",
    "SG": "018956",
}  # fmt: skip
REGION_EXAMPLES = {"JP": "東京都 (Tokyo)", "US": "WA (Washington)", "CA": "ON (Ontario)", "AU": "NSW"}

_STATES = (
    "AL Alabama;AK Alaska;AZ Arizona;AR Arkansas;CA California;CO Colorado;CT Connecticut;DE Delaware;"
    "DC District of Columbia;FL Florida;GA Georgia;HI Hawaii;ID Idaho;IL Illinois;IN Indiana;IA Iowa;KS Kansas;KY Kentucky;"
    "LA Louisiana;ME Maine;MD Maryland;MA Massachusetts;MI Michigan;MN Minnesota;MS Mississippi;MO Missouri;MT Montana;"
    "NE Nebraska;NV Nevada;NH New Hampshire;NJ New Jersey;NM New Mexico;NY New York;NC North Carolina;ND North Dakota;"
    "OH Ohio;OK Oklahoma;OR Oregon;PA Pennsylvania;RI Rhode Island;SC South Carolina;SD South Dakota;TN Tennessee;TX Texas;"
    "UT Utah;VT Vermont;VA Virginia;WA Washington;WV West Virginia;WI Wisconsin;WY Wyoming;AS American Samoa;GU Guam;"
    "MP Northern Mariana Islands;PR Puerto Rico;VI Virgin Islands"
)
_PROVINCES = (
    "AB Alberta;BC British Columbia;MB Manitoba;NB New Brunswick;NL Newfoundland and Labrador;NS Nova Scotia;"
    "NT Northwest Territories;NU Nunavut;ON Ontario;PE Prince Edward Island;QC Quebec;SK Saskatchewan;YT Yukon"
)
_AUSTRALIAN = (
    "ACT Australian Capital Territory;NSW New South Wales;NT Northern Territory;QLD Queensland;SA South Australia;"
    "TAS Tasmania;VIC Victoria;WA Western Australia"
)
_PREFECTURES = (
    "北海道 Hokkaido;青森県 Aomori;岩手県 Iwate;宮城県 Miyagi;秋田県 Akita;山形県 Yamagata;福島県 Fukushima;茨城県 Ibaraki;"
    "栃木県 Tochigi;群馬県 Gunma;埼玉県 Saitama;千葉県 Chiba;東京都 Tokyo;神奈川県 Kanagawa;新潟県 Niigata;富山県 Toyama;"
    "石川県 Ishikawa;福井県 Fukui;山梨県 Yamanashi;長野県 Nagano;岐阜県 Gifu;静岡県 Shizuoka;愛知県 Aichi;三重県 Mie;"
    "滋賀県 Shiga;京都府 Kyoto;大阪府 Osaka;兵庫県 Hyogo;奈良県 Nara;和歌山県 Wakayama;鳥取県 Tottori;島根県 Shimane;"
    "岡山県 Okayama;広島県 Hiroshima;山口県 Yamaguchi;徳島県 Tokushima;香川県 Kagawa;愛媛県 Ehime;高知県 Kochi;福岡県 Fukuoka;"
    "佐賀県 Saga;長崎県 Nagasaki;熊本県 Kumamoto;大分県 Oita;宮崎県 Miyazaki;鹿児島県 Kagoshima;沖縄県 Okinawa"
)


def _regions(text: str) -> dict[str, str]:
    return dict(each.partition(" ")[::2] for each in text.split(";"))


#: Country -> region as it is kept -> its name in English.
REGIONS = {
    "US": _regions(_STATES), "CA": _regions(_PROVINCES), "AU": _regions(_AUSTRALIAN), "JP": _regions(_PREFECTURES)
}  # fmt: skip


def region_of(country: str, text: str) -> str | None:
    """The region that somebody means, as it is kept: by code or name, in any letter case and width. None: there is none.

    In a country without regions of ours the text itself.
    """
    known = REGIONS.get(country)
    wanted = narrow(text)
    if known is None:
        return wanted
    folded = wanted.casefold().replace(".", "").strip()
    for kept, name in known.items():
        if folded in {kept.casefold(), name.casefold()}:
            return kept
        if country == "JP" and folded in {
            kept[:-1] if kept != "北海道" else kept,
            f"{name.casefold()}-{_suffix(kept)}",
        }:
            return kept
    return None


def _suffix(prefecture: str) -> str:
    return {"都": "to", "府": "fu", "県": "ken"}.get(prefecture[-1], "do")


def postal_code_of(country: str, text: str) -> str | None:
    """A postal code as its country writes it; None when it is none there. Blanks, dashes, width, 〒 and case are forgiven."""
    code = narrow(text).upper().removeprefix("〒").strip()
    joined = re.sub(r"[ -]", "", code)
    if country == "JP" and len(joined) == 7:
        code = f"{joined[:3]}-{joined[3:]}"
    elif country == "CA" and len(joined) == 6:
        code = f"{joined[:3]} {joined[3:]}"
    elif country == "GB" and len(joined) > 3:
        code = f"{joined[:-3]} {joined[-3:]}"
    elif country in {"AU", "DE", "FR", "SG"}:
        code = joined
    elif country == "US" and len(joined) == 9:
        code = f"{joined[:5]}-{joined[5:]}"
    return code if _POSTAL_CODES.get(country, _ANY_CODE).fullmatch(code) else None


def postal_code_needed(country: str) -> bool:
    """Whether an address there is nothing without a postal code; elsewhere there may be none."""
    return country in _POSTAL_CODES


def needs_number(country: str) -> bool:
    """Whether an organization there has to give its registration number."""
    return country in NUMBER_NEEDED


def number_of(text: str) -> str | None:
    """A registration number as it is kept; None when it is none: letters, digits and the marks between them."""
    number = narrow(text).upper()
    fits = re.fullmatch(r"[A-Z0-9](?:[A-Z0-9 ./-]{0,38}[A-Z0-9])?", number)
    return number if fits and any(each.isdigit() for each in number) else None


#: A telephone number as it is kept: digits and the marks between them, with an extension or without.
PHONE_PATTERN = r"\+?[0-9() ./-]+(?: ?(?:x|ext\.?) ?[0-9]+)?"


def phone_of(text: str) -> str | None:
    """A telephone number as it is kept, in any spelling; None when it is none."""
    number = narrow(text)
    digits = sum(each in "0123456789" for each in number)
    fits = re.fullmatch(PHONE_PATTERN, number)
    return number if fits and 4 <= digits <= 20 and len(number) <= PHONE else None


_ZONES = {
    "JP": "Asia/Tokyo", "GB": "Europe/London", "DE": "Europe/Berlin", "FR": "Europe/Paris", "SG": "Asia/Singapore",
    "US": "America/New_York", "CA": "America/Toronto", "AU": "Australia/Sydney",
    "KR": "Asia/Seoul", "TW": "Asia/Taipei", "IN": "Asia/Kolkata", "NZ": "Pacific/Auckland", "IE": "Europe/Dublin",
    "NL": "Europe/Amsterdam", "BE": "Europe/Brussels", "CH": "Europe/Zurich", "AT": "Europe/Vienna", "IT": "Europe/Rome",
    "ES": "Europe/Madrid", "SE": "Europe/Stockholm", "NO": "Europe/Oslo", "DK": "Europe/Copenhagen",
    "FI": "Europe/Helsinki", "PL": "Europe/Warsaw", "HU": "Europe/Budapest", "BR": "America/Sao_Paulo",
    "MX": "America/Mexico_City", "TH": "Asia/Bangkok", "VN": "Asia/Ho_Chi_Minh", "ZA": "Africa/Johannesburg",
    "AE": "Asia/Dubai", "SA": "Asia/Riyadh", "TR": "Europe/Istanbul", "UA": "Europe/Kyiv",
}  # fmt: skip
#: Where most people of a region live; elsewhere in the country its own.
_ZONES_OF_REGIONS = {
    "US": {
        "America/Chicago": "AL AR IL IA KS LA MN MS MO NE ND OK SD TN TX WI",
        "America/Denver": "CO ID MT NM UT WY", "America/Phoenix": "AZ", "America/Los_Angeles": "CA NV OR WA",
        "America/Anchorage": "AK", "Pacific/Honolulu": "HI", "America/Puerto_Rico": "PR VI", "Pacific/Guam": "GU MP",
        "Pacific/Pago_Pago": "AS", "America/Detroit": "MI", "America/Indiana/Indianapolis": "IN",
    },
    "CA": {
        "America/Vancouver": "BC", "America/Edmonton": "AB", "America/Yellowknife": "NT", "America/Regina": "SK",
        "America/Winnipeg": "MB", "America/Halifax": "NB NS PE", "America/St_Johns": "NL", "America/Whitehorse": "YT",
        "America/Iqaluit": "NU",
    },
    "AU": {
        "Australia/Brisbane": "QLD", "Australia/Adelaide": "SA", "Australia/Darwin": "NT", "Australia/Perth": "WA",
        "Australia/Hobart": "TAS", "Australia/Melbourne": "VIC",
    },
}  # fmt: skip


def zone_of(country: str, region: str) -> str:
    """Where a customer's day is: the zone of its region where there are several, else of its country, else UTC."""
    for zone, regions in _ZONES_OF_REGIONS.get(country, {}).items():
        if region in regions.split():
            return zone
    return _ZONES.get(country, "UTC")


def postal_code_pattern(country: str) -> str:
    """A regular expression that the postal codes of a country fit as they are kept."""
    return f"^(?:{_POSTAL_CODES.get(country, _ANY_CODE).pattern})$"


def is_checked(country: str) -> bool:
    """Whether the rules know what an address there looks like."""
    return country in _POSTAL_CODES


# --- domain and contact ------------------------------------------------------------------------------------------


def host_of(text: str) -> str | None:
    """The domain that somebody typed, as it is kept: lower case, without scheme, "www." and path. None when it is none, or
    a mail service open to everybody."""
    word = unicodedata.normalize("NFKC", text).strip().casefold()
    word = re.sub(r"^https?://", "", word).split("/")[0].split("@")[-1].removeprefix("www.").rstrip(".")
    try:
        ascii_form = word.encode("idna").decode()
    except UnicodeError:
        return None
    if len(ascii_form) > 253 or not _HOST.fullmatch(ascii_form):
        return None
    return None if word in PUBLIC_MAIL else word


def is_microsofts(address: str) -> bool:
    """Whether an address is Microsoft's own, which no customer has."""
    domain = domain_of(address)
    return domain == "microsoft.com" or domain.endswith(".microsoft.com")


# --- duplicates --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Known:
    """A customer that the partner sees already: what duplicates are found by. `contacts` are case-folded addresses."""

    id: UUID
    name: str
    domains: frozenset[str] = frozenset()
    contacts: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Duplicate:
    """A customer that is likely the same. `same`: of "name", "domain", "contact"."""

    id: UUID
    name: str
    same: tuple[str, ...]


def duplicates(values: Mapping[str, Any], known: Iterable[Known]) -> list[Duplicate]:
    """Those that have the same normalised name, domain or contact address as a draft."""
    key = name_key(values["name"]) if values.get("name") else ""
    domain, contact = values.get("domain", ""), str(values.get("address", "")).casefold()
    found = []
    for each in known:
        same = [
            word
            for word, hits in (
                ("name", bool(key) and name_key(each.name) == key),
                ("domain", bool(domain) and domain in each.domains),
                ("contact", bool(contact) and contact in each.contacts),
            )
            if hits
        ]
        if same:
            found.append(Duplicate(each.id, each.name, tuple(same)))
    return found


def unseen(found: Iterable[Duplicate], dismissed: Collection[str]) -> list[Duplicate]:
    """Those that the partner has not yet said to be others. `dismissed` holds "<id> <what is the same>"."""
    return [each for each in found if mark_of(each) not in dismissed]


def check_new(found: Iterable[Duplicate], others: Collection[UUID]) -> None:
    """Raises LikelyDuplicate for those that were not named as `others`."""
    left = [each for each in found if each.id not in others]
    if left:
        raise LikelyDuplicate(duplicates=left)


def mark_of(duplicate: Duplicate) -> str:
    """What a draft keeps of a duplicate that was dismissed: another likeness brings it up again."""
    return f"{duplicate.id} {' '.join(duplicate.same)}"


# --- the whole ---------------------------------------------------------------------------------------------------


def step_missing(values: Mapping[str, Any], *, may_attest: bool) -> str | None:
    """The first page that still has something to say, or None when everything is there.

    `may_attest`: whether the partner's programme lets it attest; a draft that wants to without is not complete.
    """
    needed = {
        "company": ("name", "country", "language"),
        "address": ("address_line",),
        "domain": ("domain",),
        "contact": ("given_name", "family_name", "address"),
        "agreement": ("agreement",),
    }
    for step, names in needed.items():
        if not all(values.get(name) for name in names):
            return step
    if values["agreement"] == "attest" and not (may_attest and agreed_on(values)):
        return "agreement"
    return None


def check_complete(step: str | None, draft_id: UUID) -> None:
    """Raises DraftIncomplete while a page has still something to say."""
    if step is not None:
        raise DraftIncomplete(draft_id=draft_id, step=step)


def check_shown(same: bool, draft_id: UUID) -> None:
    """Raises DraftChanged when what would be made is not what the review page showed."""
    if not same:
        raise DraftChanged(draft_id=draft_id)


def agreed_on(values: Mapping[str, Any]) -> date | None:
    """The day on which the customer agreed, as a draft keeps it."""
    try:
        return date.fromisoformat(str(values.get("agreed_on", "")))
    except ValueError:
        return None
