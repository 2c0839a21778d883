"""Was this person under age at that instant, so that a guardian must be told too?

The age is a row with its citation. Pure: birth dates and the instant come in.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from importlib.resources import files

import yaml

from shared_kernel.citations import Citation
from shared_kernel.instants import CHINA, in_utc


@dataclass(frozen=True, slots=True, kw_only=True)
class MajorityRule:
    """The age at which a person stops being a minor."""

    years: int
    """Completed years."""
    citation: Citation


@cache
def majority_rule() -> MajorityRule:
    """The row in force."""
    [row] = yaml.safe_load((files("incident.scoping") / "minors.yaml").read_text("utf-8"))
    citation = Citation(
        law=row["law"], edition=row["edition"], clause=row["clause"], verified=row["verified"]
    )
    return MajorityRule(years=row["years"], citation=citation)


def under_age(born: date, at: datetime, rule: MajorityRule) -> bool:
    """Is the birthday of majority still ahead on the China calendar day of ``at``?

    Born on 29 February: the birthday falls on 1 March in other years, so the day
    before still counts as under age.
    """
    today = in_utc(at, "at").astimezone(CHINA).date()
    return (today.year - rule.years, today.month, today.day) < (born.year, born.month, born.day)
