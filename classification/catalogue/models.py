"""What does one control item of the catalogue hold?

Field for field the rows of ``mlps_level3/*.yaml``; ``meta.yaml`` there explains
them. ``zh`` and ``en`` are paraphrases of ours, never the wording of the standard.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Side(StrEnum):
    """Which half of the 2021 score an item belongs to."""

    TECHNICAL = "technical"
    MANAGEMENT = "management"


class Importance(StrEnum):
    """Weight class of an item; ours is a heuristic, the official table was not found."""

    GENERAL = "general"
    IMPORTANT = "important"
    KEY = "key"


class Evidence(StrEnum):
    """What kind of evidence an item can rest on in principle."""

    AUTOMATIC = "automatic"
    SEMI = "semi"
    MANUAL = "manual"


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogueCheck:
    """A probe the catalogue suggests; whether this version implements it is another matter."""

    target: str
    mode: str
    """``automatic``: a program decides. ``semi``: a person supplies an export first."""
    probe: str
    expect: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HighRiskCase:
    """A case of a high-risk guideline that a failure of the item can amount to."""

    guideline: str
    """``guideline_2025_trial`` (decides today) or ``iseaa_001_2020`` (history)."""
    case: str
    scope: str | None
    condition_zh: str | None
    condition_en: str | None
    mitigation_zh: str | None
    mitigation_en: str | None
    """Mitigations are shown to a person; they never lower a risk by themselves."""
    basis: str | None
    verified: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class MajorRiskTrigger:
    """A row of the 2025 table of major risks; it proposes, a person decides."""

    code: str
    item: str | None
    """None for composite findings without a clause (A-27 to A-32)."""
    zh: str
    verified: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlItem:
    """One requirement of GB/T 22239-2019 at level 3."""

    id: str
    """Clause and letter, e.g. ``8.1.4.1.a``."""
    clause: str
    letter: str
    lettered_in_standard: bool
    test_unit: str
    """Unit number of GB/T 28448-2019."""
    category: str
    """Clause of the category, e.g. ``8.1.4``."""
    category_zh: str
    category_en: str
    side: Side
    control_point_zh: str
    control_point_en: str
    sag: str
    zh: str
    en: str
    vs_level2: str
    applies_to: tuple[str, ...]
    default_objects: tuple[str, ...]
    """Kinds of objects usually rated on the item (practice); empty: not stated."""
    evidence: Evidence
    importance: Importance
    """Heuristic of the catalogue, not the official table."""
    checks: tuple[CatalogueCheck, ...]
    high_risk: tuple[HighRiskCase, ...]
    major_risk: str | None
    """Code of the 2025 trigger that names this item."""
    verified: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtensionItem:
    """An item of an extension or of data security: enough to weigh a result handed in."""

    id: str
    family: str
    """``cloud``, ``mobile``, ``iot``, ``ics`` or ``data_security``."""
    side: Side | None
    """None where the source does not say (data security)."""
    zh: str
    en: str
    verified: bool


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Catalogue:
    """All items, in the order of the standard."""

    edition: str
    items: tuple[ControlItem, ...]
    extensions: tuple[ExtensionItem, ...]
    triggers: tuple[MajorRiskTrigger, ...]
    by_id: Mapping[str, ControlItem]
    extension_by_id: Mapping[str, ExtensionItem]
    digest: str
    """SHA-256 over the data files, so that a verdict names the catalogue it used."""

    def side_of(self, item: str) -> Side | None:
        """The half of the 2021 score, None for an item that the catalogue does not know."""
        if item in self.by_id:
            return self.by_id[item].side
        known = self.extension_by_id.get(item)
        return known.side if known else None
