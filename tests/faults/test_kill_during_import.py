"""A killed import loses nothing and stores nothing twice once it is run again."""

from __future__ import annotations

import json
import os
import select
import shutil
import signal
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

JINKUI = Path(sys.executable).with_name("jinkui")
CODE = "12340100490000001M"
PATIENTS, VISITS, BAD = "120", "300", "6"
MOST_POLLS = 60_000
POLL_SECONDS = 0.001


@dataclass(frozen=True)
class Hospital:
    """A home with people and no records, a file to import, and what a whole import comes to."""

    folder: Path
    visits: Path
    good: int
    bad: dict[int, str]
    growth: int
    """Bytes by which one undisturbed import makes the store grow."""


def command(folder: Path, *words: str) -> list[str]:
    passphrase = str(folder / "passphrase")
    return [str(JINKUI), "--home", str(folder / "home"), "--passphrase-file", passphrase, *words]


def run(folder: Path, *words: str) -> Any:  # noqa: ANN401 - a JSON document
    done = subprocess.run(command(folder, *words, "--json"), capture_output=True, check=False)
    assert done.returncode == 0, (words, done.stderr.decode())
    return json.loads(done.stdout)


def importing(folder: Path, visits: Path) -> list[str]:
    return command(folder, "--as", "a008", "records", "import", str(visits), "--json")


def store_bytes(folder: Path) -> int:
    """Size of the store with its write-ahead log: grows with every committed batch."""
    sizes = []
    for name in ("records.db", "records.db-wal"):
        path = folder / "home" / name
        sizes.append(path.stat().st_size if path.exists() else 0)
    return sum(sizes)


@pytest.fixture(scope="module")
def hospital(tmp_path_factory: pytest.TempPathFactory) -> Hospital:
    """Made once through the command line; each test works on a copy."""
    folder = tmp_path_factory.mktemp("killed")
    (folder / "passphrase").write_text("correct horse battery staple\n", encoding="ascii")
    made = run(
        folder, "demo", "hospital", "--out", str(folder / "input"),
        "--patients", PATIENTS, "--visits", VISITS, "--bad-lines", BAD,
    )  # fmt: skip
    run(folder, "init", "--institution", CODE, "--name", "示范医院", "--profile", "test",
        "--default-actor", "a004")  # fmt: skip
    run(folder, "registry", "apply", made["registry"])
    visits = Path(made["visits"])
    with visits.open("rb") as file:
        lines = sum(1 for _ in file)

    trial = tmp_path_factory.mktemp("undisturbed")
    shutil.copytree(folder, trial, dirs_exist_ok=True)
    before = store_bytes(trial)
    peak = before
    with subprocess.Popen(importing(trial, visits), stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        for _ in range(MOST_POLLS):
            peak = max(peak, store_bytes(trial))
            if select.select([process.stdout], [], [], POLL_SECONDS)[0]:
                break
        summary = json.loads(process.stdout.read())
    bad = {row["line"]: row["code"] for row in made["refusals"]}
    assert (summary["accepted"], summary["refused"]) == (lines - len(bad), len(bad))
    return Hospital(
        folder=folder, visits=visits, good=lines - len(bad), bad=bad, growth=peak - before
    )


def kill_after_growth(folder: Path, visits: Path, growth: int) -> None:
    """Start the import and kill it as soon as the store has grown by so many bytes."""
    goal = store_bytes(folder) + growth
    with subprocess.Popen(
        importing(folder, visits), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        assert process.stdout is not None
        for _ in range(MOST_POLLS):
            if store_bytes(folder) >= goal:
                break
            ended, _, _ = select.select([process.stdout], [], [], POLL_SECONDS)
            assert not ended, "the import ended before it could be killed"
        os.kill(process.pid, signal.SIGKILL)
        assert process.stdout.read() == b""
        assert process.wait() == -signal.SIGKILL


def entries(folder: Path, action: str) -> list[dict[str, Any]]:
    found = run(folder, "audit", "trail", "--action", action, "--limit", "10000")
    assert found["next_cursor"] is None
    return list(found["entries"])


@pytest.mark.parametrize("share", [0.15, 0.45, 0.8])
def test_killed_import_is_whole_after_a_second_run(
    hospital: Hospital, tmp_path: Path, share: float
) -> None:
    """
    Kill -9 amid the batches, then the same command: every line once, log and store in order.
    """
    folder = tmp_path / "copy"
    shutil.copytree(hospital.folder, folder)
    kill_after_growth(folder, hospital.visits, int(hospital.growth * share))

    again = json.loads(subprocess.check_output(importing(folder, hospital.visits)))

    committed = again["already_present"]
    assert 0 < committed < hospital.good
    assert again["accepted"] == hospital.good - committed
    assert {row["line"]: row["code"] for row in again["errors"]}.keys() == hospital.bad.keys()
    stored = entries(folder, "record.stored")
    lines = Counter(row["entry"]["details"]["line"] for row in stored)
    assert set(lines.values()) == {1}
    assert len(lines) == hospital.good
    assert not lines.keys() & hospital.bad.keys()
    assert len({row["record"] for row in stored}) == hospital.good
    checks = {row["id"]: row for row in run(folder, "doctor")["checks"]}
    assert all(row["ok"] for row in checks.values()), checks
    assert checks["records"]["detail"].startswith(f"{hospital.good} records")


def test_what_was_committed_before_the_kill_is_readable(hospital: Hospital, tmp_path: Path) -> None:
    """
    Right after the kill, before any repair: log in order, and every committed record opens.
    """
    folder = tmp_path / "copy"
    shutil.copytree(hospital.folder, folder)
    kill_after_growth(folder, hospital.visits, int(hospital.growth * 0.3))

    stored = entries(folder, "record.stored")
    assert 0 < len(stored) < hospital.good
    checks = {row["id"]: row for row in run(folder, "doctor")["checks"]}
    assert checks["records"]["detail"].startswith(f"{len(stored)} records")
    assert [row["ok"] for key, row in checks.items() if key != "anchor"].count(False) == 0
    view = run(
        folder, "--as", "a008", "records", "get", stored[-1]["record"],
        "--purpose", "patient_request",
    )  # fmt: skip
    assert view["body"]["patient.name"]
