"""The shape of what both sides say about the end of a relationship."""

from __future__ import annotations

from flask_babel import lazy_gettext as _l
from wtforms import RadioField, TextAreaField
from wtforms.validators import DataRequired

from webapp.forms import BaseForm, HiddenField, at_most, required

LONGEST = 1000


class AskForm(BaseForm):
    """Why a customer asks to end a relationship."""

    reason = TextAreaField(_l("Reason"), [at_most(LONGEST)])


class AgreeForm(BaseForm):
    """A partner agrees to the request that its page showed (`request`: the id)."""

    request = HiddenField(validators=[at_most(36)])


class RefuseForm(AgreeForm):
    """Why a partner does not agree."""

    reason = TextAreaField(_l("Why do you not agree?"), [*required(_l("Say why you do not agree.")), at_most(LONGEST)])


class EndForm(BaseForm):
    """Why a partner ends a relationship."""

    reason = TextAreaField(_l("Reason"), [at_most(LONGEST)])


class DistrustForm(BaseForm):
    """Whom a customer does not know, where there are two, and what it wants to say about it."""

    partner = RadioField(_l("Whom do you not know?"), [DataRequired(_l("Choose a partner."))], validate_choice=True)
    comment = TextAreaField(_l("What makes you doubt?"), [at_most(LONGEST)])
