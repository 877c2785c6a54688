"""Products and orders in words."""

from __future__ import annotations

from typing import Any

from flask_babel import gettext as _
from flask_babel import ngettext

from webapp import clock, languages, pages
from webapp.accounts.models import Person
from webapp.agreements import queries as agreements
from webapp.agreements.models import AgreementText
from webapp.organizations.models import Organization
from webapp.subscriptions import queries as subscriptions
from webapp.subscriptions.models import Product


def term_words(months: int) -> str:
    """A term in words."""
    if months % 12 == 0:
        return str(ngettext("%(num)s year", "%(num)s years", months // 12))
    return str(ngettext("%(num)s month", "%(num)s months", months))


def product_words(product: Product) -> str:
    """A product as it is chosen from a list: name, term, seats."""
    name, term = subscriptions.name_of(product, languages.language()), term_words(product.term_months)
    if not product.per_seat:
        return str(_("%(name)s (%(term)s, not by the seat)", name=name, term=term))
    return str(
        _(
            "%(name)s (%(term)s, %(low)s to %(high)s seats)",
            name=name,
            term=term,
            low=f"{product.seats_min:,}",
            high=f"{product.seats_max:,}",
        )
    )


def amount(customer: Organization, product: Product, seats: int, *, auto_renews: bool) -> list[dict[str, str]]:
    """What is ordered, as rows of a list of facts: product, seats, from when to when, and what happens then."""
    first, last = subscriptions.term_from(clock.today(customer.zone), product)
    rows = [{"label": _("Product"), "value": subscriptions.name_of(product, languages.language())}]
    if product.per_seat:
        rows.append({"label": _("Seats"), "value": f"{seats:,}"})
    until = _("%(first)s to %(last)s", first=pages.day_text(first), last=pages.day_text(last))
    then = (
        _("It renews automatically for %(term)s, until somebody stops that", term=term_words(product.term_months))
        if auto_renews
        else _("It ends, and is not renewed")
    )
    return [*rows, {"label": _("Term"), "value": until}, {"label": _("After the last day"), "value": then}]


def in_words(customer: Organization, text: AgreementText) -> str:
    """The literal words by which a partner attests, in the reader's language."""
    return str(
        _(
            "%(customer)s accepted the %(title)s, version %(version)s, through the person named here, on the day given.",
            customer=customer.name,
            title=agreements.title_of(text),
            version=text.version,
        )
    )


def shown_in(customer: Organization, text: AgreementText, contact: Person | None) -> dict[str, Any]:
    """Everything by which a partner attests while it orders, as the page shows it in the reader's language, by part.
    `contact`: who is told."""
    told = {"given_name": contact.given_name, "family_name": contact.family_name} if contact is not None else {}
    return {
        "statement": in_words(customer, text),
        "language": languages.language(),
        "customer": customer.name,
        "text": text.version,
        "contact": told | {"address": contact.address} if contact is not None else None,
    }


def count_words(count: int, most: int) -> str:
    """How many orders there are, counted no further than `most`."""
    return str(_("1,000+ orders")) if count > most else str(ngettext("%(num)s order", "%(num)s orders", count))
