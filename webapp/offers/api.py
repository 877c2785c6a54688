"""Delegated administration in Microsoft Graph's shapes, on the same actions and refusals as the pages."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from flask import current_app, request
from flask_babel import gettext as _

from webapp import actor as actors
from webapp import pages, rest
from webapp.access import Permission
from webapp.actor import Actor
from webapp.customers import queries as customers
from webapp.delegated_admin import actions as delegated_actions
from webapp.delegated_admin import queries as delegated_admin
from webapp.delegated_admin import rules as delegated_rules
from webapp.delegated_admin.models import AccessAssignment, DelegatedAct, DelegatedDraft, DelegatedRelationship
from webapp.offers import actions, queries, rules, schemas

blueprint = rest.Blueprint(
    "offers_api", __name__, description="Delegated administration, as Microsoft Graph has it under tenantRelationships."
)
ROOT = "/v1.0/tenantRelationships/delegatedAdminRelationships"
ONE = f"{ROOT}/<guid:relationship_id>"
READ, OFFER = Permission.READ_DELEGATED_ADMIN, Permission.OFFER_DELEGATED_ADMIN

Made = DelegatedRelationship | DelegatedDraft


# --- addresses and versions ------------------------------------------------------------------------------------


def _address(*parts: object) -> str:
    """The absolute address of a resource below all delegated administrations."""
    return "/".join([f"{current_app.config['PUBLIC_URL']}{ROOT}", *map(str, parts)])


def _context(rest_of_it: str) -> str:
    path = f"/v1.0/$metadata#tenantRelationships/delegatedAdminRelationships{rest_of_it}"
    return f"{current_app.config['PUBLIC_URL']}{path}"


def _version(entry: queries.Entry) -> str:
    return rest.etag_of(
        entry.id, entry.state, entry.name, entry.customer_id, entry.roles, entry.duration_days, entry.auto_extends,
        entry.changed_at, entry.ends_at,
    )  # fmt: skip


def _version_of(assignment: AccessAssignment) -> str:
    return rest.etag_of(assignment.id, assignment.roles, assignment.changed_at)


def _roles(roles: Any) -> dict[str, Any]:
    return {"unified_roles": [{"role_definition_id": role} for role in roles]}


def _role_ids(details: dict[str, Any]) -> list[str]:
    return [each["role_definition_id"] for each in details["unified_roles"]]


def _shown(entry: queries.Entry, select: str = "") -> dict[str, Any]:
    """A delegated administration as Graph has it, all of it or the selected properties."""
    found = {
        "id": entry.id, "display_name": entry.name, "duration": rules.duration_text(entry.duration_days),
        "customer": {"tenant_id": entry.customer_id, "display_name": entry.customer} if entry.customer_id else None,
        "access_details": _roles(entry.roles), "status": rules.GRAPH_STATUS[entry.state],
        "auto_extend_duration": "P180D" if entry.auto_extends else "PT0S", "created_date_time": entry.created_at,
        "last_modified_date_time": entry.changed_at, "activated_date_time": entry.activated_at,
        "end_date_time": entry.ends_at,
    }  # fmt: skip
    wanted = {each.strip() for each in select.split(",")} if select else set(schemas.PROPERTIES)
    kept = zip(found.items(), _NAMES, strict=True)
    return {name: value for (name, value), graph in kept if graph in wanted} | {"etag": rest.quoted(_version(entry))}


#: Graph's names of the properties, in the order of `_shown`.
_NAMES = (
    "id", "displayName", "duration", "customer", "accessDetails", "status", "autoExtendDuration", "createdDateTime",
    "lastModifiedDateTime", "activatedDateTime", "endDateTime",
)  # fmt: skip


def _answer(found: Made, select: str = "") -> tuple[dict[str, Any], dict[str, str]]:
    """One as it is now, with its headers."""
    entry = queries.entry_of(found)
    return _shown(entry, select) | {"context": _context("/$entity")}, {"ETag": rest.quoted(_version(entry))}


# --- paging ----------------------------------------------------------------------------------------------------


def _next_link(token: str) -> str:
    """The absolute address of the next page: this one's options, and where it goes on."""
    kept = [(key, value) for key, value in request.args.items(multi=True) if key.casefold() != "$skiptoken"]
    options = urlencode([*kept, ("$skiptoken", token)], safe="$")
    return f"{current_app.config['PUBLIC_URL']}{request.path}?{options}"


