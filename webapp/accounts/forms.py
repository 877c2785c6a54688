"""The shape of what people type about their account."""

from __future__ import annotations

import re
import unicodedata
from typing import Any
from zoneinfo import available_timezones

from flask_babel import lazy_gettext as _l
from wtforms import Form, PasswordField, SelectField, StringField
from wtforms.fields import SelectChoice
from wtforms.validators import EqualTo, InputRequired, ValidationError

from webapp.accounts import rules
from webapp.forms import AddressField, BaseForm, HiddenField, at_most, required
from webapp.languages import LANGUAGES

_FAULTS = {
    "short": _l("Use at least 12 characters."),
    "long": _l("Use 200 characters or fewer."),
    "common": _l("This password is too easy to guess. Choose another."),
    "address": _l("The password must not contain your email address."),
}


def _no_faults(form: Form, field: PasswordField) -> None:
    address = getattr(form, "address", None)
    fault = rules.password_fault(field.data or "", (address.data if address is not None else "") or "\0")
    if fault is not None:
        raise ValidationError(_FAULTS[fault])


def _new_password(label: Any) -> PasswordField:
    return PasswordField(label, [InputRequired(_l("Enter a new password.")), _no_faults])


def _repeated(of: str) -> PasswordField:
    wrong = _l("Enter the same password twice.")
    return PasswordField(_l("New password again"), [InputRequired(wrong), EqualTo(of, wrong)])


class SignInForm(BaseForm):
    """Address and password; where to go on, and what was typed before the session ended."""

    address = AddressField(_l("Email address"))
    password = PasswordField(_l("Password"), required(_l("Enter your password.")))
    next = HiddenField()
    carried_fields = HiddenField()


class CodeForm(BaseForm):
    """The six digits that were mailed."""

    code = StringField(_l("Code from the message"), required(_l("Enter the six digits.")))

    def validate_code(self, field: StringField) -> None:
        digits = "".join(unicodedata.normalize("NFKC", field.data or "").split())
        if not re.fullmatch(r"[0-9]{6}", digits, re.ASCII):
            raise ValidationError(_l("The code has six digits."))
        field.data = digits


class OwnPasswordForm(BaseForm):
    """The first password of one's own, after a temporary one."""

    new_password = _new_password(_l("New password"))
    new_password_again = _repeated("new_password")


class LinkRequestForm(BaseForm):
    """Which account a link is wanted for, and where to go on afterwards."""

    address = AddressField(_l("Email address"))
    next = HiddenField()


class SetPasswordForm(BaseForm):
    """What a link that sets a password asks for."""

    address = AddressField(_l("The email address the message was sent to"))
    password = _new_password(_l("New password"))
    password_again = _repeated("password")


class ConfirmMailboxForm(BaseForm):
    """What a link that confirms a mailbox asks for."""

    address = AddressField(_l("The email address the message was sent to"))


class ChangeNameForm(BaseForm):
    """A person's own name."""

    family_name = StringField(_l("Family name"), validators=[*required(_l("Enter your family name.")), at_most(100)])
    given_name = StringField(_l("Given name"), validators=[*required(_l("Enter your given name.")), at_most(100)])


class RequestAddressChangeForm(BaseForm):
    """Another own address, with the password as proof."""

    address = AddressField(_l("New email address"))
    current_password = PasswordField(_l("Your password"), required(_l("Enter your password.")))


class ChangePasswordForm(BaseForm):
    """Another own password."""

    current_password = PasswordField(_l("Present password"), required(_l("Enter your present password.")))
    new_password = _new_password(_l("New password"))
    new_password_again = _repeated("new_password")


class ChooseLanguageForm(BaseForm):
    """The language of pages and mails."""

    language = SelectField(_l("Language"), choices=[SelectChoice(code, name) for code, name in LANGUAGES.items()])


class ChooseZoneForm(BaseForm):
    """The time zone of pages and mails; empty: the organization's."""

    zone = SelectField(_l("Time zone"))

    def validate_zone(self, field: SelectField) -> None:
        if field.data and field.data not in available_timezones():
            raise ValidationError(_l("Choose a time zone from the list."))
