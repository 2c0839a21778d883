"""What does the printed report show, in which order?

Turns the report document into the few shapes the template repeats. First the
sentence that says the state, then what blocks a conclusion, then everything.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, cast

from classification.catalogue.models import Catalogue, ControlItem
from classification.errors import ReportRefused
from classification.reports.document import REPORT_FORMAT
from classification.reports.radar import Point, Radar, radar
from classification.reports.words import (
    AUTOMATION,
    CONCLUSIONS,
    OUTCOMES,
    PROVES,
    OutcomeWords,
    Words,
    percent,
)
from shared_kernel.canonical_json import Json

_CENTRE: Final = Point(300, 190)
_RADIUS: Final = 140
_UNMET: Final = frozenset({"fail", "partial"})

Row = Mapping[str, Json]


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultLine:
    """One result as a table row."""

    item: ControlItem
    row: Row
    outcome: OutcomeWords
    automation: Words
    proves: Words | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CategoryPart:
    """One category: its counts and its rows."""

    row: Row
    lines: tuple[ResultLine, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Everything the template reads."""

    report: Row
    sentence: Words
    radar_title: Words
    radar: Radar
    conclusion_2025: Words
    grade_2021: Words
    rate: str
    categories: tuple[CategoryPart, ...]
    urgent: tuple[ResultLine, ...]
    """Unmet items with a high risk or a proposed major risk, major first."""
    objects: Sequence[Row]
    notes: Sequence[tuple[str, Row]]


def page_of(report: Row, catalogue: Catalogue) -> Page:
    """Arrange a report document.

    Raises:
        ReportRefused: another format, or an item this catalogue does not know.
    """
    if report.get("format") != REPORT_FORMAT:
        raise ReportRefused(f"not a {REPORT_FORMAT} document", where="format")
    automation = {str(row["id"]): str(row["automation"]) for row in _rows(report, "items")}
    lines = tuple(_line(row, automation, catalogue) for row in _rows(report, "results"))
    grouped: dict[str, list[ResultLine]] = {}
    for line in lines:
        grouped.setdefault(line.item.category, []).append(line)
    categories = _rows(report, "categories")
    new = cast("Row", cast("Row", report["verdicts"])["2025"])
    old = cast("Row", cast("Row", report["verdicts"])["2021"])
    low_text, high_text = (percent(_text_or_none(new[key])) for key in ("rate_low", "rate_high"))
    rate = low_text if low_text == high_text else f"{low_text} – {high_text}"
    facts = cast("Row", report["facts"])
    objects = _rows(facts, "objects")
    low = [int(str(row["rate_low_permille"] or 0)) for row in categories]
    high = [int(str(row["rate_high_permille"] or 0)) for row in categories]
    return Page(
        report=report,
        sentence=_sentence(report, new, rate),
        radar_title=_radar_title(categories),
        radar=radar(low, high, centre=_CENTRE, radius=_RADIUS),
        conclusion_2025=CONCLUSIONS[str(new["conclusion"])],
        grade_2021=CONCLUSIONS[str(old["grade"])],
        rate=rate,
        categories=tuple(
            CategoryPart(row=row, lines=tuple(grouped.get(str(row["id"]), ())))
            for row in categories
        ),
        urgent=tuple(
            sorted(
                (
                    line
                    for line in lines
                    if line.row["high_risk"] or line.row["major_risk_proposed"]
                ),
                key=lambda line: line.row["major_risk_proposed"] is None,
            )
        ),
        objects=objects,
        notes=[(str(item["id"]), note) for item in objects for note in _rows(item, "notes")],
    )


def _rows(source: Row, key: str) -> Sequence[Row]:
    value = source.get(key)
    if isinstance(value, str | Mapping) or not isinstance(value, Sequence):
        raise ReportRefused(f"{key} is not a list", where=key)
    return cast("Sequence[Row]", value)


def _text_or_none(value: Json) -> str | None:
    return None if value is None else str(value)


def _line(row: Row, automation: Mapping[str, str], catalogue: Catalogue) -> ResultLine:
    item = catalogue.by_id.get(str(row["item"]))
    if item is None:
        raise ReportRefused(f"the catalogue has no item {row['item']}", where="results")
    proves = row["proves"]
    return ResultLine(
        item=item,
        row=row,
        outcome=OUTCOMES[str(row["outcome"])],
        automation=AUTOMATION[automation[item.id]],
        proves=None if proves is None else PROVES[str(proves)],
    )


def _sentence(report: Row, new: Row, rate: str) -> Words:
    coverage = cast("Row", report["coverage"])
    counts = cast("Row", cast("Row", report["verdicts"])["counts"])
    conclusion = CONCLUSIONS[str(new["conclusion"])]
    proposed = int(str(new["major_risks_proposed"]))
    zh = (
        f"{coverage['items']} 项中 {coverage['evaluated']} 项已有结果"
        f"（符合 {counts['pass']}，部分符合 {counts['partial']}，不符合 {counts['fail']}，"
        f"不适用 {counts['not_applicable']}），{counts['not_evaluated']} 项未评估"
        f"（其中 {coverage['partly_evaluated']} 项部分对象已有结果）；"
        f"按 2025 版：{conclusion.zh}（符合率 {rate}）"
    )
    en = (
        f"{coverage['evaluated']} of {coverage['items']} items have a result "
        f"({counts['pass']} conform, {counts['partial']} partly, {counts['fail']} fail, "
        f"{counts['not_applicable']} not applicable), {counts['not_evaluated']} not evaluated "
        f"({coverage['partly_evaluated']} of them answered on some objects); "
        f"2025 template: {conclusion.en} (rate {rate})"
    )
    if proposed:
        zh += f"；{proposed} 项疑似重大风险隐患待人确认"
        en += f"; {proposed} proposed major risks wait for a person"
    return Words(zh + "。", en + ".")


def _radar_title(categories: Sequence[Row]) -> Words:
    """The finding, not the name of the chart: what is open, and where most fails."""
    unseen = sum(1 for row in categories if row["not_evaluated"] == row["items"])
    failing = max(categories, key=_unmet)
    if not _unmet(failing):
        return Words(
            f"10 类中 {unseen} 类完全未评估，其余没有发现不符合",
            f"{unseen} of 10 categories not evaluated at all, nothing unmet in the others",
        )
    count = _unmet(failing)
    return Words(
        f"问题集中在{failing['zh']}（{count} 项未完全符合）；10 类中 {unseen} 类完全未评估",
        f"Most findings in {failing['en']} ({count} {'item' if count == 1 else 'items'} unmet); "
        f"{unseen} of 10 categories not evaluated at all",
    )


def _unmet(row: Row) -> int:
    return sum(int(str(row[key])) for key in (*_UNMET, "findings"))
