"""The shape of what a customer says about an attestation."""

from __future__ import annotations

from flask_babel import lazy_gettext as _l
from wtforms import TextAreaField

from webapp.forms import AddressField, BaseForm, HiddenField, at_most

LONGEST = 1000


class AttestationRequestForm(BaseForm):
    """Which partner is asked to confirm."""

    partner = HiddenField(validators=[at_most(36)])


class ObjectForm(BaseForm):
    """Why an administrator objects."""

    comment = TextAreaField(_l("What is not right?"), [at_most(LONGEST)])


class ObjectByLinkForm(ObjectForm):
    """The same by the link of a notice, with the address that it was sent to."""

    address = AddressField(_l("The email address the message was sent to"))
