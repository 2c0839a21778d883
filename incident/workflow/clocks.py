"""Which clocks of a case run, which are near, which are late, which are done?

Everything here is derived from facts and an instant; nothing is stored, so the
answer for any past instant can be replayed. A report duty is discharged when each of
its addressees has got a filed document; a closing duty only by closing reports; a duty
to add what was still unknown only once the newest report leaves nothing open. An
action duty is discharged by a proven act. Awareness is what the clocks count from,
and until somebody has graded they run as if at the highest level (provisional).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from incident.duties.applicability import circumstances
from incident.duties.deadlines import Due, duties_due
from incident.duties.load import DischargedBy, DutyLaw, DutyRule, RuleActor
from incident.errors import CaseCannotClose, UnknownWord
from incident.reports.draft import Stage
from incident.reports.filing import Filing
from incident.workflow.case import Case
from incident.workflow.events import CaseEvent, EventKind
from incident.workflow.fold import apply
from shared_kernel.canonical_json import Json
from shared_kernel.instants import in_utc, instant_text

SAME_AS_FIRST = "same_as_first_report"
_WHOLE = 100


class ClockState(StrEnum):
    """How a duty stands at an instant."""

    RUNNING = "running"
    NEAR = "near"
    OVERDUE = "overdue"
    DISCHARGED = "discharged"
    NO_HOURS = "no_hours"
    """The source sets no number, and it is not discharged yet."""
    NOT_STARTED = "not_started"
    """It has a number, but what it counts from has not happened."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """One duty of one case at one instant."""

    case: str
    due: Due
    state: ClockState
    discharged_at: datetime | None
    late: bool
    """Overdue, or discharged after the due instant."""
    provisional: bool
    """The case is not graded: the clock runs as if at the highest level."""

    def as_json(self) -> dict[str, Json]:
        """One line of ``incident status``."""
        due_at = self.due.due_at
        rule = self.due.rule
        return {
            "case": self.case,
            "rule_id": rule.rule_id,
            "recipient": rule.recipient_zh,
            "recipient_en": rule.recipient_en,
            "due_at": None if due_at is None else instant_text(due_at),
            "limit_text": rule.limit_text,
            "state": self.state.value,
            "discharged_at": None
            if self.discharged_at is None
            else instant_text(self.discharged_at),
            "late": self.late,
            "provisional": self.provisional,
            "citation": rule.citation.text(),
            "verified": rule.verified,
        }


def case_duties(law: DutyLaw, case: Case) -> tuple[Due, ...]:
    """Every duty that binds in this case, soonest first."""
    facts = circumstances(
        law.vocabulary,
        operators=case.operators,
        severity=case.assumed_severity,
        flags=case.flags,
    )
    return duties_due(
        law,
        facts,
        aware_at=case.aware_at,
        handled_at=case.handled_at,
        instants=dict(case.instants),
    )


def addressees(rule: DutyRule, dues: Sequence[Due]) -> tuple[str, ...]:
    """Who must be told under a row; 'as the first report' is looked up in the same source."""
    if SAME_AS_FIRST not in rule.addressees:
        return rule.addressees
    first = [
        name
        for due in dues
        if due.rule.source == rule.source and due.rule.limit is not None
        for name in due.rule.addressees
        if name != SAME_AS_FIRST
    ]
    return tuple(dict.fromkeys(first))


def discharged_at(law: DutyLaw, case: Case, due: Due, dues: Sequence[Due]) -> datetime | None:
    """When the duty was fulfilled; None: not yet."""
    rule = due.rule
    if rule.discharged_by is DischargedBy.ACTION:
        done = [item.done_at for item in case.actions if item.rule_id == rule.rule_id]
        return min(done, default=None)
    closing = rule.clock.counted_from == "handled_at"
    filings = [item for item in case.filings if not closing or item.stage is Stage.CLOSING]
    told: list[datetime] = []
    names = addressees(rule, dues)
    follows = SAME_AS_FIRST in rule.addressees
    # Without a limit of its own, a row that follows the first report asks for the rest of it.
    adds = follows and rule.limit is None
    if not names and follows:
        # Nobody got a first report under this source; any document of the stage counts.
        return min(_counting(case, filings, complete=adds), default=None)
    for name in names:
        recipient = law.vocabulary.recipients[name]
        theirs = [item for item in filings if recipient.fulfilled_by((item.recipient,))]
        times = _counting(case, theirs, complete=adds)
        if recipient.fulfilled_by(("individuals",)):
            # Persons are told by notices; a round counts once every notice has arrived.
            times += [item.at for item in case.notice_batches if item.delivered == item.total]
        if not times:
            return None
        told.append(min(times))
    return max(told, default=None)


def _counting(case: Case, filings: Sequence[Filing], *, complete: bool) -> list[datetime]:
    """When documents were handed in; ``complete``: only those since which nothing was open."""
    times: list[datetime] = []
    for item in sorted(filings, key=lambda filing: filing.submitted_at):
        if complete and case.draft(item.draft_id).unknown():
            times.clear()
        else:
            times.append(item.submitted_at)
    return times


def clocks(law: DutyLaw, case: Case, at: datetime, *, near_percent: int) -> tuple[Clock, ...]:
    """Every duty of the case at the instant, soonest first.

    Args:
        law: The rows.
        case: As folded from the events entered up to ``at``.
        at: The instant asked about. At the due instant itself there is still time.
        near_percent: Share of the limit after which a running clock is near.
    """
    now, dues = in_utc(at, "at"), case_duties(law, case)
    found: list[Clock] = []
    for due in dues:
        done = discharged_at(law, case, due, dues)
        state = _state(due, done, now, near_percent)
        found.append(
            Clock(
                case=case.case,
                due=due,
                state=state,
                discharged_at=done,
                late=due.due_at is not None and (done or now) > due.due_at,
                provisional=case.severity is None,
            )
        )
    return tuple(found)


def _state(due: Due, done: datetime | None, now: datetime, near_percent: int) -> ClockState:
    if done is not None:
        return ClockState.DISCHARGED
    if due.rule.limit is None:
        return ClockState.NO_HOURS
    if due.due_at is None or due.starts_at is None:
        return ClockState.NOT_STARTED
    if now > due.due_at:
        return ClockState.OVERDUE
    if (now - due.starts_at) * _WHOLE >= due.rule.limit * near_percent:
        return ClockState.NEAR
    return ClockState.RUNNING


def require_closable(law: DutyLaw, case: Case) -> None:
    """Return if and only if nothing with a limit and no review is still owed.

    Raises:
        CaseCannotClose: lists what is owed. An overdue duty is owed all the same.
    """
    owed: list[str] = []
    if case.severity is None:
        owed.append("a standing grade")
    dues = case_duties(law, case)
    owed += [
        due.rule.rule_id
        for due in dues
        if due.rule.limit is not None
        and due.rule.actor is RuleActor.OPERATOR
        and discharged_at(law, case, due, dues) is None
    ]
    owed += [f"review of {item.draft_id}" for item in case.releases if item.review_owed]
    if owed:
        raise CaseCannotClose(f"still owed: {', '.join(owed)}")


def _require_rule(law: DutyLaw, rule_id: str) -> None:
    known = tuple(rule.rule_id for rule in law.rules)
    if rule_id not in known:
        raise UnknownWord("rule_id", rule_id, known)


def advance(law: DutyLaw, case: Case | None, event: CaseEvent) -> Case:
    """The case after a new event, law included: the door through which events enter.

    Raises:
        IncidentError: the event is illegal, contradicts the case, uses a word that no
            rule knows, or closes a case in which something is owed.
    """
    after = apply(case, event)
    law.vocabulary.require_operators(after.operators)
    law.vocabulary.require_flags(after.flags)
    if event.kind is EventKind.ACTION_PROVEN:
        # A proof under an id that no row has would be kept and discharge nothing.
        _require_rule(law, after.actions[-1].rule_id)
    if event.kind is EventKind.CLOSED:
        require_closable(law, after)
    case_duties(law, after)
    return after
