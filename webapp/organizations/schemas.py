"""Addresses, profiles and pairings as Partner Center's API has them, and its filter in an address."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from flask_babel import gettext as _
from marshmallow import fields, validate

from webapp import rest
from webapp.forms import clean, unreadable

# --- the filter --------------------------------------------------------------------------------------------------

LONGEST_FILTER = 2000


@dataclass(frozen=True)
class Sought:
    """What a filter asks for: the field in the API's spelling, the text, and whether it is the whole or a beginning."""

    field: str
    text: str
    whole: bool


class FieldFilter(fields.String):
    """`{"Field": "…", "Value": "…", "Operator": "starts_with"}` as JSON in an address: names of fields, keys and operators in
    any letter case, with or without underscores."""

    def __init__(self, names: Collection[str], **more: Any) -> None:
        metadata = {
            "description": f"JSON: Field is one of {', '.join(names)}; Operator is starts_with or equals; letter case does not"
            " matter.",
            "maxLength": LONGEST_FILTER,
        } | more.pop("metadata", {})
        super().__init__(metadata=metadata, **more)
        self.names = {_bare(each): each for each in names}

    def _deserialize(self, value: Any, attr: str | None, data: Any, **more: Any) -> Any:
        text = super()._deserialize(value, attr, data, **more)
        assert text is not None
        if len(text) > LONGEST_FILTER:
            raise self.make_error("invalid")
        try:
            found = rest.read_json(text.encode("utf-8", "surrogatepass"))
        except rest.ApiError:
            raise rest.ApiError(400, 2000, _("The filter is not JSON."), attr or "filter") from None
        if not isinstance(found, dict):
            raise self.make_error("invalid")
        parts = {_bare(str(key)): each for key, each in found.items()}
        name, sought, operator = (parts.get(each) for each in ("field", "value", "operator"))
        if _bare(str(operator)) not in {"startswith", "equals"}:
            said = _("Customer search only allows starts with and equals operation.")
            raise rest.ApiError(400, 2000, said, "filter.Operator")
        if _bare(str(name)) not in self.names:
            raise rest.ApiError(400, 2000, _("This field cannot be searched by."), f"filter.Field: {name}"[:200])
        if not isinstance(sought, str) or not clean(sought) or unreadable(sought):
            raise rest.ApiError(400, 2000, _("The filter has no value that can be searched for."), "filter.Value")
        return Sought(self.names[_bare(str(name))], clean(sought), _bare(str(operator)) == "equals")


def _bare(name: str) -> str:
    return re.sub("[_ ]", "", name).casefold()


# --- addresses and profiles --------------------------------------------------------------------------------------


class Address(rest.Schema):
    """An address, and whom to ask for there."""

    country = fields.String(required=True, metadata={"description": "ISO 3166 alpha-2.", "example": "US"})
    city = fields.String(required=True)
    state = fields.String(required=True, metadata={"description": "State, province or prefecture; may be empty."})
    address_line1 = fields.String(
        required=True,
        metadata={"description": "The whole street address: a second line that was given stands here too."},
    )
    postal_code = fields.String(required=True)
    first_name = fields.String()
    last_name = fields.String()
    phone_number = fields.String()


class MpnQuery(rest.Schema):
    """Whose profile."""

    mpn_id = rest.Text(
        longest=16, load_default="", metadata={"description": "The partner's number; without it your own."}
    )


class MpnProfile(rest.Schema):
    """A partner by its number."""

    mpn_id = fields.String(required=True)
    partner_name = fields.String(required=True)
    profile_type = fields.String(required=True)
    attributes = fields.Nested(rest.Attributes, required=True)


class OrganizationProfile(rest.Schema):
    """The partner's own organization."""

    id = fields.UUID(required=True)
    tenant_id = fields.UUID(required=True)
    company_name = fields.String(required=True)
    default_address = fields.Nested(Address, required=True)
    domain = fields.String(required=True)
    email = fields.String(required=True)
    language = fields.String(required=True)
    culture = fields.String(required=True)
    profile_type = fields.String(required=True)
    attributes = fields.Nested(rest.Attributes, required=True)


# --- partners that work together ---------------------------------------------------------------------------------

PROVIDER_OF, RESELLER_OF = "is_indirect_cloud_solution_provider_of", "is_indirect_reseller_of"
_TYPES = ("IsIndirectCloudSolutionProviderOf", "IsIndirectResellerOf", "None")
#: The two in one letter case.
AS_PROVIDER, AS_RESELLER = _TYPES[0].casefold(), _TYPES[1].casefold()


class RelationshipsQuery(rest.Schema):
    """Which of them."""

    relationship_type = fields.String(
        data_key="relationship_type",
        load_default="None",
        validate=validate.OneOf([*_TYPES, *(each[0].lower() + each[1:] for each in _TYPES)]),
        metadata={
            "description": "Your place: IsIndirectCloudSolutionProviderOf lists your indirect resellers, IsIndirectResellerOf"
            " your indirect providers; None, or nothing, lists both."
        },
    )
    filter = FieldFilter(
        ["Name"],
        load_default=None,
        metadata={
            "pattern": r'^\{"Field":"Name","Value":"[A-Za-z0-9][A-Za-z0-9 ]{0,20}","Operator":"(starts_with|equals)"\}$'
        },
    )


class PartnerRelationship(rest.Schema):
    """A partner that works with yours."""

    id = fields.UUID(required=True, metadata={"description": "The other partner."})
    name = fields.String(required=True)
    relationship_type = fields.String(
        required=True,
        validate=validate.OneOf([PROVIDER_OF, RESELLER_OF]),
        metadata={"description": "What your partner is to the other one."},
    )
    state = fields.String(required=True, validate=validate.OneOf(["Active"]))
    mpn_id = fields.String(required=True)
    location = fields.String(required=True, metadata={"description": "Country, ISO 3166 alpha-2.", "example": "US"})
    attributes = fields.Nested(rest.Attributes, required=True)


def partner_relationship(id_: UUID, name: str, number: str | None, country: str, kind: str) -> dict[str, Any]:
    """What a PartnerRelationship is made of; `kind` is what the caller's partner is to the other one."""
    return {
        "id": id_,
        "name": name,
        "relationship_type": kind,
        "state": "Active",
        "mpn_id": number or "",
        "location": country,
        "attributes": rest.attributes("PartnerRelationship"),
    }


PartnerRelationshipCollection = rest.collection_of(PartnerRelationship)
