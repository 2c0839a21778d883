"""Where do versions, new index keys and sealed recordings find their place?

Frozen: later revisions change the store, never this file. Tables are only added; what
their rows mean is new, so programs of the revision before are kept out.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"

TEXT = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")


def upgrade() -> None:
    """Add the tables."""
    op.create_table(
        "canaries",
        sa.Column("tenant", TEXT, nullable=False),
        sa.Column("mark", sa.LargeBinary(), nullable=False),
        sa.Column("marked_at", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("tenant", "mark"),
    )
    op.create_table(
        "idempotency_keys",
        sa.Column("tenant", TEXT, nullable=False),
        sa.Column("key_mac", sa.LargeBinary(), nullable=False),
        sa.Column("request_mac", sa.LargeBinary(), nullable=False),
        sa.Column("subject", TEXT, nullable=False),
        sa.Column("record", TEXT, nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("created_at", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("tenant", "key_mac"),
    )
    op.create_index("idempotency_keys_by_subject", "idempotency_keys", ["tenant", "subject"])
    op.create_table(
        "index_versions",
        sa.Column("tenant", TEXT, nullable=False),
        sa.Column("column", TEXT, nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("phase", TEXT, nullable=False),
        sa.Column("position", TEXT, nullable=False),
        sa.Column("done", sa.BigInteger(), nullable=False),
        sa.Column("started_at", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("tenant", "column", "version"),
    )
    op.create_table(
        "media",
        sa.Column("tenant", TEXT, nullable=False),
        sa.Column("subject", TEXT, nullable=False),
        sa.Column("record", TEXT, nullable=False),
        sa.Column("media", TEXT, nullable=False),
        sa.Column("retention_class", TEXT, nullable=False),
        sa.Column("grade", sa.Integer(), nullable=False),
        sa.Column("key_id", TEXT, nullable=False),
        sa.Column("object_name", TEXT, nullable=False),
        sa.Column("content_mac", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", TEXT, nullable=False),
        sa.Column("description", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "subject", "record", "media"),
    )
    op.create_index("media_by_record", "media", ["tenant", "record", "media"], unique=True)
    op.create_index("media_by_id", "media", ["tenant", "media"], unique=True)
    op.create_index("media_by_object", "media", ["tenant", "object_name"], unique=True)
