"""The history of a record: who changed which fields when, told by seals and log alike."""

from __future__ import annotations

import copy
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
import pytest
import yaml

from secure_records import Caller, NewRecord, parse_line
from secure_records.access.agreement import StandingAgreement
from secure_records.access.agreement_document import parse_agreement
from secure_records.access.compiled import compile_agreements
from secure_records.access.decision import AccessPolicy
from secure_records.access.errors import AccessDenied
from secure_records.access.internal_roles import compiled_internal_roles
from secure_records.access.vocabulary import Treatment
from secure_records.adapters.sql_record_store import SqlRecordStore
from secure_records.envelope.seal import seal
from secure_records.errors import EnvelopeRefused
from secure_records.sealing import context_of, plaintext_of
from secure_records.vault_errors import (
    HistoryContradicted,
    RecordMisplaced,
    RecordNotFound,
    RecordWithheld,
)
from shared_kernel.errors import VerificationFailed

if TYPE_CHECKING:
    from conftest import Room

TEMPLATES = Path(__file__).parents[4] / "config" / "examples" / "agreements"
PHARMACIST = Caller(actor="desk", role="pharmacist", partner="demo-pharmacy")
NOBODY = "rec_" + "0" * 26
ADDRESS, PHONE = "浙江省杭州市西湖区改后街9号", "13700137000"


def pharmacy(room: Room) -> AccessPolicy:
    """The published template with the synthetic hospital's pharmacy as party."""
    text = yaml.safe_load((TEMPLATES / "pharmacy.yaml").read_text(encoding="utf-8"))
    text["partner"]["credit_code"] = room.hospital.institution.partner_of_kind(
        "pharmacy"
    ).credit_code
    text["term"].update({"from": "2025-01-01", "until": "2028-12-31"})
    agreement = parse_agreement(yaml.safe_dump(text, allow_unicode=True).encode())
    standing = StandingAgreement(agreement=agreement, ended_at=None)
    return AccessPolicy(compile_agreements([standing]), compiled_internal_roles())


def lines_of(room: Room, kind: str) -> dict[str, Any]:
    return next(line for line in room.lines() if line["kind"] == kind)


def record_of(room: Room, line: dict[str, Any]) -> str:
    officer = Caller(actor="records-desk", role="records_officer")
    [outcome] = room.vault.store(officer, [parse_line(orjson.dumps(line), 1)], "again")
    return str(outcome.record)


def changed(line: dict[str, Any], body: object = None, subject: object = None) -> NewRecord:
    again = copy.deepcopy(line)
    again["body"] |= body or {}
    again["subject"] |= subject or {}
    return parse_line(orjson.dumps(again), 1)


@pytest.fixture
def twice(stored: Room, officer: Caller) -> tuple[Room, str, dict[str, Any]]:
    """A prescription after two amendments by two people."""
    line = lines_of(stored, "prescription")
    record = record_of(stored, line)
    clinician = stored.caller_of(line["clinician"])
    stored.vault.amend(clinician, record, 1, changed(line, {"allergy": "青霉素"}), "supplement")
    second = changed(line, {"allergy": "青霉素"}, {"address": ADDRESS, "phone": PHONE})
    stored.vault.amend(officer, record, 2, second, "identity_data")
    return stored, record, line


def test_who_changed_what_when(twice: tuple[Room, str, dict[str, Any]], officer: Caller) -> None:
    """Every version with account, instant, reason, and the fields that differ with both values."""
    room, record, line = twice

    history = room.vault.history(officer, record, "patient_request")

    first, second, third = history.versions
    assert (first.version, first.actor, first.reason, first.changes) == (
        1,
        officer.actor,
        None,
        (),
    )
    assert (second.actor, second.role, second.reason) == (
        room.caller_of(line["clinician"]).actor,
        "clinician",
        "supplement",
    )
    told = [(each.name, each.before, each.after) for each in second.changes]
    assert told == [("allergy", line["body"]["allergy"], "青霉素")]
    assert [(each.name, each.before, each.after) for each in third.changes] == [
        ("patient.phone", line["subject"]["phone"], PHONE),
        ("patient.address", line["subject"]["address"], ADDRESS),
    ]
    assert first.at < second.at < third.at
    assert all(each.treatment is Treatment.CLEAR for each in third.changes)
    assert PHONE not in repr(history)


