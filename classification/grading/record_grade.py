"""Which grade is a record owed, given its kind and what was noticed in it?

The highest of all reasons wins. A kind or a trait this table does not know counts
as the strictest grade: what nobody has graded must not be handed out more freely.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

from classification.catalogue.data_files import Entry, read_data_file
from shared_kernel.citations import Citation
from shared_kernel.grades import STRICTEST, Grade, parse_grade


@dataclass(frozen=True, slots=True, kw_only=True)
class GradeDecision:
    """The grade and why."""

    grade: Grade
    reasons: tuple[str, ...]
    """``kind:…`` and ``trait:…``, those that demand this grade; ``unknown-…`` for strangers."""
    citation: Citation


@dataclass(frozen=True, slots=True, kw_only=True)
class _Table:
    kinds: Mapping[str, Grade]
    raising: Mapping[str, Grade]
    citation: Citation


def grade_record(kind: str, traits: Collection[str] = ()) -> GradeDecision:
    """Grade one record.

    Args:
        kind: Record kind, e.g. ``prescription``.
        traits: Special categories noticed in it, e.g. ``mental_health``.
    """
    table = _table()
    demands: list[tuple[Grade, str]] = [
        (table.kinds[kind], f"kind:{kind}")
        if kind in table.kinds
        else (STRICTEST, f"unknown-kind:{kind}")
    ]
    for trait in sorted(traits):
        known = trait in table.raising
        grade = table.raising[trait] if known else STRICTEST
        demands.append((grade, f"{'trait' if known else 'unknown-trait'}:{trait}"))
    highest = max(grade for grade, _ in demands)
    reasons = tuple(reason for grade, reason in demands if grade == highest)
    return GradeDecision(grade=highest, reasons=reasons, citation=table.citation)


@lru_cache(maxsize=1)
def _table() -> _Table:
    name = "record_grade.yaml"
    top = Entry(
        read_data_file(files("classification.grading") / name),
        name,
        {"citation", "kinds", "raising"},
    )
    cited = Entry(
        top.values.get("citation"), f"{name} citation", {"law", "edition", "clause", "verified"}
    )
    return _Table(
        kinds=_grades(top, "kinds"),
        raising=_grades(top, "raising"),
        citation=Citation(
            law=cited.text("law"),
            edition=cited.text("edition"),
            clause=cited.text("clause"),
            verified=cited.flag("verified"),
        ),
    )


def _grades(top: Entry, key: str) -> Mapping[str, Grade]:
    value = top.values.get(key)
    listed = value if isinstance(value, Mapping) else {}
    return {name: parse_grade(grade, f"{key}.{name}") for name, grade in listed.items()}
