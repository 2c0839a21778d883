"""Which choices of an assessment may the operator of an installation make?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class AssessmentOptions:
    """Read from the settings of the installation; the defaults are the strict ones."""

    verdict_settings: Mapping[str, str] = field(default_factory=dict)
    """Overrides of ``assessment.verdict_settings.SETTINGS``, name to value."""
    report_language: str = "zh"
    """``zh`` or ``en``: which language a report shows first."""
