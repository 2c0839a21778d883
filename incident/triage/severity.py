"""How grave is an incident, on the four levels of the national grading guide?"""

from __future__ import annotations

from enum import IntEnum

from incident.errors import UnknownWord


class Severity(IntEnum):
    """A level; higher is graver. The order is the guide's own."""

    GENERAL = 1
    """一般"""
    RELATIVELY_MAJOR = 2
    """较大"""
    MAJOR = 3
    """重大"""
    PARTICULARLY_MAJOR = 4
    """特别重大"""

    @property
    def word(self) -> str:
        """The word of the rule rows, e.g. ``relatively_major``."""
        return self.name.lower()

    @property
    def zh(self) -> str:
        """The word of the law."""
        return {1: "一般", 2: "较大", 3: "重大", 4: "特别重大"}[self.value]

    def text(self, language: str) -> str:
        """The word for people."""
        return self.zh if language == "zh" else self.word.replace("_", " ")


SEVERITY_WORDS = tuple(level.word for level in Severity)


def parse_severity(word: str) -> Severity:
    """Read a level.

    Raises:
        UnknownWord: not one of the four.
    """
    if word not in SEVERITY_WORDS:
        raise UnknownWord("severity", word, SEVERITY_WORDS)
    return Severity[word.upper()]
