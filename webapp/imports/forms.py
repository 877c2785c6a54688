"""The shape of what is typed about an import: the file, a repaired row, and whether mails leave from here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_wtf.file import FileField
from wtforms import RadioField, SelectField, StringField
from wtforms.fields import SelectChoice
from wtforms.validators import InputRequired

from webapp import languages
from webapp.forms import BaseForm
from webapp.imports.rules import COLUMNS_OF


class UploadForm(BaseForm):
    """A file."""

    file = FileField(_l("File"), [InputRequired(_l("Choose a file."))])


class StartForm(BaseForm):
    """How invitations leave."""

    sends = RadioField(
        _l("How do the invitations leave?"),
        choices=[
            SelectChoice("yes", _l("Send each from here by mail")),
            SelectChoice("no", _l("Only prepare them")),
        ],
        validators=[InputRequired(_l("Choose how the invitations leave."))],
    )


@dataclass(frozen=True)
class Faults:
    """All that is wrong with the rows of a page, for one summary: the fields that have errors."""

    fields: Sequence[Any]
    form_errors: Sequence[str] = ()

    @property
    def errors(self) -> list[Any]:
        return [field.errors for field in self.fields]

    def __iter__(self) -> Iterator[Any]:
        return iter(self.fields)


class RowForm(BaseForm):
    """One row to repair. What is wrong with it is said by the rules, on the field of its column."""

    _order: Sequence[str] = ()

    customer = StringField(_l("Customer"))
    asks = SelectField(_l("Asks for"), validate_choice=False)
    partner = StringField(_l("Provider or reseller"))
    recipient = StringField(_l("Email address of the recipient"))
    language = SelectField(_l("Language of the message"), validate_choice=False)
    last_day = StringField(_l("Last day"))
    given_name = StringField(_l("First name"))
    family_name = StringField(_l("Last name"))
    email = StringField(_l("Email address"))
    phone = StringField(_l("Telephone number"))
    agreed_on = StringField(_l("Date of acceptance"))
    licences = StringField(_l("Licences"))

    def keep(self, kind: str, *, indirect: bool) -> RowForm:
        """Keep only the columns of a kind, in the order of the reader's language."""
        names = [column.name for column in COLUMNS_OF[kind]]
        if languages.language() == "ja" and "family_name" in names:
            at = names.index("given_name")
            names[at : at + 2] = ["family_name", "given_name"]
        if not indirect and "partner" in names:
            names.remove("partner")
        for name in [each.short_name for each in self if each.short_name not in names]:
            del self[name]
        if kind == "people":
            self.language.label.text = _("Language of messages and pages")
        self._order = names
        return self

    @property
    def columns(self) -> list[Any]:
        """The fields to be shown, in order."""
        return [self[name] for name in self._order]

    @property
    def values(self) -> dict[str, str]:
        """What was typed, by column."""
        return {each.short_name: each.data or "" for each in self.columns}


def choices_with(kind: str, values: Mapping[str, str]) -> dict[str, list[SelectChoice]]:
    """What the two choices of a row offer: what the file says too, where that is none of them."""
    offered = {
        "asks": [
            ("", _("Reseller relationship and agreement, unless said otherwise")),
            ("relationship", _("Reseller relationship and agreement")),
            ("agreement", _("Agreement only")),
        ],
        "language": [
            ("", _("The organization's language") if kind == "people" else _("The customer's language")),
            ("ja", "日本語"),
            ("en", "English"),
        ],
    }
    for name, choices in offered.items():
        typed = values.get(name, "")
        if typed not in dict(choices):
            choices.insert(0, (typed, _("In the file: %(words)s", words=typed[:80])))
    return {name: [SelectChoice(value, label) for value, label in choices] for name, choices in offered.items()}
