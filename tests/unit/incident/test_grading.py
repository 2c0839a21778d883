"""Grading proposes the level that the facts reach, with reasons and distance."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from incident.errors import MalformedFact, NoRulesInForce, UnknownWord
from incident.triage.grading import grade, proposal_json
from incident.triage.guide import load_guides
from incident.triage.severity import Severity

GUIDES = load_guides()
AT = datetime(2026, 3, 1, tzinfo=UTC)


def test_nothing_reached_is_general_with_the_distance() -> None:
    """
    Below every threshold the level is general, and the answer says how far the next is.
    """
    answer = proposal_json(grade(GUIDES, {"pi_leaked_persons": 999_999}, AT))

    assert answer["severity"] == "general"
    assert answer["criteria"] == []
    assert answer["next"] == {
        "severity": "relatively_major",
        "distance": {"pi_leaked_persons": 1},
    }


def test_highest_of_several_hits_wins() -> None:
    """
    Several thresholds hit: the highest level is taken, each criterion is listed.
    """
    facts = {"direct_economic_loss": 5_000_000, "pi_leaked_persons": 10_000_000}
    answer = proposal_json(grade(GUIDES, facts, AT))

    assert answer["severity"] == "major"
    assert [(c["metric"], c["decides"]) for c in answer["criteria"]] == [  # type: ignore[index,attr-defined]
        ("pi_leaked_persons", True),
        ("direct_economic_loss", False),
    ]


def test_top_level_has_no_next() -> None:
    """
    At the top there is no next level and no distance.
    """
    answer = proposal_json(grade(GUIDES, {"pi_leaked_persons": 100_000_000}, AT))
    assert answer["next"] == {"severity": None, "distance": None}


def test_unverified_threshold_is_marked() -> None:
    """
    A number nobody has seen in the final text is never shown as law.
    """
    answer = proposal_json(grade(GUIDES, {"cii_full_outage_duration": 60}, AT))
    [criterion] = answer["criteria"]  # type: ignore[misc]
    assert criterion["verified"] is False
    assert "未核实" in criterion["citation"]


@pytest.mark.parametrize("value", [-1, -0.5, float("nan"), float("inf"), True, "9", None])
def test_value_that_is_no_measure_is_refused(value: object) -> None:
    """
    Negative, not finite or not a number: refused, nothing is graded.
    """
    with pytest.raises(MalformedFact):
        grade(GUIDES, {"direct_economic_loss": value}, AT)  # type: ignore[dict-item]


@pytest.mark.parametrize(
    ("metric", "value"), [("pi_leaked_persons", 1.5), ("affected_population_share_province", 101)]
)
def test_value_impossible_in_its_unit_is_refused(metric: str, value: float) -> None:
    """
    There is no half person and no share above the whole.
    """
    with pytest.raises(MalformedFact):
        grade(GUIDES, {metric: value}, AT)


def test_unknown_metric_is_refused_with_the_known_ones() -> None:
    """
    A metric of the draft only, or a misspelt one, is no metric.
    """
    with pytest.raises(UnknownWord, match="pi_leaked_persons"):
        grade(GUIDES, {"portal_unreachable_duration": 9999}, AT)


def test_draft_guide_is_never_applied() -> None:
    """
    Before the measures were in force there is no guide; the draft does not stand in.
    """
    with pytest.raises(NoRulesInForce):
        grade(GUIDES, {}, datetime(2025, 10, 31, 15, 59, 59, tzinfo=UTC))
    assert grade(GUIDES, {}, datetime(2025, 10, 31, 16, tzinfo=UTC)).severity is Severity.GENERAL


def test_decimal_values_keep_their_exact_value() -> None:
    """
    A cent below the threshold is below the threshold.
    """
    below = grade(GUIDES, {"direct_economic_loss": Decimal("4999999.99")}, AT)
    assert below.severity is Severity.GENERAL
    assert below.distance == {"direct_economic_loss": Decimal("0.01")}
