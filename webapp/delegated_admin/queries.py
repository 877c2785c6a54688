"""Reading delegated administration: by who may see it, its life, and the rights that follow from it now."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from flask_babel import gettext as _

from webapp import actor as actors
from webapp import clock, database, languages
from webapp.access import ACTS, REACH, Permission, delegated_permissions
from webapp.accounts import queries as accounts
from webapp.accounts.models import Person
from webapp.actor import Acting, Actor, RightsOver, full_name
from webapp.agreements import rules as agreement_rules
from webapp.delegated_admin import rules
from webapp.delegated_admin.models import (
    AccessAssignment,
    DelegatedAct,
    DelegatedDraft,
    DelegatedRelationship,
    DelegatedStanding,
    RoleSet,
)
from webapp.delegated_admin.roles import BY_ID, in_order
from webapp.delegated_admin.rules import Life, Step
from webapp.delegated_admin.words import RoleWords, extension_words, role_name, role_words
from webapp.evidence import queries as evidence
from webapp.evidence import rules as evidence_rules
from webapp.evidence.models import Fact
from webapp.organizations import queries as organizations
from webapp.organizations.models import Organization
from webapp.organizations.rules import PartnerInactive
from webapp.policies import queries as policies

#: How many numbered names are looked up at once.
_NAMES_AT_ONCE = 40


def by_id(relationship_id: UUID) -> DelegatedRelationship | None:
    """One, whatever became of it."""
    return database.session().get(DelegatedRelationship, relationship_id)


def of_customer(actor: Actor, relationship_id: UUID) -> DelegatedRelationship | None:
    """One that the actor's own customer organization was told of."""
    found = by_id(relationship_id)
    if found is None or not actor.is_customer or found.customer_id != actor.organization_id:
        return None
    return found if standing_of(found).announced else None


def of_partner(actor: Actor, relationship_id: UUID) -> DelegatedRelationship | None:
    """One that the actor's own partner organization offered."""
    found = by_id(relationship_id)
    return found if found is not None and actor.is_partner and found.partner_id == actor.organization_id else None


def made_by(actor: Actor, relationship_id: UUID) -> DelegatedRelationship | DelegatedDraft | None:
    """What the actor's own partner organization offered, or prepares, by the one id of both."""
    draft = draft_by_id(relationship_id)
    if draft is not None and actor.is_partner and draft.partner_id == actor.organization_id:
        return draft
    return of_partner(actor, relationship_id)


def draft_by_id(draft_id: UUID) -> DelegatedDraft | None:
    """A draft, whoever's it is."""
    return database.session().get(DelegatedDraft, draft_id)


def assignment_of(actor: Actor, relationship_id: UUID, assignment_id: UUID) -> AccessAssignment | None:
    """An access assignment of a relationship that the actor's own partner organization has."""
    found = database.session().get(AccessAssignment, assignment_id)
    if found is None or found.relationship_id != relationship_id:
        return None
    return found if of_partner(actor, relationship_id) is not None else None


def assignments_of(
    relationship_id: UUID, *, size: int, after: tuple[datetime, UUID] | None = None
) -> Sequence[AccessAssignment]:
    """The access assignments of a relationship, oldest first, at most `size`, after a place (moment and id)."""
    kept = AccessAssignment
    statement = sa.select(kept).where(kept.relationship_id == relationship_id)
    if after is not None:
        at, id_ = after
        statement = statement.where(kept.created_at >= at, sa.or_(kept.created_at > at, kept.id > id_))
    return database.session().scalars(statement.order_by(kept.created_at, kept.id).limit(size)).all()


def asked_of(row: DelegatedRelationship) -> list[DelegatedAct]:
    """The partner's own acts that Graph calls requests: that it put it to the customer, that it ended it."""
    return [
        act for act in acts_of(row.id)
        if act.kind == "requested" or (act.kind == "ended" and act.facts.get("by") == "partner")
    ]  # fmt: skip


def taken_back(row: DelegatedRelationship) -> list[DelegatedAct]:
    """The acts by which the partner itself took roles back: what Graph calls operations."""
    return [act for act in acts_of(row.id) if act.kind == "roles_removed" and act.organization_id == row.partner_id]


def act_of(found: Sequence[DelegatedAct], act_id: UUID) -> DelegatedAct | None:
    """The one of some acts with an id."""
    return next((act for act in found if act.id == act_id), None)


