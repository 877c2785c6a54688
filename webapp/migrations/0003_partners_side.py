"""The partner side whole: attestations, new customers, orders, imports, the team.

Revision ID: 0003
"""

import sqlalchemy as sa
from alembic import op

from webapp.database import UTCDateTime

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "products",
        sa.Column("code", sa.String(length=40), nullable=False),
        sa.Column("name_en", sa.String(length=200), nullable=False),
        sa.Column("name_ja", sa.String(length=200), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("term_months", sa.Integer(), nullable=False),
        sa.Column("per_seat", sa.Boolean(), nullable=False),
        sa.Column("seats_min", sa.Integer(), nullable=False),
        sa.Column("seats_max", sa.Integer(), nullable=False),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.Column("closed_at", UTCDateTime(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint("1 <= seats_min AND seats_min <= seats_max", name=op.f("ck_products_seats")),
        sa.CheckConstraint("term_months > 0", name=op.f("ck_products_term")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_products")),
        sa.UniqueConstraint("code", name=op.f("uq_products_code")),
    )
    op.create_table(
        "pairing_requests",
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("reseller_id", sa.Uuid(), nullable=False),
        sa.Column("by_organization_id", sa.Uuid(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("at", UTCDateTime(), nullable=False),
        sa.Column("expires_at", UTCDateTime(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("fact_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["by_organization_id"],
            ["organizations.id"],
            name=op.f("fk_pairing_requests_by_organization_id_organizations"),
        ),
        sa.ForeignKeyConstraint(["fact_id"], ["facts.id"], name=op.f("fk_pairing_requests_fact_id_facts")),
        sa.ForeignKeyConstraint(
            ["provider_id"], ["organizations.id"], name=op.f("fk_pairing_requests_provider_id_organizations")
        ),
        sa.ForeignKeyConstraint(
            ["reseller_id"], ["organizations.id"], name=op.f("fk_pairing_requests_reseller_id_organizations")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pairing_requests")),
        sa.UniqueConstraint(
            "provider_id", "reseller_id", "ordinal", name=op.f("uq_pairing_requests_provider_id_reseller_id_ordinal")
        ),
    )
    op.create_index(op.f("ix_pairing_requests_expires_at"), "pairing_requests", ["expires_at"], unique=False)
    op.create_index("ix_pairing_requests_reseller", "pairing_requests", ["reseller_id", "at"], unique=False)
    op.create_table(
        "attestations",
        sa.Column("reference", sa.String(length=20), nullable=False),
        sa.Column("type", sa.String(length=40), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("text_id", sa.Uuid(), nullable=False),
        sa.Column("partner_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("agreed_on", sa.Date(), nullable=False),
        sa.Column("replaces_id", sa.Uuid(), nullable=True),
        sa.Column("proof_sha256", sa.String(length=64), nullable=True),
        sa.Column("proof_name", sa.String(length=200), nullable=True),
        sa.Column("at", UTCDateTime(), nullable=False),
        sa.Column("fact_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["organizations.id"], name=op.f("fk_attestations_customer_id_organizations")
        ),
        sa.ForeignKeyConstraint(["fact_id"], ["facts.id"], name=op.f("fk_attestations_fact_id_facts")),
        sa.ForeignKeyConstraint(
            ["partner_id"], ["organizations.id"], name=op.f("fk_attestations_partner_id_organizations")
        ),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_attestations_person_id_people")),
        sa.ForeignKeyConstraint(
            ["proof_sha256"], ["documents.sha256"], name=op.f("fk_attestations_proof_sha256_documents")
        ),
        sa.ForeignKeyConstraint(
            ["replaces_id"], ["attestations.id"], name=op.f("fk_attestations_replaces_id_attestations")
        ),
        sa.ForeignKeyConstraint(
            ["text_id"], ["agreement_texts.id"], name=op.f("fk_attestations_text_id_agreement_texts")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attestations")),
        sa.UniqueConstraint("reference", name=op.f("uq_attestations_reference")),
        sa.UniqueConstraint("replaces_id", name=op.f("uq_attestations_replaces_id")),
    )
    op.create_index("ix_attestations_customer", "attestations", ["customer_id", "type", "at"], unique=False)
    op.create_index("ix_attestations_partner", "attestations", ["partner_id", "at"], unique=False)
    op.create_index(
        "uq_attestations_first",
        "attestations",
        ["customer_id", "type"],
        unique=True,
        postgresql_where=sa.text("replaces_id IS NULL"),
        sqlite_where=sa.text("replaces_id IS NULL"),
    )
    op.create_table(
        "customer_drafts",
        sa.Column("partner_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("step", sa.String(length=20), nullable=False),
        sa.Column("values", sa.JSON(), nullable=False),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.Column("updated_at", UTCDateTime(), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["organizations.id"], name=op.f("fk_customer_drafts_customer_id_organizations")
        ),
        sa.ForeignKeyConstraint(
            ["partner_id"], ["organizations.id"], name=op.f("fk_customer_drafts_partner_id_organizations")
        ),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_customer_drafts_person_id_people")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_customer_drafts")),
        sa.UniqueConstraint("customer_id", name=op.f("uq_customer_drafts_customer_id")),
    )
    op.create_index("ix_customer_drafts_list", "customer_drafts", ["partner_id", "updated_at"], unique=False)
    op.create_index(op.f("ix_customer_drafts_person_id"), "customer_drafts", ["person_id"], unique=False)
    op.create_index(op.f("ix_customer_drafts_updated_at"), "customer_drafts", ["updated_at"], unique=False)
    op.create_table(
        "imports",
        sa.Column("partner_id", sa.Uuid(), nullable=False),
        sa.Column("created_by_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("language", sa.String(length=8), nullable=False),
        sa.Column("file_name", sa.String(length=200), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("ignored", sa.JSON(), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("sends", sa.Boolean(), nullable=False),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.Column("started_at", UTCDateTime(), nullable=True),
        sa.Column("paused_at", UTCDateTime(), nullable=True),
        sa.Column("stopped_for", sa.String(length=60), nullable=False),
        sa.Column("waits_until", UTCDateTime(), nullable=True),
        sa.Column("cancelled_at", UTCDateTime(), nullable=True),
        sa.Column("ended_at", UTCDateTime(), nullable=True),
        sa.Column("emptied_at", UTCDateTime(), nullable=True),
        sa.Column("done", sa.Integer(), nullable=True),
        sa.Column("already", sa.Integer(), nullable=True),
        sa.Column("refused", sa.Integer(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["created_by_id"], ["people.id"], name=op.f("fk_imports_created_by_id_people")),
        sa.ForeignKeyConstraint(["partner_id"], ["organizations.id"], name=op.f("fk_imports_partner_id_organizations")),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_imports_person_id_people")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_imports")),
    )
    op.create_index(op.f("ix_imports_created_at"), "imports", ["created_at"], unique=False)
    op.create_index("ix_imports_list", "imports", ["partner_id", "created_at", "id"], unique=False)
    op.create_index(
        "ix_imports_running",
        "imports",
        ["started_at"],
        unique=False,
        postgresql_where=sa.text("ended_at IS NULL AND started_at IS NOT NULL"),
        sqlite_where=sa.text("ended_at IS NULL AND started_at IS NOT NULL"),
    )
    op.create_table(
        "orders",
        sa.Column("reference", sa.String(length=20), nullable=False),
        sa.Column("key", sa.Uuid(), nullable=False),
        sa.Column("placed_by_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("partner_id", sa.Uuid(), nullable=False),
        sa.Column("reseller_id", sa.Uuid(), nullable=True),
        sa.Column("product_id", sa.Uuid(), nullable=False),
        sa.Column("seats", sa.Integer(), nullable=False),
        sa.Column("subscription_id", sa.Uuid(), nullable=False),
        sa.Column("at", UTCDateTime(), nullable=False),
        sa.Column("fact_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint("seats > 0", name=op.f("ck_orders_seats")),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["organizations.id"], name=op.f("fk_orders_customer_id_organizations")
        ),
        sa.ForeignKeyConstraint(["fact_id"], ["facts.id"], name=op.f("fk_orders_fact_id_facts")),
        sa.ForeignKeyConstraint(["partner_id"], ["organizations.id"], name=op.f("fk_orders_partner_id_organizations")),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_orders_person_id_people")),
        sa.ForeignKeyConstraint(
            ["placed_by_id"], ["organizations.id"], name=op.f("fk_orders_placed_by_id_organizations")
        ),
        sa.ForeignKeyConstraint(["product_id"], ["products.id"], name=op.f("fk_orders_product_id_products")),
        sa.ForeignKeyConstraint(
            ["reseller_id"], ["organizations.id"], name=op.f("fk_orders_reseller_id_organizations")
        ),
        sa.ForeignKeyConstraint(
            ["subscription_id"], ["subscriptions.id"], name=op.f("fk_orders_subscription_id_subscriptions")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_orders")),
        sa.UniqueConstraint("placed_by_id", "key", name=op.f("uq_orders_placed_by_id_key")),
        sa.UniqueConstraint("reference", name=op.f("uq_orders_reference")),
        sa.UniqueConstraint("subscription_id", name=op.f("uq_orders_subscription_id")),
    )
    op.create_index("ix_orders_customer", "orders", ["customer_id", "at", "id"], unique=False)
    op.create_index("ix_orders_partner", "orders", ["partner_id", "at", "id"], unique=False)
    op.create_index("ix_orders_reseller", "orders", ["reseller_id", "at", "id"], unique=False)
    op.create_table(
        "pairing_answers",
        sa.Column("request_id", sa.Uuid(), nullable=False),
        sa.Column("answer", sa.String(length=12), nullable=False),
        sa.Column("at", UTCDateTime(), nullable=False),
        sa.Column("by_organization_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("fact_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["fact_id"], ["facts.id"], name=op.f("fk_pairing_answers_fact_id_facts")),
        sa.ForeignKeyConstraint(
            ["request_id"], ["pairing_requests.id"], name=op.f("fk_pairing_answers_request_id_pairing_requests")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pairing_answers")),
        sa.UniqueConstraint("request_id", name=op.f("uq_pairing_answers_request_id")),
    )
    op.create_table(
        "renewal_stops",
        sa.Column("subscription_id", sa.Uuid(), nullable=False),
        sa.Column("at", UTCDateTime(), nullable=False),
        sa.Column("fact_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["fact_id"], ["facts.id"], name=op.f("fk_renewal_stops_fact_id_facts")),
        sa.ForeignKeyConstraint(
            ["subscription_id"], ["subscriptions.id"], name=op.f("fk_renewal_stops_subscription_id_subscriptions")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_renewal_stops")),
        sa.UniqueConstraint("subscription_id", name=op.f("uq_renewal_stops_subscription_id")),
    )
    op.create_table(
        "import_rows",
        sa.Column("import_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("values", sa.JSON(), nullable=False),
        sa.Column("address_key", sa.String(length=254), nullable=True),
        sa.Column("customer_id", sa.Uuid(), nullable=True),
        sa.Column("other_id", sa.Uuid(), nullable=True),
        sa.Column("fault", sa.String(length=60), nullable=False),
        sa.Column("faults", sa.JSON(), nullable=False),
        sa.Column("warning", sa.String(length=60), nullable=False),
        sa.Column("left_out_at", UTCDateTime(), nullable=True),
        sa.Column("leased_until", UTCDateTime(), nullable=True),
        sa.Column("leased_by", sa.Uuid(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("done_at", UTCDateTime(), nullable=True),
        sa.Column("result", sa.String(length=10), nullable=False),
        sa.Column("reason", sa.String(length=60), nullable=False),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.Column("about_id", sa.Uuid(), nullable=True),
        sa.Column("reference", sa.String(length=40), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["import_id"], ["imports.id"], name=op.f("fk_import_rows_import_id_imports")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_import_rows")),
        sa.UniqueConstraint("import_id", "number", name=op.f("uq_import_rows_import_id_number")),
    )
    op.create_index(op.f("ix_import_rows_address_key"), "import_rows", ["address_key"], unique=False)
    op.create_index("ix_import_rows_fault", "import_rows", ["import_id", "fault", "number"], unique=False)
    op.create_index(
        "ix_import_rows_waiting",
        "import_rows",
        ["import_id", "number"],
        unique=False,
        postgresql_where=sa.text("done_at IS NULL AND left_out_at IS NULL"),
        sqlite_where=sa.text("done_at IS NULL AND left_out_at IS NULL"),
    )
    op.create_table(
        "objections",
        sa.Column("attestation_id", sa.Uuid(), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("at", UTCDateTime(), nullable=False),
        sa.Column("fact_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["attestation_id"], ["attestations.id"], name=op.f("fk_objections_attestation_id_attestations")
        ),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["organizations.id"], name=op.f("fk_objections_customer_id_organizations")
        ),
        sa.ForeignKeyConstraint(["fact_id"], ["facts.id"], name=op.f("fk_objections_fact_id_facts")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_objections")),
        sa.UniqueConstraint("attestation_id", name=op.f("uq_objections_attestation_id")),
    )
    op.create_index(op.f("ix_objections_customer_id"), "objections", ["customer_id"], unique=False)
    op.add_column("customer_overviews", sa.Column("accepted_on", sa.Date(), nullable=True))
    op.add_column("customer_overviews", sa.Column("accepted_effective_on", sa.Date(), nullable=True))
    op.add_column("customer_overviews", sa.Column("attested_at", UTCDateTime(), nullable=True))
    op.add_column("customer_overviews", sa.Column("attested_by", sa.Uuid(), nullable=True))
    op.add_column("customer_overviews", sa.Column("attested_on", sa.Date(), nullable=True))
    op.add_column("customer_overviews", sa.Column("attested_effective_on", sa.Date(), nullable=True))
    op.add_column("customer_overviews", sa.Column("attested_version", sa.String(length=40), nullable=True))
    op.add_column("customer_overviews", sa.Column("objected_at", UTCDateTime(), nullable=True))
    op.add_column("customer_overviews", sa.Column("objected_partner_id", sa.Uuid(), nullable=True))
    op.add_column("customer_overviews", sa.Column("consent_effective_on", sa.Date(), nullable=True))
    op.add_column(
        "customer_overviews", sa.Column("bought", sa.Boolean(), server_default=sa.text("false"), nullable=False)
    )
    op.add_column("customer_overviews", sa.Column("sold_as", sa.String(length=10), nullable=True))
    op.add_column("customer_overviews", sa.Column("other_partner_id", sa.Uuid(), nullable=True))
    op.create_index(
        "ix_customer_overviews_other",
        "customer_overviews",
        ["partner_id", "other_partner_id", "name_key", "customer_id"],
        unique=False,
    )
    op.create_index(
        "ix_customer_overviews_renewal",
        "customer_overviews",
        ["partner_id", "consent_effective_on", "customer_id"],
        unique=False,
    )
    op.add_column(
        "organizations", sa.Column("registration_number", sa.String(length=40), server_default="", nullable=False)
    )
    op.add_column("people", sa.Column("temporary_until", UTCDateTime(), nullable=True))
    op.add_column(
        "subscriptions", sa.Column("kind", sa.String(length=40), server_default="software_subscription", nullable=False)
    )
    op.add_column(
        "subscriptions", sa.Column("auto_renews", sa.Boolean(), server_default=sa.text("false"), nullable=False)
    )
    op.add_column("subscriptions", sa.Column("product_id", sa.Uuid(), nullable=True))
    op.add_column("subscriptions", sa.Column("renews_id", sa.Uuid(), nullable=True))
    op.add_column("subscriptions", sa.Column("anchor_on", sa.Date(), nullable=True))
    op.create_index("ix_subscriptions_renewing", "subscriptions", ["auto_renews", "ends_on", "id"], unique=False)
    op.create_index("uq_subscriptions_renews", "subscriptions", ["renews_id"], unique=True)


def downgrade() -> None:
    op.drop_index("uq_subscriptions_renews", table_name="subscriptions")
    op.drop_index("ix_subscriptions_renewing", table_name="subscriptions")
    op.drop_column("subscriptions", "anchor_on")
    op.drop_column("subscriptions", "renews_id")
    op.drop_column("subscriptions", "product_id")
    op.drop_column("subscriptions", "auto_renews")
    op.drop_column("subscriptions", "kind")
    op.drop_column("people", "temporary_until")
    op.drop_column("organizations", "registration_number")
    op.drop_index("ix_customer_overviews_renewal", table_name="customer_overviews")
    op.drop_index("ix_customer_overviews_other", table_name="customer_overviews")
    op.drop_column("customer_overviews", "other_partner_id")
    op.drop_column("customer_overviews", "sold_as")
    op.drop_column("customer_overviews", "bought")
    op.drop_column("customer_overviews", "consent_effective_on")
    op.drop_column("customer_overviews", "objected_partner_id")
    op.drop_column("customer_overviews", "objected_at")
    op.drop_column("customer_overviews", "attested_version")
    op.drop_column("customer_overviews", "attested_effective_on")
    op.drop_column("customer_overviews", "attested_on")
    op.drop_column("customer_overviews", "attested_by")
    op.drop_column("customer_overviews", "attested_at")
    op.drop_column("customer_overviews", "accepted_effective_on")
    op.drop_column("customer_overviews", "accepted_on")
    op.drop_index(op.f("ix_objections_customer_id"), table_name="objections")
    op.drop_table("objections")
    op.drop_index(
        "ix_import_rows_waiting",
        table_name="import_rows",
        postgresql_where=sa.text("done_at IS NULL AND left_out_at IS NULL"),
        sqlite_where=sa.text("done_at IS NULL AND left_out_at IS NULL"),
    )
    op.drop_index("ix_import_rows_fault", table_name="import_rows")
    op.drop_index(op.f("ix_import_rows_address_key"), table_name="import_rows")
    op.drop_table("import_rows")
    op.drop_table("renewal_stops")
    op.drop_table("pairing_answers")
    op.drop_index("ix_orders_reseller", table_name="orders")
    op.drop_index("ix_orders_partner", table_name="orders")
    op.drop_index("ix_orders_customer", table_name="orders")
    op.drop_table("orders")
    op.drop_index(
        "ix_imports_running",
        table_name="imports",
        postgresql_where=sa.text("ended_at IS NULL AND started_at IS NOT NULL"),
        sqlite_where=sa.text("ended_at IS NULL AND started_at IS NOT NULL"),
    )
    op.drop_index("ix_imports_list", table_name="imports")
    op.drop_index(op.f("ix_imports_created_at"), table_name="imports")
    op.drop_table("imports")
    op.drop_index(op.f("ix_customer_drafts_updated_at"), table_name="customer_drafts")
    op.drop_index(op.f("ix_customer_drafts_person_id"), table_name="customer_drafts")
    op.drop_index("ix_customer_drafts_list", table_name="customer_drafts")
    op.drop_table("customer_drafts")
    op.drop_index(
        "uq_attestations_first",
        table_name="attestations",
        postgresql_where=sa.text("replaces_id IS NULL"),
        sqlite_where=sa.text("replaces_id IS NULL"),
    )
    op.drop_index("ix_attestations_partner", table_name="attestations")
    op.drop_index("ix_attestations_customer", table_name="attestations")
    op.drop_table("attestations")
    op.drop_index("ix_pairing_requests_reseller", table_name="pairing_requests")
    op.drop_index(op.f("ix_pairing_requests_expires_at"), table_name="pairing_requests")
    op.drop_table("pairing_requests")
    op.drop_table("products")
