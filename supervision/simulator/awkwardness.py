"""In which way does the platform misbehave this time?

Real platforms are busy, drop connections after storing, and answer late. A
client that survives the plan survives them. Calm by default; seeded or scripted
plans repeat exactly.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

_THOUSAND: Final = 1000


class Awkwardness(StrEnum):
    """What can go wrong with one request."""

    NONE = "none"
    BUSY = "busy"
    """Refused with the busy code; nothing stored."""

    REJECT_DATA = "reject_data"
    REJECT_CREDENTIALS = "reject_credentials"
    DELAY = "delay"
    """Answered after ``delay_s``."""

    DUPLICATE = "duplicate"
    """The network delivers the request twice."""

    DROP_BEFORE_STORE = "drop_before_store"
    DROP_AFTER_STORE = "drop_after_store"
    """Stored, and the connection ends without a reply."""

    GARBLED_REPLY = "garbled_reply"
    """Stored, and the reply is no JSON."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AwkwardPlan:
    """Decides for the n-th request; pure."""

    script: tuple[Awkwardness, ...] = ()
    """Used in order first; after its end the seed decides."""

    seed: int = 0
    per_thousand: Mapping[Awkwardness, int] = field(default_factory=dict)
    """How many of a thousand requests meet each kind; the rest are calm."""

    delay_s: int = 1

    def kind(self, request: int) -> Awkwardness:
        """What happens to request number ``request`` (from 0)."""
        if request < len(self.script):
            return self.script[request]
        draw = hashlib.sha256(f"{self.seed}|{request}".encode()).digest()
        point = int.from_bytes(draw[:8], "big") % _THOUSAND
        for kind in Awkwardness:
            point -= self.per_thousand.get(kind, 0)
            if point < 0:
                return kind
        return Awkwardness.NONE


CALM: Final = AwkwardPlan()
"""No misbehaviour."""
