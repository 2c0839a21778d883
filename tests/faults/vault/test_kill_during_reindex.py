"""A rotation of the index that is killed anywhere loses no search and goes on where it was."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from secure_records import Caller
from secure_records.reindexing import reindex

if TYPE_CHECKING:
    from conftest import Room

CHILD = Path(__file__).with_name("rotating_child.py")


def every_phone_finds_its_patient(room: Room, officer: Caller) -> bool:
    """Each phone of the file finds as many records as the file has of that patient."""
    records = room.records()
    for phone in sorted({record.subject.phone for record in records}):
        patients = {each.subject.id_no for each in records if each.subject.phone == phone}
        page = room.vault.search(officer, {"phone": phone}, "patient_request", limit=100)
        if len(page.records) != sum(each.subject.id_no in patients for each in records):
            return False
    return True


@pytest.mark.parametrize(
    ("method", "call", "moment"),
    [
        ("put_index_version", 1, "after"),  # the start, half done
        ("subjects_after", 1, "before"),  # started, nothing walked
        ("replace_terms", 2, "after"),  # in the middle of a batch
        ("put_index_version", 4, "after"),  # position written, not committed
        ("uneven_subjects", 1, "before"),  # walked, not switched
        ("put_index_version", 7, "after"),  # near the end of the walk, or the switch
        ("drop_terms", 1, "after"),  # switched, entries half gone
        ("drop_index_version", 9, "before"),  # the last step
    ],
)
def test_a_killed_rotation_goes_on(
    stored: Room, officer: Caller, method: str, call: int, moment: str
) -> None:
    """After SIGKILL every search finds what it found; the next run ends with the new version only."""
    before = stored.sql(
        "SELECT subject FROM index_terms WHERE \"column\" = 'phone' ORDER BY subject"
    )
    words = [sys.executable, str(CHILD), str(stored.folder), method, str(call), moment]
    killed = subprocess.run(words, check=False, capture_output=True)
    assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()

    stored.open()
    assert every_phone_finds_its_patient(stored, officer)
    stages = [each.stage for each in reindex(stored.vault._parts, officer, "phone", batch=3)]

    assert stages[-1] == "finished"
    assert every_phone_finds_its_patient(stored, officer)
    after = stored.sql(
        "SELECT subject, version FROM index_terms WHERE \"column\" = 'phone' ORDER BY subject"
    )
    assert [row[0] for row in after] == [row[0] for row in before]
    assert {row[1] for row in after} == {2}
    assert stored.sql('SELECT "column", version, phase FROM index_versions') == [
        ("phone", 2, "current")
    ]
    told = [each["action"] for each in stored.entries() if each["action"].startswith("index.")]
    assert told[0] == "index.rotation_started"
    assert told[-1] == "index.rotation_finished"
    assert told.count("index.rotation_switched") == 1
