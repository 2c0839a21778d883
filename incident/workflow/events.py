"""What can happen to a case, and in which exact form is it kept?

A case is nothing but its events. An event has two instants: when it happened and
when it was entered; the first may lie earlier, never later. Payloads are canonical
JSON, so a digest of each can stand in the audit log.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from incident.errors import MalformedCaseInput
from shared_kernel.canonical_json import Json, canonical_bytes
from shared_kernel.digests import Digest, sha256
from shared_kernel.instants import parse_instant


class EventKind(StrEnum):
    """Every kind of event."""

    OPENED = "opened"
    GRADED = "graded"
    GRADE_WITHDRAWN = "grade_withdrawn"
    AWARENESS_CORRECTED = "awareness_corrected"
    CIRCUMSTANCES_AMENDED = "circumstances_amended"
    INSTANT_KNOWN = "instant_known"
    FACTS_STATED = "facts_stated"
    SCOPED = "scoped"
    DRAFTED = "drafted"
    APPROVED = "approved"
    RELEASED = "released"
    RELEASE_REVIEWED = "release_reviewed"
    FILED = "filed"
    RECEIPTED = "receipted"
    NOTICE_DECIDED = "notice_decided"
    NOTICES_RECORDED = "notices_recorded"
    ACTION_PROVEN = "action_proven"
    HANDLED = "handled"
    NOTED = "noted"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseEvent:
    """One thing that happened, as kept."""

    tenant: str
    case: str
    seq: int
    """From 1, without holes."""
    at: datetime
    """When it was entered."""
    event_at: datetime
    """When it happened; never after ``at``."""
    actor: str
    kind: EventKind
    payload: Mapping[str, Json]

    def digest(self) -> Digest:
        """Fingerprint of the payload, as it stands in the audit log."""
        return sha256(canonical_bytes(self.payload))


class Payload:
    """Reads a payload by key; refuses what is missing or has another shape."""

    def __init__(self, value: Mapping[str, Json], where: str) -> None:
        self._value = value
        self._where = where

    def _fault(self, key: str, what: str) -> MalformedCaseInput:
        return MalformedCaseInput(f"{self._where}: {key} {what}", where=key)

    def raw(self, key: str) -> Json:
        """The value, which must be there."""
        if key not in self._value:
            raise self._fault(key, "is missing")
        return self._value[key]

    def text(self, key: str) -> str:
        """A text that is not blank."""
        value = self.raw(key)
        if not isinstance(value, str) or not value.strip():
            raise self._fault(key, "is not text")
        return value

    def text_or_none(self, key: str) -> str | None:
        """A text, or null, or absent."""
        return None if self._value.get(key) is None else self.text(key)

    def whole(self, key: str) -> int:
        """A whole number."""
        value = self.raw(key)
        if isinstance(value, bool) or not isinstance(value, int):
            raise self._fault(key, "is not a whole number")
        return value

    def flag(self, key: str) -> bool:
        """A truth value."""
        value = self.raw(key)
        if not isinstance(value, bool):
            raise self._fault(key, "is not true or false")
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of texts."""
        value = self.raw(key)
        if isinstance(value, str) or not isinstance(value, Sequence):
            raise self._fault(key, "is not a list")
        items: list[str] = []
        for item in value:
            if not isinstance(item, str):
                raise self._fault(key, "holds something that is not text")
            items.append(item)
        return tuple(items)

    def instant(self, key: str) -> datetime:
        """An RFC 3339 instant, in UTC."""
        return parse_instant(self.text(key), key)

    def instant_or_none(self, key: str) -> datetime | None:
        """An instant, or null, or absent."""
        return None if self._value.get(key) is None else self.instant(key)

    def child(self, key: str) -> Payload:
        """An object inside."""
        return Payload(self.mapping(key), f"{self._where}.{key}")

    def mapping(self, key: str) -> Mapping[str, Json]:
        """An object inside, raw."""
        value = self.raw(key)
        if not isinstance(value, Mapping):
            raise self._fault(key, "is not an object")
        return value

    def children(self, key: str) -> tuple[Payload, ...]:
        """A list of objects."""
        value = self.raw(key)
        if isinstance(value, str) or not isinstance(value, Sequence):
            raise self._fault(key, "is not a list")
        found: list[Payload] = []
        for number, item in enumerate(value):
            if not isinstance(item, Mapping):
                raise self._fault(f"{key}[{number}]", "is not an object")
            found.append(Payload(item, f"{self._where}.{key}[{number}]"))
        return tuple(found)
