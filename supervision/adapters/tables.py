"""Which tables hold messages, attempts and receipts?

The tenant (institution) leads every primary key. Times are RFC 3339 text in UTC
with a fixed number of digits, so that text order is time order. Bodies are
personal data: the store underneath is encrypted.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    Column,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
)

metadata: Final = MetaData()

messages: Final = Table(
    "supervision_messages",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("message_id", Text, primary_key=True),
    Column("profile_id", Text, nullable=False),
    Column("resource", Text, nullable=False),
    Column("business_key", Text, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("corrects", Text),
    Column("content_digest", Text, nullable=False),
    Column("sm3", Text, nullable=False),
    Column("message", LargeBinary, nullable=False),
    Column("state", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("next_at", Text, nullable=False),
    Column("claimed_until", Text),
    Column("note", Text),
    Column("created_at", Text, nullable=False),
    Column("updated_at", Text, nullable=False),
    UniqueConstraint("tenant", "profile_id", "content_digest", name="supervision_messages_once"),
    UniqueConstraint(
        "tenant",
        "profile_id",
        "resource",
        "business_key",
        "revision",
        name="supervision_messages_revision",
    ),
    Index("supervision_messages_due", "tenant", "profile_id", "state", "created_at"),
)

attachments: Final = Table(
    "supervision_attachments",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("message_id", Text, primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("name", Text, nullable=False),
    Column("media_type", Text, nullable=False),
    Column("content", LargeBinary, nullable=False),
    ForeignKeyConstraint(
        ["tenant", "message_id"],
        ["supervision_messages.tenant", "supervision_messages.message_id"],
    ),
)

attempts: Final = Table(
    "supervision_attempts",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("message_id", Text, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("profile_digest", Text, nullable=False),
    Column("method", Text, nullable=False),
    Column("url", Text, nullable=False),
    Column("request_headers", Text, nullable=False),
    Column("request_body", LargeBinary, nullable=False),
    Column("timeout_s", Integer, nullable=False),
    Column("sent_at", Text, nullable=False),
    Column("outcome", Text),
    Column("reply_status", Integer),
    Column("reply_headers", Text),
    Column("reply_body", LargeBinary),
    Column("replied_at", Text),
    ForeignKeyConstraint(
        ["tenant", "message_id"],
        ["supervision_messages.tenant", "supervision_messages.message_id"],
    ),
)

receipts: Final = Table(
    "supervision_receipts",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("message_id", Text, primary_key=True),
    Column("attempt", Integer, primary_key=True),
    Column("document", LargeBinary, nullable=False),
    Column("signature", LargeBinary, nullable=False),
    Column("key_algorithm", Text, nullable=False),
    Column("key_raw", LargeBinary, nullable=False),
    Column("digest", Text, nullable=False),
    Column("received_at", Text, nullable=False),
    ForeignKeyConstraint(
        ["tenant", "message_id"],
        ["supervision_messages.tenant", "supervision_messages.message_id"],
    ),
)
