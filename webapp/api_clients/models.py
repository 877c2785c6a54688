"""API clients, their secrets, codes and tokens."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from webapp.database import Model, WithId


class ApiClient(WithId, Model):
    """A program of a partner. `person_id`: its own row among the people (`is_client`), which it acts as where no person
    consented. `roles`: what its tokens may carry ("admin_agent", "sales_agent", "read_only"). `redirect_uris`: where a
    browser returns to with a code."""

    __tablename__ = "api_clients"
    __table_args__ = (sa.Index("ix_api_clients_organization", "organization_id", "created_at", "id"),)

    organization_id: Mapped[UUID] = mapped_column(sa.ForeignKey("organizations.id"))
    person_id: Mapped[UUID] = mapped_column(sa.ForeignKey("people.id"), unique=True)
    name: Mapped[str] = mapped_column(sa.String(60))
    roles: Mapped[list[str]]
    redirect_uris: Mapped[list[str]]
    created_at: Mapped[datetime]
    created_by_id: Mapped[UUID | None]
    revoked_at: Mapped[datetime | None]

    @property
    def is_open(self) -> bool:
        return self.revoked_at is None


class ApiSecret(WithId, Model):
    """A secret of a client: its SHA-256 and its first characters, by which a list names it. At most two are open."""

    __tablename__ = "api_secrets"

    client_id: Mapped[UUID] = mapped_column(sa.ForeignKey("api_clients.id"), index=True)
    digest: Mapped[str] = mapped_column(sa.String(64), unique=True)
    prefix: Mapped[str] = mapped_column(sa.String(12))
    created_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]


class ApiCode(WithId, Model):
    """An authorization code: one person's consent, to be exchanged once within minutes. `challenge`: S256 of the verifier
    (PKCE). `roles`: those that the person was shown and agreed to."""

    __tablename__ = "api_codes"

    client_id: Mapped[UUID] = mapped_column(sa.ForeignKey("api_clients.id"), index=True)
    person_id: Mapped[UUID] = mapped_column(sa.ForeignKey("people.id"))
    digest: Mapped[str] = mapped_column(sa.String(64), unique=True)
    redirect_uri: Mapped[str] = mapped_column(sa.String(2000))
    challenge: Mapped[str] = mapped_column(sa.String(128))
    scope: Mapped[str] = mapped_column(sa.String(400))
    roles: Mapped[list[str]]
    family_id: Mapped[UUID]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)
    used_at: Mapped[datetime | None]


class ApiToken(WithId, Model):
    """An access token and, where a person consented, the refresh token given with it; both as SHA-256.

    `person_id`: in whose name it acts. All that came of one consent is one family: a refresh token used twice revokes it.
    """

    __tablename__ = "api_tokens"
    __table_args__ = (sa.Index("ix_api_tokens_family", "family_id"),)

    client_id: Mapped[UUID] = mapped_column(sa.ForeignKey("api_clients.id"), index=True)
    person_id: Mapped[UUID] = mapped_column(sa.ForeignKey("people.id"), index=True)
    family_id: Mapped[UUID]
    roles: Mapped[list[str]]
    scope: Mapped[str] = mapped_column(sa.String(400))
    access_digest: Mapped[str] = mapped_column(sa.String(64), unique=True)
    access_expires_at: Mapped[datetime] = mapped_column(index=True)
    refresh_digest: Mapped[str | None] = mapped_column(sa.String(64), unique=True)
    refresh_expires_at: Mapped[datetime | None]
    refreshed_at: Mapped[datetime | None]
    issued_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
