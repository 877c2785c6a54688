"""Delegated administration as Graph has it: the same offers, acts and refusals as on the pages."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from threading import Barrier, Thread
from time import sleep
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from werkzeug.test import TestResponse

from tests.guards.api.offers import ROOT, details
from tests.support.story import Story
from webapp import clock, database
from webapp.delegated_admin import actions as delegated_admin
from webapp.delegated_admin import jobs
from webapp.delegated_admin import queries as delegated_queries
from webapp.delegated_admin.models import DelegatedDraft, DelegatedRelationship
from webapp.delegated_admin.roles import BASIC, GLOBAL_ADMINISTRATOR
from webapp.delegated_admin.rules import NameTaken
from webapp.evidence.models import Fact
from webapp.invitations import queries as invitations
from webapp.organizations.models import Organization
from webapp.relationships import actions as relationships

AGENT = "api_admin_agent"
LOCK, TERMINATE = {"action": "lockForApproval"}, {"action": "terminate"}


class Graph:
    """An admin agent's program."""

    def __init__(self, story: Story) -> None:
        self.story, self.client = story, story.client(AGENT)

    def ask(self, method: str, path: str = "", status: int = 200, **more: Any) -> Any:
        """The body of an answer that has this status; its headers under "headers"."""
        url = path if path.startswith("http") else f"{ROOT}{path}"
        answer: TestResponse = self.client.open(url, method=method, **more)
        assert answer.status_code == status, f"{method} {url}: {answer.status_code} {answer.text}"
        body = answer.get_json() if answer.data else {}
        return body | {"headers": dict(answer.headers)}

    def refused(self, method: str, path: str, status: int, **more: Any) -> str:
        """The words of a refusal."""
        return str(self.ask(method, path, status, **more)["error"]["message"])

    def create(self, name: str = "Care", **changes: Any) -> Any:
        body = {
            "displayName": name, "duration": "P365D", "customer": {"tenantId": str(self.story.customer.id)},
            "accessDetails": details(*BASIC),
        }  # fmt: skip
        sent = {key: value for key, value in (body | changes).items() if value is not None}
        return self.ask("POST", "", 201, json=sent)

    def get(self, id_: str | UUID) -> Any:
        return self.ask("GET", f"/{id_}")

    def listed(self, **options: str) -> list[Any]:
        """The entries of the first page; `filter="…"` is `$filter`."""
        found: list[Any] = self.ask("GET", query_string={f"${key}": text for key, text in options.items()})["value"]
        return found

    def names(self, **options: str) -> list[str]:
        return [each["displayName"] for each in self.listed(**options)]

    def change(self, id_: str | UUID, status: int = 200, *, on: str = "", **body: Any) -> Any:
        headers = {"If-Match": on or self.get(id_)["@odata.etag"]}
        return self.ask("PATCH", f"/{id_}", status, json=body, headers=headers)


@pytest.fixture
def graph(story: Story) -> Graph:
    return Graph(story)


# --- preparing ---------------------------------------------------------------------------------------------------


def test_what_is_created_is_told_as_graph_tells_it(graph: Graph) -> None:
    made = graph.create("Care", duration="730 days, 0:00:00")
    one = made.pop("headers")["Location"]
    found = graph.ask("GET", one)
    assert found.pop("headers")["ETag"] == made["@odata.etag"]
    assert found == made
    assert made["@odata.etag"].startswith('W/"')
    assert made["@odata.context"].endswith("/v1.0/$metadata#tenantRelationships/delegatedAdminRelationships/$entity")
    assert {key: made[key] for key in ("displayName", "duration", "status", "autoExtendDuration", "customer")} == {
        "displayName": "Care", "duration": "P730D", "status": "created", "autoExtendDuration": "PT0S",
        "customer": {"tenantId": str(graph.story.customer.id), "displayName": "Contoso Ltd."},
    }  # fmt: skip
    assert made["accessDetails"] == details(*BASIC)
    assert (made["activatedDateTime"], made["endDateTime"]) == (None, None)
    assert datetime.fromisoformat(made["createdDateTime"].replace("Z", "+00:00")).utcoffset() == timedelta(0)


