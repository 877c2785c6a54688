"""The shape of a registration as it is typed."""

from __future__ import annotations

from flask_babel import lazy_gettext as _l
from wtforms import SelectMultipleField, StringField
from wtforms.fields import SelectChoice
from wtforms.validators import ValidationError

from webapp.forms import BaseForm, at_most, required
from webapp.webhooks.rules import EVENTS, LONGEST_URL, TargetForbidden
from webapp.webhooks.words import event_words, target_words


class RegistrationForm(BaseForm):
    """Where events are sent, and which."""

    url = StringField(
        _l("Address of your receiver"), [*required(_l("Enter the address of your receiver.")), at_most(LONGEST_URL)]
    )
    events = SelectMultipleField(_l("Events"))

    def offer(self) -> None:
        """Fill the choices in."""
        self.events.choices = [SelectChoice(name, event_words(name)) for name in EVENTS]

    def validate_events(self, field: SelectMultipleField) -> None:
        """At least one."""
        if not field.data:
            raise ValidationError(_l("Choose at least one event."))

    def refuse(self, refusal: TargetForbidden) -> None:
        """Say on the field why nothing is sent there."""
        self.url.errors = [*self.url.errors, target_words(refusal.why)]
