"""Product keys, subscriptions that change, licences, partners of record, renewals, acting for a customer.

Revision ID: 0004
"""

import sqlalchemy as sa
from alembic import op

from webapp.database import UTCDateTime

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("sessions", sa.Column("acting_for_id", sa.Uuid(), nullable=True))
    op.add_column("facts", sa.Column("acting_partner_id", sa.Uuid(), nullable=True))
    op.create_index("ix_facts_acting_partner", "facts", ["acting_partner_id", "at", "id"], unique=False)
    op.create_index("ix_people_name", "people", ["organization_id", "family_name", "given_name", "id"], unique=False)
    with op.batch_alter_table("subscriptions") as table:
        table.drop_index("uq_subscriptions_renews")
        table.drop_index("ix_subscriptions_renewing")
        table.alter_column("renews_id", new_column_name="follows_id", existing_type=sa.Uuid())
        table.alter_column("partner_id", existing_type=sa.Uuid(), nullable=True)
        table.add_column(sa.Column("line_id", sa.Uuid(), nullable=True))
        table.add_column(sa.Column("contract", sa.String(length=20), server_default="partner", nullable=False))
        table.add_column(sa.Column("replaces_line_id", sa.Uuid(), nullable=True))
    _lines()
    with op.batch_alter_table("subscriptions") as table:
        table.alter_column("line_id", existing_type=sa.Uuid(), nullable=False)
        table.create_index("uq_subscriptions_follows", ["follows_id"], unique=True)
        table.create_index("uq_subscriptions_replaces", ["replaces_line_id"], unique=True)
        table.create_index("ix_subscriptions_line", ["line_id", "created_at"])
    op.create_table(
        "product_keys",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("key_id", sa.String(length=16), nullable=False),
        sa.Column("last_five", sa.String(length=5), nullable=False),
        sa.Column("product_id", sa.Uuid(), nullable=False),
        sa.Column("seats", sa.Integer(), nullable=False),
        sa.Column("months", sa.Integer(), nullable=False),
        sa.Column("expires_on", sa.Date(), nullable=False),
        sa.Column("partner_id", sa.Uuid(), nullable=True),
        sa.Column("batch_id", sa.Uuid(), nullable=False),
        sa.Column("issued_at", UTCDateTime(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint("seats > 0 AND months > 0", name=op.f("ck_product_keys_content")),
        sa.ForeignKeyConstraint(
            ["partner_id"], ["organizations.id"], name=op.f("fk_product_keys_partner_id_organizations")
        ),
        sa.ForeignKeyConstraint(["product_id"], ["products.id"], name=op.f("fk_product_keys_product_id_products")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_product_keys")),
        sa.UniqueConstraint("digest", name=op.f("uq_product_keys_digest")),
    )
    op.create_index("ix_product_keys_batch", "product_keys", ["batch_id"], unique=False)
    op.create_table(
        "setup_lists",
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("dismissed_at", UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["organizations.id"], name=op.f("fk_setup_lists_customer_id_organizations")
        ),
        sa.PrimaryKeyConstraint("customer_id", name=op.f("pk_setup_lists")),
    )
    op.create_table(
        "licences",
        sa.Column("line_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("given_at", UTCDateTime(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["line_id"], ["subscriptions.id"], name=op.f("fk_licences_line_id_subscriptions")),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_licences_person_id_people")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_licences")),
        sa.UniqueConstraint("line_id", "person_id", name=op.f("uq_licences_line_id_person_id")),
    )
    op.create_index(op.f("ix_licences_person_id"), "licences", ["person_id"], unique=False)
    op.create_table(
        "partners_of_record",
        sa.Column("line_id", sa.Uuid(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("partner_id", sa.Uuid(), nullable=True),
        sa.Column("at", UTCDateTime(), nullable=False),
        sa.Column("fact_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["fact_id"], ["facts.id"], name=op.f("fk_partners_of_record_fact_id_facts")),
        sa.ForeignKeyConstraint(
            ["line_id"], ["subscriptions.id"], name=op.f("fk_partners_of_record_line_id_subscriptions")
        ),
        sa.ForeignKeyConstraint(
            ["partner_id"], ["organizations.id"], name=op.f("fk_partners_of_record_partner_id_organizations")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_partners_of_record")),
        sa.UniqueConstraint("line_id", "ordinal", name=op.f("uq_partners_of_record_line_id_ordinal")),
    )
    op.create_table(
        "redemption_drafts",
        sa.Column("person_id", sa.Uuid(), nullable=True),
        sa.Column("organization_id", sa.Uuid(), nullable=True),
        sa.Column("step", sa.String(length=20), nullable=False),
        sa.Column("key_ids", sa.JSON(), nullable=False),
        sa.Column("values", sa.JSON(), nullable=False),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.Column("updated_at", UTCDateTime(), nullable=False),
        sa.Column("redeemed_at", UTCDateTime(), nullable=True),
        sa.Column("customer_id", sa.Uuid(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organizations.id"], name=op.f("fk_redemption_drafts_organization_id_organizations")
        ),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_redemption_drafts_person_id_people")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_redemption_drafts")),
    )
    op.create_index("ix_redemption_drafts_person", "redemption_drafts", ["person_id", "updated_at"], unique=False)
    op.create_index(op.f("ix_redemption_drafts_updated_at"), "redemption_drafts", ["updated_at"], unique=False)
    op.create_index(
        "uq_redemption_drafts_open",
        "redemption_drafts",
        ["person_id", "organization_id"],
        unique=True,
        postgresql_where=sa.text("redeemed_at IS NULL"),
        sqlite_where=sa.text("redeemed_at IS NULL"),
    )
    op.create_index(
        "uq_redemption_drafts_open_account",
        "redemption_drafts",
        ["person_id"],
        unique=True,
        postgresql_where=sa.text("organization_id IS NULL AND redeemed_at IS NULL"),
        sqlite_where=sa.text("organization_id IS NULL AND redeemed_at IS NULL"),
    )
    op.create_table(
        "redemptions",
        sa.Column("product_key_id", sa.Uuid(), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("subscription_id", sa.Uuid(), nullable=False),
        sa.Column("organization_id", sa.Uuid(), nullable=True),
        sa.Column("person_id", sa.Uuid(), nullable=True),
        sa.Column("at", UTCDateTime(), nullable=False),
        sa.Column("fact_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["organizations.id"], name=op.f("fk_redemptions_customer_id_organizations")
        ),
        sa.ForeignKeyConstraint(["fact_id"], ["facts.id"], name=op.f("fk_redemptions_fact_id_facts")),
        sa.ForeignKeyConstraint(
            ["product_key_id"], ["product_keys.id"], name=op.f("fk_redemptions_product_key_id_product_keys")
        ),
        sa.ForeignKeyConstraint(
            ["subscription_id"], ["subscriptions.id"], name=op.f("fk_redemptions_subscription_id_subscriptions")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_redemptions")),
        sa.UniqueConstraint("product_key_id", name=op.f("uq_redemptions_product_key_id")),
    )
    op.create_index("ix_redemptions_customer", "redemptions", ["customer_id", "at"], unique=False)
    op.create_index(op.f("ix_redemptions_person_id"), "redemptions", ["person_id"], unique=False)
    op.create_table(
        "renewal_notices",
        sa.Column("line_id", sa.Uuid(), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=False),
        sa.Column("days", sa.Integer(), nullable=False),
        sa.Column("days_left", sa.Integer(), nullable=False),
        sa.Column("partner_id", sa.Uuid(), nullable=True),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("at", UTCDateTime(), nullable=False),
        sa.Column("fact_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["organizations.id"], name=op.f("fk_renewal_notices_customer_id_organizations")
        ),
        sa.ForeignKeyConstraint(["fact_id"], ["facts.id"], name=op.f("fk_renewal_notices_fact_id_facts")),
        sa.ForeignKeyConstraint(
            ["line_id"], ["subscriptions.id"], name=op.f("fk_renewal_notices_line_id_subscriptions")
        ),
        sa.ForeignKeyConstraint(
            ["partner_id"], ["organizations.id"], name=op.f("fk_renewal_notices_partner_id_organizations")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_renewal_notices")),
        sa.UniqueConstraint("line_id", "ends_on", "days", name=op.f("uq_renewal_notices_line_id_ends_on_days")),
    )
    op.create_index("ix_renewal_notices_partner", "renewal_notices", ["partner_id", "at"], unique=False)
    op.create_table(
        "renewal_mails",
        sa.Column("notice_id", sa.Uuid(), nullable=False),
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("told_at", UTCDateTime(), nullable=True),
        sa.Column("person_count", sa.Integer(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["notice_id"], ["renewal_notices.id"], name=op.f("fk_renewal_mails_notice_id_renewal_notices")
        ),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organizations.id"], name=op.f("fk_renewal_mails_organization_id_organizations")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_renewal_mails")),
        sa.UniqueConstraint("notice_id", "organization_id", name=op.f("uq_renewal_mails_notice_id_organization_id")),
    )
    op.create_index(
        "ix_renewal_mails_untold",
        "renewal_mails",
        ["organization_id"],
        unique=False,
        postgresql_where=sa.text("told_at IS NULL"),
        sqlite_where=sa.text("told_at IS NULL"),
    )
    op.create_table(
        "direct_switches",
        sa.Column("line_id", sa.Uuid(), nullable=False),
        sa.Column("new_line_id", sa.Uuid(), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("licences", sa.Integer(), nullable=False),
        sa.Column("at", UTCDateTime(), nullable=False),
        sa.Column("fact_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["organizations.id"], name=op.f("fk_direct_switches_customer_id_organizations")
        ),
        sa.ForeignKeyConstraint(["fact_id"], ["facts.id"], name=op.f("fk_direct_switches_fact_id_facts")),
        sa.ForeignKeyConstraint(
            ["line_id"], ["subscriptions.id"], name=op.f("fk_direct_switches_line_id_subscriptions")
        ),
        sa.ForeignKeyConstraint(
            ["new_line_id"], ["subscriptions.id"], name=op.f("fk_direct_switches_new_line_id_subscriptions")
        ),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_direct_switches_person_id_people")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_direct_switches")),
        sa.UniqueConstraint("line_id", name=op.f("uq_direct_switches_line_id")),
        sa.UniqueConstraint("new_line_id", name=op.f("uq_direct_switches_new_line_id")),
    )
    op.create_table(
        "subscription_standings",
        sa.Column("line_id", sa.Uuid(), nullable=False),
        sa.Column("subscription_id", sa.Uuid(), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("partner_id", sa.Uuid(), nullable=True),
        sa.Column("reseller_id", sa.Uuid(), nullable=True),
        sa.Column("record_partner_id", sa.Uuid(), nullable=True),
        sa.Column("product", sa.String(length=200), nullable=False),
        sa.Column("product_id", sa.Uuid(), nullable=True),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("contract", sa.String(length=20), nullable=False),
        sa.Column("seats", sa.Integer(), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=False),
        sa.Column("renews", sa.Boolean(), nullable=False),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.Column("left_for_id", sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(
            ["subscription_id"],
            ["subscriptions.id"],
            name=op.f("fk_subscription_standings_subscription_id_subscriptions"),
        ),
        sa.PrimaryKeyConstraint("line_id", name=op.f("pk_subscription_standings")),
    )
    op.create_index(
        "ix_subscription_standings_customer",
        "subscription_standings",
        ["customer_id", "created_at", "line_id"],
        unique=False,
    )
    op.create_index("ix_subscription_standings_end", "subscription_standings", ["ends_on", "line_id"], unique=False)
    op.create_index(
        "ix_subscription_standings_record",
        "subscription_standings",
        ["record_partner_id", "renews", "ends_on", "line_id"],
        unique=False,
    )
    op.create_index(
        "ix_subscription_standings_renewing", "subscription_standings", ["renews", "ends_on", "line_id"], unique=False
    )
    op.create_index(
        "ix_subscription_standings_reseller",
        "subscription_standings",
        ["reseller_id", "customer_id", "ends_on"],
        unique=False,
    )
    op.create_index(
        "ix_subscription_standings_seller",
        "subscription_standings",
        ["partner_id", "customer_id", "ends_on"],
        unique=False,
    )
    _standings()


def _protect_no_more() -> None:
    """On PostgreSQL the triggers are still there (SQLite's go with the batch); they come back at the end of migrating."""
    connection = op.get_bind()
    if connection.dialect.name == "postgresql":
        for table in ("subscriptions", "renewal_stops"):
            for operation in ("update", "delete", "truncate"):
                connection.exec_driver_sql(f"DROP TRIGGER IF EXISTS append_only_{table}_{operation} ON {table}")
    else:
        for operation in ("update", "delete"):
            connection.exec_driver_sql(f"DROP TRIGGER IF EXISTS append_only_renewal_stops_{operation}")


def _standings() -> None:
    """Where every subscription stands, from its newest term."""
    op.execute(
        """
        INSERT INTO subscription_standings (
            line_id, subscription_id, customer_id, partner_id, reseller_id, record_partner_id, product, product_id, kind,
            contract, seats, starts_on, ends_on, renews, created_at
        )
        SELECT s.line_id, s.id, s.customer_id, s.partner_id, s.reseller_id, COALESCE(s.reseller_id, s.partner_id),
            s.product, s.product_id, s.kind, s.contract, s.seats, s.starts_on, s.ends_on,
            s.auto_renews AND NOT EXISTS (SELECT 1 FROM renewal_stops r WHERE r.subscription_id = s.id), first.created_at
        FROM subscriptions s JOIN subscriptions first ON first.id = s.line_id
        WHERE NOT EXISTS (SELECT 1 FROM subscriptions later WHERE later.follows_id = s.id)
        """
    )


def _lines() -> None:
    """Give every term the id of its first one."""
    _protect_no_more()
    connection = op.get_bind()
    table = sa.table(
        "subscriptions", sa.column("id", sa.Uuid()), sa.column("follows_id", sa.Uuid()), sa.column("line_id", sa.Uuid())
    )
    connection.execute(table.update().where(table.c.follows_id.is_(None)).values(line_id=table.c.id))
    before = table.alias("before")
    line = sa.select(before.c.line_id).where(before.c.id == table.c.follows_id).scalar_subquery()
    ready = sa.exists().where(before.c.id == table.c.follows_id, before.c.line_id.is_not(None))
    while connection.execute(table.update().where(table.c.line_id.is_(None), ready).values(line_id=line)).rowcount:
        pass


def downgrade() -> None:
    op.drop_index("ix_people_name", table_name="people")
    op.drop_index("ix_subscription_standings_seller", table_name="subscription_standings")
    op.drop_index("ix_subscription_standings_reseller", table_name="subscription_standings")
    op.drop_index("ix_subscription_standings_renewing", table_name="subscription_standings")
    op.drop_index("ix_subscription_standings_record", table_name="subscription_standings")
    op.drop_index("ix_subscription_standings_end", table_name="subscription_standings")
    op.drop_index("ix_subscription_standings_customer", table_name="subscription_standings")
    op.drop_table("subscription_standings")
    op.drop_table("direct_switches")
    op.drop_index("ix_renewal_mails_untold", table_name="renewal_mails")
    op.drop_table("renewal_mails")
    op.drop_index("ix_renewal_notices_partner", table_name="renewal_notices")
    op.drop_table("renewal_notices")
    op.drop_index(op.f("ix_redemptions_person_id"), table_name="redemptions")
    op.drop_index("ix_redemptions_customer", table_name="redemptions")
    op.drop_table("redemptions")
    op.drop_index("uq_redemption_drafts_open_account", table_name="redemption_drafts")
    op.drop_index("uq_redemption_drafts_open", table_name="redemption_drafts")
    op.drop_index(op.f("ix_redemption_drafts_updated_at"), table_name="redemption_drafts")
    op.drop_index("ix_redemption_drafts_person", table_name="redemption_drafts")
    op.drop_table("redemption_drafts")
    op.drop_table("partners_of_record")
    op.drop_index(op.f("ix_licences_person_id"), table_name="licences")
    op.drop_table("licences")
    op.drop_table("setup_lists")
    op.drop_index("ix_product_keys_batch", table_name="product_keys")
    op.drop_table("product_keys")
    _protect_no_more()
    with op.batch_alter_table("subscriptions") as table:
        table.drop_index("ix_subscriptions_line")
        table.drop_index("uq_subscriptions_replaces")
        table.drop_index("uq_subscriptions_follows")
        table.drop_column("replaces_line_id")
        table.drop_column("contract")
        table.drop_column("line_id")
        table.alter_column("follows_id", new_column_name="renews_id", existing_type=sa.Uuid())
    op.execute(
        "DELETE FROM renewal_stops WHERE subscription_id IN (SELECT id FROM subscriptions WHERE partner_id IS NULL)"
    )
    op.execute("DELETE FROM subscriptions WHERE partner_id IS NULL")
    with op.batch_alter_table("subscriptions") as table:
        table.alter_column("partner_id", existing_type=sa.Uuid(), nullable=False)
        table.create_index("ix_subscriptions_renewing", ["auto_renews", "ends_on", "id"])
        table.create_index("uq_subscriptions_renews", ["renews_id"], unique=True)
    op.drop_index("ix_facts_acting_partner", table_name="facts")
    op.drop_column("facts", "acting_partner_id")
    op.drop_column("sessions", "acting_for_id")
