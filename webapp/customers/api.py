"""The API of a partner's customers: the list, one customer, ending what binds the partner to it."""

from __future__ import annotations

import hmac
from typing import Any
from uuid import UUID

from flask import current_app, request
from flask_babel import gettext as _

from webapp import actor as actors
from webapp import pages, rest, tokens
from webapp.access import Permission
from webapp.actor import Actor
from webapp.customers import actions, queries, schemas
from webapp.customers.models import Overview
from webapp.customers.queries import Profile, Sought
from webapp.errors import Forbidden
from webapp.organizations import queries as organizations
from webapp.organizations.schemas import PROVIDER_OF, RESELLER_OF, PartnerRelationshipCollection, partner_relationship
from webapp.relationships import queries as relationships

blueprint = rest.Blueprint("customers_api", __name__, description="A partner's customers.")

_SOUGHT_BY = {
    "CompanyName": "name",
    "Domain": "domain",
    "IndirectReseller": "reseller",
    "IndirectCloudSolutionProvider": "provider",
}

# --- the list ----------------------------------------------------------------------------------------------------


@rest.operation(
    blueprint, "GET", "/v1/customers", Permission.READ_CUSTOMERS,
    query=schemas.CustomersQuery, answers=schemas.CustomerSummaryCollection, paged=True,
)  # fmt: skip
def list_customers(query: dict[str, Any]) -> dict[str, Any]:
    """List your customers, by name.

    These are the customers that your pages show: whom you created, invited, sell to or administer, and whom you did. Names are
    compared without letter case, width and legal form; `starts_with` means the beginning of the name or of the first domain.
    A list filtered by domain is in the order of domains. IndirectReseller and IndirectCloudSolutionProvider take the whole
    identifier of a partner with either operator.

    Where there are more, `links.next` says where: the same address with `seekOperation=Next`, and a header
    `MS-ContinuationToken`, which stands in `continuationToken` as well. A token belongs to your organization and to its
    filter; any other is refused with 400. `totalCount` counts no further than 1,001, which means "more than 1,000".
    """
    actor, sought = actors.signed_in(), _sought(query["filter"])
    size = query["size"] or queries.PAGE
    after = None if query["seek_operation"].casefold() == "first" else _place(actor, sought)
    found, more, count = queries.listed_for(actor, sought, size=size, after=after)
    following = _token(actor, sought, found[-1]) if more else ""
    return rest.collection([schemas.summary(row) for row in found], total=count, following=following)


def _sought(given: Any) -> Sought | None:
    if given is None:
        return None
    by = _SOUGHT_BY[given.field]
    if by in {"reseller", "provider"}:
        try:
            return Sought(by, str(UUID(given.text)), whole=True)
        except ValueError:
            raise rest.ApiError(400, 2000, _("The filter's value must be a GUID."), "filter.Value") from None
    return Sought(by, given.text, given.whole)


def _seal(actor: Actor, sought: Sought | None, value: str, id_: str, key_id: str) -> str:
    """What only this service can say of a place in this list of this partner."""
    parts = (str(actor.organization_id), repr(sought), value, id_)
    return tokens.keyed_digest("\0".join(parts), about="a place in customers", key_id=key_id)[:32]


def _token(actor: Actor, sought: Sought | None, last: Any) -> str:
    value = last.domain if sought is not None and sought.sort == "domain" else last.name_key
    key_id, id_ = next(iter(current_app.config["KEYS"])), str(last.customer_id)
    return pages.cursor(key_id, value, id_, _seal(actor, sought, value, id_, key_id))


def _place(actor: Actor, sought: Sought | None) -> tuple[str, UUID]:
    """The place that the header names. Raises ApiError for none, and for one of another list."""
    word = request.headers.get("MS-ContinuationToken", "")
    if not word:  # the first page again would be a list without end
        raise rest.ApiError(400, 2000, _("seekOperation=Next needs the header MS-ContinuationToken."))
    values = pages.read_cursor(word, 4)
    if values is not None and values[0] in current_app.config["KEYS"]:
        key_id, value, id_, sealed = values
        if hmac.compare_digest(_seal(actor, sought, value, id_, key_id).encode(), sealed.encode()):
            return value, UUID(id_)
    raise rest.ApiError(400, 2000, _("This continuation token is none of this list."), "MS-ContinuationToken")


# --- one customer ------------------------------------------------------------------------------------------------


def _versioned(found: dict[str, Any]) -> tuple[dict[str, Any], int, dict[str, str]]:
    return found, 200, {"ETag": rest.quoted(found["attributes"]["etag"])}


@rest.operation(
    blueprint, "GET", "/v1/customers/<guid:customer_id>", Permission.READ_CUSTOMERS, on=queries.customer_for,
    answers=schemas.Customer, versioned=True,
)  # fmt: skip
def get_customer(overview: Overview) -> tuple[dict[str, Any], int, dict[str, str]]:
    """Read one customer.

    A customer that your partner does not see is answered with 404 / 1000 (Partner Center: 403), so that nobody learns who
    uses this service.
    """
    return _versioned(schemas.shown(overview))


