"""Which reporting duties does the law set, row by row?

Reads ``regulations/*.yaml`` (one file per source, one row per duty) together with
the vocabulary and the content lists. The reader is strict: an unknown key, a
repeated rule id, an unknown word or a duration it cannot read is refused by file
and row. A new duty is a new row; this file does not change.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from incident.duties.vocabulary import ClockStart, Vocabulary, load_vocabulary
from incident.rule_files import Row, read_rule_file, rule_file_names
from incident.triage.severity import SEVERITY_WORDS, Severity, parse_severity
from shared_kernel.citations import Citation

ANY = "any"
"""In a row's conditions: every severity, every operator kind."""


class RuleStatus(StrEnum):
    """May a row be applied?"""

    IN_FORCE = "in_force"
    SUPERSEDED = "superseded"
    """History; never applied."""
    PLACEHOLDER = "placeholder"
    """Known to exist, content unseen; never applied."""


class RuleActor(StrEnum):
    """On whom the duty lies."""

    OPERATOR = "operator"
    AUTHORITY = "authority"
    VENDOR = "vendor"


class DischargedBy(StrEnum):
    """What fulfils a duty."""

    REPORT = "report"
    """A filed document to every addressee."""
    ACTION = "action"
    """An internal act with proof."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ContentField:
    """One thing that a report must say."""

    name: str
    zh: str
    en: str
    verified: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """When a row applies."""

    severities: frozenset[Severity]
    operator_kinds: frozenset[str] | None
    """None: every kind."""
    flags_all: frozenset[str]
    flags_any: frozenset[str]
    """At least one of these, unless empty."""
    flags_none: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class DutyRule:
    """One sentence of law: who must be told, and how fast."""

    rule_id: str
    citation: Citation
    """``verified`` here is about the article number."""
    source: str
    status: RuleStatus
    actor: RuleActor
    conditions: Conditions
    recipient_zh: str
    recipient_en: str
    addressees: tuple[str, ...]
    """Recipients of our letters, each of which must be told; empty: nobody."""
    discharged_by: DischargedBy
    clock: ClockStart
    limit: timedelta | None
    """Longest lawful delay, elapsed time. None: the source sets no number."""
    limit_text: str
    limit_text_zh: str
    content: tuple[str, ...]
    """Names of content sets, in order."""
    verified: bool
    """The duty itself was seen in a source."""
    seen_in: tuple[str, ...]
    note: str | None
    effective_from: date | None
    """First day of force, China time. None: never in force."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DutyLaw:
    """Everything the duty rules need, as read from data."""

    vocabulary: Vocabulary
    content_sets: Mapping[str, tuple[ContentField, ...]]
    rules: tuple[DutyRule, ...]

    def rule(self, rule_id: str) -> DutyRule:
        """The row of this id (a ``KeyError`` here is a programming fault)."""
        return {rule.rule_id: rule for rule in self.rules}[rule_id]


def load_law() -> DutyLaw:
    """Read every shipped row.

    Raises:
        RuleFileMalformed: a file is not exactly as described here.
    """
    content = read_content_sets(read_rule_file("incident.duties", "content_sets.yaml"))
    folder = "incident.duties.regulations"
    tops = [read_rule_file(folder, name) for name in rule_file_names(folder)]
    return assemble(load_vocabulary(), content, tops)


def assemble(
    vocabulary: Vocabulary,
    content_sets: Mapping[str, tuple[ContentField, ...]],
    tops: Iterable[Row],
) -> DutyLaw:
    """Put regulation files together; a rule id may stand once in all of them."""
    rules: dict[str, DutyRule] = {}
    for top in tops:
        for rule, row in _regulation(top, vocabulary, content_sets):
            if rule.rule_id in rules:
                raise row.fault(f"rule_id {rule.rule_id} stands twice")
            rules[rule.rule_id] = rule
    return DutyLaw(vocabulary=vocabulary, content_sets=content_sets, rules=tuple(rules.values()))


