"""Offering, answering, changing and ending delegated administration; handing a request over; what time brings.

Each verb is one act in the customer's chain, and tells both sides.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from flask import Flask

from webapp import actor as actors
from webapp import clock, database
from webapp.access import Permission, roles_with
from webapp.accounts import actions as accounts
from webapp.accounts import queries as people
from webapp.accounts.models import Person
from webapp.accounts.rules import Stays
from webapp.actor import Actor, full_name
from webapp.agreements import rules as agreement_rules
from webapp.delegated_admin import emails, queries, rules
from webapp.delegated_admin.models import (
    AccessAssignment,
    DelegatedAct,
    DelegatedDraft,
    DelegatedRelationship,
    DelegatedStanding,
    RoleSet,
)
from webapp.delegated_admin.roles import GLOBAL_ADMINISTRATOR, in_order
from webapp.errors import speaks
from webapp.evidence import actions as evidence
from webapp.evidence import queries as records
from webapp.evidence.models import Fact
from webapp.organizations import actions as organization_actions
from webapp.organizations import queries as organizations
from webapp.organizations.models import Organization
from webapp.organizations.rules import AddressOfPartner, Stop
from webapp.policies import queries as policies
from webapp.relationships import actions as relationship_actions
from webapp.relationships import queries as relationships
from webapp.relationships.rules import EndsWith, kept_until
from webapp.tasks import actions as tasks
from webapp.webhooks import actions as webhooks
from webapp.webhooks.actions import Told

speaks("uq_delegated_relationships_partner_id_name_key", lambda: rules.NameTaken(name="", free=""))
speaks(
    "uq_delegated_acts_relationship_id_once_key",
    lambda: rules.OfferOver(state="", at=None, partner="", person="", by=""),
)
speaks(
    "uq_delegated_relationships_replaces_id", lambda: rules.OfferOver(state="", at=None, partner="", person="", by="")
)
speaks("uq_role_sets_partner_id_name_key", lambda: rules.NameTaken(name="", free=""))
speaks("uq_delegated_drafts_partner_id_name_key", lambda: rules.NameTaken(name="", free=""))
speaks("uq_access_assignments_relationship_id_container_id", lambda: rules.GroupAssigned())

#: What happens once: the request, the one answer, the one end.
_ONCE = {
    "requested": "requested", "announced": "announced", "approved": "answer", "declined": "answer",
    "withdrawn": "answer", "lapsed": "answer", "ended": "end", "expired": "end",
}  # fmt: skip


def register(app: Flask) -> None:
    """End rights and offers with the relationship they came with, and let rights of a distrusted partner run out; say
    what stays of an approver, and what disabling or ending a relationship stops."""
    webhooks.also_told_by(_told_to_programs)
    evidence.follow(_end_with_relationship)
    evidence.follow(_let_run_out)
    accounts.holds(_stays)
    organization_actions.stops(_live_with)
    relationship_actions.ends_with(_ends_with)
    app.jinja_env.filters["delegated_role_name"] = queries.shown_role_name


def _live_with(organization_id: UUID, person_id: UUID | None) -> list[Stop]:
    """What is in force or offered at an organization; it does not hang on one person."""
    if person_id is not None:
        return []
    stops = []
    for row in queries.open_with(organization_id):
        names = organizations.names_of({row.customer_id, row.partner_id})
        words = (
            f"{row.state} delegated administration {row.name!r} of {names[row.partner_id]} at {names[row.customer_id]}"
        )
        stops.append(Stop("delegated_administration", row.relationship_id, words))
    return stops


def _stays(person_id: UUID) -> tuple[int, list[Stays]]:
    """An approver's name and address stay for the retention time after the approval."""
    years = policies.value("evidence.retention_years")
    return 0, [
        Stays(
            f"the approval of delegated administration {name!r}",
            f"it is evidence of a right that was given; kept {years} years",
            kept_until(at.date(), years),
            frozenset(UUID(entry["id"]) for entry in records.record_of(fact)["personal"].values()),
        )
        for name, at, fact in queries.approved_by(person_id)
    ]


def _ends_with(customer_id: UUID, partner_id: UUID) -> list[EndsWith]:
    """What `_end_with_relationship` ends and withdraws."""
    return [
        *(EndsWith(row.id, row.name, partner_id) for row in queries.active_between(customer_id, partner_id)),
        *(
            EndsWith(row.id, row.name, partner_id, waits=True)
            for row in queries.pending_between(customer_id, partner_id)
        ),
    ]


