"""Which special categories does a record show, and by which sign?

Signs are structured: codes of diagnoses, legal control of drugs, the department
of the visit. Rows of ``record_traits.yaml`` say which of them stand for what and
why. Free text is not read here: "denies hepatitis" would count as hepatitis.

A code that cannot be read, or too short to tell a special disease from its
neighbours, counts as special: what nobody can grade must not be handed out more
freely. Pure; a new category is a row.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache, lru_cache
from importlib.resources import files
from types import MappingProxyType
from typing import Final

from classification.catalogue.data_files import Entry, read_data_file
from classification.errors import DataFileRefused
from shared_kernel.canonical_json import Json
from shared_kernel.citations import Citation

UNREADABLE: Final = "unreadable_diagnosis"
"""Trait of a diagnosis whose code is no ICD-10; no table knows it, so it grades strictest."""

UNLISTED: Final = "unlisted_control_class"
"""Trait of a drug whose control is neither ordinary nor listed; grades strictest as well."""

_FILE: Final = "record_traits.yaml"
_KEYS: Final = frozenset({"id", "trait", "sign", "codes", "citation", "zh", "en"})
_CITED: Final = frozenset({"law", "edition", "clause", "verified"})
_CATEGORY: Final = re.compile(r"[A-Z][0-9]{2}\Z")
_RANGE: Final = re.compile(r"([A-Z][0-9]{2})-([A-Z][0-9]{2})\Z")
_SUBCATEGORY: Final = re.compile(r"[A-Z][0-9]{2}\.[0-9]\Z")
_CODE: Final = re.compile(r"([A-Z][0-9]{2})(?:\.([0-9A-Z]{0,4}))?(?:x[0-9A-Zx]*)?[+*]?\Z")
"""A national clinical code: category, subcategory; ``x`` fills up and extends."""

_CODES_REMEMBERED: Final = 4096


class Sign(StrEnum):
    """Where in a record a trait shows."""

    DIAGNOSIS = "diagnosis"
    CONTROL_CLASS = "control_class"
    SUBJECT = "subject"


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordSigns:
    """What of a record's body is looked at."""

    diagnoses: tuple[str, ...] = ()
    """ICD-10 codes, national clinical edition."""

    control_classes: tuple[str, ...] = ()
    """Legal control of each drug."""

    subjects: tuple[str, ...] = ()
    """诊疗科目, e.g. ``03.07``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TraitRow:
    """One reason why a record is special."""

    id: str
    trait: str
    """Name in ``record_grade.yaml``, which says the grade."""

    sign: Sign
    codes: tuple[str, ...]
    citation: Citation
    zh: str
    en: str

    def shows_in(self, code: str) -> bool:
        """Does this code, readable and of this row's sign, stand for the trait?"""
        if self.sign is Sign.DIAGNOSIS:
            return any(_diagnosis_within(code, listed) for listed in self.codes)
        if self.sign is Sign.SUBJECT:
            return any(code == listed or code.startswith(f"{listed}.") for listed in self.codes)
        return code in self.codes


def traits_of(signs: RecordSigns) -> tuple[str, ...]:
    """Traits that the signs show, each once, in order of name; empty: nothing special."""
    found: set[str] = set()
    for code in signs.diagnoses:
        found |= _traits(Sign.DIAGNOSIS, code)
    for code in signs.control_classes:
        found |= _traits(Sign.CONTROL_CLASS, code)
    for code in signs.subjects:
        found |= _traits(Sign.SUBJECT, code)
    return tuple(sorted(found))


@lru_cache(maxsize=_CODES_REMEMBERED)
def _traits(sign: Sign, code: str) -> frozenset[str]:
    table = _table()
    if sign is Sign.DIAGNOSIS and _CODE.match(code) is None:
        return frozenset((UNREADABLE,))
    found = frozenset(row.trait for row in table.rows if row.sign is sign and row.shows_in(code))
    if sign is Sign.CONTROL_CLASS and not found and code not in table.ordinary:
        return frozenset((UNLISTED,))
    return found


def trait_rows() -> tuple[TraitRow, ...]:
    """Every row, in the order of the file."""
    return _table().rows


def _diagnosis_within(code: str, listed: str) -> bool:
    read = _CODE.match(code)
    if read is None:
        return True
    category, detail = read[1], read[2] or ""
    between = _RANGE.match(listed)
    if between is not None:
        return between[1] <= category <= between[2]
    if _CATEGORY.match(listed) is not None:
        return category == listed
    wanted, _, digit = listed.partition(".")
    # Without a digit the code may mean this subcategory or another: it counts.
    return category == wanted and (not detail or detail.startswith(digit))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Table:
    rows: tuple[TraitRow, ...]
    ordinary: frozenset[str]


@cache
def _table() -> _Table:
    value = read_data_file(files("classification.grading") / _FILE)
    top = Entry(value, _FILE, {"ordinary", "rows"})
    plain = Entry(top.values.get("ordinary"), f"{_FILE} ordinary", {"control_class"})
    rows: Mapping[str, TraitRow] = MappingProxyType(
        {row.id: row for row in (_row(value, n) for n, value in enumerate(top.items("rows"), 1))}
    )
    if not rows or len(rows) != len(top.items("rows")):
        raise DataFileRefused(f"{_FILE}: rows are missing, or an id is given twice", where=_FILE)
    return _Table(rows=tuple(rows.values()), ordinary=frozenset(plain.texts("control_class")))


def _row(value: Json, number: int) -> TraitRow:
    entry = Entry(value, f"{_FILE} row {number}", _KEYS)
    cited = Entry(entry.values.get("citation"), f"{entry.place} citation", _CITED)
    row = TraitRow(
        id=entry.text("id"),
        trait=entry.text("trait"),
        sign=Sign(entry.choice("sign", [sign.value for sign in Sign])),
        codes=entry.texts("codes"),
        citation=Citation(
            law=cited.text("law"),
            edition=cited.text("edition"),
            clause=cited.text("clause"),
            verified=cited.flag("verified"),
        ),
        zh=entry.text("zh"),
        en=entry.text("en"),
    )
    if not row.codes or (row.sign is Sign.DIAGNOSIS and not all(map(_well_listed, row.codes))):
        raise DataFileRefused(f"{entry.place}: codes are missing or malformed", where=entry.place)
    return row


def _well_listed(code: str) -> bool:
    between = _RANGE.match(code)
    if between is not None:
        # Within one letter: a range over chapters is more likely a slip than a meaning.
        return between[1][0] == between[2][0] and between[1] < between[2]
    return _CATEGORY.match(code) is not None or _SUBCATEGORY.match(code) is not None
