"""How sensitive is this data, on one ladder for everybody?

Five levels, after the five-level scheme of the health data guide GB/T 39725.
This file only orders the levels; deciding which level a record gets is the work
of ``classification.grading``. Whatever is not graded counts as the highest.
"""

from __future__ import annotations

from enum import IntEnum

from shared_kernel.errors import BadInput


class MalformedGrade(BadInput, ValueError):
    """The value names no level of the ladder."""

    code = "grade.malformed"
    default_hint = "use a whole number from 1 (public) to 5 (strictly limited)"


class Grade(IntEnum):
    """A level of the ladder; higher is more sensitive."""

    PUBLIC = 1
    """May be published."""
    INTERNAL = 2
    """Broad access inside the institution."""
    LIMITED = 3
    """Access by role and project; de-identified data."""
    SENSITIVE = 4
    """Identifiable health data, for those who treat the person."""
    STRICT = 5
    """Special diseases and the like, for the fewest possible."""


STRICTEST = Grade.STRICT


def parse_grade(value: object, field: str) -> Grade:
    """Read a level.

    Raises:
        MalformedGrade: not a whole number on the ladder.
    """
    if isinstance(value, bool) or not isinstance(value, int):
        raise MalformedGrade(f"{field} is not a grade", where=field)
    try:
        return Grade(value)
    except ValueError as error:
        raise MalformedGrade(f"{field} is not a grade (got {value})", where=field) from error