def _end_with_relationship(fact: Fact, record: Mapping[str, Any]) -> None:
    """A follower: a partner whose last relationship with a customer ends has no rights there any more, and no offer
    that could give it new ones."""
    if fact.kind != "relationship.ended" or fact.customer_id is None:
        return
    ended = UUID(record["facts"]["relationship_id"])
    for partner_id in (fact.partner_id, fact.other_partner_id):
        if partner_id is None or relationships.related_otherwise(fact.customer_id, partner_id, ended):
            continue
        for row in queries.active_between(fact.customer_id, partner_id):
            _note(row, "ended", fact=fact, facts={"by": "relationship"})
            _project(row)
        for row in queries.pending_between(fact.customer_id, partner_id):
            _note(row, "withdrawn", fact=fact, facts={"by": "relationship"})
            _project(row)


def _told_to_programs(fact: Fact, record: Mapping[str, Any]) -> Iterator[Told]:
    """What ends or is withdrawn with a relationship has no fact of its own; the partners' programs are told of it."""
    if fact.kind != "relationship.ended" or fact.customer_id is None:
        return
    ended = UUID(record["facts"]["relationship_id"])
    for partner_id in (fact.partner_id, fact.other_partner_id):
        if partner_id is None or relationships.related_otherwise(fact.customer_id, partner_id, ended):
            continue
        for each in _ends_with(fact.customer_id, partner_id):
            kind = "delegated_admin.withdrawn" if each.waits else "delegated_admin.ended"
            yield Told(partner_id, kind, {"delegated_id": str(each.id)})


def _let_run_out(fact: Fact, _record: Mapping[str, Any]) -> None:
    """A follower: what a partner has that the customer does not know any more extends itself no longer. An extension
    would be a new right."""
    if fact.kind != "relationship.distrusted" or fact.customer_id is None or fact.partner_id is None:
        return
    for row in queries.active_between(fact.customer_id, fact.partner_id):
        if rules.extends_at(queries.life_of(row), fact.at):
            _note(row, "switched", fact=fact, facts={"on": False})
            _project(row)


# --- rows ------------------------------------------------------------------------------------------------------


def _note(
    row: DelegatedRelationship, kind: str, *, by: Actor | None = None, fact: Fact | None = None,
    facts: Mapping[str, Any] | None = None, receiver_id: UUID | None = None, once: str = "",
) -> DelegatedAct:  # fmt: skip
    """Add an act. What may happen once is refused a second time by the constraint."""
    act_id = uuid4()
    act = DelegatedAct(
        id=act_id, relationship_id=row.id, kind=kind, once_key=once or _ONCE.get(kind, act_id.hex),
        facts=dict(facts or {}), organization_id=by.organization_id if by is not None else None,
        person_id=by.person_id if by is not None else None, receiver_id=receiver_id,
        fact_id=fact.id if fact is not None else None, at=fact.at if fact is not None else clock.now(),
    )  # fmt: skip
    database.session().add(act)
    database.session().flush()
    return act


def _record(
    row: DelegatedRelationship, kind: str, *, by: Actor | None, facts: Mapping[str, Any] | None = None,
    personal: dict[str, str] | None = None, personal_of: Any = None, source: str = "page",
) -> Fact:  # fmt: skip
    return evidence.record(
        f"delegated_admin.{kind}", by=by, source=source, customer_id=row.customer_id, partner_id=row.partner_id,
        facts={"delegated_id": str(row.id), "name": row.name, **(facts or {})},
        personal=personal, personal_of=personal_of,
    )  # fmt: skip


def _project(row: DelegatedRelationship) -> None:
    """Keep the row that lists read in step with the acts; part of the same transaction as the act."""
    session = database.session()
    session.flush()
    values = queries.standing_by_acts(row)
    found = session.get(DelegatedStanding, row.id)
    if found is None:
        session.add(DelegatedStanding(**values))
    else:
        for name, value in values.items():
            setattr(found, name, value)
    session.flush()


