"""How does a rotation of the blind index lie in SQL, and how far is it?

The table of versions holds a handful of rows, so it is read whole. Entries are
walked and deleted in slices: no statement grows with the store.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from sqlalchemy import bindparam, case, delete, func, insert, select
from sqlalchemy.engine import Connection

from secure_records.adapters.driver_sql import DriverSql
from secure_records.adapters.tables import canaries, index_terms, index_versions, subjects
from secure_records.ports import IndexVersionRow
from shared_kernel.instants import instant_text, parse_instant


class SqlIndexVersions:
    """``IndexVersions`` and ``CanaryMarks`` on an open connection."""

    _connection: Connection
    _sql: DriverSql

    def index_versions(self, tenant: str) -> tuple[IndexVersionRow, ...]:
        """Every version that a rotation has made known, by column and version."""
        found = self._sql.rows(_VERSIONS, (tenant,))
        return tuple(
            IndexVersionRow(
                tenant=tenant,
                column=column,
                version=version,
                phase=phase,
                position=position,
                done=done,
                started_at=parse_instant(started_at, "started_at"),
            )
            for column, version, phase, position, done, started_at in found
        )

    def put_index_version(self, row: IndexVersionRow) -> None:
        """Insert or replace one."""
        self.drop_index_version(row.tenant, row.column, row.version)
        values = {
            "tenant": row.tenant,
            "column": row.column,
            "version": row.version,
            "phase": row.phase,
            "position": row.position,
            "done": row.done,
            "started_at": instant_text(row.started_at),
        }
        self._connection.execute(_ADD_VERSION, values)

    def drop_index_version(self, tenant: str, column: str, version: int) -> None:
        """Forget one that has no entries left."""
        gone = {"old_tenant": tenant, "old_column": column, "old_version": version}
        self._connection.execute(_DROP_VERSION, gone)

    def canary_marks(self, tenant: str) -> frozenset[bytes]:
        """All of them: a handful, asked on every read."""
        return frozenset(bytes(mark) for (mark,) in self._sql.rows(_MARKS, (tenant,)))

    def add_canary_mark(self, tenant: str, mark: bytes, at: datetime) -> None:
        """Add one."""
        values = {"tenant": tenant, "mark": mark, "marked_at": instant_text(at)}
        self._connection.execute(_ADD_MARK, values)

    def subject_count(self, tenant: str) -> int:
        """Number of patients."""
        return int(self._connection.execute(_SUBJECT_COUNT, {"tenant": tenant}).scalar_one())

    def subjects_after(self, tenant: str, after: str, limit: int) -> tuple[str, ...]:
        """The next patients in the order of their identifiers."""
        wanted = {"tenant": tenant, "after": after, "most": limit}
        return tuple(self._connection.execute(_SUBJECTS_AFTER, wanted).scalars())

    def uneven_subjects(
        self, tenant: str, column: str, versions: tuple[int, int], after: str, limit: int
    ) -> tuple[str, ...]:
        """Patients who have not as many entries in one version as in the other."""
        wanted = {
            "tenant": tenant,
            "column": column,
            "one": versions[0],
            "other": versions[1],
            "after": after,
            "most": limit,
        }
        return tuple(self._connection.execute(_UNEVEN, wanted).scalars())

    def drop_terms(self, tenant: str, column: str, version: int, limit: int) -> int:
        """Delete at most so many entries of a version; how many were deleted."""
        wanted = {"tenant": tenant, "column": column, "version": version, "most": limit}
        found = self._connection.execute(_SOME_TERMS, wanted).all()
        if found:
            gone = [
                {
                    "old_tenant": tenant,
                    "old_subject": subject,
                    "old_column": column,
                    "old_version": version,
                    "old_term": term,
                }
                for subject, term in found
            ]
            self._connection.execute(_DROP_TERM, gone)
        return len(found)


_VERSIONS: Final = (
    'SELECT "column", version, phase, position, done, started_at FROM index_versions'
    ' WHERE tenant = ? ORDER BY "column", version'
)
_MARKS: Final = "SELECT mark FROM canaries WHERE tenant = ?"
_ADD_MARK: Final = insert(canaries)
_ADD_VERSION: Final = insert(index_versions)
_DROP_VERSION: Final = delete(index_versions).where(
    *(
        index_versions.c[name] == bindparam(f"old_{name}")
        for name in ("tenant", "column", "version")
    )
)
_DROP_TERM: Final = delete(index_terms).where(
    *(column == bindparam(f"old_{name}") for name, column in index_terms.c.items())
)
_SUBJECT_COUNT: Final = (
    select(func.count()).select_from(subjects).where(subjects.c.tenant == bindparam("tenant"))
)
_SUBJECTS_AFTER: Final = (
    select(subjects.c.subject)
    .where(subjects.c.tenant == bindparam("tenant"), subjects.c.subject > bindparam("after"))
    .order_by(subjects.c.subject)
    .limit(bindparam("most"))
)
_UNEVEN: Final = (
    select(index_terms.c.subject)
    .where(
        index_terms.c.tenant == bindparam("tenant"),
        index_terms.c.subject > bindparam("after"),
        index_terms.c.column == bindparam("column"),
        index_terms.c.version.in_((bindparam("one"), bindparam("other"))),
    )
    .group_by(index_terms.c.subject)
    .having(func.sum(case((index_terms.c.version == bindparam("one"), 1), else_=-1)) != 0)
    .order_by(index_terms.c.subject)
    .limit(bindparam("most"))
)
_SOME_TERMS: Final = (
    select(index_terms.c.subject, index_terms.c.term)
    .where(
        index_terms.c.tenant == bindparam("tenant"),
        index_terms.c.column == bindparam("column"),
        index_terms.c.version == bindparam("version"),
    )
    .limit(bindparam("most"))
)
