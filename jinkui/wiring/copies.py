"""How does everything in a store become one encrypted file, and come out of it again?

A copy of a file is its pages, a copy of a database its rows; either way the result is a
file of the embedded engine under the file key of the home. So a backup looks the same
whatever was backed up, no dump lies anywhere in clear, and a store can move from one
engine to the other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

from sqlalchemy import func, insert, select
from sqlalchemy.engine import Connection

from jinkui.wiring.homes import HomeFiles
from jinkui.wiring.schemas import all_tables, bookkeeping, make_tables, require_no_tables, state_of
from jinkui.wiring.stores import HomeStore
from secure_records.adapters.embedded_store import EmbeddedStore
from secure_records.adapters.tables import records

Report: TypeAlias = Callable[[int, int], None]
"""Told how much is done, and of how much."""

_ROWS_AT_ONCE: Final = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """What one state of a store holds."""

    revision: str | None
    """Of its schema."""
    entries: int
    """In the log."""
    records: int
    last_at_us: int | None
    """Instant of the newest entry, microseconds since 1970; None: there is none."""


def copy_records(files: HomeFiles, path: Path, report: Report) -> Snapshot:
    """One state of the store as an encrypted file at ``path``."""
    if isinstance(files.store, EmbeddedStore):
        copied = files.store.copy_to(path, report)
    else:
        copied = EmbeddedStore(path, files.keys.file_key(), "FULL")
        move_rows(files.store, copied, files.home.institution, report)
    try:
        with copied.reading() as connection:
            return snapshot_of(connection, files.home.institution)
    finally:
        copied.close()


def copy_keys(files: HomeFiles, path: Path, report: Report) -> None:
    """One state of the key file at ``path``."""
    files.key_file.copy_to(path, report).close()


def move_rows(source: HomeStore, target: HomeStore, tenant: str, report: Report) -> None:
    """Every row of one store into another that has no tables yet; all of them or none.

    Raises:
        StoreTaken: there are tables of a home in the target.
    """
    tables = [t for t in all_tables().sorted_tables if t.name not in bookkeeping.tables]
    with source.reading() as reader, target.transaction() as writer:
        require_no_tables(writer)
        make_tables(writer, tenant)
        every = sum(
            reader.execute(select(func.count()).select_from(table)).scalar_one() for table in tables
        )
        done = 0
        for table in tables:
            query = select(table).order_by(*table.primary_key.columns)
            streamed = reader.execution_options(yield_per=_ROWS_AT_ONCE).execute(query)
            for part in streamed.mappings().partitions():
                writer.execute(insert(table), [dict(row) for row in part])
                done += len(part)
                report(done, every)


def snapshot_of(connection: Connection, tenant: str) -> Snapshot:
    """What the store of an open connection holds for one institution."""
    entries = all_tables().tables["audit_entries"].c
    last = connection.execute(
        select(entries.idx, entries.at_us)
        .where(entries.tenant == tenant)
        .order_by(entries.idx.desc())
        .limit(1)
    ).one_or_none()
    kept = select(func.count()).select_from(records).where(records.c.tenant == tenant)
    return Snapshot(
        revision=state_of(connection).revision,
        entries=0 if last is None else last.idx + 1,
        records=connection.execute(kept).scalar_one(),
        last_at_us=None if last is None else last.at_us,
    )


def data_keys_in_use(connection: Connection, tenant: str) -> Iterator[str]:
    """Identifiers of the data keys under which records lie."""
    query = select(records.c.key_id).where(records.c.tenant == tenant).distinct()
    yield from connection.execute(query).scalars()
