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
    _customer_domains("C")


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
        sa.Column("roles", sa.JSON(), nullable=False),
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
    op.create_index(op.f("ix_api_codes_expires_at"), "api_codes", ["expires_at"])
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
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.String(length=264), nullable=False),
        sa.Column("request_digest", sa.String(length=64), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("headers", sa.JSON(), nullable=False),
        sa.Column("key_id", sa.String(length=16), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("at", UTCDateTime(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_first_answers")),
        sa.UniqueConstraint("client_id", "person_id", "key", name=op.f("uq_first_answers_client_id_person_id_key")),
    )
    op.create_index(op.f("ix_first_answers_person_id"), "first_answers", ["person_id"])
    op.create_index(op.f("ix_first_answers_at"), "first_answers", ["at"])


def _webhooks() -> None:
    """Registrations, deliveries, attempts, and the keys that sign."""
    op.create_table(
        "webhook_registrations",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("url", sa.String(length=2000), nullable=False),
        sa.Column("events", sa.JSON(), nullable=False),
        sa.Column("key_id", sa.String(length=16), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("previous_key_id", sa.String(length=16), nullable=True),
        sa.Column("previous_until", UTCDateTime(), nullable=True),
        sa.Column("away_until", UTCDateTime(), nullable=True),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.Column("changed_at", UTCDateTime(), nullable=False),
        sa.Column("ended_at", UTCDateTime(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id"],
            ["organizations.id"],
            name=op.f("fk_webhook_registrations_organization_id_organizations"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_registrations")),
    )
    op.create_index(op.f("ix_webhook_registrations_organization_id"), "webhook_registrations", ["organization_id"])
    op.create_index(
        "uq_webhook_registrations_open", "webhook_registrations", ["organization_id"], unique=True,
        postgresql_where=sa.text("ended_at IS NULL"), sqlite_where=sa.text("ended_at IS NULL"),
    )  # fmt: skip
    op.create_table(
        "webhook_deliveries",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("registration_id", sa.Uuid(), nullable=False),
        sa.Column("event", sa.String(length=60), nullable=False),
        sa.Column("audit_id", sa.Uuid(), nullable=True),
        sa.Column("customer_id", sa.Uuid(), nullable=True),
        sa.Column("stream", sa.Uuid(), nullable=False),
        sa.Column("place", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.Column("next_attempt_at", UTCDateTime(), nullable=False),
        sa.Column("leased_until", UTCDateTime(), nullable=True),
        sa.Column("leased_by", sa.Uuid(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("delivered_at", UTCDateTime(), nullable=True),
        sa.Column("dead_at", UTCDateTime(), nullable=True),
        sa.Column("closed_at", UTCDateTime(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organizations.id"], name=op.f("fk_webhook_deliveries_organization_id_organizations")
        ),
        sa.ForeignKeyConstraint(
            ["registration_id"], ["webhook_registrations.id"],
            name=op.f("fk_webhook_deliveries_registration_id_webhook_registrations"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_deliveries")),
    )  # fmt: skip
    still_open = {"postgresql_where": sa.text("closed_at IS NULL"), "sqlite_where": sa.text("closed_at IS NULL")}
    op.create_index("ix_webhook_deliveries_open", "webhook_deliveries", ["next_attempt_at"], **still_open)
    op.create_index(
        "ix_webhook_deliveries_stream", "webhook_deliveries", ["registration_id", "stream", "place"], **still_open
    )
    op.create_index("ix_webhook_deliveries_organization", "webhook_deliveries", ["organization_id", "created_at", "id"])
    op.create_index(
        "ix_webhook_deliveries_dead", "webhook_deliveries", ["organization_id", "dead_at", "created_at", "id"]
    )
    op.create_index(op.f("ix_webhook_deliveries_closed_at"), "webhook_deliveries", ["closed_at"])
    op.create_table(
        "webhook_attempts",
        sa.Column("delivery_id", sa.Uuid(), nullable=False),
        sa.Column("url", sa.String(length=2000), nullable=False),
        sa.Column("at", UTCDateTime(), nullable=False),
        sa.Column("response_code", sa.Integer(), nullable=True),
        sa.Column("response_message", sa.String(length=200), nullable=False),
        sa.Column("error", sa.String(length=20), nullable=False),
        sa.Column("detail", sa.String(length=300), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["delivery_id"], ["webhook_deliveries.id"], name=op.f("fk_webhook_attempts_delivery_id_webhook_deliveries")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_attempts")),
    )
    op.create_index("ix_webhook_attempts_delivery", "webhook_attempts", ["delivery_id", "at", "id"])
    op.create_table(
        "webhook_keys",
        sa.Column("key_id", sa.String(length=16), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("certificate", sa.Text(), nullable=False),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.Column("ends_at", UTCDateTime(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_keys")),
    )


def _delegated_admin() -> None:
    """What Graph adds: drafts, access assignments, and when each relationship changed last."""
    op.create_table(
        "delegated_drafts",
        sa.Column("partner_id", sa.Uuid(), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=True),
        sa.Column("name", sa.String(length=50), nullable=False),
        sa.Column("name_key", sa.String(length=200), nullable=False),
        sa.Column("roles", sa.JSON(), nullable=False),
        sa.Column("duration_days", sa.Integer(), nullable=False),
        sa.Column("auto_extends", sa.Boolean(), nullable=False),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.Column("created_by_id", sa.Uuid(), nullable=True),
        sa.Column("changed_at", UTCDateTime(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint("duration_days BETWEEN 1 AND 730", name=op.f("ck_delegated_drafts_duration")),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["organizations.id"], name=op.f("fk_delegated_drafts_customer_id_organizations")
        ),
        sa.ForeignKeyConstraint(
            ["partner_id"], ["organizations.id"], name=op.f("fk_delegated_drafts_partner_id_organizations")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_delegated_drafts")),
        sa.UniqueConstraint("partner_id", "name_key", name=op.f("uq_delegated_drafts_partner_id_name_key")),
    )
    op.create_index("ix_delegated_drafts_created", "delegated_drafts", ["partner_id", "created_at", "id"])
    op.create_index("ix_delegated_drafts_changed", "delegated_drafts", ["partner_id", "changed_at", "id"])
    op.create_table(
        "access_assignments",
        sa.Column("relationship_id", sa.Uuid(), nullable=False),
        sa.Column("container_id", sa.Uuid(), nullable=False),
        sa.Column("container_type", sa.String(length=20), nullable=False),
        sa.Column("roles", sa.JSON(), nullable=False),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.Column("created_by_id", sa.Uuid(), nullable=True),
        sa.Column("changed_at", UTCDateTime(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["relationship_id"],
            ["delegated_relationships.id"],
            name=op.f("fk_access_assignments_relationship_id_delegated_relationships"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_access_assignments")),
        sa.UniqueConstraint(
            "relationship_id", "container_id", name=op.f("uq_access_assignments_relationship_id_container_id")
        ),
    )
    op.create_index("ix_access_assignments_list", "access_assignments", ["relationship_id", "created_at", "id"])
    op.add_column("delegated_standings", sa.Column("changed_at", UTCDateTime(), nullable=True))
    op.execute(
        "UPDATE delegated_standings SET changed_at = coalesce("
        "(SELECT max(at) FROM delegated_acts WHERE relationship_id = delegated_standings.relationship_id "
        "AND kind NOT IN ('announced', 'noticed', 'handed_over')), created_at)"
    )
    with op.batch_alter_table("delegated_standings") as table:
        table.alter_column("changed_at", existing_type=UTCDateTime(), nullable=False)
        table.create_index("ix_delegated_standings_created", ["partner_id", "created_at", "relationship_id"])
        table.create_index("ix_delegated_standings_changed", ["partner_id", "changed_at", "relationship_id"])


def _carts() -> None:
    """Carts, and orders of several products at once."""
    op.add_column("orders", sa.Column("group_id", sa.Uuid(), nullable=True))
    op.add_column("orders", sa.Column("line_number", sa.Integer(), server_default=sa.text("0"), nullable=False))
    op.create_index("ix_orders_group", "orders", ["group_id"])
    op.create_table(
        "carts",
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("partner_id", sa.Uuid(), nullable=False),
        sa.Column("lines", sa.JSON(), nullable=False),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.Column("changed_at", UTCDateTime(), nullable=False),
        sa.Column("expires_at", UTCDateTime(), nullable=False),
        sa.Column("order_ids", sa.JSON(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["customer_id"], ["organizations.id"], name=op.f("fk_carts_customer_id_organizations")),
        sa.ForeignKeyConstraint(["partner_id"], ["organizations.id"], name=op.f("fk_carts_partner_id_organizations")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_carts")),
    )
    op.create_index(op.f("ix_carts_expires_at"), "carts", ["expires_at"])


def _customer_domains(collation: str | None) -> None:
    """The API lists customers by domain: in the order of code points on both engines, as names are."""
    if op.get_bind().dialect.name == "postgresql":
        op.alter_column(
            "customer_overviews", "domain", type_=sa.String(length=253, collation=collation),
            existing_type=sa.String(length=253), existing_nullable=False,
        )  # fmt: skip


def downgrade() -> None:
    _customer_domains("default")
    for table_name in ("webhook_keys", "webhook_attempts", "webhook_deliveries", "webhook_registrations"):
        op.drop_table(table_name)
    op.drop_table("carts")
    op.drop_index("ix_orders_group", table_name="orders")
    with op.batch_alter_table("orders") as table:
        table.drop_column("line_number")
        table.drop_column("group_id")
    with op.batch_alter_table("delegated_standings") as table:
        table.drop_index("ix_delegated_standings_changed")
        table.drop_index("ix_delegated_standings_created")
        table.drop_column("changed_at")
    for table_name in ("access_assignments", "delegated_drafts"):
        op.drop_table(table_name)
    for table in ("first_answers", "api_tokens", "api_codes", "api_secrets", "api_clients"):
        op.drop_table(table)
    with op.batch_alter_table("people") as table:
        table.drop_column("is_client")