def _place(token: str, order: str) -> tuple[datetime | str, UUID] | None:
    """Where a page begins. Raises ApiError 400 for a token that is none of this list's."""
    if not token:
        return None
    if not order.startswith("displayName "):
        moment = pages.read_place(token, order)
        if moment is not None:
            return moment
    elif (values := pages.read_cursor(token, 3)) is not None and values[0] == order:
        try:
            return values[1], UUID(values[2])
        except ValueError:
            pass
    raise rest.ApiError(400, 2000, _("This continuation token is none of this list."), "$skiptoken")


# --- delegated administrations ---------------------------------------------------------------------------------


@rest.operation(
    blueprint, "GET", ROOT, READ, query=schemas.RelationshipsQuery, answers=schemas.DelegatedAdminRelationships
)
def list_delegated_admin_relationships(query: dict[str, Any]) -> dict[str, Any]:
    """List your organization's delegated administrations.

    All that was offered here, by programs and on the pages, and what is prepared. What is over leaves the list a year later.
    Without `$orderby` the newest come first. `$expand`, `$search`, `$skip` and other options are refused, not ignored.
    """
    order, _blank, direction = query["orderby"].partition(" ")
    word = f"{order} {direction or 'asc'}"
    actor = actors.signed_in()
    select = query.get("select", "")
    groups = rules.read_filter(query["filter"]) if "filter" in query else ()
    choice = queries.Choice(groups, order, direction == "desc")
    entries, more = queries.entries_for(
        actor, choice, size=query["top"], after=_place(query.get("skiptoken", ""), word)
    )  # fmt: skip
    answer: dict[str, Any] = {
        "context": _context(f"({select})" if select else ""),
        "value": [_shown(each, select) for each in entries],
    }
    if query["count"]:
        answer["count"] = queries.count_for(actor, choice)
    if more:
        answer["following"] = _next_link(pages.cursor(word, queries.place_of(entries[-1], choice), str(entries[-1].id)))
    return answer


@rest.operation(
    blueprint, "POST", ROOT, OFFER, body=schemas.NewRelationship, answers=schemas.DelegatedAdminRelationship, status=201,
    versioned=True, refuses=(404,), headers={"Location": "Its address."},
)  # fmt: skip
def create_delegated_admin_relationship(body: dict[str, Any]) -> Any:
    """Prepare a delegated administration.

    Its status is created: nobody is asked, all of it can be changed, and it can be deleted. `customer` names whom it is for,
    by the id of one of your organization's customers. Unlike Microsoft's, a delegated administration without a customer
    cannot be approved by any: name one by PATCH before `lockForApproval`. With the Global Administrator role nothing extends
    itself. Roles are given by template id; Countersign knows the common ones.
    """
    actor = actors.signed_in()
    draft = delegated_actions.prepare(
        by=actor, name=body["display_name"], roles=_role_ids(body["access_details"]), duration_days=body["duration"],
        auto_extends=body["auto_extend_duration"] > 0, customer_id=_customer_id(actor, body),
    )  # fmt: skip
    answer, headers = _answer(draft)
    return answer, 201, headers | {"Location": _address(draft.id)}


def _customer_id(actor: Actor, body: dict[str, Any]) -> UUID | None:
    """The customer that a body names; one that the actor does not see is not found."""
    if "customer" not in body:
        return None
    customer_id: UUID = body["customer"]["tenant_id"]
    if not customers.chosen_for(actor, [customer_id]):
        said = _("There is no such customer.")
        raise rest.ApiError(
            404, 1000, _("There is nothing here that this token can see."), f"customer.tenantId: {said}"
        )
    return customer_id


@rest.operation(
    blueprint, "GET", ONE, READ, on=delegated_admin.made_by, query=schemas.RelationshipQuery,
    answers=schemas.SelectedRelationship, versioned=True,
)  # fmt: skip
def get_delegated_admin_relationship(found: Made, query: dict[str, Any]) -> Any:
    """Read one delegated administration.

    Declined and withdrawn offers are terminated, and offers that nobody answered in time are expired: Graph has no words of
    its own for these. `endDateTime` is null until it was active.
    """
    answer, headers = _answer(found, query.get("select", ""))
    return answer, 200, headers


@rest.operation(
    blueprint, "PATCH", ONE, OFFER, on=delegated_admin.made_by, body=schemas.RelationshipChanges,
    answers=schemas.DelegatedAdminRelationship, versioned=True,
    headers={"Location": "The address of the operation, where a role was taken back."},
)  # fmt: skip
def update_delegated_admin_relationship(found: Made, body: dict[str, Any]) -> Any:
    """Change a delegated administration; If-Match is needed.

    While it is created, all of it. While it is active, `autoExtendDuration`, and `accessDetails` by leaving the Global
    Administrator out: that is done when the answer comes, which is 200, and Location names the operation that tells of it.
    Properties that are sent unchanged do no harm. The customer is told of every change.
    """
    if isinstance(found, DelegatedDraft):
        return _revised(found, body)
    return _changed(found, body)


