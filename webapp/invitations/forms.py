"""The shape of what a partner types about an invitation."""

from __future__ import annotations

from datetime import date
from typing import Any

from flask_babel import lazy_gettext as _l
from wtforms import DateField, Field, Form, RadioField, SelectField, StringField, TextAreaField
from wtforms.fields import SelectChoice
from wtforms.validators import Optional, ValidationError

from webapp.forms import BaseForm, HiddenField, an_address, at_most, required
from webapp.invitations.rules import BODY_LIMIT, SUBJECT_LIMIT, holds_password


class DayField(DateField):
    """A day. What is none is refused in our own words."""

    def process_formdata(self, valuelist: list[str]) -> None:
        text = " ".join(valuelist).strip()
        self.data = None
        if not text:
            return
        try:
            self.data = date.fromisoformat(text)
        except ValueError:
            raise ValueError(_l("Enter a real date, for example 2027-03-31.")) from None


class _Offered:
    """Validator: one of the choices that were shown."""

    def __init__(self, message: Any) -> None:
        self.message = message

    def __call__(self, _form: Form, field: Field) -> None:
        if field.data not in {choice.value for choice in field.choices}:
            raise ValidationError(self.message)


class _Chosen(SelectField):
    """A select or radio field whose refusal is in our own words."""

    def __init__(self, label: Any, message: Any, **options: Any) -> None:
        super().__init__(label, [_Offered(message)], validate_choice=False, **options)


class _Radios(RadioField):
    """Radio buttons whose refusal is in our own words."""

    def __init__(self, label: Any, message: Any, **options: Any) -> None:
        super().__init__(label, [_Offered(message)], validate_choice=False, **options)


def _choices(*pairs: tuple[str, Any]) -> list[SelectChoice]:
    return [SelectChoice(value, label) for value, label in pairs]


class MakeForm(BaseForm):
    """A new invitation. `other` and `customer` get their choices from the view; `key` makes it once."""

    asks = _Radios(
        _l("What do you ask for?"),
        _l("Choose what you ask for."),
        choices=_choices(
            ("relationship", _l("Reseller relationship and agreement")),
            ("agreement", _l("Agreement only")),
        ),
    )
    other = _Chosen(_l("Who sells to the customer?"), _l("Choose one of the partners shown."), choices=[])
    for_whom = _Radios(
        _l("Who is it for?"),
        _l("Choose who the invitation is for."),
        choices=_choices(("named", _l("One customer")), ("any", _l("Any customer"))),
    )
    customer = _Chosen(_l("Customer"), _l("Choose a customer."), choices=[])
    recipient = StringField(_l("Email address of the customer's administrator"), [Optional(), at_most(254), an_address])
    language = _Radios(
        _l("Language of the message"),
        _l("Choose a language."),
        choices=_choices(("ja", "日本語"), ("en", "English")),
    )
    last_day = DayField(_l("Last day"), required(_l("Enter the last day.")))
    key = HiddenField()


class MessageForm(BaseForm):
    """The partner's own words."""

    subject = StringField(_l("Subject"), [*required(_l("Enter a subject.")), at_most(SUBJECT_LIMIT)])
    body = TextAreaField(_l("Message"), [*required(_l("Enter the message.")), at_most(BODY_LIMIT)])

    def validate_body(self, field: Field) -> None:
        if holds_password(field.data or ""):
            raise ValidationError(
                _l("Take the password out. The customer gets a sign-in link of its own; a password never goes by mail.")
            )


class CorrectForm(BaseForm):
    """Another recipient."""

    recipient = StringField(
        _l("Correct email address"), [*required(_l("Enter an email address.")), at_most(254), an_address]
    )


class ReplaceForm(BaseForm):
    """A new invitation in the place of one."""

    last_day = DayField(_l("Last day"), required(_l("Enter the last day.")))