def acts_of(relationship_id: UUID) -> Sequence[DelegatedAct]:
    """What happened to one, oldest first."""
    return (
        database.session()
        .scalars(
            sa.select(DelegatedAct)
            .where(DelegatedAct.relationship_id == relationship_id)
            .order_by(DelegatedAct.at, DelegatedAct.id)
        )
        .all()
    )


def life_of(row: DelegatedRelationship) -> Life:
    """All that decides its state."""
    customer = _organization(row.customer_id)
    return Life(
        roles=tuple(row.roles), duration_days=row.duration_days, auto_extends=row.auto_extends,
        closes_at=row.closes_at, zone=customer.zone,
        steps=tuple(Step(act.kind, act.at, act.facts) for act in acts_of(row.id)),
    )  # fmt: skip


def state(row: DelegatedRelationship) -> str:
    """Its state now: one of `rules.STATES`."""
    return rules.state_of(life_of(row), clock.now())


def standing_of(row: DelegatedRelationship) -> DelegatedStanding:
    """Where it stands, as the last action left it."""
    found = database.session().get(DelegatedStanding, row.id)
    assert found is not None  # written with it
    return found


def _organization(organization_id: UUID) -> Organization:
    found = organizations.organization_by_id(organization_id)
    assert found is not None  # a foreign key
    return found


def parties_of(row: DelegatedRelationship) -> tuple[Organization, Organization]:
    """Its customer and its partner."""
    return _organization(row.customer_id), _organization(row.partner_id)


def taken_names(partner_id: UUID, name: str) -> set[str]:
    """The keys that a partner gave so far, in offers and in drafts, of a name and its numbered ones, up to the first that
    are free."""
    found: set[str] = set()
    names = rules.numbered(name)
    while True:
        keys = {rules.name_key(each) for each in islice(names, _NAMES_AT_ONCE)}
        wanted = {rules.name_key(name), *keys}
        both = [
            sa.select(kind.name_key).where(kind.partner_id == partner_id, kind.name_key.in_(wanted))
            for kind in (DelegatedRelationship, DelegatedDraft)
        ]
        taken = set(database.session().scalars(sa.union_all(*both)))
        found |= taken
        if not keys <= taken:
            return found


def role_sets(partner_id: UUID) -> Sequence[RoleSet]:
    """The sets of roles that a partner saved, by name."""
    return (
        database.session()
        .scalars(sa.select(RoleSet).where(RoleSet.partner_id == partner_id).order_by(RoleSet.name_key))
        .all()
    )


def role_set_for(actor: Actor, role_set_id: UUID) -> RoleSet | None:
    """A saved set of the actor's own partner organization."""
    found = database.session().get(RoleSet, role_set_id)
    return found if found is not None and found.partner_id == actor.organization_id else None


def answer_of(relationship_id: UUID) -> DelegatedAct | None:
    """The act that answered an offer: approved, declined, withdrawn or lapsed."""
    return _act(relationship_id, DelegatedAct.once_key == "answer")


def ending_of(relationship_id: UUID) -> DelegatedAct | None:
    """The act that ended what was in force: ended or expired."""
    return _act(relationship_id, DelegatedAct.once_key == "end")


def comment_of(act: DelegatedAct | None) -> str:
    """What was said with an act (why it was declined or ended), or an empty text."""
    fact = evidence.fact_by_id(act.fact_id) if act is not None and act.fact_id is not None else None
    if fact is None:
        return ""
    record = evidence.record_of(fact)
    entry = record["personal"].get("reason")
    return evidence.personal_values([record]).get(entry["id"], "") if entry else ""


def facts_of(row: DelegatedRelationship, reader: Actor) -> list[Any]:
    """The facts about one that the reader may read, newest first, as histories read them."""
    ids = [row.fact_id, *(act.fact_id for act in acts_of(row.id) if act.fact_id is not None)]
    rows = database.session().execute(
        sa.select(Fact.id, Fact.chain_id, Fact.position, Fact.kind, Fact.at, Fact.person_id, Fact.record)
        .where(Fact.id.in_(ids))
        .order_by(Fact.at.desc(), Fact.position.desc())
    )
    return [each for each in rows if evidence_rules.may_read(reader.organization_kind, each.kind)]


def has_once(relationship_id: UUID, once_key: str) -> bool:
    """Whether what may happen once has happened."""
    return _act(relationship_id, DelegatedAct.once_key == once_key) is not None