def test_a_history_is_a_disclosure(
    twice: tuple[Room, str, dict[str, Any]], officer: Caller
) -> None:
    """Its entry names purpose, fields and number of versions, and is there before the answer."""
    room, record, _ = twice
    size = len(room.entries())

    history = room.vault.history(officer, record, "patient_request")

    [entry] = room.entries()[size:]
    assert (entry["action"], entry["decision"]) == ("record.history", "permit")
    assert (entry["purpose"], entry["record"]) == ("patient_request", record)
    assert entry["details"]["disclosure"] == history.disclosure_id
    assert entry["details"]["versions"] == 3
    assert {"allergy", "patient.phone"} <= set(entry["fields"])
    assert PHONE not in orjson.dumps(entry).decode()


def test_what_is_masked_in_the_record_is_masked_in_its_history(
    twice: tuple[Room, str, dict[str, Any]],
) -> None:
    """A partner sees agreed fields only, and no account of the house."""
    room, record, line = twice
    room.policy = pharmacy(room)

    history = room.vault.history(PHARMACIST, record, "dispensing")

    shown = repr(
        [(c.name, c.treatment, c.before, c.after) for v in history.versions for c in v.changes]
    )
    hidden = [line["subject"]["phone"], PHONE, line["subject"]["address"], ADDRESS]
    assert not any(word in shown for word in hidden)
    by_name = {change.name: change for version in history.versions for change in version.changes}
    view = room.vault.read(PHARMACIST, record, "dispensing")
    for name, change in by_name.items():
        assert (change.treatment is Treatment.WITHHOLD) == (name in view.withheld)
        assert change.after == view.body.get(name)
    assert "patient.address" in by_name
    assert {version.actor for version in history.versions} == {None}
    assert {version.role for version in history.versions} == {None}


def test_to_a_partner_a_hidden_history_does_not_exist(
    twice: tuple[Room, str, dict[str, Any]],
) -> None:
    """The same refusal for a record that is withheld and one that is not there."""
    room, _, _ = twice
    room.policy = pharmacy(room)
    other = record_of(room, lines_of(room, "chat_transcript"))
    texts = set()
    for wanted in (other, NOBODY):
        with pytest.raises(RecordWithheld) as refused:
            room.vault.history(PHARMACIST, wanted, "dispensing")
        texts.add((str(refused.value), refused.value.hint))

    assert len(texts) == 1


def test_who_may_not_read_may_not_see_the_history(
    twice: tuple[Room, str, dict[str, Any]], officer: Caller
) -> None:
    """The same policy decides, and the denial is an entry."""
    room, record, line = twice
    other = next(e["clinician"] for e in room.lines() if e["clinician"] != line["clinician"])

    with pytest.raises(AccessDenied):
        room.vault.history(room.caller_of(other), record, "treatment")
    assert room.entries()[-1]["decision"] == "deny"
    with pytest.raises(RecordNotFound):
        room.vault.history(officer, NOBODY, "patient_request")


def test_an_earlier_version_is_no_easier_way_in(stored: Room, officer: Caller) -> None:
    """Who lost sight of a record by its new grade or clinician sees none of its versions."""
    line = lines_of(stored, "prescription")
    record = record_of(stored, line)
    stored.policy = pharmacy(stored)
    assert stored.vault.read(PHARMACIST, record, "dispensing", version=1).version == 1
    special = changed(line, {"dx": [{"code": "B20.000", "name": "合成诊断"}]})
    stored.vault.amend(officer, record, 1, special, "supplement")

    for ask in (
        lambda: stored.vault.read(PHARMACIST, record, "dispensing", version=1),
        lambda: stored.vault.read(PHARMACIST, record, "dispensing", version=9),
        lambda: stored.vault.read(PHARMACIST, record, "dispensing"),
        lambda: stored.vault.history(PHARMACIST, record, "dispensing"),
    ):
        with pytest.raises(RecordWithheld):
            ask()


def test_a_former_clinician_sees_no_version(stored: Room, officer: Caller) -> None:
    """The relation is that of the newest version, for every version."""
    line = lines_of(stored, "consent")
    record = record_of(stored, line)
    other = next(e["clinician"] for e in stored.lines() if e["clinician"] != line["clinician"])
    moved = parse_line(orjson.dumps({**line, "clinician": other}), 1)
    stored.vault.amend(officer, record, 1, moved, "clerical_error")

    with pytest.raises(AccessDenied):
        stored.vault.read(stored.caller_of(line["clinician"]), record, "treatment", version=1)
    assert stored.vault.read(stored.caller_of(other), record, "treatment", version=1).version == 1


