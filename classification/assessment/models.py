"""Which outcomes exist, and what does a result have to show for itself?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from shared_kernel.canonical_json import Json


class Outcome(StrEnum):
    """The answer for one item on one object, or for one check."""

    PASS = "pass"  # noqa: S105 (an outcome)
    PARTIAL = "partial"
    FAIL = "fail"
    NOT_APPLICABLE = "not_applicable"
    ERROR = "error"
    """The rule itself broke on these facts; counts as not evaluated."""
    NOT_EVALUATED = "not_evaluated"
    WAIVED = "waived"
    """A person accepted the finding for a while; it still counts as what it waives."""


OPEN_OUTCOMES = frozenset({Outcome.ERROR, Outcome.NOT_EVALUATED})
"""Outcomes that leave the answer open: never counted as conforming."""


class Automation(StrEnum):
    """What this version implements for an item."""

    AUTO = "auto"
    """Rules decide the item on the objects they know, both ways."""
    PART = "part"
    """Rules can find the item failing; a pass needs a person as well."""
    MANUAL = "manual"
    """No rule yet: document, interview or site visit."""


class Proves(StrEnum):
    """Whether a fact shows the present state or the state after the next start."""

    RUNNING = "running"
    PERSISTENT = "persistent"
    BOTH = "both"


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckResult:
    """One question inside a result."""

    id: str
    outcome: Outcome
    zh: str
    en: str
    observed: str
    """The facts it looked at, shortened; "?" for a fact that is not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemResult:
    """One item on one object."""

    item: str
    object: str
    """Object id, or ``-`` where nothing was collected that could show it."""
    outcome: Outcome
    observed_zh: str
    observed_en: str
    expected_zh: str
    expected_en: str
    source: tuple[str, ...]
    proves: Proves | None
    high_risk: bool
    """The item has a high-risk case and is not met; a person may lower it, never this program."""
    major_risk: str | None
    """Trigger proposed by the catalogue; counts only after a person confirms it."""
    remainder_zh: str | None
    remainder_en: str | None
    """What a person still has to look at."""
    fix_zh: str | None
    fix_en: str | None
    checks: tuple[CheckResult, ...]

    def to_json(self) -> Mapping[str, Json]:
        """JSON for reports and for ``assess run``; observed and expected in Chinese first."""
        return {
            "item": self.item,
            "object": self.object,
            "outcome": self.outcome.value,
            "observed": self.observed_zh,
            "observed_en": self.observed_en,
            "expected": self.expected_zh,
            "expected_en": self.expected_en,
            "source": list(self.source),
            "proves": None if self.proves is None else self.proves.value,
            "high_risk": self.high_risk,
            "major_risk_proposed": self.major_risk,
            "remainder": self.remainder_zh,
            "remainder_en": self.remainder_en,
            "fix": self.fix_zh,
            "fix_en": self.fix_en,
            "checks": [
                {
                    "id": check.id,
                    "outcome": check.outcome.value,
                    "zh": check.zh,
                    "en": check.en,
                    "observed": check.observed,
                }
                for check in self.checks
            ],
        }
