"""Ends in words: groups, how long is left, stages, contracts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any, Protocol

from babel.dates import format_date
from flask_babel import gettext as _
from flask_babel import ngettext

from webapp import languages, pages


def group_words(group: str) -> str:
    """A group as a heading."""
    words = {
        "overdue": _("Overdue"), "days7": _("Within 7 days"), "days30": _("Within 30 days"),
        "days60": _("Within 60 days"), "later": _("Later"),
    }  # fmt: skip
    return str(words[group])


def short_day(day: date) -> str:
    """A day without its year."""
    if languages.language() == "ja":
        return f"{day.month}月{day.day}日"
    return str(format_date(day, "d MMM", locale="en"))


def left_words(ends_on: date, days_left: int) -> str:
    """How long something still runs, or since when it has ended."""
    day = short_day(ends_on)
    if days_left == 0:
        return str(_("Expires today (%(day)s)", day=day))
    if days_left > 0:
        return str(
            ngettext("Expires in %(num)s day (%(day)s)", "Expires in %(num)s days (%(day)s)", days_left, day=day)
        )
    return str(ngettext("Expired %(num)s day ago (%(day)s)", "Expired %(num)s days ago (%(day)s)", -days_left, day=day))


def stage_words(stage: str) -> str:
    """A stage in plain words."""
    words = {
        "coming": _("Not begun"), "active": _("Active"), "expired": _("Expired"), "disabled": _("Disabled"),
        "deleted": _("Deleted"),
    }  # fmt: skip
    return str(words[stage])


def contract_words(contract: str) -> str:
    """By what a subscription runs, and who bills it."""
    words = {
        "partner": _("Billed by the partner"), "product_key": _("Paid by product key"),
        "direct": _("Direct billing"),
    }  # fmt: skip
    return str(words[contract])


class Notice(Protocol):
    """What was told."""

    @property
    def at(self) -> Any: ...
    @property
    def days_left(self) -> Any: ...
    @property
    def person_count(self) -> Any: ...


def told_words(notice: Notice, zone: str) -> str:
    """One notice: when, how long before, and to how many, or that nobody got it (yet)."""
    when, left = pages.moment_text(notice.at, zone), _before(notice.days_left)
    if notice.person_count is None:
        return str(_("%(when)s: %(left)s, the mail has not left yet", when=when, left=left))
    if notice.person_count == 0:
        return str(_("%(when)s: %(left)s, nobody could be told", when=when, left=left))
    return str(
        ngettext(
            "%(when)s: %(left)s, to %(num)s person",
            "%(when)s: %(left)s, to %(num)s people",
            notice.person_count,
            when=when,
            left=left,
        )
    )


def _before(days: int) -> str:
    if days == 0:
        return str(_("on the last day"))
    return str(ngettext("%(num)s day before", "%(num)s days before", days))


def days_words(days: Sequence[int]) -> str:
    """Numbers of days, the largest first: "60, 30, 7, 1"."""
    return ", ".join(str(each) for each in sorted(days, reverse=True))


def count_words(count: int, most: int) -> str:
    """How many ends there are, counted no further than `most`, a thousand."""
    if count > most:
        return str(_("1,000+ subscriptions"))
    return str(ngettext("%(num)s subscription", "%(num)s subscriptions", count))
