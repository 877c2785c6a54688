"""Microsoft's own client of Graph, unmodified, against the served program: only its address and its token are ours."""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar
from uuid import UUID, uuid4

import httpx
import pytest
from flask import Flask
from kiota_abstractions.base_request_configuration import RequestConfiguration
from kiota_abstractions.request_information import RequestInformation
from msgraph import GraphRequestAdapter, GraphServiceClient
from msgraph.generated.models.delegated_admin_access_assignment import DelegatedAdminAccessAssignment
from msgraph.generated.models.delegated_admin_access_assignment_status import DelegatedAdminAccessAssignmentStatus
from msgraph.generated.models.delegated_admin_access_container import DelegatedAdminAccessContainer
from msgraph.generated.models.delegated_admin_access_container_type import DelegatedAdminAccessContainerType
from msgraph.generated.models.delegated_admin_access_details import DelegatedAdminAccessDetails
from msgraph.generated.models.delegated_admin_relationship import DelegatedAdminRelationship
from msgraph.generated.models.delegated_admin_relationship_customer_participant import (
    DelegatedAdminRelationshipCustomerParticipant,
)
from msgraph.generated.models.delegated_admin_relationship_operation_type import DelegatedAdminRelationshipOperationType
from msgraph.generated.models.delegated_admin_relationship_request import DelegatedAdminRelationshipRequest
from msgraph.generated.models.delegated_admin_relationship_request_action import DelegatedAdminRelationshipRequestAction
from msgraph.generated.models.delegated_admin_relationship_request_status import DelegatedAdminRelationshipRequestStatus
from msgraph.generated.models.delegated_admin_relationship_status import DelegatedAdminRelationshipStatus as Status
from msgraph.generated.models.long_running_operation_status import LongRunningOperationStatus
from msgraph.generated.models.o_data_errors.o_data_error import ODataError
from msgraph.generated.models.unified_role import UnifiedRole
from msgraph.graph_request_adapter import GraphClientFactory
from msgraph.graph_request_adapter import options as client_options

from tests.support.builders import Party, World
from tests.support.served import Served
from webapp import actor as actors
from webapp import database
from webapp.accounts import actions as accounts
from webapp.api_clients import actions as api_clients
from webapp.delegated_admin.roles import BASIC, GLOBAL_ADMINISTRATOR
from webapp.organizations import queries as organizations
from webapp.relationships import actions as relationships

with warnings.catch_warnings():
    # The client's own modules use what its own libraries call deprecated, and say so whenever one is loaded.
    warnings.filterwarnings("ignore", "GetQueryParameters is deprecated", DeprecationWarning)
    warnings.filterwarnings("ignore", "This class is deprecated", DeprecationWarning)
    from msgraph.generated.tenant_relationships.delegated_admin_relationships import (
        delegated_admin_relationships_request_builder as listing,
    )

pytestmark = [  # the same of the modules that it loads while it is used
    pytest.mark.filterwarnings("ignore:GetQueryParameters is deprecated:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:This class is deprecated:DeprecationWarning"),
]
Answer = TypeVar("Answer")
ListOptions = (
    listing.DelegatedAdminRelationshipsRequestBuilder.DelegatedAdminRelationshipsRequestBuilderGetQueryParameters
)


class _Token:
    """A way to authenticate, as the client's libraries know them: by a token that is known already."""

    def __init__(self, token: str) -> None:
        self.token = token

    async def authenticate_request(
        self, request: RequestInformation, additional_authentication_context: dict[str, Any] | None = None
    ) -> None:
        request.headers.try_add("Authorization", f"Bearer {self.token}")


