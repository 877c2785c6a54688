"""The catalogue, subscriptions, orders and carts as Partner Center's API has them: what can be ordered is an "offer"."""

from __future__ import annotations

from datetime import UTC
from typing import Any

import marshmallow as ma
from flask_babel import gettext as _
from marshmallow import fields, validate

from webapp import languages, rest
from webapp.orders.rules import MOST_LINES
from webapp.subscriptions import queries as subscriptions
from webapp.subscriptions.models import Product
from webapp.subscriptions.rules import MOST_SEATS

BILLING_CYCLES = ("unknown", "none", "monthly", "annual", "triennial", "oneTime", "one_time")
STATUSES = ("pending", "active", "expired", "disabled", "deleted")
#: Of an agreement between customer and partner, of product keys. Direct billing is a subscription, too.
CONTRACT_TYPES = ("subscription", "productKey")
_DURATION = r"^P[1-9][0-9]?[MY]$"
#: What ids and words of the API are made of; a product's code, among others.
_WORD = r"^[A-Za-z0-9._:-]*$"
_DIGITS = r"^[0-9]*$"
_NUMBER = {"description": "The partner number (MPN id) of the indirect reseller.", "example": "4500303"}


#: The service serves whole countries: two capital letters, as ISO 3166 has them.
COUNTRY = r"^[A-Z]{2}$"


def duration(months: int) -> str:
    """A term as an ISO 8601 duration: P1M, P1Y, P3Y."""
    return f"P{months // 12}Y" if months % 12 == 0 else f"P{months}M"


def months_of(text: str) -> int:
    """The months of an ISO 8601 duration of months or years."""
    return int(text[1:-1]) * (12 if text.endswith("Y") else 1)


def billing_type(kind: str) -> str:
    """Partner Center's billing type of a kind of product."""
    return "usage" if kind == "azure_plan" else "license"


class PageQuery(rest.Schema):
    """Which part of a collection."""

    offset = rest.QueryNumber(low=0, high=100_000, load_default=0, metadata={"description": "How many to leave out."})
    size = rest.QueryNumber(low=1, high=500, load_default=500, metadata={"description": "How many at most."})


class OffersQuery(PageQuery):
    """Which part of the catalogue."""

    country = rest.Coded(
        longest=2, shortest=2, pattern=COUNTRY,
        metadata={"description": "ISO 3166 alpha-2; the organization's own where nothing is said.", "example": "JP"},
    )  # fmt: skip


class OfferQuery(rest.Schema):
    """In which country."""

    country = rest.Coded(
        longest=2, shortest=2, pattern=COUNTRY,
        metadata={"description": "ISO 3166 alpha-2; the organization's own where nothing is said.", "example": "JP"},
    )  # fmt: skip


class OfferProduct(rest.Schema):
    """The kind of product that an offer is of."""

    id = fields.String(required=True)
    name = fields.String(required=True)
    unit = fields.String(required=True)


class Offer(rest.Schema):
    """Something that can be ordered."""

    id = fields.String(
        required=True, metadata={"description": "What orders and carts name as offerId or catalogItemId."}
    )
    name = fields.String(required=True, metadata={"description": "In the caller's language (`X-Locale`)."})
    description = fields.String(required=True)
    minimum_quantity = fields.Integer(required=True)
    maximum_quantity = fields.Integer(required=True)
    country = fields.String(required=True)
    locale = fields.String(required=True)
    is_add_on = fields.Boolean(required=True)
    has_add_ons = fields.Boolean(required=True)
    is_available_for_purchase = fields.Boolean(required=True)
    billing = fields.String(required=True, validate=validate.OneOf(["usage", "license"]))
    supported_billing_cycles = fields.List(fields.String(), required=True)
    is_auto_renewable = fields.Boolean(required=True)
    is_trial = fields.Boolean(required=True)
    unit_type = fields.String(required=True)
    term_duration = fields.String(
        required=True,
        metadata={"description": "How long it runs, ISO 8601; not in Microsoft's shape of an offer.", "example": "P1Y"},
    )
    product = fields.Nested(OfferProduct, required=True)
    links = fields.Nested(rest.Links, required=True)
    attributes = fields.Nested(rest.Attributes, required=True)


OfferCollection = rest.collection_of(Offer)


