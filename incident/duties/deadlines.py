"""When is each report due?

A limit is elapsed time from the instant the row names: hours run through nights,
weekends and holidays. ``PnD`` is n times 24 hours. The Civil Code (art. 201) would
not count the first day and would run to midnight, so elapsed time is never later
than it: of two readings this is the strict one, and China has no clock changes
that could part "30 days" from "30 times 24 hours".

Where the law counts from an instant that only the caller can know (the end of a
rescue, say) it may be given under ``instants``; otherwise awareness stands in for
it, and the answer says that it was assumed. A row without a number has no due
instant: ``due_at`` is null, and no number is invented.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from incident.duties.applicability import Circumstances, applicable
from incident.duties.load import DutyLaw, DutyRule
from incident.errors import MalformedCaseInput, UnknownWord
from shared_kernel.canonical_json import Json
from shared_kernel.instants import in_utc, instant_text

_NEVER = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """One duty and the instant by which it must be fulfilled."""

    rule: DutyRule
    starts_at: datetime | None
    """UTC. None: the clock has not started, or never does."""
    start_assumed: bool
    """True: awareness stands in for the instant that the row names."""
    due_at: datetime | None
    """UTC, inclusive. None: no number in the source, or the clock has not started."""


def duties_due(
    law: DutyLaw,
    facts: Circumstances,
    *,
    aware_at: datetime,
    handled_at: datetime | None = None,
    instants: Mapping[str, datetime] | None = None,
) -> tuple[Due, ...]:
    """Every duty that binds, soonest first, those without a due instant last.

    Args:
        law: The rows.
        facts: Operator kinds, severity, flags. Ask again whenever they change.
        aware_at: When the operator found out. It also picks the law of that day.
        handled_at: When handling was completed; closing reports count from it.
        instants: Exact instants by clock start name, where the caller knows them.

    Raises:
        NaiveInstant: an instant without offset.
        MalformedCaseInput: handling completed before awareness, or a due instant
            beyond the calendar.
        UnknownWord: ``instants`` names no clock start.
    """
    known = {name: in_utc(value, name) for name, value in (instants or {}).items()}
    for name in known:
        if name not in law.vocabulary.clock_starts:
            raise UnknownWord("clock start", name, tuple(law.vocabulary.clock_starts))
    aware = in_utc(aware_at, "aware_at")
    handled = None if handled_at is None else in_utc(handled_at, "handled_at")
    if handled is not None and handled < aware:
        raise MalformedCaseInput("handled_at lies before aware_at", where="handled_at")
    dues = (_due(rule, aware, handled, known) for rule in applicable(law, facts, aware))
    return tuple(sorted(dues, key=lambda due: (due.due_at or _NEVER, due.rule.rule_id)))


def _due(
    rule: DutyRule, aware: datetime, handled: datetime | None, known: Mapping[str, datetime]
) -> Due:
    by_name = {"aware_at": aware, "handled_at": handled, "never": None}
    starts_at = known.get(rule.clock.name, by_name[rule.clock.counted_from])
    assumed = not rule.clock.exact and rule.clock.name not in known
    try:
        due_at = None if starts_at is None or rule.limit is None else starts_at + rule.limit
    except OverflowError as error:
        raise MalformedCaseInput("the due instant lies beyond the calendar") from error
    return Due(rule=rule, starts_at=starts_at, start_assumed=assumed, due_at=due_at)


def duty_json(law: DutyLaw, due: Due) -> dict[str, Json]:
    """One duty as the outward contract prints it, with both languages beside."""
    rule = due.rule
    return {
        "rule_id": rule.rule_id,
        "recipient": rule.recipient_zh,
        "recipient_en": rule.recipient_en,
        "due_at": None if due.due_at is None else instant_text(due.due_at),
        "limit_text": rule.limit_text,
        "limit_text_zh": rule.limit_text_zh,
        "citation": rule.citation.text(),
        "article_verified": rule.citation.verified,
        "verified": rule.verified,
        "content": list(rule.content),
        "content_fields": [
            {
                "set": name,
                "field": item.name,
                "zh": item.zh,
                "en": item.en,
                "verified": item.verified,
            }
            for name in rule.content
            for item in law.content_sets[name]
        ],
        "clock_starts_at": rule.clock.name,
        "starts_at": None if due.starts_at is None else instant_text(due.starts_at),
        "start_assumed": due.start_assumed,
        "status": rule.status.value,
        "actor": rule.actor.value,
        "discharged_by": rule.discharged_by.value,
        "addressees": list(rule.addressees),
        "seen_in": list(rule.seen_in),
        "note": rule.note,
    }


def duties_json(law: DutyLaw, dues: Iterable[Due]) -> dict[str, Json]:
    """The whole answer of ``incident duties --json``."""
    return {"duties": [duty_json(law, due) for due in dues]}