def rebuild(row: DelegatedRelationship) -> bool:
    """Write what lists read anew from the acts, while the chain is held; answer whether it differed."""
    row = _locked(row)
    stored = database.session().get(DelegatedStanding, row.id)
    wanted = queries.standing_by_acts(row)
    if stored is not None and all(getattr(stored, name) == value for name, value in wanted.items()):
        return False
    _project(row)
    return True


def _locked(row: DelegatedRelationship) -> DelegatedRelationship:
    """Hold the customer's chain, then the row."""
    customer, _partner = queries.parties_of(row)
    return database.locked(row, chain=customer.chain_id)


def _held(row: DelegatedRelationship, by: Actor) -> tuple[DelegatedRelationship, Actor]:
    """`_locked`, and the actor read again: a role that was lost meanwhile, or a session that ended, counts."""
    row = _locked(row)
    return row, as_of_now(by) or replace(by, roles=frozenset(), permissions=frozenset())


def as_of_now(by: Actor) -> Actor | None:
    """Somebody as of now, by its session or by the token that this request carries; None: it is nobody any more."""
    return actors.again(by) if by.token_id is not None else actors.load(by.session_id)


def hold_names(partner_id: UUID) -> None:
    """Let one at a time give names of a partner: they are unique over offers and drafts, which no constraint says. `write()`
    comes first, and what is locked besides."""
    database.alone(int.from_bytes(partner_id.bytes[:8], signed=True))


# --- offering --------------------------------------------------------------------------------------------------


def offer(
    customer: Organization, *, by: Actor, name: str, roles: Collection[str], duration_days: int, auto_extends: bool,
    replaces: DelegatedRelationship | None = None, id_: UUID | None = None,
) -> DelegatedRelationship:  # fmt: skip
    """Offer delegated administration to a customer: it waits for an answer from now on.

    Raises NotEnrolled, NameTaken, NoRoles, UnknownRole, DurationOutOfBounds, CannotExtend, PartnerDistrusted.
    """
    partner = organizations.partner_by_id(by.organization_id)
    assert partner is not None
    database.write(chain=customer.chain_id)
    now = clock.now()
    rules.check_enrolled(partner.enrolled_at, now)
    rules.check_terms(roles, duration_days, auto_extends)
    hold_names(partner.id)
    rules.check_name(name, queries.taken_names(partner.id, name))
    relationship_actions.check_trusted(customer.id, partner.id)
    last = clock.today(customer.zone) + timedelta(days=policies.value("delegated_admin.offer_days"))
    chosen, id_ = list(in_order(roles)), id_ or uuid4()
    fact = evidence.record(
        "delegated_admin.offered", by=by, customer_id=customer.id, partner_id=partner.id,
        facts={
            "delegated_id": str(id_), "name": name, "roles": chosen, "duration_days": duration_days,
            "auto_extends": auto_extends, "last_day": last.isoformat(),
            "replaces_id": str(replaces.id) if replaces is not None else None,
        },
    )  # fmt: skip
    row = DelegatedRelationship(
        id=id_, partner_id=partner.id, customer_id=customer.id, name=name, name_key=rules.name_key(name),
        roles=chosen, duration_days=duration_days, auto_extends=auto_extends,
        closes_at=clock.end_of(last, customer.zone), replaces_id=replaces.id if replaces is not None else None,
        created_at=now, created_by_id=by.person_id, fact_id=fact.id,
    )  # fmt: skip
    database.session().add(row)
    database.session().flush()
    _note(row, "requested", by=by, fact=fact)
    _project(row)
    if replaces is not None:
        tasks.done(partner.id, "offer_declined", str(replaces.id), by_id=by.person_id)
    tasks.done(partner.id, "offer_wanted", str(customer.id), by_id=by.person_id)  # asked of a partner of record
    return row


def announce(row: DelegatedRelationship, *, by: Actor | None = None) -> None:
    """Note that the customer was told of an offer (its message went out, or its link was opened); once."""
    row = _locked(row)
    if not queries.standing_of(row).announced:
        _note(row, "announced", by=by)
        _project(row)


def withdraw(row: DelegatedRelationship, *, by: Actor) -> bool:
    """Take an offer of one's own back before it is answered. False when it was withdrawn. Raises OfferOver."""
    row, fresh = _held(row, by)
    if row.partner_id != by.organization_id:
        raise LookupError("another partner's offer")
    if queries.state(row) == "withdrawn":
        return False
    queries.check_can_answer(row)
    _note(row, "withdrawn", by=fresh, fact=_record(row, "withdrawn", by=fresh))
    _project(row)
    return True