@dataclass
class Graph:
    """The client's way to the served program, and who is at its ends."""

    served: Served
    token: str
    world: World
    partner: Party
    customer: Party

    def run(self, story: Callable[[Any], Coroutine[Any, Any, Answer]]) -> Answer:
        """Run calls of the client, and close its connections."""

        async def calls() -> Answer:
            # The client's own transport closes nothing: the one below it is kept at hand, to be closed at the end.
            async with httpx.AsyncHTTPTransport() as transport:
                http = GraphClientFactory.create_with_default_middleware(
                    client=httpx.AsyncClient(transport=transport, timeout=30), options=client_options
                )
                adapter = GraphRequestAdapter(_Token(self.token), client=http)
                adapter.base_url = f"{self.served.url}/v1.0"
                client = GraphServiceClient(request_adapter=adapter)
                return await story(client.tenant_relationships.delegated_admin_relationships)

        # in a thread of its own: where this worker has a browser open, a loop runs in this one already
        with ThreadPoolExecutor(1) as apart:
            return apart.submit(asyncio.run, calls()).result()

    def prepared(self, name: str, *roles: str, **more: Any) -> DelegatedAdminRelationship:
        """What a program prepares."""
        values: dict[str, Any] = {
            "display_name": name, "duration": timedelta(days=730), "access_details": access(*(roles or BASIC)),
            "customer": DelegatedAdminRelationshipCustomerParticipant(tenant_id=str(self.customer.id)),
        }  # fmt: skip
        return DelegatedAdminRelationship(**(values | more))


def access(*roles: str) -> DelegatedAdminAccessDetails:
    """Roles as the client has them."""
    return DelegatedAdminAccessDetails(unified_roles=[UnifiedRole(role_definition_id=role) for role in roles])


def on_version(found: Any) -> RequestConfiguration[Any]:
    """The condition that a change is made on this version."""
    configuration: RequestConfiguration[Any] = RequestConfiguration()
    configuration.headers.add("If-Match", found.additional_data["@odata.etag"])
    return configuration


def options(**values: Any) -> RequestConfiguration[Any]:
    """Options of a list."""
    return RequestConfiguration(query_parameters=ListOptions(**values))


@pytest.fixture
def graph(app: Flask, world: World, serve: Callable[..., Served]) -> Graph:
    """A partner's client with an admin agent's token; the partner has a customer."""
    partner, customer = world.a_partner(), world.a_customer()
    world.enroll(partner)
    with app.app_context(), database.unit_of_work():
        row = organizations.organization_by_id(customer.id)
        assert row is not None
        relationships.begin(row, partner_id=partner.id, reseller_id=None, origin="creation", by=None, source="operator")
    with app.app_context(), database.unit_of_work():
        session = accounts.start_session(
            partner["admin_agent"].id, proof="password", network_address="192.0.2.1", browser="Test"
        )
        by = actors.load(session.id)
    assert by is not None
    with app.app_context(), database.unit_of_work():
        client, _secret = api_clients.create(by=by, name="Graph", roles=("admin_agent",))
        _row, token, _refresh = api_clients.give_token(client, roles=("admin_agent",), person_id=None)
    return Graph(serve(), token, world, partner, customer)


def test_a_life_from_preparing_to_ending(graph: Graph) -> None:
    async def offering(offers: Any) -> str:
        made = await offers.post(graph.prepared("Care", GLOBAL_ADMINISTRATOR, *BASIC))
        assert (made.status, made.display_name, made.duration) == (Status.Created, "Care", timedelta(days=730))
        assert made.auto_extend_duration == timedelta(0)
        assert (made.customer.tenant_id, made.customer.display_name) == (str(graph.customer.id), graph.customer.name)
        assert (made.activated_date_time, made.end_date_time) == (None, None)
        one = offers.by_delegated_admin_relationship_id(made.id)
        renamed = await one.patch(
            DelegatedAdminRelationship(display_name="More care", duration=timedelta(days=365)), on_version(made)
        )
        assert (renamed.display_name, renamed.duration) == ("More care", timedelta(days=365))
        asked = await one.requests.post(
            DelegatedAdminRelationshipRequest(action=DelegatedAdminRelationshipRequestAction.LockForApproval)
        )
        assert asked.action == DelegatedAdminRelationshipRequestAction.LockForApproval
        assert asked.status == DelegatedAdminRelationshipRequestStatus.Succeeded
        assert (await one.get()).status == Status.ApprovalPending
        (found,) = (await one.requests.get()).value
        assert (await one.requests.by_delegated_admin_relationship_request_id(found.id).get()).id == asked.id
        return str(made.id)

    async def using(offers: Any) -> None:
        one = offers.by_delegated_admin_relationship_id(relationship_id)
        active = await one.get()
        assert active.status == Status.Active
        assert active.end_date_time == active.activated_date_time + timedelta(days=365)
        less = await one.patch(DelegatedAdminRelationship(access_details=access(*BASIC)), on_version(active))
        assert {each.role_definition_id for each in less.access_details.unified_roles} == set(BASIC)
        (operation,) = (await one.operations.get()).value
        again = await one.operations.by_delegated_admin_relationship_operation_id(operation.id).get()
        assert again.operation_type == DelegatedAdminRelationshipOperationType.DelegatedAdminRelationshipUpdate
        assert again.status == LongRunningOperationStatus.Succeeded
        assert GLOBAL_ADMINISTRATOR in again.data
        longer = await one.patch(DelegatedAdminRelationship(auto_extend_duration=timedelta(days=180)), on_version(less))
        assert longer.auto_extend_duration == timedelta(days=180)
        await assigning(one)
        ended = await one.requests.post(
            DelegatedAdminRelationshipRequest(action=DelegatedAdminRelationshipRequestAction.Terminate)
        )
        assert ended.action == DelegatedAdminRelationshipRequestAction.Terminate
        assert (await one.get()).status == Status.Terminated

    relationship_id = graph.run(offering)
    graph.world.an_approval(UUID(relationship_id), graph.customer["global_administrator"])
    graph.run(using)


