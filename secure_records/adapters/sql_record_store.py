"""How do sealed records and their index terms lie in SQL?

One instance lives inside one transaction of the caller and never commits. Every
statement names the tenant first, and is a fixed text on the driver: storing and
reading are answered for within a request.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Final

from sqlalchemy.engine import Connection

from secure_records.adapters.driver_sql import DriverSql, Row
from secure_records.adapters.sql_index_versions import SqlIndexVersions
from secure_records.adapters.sql_record_versions import SqlRecordVersions
from secure_records.ports import RecordRow, StoredReference, SubjectRow, TermRow
from shared_kernel.instants import instant_text, parse_instant

_RECORDS: Final = (
    "SELECT tenant, subject, record, version, kind, schema, retention_class, clinician, visit,"
    " occurred_at, grade, key_id, external_ref, content_mac, created_at, envelope"
    " FROM records WHERE tenant = ?"
)
_RECORD: Final = _RECORDS + " AND record = ? ORDER BY version DESC LIMIT 1"
_NEWEST: Final = (
    " AND NOT EXISTS (SELECT 1 FROM records AS later WHERE later.tenant = records.tenant"
    " AND later.subject = records.subject AND later.record = records.record"
    " AND later.version > records.version)"
)
_OF_SUBJECTS: Final = _RECORDS + _NEWEST + " AND subject IN (:list)"
_OF_SUBJECTS_AND_KIND: Final = _RECORDS + _NEWEST + " AND kind = ? AND subject IN (:list)"
_REFERENCES: Final = (
    "SELECT external_ref, record, content_mac FROM records"
    " WHERE tenant = ? AND external_ref IN (:list)"
)
_SUBJECTS: Final = (
    "SELECT identity_mac, subject FROM subjects WHERE tenant = ? AND identity_mac IN (:list)"
)
_TERMS: Final = (
    'SELECT subject, "column", version, term FROM index_terms'
    " WHERE tenant = ? AND subject IN (:list)"
)
_VISITS: Final = (
    "SELECT DISTINCT visit FROM records WHERE tenant = ? AND kind = ?"
    " AND NOT EXISTS (SELECT 1 FROM records AS later WHERE later.tenant = records.tenant"
    " AND later.subject = records.subject AND later.record = records.record"
    " AND later.version > records.version) AND visit IN (:list)"
)
_CANDIDATES: Final = (
    'SELECT subject FROM index_terms WHERE tenant = ? AND "column" = ? AND version = ? AND term = ?'
)
_COUNT: Final = "SELECT count(*) FROM records WHERE tenant = ? AND version = 1"
"""Each record has one first version, however often it was amended."""

_ADD_SUBJECT: Final = (
    "INSERT INTO subjects (tenant, subject, identity_mac, created_at) VALUES (?, ?, ?, ?)"
)
_ADD_RECORD: Final = (
    "INSERT INTO records (tenant, subject, record, version, kind, schema, retention_class,"
    " clinician, visit, occurred_at, grade, key_id, external_ref, content_mac, created_at,"
    " envelope) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_ADD_TERM: Final = (
    'INSERT INTO index_terms (tenant, subject, "column", version, term) VALUES (?, ?, ?, ?, ?)'
)


class SqlRecordStore(SqlRecordVersions, SqlIndexVersions):
    """``RecordStore`` on an open connection."""

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection, _record_row)
        self._sql = DriverSql(connection)

    def references(self, tenant: str, refs: Collection[bytes]) -> Mapping[bytes, StoredReference]:
        """Those of ``refs`` that are stored already."""
        found: dict[bytes, StoredReference] = {}
        for ref, record, content_mac in self._sql.each(_REFERENCES, (tenant,), refs):
            known, mac = found.get(ref), bytes(content_mac)
            found[ref] = StoredReference(
                record=record,
                content_mac=mac if known is None else known.content_mac,
                # One row a version: every content it ever had is a repeat, not a contradiction.
                amended=frozenset() if known is None else known.amended | {mac},
            )
        return found

    def subjects(self, tenant: str, identity_macs: Collection[bytes]) -> Mapping[bytes, str]:
        """Subject of each identity that is known."""
        found = self._sql.each(_SUBJECTS, (tenant,), identity_macs)
        return {bytes(identity_mac): subject for identity_mac, subject in found}

    def terms_of(self, tenant: str, subjects: Collection[str]) -> frozenset[TermRow]:
        """Index entries of these subjects."""
        return frozenset(
            TermRow(
                tenant=tenant, subject=subject, column=column, version=version, term=bytes(term)
            )
            for subject, column, version, term in self._sql.each(_TERMS, (tenant,), subjects)
        )

    def visits_with(self, tenant: str, kind: str, visits: Collection[str]) -> frozenset[str]:
        """Those of ``visits`` for which a record of ``kind`` is stored."""
        return frozenset(visit for (visit,) in self._sql.each(_VISITS, (tenant, kind), visits))

    def add(
        self,
        subjects: Sequence[SubjectRow],
        records: Sequence[RecordRow],
        terms: Sequence[TermRow],
    ) -> None:
        """Insert all rows; any clash is an error of the transaction."""
        if subjects:
            self._sql.write(_ADD_SUBJECT, [_subject_values(row) for row in subjects])
        if records:
            self._sql.write(_ADD_RECORD, [_record_values(row) for row in records])
        if terms:
            self._sql.write(_ADD_TERM, [_term_values(row) for row in terms])

    def record(self, tenant: str, record: str) -> RecordRow | None:
        """One record, in its newest version."""
        row = self._sql.first(_RECORD, (tenant, record))
        return None if row is None else _record_row(row)

    def of_subjects(
        self, tenant: str, subjects: Collection[str], kind: str | None = None
    ) -> tuple[RecordRow, ...]:
        """Records of these subjects in their newest versions, newest identifier first."""
        if kind is None:
            found = self._sql.each(_OF_SUBJECTS, (tenant,), subjects)
        else:
            found = self._sql.each(_OF_SUBJECTS_AND_KIND, (tenant, kind), subjects)
        rows = (_record_row(row) for row in found)
        return tuple(sorted(rows, key=lambda row: row.record, reverse=True))

    def subjects_with(self, tenant: str, column: str, version: int, term: bytes) -> tuple[str, ...]:
        """Candidates of a blind index search."""
        found = self._sql.rows(_CANDIDATES, (tenant, column, version, term))
        return tuple(subject for (subject,) in found)

    def count(self, tenant: str) -> int:
        """Number of records."""
        return int(self._sql.rows(_COUNT, (tenant,))[0][0])


# Each in the order of its statement.


def _subject_values(row: SubjectRow) -> tuple[object, ...]:
    return (row.tenant, row.subject, row.identity_mac, instant_text(row.created_at))


def _record_values(row: RecordRow) -> tuple[object, ...]:
    return (
        row.tenant,
        row.subject,
        row.record,
        row.version,
        row.kind,
        row.schema,
        row.retention_class,
        row.clinician,
        row.visit,
        instant_text(row.occurred_at),
        row.grade,
        row.key_id,
        row.external_ref,
        row.content_mac,
        instant_text(row.created_at),
        row.envelope,
    )


def _term_values(row: TermRow) -> tuple[object, ...]:
    return (row.tenant, row.subject, row.column, row.version, row.term)


def _record_row(row: Row) -> RecordRow:
    (
        tenant,
        subject,
        record,
        version,
        kind,
        schema,
        retention_class,
        clinician,
        visit,
        occurred_at,
        grade,
        key_id,
        external_ref,
        content_mac,
        created_at,
        envelope,
    ) = row
    return RecordRow(
        tenant=tenant,
        subject=subject,
        record=record,
        version=version,
        kind=kind,
        schema=schema,
        retention_class=retention_class,
        clinician=clinician,
        visit=visit,
        occurred_at=parse_instant(occurred_at, "occurred_at"),
        grade=grade,
        key_id=key_id,
        external_ref=bytes(external_ref),
        content_mac=bytes(content_mac),
        created_at=parse_instant(created_at, "created_at"),
        envelope=bytes(envelope),
    )
