"""How are existing plaintext columns sealed in place, put back, and finished?

Each act is in the audit log before the first cell changes, with the digest of
the plan and the names of its columns, and once more when it is done. The log of
the home and the platform's database are two databases: an act that was killed
has its first entry and lacks the second.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from jinkui.wiring.adoption import column_keys
from jinkui.wiring.toolkit import Toolkit
from secure_records.audit.entry import AuditFact
from secure_records.columns.adoption import (
    AdoptionRefused,
    AdoptionUnfinished,
    PlatformTables,
    State,
    open_column,
    require_adoptable,
    seal_column,
    verify_column,
)
from secure_records.columns.adoption_plan import AdoptedColumn, AdoptionPlan
from secure_records.models import Caller
from shared_kernel.canonical_json import Json

OFFICE: Final = "columns.adopt"

Advance = Callable[[int, int], None]
"""Told how many cells of how many are done."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnStanding:
    """How one column stands."""

    column: AdoptedColumn
    state: State
    values: int
    sealed: int

    def document(self) -> Json:
        """One row of the published JSON."""
        return {
            "table": self.column.table,
            "column": self.column.column,
            "index": self.column.rule.index,
            "state": self.state,
            "values": self.values,
            "sealed": self.sealed,
            "plain": self.values - self.sealed,
        }


def standing(tables: PlatformTables, plan: AdoptionPlan) -> tuple[ColumnStanding, ...]:
    """Every column of the plan as it stands; reads counts, never values."""
    return tuple(_standing(tables, column) for column in plan.columns)


def require_plan(tables: PlatformTables, plan: AdoptionPlan) -> tuple[ColumnStanding, ...]:
    """What a run would begin with.

    Raises:
        AdoptionRefused: a column cannot be adopted; nothing was changed.
    """
    for column in plan.columns:
        require_adoptable(tables, column)
    return standing(tables, plan)


def begin_adoption(
    toolkit: Toolkit, caller: Caller, tables: PlatformTables, plan: AdoptionPlan
) -> tuple[ColumnStanding, ...]:
    """Add the index columns, seal nothing: from now on a program may read both.

    Raises:
        AdoptionRefused: a column cannot be adopted; nothing was changed.
    """
    require_plan(tables, plan)
    _note(toolkit, caller, "columns.begin", plan)
    for column in plan.columns:
        tables.begin(column, toolkit.clock.now())
    return standing(tables, plan)


def run_adoption(
    toolkit: Toolkit, caller: Caller, tables: PlatformTables, plan: AdoptionPlan, advance: Advance
) -> tuple[ColumnStanding, ...]:
    """Seal every plain cell of the plan; run it again after a kill.

    Raises:
        AdoptionRefused: a column cannot be adopted; nothing was changed.
        PlatformDatabaseFailed: the database refused; what was sealed stays sealed.
    """
    before = require_plan(tables, plan)
    _note(toolkit, caller, "columns.adopt", plan)
    keys = column_keys(toolkit)
    for column in plan.columns:
        tables.begin(column, toolkit.clock.now())
    done, total = 0, sum(row.values - row.sealed for row in before)
    for column in plan.columns:
        done += seal_column(tables, keys, column, _counting(advance, done, total))
    after = standing(tables, plan)
    _note(toolkit, caller, "columns.adopted", plan, cells=done)
    return after


def revert_adoption(
    toolkit: Toolkit, caller: Caller, tables: PlatformTables, plan: AdoptionPlan, advance: Advance
) -> tuple[ColumnStanding, ...]:
    """Make every cell of the plan plain again, as long as it is not finished.

    Raises:
        AdoptionRefused: a column is finished, or a plain value looks like a sealed one.
        EnvelopeRefused: a cell does not open; it stays as it is, and so do those behind it.
    """
    started = tuple(c for c in plan.columns if tables.state(c) != "plain")
    for column in started:
        if tables.state(column) == "finished":
            raise AdoptionRefused(f"{column.name} is finished", where=column.name)
    _note(toolkit, caller, "columns.revert", plan)
    keys = column_keys(toolkit)
    done, total = 0, sum(tables.census(column).sealed for column in started)
    for column in started:
        done += open_column(tables, keys, column, _counting(advance, done, total))
        left = tables.census(column).sealed
        if left:
            raise AdoptionUnfinished(f"{column.name}: {left} cells are sealed", where=column.name)
        tables.forget(column)
    _note(toolkit, caller, "columns.reverted", plan, cells=done)
    return standing(tables, plan)


def finish_adoption(
    toolkit: Toolkit, caller: Caller, tables: PlatformTables, plan: AdoptionPlan, sample: int
) -> tuple[int, tuple[ColumnStanding, ...]]:
    """Verify counts and a sample, then close the way back; returns how many were opened.

    Raises:
        AdoptionRefused: a column was not begun or is finished already.
        AdoptionUnfinished: plain values are left.
        AdoptionMismatch: a cell does not open, or its index code is another value's.
    """
    for column in plan.columns:
        if tables.state(column) != "adopting":
            raise AdoptionRefused(f"{column.name} is not being adopted", where=column.name)
    keys = column_keys(toolkit)
    opened = sum(verify_column(tables, keys, column, sample) for column in plan.columns)
    _note(toolkit, caller, "columns.finish", plan, sampled=opened)
    tables.finish(plan.columns, toolkit.clock.now())
    return opened, standing(tables, plan)


def _standing(tables: PlatformTables, column: AdoptedColumn) -> ColumnStanding:
    tables.examine(column)
    found = tables.census(column)
    return ColumnStanding(
        column=column, state=tables.state(column), values=found.values, sealed=found.sealed
    )


def _counting(advance: Advance, before: int, total: int) -> Callable[[int], None]:
    return lambda done: advance(before + done, total)


def _note(
    toolkit: Toolkit, caller: Caller, action: str, plan: AdoptionPlan, **details: Json
) -> None:
    names: list[Json] = [column.name for column in plan.columns]
    with toolkit.transaction() as unit:
        unit.log.append(
            AuditFact(
                at=toolkit.clock.now(),
                actor=caller.actor,
                role=caller.role,
                action=action,
                decision="done",
                details={"plan": plan.digest, "columns": names, **details},
            )
        )
