"""Published texts, acceptances, attestations and objections."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from webapp.database import Model, WithId, append_only


class AgreementText(WithId, Model):
    """One published text: a version of an agreement in one country and language. Never changes.

    `effective_on` is a day in the customer's country and zone. Source (Markdown) and HTML, rendered once, are
    documents by SHA-256. `is_sample` marks what is shipped with the product.
    """

    __tablename__ = "agreement_texts"
    __table_args__ = (
        sa.UniqueConstraint("type", "country", "language", "version"),
        sa.Index("ix_agreement_texts_in_force", "type", "country", "effective_on"),
    )

    type: Mapped[str] = mapped_column(sa.String(40))
    country: Mapped[str] = mapped_column(sa.String(2))
    language: Mapped[str] = mapped_column(sa.String(8))
    version: Mapped[str] = mapped_column(sa.String(40))
    title: Mapped[str] = mapped_column(sa.String(200))
    effective_on: Mapped[date]
    source_sha256: Mapped[str] = mapped_column(sa.ForeignKey("documents.sha256"))
    html_sha256: Mapped[str] = mapped_column(sa.ForeignKey("documents.sha256"))
    requires_renewal: Mapped[bool]
    is_sample: Mapped[bool]
    published_at: Mapped[datetime]


class Acceptance(WithId, Model):
    """A customer's person accepted a published text. The act; its evidence is the fact it names.

    A renewed acceptance names the one it replaces; at most one per customer and type replaces nothing.
    `shown_language` is the reader's, the text's own stands in the text.
    """

    __tablename__ = "acceptances"
    __table_args__ = (
        sa.Index(
            "uq_acceptances_first",
            "customer_id",
            "type",
            unique=True,
            postgresql_where=sa.text("replaces_id IS NULL"),
            sqlite_where=sa.text("replaces_id IS NULL"),
        ),
        sa.Index("ix_acceptances_customer", "customer_id", "type", "at"),
    )

    reference: Mapped[str] = mapped_column(sa.String(20), unique=True)
    type: Mapped[str] = mapped_column(sa.String(40))
    customer_id: Mapped[UUID] = mapped_column(sa.ForeignKey("organizations.id"))
    text_id: Mapped[UUID] = mapped_column(sa.ForeignKey("agreement_texts.id"))
    person_id: Mapped[UUID] = mapped_column(sa.ForeignKey("people.id"))
    partner_id: Mapped[UUID | None]
    invitation_id: Mapped[UUID | None]
    replaces_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("acceptances.id"), unique=True)
    shown_language: Mapped[str] = mapped_column(sa.String(8))
    at: Mapped[datetime]
    fact_id: Mapped[UUID] = mapped_column(sa.ForeignKey("facts.id"))


class Attestation(WithId, Model):
    """A partner says that a customer agreed elsewhere, on a day, by a named person. The act; who that person was stands
    in the fact it names.

    `agreed_on` is a day in the customer's zone; `text_id` the version in force in its country on that day. Each names the
    one before it; nothing is overwritten. `proof_sha256`: the file that the partner keeps with it, if any.
    """

    __tablename__ = "attestations"
    __table_args__ = (
        sa.Index(
            "uq_attestations_first",
            "customer_id",
            "type",
            unique=True,
            postgresql_where=sa.text("replaces_id IS NULL"),
            sqlite_where=sa.text("replaces_id IS NULL"),
        ),
        sa.Index("ix_attestations_customer", "customer_id", "type", "at"),
        sa.Index("ix_attestations_partner", "partner_id", "at"),
    )

    reference: Mapped[str] = mapped_column(sa.String(20), unique=True)
    type: Mapped[str] = mapped_column(sa.String(40))
    customer_id: Mapped[UUID] = mapped_column(sa.ForeignKey("organizations.id"))
    text_id: Mapped[UUID] = mapped_column(sa.ForeignKey("agreement_texts.id"))
    partner_id: Mapped[UUID] = mapped_column(sa.ForeignKey("organizations.id"))
    person_id: Mapped[UUID] = mapped_column(sa.ForeignKey("people.id"))
    agreed_on: Mapped[date]
    replaces_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("attestations.id"), unique=True)
    proof_sha256: Mapped[str | None] = mapped_column(sa.ForeignKey("documents.sha256"))
    proof_name: Mapped[str | None] = mapped_column(sa.String(200))
    at: Mapped[datetime]
    fact_id: Mapped[UUID] = mapped_column(sa.ForeignKey("facts.id"))


class Objection(WithId, Model):
    """Whoever the notice of an attestation was sent to says that it is not so; once for each attestation."""

    __tablename__ = "objections"

    attestation_id: Mapped[UUID] = mapped_column(sa.ForeignKey("attestations.id"), unique=True)
    customer_id: Mapped[UUID] = mapped_column(sa.ForeignKey("organizations.id"), index=True)
    at: Mapped[datetime]
    fact_id: Mapped[UUID] = mapped_column(sa.ForeignKey("facts.id"))


append_only(AgreementText)
append_only(Attestation)
append_only(Objection)
append_only(Acceptance)
