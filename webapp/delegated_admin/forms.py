"""Forms of the customer's side: approving, asking for fewer, declining, sending on, removing."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from uuid import UUID

from flask_babel import lazy_gettext as _l
from wtforms import BooleanField, RadioField, SelectMultipleField, TextAreaField
from wtforms.fields import SelectChoice
from wtforms.validators import DataRequired

from webapp.accounts.models import Person
from webapp.actor import full_name
from webapp.delegated_admin.roles import BASIC
from webapp.delegated_admin.words import role_name
from webapp.forms import BaseForm, HiddenField, at_most


class ApprovalForm(BaseForm):
    """The literal box, and the fingerprint of what was shown."""

    fingerprint = HiddenField(validators=[at_most(64)])
    approval = BooleanField(validators=[DataRequired(_l("Tick the box to approve."))])

    def ask(self, box: str) -> ApprovalForm:
        """Let the box say these words."""
        self.approval.label.text = box
        return self


class FewerForm(BaseForm):
    """Which of the offered roles the customer would agree to."""

    roles = SelectMultipleField(_l("Roles you would agree to"), [DataRequired(_l("Choose at least one role."))])
    comment = TextAreaField(_l("Message to the partner"), [at_most(500)])

    def offer(self, role_ids: Sequence[str]) -> FewerForm:
        """Offer these roles; on a fresh form the least-privilege ones are ticked."""
        self.roles.choices = [SelectChoice(role, role_name(role)) for role in role_ids]
        if not self.is_submitted():
            self.roles.data = [role for role in role_ids if role in BASIC]
        return self


class RefusalForm(BaseForm):
    """Why an offer is declined."""

    reason = RadioField(
        _l("Why do you decline?"),
        [DataRequired(_l("Choose a reason."))],
        choices=[
            SelectChoice("not_needed", _l("We do not need it")),
            SelectChoice("too_much", _l("It goes too far")),
            SelectChoice("unknown_partner", _l("We do not know this partner")),
            SelectChoice("other_partner", _l("We work with another partner")),
            SelectChoice("other", _l("Another reason")),
        ],
    )
    comment = TextAreaField(_l("Message to the partner"), [at_most(500)])


class HandOverForm(BaseForm):
    """To whom a request is sent on."""

    person = RadioField(_l("Send it on to"), [DataRequired(_l("Choose a person."))])

    def offer(self, people: Collection[Person]) -> HandOverForm:
        """Offer these people by their names."""
        self.person.choices = [
            SelectChoice(str(each.id), full_name(each.given_name, each.family_name)) for each in people
        ]
        return self

    def chosen(self, people: Collection[Person]) -> Person:
        """The chosen one of these people, once the form is valid."""
        wanted = UUID(self.person.data)
        return next(each for each in people if each.id == wanted)


class RemovalForm(BaseForm):
    """Removing all roles: what the partner is told with it."""

    comment = TextAreaField(_l("Message to the partner"), [at_most(500)])


class EndForm(BaseForm):
    """The partner ends it: why, as the customer reads it."""

    reason = TextAreaField(_l("Reason"), [at_most(500)])
