"""The shape of what admin agents type about programs, and of consent."""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext as _l
from wtforms import SelectMultipleField, StringField, TextAreaField
from wtforms.fields import SelectChoice
from wtforms.validators import ValidationError

from webapp.api_clients import rules
from webapp.forms import BaseForm, HiddenField, at_most, required
from webapp.pages import role_name

MOST_URIS = 20
_FAULTS: dict[str, Any] = {
    "long": _l("Line %(number)d: use 2,000 characters or fewer."),
    "characters": _l("Line %(number)d: an address has no blanks, quotation marks, stars or letters beyond ASCII."),
    "scheme": _l("Line %(number)d: use https, or http with localhost or 127.0.0.1."),
    "fragment": _l("Line %(number)d: leave out # and what follows it."),
    "host": _l("Line %(number)d: enter a complete address, like https://erp.example.com/callback."),
}


class ProgramForm(BaseForm):
    """What a program may do, and where a browser returns to."""

    roles = SelectMultipleField(_l("Roles"))
    redirect_uris = TextAreaField(_l("Redirect URIs"))

    def offer(self) -> None:
        """Fill the choices in."""
        names = {role: role_name(role) for role in rules.ROLES} | {"read_only": str(_l("Read only"))}
        self.roles.choices = [SelectChoice(role, names[role]) for role in rules.ROLES]

    def validate_roles(self, field: Any) -> None:
        """At least one: a program without a role could do nothing."""
        if not field.data and not field.errors:
            raise ValidationError(_l("Choose at least one role."))

    def validate_redirect_uris(self, field: Any) -> None:
        """One address a line, each to be met exactly."""
        found = self.addresses
        if len(found) > MOST_URIS:
            raise ValidationError(_l("Enter at most %(count)d addresses.") % {"count": MOST_URIS})
        for number, uri in enumerate(found, 1):
            fault = rules.redirect_fault(uri)
            if fault:
                raise ValidationError(_FAULTS[fault] % {"number": number})

    @property
    def addresses(self) -> list[str]:
        """The addresses that were typed, each once, in their order."""
        lines = (self.redirect_uris.data or "").split("\n")
        return list(dict.fromkeys(line.strip() for line in lines if line.strip()))

    @property
    def chosen(self) -> list[str]:
        """The chosen roles in the order of `rules.ROLES`."""
        return [role for role in rules.ROLES if role in (self.roles.data or ())]


class NewProgramForm(ProgramForm):
    """A new program."""

    name = StringField(_l("Name of the program"), [*required(_l("Enter a name.")), at_most(60)])


class ConsentForm(BaseForm):
    """`shown`: the roles that the page named; the buttons say whether the person agrees."""

    shown = HiddenField()
