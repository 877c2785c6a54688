"""Routes of `team`: a partner's people, and the partners it works together with."""

from typing import Any
from uuid import UUID, uuid4

from tests.guards.routes import PARTNER_READERS, Row, many, row
from tests.support.builders import Party, World
from tests.support.story import Story
from webapp import actor as actors
from webapp import database
from webapp.accounts.actions import add_person, start_session
from webapp.accounts.models import Person
from webapp.team import actions, queries
from webapp.team.models import PairingRequest


def _reads(status: int, **more: Any) -> Row:
    return row(status, to=PARTNER_READERS, partner_member=403, otherwise=404, **more)


def _leads(status: int, **more: Any) -> Row:
    return row(
        status, to=("admin_agent",), otherwise=404, sales_agent=403, helpdesk_agent=403, partner_member=403, **more
    )


def _colleague(s: Story) -> dict[str, Any]:
    return {"person_id": s.partner["sales_agent"].id}


def _invited(s: Story) -> dict[str, Any]:
    with s.unit():
        return {"person_id": _add(s, s.partner, "Invited")}


def _removed(s: Story) -> dict[str, Any]:
    invited = _invited(s)
    with s.unit():
        actions.remove(database.session().get_one(Person, invited["person_id"]), by=s.actor("admin_agent"))
    return invited


def _add(s: Story, party: Party, name: str) -> UUID:
    person = add_person(
        organization_id=party.id, given_name=name, family_name="New", address=f"{uuid4().hex}@{party.chain_id.hex}.example",
        language="en",
    )  # fmt: skip
    return person.id


def _as(programme: str) -> Any:
    """Let partner and rival be of a programme that works in pairs."""

    def prepare(s: Story) -> dict[str, Any]:
        with s.unit():
            database.write()
            for party in (s.partner, s.rival):
                s.organization(party).programme = programme
        return {}

    return prepare


def _number(s: Story) -> dict[str, Any]:
    with s.app.app_context():
        return {"number": s.organization(s.provider).partner_number}


def _asked(s: Story) -> dict[str, Any]:
    """The provider asks the partner, which is a reseller now."""
    _as("indirect_reseller")(s)
    return {"request_id": _ask(s, s.provider, s.partner)}


def _asking(s: Story) -> dict[str, Any]:
    """The partner, which is a reseller now, asks the provider."""
    _as("indirect_reseller")(s)
    return {"request_id": _ask(s, s.partner, s.provider)}


def _ask(s: Story, by: Party, other: Party) -> UUID:
    with s.unit():
        session = start_session(by["admin_agent"].id, proof="password", network_address="", browser="Test")
        actor = actors.load(session.id)
    with s.unit():
        assert actor is not None
        return actions.ask(s.organization(other), by=actor).id


def _paired(s: Story) -> dict[str, Any]:
    asked = _asked(s)
    with s.unit():
        request = database.session().get_one(PairingRequest, asked["request_id"])
        actions.confirm(request, by=s.actor("admin_agent"))
    with s.app.app_context():
        return {"pairing_id": queries.pairs_of(s.partner.id)[0].row.id}


ROUTES = {
    "GET /partner/team": _reads(200),
    "GET /partner/team/new": _leads(200),
    "POST /partner/team": _leads(
        302,
        form=lambda s: {
            "given_name": "Ann",
            "family_name": "Lee",
            "address": "ann.lee@new-team.example",
            "roles": ["sales_agent"],
            "language": "en",
            "outside": "y",
        },
    ),
    "GET /partner/team/people/<uuid:person_id>": _reads(200, prepare=_colleague),
    "GET /partner/team/people/<uuid:person_id>/roles": _leads(200, prepare=_colleague),
    "POST /partner/team/people/<uuid:person_id>/roles": _leads(
        302, prepare=_colleague, form=lambda s: {"roles": ["admin_agent", "sales_agent"]}
    ),
    "GET /partner/team/people/<uuid:person_id>/removal": _leads(200, prepare=_colleague),
    "POST /partner/team/people/<uuid:person_id>/removal": _leads(302, prepare=_colleague),
    "POST /partner/team/people/<uuid:person_id>/readmission": _leads(302, prepare=_removed),
    "POST /partner/team/people/<uuid:person_id>/link": _leads(302, prepare=_invited),
    "GET /partner/team/pairings": _reads(200),
    "GET /partner/team/pairings/new": _leads(200),
    "POST /partner/team/pairings/check": _leads(200, prepare=_as("indirect_reseller"), form=_number),
    # The delegate's partner is billed directly, which works in no pairs.
    "POST /partner/team/pairings": _leads(302, delegate=409, prepare=_as("indirect_reseller"), form=_number),
    "GET /partner/team/pairings/requests/<uuid:request_id>": _reads(200, prepare=_asked),
    "POST /partner/team/pairings/requests/<uuid:request_id>/confirmation": _leads(302, prepare=_asked),
    "POST /partner/team/pairings/requests/<uuid:request_id>/decline": _leads(
        302, prepare=_asked, form=lambda s: {"reason": "Not now."}
    ),
    "POST /partner/team/pairings/requests/<uuid:request_id>/withdrawal": _leads(302, prepare=_asking),
    "GET /partner/team/pairings/<uuid:pairing_id>": _reads(200, prepare=_paired),
    "GET /partner/team/pairings/<uuid:pairing_id>/ending": _leads(200, prepare=_paired),
    "POST /partner/team/pairings/<uuid:pairing_id>/ending": _leads(302, prepare=_paired),
}


def _colleagues(s: Story, count: int) -> None:
    with s.unit():
        for number in range(count):
            _add(s, s.partner, f"Person {number}")


def _with_others(s: Story, count: int) -> None:
    """Requests and pairings with ever more providers."""
    _as("indirect_reseller")(s)
    world = World(s.app)
    for number in range(count):
        other = world.a_partner(programme="indirect_provider", roles=("admin_agent",))
        if number % 2:
            world.pair(other, s.partner)
        else:
            _ask(s, other, s.partner)


LISTS = {
    "GET /partner/team": many("admin_agent", _colleagues),
    "GET /partner/team/pairings": many("admin_agent", _with_others),
}
