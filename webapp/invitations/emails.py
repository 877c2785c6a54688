"""The words of an invitation: the generated message, its short form, and how it leaves from here; the reminder."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from email.charset import BASE64, Charset
from email.header import Header
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from babel.dates import get_timezone_name
from flask import current_app, render_template
from flask_babel import get_locale
from flask_babel import gettext as _
from markupsafe import Markup

from webapp import pages
from webapp.actor import full_name
from webapp.delegated_admin.words import extension_words, role_words
from webapp.invitations import rules
from webapp.messages import actions as messages
from webapp.messages.models import Message

#: Longest name in a generated subject; the text holds it whole.
_IN_SUBJECT = 48


@dataclass(frozen=True)
class Offered:
    """An offer of delegated administration as its message tells it. `partner` is the name of who would get the rights;
    `roles` are template ids, in order."""

    partner: str
    name: str
    roles: tuple[str, ...]
    duration_days: int
    auto_extends: bool


def generated(
    *, asks: str, partner: str, reseller: str, customer: str, link: str, language: str, zone: str,
    last_day: date | None, acceptors: list[str], offer: Offered | None = None,
) -> tuple[str, str]:  # fmt: skip
    """Subject and text of an invitation in the mail's language; names are empty where there is none."""
    facts: dict[str, Any] = {
        "asks": asks, "partner": partner, "reseller": reseller, "customer": customer, "link": link,
        "asker": reseller or partner, "last_day": last_day, "acceptors": acceptors, "site": _site(), "offer": offer,
    }  # fmt: skip
    short = {name: rules.shortened(facts[name], _IN_SUBJECT) for name in ("partner", "reseller", "customer", "asker")}
    with messages.reader_of(language, zone):
        facts["zone"] = get_timezone_name(
            ZoneInfo(zone), width="long", zone_variant="generic", locale=get_locale() or "en"
        )
        facts["roles"] = [role_words(role) for role in offer.roles] if offer is not None else []
        facts["extension"] = extension_words(offer.roles, offer.auto_extends) if offer is not None else ""
        subject = " ".join(render_template("invitations/message/subject.txt", **(facts | short)).split())
        body = re.sub(r"\n{3,}", "\n\n", render_template("invitations/message/body.txt", **facts)).strip()
    return subject, body


def short_form(
    *, asks: str, partner: str, reseller: str, customer: str, link: str, language: str, zone: str,
    last_day: date | None, subject: str,
) -> Callable[[int], tuple[str, str]]:  # fmt: skip
    """What `rules.fitting_mailto` composes: subject and short text with names cut to a length."""

    def compose(length: int) -> tuple[str, str]:
        with messages.reader_of(language, zone):
            body = render_template(
                "invitations/message/short.txt",
                asks=asks,
                asker=rules.shortened(reseller or partner, length),
                customer=rules.shortened(customer, length),
                link=link,
                last_day=last_day,
            )
        return rules.shortened(subject, max(length, 20)), body.strip()

    return compose


def day_words(old: date | None, new: date | None, language: str) -> tuple[str, str]:
    """The words of two days in a mail's language: the earlier one's, the later one's."""
    if old is None or new is None:
        return "", ""
    with messages.reader_of(language, "UTC"):
        return pages.day_text(old), pages.day_text(new)


def framed(
    body: str, *, given_name: str, family_name: str, address: str, partner: str, language: str, zone: str
) -> str:
    """The text as it leaves from here: marked as the partner's words."""
    with messages.reader_of(language, zone):
        return render_template(
            "invitations/message/framed.txt",
            body=body,
            name=full_name(given_name, family_name),
            address=address,
            partner=partner,
            operator=pages.Operator(current_app.config["OPERATOR_NAME"], current_app.config["OPERATOR_CONTACT"]),
        ).strip()


def sender_name(partner: str, language: str, zone: str) -> str:
    """The name that the mail comes from: the partner's and the operator's, at most 200 characters."""
    with messages.reader_of(language, zone):
        return str(
            _(
                "%(partner)s via %(operator)s",
                partner=rules.shortened(partner, 120),
                operator=rules.shortened(current_app.config["OPERATOR_NAME"], 60),
            )
        )


def as_html(body: str, link: str) -> Markup:
    """A text as HTML for the clipboard and the .eml: paragraphs, line breaks, and the link as a link."""
    anchor = Markup('<a href="{0}">{0}</a>').format(link)
    paragraphs = [
        Markup("<br>\n").join(anchor.join(line.split(link)) for line in part.split("\n"))
        for part in re.split(r"\n\s*\n", body.strip())
    ]
    return Markup("\n").join(Markup("<p>{}</p>").format(part) for part in paragraphs)


def eml(*, recipient: str | None, subject: str, body: str, link: str, language: str) -> bytes:
    """The whole message as a file that a mail program opens as a draft (X-Unsent: 1)."""
    mail = MIMEMultipart("alternative")
    coded = None if subject.isascii() else "utf-8"
    mail["Subject"] = Header(subject, coded, header_name="Subject").encode()
    if recipient:
        mail["To"] = recipient
    mail["X-Unsent"] = "1"
    mail["Content-Language"] = language
    page = Markup('<!DOCTYPE html>\n<html lang="{}"><head><meta charset="utf-8"></head><body>\n{}\n</body></html>\n')
    encoded = Charset("utf-8")
    encoded.body_encoding = BASE64  # seven-bit whatever the process made of UTF-8
    mail.attach(MIMEText(body + "\n", "plain", encoded))  # type: ignore[arg-type]
    mail.attach(MIMEText(str(page.format(language, as_html(body, link))), "html", encoded))  # type: ignore[arg-type]
    return mail.as_bytes(policy=mail.policy.clone(linesep="\r\n"))


def reminder(
    *, to: str, language: str, zone: str, invitation_id: UUID, asks: str, asker: str, customer: str, link: str,
    last_day: date, closes_at: datetime, carries: bool,
) -> Message:  # fmt: skip
    """Remind the named contact of an open invitation, once. `carries`: an offer that waits comes with it."""
    return messages.send(
        "invitations/emails/reminder",
        to=to, language=language, zone=zone, about_id=invitation_id, asks=asks, asker=asker, customer=customer,
        invitation_link=link, last_day=last_day, closes_at=closes_at, carries=carries, site=_site(),
    )  # fmt: skip


def _site() -> str:
    return str(current_app.config["PUBLIC_URL"])
