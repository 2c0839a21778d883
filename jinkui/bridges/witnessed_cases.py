"""Is every event of a case the one that the audit log witnessed?

A case is the fold of its events, so whoever edits an event in the database moves a
statutory clock. Each event was noted in the log when it was entered; here every
reading is held against those notes.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from incident.errors import HistoryBroken
from incident.notices.deliveries import Delivery
from incident.ports import IndexedCaseStore
from incident.workflow.events import CaseEvent
from secure_records.audit.entry import parse_entry
from secure_records.audit.ports import AuditStore
from secure_records.audit.trail import LARGEST_PAGE, TrailEntry, TrailQuery, find_entries
from shared_kernel.canonical_json import Json
from shared_kernel.instants import instant_text

_PREFIX: Final = "incident."
_OPENED: Final = "incident.opened"


class WitnessedCases:
    """A ``CaseStore`` that believes the store only as far as the log agrees."""

    def __init__(self, store: IndexedCaseStore, log: AuditStore) -> None:
        self._store = store
        self._log = log

    def append(self, event: CaseEvent, journal_index: int) -> None:
        """Keep one event."""
        self._store.append(event, journal_index)

    def events(
        self, tenant: str, case: str, *, entered_until: datetime | None = None
    ) -> tuple[CaseEvent, ...]:
        """The events of a case by number.

        Raises:
            HistoryBroken: an event is not the one that was noted, or none was noted.
        """
        found = self._store.events(tenant, case, entered_until=entered_until)
        indexes = self._store.journal_indexes(tenant, case)
        self._require_whole(case, set(indexes))
        for event in found:
            noted = self._noted(indexes.get(event.seq))
            if noted != _as_noted(event):
                raise HistoryBroken(
                    f"event {event.seq} is not the one that the audit log witnessed", where="seq"
                )
        return found

    def cases(self, tenant: str) -> tuple[str, ...]:
        """Every case of the institution, oldest first.

        Raises:
            HistoryBroken: the log witnessed a case that is not there.
        """
        found = self._store.cases(tenant)
        opened = {e.record for e in self._trail(TrailQuery(action=_OPENED, limit=LARGEST_PAGE))}
        if missing := opened - set(found):
            raise HistoryBroken(f"{len(missing)} cases of the audit log are gone", where="case")
        return found

    def keep_deliveries(
        self, tenant: str, case: str, batch_id: str, deliveries: tuple[Delivery, ...]
    ) -> None:
        """Keep or update who is told how."""
        self._store.keep_deliveries(tenant, case, batch_id, deliveries)

    def deliveries(self, tenant: str, case: str, batch_id: str) -> tuple[Delivery, ...]:
        """The deliveries of a batch, by subject."""
        return self._store.deliveries(tenant, case, batch_id)

    def _require_whole(self, case: str, kept: set[int]) -> None:
        """The log must know exactly the events that are kept: none gone, none invented."""
        noted: set[int] = set()
        for entry in self._trail(TrailQuery(record=case, limit=LARGEST_PAGE)):
            details = entry.content.get("details")
            number = details.get("seq") if isinstance(details, Mapping) else None
            if entry.action.startswith(_PREFIX) and isinstance(number, int):
                noted.add(number)
        if odd := noted ^ kept:
            raise HistoryBroken(
                f"event {min(odd)} is in the audit log or in the case, not in both", where="seq"
            )

    def _trail(self, query: TrailQuery) -> tuple[TrailEntry, ...]:
        return find_entries(self._log, query).entries

    def _noted(self, index: int | None) -> Mapping[str, Json] | None:
        if index is None:
            return None
        rows = next(iter(self._log.entries(index, index + 1)), ())
        if not rows:
            return None
        content = parse_entry(rows[0].entry, index)
        return {name: content.get(name) for name in ("action", "actor", "at", "details")}


def _as_noted(event: CaseEvent) -> Mapping[str, Json]:
    return {
        "action": f"incident.{event.kind.value}",
        "actor": event.actor,
        "at": instant_text(event.at),
        "details": {
            "case": event.case,
            "seq": event.seq,
            "event_at": instant_text(event.event_at),
            "payload": str(event.digest()),
        },
    }