def offer(product: Product, country: str) -> dict[str, Any]:
    """A product of the catalogue as an offer in a country, in the caller's language."""
    language = languages.language()
    name, unit = subscriptions.name_of(product, language), "Licenses" if product.per_seat else "none"
    return {
        "id": product.code, "name": name, "description": name, "minimum_quantity": product.seats_min,
        "maximum_quantity": product.seats_max, "country": country, "locale": "ja-JP" if language == "ja" else "en-US",
        "is_add_on": False, "has_add_ons": False, "is_available_for_purchase": product.is_open,
        "billing": billing_type(product.kind), "supported_billing_cycles": ["none"], "is_auto_renewable": True,
        "is_trial": product.kind == "trial", "unit_type": unit, "term_duration": duration(product.term_months),
        "product": {"id": product.kind, "name": name, "unit": unit},
        "links": {"self": rest.link(f"/v1/offers/{product.code}?country={country}")},
        "attributes": rest.attributes("Offer"),
    }  # fmt: skip


class Absent(fields.Field[Any]):
    """What nothing here can honour: null, or left out. Anything else is refused instead of being lost without a word."""

    def __init__(self) -> None:
        words = "Nothing here can honour this: null, or left out."
        super().__init__(load_only=True, metadata={"type": "null", "description": words})

    def deserialize(self, value: Any, attr: str | None = None, data: Any = None, **more: Any) -> Any:
        if value is None or value is ma.missing:
            return None
        raise ma.ValidationError(_("Countersign cannot honour this. Leave it out."))


def _empty() -> fields.List[Any]:
    """A list of what nothing here can honour."""
    words = "Nothing here can honour this: empty, or left out."
    return fields.List(
        fields.String(),
        allow_none=True,
        load_only=True,
        validate=validate.Length(max=0),
        metadata={"description": words},
    )


# --- subscriptions -----------------------------------------------------------------------------------------------


class SubscriptionsQuery(rest.Schema):
    """Which subscriptions of a customer."""

    order_id = fields.UUID(data_key="order_id", metadata={"description": "Only what this order began."})
    mpn_id = rest.Coded(
        longest=16, shortest=1, data_key="mpn_id", pattern=_DIGITS,
        metadata={"description": "Only those with the partner of this number as partner of record.", "example": "4500101"},
    )  # fmt: skip
    seek_operation = fields.String(
        validate=validate.OneOf(["Next"]), metadata={"description": "As `links.next` has it."}
    )


class SubscriptionLinks(rest.Schema):
    """Where a subscription is found, and what it is of."""

    self = fields.Nested(rest.Link, required=True)
    offer = fields.Nested(rest.Link)


class SubscriptionProductType(rest.Schema):
    """The kind of product."""

    id = fields.String(required=True)
    display_name = fields.String(required=True)


class Subscription(rest.Schema):
    """What a customer has of a product. Days are the customer's, written as midnight in UTC."""

    id = fields.UUID(required=True)
    offer_id = fields.String(metadata={"description": "Missing for what did not come from the catalogue."})
    offer_name = fields.String(required=True)
    product_type = fields.Nested(SubscriptionProductType, required=True)
    quantity = fields.Integer(required=True)
    unit_type = fields.String(required=True)
    creation_date = fields.DateTime(required=True)
    effective_start_date = fields.DateTime(required=True, metadata={"description": "The first day of the term."})
    commitment_end_date = fields.DateTime(
        required=True, metadata={"description": "The last day of the term, included."}
    )
    status = fields.String(required=True, validate=validate.OneOf(STATUSES))
    auto_renew_enabled = fields.Boolean(required=True)
    is_trial = fields.Boolean(required=True)
    billing_type = fields.String(required=True, validate=validate.OneOf(["usage", "license"]))
    billing_cycle = fields.String(required=True, validate=validate.OneOf(BILLING_CYCLES))
    term_duration = fields.String(metadata={"description": "ISO 8601; missing for what is not of the catalogue."})
    renewal_term_duration = fields.String(metadata={"description": "Where it renews itself."})
    partner_id = fields.String(
        metadata={
            "description": "The partner number of the partner of record. Missing where there is none, or where it is a partner"
            " that does not sell the subscription: whom else the customer named is the customer's to tell."
        }
    )
    suspension_reasons = fields.List(fields.String(), required=True)
    contract_type = fields.String(required=True, validate=validate.OneOf(CONTRACT_TYPES))
    order_id = fields.UUID(metadata={"description": "Missing for what was not ordered here."})
    links = fields.Nested(SubscriptionLinks, required=True)
    attributes = fields.Nested(rest.Attributes, required=True)


SubscriptionCollection = rest.collection_of(Subscription)


