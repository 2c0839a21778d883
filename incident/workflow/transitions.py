"""Which event may follow in which state? Nothing else moves a case.

Two rules. The table below is the only thing that changes a state, and an event that
it does not list raises and changes nothing. States say how far the case as a whole
has come; what each single document still lacks is checked on the document itself
(a draft is filed only if it was released, whatever the state says).
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from incident.errors import IllegalStep
from incident.workflow.events import EventKind as E  # the table must stay readable


class State(StrEnum):
    """How far a case has come."""

    OPENED = "opened"
    """Awareness recorded; clocks run provisionally as if at the highest level."""
    GRADED = "graded"
    SCOPED = "scoped"
    DRAFTING = "drafting"
    RELEASED = "released"
    FILED = "filed"
    CLOSING = "closing"
    """Handling is completed; the closing report is due."""
    CLOSED = "closed"


_ALWAYS: Final = (
    E.GRADE_WITHDRAWN,
    E.AWARENESS_CORRECTED,
    E.CIRCUMSTANCES_AMENDED,
    E.INSTANT_KNOWN,
    E.FACTS_STATED,
    E.NOTICE_DECIDED,
    E.ACTION_PROVEN,
    E.NOTED,
)
"""Recorded in every open state without moving it."""

_DOCUMENTS: Final = (E.APPROVED, E.RELEASE_REVIEWED, E.RECEIPTED, E.NOTICES_RECORDED)
"""Recorded without moving the state, once there are drafts."""


def _row(state: State, stays: tuple[E, ...], moves: Mapping[E, State]) -> Mapping[E, State]:
    return {**dict.fromkeys(stays, state), **moves}


TRANSITIONS: Final[Mapping[State | None, Mapping[E, State]]] = {
    None: {E.OPENED: State.OPENED},
    State.OPENED: _row(State.OPENED, (*_ALWAYS, E.SCOPED), {E.GRADED: State.GRADED}),
    State.GRADED: _row(
        State.GRADED,
        (*_ALWAYS, E.GRADED),
        {E.SCOPED: State.SCOPED, E.DRAFTED: State.DRAFTING, E.HANDLED: State.CLOSING},
    ),
    State.SCOPED: _row(
        State.SCOPED,
        (*_ALWAYS, E.GRADED, E.SCOPED),
        {E.DRAFTED: State.DRAFTING, E.HANDLED: State.CLOSING},
    ),
    State.DRAFTING: _row(
        State.DRAFTING,
        (*_ALWAYS, *_DOCUMENTS, E.GRADED, E.SCOPED, E.DRAFTED),
        {E.RELEASED: State.RELEASED, E.FILED: State.FILED, E.HANDLED: State.CLOSING},
    ),
    State.RELEASED: _row(
        State.RELEASED,
        (*_ALWAYS, *_DOCUMENTS, E.GRADED, E.SCOPED, E.RELEASED),
        {E.DRAFTED: State.DRAFTING, E.FILED: State.FILED, E.HANDLED: State.CLOSING},
    ),
    State.FILED: _row(
        State.FILED,
        (*_ALWAYS, *_DOCUMENTS, E.GRADED, E.SCOPED, E.FILED),
        {E.DRAFTED: State.DRAFTING, E.RELEASED: State.RELEASED, E.HANDLED: State.CLOSING},
    ),
    State.CLOSING: _row(
        State.CLOSING,
        (*_ALWAYS, *_DOCUMENTS, E.GRADED, E.SCOPED, E.DRAFTED, E.RELEASED, E.FILED),
        {E.CLOSED: State.CLOSED},
    ),
    State.CLOSED: _row(State.CLOSED, (E.RECEIPTED, E.NOTED), {}),
}
"""State → event → state after it. None: the case does not exist yet."""


def next_state(state: State | None, kind: E) -> State:
    """Where the event leads.

    Raises:
        IllegalStep: the table does not list it.
    """
    allowed = TRANSITIONS[state]
    if kind not in allowed:
        names = ", ".join(sorted(allowed)) or "nothing"
        raise IllegalStep(
            f"{kind.value} is not possible in state {state.value if state else 'none'}"
            f" (possible: {names})",
            where="state",
        )
    return allowed[kind]
