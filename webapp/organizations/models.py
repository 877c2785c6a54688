"""Organizations and what hangs on them."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from webapp.database import Model, WithId


class Organization(WithId, Model):
    """A customer or a partner. `name_key` is the normalised name that lists search and sort by.

    `country` is ISO 3166 alpha-2, `zone` an IANA name: a customer's day is the day there. Partners only:
    `programme` ("direct_bill", "indirect_provider", "indirect_reseller"), `partner_number` (the MPN id that
    links carry), `contact_address`, `enrolled_at` (may offer delegated administration). Customers only:
    `created_by_partner_id`, `registration_number` (where its country asks for one).
    """

    __tablename__ = "organizations"
    __table_args__ = (
        sa.CheckConstraint("kind IN ('customer', 'partner')", name="kind"),
        sa.Index("ix_organizations_kind_name", "kind", "name_key", "id"),
    )

    chain_id: Mapped[UUID] = mapped_column(sa.ForeignKey("chains.id"), unique=True)
    kind: Mapped[str] = mapped_column(sa.String(16))
    name: Mapped[str] = mapped_column(sa.String(200))
    name_key: Mapped[str] = mapped_column(sa.String(200))
    country: Mapped[str] = mapped_column(sa.String(2))
    language: Mapped[str] = mapped_column(sa.String(8))
    zone: Mapped[str] = mapped_column(sa.String(64))
    address_line: Mapped[str] = mapped_column(sa.String(200), default="")
    city: Mapped[str] = mapped_column(sa.String(100), default="")
    region: Mapped[str] = mapped_column(sa.String(100), default="")
    postal_code: Mapped[str] = mapped_column(sa.String(20), default="")
    phone: Mapped[str] = mapped_column(sa.String(40), default="")
    registration_number: Mapped[str] = mapped_column(sa.String(40), default="", server_default="")
    contact_address: Mapped[str | None] = mapped_column(sa.String(254))
    programme: Mapped[str | None] = mapped_column(sa.String(32))
    partner_number: Mapped[str | None] = mapped_column(sa.String(16), unique=True)
    enrolled_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    created_by_partner_id: Mapped[UUID | None]
    disabled_at: Mapped[datetime | None]

    @property
    def is_open(self) -> bool:
        return self.disabled_at is None


class Domain(WithId, Model):
    """A domain in an organization's profile. `confirmed_at`: when the operator checked that it is theirs."""

    __tablename__ = "domains"

    organization_id: Mapped[UUID] = mapped_column(sa.ForeignKey("organizations.id"), index=True)
    name: Mapped[str] = mapped_column(sa.String(253), unique=True)
    confirmed_at: Mapped[datetime | None]


class RoleAssignment(WithId, Model):
    """A role that a person has in its own organization now."""

    __tablename__ = "role_assignments"
    __table_args__ = (sa.UniqueConstraint("person_id", "role"),)

    person_id: Mapped[UUID] = mapped_column(sa.ForeignKey("people.id"), index=True)
    role: Mapped[str] = mapped_column(sa.String(40))
    given_at: Mapped[datetime]


class Pairing(WithId, Model):
    """An indirect provider and one of its indirect resellers. Open from `confirmed_at` until `ended_at`."""

    __tablename__ = "pairings"
    __table_args__ = (sa.UniqueConstraint("provider_id", "reseller_id"),)

    provider_id: Mapped[UUID] = mapped_column(sa.ForeignKey("organizations.id"))
    reseller_id: Mapped[UUID] = mapped_column(sa.ForeignKey("organizations.id"), index=True)
    confirmed_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]

    @property
    def is_open(self) -> bool:
        return self.ended_at is None
