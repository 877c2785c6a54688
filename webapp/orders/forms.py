"""The shape of an order as it is typed, and of the attestation that completes one."""

from __future__ import annotations

import unicodedata
from typing import Any
from uuid import UUID, uuid4

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import BooleanField, Field, SelectField, StringField
from wtforms.fields import SelectChoice
from wtforms.validators import ValidationError

from webapp.attestations.forms import ShownForm
from webapp.errors import Refusal
from webapp.forms import BaseForm, HiddenField, required
from webapp.orders.queries import Seller
from webapp.orders.rules import SeatsNotOffered
from webapp.subscriptions.models import Product


def _whole_number(_form: BaseForm, field: Field) -> None:
    """Digits of any width, also with commas between thousands."""
    text = unicodedata.normalize("NFKC", field.data or "").replace(",", "")
    if not text.isascii() or not text.isdecimal() or not 1 <= int(text[:9]) <= 1_000_000 or len(text) > 9:
        raise ValidationError(_l("Enter a whole number, 1 or more."))
    field.data = str(int(text))


def _a_key(_form: BaseForm, field: Field) -> None:
    try:
        UUID(field.data or "")
    except ValueError:
        field.data = str(uuid4())
        raise ValidationError(_l("The form was not complete. Check it, and send it again.")) from None


class _Shown:
    """Validator: one of the choices that were shown."""

    def __init__(self, message: Any) -> None:
        self.message = message

    def __call__(self, _form: BaseForm, field: Field) -> None:
        if field.data not in {choice.value for choice in field.choices if choice.value}:
            raise ValidationError(self.message)


class OrderForm(BaseForm):
    """What is ordered, and through whom. `key` is made when the form is shown: it places one order.

    `offer` fills the choices in.
    """

    key = HiddenField(validators=[_a_key])
    seller = SelectField(_l("Through whom"), [_Shown(_l("Choose one of the partners shown."))], validate_choice=False)
    product = SelectField(_l("Product"), [_Shown(_l("Choose a product."))], validate_choice=False)
    seats = StringField(_l("Seats"), [*required(_l("Enter how many seats.")), _whole_number])
    auto_renews = BooleanField(_l("Renew it automatically at the end of each term"))

    def offer(self, sellers: list[Seller], products: list[tuple[Product, str]]) -> None:
        """Say whom and what there is to choose from: the open relationships, and the products with their words."""
        self.seller.choices = [SelectChoice(str(each.relationship.id), seller_words(each)) for each in sellers]
        self.product.choices = [SelectChoice("", _("Choose a product"))]
        self.product.choices += [SelectChoice(str(each.id), words) for each, words in products]
        if len(sellers) == 1 and not self.seller.data:
            self.seller.data = str(sellers[0].relationship.id)

    def refuse(self, refusal: Refusal) -> bool:
        """Say a refusal where it can be repaired. False for one that has a page only."""
        if not isinstance(refusal, SeatsNotOffered):
            return False
        if refusal.low == refusal.high == 1:
            words = _("This product is not sold by the seat: enter 1.")
        else:
            words = _("This product is sold for %(low)s to %(high)s seats.", low=refusal.low, high=refusal.high)
        self.seats.errors = [*self.seats.errors, words]
        return True


def seller_words(seller: Seller) -> str:
    """Through whom an order goes, in words."""
    if seller.reseller is None:
        return seller.partner.name
    return str(
        _("%(reseller)s, through its indirect provider %(partner)s", reseller=seller.reseller.name, partner=seller.partner.name)
    )  # fmt: skip


class PromptForm(ShownForm):
    """The attestation that an order waits for."""
