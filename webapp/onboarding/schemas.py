"""A new customer, and the rules of addresses, as Partner Center's API has them."""

from __future__ import annotations

from typing import Any

from marshmallow import fields, validate

from webapp import rest
from webapp.customers.schemas import Customer
from webapp.organizations.schemas import Address


def _optional(longest: int, **metadata: Any) -> rest.Text:
    return rest.Text(longest=longest, load_default="", allow_none=True, metadata=metadata)


class GivenAddress(rest.Schema):
    """An address as it is sent. What is needed, and how it is written, follows from its country."""

    example = {
        "addressLine1": "1 Main Street", "city": "Redmond", "state": "WA", "postalCode": "98052", "country": "US"
    }  # fmt: skip

    country = rest.Text(
        longest=2, shortest=2, required=True, metadata={"description": "ISO 3166 alpha-2.", "example": "US"}
    )
    region = _optional(100, description="Ignored: the state stands in `state`.")
    city = _optional(100, example="Redmond")
    state = _optional(
        100, description="State, province or prefecture where the country has one: its code or name.", example="WA"
    )
    address_line1 = rest.Text(longest=200, shortest=1, required=True, metadata={"example": "1 Main Street"})
    address_line2 = _optional(200, description="Both lines together have at most 200 characters.")
    postal_code = _optional(30, example="98052")
    first_name = _optional(50, example="Kim")
    last_name = _optional(50, example="Abercrombie")
    phone_number = _optional(60, example="+1 425 555 0100")


class NewCompanyProfile(rest.Schema):
    """What is the company's alone."""

    domain = rest.Text(
        longest=253,
        shortest=4,
        required=True,
        metadata={"description": "A domain of the customer's own.", "example": "woodgrove.example"},
    )
    organization_registration_number = _optional(60, description="Needed where the country asks for one, else ignored.")


class NewBillingProfile(rest.Schema):
    """Name, contact and address of a new customer."""

    culture = _optional(20, example="en-US", description="Read where `language` is missing.")
    language = _optional(20, example="en", description="ja: Japanese; every other language: English.")
    email = rest.Text(
        longest=254,
        shortest=3,
        required=True,
        metadata={
            "description": "The first administrator's mailbox and sign-in name.",
            "example": "kim@woodgrove.example",
        },
    )
    company_name = rest.Text(longest=200, shortest=1, required=True, metadata={"example": "Woodgrove Bank"})
    first_name = _optional(50, description="Read where the address names nobody.")
    last_name = _optional(50)
    default_address = fields.Nested(GivenAddress, required=True)


class NewCustomer(rest.Schema):
    """A customer to be made."""

    example = {
        "companyProfile": {"domain": "relecloud.example"},
        "billingProfile": {
            "culture": "en-US", "email": "kim@relecloud.example", "language": "en", "companyName": "Relecloud",
            "defaultAddress": {
                "firstName": "Kim", "lastName": "Abercrombie", "addressLine1": "1 Main Street", "city": "Redmond",
                "state": "WA", "postalCode": "98052", "country": "US",
            },
        },
    }  # fmt: skip

    company_profile = fields.Nested(NewCompanyProfile, required=True)
    billing_profile = fields.Nested(NewBillingProfile, required=True)
    associated_partner_id = fields.UUID(
        load_default=None,
        allow_none=True,
        metadata={
            "description": "Indirect providers: the reseller that works with the customer. Resellers: the provider."
        },
    )
    enable_gdap_by_default = rest.Flag(
        data_key="enableGDAPByDefault",
        load_default=None,
        allow_none=True,
        metadata={"description": "Has no effect: delegated administration begins when the customer approves an offer."},
    )
    other_customers = fields.List(
        fields.UUID(),
        load_default=list,
        validate=validate.Length(max=50),
        metadata={"description": "Ours: likely duplicates that you say are other customers."},
    )


class UserCredentials(rest.Schema):
    """What the first administrator signs in with, together with a code that is mailed to it. Said once."""

    user_name = fields.String(required=True)
    password = fields.String(required=True)


class CreatedCustomer(Customer):
    """A customer that was just made."""

    enable_gdap_by_default = fields.Boolean(data_key="enableGDAPByDefault", required=True)
    user_credentials = fields.Nested(
        UserCredentials, metadata={"description": "In the first answer only: a replay of it has none."}
    )


# --- addresses ---------------------------------------------------------------------------------------------------

#: Partner Center's values; this service answers Verified, InteractionRequired, None or NotValidated.
STATUSES = (
    "VerifiedShippable", "Verified", "InteractionRequired", "StreetPartial", "PremisesPartial", "Multiple", "None",
    "NotValidated",
)  # fmt: skip


class AddressValidation(rest.Schema):
    """What the rules say of an address."""

    original_address = fields.Nested(Address, required=True)
    suggested_addresses = fields.List(fields.Nested(Address), required=True)
    status = fields.String(
        required=True,
        validate=validate.OneOf(STATUSES),
        metadata={
            "description": "Verified: it can be taken as it is. InteractionRequired: it can, and would be kept as suggested."
            " None: something is wrong with it. NotValidated: the rules know nothing of addresses in this country."
        },
    )
    validation_message = fields.String(metadata={"description": "What is wrong with which field."})


class CountryValidationRules(rest.Schema):
    """What an address in a country has."""

    iso2_code = fields.String(required=True)
    default_culture = fields.String(required=True)
    is_state_required = fields.Boolean(required=True)
    supported_states_list = fields.List(fields.String(), required=True)
    supported_languages_list = fields.List(fields.String(), required=True)
    supported_cultures_list = fields.List(fields.String(), required=True)
    is_postal_code_required = fields.Boolean(required=True)
    postal_code_regex = fields.String(required=True)
    is_city_required = fields.Boolean(required=True)
    phone_number_regex = fields.String(required=True)
    is_vat_id_supported = fields.Boolean(required=True)
    is_tax_id_supported = fields.Boolean(required=True)
    is_registration_number_supported = fields.Boolean(
        required=True, metadata={"description": "Whether a new customer there needs its registration number."}
    )
    attributes = fields.Nested(rest.Attributes, required=True)