def _check(found: Made, *, needed: bool = True) -> None:
    """Raises ApiError unless If-Match names the version at hand, or (unless it is `needed`) is not there. It counts once the
    lock is held."""
    rest.check_version(_version(queries.entry_of(found)), needed=needed)


def _revised(draft: DelegatedDraft, body: dict[str, Any]) -> Any:
    row = delegated_actions.hold_draft(draft)
    _check(row)
    extension = body.get("auto_extend_duration")
    row = delegated_actions.revise(
        row, name=body.get("display_name"), duration_days=body.get("duration"),
        roles=_role_ids(body["access_details"]) if "access_details" in body else None,
        auto_extends=extension > 0 if extension is not None else None,
        customer_id=_customer_id(actors.signed_in(), body),
    )  # fmt: skip
    answer, headers = _answer(row)
    return answer, 200, headers


def _changed(relationship: DelegatedRelationship, body: dict[str, Any]) -> Any:
    row = delegated_actions.hold(relationship)
    _check(row)
    fixed = {"display_name": row.name, "duration": row.duration_days, "customer": {"tenant_id": row.customer_id}}
    delegated_rules.check_draft(all(body.get(name, value) == value for name, value in fixed.items()), row.id)
    extension = body.get("auto_extend_duration")
    act = delegated_actions.change(
        row, by=actors.signed_in(), roles=_role_ids(body["access_details"]) if "access_details" in body else None,
        on=extension > 0 if extension is not None else None,
    )  # fmt: skip
    answer, headers = _answer(row)
    if act is not None:
        headers["Location"] = _address(row.id, "operations", act.id)
    return answer, 200, headers


@rest.operation(blueprint, "DELETE", ONE, OFFER, on=delegated_admin.made_by, status=204, versioned=True)
def delete_delegated_admin_relationship(found: Made) -> None:
    """Delete what is prepared; If-Match is needed.

    Only while it is created: what was put to a customer stays for ever in both sides' evidence.
    """
    delegated_rules.check_draft(isinstance(found, DelegatedDraft), found.id)
    assert isinstance(found, DelegatedDraft)
    row = delegated_actions.hold_draft(found)
    _check(row)
    delegated_actions.discard(row)


# --- requests --------------------------------------------------------------------------------------------------


def _request(act: DelegatedAct) -> dict[str, Any]:
    return {
        "id": act.id, "action": "lockForApproval" if act.kind == "requested" else "terminate", "status": "succeeded",
        "created_date_time": act.at, "last_modified_date_time": act.at,
    }  # fmt: skip


def _asked(found: Made) -> list[DelegatedAct]:
    return delegated_admin.asked_of(found) if isinstance(found, DelegatedRelationship) else []


def _request_of(
    actor: Actor, relationship_id: UUID, request_id: UUID
) -> tuple[DelegatedRelationship, DelegatedAct] | None:  # fmt: skip
    row = delegated_admin.of_partner(actor, relationship_id)
    act = delegated_admin.act_of(delegated_admin.asked_of(row), request_id) if row is not None else None
    return (row, act) if row is not None and act is not None else None


@rest.operation(
    blueprint, "POST", f"{ONE}/requests", OFFER, on=delegated_admin.made_by, body=schemas.NewRelationshipRequest,
    answers=schemas.DelegatedAdminRelationshipRequest, status=201, refuses=(412,),
    headers={"Location": "Its address."},
)  # fmt: skip
def create_delegated_admin_relationship_request(found: Made, body: dict[str, Any]) -> Any:
    """Put a delegated administration to its customer, or end it.

    `lockForApproval` is what offering on the pages is: the message to the customer is made, the customer sees the request
    at `/AdminPortal/Home#/partners/invitation/granularAdminRelationships/{id}`, and its status is approvalPending. As with
    Microsoft, sending the link is yours. `terminate` ends what is active, at once; both sides are told. Both are done when
    the answer comes. `approve` and `reject` are refused: only the customer answers. `If-Match` is obeyed where it is sent.
    """
    if body["action"] in {"approve", "reject"}:
        said = _("Only the customer answers a request, on its own pages.")
        raise rest.ApiError(400, 2000, said, f"action: {body['action']}")
    row = _put(found) if body["action"] == "lockForApproval" else _ended(found)
    act = delegated_admin.asked_of(row)[-1]
    answer = _request(act) | {"context": _context(f"('{row.id}')/requests/$entity")}
    return answer, 201, {"Location": _address(row.id, "requests", act.id)}


