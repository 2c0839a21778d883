"""Grading thresholds count from the stated number itself."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from incident.triage.grading import grade
from incident.triage.guide import load_guides
from incident.triage.severity import Severity, parse_severity

VECTORS = json.loads(Path(__file__).with_name("thresholds.json").read_text("utf-8"))
GUIDES = load_guides()
AT = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.mark.parametrize("row", VECTORS, ids=lambda row: f"{row['metric']}-{row['severity']}")
def test_threshold_is_inclusive(row: dict[str, Any]) -> None:
    """
    Exactly the number gives the level; one below it does not (门槛均含本数).
    """
    at_number = grade(GUIDES, {row["metric"]: row["value"]}, AT)
    below = grade(GUIDES, {row["metric"]: row["value"] - 1}, AT)

    assert at_number.severity is parse_severity(row["severity"])
    assert below.severity < at_number.severity
    [criterion] = at_number.criteria
    assert criterion.threshold.citation.verified is row["verified"]
    assert criterion.threshold.unit == row["unit"]


def test_every_shipped_threshold_has_a_vector() -> None:
    """
    The final guide holds exactly the rows of the vectors.
    """
    final = next(guide for guide in GUIDES if guide.version == "final_2025")
    shipped = {(row.severity.word, row.metric, row.value) for row in final.thresholds}

    assert shipped == {(row["severity"], row["metric"], row["value"]) for row in VECTORS}
    assert min(row.severity for row in final.thresholds) is Severity.RELATIVELY_MAJOR
