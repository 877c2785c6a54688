"""The tables of the main job: evidence, accounts, organizations, agreements, invitations.

Revision ID: 0001
"""

import sqlalchemy as sa
from alembic import op

from webapp.database import UTCDateTime

revision = "0001"
down_revision = None
branch_labels = ("default",)
depends_on = None


def upgrade() -> None:
    op.create_table(
        "activity",
        sa.Column("session_id", sa.Uuid(), nullable=False),
        sa.Column("seen_at", UTCDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("session_id", name=op.f("pk_activity")),
    )
    op.create_table(
        "attempts",
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("pair", sa.String(length=64), nullable=False),
        sa.Column("network", sa.String(length=64), nullable=False),
        sa.Column("at", UTCDateTime(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attempts")),
    )
    op.create_index(op.f("ix_attempts_at"), "attempts", ["at"], unique=False)
    op.create_index("ix_attempts_network", "attempts", ["network", "at"], unique=False)
    op.create_index("ix_attempts_pair", "attempts", ["pair", "at"], unique=False)
    op.create_table(
        "chains",
        sa.Column("length", sa.Integer(), nullable=False),
        sa.Column("head", sa.String(length=64), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_chains")),
    )
    op.create_table(
        "customer_overviews",
        sa.Column("partner_id", sa.Uuid(), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column(
            "name_key",
            sa.String(length=200).with_variant(sa.String(length=200, collation="C"), "postgresql"),
            nullable=False,
        ),
        sa.Column("domain", sa.String(length=253), nullable=False),
        sa.Column("country", sa.String(length=2), nullable=False),
        sa.Column("since", UTCDateTime(), nullable=False),
        sa.Column("created", sa.Boolean(), nullable=False),
        sa.Column("agreement_state", sa.String(length=10), nullable=False),
        sa.Column("agreement_at", UTCDateTime(), nullable=True),
        sa.Column("agreement_version", sa.String(length=40), nullable=True),
        sa.Column("relationship_state", sa.String(length=10), nullable=False),
        sa.Column("relationship_at", UTCDateTime(), nullable=True),
        sa.Column("relationship_ended_at", UTCDateTime(), nullable=True),
        sa.Column("invitation_id", sa.Uuid(), nullable=True),
        sa.Column("invitation_step", sa.String(length=20), nullable=True),
        sa.Column("invitation_at", UTCDateTime(), nullable=True),
        sa.Column("invitation_closes_at", UTCDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("partner_id", "customer_id", name=op.f("pk_customer_overviews")),
    )
    op.create_index(
        "ix_customer_overviews_agreement",
        "customer_overviews",
        ["partner_id", "agreement_state", "name_key", "customer_id"],
        unique=False,
    )
    op.create_index(
        "ix_customer_overviews_agreement_newest",
        "customer_overviews",
        ["partner_id", "agreement_state", "since", "customer_id"],
        unique=False,
    )
    op.create_index(op.f("ix_customer_overviews_customer_id"), "customer_overviews", ["customer_id"], unique=False)
    op.create_index(
        "ix_customer_overviews_domain", "customer_overviews", ["partner_id", "domain", "customer_id"], unique=False
    )
    op.create_index(
        "ix_customer_overviews_name", "customer_overviews", ["partner_id", "name_key", "customer_id"], unique=False
    )
    op.create_index(
        "ix_customer_overviews_newest", "customer_overviews", ["partner_id", "since", "customer_id"], unique=False
    )
    op.create_index(
        "ix_customer_overviews_relationship",
        "customer_overviews",
        ["partner_id", "relationship_state", "name_key", "customer_id"],
        unique=False,
    )
    op.create_index(
        "ix_customer_overviews_relationship_newest",
        "customer_overviews",
        ["partner_id", "relationship_state", "since", "customer_id"],
        unique=False,
    )
    op.create_table(
        "documents",
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("media_type", sa.String(length=100), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_documents")),
    )
    op.create_table(
        "messages",
        sa.Column("kind", sa.String(length=60), nullable=False),
        sa.Column("about_id", sa.Uuid(), nullable=True),
        sa.Column("person_id", sa.Uuid(), nullable=True),
        sa.Column("sender_id", sa.Uuid(), nullable=True),
        sa.Column("recipient", sa.String(length=320), nullable=False),
        sa.Column("reply_to", sa.String(length=320), nullable=True),
        sa.Column("from_name", sa.String(length=200), nullable=True),
        sa.Column("language", sa.String(length=8), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("html", sa.Text(), nullable=True),
        sa.Column("token_id", sa.Uuid(), nullable=True),
        sa.Column("message_id", sa.String(length=200), nullable=False),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.Column("due_at", UTCDateTime(), nullable=True),
        sa.Column("next_attempt_at", UTCDateTime(), nullable=False),
        sa.Column("leased_until", UTCDateTime(), nullable=True),
        sa.Column("leased_by", sa.Uuid(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.Column("handed_over_at", UTCDateTime(), nullable=True),
        sa.Column("given_up_at", UTCDateTime(), nullable=True),
        sa.Column("cancelled_at", UTCDateTime(), nullable=True),
        sa.Column("closed_at", UTCDateTime(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_messages")),
        sa.UniqueConstraint("message_id", name=op.f("uq_messages_message_id")),
    )
    op.create_index(op.f("ix_messages_about_id"), "messages", ["about_id"], unique=False)
    op.create_index(op.f("ix_messages_created_at"), "messages", ["created_at"], unique=False)
    op.create_index(
        "ix_messages_open",
        "messages",
        ["next_attempt_at"],
        unique=False,
        postgresql_where=sa.text("closed_at IS NULL"),
        sqlite_where=sa.text("closed_at IS NULL"),
    )
    op.create_index(op.f("ix_messages_person_id"), "messages", ["person_id"], unique=False)
    op.create_index(op.f("ix_messages_sender_id"), "messages", ["sender_id"], unique=False)
    op.create_table(
        "personal_facts",
        sa.Column("person_id", sa.Uuid(), nullable=True),
        sa.Column("salt", sa.String(length=32), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_personal_facts")),
    )
    op.create_index(op.f("ix_personal_facts_person_id"), "personal_facts", ["person_id"], unique=False)
    op.create_table(
        "policy_deviations",
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("value", sa.JSON(), nullable=False),
        sa.Column("set_at", UTCDateTime(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_policy_deviations")),
    )
    op.create_table(
        "tokens",
        sa.Column("purpose", sa.String(length=40), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=True),
        sa.Column("address_digest", sa.String(length=64), nullable=False),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.Column("key_id", sa.String(length=16), nullable=False),
        sa.Column("code_digest", sa.String(length=64), nullable=True),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.Column("expires_at", UTCDateTime(), nullable=False),
        sa.Column("used_at", UTCDateTime(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tokens")),
    )
    op.create_index(op.f("ix_tokens_address_digest"), "tokens", ["address_digest"], unique=False)
    op.create_index(op.f("ix_tokens_person_id"), "tokens", ["person_id"], unique=False)
    op.create_table(
        "agreement_texts",
        sa.Column("type", sa.String(length=40), nullable=False),
        sa.Column("country", sa.String(length=2), nullable=False),
        sa.Column("language", sa.String(length=8), nullable=False),
        sa.Column("version", sa.String(length=40), nullable=False),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("effective_on", sa.Date(), nullable=False),
        sa.Column("source_sha256", sa.String(length=64), nullable=False),
        sa.Column("html_sha256", sa.String(length=64), nullable=False),
        sa.Column("requires_renewal", sa.Boolean(), nullable=False),
        sa.Column("is_sample", sa.Boolean(), nullable=False),
        sa.Column("published_at", UTCDateTime(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["html_sha256"], ["documents.sha256"], name=op.f("fk_agreement_texts_html_sha256_documents")
        ),
        sa.ForeignKeyConstraint(
            ["source_sha256"], ["documents.sha256"], name=op.f("fk_agreement_texts_source_sha256_documents")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_agreement_texts")),
        sa.UniqueConstraint(
            "type", "country", "language", "version", name=op.f("uq_agreement_texts_type_country_language_version")
        ),
    )
    op.create_index("ix_agreement_texts_in_force", "agreement_texts", ["type", "country", "effective_on"], unique=False)
    op.create_table(
        "facts",
        sa.Column("chain_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=60), nullable=False),
        sa.Column("at", UTCDateTime(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=True),
        sa.Column("customer_id", sa.Uuid(), nullable=True),
        sa.Column("partner_id", sa.Uuid(), nullable=True),
        sa.Column("other_partner_id", sa.Uuid(), nullable=True),
        sa.Column("record", sa.Text(), nullable=False),
        sa.Column("previous_hash", sa.String(length=64), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["chain_id"], ["chains.id"], name=op.f("fk_facts_chain_id_chains")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_facts")),
        sa.UniqueConstraint("chain_id", "position", name=op.f("uq_facts_chain_id_position")),
        sa.UniqueConstraint("hash", name=op.f("uq_facts_hash")),
    )
    op.create_index("ix_facts_customer", "facts", ["customer_id", "at", "id"], unique=False)
    op.create_index("ix_facts_other_partner", "facts", ["other_partner_id", "at", "id"], unique=False)
    op.create_index("ix_facts_partner", "facts", ["partner_id", "at", "id"], unique=False)
    op.create_index(op.f("ix_facts_person_id"), "facts", ["person_id"], unique=False)
    op.create_table(
        "organizations",
        sa.Column("chain_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("name_key", sa.String(length=200), nullable=False),
        sa.Column("country", sa.String(length=2), nullable=False),
        sa.Column("language", sa.String(length=8), nullable=False),
        sa.Column("zone", sa.String(length=64), nullable=False),
        sa.Column("address_line", sa.String(length=200), nullable=False),
        sa.Column("city", sa.String(length=100), nullable=False),
        sa.Column("region", sa.String(length=100), nullable=False),
        sa.Column("postal_code", sa.String(length=20), nullable=False),
        sa.Column("phone", sa.String(length=40), nullable=False),
        sa.Column("contact_address", sa.String(length=254), nullable=True),
        sa.Column("programme", sa.String(length=32), nullable=True),
        sa.Column("partner_number", sa.String(length=16), nullable=True),
        sa.Column("enrolled_at", UTCDateTime(), nullable=True),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.Column("created_by_partner_id", sa.Uuid(), nullable=True),
        sa.Column("disabled_at", UTCDateTime(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint("kind IN ('customer', 'partner')", name=op.f("ck_organizations_kind")),
        sa.ForeignKeyConstraint(["chain_id"], ["chains.id"], name=op.f("fk_organizations_chain_id_chains")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_organizations")),
        sa.UniqueConstraint("chain_id", name=op.f("uq_organizations_chain_id")),
        sa.UniqueConstraint("partner_number", name=op.f("uq_organizations_partner_number")),
    )
    op.create_index("ix_organizations_kind_name", "organizations", ["kind", "name_key", "id"], unique=False)
    op.create_table(
        "admission_requests",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("given_name", sa.String(length=100), nullable=False),
        sa.Column("family_name", sa.String(length=100), nullable=False),
        sa.Column("address", sa.String(length=254), nullable=False),
        sa.Column("address_key", sa.String(length=254), nullable=False),
        sa.Column("language", sa.String(length=8), nullable=False),
        sa.Column("ref", sa.String(length=32), nullable=False),
        sa.Column("asked_at", UTCDateTime(), nullable=False),
        sa.Column("answered_at", UTCDateTime(), nullable=True),
        sa.Column("answered_by_id", sa.Uuid(), nullable=True),
        sa.Column("admitted", sa.Boolean(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organizations.id"], name=op.f("fk_admission_requests_organization_id_organizations")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_admission_requests")),
    )
    op.create_index(
        op.f("ix_admission_requests_organization_id"), "admission_requests", ["organization_id"], unique=False
    )
    op.create_index(
        "uq_admission_requests_open",
        "admission_requests",
        ["organization_id", "address_key"],
        unique=True,
        postgresql_where=sa.text("answered_at IS NULL"),
        sqlite_where=sa.text("answered_at IS NULL"),
    )
    op.create_table(
        "domains",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=253), nullable=False),
        sa.Column("confirmed_at", UTCDateTime(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organizations.id"], name=op.f("fk_domains_organization_id_organizations")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_domains")),
        sa.UniqueConstraint("name", name=op.f("uq_domains_name")),
    )
    op.create_index(op.f("ix_domains_organization_id"), "domains", ["organization_id"], unique=False)
    op.create_table(
        "invitations",
        sa.Column("ref", sa.String(length=32), nullable=False),
        sa.Column("asks", sa.String(length=20), nullable=False),
        sa.Column("partner_id", sa.Uuid(), nullable=False),
        sa.Column("reseller_id", sa.Uuid(), nullable=True),
        sa.Column("customer_id", sa.Uuid(), nullable=True),
        sa.Column("standing", sa.Boolean(), nullable=False),
        sa.Column("language", sa.String(length=8), nullable=False),
        sa.Column("last_day", sa.Date(), nullable=True),
        sa.Column("closes_at", UTCDateTime(), nullable=True),
        sa.Column("recipient", sa.String(length=254), nullable=True),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("supersedes_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.Column("created_by_id", sa.Uuid(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["organizations.id"], name=op.f("fk_invitations_customer_id_organizations")
        ),
        sa.ForeignKeyConstraint(
            ["partner_id"], ["organizations.id"], name=op.f("fk_invitations_partner_id_organizations")
        ),
        sa.ForeignKeyConstraint(
            ["reseller_id"], ["organizations.id"], name=op.f("fk_invitations_reseller_id_organizations")
        ),
        sa.ForeignKeyConstraint(
            ["supersedes_id"], ["invitations.id"], name=op.f("fk_invitations_supersedes_id_invitations")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_invitations")),
        sa.UniqueConstraint("ref", name=op.f("uq_invitations_ref")),
        sa.UniqueConstraint("supersedes_id", name=op.f("uq_invitations_supersedes_id")),
    )
    op.create_index(op.f("ix_invitations_closes_at"), "invitations", ["closes_at"], unique=False)
    op.create_index("ix_invitations_customer", "invitations", ["customer_id", "created_at"], unique=False)
    op.create_index("ix_invitations_partner", "invitations", ["partner_id", "created_at", "id"], unique=False)
    op.create_index(op.f("ix_invitations_reseller_id"), "invitations", ["reseller_id"], unique=False)
    op.create_table(
        "pairings",
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("reseller_id", sa.Uuid(), nullable=False),
        sa.Column("confirmed_at", UTCDateTime(), nullable=False),
        sa.Column("ended_at", UTCDateTime(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["provider_id"], ["organizations.id"], name=op.f("fk_pairings_provider_id_organizations")
        ),
        sa.ForeignKeyConstraint(
            ["reseller_id"], ["organizations.id"], name=op.f("fk_pairings_reseller_id_organizations")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pairings")),
        sa.UniqueConstraint("provider_id", "reseller_id", name=op.f("uq_pairings_provider_id_reseller_id")),
    )
    op.create_index(op.f("ix_pairings_reseller_id"), "pairings", ["reseller_id"], unique=False)
    op.create_table(
        "people",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("given_name", sa.String(length=100), nullable=False),
        sa.Column("family_name", sa.String(length=100), nullable=False),
        sa.Column("address", sa.String(length=254), nullable=False),
        sa.Column("address_key", sa.String(length=254), nullable=False),
        sa.Column("password_hash", sa.String(length=200), nullable=True),
        sa.Column("language", sa.String(length=8), nullable=False),
        sa.Column("zone", sa.String(length=64), nullable=True),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.Column("created_by_partner_id", sa.Uuid(), nullable=True),
        sa.Column("confirmed_at", UTCDateTime(), nullable=True),
        sa.Column("disabled_at", UTCDateTime(), nullable=True),
        sa.Column("erased_at", UTCDateTime(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organizations.id"], name=op.f("fk_people_organization_id_organizations")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_people")),
        sa.UniqueConstraint("address_key", name=op.f("uq_people_address_key")),
    )
    op.create_index(op.f("ix_people_organization_id"), "people", ["organization_id"], unique=False)
    op.create_table(
        "relationships",
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("partner_id", sa.Uuid(), nullable=False),
        sa.Column("reseller_id", sa.Uuid(), nullable=True),
        sa.Column("reseller_key", sa.String(length=36), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("origin", sa.String(length=16), nullable=False),
        sa.Column("began_at", UTCDateTime(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=True),
        sa.Column("invitation_id", sa.Uuid(), nullable=True),
        sa.Column("fact_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["organizations.id"], name=op.f("fk_relationships_customer_id_organizations")
        ),
        sa.ForeignKeyConstraint(["fact_id"], ["facts.id"], name=op.f("fk_relationships_fact_id_facts")),
        sa.ForeignKeyConstraint(
            ["partner_id"], ["organizations.id"], name=op.f("fk_relationships_partner_id_organizations")
        ),
        sa.ForeignKeyConstraint(
            ["reseller_id"], ["organizations.id"], name=op.f("fk_relationships_reseller_id_organizations")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_relationships")),
        sa.UniqueConstraint(
            "customer_id",
            "partner_id",
            "reseller_key",
            "ordinal",
            name=op.f("uq_relationships_customer_id_partner_id_reseller_key_ordinal"),
        ),
    )
    op.create_index("ix_relationships_partner", "relationships", ["partner_id", "customer_id"], unique=False)
    op.create_index("ix_relationships_reseller", "relationships", ["reseller_id", "customer_id"], unique=False)
    op.create_table(
        "tasks",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("about_id", sa.Uuid(), nullable=True),
        sa.Column("about_key", sa.String(length=100), nullable=False),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.Column("path", sa.String(length=500), nullable=False),
        sa.Column("waits", sa.Boolean(), nullable=False),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.Column("done_at", UTCDateTime(), nullable=True),
        sa.Column("done_by_id", sa.Uuid(), nullable=True),
        sa.Column("told_at", UTCDateTime(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organizations.id"], name=op.f("fk_tasks_organization_id_organizations")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tasks")),
        sa.UniqueConstraint(
            "organization_id", "kind", "about_key", name=op.f("uq_tasks_organization_id_kind_about_key")
        ),
    )
    op.create_index(op.f("ix_tasks_about_id"), "tasks", ["about_id"], unique=False)
    op.create_index("ix_tasks_list", "tasks", ["organization_id", "created_at", "id"], unique=False)
    op.create_index(
        "ix_tasks_open",
        "tasks",
        ["organization_id", "waits", "created_at"],
        unique=False,
        postgresql_where=sa.text("done_at IS NULL"),
        sqlite_where=sa.text("done_at IS NULL"),
    )
    op.create_index("ix_tasks_told", "tasks", ["organization_id", "told_at"], unique=False)
    op.create_index(
        "ix_tasks_untold",
        "tasks",
        ["organization_id"],
        unique=False,
        postgresql_where=sa.text("told_at IS NULL"),
        sqlite_where=sa.text("told_at IS NULL"),
    )
    op.create_table(
        "acceptances",
        sa.Column("reference", sa.String(length=20), nullable=False),
        sa.Column("type", sa.String(length=40), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("text_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("partner_id", sa.Uuid(), nullable=True),
        sa.Column("invitation_id", sa.Uuid(), nullable=True),
        sa.Column("replaces_id", sa.Uuid(), nullable=True),
        sa.Column("shown_language", sa.String(length=8), nullable=False),
        sa.Column("at", UTCDateTime(), nullable=False),
        sa.Column("fact_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["organizations.id"], name=op.f("fk_acceptances_customer_id_organizations")
        ),
        sa.ForeignKeyConstraint(["fact_id"], ["facts.id"], name=op.f("fk_acceptances_fact_id_facts")),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_acceptances_person_id_people")),
        sa.ForeignKeyConstraint(
            ["replaces_id"], ["acceptances.id"], name=op.f("fk_acceptances_replaces_id_acceptances")
        ),
        sa.ForeignKeyConstraint(
            ["text_id"], ["agreement_texts.id"], name=op.f("fk_acceptances_text_id_agreement_texts")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_acceptances")),
        sa.UniqueConstraint("reference", name=op.f("uq_acceptances_reference")),
        sa.UniqueConstraint("replaces_id", name=op.f("uq_acceptances_replaces_id")),
    )
    op.create_index("ix_acceptances_customer", "acceptances", ["customer_id", "type", "at"], unique=False)
    op.create_index(
        "uq_acceptances_first",
        "acceptances",
        ["customer_id", "type"],
        unique=True,
        postgresql_where=sa.text("replaces_id IS NULL"),
        sqlite_where=sa.text("replaces_id IS NULL"),
    )
    op.create_table(
        "invitation_acts",
        sa.Column("invitation_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("once_key", sa.String(length=80), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=True),
        sa.Column("person_id", sa.Uuid(), nullable=True),
        sa.Column("message_id", sa.Uuid(), nullable=True),
        sa.Column("acceptance_id", sa.Uuid(), nullable=True),
        sa.Column("relationship_id", sa.Uuid(), nullable=True),
        sa.Column("fact_id", sa.Uuid(), nullable=True),
        sa.Column("at", UTCDateTime(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["fact_id"], ["facts.id"], name=op.f("fk_invitation_acts_fact_id_facts")),
        sa.ForeignKeyConstraint(
            ["invitation_id"], ["invitations.id"], name=op.f("fk_invitation_acts_invitation_id_invitations")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_invitation_acts")),
        sa.UniqueConstraint("invitation_id", "once_key", name=op.f("uq_invitation_acts_invitation_id_once_key")),
    )
    op.create_index("ix_invitation_acts_customer", "invitation_acts", ["customer_id", "kind"], unique=False)
    op.create_index("ix_invitation_acts_list", "invitation_acts", ["invitation_id", "at"], unique=False)
    op.create_table(
        "relationship_endings",
        sa.Column("relationship_id", sa.Uuid(), nullable=False),
        sa.Column("at", UTCDateTime(), nullable=False),
        sa.Column("by_organization_id", sa.Uuid(), nullable=True),
        sa.Column("person_id", sa.Uuid(), nullable=True),
        sa.Column("fact_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["fact_id"], ["facts.id"], name=op.f("fk_relationship_endings_fact_id_facts")),
        sa.ForeignKeyConstraint(
            ["relationship_id"],
            ["relationships.id"],
            name=op.f("fk_relationship_endings_relationship_id_relationships"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_relationship_endings")),
        sa.UniqueConstraint("relationship_id", name=op.f("uq_relationship_endings_relationship_id")),
    )
    op.create_table(
        "role_assignments",
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("role", sa.String(length=40), nullable=False),
        sa.Column("given_at", UTCDateTime(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_role_assignments_person_id_people")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_role_assignments")),
        sa.UniqueConstraint("person_id", "role", name=op.f("uq_role_assignments_person_id_role")),
    )
    op.create_index(op.f("ix_role_assignments_person_id"), "role_assignments", ["person_id"], unique=False)
    op.create_table(
        "sessions",
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("proof", sa.String(length=40), nullable=False),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.Column("expires_at", UTCDateTime(), nullable=False),
        sa.Column("ended_at", UTCDateTime(), nullable=True),
        sa.Column("browser", sa.String(length=300), nullable=False),
        sa.Column("address", sa.String(length=64), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_sessions_person_id_people")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sessions")),
    )
    op.create_index(op.f("ix_sessions_person_id"), "sessions", ["person_id"], unique=False)


def downgrade() -> None:
    op.drop_index(op.f("ix_sessions_person_id"), table_name="sessions")
    op.drop_table("sessions")
    op.drop_index(op.f("ix_role_assignments_person_id"), table_name="role_assignments")
    op.drop_table("role_assignments")
    op.drop_table("relationship_endings")
    op.drop_index("ix_invitation_acts_list", table_name="invitation_acts")
    op.drop_index("ix_invitation_acts_customer", table_name="invitation_acts")
    op.drop_table("invitation_acts")
    op.drop_index(
        "uq_acceptances_first",
        table_name="acceptances",
        postgresql_where=sa.text("replaces_id IS NULL"),
        sqlite_where=sa.text("replaces_id IS NULL"),
    )
    op.drop_index("ix_acceptances_customer", table_name="acceptances")
    op.drop_table("acceptances")
    op.drop_index(
        "ix_tasks_untold",
        table_name="tasks",
        postgresql_where=sa.text("told_at IS NULL"),
        sqlite_where=sa.text("told_at IS NULL"),
    )
    op.drop_index("ix_tasks_told", table_name="tasks")
    op.drop_index(
        "ix_tasks_open",
        table_name="tasks",
        postgresql_where=sa.text("done_at IS NULL"),
        sqlite_where=sa.text("done_at IS NULL"),
    )
    op.drop_index("ix_tasks_list", table_name="tasks")
    op.drop_index(op.f("ix_tasks_about_id"), table_name="tasks")
    op.drop_table("tasks")
    op.drop_index("ix_relationships_reseller", table_name="relationships")
    op.drop_index("ix_relationships_partner", table_name="relationships")
    op.drop_table("relationships")
    op.drop_index(op.f("ix_people_organization_id"), table_name="people")
    op.drop_table("people")
    op.drop_index(op.f("ix_pairings_reseller_id"), table_name="pairings")
    op.drop_table("pairings")
    op.drop_index(op.f("ix_invitations_reseller_id"), table_name="invitations")
    op.drop_index("ix_invitations_partner", table_name="invitations")
    op.drop_index("ix_invitations_customer", table_name="invitations")
    op.drop_index(op.f("ix_invitations_closes_at"), table_name="invitations")
    op.drop_table("invitations")
    op.drop_index(op.f("ix_domains_organization_id"), table_name="domains")
    op.drop_table("domains")
    op.drop_index(
        "uq_admission_requests_open",
        table_name="admission_requests",
        postgresql_where=sa.text("answered_at IS NULL"),
        sqlite_where=sa.text("answered_at IS NULL"),
    )
    op.drop_index(op.f("ix_admission_requests_organization_id"), table_name="admission_requests")
    op.drop_table("admission_requests")
    op.drop_index("ix_organizations_kind_name", table_name="organizations")
    op.drop_table("organizations")
    op.drop_index(op.f("ix_facts_person_id"), table_name="facts")
    op.drop_index("ix_facts_partner", table_name="facts")
    op.drop_index("ix_facts_other_partner", table_name="facts")
    op.drop_index("ix_facts_customer", table_name="facts")
    op.drop_table("facts")
    op.drop_index("ix_agreement_texts_in_force", table_name="agreement_texts")
    op.drop_table("agreement_texts")
    op.drop_index(op.f("ix_tokens_person_id"), table_name="tokens")
    op.drop_index(op.f("ix_tokens_address_digest"), table_name="tokens")
    op.drop_table("tokens")
    op.drop_table("policy_deviations")
    op.drop_index(op.f("ix_personal_facts_person_id"), table_name="personal_facts")
    op.drop_table("personal_facts")
    op.drop_index(op.f("ix_messages_sender_id"), table_name="messages")
    op.drop_index(op.f("ix_messages_person_id"), table_name="messages")
    op.drop_index(
        "ix_messages_open",
        table_name="messages",
        postgresql_where=sa.text("closed_at IS NULL"),
        sqlite_where=sa.text("closed_at IS NULL"),
    )
    op.drop_index(op.f("ix_messages_created_at"), table_name="messages")
    op.drop_index(op.f("ix_messages_about_id"), table_name="messages")
    op.drop_table("messages")
    op.drop_table("documents")
    op.drop_index("ix_customer_overviews_relationship_newest", table_name="customer_overviews")
    op.drop_index("ix_customer_overviews_relationship", table_name="customer_overviews")
    op.drop_index("ix_customer_overviews_newest", table_name="customer_overviews")
    op.drop_index("ix_customer_overviews_name", table_name="customer_overviews")
    op.drop_index("ix_customer_overviews_domain", table_name="customer_overviews")
    op.drop_index(op.f("ix_customer_overviews_customer_id"), table_name="customer_overviews")
    op.drop_index("ix_customer_overviews_agreement_newest", table_name="customer_overviews")
    op.drop_index("ix_customer_overviews_agreement", table_name="customer_overviews")
    op.drop_table("customer_overviews")
    op.drop_table("chains")
    op.drop_index("ix_attempts_pair", table_name="attempts")
    op.drop_index("ix_attempts_network", table_name="attempts")
    op.drop_index(op.f("ix_attempts_at"), table_name="attempts")
    op.drop_table("attempts")
    op.drop_table("activity")
