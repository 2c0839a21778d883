"""An official evaluation is complete, consistent, and never made from a self-assessment."""

from __future__ import annotations

import json
from typing import Any

import pytest

from classification.assessment.official_evaluation import (
    OFFICIAL_FORMAT,
    official_evaluation,
    parse_official_evaluation,
)
from classification.errors import OfficialEvaluationRefused

GOOD: dict[str, Any] = {
    "format": OFFICIAL_FORMAT,
    "body": "某省信息安全测评中心（示例）",
    "certificate_number": "SC000000000000000",
    "filing_number": "35000000000-00000",
    "system": "示例互联网医院",
    "level": 3,
    "template": "2025",
    "conclusion": "基本符合",
    "major_risks": 10,
    "major_risks_repaired": 5,
    "high_risks": 1,
    "medium_risks": 6,
    "low_risks": 14,
    "onsite_from": "2026-02-01",
    "onsite_to": "2026-02-07",
    "report_number": "35000000000-00000-26-0000-01【2025版】",
    "report_date": "2026-03-01",
    "valid_until": "2027-03-01",
    "report_sm3": "sm3:" + "ab" * 32,
}


def test_a_complete_description_reads_back_unchanged() -> None:
    """
    What was typed from the signed report is what is stored and reported.
    """
    read = parse_official_evaluation(json.dumps(GOOD))

    assert official_evaluation(read.to_json()) == read


@pytest.mark.parametrize("key", sorted(GOOD))
def test_nothing_may_be_missing(key: str) -> None:
    """
    A half-described evaluation is none; the missing field is named.
    """
    with pytest.raises(OfficialEvaluationRefused, match=key):
        official_evaluation({k: v for k, v in GOOD.items() if k != key})


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"format": "jinkui-assessment/1"}, "self-assessment is not accepted"),
        ({"conclusion": "优"}, "none of the 2025 template"),
        ({"conclusion": "undetermined"}, "none of the 2025 template"),
        ({"level": True}, "level"),
        ({"level": 6}, "level"),
        ({"template": "2021", "conclusion": "良"}, "must be 2025 for reports after"),
        ({"valid_until": "2026-03-01"}, "must lie after"),
        ({"report_date": "01.03.2026"}, "must be a date"),
        ({"major_risks_repaired": 11}, "larger than major_risks"),
        ({"major_risks": -1}, "whole number"),
        ({"report_sm3": "sha256:" + "ab" * 32}, "SM3 digest"),
        ({"report_sm3": "ab" * 32}, "sm3:"),
        ({"score": "90"}, "only in the 2021 template"),
        ({"body": " "}, "body must be text"),
        ({"label": "x"}, "not a field"),
    ],
)
def test_contradictions_are_refused(change: dict[str, Any], complaint: str) -> None:
    """
    Template, conclusion, dates and digest must fit each other.
    """
    with pytest.raises(OfficialEvaluationRefused, match=complaint):
        official_evaluation({**GOOD, **change})


@pytest.mark.parametrize(
    ("score", "ok"),
    [
        ("84.25", True),
        ("100", True),
        ("100.00", True),
        ("0", True),
        (".5", False),
        ("5.", False),
        (".", False),
        ("1.2.3", False),
        ("٥", False),
        ("9" * 200, False),
        ("100.01", False),
        ("100.5", False),
        ("x", False),
        ("84.255", False),
        ("-1", False),
    ],
)
def test_a_2021_evaluation_has_a_score(score: str, ok: bool) -> None:
    """
    The 2021 template states points from 0 to 100 and no major risks.
    """
    old = {
        **GOOD,
        "template": "2021",
        "conclusion": "良",
        "score": score,
        "major_risks": None,
        "major_risks_repaired": None,
        "onsite_from": "2024-04-01",
        "onsite_to": "2024-04-08",
        "report_date": "2024-05-01",
    }
    if ok:
        assert official_evaluation(old).score == score
    else:
        with pytest.raises(OfficialEvaluationRefused):
            official_evaluation(old)
