"""Operations of `offers`: delegated administration as Graph has it."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

from tests.guards.api import ADMINS, READERS, op
from tests.guards.routes import Growing, many
from tests.support.story import Story
from webapp.delegated_admin import actions as delegated_admin
from webapp.delegated_admin import queries as delegated_queries
from webapp.delegated_admin.roles import BASIC, GLOBAL_ADMINISTRATOR

ROOT = "/v1.0/tenantRelationships/delegatedAdminRelationships"
ONE = f"{ROOT}/<guid:relationship_id>"
ANY = {"If-Match": "*"}


def details(*roles: str) -> dict[str, Any]:
    """Roles as Graph has them."""
    return {"unifiedRoles": [{"roleDefinitionId": role} for role in roles]}


def _drafted(s: Story) -> dict[str, UUID]:
    return {"relationship_id": s.draft()}


def _waiting(s: Story) -> dict[str, UUID]:
    return {"relationship_id": s.offers["waiting"]}


def _active(s: Story) -> dict[str, UUID]:
    return {"relationship_id": s.approve(s.offers["waiting"])}


def _requested(s: Story) -> dict[str, UUID]:
    with s.app.app_context():
        return _waiting(s) | {"request_id": delegated_queries.acts_of(s.offers["waiting"])[0].id}


def _assigned(s: Story) -> dict[str, UUID]:
    found = _active(s)
    return found | {"assignment_id": s.assign(found["relationship_id"])}


def _taken_back(s: Story) -> dict[str, UUID]:
    """A role went, so that there is an operation."""
    relationship_id = s.approve(
        s.offer(s.partner, s.customer, "With everything", roles=[*BASIC, GLOBAL_ADMINISTRATOR])
    )  # fmt: skip
    with s.unit():
        row = delegated_queries.by_id(relationship_id)
        assert row is not None
        act = delegated_admin.change(row, by=s.actor("admin_agent"), roles=BASIC)
        assert act is not None
        return {"relationship_id": relationship_id, "operation_id": act.id}


def _assignment(s: Story, parameters: dict[str, Any]) -> dict[str, Any]:
    return {
        "accessContainer": {"accessContainerId": str(uuid4()), "accessContainerType": "securityGroup"},
        "accessDetails": details(BASIC[0]),
    }


def _draft_many(s: Story, count: int) -> None:
    for number in range(count):
        s.draft(f"Prepared {number}")
        s.offer(s.partner, s.customer, f"Offered {number}")


def _assign_many(s: Story, count: int) -> None:
    _active(s)
    for _ in range(count):
        s.assign(s.offers["waiting"])


OPERATIONS = {
    f"GET {ROOT}": op(200, to=READERS),
    f"POST {ROOT}": op(
        201, to=ADMINS, rival=404,
        body=lambda s, _p: {
            "displayName": "From a program", "duration": "P730D", "customer": {"tenantId": str(s.customer.id)},
            "accessDetails": details(*BASIC),
        },
    ),
    f"GET {ONE}": op(200, to=READERS, prepare=_drafted),
    f"PATCH {ONE}": op(
        200, to=ADMINS, prepare=_drafted, body=lambda _s, _p: {"displayName": "Another name"}, headers=lambda _s, _p: ANY
    ),
    f"DELETE {ONE}": op(204, to=ADMINS, prepare=_drafted, headers=lambda _s, _p: ANY),
    f"GET {ONE}/requests": op(200, to=READERS, prepare=_waiting),
    f"POST {ONE}/requests": op(201, to=ADMINS, prepare=_drafted, body=lambda _s, _p: {"action": "lockForApproval"}),
    f"GET {ONE}/requests/<guid:request_id>": op(200, to=READERS, prepare=_requested),
    f"GET {ONE}/accessAssignments": op(200, to=READERS, prepare=_assigned),
    f"POST {ONE}/accessAssignments": op(201, to=ADMINS, prepare=_active, body=_assignment),
    f"GET {ONE}/accessAssignments/<guid:assignment_id>": op(200, to=READERS, prepare=_assigned),
    f"PATCH {ONE}/accessAssignments/<guid:assignment_id>": op(
        200, to=ADMINS, prepare=_assigned, body=lambda _s, _p: {"accessDetails": details(BASIC[0])},
        headers=lambda _s, _p: ANY,
    ),
    f"DELETE {ONE}/accessAssignments/<guid:assignment_id>": op(
        204, to=ADMINS, prepare=_assigned, headers=lambda _s, _p: ANY
    ),
    f"GET {ONE}/operations": op(200, to=READERS, prepare=_taken_back),
    f"GET {ONE}/operations/<guid:operation_id>": op(200, to=READERS, prepare=_taken_back),
}  # fmt: skip

LISTS = {
    f"GET {ROOT}": Growing("api_admin_agent", _draft_many, None, {"$count": "true"}),
    f"GET {ONE}/accessAssignments": many("api_admin_agent", _assign_many, prepare=_waiting),
}
