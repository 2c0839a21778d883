"""Which waiting message may be sent next?"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from supervision.outbox.entry import OutboxEntry
from supervision.outbox.pacing import blocked_by
from supervision.outbox.states import FINAL
from supervision.ports import OutboxStore
from supervision.profiles.document import Profile

_CANDIDATES: Final = 20
"""Messages looked at in one query."""


def first_ready(outbox: OutboxStore, profile: Profile, at: datetime) -> OutboxEntry | None:
    """The oldest due message whose predecessors are settled, or nothing.

    Within a resource an unsettled predecessor blocks all younger messages too,
    so a blocked resource is left out of the next query and the search ends.
    """
    pending = outbox.earliest_pending(profile.id)
    blocked: set[str] = set()
    while True:
        newly: set[str] = set()
        for entry in outbox.due(profile.id, at, blocked, _CANDIDATES):
            if blocked_by(entry, profile.mapping(entry.resource).after, pending) is not None:
                newly.add(entry.resource)
            elif _correction_may_go(outbox, entry):
                return entry
        if not newly:
            return None
        blocked |= newly


def _correction_may_go(outbox: OutboxStore, entry: OutboxEntry) -> bool:
    """A correction overtaking what it corrects would be overwritten by it."""
    return entry.corrects is None or outbox.entry(entry.corrects).state in FINAL
