"""What do we know about this case? Exactly what its events say, nothing else.

Models only: the folding is in ``fold``. Facts are stored here; due, overdue and
discharged are functions of a case and an instant (``clocks``).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from incident.errors import DraftNotFound
from incident.reports.draft import Draft
from incident.reports.filing import Filing
from incident.reports.release import Approval, Release
from incident.triage.severity import Severity
from incident.workflow.transitions import State


@dataclass(frozen=True, slots=True, kw_only=True)
class GradeDecision:
    """A person decided a level."""

    seq: int
    severity: Severity
    proposed: Severity | None
    """What the thresholds gave; None: graded by judgement alone."""
    reason: str
    at: datetime
    actor: str
    withdrawn: bool = False
    """Declared mistaken by a second person."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AwarenessFact:
    """An awareness instant that held from some event on."""

    seq: int
    aware_at: datetime
    reason: str | None
    """Why it was corrected; None for the first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScopeFact:
    """What a computed scope said, in counts."""

    seq: int
    at: datetime
    subjects: int
    records: int
    minors: int
    low: int
    high: int | None
    proofs_ok: bool
    fields: tuple[str, ...]
    partners: tuple[str, ...]
    root: str
    """Hex root of the log it was proven against."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProvenAction:
    """An internal act that fulfils a duty, with evidence."""

    rule_id: str
    done_at: datetime
    proof_name: str
    proof_digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeDecision:
    """Are the affected persons told?"""

    notify: bool
    reason: str
    actor: str
    approver: str
    """A second person; never the actor."""
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeBatchFact:
    """One round of notices, in counts; who got them is kept apart."""

    batch_id: str
    draft_id: str
    digest: str
    """Digest of the list of deliveries."""
    at: datetime
    total: int
    delivered: int
    failed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One incident, as the fold of its events."""

    tenant: str
    case: str
    state: State
    last_seq: int
    last_at: datetime
    opened_at: datetime
    opened_by: str
    summary: str
    source: str
    """How it came to us, e.g. ``detection`` or ``partner``."""
    reporter: str
    awareness: tuple[AwarenessFact, ...]
    """Oldest first; earlier ones stay visible."""
    operators: frozenset[str]
    flags: frozenset[str]
    decisions: tuple[GradeDecision, ...] = ()
    scopes: tuple[ScopeFact, ...] = ()
    statements: tuple[tuple[str, str], ...] = ()
    """Report field → text, as stated so far, sorted by field."""
    instants: tuple[tuple[str, datetime], ...] = ()
    """Clock start → exact instant, where somebody stated it."""
    drafts: tuple[Draft, ...] = ()
    approvals: tuple[Approval, ...] = ()
    releases: tuple[Release, ...] = ()
    filings: tuple[Filing, ...] = ()
    actions: tuple[ProvenAction, ...] = ()
    notice_decision: NoticeDecision | None = None
    notice_batches: tuple[NoticeBatchFact, ...] = ()
    handled_at: datetime | None = None
    closed_at: datetime | None = None

    @property
    def aware_at(self) -> datetime:
        """The awareness instant that holds now."""
        return self.awareness[-1].aware_at

    @property
    def severity(self) -> Severity | None:
        """The level that counts: the highest decided and not withdrawn; None: not graded.

        A later, lower decision does not lower it: a duty once owed stays owed. Only a
        withdrawal by a second person removes a mistaken decision.
        """
        standing = [item.severity for item in self.decisions if not item.withdrawn]
        return max(standing, default=None)

    @property
    def assumed_severity(self) -> Severity:
        """The level clocks run at: as if at the top until somebody has graded."""
        return Severity.PARTICULARLY_MAJOR if self.severity is None else self.severity

    def draft(self, draft_id: str) -> Draft:
        """The draft of this id.

        Raises:
            DraftNotFound: there is none.
        """
        for item in self.drafts:
            if item.draft_id == draft_id:
                return item
        raise DraftNotFound("the case has no such draft", where="draft_id")

    def release_of(self, draft_id: str) -> Release | None:
        """The release of a draft, if it was released."""
        return next((item for item in self.releases if item.draft_id == draft_id), None)

    def filing_of(self, draft_id: str) -> Filing | None:
        """The filing of a draft, if it was filed."""
        return next((item for item in self.filings if item.draft_id == draft_id), None)

    def approvals_of(self, draft_id: str) -> tuple[Approval, ...]:
        """The latest approval of each person for a draft."""
        latest = {item.approver: item for item in self.approvals if item.draft_id == draft_id}
        return tuple(latest.values())
