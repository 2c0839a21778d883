"""Which table holds the rows of sealed recordings?

One table beside those of the records, with the same leading columns. Objects
themselves lie in the object store; what stands here in clear is listed, with what
it gives away, in the room's README.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import Column, Index, Integer, LargeBinary, MetaData, Table, Text

media_metadata: Final = MetaData()

media: Final = Table(
    "media",
    media_metadata,
    Column("tenant", Text, primary_key=True),
    Column("subject", Text, primary_key=True),
    Column("record", Text, primary_key=True),
    Column("media", Text, primary_key=True),
    Column("retention_class", Text, nullable=False),
    Column("grade", Integer, nullable=False),
    Column("key_id", Text, nullable=False),
    Column("object_name", Text, nullable=False),
    Column("content_mac", LargeBinary, nullable=False),
    Column("created_at", Text, nullable=False),
    Column("description", LargeBinary, nullable=False),
    Index("media_by_record", "tenant", "record", "media", unique=True),
    Index("media_by_id", "tenant", "media", unique=True),
    Index("media_by_object", "tenant", "object_name", unique=True),
)
