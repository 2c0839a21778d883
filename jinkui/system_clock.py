"""What time is it, really?

The one file that reads the system clock. Everything else receives a ``Clock``.
"""

from __future__ import annotations

from datetime import UTC, datetime
from time import perf_counter


class SystemClock:
    """The machine's clock, in UTC."""

    def now(self) -> datetime:
        """The present instant."""
        return datetime.now(UTC)


def stopwatch() -> float:
    """Seconds on a monotonic clock; only differences mean anything."""
    return perf_counter()
