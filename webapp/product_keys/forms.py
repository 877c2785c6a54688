"""The shape of what is typed on the way to redeeming, and keys, faults and results in words."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from fractions import Fraction
from typing import Any
from uuid import UUID

from babel import Locale
from babel.numbers import format_decimal
from flask import current_app
from flask_babel import get_locale, gettext, ngettext
from flask_babel import lazy_gettext as _l
from wtforms import BooleanField, Field, RadioField, SelectField, StringField, TextAreaField
from wtforms.fields import SelectChoice
from wtforms.validators import ValidationError

from webapp import languages, pages
from webapp.errors import Refusal
from webapp.forms import AddressField, BaseForm, HiddenField, at_most, required
from webapp.languages import LANGUAGES
from webapp.onboarding import rules as customer_rules
from webapp.product_keys import rules
from webapp.product_keys.actions import Fault
from webapp.product_keys.queries import Choice, Option
from webapp.subscriptions.rules import Arithmetic, ExtensionTooLong


def _(sentence: str, **facts: Any) -> str:
    """A sentence of the catalogue in the reader's language."""
    return str(gettext(sentence, **facts))


class StartForm(BaseForm):
    """What somebody says before it begins."""

    right_person = BooleanField(_l("I am the right person in my organization to do this"))

    def validate_right_person(self, field: BooleanField) -> None:
        if not field.data:
            raise ValidationError(_l("Tick the box if you are the right person. If you are not, pass the keys on."))


class KeysForm(BaseForm):
    """One key, or a list of them. `subscription`: the one that somebody came from."""

    keys = TextAreaField(_l("Product key"), [at_most(8000)])
    subscription = HiddenField(validators=[at_most(36)])

    def ask(self) -> None:
        """Say that a key is missing."""
        self.keys.errors = [*self.keys.errors, _("Enter a product key.")]

    def refuse(self, faults: Sequence[Fault]) -> None:
        """Say what is wrong with the keys that were typed."""
        self.keys.errors = [*self.keys.errors, *(fault_words(each) for each in faults)]

    def wait(self, refusal: rules.TooManyWrongKeys) -> None:
        """Say that no key is taken for a while; what was typed stays."""
        self.keys.errors = [*self.keys.errors, wait_words(refusal)]


class _Offered:
    """Validator: one of the choices that were shown."""

    def __init__(self, message: Any) -> None:
        self.message = message

    def __call__(self, _form: BaseForm, field: Field) -> None:
        if field.data not in {choice.value for choice in field.choices}:
            raise ValidationError(self.message)


class AccountForm(BaseForm):
    """The organization and its administrator. In Japanese the family name comes first."""

    country = SelectField(
        _l("Country or region"), [_Offered(_l("Choose a country or region."))], validate_choice=False, choices=[]
    )
    organization = StringField(_l("Organization"), required(_l("Enter the organization's name.")))
    given_name = StringField(_l("First name"), [*required(_l("Enter the first name.")), at_most(customer_rules.PERSON)])
    family_name = StringField(_l("Last name"), [*required(_l("Enter the last name.")), at_most(customer_rules.PERSON)])
    address = AddressField(_l("Email address"))
    phone = StringField(_l("Telephone number"), [*required(_l("Enter a telephone number.")), at_most(60)])
    language = RadioField(
        _l("Language"),
        [_Offered(_l("Choose a language."))],
        validate_choice=False,
        choices=[SelectChoice(code, name) for code, name in LANGUAGES.items()],
    )

    def offer(self, served: list[str]) -> AccountForm:
        """Offer the served countries by name."""
        locale = get_locale() or Locale("en")
        names = sorted((str(locale.territories.get(code, code)), code) for code in served)
        self.country.choices = [SelectChoice("", _("Choose a country or region"))]
        self.country.choices += [SelectChoice(code, name) for name, code in names]
        first = ("family_name", "given_name") if languages.language() == "ja" else ("given_name", "family_name")
        for name in ("country", "organization", *first, "address", "phone", "language"):  # as the page shows them
            self._fields[name] = self._fields.pop(name)
        return self

    def validate_country(self, field: SelectField) -> None:
        if not field.data:
            raise ValidationError(_l("Choose a country or region."))

    def validate_organization(self, field: StringField) -> None:
        faults = {
            "long": _l("Use 200 characters or fewer."),
            "blank": _l("Enter a name with letters or digits, not only special characters."),
            "one": _l("Enter the whole name: one character is too short."),
            "form": _l("Enter the name, not only its legal form."),
        }
        fault = customer_rules.name_fault(field.data or "")
        if fault is not None:
            raise ValidationError(faults[fault])

    def validate_phone(self, field: StringField) -> None:
        kept = customer_rules.phone_of(field.data or "")
        if kept is None:
            raise ValidationError(_l("Enter a telephone number, like +81 3 1234 5678."))
        field.data = kept

    def refuse_address(self, fault: str) -> None:
        """Say why the address cannot be used."""
        words = {
            "microsoft": lambda: _("This is an address of Microsoft's. Enter one of the organization's own."),
            "partner": lambda: _(
                "This address lies in the hands of a partner. Somebody of the organization proves itself with a mailbox that"
                " no partner reads: enter one of the organization's own."
            ),
            "known": lambda: _(
                "An organization with this mail domain has an account here already. It is not made twice."
            ),
            "used": lambda: _("This address cannot be used for a new account. Enter another one."),
        }
        self.address.errors = [*self.address.errors, str(words[fault]())]


