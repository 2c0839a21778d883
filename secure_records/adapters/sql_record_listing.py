"""In which order do all records of an institution come out of SQL?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sqlalchemy import bindparam, select, tuple_
from sqlalchemy.engine import Connection

from secure_records.adapters.tables import records
from secure_records.export_lines import Position
from secure_records.ports import RecordRow
from shared_kernel.instants import parse_instant

_BEGINNING: Final = Position(record="", version=0)

_PAGE: Final = (
    select(records)
    .where(
        records.c.tenant == bindparam("tenant"),
        tuple_(records.c.record, records.c.version)
        > tuple_(bindparam("record"), bindparam("version")),
    )
    .order_by(records.c.record, records.c.version)
    .limit(bindparam("most"))
)


class SqlRecordListing:
    """``RecordListing`` on an open connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def after(self, tenant: str, position: Position | None, limit: int) -> Sequence[RecordRow]:
        """Rows in the order of record and version, behind ``position``."""
        start = position or _BEGINNING
        values = {
            "tenant": tenant,
            "record": start.record,
            "version": start.version,
            "most": limit,
        }
        found = self._connection.execute(_PAGE, values).mappings()
        return tuple(
            RecordRow(
                tenant=row["tenant"],
                subject=row["subject"],
                record=row["record"],
                version=row["version"],
                kind=row["kind"],
                schema=row["schema"],
                retention_class=row["retention_class"],
                clinician=row["clinician"],
                visit=row["visit"],
                occurred_at=parse_instant(row["occurred_at"], "occurred_at"),
                grade=row["grade"],
                key_id=row["key_id"],
                external_ref=row["external_ref"],
                content_mac=row["content_mac"],
                created_at=parse_instant(row["created_at"], "created_at"),
                envelope=row["envelope"],
            )
            for row in found
        )
