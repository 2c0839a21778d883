"""What is stored is sealed, found again, explained in the log, and stored once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import orjson
import pytest

from secure_records import Caller, StoreReceipt, StoreRefusal, parse_line
from secure_records.access.errors import AccessDenied
from secure_records.envelope.suites import INTL
from secure_records.vault_errors import RequestRefused

if TYPE_CHECKING:
    from conftest import Room


def test_every_line_gets_a_receipt_and_an_entry(stored: Room) -> None:
    """One record, one leaf; the leaf names the record and only a commitment of the patient."""
    entries = [entry for entry in stored.entries() if entry["action"] == "record.stored"]

    assert len(entries) == stored.vault.count() == len(stored.records())
    assert len({entry["record"] for entry in entries}) == len(entries)
    assert all(len(entry["commitment"]) == 64 and "subject" not in entry for entry in entries)


def test_storing_again_stores_nothing_twice(stored: Room, officer: Caller) -> None:
    """The same file again: the same identifiers, no new rows, one entry for all repeats."""
    before, size = stored.vault.count(), len(stored.entries())

    again = stored.vault.store(officer, stored.records(), "again")

    assert all(isinstance(each, StoreReceipt) and each.already_present for each in again)
    assert stored.vault.count() == before
    [entry] = stored.entries()[size:]
    assert (entry["action"], entry["details"]["lines"]) == ("record.repeated", before)


def test_a_repeat_within_one_batch_is_a_repeat(room: Room, officer: Caller) -> None:
    """Twice in one file is once in the store."""
    record = room.records()[0]

    first, second = room.vault.store(officer, [record, replace(record, line=2)], "twice")

    assert (first.already_present, second.already_present) == (False, True)
    assert first.record == second.record


def test_other_content_under_the_same_id_is_a_conflict(stored: Room, officer: Caller) -> None:
    """A known external id with other content is refused; the stored record stays."""
    line = stored.lines()[0]
    line["visit"] = "SYN-V9999999"

    [refusal] = stored.vault.store(officer, [parse_line(orjson.dumps(line), 1)], "changed")

    assert isinstance(refusal, StoreRefusal)
    assert refusal.code == "records.conflict"


def test_refusals_are_logged_without_identity(room: Room, officer: Caller) -> None:
    """Line, code and rule go into the log; nothing of the line does."""
    bad = replace(room.records()[0], clinician="SYN-NOBODY")
    unread = StoreRefusal(line=9, code="line.not_json", reason="not JSON at character 0")

    outcomes = room.vault.store(officer, [bad, unread], "bad-file")

    assert [each.code for each in outcomes] == ["admission.clinician.registered", "line.not_json"]
    assert outcomes[0].verdicts[0].citation.verified
    entries = room.entries()
    assert [entry["outcome"] for entry in entries] == [each.code for each in outcomes]
    assert all(entry["action"] == "record.refused" for entry in entries)
    assert all("record" not in entry and "commitment" not in entry for entry in entries)
    assert bad.subject.name not in orjson.dumps(entries).decode()
    assert room.vault.count() == 0


def test_a_refused_line_does_not_stop_the_others(room: Room, officer: Caller) -> None:
    """Good lines of a bad file are stored."""
    records = room.records()
    records[1] = replace(records[1], institution="91640100MA0000007A")

    outcomes = room.vault.store(officer, records, "mixed")

    assert [type(each) for each in outcomes].count(StoreRefusal) == 1
    assert room.vault.count() == len(records) - 1


def test_files_beside_a_line_are_refused_not_forgotten(room: Room, officer: Caller) -> None:
    """A recording that would not be kept is a refusal, not a silent loss."""
    line = room.lines()[0] | {"media": {"path": "a.mp4", "media_type": "video/mp4"}}

    [refusal] = room.vault.store(officer, [parse_line(orjson.dumps(line), 1)], "media")

    assert refusal.code == "media.not_available"


@pytest.mark.parametrize(
    "caller",
    [
        Caller(actor="a", role="system_admin"),
        Caller(actor="a", role="auditor"),
        Caller(actor="p", role="records_officer", partner="syn-pharmacy"),
    ],
)
def test_not_everybody_hands_in_records(room: Room, caller: Caller) -> None:
    """Administrators and partners store nothing; the attempt is in the log."""
    with pytest.raises(AccessDenied):
        room.vault.store(caller, room.records(), "try")

    assert room.vault.count() == 0
    assert [(each["action"], each["decision"]) for each in room.entries()] == [
        ("record.store", "deny")
    ]


@pytest.mark.parametrize("source", ["", "王小明.jsonl", "../x", "a b", "x" * 65])
def test_the_source_is_a_label(room: Room, officer: Caller, source: str) -> None:
    """File names carry patients' names: only a short label goes into the log."""
    with pytest.raises(RequestRefused):
        room.vault.store(officer, room.records(), source)

    assert room.vault.count() == 0
    [entry] = room.entries()
    assert (entry["action"], entry["outcome"]) == ("record.store", RequestRefused.code)


def test_one_person_is_one_subject(stored: Room) -> None:
    """All records of one document number lie under one subject, of another under another."""
    people = {(each.subject.id_type, each.subject.id_no) for each in stored.records()}

    subjects = stored.sql("SELECT DISTINCT subject FROM records")
    assert len(subjects) == len(people)
    assert len(stored.sql("SELECT subject FROM subjects")) == len(people)


def test_the_international_suite_stores_and_reads_alike(
    make_room: Callable[..., Room], officer: Caller
) -> None:
    """The whole path holds in the other suite."""
    room = make_room(suite=INTL)
    [receipt] = room.vault.store(officer, room.records()[:1], "intl")

    assert room.vault.inspect(receipt.record).suite == "intl"
    assert room.vault.read(officer, receipt.record, "patient_request").body["visit"]
