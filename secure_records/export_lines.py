"""Which lines leave with a hospital that takes all its records elsewhere?

``lines`` is the import format, one line for the newest version of each record:
another home reads it back to equal content. ``archive`` has every version with
what stood beside it. Instants come out in UTC; nothing is masked.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any, Final, Literal, Protocol, TypeAlias

import msgspec

from secure_records.ports import RecordRow
from secure_records.sealing import SealedContent
from shared_kernel.instants import instant_text

ExportFormat: TypeAlias = Literal["lines", "archive"]

FORMATS: Final[tuple[ExportFormat, ...]] = ("lines", "archive")
ARCHIVE: Final = "jinkui-records/1"
_ENCODER: Final = msgspec.json.Encoder()


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """Where a listing goes on."""

    record: str
    version: int


class RecordListing(Protocol):
    """All rows of an institution, inside one transaction."""

    def after(self, tenant: str, position: Position | None, limit: int) -> Sequence[RecordRow]:
        """Rows in the order of record and version, behind ``position``."""
        ...


def newest_only(rows: Sequence[RecordRow]) -> Iterator[RecordRow]:
    """The last version of each record; ``rows`` must hold records whole and in order."""
    for _, versions in groupby(rows, key=lambda row: row.record):
        yield [*versions][-1]


def line_of(row: RecordRow, content: SealedContent) -> dict[str, Any]:
    """The record as a line of an import file, decoded."""
    return {
        "kind": row.kind,
        "external_id": content.external_id,
        "institution": row.tenant,
        "subject": msgspec.to_builtins(content.patient),
        "visit": content.visit,
        "clinician": content.clinician,
        "occurred_at": instant_text(content.occurred_at),
        "body": content.body,
    }


def encoded(value: Mapping[str, Any]) -> bytes:
    """One line of UTF-8 JSON with its newline."""
    return _ENCODER.encode(value) + b"\n"


def archive_head(tenant: str, at: datetime, disclosure: str) -> bytes:
    """First line of an archive."""
    return encoded(
        {
            "archive": ARCHIVE,
            "institution": tenant,
            "exported_at": instant_text(at),
            "disclosure": disclosure,
        }
    )


def archive_line(row: RecordRow, content: SealedContent) -> bytes:
    """One version of one record with what stood beside it."""
    return encoded(
        {
            "record": row.record,
            "version": row.version,
            "subject": row.subject,
            "schema": row.schema,
            "grade": row.grade,
            "retention_class": row.retention_class,
            "created_at": instant_text(row.created_at),
            "line": line_of(row, content),
        }
    )
