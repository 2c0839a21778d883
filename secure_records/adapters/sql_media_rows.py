"""How do rows of sealed recordings lie in SQL?

One instance lives inside one transaction of the caller and never commits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Final

from sqlalchemy import RowMapping, bindparam, func, insert, select
from sqlalchemy.engine import Connection

from secure_records.adapters.media_tables import media
from secure_records.media.ports import MediaRow
from shared_kernel.instants import instant_text, parse_instant

_SLICE: Final = 500
"""Values in one IN list; the smallest common limit of bound parameters is 999."""


class SqlMediaRows:
    """``MediaRows`` on an open connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, rows: Sequence[MediaRow]) -> None:
        """Insert all rows; any clash is an error of the transaction."""
        if rows:
            values = [asdict(row) | {"created_at": instant_text(row.created_at)} for row in rows]
            self._connection.execute(_ADD, values)

    def of_record(self, tenant: str, record: str) -> tuple[MediaRow, ...]:
        """Recordings of one record, oldest first."""
        found = self._connection.execute(_OF_RECORD, {"tenant": tenant, "record": record})
        return tuple(_row(row) for row in found.mappings())

    def page(self, tenant: str, after: str, limit: int) -> tuple[MediaRow, ...]:
        """Recordings in the order of their identifiers, from behind ``after``."""
        values = {"tenant": tenant, "after": after, "most": limit}
        return tuple(_row(row) for row in self._connection.execute(_PAGE, values).mappings())

    def count(self, tenant: str) -> int:
        """Number of recordings."""
        return int(self._connection.execute(_COUNT, {"tenant": tenant}).scalar_one())

    def known(self, tenant: str, names: Sequence[str]) -> frozenset[str]:
        """Those of ``names`` that a row refers to."""
        found: set[str] = set()
        for begin in range(0, len(names), _SLICE):
            values = {"tenant": tenant, "wanted": list(names[begin : begin + _SLICE])}
            found.update(self._connection.execute(_KNOWN, values).scalars())
        return frozenset(found)


_ADD: Final = insert(media)
_OF_RECORD: Final = (
    select(media)
    .where(media.c.tenant == bindparam("tenant"), media.c.record == bindparam("record"))
    .order_by(media.c.media)
)
_PAGE: Final = (
    select(media)
    .where(media.c.tenant == bindparam("tenant"), media.c.media > bindparam("after"))
    .order_by(media.c.media)
    .limit(bindparam("most"))
)
_COUNT: Final = select(func.count()).select_from(media).where(media.c.tenant == bindparam("tenant"))
_KNOWN: Final = select(media.c.object_name).where(
    media.c.tenant == bindparam("tenant"),
    media.c.object_name.in_(bindparam("wanted", expanding=True)),
)


def _row(row: RowMapping) -> MediaRow:
    return MediaRow(
        tenant=row["tenant"],
        subject=row["subject"],
        record=row["record"],
        media=row["media"],
        retention_class=row["retention_class"],
        grade=row["grade"],
        key_id=row["key_id"],
        object_name=row["object_name"],
        content_mac=row["content_mac"],
        created_at=parse_instant(row["created_at"], "created_at"),
        description=row["description"],
    )
