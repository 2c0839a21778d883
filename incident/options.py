"""Which of the incident room's habits may an institution set for itself?

Only internal working habits live here. Hours and days that a law sets are rows
under ``duties/regulations``; nothing here can lengthen them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from incident.errors import MalformedCaseInput

_WHOLE: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentOptions:
    """Internal settings; strict by default."""

    approval_term: timedelta = timedelta(hours=24)
    """How long a personal approval stays good. Ours, not the law's."""

    near_percent: int = 80
    """A clock counts as near when this share of its time has passed."""

    supplement_promise: timedelta = timedelta(hours=72)
    """When what is unknown in a draft is promised, unless the drafter says otherwise.
    Ours: the measures set no hours for supplements."""

    def __post_init__(self) -> None:
        if not 0 < self.near_percent < _WHOLE:
            raise MalformedCaseInput("near_percent lies outside 1..99", where="near_percent")
        for name in ("approval_term", "supplement_promise"):
            if getattr(self, name) <= timedelta(0):
                raise MalformedCaseInput(f"{name} is not a positive length of time", where=name)
