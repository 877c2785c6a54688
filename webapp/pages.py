"""Rendering pages: what every page is given, navigation, dates, lists."""

from __future__ import annotations

import base64
import json
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import MAXYEAR, MINYEAR, date, datetime
from typing import Any
from urllib.parse import urlencode
from uuid import UUID
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date, format_datetime, get_timezone_location, get_timezone_name
from flask import Flask, current_app, get_flashed_messages, render_template, request, url_for
from flask_babel import get_locale
from flask_babel import gettext as _
from markupsafe import Markup

from webapp import actor as actors
from webapp import languages
from webapp.access import Permission
from webapp.actor import Actor, RightsOver


@dataclass(frozen=True)
class Item:
    """An entry of the navigation, contributed by a slice. `badge(actor)` counts what waits."""

    kind: str
    endpoint: str
    label: Callable[[], str]
    permission: Permission
    order: int
    badge: Callable[[Actor], int] | None = None


@dataclass(frozen=True)
class Link:
    """A navigation entry or language choice as the layout shows it."""

    label: str
    url: str
    current: bool = False
    badge: int = 0
    code: str = ""


_items: list[Item] = []


def navigable(item: Item) -> None:
    """Add an entry to the navigation (once per entry)."""
    if item not in _items:
        _items.append(item)
        _items.sort(key=lambda each: each.order)


def _navigation() -> list[Link]:
    person = actors.current()
    if person is None:
        return []
    mine = [item for item in _items if item.kind == person.organization_kind and person.may(item.permission)]
    urls = [url_for(item.endpoint) for item in mine]
    if isinstance(actors.administering(), Actor):  # what both kinds have is the customer's now: no way there from here
        here_own = actors.is_own_place(request.path)
        kept = [(item, url) for item, url in zip(mine, urls, strict=True) if actors.is_own_place(url) is here_own]
        mine, urls = [item for item, _url in kept], [url for _item, url in kept]
    within = [url for url in urls if request.path == url or request.path.startswith(url + "/")]
    here = max(within, key=len, default="")  # /partner/customers lies within /partner as well
    return [
        Link(label=item.label(), url=url, current=url == here, badge=item.badge(person) if item.badge else 0)
        for item, url in zip(mine, urls, strict=True)
    ]


def _languages() -> list[Link]:
    here = languages.language()
    # without the link's own `lang`, which would win over the choice
    back = with_arguments(lang=None) if request.method == "GET" else "/"
    own = actors.current() is not None  # a signed-in person's choice is kept with the account: a POST

    def url(code: str) -> str:
        if own:
            return url_for("accounts.choose_language", back=back)
        return url_for("home.language", code=code, back=back)

    return [
        Link(label=name, url=url(code), current=code == here, code=code) for code, name in languages.LANGUAGES.items()
    ]


@dataclass(frozen=True)
class Operator:
    name: str
    contact_address: str


def _notices(over: RightsOver | None) -> list[Any]:
    """What was flashed; and on the way back from a customer, once, that the rights there ended."""
    found: list[Any] = [*get_flashed_messages(with_categories=True)]
    if over is None or not actors.is_own_place(request.path):
        return found
    actors.told_over(over)
    if over.at is None:
        return [*found, ("important", _("Your rights for %(customer)s ended.", customer=over.customer_name))]
    ended = moment_text(over.at)
    words = _("Your rights for %(customer)s ended on %(when)s.", customer=over.customer_name, when=ended)
    return [*found, ("important", words)]


def render(template: str, **context: Any) -> str:
    """Render a page with what the layout needs. `template` as in "accounts/sign_in.html"."""
    form = context.get("form")
    administering = actors.administering()
    over = administering if isinstance(administering, RightsOver) else None
    return render_template(
        template,
        language=languages.language(),
        actor=actors.current(),
        navigation=_navigation(),
        languages=_languages(),
        operator=Operator(current_app.config["OPERATOR_NAME"], current_app.config["OPERATOR_CONTACT"]),
        demo=current_app.config["DEMO"],
        acting=administering if isinstance(administering, Actor) else None,
        acting_over=over,
        acting_left=actors.has_left(),
        notices=_notices(over),
        page_errors=bool(form is not None and form.errors),
        **context,
    )


# --- dates ---------------------------------------------------------------------------------------------------


def moment_text(moment: datetime, zone: str | None = None) -> str:
    """A moment in the reader's zone, with the zone's name and distance from UTC."""
    local = moment.astimezone(ZoneInfo(zone or languages.zone()))
    where, distance = zone_text(local), f"{local:%z}"
    if languages.language() == "ja":
        offset = f"UTC{distance[:3]}:{distance[3:5]}"
        return f"{local.year}年{local.month}月{local.day}日 {local:%H:%M} ({where}, {offset})"
    clock_text = format_datetime(local, "h:mma", tzinfo=local.tzinfo, locale="en").lower().replace(" ", "")
    return f"{local.day} {local:%B %Y}, {clock_text} ({where}, UTC{_short(distance)})"


def zone_text(local: datetime) -> str:
    """The name of a local moment's zone in the reader's language: the same all year, where it has such a name."""
    locale = get_locale() or "en"
    names = [get_timezone_name(local, width="long", zone_variant=each, locale=locale) for each in ("generic", None)]
    named = [name for name in names if not name.startswith("GMT")]
    return str(named[0] if named else get_timezone_location(local, locale=locale))


def _short(distance: str) -> str:
    """How far from UTC, as in "+9" or "-2:30"; nothing for UTC itself."""
    hours, minutes = int(distance[1:3]), distance[3:5]
    if not hours and minutes == "00":
        return ""
    return f"{distance[0]}{hours}" + (f":{minutes}" if minutes != "00" else "")


