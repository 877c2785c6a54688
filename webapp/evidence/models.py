"""Chains, facts, documents, and the personal values that facts name by digest."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from webapp.database import Model, WithId, append_only

#: The chain of acts that concern neither a customer nor a partner.
SITE_CHAIN = UUID("5174e000-0000-4000-8000-000000000001")
GENESIS = "0" * 64


class Chain(WithId, Model):
    """A chain of facts: how many there are and the hash of the last."""

    __tablename__ = "chains"

    length: Mapped[int] = mapped_column(default=0)
    head: Mapped[str] = mapped_column(sa.String(64), default=GENESIS)


class Fact(WithId, Model):
    """One thing that happened. `record` is the canonical JSON that `hash` covers together with `previous_hash`;
    the other columns repeat parts of it for queries. `acting_partner_id`: whose delegated administrator did it, where the act
    concerns another partner or none."""

    __tablename__ = "facts"
    __table_args__ = (
        sa.UniqueConstraint("chain_id", "position"),
        sa.Index("ix_facts_customer", "customer_id", "at", "id"),
        sa.Index("ix_facts_partner", "partner_id", "at", "id"),
        sa.Index("ix_facts_other_partner", "other_partner_id", "at", "id"),
        sa.Index("ix_facts_acting_partner", "acting_partner_id", "at", "id"),
    )

    chain_id: Mapped[UUID] = mapped_column(sa.ForeignKey("chains.id"))
    position: Mapped[int]
    kind: Mapped[str] = mapped_column(sa.String(60))
    at: Mapped[datetime]
    person_id: Mapped[UUID | None] = mapped_column(index=True)
    customer_id: Mapped[UUID | None]
    partner_id: Mapped[UUID | None]
    other_partner_id: Mapped[UUID | None]
    acting_partner_id: Mapped[UUID | None]
    record: Mapped[str] = mapped_column(sa.Text)
    previous_hash: Mapped[str] = mapped_column(sa.String(64))
    hash: Mapped[str] = mapped_column(sa.String(64), unique=True)


class Document(Model):
    """The bytes of a document by their SHA-256 (lower-case hex)."""

    __tablename__ = "documents"

    sha256: Mapped[str] = mapped_column(sa.String(64), primary_key=True)
    media_type: Mapped[str] = mapped_column(sa.String(100))
    content: Mapped[bytes]


class PersonalFact(WithId, Model):
    """A personal value that a fact names by the SHA-256 of salt and value. Erasing deletes the row."""

    __tablename__ = "personal_facts"

    person_id: Mapped[UUID | None] = mapped_column(index=True)
    salt: Mapped[str] = mapped_column(sa.String(32))
    value: Mapped[str] = mapped_column(sa.Text)


append_only(Fact)
append_only(Document)
append_only(PersonalFact, deletable=True)