# --- preparing (by programs) -----------------------------------------------------------------------------------


def prepare(
    *, by: Actor, name: str, roles: Collection[str], duration_days: int, auto_extends: bool, customer_id: UUID | None
) -> DelegatedDraft:
    """Prepare what may be put to a customer later. Nothing is asked of anybody, and nothing is evidence yet.

    Raises NotEnrolled, NameTaken, NoRoles, UnknownRole, DurationOutOfBounds, CannotExtend, PartnerDistrusted.
    """
    database.write()
    now = clock.now()
    row = DelegatedDraft(
        partner_id=by.organization_id, customer_id=customer_id, name=name, name_key=rules.name_key(name),
        roles=list(in_order(roles)), duration_days=duration_days, auto_extends=auto_extends, created_at=now,
        created_by_id=by.person_id, changed_at=now,
    )  # fmt: skip
    _check_preparable(row, roles)
    hold_names(by.organization_id)
    rules.check_name(name, queries.taken_names(by.organization_id, name))
    database.session().add(row)
    database.session().flush()
    return row


def _check_preparable(row: DelegatedDraft, roles: Collection[str]) -> None:
    """What stands in the way of offering this, known before anybody is asked."""
    partner = organizations.partner_by_id(row.partner_id)
    rules.check_enrolled(partner.enrolled_at if partner is not None else None, clock.now())
    rules.check_terms(roles, row.duration_days, row.auto_extends)
    if row.customer_id is not None:
        relationship_actions.check_trusted(row.customer_id, row.partner_id)


def hold_draft(draft: DelegatedDraft, *, chain: UUID | None = None) -> DelegatedDraft:
    """Lock a draft and read it again (`chain`: the chain to hold besides). Raises AlreadyAsked once it is none any more."""
    draft_id = draft.id
    database.write(chain=chain)
    row = database.session().get(DelegatedDraft, draft_id, with_for_update=True, populate_existing=True)
    if row is None:
        rules.check_draft(queries.by_id(draft_id) is None, draft_id)
        raise LookupError("the draft is gone")
    return row


def revise(
    draft: DelegatedDraft, *, name: str | None = None, roles: Collection[str] | None = None,
    duration_days: int | None = None, auto_extends: bool | None = None, customer_id: UUID | None = None,
) -> DelegatedDraft:  # fmt: skip
    """Change a draft; what is None stays. Raises what `prepare` raises, and AlreadyAsked."""
    row = hold_draft(draft)
    wanted = row.roles if roles is None else roles
    if name is not None and rules.name_key(name) != row.name_key:
        hold_names(row.partner_id)
        rules.check_name(name, queries.taken_names(row.partner_id, name))
    row.name = row.name if name is None else name
    row.name_key = rules.name_key(row.name)
    row.duration_days = row.duration_days if duration_days is None else duration_days
    row.auto_extends = row.auto_extends if auto_extends is None else auto_extends
    row.customer_id = row.customer_id if customer_id is None else customer_id
    with database.session().no_autoflush:
        _check_preparable(row, wanted)
    row.roles, row.changed_at = list(in_order(wanted)), clock.now()
    database.session().flush()
    return row


def discard(draft: DelegatedDraft) -> None:
    """Remove a draft, and free its name. Raises AlreadyAsked."""
    database.session().delete(hold_draft(draft))
    database.session().flush()


def save_role_set(*, by: Actor, name: str, roles: Collection[str]) -> RoleSet:
    """Save a set of roles under a name, to offer it again. Raises NameTaken, NoRoles, UnknownRole."""
    database.write()
    rules.check_terms(roles, 1, False)
    rules.check_name(name, {each.name_key for each in queries.role_sets(by.organization_id)})
    row = RoleSet(
        partner_id=by.organization_id, name=name, name_key=rules.name_key(name), roles=list(in_order(roles)),
        created_at=clock.now(), created_by_id=by.person_id,
    )  # fmt: skip
    database.session().add(row)
    database.session().flush()
    return row


def delete_role_set(role_set: RoleSet) -> None:
    """Remove a saved set; offers made with it keep their roles."""
    row = database.locked(role_set)
    database.session().delete(row)


