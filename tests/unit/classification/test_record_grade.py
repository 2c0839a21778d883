"""What nobody has graded counts as the strictest."""

from __future__ import annotations

import pytest

from classification.grading.record_grade import grade_record
from shared_kernel.grades import STRICTEST, Grade


@pytest.mark.parametrize(
    ("kind", "traits", "grade"),
    [
        ("prescription", (), Grade.SENSITIVE),
        ("prescription", ("mental_health",), Grade.STRICT),
        ("telepathy", (), STRICTEST),
        ("prescription", ("telepathy",), STRICTEST),
    ],
)
def test_the_highest_reason_wins(kind: str, traits: tuple[str, ...], grade: Grade) -> None:
    """
    A special category raises a record; an unknown kind or trait is graded strictest.
    """
    decision = grade_record(kind, traits)

    assert decision.grade is grade
    assert decision.reasons
    assert decision.citation.verified is False
