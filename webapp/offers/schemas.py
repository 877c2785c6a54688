"""Delegated administration as Microsoft Graph has it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import marshmallow as ma
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from marshmallow import fields, validate

from webapp import rest
from webapp.delegated_admin.roles import BY_ID
from webapp.delegated_admin.rules import NAME_LIMIT
from webapp.offers import rules

MOST = 300
USUAL = 100
PROPERTIES = (
    "id", "displayName", "duration", "customer", "accessDetails", "status", "autoExtendDuration", "createdDateTime",
    "lastModifiedDateTime", "activatedDateTime", "endDateTime",
)  # fmt: skip
_PROPERTY = f"(?:{'|'.join(PROPERTIES)})"
_GROUP = "ae12c5d4-6f0b-4a51-9a0e-0d6c1b9c2a77"


# --- fields ----------------------------------------------------------------------------------------------------


class Patterned(fields.String):
    """A text that must be like a pattern as a whole; `says` tells what is supported."""

    def __init__(self, pattern: str, says: Any, **more: Any) -> None:
        metadata = {"pattern": pattern, **more.pop("metadata", {})}
        super().__init__(metadata=metadata, **more)
        self.pattern, self.says = pattern, says

    def _deserialize(self, value: Any, attr: str | None, data: Any, **more: Any) -> str:
        text = super()._deserialize(value, attr, data, **more)
        assert text is not None
        if re.fullmatch(self.pattern.removeprefix("^").removesuffix("$"), text) is None:
            raise ma.ValidationError(str(self.says))
        return text


class Term(Patterned):
    """A duration in days, read as clients write it."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **more: Any) -> Any:
        return rules.days_of(super()._deserialize(value, attr, data, **more))


class Moment(fields.DateTime):
    """A moment in UTC, written with Z."""

    def _serialize(self, value: datetime | None, attr: str | None, obj: Any, **more: Any) -> str | None:
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z") if value is not None else None


class RoleId(fields.String):
    """The template id of a role that Countersign knows."""

    def __init__(self, **more: Any) -> None:
        super().__init__(validate=validate.OneOf(list(BY_ID)), **more)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **more: Any) -> str:
        text = super()._deserialize(value, attr, data, **more)
        assert text is not None
        return text.casefold()


# --- queries ---------------------------------------------------------------------------------------------------


class GraphQuery(rest.Schema):
    """What a request of Graph says after `?`. An option that would be ignored is refused: its caller relies on it."""

    @ma.validates_schema(pass_original=True)
    def _known(self, _values: Any, original: Any, **_more: Any) -> None:
        known = {str(each.data_key).casefold() for each in self.load_fields.values()}
        for name in original if isinstance(original, Mapping) else ():
            if str(name).startswith("$") and str(name).casefold() not in known:
                shown = ", ".join(sorted(str(each.data_key) for each in self.load_fields.values()))
                said = _("Supported: %(options)s", options=shown or "-")
                raise ma.ValidationError({str(name): [said]})


def _select() -> Patterned:
    return Patterned(
        f"^{_PROPERTY}(?:, ?{_PROPERTY}){{0,19}}$", _l("Supported: %(options)s", options=", ".join(PROPERTIES)), data_key="$select",
        metadata={"description": "The properties that are wanted, separated by commas.", "example": "id,displayName"},
    )  # fmt: skip


class RelationshipQuery(GraphQuery):
    """Which properties of one are wanted."""

    select = _select()


class PageQuery(GraphQuery):
    """How many of a list are wanted at once, and where it goes on."""

    top = rest.QueryNumber(
        low=1, high=MOST, data_key="$top", load_default=USUAL, metadata={"description": "How many at most on a page."}
    )
    skiptoken = fields.String(data_key="$skiptoken", metadata={"description": "Opaque; as `@odata.nextLink` has it."})


