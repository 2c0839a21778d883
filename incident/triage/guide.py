"""Which numbers make an incident graver, edition by edition?

Reads ``thresholds/*.yaml``. Drafts are carried for comparison and never applied.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time

from incident.errors import NoRulesInForce
from incident.rule_files import Row, read_rule_file, rule_file_names
from incident.triage.severity import SEVERITY_WORDS, Severity, parse_severity
from shared_kernel.citations import Citation
from shared_kernel.instants import CHINA, in_utc, instant_text

UNITS = ("minute", "percent", "person", "CNY", "count")


@dataclass(frozen=True, slots=True, kw_only=True)
class Threshold:
    """One number of the guide: reaching it (inclusive) gives the level."""

    severity: Severity
    metric: str
    value: int
    """In ``unit``."""
    unit: str
    subject: str | None
    """To whom or what the number applies."""
    citation: Citation
    """``verified`` here is about this very number."""
    note: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Qualitative:
    """A criterion in words: only a person can say whether it is met."""

    severity: Severity | None
    """None: it may concern any level listed."""
    zh: str
    en: str
    verified: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class GradingGuide:
    """One edition."""

    version: str
    in_force: bool
    effective_from: date | None
    thresholds: tuple[Threshold, ...]
    qualitative: tuple[Qualitative, ...]

    def metrics(self) -> tuple[str, ...]:
        """The known metric names, sorted."""
        return tuple(sorted({row.metric for row in self.thresholds}))


def load_guides() -> tuple[GradingGuide, ...]:
    """Every shipped edition.

    Raises:
        RuleFileMalformed: a file is not exactly as described here.
    """
    folder = "incident.triage.thresholds"
    return tuple(read_guide(read_rule_file(folder, name)) for name in rule_file_names(folder))


def guide_at(guides: tuple[GradingGuide, ...], at: datetime) -> GradingGuide:
    """The edition in force at the instant (the latest, should several be).

    Raises:
        NoRulesInForce: none is.
    """
    instant = in_utc(at, "at")
    dated = [
        (guide.effective_from, guide)
        for guide in guides
        if guide.in_force
        and guide.effective_from is not None
        and datetime.combine(guide.effective_from, time(), CHINA) <= instant
    ]
    if not dated:
        raise NoRulesInForce(f"no grading guide is in force at {instant_text(instant)}", where="at")
    return max(dated, key=lambda pair: pair[0])[1]


def read_guide(top: Row) -> GradingGuide:
    """One edition from its top mapping."""
    source = top.row("source")
    version, law = source.text("version"), source.text("law")
    edition, clause = source.text("edition"), source.text("clause")
    effective_from = source.day("effective_from")
    status = source.choice("status", ("in_force", "superseded"))
    source.done()
    seen: set[tuple[Severity, str]] = set()
    thresholds: list[Threshold] = []
    for row in top.rows("thresholds", "metric"):
        row.choice("operator", (">=",))
        threshold = Threshold(
            severity=parse_severity(row.choice("severity", SEVERITY_WORDS)),
            metric=row.text("metric"),
            value=row.whole("value"),
            unit=row.choice("unit", UNITS),
            subject=row.text_or_none("subject"),
            citation=Citation(
                law=law, edition=edition, clause=clause, verified=row.flag("verified")
            ),
            note=row.text_or_none("note"),
        )
        row.texts("seen_in")
        row.done()
        key = (threshold.severity, threshold.metric)
        if key in seen:
            raise row.fault("this level and metric stand twice")
        seen.add(key)
        thresholds.append(threshold)
    qualitative: list[Qualitative] = []
    for row in top.rows("qualitative", "zh"):
        word = row.choice("severity", (*SEVERITY_WORDS, "any_listed"))
        qualitative.append(
            Qualitative(
                severity=None if word == "any_listed" else parse_severity(word),
                zh=row.text("zh"),
                en=row.text("en"),
                verified=row.flag("verified"),
            )
        )
        row.texts("seen_in")
        row.done()
    top.done()
    return GradingGuide(
        version=version,
        in_force=status == "in_force",
        effective_from=effective_from,
        thresholds=tuple(thresholds),
        qualitative=tuple(qualitative),
    )
