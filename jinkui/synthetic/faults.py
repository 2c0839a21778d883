"""Which lines must an import refuse, and how is each of them made?

A fault is one change to a copy of a good line. The code family is the
beginning of the error code that the refusal must carry.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Any, BinaryIO, Final

import orjson

from jinkui.synthetic.patients import SMALL_CHILD_BELOW, completed_years
from jinkui.synthetic.visits import Line


class Fault(StrEnum):
    """The one thing wrong with a line."""

    BROKEN_JSON = "broken_json"
    BAD_CHECK_DIGIT = "bad_check_digit"
    UNKNOWN_KIND = "unknown_kind"
    MISSING_FIELD = "missing_field"
    REVIEWED_BY_AUTHOR = "reviewed_by_author"
    NARCOTIC_DRUG = "narcotic_drug"
    CHILD_WITHOUT_GUARDIAN = "child_without_guardian"
    UNKNOWN_CLINICIAN = "unknown_clinician"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectedRefusal:
    """One bad line of a file."""

    line: int
    """From 1, as editors count."""

    fault: Fault
    code_family: str
    """What the error code begins with, e.g. ``admission.rx.review``."""


_FAMILIES: Final[Mapping[Fault, str]] = MappingProxyType(
    {
        Fault.BROKEN_JSON: "line.not_json",
        Fault.BAD_CHECK_DIGIT: "records.identity_refused",
        Fault.UNKNOWN_KIND: "records.unknown_kind",
        Fault.MISSING_FIELD: "records.body_refused",
        Fault.REVIEWED_BY_AUTHOR: "admission.rx.review",
        Fault.NARCOTIC_DRUG: "admission.rx.special_drugs",
        Fault.CHILD_WITHOUT_GUARDIAN: "admission.rx.under_six",
        Fault.UNKNOWN_CLINICIAN: "admission.clinician.registered",
    }
)

_ORDER: Final = tuple(Fault)


class FaultPlan:
    """Writes good lines and, where one fits, the next bad one behind it."""

    def __init__(self, *, faults: int, good_lines: int) -> None:
        self._wanted = [_ORDER[index % len(_ORDER)] for index in range(faults)]
        self._every = max(1, good_lines // (faults + 1))
        self._made: list[ExpectedRefusal] = []
        self._models: dict[Fault, Line] = {}
        self._good = 0

    @property
    def expected(self) -> tuple[ExpectedRefusal, ...]:
        """The bad lines written so far, in file order."""
        return tuple(self._made)

    def write_good(self, out: BinaryIO, line: Line) -> None:
        """Write a good line and remember it for every fault it could model."""
        out.write(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE))
        self._good += 1
        for fault in _ORDER:
            if _fits(fault, line):
                self._models[fault] = line

    def write_due(self, out: BinaryIO) -> None:
        """Write the next bad line if its turn has come and its model is known."""
        due = len(self._made) < len(self._wanted)
        if due and self._good >= self._every * (len(self._made) + 1):
            self._write_next(out)

    def write_rest(self, out: BinaryIO) -> None:
        """Write what is left.

        Every model has been seen by now: the first patient is a small child with an
        identity card, always comes, and always gets a prescription.
        """
        while len(self._made) < len(self._wanted):
            if not self._write_next(out):
                raise LookupError(f"no line could model {self._wanted[len(self._made)]}")

    def _write_next(self, out: BinaryIO) -> bool:
        number = len(self._made)
        fault = self._wanted[number]
        model = self._models.get(fault)
        if model is None:
            return False
        out.write(_spoilt(fault, model, number) + b"\n")
        self._made.append(
            ExpectedRefusal(line=self._good + number + 1, fault=fault, code_family=_FAMILIES[fault])
        )
        return True


def _fits(fault: Fault, line: Mapping[str, Any]) -> bool:
    kind = line["kind"]
    match fault:
        case Fault.REVIEWED_BY_AUTHOR | Fault.NARCOTIC_DRUG:
            return bool(kind == "prescription")
        case Fault.MISSING_FIELD | Fault.UNKNOWN_CLINICIAN:
            return bool(kind == "outpatient_record")
        case Fault.CHILD_WITHOUT_GUARDIAN:
            return bool(kind == "prescription" and _small(line))
        case Fault.BAD_CHECK_DIGIT:
            return bool(line["subject"]["id_type"] == "01")
        case _:
            return True


def _small(line: Mapping[str, Any]) -> bool:
    born = date.fromisoformat(line["subject"]["birth_date"])
    day = datetime.fromisoformat(line["occurred_at"]).date()
    return completed_years(born, day) < SMALL_CHILD_BELOW


def _spoilt(fault: Fault, model: Line, number: int) -> bytes:
    line: dict[str, Any] = copy.deepcopy(model)
    line["external_id"] = f"SYN-BAD-{number:05d}"
    if fault is Fault.BROKEN_JSON:
        return orjson.dumps(line)[:-2]
    _CHANGES[fault](line)
    return orjson.dumps(line)


def _wrong_check_digit(line: dict[str, Any]) -> None:
    number = line["subject"]["id_no"]
    line["subject"]["id_no"] = number[:-1] + ("1" if number[-1] != "1" else "2")


def _unknown_kind(line: dict[str, Any]) -> None:
    line["kind"] = "horoscope"


def _missing_field(line: dict[str, Any]) -> None:
    del line["body"]["chief_complaint"]


def _reviewed_by_author(line: dict[str, Any]) -> None:
    line["body"]["review"]["reviewer_id"] = line["clinician"]


def _narcotic(line: dict[str, Any]) -> None:
    line["body"]["lines"][0] |= {"drug_name": "硫酸吗啡缓释片", "control_class": "narcotic"}


def _no_guardian(line: dict[str, Any]) -> None:
    del line["subject"]["guardian"]
    line["body"].pop("guardian_present", None)


def _unknown_clinician(line: dict[str, Any]) -> None:
    line["clinician"] = "SYN-D999"
    line["body"]["provenance"]["author"] = "SYN-D999"


_CHANGES: Final[Mapping[Fault, Callable[[dict[str, Any]], None]]] = MappingProxyType(
    {
        Fault.BAD_CHECK_DIGIT: _wrong_check_digit,
        Fault.UNKNOWN_KIND: _unknown_kind,
        Fault.MISSING_FIELD: _missing_field,
        Fault.REVIEWED_BY_AUTHOR: _reviewed_by_author,
        Fault.NARCOTIC_DRUG: _narcotic,
        Fault.CHILD_WITHOUT_GUARDIAN: _no_guardian,
        Fault.UNKNOWN_CLINICIAN: _unknown_clinician,
    }
)
