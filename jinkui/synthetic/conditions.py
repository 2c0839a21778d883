"""Which long-term conditions come back for follow-up, and what is said and prescribed?

Reads ``conditions.yaml`` once; no randomness and no people here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import yaml


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A department that the hospital has opened."""

    code: str
    """诊疗科目, e.g. ``03.04``."""

    dept_class: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Drug:
    """One row of the drug catalogue with its usual dose; fields as in a prescription line."""

    code: str
    name: str
    spec: str
    route: str
    frequency: str
    dose: str
    dose_unit: str
    total: str
    total_unit: str
    days: int
    price: str
    otc: bool
    form: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """A disease with the texts of a typical visit."""

    id: str
    dx_code: str
    dx_name: str
    subject: Subject
    youngest: int
    """Age in years, inclusive."""

    oldest: int
    """Age in years, inclusive."""

    sex: str | None
    """GB/T 2261.1; None: both."""

    weight: int
    drugs: tuple[Drug, ...]
    values: tuple[str, ...]
    complaint: str
    history: str
    result: str
    opinion: str
    talk: tuple[tuple[str, str], ...]
    """Pairs of role and text, in order."""

    def fits(self, age: int, sex: str) -> bool:
        """Can a person of this age and sex have it here?"""
        return self.youngest <= age <= self.oldest and self.sex in (None, sex)


@cache
def _document() -> Mapping[str, Any]:
    text = files("jinkui.synthetic").joinpath("conditions.yaml").read_text(encoding="utf-8")
    document: Mapping[str, Any] = yaml.safe_load(text)
    return document


@cache
def subjects() -> tuple[Subject, ...]:
    """Every opened subject."""
    rows = _document()["subjects"].items()
    return tuple(
        Subject(code=code, dept_class=row["dept_class"], name=row["name"]) for code, row in rows
    )


@cache
def conditions() -> tuple[Condition, ...]:
    """Every condition, in file order."""
    by_code = {subject.code: subject for subject in subjects()}
    drugs = {code: Drug(code=code, **row) for code, row in _document()["drugs"].items()}
    return tuple(
        Condition(
            id=row["id"],
            dx_code=row["dx"]["code"],
            dx_name=row["dx"]["name"],
            subject=by_code[row["subject"]],
            youngest=row["ages"][0],
            oldest=row["ages"][1],
            sex=row.get("sex"),
            weight=row["weight"],
            drugs=tuple(drugs[code] for code in row["drugs"]),
            values=tuple(row["values"]),
            complaint=row["complaint"],
            history=row["history"],
            result=row["result"],
            opinion=row["opinion"],
            talk=tuple((role, text) for role, text in row["talk"]),
        )
        for row in _document()["conditions"]
    )
