"""On which day does a legal period of months or years end?

民法典 第二百零一条: the day on which the period begins is not counted.
第二百零二条: it ends on the corresponding day of the last month; where that
month has no such day, on its last day. The shift of 第二百零三条 for a last day
that is a holiday is not made: keeping is owed on holidays too.
"""

from __future__ import annotations

from calendar import monthrange
from dataclasses import dataclass
from datetime import date
from typing import Final

_MONTHS: Final = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """A length in calendar months; a year has twelve."""

    years: int = 0
    months: int = 0


def last_day(begins_on: date, period: Period) -> date:
    """Last calendar day of ``period`` begun on ``begins_on``; it is still inside the period.

    Raises:
        OverflowError: the day lies beyond the year 9999.
    """
    months = begins_on.month - 1 + period.months + _MONTHS * period.years
    year, month = begins_on.year + months // _MONTHS, months % _MONTHS + 1
    if year > date.max.year:
        raise OverflowError("the period ends beyond the calendar")
    return date(year, month, min(begins_on.day, monthrange(year, month)[1]))
