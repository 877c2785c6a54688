"""Disabling an organization names the open invitations and live relationships that this stops."""

from __future__ import annotations

from flask import Flask

from tests.support.builders import World
from webapp import database
from webapp.organizations import actions as organizations
from webapp.organizations import queries
from webapp.relationships import actions as relationships


def test_open_invitations_and_live_relationships_are_named(app: Flask, world: World) -> None:
    partner, customer, other = world.a_partner("Northwind"), world.a_customer("Contoso"), world.a_customer("Litware")
    asked = world.an_invitation(partner, customer)
    world.an_invitation(partner, other, expired=True)
    with app.app_context():
        with database.unit_of_work():
            row = queries.organization_by_id(other.id)
            assert row is not None
            live = relationships.begin(row, partner_id=partner.id, reseller_id=None, origin="creation", by=None).id
        stopped = {(stop.kind, stop.about_id): stop.words for stop in organizations.what_stops(partner.id)}
        standing = [words for words in stopped.values() if words.endswith("a standing one")]
        assert stopped["invitation", asked.id].startswith("invitation of Northwind for Contoso, open until ")
        assert stopped["relationship", live].startswith("relationship of Litware with Northwind, since ")
        assert len(standing) == 2
        assert len(stopped) == 4  # the expired one stops nothing
        assert [stop.about_id for stop in organizations.what_stops(customer.id)] == [asked.id]
        assert organizations.what_stops(partner.id, partner["sales_agent"].id) == []
