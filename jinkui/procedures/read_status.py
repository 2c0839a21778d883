"""Where does each line of the first page come from?

Reads facts of every room in one transaction and derives the rest at one instant.
Looking writes nothing: a page that reloads itself all night adds no checkpoint.
"""

from __future__ import annotations

import base64
import json
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from incident.workflow.clocks import Clock
from jinkui.procedures.status import CheckState, ClockLine, LogState, OutboxState, Status
from jinkui.wiring.incidents import desk_in
from jinkui.wiring.toolkit import Toolkit
from jinkui.wiring.unit import Unit
from secure_records.audit.checkpoint import parse_checkpoint
from supervision.outbox.states import State

_WAITING: Final = (State.STAGED, State.VALID, State.QUEUED, State.SENDING)
_STUCK: Final = (State.DATA_ERROR, State.CREDENTIAL_ERROR, State.UNKNOWN, State.DEAD)


@dataclass(frozen=True, slots=True, kw_only=True)
class LastVerification:
    """The result of a full verification, as long as the process remembers it."""

    ok: bool
    at: datetime
    size: int
    """Entries that were covered."""


def read_status(toolkit: Toolkit, verified: LastVerification | None) -> Status:
    """How things stand now."""
    note = _newest_note(toolkit)
    with toolkit.reading() as unit:
        clocks = tuple(_line(clock) for clock in desk_in(toolkit, unit, note).status())
        return Status(
            at=toolkit.clock.now(),
            institution=toolkit.tenant,
            institution_name=toolkit.home.institution_name,
            profile=toolkit.home.profile,
            suite=toolkit.home.suite,
            records=unit.records.count(toolkit.tenant),
            clocks=clocks,
            outbox=_outbox(unit),
            check=_check(unit, toolkit.tenant),
            log=_log(unit, verified),
        )


def _newest_note(toolkit: Toolkit) -> str:
    with toolkit.reading() as unit:
        note = unit.log.latest_checkpoint()
    # Only a home without any checkpoint gets one here.
    return note or toolkit.seal_log()


def _line(clock: Clock) -> ClockLine:
    rule = clock.due.rule
    return ClockLine(
        case=clock.case,
        rule_id=rule.rule_id,
        recipient_zh=rule.recipient_zh,
        recipient_en=rule.recipient_en,
        due_at=clock.due.due_at,
        limit_zh=rule.limit_text_zh,
        limit_en=rule.limit_text,
        state=clock.state.value,
        citation=rule.citation.text(),
        verified=rule.verified,
        discharged_at=clock.discharged_at,
        late=clock.late,
        provisional=clock.provisional,
    )


def _outbox(unit: Unit) -> OutboxState:
    counts = unit.outbox.counts()
    receipts = unit.outbox.last_receipt_at()
    return OutboxState(
        accepted=counts.get(State.ACCEPTED, 0),
        waiting=sum(counts.get(state, 0) for state in _WAITING),
        stuck=sum(counts.get(state, 0) for state in _STUCK),
        last_receipt_at=receipts,
    )


def _check(unit: Unit, tenant: str) -> CheckState | None:
    runs = unit.assessments.runs(tenant, limit=1)
    if not runs:
        return None
    newest = runs[0]
    report = json.loads(unit.assessments.run(tenant, newest.run_id).report)["document"]
    outcomes = Counter(str(row["outcome"]) for row in report["items"])
    verdict = report["verdicts"]["2021"]
    return CheckState(
        run_id=newest.run_id,
        at=newest.at,
        conclusion=newest.conclusion,
        passed=outcomes["pass"],
        failed=outcomes["fail"] + outcomes["partial"],
        not_evaluated=outcomes["not_evaluated"] + outcomes["error"],
        score_2021=_range(verdict["score"], verdict.get("score_high")),
    )


def _range(low: object, high: object) -> str:
    """Both ends as long as open items keep them apart: one number would look known."""
    if low is None:
        return "—"
    return str(low) if high in (None, low) else f"{low}–{high}"


def _log(unit: Unit, verified: LastVerification | None) -> LogState:
    latest = unit.audit_store.latest_checkpoint()
    root = b"" if latest is None else parse_checkpoint(latest.note).root
    return LogState(
        size=unit.log.size(),
        checkpoint_size=0 if latest is None else latest.size,
        checkpoint_at=None if latest is None else latest.at,
        verified_ok=None if verified is None else verified.ok,
        verified_at=None if verified is None else verified.at,
        verified_size=None if verified is None else verified.size,
        root=base64.b64encode(root).decode(),
    )
