"""The base of every form and the fields that several share. Forms know the shape of input, no rules.

Text is normalised (NFC, trimmed, one kind of line break) and refused when it holds control characters or
characters that turn the reading direction of what follows: a signature must read as it was typed.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Any

from email_validator import EmailNotValidError, validate_email
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import Field, Form, HiddenField, PasswordField, StringField, TextAreaField
from wtforms.validators import InputRequired, Length, StopValidation, ValidationError

#: Characters that reorder, hide or fake what stands beside them. U+200C and U+200D (they join emoji and letters)
#: and variation selectors (they choose a kanji's shape) are left alone.
_TURNING = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b\u200e\u200f\u2028\u2029\u202a-\u202e\u2060-\u206f"
    "\u3164\ufeff\uffa0\ufff0-\ufffb\U000e0000-\U000e007f"
)
_DIRECTION = re.compile(f"[{_TURNING}]")
#: Flags of regions are spelled with invisible characters behind a black flag.
_FLAG = re.compile("\U0001f3f4[\U000e0020-\U000e007e]{1,8}\U000e007f")
#: Blank though no blank by its category: variation selectors, the empty pattern of Braille.
_EMPTY = re.compile("[\u2800\ufe00-\ufe0f\U000e0100-\U000e01ef]")


def clean(value: str | None) -> str:
    """Input as it is kept: NFC, outer blanks dropped, line breaks as \\n."""
    return unicodedata.normalize("NFC", (value or "").replace("\r\n", "\n").replace("\r", "\n")).strip()


def readable_pattern(*, many_lines: bool = False, needed: bool = False) -> str:
    """A regular expression (as JSON Schema has them) of texts that `unreadable` has nothing against; `needed`: and of which
    `clean` drops nothing, so that something is left."""
    controls = r"\u0000-\u0008\u000b-\u001f\u007f-\u009f" if many_lines else r"\u0000-\u001f\u007f-\u009f"
    inner, outer = f"[^{controls}{_TURNING}]", rf"[^\s{controls}{_TURNING}]"
    return f"^{outer}({inner}*{outer})?$" if needed else f"^{inner}*$"


def unreadable(text: str, *, many_lines: bool = False) -> bool:
    """Whether a text holds control characters, or characters that turn the reading direction."""
    controls = any(_is_control(each, many_lines) for each in text)
    return controls or _DIRECTION.search(_FLAG.sub("", text)) is not None


def _is_control(character: str, many_lines: bool) -> bool:
    return unicodedata.category(character) in {"Cc", "Cs"} and not (many_lines and character in "\n\t")


class BaseForm(FlaskForm):
    """A form whose text fields are all normalised and checked for unreadable characters."""

    class Meta(FlaskForm.Meta):
        def bind_field(self, form: Form, unbound_field: Any, options: dict[str, Any]) -> Field:
            bound: Field = unbound_field.bind(form=form, **options)
            if isinstance(bound, StringField) and not isinstance(bound, PasswordField):
                bound.filters = (*bound.filters, clean)
                bound.validators = (*bound.validators, _readable)
            return bound


def _readable(_form: Form, field: Field) -> None:
    """Refuses unreadable characters; the field then shows a mark in their places, so that they can be found."""
    text = field.data or ""
    many_lines = isinstance(field, TextAreaField)
    marked = "".join(
        "\N{REPLACEMENT CHARACTER}" if _is_control(character, many_lines) else character for character in text
    )
    if marked != text:
        field.data = marked
    if field.errors:
        return  # one thing to repair at a time
    if marked != text:
        raise ValidationError(_l("Remove the control characters."))
    if _DIRECTION.search(_FLAG.sub("", text)):
        raise ValidationError(_l("Remove the invisible characters that change the reading direction."))


def required(message: Any) -> list[Any]:
    """Validators of a field that must be filled in; `message` says what to enter."""
    return [InputRequired(message), _Something(message)]


def is_blank(text: str) -> bool:
    """Whether nothing of a text can be seen."""
    return all(unicodedata.category(each)[0] in "ZC" for each in _EMPTY.sub("", _DIRECTION.sub("", text)))


class _Something:
    """Refuses what is empty once blanks are dropped."""

    def __init__(self, message: Any) -> None:
        self.message = message

    def __call__(self, _form: Form, field: Field) -> None:
        if isinstance(field.data, str) and is_blank(field.data):
            raise StopValidation(self.message)


def at_most(length: int) -> Length:
    """Validator: not longer than so many characters."""
    return Length(max=length, message=_l("Use %(max)d characters or fewer."))


def address_of(text: str) -> str:
    """A mail address of the usual shape as it is kept; nothing is asked of the network. Raises EmailNotValidError, a
    ValueError."""
    return validate_email(text, check_deliverability=False, test_environment=True, allow_smtputf8=False).normalized


def an_address(_form: Form, field: Field) -> None:
    """Validator: a mail address of the usual shape (nothing is asked of the network).

    The part before the @ is ASCII: most mail servers take no other.
    """
    if field.errors:
        return
    try:
        field.data = address_of(field.data or "")
    except EmailNotValidError:
        raise ValidationError(_l("Enter an email address in the correct format, like name@example.com.")) from None


class AddressField(StringField):
    """A mail address."""

    def __init__(self, label: Any = None, validators: Any = (), **options: Any) -> None:
        message = _l("Enter an email address.")
        super().__init__(label, [*required(message), at_most(254), *validators, an_address], **options)


class NoField(BaseForm):
    """A form of one button."""


__all__ = ["AddressField", "BaseForm", "HiddenField", "NoField", "an_address", "at_most", "clean", "required"]
