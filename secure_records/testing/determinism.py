"""Which instant is it, and which bytes come next, so that a test runs twice alike?

Seeded randomness is predictable to everybody: it belongs into tests and into
files of vectors, never into a home.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random
from threading import Lock
from typing import Final

from shared_kernel.instants import in_utc

BEGINNING: Final = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
"""09:00 on a Monday in China."""


class FixedClock:
    """A clock that stands until a test moves it.

    Args:
        at: Where it stands, with an offset.
    """

    def __init__(self, at: datetime = BEGINNING) -> None:
        self._at = in_utc(at, "at")

    def now(self) -> datetime:
        """The instant at which it stands, in UTC."""
        return self._at

    def advance(self, by: timedelta) -> datetime:
        """Move it forward, or back with a negative step; returns the new instant."""
        self._at += by
        return self._at


class SeededEntropy:
    """Bytes that depend on the seed and on how many were asked for before."""

    def __init__(self, seed: int | str = 0) -> None:
        # Predictable on purpose: see the first lines of this file.
        self._random = Random(f"secure_records.testing/{seed}")  # noqa: S311
        self._lock = Lock()

    def __call__(self, count: int, /) -> bytes:
        """The next ``count`` bytes."""
        with self._lock:
            return self._random.randbytes(count)
