"""What does somebody learn who has the store and its file key, but no record keys?

Equality and frequency. Every column that is not sealed cuts the rows into classes
of equal values; sizes of classes are readable whatever the values are. This file
turns counted classes into measures and into plain words; nothing in it names a
value of a patient. Counting is the adapter's work.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from math import log2
from typing import Final

from secure_records.access.vocabulary import Label
from secure_records.index.columns import LARGEST_SHARE, SMALLEST_VALUE_SPACE

_LISTED: Final = 50
"""Lines of a histogram that are shown; the measures count all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Classes:
    """The rows of one column, cut into classes of equal values."""

    name: str
    """Column, or columns joined by ``+``."""

    histogram: tuple[tuple[int, int], ...]
    """(size of a class, how many classes have it), largest size first."""

    values: tuple[tuple[str, int], ...] = ()
    """The commonest values of a column in clear that names no patient, with their rows."""

    version: int | None = None
    """Of the index; None: no index column."""

    @property
    def rows(self) -> int:
        """All rows."""
        return sum(size * classes for size, classes in self.histogram)

    @property
    def distinct(self) -> int:
        """Different values."""
        return sum(classes for _, classes in self.histogram)

    @property
    def alone(self) -> int:
        """Values that stand in one row only."""
        return dict(self.histogram).get(1, 0)

    @property
    def largest(self) -> int:
        """Rows of the commonest value."""
        return max((size for size, _ in self.histogram), default=0)

    @property
    def largest_share(self) -> Fraction:
        """Share of the rows that have the commonest value; 0 of no rows."""
        return Fraction(self.largest, self.rows) if self.rows else Fraction(0)

    @property
    def entropy_bits(self) -> float:
        """Shannon entropy of the value of a row drawn at random."""
        total = self.rows
        # Adding 0.0 turns the minus zero of a single class into zero.
        return 0.0 - sum(
            classes * (size / total) * log2(size / total) for size, classes in self.histogram
        )

    @property
    def stands_out(self) -> bool:
        """Is one value so common that the histogram gives it away?

        Judged from as many rows on as a column must have values: before that, any
        value is common.
        """
        return self.rows >= SMALLEST_VALUE_SPACE and self.largest_share > LARGEST_SHARE

    def as_json(self) -> dict[str, object]:
        """The outward form."""
        row: dict[str, object] = {
            "column": self.name,
            "rows": self.rows,
            "distinct": self.distinct,
            "alone": self.alone,
            "largest": self.largest,
            "largest_share": round(float(self.largest_share), 6),
            "entropy_bits": round(self.entropy_bits, 3),
            "stands_out": self.stands_out,
            "histogram": [
                {"size": size, "classes": classes} for size, classes in self.histogram[:_LISTED]
            ],
        }
        if self.version is not None:
            row["version"] = self.version
        if self.values:
            row["values"] = [{"value": value, "rows": rows} for value, rows in self.values]
        return row


@dataclass(frozen=True, slots=True, kw_only=True)
class LeakageReport:
    """Everything counted, and what it comes to."""

    records: int
    subjects: int
    index: tuple[Classes, ...]
    clear: tuple[Classes, ...]
    rows_per_subject: Classes
    envelope_lengths: Classes
    sentences: tuple[Label, ...] = field(default=())

    def as_json(self) -> dict[str, object]:
        """The outward form."""
        return {
            "records": self.records,
            "subjects": self.subjects,
            "index": [classes.as_json() for classes in self.index],
            "clear": [classes.as_json() for classes in self.clear],
            "rows_per_subject": self.rows_per_subject.as_json(),
            "envelope_lengths": self.envelope_lengths.as_json(),
            "sentences": [{"zh": each.zh, "en": each.en} for each in self.sentences],
        }


def sentences_of(
    index: Sequence[Classes], clear: Sequence[Classes], subjects: Classes, lengths: Classes
) -> tuple[Label, ...]:
    """What the counts say, for somebody who has never heard of entropy."""
    said = [
        Label(
            zh=(
                f"记录分属 {subjects.distinct} 名无名患者；"
                f"其中最多的一名有 {subjects.largest} 行，{subjects.alone} 名只有一行。"
            ),
            en=(
                f"The rows belong to {subjects.distinct} nameless patients; the one with the most "
                f"has {subjects.largest} rows, {subjects.alone} have a single one."
            ),
        )
    ]
    said += [_of_index(classes) for classes in index]
    said += [_of_clear(classes) for classes in clear]
    said.append(
        Label(
            zh=(
                f"信封长度有 {lengths.distinct} 种，{lengths.alone} 个版本的长度独一无二："
                "知道原文长度的人可以认出它们。"
            ),
            en=(
                f"Envelopes have {lengths.distinct} lengths, and {lengths.alone} versions have one "
                "of their own: who knows how long the original was can recognise them."
            ),
        )
    )
    return tuple(said)


def _of_index(classes: Classes) -> Label:
    name, shared = classes.name, classes.distinct - classes.alone
    zh = (
        f"盲索引 {name}（第 {classes.version} 版）：{classes.distinct} 个编码，"
        f"{shared} 个由多名患者共有，最多的一个有 {classes.largest} 名患者。"
        "看得出谁与谁相同，看不出内容。"
    )
    en = (
        f"Blind index {name} (version {classes.version}): {classes.distinct} codes, {shared} of "
        f"them shared by several patients, the commonest by {classes.largest}. Who equals whom is "
        "visible, what it says is not."
    )
    if classes.stands_out:
        zh += " 最多的一个过于常见，可按频率猜出：应更换该列。"
        en += " The commonest is so common that it can be guessed: this column should be replaced."
    return Label(zh=zh, en=en)


def _of_clear(classes: Classes) -> Label:
    return Label(
        zh=(
            f"明文列 {classes.name}：{classes.distinct} 个值，最常见的占 "
            f"{classes.largest} / {classes.rows} 行，{classes.alone} 个值只出现一次。"
        ),
        en=(
            f"In clear, {classes.name}: {classes.distinct} values, the commonest in "
            f"{classes.largest} of {classes.rows} rows, {classes.alone} values in one row only."
        ),
    )
