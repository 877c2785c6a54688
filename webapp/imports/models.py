"""Files that were uploaded, and their rows."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from webapp.database import Model, WithId


class Import(WithId, Model):
    """A file of invitations, attestations or people (`kind`). States follow from times, see `rules.state_of`.

    `organization_id` is whose file it is: the partner, or the customer whose people it names (its column is called
    `partner_id`, as when only partners imported).

    `created_by_id` uploaded it; `person_id` is in whose name its rows are done: who started it, or went on with it.
    `sends`: whether invitations leave from here, or are only prepared. `ignored` names columns that were not read.
    `waits_until`: the day's number of mails is reached. `stopped_for` names the refusal for which the worker paused it.
    `done`, `already` and `refused` are counted when it ends. `emptied_at`: the values of its rows were let go.
    """

    __tablename__ = "imports"
    __table_args__ = (
        sa.Index("ix_imports_list", "partner_id", "created_at", "id"),
        sa.Index(
            "ix_imports_running",
            "started_at",
            postgresql_where=sa.text("ended_at IS NULL AND started_at IS NOT NULL"),
            sqlite_where=sa.text("ended_at IS NULL AND started_at IS NOT NULL"),
        ),
    )

    organization_id: Mapped[UUID] = mapped_column("partner_id", sa.ForeignKey("organizations.id"))
    created_by_id: Mapped[UUID] = mapped_column(sa.ForeignKey("people.id"))
    person_id: Mapped[UUID] = mapped_column(sa.ForeignKey("people.id"))
    kind: Mapped[str] = mapped_column(sa.String(20))
    language: Mapped[str] = mapped_column(sa.String(8))
    file_name: Mapped[str] = mapped_column(sa.String(200))
    sha256: Mapped[str] = mapped_column(sa.String(64))
    ignored: Mapped[list[str]]
    rows: Mapped[int]
    sends: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime] = mapped_column(index=True)
    started_at: Mapped[datetime | None]
    paused_at: Mapped[datetime | None]
    stopped_for: Mapped[str] = mapped_column(sa.String(60), default="")
    waits_until: Mapped[datetime | None]
    cancelled_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    emptied_at: Mapped[datetime | None]
    done: Mapped[int | None]
    already: Mapped[int | None]
    refused: Mapped[int | None]


class ImportRow(WithId, Model):
    """A row of a file. `number` is its number there (the first line is 1); `values` hold what its columns say.

    `fault` is the code of what is wrong with it, or empty, and `faults` tell each: column, code, facts. `warning` is
    the code of what should be looked at. What is left out or done is never done again: `left_out_at`, `done_at` with
    `result` ("done", "already", "refused"), `reason` and its facts, and what came of it (`about_id`, `reference`).
    `leased_by` is the run of a worker that holds it until `leased_until`. `address_key` finds the rows about a person.
    """

    __tablename__ = "import_rows"
    __table_args__ = (
        sa.UniqueConstraint("import_id", "number"),
        sa.Index(
            "ix_import_rows_waiting",
            "import_id",
            "number",
            postgresql_where=sa.text("done_at IS NULL AND left_out_at IS NULL"),
            sqlite_where=sa.text("done_at IS NULL AND left_out_at IS NULL"),
        ),
        sa.Index("ix_import_rows_fault", "import_id", "fault", "number"),
    )

    import_id: Mapped[UUID] = mapped_column(sa.ForeignKey("imports.id"))
    number: Mapped[int]
    values: Mapped[dict[str, Any]]
    address_key: Mapped[str | None] = mapped_column(sa.String(254), index=True)
    customer_id: Mapped[UUID | None]
    other_id: Mapped[UUID | None]
    fault: Mapped[str] = mapped_column(sa.String(60), default="")
    faults: Mapped[dict[str, Any]]
    warning: Mapped[str] = mapped_column(sa.String(60), default="")
    left_out_at: Mapped[datetime | None]
    leased_until: Mapped[datetime | None]
    leased_by: Mapped[UUID | None]
    attempts: Mapped[int] = mapped_column(default=0)
    done_at: Mapped[datetime | None]
    result: Mapped[str] = mapped_column(sa.String(10), default="")
    reason: Mapped[str] = mapped_column(sa.String(60), default="")
    facts: Mapped[dict[str, Any]]
    about_id: Mapped[UUID | None]
    reference: Mapped[str] = mapped_column(sa.String(40), default="")
