"""The shape of what the list is searched and filtered by."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from flask_babel import lazy_gettext as _l
from wtforms import HiddenField, SelectField, StringField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import Optional

from webapp.forms import BaseForm, at_most


class CustomersFilterForm(BaseForm):
    """Name or domain, and states; sent by GET. `other` is an indirect partner's provider or reseller."""

    class Meta(BaseForm.Meta):
        csrf = False

    search = StringField(_l("Name or domain"), validators=[Optional(), at_most(200)])
    agreement = SelectField(
        _l("Agreement"),
        validators=[Optional()],
        choices=[
            SelectChoice("", _l("All")),
            SelectChoice("none", _l("Not asked")),
            SelectChoice("invited", _l("Invited")),
            SelectChoice("opened", _l("Invitation opened")),
            SelectChoice("accepted", _l("Accepted")),
            SelectChoice("attested", _l("Attested")),
            SelectChoice("must_renew", _l("Must be renewed")),
            SelectChoice("needs_attestation", _l("Needs attestation")),
            SelectChoice("objected", _l("Objected")),
        ],
    )
    relationship = SelectField(
        _l("Relationship"),
        validators=[Optional()],
        choices=[
            SelectChoice("", _l("All")),
            SelectChoice("current", _l("Active")),
            SelectChoice("ended", _l("Ended")),
            SelectChoice("none", _l("None")),
        ],
    )
    programme = SelectField(
        _l("Programme"),
        validators=[Optional()],
        choices=[
            SelectChoice("", _l("All")),
            SelectChoice("direct", _l("Direct bill")),
            SelectChoice("provider", _l("Indirect provider")),
            SelectChoice("reseller", _l("Indirect reseller")),
        ],
    )
    other = SelectField(_l("Provider or reseller"), validators=[Optional()], choices=[])
    delegated = SelectField(
        _l("Delegated administration"),
        validators=[Optional()],
        choices=[
            SelectChoice("", _l("All")),
            SelectChoice("active", _l("Active")),
            SelectChoice("offered", _l("Offered")),
            SelectChoice("ended", _l("Ended")),
            SelectChoice("none", _l("None")),
        ],
    )
    sort = HiddenField()

    def offer(self, others: Iterable[tuple[UUID, str]]) -> None:
        """Let one of these partners (id and name) be chosen."""
        self.other.choices = [SelectChoice("", _l("All")), *(SelectChoice(str(id_), name) for id_, name in others)]
