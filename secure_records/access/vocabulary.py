"""Which words may an agreement, a role and a request use?

Closed sets are enums; purposes are rows of ``purposes.yaml`` because every
label exists in Chinese and English and new ones come without new code.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from types import MappingProxyType

from secure_records.access.package_data import read_table


class AgreementKind(StrEnum):
    """The three ways in which personal information reaches a partner."""

    ENTRUSTED = "entrusted"
    """委托处理: the partner acts for us (PIPL art. 21)."""
    JOINT = "joint"
    """共同处理: both decide together (PIPL art. 20)."""
    PROVISION = "provision"
    """提供: the partner becomes a handler of its own (PIPL art. 23)."""


class Treatment(StrEnum):
    """What happens to one field on its way out."""

    CLEAR = "clear"
    MASK = "mask"
    WITHHOLD = "withhold"

    @property
    def openness(self) -> int:
        """0 withheld, 1 masked, 2 clear; the larger shows more."""
        return _OPENNESS[self.value]


_OPENNESS: Mapping[str, int] = MappingProxyType({"withhold": 0, "mask": 1, "clear": 2})


class ConsentKind(StrEnum):
    """What kind of yes the person said."""

    GENERAL = "general"
    SENSITIVE = "sensitive"
    """Separate consent for sensitive information (PIPL art. 29)."""
    SEPARATE_PROVISION = "separate_provision"
    """Separate consent for one recipient (PIPL art. 23)."""
    GUARDIAN = "guardian"
    """By the guardian of a child under fourteen (PIPL art. 31)."""


class Relation(StrEnum):
    """How the actor stands to the person in the record; proven by the caller, never claimed."""

    TREATING = "treating"
    """The record belongs to a visit of this clinician."""
    SELF = "self"
    """The person, or the guardian acting for the person."""


class ObligationKind(StrEnum):
    """What the receiver of the view owes in return."""

    WATERMARK = "watermark"
    ROW_CAP = "row_cap"
    NOTICE = "notice"
    VIEW_ONLY = "view_only"


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """A name in both languages."""

    zh: str
    en: str


@cache
def purposes() -> Mapping[str, Label]:
    """Every purpose that may be agreed on or asked for, by code."""
    rows = read_table("purposes.yaml", ("code", "zh", "en"))
    return MappingProxyType({row["code"]: Label(zh=row["zh"], en=row["en"]) for row in rows})