def read_content_sets(top: Row) -> Mapping[str, tuple[ContentField, ...]]:
    """The content lists, by name."""
    sets: dict[str, tuple[ContentField, ...]] = {}
    for group in top.rows("content_sets", "set"):
        name = group.text("set")
        if name in sets:
            raise group.fault(f"{name} stands twice")
        fields: dict[str, ContentField] = {}
        for row in group.rows("fields", "field"):
            field = ContentField(
                name=row.text("field"),
                zh=row.text("zh"),
                en=row.text("en"),
                verified=row.flag("verified"),
            )
            row.texts("seen_in")
            row.done()
            if field.name in fields:
                raise row.fault(f"{field.name} stands twice")
            fields[field.name] = field
        group.done()
        sets[name] = tuple(fields.values())
    top.done()
    return sets


def _regulation(
    top: Row, vocabulary: Vocabulary, content_sets: Mapping[str, object]
) -> Iterable[tuple[DutyRule, Row]]:
    source = top.row("source")
    source_id, law = source.text("id"), source.text("law")
    edition, effective_from = source.text("edition"), source.day("effective_from")
    source.done()
    rows = top.rows("rules", "rule_id")
    top.done()
    for row in rows:
        rule_id, article = row.text("rule_id"), row.text("article")
        article_verified = row.flag("article_verified")
        conditions = _conditions(row.row("applies_when"), vocabulary)
        recipient, limit_text = row.row("recipient_authority"), row.row("limit_text")
        status = RuleStatus(row.choice("status", tuple(RuleStatus)))
        rule = DutyRule(
            rule_id=rule_id,
            citation=Citation(
                law=law,
                edition=edition,
                clause=article.removeprefix(law).strip(),
                verified=article_verified,
            ),
            source=source_id,
            status=status,
            actor=RuleActor(row.choice("actor", tuple(RuleActor))),
            conditions=conditions,
            recipient_zh=recipient.text("zh"),
            recipient_en=recipient.text("en"),
            addressees=_known(row, "addressees", vocabulary.recipients),
            discharged_by=DischargedBy(row.choice("discharged_by", tuple(DischargedBy))),
            clock=vocabulary.clock_starts[row.choice("clock_starts_at", vocabulary.clock_starts)],
            limit=row.duration("limit"),
            limit_text=limit_text.text("en"),
            limit_text_zh=limit_text.text("zh"),
            content=_known(row, "content_fields", content_sets),
            verified=row.flag("verified"),
            seen_in=row.texts("seen_in"),
            note=row.text_or_none("note"),
            effective_from=effective_from,
        )
        recipient.done()
        limit_text.done()
        row.done()
        if rule.limit is not None and rule.clock.counted_from == "never":
            raise row.fault("has a limit but no clock to count it from")
        if status is RuleStatus.IN_FORCE and effective_from is None:
            raise row.fault("is in force but its source has no effective_from")
        yield rule, row


def _conditions(row: Row, vocabulary: Vocabulary) -> Conditions:
    severities = _known(row, "severity", (*SEVERITY_WORDS, ANY))
    kinds = _known(row, "operator_kind", (*vocabulary.operator_kinds, ANY))
    if not severities or not kinds:
        raise row.fault("severity and operator_kind name at least one value (or any)")
    conditions = Conditions(
        severities=frozenset(Severity)
        if ANY in severities
        else frozenset(map(parse_severity, severities)),
        operator_kinds=None if ANY in kinds else frozenset(kinds),
        flags_all=frozenset(_known(row, "flags_all", vocabulary.flags)),
        flags_any=frozenset(_known(row, "flags_any", vocabulary.flags)),
        flags_none=frozenset(_known(row, "flags_none", vocabulary.flags)),
    )
    row.done()
    return conditions


def _known(row: Row, key: str, known: Mapping[str, object] | tuple[str, ...]) -> tuple[str, ...]:
    names = row.texts(key)
    for name in names:
        if name not in known:
            raise row.fault(f"{key} names {name!r}, which the vocabulary does not know")
    return names