def test_nothing_is_asked_of_anybody_by_preparing(graph: Graph) -> None:
    with graph.story.app.app_context():
        before = database.session().scalar(sa.select(sa.func.count(Fact.id)))
    made = graph.create()
    graph.change(made["id"], displayName="Cure", duration="P10D", accessDetails=details(BASIC[0]))
    with graph.story.app.app_context():
        assert database.session().scalar(sa.select(sa.func.count(Fact.id))) == before
    assert graph.story.client("global_administrator").get(f"/delegated-admin/{made['id']}").status_code == 404


def test_all_of_what_is_prepared_can_be_changed(graph: Graph) -> None:
    made = graph.create()
    changed = graph.change(
        made["id"], DISPLAYNAME="Cure", duration="P2Y", autoExtendDuration="P180D", accessDetails=details(*BASIC[:2])
    )
    assert [changed[key] for key in ("displayName", "duration", "autoExtendDuration")] == ["Cure", "P730D", "P180D"]
    assert changed["accessDetails"] == details(*BASIC[:2])
    assert changed["customer"] == made["customer"]
    assert changed["@odata.etag"] != made["@odata.etag"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"displayName": "x" * 51}, "displayName"),
        ({"displayName": None}, "displayName"),
        ({"duration": "P731D"}, "duration"),
        ({"duration": 730}, "duration"),
        ({"autoExtendDuration": "P90D"}, "autoExtendDuration"),
        ({"accessDetails": {"unifiedRoles": []}}, "accessDetails.unifiedRoles"),
        ({"accessDetails": details("9b895d92-0000-44c7-9d02-a6ac2d5ea5c3")}, "accessDetails.unifiedRoles"),
        ({"customer": {"tenantId": "contoso"}}, "customer.tenantId"),
    ],
)
def test_a_value_that_is_none_is_refused_by_the_name_of_its_field(
    graph: Graph, body: dict[str, Any], field: str
) -> None:
    whole = {"displayName": "Care", "duration": "P1D", "accessDetails": details(*BASIC)} | body
    assert field in graph.refused("POST", "", 400, json=whole)


def test_the_global_administrator_extends_nothing(graph: Graph) -> None:
    body = {"displayName": "Care", "duration": "P1D", "accessDetails": details(GLOBAL_ADMINISTRATOR)}
    assert "nothing extends itself" in graph.refused("POST", "", 400, json=body | {"autoExtendDuration": "P180D"})
    made = graph.create(autoExtendDuration="P180D")
    headers = {"If-Match": made["@odata.etag"]}
    sent = {"accessDetails": details(GLOBAL_ADMINISTRATOR)}
    assert "nothing extends itself" in graph.refused("PATCH", f"/{made['id']}", 400, json=sent, headers=headers)


def test_a_partner_that_is_not_enrolled_prepares_nothing(graph: Graph) -> None:
    with graph.story.unit():
        database.write()
        database.session().get_one(Organization, graph.story.partner.id).enrolled_at = None
    body = {"displayName": "Care", "duration": "P1D", "accessDetails": details(*BASIC)}
    graph.refused("POST", "", 403, json=body)


def test_a_name_is_one_offer_s_or_one_draft_s(graph: Graph) -> None:
    graph.create("Care")
    body = {"displayName": "  care ", "duration": "P1D", "accessDetails": details(*BASIC)}
    assert "care" in graph.refused("POST", "", 409, json=body)
    body["displayName"] = "everyday SUPPORT"  # the one that waits in the story
    graph.refused("POST", "", 409, json=body)
    with graph.story.unit(), pytest.raises(Exception, match="NameTaken"):
        delegated_admin.offer(
            graph.story.organization(graph.story.customer), by=graph.story.actor("admin_agent"), name="Care", roles=BASIC,
            duration_days=1, auto_extends=False,
        )  # fmt: skip
    made = graph.create("Other")
    graph.refused("PATCH", f"/{made['id']}", 409, json={"displayName": "Care"}, headers={"If-Match": "*"})
    assert graph.change(made["id"], displayName="OTHER")["displayName"] == "OTHER"


