"""An index column gets a new key while writers write and searchers search."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from secure_records import Caller
from secure_records.adapters.sql_record_store import SqlRecordStore
from secure_records.errors import EnvelopeRefused
from secure_records.reindexing import ReindexProgress, reindex, rotation_states
from secure_records.vault_errors import RotationRefused
from secure_records.vault_indexing import reindex_subjects

if TYPE_CHECKING:
    from conftest import Room

PURPOSE = "patient_request"


def versions(room: Room, column: str) -> set[int]:
    found = room.sql('SELECT DISTINCT version FROM index_terms WHERE "column" = ?', column)
    return {row[0] for row in found}


def finds(room: Room, officer: Caller, number: str) -> int:
    return len(room.vault.search(officer, {"id_no": number}, PURPOSE).records)


def finished(room: Room, officer: Caller, column: str, batch: int = 5) -> list[ReindexProgress]:
    return list(reindex(room.vault._parts, officer, column, batch=batch))


def test_the_old_key_is_of_no_use_afterwards(stored: Room, officer: Caller) -> None:
    """Every entry of the column is of the new version, every search finds as before."""
    numbers = sorted({record.subject.id_no for record in stored.records()})
    before = [finds(stored, officer, number) for number in numbers]
    terms = {
        row[0] for row in stored.sql("SELECT term FROM index_terms WHERE \"column\" = 'id_no'")
    }

    progress = finished(stored, officer, "id_no")

    after = {
        row[0] for row in stored.sql("SELECT term FROM index_terms WHERE \"column\" = 'id_no'")
    }
    assert [finds(stored, officer, number) for number in numbers] == before
    assert versions(stored, "id_no") == {2}
    assert versions(stored, "phone") == {1}
    assert len(after) == len(terms)
    assert after & terms == set()
    assert progress[-1].done == progress[-1].total == len(numbers)
    assert progress[-1].dropped == len(terms)
    assert [each.done for each in progress] == sorted(each.done for each in progress)


def test_both_versions_are_written_and_asked_meanwhile(stored: Room, officer: Caller) -> None:
    """A record stored in the middle is found, whichever version its searcher's entry is of."""
    record = stored.records()[0]
    work = reindex(stored.vault._parts, officer, "id_no", batch=2)
    next(work)
    next(work)
    [subject] = {
        row[0] for row in stored.sql("SELECT subject FROM records WHERE visit = ?", record.visit)
    }
    mine = "subject = ? AND \"column\" = 'id_no'"
    for only in (1, 2):
        with stored.file.transaction() as connection:
            reindex_subjects(stored.vault._parts, SqlRecordStore(connection), (subject,))
        held = stored.sql(f"SELECT version FROM index_terms WHERE {mine}", subject)  # noqa: S608
        assert {row[0] for row in held} == {1, 2}
        stored.sql(f"DELETE FROM index_terms WHERE {mine} AND version <> ?", subject, only)  # noqa: S608
        assert finds(stored, officer, record.subject.id_no) > 0
    for _ in work:
        pass
    assert versions(stored, "id_no") == {2}


def test_a_patient_who_comes_during_a_rotation_is_indexed_twice(
    room: Room, officer: Caller
) -> None:
    """From the start of a rotation every writer writes both versions."""
    records = room.records()
    first, rest = records[:5], records[5:]
    room.vault.store(officer, first, "before")
    work = reindex(room.vault._parts, officer, "phone", batch=1)
    next(work)
    room.vault.store(officer, rest, "during")

    new = {record.subject.id_no for record in rest} - {record.subject.id_no for record in first}
    both = room.sql(
        "SELECT subject FROM index_terms WHERE \"column\" = 'phone'"
        " GROUP BY subject HAVING count(DISTINCT version) = 2"
    )
    assert len(both) == len(new) > 0
    for _ in work:
        pass
    for record in records:
        page = room.vault.search(officer, {"phone": record.subject.phone}, PURPOSE)
        assert page.records
    assert versions(room, "phone") == {2}


def test_a_writer_that_knew_nothing_is_caught_up_with(stored: Room, officer: Caller) -> None:
    """Entries missing behind the walk's back are found before the switch."""
    work = reindex(stored.vault._parts, officer, "id_no", batch=100)
    next(work)
    assert next(work).done > 0
    stored.sql(
        "DELETE FROM index_terms WHERE \"column\" = 'id_no' AND version = 2"
        " AND subject IN (SELECT subject FROM subjects ORDER BY subject LIMIT 3)"
    )
    for _ in work:
        pass

    for record in stored.records():
        assert finds(stored, officer, record.subject.id_no) > 0


def test_it_can_be_done_again(stored: Room, officer: Caller) -> None:
    """Each rotation starts the next version; columns do not touch each other."""
    for wanted in (2, 3):
        assert finished(stored, officer, "name_birth")[-1].version == wanted
    finished(stored, officer, "phone")

    states = {(row.column, row.version, row.phase) for row in rotation_states(stored.vault._parts)}
    assert states == {("name_birth", 3, "current"), ("phone", 2, "current")}
    person = stored.records()[0].subject
    asked = {"name_birth": f"{person.name}|{person.birth_date}", "phone": person.phone}
    assert stored.vault.search(officer, asked, PURPOSE).records


def test_a_tampered_record_stops_the_rotation(stored: Room, officer: Caller) -> None:
    """Nothing is switched over a record that does not open; the old index goes on working."""
    first = stored.records()[0]
    other = next(e for e in stored.records() if e.subject.id_no != first.subject.id_no)
    stored.sql(
        "UPDATE records SET envelope = zeroblob(length(envelope)) WHERE visit = ?", other.visit
    )

    with pytest.raises(EnvelopeRefused):
        finished(stored, officer, "id_no")
    assert {row.phase for row in rotation_states(stored.vault._parts)} == {"current", "building"}
    assert finds(stored, officer, first.subject.id_no) > 0


def test_every_step_that_matters_is_logged(stored: Room, officer: Caller) -> None:
    """Start, switch and end, with account, column and numbers."""
    size = len(stored.entries())
    finished(stored, officer, "id_no")

    started, switched, ended = stored.entries()[size:]
    assert [started["action"], switched["action"], ended["action"]] == [
        "index.rotation_started",
        "index.rotation_switched",
        "index.rotation_finished",
    ]
    assert {entry["actor"] for entry in (started, switched, ended)} == {officer.actor}
    assert {entry["details"]["column"] for entry in (started, switched, ended)} == {"id_no"}
    assert ended["details"]["dropped"] == switched["details"]["subjects"]


def test_an_unknown_column_is_refused(stored: Room, officer: Caller) -> None:
    """There is no index to rotate, and none is made."""
    with pytest.raises(RotationRefused):
        finished(stored, officer, "dx")
    assert rotation_states(stored.vault._parts) == ()
