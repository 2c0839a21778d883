"""A file beside a line comes in sealed, together with its record, or not at all."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable
from dataclasses import replace
from io import FileIO
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

import orjson
import pytest

from secure_records import Caller, StoreReceipt, StoreRefusal
from secure_records.access.errors import AccessDenied
from secure_records.adapters.import_folder import BesideFile
from secure_records.adapters.media_folder import MediaFolder
from secure_records.adapters.sql_media_rows import SqlMediaRows
from secure_records.envelope.suites import INTL
from secure_records.media.chunk_cipher import Chunk
from secure_records.media.errors import (
    MediaStoreFailed,
    MediaUnavailable,
)

if TYPE_CHECKING:
    from conftest import Recorded

LARGEST = 2 * 1024 * 1024
OFFICER = Caller(actor="records-desk", role="records_officer")
MARK = "这是患者的声音".encode()


# --- coming in --------------------------------------------------------------------------


@pytest.mark.parametrize("suite", ["gm", "intl"])
def test_recording_comes_back_whole_and_by_range(
    make_recorded: Callable[..., Recorded], suite: str
) -> None:
    """With its type, length and both digests, in both suites."""
    recorded = make_recorded(**({"suite": INTL} if suite == "intl" else {}))
    content = recorded.wav(700_000)
    record = recorded.stored(content)

    with recorded.room.vault.read_media(OFFICER, record, "patient_request") as view:
        assert b"".join(map(bytes, view.parts)) == content
        assert view.media_type == "audio/wav"
        assert (view.size, view.start, view.end) == (len(content), 0, len(content))
        assert view.sha256 == hashlib.sha256(content).hexdigest()
        assert view.sm3 == hashlib.new("sm3", content).hexdigest()
        assert view.media.startswith("med_")

    assert recorded.read(record, start=100_000, end=600_001) == content[100_000:600_001]
    assert recorded.read(record, start=len(content) - 1) == content[-1:]
    assert recorded.read(record, start=5, end=10**9) == content[5:]


def test_nothing_of_the_recording_stands_in_clear(recorded: Recorded) -> None:
    """Neither content nor type nor patient, in any file of the home or name of an object."""
    record = recorded.stored(recorded.wav())
    [(subject,)] = recorded.room.sql("SELECT subject FROM media")

    for path in recorded.room.folder.rglob("*"):
        if path.is_file() and path.parent != recorded.import_folder:
            content = path.read_bytes()
            assert MARK not in content, path
            assert b"audio/wav" not in content, path
    [path] = recorded.object_files()
    assert subject not in str(path)
    assert record not in str(path)
    assert subject.encode() not in path.read_bytes()
    assert MARK not in orjson.dumps(recorded.room.entries())


def test_recording_has_a_data_key_and_a_term_of_its_own(recorded: Recorded) -> None:
    """Sound and pictures can be shredded apart from the record they came with."""
    recorded.stored(recorded.wav())

    [(media_class, media_key)] = recorded.room.sql("SELECT retention_class, key_id FROM media")
    [(record_class, record_key)] = recorded.room.sql("SELECT retention_class, key_id FROM records")
    assert media_class == "audio_video"
    assert record_class == "chat_transcript"
    assert media_key != record_key
    assert recorded.object_files()[0].read_bytes()[7:].startswith(media_key.encode())


def test_picture_is_kept_as_long_as_its_record(recorded: Recorded) -> None:
    """A picture is part of the record it illustrates."""
    recorded.file(b"\x89PNG\r\n\x1a\n" + bytes(100), "tongue.png")
    [receipt] = recorded.store(recorded.line(3, path="tongue.png", media_type="image/png"))

    assert isinstance(receipt, StoreReceipt), receipt
    [(media_class, record_class)] = recorded.room.sql(
        "SELECT m.retention_class, r.retention_class FROM media m JOIN records r USING (record)"
    )
    assert media_class == record_class == "outpatient_record"


def test_entry_of_the_record_names_its_recording(recorded: Recorded) -> None:
    """The log says that something came along, not what it is."""
    recorded.stored(recorded.wav())

    entry = recorded.room.entries()[-1]
    [(media,)] = recorded.room.sql("SELECT media FROM media")
    assert entry["action"] == "record.stored"
    assert entry["details"]["media"] == media


def test_same_line_again_stores_nothing_twice(recorded: Recorded) -> None:
    """Neither row nor object; also when the file has been tidied away meanwhile."""
    record = recorded.stored(recorded.wav())
    before = recorded.object_files()

    [again] = recorded.store(recorded.line())
    assert (again.record, again.already_present) == (record, True)

    (recorded.import_folder / "a.wav").unlink()
    [gone] = recorded.store(recorded.line())
    assert gone.already_present
    assert recorded.object_files() == before


def test_same_line_with_another_file_is_a_conflict(recorded: Recorded) -> None:
    """The path is the same, the content is not: nothing is replaced."""
    content = recorded.wav()
    record = recorded.stored(content)
    recorded.file(recorded.wav())

    [refusal] = recorded.store(recorded.line())

    assert refusal.code == "media.conflict"
    assert recorded.read(record) == content
    assert recorded.room.entries()[-2]["outcome"] == "media.conflict"


def test_same_line_twice_in_one_batch_leaves_one_object(recorded: Recorded) -> None:
    """The second is a repeat of the first."""
    recorded.file(recorded.wav())

    first, second = recorded.store(recorded.line(), recorded.line())

    assert second.already_present
    assert first.record == second.record
    assert len(recorded.object_files()) == 1


def test_one_new_patient_in_one_batch_is_one_patient(recorded: Recorded) -> None:
    """Records with and without recordings of a stranger meet under one subject."""
    recorded.file(recorded.wav())
    visit = recorded.room.records()[2].visit
    others = [each for each in recorded.room.records() if each.visit == visit]
    lines = [recorded.line() if each.line == 3 else each for each in others]

    outcomes = recorded.store(*lines)

    assert all(isinstance(outcome, StoreReceipt) for outcome in outcomes)
    assert recorded.room.sql("SELECT count(DISTINCT subject) FROM records") == [(1,)]
    assert recorded.room.sql("SELECT count(*) FROM subjects") == [(1,)]


def test_patient_known_before_keeps_the_subject(recorded: Recorded) -> None:
    """The recording is sealed for the patient who is there already."""
    line = recorded.room.records()[1]
    recorded.store(line)
    recorded.stored(recorded.wav())

    assert len(set(recorded.room.sql("SELECT subject FROM records"))) == 1
    assert recorded.room.sql("SELECT subject FROM media") == recorded.room.sql(
        "SELECT subject FROM subjects"
    )


@pytest.mark.parametrize(
    ("media", "code"),
    [
        ({"path": "../a.wav"}, "media.file_refused"),
        ({"path": "../outside/a.wav"}, "media.file_refused"),
        ({"path": "folder/../a.wav"}, "media.file_refused"),
        ({"path": "/etc/passwd"}, "media.file_refused"),
        ({"path": "."}, "media.file_refused"),
        ({"path": "a.wav/"}, "media.file_refused"),
        ({"path": "..\\a.wav"}, "media.file_refused"),
        ({"path": "missing.wav"}, "media.file_refused"),
        ({"path": "folder"}, "media.file_refused"),
        ({"path": "pipe"}, "media.file_refused"),
        ({"path": "link.wav"}, "media.file_refused"),
        ({"path": "linked/a.wav"}, "media.file_refused"),
        ({"path": "empty.wav"}, "media.file_refused"),
        ({"path": "large.wav"}, "media.file_refused"),
        ({"media_type": "video/mp4"}, "media.type_refused"),
        ({"media_type": "application/pdf"}, "media.type_refused"),
        ({"media_type": "image/webp"}, "media.type_refused"),
    ],
)
def test_file_that_cannot_be_taken_refuses_the_line(
    recorded: Recorded, media: dict[str, str], code: str
) -> None:
    """Outside the folder, linked, no file, empty, too large, of another type: nothing is stored."""
    recorded.file(recorded.wav())
    outside = recorded.room.folder / "outside"
    outside.mkdir()
    (outside / "a.wav").write_bytes(recorded.wav(100))
    (recorded.import_folder / "folder").mkdir()
    (recorded.import_folder / "linked").symlink_to(outside)
    (recorded.import_folder / "link.wav").symlink_to(recorded.import_folder / "a.wav")
    os.mkfifo(recorded.import_folder / "pipe")
    recorded.file(b"", "empty.wav")
    recorded.file(recorded.wav(LARGEST), "large.wav")

    [refusal] = recorded.store(recorded.line(**media))

    assert isinstance(refusal, StoreRefusal)
    assert refusal.code == code
    assert str(recorded.import_folder) not in refusal.reason
    assert recorded.room.vault.count() == 0
    assert recorded.object_files() == []
    assert recorded.room.entries()[-1]["outcome"] == code


def test_file_in_a_folder_below_is_taken(recorded: Recorded) -> None:
    """Beside the import file means below its folder."""
    recorded.file(recorded.wav(), "2026/03/a.wav")

    [receipt] = recorded.store(recorded.line(path="2026/03/a.wav"))

    assert isinstance(receipt, StoreReceipt)


class Growing(FileIO):
    """A file that grows beyond the limit after it was measured."""

    def readinto(self, buffer: bytearray) -> int | None:  # type: ignore[override]
        path = Path(str(self.name))
        if path.stat().st_size < LARGEST:
            with path.open("ab") as more:
                more.write(bytes(LARGEST))
        return super().readinto(buffer)


class GrowingFolder(BesideFile):
    """Its files grow."""

    def open(self, path: str) -> BinaryIO:
        with super().open(path):
            return cast("BinaryIO", Growing(self._folder / path))


def test_file_that_grows_while_it_is_read_is_refused(recorded: Recorded) -> None:
    """The limit holds for what is read, not for what was measured."""
    recorded.file(recorded.wav())
    beside = GrowingFolder(recorded.import_folder)

    [refusal] = recorded.room.vault.store(OFFICER, [recorded.line()], "media", beside)

    assert isinstance(refusal, StoreRefusal)
    assert refusal.code == "media.file_refused"
    assert recorded.object_files() == []


def test_without_a_folder_no_file_is_taken(recorded: Recorded) -> None:
    """A program that hands over lines must say where their files lie."""
    [refusal] = recorded.room.vault.store(OFFICER, [recorded.line()], "media")

    assert isinstance(refusal, StoreRefusal)
    assert refusal.code == "media.file_refused"


def test_line_that_crosses_a_red_line_leaves_no_object(recorded: Recorded) -> None:
    """Its file is not even read."""
    recorded.file(recorded.wav())
    line = replace(recorded.line(), institution="91640100MA0000007A")

    [refusal] = recorded.store(line)

    assert refusal.code == "admission.institution.registered"
    assert not recorded.media_folder.exists()


def test_caller_who_may_not_hand_in_leaves_no_object(recorded: Recorded) -> None:
    """Refused before a file is touched."""
    recorded.file(recorded.wav())

    with pytest.raises(AccessDenied):
        recorded.store(recorded.line(), caller=Caller(actor="x", role="system_admin"))
    assert not recorded.media_folder.exists()


class Failing(MediaFolder):
    """A store that fails, or does something in between, when it is written to."""

    def __init__(self, folder: Path, before: Callable[[], None]) -> None:
        super().__init__(folder)
        self._before = before

    def put(self, name: str, parts: Iterable[Chunk]) -> None:
        self._before()
        super().put(name, parts)


def test_store_that_fails_stops_the_batch_and_leaves_an_entry(recorded: Recorded) -> None:
    """It is no fault of the line: nothing of the batch goes in, and the import can be repeated."""

    def fail() -> None:
        raise MediaStoreFailed("out of reach")

    recorded.file(recorded.wav())
    recorded.open(objects=Failing(recorded.media_folder, fail))
    with pytest.raises(MediaStoreFailed):
        recorded.store(recorded.room.records()[0], recorded.line())

    assert recorded.room.vault.count() == 0
    assert recorded.room.entries()[-1]["outcome"] == "media.store_failed"

    recorded.open()
    assert all(
        isinstance(each, StoreReceipt)
        for each in recorded.store(recorded.room.records()[0], recorded.line())
    )


def test_patient_entered_by_another_process_meanwhile(recorded: Recorded) -> None:
    """The object was sealed for a subject that never came to be: removed, and asked for again."""
    others = [recorded.room.records()[1]]
    plain = recorded.room.vault

    def enter_the_patient() -> None:
        if others:
            plain.store(OFFICER, [others.pop()], "other")

    content = recorded.file(recorded.wav())
    recorded.open(objects=Failing(recorded.media_folder, enter_the_patient))
    [refusal] = recorded.store(recorded.line())

    assert refusal.code == "media.overtaken"
    assert recorded.object_files() == []
    [receipt] = recorded.store(recorded.line())
    assert recorded.read(receipt.record) == content


def test_broken_commit_leaves_an_object_and_no_row(
    recorded: Recorded, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The object comes first: the crash in between leaves what nothing refers to."""
    recorded.file(recorded.wav())

    def broken(*_: object) -> None:
        raise RuntimeError("power cut")

    monkeypatch.setattr(SqlMediaRows, "add", broken)
    with pytest.raises(RuntimeError):
        recorded.store(recorded.line())

    assert recorded.room.vault.count() == 0
    assert recorded.room.sql("SELECT count(*) FROM media") == [(0,)]
    assert len(recorded.object_files()) == 1


def test_vault_that_keeps_none_refuses_but_knows_repeats(recorded: Recorded) -> None:
    """Switching recordings off does not make stored lines new."""
    record = recorded.stored(recorded.wav())
    recorded.room.open()

    [repeat] = recorded.store(recorded.line())
    [refusal] = recorded.store(recorded.line(0))

    assert (repeat.record, repeat.already_present) == (record, True)
    assert refusal.code == "media.not_available"
    with pytest.raises(MediaUnavailable):
        recorded.read(record)
    assert recorded.room.entries()[-1]["outcome"] == "media.not_available"