class CreateForm(BaseForm):
    """The last button; it carries what the page showed."""

    fingerprint = HiddenField(validators=[at_most(64)])


class RedeemForm(BaseForm):
    """What the keys of each product shall do. `fingerprint` and `parts` stand for what was shown; `offer` adds a field for
    each product."""

    fingerprint = HiddenField(validators=[at_most(64)])
    parts = HiddenField(validators=[at_most(50_000)])

    def ways(self, choices: Sequence[Choice]) -> dict[UUID, str]:
        """What was chosen, by product."""
        return {each.product.id: str(self[f"way_{number}"].data or "") for number, each in enumerate(choices)}

    def shown_parts(self) -> dict[str, list[str]]:
        """How the subscriptions stood that were shown; nothing where that cannot be read."""
        try:
            read = json.loads(self.parts.data or "{}")
        except (ValueError, RecursionError):
            return {}
        if not isinstance(read, dict):
            return {}
        return {
            str(name): [str(word)[:200] for word in words]
            for name, words in read.items()
            if isinstance(words, list) and len(words) == 3
        }


def redeem_form(choices: Sequence[Choice], preferred: str = "", **values: Any) -> RedeemForm:
    """A form with one question for each product. `preferred`: the id of the subscription that somebody came from, whose
    extension is proposed."""
    fields: dict[str, Any] = {}
    for number, each in enumerate(choices):
        options = [SelectChoice(option.value, option_words(option)) for option in each.possible]
        fields[f"way_{number}"] = RadioField(
            _("What shall the keys of %(product)s do?", product=each.name),
            [_Offered(_l("Choose what the product keys shall do."))],
            validate_choice=False,
            choices=options,
            default=_proposed(each, preferred),
        )
    form: RedeemForm = type("RedeemForm", (RedeemForm,), fields)(**values)
    return form


def _proposed(choice: Choice, preferred: str) -> str | None:
    values = [each.value for each in choice.possible]
    if len(values) == 1:
        return values[0]
    return next((f"{way}:{preferred}" for way in ("extend", "seats") if f"{way}:{preferred}" in values), None)


# --- in words ----------------------------------------------------------------------------------------------------


