"""Delegated administration as offers and acts, and where each stands."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from webapp.database import Model, WithId, append_only


class RoleSet(WithId, Model):
    """A set of roles that a partner saved to offer again. `roles` are template ids."""

    __tablename__ = "role_sets"
    __table_args__ = (sa.UniqueConstraint("partner_id", "name_key"),)

    partner_id: Mapped[UUID] = mapped_column(sa.ForeignKey("organizations.id"))
    name: Mapped[str] = mapped_column(sa.String(50))
    name_key: Mapped[str] = mapped_column(sa.String(200))
    roles: Mapped[list[str]]
    created_at: Mapped[datetime]
    created_by_id: Mapped[UUID | None]


class DelegatedRelationship(WithId, Model):
    """What a partner offered a customer: roles (template ids), a duration, and whether it extends itself.

    `closes_at`: the moment after the last day on which it can be answered. `replaces_id`: the offer that the customer
    answered by asking for fewer. A row is an act and never changes; what happened to it are DelegatedActs.
    """

    __tablename__ = "delegated_relationships"
    __table_args__ = (
        sa.UniqueConstraint("partner_id", "name_key"),
        sa.CheckConstraint("duration_days BETWEEN 1 AND 730", name="duration"),
        sa.Index("ix_delegated_relationships_customer", "customer_id", "partner_id"),
    )

    partner_id: Mapped[UUID] = mapped_column(sa.ForeignKey("organizations.id"))
    customer_id: Mapped[UUID] = mapped_column(sa.ForeignKey("organizations.id"))
    name: Mapped[str] = mapped_column(sa.String(50))
    name_key: Mapped[str] = mapped_column(sa.String(200))
    roles: Mapped[list[str]]
    duration_days: Mapped[int]
    auto_extends: Mapped[bool]
    closes_at: Mapped[datetime]
    replaces_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("delegated_relationships.id"), unique=True)
    created_at: Mapped[datetime]
    created_by_id: Mapped[UUID | None]
    fact_id: Mapped[UUID] = mapped_column(sa.ForeignKey("facts.id"))


class DelegatedDraft(WithId, Model):
    """What a partner's program prepares, Graph's status "created": nobody was asked, nothing is evidence, all of it may
    change. Putting it to the customer makes the DelegatedRelationship of the same id, and ends the draft.

    `customer_id`: None while no customer is named. `roles` are template ids.
    """

    __tablename__ = "delegated_drafts"
    __table_args__ = (
        sa.UniqueConstraint("partner_id", "name_key"),
        sa.CheckConstraint("duration_days BETWEEN 1 AND 730", name="duration"),
        sa.Index("ix_delegated_drafts_created", "partner_id", "created_at", "id"),
        sa.Index("ix_delegated_drafts_changed", "partner_id", "changed_at", "id"),
    )

    partner_id: Mapped[UUID] = mapped_column(sa.ForeignKey("organizations.id"))
    customer_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("organizations.id"))
    name: Mapped[str] = mapped_column(sa.String(50))
    name_key: Mapped[str] = mapped_column(sa.String(200))
    roles: Mapped[list[str]]
    duration_days: Mapped[int]
    auto_extends: Mapped[bool]
    created_at: Mapped[datetime]
    created_by_id: Mapped[UUID | None]
    changed_at: Mapped[datetime]


class AccessAssignment(WithId, Model):
    """Which of a partner's security groups is to use which roles, as a program said it: kept, told again, and without
    effect. `container_id` is the group's id, `roles` are template ids."""

    __tablename__ = "access_assignments"
    __table_args__ = (
        sa.UniqueConstraint("relationship_id", "container_id"),
        sa.Index("ix_access_assignments_list", "relationship_id", "created_at", "id"),
    )

    relationship_id: Mapped[UUID] = mapped_column(sa.ForeignKey("delegated_relationships.id"))
    container_id: Mapped[UUID]
    container_type: Mapped[str] = mapped_column(sa.String(20))
    roles: Mapped[list[str]]
    created_at: Mapped[datetime]
    created_by_id: Mapped[UUID | None]
    changed_at: Mapped[datetime]


class DelegatedAct(WithId, Model):
    """Something that happened to a DelegatedRelationship; never changes.

    `kind`: see `rules.KINDS`. `facts` holds what the rules need to know of it. `once_key` makes what may happen once
    unique: the one answer ("answer"), the one end ("end"), each extension and notice; other acts hold their own id.
    """

    __tablename__ = "delegated_acts"
    __table_args__ = (
        sa.UniqueConstraint("relationship_id", "once_key"),
        sa.Index("ix_delegated_acts_list", "relationship_id", "at"),
    )

    relationship_id: Mapped[UUID] = mapped_column(sa.ForeignKey("delegated_relationships.id"))
    kind: Mapped[str] = mapped_column(sa.String(20))
    once_key: Mapped[str] = mapped_column(sa.String(80))
    facts: Mapped[dict[str, Any]]
    organization_id: Mapped[UUID | None]
    person_id: Mapped[UUID | None]
    receiver_id: Mapped[UUID | None] = mapped_column(index=True)
    fact_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("facts.id"))
    at: Mapped[datetime]


class DelegatedStanding(Model):
    """Where a DelegatedRelationship stands, as lists need it: kept by each action, made anew from the acts by command.

    `state` is one of `rules.STATES`; what time alone changes (an end that has passed) shows at the latest when the
    worker notes it: read it through `queries.is_active` and its like. `next_at`: when the worker has to look again.
    `over_at`: when it was over, answered no, or lapsed. `announced`: whether the customer was told of it. `changed_at`:
    when something happened last that changed it.
    """

    __tablename__ = "delegated_standings"
    __table_args__ = (
        sa.Index("ix_delegated_standings_partner", "partner_id", "name_key", "relationship_id"),
        sa.Index("ix_delegated_standings_customer", "customer_id", "partner_id"),
        sa.Index("ix_delegated_standings_state", "partner_id", "state", "ends_at"),
        sa.Index("ix_delegated_standings_created", "partner_id", "created_at", "relationship_id"),
        sa.Index("ix_delegated_standings_changed", "partner_id", "changed_at", "relationship_id"),
    )

    relationship_id: Mapped[UUID] = mapped_column(sa.ForeignKey("delegated_relationships.id"), primary_key=True)
    partner_id: Mapped[UUID]
    customer_id: Mapped[UUID]
    name: Mapped[str] = mapped_column(sa.String(50))
    name_key: Mapped[str] = mapped_column(sa.String(200))
    state: Mapped[str] = mapped_column(sa.String(12))
    announced: Mapped[bool]
    roles: Mapped[list[str]]
    duration_days: Mapped[int]
    auto_extends: Mapped[bool]
    created_at: Mapped[datetime]
    closes_at: Mapped[datetime]
    activated_at: Mapped[datetime | None]
    ends_at: Mapped[datetime | None]
    over_at: Mapped[datetime | None]
    next_at: Mapped[datetime | None] = mapped_column(index=True)
    changed_at: Mapped[datetime]


append_only(DelegatedRelationship)
append_only(DelegatedAct)