def day_text(day: date) -> str:
    """A day, written out in the reader's language."""
    if languages.language() == "ja":
        return f"{day.year}年{day.month}月{day.day}日"
    return str(format_date(day, "d MMMM y", locale="en"))


def moment_html(moment: datetime | None, zone: str | None = None) -> Markup:
    """A moment as `<time>` with its ISO form."""
    if moment is None:
        return Markup("")
    return Markup('<time datetime="{}">{}</time>').format(
        moment.isoformat(timespec="seconds"), moment_text(moment, zone)
    )


def day_html(day: date | datetime | None, zone: str | None = None) -> Markup:
    """A day as `<time>`; a moment becomes its day in the reader's zone."""
    if day is None:
        return Markup("")
    if isinstance(day, datetime):
        day = day.astimezone(ZoneInfo(zone or languages.zone())).date()
    return Markup('<time datetime="{}">{}</time>').format(day.isoformat(), day_text(day))


def role_name(role: str) -> str:
    """A role's name in the reader's language."""
    names: dict[str, str] = {
        "global_administrator": _("Global administrator"),
        "billing_administrator": _("Billing administrator"),
        "global_reader": _("Global reader"),
        "delegated_admin_administrator": _("Delegated administration administrator"),
        "admin_agent": _("Admin agent"),
        "sales_agent": _("Sales agent"),
        "helpdesk_agent": _("Helpdesk agent"),
    }
    return names.get(role, role)


def language_name(code: str) -> str:
    """A language's own name for itself."""
    return languages.LANGUAGES.get(code, code)


def country_name(code: str) -> str:
    """A country's or region's name in the reader's language."""
    return str((get_locale() or Locale("en")).territories.get(code, code))


# --- lists ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Page:
    """One page of a keyset list. `count_text` is a sentence; urls are empty where there is no such page."""

    rows: Sequence[Any]
    next_url: str = ""
    previous_url: str = ""
    count_text: str = ""


def turned(found: Any, place: Callable[[Any], tuple[datetime, UUID]], count_text: str) -> Page:
    """One page of a list by time, with the addresses of its neighbours. `found` has `rows`, `more_before` and
    `more_after`."""

    def turn(word: str, row: Any) -> str:
        at, id_ = place(row)
        return with_arguments(**{"after": None, "before": None, word: cursor(at.isoformat(), str(id_))})

    return Page(
        rows=found.rows,
        next_url=turn("after", found.rows[-1]) if found.rows and found.more_after else "",
        previous_url=turn("before", found.rows[0]) if found.rows and found.more_before else "",
        count_text=count_text,
    )


LONGEST_CURSOR = 4000


def cursor(*values: str) -> str:
    """The place after which a list goes on, as one opaque word."""
    return base64.urlsafe_b64encode(json.dumps(values).encode()).decode().rstrip("=")


def read_cursor(word: str, size: int) -> list[str] | None:
    """The values in a cursor; None when it is none of ours (the list then begins at its start)."""
    if len(word) > LONGEST_CURSOR:
        return None
    try:
        values = json.loads(base64.urlsafe_b64decode(word + "=" * (-len(word) % 4)))
    except (ValueError, RecursionError):
        return None
    if not isinstance(values, list) or len(values) != size or not all(_is_plain(value) for value in values):
        return None
    return values


def read_place(word: str, *leading: str) -> tuple[datetime, UUID] | None:
    """The moment (with zone) and id in a cursor that begins with `leading`; None: the list begins at its start.

    The first and last year are refused: in UTC, or in another zone, such a moment has no date.
    """
    values = read_cursor(word, len(leading) + 2)
    if values is None or tuple(values[:-2]) != leading:
        return None
    try:
        at, id_ = datetime.fromisoformat(values[-2]), UUID(values[-1])
    except ValueError:
        return None
    return (at, id_) if at.tzinfo is not None and MINYEAR < at.year < MAXYEAR else None


def _is_plain(value: object) -> bool:
    """Whether a value is text that both engines take: PostgreSQL refuses NUL and lone surrogates."""
    return isinstance(value, str) and not any(unicodedata.category(each) in {"Cc", "Cs"} for each in value)


def with_arguments(**changes: str | None) -> str:
    """The present address with some of its arguments changed (None: dropped); what is given several times stays so."""
    kept = [(name, value) for name, value in request.args.items(multi=True) if name not in changes]
    text = urlencode([(name, value) for name, value in (*kept, *changes.items()) if value])
    return f"{request.path}?{text}" if text else request.path


def absolute(endpoint: str, **values: Any) -> str:
    """An absolute link, built from PUBLIC_URL only."""
    with current_app.test_request_context(base_url=current_app.config["PUBLIC_URL"]):
        path = url_for(endpoint, _external=False, **values)
    return str(current_app.config["PUBLIC_URL"]) + path


def init_app(app: Flask) -> None:
    """Give the templates their filters."""
    app.jinja_env.filters.update(
        role_name=role_name, moment=moment_html, moment_text=moment_text, day=day_html, day_text=day_text
    )
    app.jinja_env.globals.update(with_arguments=with_arguments, person_name=actors.full_name, role_name=role_name)
    app.jinja_env.globals.update(language_name=language_name, country_name=country_name)
    app.jinja_env.trim_blocks = True
    app.jinja_env.lstrip_blocks = True
    app.jinja_env.policies["ext.i18n.trimmed"] = True  # line breaks inside {% trans %} are blanks
    app.jinja_env.globals["Permission"] = Permission
