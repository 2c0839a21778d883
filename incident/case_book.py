"""How is a case read, and how does one event get into it?

Every write goes through ``_write``: rules and law first, then one entry in the audit
log, then the event, all in the caller's transaction. Whatever raises on the way leaves
nothing behind once the caller rolls back. Reading methods write nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from incident.duties.load import DutyLaw
from incident.errors import CaseNotFound, MalformedCaseInput
from incident.notices.deliveries import Delivery
from incident.options import IncidentOptions
from incident.ports import AccessEvidence, CaseStore, Journal, PersonKeys
from incident.reports.compose import Institution
from incident.reports.letters import LetterBook
from incident.triage.guide import GradingGuide
from incident.workflow.case import Case
from incident.workflow.clocks import Clock, advance, clocks
from incident.workflow.events import CaseEvent, EventKind
from incident.workflow.fold import fold
from incident.workflow.timeline import TimelineEntry, timeline
from shared_kernel.canonical_json import Json
from shared_kernel.identifiers import Entropy, require_identifier
from shared_kernel.instants import Clock as NowClock
from shared_kernel.instants import in_utc, instant_text
from shared_kernel.signatures import SignatureVerifier


@dataclass(frozen=True, slots=True, kw_only=True)
class Rulebook:
    """Everything that is data."""

    law: DutyLaw
    guides: tuple[GradingGuide, ...]
    letters: LetterBook


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskPorts:
    """Everything that comes from outside, for one transaction."""

    store: CaseStore
    journal: Journal
    clock: NowClock
    entropy: Entropy
    evidence: AccessEvidence
    verifier: SignatureVerifier
    keys: PersonKeys


class CaseBook:
    """The cases of one institution, within one transaction.

    Args:
        tenant: The institution's identifier in the store.
        institution: Who reports.
        rules: Duty rows, grading guides, letters.
        ports: Store, journal, clock and so on, on the caller's connection.
        options: Internal habits.
    """

    def __init__(
        self,
        *,
        tenant: str,
        institution: Institution,
        rules: Rulebook,
        ports: DeskPorts,
        options: IncidentOptions,
    ) -> None:
        self._tenant = tenant
        self._institution = institution
        self._rules = rules
        self._ports = ports
        self._options = options

    def case(self, case: str, *, at: datetime | None = None) -> Case:
        """The case now, or as it was known at an instant.

        Raises:
            CaseNotFound: no such case (then).
        """
        return fold(self._events(case, at))

    def timeline(self, case: str) -> tuple[TimelineEntry, ...]:
        """Everything that happened, in the order in which it happened."""
        return timeline(self._events(case, None))

    def duties(self, case: str, *, at: datetime | None = None) -> tuple[Clock, ...]:
        """Every duty of a case and how it stands, soonest first."""
        instant = self._now() if at is None else in_utc(at, "at")
        return clocks(
            self._rules.law,
            self.case(case, at=at),
            instant,
            near_percent=self._options.near_percent,
        )

    def status(self, *, at: datetime | None = None) -> tuple[Clock, ...]:
        """Every clock of every open case at an instant, soonest first, null last."""
        found: list[Clock] = []
        for name in self._ports.store.cases(self._tenant):
            events = self._ports.store.events(self._tenant, name, entered_until=at)
            if events and fold(events).closed_at is None:
                found += self.duties(name, at=at)
        return tuple(sorted(found, key=_soonest))

    def deliveries(self, case: str, batch_id: str) -> tuple[Delivery, ...]:
        """Who was told how in one round of notices."""
        return self._ports.store.deliveries(self._tenant, case, batch_id)

    def record(
        self,
        case: str,
        kind: EventKind,
        payload: Mapping[str, Json],
        *,
        actor: str,
        event_at: datetime | None = None,
    ) -> Case:
        """Record one of the plain events, whose payload is its whole meaning.

        Raises:
            MalformedCaseInput: a kind that has its own method here.
        """
        if kind not in _PLAIN:
            raise MalformedCaseInput(f"{kind.value} is not recorded this way", where="kind")
        return self._write(
            case, self.case(case), kind, payload, actor=actor, now=self._now(), event_at=event_at
        )

    def _now(self) -> datetime:
        return in_utc(self._ports.clock.now(), "now")

    def _events(self, case: str, at: datetime | None) -> tuple[CaseEvent, ...]:
        require_identifier(case, "inc", "case")
        events = self._ports.store.events(self._tenant, case, entered_until=at)
        if not events:
            raise CaseNotFound("there is no such case", where="case")
        return events

    def _write(
        self,
        case: str,
        current: Case | None,
        kind: EventKind,
        payload: Mapping[str, Json],
        *,
        actor: str,
        now: datetime,
        event_at: datetime | None = None,
    ) -> Case:
        event = CaseEvent(
            tenant=self._tenant,
            case=case,
            seq=1 if current is None else current.last_seq + 1,
            at=now,
            event_at=now if event_at is None else in_utc(event_at, "event_at"),
            actor=actor,
            kind=kind,
            payload=payload,
        )
        after = advance(self._rules.law, current, event)
        index = self._ports.journal.record(
            f"incident.{kind.value}",
            {
                "case": case,
                "seq": event.seq,
                "event_at": instant_text(event.event_at),
                "payload": str(event.digest()),
            },
            at=now,
            actor=actor,
        )
        self._ports.store.append(event, index)
        return after


_PLAIN = (
    EventKind.GRADE_WITHDRAWN,
    EventKind.AWARENESS_CORRECTED,
    EventKind.CIRCUMSTANCES_AMENDED,
    EventKind.INSTANT_KNOWN,
    EventKind.FACTS_STATED,
    EventKind.RELEASE_REVIEWED,
    EventKind.NOTICE_DECIDED,
    EventKind.ACTION_PROVEN,
    EventKind.HANDLED,
    EventKind.NOTED,
)


_FAR = datetime.max.replace(tzinfo=UTC)


def _soonest(item: Clock) -> tuple[datetime, str, str]:
    return (item.due.due_at or _FAR, item.case, item.due.rule.rule_id)
