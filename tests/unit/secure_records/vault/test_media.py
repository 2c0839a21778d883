"""A recording comes in with its record, and leaves only where the policy allows it."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from io import FileIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, cast

import orjson
import pytest
import yaml

from secure_records import Caller, NewRecord, StoreReceipt, StoreRefusal, parse_line
from secure_records.access.agreement import StandingAgreement
from secure_records.access.agreement_document import parse_agreement
from secure_records.access.compiled import compile_agreements
from secure_records.access.decision import AccessPolicy
from secure_records.access.errors import AccessDenied
from secure_records.access.internal_roles import compiled_internal_roles
from secure_records.adapters.import_folder import BesideFile
from secure_records.adapters.media_folder import FolderObject, MediaFolder
from secure_records.adapters.media_tables import media_metadata
from secure_records.adapters.sql_media_rows import SqlMediaRows
from secure_records.audit.log import AuditLog
from secure_records.envelope.suites import INTL
from secure_records.errors import EnvelopeRefused, KeyNotFound
from secure_records.media.chunk_cipher import Chunk
from secure_records.media.errors import (
    MediaFileRefused,
    MediaNotFound,
    MediaObjectMissing,
    MediaRangeRefused,
    MediaRefused,
    MediaStoreFailed,
    MediaUnavailable,
)
from secure_records.vault_errors import RecordMisplaced, RecordNotFound, RecordWithheld
from secure_records.vault_parts import MediaParts
from shared_kernel.identifiers import MalformedIdentifier

if TYPE_CHECKING:
    from conftest import Room

TEMPLATES = Path(__file__).parents[4] / "config" / "examples" / "agreements"
LARGEST = 2 * 1024 * 1024
OFFICER = Caller(actor="records-desk", role="records_officer")
PARTNER = Caller(actor="desk", role="pharmacist", partner="demo-pharmacy")
MARK = "这是患者的声音".encode()


def wav(size: int = 300_000) -> bytes:
    """Begins like a WAV file; its body holds a mark that must not be found anywhere."""
    body = MARK + os.urandom(size)
    return b"RIFF" + len(body).to_bytes(4, "little") + b"WAVE" + body


class Recorded:
    """A vault that keeps recordings, and the folder of an import file."""

    def __init__(self, room: Room) -> None:
        self.room = room
        self.media_folder = room.folder / "media"
        self.import_folder = room.folder / "import"
        self.import_folder.mkdir()
        with room.file.transaction() as connection:
            media_metadata.create_all(connection)
        self.objects = MediaFolder(self.media_folder)
        self.open()

    def open(self, **changes: object) -> None:
        parts: dict[str, Any] = {
            "objects": self.objects,
            "rows": SqlMediaRows,
            "largest_bytes": LARGEST,
        }
        self.room.open(media=MediaParts(**{**parts, **changes}))

    def line(self, index: int = 2, **media: str) -> NewRecord:
        """A line of the hospital's file with a recording beside it; 2 is a dialogue."""
        line = self.room.lines()[index]
        line["media"] = {"path": "a.wav", "media_type": "audio/wav"} | media
        return parse_line(orjson.dumps(line), index + 1)

    def file(self, content: bytes, name: str = "a.wav") -> bytes:
        path = self.import_folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return content

    def store(self, *lines: NewRecord, caller: Caller = OFFICER) -> list[Any]:
        beside = BesideFile(self.import_folder)
        return list(self.room.vault.store(caller, list(lines), "media", beside))

    def stored(self, content: bytes, index: int = 2) -> str:
        self.file(content)
        [receipt] = self.store(self.line(index))
        assert isinstance(receipt, StoreReceipt), receipt
        return receipt.record

    def read(
        self,
        record: str,
        caller: Caller = OFFICER,
        purpose: str = "patient_request",
        start: int = 0,
        end: int | None = None,
    ) -> bytes:
        with self.room.vault.read_media(caller, record, purpose, start, end) as view:
            return b"".join(map(bytes, view.parts))

    def object_files(self) -> list[Path]:
        return sorted(p for p in self.media_folder.rglob("*") if p.is_file())


@pytest.fixture
def recorded(room: Room) -> Recorded:
    """An empty vault that keeps recordings."""
    return Recorded(room)


# --- coming in --------------------------------------------------------------------------


