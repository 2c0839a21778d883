"""Where are the limits of the two report templates? Data, read from ``template_limits.yaml``."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from importlib.resources import files

from classification.catalogue.data_files import Entry, read_data_file


@dataclass(frozen=True, slots=True, kw_only=True)
class Tier:
    """A grade of the 2021 template."""

    name: str
    at_least: Fraction
    without_medium: bool
    """The grade also demands that no medium risk is left."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateLimits:
    """All limits of both templates."""

    tiers: tuple[Tier, ...]
    """2021, highest first."""
    worst: str
    """2021: the grade below every tier, and of anything with a high risk."""
    upper: Fraction
    """2025: above it the rate allows 符合."""
    lower: Fraction
    """2025: below it the conclusion is 不符合."""


@lru_cache(maxsize=1)
def template_limits() -> TemplateLimits:
    """The limits shipped with this release.

    Raises:
        DataFileRefused: the file is damaged.
    """
    name = "template_limits.yaml"
    top = Entry(
        read_data_file(files("classification.assessment") / name),
        name,
        {"tiers_2021", "limits_2025"},
    )
    old = Entry(
        top.values.get("tiers_2021"), f"{name} 2021", {"verified", "basis", "tiers", "worst"}
    )
    new = Entry(
        top.values.get("limits_2025"), f"{name} 2025", {"verified", "basis", "upper", "lower"}
    )
    tiers = []
    for row in old.items("tiers"):
        tier = Entry(row, f"{name} tier", {"name", "at_least", "without_medium"})
        tiers.append(
            Tier(
                name=tier.text("name"),
                at_least=Fraction(tier.text("at_least")),
                without_medium=tier.flag("without_medium"),
            )
        )
    return TemplateLimits(
        tiers=tuple(tiers),
        worst=old.text("worst"),
        upper=Fraction(new.text("upper")),
        lower=Fraction(new.text("lower")),
    )