# --- answering -------------------------------------------------------------------------------------------------


def approve(
    row: DelegatedRelationship, *, by: Actor, fingerprint: str, network_address: str, browser: str
) -> DelegatedAct:
    """Approve an offer as it was shown: its roles are in force from this moment.

    Raises OfferOver, PartnerInactive, OfferHasChanged, RoleCannotApprove, MailboxUnconfirmed, AddressOfPartner,
    PartnerDistrusted.
    """
    row, fresh = _held(row, by)
    queries.check_can_answer(row)
    queries.check_may_decide(fresh)
    agreement_rules.check_mailbox(fresh.confirmed)
    customer, partner = queries.parties_of(row)
    if organizations.is_own_address(partner.id, fresh.address):
        raise AddressOfPartner(partner=partner.name)
    relationship_actions.check_trusted(customer.id, partner.id)
    shown = queries.shown_to(row)
    if shown.fingerprint != fingerprint:
        raise rules.OfferHasChanged()
    session = people.session_by_id(fresh.session_id)
    person = people.person_by_id(fresh.person_id)
    assert session is not None
    assert person is not None
    made_by = person.created_by_partner_id
    fact = _record(
        row, "approved", by=fresh,
        facts={
            "shown": shown.shown, "fingerprint": shown.fingerprint, "proof": session.proof,
            "approver_roles": sorted(fresh.roles), "account_made_by_partner_id": str(made_by) if made_by else None,
        },
        personal={
            "name": fresh.name, "address": fresh.address, "network_address": network_address, "browser": browser[:300]
        },
    )  # fmt: skip
    act = _note(row, "approved", by=fresh, fact=fact)
    _project(row)
    ends_at = queries.standing_of(row).ends_at
    tasks.put(
        partner.id, "offer_approved", about_key=str(row.id), about_id=row.id, waits=False, facts={"customer": customer.name},
        path=f"/partner/delegated-admin/{row.id}",
    )  # fmt: skip
    _tell(row, "approved", by=fresh, ends_at=ends_at, roles=list(row.roles))
    return act


def decline(
    row: DelegatedRelationship, *, by: Actor, reason: str, comment: str = "", wanted: Collection[str] = ()
) -> None:
    """Decline an offer; with `wanted` (fewer of its roles) the partner is asked for a smaller one.

    Raises OfferOver, PartnerInactive, RoleCannotApprove, NotFewer.
    """
    row, fresh = _held(row, by)
    queries.check_can_answer(row)
    queries.check_may_decide(fresh)
    if wanted:
        rules.check_fewer(wanted, row.roles)
    fewer = list(in_order(wanted))
    facts = {"reason": "fewer" if fewer else reason} | ({"wanted": fewer} if fewer else {})
    fact = _record(row, "declined", by=fresh, facts=facts, personal={"reason": comment} if comment else None)
    _note(row, "declined", by=fresh, fact=fact, facts=facts)
    _project(row)
    customer, partner = queries.parties_of(row)
    tasks.put(
        partner.id, "offer_declined", about_key=str(row.id), about_id=row.id, waits=bool(fewer),
        facts={"customer": customer.name, "fewer": bool(fewer)}, path=f"/partner/delegated-admin/{row.id}",
    )  # fmt: skip
    _tell(row, "declined", by=fresh, comment=comment, wanted=fewer, reason=facts["reason"])


def hand_over(row: DelegatedRelationship, *, by: Actor, to: Person) -> bool:
    """Send an offer on to an administrator of the same organization who can decide; forwarder and receiver are kept.

    At most once a day to the same person (then False). Raises OfferOver, PartnerInactive, CannotReceive.
    """
    row, fresh = _held(row, by)
    queries.check_can_answer(row)
    customer, _partner = queries.parties_of(row)
    name = full_name(to.given_name, to.family_name)
    rules.check_receiver(to.id, [each.id for each in queries.deciders(customer.id)], name)
    once = f"handed:{to.id}:{clock.today(customer.zone).isoformat()}"
    if queries.has_once(row.id, once):
        return False
    fact = _record(
        row, "handed_over", by=fresh, facts={"receiver_id": str(to.id)},
        personal={"receiver": name, "receiver_address": to.address},
        personal_of={"receiver": to.id, "receiver_address": to.id},
    )  # fmt: skip
    _note(row, "handed_over", by=fresh, fact=fact, receiver_id=to.id, once=once)
    if not queries.standing_of(row).announced:
        _note(row, "announced", by=fresh)
    _project(row)
    zone = to.zone or customer.zone
    emails.tell("handed_over", to=to, side="customer", zone=zone, relationship_id=row.id, **_facts(row, by=fresh))
    return True


