"""The shape of a filter, and of a switch to direct billing as it is typed."""

from __future__ import annotations

import unicodedata

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import BooleanField, Field, SelectField, StringField
from wtforms.validators import ValidationError

from webapp.errors import Refusal
from webapp.forms import BaseForm, HiddenField, at_most, required
from webapp.renewals.rules import GROUPS, LossNotAccepted, SeatsOutOfRange, SeatsTaken
from webapp.renewals.words import group_words


class EndsFilterForm(BaseForm):
    """Which ends are shown. `offer` fills the choices in."""

    class Meta(BaseForm.Meta):
        csrf = False

    search = StringField(_l("Customer"), [at_most(200)])
    group = SelectField(_l("Last day within"), validate_choice=False)

    def offer(self) -> None:
        """Fill the choices in; another word than theirs filters nothing."""
        self.group.choices = [("", _("Any time")), *((name, group_words(name)) for name, _low, _high in GROUPS)]
        if self.group.data not in {name for name, _low, _high in GROUPS}:
            self.group.data = ""


def _whole_number(_form: BaseForm, field: Field) -> None:
    """Digits of any width, also with commas between thousands."""
    typed = unicodedata.normalize("NFKC", field.data or "").replace(",", "")
    if not typed.isascii() or not typed.isdecimal() or len(typed) > 7 or int(typed) < 1:
        raise ValidationError(_l("Enter a whole number, 1 or more."))
    field.data = str(int(typed))


class DirectForm(BaseForm):
    """What begins. `shown`: what the page says of it; `loss`: that paid days are lost is meant."""

    shown = HiddenField()
    seats = StringField(_l("Seats"), [*required(_l("Enter how many seats.")), _whole_number])
    loss = BooleanField()

    def refuse(self, refusal: Refusal) -> bool:
        """Say a refusal where it can be repaired. False for one that has a page only."""
        if isinstance(refusal, SeatsOutOfRange):
            words = _("This product is sold for %(low)s to %(high)s seats.", low=refusal.low, high=refusal.high)
            self.seats.errors = [*self.seats.errors, words]
        elif isinstance(refusal, SeatsTaken):
            words = _(
                "%(given)s people have a licence: enter as many seats or more, or take licences back first.",
                given=refusal.given,
            )
            self.seats.errors = [*self.seats.errors, words]
        elif isinstance(refusal, LossNotAccepted):
            words = _("Tick the box if you want it now in spite of the days that are paid; or come back later.")
            self.loss.errors = [*self.loss.errors, words]
        else:
            return False
        return True
