"""What did the store look like when schemas began to be counted?

Frozen: later revisions change the store, never this file. Text is compared byte by byte
on every engine, whatever language the database speaks.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None

TEXT = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")


def _short(length: int) -> sa.types.TypeEngine[str]:
    return sa.String(length).with_variant(postgresql.VARCHAR(length, collation="C"), "postgresql")


def upgrade() -> None:
    """Make every table of the five rooms."""
    op.create_table(
        "actor_credentials",
        sa.Column("tenant", TEXT, nullable=False),
        sa.Column("credential", TEXT, nullable=False),
        sa.Column("actor", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("tenant", "credential"),
    )
    op.create_table(
        "actors",
        sa.Column("tenant", TEXT, nullable=False),
        sa.Column("id", TEXT, nullable=False),
        sa.Column("person", TEXT, nullable=True),
        sa.Column("roles", TEXT, nullable=False),
        sa.Column("partner", TEXT, nullable=True),
        sa.Column("password_hash", TEXT, nullable=True),
        sa.PrimaryKeyConstraint("tenant", "id"),
    )
    op.create_table(
        "agreements",
        sa.Column("tenant", TEXT, nullable=False),
        sa.Column("agreement_id", TEXT, nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("partner", TEXT, nullable=False),
        sa.Column(
            "document", sa.LargeBinary(), nullable=False, comment="YAML exactly as handed in"
        ),
        sa.Column("digest", TEXT, nullable=False, comment="sha256 of the canonical bytes"),
        sa.Column("applied_at", TEXT, nullable=False),
        sa.Column("applied_by", TEXT, nullable=False),
        sa.Column("ended_at", TEXT, nullable=True),
        sa.PrimaryKeyConstraint("tenant", "agreement_id", "version"),
    )
    op.create_table(
        "assessment_runs",
        sa.Column("tenant", _short(64), nullable=False),
        sa.Column("run_id", _short(40), nullable=False),
        sa.Column("at", _short(40), nullable=False),
        sa.Column("target", TEXT, nullable=False),
        sa.Column("facts", sa.LargeBinary(), nullable=False),
        sa.Column("report", sa.LargeBinary(), nullable=False),
        sa.Column("report_digest", _short(80), nullable=False),
        sa.Column("conclusion", _short(40), nullable=False),
        sa.Column("approved_by", _short(128), nullable=True),
        sa.Column("approved_at", _short(40), nullable=True),
        sa.PrimaryKeyConstraint("tenant", "run_id"),
    )
    op.create_index("ix_assessment_runs_at", "assessment_runs", ["at"], unique=False)
    op.create_table(
        "audit_checkpoints",
        sa.Column("tenant", TEXT, nullable=False),
        sa.Column("size", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("note", TEXT, nullable=False),
        sa.Column("at", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("tenant", "size"),
    )
    op.create_table(
        "audit_entries",
        sa.Column("tenant", TEXT, nullable=False),
        sa.Column("idx", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("entry", sa.LargeBinary(), nullable=False),
        sa.Column("leaf_hash", sa.LargeBinary(), nullable=False),
        sa.Column("nodes", sa.LargeBinary(), nullable=False),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.Column("actor", TEXT, nullable=False),
        sa.Column("action", TEXT, nullable=False),
        sa.Column("decision", TEXT, nullable=False),
        sa.Column("purpose", TEXT, nullable=True),
        sa.Column("partner", TEXT, nullable=True),
        sa.Column("record", TEXT, nullable=True),
        sa.Column("kind", TEXT, nullable=True),
        sa.Column("subject", TEXT, nullable=True),
        sa.Column("nonce", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("tenant", "idx"),
        sqlite_with_rowid=False,
    )
    op.create_index("audit_by_actor", "audit_entries", ["tenant", "actor", "idx"], unique=False)
    op.create_index("audit_by_at", "audit_entries", ["tenant", "at_us", "idx"], unique=False)
    op.create_index(
        "audit_by_partner",
        "audit_entries",
        ["tenant", "partner", "idx"],
        unique=False,
        sqlite_where=sa.text("partner IS NOT NULL"),
        postgresql_where=sa.text("partner IS NOT NULL"),
    )
    op.create_index(
        "audit_by_record",
        "audit_entries",
        ["tenant", "record", "idx"],
        unique=False,
        sqlite_where=sa.text("record IS NOT NULL"),
        postgresql_where=sa.text("record IS NOT NULL"),
    )
    op.create_index(
        "audit_by_subject",
        "audit_entries",
        ["tenant", "subject", "idx"],
        unique=False,
        sqlite_where=sa.text("subject IS NOT NULL"),
        postgresql_where=sa.text("subject IS NOT NULL"),
    )
    op.create_table(
        "incident_case_events",
        sa.Column("tenant", TEXT, nullable=False),
        sa.Column("case_id", TEXT, nullable=False),
        sa.Column("seq", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", TEXT, nullable=False),
        sa.Column("event_at", TEXT, nullable=False),
        sa.Column("actor", TEXT, nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.Column("journal_index", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "case_id", "seq"),
    )
    op.create_table(
        "incident_deliveries",
        sa.Column("tenant", TEXT, nullable=False),
        sa.Column("case_id", TEXT, nullable=False),
        sa.Column("batch_id", TEXT, nullable=False),
        sa.Column("subject", TEXT, nullable=False),
        sa.Column("channel", TEXT, nullable=False),
        sa.Column("to_guardian", sa.Integer(), nullable=False),
        sa.Column("state", TEXT, nullable=False),
        sa.Column("at", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("tenant", "case_id", "batch_id", "subject"),
    )
    op.create_table(
        "index_terms",
        sa.Column("tenant", TEXT, nullable=False),
        sa.Column("subject", TEXT, nullable=False),
        sa.Column("column", TEXT, nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("term", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "subject", "column", "version", "term"),
    )
    op.create_index(
        "index_terms_by_term",
        "index_terms",
        ["tenant", "column", "version", "term", "subject"],
        unique=False,
    )
    op.create_table(
        "institutions",
        sa.Column("tenant", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("province", TEXT, nullable=True),
        sa.Column("licence_no", TEXT, nullable=True),
        sa.PrimaryKeyConstraint("tenant"),
    )
    op.create_table(
        "official_evaluations",
        sa.Column("tenant", _short(64), nullable=False),
        sa.Column("evaluation_id", _short(64), nullable=False),
        sa.Column("stored_at", _short(40), nullable=False),
        sa.Column("document", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "evaluation_id"),
    )
    op.create_table(
        "partners",
        sa.Column("tenant", TEXT, nullable=False),
        sa.Column("id", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("credit_code", TEXT, nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("tenant", "id"),
    )
    op.create_table(
        "records",
        sa.Column("tenant", TEXT, nullable=False),
        sa.Column("subject", TEXT, nullable=False),
        sa.Column("record", TEXT, nullable=False),
        sa.Column("version", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("schema", TEXT, nullable=False),
        sa.Column("retention_class", TEXT, nullable=False),
        sa.Column("clinician", TEXT, nullable=False),
        sa.Column("visit", TEXT, nullable=False),
        sa.Column("occurred_at", TEXT, nullable=False),
        sa.Column("grade", sa.Integer(), nullable=False),
        sa.Column("key_id", TEXT, nullable=False),
        sa.Column("external_ref", sa.LargeBinary(), nullable=False),
        sa.Column("content_mac", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", TEXT, nullable=False),
        sa.Column("envelope", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "subject", "record", "version"),
        sa.UniqueConstraint("tenant", "external_ref", "version", name="records_external_ref"),
    )
    op.create_index("records_by_id", "records", ["tenant", "record", "version"], unique=True)
    op.create_index("records_by_visit", "records", ["tenant", "visit", "kind"], unique=False)
    op.create_table(
        "staff",
        sa.Column("tenant", TEXT, nullable=False),
        sa.Column("id", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("roles", TEXT, nullable=False),
        sa.Column("institution", TEXT, nullable=False),
        sa.Column("title", TEXT, nullable=True),
        sa.Column("subject_code", TEXT, nullable=True),
        sa.Column("practice_no", TEXT, nullable=True),
        sa.Column("valid_until", TEXT, nullable=True),
        sa.Column("registered", sa.Boolean(), nullable=False),
        sa.Column("id_no", TEXT, nullable=True),
        sa.PrimaryKeyConstraint("tenant", "id"),
    )
    op.create_table(
        "subjects",
        sa.Column("tenant", TEXT, nullable=False),
        sa.Column("subject", TEXT, nullable=False),
        sa.Column("identity_mac", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("tenant", "subject"),
        sa.UniqueConstraint("tenant", "identity_mac", name="subjects_identity"),
    )
    op.create_table(
        "supervision_messages",
        sa.Column("tenant", TEXT, nullable=False),
        sa.Column("message_id", TEXT, nullable=False),
        sa.Column("profile_id", TEXT, nullable=False),
        sa.Column("resource", TEXT, nullable=False),
        sa.Column("business_key", TEXT, nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("corrects", TEXT, nullable=True),
        sa.Column("content_digest", TEXT, nullable=False),
        sa.Column("sm3", TEXT, nullable=False),
        sa.Column("message", sa.LargeBinary(), nullable=False),
        sa.Column("state", TEXT, nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_at", TEXT, nullable=False),
        sa.Column("claimed_until", TEXT, nullable=True),
        sa.Column("note", TEXT, nullable=True),
        sa.Column("created_at", TEXT, nullable=False),
        sa.Column("updated_at", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("tenant", "message_id"),
        sa.UniqueConstraint(
            "tenant", "profile_id", "content_digest", name="supervision_messages_once"
        ),
        sa.UniqueConstraint(
            "tenant",
            "profile_id",
            "resource",
            "business_key",
            "revision",
            name="supervision_messages_revision",
        ),
    )
    op.create_index(
        "supervision_messages_due",
        "supervision_messages",
        ["tenant", "profile_id", "state", "created_at"],
        unique=False,
    )
    op.create_table(
        "supervision_attachments",
        sa.Column("tenant", TEXT, nullable=False),
        sa.Column("message_id", TEXT, nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("media_type", TEXT, nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant", "message_id"],
            ["supervision_messages.tenant", "supervision_messages.message_id"],
        ),
        sa.PrimaryKeyConstraint("tenant", "message_id", "position"),
    )
    op.create_table(
        "supervision_attempts",
        sa.Column("tenant", TEXT, nullable=False),
        sa.Column("message_id", TEXT, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("profile_digest", TEXT, nullable=False),
        sa.Column("method", TEXT, nullable=False),
        sa.Column("url", TEXT, nullable=False),
        sa.Column("request_headers", TEXT, nullable=False),
        sa.Column("request_body", sa.LargeBinary(), nullable=False),
        sa.Column("timeout_s", sa.Integer(), nullable=False),
        sa.Column("sent_at", TEXT, nullable=False),
        sa.Column("outcome", TEXT, nullable=True),
        sa.Column("reply_status", sa.Integer(), nullable=True),
        sa.Column("reply_headers", TEXT, nullable=True),
        sa.Column("reply_body", sa.LargeBinary(), nullable=True),
        sa.Column("replied_at", TEXT, nullable=True),
        sa.ForeignKeyConstraint(
            ["tenant", "message_id"],
            ["supervision_messages.tenant", "supervision_messages.message_id"],
        ),
        sa.PrimaryKeyConstraint("tenant", "message_id", "number"),
    )
    op.create_table(
        "supervision_receipts",
        sa.Column("tenant", TEXT, nullable=False),
        sa.Column("message_id", TEXT, nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("document", sa.LargeBinary(), nullable=False),
        sa.Column("signature", sa.LargeBinary(), nullable=False),
        sa.Column("key_algorithm", TEXT, nullable=False),
        sa.Column("key_raw", sa.LargeBinary(), nullable=False),
        sa.Column("digest", TEXT, nullable=False),
        sa.Column("received_at", TEXT, nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant", "message_id"],
            ["supervision_messages.tenant", "supervision_messages.message_id"],
        ),
        sa.PrimaryKeyConstraint("tenant", "message_id", "attempt"),
    )
