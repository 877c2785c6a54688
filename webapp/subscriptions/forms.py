"""The shape of what is typed about a partner of record."""

from __future__ import annotations

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import StringField
from wtforms.validators import Regexp

from webapp.forms import BaseForm, HiddenField, required
from webapp.subscriptions.rules import read_partner_number


class ShownForm(BaseForm):
    """One button, and who was partner of record when the page was shown (see `rules.record_word`)."""

    shown = HiddenField()


class RecordForm(ShownForm):
    """Which partner is meant: its number, in whatever width, with or without blanks and hyphens."""

    number = StringField(
        _l("Partner number"),
        [
            *required(_l("Enter the partner number.")),
            Regexp(r"^[0-9]{1,16}$", message=_l("A partner number is 1 to 16 digits.")),
        ],
        filters=[lambda text: read_partner_number(text or "")],
    )

    def refuse_unknown(self) -> None:
        """Say that nobody works here under the number."""
        self.number.errors = [
            _("No partner that works here has this number. Compare it with what the partner gave you.")
        ]

    def refuse_same(self, partner: str) -> None:
        """Say that the partner is partner of record already."""
        self.number.errors = [
            _("This is the number of %(partner)s, which is partner of record already.", partner=partner)
        ]