class RelationshipsQuery(PageQuery):
    """Which delegated administrations are wanted, and how."""

    filter = Patterned(
        rules.FILTER,
        _l(
            "Supported: %(options)s",
            options="status eq '…', customer/tenantId eq '…', displayName eq '…', startswith(displayName,'…'), and, or",
        ),
        data_key="$filter",
        metadata={
            "description": "status eq, customer/tenantId eq, displayName eq, startswith(displayName,…), up to ten of them "
            "joined by `and` (which binds tighter) and `or`, without parentheses.",
            "example": "status eq 'active'",
        },
    )  # fmt: skip
    select = _select()
    orderby = Patterned(
        f"^(?:{'|'.join(rules.ORDERS)})(?: (?:asc|desc))?$",
        _l("Supported: %(options)s", options=", ".join([*rules.ORDERS, "asc", "desc"])),
        data_key="$orderby", load_default="createdDateTime desc", metadata={"example": "displayName asc"},
    )  # fmt: skip
    count = rest.QueryFlag(
        data_key="$count", load_default=False, metadata={"description": "Whether `@odata.count` is wanted."}
    )


# --- bodies ----------------------------------------------------------------------------------------------------


class UnifiedRole(rest.Schema):
    """A role of Microsoft Entra, by its template id."""

    role_definition_id = RoleId(required=True, metadata={"example": "729827e3-9c14-49f7-bb1b-9608f156bbb8"})


class AccessDetails(rest.Schema):
    """Roles."""

    unified_roles = fields.List(fields.Nested(UnifiedRole), required=True, validate=validate.Length(min=1, max=100))


class CustomerReference(rest.Schema):
    """Whom it is for: the customer's id."""

    tenant_id = fields.UUID(required=True)


_DURATION_WORDS = "From P1D to P2Y: ISO 8601, Python's (730 days, 0:00:00) or .NET's text (730.00:00:00)."
_EXTENSION_WORDS = "P0D or PT0S: it does not extend itself. P180D: by 180 days, again and again."


class NewRelationship(rest.Schema):
    """What is prepared. Without a customer it cannot be put to anybody until one is named."""

    display_name = rest.Text(
        longest=NAME_LIMIT, shortest=1, required=True,
        metadata={"description": "Unique among your organization's.", "example": "Everyday support"},
    )  # fmt: skip
    duration = Term(
        rules.DURATION,
        _l("This must be a duration from P1D to P2Y."),
        required=True,
        metadata={"description": _DURATION_WORDS, "example": "P730D"},
    )
    customer = fields.Nested(CustomerReference)
    access_details = fields.Nested(AccessDetails, required=True)
    auto_extend_duration = Term(
        rules.EXTENSION, _l("This must be P0D, PT0S or P180D."), load_default=0,
        metadata={"description": _EXTENSION_WORDS, "default": "PT0S"},
    )  # fmt: skip


class RelationshipChanges(rest.Schema):
    """What is changed; what is left out stays."""

    example = {"displayName": "Everyday support, second half", "autoExtendDuration": "P180D"}  # fmt: skip

    display_name = rest.Text(longest=NAME_LIMIT, shortest=1)
    duration = Term(
        rules.DURATION, _l("This must be a duration from P1D to P2Y."), metadata={"description": _DURATION_WORDS}
    )
    customer = fields.Nested(CustomerReference)
    access_details = fields.Nested(AccessDetails)
    auto_extend_duration = Term(
        rules.EXTENSION, _l("This must be P0D, PT0S or P180D."), metadata={"description": _EXTENSION_WORDS}
    )


class NewRelationshipRequest(rest.Schema):
    """What is asked to happen."""

    action = fields.String(
        required=True, validate=validate.OneOf(["lockForApproval", "terminate", "approve", "reject"]),
        metadata={"description": "lockForApproval or terminate; approve and reject are always refused."},
    )  # fmt: skip


class AccessContainer(rest.Schema):
    """A security group of the partner."""

    access_container_id = fields.UUID(required=True, metadata={"example": _GROUP})
    access_container_type = fields.String(required=True, validate=validate.OneOf(["securityGroup"]))


class NewAccessAssignment(rest.Schema):
    """Which group is to use which roles."""

    access_container = fields.Nested(AccessContainer, required=True)
    access_details = fields.Nested(AccessDetails, required=True)


class AccessAssignmentChanges(rest.Schema):
    """The roles that the group is to use from now on."""

    access_details = fields.Nested(AccessDetails, required=True)


# --- answers ---------------------------------------------------------------------------------------------------


class Participant(rest.Schema):
    """The customer."""

    tenant_id = fields.UUID(required=True)
    display_name = fields.String(required=True)


