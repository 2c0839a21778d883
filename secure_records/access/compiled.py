"""How is a whole set of agreements made ready, so that a decision scans nothing?

Rules are indexed by (rule set, kind, purpose, role). For one question the time
line is cut at every beginning and end; between two cuts the answer depends only
on consents, staff and relation. Such a ``Plan`` is computed once per question
and kept: it is a pure function of the rules, so keeping it changes no answer.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Final, TypeAlias

from secure_records.access.agreement import StandingAgreement
from secure_records.access.candidates import Candidate, Question, candidates_of
from secure_records.access.outcome import Decision, Reason
from secure_records.access.reasons import reason
from secure_records.access.rule_set import Rule, RuleSet, rule_set_of
from secure_records.access.vocabulary import Treatment, purposes
from shared_kernel.canonical_json import Json, canonical_bytes
from shared_kernel.digests import sha256
from shared_kernel.instants import instant_text

_MOST_PLANS: Final = 4096
"""Plans kept in memory. Field lists come from outside: without a bound they would fill it."""

_BEFORE_ALL: Final = datetime.min.replace(tzinfo=UTC)

Key: TypeAlias = tuple[str | None, str, str, str, int, tuple[str, ...]]
"""partner, kind, purpose, role, grade, fields"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """What holds between two cuts of the time line."""

    candidates: tuple[Candidate, ...]
    """Possible permissions, most open first."""

    denial: Decision
    """The answer if there is no candidate."""

    immediate: Decision | None
    """The answer where nothing about the person is left to check."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The answers to one question along the time line."""

    cuts: tuple[datetime, ...]
    """UTC, rising."""

    segments: tuple[Segment, ...]
    """One more than cuts; segment i holds from cut i-1 (inclusive) to cut i (exclusive)."""

    def at(self, instant: datetime) -> Segment:
        """The segment of ``instant``."""
        return self.segments[bisect_right(self.cuts, instant)]


