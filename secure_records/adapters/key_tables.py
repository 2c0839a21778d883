"""Which columns hold a wrapped key?

One table in a database of its own. Institution and owner lead the primary key,
so that all keys of one patient lie together and are destroyed together. Empty
text, not NULL, marks "none": NULLs would escape the unique slot.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
)

metadata: Final = MetaData()

wrapped_keys: Final = Table(
    "wrapped_keys",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("owner", Text, primary_key=True),
    Column("key_id", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("retention_class", Text, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("suite", Text, nullable=False),
    Column("wrapped", LargeBinary, nullable=False),
    Column("public", LargeBinary, nullable=False),
    Column("created_at", Text, nullable=False),
    UniqueConstraint(
        "tenant", "owner", "kind", "retention_class", "version", name="one_key_per_slot_version"
    ),
    Index("wrapped_keys_by_id", "tenant", "key_id"),
    Index("wrapped_keys_by_kind", "tenant", "kind"),
)