async def assigning(one: Any) -> None:
    """An access assignment is kept, told again, changed and deleted."""
    group = str(uuid4())
    made = await one.access_assignments.post(
        DelegatedAdminAccessAssignment(
            access_container=DelegatedAdminAccessContainer(
                access_container_id=group, access_container_type=DelegatedAdminAccessContainerType.SecurityGroup
            ),
            access_details=access(*BASIC),
        )
    )
    assert made.status == DelegatedAdminAccessAssignmentStatus.Pending
    item = one.access_assignments.by_delegated_admin_access_assignment_id(made.id)
    found = await item.get()
    assert (found.status, found.access_container.access_container_id) == (
        DelegatedAdminAccessAssignmentStatus.Active, group
    )  # fmt: skip
    changed = await item.patch(DelegatedAdminAccessAssignment(access_details=access(BASIC[0])), on_version(found))
    assert [each.role_definition_id for each in changed.access_details.unified_roles] == [BASIC[0]]
    assert [each.id for each in (await one.access_assignments.get()).value] == [made.id]
    await item.delete(on_version(changed))
    assert (await one.access_assignments.get()).value == []


def test_lists_are_filtered_ordered_counted_and_paged(graph: Graph) -> None:
    async def calls(offers: Any) -> None:
        for number in range(5):
            await offers.post(graph.prepared(f"Care {number}"))
        await offers.post(graph.prepared("Other"))
        first = await offers.get(
            options(filter="startswith(displayName,'Care')", orderby=["displayName desc"], top=2, count=True)
        )
        assert first.odata_count == 5
        names, page = [each.display_name for each in first.value], first
        while page.odata_next_link:
            page = await offers.with_url(page.odata_next_link).get()
            names += [each.display_name for each in page.value]
        assert names == [f"Care {number}" for number in (4, 3, 2, 1, 0)]
        (chosen,) = (await offers.get(options(filter="displayName eq 'Other'", select=["id", "displayName"]))).value
        assert (chosen.display_name, chosen.status, chosen.duration) == ("Other", None, None)
        assert (await offers.get(options(filter="status eq 'active'"))).value == []

    graph.run(calls)


def test_what_is_prepared_is_deleted_on_its_version_alone(graph: Graph) -> None:
    async def calls(offers: Any) -> None:
        made = await offers.post(graph.prepared("Care"))
        one = offers.by_delegated_admin_relationship_id(made.id)
        changed = await one.patch(DelegatedAdminRelationship(display_name="Cure"), on_version(made))
        with pytest.raises(ODataError) as stale:
            await one.delete(on_version(made))
        assert stale.value.response_status_code == 412
        assert stale.value.error.code == "PreconditionFailed"
        await one.delete(on_version(changed))
        with pytest.raises(ODataError) as gone:
            await one.get()
        assert gone.value.response_status_code == 404

    graph.run(calls)


def test_a_refusal_reaches_the_client_in_words(graph: Graph) -> None:
    async def calls(offers: Any) -> None:
        with pytest.raises(ODataError) as refused:
            await offers.post(graph.prepared("Care", GLOBAL_ADMINISTRATOR, auto_extend_duration=timedelta(days=180)))
        assert refused.value.response_status_code == 400
        assert refused.value.error.message.startswith("With the Global Administrator role nothing extends itself")
        assert refused.value.error.inner_error.request_id

    graph.run(calls)
