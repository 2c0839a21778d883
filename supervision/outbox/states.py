"""In which state is a message, and where may it go from there?

``MOVES`` is the whole machine; nothing else moves a message. *Unknown* means
that the request may have arrived: it leaves that state only through a platform
that recognises repeated ids, or by a person's decision.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from supervision.errors import IllegalTransition


class State(StrEnum):
    """How far a message is."""

    STAGED = "staged"
    VALID = "valid"
    QUEUED = "queued"
    SENDING = "sending"
    """Claimed: the request may be on its way."""

    ACCEPTED = "accepted"
    DATA_ERROR = "data_error"
    """The platform (or the packing) refused the content; a person must correct it."""

    CREDENTIAL_ERROR = "credential_error"
    """The platform refused us; the whole profile stops until a person releases it."""

    UNKNOWN = "unknown"
    DEAD = "dead"
    """Given up; stays as evidence."""


MOVES: Final[Mapping[State, frozenset[State]]] = MappingProxyType(
    {
        State.STAGED: frozenset({State.VALID, State.DATA_ERROR}),
        State.VALID: frozenset({State.QUEUED}),
        State.QUEUED: frozenset({State.SENDING, State.DATA_ERROR, State.CREDENTIAL_ERROR}),
        State.SENDING: frozenset(
            {
                State.ACCEPTED,
                State.DATA_ERROR,
                State.CREDENTIAL_ERROR,
                State.UNKNOWN,
                State.QUEUED,
                State.DEAD,
            }
        ),
        State.UNKNOWN: frozenset({State.QUEUED, State.ACCEPTED, State.DEAD}),
        State.CREDENTIAL_ERROR: frozenset({State.QUEUED, State.DEAD}),
        State.ACCEPTED: frozenset(),
        State.DATA_ERROR: frozenset(),
        State.DEAD: frozenset(),
    }
)

FINAL: Final = frozenset(state for state, onward in MOVES.items() if not onward)
"""Nothing happens to these any more."""

PENDING: Final = frozenset(State) - FINAL
"""What a dependent message waits for."""


def require_move(now: State, to: State) -> None:
    """Check one move.

    Raises:
        IllegalTransition: the table has no such move.
    """
    if to not in MOVES[now]:
        raise IllegalTransition(f"a message cannot go from {now} to {to}")
