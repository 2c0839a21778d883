"""How do sealed records and their index terms lie in SQL?

One instance lives inside one transaction of the caller and never commits. Every
statement names the tenant first. Lists of values are asked for in slices,
because engines limit the number of bound parameters.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import islice
from typing import Final, TypeVar

from sqlalchemy import (
    ColumnElement,
    Executable,
    RowMapping,
    Table,
    bindparam,
    func,
    insert,
    select,
)
from sqlalchemy.engine import Connection

from secure_records.adapters.sql_index_versions import SqlIndexVersions
from secure_records.adapters.sql_record_versions import NEWEST, SqlRecordVersions
from secure_records.adapters.tables import index_terms, records, subjects
from secure_records.ports import RecordRow, StoredReference, SubjectRow, TermRow
from shared_kernel.instants import instant_text, parse_instant

_SLICE: Final = 500
"""Values in one IN list; the smallest common limit of bound parameters is 999."""

_Value = TypeVar("_Value", str, bytes)


class SqlRecordStore(SqlRecordVersions, SqlIndexVersions):
    """``RecordStore`` on an open connection."""

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection, _record_row)

    def references(self, tenant: str, refs: Collection[bytes]) -> Mapping[bytes, StoredReference]:
        """Those of ``refs`` that are stored already."""
        found: dict[bytes, StoredReference] = {}
        for row in self._each_slice(_REFERENCES, tenant, refs):
            ref, mac = row["external_ref"], row["content_mac"]
            known = found.get(ref)
            found[ref] = StoredReference(
                record=row["record"],
                content_mac=mac if known is None else known.content_mac,
                # One row a version: every content it ever had is a repeat, not a contradiction.
                amended=frozenset() if known is None else known.amended | {mac},
            )
        return found

    def subjects(self, tenant: str, identity_macs: Collection[bytes]) -> Mapping[bytes, str]:
        """Subject of each identity that is known."""
        rows = self._each_slice(_SUBJECTS, tenant, identity_macs)
        return {row["identity_mac"]: row["subject"] for row in rows}

    def terms_of(self, tenant: str, subjects: Collection[str]) -> frozenset[TermRow]:
        """Index entries of these subjects."""
        return frozenset(
            TermRow(
                tenant=tenant,
                subject=row["subject"],
                column=row["column"],
                version=row["version"],
                term=row["term"],
            )
            for row in self._each_slice(_TERMS, tenant, subjects)
        )

    def visits_with(self, tenant: str, kind: str, visits: Collection[str]) -> frozenset[str]:
        """Those of ``visits`` for which a record of ``kind`` is stored."""
        rows = self._each_slice(_VISITS, tenant, visits, kind=kind)
        return frozenset(row["visit"] for row in rows)

    def add(
        self,
        subjects: Sequence[SubjectRow],
        records: Sequence[RecordRow],
        terms: Sequence[TermRow],
    ) -> None:
        """Insert all rows; any clash is an error of the transaction."""
        if subjects:
            self._connection.execute(_ADD_SUBJECT, [_subject_values(row) for row in subjects])
        if records:
            self._connection.execute(_ADD_RECORD, [_record_values(row) for row in records])
        if terms:
            self._connection.execute(_ADD_TERM, [_term_values(row) for row in terms])

    def record(self, tenant: str, record: str) -> RecordRow | None:
        """One record, in its newest version."""
        found = self._connection.execute(_RECORD, {"tenant": tenant, "record": record})
        row = found.mappings().first()
        return None if row is None else _record_row(row)

    def of_subjects(
        self, tenant: str, subjects: Collection[str], kind: str | None = None
    ) -> tuple[RecordRow, ...]:
        """Records of these subjects in their newest versions, newest identifier first."""
        if kind is None:
            found = self._each_slice(_OF_SUBJECTS, tenant, subjects)
        else:
            found = self._each_slice(_OF_SUBJECTS_AND_KIND, tenant, subjects, kind=kind)
        rows = (_record_row(row) for row in found)
        return tuple(sorted(rows, key=lambda row: row.record, reverse=True))

    def subjects_with(self, tenant: str, column: str, version: int, term: bytes) -> tuple[str, ...]:
        """Candidates of a blind index search."""
        values = {"tenant": tenant, "column": column, "version": version, "term": term}
        return tuple(self._connection.execute(_CANDIDATES, values).scalars())

    def count(self, tenant: str) -> int:
        """Number of records."""
        return int(self._connection.execute(_COUNT, {"tenant": tenant}).scalar_one())

    def _each_slice(
        self, statement: Executable, tenant: str, values: Collection[_Value], **more: str
    ) -> Iterator[RowMapping]:
        left = iter(sorted(set(values)))
        while part := list(islice(left, _SLICE)):
            bound = {"tenant": tenant, "wanted": part, **more}
            yield from self._connection.execute(statement, bound).mappings()


def _within(table: Table, name: str) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return (
        table.c.tenant == bindparam("tenant"),
        table.c[name].in_(bindparam("wanted", expanding=True)),
    )


_REFERENCES: Final = select(records.c.external_ref, records.c.record, records.c.content_mac).where(
    *_within(records, "external_ref")
)
_SUBJECTS: Final = select(subjects.c.identity_mac, subjects.c.subject).where(
    *_within(subjects, "identity_mac")
)
_TERMS: Final = select(index_terms).where(*_within(index_terms, "subject"))
_VISITS: Final = (
    select(records.c.visit)
    .where(*_within(records, "visit"), records.c.kind == bindparam("kind"), NEWEST)
    .distinct()
)
_RECORD: Final = (
    select(records)
    .where(records.c.tenant == bindparam("tenant"), records.c.record == bindparam("record"))
    .order_by(records.c.version.desc())
    .limit(1)
)
_OF_SUBJECTS: Final = select(records).where(*_within(records, "subject"), NEWEST)
_OF_SUBJECTS_AND_KIND: Final = _OF_SUBJECTS.where(records.c.kind == bindparam("kind"))
_CANDIDATES: Final = select(index_terms.c.subject).where(
    index_terms.c.tenant == bindparam("tenant"),
    index_terms.c.column == bindparam("column"),
    index_terms.c.version == bindparam("version"),
    index_terms.c.term == bindparam("term"),
)
_COUNT: Final = (
    select(func.count())
    .select_from(records)
    .where(records.c.tenant == bindparam("tenant"), records.c.version == 1)
)
"""Each record has one first version, however often it was amended."""
_ADD_SUBJECT: Final = insert(subjects)
_ADD_RECORD: Final = insert(records)
_ADD_TERM: Final = insert(index_terms)


def _subject_values(row: SubjectRow) -> dict[str, object]:
    return {
        "tenant": row.tenant,
        "subject": row.subject,
        "identity_mac": row.identity_mac,
        "created_at": instant_text(row.created_at),
    }


def _record_values(row: RecordRow) -> dict[str, object]:
    return {
        "tenant": row.tenant,
        "subject": row.subject,
        "record": row.record,
        "version": row.version,
        "kind": row.kind,
        "schema": row.schema,
        "retention_class": row.retention_class,
        "clinician": row.clinician,
        "visit": row.visit,
        "occurred_at": instant_text(row.occurred_at),
        "grade": row.grade,
        "key_id": row.key_id,
        "external_ref": row.external_ref,
        "content_mac": row.content_mac,
        "created_at": instant_text(row.created_at),
        "envelope": row.envelope,
    }


def _term_values(row: TermRow) -> dict[str, object]:
    return {
        "tenant": row.tenant,
        "subject": row.subject,
        "column": row.column,
        "version": row.version,
        "term": row.term,
    }


def _record_row(row: RowMapping) -> RecordRow:
    return RecordRow(
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