def _act(relationship_id: UUID, condition: sa.ColumnElement[bool]) -> DelegatedAct | None:
    return database.session().scalar(
        sa.select(DelegatedAct).where(DelegatedAct.relationship_id == relationship_id, condition)
    )


def approved_by(person_id: UUID) -> list[tuple[str, datetime, Fact]]:
    """What a person approved: name, moment, and the fact."""
    rows = database.session().execute(
        sa.select(DelegatedRelationship.name, DelegatedAct.at, Fact)
        .join(DelegatedRelationship, DelegatedRelationship.id == DelegatedAct.relationship_id)
        .join(Fact, Fact.id == DelegatedAct.fact_id)
        .where(DelegatedAct.person_id == person_id, DelegatedAct.kind == "approved")
    )
    return [(row[0], row[1], row[2]) for row in rows]


def standing_by_acts(row: DelegatedRelationship) -> dict[str, Any]:
    """The values of its DelegatedStanding as they follow from the acts."""
    life, now = life_of(row), clock.now()
    notice_days = [int(each) for each in policies.value("delegated_admin.notice_days")]
    return {
        "relationship_id": row.id, "partner_id": row.partner_id, "customer_id": row.customer_id,
        "name": row.name, "name_key": row.name_key, "state": rules.state_of(life, now),
        "announced": life.has("announced"), "roles": list(rules.roles_now(life)), "duration_days": row.duration_days,
        "auto_extends": rules.extends_at(life, now), "created_at": row.created_at, "closes_at": row.closes_at,
        "activated_at": rules.activated_at(life), "ends_at": rules.end_of(life, now),
        "over_at": rules.over_at(life, now), "next_at": rules.next_moment(life, notice_days),
        "changed_at": rules.changed_at(life) or row.created_at,
    }  # fmt: skip


def successor_of(relationship_id: UUID) -> DelegatedRelationship | None:
    """The offer that was made after its customer asked for fewer."""
    return database.session().scalar(
        sa.select(DelegatedRelationship).where(DelegatedRelationship.replaces_id == relationship_id)
    )


# --- what may happen now ---------------------------------------------------------------------------------------


def check_can_answer(row: DelegatedRelationship) -> None:
    """Raises OfferOver, with who answered, unless it waits for an answer; PartnerInactive, where it does and its partner
    no longer works here."""
    act = answer_of(row.id)
    _customer, partner = parties_of(row)
    rules.check_can_answer(
        life_of(row), clock.now(), relationship_id=row.id, partner=partner.name,
        person=name_of(act.person_id if act is not None else None),
        by=act.facts.get("by", "") if act is not None else "",
    )  # fmt: skip
    if not partner.is_open:
        raise PartnerInactive(partner=partner.name)


def check_active(row: DelegatedRelationship) -> None:
    """Raises NotActive, with who ended it, unless it is in force."""
    act = ending_of(row.id)
    _customer, partner = parties_of(row)
    rules.check_active(
        life_of(row), clock.now(), relationship_id=row.id, partner=partner.name,
        person=name_of(act.person_id if act is not None else None),
        by=act.facts.get("by", "") if act is not None else "",
    )  # fmt: skip


def role_of_customer(actor: Actor, relationship_id: UUID, role_id: str) -> tuple[DelegatedRelationship, str] | None:
    """A role that was offered in a relationship of the actor's own customer organization."""
    found = of_customer(actor, relationship_id)
    return (found, role_id) if found is not None and role_id in found.roles else None


def removed_roles(row: DelegatedRelationship) -> list[tuple[str, DelegatedAct]]:
    """The roles that the customer took away one by one, each with the act that did; newest first."""
    found = [(role, act) for act in acts_of(row.id) if act.kind == "roles_removed" for role in act.facts["roles"]]
    return found[::-1]


def handed_over(row: DelegatedRelationship) -> list[DelegatedAct]:
    """The acts by which a request was sent on to somebody, newest first."""
    return [act for act in reversed(acts_of(row.id)) if act.kind == "handed_over"]


# --- who decides -----------------------------------------------------------------------------------------------


def deciders(customer_id: UUID) -> Sequence[Person]:
    """The people of a customer who can answer an offer and end it, by the policy; first who proved the mailbox."""
    found = organizations.people_with(customer_id, *policies.value("delegated_admin.approvers"))
    return sorted(found, key=lambda person: person.confirmed_at is None)


