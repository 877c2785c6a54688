"""The shape of what admin agents type about their team and about other partners."""

from __future__ import annotations

from flask_babel import lazy_gettext as _l
from wtforms import BooleanField, RadioField, SelectMultipleField, StringField, TextAreaField
from wtforms.fields import SelectChoice
from wtforms.validators import Regexp

from webapp.access import ROLES
from webapp.forms import AddressField, BaseForm, HiddenField, at_most, required
from webapp.languages import LANGUAGES
from webapp.pages import role_name

LONGEST = 1000
#: Digits as Japanese keyboards type them.
_NARROW = str.maketrans({0xFF10 + digit: str(digit) for digit in range(10)})


def _digits(text: str | None) -> str:
    """A number without blanks and hyphens, in narrow digits."""
    return "".join(each for each in (text or "").translate(_NARROW) if not each.isspace() and each != "-")


class RolesForm(BaseForm):
    """Which roles a colleague has. `sure`: the reader was asked about giving up a role of its own."""

    roles = SelectMultipleField(_l("Roles"))
    sure = HiddenField()

    def offer(self) -> None:
        """Fill the choices in."""
        self.roles.choices = [SelectChoice(role, role_name(role)) for role in ROLES["partner"]]


class InviteForm(RolesForm):
    """A new colleague. `outside`: the address was checked although it lies outside the partner's domains."""

    given_name = StringField(_l("First name"), [*required(_l("Enter the first name.")), at_most(100)])
    family_name = StringField(_l("Last name"), [*required(_l("Enter the last name.")), at_most(100)])
    address = AddressField(_l("Email address"))
    language = RadioField(
        _l("Language of messages and pages"),
        choices=[SelectChoice(code, name) for code, name in LANGUAGES.items()],
        default="en",
    )
    outside = BooleanField(_l("The address is right, although it lies outside our domains"))


class NumberForm(BaseForm):
    """Which partner is meant: its number, with or without blanks and in whatever width."""

    number = StringField(
        _l("Partner number"),
        [*required(_l("Enter the partner number.")), Regexp(r"^[0-9]{1,16}$", message=_l("A partner number is 1 to 16 digits."))],
        filters=[_digits],
    )  # fmt: skip


class DeclineForm(BaseForm):
    """Why a request is declined."""

    reason = TextAreaField(_l("Reason"), [at_most(LONGEST)])
