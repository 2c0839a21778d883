"""Where do the points of a radar chart lie?

Only geometry: the template draws. Axis 0 points up, the others follow clockwise.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

_FULL: Final = 1000
_QUARTER: Final = math.pi / 2
_LABEL_GAP: Final = 14


@dataclass(frozen=True, slots=True)
class Point:
    """A place in the drawing, in pixels rounded to a tenth."""

    x: float
    y: float

    def __str__(self) -> str:
        """As SVG wants it in a list of points."""
        return f"{self.x:.1f},{self.y:.1f}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Axis:
    """One direction with its label."""

    end: Point
    label: Point
    anchor: str
    """``start``, ``middle`` or ``end``, so that labels never run into the drawing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Radar:
    """Everything the template needs."""

    axes: tuple[Axis, ...]
    rings: tuple[str, ...]
    """Closed outlines at 25, 50, 75 and 100 %."""
    low: str
    """Outline of what is shown to conform."""
    high: str
    """Outline of what could still conform."""
    previous: str | None
    """Lower outline of the run before, if there was one."""


def radar(
    low: Sequence[int],
    high: Sequence[int],
    previous: Sequence[int] | None = None,
    *,
    centre: Point,
    radius: float,
) -> Radar:
    """Lay out a chart; all values per mille, one for each axis."""
    count = len(low)

    def outline(values: Sequence[int]) -> str:
        return " ".join(
            str(_at(centre, radius * value / _FULL, index, count))
            for index, value in enumerate(values)
        )

    axes = []
    for index in range(count):
        label = _at(centre, radius + _LABEL_GAP, index, count)
        side = round(label.x - centre.x)
        anchor = "middle" if abs(side) < _LABEL_GAP else ("start" if side > 0 else "end")
        axes.append(Axis(end=_at(centre, radius, index, count), label=label, anchor=anchor))
    return Radar(
        axes=tuple(axes),
        rings=tuple(outline([ring] * count) for ring in (250, 500, 750, 1000)),
        low=outline(low),
        high=outline(high),
        previous=None if previous is None else outline(previous),
    )


def _at(centre: Point, distance: float, index: int, count: int) -> Point:
    angle = 2 * math.pi * index / count - _QUARTER
    return Point(
        round(centre.x + distance * math.cos(angle), 1),
        round(centre.y + distance * math.sin(angle), 1),
    )
