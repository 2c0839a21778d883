"""How does a plaintext column become a sealed one, and plain again until it is finished?

Each cell says itself whether it is sealed, so nothing else needs to be
remembered: a run that was killed is simply run again. A cell is exchanged only
if it still holds what was read, so a value that the platform writes meanwhile is
never lost; it stays plain until the next pass. Keys are committed before cells.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Literal, Protocol, TypeAlias

from secure_records.columns.adoption_plan import AdoptedColumn
from secure_records.columns.column_keys import ColumnKeys
from secure_records.columns.place import (
    TEXT_PREFIX,
    Place,
    as_text,
    from_text,
    looks_sealed,
    place_of,
)
from secure_records.columns.sealed_types import SealedValue
from secure_records.errors import SecureRecordsError
from shared_kernel.errors import Refused, UpstreamFailed, VerificationFailed

State: TypeAlias = Literal["plain", "adopting", "finished"]
Advance: TypeAlias = Callable[[int], None]

BATCH: Final = 500
"""Cells exchanged in one transaction of the platform's database."""

MOST_PASSES: Final = 3
"""A cell that the platform rewrites meanwhile is met again in the next pass."""

_CROWDED: Final = 20
"""Values a distinct value on average: beyond it, codes are readable from their frequency."""

_TELLING: Final = 200
"""With fewer values nothing can be said about their variety."""


class AdoptionRefused(SecureRecordsError, Refused):
    """The tables are not as the plan says, or not as adoption needs them."""

    code = "columns.adoption_refused"
    default_hint = "correct plan or table; nothing of this column was changed"


class AdoptionUnfinished(SecureRecordsError, Refused):
    """Plain values are left, so the adoption cannot be finished."""

    code = "columns.adoption_unfinished"
    default_hint = "run `jinkui adopt run PLAN` again; does a program still write plain values?"


class AdoptionMismatch(SecureRecordsError, VerificationFailed):
    """A sealed cell does not open, or its index code is not that of its value."""

    code = "columns.adoption_mismatch"
    default_hint = "keep a copy of the table; find out who wrote the cell before you go on"


class PlatformDatabaseFailed(SecureRecordsError, UpstreamFailed):
    """The platform's database did not do what it was asked."""

    code = "columns.platform_database"
    default_hint = "check that it is reachable and not locked, then run the same command again"


@dataclass(frozen=True, slots=True, kw_only=True)
class Census:
    """Cells of one column."""

    values: int
    """Not NULL."""

    sealed: int
    subjectless: int = 0
    """Values in rows that name no subject."""

    distinct: int = 0
    """Different contents, sealed ones included."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One cell as it stands in the table."""

    row: Mapping[str, object]
    """Key and subject, by column."""

    text: str = field(repr=False)
    term: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """A new content for one cell, if it still holds the old one."""

    cell: Cell
    text: str = field(repr=False)
    term: bytes | None


class PlatformTables(Protocol):
    """The platform's own database; every method is a transaction of its own."""

    def examine(self, column: AdoptedColumn) -> None:
        """Return if table, key, types and names are as the plan needs them.

        Raises:
            AdoptionRefused: they are not.
        """
        ...

    def state(self, column: AdoptedColumn) -> State:
        """How far the adoption of this column has come."""
        ...

    def census(self, column: AdoptedColumn) -> Census:
        """Count its cells."""
        ...

    def begin(self, column: AdoptedColumn, at: datetime) -> None:
        """Note the state, widen the column, add the index; what is there already stays."""
        ...

    def cells(
        self, column: AdoptedColumn, after: Cell | None, limit: int, *, sealed: bool
    ) -> Sequence[Cell]:
        """Cells in the order of the key, behind ``after``."""
        ...

    def exchange(self, column: AdoptedColumn, changes: Sequence[Exchange]) -> int:
        """Write all changes whose cell is unchanged, in one transaction; returns how many."""
        ...

    def forget(self, column: AdoptedColumn) -> None:
        """Take index and state away again."""
        ...

    def finish(self, columns: Sequence[AdoptedColumn], at: datetime) -> None:
        """Make the engine drop old contents, then note that the columns are finished."""
        ...


def require_adoptable(tables: PlatformTables, column: AdoptedColumn) -> Census:
    """Count the cells of a column that may be adopted, or go on being adopted.

    Raises:
        AdoptionRefused: finished already, or something in it forbids sealing.
    """
    tables.examine(column)
    state = tables.state(column)
    if state == "finished":
        raise AdoptionRefused(f"{column.name} is finished already", where=column.name)
    found = tables.census(column)
    if found.subjectless:
        raise AdoptionRefused(
            f"{column.name}: {found.subjectless} values stand in rows without subject",
            where=column.name,
        )
    if state == "plain":
        if found.sealed:
            raise AdoptionRefused(
                f"{column.name}: {found.sealed} values begin like sealed ones", where=column.name
            )
        crowded = found.values > _TELLING and found.values > _CROWDED * found.distinct
        if column.term is not None and crowded:
            raise AdoptionRefused(
                f"{column.name}: too few different values for an index",
                hint="leave `index` out: its codes would be readable from their frequency",
                where=column.name,
            )
    return found


