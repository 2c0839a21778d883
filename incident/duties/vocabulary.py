"""Which operator kinds, flags, recipients and clock starts does the law know here?

The words are data (``vocabulary.yaml``); duty rows, cases and commands may use no
others. ``served_by`` says which letters count for a recipient that the law only
describes (有关主管部门): that reading is ours and marked unverified.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from incident.errors import UnknownWord
from incident.rule_files import Row, read_rule_file

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """A word with both its readings."""

    name: str
    zh: str
    en: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipient:
    """Somebody who must be told."""

    name: str
    zh: str
    en: str
    served_by: tuple[str, ...]
    """Concrete recipients any one of which stands for this one; empty: only itself."""
    verified: bool

    def fulfilled_by(self, told: Iterable[str]) -> bool:
        """Has this recipient, or one that stands for it, been told?"""
        return bool({self.name, *self.served_by} & set(told))


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockStart:
    """The event from which a limit is counted."""

    name: str
    counted_from: str
    """``aware_at``, ``handled_at`` or ``never`` (no clock)."""
    exact: bool
    """False: the law names another instant than the one we count from; awareness
    stands in for it unless the caller gives the instant itself."""
    zh: str
    en: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """A public way to report."""

    name: str
    value: str | None
    """Number or address; null where it was not recorded."""
    verified: bool
    note: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Vocabulary:
    """Every word, by name, in the order of the file."""

    operator_kinds: Mapping[str, Word]
    flags: Mapping[str, Word]
    severities: Mapping[str, Word]
    recipients: Mapping[str, Recipient]
    clock_starts: Mapping[str, ClockStart]
    channels: tuple[Channel, ...]

    def require_operators(self, names: Iterable[str]) -> frozenset[str]:
        """The names as a set; at least one.

        Raises:
            UnknownWord: none given, or one that no rule knows.
        """
        kinds = frozenset(names)
        if not kinds:
            raise UnknownWord("operator kind", "", tuple(self.operator_kinds))
        return _require(kinds, "operator kind", self.operator_kinds)

    def require_flags(self, names: Iterable[str]) -> frozenset[str]:
        """The names as a set, possibly empty.

        Raises:
            UnknownWord: one that no rule knows.
        """
        return _require(frozenset(names), "flag", self.flags)


def _require(names: frozenset[str], what: str, known: Mapping[str, object]) -> frozenset[str]:
    for name in sorted(names):
        if name not in known:
            raise UnknownWord(what, name, tuple(known))
    return names


def load_vocabulary() -> Vocabulary:
    """Read the shipped vocabulary.

    Raises:
        RuleFileMalformed: the file is not exactly as described here.
    """
    return read_vocabulary(read_rule_file("incident.duties", "vocabulary.yaml"))


def read_vocabulary(top: Row) -> Vocabulary:
    """Read a vocabulary from its top mapping."""
    severities = _words(top, "severities", "severity", note=False)
    operator_kinds = _words(top, "operator_kinds", "kind", note=True)
    flags = _words(top, "flags", "flag", note=False)
    starts: dict[str, ClockStart] = {}
    for row in top.rows("clock_starts", "clock"):
        start = ClockStart(
            name=row.text("clock"),
            counted_from=row.choice("counted_from", ("aware_at", "handled_at", "never")),
            exact=row.flag("exact"),
            zh=row.text("zh"),
            en=row.text("en"),
        )
        _add(starts, start.name, start, row)
    recipients: dict[str, Recipient] = {}
    for row in top.rows("recipients", "recipient"):
        recipient = Recipient(
            name=row.text("recipient"),
            zh=row.text("zh"),
            en=row.text("en"),
            served_by=row.texts("served_by"),
            verified=row.flag("verified"),
        )
        _add(recipients, recipient.name, recipient, row)
    channels: list[Channel] = []
    for row in top.rows("channels", "channel"):
        channels.append(
            Channel(
                name=row.text("channel"),
                value=row.text_or_none("value"),
                verified=row.flag("verified"),
                note=row.text_or_none("note"),
            )
        )
        row.texts("seen_in")
        row.done()
    for row in top.rows("rules_of_reading", "rule"):
        for key in ("rule", "zh", "en"):
            row.text(key)
        row.flag("verified")
        row.texts("seen_in")
        row.done()
    top.done()
    return Vocabulary(
        operator_kinds=operator_kinds,
        flags=flags,
        severities=severities,
        recipients=recipients,
        clock_starts=starts,
        channels=tuple(channels),
    )


def _words(top: Row, key: str, name_key: str, *, note: bool) -> Mapping[str, Word]:
    words: dict[str, Word] = {}
    for row in top.rows(key, name_key):
        word = Word(name=row.text(name_key), zh=row.text("zh"), en=row.text("en"))
        if note:
            row.text_or_none("note")
        _add(words, word.name, word, row)
    return words


def _add(known: dict[str, T], name: str, value: T, row: Row) -> None:
    if name in known:
        raise row.fault(f"{name} stands twice")
    known[name] = value
    row.done()
