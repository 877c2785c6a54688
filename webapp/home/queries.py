"""What both first pages show, and whether the database is ready."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from webapp import clock, database
from webapp.access import Permission
from webapp.accounts.models import Person
from webapp.actor import Actor
from webapp.agreements import queries as agreements
from webapp.agreements.models import Acceptance, AgreementText
from webapp.agreements.queries import Standing
from webapp.answers import queries as answers
from webapp.answers.queries import Waiting
from webapp.customers import queries as customers
from webapp.customers.queries import Wanted
from webapp.delegated_admin import queries as delegated_admin
from webapp.delegated_admin.models import DelegatedStanding
from webapp.directory import queries as directory
from webapp.directory.queries import SetUp
from webapp.extensions import alembic
from webapp.organizations import queries as organizations
from webapp.partner_relationships import queries as partner_relationships
from webapp.partner_relationships.queries import EndingSoon
from webapp.tasks import queries as tasks

S = DelegatedStanding
#: What ends within it is shown on both first pages.
SOON = timedelta(days=30)


@dataclass(frozen=True)
class CustomerHome:
    """A customer's first page. `acceptance` is the newest one with its text; `is_current`: of the version in force;
    `standing`: what its consent is worth.

    `administrators` are the people who can answer, named for those who cannot; `deciders` the same for delegated
    administration. `ending` is delegated administration that ends soon. `set_up` is how far the customer is set up, for
    whoever sets it up.
    """

    waiting: Sequence[Waiting]
    acceptance: tuple[Acceptance, AgreementText] | None
    is_current: bool
    standing: Standing
    partners: Sequence[str]
    partner_count: int
    ending: Sequence[EndingSoon]
    tasks: Sequence[sa.Row[Any]]
    administrators: Sequence[Person]
    deciders: Sequence[Person]
    set_up: SetUp | None = None


def customer_home(actor: Actor) -> CustomerHome:
    """What waits for a customer, and where it stands."""
    organization = organizations.organization_by_id(actor.organization_id)
    assert organization is not None
    may_answer = actor.may(Permission.ANSWER_INVITATIONS)
    may_decide = delegated_admin.may_decide(actor)
    may_read = actor.may(Permission.READ_PARTNER_RELATIONSHIPS)
    partners, count = partner_relationships.active_partners(organization.id) if may_read else ([], 0)
    waiting = answers.waiting_for(actor)
    offered = any(each.asks == "administration" for each in waiting)
    standing = agreements.standing_of_customer(organization)
    return CustomerHome(
        waiting=waiting,
        standing=standing,
        acceptance=next(iter(standing.acceptances), None),
        is_current=agreements.is_current(organization),
        partners=partners,
        partner_count=count,
        ending=partner_relationships.ending_soon(organization.id) if may_read else [],
        tasks=tasks.waiting(organization.id, limit=5) if actor.may(Permission.READ_INBOX) else [],
        administrators=[] if may_answer else answers.administrators_of(organization.id),
        deciders=delegated_admin.deciders(organization.id) if offered and not may_decide else [],
        set_up=directory.set_up_of(organization, actor.may(Permission.GIVE_ROLES)),
    )


@dataclass(frozen=True)
class PartnerHome:
    """A partner's first page. Counts are capped, see `customers.queries.MOST`; `active` is delegated administration in
    force, `offered` what waits for an answer, `ending` what ends within `SOON` and does not extend itself."""

    answers: Sequence[sa.Row[Any]]
    waiting: Sequence[sa.Row[Any]]
    customers: int
    accepted: int
    attested: int
    invited: int
    opened: int
    not_asked: int
    needs_attestation: int
    must_renew: int
    objected: int
    active: int
    offered: int
    ending: int


def partner_home(actor: Actor) -> PartnerHome | None:
    """What came in at a partner since somebody last looked, and how its customers stand; None without a role."""
    if not actor.may(Permission.READ_CUSTOMERS):
        return None
    partner_id, now = actor.organization_id, clock.now()
    stale = customers.renewals(partner_id)

    def count(agreement: str) -> int:
        return customers.count_for(partner_id, Wanted(agreement=agreement), stale)

    return PartnerHome(
        answers=tasks.unseen_entries(partner_id, limit=5),
        waiting=tasks.waiting(partner_id, limit=5),
        customers=customers.count_for(partner_id, Wanted()),
        accepted=count("accepted"),
        attested=count("attested"),
        invited=count("invited"),
        opened=count("opened"),
        not_asked=count("none"),
        needs_attestation=count("needs_attestation"),
        must_renew=count("must_renew"),
        objected=count("objected"),
        active=_delegated(partner_id, delegated_admin.is_active(now)),
        offered=_delegated(partner_id, delegated_admin.is_pending(now)),
        ending=_delegated(
            partner_id, delegated_admin.is_active(now), S.auto_extends.is_(False), S.ends_at <= now + SOON
        ),
    )


def _delegated(partner_id: UUID, *conditions: sa.ColumnElement[bool]) -> int:
    """How much delegated administration of a partner fits, counted no further than MOST + 1."""
    some = (
        sa.select(S.relationship_id).where(S.partner_id == partner_id, *conditions).limit(customers.MOST + 1).subquery()
    )
    return database.session().scalar(sa.select(sa.func.count()).select_from(some)) or 0


def is_ready() -> bool:
    """Whether the database answers and is at the newest revision of this program."""
    heads = set(alembic.script_directory.get_heads())
    try:
        present = set(database.session().execute(sa.text("SELECT version_num FROM alembic_version")).scalars())
    except sa.exc.SQLAlchemyError:
        return False
    return present == heads
