"""The published client `partnercenterservices` asks for relationship requests at the served program."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from importlib import import_module

import pytest
from flask import Flask

from tests.support.builders import Party, World
from tests.support.served import Served
from webapp import database
from webapp.api_clients import actions as api_clients

with warnings.catch_warnings():
    # the library is generated code of 2020: its own imports use what Python has deprecated since
    warnings.simplefilter("ignore")
    PARTNER_CENTER = import_module("microsoft.store.partnercenterservices")  # it has no types
    AUTHENTICATION = import_module("msrest.authentication")


@pytest.fixture
def ask(app: Flask, world: World, serve: Callable[..., Served]) -> Callable[..., str]:
    """The address that the client is answered with, for a token of a partner."""
    served = serve()

    def asked(party: Party, **arguments: object) -> str:
        with app.app_context(), database.unit_of_work():
            by = world._acting(party["admin_agent"])
        with app.app_context(), database.unit_of_work():
            client, _secret = api_clients.create(by=by, name="Orders", roles=("read_only",))
            token = api_clients.give_token(client, roles=("read_only",))[1]
        credentials = AUTHENTICATION.BasicTokenAuthentication({"access_token": token})
        apis = PARTNER_CENTER.MicrosoftPartnerStoreApis(credentials, base_url=served.url)
        name = "getvversioncustomersrelationshiprequestsindirect_cloud_solution_provider_idindirect_cloud_solution_provider_id"
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # as above, when it sends
            found = getattr(apis, name).value("1", **arguments)
        assert found.attributes.object_type == "RelationshipRequest"
        return str(found.url).removeprefix(served.url)

    return asked


def test_the_client_reads_the_address(world: World, ask: Callable[..., str]) -> None:
    partner = world.a_partner("Northwind Cloud")
    expected = (
        f"/AdminPortal/Home?invType=ResellerRelationship&partnerId={partner.id}&msppId=0&DAP=false"
        "#/BillingAccounts/partner-invitation"
    )
    assert ask(partner) == expected
    assert ask(partner, dual_role_indirect_relationship=False) == expected


def test_the_client_names_the_other_of_a_pair(world: World, ask: Callable[..., str]) -> None:
    provider = world.a_partner("Fabrikam Distribution", programme="indirect_provider")
    reseller = world.a_partner("Tailspin Resellers", programme="indirect_reseller")
    world.pair(provider, reseller)
    found = ask(reseller, indirect_cloud_solution_provider_id=str(provider.id), dual_role_indirect_relationship=True)
    assert found == ask(provider, indirect_reseller_id=str(reseller.id))
    assert f"partnerId={provider.id}" in found
    assert f"indirectCSPId={reseller.id}" in found