@rest.operation(
    blueprint, "GET", "/v1/customers/<guid:customer_id>/profiles/company", Permission.READ_CUSTOMERS,
    on=queries.customer_for, answers=schemas.CustomerCompanyProfile,
)  # fmt: skip
def get_company_profile(overview: Overview) -> dict[str, Any]:
    """Read a customer's name and domain."""
    return schemas.company_profile(overview, queries.profile_of(overview))


@rest.operation(
    blueprint, "GET", "/v1/customers/<guid:customer_id>/profiles/billing", Permission.READ_CUSTOMERS,
    on=queries.profile_for, answers=schemas.CustomerBillingProfile, versioned=True,
)  # fmt: skip
def get_billing_profile(profile: Profile) -> tuple[dict[str, Any], int, dict[str, str]]:
    """Read a customer's address and first administrator.

    404 / 1000 where your partner sees nothing but history. The profile is the customer's own: it cannot be changed here.
    """
    return _versioned(schemas.billing_profile(profile))


@rest.operation(
    blueprint, "GET", "/v1/customers/<guid:customer_id>/relationships", Permission.READ_CUSTOMERS,
    on=queries.customer_for, answers=PartnerRelationshipCollection,
)  # fmt: skip
def customer_relationships(overview: Overview) -> dict[str, Any]:
    """List the partners beside you in your relationships with a customer.

    An indirect provider sees the indirect resellers that work with the customer through it, an indirect reseller its
    providers. Partners that have nothing to do with yours are never listed.
    """
    own_id = actors.signed_in().organization_id
    found: dict[UUID, str] = {}
    for row in relationships.open_with_partner(overview.customer_id, own_id):
        if row.reseller_id is not None:
            other, kind = (row.reseller_id, PROVIDER_OF) if row.partner_id == own_id else (row.partner_id, RESELLER_OF)
            found[other] = kind
    others = organizations.partners_named(found)
    return rest.collection(
        [partner_relationship(each.id, each.name, each.partner_number, each.country, found[each.id]) for each in others]
    )


# --- ending ------------------------------------------------------------------------------------------------------


@rest.operation(
    blueprint, "PATCH", "/v1/customers/<guid:customer_id>", Permission.END_RELATIONSHIPS, on=queries.customer_for,
    body=schemas.CustomerChange, answers=schemas.Customer, versioned=True,
)  # fmt: skip
def change_customer(overview: Overview, body: dict[str, Any]) -> tuple[dict[str, Any], int, dict[str, str]]:
    """End what binds you to a customer.

    `relationshipToPartner: "none"` ends every reseller relationship of your partner with the customer, at once, as the page
    does; both sides are told by mail, and delegated administration ends with the last one. While something bought through it
    is active the answer is 409 / 800060. An indirect reseller may end it as well (Partner Center: only the provider).
    `allowDelegatedAccess: false` ends your delegated administration there and leaves open offers alone. What is so already
    changes nothing.
    """
    actor, wanted, delegated = actors.signed_in(), body["relationship_to_partner"], body["allow_delegated_access"]
    now = schemas.shown(overview)
    if wanted not in {None, "none", now["relationship_to_partner"]}:
        said = _("A relationship begins when the customer accepts an invitation: here it can only end.")
        raise rest.ApiError(409, 800060, said, "relationshipToPartner")
    if delegated and not now["allow_delegated_access"]:
        said = _("Delegated administration is granted by the customer: offer it.")
        raise rest.ApiError(409, 800060, said, "allowDelegatedAccess")
    if delegated is False and not actor.may(Permission.OFFER_DELEGATED_ADMIN):
        raise Forbidden(permission=Permission.OFFER_DELEGATED_ADMIN, roles=())

    def check(fresh: Overview) -> None:
        rest.check_version(schemas.shown(fresh)["attributes"]["etag"])

    left = actions.leave(
        overview, by=actor, relationships_too=wanted == "none", delegated_too=delegated is False, check=check
    )
    return _versioned(schemas.shown(left))


@rest.operation(
    blueprint, "DELETE", "/v1/customers/<guid:customer_id>/CustomerPartnerRelationships/reseller",
    Permission.END_RELATIONSHIPS, on=queries.customer_for, status=204,
)  # fmt: skip
def end_reseller_relationship(overview: Overview) -> None:
    """End your reseller relationships with a customer.

    The same as `PATCH /v1/customers/{id}` with `relationshipToPartner: "none"`, for programs that call it so.
    """
    actions.leave(
        overview, by=actors.signed_in(), relationships_too=True, delegated_too=False, check=lambda _fresh: None
    )
