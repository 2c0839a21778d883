"""Every duty row applies exactly when its conditions hold, and is due to the second."""

import json
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest

from incident.duties.applicability import circumstances
from incident.duties.deadlines import duties_due, duty_json
from incident.duties.load import load_law
from incident.triage.severity import parse_severity
from shared_kernel.instants import CHINA

VECTORS = json.loads(Path(__file__).with_name("duties.json").read_text("utf-8"))
AWARE = datetime.fromisoformat(VECTORS["aware_at"])
HANDLED = datetime.fromisoformat(VECTORS["handled_at"])
LAW = load_law()
RULES = pytest.mark.parametrize("vector", VECTORS["rules"], ids=lambda item: item["rule_id"])


def answer(given: dict[str, Any], aware: datetime = AWARE) -> dict[str, dict[str, Any]]:
    facts = circumstances(
        LAW.vocabulary,
        operators=given["operators"],
        severity=parse_severity(given["severity"]),
        flags=given["flags"],
    )
    dues = duties_due(LAW, facts, aware_at=aware, handled_at=max(HANDLED, aware))
    return {due.rule.rule_id: duty_json(LAW, due) for due in dues}


@RULES
def test_duty_applies_when_its_conditions_hold(vector: dict[str, Any]) -> None:
    """
    Under every listed circumstance an active row binds; history and placeholders never do.
    """
    for given in vector["applies"]:
        assert (vector["rule_id"] in answer(given)) is vector["active"], given


@RULES
def test_duty_does_not_apply_when_one_condition_is_missing(vector: dict[str, Any]) -> None:
    """
    Take one flag, kind or level away (or add an excluded flag) and the row no longer binds.
    """
    for given in vector["does_not_apply"]:
        assert vector["rule_id"] not in answer(given), given["why"]


@RULES
def test_duty_is_due_to_the_second_and_says_what_the_law_says(vector: dict[str, Any]) -> None:
    """
    Due instant, recipient, limit, content and both verified marks reach the output.
    """
    if not vector["active"]:
        assert LAW.rule(vector["rule_id"]).verified is vector["verified"]
        return
    duty = answer(vector["applies"][0])[vector["rule_id"]]

    assert duty["due_at"] == vector["due_at"]
    for key in ("recipient", "limit_text", "content", "verified", "article_verified"):
        assert duty[key] == vector[key], key
    assert ("未核实" in duty["citation"]) is not vector["article_verified"]


@RULES
def test_duty_starts_to_bind_on_its_first_day_in_china(vector: dict[str, Any]) -> None:
    """
    A source binds from 00:00 China time of its first day, not a second before.
    """
    if not vector["active"]:
        return
    first = datetime.combine(date.fromisoformat(vector["effective_from"]), time(), CHINA)

    assert vector["rule_id"] in answer(vector["applies"][0], first)
    assert vector["rule_id"] not in answer(vector["applies"][0], first - timedelta(seconds=1))


def test_every_row_has_a_vector() -> None:
    """
    No duty ships without a vector, and none of the vectors is about nothing.
    """
    assert {rule.rule_id for rule in LAW.rules} == {v["rule_id"] for v in VECTORS["rules"]}
    assert len(LAW.rules) == 41
