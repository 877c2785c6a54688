"""The shape of what a history is filtered by."""

from __future__ import annotations

from uuid import UUID

from flask_babel import lazy_gettext as _l
from wtforms import DateField, SelectField
from wtforms.fields import SelectChoice
from wtforms.validators import Optional

from webapp.forms import BaseForm

#: Group -> (words, beginnings of its kinds). A kind in no group is found without a filter.
GROUPS = {
    "agreements": (_l("Agreements"), ("agreement.", "attestation.")),
    "relationships": (_l("Partner relationships"), ("relationship.", "pairing.")),
    "orders": (_l("Orders and subscriptions"), ("order.", "subscription.")),
    "delegated_admin": (_l("Delegated administration"), ("delegated_admin.",)),
    "invitations": (_l("Invitations"), ("invitation.",)),
    "people": (_l("People and access"), ("person.", "administrator.", "admission.", "api_client.")),
    "organization": (_l("Organization"), ("customer.", "partner.", "domain.", "webhook.")),
}


class HistoryFilterForm(BaseForm):
    """Kind, person and days; sent by GET."""

    class Meta(BaseForm.Meta):
        csrf = False

    kind = SelectField(_l("What"), validators=[Optional()])
    person = SelectField(_l("Who"), validators=[Optional()])
    since = DateField(_l("From this day"), validators=[Optional()])
    until = DateField(_l("To this day"), validators=[Optional()])

    def offer(self, people: list[tuple[UUID, str]]) -> None:
        """Fill the choices in."""
        kinds = [("", _l("Everything")), *((name, words) for name, (words, _kinds) in GROUPS.items())]
        self.kind.choices = [SelectChoice(name, words) for name, words in kinds]
        names = [("", _l("Everybody")), *((str(id_), name) for id_, name in people)]
        self.person.choices = [SelectChoice(id_, name) for id_, name in names]