@pytest.mark.parametrize("suite", ["gm", "intl"])
def test_recording_comes_back_whole_and_by_range(
    make_room: Callable[..., Room], suite: str
) -> None:
    """With its type, length and both digests, in both suites."""
    recorded = Recorded(make_room(**({"suite": INTL} if suite == "intl" else {})))
    content = wav(700_000)
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
    record = recorded.stored(wav())
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
    recorded.stored(wav())

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
    recorded.stored(wav())

    entry = recorded.room.entries()[-1]
    [(media,)] = recorded.room.sql("SELECT media FROM media")
    assert entry["action"] == "record.stored"
    assert entry["details"]["media"] == media


def test_same_line_again_stores_nothing_twice(recorded: Recorded) -> None:
    """Neither row nor object; also when the file has been tidied away meanwhile."""
    record = recorded.stored(wav())
    before = recorded.object_files()

    [again] = recorded.store(recorded.line())
    assert (again.record, again.already_present) == (record, True)

    (recorded.import_folder / "a.wav").unlink()
    [gone] = recorded.store(recorded.line())
    assert gone.already_present
    assert recorded.object_files() == before


def test_same_line_with_another_file_is_a_conflict(recorded: Recorded) -> None:
    """The path is the same, the content is not: nothing is replaced."""
    content = wav()
    record = recorded.stored(content)
    recorded.file(wav())

    [refusal] = recorded.store(recorded.line())

    assert refusal.code == "media.conflict"
    assert recorded.read(record) == content
    assert recorded.room.entries()[-2]["outcome"] == "media.conflict"


def test_same_line_twice_in_one_batch_leaves_one_object(recorded: Recorded) -> None:
    """The second is a repeat of the first."""
    recorded.file(wav())

    first, second = recorded.store(recorded.line(), recorded.line())

    assert second.already_present
    assert first.record == second.record
    assert len(recorded.object_files()) == 1


def test_one_new_patient_in_one_batch_is_one_patient(recorded: Recorded) -> None:
    """Records with and without recordings of a stranger meet under one subject."""
    recorded.file(wav())
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
    recorded.stored(wav())

    assert len(set(recorded.room.sql("SELECT subject FROM records"))) == 1
    assert recorded.room.sql("SELECT subject FROM media") == recorded.room.sql(
        "SELECT subject FROM subjects"
    )