# --- while it is in force --------------------------------------------------------------------------------------


def switch_extension(row: DelegatedRelationship, *, by: Actor, on: bool) -> bool:
    """Let it extend itself, or no longer; either side may. False when it is so already.

    Raises NotActive, CannotExtend, RoleCannotApprove, PartnerDistrusted.
    """
    row, fresh = _held(row, by)
    _check_can_change(row, fresh)
    life = queries.life_of(row)
    if rules.extends_at(life, clock.now()) == on:
        return False
    rules.check_can_extend(rules.roles_now(life), on)
    if on:
        relationship_actions.check_trusted(row.customer_id, row.partner_id)
    _note(
        row, "switched", by=fresh, fact=_record(row, "extension_switched", by=fresh, facts={"on": on}), facts={"on": on}
    )
    _project(row)
    _tell(row, "switched", by=fresh, on=on, ends_at=queries.standing_of(row).ends_at)
    return True


def remove_roles(row: DelegatedRelationship, *, by: Actor, roles: Collection[str]) -> bool:
    """The customer takes roles away, at once; with the last one delegated administration ends. False when they are
    gone already. Raises NotActive, RoleCannotApprove."""
    row, fresh = _held(row, by)
    if queries.state(row) == "ended":
        return False
    _check_can_change(row, fresh)
    left = rules.roles_now(queries.life_of(row))
    gone = [role for role in left if role in set(roles)]
    if not gone:
        return False
    if len(gone) == len(left):
        _end(row, fresh, "")
        return True
    fact = _record(row, "roles_removed", by=fresh, facts={"roles": gone})
    _note(row, "roles_removed", by=fresh, fact=fact, facts={"roles": gone})
    _project(row)
    _put_change(row, "roles_removed", by=fresh)
    _tell(row, "roles_removed", by=fresh, roles=gone, left=queries.standing_of(row).roles)
    return True


def hold(row: DelegatedRelationship) -> DelegatedRelationship:
    """Lock it and read it again: what a change that depends on its version begins with."""
    return _locked(row)


def change(
    row: DelegatedRelationship, *, by: Actor, roles: Collection[str] | None = None, on: bool | None = None
) -> DelegatedAct | None:
    """What a partner's program changes while it is in force: takes the global administrator back (`roles`: those that
    stay), and lets it extend itself or no longer (`on`); what is None stays. Answers the act by which a role went.

    Raises NotActive, OnlyGlobalAdministratorGoes, NoRoles, CannotExtend, PartnerDistrusted.
    """
    row = _locked(row)
    held, act = rules.roles_now(queries.life_of(row)), None
    if roles is not None and set(roles) != set(held):
        queries.check_active(row)
        if rules.check_only_global_goes(held, roles):
            remove_roles(row, by=by, roles=[GLOBAL_ADMINISTRATOR])
            act = queries.taken_back(row)[-1]
    if on is not None and on != rules.extends_at(queries.life_of(row), clock.now()):
        queries.check_active(row)
        switch_extension(row, by=by, on=on)
    return act


def end(row: DelegatedRelationship, *, by: Actor, reason: str = "") -> bool:
    """End it, from either side, at once. False when it was ended. Raises NotActive, RoleCannotApprove."""
    row, fresh = _held(row, by)
    if queries.state(row) == "ended":
        return False
    _check_can_change(row, fresh)
    _end(row, fresh, reason)
    return True


def _end(row: DelegatedRelationship, by: Actor, reason: str) -> None:
    side = "customer" if by.is_customer else "partner"
    fact = _record(row, "ended", by=by, facts={"by": side}, personal={"reason": reason} if reason else None)
    _note(row, "ended", by=by, fact=fact, facts={"by": side})
    _project(row)
    _put_change(row, "ended", by=by)
    _tell(row, "ended", by=by, reason=reason, ended_by=side)


