"""What does the access log say happened in this window, and how sure is it?

Models only. Somebody who can read the audit log fills an ``EvidenceWindow`` from
entries recomputed out of the tree (not from an index, which could be doctored) and
says honestly where the replay had holes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from incident.errors import MalformedQuery
from shared_kernel.canonical_json import Json
from shared_kernel.grades import Grade
from shared_kernel.instants import in_utc, instant_text


class AccessAction(StrEnum):
    """What an entry was about, as far as a breach is concerned."""

    READ = "read"
    SEARCH = "search"
    EXPORT = "export"
    OTHER = "other"
    """Writes, administration: discloses nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessQuery:
    """Whose accesses, from when to when. Several names narrow the question."""

    since: datetime
    """Inclusive."""
    until: datetime
    """Exclusive."""
    actor: str | None = None
    partner: str | None = None
    credential: str | None = None
    """Token, key or session id."""

    def __post_init__(self) -> None:
        if self.actor is None and self.partner is None and self.credential is None:
            raise MalformedQuery("the query names no actor, partner or credential")
        if in_utc(self.since, "since") >= in_utc(self.until, "until"):
            raise MalformedQuery("the window is empty", where="until")

    def as_json(self) -> dict[str, Json]:
        """The question, for the case and the log."""
        return {
            "since": instant_text(self.since),
            "until": instant_text(self.until),
            "actor": self.actor,
            "partner": self.partner,
            "credential": self.credential,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceEntry:
    """One log entry that matches the query, recomputed from its leaf."""

    index: int
    at: datetime
    actor: str
    partner: str | None = None
    action: AccessAction
    decision: str
    """``permit``, ``deny``, ``done`` or ``failed``. Only ``permit`` served anything."""
    record: str | None = None
    kind: str | None = None
    fields: tuple[str, ...] = ()
    """Fields that left the house, clear or masked; withheld ones are not here."""
    grade: Grade | None = None
    """None: not graded, counted as the strictest."""
    subject: str | None = None
    """None: the opening is gone (erased) or the entry names nobody."""
    hits: int = 0
    """For a search: listed records that the entry does not name one by one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """A stretch of the log that could not be replayed."""

    first: int
    last: int
    """Inclusive."""
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceWindow:
    """The replayed answer to one query."""

    query: AccessQuery
    entries: tuple[EvidenceEntry, ...]
    root: bytes
    """Root hash of the tree of ``size`` against which the entries were proven."""
    size: int
    replay_ok: bool
    """Every leaf of the window was recomputed and agrees with the signed root."""
    gaps: tuple[Gap, ...] = ()
    minors: frozenset[str] = frozenset()
    """Subjects known to be under age."""
    reachable: int | None = None
    """Distinct subjects the queried party could have reached at all under its rights.
    None: not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KindCount:
    """How much of one record kind was served."""

    kind: str
    records: int
    subjects: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BreachScope:
    """Whose data was reached: every number re-derivable from the window."""

    query: AccessQuery
    subject_refs: tuple[str, ...]
    """Distinct subjects served, sorted. Never printed; notices need them."""
    records: int
    fields: tuple[str, ...]
    minors: int
    entries: int
    """Served entries."""
    denied: int
    """Matching entries that were refused: attempts, not disclosure."""
    proofs_ok: bool
    low: int
    high: int | None
    """None: no upper bound can be stated."""
    partners: tuple[str, ...]
    by_kind: tuple[KindCount, ...]
    highest_grade: Grade | None
    root: bytes
    size: int
    findings: tuple[str, ...]
    """Why ``proofs_ok`` is false or the bounds differ; stable codes."""

    def as_json(self) -> dict[str, Json]:
        """The answer of ``incident scope --json``: counts, never subjects."""
        kinds: Mapping[str, Json] = {
            item.kind: {"records": item.records, "subjects": item.subjects} for item in self.by_kind
        }
        return {
            "subjects": len(self.subject_refs),
            "records": self.records,
            "fields": list(self.fields),
            "minors": self.minors,
            "entries": self.entries,
            "denied": self.denied,
            "proofs_ok": self.proofs_ok,
            "bounds": {"low": self.low, "high": self.high},
            "partners": list(self.partners),
            "by_kind": kinds,
            "highest_grade": None if self.highest_grade is None else int(self.highest_grade),
            "query": self.query.as_json(),
            "root": self.root.hex(),
            "size": self.size,
            "findings": list(self.findings),
        }