def fault_words(fault: Fault) -> str:
    """What is wrong with one key that was typed, and what to do."""
    typed = fault.typed
    if fault.refusal is not None:
        return refusal_words(fault.refusal)
    if fault.kind == "strangers":
        return " ".join(
            [
                _("“%(key)s” is no product key.", key=_shortened(typed.text)),
                *(stranger_words(each.typed, each.position, each.group, each.place, each.maybe) for each in typed.strangers[:5]),
            ]
        )  # fmt: skip
    if fault.kind in {"short", "long"}:
        words = (
            _("“%(key)s” is too short: it has %(length)s characters, a product key has 25.")
            if fault.kind == "short"
            else _("“%(key)s” is too long: it has %(length)s characters, a product key has 25.")
        )
        return words % {"key": _shortened(typed.text), "length": typed.length}
    if fault.kind == "many":
        return _("Enter %(most)s product keys at most at once.", most=rules.MOST_KEYS)
    ending = rules.last_five(typed.key)
    if fault.kind == "again":
        return _(
            "The product key that ends in %(key)s was entered already. Enter another one: each key counts once, also for a"
            " renewal.",
            key=ending,
        )
    return _(
        "The product key that ends in %(key)s is not valid. Compare each character with the card, and enter it again.",
        key=ending,
    )


def _shortened(text: str) -> str:
    """What was typed, group by group; a long text is cut."""
    cut = text if len(text) <= 60 else text[:59] + "…"
    return "-".join(cut[at : at + rules.GROUP] for at in range(0, len(cut), rules.GROUP))


def stranger_words(typed: str, position: int, group: int, place: int, maybe: str) -> str:
    """A character that is in no key, where it stands, and what it may be."""
    facts = {"typed": typed, "position": position, "group": group, "place": place}
    words = _(
        "Character %(position)s (group %(group)s, place %(place)s) is “%(typed)s”, which is in no product key.", **facts
    )
    if not maybe:
        return words
    letters = _(" or ").join(maybe)
    return f"{words} " + _("Perhaps it is %(letters)s?", letters=letters)


def refusal_words(refusal: Refusal) -> str:
    """Why a key cannot be redeemed, in one or two sentences."""
    facts = refusal.facts
    key, product = facts.get("last_five", ""), facts.get("product", "")
    if isinstance(refusal, rules.KeyForHome):
        return _(
            "The product key that ends in %(key)s is for %(product)s, a product for the home. It is not valid here: redeem"
            " it at office.com/setup (in Japan also Office 365 Solo).",
            key=key,
            product=product,
        )
    if isinstance(refusal, rules.KeyExpired):
        return _(
            "The product key that ends in %(key)s expired on %(day)s. Buy a new one.",
            key=key,
            day=pages.day_text(facts["expires_on"]),
        )
    if isinstance(refusal, rules.KeyUsed):
        if facts["own"]:
            return _(
                "The product key that ends in %(key)s was redeemed for your organization already, on %(when)s.",
                key=key,
                when=pages.moment_text(facts["at"]),
            )
        return _(
            "The product key that ends in %(key)s was used already. Ask in your own organization first whether somebody"
            " redeemed it, then whoever sold it.",
            key=key,
        )
    if isinstance(refusal, rules.ProductUnavailable):
        words = {
            "closed": lambda: _(
                "%(product)s is not offered any more: the product key that ends in %(key)s cannot be redeemed. Ask whoever"
                " sold it.",
                key=key,
                product=product,
            ),
            "country": lambda: _(
                "%(product)s is not available in your country or region: the product key that ends in %(key)s cannot be"
                " redeemed there. Ask whoever sold it.",
                key=key,
                product=product,
            ),
            "trial": lambda: _(
                "Your organization had the trial %(product)s before, and it can be had once: the product key that ends in"
                " %(key)s cannot be redeemed.",
                key=key,
                product=product,
            ),
        }
        return words[facts["why"]]()
    return obstacle_words(refusal)


def wait_words(refusal: rules.TooManyWrongKeys) -> str:
    """That too many keys were wrong, when to try again, and whom to ask."""
    minutes: int = refusal.minutes
    hours = math.ceil(minutes / 60)
    return " ".join(
        [
            _(
                "So many wrong product keys were entered today that none is taken for a while. That has nothing to do with"
                " yours."
            )
            if refusal.everybody
            else _(
                "So many wrong product keys were entered that none is taken for a while. Those that you entered before stay,"
                " and none is used."
            ),
            str(
                ngettext(
                    "Try again in %(num)s minute, with the card in your hand.",
                    "Try again in %(num)s minutes, with the card in your hand.",
                    minutes,
                )
                if minutes <= rules.HOUR
                else ngettext(
                    "Try again in %(num)s hour, with the card in your hand.",
                    "Try again in %(num)s hours, with the card in your hand.",
                    hours,
                )
            ),
            _(
                "Is a key not taken though it stands so on the card? Ask whoever sold it, or write to the operator of this"
                " site: %(address)s",
                address=current_app.config["OPERATOR_CONTACT"],
            ),
        ]
    )


