"""Nobody sees a record without a decision and an entry that was written first."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from secure_records import Caller
from secure_records.access.errors import AccessDenied
from secure_records.vault_errors import RecordNotFound, RecordWithheld, RequestRefused
from shared_kernel.errors import BadInput

if TYPE_CHECKING:
    from conftest import Room

UNKNOWN = "rec_00000000000000000000000000"


def first(room: Room, kind: str = "prescription") -> tuple[str, dict[str, Any]]:
    """A stored record of this kind with its line."""
    line = next(each for each in room.lines() if each["kind"] == kind)
    [(record,)] = room.sql(
        "SELECT record FROM records WHERE visit = ? AND kind = ?", line["visit"], kind
    )
    return record, line


def test_the_treating_clinician_sees_the_record(stored: Room) -> None:
    """Every field comes back as it was handed in, and the entry names what was served."""
    record, line = first(stored)

    view = stored.vault.read(stored.caller_of(line["clinician"]), record, "treatment")

    assert view.body["patient.id_no"] == line["subject"]["id_no"]
    assert {name: view.body[name] for name in line["body"]}.keys() == line["body"].keys()
    assert view.body["lines"] == line["body"]["lines"]
    assert (view.kind, view.version, view.masked, view.withheld) == ("prescription", 1, (), ())
    entry = stored.entries()[-1]
    assert (entry["action"], entry["decision"], entry["record"]) == (
        "record.read",
        "permit",
        record,
    )
    assert entry["details"]["disclosure"] == view.disclosure_id
    assert set(view.body) <= set(entry["fields"])


def test_another_clinician_does_not(stored: Room) -> None:
    """The relation is proven by the row, not claimed; the denial is logged with its reason."""
    record, line = first(stored)
    other = next(
        each["clinician"] for each in stored.lines() if each["clinician"] != line["clinician"]
    )

    with pytest.raises(AccessDenied) as denied:
        stored.vault.read(stored.caller_of(other), record, "treatment")

    assert denied.value.reasons == ("relation.unproven",)
    entry = stored.entries()[-1]
    assert (entry["decision"], entry["details"]["reasons"]) == ("deny", ["relation.unproven"])


def test_a_lapsed_registration_ends_access(stored: Room) -> None:
    """From the day after the last day of registration the clinician sees nothing."""
    record, line = first(stored)
    caller = stored.caller_of(line["clinician"])
    stored.sql("UPDATE staff SET valid_until = '2026-03-02' WHERE id = ?", line["clinician"])

    assert stored.vault.read(caller, record, "treatment").body
    stored.clock.at += timedelta(days=1)
    with pytest.raises(AccessDenied):
        stored.vault.read(caller, record, "treatment")


def test_a_pharmacist_sees_masked_names(stored: Room) -> None:
    """The role's grant decides field by field; masked and withheld are listed."""
    record, line = first(stored)
    reviewer = line["body"]["review"]["reviewer_id"]
    caller = Caller(actor=reviewer.removeprefix("SYN-").lower(), role="pharmacist")

    view = stored.vault.read(caller, record, "dispensing")

    assert "patient.name" in view.masked
    assert "patient.id_no" in view.withheld
    assert line["subject"]["id_no"] not in orjson.dumps(dict(view.body)).decode()
    assert line["subject"]["name"] not in orjson.dumps(dict(view.body)).decode()
    assert "patient.id_no" not in stored.entries()[-1]["fields"]


def test_only_the_fields_asked_for(stored: Room, officer: Caller) -> None:
    """Who asks for one field gets one, and the log says one."""
    record, _ = first(stored)

    view = stored.vault.read(officer, record, "patient_request", ["visit"])

    assert set(view.body) == {"visit"}
    assert stored.entries()[-1]["fields"] == ["visit"]


def test_a_partner_cannot_tell_hidden_from_absent(stored: Room) -> None:
    """Not yours and not there are one error, one text, one shape; both are logged."""
    record, _ = first(stored)
    partner = Caller(actor="syn-pharmacy-desk", role="partner_pharmacist", partner="syn-pharmacy")

    seen = []
    for wanted in (record, UNKNOWN):
        with pytest.raises(RecordWithheld) as refused:
            stored.vault.read(partner, wanted, "dispensing")
        seen.append((str(refused.value), refused.value.code, refused.value.hint))

    assert seen[0] == seen[1]
    outcomes = [entry["outcome"] for entry in stored.entries()[-2:]]
    assert outcomes == ["access.denied", "records.not_found"]


@pytest.mark.parametrize(
    ("record", "purpose"),
    [("rec_x", "treatment"), ("sub_00000000000000000000000000", "treatment"), (UNKNOWN, "王小明")],
)
def test_malformed_questions_reach_no_row(
    stored: Room, officer: Caller, record: str, purpose: str
) -> None:
    """A wrong identifier or a purpose in free text: one entry with the code, no row, no word."""
    size = len(stored.entries())

    with pytest.raises(BadInput) as refused:
        stored.vault.read(officer, record, purpose)
    [entry] = stored.entries()[size:]
    assert (entry["decision"], entry["outcome"]) == ("failed", refused.value.code)
    assert not {"record", "subject", "kind", "purpose"} & entry.keys()
    assert not {record, purpose} & {str(value) for value in entry.values()}


def test_made_up_field_names_stay_out_of_the_log(stored: Room, officer: Caller) -> None:
    """A field that no kind has is neither served nor written anywhere."""
    record, _ = first(stored)

    view = stored.vault.read(officer, record, "patient_request", ["visit", "王小明"])

    assert set(view.body) == {"visit"}
    assert "王小明" not in orjson.dumps(stored.entries()).decode()


def test_patients_read_their_own_records_only(stored: Room) -> None:
    """Signed in as the patient: own records by right, others' not."""
    record, _ = first(stored)
    [(mine,)] = stored.sql("SELECT subject FROM records WHERE record = ?", record)
    ((theirs,), *_) = stored.sql("SELECT record FROM records WHERE subject <> ?", mine)
    caller = Caller(actor="patient-app", role="patient", subject=mine)

    assert stored.vault.read(caller, record, "patient_request").body["patient.name"]
    with pytest.raises(AccessDenied):
        stored.vault.read(caller, theirs, "patient_request")


def test_the_auditor_sees_sizes_and_no_content(stored: Room) -> None:
    """Inspection needs no key and shows none."""
    record, _ = first(stored)

    summary = stored.vault.inspect(record)

    assert (summary.suite, summary.format) == ("gm", 1)
    assert summary.key_id.startswith("key_")
    with pytest.raises(RecordNotFound):
        stored.vault.inspect(UNKNOWN)


def test_free_purposes_are_refused(stored: Room, officer: Caller) -> None:
    """The hint lists what may be asked for; the log has the code and not the words."""
    record, _ = first(stored)

    with pytest.raises(RequestRefused) as refused:
        stored.vault.read(officer, record, "curiosity")
    assert "treatment" in refused.value.hint
    entry = stored.entries()[-1]
    assert (entry["action"], entry["decision"]) == ("record.read", "failed")
    assert entry["outcome"] == RequestRefused.code
    assert "curiosity" not in str(entry)
