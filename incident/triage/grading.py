"""Which level do these facts reach, by which criterion, and how far is the next?

Any single threshold reached gives its level and the highest wins (thresholds
include the stated number). The answer is a proposal with reasons: the guide's
criteria in words need a person, who may go higher and never lower.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from math import isfinite
from typing import TypeAlias

from incident.errors import MalformedFact, UnknownWord
from incident.triage.guide import GradingGuide, Threshold, guide_at
from incident.triage.severity import Severity
from shared_kernel.canonical_json import SAFE_INTEGER, Json

Measure: TypeAlias = int | float | Decimal
"""A fact's value, in the unit of the metric's rows."""

_WHOLE_UNITS = ("person", "count")
_ALL = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Criterion:
    """A threshold that the facts reach."""

    threshold: Threshold
    value: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """The level the numbers give, and why."""

    severity: Severity
    criteria: tuple[Criterion, ...]
    """For each metric its highest row reached, gravest first. Empty: below all."""
    next_severity: Severity | None
    """None: already at the top."""
    distance: Mapping[str, Decimal] | None
    """Metric given → what is missing to the next level; None at the top. A metric
    without a row at that level is absent."""
    guide: GradingGuide


def grade(guides: tuple[GradingGuide, ...], facts: Mapping[str, Measure], at: datetime) -> Proposal:
    """Propose a level from measured facts, under the guide in force at ``at``.

    Raises:
        UnknownWord: a metric that the guide does not know.
        MalformedFact: negative, not finite, not a number, too large to be exact, a
            fraction of a person, or a share above 100 percent.
        NoRulesInForce: no guide at that instant.
    """
    guide = guide_at(guides, at)
    rows: dict[str, list[Threshold]] = {}
    for row in guide.thresholds:
        rows.setdefault(row.metric, []).append(row)
    measured: dict[str, Decimal] = {}
    for metric, value in facts.items():
        if metric not in rows:
            raise UnknownWord("metric", metric, guide.metrics())
        measured[metric] = _measure(metric, value, rows[metric][0].unit)
    criteria: list[Criterion] = []
    for metric, number in measured.items():
        reached = [row for row in rows[metric] if number >= row.value]
        if reached:
            top = max(reached, key=lambda row: row.severity)
            criteria.append(Criterion(threshold=top, value=number))
    criteria.sort(key=lambda item: (-item.threshold.severity, item.threshold.metric))
    severity = criteria[0].threshold.severity if criteria else Severity.GENERAL
    if severity is Severity.PARTICULARLY_MAJOR:
        following, distance = None, None
    else:
        following = Severity(severity + 1)
        distance = {
            metric: row.value - number
            for metric, number in sorted(measured.items())
            for row in rows[metric]
            if row.severity is following
        }
    return Proposal(
        severity=severity,
        criteria=tuple(criteria),
        next_severity=following,
        distance=distance,
        guide=guide,
    )


def _measure(metric: str, value: object, unit: str) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise MalformedFact(f"{metric} is not a number", where=metric)
    if not isinstance(value, int) and not isfinite(value):
        raise MalformedFact(f"{metric} is not finite", where=metric)
    number = Decimal(str(value))
    if number < 0:
        raise MalformedFact(f"{metric} is negative (got {value})", where=metric)
    if number > SAFE_INTEGER:
        raise MalformedFact(f"{metric} is beyond every count on earth", where=metric)
    if unit in _WHOLE_UNITS and number != number.to_integral_value():
        raise MalformedFact(f"{metric} counts whole units (got {value})", where=metric)
    if unit == "percent" and number > _ALL:
        raise MalformedFact(f"{metric} is a share above 100 percent (got {value})", where=metric)
    return number


def plain_number(value: Decimal) -> int | float:
    """A JSON number: whole where it can be."""
    return int(value) if value == value.to_integral_value() else float(value)


def proposal_json(proposal: Proposal) -> dict[str, object]:
    """The answer of ``incident grade --json``.

    Values may be JSON floats, so this is output only and never signed material.
    """
    distance = proposal.distance
    return {
        "severity": proposal.severity.word,
        "severity_zh": proposal.severity.zh,
        "guide": proposal.guide.version,
        "criteria": [
            {
                "metric": item.threshold.metric,
                "threshold": item.threshold.value,
                "value": plain_number(item.value),
                "unit": item.threshold.unit,
                "severity": item.threshold.severity.word,
                "decides": item.threshold.severity is proposal.severity,
                "subject": item.threshold.subject,
                "citation": item.threshold.citation.text(),
                "verified": item.threshold.citation.verified,
                "note": item.threshold.note,
            }
            for item in proposal.criteria
        ],
        "next": {
            "severity": None if proposal.next_severity is None else proposal.next_severity.word,
            "distance": None
            if distance is None
            else {metric: plain_number(value) for metric, value in distance.items()},
        },
        "qualitative": [
            {
                "severity": "any_listed" if row.severity is None else row.severity.word,
                "zh": row.zh,
                "en": row.en,
                "verified": row.verified,
            }
            for row in proposal.guide.qualitative
        ],
    }


def proposal_record(proposal: Proposal) -> dict[str, Json]:
    """The proposal as a case keeps it: decimals as text, so that it can be digested."""
    return {
        "severity": proposal.severity.word,
        "guide": proposal.guide.version,
        "criteria": [
            {
                "metric": item.threshold.metric,
                "threshold": item.threshold.value,
                "value": str(item.value),
                "verified": item.threshold.citation.verified,
            }
            for item in proposal.criteria
        ],
    }
