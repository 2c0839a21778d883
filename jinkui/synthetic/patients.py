"""Who are the invented patients: which age, which papers, which guardian, which disease?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random
from typing import Final

from jinkui.synthetic.conditions import Condition, conditions
from jinkui.synthetic.numbers import phones, resident_id
from jinkui.synthetic.pools import Pools
from shared_kernel.canonical_json import Json

GUARDIAN_BELOW: Final = 14
"""Years of age below which every invented patient has a guardian."""

SMALL_CHILD_BELOW: Final = 6
"""Years of age below which the invented prescriptions state the guardian's presence."""

_AGE_BANDS: Final = ((1, 5, 5), (6, 13, 6), (14, 34, 18), (35, 59, 38), (60, 88, 33))
"""Youngest, oldest, weight."""

_FIRST_ONES: Final = ((2, 4, "01"), (40, 60, "03"), (30, 50, "06"), (30, 50, "07"), (8, 12, "01"))
"""Youngest, oldest, document: however small the hospital, these patients exist."""

_DOCUMENTS: Final = (("01", 96), ("03", 2), ("06", 1), ("07", 1))
_HAN_SHARE: Final = 0.92
_MINORITIES: Final = ("02", "03", "05", "06", "08", "11")


@dataclass(frozen=True, slots=True, kw_only=True)
class Patient:
    """One invented person with one long-term condition."""

    number: int
    identity: dict[str, Json]
    """As the ``subject`` of an import line."""

    birth_date: date
    condition: Condition

    def age_on(self, day: date) -> int:
        """Completed years."""
        return completed_years(self.birth_date, day)

    @property
    def has_guardian(self) -> bool:
        """Does the identity name a guardian?"""
        return "guardian" in self.identity


def make_patients(draw: Random, pools: Pools, count: int, first_day: date) -> tuple[Patient, ...]:
    """Draw patients; ages are those on ``first_day``, the day of the earliest visit.

    Half a year later a child may be one year older: conditions are chosen with
    that year to spare.
    """
    free_phones = phones(draw)
    taken: set[str] = set()
    return tuple(
        _patient(draw, pools, number, first_day=first_day, free_phones=free_phones, taken=taken)
        for number in range(count)
    )


def _patient(
    draw: Random,
    pools: Pools,
    number: int,
    *,
    first_day: date,
    free_phones: Iterator[str],
    taken: set[str],
) -> Patient:
    youngest, oldest, document = _profile(draw, number)
    sex = draw.choice("12")
    age = draw.randint(youngest, oldest)
    born = first_day - timedelta(days=int(age * 365.25) + draw.randint(1, 364))
    age_then = completed_years(born, first_day)
    name = draw.choice(pools.roman) if document == "03" else pools.name(draw, sex)
    identity: dict[str, Json] = {
        "id_type": document,
        "id_no": _unused(draw, document, born, sex, taken),
        "name": name,
        "sex": sex,
        "birth_date": born.isoformat(),
        "phone": next(free_phones),
        "address": draw.choice(pools.addresses),
    }
    if document == "01":
        han = draw.random() < _HAN_SHARE
        identity["ethnic"] = "01" if han else draw.choice(_MINORITIES)
    if age_then < GUARDIAN_BELOW:
        guardian_sex = draw.choice("12")
        guardian = pools.name(draw, guardian_sex)
        grown = born - timedelta(days=draw.randint(23, 38) * 365)
        identity["name"] = guardian[0] + name[1:]
        identity["guardian"] = {
            "id_no": _unused(draw, "01", grown, guardian_sex, taken),
            "name": guardian,
            "phone": str(identity["phone"]),
        }
    fitting = [c for c in conditions() if c.fits(age_then, sex) and c.fits(age_then + 1, sex)]
    chosen = draw.choices(fitting, [condition.weight for condition in fitting])[0]
    return Patient(number=number, identity=identity, birth_date=born, condition=chosen)


def _profile(draw: Random, number: int) -> tuple[int, int, str]:
    if number < len(_FIRST_ONES):
        return _FIRST_ONES[number]
    youngest, oldest, _ = draw.choices(_AGE_BANDS, [band[2] for band in _AGE_BANDS])[0]
    if youngest < GUARDIAN_BELOW:
        return youngest, oldest, "01"
    document, _ = draw.choices(_DOCUMENTS, [row[1] for row in _DOCUMENTS])[0]
    return youngest, oldest, document


def completed_years(born: date, day: date) -> int:
    """Age in years on a day."""
    return day.year - born.year - ((day.month, day.day) < (born.month, born.day))


def _unused(draw: Random, document: str, born: date, sex: str, taken: set[str]) -> str:
    """A document number nobody has yet."""
    while True:
        number = {
            "01": lambda: resident_id(draw, born, sex),
            "03": lambda: f"P{draw.randrange(10**7):07d}",
            "06": lambda: f"H{draw.randrange(10**8):08d}",
            "07": lambda: f"{draw.randrange(10**8):08d}",
        }[document]()
        if number not in taken:
            taken.add(number)
            return number
