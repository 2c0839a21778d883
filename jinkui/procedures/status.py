"""How do things stand at this instant, in one sentence and four lists?

What the first page of the console, its JSON twin and `jinkui doctor` show. The
view holds facts; which of them is urgent is computed from the instant given.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from shared_kernel.canonical_json import Json
from shared_kernel.instants import instant_text

_COUNTING: Final = frozenset({"running", "near", "overdue"})


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockLine:
    """One statutory clock of one open case."""

    case: str
    rule_id: str
    recipient_zh: str
    recipient_en: str
    due_at: datetime | None
    """None: the law says "immediately" or "promptly" without a number."""
    limit_zh: str
    limit_en: str
    state: str
    """``running``, ``near``, ``overdue``, ``discharged`` or ``no_hours`` or ``not_started``."""
    citation: str
    verified: bool
    discharged_at: datetime | None = None
    late: bool = False
    """Overdue, or discharged after the due instant."""
    provisional: bool = False
    """The case is not graded yet: the clock runs as if at the highest level."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogState:
    """What is known of the audit log without verifying it anew."""

    size: int
    checkpoint_size: int
    checkpoint_at: datetime | None
    verified_ok: bool | None
    """Result of the last full verification; None: not verified since start."""
    verified_at: datetime | None
    root: str
    """Base 64 of the root at the checkpoint; empty without checkpoint."""
    verified_size: int | None = None
    """Entries that the last full verification covered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckState:
    """The newest self-assessment, if there is one."""

    run_id: str
    at: datetime
    conclusion: str
    passed: int
    failed: int
    not_evaluated: int
    score_2021: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxState:
    """Messages to the platform by state."""

    accepted: int
    waiting: int
    stuck: int
    """In a person's hands: unknown outcome, data or credential error, dead."""
    last_receipt_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """Everything the first page shows."""

    at: datetime
    institution: str
    institution_name: str
    profile: str
    suite: str
    records: int
    clocks: tuple[ClockLine, ...]
    outbox: OutboxState
    check: CheckState | None
    log: LogState

    @property
    def running(self) -> tuple[ClockLine, ...]:
        """Clocks with a due instant that nobody has stopped yet, soonest first."""
        live = [line for line in self.clocks if line.state in _COUNTING and line.due_at]
        return tuple(sorted(live, key=lambda line: (line.due_at or self.at, line.rule_id)))

    @property
    def prompt(self) -> tuple[ClockLine, ...]:
        """Duties without a number of hours that nobody has discharged yet."""
        return tuple(line for line in self.clocks if line.state == "no_hours")

    @property
    def discharged(self) -> tuple[ClockLine, ...]:
        """Duties of open cases that are done, newest first."""
        done = [line for line in self.clocks if line.state == "discharged"]
        return tuple(sorted(done, key=lambda line: line.discharged_at or self.at, reverse=True))

    @property
    def not_started(self) -> tuple[ClockLine, ...]:
        """Duties whose hours count from something that has not happened yet."""
        return tuple(line for line in self.clocks if line.state == "not_started")


def status_document(status: Status) -> Json:
    """The JSON twin of the page."""
    log, outbox, check = status.log, status.outbox, status.check
    return {
        "at": instant_text(status.at),
        "institution": status.institution,
        "institution_name": status.institution_name,
        "profile": status.profile,
        "suite": status.suite,
        "records": status.records,
        "clocks": [
            {
                "case": line.case,
                "rule_id": line.rule_id,
                "recipient": line.recipient_zh,
                "recipient_en": line.recipient_en,
                "due_at": _text(line.due_at),
                "limit_text": line.limit_en,
                "limit_text_zh": line.limit_zh,
                "state": line.state,
                "discharged_at": _text(line.discharged_at),
                "late": line.late,
                "provisional": line.provisional,
                "citation": line.citation,
                "verified": line.verified,
            }
            for line in status.clocks
        ],
        "outbox": {
            "accepted": outbox.accepted,
            "waiting": outbox.waiting,
            "stuck": outbox.stuck,
            "last_receipt_at": _text(outbox.last_receipt_at),
        },
        "check": None
        if check is None
        else {
            "run_id": check.run_id,
            "at": instant_text(check.at),
            "label": "自查 self-assessment",
            "conclusion": check.conclusion,
            "passed": check.passed,
            "failed": check.failed,
            "not_evaluated": check.not_evaluated,
            "score_2021": check.score_2021,
        },
        "log": {
            "size": log.size,
            "checkpoint_size": log.checkpoint_size,
            "checkpoint_at": _text(log.checkpoint_at),
            "root": log.root,
            "verified_ok": log.verified_ok,
            "verified_at": _text(log.verified_at),
            "verified_size": log.verified_size,
        },
    }


def _text(value: datetime | None) -> str | None:
    return None if value is None else instant_text(value)
