"""Inviting and removing colleagues, their roles; asking another partner to work together, answering, ending it.

Each verb is one act in the chain of the partner that acts.
"""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID, uuid4

from webapp import clock, database
from webapp.accounts import actions as accounts
from webapp.accounts.models import Person
from webapp.actor import Actor
from webapp.errors import speaks
from webapp.evidence import actions as evidence
from webapp.evidence.models import Fact
from webapp.organizations import actions as organization_actions
from webapp.organizations import queries as organizations
from webapp.organizations.models import Organization, Pairing
from webapp.organizations.rules import AlreadyPaired, PartnerInactive, check_pairing
from webapp.policies import queries as policies
from webapp.tasks import actions as tasks
from webapp.team import emails, queries, rules
from webapp.team.models import PairingAnswer, PairingRequest

speaks(
    "uq_pairing_requests_provider_id_reseller_id_ordinal", lambda: rules.PairingAskedAlready(by_us=False, at=None)
)  # fmt: skip
speaks("uq_pairing_answers_request_id", lambda: rules.PairingRequestOver(how="", at=clock.now(), by=""))


# --- people ----------------------------------------------------------------------------------------------------


def invite(
    *, by: Actor, given_name: str, family_name: str, address: str, roles: tuple[str, ...], language: str
) -> tuple[Person, bool, bool]:
    """Add a colleague and mail the link for a first password.

    Answers the person, whether it is new in the team, and whether a mail was written. Somebody who is there already
    keeps name and roles. Raises AddressNotUsable.
    """
    return organization_actions.invite_colleague(
        _own(by), by=by, given_name=given_name, family_name=family_name, address=address, roles=roles, language=language
    )


def change_roles(person: Person, roles: frozenset[str], *, by: Actor) -> bool:
    """Give a colleague exactly these roles. False when nothing changes. Raises LastAdministrator."""
    return organization_actions.change_roles(person, roles, by=by)


def remove(person: Person, *, by: Actor) -> bool:
    """Close a colleague's access, at once and everywhere. False when it is closed. Raises LastAdministrator."""
    changed, _stops = organization_actions.disable_person(person, by=by)
    return changed


def readmit(person: Person, *, by: Actor) -> bool:
    """Open a colleague's access again, with the roles from before. False when it is open."""
    return accounts.enable(person, by=by)


def send_link(person: Person) -> bool:
    """Mail a colleague who never signed in another link for its first password. False when none was sent: it has a
    password, is removed, or was written to within the last ten minutes."""
    return organization_actions.send_link_again(person)


def _own(by: Actor) -> Organization:
    found = organizations.organization_by_id(by.organization_id)
    assert found is not None
    return found


# --- pairings --------------------------------------------------------------------------------------------------


def ask(other: Organization, *, by: Actor) -> PairingRequest:
    """Ask another partner to work together as provider and reseller; it waits for its answer there.

    Raises WrongProgramme, PartnerInactive, AlreadyPaired, PairingAskedAlready.
    """
    own = _own(by)
    database.write(chain=own.chain_id)
    provider, reseller = queries.sides(own, other)
    check_pairing(provider.programme, reseller.programme)
    _check_open(other)
    if organizations.pairing(provider.id, reseller.id) is not None:
        raise AlreadyPaired()
    earlier = queries.between(provider.id, reseller.id)
    now = clock.now()
    rules.check_can_ask((queries.as_asked(row, answer, own.id) for row, answer in earlier), now)
    request_id = uuid4()
    fact = evidence.record(
        "pairing.asked", by=by, partner_id=provider.id, other_partner_id=reseller.id,
        facts={"request_id": str(request_id), "side": "provider" if own.id == provider.id else "reseller"},
    )  # fmt: skip
    row = PairingRequest(
        id=request_id, provider_id=provider.id, reseller_id=reseller.id, by_organization_id=own.id,
        ordinal=len(earlier) + 1, at=fact.at, expires_at=fact.at + timedelta(days=policies.value("pairing.request_days")),
        person_id=by.person_id, fact_id=fact.id,
    )  # fmt: skip
    database.session().add(row)
    database.session().flush()
    tasks.put(
        other.id, "pairing_asked", about_key=str(row.id), about_id=row.id, waits=True, facts={"partner": own.name},
        path=_path(row),
    )  # fmt: skip
    emails.asked(other, request=row, by=by, number=own.partner_number or "")
    return row


