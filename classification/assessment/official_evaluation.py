"""What did the licensed evaluation body conclude, in the words of its signed report?

A different object from our self-assessment, with another format name and another
parser: nothing of ours converts into it, because filing a self-check (自查) as an
official result would be a false filing. Only a complete description bound to the
signed report file by its SM3 digest is accepted.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Final

from classification.errors import OfficialEvaluationRefused
from shared_kernel.canonical_json import Json
from shared_kernel.digests import Digest, parse_digest
from shared_kernel.errors import BadInput

OFFICIAL_FORMAT: Final = "mlps-official-evaluation/1"
_KEYS: Final = frozenset(
    [
        "format",
        "body",
        "certificate_number",
        "filing_number",
        "system",
        "level",
        "template",
        "conclusion",
        "score",
        "major_risks",
        "major_risks_repaired",
        "high_risks",
        "medium_risks",
        "low_risks",
        "onsite_from",
        "onsite_to",
        "report_number",
        "report_date",
        "valid_until",
        "report_sm3",
    ]
)
_OPTIONAL: Final = frozenset({"score"})
_LONGEST: Final = 200
_TEMPLATE_2025_FROM: Final = date(2025, 3, 20)
"""公网安〔2025〕1846号 question 21: reports dated later must use the 2025 template."""
_LEVELS: Final = range(1, 6)
_SCORE: Final = re.compile(r"[0-9]{1,3}(?:\.[0-9]{1,2})?")
_FULL_SCORE: Final = 100


class Template(StrEnum):
    """Report template of the evaluation."""

    T2019 = "2019"
    T2021 = "2021"
    T2025 = "2025"


CONCLUSIONS: Final[Mapping[Template, frozenset[str]]] = {
    Template.T2019: frozenset({"符合", "基本符合", "不符合"}),
    Template.T2021: frozenset({"优", "良", "中", "差"}),
    Template.T2025: frozenset({"符合", "基本符合", "不符合"}),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class OfficialEvaluation:
    """The official result, as the signed report states it."""

    body: str
    """Name of the licensed evaluation body."""
    certificate_number: str
    """Number of its service certificate (测评机构服务认证证书)."""
    filing_number: str
    """Number of the filing certificate of the system (备案证明编号)."""
    system: str
    level: int
    template: Template
    conclusion: str
    score: str | None
    """2021 template only, decimal text from 0 to 100."""
    major_risks: int | None
    """2025 template: counted before repair, as printed beside the conclusion."""
    major_risks_repaired: int | None
    high_risks: int
    """Problems rated high, as the report counts them."""
    medium_risks: int
    low_risks: int
    onsite_from: date
    """First day of the field work."""
    onsite_to: date
    report_number: str
    report_date: date
    valid_until: date
    report_sm3: Digest
    """Of the signed report file."""

    def to_json(self) -> Mapping[str, Json]:
        """The document as stored and reported."""
        return {
            "format": OFFICIAL_FORMAT,
            "body": self.body,
            "certificate_number": self.certificate_number,
            "filing_number": self.filing_number,
            "system": self.system,
            "level": self.level,
            "template": self.template.value,
            "conclusion": self.conclusion,
            "score": self.score,
            "major_risks": self.major_risks,
            "major_risks_repaired": self.major_risks_repaired,
            "high_risks": self.high_risks,
            "medium_risks": self.medium_risks,
            "low_risks": self.low_risks,
            "onsite_from": self.onsite_from.isoformat(),
            "onsite_to": self.onsite_to.isoformat(),
            "report_number": self.report_number,
            "report_date": self.report_date.isoformat(),
            "valid_until": self.valid_until.isoformat(),
            "report_sm3": str(self.report_sm3),
        }


def parse_official_evaluation(text: str) -> OfficialEvaluation:
    """Read the description of an official evaluation.

    Raises:
        OfficialEvaluationRefused: not JSON, unknown or missing key, impossible value,
            or a conclusion that the named template does not have.
    """
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise OfficialEvaluationRefused("the description is not JSON") from error
    if not isinstance(value, dict):
        raise OfficialEvaluationRefused("the description is not a JSON object")
    return official_evaluation(value)


def official_evaluation(value: Mapping[str, Json]) -> OfficialEvaluation:
    """Like ``parse_official_evaluation`` for JSON already read."""
    if value.get("format") != OFFICIAL_FORMAT:
        raise _refuse("format", f"must be {OFFICIAL_FORMAT}; a self-assessment is not accepted")
    for key in sorted(set(value) - _KEYS):
        raise _refuse(key, "is not a field of an official evaluation")
    for key in sorted(_KEYS - _OPTIONAL - set(value)):
        raise _refuse(key, "is missing")
    template_text = _text(value, "template")
    if template_text not in set(Template):
        raise _refuse("template", "must be 2019, 2021 or 2025")
    template = Template(template_text)
    conclusion = _text(value, "conclusion")
    if conclusion not in CONCLUSIONS[template]:
        raise _refuse("conclusion", f"is none of the {template} template")
    level = value["level"]
    if isinstance(level, bool) or not isinstance(level, int) or level not in _LEVELS:
        raise _refuse("level", "must be 1 to 5")
    report_date = _day(value, "report_date")
    valid_until = _day(value, "valid_until")
    if valid_until <= report_date:
        raise _refuse("valid_until", "must lie after report_date")
    if template is not Template.T2025 and report_date > _TEMPLATE_2025_FROM:
        raise _refuse("template", f"must be 2025 for reports after {_TEMPLATE_2025_FROM}")
    onsite_from, onsite_to = _day(value, "onsite_from"), _day(value, "onsite_to")
    if not onsite_from <= onsite_to <= report_date:
        raise _refuse("onsite_to", "must lie between onsite_from and report_date")
    found, repaired = _risks(value, template)
    return OfficialEvaluation(
        body=_text(value, "body"),
        certificate_number=_text(value, "certificate_number"),
        filing_number=_text(value, "filing_number"),
        system=_text(value, "system"),
        level=level,
        template=template,
        conclusion=conclusion,
        score=_score(value, template),
        major_risks=found,
        major_risks_repaired=repaired,
        high_risks=_count(value, "high_risks"),
        medium_risks=_count(value, "medium_risks"),
        low_risks=_count(value, "low_risks"),
        onsite_from=onsite_from,
        onsite_to=onsite_to,
        report_number=_text(value, "report_number"),
        report_date=report_date,
        valid_until=valid_until,
        report_sm3=_sm3(value),
    )


def _refuse(key: str, reason: str) -> OfficialEvaluationRefused:
    return OfficialEvaluationRefused(f"{key} {reason}", where=key)


def _text(value: Mapping[str, Json], key: str) -> str:
    found = value.get(key)
    if not isinstance(found, str) or not found.strip() or len(found) > _LONGEST:
        raise _refuse(key, f"must be text of 1 to {_LONGEST} characters")
    return found.strip()


def _day(value: Mapping[str, Json], key: str) -> date:
    try:
        return date.fromisoformat(_text(value, key))
    except ValueError as error:
        raise _refuse(key, "must be a date such as 2026-03-01") from error


def _risks(value: Mapping[str, Json], template: Template) -> tuple[int | None, int | None]:
    """Both numbers for the 2025 template, neither for an older one."""
    numbers: list[int | None] = []
    for key in ("major_risks", "major_risks_repaired"):
        number = value.get(key)
        if template is not Template.T2025:
            if number is not None:
                raise _refuse(key, "exists only in the 2025 template")
            numbers.append(None)
        else:
            numbers.append(_count(value, key))
    found, repaired = numbers
    if found is not None and repaired is not None and repaired > found:
        raise _refuse("major_risks_repaired", "is larger than major_risks")
    return found, repaired


def _count(value: Mapping[str, Json], key: str) -> int:
    number = value.get(key)
    if isinstance(number, bool) or not isinstance(number, int) or number < 0:
        raise _refuse(key, "must be a whole number from 0")
    return number


def _score(value: Mapping[str, Json], template: Template) -> str | None:
    score = value.get("score")
    if template is not Template.T2021:
        if score is not None:
            raise _refuse("score", "exists only in the 2021 template")
        return None
    text = _text(value, "score")
    shaped = _SCORE.fullmatch(text) is not None
    if not shaped or Decimal(text) > _FULL_SCORE:
        raise _refuse("score", "must be a decimal text from 0 to 100, two places at most")
    return text


def _sm3(value: Mapping[str, Json]) -> Digest:
    try:
        digest = parse_digest(_text(value, "report_sm3"), "report_sm3")
    except BadInput as error:
        raise _refuse("report_sm3", "must be sm3:<64 hex digits>") from error
    if digest.algorithm != "sm3":
        raise _refuse("report_sm3", "must be the SM3 digest of the signed report file")
    return digest