def test_a_customer_of_another_partner_is_not_found(graph: Graph) -> None:
    body = {"displayName": "Care", "duration": "P1D", "accessDetails": details(*BASIC)}
    for id_ in (graph.story.stranger.id, uuid4()):
        words = graph.refused("POST", "", 404, json=body | {"customer": {"tenantId": str(id_)}})
        assert "customer.tenantId" in words


@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
def test_a_change_names_its_version(graph: Graph, method: str) -> None:
    made = graph.create()
    path, more = f"/{made['id']}", {"json": {"displayName": "Cure"}} if method == "PATCH" else {}
    assert "If-Match" in graph.refused(method, path, 400, **more)
    graph.change(made["id"], duration="P7D")
    graph.refused(method, path, 412, headers={"If-Match": made["@odata.etag"]}, **more)
    graph.ask(method, path, 200 if method == "PATCH" else 204, headers={"If-Match": "*"}, **more)


def test_a_deleted_draft_is_gone_and_its_name_is_free(graph: Graph) -> None:
    made = graph.create("Care")
    graph.ask("DELETE", f"/{made['id']}", 204, headers={"If-Match": made["@odata.etag"]})
    graph.refused("GET", f"/{made['id']}", 404)
    graph.create("Care")


# --- putting it to the customer ----------------------------------------------------------------------------------


def test_locking_is_offering_with_a_message_as_on_the_page(graph: Graph) -> None:
    made = graph.create()
    asked = graph.ask("POST", f"/{made['id']}/requests", 201, json=LOCK)
    assert (asked["action"], asked["status"]) == ("lockForApproval", "succeeded")
    assert graph.ask("GET", asked["headers"]["Location"])["id"] == asked["id"]
    assert graph.get(made["id"])["status"] == "approvalPending"
    with graph.story.app.app_context():
        row = delegated_queries.by_id(UUID(made["id"]))
        assert row is not None
        assert (row.name, row.duration_days, tuple(row.roles)) == ("Care", 365, BASIC)
        assert invitations.invitation_of_offer(row.id) is not None
        assert delegated_queries.draft_by_id(row.id) is None
        fact = database.session().get_one(Fact, row.fact_id)
        assert (fact.kind, '"source":"api"' in fact.record) == ("delegated_admin.offered", True)
    page = graph.story.client("global_administrator").get(f"/delegated-admin/{made['id']}")
    assert page.status_code == 200
    assert "Care" in page.text


def test_what_was_put_to_the_customer_stays_as_it_was(graph: Graph) -> None:
    made = graph.create()
    graph.ask("POST", f"/{made['id']}/requests", 201, json=LOCK)
    assert "already" in graph.refused("POST", f"/{made['id']}/requests", 400, json=LOCK)
    assert "already" in graph.refused("DELETE", f"/{made['id']}", 400, headers={"If-Match": "*"})
    for body in ({"displayName": "Cure"}, {"duration": "P1D"}, {"customer": {"tenantId": str(uuid4())}}):
        assert "already" in graph.refused("PATCH", f"/{made['id']}", 400, json=body, headers={"If-Match": "*"})
    same = {"displayName": "Care", "duration": "P1Y", "customer": made["customer"], "accessDetails": details(*BASIC)}
    assert graph.change(made["id"], **same)["displayName"] == "Care"
    for body in ({"autoExtendDuration": "P180D"}, {"accessDetails": details(BASIC[0])}):
        assert "not in force" in graph.refused("PATCH", f"/{made['id']}", 400, json=body, headers={"If-Match": "*"})