# --- a doctored history -------------------------------------------------------------------


@pytest.mark.parametrize("version", [1, 2, 3])
def test_a_version_cannot_be_taken_out(
    twice: tuple[Room, str, dict[str, Any]], officer: Caller, version: int
) -> None:
    """First, middle or newest: somebody with the database password cannot hide a version."""
    room, record, _ = twice
    room.sql("DELETE FROM records WHERE record = ? AND version = ?", record, version)

    with pytest.raises(HistoryContradicted):
        room.vault.history(officer, record, "patient_request")
    entry = room.entries()[-1]
    assert (entry["decision"], entry["outcome"]) == ("failed", HistoryContradicted.code)


def test_versions_cannot_change_places(
    twice: tuple[Room, str, dict[str, Any]], officer: Caller
) -> None:
    """An envelope says which version it is."""
    room, record, _ = twice
    for before, after in ((2, 9), (3, 2), (9, 3)):
        room.sql(
            "UPDATE records SET version = ? WHERE record = ? AND version = ?", after, record, before
        )

    with pytest.raises(EnvelopeRefused):
        room.vault.history(officer, record, "patient_request")


def test_an_older_file_put_back_contradicts_the_log(
    twice: tuple[Room, str, dict[str, Any]], officer: Caller
) -> None:
    """Rows of two versions from different pasts do not chain."""
    room, record, line = twice
    kept = room.sql("SELECT * FROM records WHERE record = ? AND version = 3", record)[0]
    room.sql("DELETE FROM records WHERE record = ? AND version = 3", record)
    clinician = room.caller_of(line["clinician"])
    room.vault.amend(clinician, record, 2, changed(line, {"allergy": "虾"}), "supplement")
    room.sql("DELETE FROM records WHERE record = ? AND version = 3", record)
    places = ", ".join("?" * len(kept))
    room.sql(f"INSERT INTO records VALUES ({places})", *kept)  # noqa: S608

    with pytest.raises(HistoryContradicted):
        room.vault.history(officer, record, "patient_request")


@pytest.mark.parametrize(
    ("column", "value"), [("created_at", "2020-01-01T00:00:00Z"), ("version", 7), ("grade", 2)]
)
def test_an_edited_version_is_refused(
    twice: tuple[Room, str, dict[str, Any]], officer: Caller, column: str, value: object
) -> None:
    """Whichever clear column of an earlier version is edited, the history does not open."""
    room, record, _ = twice
    room.sql(f"UPDATE records SET {column} = ? WHERE record = ? AND version = 2", value, record)  # noqa: S608

    with pytest.raises(VerificationFailed):
        room.vault.history(officer, record, "patient_request")


def test_a_first_version_in_the_place_of_a_later_one_is_refused(
    stored: Room, officer: Caller
) -> None:
    """Only the first version has no note of who made it."""
    line = lines_of(stored, "prescription")
    record = record_of(stored, line)
    with stored.file.reading() as connection:
        row = SqlRecordStore(connection).record(stored.tenant, record)
    assert row is not None
    dek = stored.keys.dek_by_id(stored.tenant, row.key_id)
    forged = replace(row, version=2, created_at=datetime(2026, 3, 3, tzinfo=UTC))
    envelope = seal(
        dek, stored.suite, context_of(forged), plaintext_of(changed(line)), lambda n: b"\x07" * n
    )
    with stored.file.transaction() as connection:
        SqlRecordStore(connection).add_version(replace(forged, envelope=envelope), None)

    with pytest.raises(RecordMisplaced):
        stored.vault.read(officer, record, "patient_request")


def test_one_side_that_cannot_be_masked_withholds_both(stored: Room, officer: Caller) -> None:
    """A masked value beside an unmaskable one would tell which of them it was."""
    line = lines_of(stored, "prescription")
    record = record_of(stored, line)
    stored.policy = pharmacy(stored)
    new = changed(line, subject={"phone": "010-65529988"})
    stored.vault.amend(officer, record, 1, new, "identity_data")

    [_, second] = stored.vault.history(PHARMACIST, record, "dispensing").versions

    [change] = second.changes
    assert (change.name, change.treatment) == ("patient.phone", Treatment.WITHHOLD)
    assert (change.before, change.after) == (None, None)