def check_may_decide(actor: Actor) -> None:
    """Raises RoleCannotApprove, with who can."""
    people = [full_name(each.given_name, each.family_name) for each in deciders(actor.organization_id)]
    rules.check_may_decide(actor.roles, policies.value("delegated_admin.approvers"), people)


def may_decide(actor: Actor) -> bool:
    """Whether the actor's roles allow to answer offers."""
    return bool(actor.roles & set(policies.value("delegated_admin.approvers")))


def shown_role_name(role_id: str) -> str:
    """What a role is called; its id, where a record holds one that the catalogue does not have (any more)."""
    return role_name(role_id) if role_id in BY_ID else role_id


def name_of(person_id: UUID | None) -> str:
    """A person's name, or an empty text for nobody (and for whoever was erased)."""
    return names_of([person_id]).get(person_id, "")


def names_of(person_ids: Iterable[UUID | None]) -> dict[UUID | None, str]:
    """People's names by id; erased people are missing."""
    found = accounts.names_of([each for each in person_ids if each is not None])
    return {id_: full_name(*name) for id_, name in found.items()}


# --- lists -----------------------------------------------------------------------------------------------------

S = DelegatedStanding


def is_active(now: datetime) -> sa.ColumnElement[bool]:
    """The condition on standings: in force at this moment, whether the worker looked lately or not."""
    return sa.and_(S.state == "active", sa.or_(S.ends_at > now, S.auto_extends.is_(True)))


def is_pending(now: datetime) -> sa.ColumnElement[bool]:
    """The condition on standings: waiting for the customer's answer."""
    return sa.and_(S.state == "pending", S.closes_at > now)


def is_listed(now: datetime) -> sa.ColumnElement[bool]:
    """The condition on standings: not over for longer than a year."""
    over_at = sa.case(
        (S.over_at.is_not(None), S.over_at),
        (sa.and_(S.state == "active", S.auto_extends.is_(False)), S.ends_at),
        (S.state == "pending", S.closes_at),
    )
    return sa.or_(over_at.is_(None), over_at > now - rules.KEPT_IN_LISTS)


def waiting_for(customer_id: UUID) -> Sequence[DelegatedStanding]:
    """The offers that a customer was told of and can answer, the newest first: those of a partner that no longer works
    here are left out."""
    return (
        database.session()
        .scalars(
            sa.select(S)
            .join(Organization, Organization.id == S.partner_id)
            .where(
                S.customer_id == customer_id,
                S.announced.is_(True),
                is_pending(clock.now()),
                Organization.disabled_at.is_(None),
            )
            .order_by(S.created_at.desc(), S.relationship_id)
        )
        .all()
    )


def sent_on_to(person_id: UUID) -> dict[UUID, DelegatedAct]:
    """The requests that colleagues sent on to a person and that wait, by relationship: the newest act of each."""
    rows = database.session().scalars(
        sa.select(DelegatedAct)
        .join(S, S.relationship_id == DelegatedAct.relationship_id)
        .where(DelegatedAct.receiver_id == person_id, is_pending(clock.now()))
        .order_by(DelegatedAct.at)
    )
    return {row.relationship_id: row for row in rows}


def due(now: datetime, limit: int = 100) -> Sequence[DelegatedRelationship]:
    """What the worker has to look at now, the longest due first."""
    return (
        database.session()
        .scalars(
            sa.select(DelegatedRelationship)
            .join(S, S.relationship_id == DelegatedRelationship.id)
            .where(S.next_at <= now)
            .order_by(S.next_at)
            .limit(limit)
        )
        .all()
    )


def open_with(organization_id: UUID) -> Sequence[DelegatedStanding]:
    """What is in force or waits for an answer at an organization, on either side."""
    now = clock.now()
    return (
        database.session()
        .scalars(
            sa.select(S)
            .where(
                sa.or_(S.customer_id == organization_id, S.partner_id == organization_id),
                sa.or_(is_active(now), is_pending(now)),
            )
            .order_by(S.created_at)
        )
        .all()
    )


def active_between(customer_id: UUID, partner_id: UUID) -> Sequence[DelegatedRelationship]:
    """What is in force between a customer and a partner now, decided by the acts."""
    rows = database.session().scalars(
        sa.select(DelegatedRelationship)
        .join(S, S.relationship_id == DelegatedRelationship.id)
        .where(
            DelegatedRelationship.customer_id == customer_id,
            DelegatedRelationship.partner_id == partner_id,
            is_active(clock.now()),
        )
        .order_by(DelegatedRelationship.created_at)
    )
    return [row for row in rows if state(row) == "active"]


