"""What would one set of rules show for this question, if all conditions held?

Answers for one rule set without looking at consents, staff or relations: these
come back as the conditions under which each candidate answer may be given.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from secure_records.access.outcome import Decision, Obligation, Reason
from secure_records.access.reasons import reason
from secure_records.access.rule_set import Conditions, ConsentNeed, Rule, RuleSet
from secure_records.access.vocabulary import ObligationKind, Treatment


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """The part of a request that does not change between people and instants."""

    partner: str | None
    kind: str
    purpose: str
    role: str
    grade: int
    fields: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A permission and what it depends on."""

    decision: Decision
    consents: tuple[ConsentNeed, ...]
    conditions: Conditions

    @property
    def unconditional(self) -> bool:
        """True if nothing about the person or the instant is left to check."""
        return not self.consents and self.conditions == Conditions()

    @property
    def openness(self) -> tuple[int, int]:
        """Rank: shows more first, then the fewer obligations first."""
        shown = sum(item.openness for item in self.decision.fields.values())
        return (shown + self.decision.unnamed.openness, -len(self.decision.obligations))


def candidates_of(
    rules: RuleSet,
    matching: tuple[Rule, ...],
    question: Question,
    forbidden: Mapping[str, str],
) -> tuple[tuple[Candidate, ...], tuple[Reason, ...]]:
    """The possible permissions, most open first, or why there is none.

    Args:
        rules: The rule set.
        matching: Its rules for this kind, purpose and role, from the index.
        question: What is asked.
        forbidden: Field name → clause of a prohibition in force.
    """
    if not matching:
        return (), _why_nothing_matches(rules, question)
    reaching = tuple(rule for rule in matching if question.grade <= rule.max_grade)
    if not reaching:
        limit = max(matching, key=lambda rule: rule.max_grade)
        too_high = reason(
            "grade.too_high",
            clause=limit.clause,
            kind=rules.kind,
            grade=str(question.grade),
            max_grade=str(limit.max_grade),
        )
        return (), (too_high,)
    found: list[Candidate] = []
    why: tuple[Reason, ...] = ()
    for conditions in dict.fromkeys(rule.conditions for rule in reaching):
        usable = tuple(rule for rule in reaching if rule.conditions.within(conditions))
        decision = _answer(rules, usable, question, forbidden)
        if decision.permit:
            found.append(
                Candidate(decision=decision, consents=rules.consents, conditions=conditions)
            )
        else:
            why = decision.reasons
    found.sort(key=lambda candidate: candidate.openness, reverse=True)
    return tuple(found), () if found else why


def _why_nothing_matches(rules: RuleSet, question: Question) -> tuple[Reason, ...]:
    found: list[Reason] = []
    if question.purpose not in rules.purposes:
        found.append(reason("purpose.not_agreed", kind=rules.kind, purpose=question.purpose))
    if question.role not in rules.roles:
        code = "role.unknown" if rules.partner is None else "role.not_agreed"
        found.append(reason(code, kind=rules.kind, role=question.role))
    if not any(question.kind in rule.kinds for rule in rules.rules):
        found.append(reason("kind.not_agreed", kind=rules.kind, record_kind=question.kind))
    return tuple(found) or (reason("combination.not_agreed", kind=rules.kind),)


def _answer(
    rules: RuleSet, usable: tuple[Rule, ...], question: Question, forbidden: Mapping[str, str]
) -> Decision:
    named = {name: None for rule in usable for name in rule.fields}
    asked = question.fields or tuple(dict.fromkeys((*named, *forbidden)))
    fields: dict[str, Treatment] = {}
    withheld: list[Reason] = []
    for name in asked:
        if name in forbidden:
            fields[name] = Treatment.WITHHOLD
            clause = forbidden[name]
            withheld.append(reason("field.forbidden", clause=clause, kind=rules.kind, field=name))
            continue
        best = max(
            (rule.fields.get(name, rule.unnamed) for rule in usable), key=lambda item: item.openness
        )
        fields[name] = best
        if best is Treatment.WITHHOLD:
            withheld.append(_why_withheld(rules, usable, name))
    unnamed = Treatment.WITHHOLD
    if not question.fields:
        unnamed = max((rule.unnamed for rule in usable), key=lambda item: item.openness)
    shown = {name for name, treatment in fields.items() if treatment is not Treatment.WITHHOLD}
    if not shown and unnamed is Treatment.WITHHOLD:
        return Decision(
            permit=False,
            fields=MappingProxyType(fields),
            reasons=(reason("fields.none_left", kind=rules.kind), *withheld),
            agreement=rules.reference,
            policy=rules.policy,
        )
    serving = tuple(rule for rule in usable if _serves(rule, shown, unnamed))
    granted = (reason("granted", clause=rule.clause, kind=rules.kind) for rule in serving)
    return Decision(
        permit=True,
        fields=MappingProxyType(fields),
        unnamed=unnamed,
        obligations=_obligations(serving),
        reasons=(*dict.fromkeys(granted), *withheld),
        agreement=rules.reference,
        policy=rules.policy,
    )


def _why_withheld(rules: RuleSet, usable: tuple[Rule, ...], name: str) -> Reason:
    for rule in usable:
        if name in rule.fields:
            return reason("field.withheld", clause=rule.clause, kind=rules.kind, field=name)
    return reason("field.not_agreed", kind=rules.kind, field=name)


def _serves(rule: Rule, shown: set[str], unnamed: Treatment) -> bool:
    if rule.unnamed is not Treatment.WITHHOLD and (shown or unnamed is not Treatment.WITHHOLD):
        return True
    return any(
        rule.fields.get(name, Treatment.WITHHOLD) is not Treatment.WITHHOLD for name in shown
    )


def _obligations(serving: tuple[Rule, ...]) -> tuple[Obligation, ...]:
    found: list[Obligation] = []
    caps = [duty for rule in serving for duty in rule.obligations if duty.rows is not None]
    if caps:
        # Two clauses serve one view: the view owes the smaller limit.
        found.append(min(caps, key=lambda duty: duty.rows or 0))
    others = (
        duty
        for rule in serving
        for duty in rule.obligations
        if duty.kind is not ObligationKind.ROW_CAP
    )
    return (*found, *dict.fromkeys(others))
