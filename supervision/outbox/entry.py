"""What does the outbox keep about one message and each attempt to send it?"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from supervision.outbox.states import State, require_move
from supervision.transport.exchange import PreparedRequest, Reply


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxEntry:
    """One message for one profile."""

    message_id: str
    profile_id: str
    resource: str
    business_key: str
    revision: int
    corrects: str | None
    content_digest: str
    """``sm3:…`` of the content without id and time: the key of idempotency."""

    sm3: str
    """``sm3:…`` of ``message``."""

    message: bytes
    """Canonical message, frozen at submission."""

    state: State
    attempts: int
    """Requests prepared so far; also the fence against a worker that comes back late."""

    next_at: datetime
    """Not claimed before this instant."""

    claimed_until: datetime | None
    note: str | None
    """Last outcome in codes, e.g. ``200/200/-99``; never text from the platform."""

    created_at: datetime
    updated_at: datetime

    def moved(
        self,
        to: State,
        at: datetime,
        *,
        next_at: datetime | None = None,
        claimed_until: datetime | None = None,
        note: str | None = None,
    ) -> OutboxEntry:
        """The entry after one move; the claim ends unless a new one is given.

        Raises:
            IllegalTransition: the table has no such move.
        """
        require_move(self.state, to)
        return replace(
            self,
            state=to,
            attempts=self.attempts + (to is State.SENDING),
            next_at=next_at if next_at is not None else self.next_at,
            claimed_until=claimed_until,
            note=note if note is not None else self.note,
            updated_at=at,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One prepared request and what came back."""

    message_id: str
    number: int
    """From 1."""

    profile_digest: str
    request: PreparedRequest
    sent_at: datetime
    outcome: str | None
    """Nothing while under way; then ``ok``, ``retry``, … or ``not_sent``, ``reply_lost``."""

    reply: Reply | None
    replied_at: datetime | None
