"""Recordings that cannot be shown are found before somebody needs them; orphans are too."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from secure_records import Caller
from secure_records.adapters.media_folder import MediaFolder
from secure_records.media.errors import MediaUnavailable
from secure_records.media.object_name import new_object_name
from secure_records.vault_media_care import check_media, find_orphans, remove_orphans
from secure_records.vault_parts import VaultParts

if TYPE_CHECKING:
    from conftest import Recorded

OFFICER = Caller(actor="records-desk", role="records_officer")
FAR = datetime(2100, 1, 1, tzinfo=UTC)


def parts_of(recorded: Recorded) -> VaultParts:
    return recorded.room.vault._parts


def store_some(recorded: Recorded, count: int) -> list[str]:
    """Recordings beside the first dialogues and records of the hospital's file."""
    return [recorded.stored(recorded.wav(600_000), index) for index in range(count)]


def done(_: int) -> None:
    """Nobody watches."""


def test_whole_store_of_recordings_has_no_faults(recorded: Recorded) -> None:
    """Header, length and end of each, or every byte."""
    store_some(recorded, 3)
    for whole in (False, True):
        seen: list[int] = []
        verdict = check_media(parts_of(recorded), None, seen.append, whole=whole)
        assert (verdict.recordings, verdict.checked, verdict.faults) == (3, 3, ())
        assert seen == [1, 2, 3]


def test_missing_cut_and_exchanged_objects_are_named(recorded: Recorded) -> None:
    """Each with its record and a code, whichever way it is looked at."""
    records = store_some(recorded, 4)
    paths = [
        recorded.media_folder / name
        for record in records
        for (name,) in recorded.room.sql("SELECT object_name FROM media WHERE record = ?", record)
    ]
    paths[0].unlink()
    paths[1].write_bytes(paths[1].read_bytes()[:-1])
    paths[2].write_bytes(paths[3].read_bytes())

    verdict = check_media(parts_of(recorded), None, done)

    assert {fault.record: fault.code for fault in verdict.faults} == {
        records[0]: "media.object_missing",
        records[1]: "media.refused",
        records[2]: "media.refused",
    }
    assert all(fault.media.startswith("med_") for fault in verdict.faults)


def test_altered_byte_in_the_middle_is_found_when_every_byte_is_read(recorded: Recorded) -> None:
    """The short look opens the last chunk only, and says so by its name."""
    store_some(recorded, 1)
    [path] = recorded.object_files()
    raw = bytearray(path.read_bytes())
    raw[1000] ^= 1
    path.write_bytes(raw)

    assert check_media(parts_of(recorded), None, done).faults == ()
    [fault] = check_media(parts_of(recorded), None, done, whole=True).faults
    assert fault.code == "media.refused"


def test_row_without_key_is_a_fault(recorded: Recorded) -> None:
    """Closed for ever is not in order."""
    store_some(recorded, 1)
    with recorded.room.key_file.transaction() as connection:
        connection.exec_driver_sql("DELETE FROM wrapped_keys WHERE retention_class = 'audio_video'")
    recorded.open()

    [fault] = check_media(parts_of(recorded), None, done).faults
    assert fault.code == "keys.not_found"


@pytest.mark.parametrize(("most", "checked"), [(0, 0), (1, 1), (3, 3), (5, 5), (50, 5), (None, 5)])
def test_sample_has_the_size_that_was_asked_for(
    recorded: Recorded, most: int | None, checked: int
) -> None:
    """Spread over all recordings; never more than there are."""
    store_some(recorded, 5)

    verdict = check_media(parts_of(recorded), most, done)

    assert (verdict.recordings, verdict.checked) == (5, checked)


def test_orphans_are_objects_that_no_row_knows(recorded: Recorded) -> None:
    """Whole objects and what a crash left unfinished; never one that a record needs."""
    record = recorded.stored(content := recorded.wav())
    objects, name = MediaFolder(recorded.media_folder), new_object_name(os.urandom)
    objects.put(name, [b"sealed"])
    unfinished = Path(f"{recorded.media_folder / new_object_name(os.urandom)}.part")
    unfinished.parent.mkdir(exist_ok=True)
    unfinished.write_bytes(b"seal")

    found = find_orphans(parts_of(recorded), FAR)

    assert {each.name for each in found} == {name, f"{unfinished.parent.name}/{unfinished.name}"}
    assert sorted(each.size for each in found) == [4, 6]

    remove_orphans(parts_of(recorded), OFFICER, found)
    entry = recorded.room.entries()[-1]
    assert (entry["action"], entry["actor"]) == ("media.orphans_removed", "records-desk")
    assert entry["details"] == {"objects": 2, "bytes": 10}
    assert find_orphans(parts_of(recorded), FAR) == ()
    assert recorded.read(record) == content


def test_young_orphan_may_belong_to_an_import_that_is_running(recorded: Recorded) -> None:
    """It is left alone until it is older than any import takes."""
    MediaFolder(recorded.media_folder).put(new_object_name(os.urandom), [b"sealed"])
    now = datetime.now(UTC)

    assert find_orphans(parts_of(recorded), now - timedelta(hours=1)) == ()
    assert len(find_orphans(parts_of(recorded), now + timedelta(hours=1))) == 1


def test_object_that_found_its_row_meanwhile_is_not_removed(recorded: Recorded) -> None:
    """Listing and removing are two moments; the row decides at the second."""
    record = recorded.stored(content := recorded.wav())
    listed = tuple(MediaFolder(recorded.media_folder).listing())

    remove_orphans(parts_of(recorded), OFFICER, listed)

    assert recorded.read(record) == content
    assert recorded.room.entries()[-2]["details"] == {"objects": 0, "bytes": 0}


def test_nothing_is_removed_without_an_entry(recorded: Recorded) -> None:
    """No entry, no act."""
    objects, name = MediaFolder(recorded.media_folder), new_object_name(os.urandom)
    objects.put(name, [b"sealed"])
    found = find_orphans(parts_of(recorded), FAR)

    def broken(_: object) -> None:
        raise RuntimeError("the log is full")

    vault = recorded.room.open(media=parts_of(recorded).media, audit=broken)
    with pytest.raises(RuntimeError, match="full"):
        remove_orphans(vault._parts, OFFICER, found)
    assert [each.name for each in objects.listing()] == [name]


def test_vault_without_recordings_has_nothing_to_look_after(recorded: Recorded) -> None:
    """It says so instead of reporting a whole store."""
    recorded.room.open()
    for call in (
        lambda: check_media(parts_of(recorded), None, done),
        lambda: find_orphans(parts_of(recorded), FAR),
    ):
        with pytest.raises(MediaUnavailable):
            call()
