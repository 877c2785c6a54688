"""The shape of what the list is searched and filtered by."""

from __future__ import annotations

from flask_babel import lazy_gettext as _l
from wtforms import SelectField, StringField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import Optional

from webapp.forms import BaseForm, at_most


class PartnersFilterForm(BaseForm):
    """Name of a partner, status, and type of relationship; sent by GET."""

    class Meta(BaseForm.Meta):
        csrf = False

    search = StringField(_l("Partner"), validators=[Optional(), at_most(200)])
    status = SelectField(
        _l("Status"),
        validators=[Optional()],
        choices=[
            SelectChoice("active", _l("Active")),
            SelectChoice("waiting", _l("Waiting for your answer")),
            SelectChoice("ended", _l("Ended")),
            SelectChoice("all", _l("All")),
        ],
        default="active",
    )
    kind = SelectField(
        _l("Relationship type"),
        validators=[Optional()],
        choices=[
            SelectChoice("", _l("All")),
            SelectChoice("reseller", _l("Reseller")),
            SelectChoice("indirect_reseller", _l("Indirect reseller")),
            SelectChoice("delegated_administration", _l("Delegated administration")),
        ],
        default="",
    )