class ListedRelationship(rest.Schema):
    """A delegated administration, or the properties of it that were selected."""

    etag = fields.String(data_key="@odata.etag", required=True)
    id = fields.UUID()
    display_name = fields.String()
    duration = fields.String()
    customer = fields.Nested(Participant, allow_none=True)
    access_details = fields.Nested(AccessDetails)
    status = fields.String(validate=validate.OneOf(rules.GRAPH_STATUSES))
    auto_extend_duration = fields.String()
    created_date_time = Moment()
    last_modified_date_time = Moment()
    activated_date_time = Moment(allow_none=True)
    end_date_time = Moment(allow_none=True)


class SelectedRelationship(ListedRelationship):
    """One delegated administration, or the properties of it that were selected."""

    context = fields.String(data_key="@odata.context", required=True)


class DelegatedAdminRelationship(rest.Schema):
    """A delegated administration: prepared, offered, in force, or over."""

    context = fields.String(data_key="@odata.context", required=True)
    etag = fields.String(data_key="@odata.etag", required=True)
    id = fields.UUID(required=True)
    display_name = fields.String(required=True)
    duration = fields.String(required=True)
    customer = fields.Nested(Participant, required=True, allow_none=True)
    access_details = fields.Nested(AccessDetails, required=True)
    status = fields.String(required=True, validate=validate.OneOf(rules.GRAPH_STATUSES))
    auto_extend_duration = fields.String(required=True)
    created_date_time = Moment(required=True)
    last_modified_date_time = Moment(required=True)
    activated_date_time = Moment(required=True, allow_none=True)
    end_date_time = Moment(required=True, allow_none=True)


class ListedRequest(rest.Schema):
    """Something that the partner asked to happen, and that happened."""

    id = fields.UUID(required=True)
    action = fields.String(required=True, validate=validate.OneOf(["lockForApproval", "terminate"]))
    status = fields.String(required=True, validate=validate.OneOf(["created", "pending", "succeeded", "failed"]))
    created_date_time = Moment(required=True)
    last_modified_date_time = Moment(required=True)


class DelegatedAdminRelationshipRequest(ListedRequest):
    """One request."""

    context = fields.String(data_key="@odata.context", required=True)


class ListedAssignment(rest.Schema):
    """Which group is to use which roles: kept and told again, without effect."""

    etag = fields.String(data_key="@odata.etag", required=True)
    id = fields.UUID(required=True)
    status = fields.String(
        required=True, validate=validate.OneOf(["pending", "active", "deleting", "deleted", "error"])
    )
    access_container = fields.Nested(AccessContainer, required=True)
    access_details = fields.Nested(AccessDetails, required=True)
    created_date_time = Moment(required=True)
    last_modified_date_time = Moment(required=True)


class DelegatedAdminAccessAssignment(ListedAssignment):
    """One access assignment."""

    context = fields.String(data_key="@odata.context", required=True)


class ListedOperation(rest.Schema):
    """A role that the partner took back, as Graph tells of it: an operation, which is done."""

    id = fields.UUID(required=True)
    operation_type = fields.String(required=True, validate=validate.OneOf(["delegatedAdminRelationshipUpdate"]))
    data = fields.String(required=True, metadata={"description": "JSON: the roles that went."})
    status = fields.String(required=True, validate=validate.OneOf(["succeeded"]))
    created_date_time = Moment(required=True)
    last_modified_date_time = Moment(required=True)


class DelegatedAdminRelationshipOperation(ListedOperation):
    """One operation."""

    context = fields.String(data_key="@odata.context", required=True)


def _collection_of(item: type[rest.Schema], name: str) -> type[rest.Schema]:
    """The shape of a list as Graph has it."""
    return type(
        name,
        (rest.Schema,),
        {
            "__doc__": "A list; `@odata.nextLink` is there while it goes on.",
            "context": fields.String(data_key="@odata.context", required=True),
            "count": fields.Integer(data_key="@odata.count"),
            "following": fields.String(data_key="@odata.nextLink"),
            "value": fields.List(fields.Nested(item), required=True),
        },
    )


DelegatedAdminRelationships = _collection_of(ListedRelationship, "DelegatedAdminRelationships")
DelegatedAdminRelationshipRequests = _collection_of(ListedRequest, "DelegatedAdminRelationshipRequests")
DelegatedAdminAccessAssignments = _collection_of(ListedAssignment, "DelegatedAdminAccessAssignments")
DelegatedAdminRelationshipOperations = _collection_of(ListedOperation, "DelegatedAdminRelationshipOperations")
