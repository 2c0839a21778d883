"""How long does a host assessment take beside merely reading the same files?

Ours collects every fact of this machine, judges the whole catalogue and keeps
nothing. The limit opens, reads and lists exactly what ours looked at, bare. A
check is one question of a rule to the facts of this host.
"""

from __future__ import annotations

import sys

sys.path.sort(key=lambda place: place.endswith("bench"))  # last: supervision.py is here, too

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter
from typing import Final

from rounds import Bench, Case, Contender, main, repeated, whole

from classification.adapters.local_host import LocalHost
from classification.assessment.judge import judge
from classification.facts.collect import collect_host, facts_document
from classification.facts.models import ObjectKind
from classification.ports import HostReader, Listing, Reading, Standing
from jinkui.wiring.assessment import catalogue, rules

CASES: Final = ("collect the facts of this host", "collect and judge this host")
LYNIS: Final = "lynis"
OPENSCAP: Final = "openscap"
GOAL_A_SECOND: Final = 200 / 3
"""200 checks in 3 seconds."""

_NOW: Final = datetime(2026, 3, 1, 1, 0, tzinfo=UTC)


@dataclass
class Noted:
    """A host reader that remembers what was asked for."""

    host: HostReader
    reads: list[str] = field(default_factory=list)
    lists: list[str] = field(default_factory=list)
    stats: list[str] = field(default_factory=list)

    @property
    def effective_uid(self) -> int:
        """As the host says."""
        return self.host.effective_uid

    def read_text(self, path: str, limit: int = 2_000_000) -> Reading:
        """As the host says."""
        self.reads.append(path)
        return self.host.read_text(path, limit)

    def read_bytes(self, path: str, limit: int = 65_536) -> bytes | None:
        """As the host says."""
        self.reads.append(path)
        return self.host.read_bytes(path, limit)

    def list_dir(self, path: str, limit: int = 20_000) -> Listing:
        """As the host says."""
        self.lists.append(path)
        return self.host.list_dir(path, limit)

    def stat(self, path: str) -> Standing:
        """As the host says."""
        self.stats.append(path)
        return self.host.stat(path)


def cases(bench: Bench) -> Iterator[Case]:
    """G12 of the limits."""
    required, book = catalogue(), rules()
    noted = Noted(LocalHost())
    collect_host(noted, "localhost", _NOW)
    checks = sum(len(rule.checks) for rule in book.rules if rule.kind is ObjectKind.HOST)

    def collect() -> None:
        collect_host(LocalHost(), "localhost", _NOW)

    def collect_and_judge() -> None:
        found = collect_host(LocalHost(), "localhost", _NOW)
        judge(facts_document("bench", (found,), _NOW), required, book)

    bare = repeated(lambda: _bare(noted), per_call=checks)
    peers = {} if bench.pace.quick else _scanners()
    yield Case(case=CASES[0], unit="checks/s", ours=repeated(collect, per_call=checks), limit=bare)
    yield Case(
        case=CASES[1],
        unit="checks/s",
        ours=repeated(collect_and_judge, per_call=checks),
        limit=bare,
        peers=peers,
        goal_ours=GOAL_A_SECOND,
        goal_times_peer={LYNIS: 15.0, OPENSCAP: 5.0},
    )


def _bare(noted: Noted) -> None:
    for path in noted.reads:
        with suppress(OSError):
            handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
            try:
                os.read(handle, 2_000_000)
            finally:
                os.close(handle)
    for path in noted.lists:
        with suppress(OSError):
            os.listdir(path)  # noqa: PTH208 - the bare call is the point
    for path in noted.stats:
        with suppress(OSError):
            os.stat(path)  # noqa: PTH116 - the bare call is the point


def _scanners() -> dict[str, Contender]:
    """Scanners that are installed here; each run takes seconds to a minute."""
    found: dict[str, Contender] = {}
    if shutil.which("lynis"):
        found[LYNIS] = _scanned(
            ["lynis", "audit", "system", "--quick", "--no-colors"], r"Tests performed *: (\d+)"
        )
    guides = sorted(Path("/usr/share/xml/scap/ssg/content").glob("ssg-debian*-ds.xml"))
    if shutil.which("oscap") and guides:
        found[OPENSCAP] = _scanned(
            ["oscap", "xccdf", "eval", "--profile", "standard", str(guides[-1])],
            r"^Result\s+(?:pass|fail)$",
        )
    return found


def _scanned(command: list[str], evaluated: str) -> Contender:
    """One run, remembered: rules per second that really gave an answer."""
    known: list[float] = []

    def job() -> tuple[int, float]:
        began = perf_counter()
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
        took = perf_counter() - began
        hits = re.findall(evaluated, done.stdout, re.MULTILINE)
        tests = int(hits[0]) if hits and hits[0].isdigit() else len(hits)
        return max(tests, 1), took

    measure: Callable[[float], float] = whole(job)

    def run(seconds: float) -> float:
        if not known:
            known.append(measure(seconds))
        return known[0]

    return run


if __name__ == "__main__":
    main(CASES, cases)