def _check_can_change(row: DelegatedRelationship, by: Actor) -> None:
    """Whoever changes it is of the partner that has it, or decides for the customer; and it is in force."""
    if by.is_customer:
        queries.check_may_decide(by)
    rules.check_active(queries.life_of(row), clock.now())


def _put_change(row: DelegatedRelationship, what: str, *, by: Actor | None) -> None:
    """An entry in the inbox of the side that did not act (of both, where time did)."""
    customer, partner = queries.parties_of(row)
    key = f"{row.id}:{what}:{clock.now().isoformat()}"
    for side, organization, other in (("customer", customer, partner), ("partner", partner, customer)):
        if by is None or by.organization_id != organization.id:
            path = f"/delegated-admin/{row.id}" if side == "customer" else f"/partner/delegated-admin/{row.id}"
            tasks.put(
                organization.id, "delegated_admin_changed", about_key=key, about_id=row.id, path=path, waits=False,
                facts={"other": other.name, "name": row.name, "what": what, "side": side},
            )  # fmt: skip


# --- access assignments: kept for programs, without effect -----------------------------------------------------


def assign(
    row: DelegatedRelationship, *, by: Actor, container_id: UUID, container_type: str, roles: Collection[str]
) -> AccessAssignment:
    """Keep which group is to use which roles. Raises NotActive, NoRoles, RolesNotHeld, GroupAssigned."""
    row = _locked(row)
    queries.check_active(row)
    rules.check_assignable(roles, rules.roles_now(queries.life_of(row)))
    now = clock.now()
    kept = AccessAssignment(
        relationship_id=row.id, container_id=container_id, container_type=container_type, roles=list(in_order(roles)),
        created_at=now, created_by_id=by.person_id, changed_at=now,
    )  # fmt: skip
    database.session().add(kept)
    database.session().flush()
    _record_assignment(row, "created", kept, by)
    return kept


def _record_assignment(row: DelegatedRelationship, past: str, kept: AccessAssignment, by: Actor) -> None:
    facts = {"assignment_id": str(kept.id), "container_id": str(kept.container_id), "roles": kept.roles}
    _record(row, f"assignment_{past}", by=by, facts=facts)


def _assigned_at(assignment: AccessAssignment) -> DelegatedRelationship:
    row = queries.by_id(assignment.relationship_id)
    assert row is not None  # a foreign key
    return row


def hold_assignment(assignment: AccessAssignment) -> AccessAssignment:
    """Hold the customer's chain, then an access assignment, and read it again."""
    customer, _partner = queries.parties_of(_assigned_at(assignment))
    return database.locked(assignment, chain=customer.chain_id)


def reassign(assignment: AccessAssignment, *, by: Actor, roles: Collection[str]) -> AccessAssignment:
    """Change the roles that a group is to use. Raises NotActive, NoRoles, RolesNotHeld."""
    kept = hold_assignment(assignment)
    row = _assigned_at(kept)
    queries.check_active(row)
    rules.check_assignable(roles, rules.roles_now(queries.life_of(row)))
    wanted = list(in_order(roles))
    if wanted == kept.roles:
        return kept
    kept.roles, kept.changed_at = wanted, clock.now()
    database.session().flush()
    _record_assignment(row, "updated", kept, by)
    return kept


def unassign(assignment: AccessAssignment, *, by: Actor) -> None:
    """Keep no longer which roles a group is to use."""
    kept = hold_assignment(assignment)
    _record_assignment(_assigned_at(kept), "deleted", kept, by)
    database.session().delete(kept)
    database.session().flush()


# --- acting for a customer -------------------------------------------------------------------------------------


def begin_acting(customer: Organization, *, by: Actor) -> bool:
    """Let a partner's person act for a customer in its browser from now on, with its rights of each moment. False when it
    does already. Raises LookupError without rights there."""
    database.write(chain=customer.chain_id)
    fresh = actors.load(by.session_id)
    rights = queries.rights_of(fresh, customer.id) if fresh is not None else queries.NO_RIGHTS
    if not rights.permissions:
        raise LookupError("no rights at this customer")
    if accounts.act_for(by.session_id, customer.id) == customer.id:
        return False
    evidence.record(
        "delegated_admin.acting_began", by=by, customer_id=customer.id, partner_id=by.organization_id,
        facts={"roles": list(in_order(rights.roles))},
    )  # fmt: skip
    return True


