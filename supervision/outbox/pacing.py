"""When may a message be tried again, and which waiting message goes first?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from supervision.outbox.entry import OutboxEntry


def next_attempt_at(steps: tuple[timedelta, ...], attempts: int, at: datetime) -> datetime | None:
    """When to try again after ``attempts`` requests; nothing when the steps are used up."""
    return at + steps[attempts - 1] if 1 <= attempts <= len(steps) else None


def blocked_by(
    entry: OutboxEntry, after: Iterable[str], earliest_pending: Mapping[str, datetime]
) -> str | None:
    """The resource that must be settled first, or nothing.

    A review sent before its visit is refused by the platform, so a message waits
    for every unsettled message of its predecessors that was submitted no later.
    """
    for resource in after:
        first = earliest_pending.get(resource)
        if resource != entry.resource and first is not None and first <= entry.created_at:
            return resource
    return None
