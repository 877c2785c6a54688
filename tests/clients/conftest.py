"""Fixtures of the tests with published clients: tokens made in the database, and the clients at the served program."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest
from flask import Flask

from tests.support.builders import Party
from tests.support.served import Served
from webapp import actor as actors
from webapp import database
from webapp.accounts import actions as accounts
from webapp.api_clients import actions as api_clients

with warnings.catch_warnings():
    # msrest, on which the client is built, is archived: it imports and calls what Python has deprecated since.
    warnings.simplefilter("ignore", DeprecationWarning)
    from microsoft.store.partnercenterservices import MicrosoftPartnerStoreApis
    from msrest.authentication import BasicTokenAuthentication


def give_token(app: Flask, partner: Party, *roles: str, by: str = "admin_agent") -> str:
    """An access token of a new client of a partner, which acts as itself; without roles an admin agent's."""
    held = roles or ("admin_agent",)
    with app.app_context(), database.unit_of_work():
        session_id: UUID = accounts.start_session(
            partner[by].id, proof="password", network_address="192.0.2.1", browser="Test"
        ).id
    with app.app_context():
        actor = actors.load(session_id)
        assert actor is not None
    with app.app_context(), database.unit_of_work():
        client, _secret = api_clients.create(by=actor, name="program", roles=held)
        return api_clients.give_token(client, roles=held)[1]


@pytest.fixture
def token(app: Flask) -> Callable[..., str]:
    """Make tokens: `token(partner, "sales_agent")`."""
    return lambda partner, *roles, **more: give_token(app, partner, *roles, **more)


@dataclass
class PartnerCenter:
    """The published client partnercenterservices, unmodified: only address and token are ours."""

    apis: Any

    def __call__(self, operation: Any, *values: Any, **more: Any) -> Any:
        """What an operation of the client answers, in version 1."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # as above, when it sends
            return operation(*values, version="1", **more)

    def raw(self, operation: Any, *values: Any, **more: Any) -> Any:
        """The answer itself: the client makes None of every documented error."""
        return self(operation, *values, raw=True, **more).response


@pytest.fixture
def partner_center() -> Callable[[Served, str], PartnerCenter]:
    """Connect the client to a served program with a token."""

    def connect(served: Served, bearer: str) -> PartnerCenter:
        credentials = BasicTokenAuthentication({"access_token": bearer})
        return PartnerCenter(MicrosoftPartnerStoreApis(credentials, base_url=served.url))

    return connect