def obstacle_words(refusal: Refusal) -> str:
    """Why keys cannot do something to a subscription."""
    facts = refusal.facts
    if isinstance(refusal, ExtensionTooLong):
        return _(
            "Not possible: at most three years are added at once, and this would be %(months)s months. Use fewer product keys.",
            months=facts["months"],
        )
    return _(
        "%(product)s has %(most)s licences at most, and this would be %(seats)s. Remove a product key, and take one with"
        " fewer licences.",
        product=facts["product"],
        most=f"{facts['most']:,}",
        seats=f"{facts['seats']:,}",
    )


def number_words(number: Fraction) -> str:
    """A number of months or licences with two decimals at most, as the reader writes it."""
    return str(format_decimal(round(float(number), 2), locale=get_locale() or Locale("en")))


def months_words(months: Fraction) -> str:
    """So many months."""
    if months.denominator == 1:
        return str(ngettext("%(num)s month", "%(num)s months", int(months)))
    return str(_("%(number)s months", number=number_words(months)))


def licences_words(seats: int) -> str:
    """So many licences."""
    return str(ngettext("%(num)s licence", "%(num)s licences", seats))


def option_words(option: Option) -> str:
    """What the keys would do, with its result."""
    result = option.result
    assert result is not None
    day, seats = pages.day_text(result.ends_on), licences_words(result.seats)
    if option.way == "seats":
        return str(_("Add licences: %(seats)s, until %(day)s", seats=seats, day=day))
    if option.way == "extend":
        return str(_("Extend the end date: %(seats)s, until %(day)s", seats=seats, day=day))
    return str(_("Begin a new subscription: %(seats)s, from today until %(day)s", seats=seats, day=day))


def had_words(option: Option) -> str:
    """What the subscription is now that keys would change: by that two of one product are told apart. Empty for a new one."""
    if option.line is None:
        return ""
    day, seats = pages.day_text(option.line.ends_on), licences_words(option.line.seats)
    return _("Now: %(seats)s, until %(day)s.", seats=seats, day=day)


def hint_words(option: Option) -> str:
    """What is there now, how the result was reckoned, and who bills it afterwards."""
    assert option.result is not None
    stays = _("It stays billed by %(partner)s.", partner=option.biller) if option.biller else ""
    return " ".join(each for each in (had_words(option), sum_words(option.way, option.result), stays) if each)


def sum_words(way: str, result: Arithmetic) -> str:
    """How a result was reckoned, in numbers. Nothing is lost or won: a part of a day counts as a whole one."""
    had, seats, months = licences_words(result.had), licences_words(result.seats), months_words(result.months)
    paid = f"{result.licence_months:,}"
    if way == "seats":
        return _(
            "%(had)s with %(left)s left, and %(added)s that bring %(paid)s licence-months:"
            " (%(had_number)s × %(left_number)s + %(paid)s) ÷ %(seats_number)s = %(months)s from today, one end date for all.",
            had=had,
            left=months_words(result.left),
            added=licences_words(result.seats - result.had),
            paid=paid,
            had_number=f"{result.had:,}",
            left_number=number_words(result.left),
            seats_number=f"{result.seats:,}",
            months=months,
        )
    if way == "extend":
        words = _(
            "%(paid)s licence-months ÷ %(had)s = %(months)s, counted from the old end date.",
            paid=paid,
            had=had,
            months=months,
        )
        if result.lost_days:
            words += " " + ngettext(
                "%(num)s day of them is over already.", "%(num)s days of them are over already.", result.lost_days
            )
        return words
    return _("%(paid)s licence-months ÷ %(seats)s = %(months)s from today.", paid=paid, seats=seats, months=months)
