"""What does a bench of a whole path work on: a real home with a synthetic hospital.

Made through the same doors as any home. Imported only; run alone it does
nothing.
"""

from __future__ import annotations

import sys

sys.path.sort(key=lambda place: place.endswith("bench"))  # last: supervision.py is here, too

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date
from functools import cache
from itertools import count, islice
from pathlib import Path
from typing import Final

import msgspec
import orjson

from jinkui.procedures.registry_entry import enter_registry
from jinkui.synthetic.hospital import SyntheticHospital
from jinkui.system_clock import SystemClock
from jinkui.wiring.homes import create
from jinkui.wiring.toolkit import Toolkit, open_toolkit
from secure_records.intake import parse_line
from secure_records.models import Caller, NewRecord

OFFICER: Final = Caller(actor="a008", role="records_officer")
DATA_OFFICER: Final = Caller(actor="a004", role="data_protection_officer")
START: Final = date(2026, 3, 1)
_SEED: Final = 20260301
_OF_LINES: Final = 1000


@cache
def hospital(patients: int = 200, visits: int = 600) -> SyntheticHospital:
    """The same invented hospital in every bench."""
    return SyntheticHospital(_SEED, patients=patients, visits=visits, start=START)


@contextmanager
def opened_home(folder: Path, *, suite: str, synchronous: str) -> Iterator[Toolkit]:
    """A new home of this suite and durability, with registry and without records."""
    invented = hospital()
    head = {
        "institution": invented.institution.credit_code,
        "institution_name": "示范互联网医院",
        "profile": "demo",
        "suite": suite,
        "origin": f"jinkui.example/{invented.institution.credit_code}/audit",
        "default_actor": DATA_OFFICER.actor,
    }
    clock = SystemClock()
    sections = {"store": {"synchronous": synchronous}}
    create(folder, head, sections, None, clock, os.urandom).close()
    with open_toolkit(folder, None, clock, os.urandom) as toolkit:
        enter_registry(toolkit, "bench", orjson.dumps(invented.registry_document()))
        yield toolkit


@dataclass(frozen=True, slots=True)
class Supply:
    """Records that are new to the store each time: their patients and visits come again."""

    records: tuple[NewRecord, ...]
    numbers: Iterator[int]

    def take(self, size: int) -> list[NewRecord]:
        """The next ``size`` records, under external ids never used before."""
        return [self._fresh(number) for number in islice(self.numbers, size)]

    def take_strangers(self, size: int) -> list[NewRecord]:
        """The next ``size`` records, each of somebody who was never here before."""
        return [_of_stranger(self._fresh(number)) for number in islice(self.numbers, size)]

    def _fresh(self, number: int) -> NewRecord:
        record = self.records[number % len(self.records)]
        return replace(record, external_id=f"BENCH-{number}", digest=os.urandom(32))


def _of_stranger(record: NewRecord) -> NewRecord:
    number = int(record.external_id.removeprefix("BENCH-"))
    subject = msgspec.structs.replace(
        record.subject, id_type="03", id_no=f"E{number:08d}", phone=f"139{number:08d}"
    )
    return replace(record, subject=subject)


def supply() -> Supply:
    """Records that admission accepts, in the order of time."""
    lines = [line for line, _ in zip(hospital().lines(), range(_OF_LINES), strict=False)]
    parsed = [parse_line(orjson.dumps(line), number) for number, line in enumerate(lines, 1)]
    return Supply(tuple(parsed), count())
