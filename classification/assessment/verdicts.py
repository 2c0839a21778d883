"""What do the results mean under the 2021 template and under the 2025 template?

2021 is a deduction method: each side starts with its share of 100 and loses
``factor × (1 − x) × 100/n`` for every applicable item. 2025 is a conformity rate
with two limits and a count of major risks. What nobody evaluated is taken once
as failed and once as conforming; a conclusion is given only when both agree.

All arithmetic is exact (fractions); the sources of both rules are secondary or
partly inferred, see ``divergences`` in the room's README. Tier limits are the
template's own and stand in ``template_limits.yaml`` with their flags.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from classification.assessment.models import OPEN_OUTCOMES, Outcome
from classification.assessment.results_input import Scored
from classification.assessment.rollup import assumed, rolled_up
from classification.assessment.template_limits import template_limits
from classification.assessment.verdict_settings import VerdictSettings
from classification.catalogue.models import Importance, Side
from shared_kernel.canonical_json import Json

CONFORM: Final = "符合"
BASIC: Final = "基本符合"
NOT_CONFORM: Final = "不符合"
UNDETERMINED: Final = "undetermined"
NO_CONCLUSION: Final = "no conclusion"
_ORDER: Final = (Importance.GENERAL, Importance.IMPORTANT, Importance.KEY)
_WORDS: Final = {"conform": CONFORM, "basic": BASIC, "not_conform": NOT_CONFORM}
_HUNDRED: Final = Fraction(100)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict2021:
    """Score of the 2021 template, only a trend number today."""

    score: Fraction | None
    """Lower bound: what is not evaluated counts as failed. None: nothing applicable."""
    score_high: Fraction | None
    """What is not evaluated counts as conforming."""
    grade: str
    """优, 良, 中, 差; ``undetermined`` when the bounds disagree; ``no conclusion``."""
    technical: Fraction | None
    management: Fraction | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict2025:
    """Conclusion of the 2025 template, in force for reports dated after 2025-03-20."""

    rate_low: Fraction | None
    """0 to 1; what is not evaluated counts as failed. None: nothing applicable."""
    rate_high: Fraction | None
    major_risks: int
    """Confirmed ones."""
    major_risks_proposed: int
    """Proposed by the catalogue and waiting for a person."""
    high_risks: int
    """Items with a high risk; since 2025 they do not decide the conclusion."""
    conclusion: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdicts:
    """Both, from one set of results."""

    v2021: Verdict2021
    v2025: Verdict2025
    counts: Mapping[str, int]
    """Items by rolled-up outcome."""


class _Item:
    """All results of one item."""

    def __init__(self, rows: Sequence[Scored]) -> None:
        self.outcomes = tuple(row.outcome for row in rows)
        self.side = rows[0].side
        # rows that disagree about the weight: the heavier one costs more and is taken
        self.importance = max((row.importance for row in rows), key=_ORDER.index)
        self.rolled = rolled_up(self.outcomes)

    def bound(self, assumption: Outcome, settings: VerdictSettings) -> tuple[Outcome, ...]:
        """Outcomes per object with the open ones assumed."""
        whole = settings.choice("undetermined") == "item"
        if whole and self.rolled is Outcome.NOT_EVALUATED:
            return (assumption,)
        return assumed(self.outcomes, assumption)


def both_verdicts(results: Sequence[Scored], settings: VerdictSettings) -> Verdicts:
    """Judge the results under both templates; the base is exactly the items given."""
    grouped: dict[str, list[Scored]] = {}
    for row in results:
        grouped.setdefault(row.item, []).append(row)
    items = [_Item(rows) for rows in grouped.values()]
    counts = {
        outcome.value: sum(1 for item in items if item.rolled is outcome)
        for outcome in Outcome
        if outcome not in {Outcome.ERROR, Outcome.WAIVED}
    }
    return Verdicts(
        v2021=_judge_2021(items, results, settings),
        v2025=_judge_2025(items, results, settings),
        counts=counts,
    )


# --- 2025 ---------------------------------------------------------------------------


def _judge_2025(
    items: Sequence[_Item], results: Sequence[Scored], settings: VerdictSettings
) -> Verdict2025:
    low = _rate(items, Outcome.FAIL, settings)
    high = _rate(items, Outcome.PASS, settings)
    by_item = settings.choice("major_risk_unit") == "item"
    confirmed = {
        row.item if by_item else (row.item, row.object) for row in results if row.major_risk
    }
    proposed = {
        row.item if by_item else (row.item, row.object)
        for row in results
        if row.major_risk_proposed
    } - confirmed
    if low is None or high is None:
        conclusion = NO_CONCLUSION
    else:
        worst = _conclusion(low, len(confirmed) + len(proposed), settings)
        best = _conclusion(high, len(confirmed), settings)
        conclusion = worst if worst == best else UNDETERMINED
    return Verdict2025(
        rate_low=low,
        rate_high=high,
        major_risks=len(confirmed),
        major_risks_proposed=len(proposed),
        high_risks=len({row.item for row in results if row.high_risk}),
        conclusion=conclusion,
    )


def _rate(
    items: Sequence[_Item], assumption: Outcome, settings: VerdictSettings
) -> Fraction | None:
    per_object = settings.choice("rate_unit") == "object"
    units: list[Outcome] = []
    for item in items:
        outcomes = item.bound(assumption, settings)
        units.extend(outcomes if per_object else [rolled_up(outcomes)])
    base = [unit for unit in units if unit is not Outcome.NOT_APPLICABLE]
    if not base:
        return None
    partial = settings.fraction("partial_2025")
    value = {Outcome.PASS: Fraction(1), Outcome.PARTIAL: partial}
    return sum((value.get(unit, Fraction(0)) for unit in base), Fraction(0)) / len(base)


def _conclusion(rate: Fraction, major_risks: int, settings: VerdictSettings) -> str:
    limits = template_limits()
    if rate > limits.upper or (rate == limits.upper and settings.choice("at_90") == "conform"):
        return BASIC if major_risks else CONFORM
    if rate < limits.lower:
        return NOT_CONFORM
    if rate == limits.lower:
        return _WORDS[settings.choice("at_60")]
    return BASIC


# --- 2021 ---------------------------------------------------------------------------


def _judge_2021(
    items: Sequence[_Item], results: Sequence[Scored], settings: VerdictSettings
) -> Verdict2021:
    low = _score(items, Outcome.FAIL, settings)
    high = _score(items, Outcome.PASS, settings)
    if low is None or high is None:
        return Verdict2021(
            score=None, score_high=None, grade=NO_CONCLUSION, technical=None, management=None
        )
    high_risk = any(row.high_risk for row in results)
    # what nobody looked at may hide a problem, so the lower bound counts it as one
    flagged = any(row.medium_risk for row in results)
    strict = settings.choice("unrated_problem") == "medium"
    seen = {row.outcome for row in results}
    problems = bool(seen & {Outcome.PARTIAL, Outcome.FAIL})
    worst_medium = flagged or (strict and (problems or bool(seen & OPEN_OUTCOMES)))
    worst = _grade(sum(low, Fraction(0)), high=high_risk, medium=worst_medium)
    best = _grade(sum(high, Fraction(0)), high=high_risk, medium=flagged or (strict and problems))
    return Verdict2021(
        score=sum(low, Fraction(0)),
        score_high=sum(high, Fraction(0)),
        grade=worst if worst == best else UNDETERMINED,
        technical=low[0],
        management=low[1],
    )


def _score(
    items: Sequence[_Item], assumption: Outcome, settings: VerdictSettings
) -> tuple[Fraction, Fraction] | None:
    """Technical and management part, each with its floor at 0."""
    applicable = [
        (item, outcomes)
        for item in items
        if rolled_up(outcomes := item.bound(assumption, settings)) is not Outcome.NOT_APPLICABLE
    ]
    if not applicable:
        return None
    unit = _HUNDRED / len(applicable)
    share = settings.fraction("technical_weight")
    parts = {Side.TECHNICAL: _HUNDRED * share, Side.MANAGEMENT: _HUNDRED * (1 - share)}
    for item, outcomes in applicable:
        factor = settings.fraction(f"factor_{item.importance.value}")
        parts[item.side] -= factor * (1 - _value_2021(outcomes, settings)) * unit
    zero = Fraction(0)
    return max(zero, parts[Side.TECHNICAL]), max(zero, parts[Side.MANAGEMENT])


def _value_2021(outcomes: Sequence[Outcome], settings: VerdictSettings) -> Fraction:
    partial = settings.fraction("partial_2021")
    value = {Outcome.PASS: Fraction(1), Outcome.PARTIAL: partial}
    if settings.choice("objects_2021") == "rule":
        return value.get(rolled_up(outcomes), Fraction(0))
    counted = [one for one in outcomes if one is not Outcome.NOT_APPLICABLE]
    return sum((value.get(one, Fraction(0)) for one in counted), Fraction(0)) / len(counted)


def _grade(score: Fraction, *, high: bool, medium: bool) -> str:
    limits = template_limits()
    if high:
        return limits.worst
    for tier in limits.tiers:
        if score >= tier.at_least and not (medium and tier.without_medium):
            return tier.name
    return limits.worst


# --- as JSON ------------------------------------------------------------------------


def exact_json(verdicts: Verdicts) -> Mapping[str, Json]:
    """For signed material: decimals as text rounded down, rates also as ``n/d``."""
    old, new = verdicts.v2021, verdicts.v2025
    return {
        "2021": {
            "score": _decimal(old.score, 2),
            "score_high": _decimal(old.score_high, 2),
            "grade": old.grade,
            "technical": _decimal(old.technical, 2),
            "management": _decimal(old.management, 2),
        },
        "2025": {
            "rate_low": _decimal(new.rate_low, 4),
            "rate_high": _decimal(new.rate_high, 4),
            "rate_low_exact": None if new.rate_low is None else str(new.rate_low),
            "rate_high_exact": None if new.rate_high is None else str(new.rate_high),
            "major_risks": new.major_risks,
            "major_risks_proposed": new.major_risks_proposed,
            "high_risks": new.high_risks,
            "conclusion": new.conclusion,
        },
        "counts": dict(verdicts.counts),
    }


def plain_numbers(verdicts: Verdicts) -> Mapping[str, object]:
    """For standard output of ``assess verdict`` and ``assess run``: numbers as numbers."""
    old, new = verdicts.v2021, verdicts.v2025
    return {
        "2021": {
            "score": _float(old.score),
            "score_high": _float(old.score_high),
            "grade": old.grade,
            "technical": _float(old.technical),
            "management": _float(old.management),
        },
        "2025": {
            "rate_low": _float(new.rate_low),
            "rate_high": _float(new.rate_high),
            "major_risks": new.major_risks,
            "major_risks_proposed": new.major_risks_proposed,
            "high_risks": new.high_risks,
            "conclusion": new.conclusion,
        },
        "counts": dict(verdicts.counts),
    }


def _float(value: Fraction | None) -> float | None:
    return None if value is None else float(value)


def _decimal(value: Fraction | None, places: int) -> str | None:
    """Decimal text, rounded down so that a printed figure never passes a limit it missed."""
    if value is None:
        return None
    scaled = value * 10**places // 1
    whole, rest = divmod(scaled, 10**places)
    return f"{whole}.{rest:0{places}d}"
