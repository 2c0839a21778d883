"""How do a case, its duties and its clocks look on a terminal?"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from incident.duties.deadlines import Due
from incident.workflow.case import Case
from incident.workflow.clocks import Clock
from jinkui.cli.output import print_table
from jinkui.console.pages.status import duration_text
from shared_kernel.canonical_json import Json
from shared_kernel.errors import BadInput
from shared_kernel.instants import china_text, instant_text


class AssignmentMalformed(BadInput):
    """An answer or fact is written FIELD=TEXT."""

    code = "incident.assignment_malformed"
    default_hint = "write for example measures_taken=..."


def assignment(text: str) -> tuple[str, str]:
    """Read ``FIELD=TEXT``.

    Raises:
        AssignmentMalformed: no equals sign or no field.
    """
    name, separator, value = text.partition("=")
    if not separator or not name.strip():
        raise AssignmentMalformed("an answer is FIELD=TEXT")
    return name.strip(), value


def case_document(case: Case) -> dict[str, Json]:
    """The head of a case as JSON."""
    return {
        "case": case.case,
        "state": case.state.value,
        "aware_at": instant_text(case.aware_at),
        "severity": None if case.severity is None else case.severity.word,
        "flags": sorted(case.flags),
        "operators": sorted(case.operators),
    }


def print_duties(dues: Sequence[Due]) -> None:
    """Duties as a table, soonest first."""
    rows = [
        (
            "—" if due.due_at is None else china_text(due.due_at),
            f"{due.rule.recipient_zh} {due.rule.recipient_en}",
            due.rule.limit_text,
            due.rule.citation.text() + ("" if due.rule.verified else " [unverified]"),
            due.rule.rule_id,
        )
        for due in dues
    ]
    print_table("duties", ("due (China)", "recipient", "limit", "basis", "rule"), rows)


def print_clocks(clocks: Sequence[Clock], now: datetime, language: str) -> None:
    """Clocks as a table with what is left."""
    rows = []
    for clock in clocks:
        due, rule = clock.due.due_at, clock.due.rule
        left = "—" if due is None else duration_text(due - now)
        who = rule.recipient_zh if language == "zh" else rule.recipient_en
        when = "—" if due is None else china_text(due)
        rows.append((left, when, who, clock.state.value, rule.citation.text(), rule.rule_id))
    print_table("clocks", ("left", "due (China)", "recipient", "state", "basis", "rule"), rows)
