"""What do these facts say about every item of the catalogue?

Pure: the same facts, catalogue, rules and settings give the same assessment byte
for byte, today and in ten years. Every item of the catalogue appears; an item no
rule can see is ``not_evaluated`` and says what evidence is wanted.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from classification.assessment.grammar import FactOfWrongType, holds
from classification.assessment.models import (
    OPEN_OUTCOMES,
    CheckResult,
    ItemResult,
    Outcome,
)
from classification.assessment.results_input import Scored
from classification.assessment.rollup import rolled_up
from classification.assessment.rule_book import Check, Rule, RuleBook
from classification.assessment.verdict_settings import VerdictSettings, settings_from
from classification.assessment.verdicts import Verdicts, both_verdicts
from classification.catalogue.models import Catalogue, ControlItem
from classification.facts.models import FactsDocument, ObjectFacts, ObjectKind
from shared_kernel.canonical_json import Json

NO_OBJECT: Final = "-"
_SHOWN: Final = 120
"""Characters of a fact that a result repeats; the facts file holds the whole."""
_ROLES: Final = {ObjectKind.HOST: "server", ObjectKind.DAEMON: "application"}
"""Kinds of objects of ``default_objects`` that ours stand for."""
_MET: Final = frozenset({Outcome.PASS, Outcome.NOT_APPLICABLE})


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """How much of the standard the verdict rests on; always printed beside it."""

    items: int
    evaluated: int
    """Items with an outcome on every object in question."""
    partly_evaluated: int
    """Items answered on some object while another object is open."""
    not_evaluated: int
    objects: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Assessment:
    """The judgement over one facts document."""

    results: tuple[ItemResult, ...]
    rolled: Mapping[str, Outcome]
    """Item to outcome over all its objects."""
    coverage: Coverage
    verdicts: Verdicts
    settings: VerdictSettings


def run_settings(given: Mapping[str, str] | None = None) -> VerdictSettings:
    """Settings for our own runs: an unrated problem counts as a medium risk."""
    return settings_from({"unrated_problem": "medium", **(given or {})})


def judge(
    facts: FactsDocument,
    catalogue: Catalogue,
    rules: RuleBook,
    settings: VerdictSettings | None = None,
) -> Assessment:
    """Judge every item on every object that can show something about it."""
    chosen = run_settings() if settings is None else settings
    results: list[ItemResult] = []
    rolled: dict[str, Outcome] = {}
    mixed = 0
    for item in catalogue.items:
        mine = _of_item(item, facts.objects, rules)
        results.extend(mine)
        rolled[item.id] = rolled_up([result.outcome for result in mine])
        states = {result.outcome in OPEN_OUTCOMES for result in mine}
        mixed += states == {True, False}
    opened = sum(1 for outcome in rolled.values() if outcome is Outcome.NOT_EVALUATED)
    return Assessment(
        results=tuple(results),
        rolled=rolled,
        coverage=Coverage(
            items=len(rolled),
            evaluated=len(rolled) - opened,
            partly_evaluated=mixed,
            not_evaluated=opened - mixed,
            objects=len(facts.objects),
        ),
        verdicts=both_verdicts(_scored(results, catalogue), chosen),
        settings=chosen,
    )


def _scored(results: Sequence[ItemResult], catalogue: Catalogue) -> tuple[Scored, ...]:
    return tuple(
        Scored(
            item=result.item,
            object=result.object,
            outcome=(Outcome.NOT_EVALUATED if result.outcome is Outcome.ERROR else result.outcome),
            side=catalogue.by_id[result.item].side,
            importance=catalogue.by_id[result.item].importance,
            high_risk=result.high_risk,
            major_risk_proposed=result.major_risk is not None,
        )
        for result in results
    )


def _of_item(
    item: ControlItem, objects: Sequence[ObjectFacts], rules: RuleBook
) -> list[ItemResult]:
    own = {rule.kind: rule for rule in rules.by_item.get(item.id, ())}
    found: list[ItemResult] = []
    for target in objects:
        rule = own.get(target.kind)
        if rule is not None:
            found.append(judge_rule(rule, target, item))
        elif _owes_an_answer(item, target.kind, own):
            found.append(_open(item, target.id, rules))
    return found or [_open(item, NO_OBJECT, rules)]


def _owes_an_answer(item: ControlItem, kind: ObjectKind, own: Mapping[ObjectKind, Rule]) -> bool:
    """Is this kind of object usually rated on the item although no rule of ours looks at it?

    The store answers for the service where audit and data are concerned, because
    the service keeps them nowhere else.
    """
    if kind is ObjectKind.DAEMON and ObjectKind.STORE in own:
        return False
    return _ROLES.get(kind) in item.default_objects


def judge_rule(rule: Rule, target: ObjectFacts, item: ControlItem) -> ItemResult:
    """Apply one rule to one object."""
    applies = True if rule.applies is None else _answer(rule.applies, target.facts)
    if applies is False:
        return _result(
            rule, target.id, item, Outcome.NOT_APPLICABLE, (), rule.na_zh or "", rule.na_en or ""
        )
    checks = tuple(_check(check, target.facts) for check in rule.checks)
    outcome = _combined(checks, settles=rule.settles)
    if applies is None and outcome is not Outcome.ERROR:
        outcome = Outcome.NOT_EVALUATED
    named = [check for check in checks if check.outcome not in _MET] or list(checks)
    zh = "；".join(f"{_MARK[check.outcome]}{check.zh}（{check.observed}）" for check in named)
    en = "; ".join(f"{_MARK[check.outcome]}{check.en} ({check.observed})" for check in named)
    if not rule.settles and outcome is Outcome.NOT_EVALUATED and _all_met(checks):
        zh = f"自动部分全部符合，余下由人确认：{rule.remainder_zh}"
        en = f"automatic part met; a person confirms: {rule.remainder_en}"
    return _result(rule, target.id, item, outcome, checks, zh, en)


_MARK: Final = {
    Outcome.PASS: "✓",
    Outcome.FAIL: "✗",
    Outcome.NOT_EVALUATED: "?",
    Outcome.NOT_APPLICABLE: "–",
    Outcome.ERROR: "!",
    Outcome.PARTIAL: "◐",
    Outcome.WAIVED: "~",
}


def _all_met(checks: Sequence[CheckResult]) -> bool:
    return all(check.outcome in _MET for check in checks)


def _combined(checks: Sequence[CheckResult], *, settles: bool) -> Outcome:
    """One outcome for all checks of a rule.

    A known failure is never hidden behind an unknown fact: with failures the
    answer is fail or partial at once. Without one, anything unknown leaves it open.
    """
    asked = {check.outcome for check in checks} - {Outcome.NOT_APPLICABLE}
    if Outcome.FAIL in asked:
        return Outcome.PARTIAL if Outcome.PASS in asked else Outcome.FAIL
    if Outcome.ERROR in asked:
        return Outcome.ERROR
    if Outcome.NOT_EVALUATED in asked or not asked or not settles:
        return Outcome.NOT_EVALUATED
    return Outcome.PASS


def _check(check: Check, facts: Mapping[str, Json]) -> CheckResult:
    try:
        relevant = True if check.when is None else holds(check.when, facts)
        if relevant is False:
            outcome = Outcome.NOT_APPLICABLE
        else:
            met = check.reviewed(facts) if check.reviewed else holds(check.condition, facts)
            outcome = _OUTCOME[None if relevant is None else met]
    except (FactOfWrongType, ValueError):
        outcome = Outcome.ERROR
    return CheckResult(
        id=check.id,
        outcome=outcome,
        zh=check.zh,
        en=check.en,
        observed=_observed(check.condition, facts),
    )


_OUTCOME: Final = {True: Outcome.PASS, False: Outcome.FAIL, None: Outcome.NOT_EVALUATED}


def _answer(condition: Json, facts: Mapping[str, Json]) -> bool | None:
    try:
        return holds(condition, facts)
    except (FactOfWrongType, ValueError):
        return None


def _observed(condition: Json, facts: Mapping[str, Json]) -> str:
    """The facts asked for, as ``name=value``; unknown ones show ``?``, long ones are cut.

    Of a long list only the members that the condition names are repeated: the rest
    has no bearing on the answer, and the facts file holds it.
    """
    parts = []
    for name, named in _asked(condition):
        value = facts.get(name)
        if named and isinstance(value, list):
            value = [member for member in value if member in named]
            name = f"{name}∩"  # noqa: PLW2901 (only the label changes)
        known = name.rstrip("∩") in facts
        text = json.dumps(value, ensure_ascii=False, sort_keys=True) if known else "?"
        parts.append(f"{name}={text if len(text) <= _SHOWN else text[:_SHOWN] + '…'}")
    return ", ".join(dict.fromkeys(parts)) or "-"


def _asked(condition: Json) -> list[tuple[str, Sequence[Json]]]:
    """Facts of a condition, each with the members it looks for (empty: the whole value)."""
    if not isinstance(condition, Mapping):
        return []
    name = condition.get("fact")
    if isinstance(name, str):
        for operator in ("contains_none", "contains_any", "contains_all"):
            members = condition.get(operator)
            if isinstance(members, Sequence) and not isinstance(members, str):
                return [(name, members)]
        return [(name, [condition["contains"]] if "contains" in condition else ())]
    found: list[tuple[str, Sequence[Json]]] = []
    for inner in condition.values():
        for part in inner if isinstance(inner, list | tuple) else [inner]:
            found.extend(_asked(part))
    return found


def _result(
    rule: Rule,
    target: str,
    item: ControlItem,
    outcome: Outcome,
    checks: tuple[CheckResult, ...],
    zh: str,
    en: str,
) -> ItemResult:
    unmet = outcome in {Outcome.FAIL, Outcome.PARTIAL}
    return ItemResult(
        item=rule.item,
        object=target,
        outcome=outcome,
        observed_zh=zh,
        observed_en=en,
        expected_zh="；".join(check.zh for check in rule.checks),
        expected_en="; ".join(check.en for check in rule.checks),
        source=rule.source,
        proves=rule.proves,
        high_risk=unmet and any(c.guideline == "guideline_2025_trial" for c in item.high_risk),
        major_risk=item.major_risk if unmet else None,
        remainder_zh=rule.remainder_zh,
        remainder_en=rule.remainder_en,
        fix_zh=rule.fix_zh if unmet else None,
        fix_en=rule.fix_en if unmet else None,
        checks=checks,
    )


_WANTED_ZH: Final = {
    "site": "现场查看与照片",
    "management": "制度、记录或访谈",
    "network": "设备配置导出",
}
_WANTED_EN: Final = {
    "site": "a site visit with photographs",
    "management": "policies, records or an interview",
    "network": "exported device configuration",
}


def _open(item: ControlItem, target: str, rules: RuleBook) -> ItemResult:
    """An item nobody can see from the facts: what evidence would settle it?"""
    wanted = [kind for kind in item.applies_to if kind in _WANTED_ZH]
    exports = [check.probe for check in item.checks if check.mode == "semi"]
    zh = "；".join(exports) or "、".join(_WANTED_ZH[kind] for kind in wanted)
    zh = zh or "该类对象的配置或测试证据"
    en = ", ".join(_WANTED_EN[kind] for kind in wanted) or "configuration or test evidence"
    expected = [check.expect for check in item.checks]
    return ItemResult(
        item=item.id,
        object=target,
        outcome=Outcome.NOT_EVALUATED,
        observed_zh=f"未评估；需要：{zh}",
        observed_en=f"not evaluated; wanted: {en}",
        expected_zh="；".join(dict.fromkeys(expected)) or item.zh,
        expected_en=item.en,
        source=(),
        proves=None,
        high_risk=False,
        major_risk=None,
        remainder_zh=(rules.remainder(item.id) or (None, None))[0],
        remainder_en=(rules.remainder(item.id) or (None, None))[1],
        fix_zh=None,
        fix_en=None,
        checks=(),
    )