def test_without_a_customer_nobody_can_be_asked_until_one_is_named(graph: Graph) -> None:
    made = graph.create(customer=None)
    assert made["customer"] is None
    assert "customer" in graph.refused("POST", f"/{made['id']}/requests", 400, json=LOCK)
    graph.change(made["id"], customer={"tenantId": str(graph.story.customer.id)})
    graph.ask("POST", f"/{made['id']}/requests", 201, json=LOCK)
    assert graph.get(made["id"])["status"] == "approvalPending"


def test_what_stands_in_the_way_on_the_page_stands_in_the_way_here(graph: Graph) -> None:
    made = graph.create()
    with graph.story.unit():
        customer, partner = (
            graph.story.organization(graph.story.customer),
            graph.story.organization(graph.story.partner),
        )
        relationships.say_unknown(customer, partner, by=graph.story.actor("global_administrator"))
    graph.refused("POST", f"/{made['id']}/requests", 409, json=LOCK)
    assert graph.get(made["id"])["status"] == "created"


def test_a_stale_version_locks_nothing(graph: Graph) -> None:
    made = graph.create()
    graph.change(made["id"], duration="P7D")
    graph.refused("POST", f"/{made['id']}/requests", 412, json=LOCK, headers={"If-Match": made["@odata.etag"]})
    fresh = graph.get(made["id"])["@odata.etag"]
    graph.ask("POST", f"/{made['id']}/requests", 201, json=LOCK, headers={"If-Match": fresh})