def _put(found: Made) -> DelegatedRelationship:
    delegated_rules.check_draft(isinstance(found, DelegatedDraft), found.id)
    assert isinstance(found, DelegatedDraft)
    _check(found, needed=False)
    return actions.put_to_customer(found, by=actors.signed_in(), still=lambda now: _check(now, needed=False))


def _ended(found: Made) -> DelegatedRelationship:
    if isinstance(found, DelegatedDraft):
        raise delegated_rules.NotActive(state="created", at=None, relationship_id=found.id)
    row = delegated_actions.hold(found)
    _check(row, needed=False)
    delegated_admin.check_active(row)
    delegated_actions.end(row, by=actors.signed_in())
    return row


@rest.operation(
    blueprint, "GET", f"{ONE}/requests", READ, on=delegated_admin.made_by, query=schemas.GraphQuery,
    answers=schemas.DelegatedAdminRelationshipRequests,
)  # fmt: skip
def list_delegated_admin_relationship_requests(found: Made, query: dict[str, Any]) -> dict[str, Any]:
    """List what your organization asked to happen: that it was put to the customer, that it was ended.

    What was done on the pages is among them.
    """
    return {
        "context": _context(f"('{found.id}')/requests"),
        "value": [_request(act) for act in _asked(found)],
    }


@rest.operation(
    blueprint, "GET", f"{ONE}/requests/<guid:request_id>", READ, on=_request_of,
    answers=schemas.DelegatedAdminRelationshipRequest,
)  # fmt: skip
def get_delegated_admin_relationship_request(
    found: tuple[DelegatedRelationship, DelegatedAct],
) -> dict[str, Any]:
    """Read one request.

    Its status is always succeeded: what is refused leaves no request behind.
    """
    row, act = found
    return _request(act) | {"context": _context(f"('{row.id}')/requests/$entity")}


# --- access assignments ----------------------------------------------------------------------------------------

ASSIGNMENTS = f"{ONE}/accessAssignments"
ASSIGNMENT = f"{ASSIGNMENTS}/<guid:assignment_id>"


def _assignment(row: AccessAssignment, status: str = "active") -> dict[str, Any]:
    return {
        "etag": rest.quoted(_version_of(row)), "id": row.id, "status": status,
        "access_container": {
            "access_container_id": row.container_id, "access_container_type": row.container_type
        },
        "access_details": _roles(row.roles), "created_date_time": row.created_at,
        "last_modified_date_time": row.changed_at,
    }  # fmt: skip


def _one_assignment(row: AccessAssignment, status: str = "active") -> tuple[dict[str, Any], dict[str, str]]:
    context = _context(f"('{row.relationship_id}')/accessAssignments/$entity")
    return _assignment(row, status) | {"context": context}, {"ETag": rest.quoted(_version_of(row))}


@rest.operation(
    blueprint, "POST", ASSIGNMENTS, OFFER, on=delegated_admin.made_by, body=schemas.NewAccessAssignment,
    answers=schemas.DelegatedAdminAccessAssignment, status=201, versioned=True, headers={"Location": "Its address."},
)  # fmt: skip
def create_delegated_admin_access_assignment(found: Made, body: dict[str, Any]) -> Any:
    """Keep which of your security groups is to use which roles.

    It is kept and told again, and has no effect here: who uses a role at a customer follows from the person's role in your
    organization. The status is pending in this answer, as with Microsoft, and active from then on. The relationship must be
    active, the roles must be among its own, and each group has one assignment.
    """
    if isinstance(found, DelegatedDraft):
        raise delegated_rules.NotActive(state="created", at=None, relationship_id=found.id)
    container = body["access_container"]
    row = delegated_actions.assign(
        found, by=actors.signed_in(), container_id=container["access_container_id"],
        container_type=container["access_container_type"], roles=_role_ids(body["access_details"]),
    )  # fmt: skip
    answer, headers = _one_assignment(row, "pending")
    return answer, 201, headers | {"Location": _address(row.relationship_id, "accessAssignments", row.id)}


