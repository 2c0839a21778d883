"""What does the audit log prove about somebody's accesses in a window?

The incident room asks; the answer is replayed from the leaves under a signed
checkpoint and must equal what the index says. Ages come from the sealed
identities, opened for this question only and noted in the log by whoever asks.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace
from typing import Final

from incident.scoping.evidence import (
    AccessAction,
    AccessQuery,
    EvidenceEntry,
    EvidenceWindow,
    Gap,
)
from secure_records.audit.checkpoint import Checkpoint
from secure_records.audit.errors import ReplayDiverges
from secure_records.audit.ports import AuditStore, SubjectTags
from secure_records.audit.trail import (
    LARGEST_PAGE,
    Replay,
    TrailEntry,
    TrailQuery,
    find_entries,
    replay,
    require_same,
)
from shared_kernel.grades import parse_grade

CREDENTIAL: Final = "credential"
"""Name under which an entry's details carry the credential that was used."""

_ACTIONS: Final = {
    "record.read": AccessAction.READ,
    "record.history": AccessAction.READ,
    "media.read": AccessAction.READ,
    "record.search": AccessAction.SEARCH,
    "record.export": AccessAction.EXPORT,
}

MinorsAmong = Callable[[Collection[str]], frozenset[str]]


class ReplayedEvidence:
    """Fills ``AccessEvidence`` from the audit log of one transaction."""

    def __init__(
        self,
        store: AuditStore,
        checkpoint: Checkpoint,
        tags: SubjectTags,
        minors_among: MinorsAmong,
    ) -> None:
        self._store = store
        self._checkpoint = checkpoint
        self._tags = tags
        self._minors_among = minors_among

    def window(self, query: AccessQuery) -> EvidenceWindow:
        """Replay the window; a divergence is reported as a gap over the whole log."""
        asked = TrailQuery(
            actor=query.actor, partner=query.partner, since=query.since, until=query.until
        )
        details = {} if query.credential is None else {CREDENTIAL: query.credential}
        try:
            found = replay(self._store, self._checkpoint, asked, details=details, tags=self._tags)
            require_same(self._indexed(asked, details), found)
        except ReplayDiverges as error:
            whole = Gap(first=0, last=max(0, self._checkpoint.size - 1), reason=str(error))
            return EvidenceWindow(
                query=query,
                entries=tuple(_evidence(e) for e in self._indexed(asked, details)),
                root=self._checkpoint.root,
                size=self._checkpoint.size,
                replay_ok=False,
                gaps=(whole,),
            )
        return self._proven(query, found)

    def _proven(self, query: AccessQuery, found: Replay) -> EvidenceWindow:
        entries = tuple(_evidence(entry) for entry in found.entries)
        subjects = {entry.subject for entry in entries if entry.subject is not None}
        return EvidenceWindow(
            query=query,
            entries=entries,
            root=found.root,
            size=found.size,
            replay_ok=True,
            minors=self._minors_among(subjects),
        )

    def _indexed(self, asked: TrailQuery, details: dict[str, str]) -> list[TrailEntry]:
        entries: list[TrailEntry] = []
        query = replace(asked, limit=LARGEST_PAGE)
        while True:
            page = find_entries(self._store, query)
            entries += [entry for entry in page.entries if _carries(entry, details)]
            if page.next_cursor is None:
                return entries
            query = replace(query, cursor=page.next_cursor)


def _carries(entry: TrailEntry, details: dict[str, str]) -> bool:
    held = entry.content.get("details")
    inner = held if isinstance(held, dict) else {}
    return all(inner.get(name) == value for name, value in details.items())


def _evidence(entry: TrailEntry) -> EvidenceEntry:
    details = entry.content.get("details")
    inner = details if isinstance(details, dict) else {}
    fields = entry.content.get("fields")
    grade = inner.get("grade")
    hits = inner.get("hits", 0)
    return EvidenceEntry(
        index=entry.index,
        at=entry.at,
        actor=entry.actor,
        partner=entry.partner,
        action=_ACTIONS.get(entry.action, AccessAction.OTHER),
        decision=entry.decision,
        record=entry.record,
        kind=entry.kind,
        fields=tuple(str(name) for name in fields) if isinstance(fields, list) else (),
        grade=None if grade is None else parse_grade(grade, "grade"),
        subject=entry.subject,
        hits=hits if isinstance(hits, int) else 0,
    )
