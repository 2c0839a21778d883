"""Which red lines does this record cross, and what does the law say about each?

Rows come from ``red_lines.yaml``. Pure: the facts come in, the verdicts go out,
and the same record with the same facts gets the same verdicts for ever.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any, Final

import yaml

from secure_records.admission.facts import Admission, AdmissionFacts
from secure_records.admission.rules import RULES, Parameters
from secure_records.models import NewRecord, RuleVerdict
from shared_kernel.citations import Citation

_FILE: Final = "red_lines.yaml"
_KINDS: Final = 64
_SEVERITIES: Final = frozenset({"refuse", "flag"})


@dataclass(frozen=True, slots=True, kw_only=True)
class RedLine:
    """One row: a sentence that a record must not contradict."""

    rule: str
    """Name of the predicate."""

    kinds: frozenset[str]
    """Record kinds it speaks about; empty: all."""

    parameters: Parameters
    verdict: RuleVerdict
    """What is said when the line is crossed."""


def admit(record: NewRecord, facts: AdmissionFacts) -> Admission:
    """Hold the record against every row that speaks about its kind."""
    return Admission(
        verdicts=tuple(
            row.verdict
            for row in _speaking_about(record.kind)
            if not RULES[row.rule](record, facts, row.parameters)
        )
    )


@cache
def red_lines() -> tuple[RedLine, ...]:
    """All rows in order.

    Raises:
        ValueError: the data file of this installation is not what the code expects.
    """
    text = files("secure_records.admission").joinpath(_FILE).read_text(encoding="utf-8")
    rows = tuple(_red_line(row) for row in yaml.safe_load(text)["rows"])
    ids = [row.verdict.rule for row in rows]
    if len(set(ids)) != len(ids):
        raise ValueError(f"{_FILE}: an id appears twice")
    return rows


@lru_cache(maxsize=_KINDS)
def _speaking_about(kind: str) -> tuple[RedLine, ...]:
    return tuple(row for row in red_lines() if not row.kinds or kind in row.kinds)


def _red_line(row: dict[str, Any]) -> RedLine:
    if row["rule"] not in RULES or row["severity"] not in _SEVERITIES:
        raise ValueError(f"{_FILE}: {row['id']} names no known rule or severity")
    parameters = {
        name: value if isinstance(value, int) else tuple(value)
        for name, value in row.get("parameters", {}).items()
    }
    cited = row["citation"]
    return RedLine(
        rule=row["rule"],
        kinds=frozenset(row["kinds"]),
        parameters=parameters,
        verdict=RuleVerdict(
            rule=row["id"],
            refuses=row["severity"] == "refuse",
            citation=Citation(
                law=cited["law"],
                edition=cited["edition"],
                clause=cited["clause"],
                verified=cited["verified"],
            ),
            zh=row["zh"],
            en=row["en"],
            fix_zh=row["fix_zh"],
            fix_en=row["fix_en"],
        ),
    )
