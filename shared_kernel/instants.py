"""At which instant did it happen, beyond any doubt about offsets?

An instant always carries a UTC offset. It is stored and compared in UTC and
shown to people in China time. Nothing here reads a clock: ``Clock`` is the port
through which an instant enters, and only ``jinkui.system_clock`` implements it
with the real time.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Final, Protocol

from shared_kernel.errors import BadInput

CHINA: Final = timezone(timedelta(hours=8), "Asia/Shanghai")
"""China Standard Time. One zone, no daylight saving since 1991."""

_LONGEST: Final = 40
"""Characters; nanoseconds with an offset fit well within."""


class NaiveInstant(BadInput, ValueError):
    """An instant without a UTC offset cannot be placed on the time line."""

    code = "instant.naive"
    default_hint = "write it with an offset, for example 2026-03-01T09:00:00+08:00"


class MalformedInstant(BadInput, ValueError):
    """The text is no RFC 3339 instant."""

    code = "instant.malformed"
    default_hint = "write it as RFC 3339, for example 2026-03-01T09:00:00+08:00"


class Clock(Protocol):
    """Where the present instant comes from."""

    def now(self) -> datetime:
        """The present instant, with a UTC offset."""
        ...


def in_utc(value: datetime, field: str) -> datetime:
    """The same instant in UTC.

    Raises:
        NaiveInstant: ``value`` has no offset; ``field`` is named in the message.
    """
    if value.utcoffset() is None:
        raise NaiveInstant(f"{field} has no UTC offset (got {value.isoformat()})", where=field)
    return value.astimezone(UTC)


def parse_instant(text: str, field: str) -> datetime:
    """Read RFC 3339 text as an instant in UTC.

    Raises:
        MalformedInstant: not a date-time at all.
        NaiveInstant: a date-time without offset.
    """
    if len(text) > _LONGEST or "T" not in text.upper():
        raise MalformedInstant(f"{field} is not an RFC 3339 instant", where=field)
    try:
        value = datetime.fromisoformat(text)
        return in_utc(value, field)
    except OverflowError as error:
        raise MalformedInstant(f"{field} lies outside the calendar", where=field) from error
    except NaiveInstant:
        raise
    except ValueError as error:
        raise MalformedInstant(f"{field} is not an RFC 3339 instant", where=field) from error


def instant_text(value: datetime) -> str:
    """RFC 3339 text in UTC, e.g. ``2026-03-01T01:00:00Z``; microseconds only if present."""
    return in_utc(value, "instant").isoformat().replace("+00:00", "Z")


def china_text(value: datetime) -> str:
    """What a person in China reads, to the second: ``2026-03-01 09:00:00``."""
    return in_utc(value, "instant").astimezone(CHINA).strftime("%Y-%m-%d %H:%M:%S")