def end_acting(*, by: Actor, records: bool = True) -> str:
    """Stop acting for a customer; answers its name, or an empty text when the person acts for nobody.

    It is recorded with the customer where the rights are still in force: where they ended, that ended it. Without
    `records` that was before, and there are new ones now.
    """
    customer = organizations.organization_by_id(by.acting_for_id) if by.acting_for_id is not None else None
    if customer is None:
        return ""
    database.write(chain=customer.chain_id)
    if accounts.act_for(by.session_id, None) != customer.id:
        return ""
    if records and queries.rights_of(by, customer.id).permissions:
        evidence.record(
            "delegated_admin.acting_ended", by=by, customer_id=customer.id, partner_id=by.organization_id
        )  # fmt: skip
    return customer.name


# --- what time brings ------------------------------------------------------------------------------------------


def attend(row: DelegatedRelationship) -> bool:
    """Do what fell due: note that nobody answered, extend, note the end, or tell of the coming one. Decided again
    under the lock: safe to run twice. False when nothing was due."""
    row = _locked(row)
    notice_days = [int(each) for each in policies.value("delegated_admin.notice_days")]
    told: tuple[str, dict[str, Any]] | None = None
    did = False
    while (due := rules.due_now(queries.life_of(row), clock.now(), notice_days)) is not None:
        told = _do(row, due) or told
        did = True
    _project(row)
    if told is not None:  # after downtime only the last one: one mail instead of several
        event, facts = told
        _put_change(row, event, by=None)
        _tell(row, event, by=None, **facts)
    return did


def _do(row: DelegatedRelationship, due: rules.Due) -> tuple[str, dict[str, Any]] | None:
    """Note one thing that fell due; answer what to tell of it."""
    if due.kind == "lapse":
        _note(row, "lapsed", fact=_record(row, "lapsed", by=None, source="job"))
        return None
    assert due.end is not None
    if due.kind == "extend":
        until = due.end.isoformat()
        fact = _record(row, "extended", by=None, source="job", facts={"until": until})
        _note(row, "extended", fact=fact, facts={"until": until}, once=f"extended:{until}")
        return "extended", {"ends_at": due.end}
    if due.kind == "expire":
        fact = _record(row, "expired", by=None, source="job", facts={"end": due.end.isoformat()})
        _note(row, "expired", fact=fact)
        return "expired", {"ends_at": due.end}
    for days in (*due.skipped, due.days):
        facts = {"end": due.end.isoformat(), "days": days}
        _note(row, "noticed", facts=facts, once=f"notice:{due.end.isoformat()}:{days}")
    life, now = queries.life_of(row), clock.now()
    return "expiring", {
        "ends_at": due.end, "days_left": rules.days_left(due.end, now, life.zone),
        "extends": rules.extends_at(life, now),
    }  # fmt: skip


# --- telling ---------------------------------------------------------------------------------------------------


def _facts(row: DelegatedRelationship, *, by: Actor | None) -> dict[str, Any]:
    customer, partner = queries.parties_of(row)
    return {
        "customer": customer.name, "partner": partner.name, "name": row.name, "duration_days": row.duration_days,
        "by_given": by.given_name if by is not None else "", "by_family": by.family_name if by is not None else "",
        "by_organization": by.organization_name if by is not None else "", "at": clock.now(),
        "by_address": by.address if by is not None else "", "held": queries.standing_of(row).roles,
        "auto_extends": queries.standing_of(row).auto_extends,
        "last_day": rules.last_day(row.closes_at - timedelta(seconds=1), customer.zone),
    }  # fmt: skip


def _tell(row: DelegatedRelationship, event: str, *, by: Actor | None, **more: Any) -> None:
    """Tell everybody concerned on both sides: who can decide at the customer, who offers at the partner."""
    customer, partner = queries.parties_of(row)
    facts = _facts(row, by=by) | more
    agents = organizations.people_with(partner.id, *roles_with("partner", Permission.OFFER_DELEGATED_ADMIN))
    sides = (("customer", customer, queries.deciders(customer.id)), ("partner", partner, agents))
    for side, organization, readers in sides:
        if not organization.is_open:
            continue
        for person in readers:
            emails.tell(
                event, to=person, side=side, zone=person.zone or organization.zone, relationship_id=row.id, **facts
            )
