"""A recording leaves only where the policy allows it, and only as it was sealed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

from secure_records import Caller, StoreReceipt
from secure_records.access.agreement import StandingAgreement
from secure_records.access.agreement_document import parse_agreement
from secure_records.access.compiled import compile_agreements
from secure_records.access.decision import AccessPolicy
from secure_records.access.errors import AccessDenied
from secure_records.access.internal_roles import compiled_internal_roles
from secure_records.adapters.import_folder import BesideFile
from secure_records.adapters.media_folder import FolderObject, MediaFolder
from secure_records.adapters.sql_media_rows import SqlMediaRows
from secure_records.audit.log import AuditLog
from secure_records.errors import EnvelopeRefused, KeyNotFound
from secure_records.media.errors import (
    MediaFileRefused,
    MediaNotFound,
    MediaObjectMissing,
    MediaRangeRefused,
    MediaRefused,
)
from secure_records.vault_errors import RecordMisplaced, RecordNotFound, RecordWithheld
from secure_records.vault_parts import MediaParts
from shared_kernel.identifiers import MalformedIdentifier

if TYPE_CHECKING:
    from conftest import Recorded

TEMPLATES = Path(__file__).parents[4] / "config" / "examples" / "agreements"
LARGEST = 2 * 1024 * 1024
OFFICER = Caller(actor="records-desk", role="records_officer")
PARTNER = Caller(actor="desk", role="pharmacist", partner="demo-pharmacy")


# --- going out --------------------------------------------------------------------------


def test_entry_stands_before_the_first_byte(recorded: Recorded) -> None:
    """Who, which record, which range, which recording; nothing of the content."""
    record = recorded.stored(recorded.wav())

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
    record = recorded.stored(recorded.wav())
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
    content = recorded.wav()
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
    record = recorded.stored(recorded.wav())
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
    content = recorded.wav()
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
    record = prescription_with_recording(recorded, recorded.wav())
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
    record = recorded.stored(recorded.wav())
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
    record = recorded.stored(recorded.wav())
    recorded.object_files()[0].unlink()

    with pytest.raises(MediaObjectMissing):
        recorded.read(record)
    assert failed(recorded, "media.object_missing")


def test_altered_object_shows_no_byte_behind_the_alteration(recorded: Recorded) -> None:
    """What came before was authentic; the log holds the failure."""
    content = recorded.wav(900_000)
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
    record = recorded.stored(recorded.wav(900_000))
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
        record = recorded.stored(recorded.wav(), index)
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
    record = recorded.stored(recorded.wav())
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
    record = recorded.stored(recorded.wav())
    with recorded.room.vault.read_media(OFFICER, record, "patient_request") as view:
        assert "memoryview" not in repr(view)
        assert iterated(view.parts) == view.size


def test_edited_row_of_the_record_widens_nothing(recorded: Recorded) -> None:
    """The row says who treats the patient; one that contradicts its envelope shows nothing."""
    record = recorded.stored(recorded.wav())
    other = next(
        each.clinician
        for each in recorded.room.records()
        if each.clinician != recorded.line().clinician
    )
    recorded.room.sql("UPDATE records SET clinician = ? WHERE record = ?", other, record)

    with pytest.raises(RecordMisplaced):
        recorded.read(record, recorded.room.caller_of(other), "treatment")
    assert failed(recorded, "records.misplaced")
