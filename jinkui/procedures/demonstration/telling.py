"""What did the demonstration show, in words that a manager can read?

A ``Chapter`` holds facts; ``render`` turns them into Chinese or English. Nothing here
decides anything.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Line:
    """One sentence in both languages, and whether it is good news."""

    zh: str
    en: str
    ok: bool
    """Was what the sentence claims checked, and does it hold?"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chapter:
    """One path of the promise."""

    zh: str
    en: str
    lines: tuple[Line, ...]
    seconds: float

    @property
    def ok(self) -> bool:
        """Did everything in it happen as promised?"""
        return all(line.ok for line in self.lines)


def render(chapters: tuple[Chapter, ...], language: str, total: float) -> str:
    """The summary as plain text."""
    zh = language == "zh"
    head = (
        f"金匮演示小结（全部为合成数据），共 {total:.1f} 秒"
        if zh
        else f"Jinkui demonstration (all data synthetic), {total:.1f} s in all"
    )
    rows = [head]
    for number, chapter in enumerate(chapters, start=1):
        title = chapter.zh if zh else chapter.en
        unit = "秒" if zh else "s"
        rows.append("")
        rows.append(
            f"{number}. {title}（{chapter.seconds:.1f} {unit}）"
            if zh
            else f"{number}. {title} ({chapter.seconds:.1f} {unit})"
        )
        for line in chapter.lines:
            mark = "✓" if line.ok else "✗"
            rows.append(f"   {mark} {line.zh if zh else line.en}")
    return "\n".join(rows)
