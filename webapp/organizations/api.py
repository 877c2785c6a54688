"""The API of partners: profiles, and who works with whom."""

from __future__ import annotations

from typing import Any

from flask_babel import gettext as _

from webapp import actor as actors
from webapp import rest
from webapp.access import Permission
from webapp.organizations import queries, rules, schemas
from webapp.organizations.models import Organization

blueprint = rest.Blueprint("organizations_api", __name__, description="Partners and their profiles.")


def _own() -> Organization:
    found = queries.partner_by_id(actors.signed_in().organization_id)
    assert found is not None  # only partners have tokens
    return found


@rest.operation(
    blueprint, "GET", "/v1/profiles/mpn", Permission.USE_API,
    query=schemas.MpnQuery, answers=schemas.MpnProfile, refuses=(404,),
)  # fmt: skip
def partner_by_number(query: dict[str, Any]) -> dict[str, Any]:
    """Find a partner by its number.

    Without `mpnId` it is your own profile. A number that no partner has, or whose partner no longer works here, is answered
    with 404 / 3000.
    """
    return _mpn_profile(query["mpn_id"])


@rest.operation(
    blueprint, "GET", "/v1/profiles/partnernetworkprofile", Permission.USE_API,
    query=schemas.MpnQuery, answers=schemas.MpnProfile, refuses=(404,),
)  # fmt: skip
def partner_network_profile(query: dict[str, Any]) -> dict[str, Any]:
    """Find a partner by its number.

    The same as `GET /v1/profiles/mpn`, for programs that ask so.
    """
    return _mpn_profile(query["mpn_id"])


def _mpn_profile(number: str) -> dict[str, Any]:
    found = queries.partner_by_number(number) if number else _own()
    if found is None or not found.is_open:
        raise rest.ApiError(404, 3000, _("There is no partner with this number."), "mpnId")
    return {
        "mpn_id": found.partner_number or "",
        "partner_name": found.name,
        "profile_type": "mpn_profile",
        "attributes": rest.attributes("MpnProfile"),
    }


@rest.operation(
    blueprint, "GET", "/v1/profiles/organization", Permission.USE_API, answers=schemas.OrganizationProfile,
    versioned=True,
)  # fmt: skip
def own_organization() -> tuple[dict[str, Any], int, dict[str, str]]:
    """Read your own organization's profile.

    It is changed by the operator, not through the API.
    """
    own = _own()
    shown: dict[str, Any] = {
        "id": own.id,
        "tenant_id": own.id,
        "company_name": own.name,
        "default_address": queries.address_of(own),
        "domain": next((each.name for each in queries.domains_of(own.id)), ""),
        "email": own.contact_address or "",
        "language": own.language,
        "culture": rules.culture_of(own.language),
        "profile_type": "organization_profile",
    }
    etag = rest.etag_of(shown)
    return shown | {"attributes": rest.attributes("OrganizationProfile", etag)}, 200, {"ETag": rest.quoted(etag)}


@rest.operation(
    blueprint, "GET", "/v1/relationships", Permission.READ_CUSTOMERS,
    query=schemas.RelationshipsQuery, answers=schemas.PartnerRelationshipCollection,
)  # fmt: skip
def partner_relationships(query: dict[str, Any]) -> dict[str, Any]:
    """List the partners that yours works with.

    An indirect provider sees its indirect resellers, an indirect reseller its indirect providers, as they are confirmed now;
    a direct-bill partner has none. The whole list is one page.
    """
    own_id, wanted = actors.signed_in().organization_id, query["relationship_type"].casefold()
    found: list[dict[str, Any]] = []
    if wanted != schemas.AS_RESELLER:
        found += [_with(each, schemas.PROVIDER_OF) for each in queries.resellers_of(own_id)]
    if wanted != schemas.AS_PROVIDER:
        found += [_with(each, schemas.RESELLER_OF) for each in queries.providers_of(own_id)]
    sought: schemas.Sought | None = query["filter"]
    if sought is not None:
        key = rules.name_key(sought.text)
        names = [(rules.name_key(each["name"]), each) for each in found]
        found = [each for name, each in names if name == key or (not sought.whole and name.startswith(key))]
    return rest.collection(found)


def _with(other: Organization, kind: str) -> dict[str, Any]:
    return schemas.partner_relationship(other.id, other.name, other.partner_number, other.country, kind)
