"""Benches say what they measure, start without harm and print what scripts rely on."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "bench"
FILES = sorted(FOLDER.glob("*.py"))
NOT_BENCHES = {"rounds", "floors", "hospital_home", "performance_page"}
"""What the benches share, and the writer of the page."""

BENCHES = [path for path in FILES if path.stem not in NOT_BENCHES]
CONTRACT = (
    {"seal", "store", "write_path", "search", "media", "rotation", "decisions", "audit_log"}
    | {"erase", "scope", "detection", "assess_host", "assess_judge", "assess_fleet", "scan"}
    | {"supervision", "http", "postgres", "growth"}
)
Loader = Callable[[str], ModuleType]
REQUIRED = {"case", "ours", "limit", "peers", "unit", "of_limit", "times_peer", "met"}


def short(path: Path) -> str:
    return path.stem


@pytest.fixture
def imported(monkeypatch: pytest.MonkeyPatch) -> Loader:
    """Imports a file of the folder under a name that hides no package."""
    monkeypatch.setattr(sys, "path", [*sys.path, str(FOLDER)])

    def load(stem: str) -> ModuleType:
        spec = importlib.util.spec_from_file_location(f"bench_{stem}", FOLDER / f"{stem}.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, spec.name, module)
        spec.loader.exec_module(module)
        return module

    return load


@pytest.mark.parametrize("path", BENCHES, ids=short)
def test_every_bench_imports_and_declares_its_cases(path: Path, imported: Loader) -> None:
    """
    A bench names its cases before it runs, each once, and importing it measures nothing.
    """
    module = imported(path.stem)

    assert module.CASES
    assert len(set(module.CASES)) == len(module.CASES)
    assert callable(module.cases)


def test_every_bench_has_a_name_of_the_contract() -> None:
    """
    Scripts find a bench by its published name; what is shared is known by name, too.
    """
    assert {path.stem for path in BENCHES} <= CONTRACT
    assert {path.stem for path in FILES} >= NOT_BENCHES


@pytest.mark.parametrize("stem", sorted(NOT_BENCHES))
def test_shared_files_do_nothing_when_run(stem: str) -> None:
    """
    A loop over all files of the folder meets the shared ones without harm.
    """
    done = subprocess.run(
        [sys.executable, str(FOLDER / f"{stem}.py"), "--quick"],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )

    assert done.stdout == ""


def test_the_page_runs_exactly_the_benches(imported: Loader) -> None:
    """
    The writer of the page finds benches by their declared cases, and forgets none.
    """
    assert list(imported("performance_page").benches()) == BENCHES


def test_the_page_has_every_case_and_no_other(imported: Loader) -> None:
    """
    The published tables name the cases that the benches declare, neither more nor fewer.
    """
    page = (ROOT / "docs" / "performance.md").read_text(encoding="utf-8")
    writer = imported("performance_page")
    _, _, rest = page.partition(writer.BEGIN)
    figures, end, _ = rest.partition(writer.END)
    rows = [line.split("|")[1].strip() for line in figures.splitlines() if line.startswith("|")]
    published = [name for name in rows if name != "case" and not name.startswith("---")]

    assert end
    assert published == [name for path in BENCHES for name in imported(path.stem).CASES]


def test_seal_prints_the_contract() -> None:
    """
    ``--quick --json`` prints one document with the promised keys and honest ratios.
    """
    done = subprocess.run(
        [sys.executable, str(FOLDER / "seal.py"), "--quick", "--json"],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
        cwd="/",
    )

    document = json.loads(done.stdout)

    assert set(document) == {"machine", "cases"}
    assert document["machine"]["rounds"] >= 5
    for row in document["cases"]:
        assert set(row) >= REQUIRED
        assert row["of_limit"] == pytest.approx(row["ours"] / row["limit"], rel=0.01)
        assert set(row["times_peer"]) == set(row["peers"])
        assert row["met"] in {True, False, None}


@pytest.mark.parametrize(
    ("ours", "peers", "met"),
    [
        (60.0, {"peer": 10.0}, True),
        (40.0, {"peer": 1.0}, False),
        (60.0, {"peer": 50.0}, False),
        (60.0, {}, None),
        (40.0, {}, False),
    ],
)
def test_a_goal_is_met_only_if_everything_in_it_was_measured(
    ours: float, peers: dict[str, float], met: bool | None, imported: Loader
) -> None:
    """
    One missed goal is a miss; a peer that was not measured leaves the rest open, never met.
    """
    rounds = imported("rounds")
    case = rounds.Case(
        case="x",
        unit="things/s",
        ours=lambda _: ours,
        limit=lambda _: 100.0,
        peers={name: lambda _, rate=rate: rate for name, rate in peers.items()},
        goal_of_limit=0.5,
        goal_times_peer={"peer": 2.0},
    )

    assert rounds.measured(case, rounds.QUICK)["met"] is met


def test_a_case_without_goal_claims_nothing(imported: Loader) -> None:
    """
    Where no goal was set, nothing is said to be met.
    """
    rounds = imported("rounds")
    case = rounds.Case(case="x", unit="things/s", ours=lambda _: 2.0, limit=lambda _: 1.0)

    row = rounds.measured(case, rounds.QUICK)

    assert row["met"] is None
    assert rounds.met_text(row) == "-"
