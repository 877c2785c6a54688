"""People, their sessions, and counted failures."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from webapp.database import Model, WithId


class Person(WithId, Model):
    """Somebody who can sign in, of exactly one organization.

    `address_key` is the address case-folded: unique among sign-in names. `confirmed_at`: when the person proved
    to read that mailbox. `password_hash` None: never set. `created_by_partner_id`: the partner that made the
    account, if one did. `temporary_until`: the password was given, signs in only together with a mailed code and only
    until then, and must be changed first; None: it is the person's own. Erased people keep their row with empty names.
    `is_client`: nobody, but a program that uses the API (`api_clients`); it never signs in, so that `disabled_at` is set.
    """

    __tablename__ = "people"
    __table_args__ = (sa.Index("ix_people_name", "organization_id", "family_name", "given_name", "id"),)

    organization_id: Mapped[UUID] = mapped_column(sa.ForeignKey("organizations.id"), index=True)
    given_name: Mapped[str] = mapped_column(sa.String(100))
    family_name: Mapped[str] = mapped_column(sa.String(100))
    address: Mapped[str] = mapped_column(sa.String(254))
    address_key: Mapped[str] = mapped_column(sa.String(254), unique=True)
    password_hash: Mapped[str | None] = mapped_column(sa.String(200))
    language: Mapped[str] = mapped_column(sa.String(8))
    zone: Mapped[str | None] = mapped_column(sa.String(64))
    created_at: Mapped[datetime]
    created_by_partner_id: Mapped[UUID | None]
    confirmed_at: Mapped[datetime | None]
    temporary_until: Mapped[datetime | None]
    disabled_at: Mapped[datetime | None]
    erased_at: Mapped[datetime | None]
    is_client: Mapped[bool] = mapped_column(default=False, server_default=sa.false())

    def can_sign_in(self) -> bool:
        return self.disabled_at is None and self.erased_at is None


class Session(WithId, Model):
    """One signed-in browser. `proof` says how the person proved himself: "password", "link" or
    "temporary_password_and_code". `acting_for_id`: the customer that a partner's person acts for in this browser now;
    it opens nothing by itself, the rights are computed for each request."""

    __tablename__ = "sessions"

    person_id: Mapped[UUID] = mapped_column(sa.ForeignKey("people.id"), index=True)
    proof: Mapped[str] = mapped_column(sa.String(40))
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    browser: Mapped[str] = mapped_column(sa.String(300))
    address: Mapped[str] = mapped_column(sa.String(64))
    acting_for_id: Mapped[UUID | None]


class Activity(Model):
    """When a session was last seen, or a program of the API last called (`session_id` is then the program's id): written at
    most once in five minutes, in a transaction of its own."""

    __tablename__ = "activity"

    session_id: Mapped[UUID] = mapped_column(primary_key=True)
    seen_at: Mapped[datetime]


class Attempt(WithId, Model):
    """One counted failure. `pair` is the keyed digest of person and network, `network` that of the network."""

    __tablename__ = "attempts"
    __table_args__ = (
        sa.Index("ix_attempts_pair", "pair", "at"),
        sa.Index("ix_attempts_network", "network", "at"),
    )

    kind: Mapped[str] = mapped_column(sa.String(40))
    pair: Mapped[str] = mapped_column(sa.String(64))
    network: Mapped[str] = mapped_column(sa.String(64))
    at: Mapped[datetime] = mapped_column(index=True)
