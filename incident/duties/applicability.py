"""Which duties bind this operator for this incident, under the law of that day?

A hospital is several kinds of operator at once, so kinds are a set and one match
is enough. Nothing missing is guessed: an unknown kind, flag or severity is an
error that lists the allowed words, because a misspelt flag would silently drop a
duty. Rows that are superseded or placeholders never apply.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, time

from incident.duties.load import Conditions, DutyLaw, DutyRule, RuleStatus
from incident.duties.vocabulary import Vocabulary
from incident.triage.severity import Severity
from shared_kernel.instants import CHINA, in_utc


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    """What is known about operator and incident, in words the rows use."""

    operators: frozenset[str]
    severity: Severity
    flags: frozenset[str]


def circumstances(
    vocabulary: Vocabulary,
    *,
    operators: Iterable[str],
    severity: Severity,
    flags: Iterable[str],
) -> Circumstances:
    """Check the words.

    Raises:
        UnknownWord: a kind or flag that no row knows, or no kind at all.
    """
    return Circumstances(
        operators=vocabulary.require_operators(operators),
        severity=severity,
        flags=vocabulary.require_flags(flags),
    )


def in_force(rule: DutyRule, at: datetime) -> bool:
    """Is the row law at this instant? A law starts at 00:00 China time of its first day."""
    if rule.status is not RuleStatus.IN_FORCE or rule.effective_from is None:
        return False
    return in_utc(at, "at") >= datetime.combine(rule.effective_from, time(), CHINA)


def conditions_hold(conditions: Conditions, facts: Circumstances) -> bool:
    """Do kind, severity and flags match?"""
    kinds = conditions.operator_kinds
    return (
        facts.severity in conditions.severities
        and (kinds is None or bool(kinds & facts.operators))
        and conditions.flags_all <= facts.flags
        and (not conditions.flags_any or bool(conditions.flags_any & facts.flags))
        and not conditions.flags_none & facts.flags
    )


def applicable(law: DutyLaw, facts: Circumstances, at: datetime) -> tuple[DutyRule, ...]:
    """The rows that bind, in the order of the files. ``at`` picks the law of that day."""
    return tuple(
        rule for rule in law.rules if in_force(rule, at) and conditions_hold(rule.conditions, facts)
    )
