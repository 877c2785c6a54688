"""Customers as Partner Center's API has them."""

from __future__ import annotations

from typing import Any

from marshmallow import fields, validate

from webapp import clock, rest
from webapp.customers import queries, rules
from webapp.customers.models import Overview
from webapp.customers.queries import Profile
from webapp.organizations import queries as organizations
from webapp.organizations.rules import culture_of
from webapp.organizations.schemas import Address, FieldFilter

#: As Partner Center knows them; this service says "reseller" or "none".
RELATIONSHIPS = ("unknown", "reseller", "advisor", "syndication", "microsoft_support", "none")
_SEARCHED = ("CompanyName", "Domain", "IndirectReseller", "IndirectCloudSolutionProvider")
_GUID = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_OPERATOR = r'"Operator":"(starts_with|equals)"'


class CustomersQuery(rest.Schema):
    """Which of them, and how many at once."""

    size = rest.QueryNumber(
        low=0,
        high=500,
        load_default=0,
        metadata={"description": "Customers on a page, at most 500; 0 or nothing: 40."},
    )
    filter = FieldFilter(
        _SEARCHED,
        load_default=None,
        metadata={
            "pattern": rf'^\{{"Field":"(CompanyName|Domain)","Value":"[a-z0-9]{{1,20}}",{_OPERATOR}\}}$'
            rf'|^\{{"Field":"Indirect(Reseller|CloudSolutionProvider)","Value":"{_GUID}",{_OPERATOR}\}}$',
            "example": '{"Field":"CompanyName","Value":"cont","Operator":"starts_with"}',
        },
    )
    seek_operation = fields.String(
        load_default="First",
        validate=validate.OneOf(["First", "Next", "first", "next"]),
        metadata={"description": "Next, with the header MS-ContinuationToken, asks for the page that follows."},
    )


class CustomerCompanyProfile(rest.Schema):
    """What everybody who sees the customer reads of it."""

    tenant_id = fields.UUID(required=True)
    domain = fields.String(required=True, metadata={"description": "The first of its domains by name; may be empty."})
    company_name = fields.String(required=True)
    organization_registration_number = fields.String(
        metadata={"description": "Where its country asks for one, and only where the profile is seen."}
    )
    attributes = fields.Nested(rest.Attributes, required=True)


class CustomerBillingProfile(rest.Schema):
    """Name, address and first administrator of a customer."""

    id = fields.UUID(required=True)
    email = fields.String(required=True, metadata={"description": "Empty while nobody administers the customer."})
    first_name = fields.String(required=True)
    last_name = fields.String(required=True)
    culture = fields.String(required=True)
    language = fields.String(required=True)
    company_name = fields.String(required=True)
    default_address = fields.Nested(Address, required=True)
    attributes = fields.Nested(rest.Attributes, required=True)


class CustomerSummary(rest.Schema):
    """A customer in the list."""

    id = fields.UUID(required=True)
    company_profile = fields.Nested(CustomerCompanyProfile, required=True)
    relationship_to_partner = fields.String(required=True, validate=validate.OneOf(["reseller", "none"]))
    attributes = fields.Nested(rest.Attributes, required=True)


CustomerSummaryCollection = rest.collection_of(CustomerSummary)


class Customer(rest.Schema):
    """A customer."""

    id = fields.UUID(required=True)
    commerce_id = fields.UUID(required=True, metadata={"description": "The same as `id`."})
    company_profile = fields.Nested(CustomerCompanyProfile, required=True)
    billing_profile = fields.Nested(
        CustomerBillingProfile,
        metadata={"description": "Left out once nothing binds you to the customer any more: history alone is left."},
    )
    relationship_to_partner = fields.String(
        required=True,
        validate=validate.OneOf(["reseller", "none"]),
        metadata={"description": "none: invited, or ended."},
    )
    allow_delegated_access = fields.Boolean(
        required=True, metadata={"description": "Whether your partner holds delegated roles at the customer now."}
    )
    associated_partner_id = fields.UUID(
        metadata={
            "description": "The indirect reseller (or, for a reseller, the provider) beside you in the relationship."
        }
    )
    custom_domains = fields.List(
        fields.String(), metadata={"description": "All domains of the customer's profile, where the profile is seen."}
    )
    attributes = fields.Nested(rest.Attributes, required=True)


class CustomerChange(rest.Schema):
    """What can be changed of a customer. A whole customer may be sent: everything else is ignored."""

    example = {"relationshipToPartner": "none"}  # fmt: skip

    relationship_to_partner = fields.String(
        load_default=None,
        allow_none=True,
        validate=validate.OneOf(RELATIONSHIPS),
        metadata={"description": "none ends your relationships with the customer; what it is already changes nothing."},
    )
    allow_delegated_access = rest.Flag(
        load_default=None,
        allow_none=True,
        metadata={
            "description": "false ends your delegated administration there; true is granted by the customer alone."
        },
    )


# --- what the shapes are made of ---------------------------------------------------------------------------------


def _company(row: Any) -> dict[str, Any]:
    return {
        "tenant_id": row.customer_id,
        "domain": row.domain,
        "company_name": row.name,
        "attributes": rest.attributes("CustomerCompanyProfile"),
    }


def _relationship(row: Any) -> str:
    return "reseller" if row.relationship_state == "current" else "none"


def summary(row: Any) -> dict[str, Any]:
    """What the shape CustomerSummary is made of: a row of the list."""
    return {
        "id": row.customer_id,
        "company_profile": _company(row),
        "relationship_to_partner": _relationship(row),
        "attributes": rest.attributes("Customer"),
    }


def shown(overview: Overview) -> dict[str, Any]:
    """A customer as its partner sees it now: what the shape Customer is made of."""
    profile = queries.profile_of(overview)
    delegated = rules.present_delegated(overview.delegated_state, overview.delegated_ends_at, clock.now())
    found: dict[str, Any] = {
        "id": overview.customer_id,
        "commerce_id": overview.customer_id,
        "company_profile": company_profile(overview, profile),
        "relationship_to_partner": _relationship(overview),
        "allow_delegated_access": delegated == "active",
    }
    if profile is not None:
        found |= {"billing_profile": billing_profile(profile), "custom_domains": list(profile.domains)}
    if overview.other_partner_id is not None:
        found["associated_partner_id"] = overview.other_partner_id
    return found | {"attributes": rest.attributes("Customer", rest.etag_of(found))}


def company_profile(overview: Overview, profile: Profile | None) -> dict[str, Any]:
    """What the shape CustomerCompanyProfile is made of."""
    number = profile.customer.registration_number if profile is not None else ""
    return _company(overview) | ({"organization_registration_number": number} if number else {})


def billing_profile(profile: Profile) -> dict[str, Any]:
    """What the shape CustomerBillingProfile is made of."""
    customer, contact = profile.customer, profile.contact
    names = {
        "first_name": contact.given_name if contact is not None else "",
        "last_name": contact.family_name if contact is not None else "",
    }
    found: dict[str, Any] = {
        "id": customer.id,
        "email": contact.address if contact is not None else "",
        "culture": culture_of(customer.language),
        "language": customer.language,
        "company_name": customer.name,
        "default_address": organizations.address_of(customer) | names,
    } | names
    return found | {"attributes": rest.attributes("CustomerBillingProfile", rest.etag_of(found))}
