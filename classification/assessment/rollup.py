"""What is the answer for an item that was looked at on several objects?

GB/T 28448-2019 clause 12: all conform = conform, all fail = not conform,
anything between = partial, nothing applicable = not applicable. An object nobody
evaluated leaves the item not evaluated; its bounds say what it can still become.
"""

from __future__ import annotations

from collections.abc import Sequence

from classification.assessment.models import OPEN_OUTCOMES, Outcome


def rolled_up(outcomes: Sequence[Outcome]) -> Outcome:
    """The item's outcome; a waived one counts as failed here (resolve it before)."""
    applicable = [one for one in outcomes if one is not Outcome.NOT_APPLICABLE]
    if not applicable:
        return Outcome.NOT_APPLICABLE
    if any(one in OPEN_OUTCOMES for one in applicable):
        return Outcome.NOT_EVALUATED
    kinds = set(applicable)
    if kinds == {Outcome.PASS}:
        return Outcome.PASS
    if kinds <= {Outcome.FAIL, Outcome.WAIVED}:
        return Outcome.FAIL
    return Outcome.PARTIAL


def assumed(outcomes: Sequence[Outcome], assumption: Outcome) -> tuple[Outcome, ...]:
    """The outcomes with every open one replaced by ``assumption``."""
    return tuple(assumption if one in OPEN_OUTCOMES else one for one in outcomes)
