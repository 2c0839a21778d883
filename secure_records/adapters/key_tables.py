"""Which columns hold a wrapped key, and how does an older key file get the newer ones?

One table of keys in a database of its own. Institution and owner lead the primary
key, so that all keys of one patient lie together and are destroyed together. Empty
text, not NULL, marks "none": NULLs would escape the unique slot.

Two small tables beside it: the one rotation that has not ended, and the lowest
versions that still open.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Index,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    inspect,
)
from sqlalchemy.engine import Connection

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
    Column("parent", BigInteger, nullable=False, server_default="1"),
    UniqueConstraint(
        "tenant", "owner", "kind", "retention_class", "version", name="one_key_per_slot_version"
    ),
    Index("wrapped_keys_by_id", "tenant", "key_id"),
    Index("wrapped_keys_by_kind", "tenant", "kind"),
)

key_rotation: Final = Table(
    "key_rotation",
    metadata,
    # One row at most: a second rotation finds the place taken.
    Column("place", BigInteger, CheckConstraint("place = 1"), primary_key=True),
    Column("kind", Text, nullable=False),
    Column("tenant", Text, nullable=False),
    Column("old", BigInteger, nullable=False),
    Column("new", BigInteger, nullable=False),
    Column("began_at", Text, nullable=False),
    Column("began_by", Text, nullable=False),
)

key_minimum: Final = Table(
    "key_minimum",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("version", BigInteger, nullable=False),
)


def prepare_key_tables(connection: Connection) -> None:
    """Make what is missing; what is there stays. May be called at every opening.

    A key file from before the column ``parent`` gets it with 1: its keys hang on the
    first version of everything.
    """
    metadata.create_all(connection)
    present = {column["name"] for column in inspect(connection).get_columns("wrapped_keys")}
    if "parent" not in present:
        connection.exec_driver_sql(
            "ALTER TABLE wrapped_keys ADD COLUMN parent BIGINT NOT NULL DEFAULT 1"
        )
