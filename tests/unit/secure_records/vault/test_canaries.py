"""Whoever touches a patient who does not exist is noted, and notices nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import orjson
import pytest

from secure_records import Caller, SecureRecordsError
from secure_records.access.errors import AccessDenied
from secure_records.vault_detecting import DETECTION, mark_canary
from secure_records.vault_errors import RecordNotFound

if TYPE_CHECKING:
    from conftest import Room

PURPOSE = "patient_request"
GUARD = Caller(actor="guard", role="security_admin")


def bait(room: Room) -> tuple[str, str]:
    """A stored record and the number of its patient, marked as canary."""
    record = room.records()[0]
    [(found,), *_] = room.sql("SELECT record FROM records WHERE visit = ?", record.visit)
    assert mark_canary(room.vault._parts, GUARD, found)
    return found, record.subject.id_no


def alarms(room: Room) -> list[dict[str, object]]:
    return [entry for entry in room.entries() if entry["action"] == DETECTION]


def test_every_way_of_touching_one_is_noted(stored: Room, officer: Caller) -> None:
    """Read, denied read, history and each search hit: who, which record, during what."""
    record, number = bait(stored)
    stored.vault.read(officer, record, PURPOSE)
    stored.vault.history(officer, record, PURPOSE)
    with pytest.raises(AccessDenied):
        stored.vault.read(GUARD, record, "treatment")
    page = stored.vault.search(officer, {"id_no": number}, PURPOSE)

    told = [(each["actor"], each["details"]["during"], each["record"]) for each in alarms(stored)]
    assert told == [
        (officer.actor, "record.read", record),
        (officer.actor, "record.history", record),
        (GUARD.actor, "record.read", record),
        *((officer.actor, "record.search", hit.id) for hit in page.records),
    ]
    assert all("commitment" in each for each in alarms(stored))


def test_amending_one_is_noted(stored: Room) -> None:
    """Also an attempt that is refused: nobody has a reason to correct who does not exist."""
    record, _ = bait(stored)
    wrong = stored.records()[0]
    with pytest.raises(SecureRecordsError):
        stored.vault.amend(GUARD, record, 1, wrong, "clerical_error")

    [alarm] = alarms(stored)
    assert (alarm["actor"], alarm["details"]["during"]) == (GUARD.actor, "record.amended")


def test_other_patients_raise_nothing(stored: Room, officer: Caller) -> None:
    """No alarm for those who exist, and none before a mark was set."""
    _, number = bait(stored)
    other = next(e.subject.id_no for e in stored.records() if e.subject.id_no != number)
    page = stored.vault.search(officer, {"id_no": other}, PURPOSE)
    stored.vault.read(officer, page.records[0].id, PURPOSE)

    assert page.records
    assert alarms(stored) == []


def test_the_answer_is_the_same(stored: Room, officer: Caller) -> None:
    """Before and after the mark a reader and a searcher are told the very same."""
    record = stored.records()[0]
    asked = {"id_no": record.subject.id_no}
    before = stored.vault.search(officer, asked, PURPOSE)
    view = stored.vault.read(officer, before.records[0].id, PURPOSE)
    mark_canary(stored.vault._parts, GUARD, before.records[0].id)
    after = stored.vault.search(officer, asked, PURPOSE)
    again = stored.vault.read(officer, before.records[0].id, PURPOSE)

    same = {"disclosure_id": ""}
    assert replace(after, **same) == replace(before, **same)
    assert replace(again, **same) == replace(view, **same)


def test_the_mark_names_nobody(stored: Room) -> None:
    """Neither the subject nor its record stands in the table of marks; marking is logged once."""
    record, _ = bait(stored)
    assert not mark_canary(stored.vault._parts, GUARD, record)
    [(mark,)] = stored.sql("SELECT mark FROM canaries")
    subjects = {row[0].encode() for row in stored.sql("SELECT subject FROM subjects")}

    assert len(mark) == 32
    assert not any(subject in mark for subject in subjects)
    assert stored.entries()[-1]["action"] == "canary.marked"
    assert mark.hex() not in orjson.dumps(stored.entries()).decode()


def test_without_a_record_there_is_no_canary(stored: Room) -> None:
    """An unknown record is refused, and that is logged."""
    with pytest.raises(RecordNotFound):
        mark_canary(stored.vault._parts, GUARD, "rec_" + "0" * 26)
    assert stored.entries()[-1]["outcome"] == RecordNotFound.code
    assert stored.sql("SELECT * FROM canaries") == []
