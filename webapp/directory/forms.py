"""The shape of what is typed about a customer's people."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from uuid import UUID

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import RadioField, SelectField, SelectMultipleField, StringField
from wtforms.fields import SelectChoice
from wtforms.validators import Optional

from webapp.access import ROLES
from webapp.forms import AddressField, BaseForm, HiddenField, at_most, required
from webapp.languages import LANGUAGES
from webapp.pages import day_text, role_name


class PeopleFilterForm(BaseForm):
    """Which people are listed; sent by GET. What it does not offer filters nothing."""

    class Meta(BaseForm.Meta):
        csrf = False

    search = StringField(_l("Name or email address"), [Optional(), at_most(200)])
    state = SelectField(
        _l("Status"),
        choices=[
            SelectChoice("", _l("All")),
            SelectChoice("active", _l("Active")),
            SelectChoice("invited", _l("Invited")),
            SelectChoice("blocked", _l("Blocked")),
        ],
        validate_choice=False,
    )
    licence = SelectField(_l("Licence"), validate_choice=False)

    def offer(self, seats: Sequence[tuple[UUID, str]]) -> None:
        """Fill the subscriptions in."""
        self.licence.choices = [SelectChoice("", _l("All")), *(SelectChoice(str(line), label) for line, label in seats)]


class LicencesForm(BaseForm):
    """Of which subscriptions a person has a seat: ids of their lines."""

    licences = SelectMultipleField(_l("Licences"))

    def offer(self, seats: Sequence[tuple[UUID, str]]) -> None:
        """Fill the choices in: line and label of each subscription."""
        self.licences.choices = [SelectChoice(str(line), label) for line, label in seats]

    @property
    def lines(self) -> list[UUID]:
        """The lines that were ticked."""
        return [UUID(each) for each in self.licences.data or ()]


class HeldLicencesForm(LicencesForm):
    """Which seats a person keeps, gets and loses. `shown`: ids of the lines that stood as given on the page."""

    shown = HiddenField()

    def show(self, lines: Sequence[UUID]) -> None:
        """Fill in what is given now."""
        self.licences.data = [str(line) for line in lines]
        self.shown.data = " ".join(self.licences.data)

    @property
    def lines_shown(self) -> list[UUID]:
        """The lines that stood as given; those that are none are left out."""
        offered = {str(value) for value, *_rest in self.licences.iter_choices()}
        return [UUID(word) for word in (self.shown.data or "").split() if word in offered]


class RolesForm(BaseForm):
    """Which roles a person has. `sure`: what changes was shown."""

    roles = SelectMultipleField(
        _l("Roles"), choices=lambda: [SelectChoice(role, role_name(role)) for role in ROLES["customer"]]
    )
    sure = HiddenField()


class PersonForm(LicencesForm):
    """A new person. Roles are offered only to those who may give them."""

    given_name = StringField(_l("First name"), [*required(_l("Enter the first name.")), at_most(100)])
    family_name = StringField(_l("Last name"), [*required(_l("Enter the last name.")), at_most(100)])
    address = AddressField(_l("Email address"))
    language = RadioField(
        _l("Language of messages and pages"),
        choices=[SelectChoice(code, name) for code, name in LANGUAGES.items()],
        default="en",
    )
    roles = SelectMultipleField(
        _l("Roles"), choices=lambda: [SelectChoice(role, role_name(role)) for role in ROLES["customer"]]
    )


def labels(seats: Sequence[tuple[UUID, str, date]]) -> list[tuple[UUID, str]]:
    """What subscriptions are called in a list of boxes: by product, and by their last day where a product is there twice."""
    products = [product for _line, product, _ends_on in seats]
    return [
        (line, _with_end(product, ends_on) if products.count(product) > 1 else product)
        for line, product, ends_on in seats
    ]


def _with_end(product: str, ends_on: date) -> str:
    return str(_("%(product)s, until %(day)s", product=product, day=day_text(ends_on)))