class SubscriptionChange(rest.Schema):
    """A whole subscription, as it shall be. Only `quantity` and `autoRenewEnabled` can differ from what is there."""

    example = {"quantity": 30, "autoRenewEnabled": True}  # fmt: skip

    quantity = rest.Number(
        low=1,
        high=MOST_SEATS,
        metadata={"description": "As many seats, or more. Left out: as many as now.", "example": 30},
    )
    auto_renew_enabled = rest.Flag(
        load_default=False, metadata={"description": "Left out: false, so that it ends with its last day."}
    )
    id = fields.UUID(load_only=True, allow_none=True)
    offer_id = rest.Coded(longest=100, load_only=True, allow_none=True, pattern=_WORD)
    friendly_name = Absent()
    unit_type = rest.Coded(longest=40, load_only=True, allow_none=True, pattern=_WORD)
    effective_start_date = fields.AwareDateTime(default_timezone=UTC, load_only=True, allow_none=True)
    commitment_end_date = fields.AwareDateTime(default_timezone=UTC, load_only=True, allow_none=True)
    status = rest.Coded(longest=40, load_only=True, allow_none=True, pattern=_WORD)
    is_trial = rest.Flag(load_only=True, allow_none=True)
    billing_type = rest.Coded(longest=40, load_only=True, allow_none=True, pattern=_WORD)
    billing_cycle = rest.Coded(longest=40, load_only=True, allow_none=True, pattern=_WORD)
    term_duration = rest.Coded(longest=40, load_only=True, allow_none=True, pattern=_WORD)
    renewal_term_duration = rest.Coded(longest=40, load_only=True, allow_none=True, pattern=_WORD)
    partner_id = rest.Coded(longest=40, load_only=True, allow_none=True, pattern=_WORD)
    order_id = fields.UUID(load_only=True, allow_none=True)
    scheduled_next_term_instructions = Absent()


# --- orders ------------------------------------------------------------------------------------------------------


class OrdersQuery(rest.Schema):
    """Which part of a customer's orders."""

    seek_operation = fields.String(
        validate=validate.OneOf(["Next"]), metadata={"description": "As `links.next` has it."}
    )


class OrderLineItemLinks(rest.Schema):
    """What an order's line began."""

    subscription = fields.Nested(rest.Link, required=True)


class OrderLineItem(rest.Schema):
    """One product of an order."""

    line_item_number = fields.Integer(required=True)
    offer_id = fields.String(required=True)
    subscription_id = fields.UUID(required=True)
    quantity = fields.Integer(required=True)
    term_duration = fields.String(required=True)
    transaction_type = fields.String(required=True)
    partner_id_on_record = fields.String(metadata=_NUMBER)
    links = fields.Nested(OrderLineItemLinks, required=True)


class Order(rest.Schema):
    """What was ordered at once, through one partner."""

    id = fields.UUID(required=True)
    reference_customer_id = fields.UUID(required=True)
    billing_cycle = fields.String(required=True, validate=validate.OneOf(BILLING_CYCLES))
    line_items = fields.List(fields.Nested(OrderLineItem), required=True)
    creation_date = fields.DateTime(required=True)
    status = fields.String(required=True, validate=validate.OneOf(["completed"]))
    transaction_type = fields.String(required=True)
    links = fields.Nested(rest.Links, required=True)
    attributes = fields.Nested(rest.Attributes, required=True)


OrderCollection = rest.collection_of(Order)


class OrderLineItemRequest(rest.Schema):
    """One product to be ordered."""

    offer_id = rest.Coded(
        longest=100,
        shortest=1,
        required=True,
        pattern=_WORD,
        metadata={"description": "See GET /v1/offers.", "example": "M365-BB-12"},
    )
    quantity = rest.Number(low=1, high=MOST_SEATS, required=True, metadata={"example": 25})
    line_item_number = rest.Number(
        low=0,
        high=1_000_000,
        load_only=True,
        metadata={"description": "Lines are numbered from 0 in the order they are sent."},
    )
    partner_id_on_record = rest.Coded(longest=16, shortest=1, allow_none=True, pattern=_DIGITS, metadata=_NUMBER)
    term_duration = rest.Coded(
        longest=4, allow_none=True, pattern=_DURATION,
        metadata={"description": "The offer's own, or left out.", "example": "P1Y"},
    )  # fmt: skip
    billing_cycle = fields.String(
        allow_none=True, validate=validate.OneOf(BILLING_CYCLES),
        metadata={"description": "Has no effect: Countersign bills nobody."},
    )  # fmt: skip
    auto_renew_enabled = rest.Flag(
        load_default=False,
        metadata={"description": "Whether it renews itself; not in Microsoft's shape, where nobody is asked."},
    )
    parent_subscription_id = Absent()
    custom_term_end_date = Absent()
    renews_to = Absent()