@rest.operation(
    blueprint, "GET", ASSIGNMENTS, READ, on=delegated_admin.made_by, query=schemas.PageQuery,
    answers=schemas.DelegatedAdminAccessAssignments,
)  # fmt: skip
def list_delegated_admin_access_assignments(found: Made, query: dict[str, Any]) -> dict[str, Any]:
    """List the access assignments of a delegated administration, oldest first.

    They have no effect here.
    """
    place, size = _place(query.get("skiptoken", ""), "assignments"), query["top"]
    after = (place[0], place[1]) if place is not None and isinstance(place[0], datetime) else None
    rows = delegated_admin.assignments_of(found.id, size=size + 1, after=after)
    answer: dict[str, Any] = {
        "context": _context(f"('{found.id}')/accessAssignments"),
        "value": [_assignment(row) for row in rows[:size]],
    }
    if len(rows) > size:
        last = rows[size - 1]
        answer["following"] = _next_link(pages.cursor("assignments", last.created_at.isoformat(), str(last.id)))
    return answer


@rest.operation(
    blueprint, "GET", ASSIGNMENT, READ, on=delegated_admin.assignment_of,
    answers=schemas.DelegatedAdminAccessAssignment, versioned=True,
)  # fmt: skip
def get_delegated_admin_access_assignment(assignment: AccessAssignment) -> Any:
    """Read one access assignment."""
    answer, headers = _one_assignment(assignment)
    return answer, 200, headers


@rest.operation(
    blueprint, "PATCH", ASSIGNMENT, OFFER, on=delegated_admin.assignment_of, body=schemas.AccessAssignmentChanges,
    answers=schemas.DelegatedAdminAccessAssignment, versioned=True,
)  # fmt: skip
def update_delegated_admin_access_assignment(assignment: AccessAssignment, body: dict[str, Any]) -> Any:
    """Change the roles of an access assignment; If-Match is needed.

    It has no effect here.
    """
    row = delegated_actions.hold_assignment(assignment)
    rest.check_version(_version_of(row), needed=True)
    row = delegated_actions.reassign(row, by=actors.signed_in(), roles=_role_ids(body["access_details"]))
    answer, headers = _one_assignment(row)
    return answer, 200, headers


@rest.operation(
    blueprint, "DELETE", ASSIGNMENT, OFFER, on=delegated_admin.assignment_of, status=204, versioned=True
)  # fmt: skip
def delete_delegated_admin_access_assignment(assignment: AccessAssignment) -> None:
    """Delete an access assignment; If-Match is needed.

    It is gone at once; nobody's rights change by it.
    """
    row = delegated_actions.hold_assignment(assignment)
    rest.check_version(_version_of(row), needed=True)
    delegated_actions.unassign(row, by=actors.signed_in())


# --- operations ------------------------------------------------------------------------------------------------


def _operation(act: DelegatedAct) -> dict[str, Any]:
    roles = [{"roleDefinitionId": role} for role in act.facts["roles"]]
    return {
        "id": act.id, "operation_type": "delegatedAdminRelationshipUpdate", "status": "succeeded",
        "data": json.dumps({"removedUnifiedRoles": roles}), "created_date_time": act.at,
        "last_modified_date_time": act.at,
    }  # fmt: skip


def _operation_of(
    actor: Actor, relationship_id: UUID, operation_id: UUID
) -> tuple[DelegatedRelationship, DelegatedAct] | None:  # fmt: skip
    row = delegated_admin.of_partner(actor, relationship_id)
    act = delegated_admin.act_of(delegated_admin.taken_back(row), operation_id) if row is not None else None
    return (row, act) if row is not None and act is not None else None


@rest.operation(
    blueprint, "GET", f"{ONE}/operations", READ, on=delegated_admin.made_by, query=schemas.GraphQuery,
    answers=schemas.DelegatedAdminRelationshipOperations,
)  # fmt: skip
def list_delegated_admin_relationship_operations(found: Made, query: dict[str, Any]) -> dict[str, Any]:
    """List the operations of a delegated administration: the roles that your organization took back.

    What Microsoft does later is done at once here, so that each has succeeded.
    """
    acts = delegated_admin.taken_back(found) if isinstance(found, DelegatedRelationship) else []
    return {"context": _context(f"('{found.id}')/operations"), "value": [_operation(act) for act in acts]}


@rest.operation(
    blueprint, "GET", f"{ONE}/operations/<guid:operation_id>", READ, on=_operation_of,
    answers=schemas.DelegatedAdminRelationshipOperation,
)  # fmt: skip
def get_delegated_admin_relationship_operation(
    found: tuple[DelegatedRelationship, DelegatedAct],
) -> dict[str, Any]:
    """Read one operation."""
    row, act = found
    return _operation(act) | {"context": _context(f"('{row.id}')/operations/$entity")}
