"""Who did what, when did it happen and when was it entered?"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from incident.workflow.events import CaseEvent, EventKind
from shared_kernel.canonical_json import Json
from shared_kernel.instants import china_text, instant_text

WORDS: Final[dict[EventKind, tuple[str, str]]] = {
    EventKind.OPENED: ("立案", "opened"),
    EventKind.GRADED: ("定级", "graded"),
    EventKind.GRADE_WITHDRAWN: ("撤回定级", "grade withdrawn"),
    EventKind.AWARENESS_CORRECTED: ("更正获知时间", "awareness corrected"),
    EventKind.CIRCUMSTANCES_AMENDED: ("更正情形", "circumstances amended"),
    EventKind.INSTANT_KNOWN: ("确认起算时间", "clock start stated"),
    EventKind.FACTS_STATED: ("补充事实", "facts stated"),
    EventKind.SCOPED: ("核定影响范围", "scope computed"),
    EventKind.DRAFTED: ("起草", "drafted"),
    EventKind.APPROVED: ("签批", "approved"),
    EventKind.RELEASED: ("签发", "released"),
    EventKind.RELEASE_REVIEWED: ("复核应急签发", "emergency release reviewed"),
    EventKind.FILED: ("报送", "filed"),
    EventKind.RECEIPTED: ("回执", "receipt recorded"),
    EventKind.NOTICE_DECIDED: ("告知决定", "notice decided"),
    EventKind.NOTICES_RECORDED: ("告知个人", "individuals notified"),
    EventKind.ACTION_PROVEN: ("内部措施留证", "action proven"),
    EventKind.HANDLED: ("处置完成", "handling completed"),
    EventKind.NOTED: ("记录", "note"),
    EventKind.CLOSED: ("结案", "closed"),
}
"""Event kind → words in Chinese and English."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelineEntry:
    """One line."""

    seq: int
    event_at: datetime
    entered_at: datetime
    actor: str
    zh: str
    en: str
    note: str | None
    """Reason, text or outcome, where the event has one."""
    manual: bool
    """Entered by hand; system entries cannot be added this way."""

    def as_json(self) -> dict[str, Json]:
        """For ``incident show --json``."""
        return {
            "seq": self.seq,
            "event_at": instant_text(self.event_at),
            "entered_at": instant_text(self.entered_at),
            "china_time": china_text(self.event_at),
            "actor": self.actor,
            "zh": self.zh,
            "en": self.en,
            "note": self.note,
            "manual": self.manual,
        }


def timeline(events: Iterable[CaseEvent]) -> tuple[TimelineEntry, ...]:
    """The events in the order in which they happened; entered order breaks ties."""
    entries: list[TimelineEntry] = []
    for event in events:
        zh, en = WORDS[event.kind]
        note = next(
            (
                value
                for key in ("reason", "text", "outcome", "summary")
                if isinstance(value := event.payload.get(key), str)
            ),
            None,
        )
        entries.append(
            TimelineEntry(
                seq=event.seq,
                event_at=event.event_at,
                entered_at=event.at,
                actor=event.actor,
                zh=zh,
                en=en,
                note=note,
                manual=event.kind is EventKind.NOTED,
            )
        )
    return tuple(sorted(entries, key=lambda item: (item.event_at, item.seq)))
