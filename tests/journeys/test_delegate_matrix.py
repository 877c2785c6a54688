"""What each delegated role lets whoever acts for a customer do: role × action, every cell a real request with a body that
works for those who may. The expectations stand here, in one table, and do not ask the policy table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest

from tests.guards.routes import Row, table
from tests.guards.test_routes import ask
from tests.support.rows import changed, digests
from tests.support.story import Story
from webapp import database
from webapp.delegated_admin import actions as delegated_admin
from webapp.delegated_admin import queries
from webapp.delegated_admin.models import DelegatedRelationship
from webapp.delegated_admin.roles import ROLES

Stories = Callable[..., Story]
TABLE = table()
KEY = {role.key: role.id for role in ROLES}

GLOBAL, READER, BILLING, RELATIONS, USERS, LICENCES, HELPDESK, MAIL = (
    "global_administrator", "global_reader", "billing_administrator",
    "customer_delegated_admin_relationship_administrator", "user_administrator", "license_administrator",
    "helpdesk_administrator", "exchange_administrator",
)  # fmt: skip
EVERY = (GLOBAL, READER, BILLING, RELATIONS, USERS, LICENCES, HELPDESK, MAIL)
#: Opens no page here: whoever has it alone does not get as far as being refused.
UNMAPPED = (MAIL,)
NOBODY: tuple[str, ...] = ()


@dataclass(frozen=True)
class Action:
    """A route of the table, and the roles that reach it. `prepare` and `form`: instead of the table's own. `refused`: what
    everybody else is answered."""

    key: str
    roles: tuple[str, ...]
    prepare: Callable[[Story], dict[str, Any]] | None = None
    form: dict[str, Any] | None = None
    refused: int = 403


def _administrator(s: Story) -> dict[str, Any]:
    return {"person_id": s.customer["global_administrator"].id}


def _billing_administrator(s: Story) -> dict[str, Any]:
    return {"person_id": s.customer["billing_administrator"].id}


_LINE = "/subscriptions/<uuid:line_id>"
_RELATION = "/settings/partner-relationships/<uuid:relationship_id>"
_OFFER = "/delegated-admin/<uuid:relationship_id>"
MATRIX = {
    "list people": Action("GET /users", (GLOBAL, READER, USERS, LICENCES, HELPDESK)),
    "add a person": Action("POST /users", (GLOBAL, USERS)),
    "give a licence": Action("POST /users/<uuid:person_id>/licences", (GLOBAL, USERS, LICENCES)),
    "reset a password": Action("POST /users/<uuid:person_id>/password-reset", (GLOBAL, USERS, HELPDESK)),
    "block a person": Action("POST /users/<uuid:person_id>/block", (GLOBAL, USERS)),
    "read subscriptions": Action("GET /subscriptions", (GLOBAL, READER, BILLING, USERS, LICENCES)),
    "name the partner of record": Action(f"POST {_LINE}/partner-of-record", (GLOBAL, BILLING)),
    "remove the partner of record": Action(f"POST {_LINE}/partner-of-record/removal", (GLOBAL, BILLING)),
    "redeem a key": Action("POST /redeem/own", (GLOBAL, BILLING)),
    "read the ways to renew": Action(f"GET {_LINE}/renewal", (GLOBAL, BILLING)),
    "stop a renewal": Action(f"POST {_LINE}/renewal-stop", (GLOBAL, BILLING)),
    "read orders": Action("GET /orders", (GLOBAL, READER, BILLING)),
    "read history": Action("GET /history", (GLOBAL, READER)),
    "read the agreement": Action("GET /agreement", (GLOBAL, READER, BILLING)),
    "read receipts": Action("GET /agreement/receipts/<uuid:acceptance_id>", (GLOBAL, READER, BILLING)),
    "read relationships": Action("GET /settings/partner-relationships", (GLOBAL, READER, BILLING, RELATIONS)),
    # What binds the customer, or opens it to others: nobody who acts for it.
    "accept the agreement": Action("POST /agreement/acceptance", NOBODY),
    "review an invitation": Action("GET /invitation/<ref>/acceptance", NOBODY, refused=404),
    "accept an invitation": Action("POST /invitation/<ref>/acceptance", NOBODY, refused=404),
    "decline an invitation": Action("POST /invitation/<ref>/decline", NOBODY, refused=404),
    "read an offer of delegated administration": Action(f"GET {_OFFER}", NOBODY),
    "approve delegated administration": Action(f"POST {_OFFER}/approval", NOBODY),
    "decline delegated administration": Action(f"POST {_OFFER}/decline", NOBODY),
    "keep delegated administration for longer": Action(f"POST {_OFFER}/auto-extension", NOBODY),
    "take roles from another partner": Action(f"POST {_OFFER}/removal", NOBODY),
    "buy": Action("POST /orders", NOBODY),
    "read what direct billing begins": Action(f"GET {_LINE}/renewal/direct-billing", NOBODY),
    "switch to direct billing": Action(f"POST {_LINE}/renewal/direct-billing", NOBODY),
    "let it renew itself": Action(f"POST {_LINE}/renewal/automatic-renewal", NOBODY),
    "ask to end a relationship": Action(f"POST {_RELATION}/ending", NOBODY),
    "distrust a partner": Action(f"POST {_RELATION}/distrust", NOBODY),
    "object to an attestation": Action("POST /agreement/attestations/<uuid:attestation_id>/objection", NOBODY),
    "admit a person": Action("POST /admissions/<uuid:request_id>/admission", NOBODY),
    "read the inbox": Action("GET /inbox", NOBODY),
    "give roles": Action("POST /users/<uuid:person_id>/roles", NOBODY),
    # Administrators are out of reach whatever the role allows with others.
    "reset an administrator's password": Action("POST /users/<uuid:person_id>/password-reset", NOBODY, _administrator),
    "reset a billing administrator's password": Action(
        "POST /users/<uuid:person_id>/password-reset", NOBODY, _billing_administrator
    ),
    "block an administrator": Action("POST /users/<uuid:person_id>/block", NOBODY, _administrator),
    "take an administrator's roles": Action(
        "POST /users/<uuid:person_id>/roles", NOBODY, _administrator, {"roles": ["global_reader"], "sure": "yes"}
    ),
}


def give(story: Story, *keys: str) -> None:
    """Let the delegate's partner have exactly these roles at the customer, by an approval of its own."""
    with story.unit():
        for row in queries.active_between(story.customer.id, story.helper.id):
            delegated_admin.end(row, by=story.actor("global_administrator"))
    story.approve(
        story.offer(story.helper, story.customer, f"Roles {len(_offers(story))}", roles=[KEY[k] for k in keys])
    )