def seal_column(
    tables: PlatformTables, keys: ColumnKeys, column: AdoptedColumn, advance: Advance
) -> int:
    """Seal what is plain; returns how many cells were sealed now."""

    def sealed(cell: Cell) -> Exchange:
        terms = (
            []
            if column.term is None
            else keys.terms(column.table, column.column, column.rule, cell.text)
        )
        value = keys.seal_cell(column.rule, _place(column, cell), cell.text)
        return Exchange(cell=cell, text=as_text(value.envelope), term=terms[0] if terms else None)

    return _exchange_all(tables, keys, column, sealed, advance, from_sealed=False)


def open_column(
    tables: PlatformTables, keys: ColumnKeys, column: AdoptedColumn, advance: Advance
) -> int:
    """Make what is sealed plain again; returns how many cells were opened now.

    Raises:
        EnvelopeRefused, KeyNotFound: a cell does not open. What was opened so far stays plain.
        AdoptionRefused: a value that begins like a sealed one would be left behind.
    """

    def opened(cell: Cell) -> Exchange:
        return Exchange(cell=cell, text=_value(keys, column, cell), term=None)

    return _exchange_all(tables, keys, column, opened, advance, from_sealed=True)


def verify_column(
    tables: PlatformTables, keys: ColumnKeys, column: AdoptedColumn, sample: int
) -> int:
    """Count the cells, open every n-th of them and compare its index; returns how many.

    Args:
        tables: The platform's database.
        keys: Keys of the home.
        column: What is verified.
        sample: About how many cells to open; 0: all.

    Raises:
        AdoptionUnfinished: plain values are left.
        AdoptionMismatch: a cell does not open, or its code is another value's.
    """
    found = tables.census(column)
    if found.sealed != found.values:
        raise AdoptionUnfinished(
            f"{column.name}: {found.values - found.sealed} values are plain", where=column.name
        )
    step = max(1, found.values // sample) if sample else 1
    opened = 0
    for place, cell in enumerate(_walk(tables, column, sealed=True)):
        if place % step:
            continue
        try:
            value = _value(keys, column, cell)
        except SecureRecordsError as fault:
            raise AdoptionMismatch(
                f"{column.name}: a sealed value does not open ({fault.code})", where=column.name
            ) from fault
        if column.term is not None:
            terms = keys.terms(column.table, column.column, column.rule, value)
            if cell.term != (terms[0] if terms else None):
                raise AdoptionMismatch(
                    f"{column.name}: an index code is not that of its value", where=column.name
                )
        opened += 1
    return opened


def _exchange_all(
    tables: PlatformTables,
    keys: ColumnKeys,
    column: AdoptedColumn,
    change: Callable[[Cell], Exchange],
    advance: Advance,
    *,
    from_sealed: bool,
) -> int:
    done = 0
    for _ in range(MOST_PASSES):
        met = 0
        for cells in _batches(tables, column, sealed=from_sealed):
            met += len(cells)
            changes = [change(cell) for cell in cells]
            # Keys first: a crash in between leaves keys that open nothing.
            keys.commit_new_keys()
            done += tables.exchange(column, changes)
            advance(done)
        if not met:
            break
    return done


def _batches(
    tables: PlatformTables, column: AdoptedColumn, *, sealed: bool
) -> Iterator[Sequence[Cell]]:
    after: Cell | None = None
    while cells := tables.cells(column, after, BATCH, sealed=sealed):
        yield cells
        after = cells[-1]


def _walk(tables: PlatformTables, column: AdoptedColumn, *, sealed: bool) -> Iterator[Cell]:
    for cells in _batches(tables, column, sealed=sealed):
        yield from cells


def _place(column: AdoptedColumn, cell: Cell) -> Place:
    return place_of(column.table, column.column, column.rule, column.key, cell.row)


def _value(keys: ColumnKeys, column: AdoptedColumn, cell: Cell) -> str:
    if not looks_sealed(cell.text):
        raise AdoptionRefused(
            f"{column.name}: a plain value begins with {TEXT_PREFIX}", where=column.name
        )
    stored = SealedValue(from_text(cell.text))
    value: str = keys.open_cell(column.rule, _place(column, cell), stored)
    return value
