"""How do entries get into the tables and out again?

Hot statements are fixed texts on the driver: an append is answered for within a
request, and the expression language would cost more than the insert itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from sqlalchemy import Connection, and_, delete, insert, select

from secure_records.adapters.audit_tables import audit_checkpoints, audit_entries
from secure_records.adapters.driver_sql import DriverSql
from secure_records.audit.entry import microseconds
from secure_records.audit.errors import SequenceTaken, StoredLogDamaged
from secure_records.audit.ports import EntryRow, StoredCheckpoint, TrailQuery
from secure_records.errors import RowTaken
from shared_kernel.instants import instant_text, parse_instant

BATCH_ROWS: Final = 1_000
"""Rows read at a time while streaming: about 600 kB, which stays in the processor's cache."""

_LOOK_UPS: Final = (4, 16, 64)
"""Point look-ups per statement: few fixed texts, so that prepared statements are reused."""

_SIZE: Final = "SELECT idx FROM audit_entries WHERE tenant = ? ORDER BY idx DESC LIMIT 1"
_LAST: Final = "SELECT idx, leaf_hash FROM audit_entries WHERE tenant = ? ORDER BY idx DESC LIMIT 1"
_INSERT: Final = (
    "INSERT INTO audit_entries (idx, entry, leaf_hash, nodes, at_us, actor, action, decision,"
    " purpose, partner, record, kind, subject, nonce, tenant)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_STREAM: Final = (
    "SELECT idx, entry, leaf_hash, nodes, at_us, actor, action, decision,"
    " purpose, partner, record, kind, subject, nonce FROM audit_entries"
    " WHERE tenant = ? AND idx >= ? AND idx < ? ORDER BY idx LIMIT ?"
)
_HASHES: Final = {
    count: "SELECT idx, leaf_hash, nodes FROM audit_entries"
    " WHERE tenant = ? AND idx IN (?" + ", ?" * (count - 1) + ")"
    for count in _LOOK_UPS
}
_FORGET: Final = (
    "UPDATE audit_entries SET subject = NULL, nonce = NULL WHERE tenant = ? AND subject = ?"
)
_BEYOND: Final = 2**62


class SqlAuditStore:
    """``AuditStore`` over an open connection; the caller commits or rolls back."""

    def __init__(self, connection: Connection, tenant: str) -> None:
        self._connection = connection
        self._sql = DriverSql(connection)
        self._tenant = tenant

    def size(self) -> int:
        """Highest index plus one."""
        found = self._sql.first(_SIZE, (self._tenant,))
        return 0 if found is None else int(found[0]) + 1

    def last(self) -> tuple[int, bytes] | None:
        """Index and leaf hash of the newest entry."""
        found = self._sql.first(_LAST, (self._tenant,))
        return None if found is None else (int(found[0]), bytes(found[1]))

    def hashes(self, indexes: Sequence[int]) -> Sequence[tuple[bytes, bytes]]:
        """``(leaf_hash, nodes)`` of each index, in the order asked for."""
        distinct = tuple(dict.fromkeys(indexes))
        found: dict[int, tuple[bytes, bytes]] = {}
        most = _LOOK_UPS[-1]
        for start in range(0, len(distinct), most):
            some = distinct[start : start + most]
            count = next(count for count in _LOOK_UPS if count >= len(some))
            padding = (some[-1],) * (count - len(some))
            values = (self._tenant, *some, *padding)
            for idx, leaf, nodes in self._sql.rows(_HASHES[count], values):
                found[idx] = (leaf, nodes)
        missing = [index for index in distinct if index not in found]
        if missing:
            raise StoredLogDamaged(f"the row of entry {min(missing)} is missing")
        return [found[index] for index in indexes]

    def add(self, rows: Sequence[EntryRow]) -> None:
        """Write entries: one ``executemany`` for the batch."""
        try:
            self._sql.write(_INSERT, [(*row, self._tenant) for row in rows])
        except RowTaken as error:
            raise SequenceTaken(f"entry {rows[0].idx} exists already") from error

    def entries(self, start: int, stop: int | None = None) -> Iterator[Sequence[EntryRow]]:
        """Batches in order of index, each read by key and not by offset."""
        last = _BEYOND if stop is None else stop
        while True:
            found = self._sql.rows(_STREAM, (self._tenant, start, last, BATCH_ROWS))
            batch = list(map(EntryRow._make, found))
            if batch:
                yield batch
            if len(batch) < BATCH_ROWS:
                return
            start = batch[-1].idx + 1

    def find(self, query: TrailQuery, after: int | None) -> Sequence[EntryRow]:
        """Rows by the indexed columns, one page."""
        columns = audit_entries.c
        wanted = [columns.tenant == self._tenant]
        for name in ("actor", "partner", "record", "subject", "purpose", "action", "decision"):
            value = getattr(query, name)
            if value is not None:
                wanted.append(columns[name] == value)
        if query.since is not None:
            wanted.append(columns.at_us >= microseconds(query.since))
        if query.until is not None:
            wanted.append(columns.at_us < microseconds(query.until))
        if after is not None:
            wanted.append(columns.idx < after if query.newest_first else columns.idx > after)
        order = columns.idx.desc() if query.newest_first else columns.idx
        chosen = [columns[name] for name in EntryRow._fields]
        rows = self._connection.execute(
            select(*chosen).where(and_(*wanted)).order_by(order).limit(query.limit)
        )
        return [EntryRow._make(row) for row in rows]

    def forget(self, subject: str) -> int:
        """Erase openings; the leaves stay."""
        return self._sql.run(_FORGET, (self._tenant, subject))

    def checkpoints(self) -> Sequence[StoredCheckpoint]:
        """All, by size."""
        return self._checkpoints(limit=None, newest_first=False)

    def latest_checkpoint(self) -> StoredCheckpoint | None:
        """The one of the largest size."""
        found = self._checkpoints(limit=1, newest_first=True)
        return found[0] if found else None

    def save_checkpoint(self, checkpoint: StoredCheckpoint) -> None:
        """Keep a note; one of the same size is replaced."""
        columns = audit_checkpoints.c
        same = and_(columns.tenant == self._tenant, columns.size == checkpoint.size)
        self._connection.execute(delete(audit_checkpoints).where(same))
        self._connection.execute(
            insert(audit_checkpoints).values(
                tenant=self._tenant,
                size=checkpoint.size,
                note=checkpoint.note,
                at=instant_text(checkpoint.at),
            )
        )

    def _checkpoints(self, *, limit: int | None, newest_first: bool) -> list[StoredCheckpoint]:
        columns = audit_checkpoints.c
        rows = self._connection.execute(
            select(columns.size, columns.note, columns.at)
            .where(columns.tenant == self._tenant)
            .order_by(columns.size.desc() if newest_first else columns.size)
            .limit(limit)
        )
        return [
            StoredCheckpoint(size=size, note=str(note), at=parse_instant(str(at), "checkpoint.at"))
            for size, note, at in rows
        ]
