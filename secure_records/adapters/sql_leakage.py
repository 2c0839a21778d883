"""How are the equality classes of a whole store counted, without opening anything?

The engine groups; what comes back grows with the number of different class sizes,
not with the store. The counts are those that a thief with the file key can make.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import ColumnElement, Select, Table, func, select
from sqlalchemy.engine import Connection

from secure_records.adapters.tables import index_terms, records
from secure_records.leakage import Classes, LeakageReport, sentences_of

_COMMONEST: Final = 5
_DAY: Final = 10
"""Characters of an RFC 3339 text that name the day, in UTC."""

_OCCURRED_ON: Final = func.substr(records.c.occurred_at, 1, _DAY)
_IN_CLEAR: Final[tuple[tuple[str, tuple[ColumnElement[object], ...], bool], ...]] = (
    ("kind", (records.c.kind,), True),
    ("grade", (records.c.grade,), True),
    ("clinician", (records.c.clinician,), True),
    ("visit", (records.c.visit,), False),
    ("occurred_at", (records.c.occurred_at,), False),
    ("occurred_on", (_OCCURRED_ON,), False),
    ("clinician+occurred_on", (records.c.clinician, _OCCURRED_ON), False),
    ("version", (records.c.version,), True),
)
"""Column, what it is grouped by, and whether its values name nobody and may be listed."""


def count_leakage(connection: Connection, tenant: str) -> LeakageReport:
    """Count every class of the tenant's rows."""
    index = tuple(_index_classes(connection, tenant))
    clear = tuple(
        Classes(
            name=name,
            histogram=_histogram(connection, _of(records, tenant, columns)),
            values=_commonest(connection, tenant, columns[0]) if listed else (),
        )
        for name, columns, listed in _IN_CLEAR
    )
    subjects = Classes(
        name="subject", histogram=_histogram(connection, _of(records, tenant, (records.c.subject,)))
    )
    length = func.length(records.c.envelope)
    lengths = Classes(
        name="envelope", histogram=_histogram(connection, _of(records, tenant, (length,)))
    )
    first = select(func.count()).select_from(records)
    count = connection.execute(first.where(records.c.tenant == tenant, records.c.version == 1))
    return LeakageReport(
        records=int(count.scalar_one()),
        subjects=subjects.distinct,
        index=index,
        clear=clear,
        rows_per_subject=subjects,
        envelope_lengths=lengths,
        sentences=sentences_of(index, clear, subjects, lengths),
    )


def _index_classes(connection: Connection, tenant: str) -> list[Classes]:
    terms = index_terms.c
    pairs = connection.execute(
        select(terms.column, terms.version)
        .where(terms.tenant == tenant)
        .distinct()
        .order_by(terms.column, terms.version)
    ).all()
    found: list[Classes] = []
    for column, version in pairs:
        grouped = _of(index_terms, tenant, (terms.term,)).where(
            terms.column == column, terms.version == version
        )
        found.append(
            Classes(name=column, histogram=_histogram(connection, grouped), version=version)
        )
    return found


def _of(table: Table, tenant: str, columns: tuple[ColumnElement[object], ...]) -> Select[int]:
    """The size of every class of equal values."""
    return (
        select(func.count().label("size"))
        .select_from(table)
        .where(table.c.tenant == tenant)
        .group_by(*columns)
    )


def _histogram(connection: Connection, sizes: Select[int]) -> tuple[tuple[int, int], ...]:
    each = sizes.subquery()
    counted = select(each.c.size, func.count()).group_by(each.c.size).order_by(each.c.size.desc())
    return tuple((int(size), int(classes)) for size, classes in connection.execute(counted))


def _commonest(
    connection: Connection, tenant: str, column: ColumnElement[object]
) -> tuple[tuple[str, int], ...]:
    rows = func.count()
    counted = (
        select(column, rows)
        .where(records.c.tenant == tenant)
        .group_by(column)
        .order_by(rows.desc(), column)
        .limit(_COMMONEST)
    )
    return tuple((str(value), int(number)) for value, number in connection.execute(counted))
