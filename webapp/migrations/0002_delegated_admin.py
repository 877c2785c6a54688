"""Delegated administration, ending relationships, subscriptions.

Revision ID: 0002
"""

import sqlalchemy as sa
from alembic import op

from webapp.database import UTCDateTime

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "delegated_relationships",
        sa.Column("partner_id", sa.Uuid(), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=50), nullable=False),
        sa.Column("name_key", sa.String(length=200), nullable=False),
        sa.Column("roles", sa.JSON(), nullable=False),
        sa.Column("duration_days", sa.Integer(), nullable=False),
        sa.Column("auto_extends", sa.Boolean(), nullable=False),
        sa.Column("closes_at", UTCDateTime(), nullable=False),
        sa.Column("replaces_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.Column("created_by_id", sa.Uuid(), nullable=True),
        sa.Column("fact_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint("duration_days BETWEEN 1 AND 730", name=op.f("ck_delegated_relationships_duration")),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["organizations.id"], name=op.f("fk_delegated_relationships_customer_id_organizations")
        ),
        sa.ForeignKeyConstraint(["fact_id"], ["facts.id"], name=op.f("fk_delegated_relationships_fact_id_facts")),
        sa.ForeignKeyConstraint(
            ["partner_id"], ["organizations.id"], name=op.f("fk_delegated_relationships_partner_id_organizations")
        ),
        sa.ForeignKeyConstraint(
            ["replaces_id"],
            ["delegated_relationships.id"],
            name=op.f("fk_delegated_relationships_replaces_id_delegated_relationships"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_delegated_relationships")),
        sa.UniqueConstraint("partner_id", "name_key", name=op.f("uq_delegated_relationships_partner_id_name_key")),
        sa.UniqueConstraint("replaces_id", name=op.f("uq_delegated_relationships_replaces_id")),
    )
    op.create_index(
        "ix_delegated_relationships_customer", "delegated_relationships", ["customer_id", "partner_id"], unique=False
    )
    op.create_table(
        "distrusts",
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("partner_id", sa.Uuid(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("at", UTCDateTime(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=True),
        sa.Column("fact_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["organizations.id"], name=op.f("fk_distrusts_customer_id_organizations")
        ),
        sa.ForeignKeyConstraint(["fact_id"], ["facts.id"], name=op.f("fk_distrusts_fact_id_facts")),
        sa.ForeignKeyConstraint(
            ["partner_id"], ["organizations.id"], name=op.f("fk_distrusts_partner_id_organizations")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_distrusts")),
        sa.UniqueConstraint(
            "customer_id", "partner_id", "ordinal", name=op.f("uq_distrusts_customer_id_partner_id_ordinal")
        ),
    )
    op.create_table(
        "role_sets",
        sa.Column("partner_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=50), nullable=False),
        sa.Column("name_key", sa.String(length=200), nullable=False),
        sa.Column("roles", sa.JSON(), nullable=False),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.Column("created_by_id", sa.Uuid(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["partner_id"], ["organizations.id"], name=op.f("fk_role_sets_partner_id_organizations")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_role_sets")),
        sa.UniqueConstraint("partner_id", "name_key", name=op.f("uq_role_sets_partner_id_name_key")),
    )
    op.create_table(
        "subscriptions",
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("partner_id", sa.Uuid(), nullable=False),
        sa.Column("reseller_id", sa.Uuid(), nullable=True),
        sa.Column("product", sa.String(length=200), nullable=False),
        sa.Column("seats", sa.Integer(), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=False),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.Column("fact_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint("seats > 0", name=op.f("ck_subscriptions_seats")),
        sa.CheckConstraint("starts_on <= ends_on", name=op.f("ck_subscriptions_term")),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["organizations.id"], name=op.f("fk_subscriptions_customer_id_organizations")
        ),
        sa.ForeignKeyConstraint(["fact_id"], ["facts.id"], name=op.f("fk_subscriptions_fact_id_facts")),
        sa.ForeignKeyConstraint(
            ["partner_id"], ["organizations.id"], name=op.f("fk_subscriptions_partner_id_organizations")
        ),
        sa.ForeignKeyConstraint(
            ["reseller_id"], ["organizations.id"], name=op.f("fk_subscriptions_reseller_id_organizations")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_subscriptions")),
    )
    op.create_index("ix_subscriptions_customer", "subscriptions", ["customer_id", "ends_on", "id"], unique=False)
    op.create_index("ix_subscriptions_partner", "subscriptions", ["partner_id", "customer_id"], unique=False)
    op.create_table(
        "delegated_acts",
        sa.Column("relationship_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("once_key", sa.String(length=80), nullable=False),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.Column("organization_id", sa.Uuid(), nullable=True),
        sa.Column("person_id", sa.Uuid(), nullable=True),
        sa.Column("receiver_id", sa.Uuid(), nullable=True),
        sa.Column("fact_id", sa.Uuid(), nullable=True),
        sa.Column("at", UTCDateTime(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["fact_id"], ["facts.id"], name=op.f("fk_delegated_acts_fact_id_facts")),
        sa.ForeignKeyConstraint(
            ["relationship_id"],
            ["delegated_relationships.id"],
            name=op.f("fk_delegated_acts_relationship_id_delegated_relationships"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_delegated_acts")),
        sa.UniqueConstraint("relationship_id", "once_key", name=op.f("uq_delegated_acts_relationship_id_once_key")),
    )
    op.create_index("ix_delegated_acts_list", "delegated_acts", ["relationship_id", "at"], unique=False)
    op.create_index(op.f("ix_delegated_acts_receiver_id"), "delegated_acts", ["receiver_id"], unique=False)
    op.create_table(
        "delegated_standings",
        sa.Column("relationship_id", sa.Uuid(), nullable=False),
        sa.Column("partner_id", sa.Uuid(), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=50), nullable=False),
        sa.Column("name_key", sa.String(length=200), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("announced", sa.Boolean(), nullable=False),
        sa.Column("roles", sa.JSON(), nullable=False),
        sa.Column("duration_days", sa.Integer(), nullable=False),
        sa.Column("auto_extends", sa.Boolean(), nullable=False),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.Column("closes_at", UTCDateTime(), nullable=False),
        sa.Column("activated_at", UTCDateTime(), nullable=True),
        sa.Column("ends_at", UTCDateTime(), nullable=True),
        sa.Column("over_at", UTCDateTime(), nullable=True),
        sa.Column("next_at", UTCDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["relationship_id"],
            ["delegated_relationships.id"],
            name=op.f("fk_delegated_standings_relationship_id_delegated_relationships"),
        ),
        sa.PrimaryKeyConstraint("relationship_id", name=op.f("pk_delegated_standings")),
    )
    op.create_index(
        "ix_delegated_standings_customer", "delegated_standings", ["customer_id", "partner_id"], unique=False
    )
    op.create_index(op.f("ix_delegated_standings_next_at"), "delegated_standings", ["next_at"], unique=False)
    op.create_index(
        "ix_delegated_standings_partner",
        "delegated_standings",
        ["partner_id", "name_key", "relationship_id"],
        unique=False,
    )
    op.create_index(
        "ix_delegated_standings_state", "delegated_standings", ["partner_id", "state", "ends_at"], unique=False
    )
    op.create_table(
        "ending_requests",
        sa.Column("relationship_id", sa.Uuid(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("at", UTCDateTime(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=True),
        sa.Column("fact_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["fact_id"], ["facts.id"], name=op.f("fk_ending_requests_fact_id_facts")),
        sa.ForeignKeyConstraint(
            ["relationship_id"], ["relationships.id"], name=op.f("fk_ending_requests_relationship_id_relationships")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ending_requests")),
        sa.UniqueConstraint("relationship_id", "ordinal", name=op.f("uq_ending_requests_relationship_id_ordinal")),
    )
    op.create_index(op.f("ix_ending_requests_at"), "ending_requests", ["at"], unique=False)
    op.create_table(
        "ending_answers",
        sa.Column("request_id", sa.Uuid(), nullable=False),
        sa.Column("answer", sa.String(length=12), nullable=False),
        sa.Column("at", UTCDateTime(), nullable=False),
        sa.Column("by_organization_id", sa.Uuid(), nullable=True),
        sa.Column("person_id", sa.Uuid(), nullable=True),
        sa.Column("fact_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["fact_id"], ["facts.id"], name=op.f("fk_ending_answers_fact_id_facts")),
        sa.ForeignKeyConstraint(
            ["request_id"], ["ending_requests.id"], name=op.f("fk_ending_answers_request_id_ending_requests")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ending_answers")),
        sa.UniqueConstraint("request_id", name=op.f("uq_ending_answers_request_id")),
    )
    op.create_table(
        "ending_reminders",
        sa.Column("request_id", sa.Uuid(), nullable=False),
        sa.Column("days", sa.Integer(), nullable=False),
        sa.Column("at", UTCDateTime(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["request_id"], ["ending_requests.id"], name=op.f("fk_ending_reminders_request_id_ending_requests")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ending_reminders")),
        sa.UniqueConstraint("request_id", "days", name=op.f("uq_ending_reminders_request_id_days")),
    )
    op.add_column(
        "customer_overviews", sa.Column("delegated_state", sa.String(length=10), server_default="none", nullable=False)
    )
    op.add_column("customer_overviews", sa.Column("delegated_ends_at", UTCDateTime(), nullable=True))
    op.create_index(
        "ix_customer_overviews_delegated",
        "customer_overviews",
        ["partner_id", "delegated_state", "name_key", "customer_id"],
        unique=False,
    )
    op.add_column("invitation_acts", sa.Column("receiver_id", sa.Uuid(), nullable=True))
    op.create_index(op.f("ix_invitation_acts_receiver_id"), "invitation_acts", ["receiver_id"], unique=False)
    op.add_column("invitations", sa.Column("offer_id", sa.Uuid(), nullable=True))
    op.create_index(op.f("ix_invitations_offer_id"), "invitations", ["offer_id"], unique=False)


def downgrade() -> None:
    op.drop_index(op.f("ix_invitations_offer_id"), table_name="invitations")
    op.drop_column("invitations", "offer_id")
    op.drop_index(op.f("ix_invitation_acts_receiver_id"), table_name="invitation_acts")
    op.drop_column("invitation_acts", "receiver_id")
    op.drop_index("ix_customer_overviews_delegated", table_name="customer_overviews")
    op.drop_column("customer_overviews", "delegated_ends_at")
    op.drop_column("customer_overviews", "delegated_state")
    op.drop_table("ending_reminders")
    op.drop_table("ending_answers")
    op.drop_index(op.f("ix_ending_requests_at"), table_name="ending_requests")
    op.drop_table("ending_requests")
    op.drop_index("ix_delegated_standings_state", table_name="delegated_standings")
    op.drop_index("ix_delegated_standings_partner", table_name="delegated_standings")
    op.drop_index(op.f("ix_delegated_standings_next_at"), table_name="delegated_standings")
    op.drop_index("ix_delegated_standings_customer", table_name="delegated_standings")
    op.drop_table("delegated_standings")
    op.drop_index(op.f("ix_delegated_acts_receiver_id"), table_name="delegated_acts")
    op.drop_index("ix_delegated_acts_list", table_name="delegated_acts")
    op.drop_table("delegated_acts")
    op.drop_index("ix_subscriptions_partner", table_name="subscriptions")
    op.drop_index("ix_subscriptions_customer", table_name="subscriptions")
    op.drop_table("subscriptions")
    op.drop_table("role_sets")
    op.drop_table("distrusts")
    op.drop_index("ix_delegated_relationships_customer", table_name="delegated_relationships")
    op.drop_table("delegated_relationships")