def test_a_version_that_is_stale_once_the_draft_is_held_locks_nothing(
    graph: Graph, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, hold = graph.create(), delegated_admin.hold_draft

    def after_another(draft: DelegatedDraft, **more: Any) -> DelegatedDraft:
        monkeypatch.setattr(delegated_admin, "hold_draft", hold)
        other = Thread(target=lambda: graph.change(made["id"], duration="P7D"))
        other.start()
        other.join()
        return hold(draft, **more)

    monkeypatch.setattr(delegated_admin, "hold_draft", after_another)
    graph.refused("POST", f"/{made['id']}/requests", 412, json=LOCK, headers={"If-Match": made["@odata.etag"]})
    found = graph.get(made["id"])
    assert (found["status"], found["duration"]) == ("created", "P7D")


def test_a_retried_deletion_of_a_draft_hears_the_first_answer(graph: Graph) -> None:
    made = graph.create()
    headers = {"If-Match": made["@odata.etag"], "MS-RequestId": str(uuid4())}
    first, second = (graph.ask("DELETE", f"/{made['id']}", 204, headers=headers) for _ in range(2))
    assert "Idempotent-Replayed" not in first["headers"]
    assert second["headers"]["Idempotent-Replayed"] == "true"
    graph.refused("DELETE", f"/{made['id']}", 404, headers=headers | {"MS-RequestId": str(uuid4())})


@pytest.mark.parametrize("drafts", ["prepare", "revise"])
def test_a_draft_and_an_offer_of_one_name_exclude_each_other_at_once(
    graph: Graph, monkeypatch: pytest.MonkeyPatch, drafts: str
) -> None:
    story, taken, at_once = graph.story, delegated_queries.taken_names, Barrier(2)
    made = graph.create("One")
    outcomes: list[bool] = []

    def slowly(partner_id: UUID, name: str) -> set[str]:
        found = taken(partner_id, name)
        sleep(0.5)  # long enough for the other one to look as well, if nothing kept it
        return found

    def draft() -> None:
        client, body = story.client(AGENT), {"displayName": "Twice"}
        at_once.wait()
        if drafts == "revise":
            answer = client.patch(f"{ROOT}/{made['id']}", json=body, headers={"If-Match": "*"})
        else:
            answer = client.post(ROOT, json=body | {"duration": "P1D", "accessDetails": details(*BASIC)})
        assert answer.status_code in {200, 201, 409}
        outcomes.append(answer.status_code != 409)

    def offer() -> None:
        with story.app.app_context():
            by, customer = story.actor("admin_agent"), story.organization(story.customer)
            at_once.wait()
            try:
                with database.unit_of_work():
                    delegated_admin.offer(
                        customer, by=by, name="Twice", roles=BASIC, duration_days=1, auto_extends=False
                    )  # fmt: skip
                outcomes.append(True)
            except NameTaken:
                outcomes.append(False)

    monkeypatch.setattr(delegated_queries, "taken_names", slowly)
    threads = [Thread(target=act) for act in (draft, offer)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == [False, True]


@pytest.mark.parametrize("action", ["approve", "reject"])
def test_no_program_answers_for_the_customer(graph: Graph, action: str) -> None:
    id_ = graph.story.offers["waiting"]
    assert "Only the customer" in graph.refused("POST", f"/{id_}/requests", 400, json={"action": action})
    assert graph.get(id_)["status"] == "approvalPending"


def test_two_who_lock_at_once_ask_once(graph: Graph) -> None:
    made = graph.create()
    at_once, statuses = Barrier(2), []

    def lock() -> None:
        client = graph.story.client(AGENT)
        at_once.wait()
        statuses.append(client.post(f"{ROOT}/{made['id']}/requests", json=LOCK).status_code)

    threads = [Thread(target=lock) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [201, 400]
    assert len(graph.ask("GET", f"/{made['id']}/requests")["value"]) == 1


def test_a_retry_of_locking_hears_the_first_answer(graph: Graph) -> None:
    made, headers = graph.create(), {"client-request-id": str(uuid4()), "MS-RequestId": str(uuid4())}
    answers = [graph.ask("POST", f"/{made['id']}/requests", 201, json=LOCK, headers=headers) for _ in range(2)]
    assert answers[0]["id"] == answers[1]["id"]
    assert answers[1]["headers"]["Idempotent-Replayed"] == "true"


# --- while it is in force ----------------------------------------------------------------------------------------


def active(graph: Graph, *roles: str) -> UUID:
    """Something of the partner's that is in force."""
    story = graph.story
    return story.approve(story.offer(story.partner, story.customer, f"Force {uuid4().hex[:6]}", roles=roles or BASIC))


def test_the_global_administrator_is_taken_back_as_an_operation(graph: Graph) -> None:
    id_ = active(graph, GLOBAL_ADMINISTRATOR, *BASIC)
    changed = graph.change(id_, accessDetails=details(*BASIC), autoExtendDuration="P180D")
    assert {each["roleDefinitionId"] for each in changed["accessDetails"]["unifiedRoles"]} == set(BASIC)
    assert changed["autoExtendDuration"] == "P180D"
    operation = graph.ask("GET", changed["headers"]["Location"])
    assert (operation["operationType"], operation["status"]) == ("delegatedAdminRelationshipUpdate", "succeeded")
    assert [each["id"] for each in graph.ask("GET", f"/{id_}/operations")["value"]] == [operation["id"]]
    with graph.story.app.app_context():
        assert GLOBAL_ADMINISTRATOR not in delegated_queries.roles_between(
            graph.story.customer.id, graph.story.partner.id
        )


@pytest.mark.parametrize("wanted", [BASIC[:1], (*BASIC, GLOBAL_ADMINISTRATOR)])
def test_no_other_role_is_taken_back_or_added(graph: Graph, wanted: tuple[str, ...]) -> None:
    id_ = active(graph)
    body = {"accessDetails": details(*wanted)}
    assert "Global Administrator" in graph.refused("PATCH", f"/{id_}", 400, json=body, headers={"If-Match": "*"})
    assert graph.ask("GET", f"/{id_}/operations")["value"] == []


def test_a_role_that_the_customer_removed_is_no_operation_of_the_partner(graph: Graph) -> None:
    id_ = active(graph)
    with graph.story.unit():
        row = database.session().get_one(DelegatedRelationship, id_)
        delegated_admin.remove_roles(row, by=graph.story.actor("global_administrator"), roles=BASIC[:1])
    assert graph.ask("GET", f"/{id_}/operations")["value"] == []
    assert graph.get(id_)["accessDetails"] == details(*BASIC[1:])


def test_what_is_in_force_is_ended_once(graph: Graph) -> None:
    id_ = active(graph)
    asked = graph.ask("POST", f"/{id_}/requests", 201, json=TERMINATE)
    assert (asked["action"], asked["status"]) == ("terminate", "succeeded")
    found = graph.get(id_)
    assert (found["status"], found["endDateTime"]) == ("terminated", asked["createdDateTime"])
    assert "ended" in graph.refused("POST", f"/{id_}/requests", 400, json=TERMINATE)
    assert [each["action"] for each in graph.ask("GET", f"/{id_}/requests")["value"]] == [
        "lockForApproval",
        "terminate",
    ]


def test_only_what_is_in_force_is_ended(graph: Graph) -> None:
    made = graph.create()
    for id_ in (made["id"], graph.story.offers["waiting"]):
        assert "not in force" in graph.refused("POST", f"/{id_}/requests", 400, json=TERMINATE)


def test_access_assignments_are_kept_and_told_again(graph: Graph) -> None:
    id_ = active(graph)
    container = {"accessContainerId": str(uuid4()), "accessContainerType": "securityGroup"}
    body = {"accessContainer": container, "accessDetails": details(*BASIC)}
    made = graph.ask("POST", f"/{id_}/accessAssignments", 201, json=body)
    assert (made["status"], made["accessContainer"]) == ("pending", container)
    found = graph.ask("GET", made["headers"]["Location"])
    assert (found["status"], found["accessDetails"]) == ("active", details(*BASIC))
    assert "assignment already" in graph.refused("POST", f"/{id_}/accessAssignments", 409, json=body)
    path = f"/{id_}/accessAssignments/{made['id']}"
    sent = {"accessDetails": details(BASIC[0])}
    graph.refused("PATCH", path, 400, json=sent)
    changed = graph.ask("PATCH", path, json=sent, headers={"If-Match": found["@odata.etag"]})
    assert changed["accessDetails"] == details(BASIC[0])
    graph.refused("DELETE", path, 412, headers={"If-Match": found["@odata.etag"]})
    headers = {"If-Match": changed["@odata.etag"], "MS-RequestId": str(uuid4())}
    graph.ask("DELETE", path, 204, headers=headers)
    graph.refused("GET", path, 404)
    assert graph.ask("DELETE", path, 204, headers=headers)["headers"]["Idempotent-Replayed"] == "true"


def test_a_group_is_assigned_what_is_held_and_in_force_alone(graph: Graph) -> None:
    body = {
        "accessContainer": {"accessContainerId": str(uuid4()), "accessContainerType": "securityGroup"},
        "accessDetails": details(GLOBAL_ADMINISTRATOR),
    }
    assert "does not hold" in graph.refused("POST", f"/{active(graph)}/accessAssignments", 400, json=body)
    made = graph.create()
    for id_ in (made["id"], graph.story.offers["waiting"]):
        words = graph.refused("POST", f"/{id_}/accessAssignments", 400, json=body | {"accessDetails": details(*BASIC)})
        assert "not in force" in words


def test_access_assignments_are_paged(graph: Graph) -> None:
    id_ = active(graph)
    made = {str(graph.story.assign(id_)) for _ in range(5)}
    page, found = graph.ask("GET", f"/{id_}/accessAssignments", query_string={"$top": "2"}), []
    found += [each["id"] for each in page["value"]]
    while "@odata.nextLink" in page:
        page = graph.ask("GET", page["@odata.nextLink"])
        found += [each["id"] for each in page["value"]]
    assert len(found) == 5
    assert set(found) == made


# --- lists -------------------------------------------------------------------------------------------------------


def _in_every_state(story: Story, go: Callable[[timedelta], None]) -> None:
    """Offers that became everything an offer can become, as long ago as it takes."""

    def offer(name: str, **terms: Any) -> UUID:
        return story.offer(story.partner, story.customer, name, **terms)

    with story.unit():
        database.write()
        partner = database.session().get_one(Organization, story.partner.id)
        partner.enrolled_at = clock.now() - timedelta(days=200)
    go(timedelta(days=-100))
    story.approve(offer("Short", duration_days=1))
    story.approve(offer("Again and again", duration_days=1, auto_extends=True))
    offer("Lapsed")
    ended, declined, withdrawn = story.approve(offer("Ended")), offer("Declined"), offer("Withdrawn")
    for id_, act in (
        (ended, lambda row: delegated_admin.end(row, by=story.actor("admin_agent"))),
        (declined, lambda row: delegated_admin.decline(row, by=story.actor("global_administrator"), reason="other")),
        (withdrawn, lambda row: delegated_admin.withdraw(row, by=story.actor("admin_agent"))),
    ):
        with story.unit():
            act(database.session().get_one(DelegatedRelationship, id_))
    go(timedelta(0))
    story.approve(offer("Active"))
    story.draft("Created")


@pytest.mark.parametrize("works", [False, True])
def test_every_state_is_filtered_by_graph_s_word(graph: Graph, monkeypatch: pytest.MonkeyPatch, works: bool) -> None:
    real, shift = clock.now, [timedelta(0)]
    monkeypatch.setattr(clock, "now", lambda: real() + shift[0])

    def go(by: timedelta) -> None:
        shift[0] = by

    _in_every_state(graph.story, go)
    if works:
        with graph.story.app.app_context():
            jobs.attend()
    expected: dict[str, set[str]] = {
        "created": {"Created"}, "approvalPending": {"Everyday support"}, "active": {"Active", "Again and again"},
        "expired": {"Short", "Lapsed"}, "terminated": {"Ended", "Declined", "Withdrawn"}, "activating": set(),
        "terminating": set(),
    }  # fmt: skip
    for status, names in expected.items():
        assert set(graph.names(filter=f"status eq '{status}'")) == names, status
    for entry in graph.listed():
        assert entry["displayName"] in expected[entry["status"]]
        assert graph.get(entry["id"])["status"] == entry["status"]
        assert (entry["endDateTime"] is None) == (entry["activatedDateTime"] is None)


def test_lists_are_filtered_by_name_and_customer(graph: Graph) -> None:
    graph.create("Care one")
    graph.create("CARE two", customer=None)
    graph.create("O'Neil")
    assert set(graph.names(filter="startswith(displayName,'care')")) == {"Care one", "CARE two"}
    assert set(graph.names(filter="startswith(displayName,'care ')")) == {"Care one", "CARE two"}
    assert graph.names(filter="startswith(displayName,'ca re')") == []
    assert graph.names(filter="displayName eq 'o''neil'") == ["O'Neil"]
    customer = f"customer/tenantId eq '{graph.story.customer.id}'"
    assert set(graph.names(filter=f"{customer} and status eq 'created'")) == {"Care one", "O'Neil"}
    assert set(graph.names(filter="displayName eq 'Care one' or status eq 'approvalPending'")) == {
        "Care one", "Everyday support",
    }  # fmt: skip


@pytest.mark.parametrize("order", ["createdDateTime", "displayName", "lastModifiedDateTime"])
@pytest.mark.parametrize("direction", ["", " asc", " desc"])
def test_pages_follow_each_other_without_gap_or_repetition(graph: Graph, order: str, direction: str) -> None:
    for number, name in enumerate(["delta", "Alpha", "echo", "bravo", "Charlie"]):
        if number % 2:
            graph.create(name)
        else:
            graph.story.offer(graph.story.partner, graph.story.customer, name)
    page = graph.ask("GET", query_string={"$top": "2", "$orderby": order + direction, "$count": "true"})
    total, found = page["@odata.count"], list(page["value"])
    while "@odata.nextLink" in page:
        assert page["@odata.nextLink"].startswith(graph.story.app.config["PUBLIC_URL"] + ROOT)
        page = graph.ask("GET", page["@odata.nextLink"])
        assert page["@odata.count"] == total
        found += page["value"]
    places = [each[order].casefold() if order == "displayName" else each[order] for each in found]
    assert places == sorted(places, reverse=direction == " desc")
    assert len({each["id"] for each in found}) == len(found) == total == 6


def test_selected_properties_come_alone(graph: Graph) -> None:
    graph.create("Care")
    for each in graph.listed(select="id, displayName"):
        assert each.keys() == {"@odata.etag", "id", "displayName"}
    found = graph.ask("GET", f"/{graph.story.offers['waiting']}?$select=status")
    assert found.keys() - {"headers"} == {"@odata.context", "@odata.etag", "status"}


@pytest.mark.parametrize(
    ("option", "text", "said"),
    [
        ("$filter", "duration eq 'P1D'", "startswith(displayName"),
        ("$orderby", "status", "lastModifiedDateTime"),
        ("$select", "id,secret", "displayName"),
        ("$top", "301", "$top"),
        ("$top", "0", "$top"),
        ("$skiptoken", "nonsense", "$skiptoken"),
        ("$skipToken", "WyJ4Il0", "$skiptoken"),
        ("$skip", "2", "$skiptoken"),
        ("$expand", "requests", "$filter"),
        ("$search", "care", "$filter"),
    ],
)
def test_an_option_that_is_not_supported_is_refused_with_what_is(
    graph: Graph, option: str, text: str, said: str
) -> None:
    words = graph.refused("GET", "", 400, query_string={option: text})
    assert option.casefold() in words.casefold()
    assert said in words


def test_a_page_s_token_is_of_its_order_alone(graph: Graph) -> None:
    for name in ("a", "b", "c"):
        graph.create(name)
    following = graph.ask("GET", query_string={"$top": "1", "$orderby": "displayName"})["@odata.nextLink"]
    graph.ask("GET", following)
    assert "$skiptoken" in graph.refused("GET", following.replace("displayName", "createdDateTime"), 400)


# --- both faces --------------------------------------------------------------------------------------------------


def test_what_the_page_makes_is_seen_by_graph(graph: Graph) -> None:
    story = graph.story
    address = f"/partner/delegated-admin/new?customer={story.customer.id}"
    story.post("admin_agent", "/partner/delegated-admin/new", **story.fields(
        "admin_agent", address, to="/new", name="From the page"
    ) | {"act": "make"})  # fmt: skip
    (found,) = graph.listed(filter="displayName eq 'From the page'")
    assert (found["status"], found["customer"]["displayName"]) == ("approvalPending", "Contoso Ltd.")
    (asked,) = graph.ask("GET", f"/{found['id']}/requests")["value"]
    assert asked["action"] == "lockForApproval"
    story.post("admin_agent", f"/partner/delegated-admin/{found['id']}/withdrawal")
    assert graph.get(found["id"])["status"] == "terminated"


def test_what_graph_makes_is_seen_on_the_pages(graph: Graph) -> None:
    story = graph.story
    made = graph.create("From a program")
    listing = story.client("admin_agent").get("/partner/delegated-admin/relationships").text
    assert "From a program" in listing
    graph.ask("POST", f"/{made['id']}/requests", 201, json=LOCK)
    assert "From a program" in story.client("admin_agent").get("/partner/delegated-admin/relationships").text
    assert story.client("admin_agent").get(f"/partner/delegated-admin/{made['id']}").status_code == 200
    assert "From a program" in story.client("global_administrator").get("/home").text
    story.approve(UUID(made["id"]))
    assert graph.get(made["id"])["status"] == "active"
    graph.ask("POST", f"/{made['id']}/requests", 201, json=TERMINATE)
    assert "ended" in story.client("admin_agent").get(f"/partner/delegated-admin/{made['id']}").text


def test_another_partner_sees_and_changes_nothing(graph: Graph) -> None:
    made = graph.create()
    rival = graph.story.client("api_rival")
    assert rival.get(ROOT).get_json()["value"] == []
    assert rival.get(f"{ROOT}/{made['id']}").status_code == 404
    with graph.story.app.app_context():
        assert database.session().get(DelegatedDraft, UUID(made["id"])) is not None
