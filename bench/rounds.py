"""How are contenders timed so that only their ratios are believed?

Every case has ours, the limit (the fewest library calls that do the same job)
and perhaps peers. They run round robin in one process, so a noisy second on a
shared machine hits all of them, and the medians are compared. All figures are
rates: more is better. This file is imported by the benches; run alone it does
nothing.
"""

from __future__ import annotations

import argparse
import gc
import importlib.metadata
import json
import os
import platform
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Any, Final

from jinkui.system_clock import SystemClock

_LIBRARIES: Final = ("cryptography", "gmssl_pyx", "sqlcipher3", "SQLAlchemy", "orjson", "msgspec")
_PEERS: Final = ("casbin", "cedarpy", "pymerkle", "sqlalchemy-utils", "tink")
_FEWEST_ROUNDS: Final = 5

Contender = Callable[[float], float]
"""Takes the wished length of a round in seconds, gives operations per second."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How long and how often."""

    rounds: int
    seconds: float
    """Wished length of one round of one contender."""

    quick: bool

    def sized(self, full: int, quick: int) -> int:
        """A size for contenders whose work cannot be cut by time."""
        return quick if self.quick else full


FULL: Final = Pace(rounds=7, seconds=0.25, quick=False)
QUICK: Final = Pace(rounds=_FEWEST_ROUNDS, seconds=0.06, quick=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One line of a table."""

    case: str
    unit: str
    ours: Contender
    limit: Contender
    peers: Mapping[str, Contender] = field(default_factory=dict)
    goal_of_limit: float | None = None
    goal_times_peer: Mapping[str, float] = field(default_factory=dict)
    """May name peers that were not measured here; the goal then stays open."""

    goal_ours: float | None = None
    """An absolute rate, where the goal is one."""


def repeated(call: Callable[[], object], *, per_call: int = 1) -> Contender:
    """A contender that repeats a short call; each counts for ``per_call`` operations."""
    known: list[int] = []

    def run(seconds: float) -> float:
        if not known:
            call()
            count = 1
            while (took := _loop(call, count)) < seconds / 8:
                count *= 4
            known.append(max(1, int(count * seconds / took)))
        return known[0] * per_call / _loop(call, known[0])

    return run


def whole(job: Callable[[], tuple[int, float]]) -> Contender:
    """A contender that does one whole piece of work and says how much in how many seconds."""

    def run(_: float) -> float:
        count, seconds = job()
        return count / seconds

    return run


def drawn(prepare: Callable[[int], Callable[[], object]], *, at_once: int, most: int) -> Contender:
    """A contender that consumes prepared input: ``prepare(n)`` gives a call for n operations.

    Preparing is not timed. ``most`` bounds one round, so that stores stay small.
    """
    known: list[int] = []

    def run(seconds: float) -> float:
        if not known:
            once = prepare(at_once)
            began = perf_counter()
            once()
            fitting = int(seconds / max(perf_counter() - began, 1e-6))
            known.append(max(1, min(fitting, most // at_once)))
        calls = [prepare(at_once) for _ in range(known[0])]
        began = perf_counter()
        for call in calls:
            call()
        return known[0] * at_once / (perf_counter() - began)

    return run


def _loop(call: Callable[[], object], count: int) -> float:
    times = range(count)
    began = perf_counter()
    for _ in times:
        call()
    return perf_counter() - began


def installed(offers: Mapping[str, Callable[[], Contender]]) -> dict[str, Contender]:
    """The peers that can be imported here; each offer imports its own library."""
    found: dict[str, Contender] = {}
    for name, offer in offers.items():
        try:
            found[name] = offer()
        except ImportError as error:
            print(f"peer not installed: {name} ({error.name})", file=sys.stderr)
    return found


def measured(case: Case, pace: Pace) -> dict[str, Any]:
    """The published row of one case."""
    contenders = {"ours": case.ours, "limit": case.limit, **case.peers}
    rates: dict[str, list[float]] = {name: [] for name in contenders}
    for contender in contenders.values():
        contender(pace.seconds / 4)  # calibrates and warms caches; not counted
    for number in range(pace.rounds):
        names = list(contenders)
        shift = number % len(names)  # nobody always comes first after the garbage collection
        gc.collect()
        gc.disable()
        try:
            for name in names[shift:] + names[:shift]:
                rates[name].append(contenders[name](pace.seconds))
        finally:
            gc.enable()
    middle = {name: statistics.median(found) for name, found in rates.items()}
    return _row(case, middle, rates["ours"])


def _row(case: Case, middle: Mapping[str, float], ours: list[float]) -> dict[str, Any]:
    of_limit = middle["ours"] / middle["limit"]
    times = {name: middle["ours"] / middle[name] for name in case.peers}
    answers: list[bool | None] = []
    if case.goal_of_limit is not None:
        answers.append(of_limit >= case.goal_of_limit)
    if case.goal_ours is not None:
        answers.append(middle["ours"] >= case.goal_ours)
    for name, goal in case.goal_times_peer.items():
        answers.append(times[name] >= goal if name in times else None)
    row: dict[str, Any] = {
        "case": case.case,
        "ours": _short(middle["ours"]),
        "limit": _short(middle["limit"]),
        "peers": {name: _short(middle[name]) for name in case.peers},
        "unit": case.unit,
        "of_limit": _short(of_limit),
        "times_peer": {name: _short(value) for name, value in times.items()},
        "met": _met(answers),
        "spread": [_short(min(ours) / middle["ours"]), _short(max(ours) / middle["ours"])],
    }
    if case.goal_of_limit is not None:
        row["goal_of_limit"] = case.goal_of_limit
    if case.goal_ours is not None:
        row["goal_ours"] = case.goal_ours
    if case.goal_times_peer:
        row["goal_times_peer"] = dict(case.goal_times_peer)
    return row


def _met(answers: list[bool | None]) -> bool | None:
    """False if one goal is missed; None if there is none, or a peer of it was not measured."""
    if False in answers:
        return False
    return True if answers and None not in answers else None


def _short(value: float) -> float:
    return float(f"{value:.4g}")


def machine(pace: Pace) -> dict[str, Any]:
    """What the figures were taken on."""
    return {
        "cpu": _cpu(),
        "cpus": os.cpu_count(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "libraries": _versions(_LIBRARIES),
        "peers": _versions(_PEERS),
        "measured_on": SystemClock().now().date().isoformat(),
        "load": round(os.getloadavg()[1], 1),
        "rounds": pace.rounds,
        "quick": pace.quick,
    }


def _versions(names: tuple[str, ...]) -> dict[str, str]:
    """Of those that are installed."""
    found: dict[str, str] = {}
    for name in names:
        with suppress(importlib.metadata.PackageNotFoundError):
            found[name] = importlib.metadata.version(name)
    return found


def _cpu() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return platform.processor()
    names = [line.split(":", 1)[1] for line in text.splitlines() if line.startswith("model name")]
    return names[0].strip() if names else platform.processor()


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """What a bench file is given."""

    pace: Pace
    folder: Path
    """Its own temporary folder, gone at the end."""

    def place(self, name: str) -> Path:
        """A new folder inside it."""
        found = self.folder / name
        found.mkdir(mode=0o700)
        return found


Build = Callable[[Bench], Iterable[Case]]


def main(names: tuple[str, ...], build: Build) -> None:
    """Run a bench from the command line; ``names`` are the cases it promises, in order."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true", help="lighter rounds, no less than five")
    parser.add_argument("--json", action="store_true", help="one JSON document, nothing else")
    given = parser.parse_args()
    pace = QUICK if given.quick else FULL
    with _folder() as folder:
        rows = [measured(case, pace) for case in build(Bench(pace=pace, folder=folder))]
    if tuple(row["case"] for row in rows) != names:
        raise SystemExit("the bench did not measure the cases that it declares")
    if given.json:
        print(json.dumps({"machine": machine(pace), "cases": rows}, ensure_ascii=False))
        return
    title = f"{Path(sys.argv[0]).stem} ({pace.rounds} rounds{', quick' if pace.quick else ''})"
    print("\n".join([title, *plain_table(rows), ""]), flush=True)


@contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="jinkui-bench-") as name:
        yield Path(name)


def plain_table(rows: list[dict[str, Any]]) -> list[str]:
    """The rows as aligned text."""
    head = ["case", "ours", "limit", "unit", "of limit", "peers", "goal", "met"]
    body = [
        [
            row["case"],
            number(row["ours"]),
            number(row["limit"]),
            row["unit"],
            share(row["of_limit"]),
            peers_text(row) or "-",
            goal_text(row) or "-",
            met_text(row),
        ]
        for row in rows
    ]
    widths = [max(len(line[place]) for line in [head, *body]) for place in range(len(head))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in [head, *body]
    ]


def number(value: float) -> str:
    """``12,345``, ``123`` or ``1.23``."""
    if value >= 1000:
        return f"{value:,.0f}"
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def share(ratio: float) -> str:
    """``0.42``; a very small one keeps two digits that say something."""
    return f"{ratio:.2f}" if ratio >= 0.01 else f"{ratio:.1g}"


def peers_text(row: Mapping[str, Any]) -> str:
    """``name 1,234 (x2.5)`` for each peer."""
    return "; ".join(
        f"{name} {number(value)} (x{row['times_peer'][name]:.2f})"
        for name, value in row["peers"].items()
    )


def goal_text(row: Mapping[str, Any]) -> str:
    """Every goal of a row in words."""
    goals = []
    if "goal_of_limit" in row:
        goals.append(f">= {row['goal_of_limit']:.2f} of limit")
    if "goal_ours" in row:
        goals.append(f">= {number(row['goal_ours'])} {row['unit']}")
    for name, times in row.get("goal_times_peer", {}).items():
        absent = "" if name in row["peers"] else ", not measured"
        goals.append(f">= {times:g} x {name}{absent}")
    return "; ".join(goals)


def met_text(row: Mapping[str, Any]) -> str:
    """``yes``, ``no``, ``open`` (a peer of the goal was not measured) or ``-`` (no goal)."""
    if not goal_text(row):
        return "-"
    return {True: "yes", False: "no", None: "open"}[row["met"]]
