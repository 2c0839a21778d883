"""How is the whole synthetic hospital made from one seed?

The same arguments give the same bytes, line for line. ``start`` is the day the
demonstration begins: all visits lie in the half year before it, in working
hours, and the lines come out in the order of time. Lines are made one visit at
a time; nothing but the patients is kept in memory.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping
from datetime import date, datetime, time, timedelta
from pathlib import Path
from random import Random
from typing import Final

import orjson
import yaml

from jinkui.synthetic.errors import SizeRefused
from jinkui.synthetic.faults import ExpectedRefusal, FaultPlan
from jinkui.synthetic.institution import (
    SyntheticInstitution,
    make_institution,
    registry_document,
)
from jinkui.synthetic.patients import Patient, make_patients
from jinkui.synthetic.pools import draw_pools
from jinkui.synthetic.visits import Line, Visit, plan_visit, visit_lines
from shared_kernel.canonical_json import Json
from shared_kernel.instants import CHINA

SPAN_DAYS: Final = 180
"""Visits lie on the days start - 180 to start - 1."""

FEWEST_PATIENTS: Final = 10
MOST_PATIENTS: Final = 1_000_000

_OPENS: Final = time(8, 0)
_LAST_START_SECONDS: Final = 9 * 3600
"""After opening: a visit begins before 17:00 and so ends within the day."""


class SyntheticHospital:
    """One invented Internet hospital.

    Args:
        seed: Same seed, same hospital.
        patients: How many people; at least 10, so that every kind of person exists.
        visits: How many visits; the first ones give each patient one.
        start: First day of the demonstration; every visit is earlier.

    Raises:
        SizeRefused: too few or too many.
        FakerMissing: the extra that invents names is not installed.
    """

    institution: SyntheticInstitution
    patients: tuple[Patient, ...]

    def __init__(self, seed: int, patients: int = 1000, visits: int = 3000, *, start: date) -> None:
        if not FEWEST_PATIENTS <= patients <= MOST_PATIENTS or visits < 1:
            raise SizeRefused(f"cannot make {patients} patients with {visits} visits")
        self._seed = seed
        self._visits = visits
        self._first_day = start - timedelta(days=SPAN_DAYS)
        pools = draw_pools(seed, min(600, max(60, patients // 2)))
        self.institution = make_institution(self._draw("institution"), pools, start)
        self.patients = make_patients(self._draw("patients"), pools, patients, self._first_day)

    def registry_document(self) -> Mapping[str, Json]:
        """What ``jinkui registry apply`` reads."""
        return registry_document(self.institution)

    def write_registry(self, path: Path) -> None:
        """Write the registry document as YAML."""
        plain = orjson.loads(orjson.dumps(self.registry_document()))
        head = "# 合成数据 SYNTHETIC: every person and organisation in this file is invented.\n"
        text = yaml.safe_dump(plain, allow_unicode=True, sort_keys=False, width=100)
        path.write_text(head + text, encoding="utf-8")

    def lines(self) -> Iterator[Line]:
        """Every line, decoded, in the order of time."""
        waiting: list[tuple[datetime, int, int, Line]] = []
        for visit in self._schedule():
            while waiting and waiting[0][0] <= visit.starts_at:
                yield heapq.heappop(waiting)[-1]
            draw = self._draw(f"visit/{visit.number}")
            for order, line in enumerate(visit_lines(draw, visit, self.institution)):
                at = datetime.fromisoformat(str(line["occurred_at"]))
                heapq.heappush(waiting, (at, visit.number, order, line))
        while waiting:
            yield heapq.heappop(waiting)[-1]

    def write_lines(self, path: Path) -> int:
        """Write an import file in which every line is good; returns the number of lines."""
        count = 0
        with path.open("wb") as out:
            for line in self.lines():
                out.write(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE))
                count += 1
        return count

    def write_lines_with_faults(self, path: Path, faults: int) -> tuple[ExpectedRefusal, ...]:
        """Write the same good lines with ``faults`` bad ones strewn in.

        Each bad line follows a good one that it imitates, under an identifier
        of its own, so that it is refused for its one fault and nothing else.

        Raises:
            SizeRefused: fewer visits than faults.
        """
        if not 0 <= faults <= self._visits:
            raise SizeRefused(f"cannot strew {faults} faults into {self._visits} visits")
        plan = FaultPlan(faults=faults, good_lines=4 * self._visits)
        with path.open("wb") as out:
            for line in self.lines():
                plan.write_good(out, line)
                plan.write_due(out)
            plan.write_rest(out)
        return plan.expected

    def _draw(self, purpose: str) -> Random:
        # A seeded, replayable stream is the whole point here; nothing secret comes from it.
        return Random(f"{self._seed}/{purpose}")  # noqa: S311

    def _schedule(self) -> Iterator[Visit]:
        """Visits in the order of their beginning."""
        draw = self._draw("schedule")
        people = list(self.patients)
        opening = datetime.combine(self._first_day, _OPENS, CHINA)
        starts = sorted(
            opening
            + timedelta(days=draw.randrange(SPAN_DAYS), seconds=draw.randrange(_LAST_START_SECONDS))
            for _ in range(self._visits)
        )
        turns = self._turns(draw, people)
        for number, (starts_at, patient) in enumerate(zip(starts, turns, strict=True), start=1):
            yield plan_visit(draw, number, patient, self.institution, starts_at)

    def _turns(self, draw: Random, people: list[Patient]) -> list[Patient]:
        """Who comes at each visit: everybody once as far as visits reach, then by chance."""
        first = people[: self._visits]
        again = [draw.choice(people) for _ in range(self._visits - len(first))]
        turns = [*first, *again]
        draw.shuffle(turns)
        return turns