@pytest.mark.parametrize(
    ("media", "code"),
    [
        ({"path": "../a.wav"}, "media.file_refused"),
        ({"path": "x/../a.wav"}, "media.file_refused"),
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
    recorded.file(wav())
    outside = recorded.room.folder / "outside"
    outside.mkdir()
    (outside / "a.wav").write_bytes(wav(100))
    (recorded.import_folder / "folder").mkdir()
    (recorded.import_folder / "linked").symlink_to(outside)
    (recorded.import_folder / "link.wav").symlink_to(recorded.import_folder / "a.wav")
    os.mkfifo(recorded.import_folder / "pipe")
    recorded.file(b"", "empty.wav")
    recorded.file(wav(LARGEST), "large.wav")

    [refusal] = recorded.store(recorded.line(**media))

    assert isinstance(refusal, StoreRefusal)
    assert refusal.code == code
    assert str(recorded.import_folder) not in refusal.reason
    assert recorded.room.vault.count() == 0
    assert recorded.object_files() == []
    assert recorded.room.entries()[-1]["outcome"] == code


def test_file_in_a_folder_below_is_taken(recorded: Recorded) -> None:
    """Beside the import file means below its folder."""
    recorded.file(wav(), "2026/03/a.wav")

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
    recorded.file(wav())
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
    recorded.file(wav())
    line = replace(recorded.line(), institution="91640100MA0000007A")

    [refusal] = recorded.store(line)

    assert refusal.code == "admission.institution.registered"
    assert not recorded.media_folder.exists()


def test_caller_who_may_not_hand_in_leaves_no_object(recorded: Recorded) -> None:
    """Refused before a file is touched."""
    recorded.file(wav())

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

    recorded.file(wav())
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

    content = recorded.file(wav())
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
    recorded.file(wav())

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
    record = recorded.stored(wav())
    recorded.room.open()

    [repeat] = recorded.store(recorded.line())
    [refusal] = recorded.store(recorded.line(0))

    assert (repeat.record, repeat.already_present) == (record, True)
    assert refusal.code == "media.not_available"
    with pytest.raises(MediaUnavailable):
        recorded.read(record)
    assert recorded.room.entries()[-1]["outcome"] == "media.not_available"


# --- going out --------------------------------------------------------------------------


def test_entry_stands_before_the_first_byte(recorded: Recorded) -> None:
    """Who, which record, which range, which recording; nothing of the content."""
    record = recorded.stored(wav())

    with recorded.room.vault.read_media(OFFICER, record, "patient_request", 10, 20) as view:
        entry = recorded.room.entries()[-1]
        assert entry["action"] == "media.read"
        assert entry["decision"] == "permit"
        assert entry["fields"] == ["media"]
        assert entry["record"] == record
        assert entry["purpose"] == "patient_request"
        assert entry["details"]["disclosure"] == view.disclosure_id
        assert entry["details"]["media"] == view.media
        assert entry["details"]["range"] == [10, 20]


def test_no_entry_no_recording(recorded: Recorded) -> None:
    """Where the log cannot be written nothing is opened."""
    record = recorded.stored(wav())
    opened: list[str] = []

    class Watching(MediaFolder):
        def open(self, name: str) -> AbstractContextManager[FolderObject]:  # type: ignore[override]
            opened.append(name)
            return super().open(name)

    def broken(_: object) -> AuditLog:
        raise RuntimeError("the log is full")

    media = MediaParts(
        objects=Watching(recorded.media_folder), rows=SqlMediaRows, largest_bytes=LARGEST
    )
    recorded.room.open(media=media, audit=broken)
    with pytest.raises(RuntimeError, match="full"):
        recorded.read(record)
    assert opened == []


def test_treating_clinician_hears_it_another_does_not(recorded: Recorded) -> None:
    """As with every other field of the record."""
    content = wav()
    record = recorded.stored(content)
    clinician = recorded.line().clinician
    other = next(each.clinician for each in recorded.room.records() if each.clinician != clinician)

    treating = recorded.room.caller_of(clinician)
    assert recorded.read(record, treating, "treatment") == content
    with pytest.raises(AccessDenied):
        recorded.read(record, recorded.room.caller_of(other), "treatment")
    entry = recorded.room.entries()[-1]
    assert (entry["decision"], entry["outcome"]) == ("deny", "access.denied")


def test_role_that_sees_names_masked_does_not_hear_the_voice(recorded: Recorded) -> None:
    """A voice cannot be masked: quality control reads the dialogue, not the recording."""
    record = recorded.stored(wav())
    control = Caller(actor="qc", role="quality_control")

    assert recorded.room.vault.read(control, record, "quality_control").body["messages"]
    with pytest.raises(AccessDenied) as fault:
        recorded.read(record, control, "quality_control")
    assert "field.withheld" in fault.value.reasons


def partner_policy(recorded: Recorded, treatment: str | None) -> AccessPolicy:
    """The published pharmacy agreement, with the recording of prescriptions named or not."""
    text = yaml.safe_load((TEMPLATES / "pharmacy.yaml").read_text(encoding="utf-8"))
    partner = recorded.room.hospital.institution.partner_of_kind("pharmacy")
    text["partner"]["credit_code"] = partner.credit_code
    text["term"].update({"from": "2025-01-01", "until": "2028-12-31"})
    for grant in text["grants"]:
        if treatment is not None:
            grant["fields"]["media"] = treatment
    agreement = parse_agreement(yaml.safe_dump(text, allow_unicode=True).encode())
    standing = StandingAgreement(agreement=agreement, ended_at=None)
    return AccessPolicy(compile_agreements([standing]), compiled_internal_roles())


def prescription_with_recording(recorded: Recorded, content: bytes) -> str:
    """Every record of the first visits, one prescription with a recording."""
    lines = recorded.room.records()
    index = next(each.line - 1 for each in lines if each.kind == "prescription")
    recorded.file(content)
    visit = lines[index].visit
    batch = [
        recorded.line(index) if each.line == index + 1 else each
        for each in lines
        if each.visit == visit
    ]
    outcomes = recorded.store(*batch)
    assert all(isinstance(each, StoreReceipt) for each in outcomes), outcomes
    [(record,)] = recorded.room.sql("SELECT record FROM media")
    return str(record)


@pytest.mark.parametrize(
    ("treatment", "shown"), [("clear", True), ("mask", False), ("withhold", False), (None, False)]
)
def test_partner_hears_what_its_agreement_names_in_clear(
    recorded: Recorded, treatment: str | None, shown: bool
) -> None:
    """A recording cannot be shown masked; what is not named is withheld."""
    content = wav()
    record = prescription_with_recording(recorded, content)
    recorded.room.policy = partner_policy(recorded, treatment)

    if shown:
        assert recorded.read(record, PARTNER, "dispensing") == content
        entry = recorded.room.entries()[-1]
        assert entry["agreement"] == "pharmacy-dispensing@1"
    else:
        with pytest.raises(RecordWithheld):
            recorded.read(record, PARTNER, "dispensing")
        assert recorded.room.entries()[-1]["decision"] == "deny"
        assert "fields" not in recorded.room.entries()[-1]


def test_partner_cannot_tell_without_recording_from_absent(recorded: Recorded) -> None:
    """No recording, no permission, no record: one answer."""
    record = prescription_with_recording(recorded, wav())
    recorded.room.policy = partner_policy(recorded, "clear")
    [(other,)] = recorded.room.sql("SELECT record FROM records WHERE kind = 'consent' LIMIT 1")
    recorded.room.sql("DELETE FROM media")
    answers = set()
    for each in (record, other, "rec_" + "0" * 26):
        with pytest.raises(RecordWithheld) as fault:
            recorded.read(each, PARTNER, "dispensing")
        answers.add((str(fault.value), fault.value.code, fault.value.hint))
    assert len(answers) == 1


def test_record_without_recording_is_said_inside_the_house(recorded: Recorded) -> None:
    """And logged; and a record that is not there is another answer."""
    [receipt] = recorded.store(recorded.room.records()[2])

    with pytest.raises(MediaNotFound):
        recorded.read(receipt.record)
    entry = recorded.room.entries()[-1]
    assert (entry["decision"], entry["outcome"]) == ("deny", "media.not_found")
    with pytest.raises(RecordNotFound):
        recorded.read("rec_" + "0" * 26)
    assert recorded.room.entries()[-1]["outcome"] == "records.not_found"


@pytest.mark.parametrize(
    ("start", "end", "entries"), [(5, 5, 1), (-1, None, 1), (9, 3, 1), (10**9, None, 2)]
)
def test_range_that_is_none_is_refused_and_logged(
    recorded: Recorded, start: int, end: int | None, entries: int
) -> None:
    """Malformed at once; beyond the end only once the length may be known."""
    record = recorded.stored(wav())
    before = len(recorded.room.entries())

    with pytest.raises(MediaRangeRefused):
        recorded.read(record, start=start, end=end)

    after = recorded.room.entries()
    assert len(after) == before + entries
    assert after[-1]["outcome"] == "media.range_refused"
    assert after[-1]["decision"] == "failed"


def test_identifier_and_purpose_are_checked_first(recorded: Recorded) -> None:
    """Free text reaches neither the store nor the log."""
    with pytest.raises(MalformedIdentifier):
        recorded.read("med_" + "0" * 26)
    with pytest.raises(Exception, match="purpose"):
        recorded.read("rec_" + "0" * 26, purpose="because 张三 asked")
    assert "张三" not in str(recorded.room.entries())


# --- tampering --------------------------------------------------------------------------


def failed(recorded: Recorded, code: str) -> bool:
    permit, failure = recorded.room.entries()[-2:]
    return (permit["decision"], failure["decision"], failure["outcome"]) == (
        "permit",
        "failed",
        code,
    )


def test_missing_object_is_found_and_logged(recorded: Recorded) -> None:
    """The row promises it; the second entry says that it was not shown."""
    record = recorded.stored(wav())
    recorded.object_files()[0].unlink()

    with pytest.raises(MediaObjectMissing):
        recorded.read(record)
    assert failed(recorded, "media.object_missing")


def test_altered_object_shows_no_byte_behind_the_alteration(recorded: Recorded) -> None:
    """What came before was authentic; the log holds the failure."""
    content = wav(900_000)
    record = recorded.stored(content)
    [path] = recorded.object_files()
    raw = bytearray(path.read_bytes())
    raw[300_000] ^= 1
    path.chmod(0o600)
    path.write_bytes(raw)
    shown = bytearray()

    with (  # noqa: PT012 - what is handed out before the refusal matters
        pytest.raises(MediaRefused),
        recorded.room.vault.read_media(OFFICER, record, "patient_request") as view,
    ):
        for part in view.parts:
            shown += part

    assert bytes(shown) == content[: 256 * 1024]
    assert failed(recorded, "media.refused")


def test_truncated_object_shows_nothing(recorded: Recorded) -> None:
    """Cut at the edge of a chunk, so that every chunk that is left opens."""
    record = recorded.stored(wav(900_000))
    [path] = recorded.object_files()
    path.write_bytes(path.read_bytes()[: -(900_000 + 33) % (256 * 1024) - 16])

    with pytest.raises(MediaRefused):
        recorded.read(record, start=0, end=10)
    assert failed(recorded, "media.refused")


def two_recordings(recorded: Recorded) -> tuple[str, str]:
    """Two dialogues of two patients, each with a recording."""
    lines = recorded.room.records()
    places = [each.line - 1 for each in lines if each.kind == "chat_transcript"]
    found = []
    for index in places:
        record = recorded.stored(wav(), index)
        found.append(record)
        subjects = recorded.room.sql("SELECT DISTINCT subject FROM media")
        if len(subjects) == 2:
            return found[0], found[-1]
    raise AssertionError("the hospital has one patient")


@pytest.mark.parametrize(
    "columns",
    [
        ["object_name"],
        ["description"],
        ["object_name", "description"],
        ["key_id"],
        ["grade"],
        ["object_name", "description", "key_id", "content_mac"],
    ],
)
def test_exchanged_parts_of_rows_are_refused(recorded: Recorded, columns: list[str]) -> None:
    """Whoever can write to the database cannot show one patient another's recording."""
    one, other = two_recordings(recorded)
    recorded.room.sql("DROP INDEX media_by_object")
    for column in columns:
        if column == "grade":
            recorded.room.sql("UPDATE media SET grade = grade - 1 WHERE record = ?", one)
            continue
        recorded.room.sql(  # the names come from the list above
            f"UPDATE media SET {column} = (SELECT {column} FROM media WHERE record = ?)"  # noqa: S608
            " WHERE record = ?",
            other,
            one,
        )

    with pytest.raises((EnvelopeRefused, RecordMisplaced)):
        recorded.read(one)


def test_row_that_was_moved_to_another_record_is_refused(recorded: Recorded) -> None:
    """With or without its patient."""
    one, other = two_recordings(recorded)
    recorded.room.sql("DELETE FROM media WHERE record = ?", one)
    recorded.room.sql("UPDATE media SET record = ? WHERE record = ?", one, other)

    with pytest.raises(RecordMisplaced):
        recorded.read(one)

    recorded.room.sql(
        "UPDATE media SET subject = (SELECT subject FROM records WHERE record = ?)", one
    )
    with pytest.raises((EnvelopeRefused, RecordMisplaced)):
        recorded.read(one)


def test_objects_exchanged_in_the_store_are_refused(recorded: Recorded) -> None:
    """Whoever can write to the object store cannot either."""
    one, other = two_recordings(recorded)
    first, second = recorded.object_files()
    left, right = first.read_bytes(), second.read_bytes()
    first.write_bytes(right)
    second.write_bytes(left)

    for record in (one, other):
        with pytest.raises(MediaRefused):
            recorded.read(record)


def test_shredded_key_closes_the_recording_and_not_the_record(recorded: Recorded) -> None:
    """The object may stay in a backup for ever; nobody opens it."""
    record = recorded.stored(wav())
    [(key_id,)] = recorded.room.sql("SELECT key_id FROM media")
    with recorded.room.key_file.transaction() as connection:
        connection.exec_driver_sql("DELETE FROM wrapped_keys WHERE key_id = ?", (key_id,))
    recorded.open()

    with pytest.raises(KeyNotFound):
        recorded.read(record)
    assert recorded.room.vault.read(OFFICER, record, "patient_request").body["messages"]


def test_confined_folder_gives_a_file_handle_that_cannot_write(tmp_path: Path) -> None:
    """The import never changes what lies beside the line."""
    (tmp_path / "a").write_bytes(b"x")
    with (
        BesideFile(tmp_path).open("a") as file,
        pytest.raises(OSError, match="not open for writing"),
    ):
        file.write(b"y")
    with pytest.raises(MediaFileRefused):
        BesideFile(tmp_path).open("a\x00b")


def iterated(view: Iterator[memoryview]) -> int:
    return sum(len(part) for part in view)


def test_view_says_nothing_of_the_bytes(recorded: Recorded) -> None:
    """A representation ends up in logs."""
    record = recorded.stored(wav())
    with recorded.room.vault.read_media(OFFICER, record, "patient_request") as view:
        assert "memoryview" not in repr(view)
        assert iterated(view.parts) == view.size
