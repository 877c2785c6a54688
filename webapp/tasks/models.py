"""The inbox."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from webapp.database import Model, WithId


class Task(WithId, Model):
    """An entry of an organization's inbox: something that waits (`waits`), or something that happened.

    `kind` chooses the words (`templates/tasks/kinds/<kind>.html`), `facts` fills them, `path` leads to the page
    where it is done. `about_id` is the invitation, act or person it is about; one entry per organization, kind
    and `about_key`. Done (or seen): `done_at`, `done_by_id`; it may be asked again. `told_at`: when a mail about it was
    put into the outbox; for kinds that no mail tells of, when the entry was put.
    """

    __tablename__ = "tasks"
    __table_args__ = (
        sa.UniqueConstraint("organization_id", "kind", "about_key"),
        sa.Index("ix_tasks_list", "organization_id", "created_at", "id"),
        sa.Index(
            "ix_tasks_open",
            "organization_id",
            "waits",
            "created_at",
            postgresql_where=sa.text("done_at IS NULL"),
            sqlite_where=sa.text("done_at IS NULL"),
        ),
        sa.Index(
            "ix_tasks_untold",
            "organization_id",
            postgresql_where=sa.text("told_at IS NULL"),
            sqlite_where=sa.text("told_at IS NULL"),
        ),
        sa.Index("ix_tasks_told", "organization_id", "told_at"),
    )

    organization_id: Mapped[UUID] = mapped_column(sa.ForeignKey("organizations.id"))
    kind: Mapped[str] = mapped_column(sa.String(40))
    about_id: Mapped[UUID | None] = mapped_column(index=True)
    about_key: Mapped[str] = mapped_column(sa.String(100))
    facts: Mapped[dict[str, Any]]
    path: Mapped[str] = mapped_column(sa.String(500))
    waits: Mapped[bool]
    created_at: Mapped[datetime]
    done_at: Mapped[datetime | None]
    done_by_id: Mapped[UUID | None]
    told_at: Mapped[datetime | None]
