"""How does an index column get a new key while searches go on?

1. start: a further version of the column; from that moment writers write both and
   searches ask both
2. walk all patients in the order of their identifiers, some in each transaction,
   and write their entries of the new version; the position is kept in the same
   transaction, so a kill loses nothing but the open one
3. settle: whoever has not as many entries in one version as in the other is done
   again, whatever a writer of another process did meanwhile
4. switch: the new version is current, the old one is neither written nor asked
5. drop the entries of the old version, in slices

Call it again after a stop: it goes on where it was. The beginning, the switch and
the end leave an entry each.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, Literal, TypeAlias

from sqlalchemy.engine import Connection

from secure_records.index.columns import COLUMNS
from secure_records.models import Caller
from secure_records.ports import IndexVersionRow, RecordStore
from secure_records.vault_errors import RotationRefused
from secure_records.vault_indexing import reindex_subjects
from secure_records.vault_parts import VaultParts, fact_of
from shared_kernel.canonical_json import Json

ReindexStage: TypeAlias = Literal["walking", "settling", "dropping", "finished"]

BATCH: Final = 200
"""Patients in one transaction: other writers wait no longer than these take."""

_DROPPED: Final = 2000
"""Entries deleted in one transaction."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReindexProgress:
    """Where a rotation is after one more transaction."""

    column: str
    version: int
    """The new one."""

    stage: ReindexStage
    done: int
    """Patients re-indexed, by all runs together."""

    total: int
    """Patients in the store when this run began."""

    dropped: int = 0
    """Entries of the old version deleted by this run."""


def reindex(
    parts: VaultParts, caller: Caller, column: str, *, batch: int = BATCH
) -> Iterator[ReindexProgress]:
    """Rotate one column, or go on with a rotation that broke off.

    Each item comes after a commit; whoever stops taking them stops the work there.

    Raises:
        RotationRefused: no such column.
        EnvelopeRefused: a record is not what was sealed: nothing is switched.
    """
    if column not in COLUMNS:
        raise RotationRefused(f"column: expected one of {', '.join(COLUMNS)}", where="column")
    rotation = _Rotation(parts, caller, column, batch)
    progress = rotation.begin()
    yield progress
    while progress.stage != "finished":
        progress = rotation.step(progress)
        yield progress


def rotation_states(parts: VaultParts) -> tuple[IndexVersionRow, ...]:
    """Every index version that a rotation has made known."""
    with parts.store.reading() as connection:
        return parts.records(connection).index_versions(parts.tenant)


class _Rotation:
    """One column; every method is one transaction."""

    def __init__(self, parts: VaultParts, caller: Caller, column: str, batch: int) -> None:
        self._parts = parts
        self._caller = caller
        self._column = column
        self._batch = batch
        self._settled = ""

    def begin(self) -> ReindexProgress:
        """Start, or find out where a rotation stopped."""
        parts, column = self._parts, self._column
        at = parts.clock.now()
        with parts.store.transaction() as connection:
            rows = parts.records(connection)
            phases = self._phases(rows)
            current, building = phases.get("current"), phases.get("building")
            if building is None and "retired" not in phases:
                if current is None:
                    current = self._first(at)
                    rows.put_index_version(current)
                building = replace(
                    current,
                    version=current.version + 1,
                    phase="building",
                    done=0,
                    started_at=at,
                )
                rows.put_index_version(building)
                self._note(connection, "index.rotation_started", {"version": building.version})
            else:
                self._note(connection, "index.rotation_resumed", {})
            new = building or phases["current"]
            return ReindexProgress(
                column=column,
                version=new.version,
                stage="dropping" if building is None else "walking",
                done=new.done,
                total=rows.subject_count(parts.tenant),
            )

    def _first(self, at: datetime) -> IndexVersionRow:
        """What holds before the first rotation, written down."""
        return IndexVersionRow(
            tenant=self._parts.tenant,
            column=self._column,
            version=COLUMNS[self._column].version,
            phase="current",
            started_at=at,
        )

    def step(self, progress: ReindexProgress) -> ReindexProgress:
        """One more transaction."""
        with self._parts.store.transaction() as connection:
            rows = self._parts.records(connection)
            if progress.stage == "walking":
                after = self._walk(rows, progress)
            elif progress.stage == "settling":
                after = self._settle(connection, rows, progress)
            else:
                after = self._drop(connection, rows, progress)
            self._parts.keys.flush()
        return after

    def _walk(self, rows: RecordStore, progress: ReindexProgress) -> ReindexProgress:
        building = self._phases(rows)["building"]
        subjects = rows.subjects_after(self._parts.tenant, building.position, self._batch)
        if not subjects:
            return replace(progress, stage="settling")
        reindex_subjects(self._parts, rows, subjects)
        done = building.done + len(subjects)
        rows.put_index_version(replace(building, position=subjects[-1], done=done))
        return replace(progress, done=done)

    def _settle(
        self, connection: Connection, rows: RecordStore, progress: ReindexProgress
    ) -> ReindexProgress:
        tenant, phases = self._parts.tenant, self._phases(rows)
        old, new = phases["current"], phases["building"]
        uneven = rows.uneven_subjects(
            tenant, self._column, (old.version, new.version), self._settled, self._batch
        )
        if uneven:
            # Two spellings may share a short term in one version and not in the other: then
            # nothing changes here, and going on past it ends the walk.
            reindex_subjects(self._parts, rows, uneven)
            self._settled = uneven[-1]
            return progress
        rows.put_index_version(replace(new, phase="current", position=""))
        rows.put_index_version(replace(old, phase="retired"))
        about: dict[str, Json] = {"version": new.version, "subjects": new.done}
        self._note(connection, "index.rotation_switched", about)
        return replace(progress, stage="dropping")

    def _drop(
        self, connection: Connection, rows: RecordStore, progress: ReindexProgress
    ) -> ReindexProgress:
        tenant, column = self._parts.tenant, self._column
        retired = self._phases(rows)["retired"]
        count = rows.drop_terms(tenant, column, retired.version, _DROPPED)
        dropped = progress.dropped + count
        if count == _DROPPED:
            return replace(progress, dropped=dropped)
        rows.drop_index_version(tenant, column, retired.version)
        about: dict[str, Json] = {"version": progress.version, "dropped": dropped}
        self._note(connection, "index.rotation_finished", about)
        return replace(progress, stage="finished", dropped=dropped)

    def _phases(self, rows: RecordStore) -> Mapping[str, IndexVersionRow]:
        known = rows.index_versions(self._parts.tenant)
        return {row.phase: row for row in known if row.column == self._column}

    def _note(self, connection: Connection, action: str, details: Mapping[str, Json]) -> None:
        fact = fact_of(
            self._caller,
            self._parts.clock.now(),
            action,
            "done",
            {"column": self._column, **details},
        )
        self._parts.audit(connection).append(fact)
