"""Until which day must this be kept, and which sentence says so?

Law is data: periods and starting events are rows of
``retention_schedule.yaml``. Pure: the events come in, a day comes out. What has
no starting event has no end: that is refused, never guessed, because a guess
would let something be destroyed.

The answer is a floor. Purpose limitation (个人信息保护法 第十九条) may ask for
deletion afterwards; before it, a request to delete becomes storage only
(第四十七条).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any, Final

import yaml

from secure_records.lifecycle.calendar import Period, last_day
from secure_records.lifecycle.errors import RetentionRefused
from shared_kernel.canonical_json import Json
from shared_kernel.citations import Citation
from shared_kernel.errors import BadInput
from shared_kernel.instants import CHINA, in_utc, parse_instant

_FILE: Final = "retention_schedule.yaml"


@dataclass(frozen=True, slots=True, kw_only=True)
class RetentionRule:
    """One row of the schedule."""

    retention_class: str
    rule: str
    """Stable id of the obligation, e.g. ``IDT-2022-19c``."""

    period: Period
    event: str
    """What starts the clock; of several the last one counts."""

    citation: Citation
    zh: str
    en: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RetentionEvent:
    """Something that happened and may start a clock."""

    event: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RetentionAnswer:
    """The floor and where it comes from."""

    retain_until: date
    """Last calendar day in China on which it must still be kept."""

    rule: RetentionRule

    def as_json(self) -> Mapping[str, Json]:
        """The outward form."""
        return {
            "retain_until": self.retain_until.isoformat(),
            "rule": self.rule.rule,
            "citation": self.rule.citation.text(),
            "verified": self.rule.citation.verified,
            "text": {"zh": self.rule.zh, "en": self.rule.en},
        }


def retain_until(retention_class: str, events: Sequence[RetentionEvent]) -> RetentionAnswer:
    """The last day on which something of this class must still be kept.

    Raises:
        RetentionRefused: unknown class or event name, no event that starts the
            clock, or a day beyond the calendar.
        NaiveInstant: an instant without offset.
    """
    schedule = retention_schedule()
    row = schedule.get(retention_class)
    if row is None:
        raise RetentionRefused(f"class: expected one of {', '.join(schedule)}", where="class")
    known = {each.event for each in schedule.values()}
    for index, event in enumerate(events):
        # A misspelt event must not shorten a period by being overlooked.
        if event.event not in known:
            where = f"events[{index}].event"
            raise RetentionRefused(
                f"{where}: expected one of {', '.join(sorted(known))}", where=where
            )
    starts = [in_utc(event.at, "at") for event in events if event.event == row.event]
    if not starts:
        raise RetentionRefused(
            f"{retention_class} counts from the last {row.event}, and none is given",
            where="events",
        )
    try:
        day = last_day(max(starts).astimezone(CHINA).date(), row.period)
    except OverflowError as error:
        raise RetentionRefused("the period ends beyond the calendar", where="events") from error
    return RetentionAnswer(retain_until=day, rule=row)


def parse_events(value: Json) -> tuple[RetentionEvent, ...]:
    """Read ``[{"event", "at"}]``; other keys are ignored.

    Raises:
        RetentionRefused: another shape.
    """
    if not isinstance(value, Sequence) or isinstance(value, str):
        raise RetentionRefused("events: expected a list", where="events")
    found = []
    for index, item in enumerate(value):
        where = f"events[{index}]"
        event = item.get("event") if isinstance(item, Mapping) else None
        at = item.get("at") if isinstance(item, Mapping) else None
        if not isinstance(event, str) or not isinstance(at, str):
            raise RetentionRefused(f"{where}: expected event and at, both text", where=where)
        try:
            found.append(RetentionEvent(event=event, at=parse_instant(at, f"{where}.at")))
        except BadInput as fault:
            raise RetentionRefused(str(fault), where=fault.where) from fault
    return tuple(found)


@cache
def retention_schedule() -> Mapping[str, RetentionRule]:
    """Every row by class, in the order of the file."""
    text = files("secure_records.lifecycle").joinpath(_FILE).read_text(encoding="utf-8")
    rows = [_rule(row) for row in yaml.safe_load(text)["rows"]]
    return MappingProxyType({row.retention_class: row for row in rows})


def _rule(row: Mapping[str, Any]) -> RetentionRule:
    cited = row["citation"]
    return RetentionRule(
        retention_class=row["class"],
        rule=row["rule"],
        period=Period(**row["period"]),
        event=row["event"],
        citation=Citation(
            law=cited["law"],
            edition=cited["edition"],
            clause=cited["clause"],
            verified=cited["verified"],
        ),
        zh=row["zh"],
        en=row["en"],
    )
