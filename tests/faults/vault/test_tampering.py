"""Whoever edits the database by hand, with its password, still cannot move or change a record."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from secure_records import Caller
from secure_records.access.errors import AccessDenied
from secure_records.errors import EnvelopeRefused, KeyNotFound
from secure_records.vault_errors import RecordMisplaced
from shared_kernel.errors import VerificationFailed

if TYPE_CHECKING:
    from conftest import Room


def two(room: Room) -> tuple[str, str]:
    """Two stored prescriptions of different patients."""
    rows = room.sql("SELECT record, subject FROM records WHERE kind = 'prescription'")
    first = rows[0]
    second = next(row for row in rows if row[1] != first[1])
    return first[0], second[0]


def test_swapped_envelopes_do_not_open(stored: Room, officer: Caller) -> None:
    """One patient's envelope in another's row is refused, and the failure is in the log."""
    one, other = two(stored)
    stored.sql(
        "UPDATE records SET (envelope, key_id) ="
        " (SELECT envelope, key_id FROM records WHERE record = ?) WHERE record = ?",
        other,
        one,
    )

    with pytest.raises(EnvelopeRefused):
        stored.vault.read(officer, one, "patient_request")
    permit, failed = stored.entries()[-2:]
    assert (permit["decision"], failed["decision"]) == ("permit", "failed")
    assert failed["outcome"] == "envelope.refused"
    assert permit["details"]["disclosure"] == failed["details"]["disclosure"]


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("subject", "sub_00000000000000000000000000"),
        ("version", 2),
        ("grade", 3),
        ("grade", 9),
        ("kind", "outpatient_record"),
        ("schema", "prescription/9"),
        ("clinician", "SYN-D0099"),
        ("visit", "SYN-V0000000"),
        ("occurred_at", "2020-01-01T00:00:00Z"),
    ],
)
def test_an_edited_column_is_refused(
    stored: Room, officer: Caller, column: str, value: object
) -> None:
    """Bound columns break the tag, clear columns contradict the content: refused alike."""
    record, _ = two(stored)
    stored.sql(f"UPDATE records SET {column} = ? WHERE record = ?", value, record)  # noqa: S608

    with pytest.raises(VerificationFailed):
        stored.vault.read(officer, record, "patient_request")


def test_a_clinician_written_into_a_row_gains_nothing(stored: Room) -> None:
    """Whoever makes himself the treating clinician in the database is refused at opening."""
    lines = stored.lines()
    line = next(each for each in lines if each["kind"] == "prescription")
    thief = next(each["clinician"] for each in lines if each["clinician"] != line["clinician"])
    [(record,)] = stored.sql(
        "SELECT record FROM records WHERE visit = ? AND kind = 'prescription'", line["visit"]
    )
    caller = stored.caller_of(thief)
    with pytest.raises(AccessDenied):
        stored.vault.read(caller, record, "treatment")

    stored.sql("UPDATE records SET clinician = ? WHERE record = ?", thief, record)

    with pytest.raises(RecordMisplaced):
        stored.vault.read(caller, record, "treatment")


def test_any_flipped_byte_is_refused(stored: Room, officer: Caller) -> None:
    """Header, identifier, commitment, ciphertext and tag: no byte may change."""
    record, _ = two(stored)
    [(blob,)] = stored.sql("SELECT envelope FROM records WHERE record = ?", record)
    for place in (0, 2, 3, 10, 40, 60, 90, len(blob) // 2, len(blob) - 1):
        broken = bytearray(blob)
        broken[place] ^= 1
        stored.sql("UPDATE records SET envelope = ? WHERE record = ?", bytes(broken), record)
        with pytest.raises(VerificationFailed):
            stored.vault.read(officer, record, "patient_request")


def test_a_tampered_row_makes_a_search_fail_aloud(stored: Room, officer: Caller) -> None:
    """A search does not step over broken rows: it stops, and the log says why."""
    person = stored.records()[0].subject
    page = stored.vault.search(officer, {"id_no": person.id_no}, "patient_request")
    stored.sql("UPDATE records SET envelope = zeroblob(200) WHERE record = ?", page.records[0].id)

    with pytest.raises(VerificationFailed):
        stored.vault.search(officer, {"id_no": person.id_no}, "patient_request")
    assert stored.entries()[-1]["decision"] == "failed"


def test_a_destroyed_key_closes_the_record_for_good(stored: Room, officer: Caller) -> None:
    """Without its data key a record does not open, whatever else is restored."""
    record, _ = two(stored)
    [(key_id,)] = stored.sql("SELECT key_id FROM records WHERE record = ?", record)
    with stored.key_file.transaction() as connection:
        connection.exec_driver_sql("DELETE FROM wrapped_keys WHERE key_id = ?", (key_id,))
    stored.open()

    with pytest.raises(KeyNotFound):
        stored.vault.read(officer, record, "patient_request")
    assert stored.entries()[-1]["outcome"] == "keys.not_found"