def confirm(request: PairingRequest, *, by: Actor) -> bool:
    """The partner that was asked confirms: the two work together from now on. False when it did.

    The confirmation stands in its own chain. Raises PairingRequestOver, AlreadyPaired, PartnerInactive,
    WrongProgramme.
    """
    row = database.locked(request, chain=by.chain_id)
    if _is_repeated(row, "confirmed", by):
        return False
    provider, reseller = _parties(row)
    _check_open(provider, reseller)
    fact = organization_actions.confirm_pairing(provider, reseller, by=by, facts={"request_id": str(row.id)})
    _answer(row, "confirmed", by=by, fact=fact)
    return True


def decline(request: PairingRequest, *, by: Actor, reason: str = "") -> bool:
    """The partner that was asked declines. False when it did. Raises PairingRequestOver."""
    return _close(request, "declined", by=by, reason=reason)


def withdraw(request: PairingRequest, *, by: Actor) -> bool:
    """The partner that asked takes its request back. False when it did. Raises PairingRequestOver."""
    return _close(request, "withdrawn", by=by)


def _close(request: PairingRequest, answer: str, *, by: Actor, reason: str = "") -> bool:
    row = database.locked(request, chain=by.chain_id)
    if _is_repeated(row, answer, by):
        return False
    fact = evidence.record(
        f"pairing.{answer}", by=by, partner_id=row.provider_id, other_partner_id=row.reseller_id,
        facts={"request_id": str(row.id)}, personal={"reason": reason} if reason else None,
    )  # fmt: skip
    _answer(row, answer, by=by, fact=fact, reason=reason)
    return True


def _answer(row: PairingRequest, answer: str, *, by: Actor, fact: Fact, reason: str = "") -> None:
    """Write what became of a request, and tell the other side."""
    database.session().add(
        PairingAnswer(
            request_id=row.id, answer=answer, at=fact.at, by_organization_id=by.organization_id,
            person_id=by.person_id, fact_id=fact.id,
        )
    )  # fmt: skip
    database.session().flush()
    tasks.done(row.asked_organization_id, "pairing_asked", str(row.id), by_id=by.person_id)
    if answer != "withdrawn":
        tasks.put(
            row.by_organization_id, f"pairing_{answer}", about_key=str(row.id), about_id=row.id, waits=False,
            facts={"partner": by.organization_name}, path=_path(row),
        )  # fmt: skip
    emails.answered(_across(row, by), request=row, answer=answer, by=by, reason=reason)


def end(pairing: Pairing, *, by: Actor) -> bool:
    """Either side ends the work together, at once; what runs with customers goes on. False when it has ended."""
    if not organization_actions.unpair(pairing, by=by):
        return False
    row = organizations.pairing_by_id(pairing.id)
    assert row is not None
    assert row.ended_at is not None
    other = _across(row, by)
    tasks.put(
        other.id, "pairing_ended", about_key=f"{row.id} {row.ended_at:%Y%m%d%H%M%S%f}", about_id=row.id, waits=False,
        facts={"partner": by.organization_name}, path="/partner/team/pairings",
    )  # fmt: skip
    emails.ended(other, by=by)
    return True


def let_go(request: PairingRequest) -> None:
    """Take a request that waits no more out of the inbox of who was asked; safe to run twice."""
    tasks.done(request.asked_organization_id, "pairing_asked", str(request.id))


def _is_repeated(row: PairingRequest, wanted: str, by: Actor) -> bool:
    asked = queries.as_asked(row, queries.answer_to(row.id), by.organization_id)
    return rules.is_repeated(asked, wanted, clock.now())


def _parties(row: PairingRequest) -> tuple[Organization, Organization]:
    return _partner(row.provider_id), _partner(row.reseller_id)


def _across(row: PairingRequest | Pairing, by: Actor) -> Organization:
    """The partner on the other side."""
    return _partner(row.reseller_id if row.provider_id == by.organization_id else row.provider_id)


def _partner(partner_id: UUID) -> Organization:
    found = organizations.partner_by_id(partner_id)
    assert found is not None  # a foreign key
    return found


def _check_open(*partners: Organization) -> None:
    for each in partners:
        if not each.is_open:
            raise PartnerInactive(partner=each.name)


def _path(row: PairingRequest) -> str:
    return f"/partner/team/pairings/requests/{row.id}"