def pending_between(customer_id: UUID, partner_id: UUID) -> Sequence[DelegatedRelationship]:
    """The offers of a partner that wait for a customer's answer now, whether it was told of them or not."""
    rows = database.session().scalars(
        sa.select(DelegatedRelationship)
        .join(S, S.relationship_id == DelegatedRelationship.id)
        .where(
            DelegatedRelationship.customer_id == customer_id,
            DelegatedRelationship.partner_id == partner_id,
            is_pending(clock.now()),
        )
        .order_by(DelegatedRelationship.created_at)
    )
    return [row for row in rows if state(row) == "pending"]


def withdrawn_with(fact_id: UUID) -> Sequence[UUID]:
    """The offers that were withdrawn by what a fact tells: the end of the partner's last relationship."""
    return (
        database.session()
        .scalars(
            sa.select(DelegatedAct.relationship_id).where(
                DelegatedAct.fact_id == fact_id, DelegatedAct.kind == "withdrawn"
            )
        )
        .all()
    )


# --- rights ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Rights:
    """What a person of a partner may do at a customer now: the roles (template ids) and what they allow here."""

    roles: frozenset[str]
    permissions: frozenset[Permission]


NO_RIGHTS = Rights(frozenset(), frozenset())


def roles_between(customer_id: UUID, partner_id: UUID) -> frozenset[str]:
    """The roles that a partner has at a customer at this moment by all that is in force between them."""
    return frozenset(role for row in active_between(customer_id, partner_id) for role in rules.roles_now(life_of(row)))


def rights_of(actor: Actor, customer_id: UUID) -> Rights:
    """The rights of a partner's person at a customer at this moment: nothing is kept, so what ended is gone.

    The actor is the person's own. Nobody has any before it chose a password of its own, or at a closed customer.
    """
    if not actor.is_partner or not actor.may(Permission.ADMINISTER_CUSTOMERS):
        return NO_RIGHTS
    customer = organizations.organization_by_id(customer_id)
    if customer is None or customer.kind != "customer" or not customer.is_open:
        return NO_RIGHTS
    held = rules.roles_for(actor.roles, roles_between(customer_id, actor.organization_id))
    return Rights(held, delegated_permissions(actor.roles, held))


# --- acting for a customer -------------------------------------------------------------------------------------


def acting_of(own: Actor, customer_id: UUID) -> Actor | RightsOver:
    """What a partner's person is on the pages of a customer that it acts for, by its rights at this moment."""
    customer, rights = _organization(customer_id), rights_of(own, customer_id)
    if not rights.permissions:
        return RightsOver(customer.id, customer.name, _rights_ended_at(own, customer))
    return replace(
        own, organization_id=customer.id, organization_kind=customer.kind, organization_name=customer.name,
        chain_id=customer.chain_id, zone=customer.zone, country=customer.country, roles=frozenset(),
        permissions=rights.permissions | ACTS, acting=Acting(own.organization_id, own.organization_name, rights.roles),
    )  # fmt: skip


actors.acting_by(acting_of)


def _rights_ended_at(own: Actor, customer: Organization) -> datetime | None:
    """When the rights ended; None where the person's own role at its partner was what ended."""
    if customer.disabled_at is not None:
        return customer.disabled_at
    partner_roles = frozenset({"admin_agent"})  # whoever uses most: by the customer's acts nobody has rights any more
    left = rules.roles_for(partner_roles, roles_between(customer.id, own.organization_id))
    if delegated_permissions(own.roles & REACH.keys() or partner_roles, left):
        return None
    rows = database.session().scalars(
        sa.select(DelegatedRelationship).where(
            DelegatedRelationship.customer_id == customer.id, DelegatedRelationship.partner_id == own.organization_id
        )
    )
    return rules.ended_at([life_of(row) for row in rows], clock.now())


def acting_as(actor: Actor) -> Actor | None:
    """The actor itself while it acts for a customer."""
    return actor if actor.acting is not None else None


def to_administer(actor: Actor, customer_id: UUID) -> Organization | None:
    """A customer at which a partner's person has rights now that open a page here."""
    return organizations.organization_by_id(customer_id) if rights_of(actor, customer_id).permissions else None