class OrderRequest(rest.Schema):
    """Products to be ordered at once: all of them, or none."""

    example = {"lineItems": [{"lineItemNumber": 0, "offerId": "M365-BB-12", "quantity": 5}], "billingCycle": "none"}  # fmt: skip

    line_items = fields.List(
        fields.Nested(OrderLineItemRequest), required=True, validate=validate.Length(min=1, max=MOST_LINES)
    )
    partner_on_record_attestation_accepted = rest.Flag(
        allow_none=True,
        metadata={
            "description": "True where a line names partnerIdOnRecord: that partner agreed to be named (900206)."
        },
    )
    billing_cycle = fields.String(
        allow_none=True, validate=validate.OneOf(BILLING_CYCLES),
        metadata={"description": "Has no effect: Countersign bills nobody, and answers `none`.", "example": "monthly"},
    )  # fmt: skip
    reference_customer_id = fields.UUID(
        allow_none=True, load_only=True, metadata={"description": "The customer of the address, or left out."}
    )


# --- carts -------------------------------------------------------------------------------------------------------


class CartParticipant(rest.Schema):
    """The indirect reseller of a line."""

    key = fields.String(required=True, validate=validate.OneOf(["transaction_reseller"]))
    value = rest.Coded(longest=16, shortest=1, required=True, pattern=_DIGITS, metadata=_NUMBER)


class CartLineItem(rest.Schema):
    """One product in a cart."""

    id = fields.Integer(dump_only=True, required=True)
    catalog_item_id = rest.Coded(
        longest=100,
        shortest=1,
        required=True,
        pattern=_WORD,
        metadata={"description": "See GET /v1/offers.", "example": "M365-BB-12"},
    )
    quantity = rest.Number(low=1, high=MOST_SEATS, required=True, metadata={"example": 25})
    billing_cycle = fields.String(
        allow_none=True, validate=validate.OneOf(BILLING_CYCLES),
        metadata={"description": "Has no effect: Countersign bills nobody.", "example": "monthly"},
    )  # fmt: skip
    term_duration = rest.Coded(
        longest=4, allow_none=True, pattern=_DURATION,
        metadata={"description": "The offer's own, or left out.", "example": "P1Y"},
    )  # fmt: skip
    participants = fields.List(
        fields.Nested(CartParticipant), allow_none=True, validate=validate.Length(max=1),
        metadata={"description": "The indirect reseller; more than one is not served."},
    )  # fmt: skip
    auto_renew_enabled = rest.Flag(
        load_default=False,
        metadata={"description": "Whether it renews itself; not in Microsoft's shape, where nobody is asked."},
    )
    order_group = fields.String(dump_only=True)
    addon_items = _empty()
    custom_term_end_date = Absent()
    renews_to = Absent()


class CartRequest(rest.Schema):
    """What a cart shall hold."""

    example = {"lineItems": [{"id": 0, "catalogItemId": "M365-BB-12", "quantity": 5}]}  # fmt: skip

    line_items = fields.List(
        fields.Nested(CartLineItem), required=True, validate=validate.Length(min=1, max=MOST_LINES)
    )
    partner_on_record_attestation_accepted = rest.Flag(
        allow_none=True,
        metadata={"description": "True where a line names participants: that partner agreed to be named (900206)."},
    )


class Cart(rest.Schema):
    """What is gathered for a customer before it is ordered."""

    id = fields.UUID(required=True)
    creation_timestamp = fields.DateTime(required=True)
    last_modified_timestamp = fields.DateTime(required=True)
    expiration_timestamp = fields.DateTime(required=True)
    status = fields.String(required=True, validate=validate.OneOf(["Active", "Ordered"]))
    line_items = fields.List(fields.Nested(CartLineItem), required=True)
    links = fields.Nested(rest.Links, required=True)
    attributes = fields.Nested(rest.Attributes, required=True)


class OrderError(rest.Schema):
    """Why a part of a cart was not ordered; Countersign orders all or nothing, and never answers with one."""

    order_group_id = fields.String(required=True)
    code = fields.Integer(required=True)
    description = fields.String(required=True)


class CartCheckoutResult(rest.Schema):
    """What a cart has ordered."""

    orders = fields.List(fields.Nested(Order), required=True)
    order_errors = fields.List(fields.Nested(OrderError), required=True)
    attributes = fields.Nested(rest.Attributes, required=True)