class CompiledRules:
    """Rule sets made ready; equal questions share one plan.

    Args:
        rule_sets: In any order.
        known_partners: Partners that exist but may have no agreement.
    """

    __slots__ = ("_index", "_known", "_lines", "_plans", "digest")

    def __init__(
        self, rule_sets: Iterable[RuleSet], known_partners: frozenset[str] = frozenset()
    ) -> None:
        ordered = sorted(rule_sets, key=lambda rules: (rules.line, rules.version))
        lines: dict[str | None, dict[str, list[RuleSet]]] = {}
        index: dict[tuple[str, int, str, str, str], list[Rule]] = {}
        for rules in ordered:
            lines.setdefault(rules.partner, {}).setdefault(rules.line, []).append(rules)
            for rule in rules.rules:
                for kind in rule.kinds:
                    for purpose in rule.purposes:
                        for role in rule.roles:
                            key = (rules.line, rules.version, kind, purpose, role)
                            index.setdefault(key, []).append(rule)
        self._lines = {
            partner: tuple(tuple(versions) for versions in found.values())
            for partner, found in lines.items()
        }
        self._index = {key: tuple(found) for key, found in index.items()}
        self._known = known_partners
        self._plans: dict[Key, Plan] = {}
        self.digest = str(sha256(canonical_bytes([_identity(rules) for rules in ordered])))

    def plan(self, key: Key) -> Plan:
        """The plan for one question."""
        found = self._plans.get(key)
        if found is None:
            partner, kind, purpose, role, grade, fields = key
            question = Question(
                partner=partner, kind=kind, purpose=purpose, role=role, grade=grade, fields=fields
            )
            found = self._draw(question)
            if len(self._plans) >= _MOST_PLANS:
                self._plans.clear()
            self._plans[key] = found
        return found

    def _draw(self, question: Question) -> Plan:
        lines = self._lines.get(question.partner, ())
        instants = {
            instant
            for versions in lines
            for rules in versions
            for instant in (rules.begins, rules.ends, rules.terminated)
            if instant is not None
        }
        cuts = tuple(sorted(instants))
        starts = (_BEFORE_ALL, *cuts)
        return Plan(
            cuts=cuts, segments=tuple(self._segment(question, lines, start) for start in starts)
        )

    def _segment(
        self, question: Question, lines: tuple[tuple[RuleSet, ...], ...], at: datetime
    ) -> Segment:
        if not lines:
            code = "no_agreement" if question.partner in self._known else "partner.unknown"
            return self._denied(question, (reason(code),), None)
        standing = [_standing(versions, at) for versions in lines]
        in_force = [rules for rules, fault in standing if fault is None]
        if not in_force:
            faults = tuple(fault for _, fault in standing if fault is not None)
            return self._denied(question, faults, standing[0][0])
        if question.purpose not in purposes():
            unknown = reason("purpose.unknown", purpose=question.purpose)
            return self._denied(question, (unknown,), in_force[0])
        reached = [
            (rules, ban)
            for rules in in_force
            for ban in rules.bans
            if ban.reaches(question.kind, question.purpose, question.role)
        ]
        whole = tuple(
            reason("kind.forbidden", clause=ban.clause, kind=rules.kind, record_kind=question.kind)
            for rules, ban in reached
            if not ban.fields
        )
        if whole:
            return self._denied(question, whole, in_force[0])
        forbidden = {name: ban.clause for _, ban in reached for name in sorted(ban.fields)}
        candidates: list[Candidate] = []
        why: list[Reason] = []
        for rules in in_force:
            key = (rules.line, rules.version, question.kind, question.purpose, question.role)
            found, faults = candidates_of(rules, self._index.get(key, ()), question, forbidden)
            candidates.extend(found)
            why.extend(faults)
        candidates.sort(key=lambda candidate: candidate.openness, reverse=True)
        if not candidates:
            return self._denied(question, tuple(dict.fromkeys(why)), in_force[0])
        best = candidates[0]
        return Segment(
            candidates=tuple(candidates),
            denial=self._denied(question, (), in_force[0]).denial,
            immediate=best.decision if best.unconditional else None,
        )

    def _denied(
        self, question: Question, reasons: tuple[Reason, ...], rules: RuleSet | None
    ) -> Segment:
        decision = Decision(
            permit=False,
            fields=MappingProxyType(dict.fromkeys(question.fields, Treatment.WITHHOLD)),
            reasons=reasons,
            agreement=None if rules is None else rules.reference,
            policy=self.digest if rules is None else rules.policy,
        )
        return Segment(candidates=(), denial=decision, immediate=decision)


def compile_agreements(
    agreements: Iterable[StandingAgreement], known_partners: frozenset[str] = frozenset()
) -> CompiledRules:
    """Make applied agreements ready; all versions may be given, the one in force decides."""
    return CompiledRules((rule_set_of(standing) for standing in agreements), known_partners)


def _standing(versions: tuple[RuleSet, ...], at: datetime) -> tuple[RuleSet, Reason | None]:
    """The version that speaks at ``at``, and why it does not hold (None: it holds).

    The newest version that has begun speaks alone: an older one with a longer term
    does not come back to life when it expires.
    """
    begun = [rules for rules in versions if rules.begins is None or rules.begins <= at]
    if not begun:
        rules = versions[0]
        return rules, _fault("agreement.not_yet_in_force", rules)
    rules = begun[-1]
    if rules.terminated is not None and rules.terminated <= at:
        return rules, _fault("agreement.terminated", rules)
    if rules.ends is not None and rules.ends <= at:
        return rules, _fault("agreement.expired", rules)
    return rules, None


def _fault(code: str, rules: RuleSet) -> Reason:
    return reason(code, clause=rules.term_clause, kind=rules.kind)


def _identity(rules: RuleSet) -> Json:
    ended = None if rules.terminated is None else instant_text(rules.terminated)
    return [rules.line, rules.version, rules.policy, ended]
