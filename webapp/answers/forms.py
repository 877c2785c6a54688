"""The shape of what a customer types on the journey."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from babel import Locale
from flask_babel import get_locale
from flask_babel import lazy_gettext as _l
from wtforms import BooleanField, RadioField, SelectField, StringField, TextAreaField
from wtforms.fields import SelectChoice
from wtforms.validators import DataRequired

from webapp import languages
from webapp.accounts.forms import SetPasswordForm
from webapp.accounts.models import Person
from webapp.actor import full_name
from webapp.forms import AddressField, BaseForm, HiddenField, at_most, required


class AcceptanceForm(BaseForm):
    """Boxes, title and department, and the fingerprint of what was shown. The words of a box are set per customer."""

    agreement = BooleanField(validators=[DataRequired(_l("Tick the box if you accept the agreement."))])
    relationship = BooleanField(validators=[DataRequired(_l("Tick the box if you accept the relationship."))])
    authority = BooleanField(validators=[DataRequired(_l("Tick the box if you have this authority."))])
    title = StringField(_l("Your title or position"), [*required(_l("Enter your title or position.")), at_most(100)])
    department = StringField(_l("Your department"), [at_most(100)])
    fingerprint = HiddenField(validators=[at_most(64)])
    parts = HiddenField(validators=[at_most(2000)])

    def ask(self, boxes: dict[str, str]) -> AcceptanceForm:
        """Keep only the boxes that are asked, with their literal words."""
        for name in ("agreement", "relationship", "authority"):
            if name not in boxes:
                delattr(self, name)
            else:
                self[name].label.text = boxes[name]
        return self

    def shown(self, fingerprint: str, parts: dict[str, str]) -> AcceptanceForm:
        """Let the form carry what is shown now."""
        self.fingerprint.data = fingerprint
        self.parts.data = json.dumps(parts, sort_keys=True, separators=(",", ":"))
        return self

    def parts_before(self) -> dict[str, str]:
        """What the form says was shown: it only serves to tell what changed."""
        try:
            found: Any = json.loads(self.parts.data or "{}")
        except ValueError:
            return {}
        return {str(k): str(v) for k, v in found.items()} if isinstance(found, dict) else {}


class DeclineForm(BaseForm):
    """Why an invitation is declined."""

    reason = RadioField(
        _l("Why do you decline?"),
        [DataRequired(_l("Choose a reason."))],
        choices=[
            SelectChoice("not_now", _l("Not now")),
            SelectChoice("unknown_partner", _l("We do not know this partner")),
            SelectChoice("other_partner", _l("We work with another partner")),
            SelectChoice("terms", _l("We do not agree with the terms")),
            SelectChoice("wrong_organization", _l("It should go to another organization")),
            SelectChoice("other", _l("Another reason")),
        ],
        validate_choice=True,
    )
    comment = TextAreaField(_l("Message to the partner"), [at_most(500)])


class HandOverForm(BaseForm):
    """The colleague that an invitation is sent on to."""

    receiver = RadioField(
        _l("Who should answer?"), [DataRequired(_l("Choose whom to send it on to."))], validate_choice=True
    )

    def offer(self, people: Sequence[Person]) -> HandOverForm:
        """Offer these people by name."""
        self.receiver.choices = [
            SelectChoice(str(each.id), full_name(each.given_name, each.family_name)) for each in people
        ]
        return self


class MailboxForm(BaseForm):
    """The address that a sign-up link goes to."""

    address = AddressField(_l("Your email address at work"))


class SignUpForm(SetPasswordForm):
    """A new customer and its first person; address and password as for every link that sets a password."""

    organization = StringField(
        _l("Name of your organization"), [*required(_l("Enter the name of your organization.")), at_most(200)]
    )
    country = SelectField(_l("Country or region"), [DataRequired(_l("Choose a country or region."))])
    given_name = StringField(_l("Given name"), [*required(_l("Enter your given name.")), at_most(100)])
    family_name = StringField(_l("Family name"), [*required(_l("Enter your family name.")), at_most(100)])

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        names = ("family_name", "given_name") if languages.language() == "ja" else ("given_name", "family_name")
        for name in (*names, "password", "password_again"):  # as the page shows them
            self._fields[name] = self._fields.pop(name)

    def offer(self, served: list[str]) -> SignUpForm:
        """Offer the served countries, by their names in the reader's language."""
        locale = get_locale() or Locale("en")
        names = sorted((str(locale.territories.get(code, code)), code) for code in served)
        self.country.choices = [SelectChoice("", _l("Choose")), *(SelectChoice(code, name) for name, code in names)]
        return self


class AdmissionForm(BaseForm):
    """An administrator's answer to a request for admission."""

    role = SelectField(
        _l("Role"),
        choices=[
            SelectChoice("", _l("No role: may read the agreement")),
            SelectChoice("global_reader", _l("Global reader")),
            SelectChoice("billing_administrator", _l("Billing administrator")),
            SelectChoice("global_administrator", _l("Global administrator")),
        ],
    )