def _offers(story: Story) -> list[UUID]:
    with story.app.app_context():
        return [
            row.id for row in database.session().query(DelegatedRelationship).filter_by(partner_id=story.helper.id)
        ]  # fmt: skip


class Case:
    """One action on a copy of the story, with what its request needs."""

    def __init__(self, story: Story, action: Action) -> None:
        self.story, self.action = story, action
        row = TABLE[action.key]
        self.parameters = (action.prepare or row.prepare or (lambda _story: {}))(story)
        form = action.form or {}
        if action.form is None and not action.key.startswith("GET "):
            form = row.body(story, self.parameters)
        self.row = Row(row.status, row.to, row.otherwise, row.exceptions, row.prepare, lambda _story: form)

    def ask(self, *keys: str) -> int:
        """What the delegate with these roles is answered."""
        give(self.story, *keys)
        before = digests(self.story.app)
        answer, _address = ask(self.story, self.action.key, self.row, "delegate", self.parameters)
        answer.close()
        if answer.status_code >= 400 or self.action.key.startswith("GET "):
            assert changed(before, digests(self.story.app), but=("activity",)) == [], keys
        return answer.status_code


@pytest.mark.parametrize("name", MATRIX)
def test_each_role_reaches_what_the_table_says(stories: Stories, name: str) -> None:
    action = MATRIX[name]
    case = Case(stories(), action)
    found = {role: case.ask(role) for role in EVERY if role not in action.roles}
    expected = {role: 404 if role in UNMAPPED else action.refused for role in found}
    assert found == expected
    for number, role in enumerate(action.roles):
        if number and not action.key.startswith("GET "):
            case = Case(stories(), action)  # the act was done on the copy before
        assert case.ask(role) == TABLE[action.key].status, role


@pytest.mark.parametrize("name", [name for name, action in MATRIX.items() if not action.roles])
def test_every_role_together_reaches_no_acceptance_and_no_administrator(stories: Stories, name: str) -> None:
    action = MATRIX[name]
    assert Case(stories(), action).ask(*KEY) == action.refused
