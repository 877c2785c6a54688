"""The shape of an offer as a partner types it, and of what the lists are filtered by."""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext as _l
from wtforms import BooleanField, Field, RadioField, SelectField, SelectMultipleField, StringField
from wtforms.fields import SelectChoice
from wtforms.validators import Optional, ValidationError

from webapp.delegated_admin.roles import BY_ID, GLOBAL_ADMINISTRATOR
from webapp.delegated_admin.rules import LONGEST_DAYS, NAME_LIMIT
from webapp.forms import BaseForm, HiddenField, at_most, required


class _OneOf:
    """Validator: one of the choices that were shown."""

    def __init__(self, message: Any) -> None:
        self.message = message

    def __call__(self, _form: BaseForm, field: Field) -> None:
        if field.data not in {choice.value for choice in field.choices}:
            raise ValidationError(self.message)


def _some_role(_form: BaseForm, field: Field) -> None:
    if not field.data or not set(field.data) <= BY_ID.keys():
        raise ValidationError(_l("Choose at least one role."))


class OfferForm(BaseForm):
    """An offer to one customer or to several; `key` makes it once. `role_set` and `other` get their choices from the
    view. `after`: the declined offer it follows; `carrier`: "relationship" when an invitation to that carries it, with
    `other` where there are two partners."""

    name = StringField(_l("Name of the offer"), [*required(_l("Enter a name.")), at_most(NAME_LIMIT)])
    role_set = SelectField(_l("Saved set of roles"), validate_choice=False, choices=[])
    find = StringField(_l("Find a role"), [Optional(), at_most(100)])
    roles = SelectMultipleField(
        _l("Roles"), [_some_role], validate_choice=False, choices=[SelectChoice(each, each) for each in BY_ID]
    )
    set_name = StringField(_l("Name of the set"), [Optional(), at_most(NAME_LIMIT)])
    duration_days = StringField(_l("Duration in days"), required(_l("Enter for how many days.")))
    auto_extends = BooleanField(_l("Extend it by 180 days at its end, again and again"))
    other = SelectField(
        _l("Who sells to the customer?"), [_OneOf(_l("Choose one of the partners shown."))], validate_choice=False,
        choices=[SelectChoice("", "")], default="",
    )  # fmt: skip
    language = RadioField(
        _l("Language of the message"),
        [_OneOf(_l("Choose a language."))],
        validate_choice=False,
        choices=[
            SelectChoice("customer", _l("The customer's own")),
            SelectChoice("ja", "日本語"),
            SelectChoice("en", "English"),
        ],
    )
    sending = RadioField(
        _l("How does the message go out?"),
        [_OneOf(_l("Choose how the message goes out."))],
        validate_choice=False,
        choices=[
            SelectChoice("own", _l("I look at it first")),
            SelectChoice("send", _l("Send it from here at once")),
        ],
    )
    carrier = RadioField(
        _l("What does it come with?"),
        [_OneOf(_l("Choose what it comes with."))],
        validate_choice=False,
        choices=[
            SelectChoice("own", _l("Nothing else: a message of its own")),
            SelectChoice("relationship", _l("An invitation to a reseller relationship")),
        ],
    )
    key = HiddenField()
    after = HiddenField()

    def carried(self) -> bool:
        """Whether an invitation to a relationship carries it."""
        return bool(self.carrier.data == "relationship")

    def validate_duration_days(self, field: Field) -> None:
        if self.days is None:
            raise ValidationError(_l("Enter a whole number of days from 1 to %(longest)d.", longest=LONGEST_DAYS))

    def validate_auto_extends(self, field: Field) -> None:
        if field.data and GLOBAL_ADMINISTRATOR in (self.roles.data or []):
            raise ValidationError(
                _l("With the Global Administrator role nothing extends itself. Untick this, or leave that role out.")
            )

    @property
    def days(self) -> int | None:
        """The duration, when it is one."""
        text = (self.duration_days.data or "").strip()
        if not (text.isdecimal() and len(text) <= 4 and 1 <= int(text) <= LONGEST_DAYS):
            return None
        return int(text)


class CustomersFilterForm(BaseForm):
    """Which customers are shown to be chosen from; sent by GET."""

    class Meta(BaseForm.Meta):
        csrf = False

    search = StringField(_l("Name or domain"), validators=[Optional(), at_most(200)])
    delegated = SelectField(
        _l("Delegated administration"),
        validators=[Optional()],
        choices=[
            SelectChoice("", _l("All")),
            SelectChoice("without", _l("Without it")),
            SelectChoice("offered", _l("Offer waiting")),
            SelectChoice("active", _l("With it")),
        ],
    )


class RelationshipsFilterForm(BaseForm):
    """Which relationships are shown; sent by GET."""

    class Meta(BaseForm.Meta):
        csrf = False

    search = StringField(_l("Name of the customer"), validators=[Optional(), at_most(200)])
    state = SelectField(
        _l("State"),
        validators=[Optional()],
        choices=[
            SelectChoice("current", _l("In force or waiting")),
            SelectChoice("active", _l("In force")),
            SelectChoice("ending", _l("Over within 30 days")),
            SelectChoice("pending", _l("Waiting for the customer")),
            SelectChoice("over", _l("Over")),
            SelectChoice("all", _l("All")),
        ],
    )
    sort = HiddenField()