def at_partner(actor: Actor) -> Actor | None:
    """The actor itself where it is a partner's."""
    return actor if actor.is_partner else None


@dataclass(frozen=True)
class Administered:
    """A customer at which a person's partner has rights in force. `roles` are those that the person uses; `opens` says
    whether one of them opens a page here; `terms` are what they come by: name, end (UTC), and whether it extends itself."""

    customer_id: UUID
    name: str
    name_key: str
    zone: str
    roles: tuple[str, ...]
    opens: bool
    terms: tuple[tuple[UUID, str, datetime, bool], ...]


def _administered_ids(actor: Actor, now: datetime) -> sa.Select[*tuple[Any, ...]]:
    """The open customers at which something of the actor's partner is in force, each once."""
    return (
        sa.select(Organization.id, Organization.name, Organization.name_key, Organization.zone)
        .where(
            Organization.disabled_at.is_(None),
            sa.exists().where(
                S.customer_id == Organization.id, S.partner_id == actor.organization_id, is_active(now)
            ),
        )
    )  # fmt: skip


def administered_by(actor: Actor, *, size: int, after: tuple[str, UUID] | None = None) -> list[Administered]:
    """The customers at which the actor's partner has rights in force, by name, at most `size`, after a place (name's key
    and id)."""
    now, session = clock.now(), database.session()
    statement = _administered_ids(actor, now)
    if after is not None:
        key, id_ = after
        statement = statement.where(
            sa.or_(Organization.name_key > key, sa.and_(Organization.name_key == key, Organization.id > id_))
        )
    customers = session.execute(statement.order_by(Organization.name_key, Organization.id).limit(size)).all()
    rows = session.execute(
        sa.select(S.customer_id, S.relationship_id, S.name, S.roles, S.ends_at, S.auto_extends)
        .where(
            S.partner_id == actor.organization_id, S.customer_id.in_([each.id for each in customers]), is_active(now)
        )
        .order_by(S.ends_at, S.relationship_id)
    ).all()
    found = []
    for customer in customers:
        own = [row for row in rows if row.customer_id == customer.id]
        held = rules.roles_for(actor.roles, {role for row in own for role in row.roles})
        terms = tuple(
            (row.relationship_id, row.name, row.ends_at, row.auto_extends) for row in own if held & set(row.roles)
        )
        opens = bool(delegated_permissions(actor.roles, held))
        found.append(
            Administered(
                customer.id, customer.name, customer.name_key, customer.zone, in_order(held), opens, terms
            )
        )  # fmt: skip
    return found


# --- what is shown, and approved -------------------------------------------------------------------------------


@dataclass(frozen=True)
class Shown:
    """All that an approver is shown, and what becomes evidence. `box` is the literal words of the box, `extension` those
    on the automatic extension."""

    relationship: DelegatedRelationship
    customer: Organization
    partner: Organization
    roles: tuple[RoleWords, ...]
    box: str
    extension: str
    language: str

    @property
    def shown(self) -> dict[str, Any]:
        return {
            "relationship_id": str(self.relationship.id),
            "name": self.relationship.name,
            "organization": {"id": str(self.customer.id), "name": self.customer.name},
            "partner": {"id": str(self.partner.id), "name": self.partner.name},
            "roles": [
                {"id": r.id, "name": r.name, "can": r.can, "cannot": r.cannot, "risk": r.risk} for r in self.roles
            ],
            "duration_days": self.relationship.duration_days,
            "auto_extends": self.relationship.auto_extends,
            "extension": self.extension,
            "shown_language": self.language,
            "boxes": {"approval": self.box},
        }

    @property
    def fingerprint(self) -> str:
        return agreement_rules.fingerprint(self.shown)


def shown_to(row: DelegatedRelationship) -> Shown:
    """What the customer would approve now, in the reader's language."""
    customer, partner = parties_of(row)
    box = _(
        "I approve these roles for %(partner)s at %(organization)s, and I am allowed to decide this",
        partner=partner.name,
        organization=customer.name,
    )
    roles = tuple(role_words(role) for role in in_order(row.roles))
    extension = extension_words(row.roles, row.auto_extends)
    return Shown(row, customer, partner, roles, str(box), extension, languages.language())


def all_ids() -> Sequence[UUID]:
    """The ids of all, oldest first."""
    return (
        database.session().scalars(sa.select(DelegatedRelationship.id).order_by(DelegatedRelationship.created_at)).all()
    )
