"""Which knobs does delivery have, in which units, with which defaults?"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

_STEPS: Final = (
    timedelta(minutes=5),
    timedelta(minutes=15),
    timedelta(hours=1),
    timedelta(hours=3),
    timedelta(hours=6),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryOptions:
    """Options of the supervision desk."""

    backoff: tuple[timedelta, ...] = _STEPS
    """Waiting times after the first, second, … failed attempt; then the message is given up."""

    lease: timedelta = timedelta(minutes=10)
    """How long a claim holds; must exceed the request's time limit. Older claims are abandoned."""

    batch: int = 200
    """Messages of one delivery round."""

    largest_attachments: int = 20 * 1024 * 1024
    """Bytes of all attachments of a message together."""

    largest_body: int = 2 * 1024 * 1024
    """Bytes of a canonical message."""
