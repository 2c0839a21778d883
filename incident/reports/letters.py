"""Which letter goes to whom, and which content groups does it carry?

The lists are data (``letters.yaml``). Where no source prescribes a list (police,
health commission) it is ours and marked so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from incident.duties.load import DutyLaw
from incident.errors import UnknownWord
from incident.rule_files import Row, read_rule_file


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """One kind of document."""

    recipient: str
    title_zh: str
    title_en: str
    content_verified: bool
    """A source prescribes what it must say."""
    report: tuple[str, ...]
    """Content sets of first reports and supplements, in order."""
    closing: tuple[str, ...]
    """Content sets of closing reports; empty: there is no such stage."""

    def title(self, language: str) -> str:
        """The heading."""
        return self.title_zh if language == "zh" else self.title_en


@dataclass(frozen=True, slots=True, kw_only=True)
class LetterBook:
    """Every letter, and the headings of content groups."""

    letters: Mapping[str, Letter]
    group_titles: Mapping[str, tuple[str, str]]
    """Content set → heading in Chinese and English."""
    conditional: Mapping[str, str]
    """Content set → the flag without which it is left out."""
    field_words: Mapping[str, tuple[str, str]]
    """Record field → words in Chinese and English. They belong to whoever defines the
    records, so they come in from outside; a field without words is shown by its name."""

    def letter(self, recipient: str) -> Letter:
        """The letter to a recipient.

        Raises:
            UnknownWord: we write no letter to such a recipient.
        """
        if recipient not in self.letters:
            raise UnknownWord("recipient", recipient, tuple(self.letters))
        return self.letters[recipient]

    def field_word(self, name: str, language: str) -> str:
        """A record field as people call it."""
        zh, en = self.field_words.get(name, (name, name))
        return zh if language == "zh" else en

    def group_title(self, group: str, language: str) -> str:
        """Heading of a group; its own name if it has none."""
        zh, en = self.group_titles.get(group, (group, group))
        return zh if language == "zh" else en


def load_letters(
    law: DutyLaw, field_words: Mapping[str, tuple[str, str]] | None = None
) -> LetterBook:
    """Read the shipped letters.

    Raises:
        RuleFileMalformed: unknown keys, sets, recipients or flags, or a repetition.
    """
    return read_letters(read_rule_file("incident.reports", "letters.yaml"), law, field_words or {})


def read_letters(top: Row, law: DutyLaw, field_words: Mapping[str, tuple[str, str]]) -> LetterBook:
    """Read letters from their top mapping."""
    titles: dict[str, tuple[str, str]] = {}
    for row in top.rows("groups", "set"):
        name = row.choice("set", law.content_sets)
        if name in titles:
            raise row.fault(f"{name} stands twice")
        titles[name] = (row.text("zh"), row.text("en"))
        row.done()
    letters: dict[str, Letter] = {}
    for row in top.rows("letters", "recipient"):
        letter = Letter(
            recipient=row.choice("recipient", law.vocabulary.recipients),
            title_zh=row.text("title_zh"),
            title_en=row.text("title_en"),
            content_verified=row.flag("content_verified"),
            report=row.texts("report"),
            closing=row.texts("closing"),
        )
        row.done()
        for name in (*letter.report, *letter.closing):
            if name not in titles:
                raise row.fault(f"content set {name!r} has no heading")
        if letter.recipient in letters:
            raise row.fault(f"{letter.recipient} stands twice")
        letters[letter.recipient] = letter
    conditional: dict[str, str] = {}
    for row in top.rows("conditional", "set"):
        conditional[row.choice("set", titles)] = row.choice("flag", law.vocabulary.flags)
        row.done()
    top.done()
    return LetterBook(
        letters=letters, group_titles=titles, conditional=conditional, field_words=field_words
    )
