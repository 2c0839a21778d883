"""Path 1: a hospital's file becomes records, once, with every line accounted for."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from jinkui.procedures.import_records import ImportFileUnreadable
from jinkui.procedures.input_files import FileNotRegular
from secure_records.access.errors import AccessDenied
from secure_records.models import Caller
from secure_records.vault_errors import SearchRefused

if TYPE_CHECKING:
    from pathlib import Path

    from furnishing import House

pytestmark = pytest.mark.parametrize("engine", ["embedded", "postgresql"], indirect=True)
"""Records in the file of the home, and in a database server."""

CLERK = Caller(actor="a008", role="records_officer")
PURPOSE = "patient_request"


def everything_found(house: House, criteria: dict[str, str], limit: int = 100) -> list[str]:
    """All pages of a search."""
    found: list[str] = []
    cursor = None
    while True:
        page = house.vault.search(CLERK, criteria, PURPOSE, limit, cursor)
        found += [record.id for record in page.records]
        cursor = page.next_cursor
        if cursor is None:
            return found


def file_of(folder: Path, *lines: dict[str, Any]) -> Path:
    path = folder / "lines.jsonl"
    path.write_bytes(b"".join(orjson.dumps(line) + b"\n" for line in lines))
    return path


def test_bad_lines_are_refused_by_number_and_code_and_good_ones_go_in(furnished: House) -> None:
    """
    Every planted fault is refused under its own number and code; everything else is stored.
    """
    summary = furnished.import_all()

    refused = {error.line: error.code for error in summary.errors}
    assert refused.keys() == {row.line for row in furnished.expected}
    assert all(refused[row.line].startswith(row.code_family) for row in furnished.expected)
    assert len({row.fault for row in furnished.expected}) == 8
    assert (summary.accepted, summary.already_present) == (len(furnished.good), 0)
    assert summary.refused == len(furnished.expected)
    assert furnished.vault.count() == len(furnished.good)


def test_every_line_leaves_exactly_one_entry(furnished: House) -> None:
    """
    The log names each stored and each refused line by number, and nothing else of it.
    """
    furnished.import_all()

    stored = furnished.entries(action="record.stored")
    refused = furnished.entries(action="record.refused")
    lines = Counter(entry.content["details"]["line"] for entry in stored)
    assert lines == Counter(list(furnished.good))
    assert {entry.content["details"]["line"]: entry.decision for entry in refused} == dict.fromkeys(
        (row.line for row in furnished.expected), "deny"
    )
    assert len({entry.record for entry in stored}) == len(furnished.good)
    assert {entry.actor for entry in (*stored, *refused)} == {"a008"}


def test_the_same_file_again_stores_nothing_twice(furnished: House) -> None:
    """
    A repeated import adds no record, refuses the same lines and says so in the log.
    """
    first = furnished.import_all()
    again = furnished.import_all()

    assert (again.accepted, again.already_present) == (0, first.accepted)
    assert again.errors == first.errors
    assert furnished.vault.count() == len(furnished.good)
    assert len(furnished.entries(action="record.stored")) == len(furnished.good)
    repeats = furnished.entries(action="record.repeated")
    assert sum(entry.content["details"]["lines"] for entry in repeats) == len(furnished.good)


def test_keys_in_another_order_are_the_same_line(stocked: House, tmp_path: Path) -> None:
    """
    A repeat is recognised by what it says, not by how its JSON was written.
    """
    line = next(iter(stocked.good.values()))
    turned = dict(reversed(line.items()))

    summary = stocked.import_all(file_of(tmp_path, turned, line))

    assert (summary.accepted, summary.already_present, summary.refused) == (0, 2, 0)


def test_the_same_number_with_other_content_is_a_conflict(stocked: House, tmp_path: Path) -> None:
    """
    A line that contradicts what is stored is refused, and what is stored stays as it was.
    """
    record, line = stocked.planted("outpatient_record")[0]
    changed = {**line, "body": {**line["body"], "chief_complaint": "另一种说法"}}

    summary = stocked.import_all(file_of(tmp_path, changed))

    assert [error.code for error in summary.errors] == ["records.conflict"]
    view = stocked.vault.read(CLERK, record, PURPOSE)
    assert view.body["chief_complaint"] == line["body"]["chief_complaint"]


def test_a_file_that_cannot_be_read_stores_and_logs_nothing(
    furnished: House, tmp_path: Path
) -> None:
    """
    A missing file or a folder is one clear refusal, and the log does not move.
    """
    before = furnished.size()
    for path, refusal in (
        (tmp_path / "absent.jsonl", ImportFileUnreadable),
        (tmp_path, FileNotRegular),
    ):
        with pytest.raises(refusal):
            furnished.import_all(path)

    assert furnished.size() == before
    assert furnished.vault.count() == 0


@pytest.mark.parametrize(
    "caller",
    [
        Caller(actor="a001", role="system_admin"),
        Caller(actor="a002", role="security_admin"),
        Caller(actor="a003", role="audit_admin"),
        Caller(actor="x001", role="pharmacist", partner="demo-pharmacy"),
        Caller(actor="x001", role="records_officer", partner="demo-pharmacy"),
    ],
    ids=lambda caller: f"{caller.role}-{caller.partner}",
)
def test_who_may_not_hand_in_records_hands_in_none(furnished: House, caller: Caller) -> None:
    """
    Administrators and partners store nothing; the attempt is in the log.
    """
    with pytest.raises(AccessDenied):
        furnished.import_all(caller=caller)

    assert furnished.vault.count() == 0
    assert [entry.decision for entry in furnished.entries(actor=caller.actor)] == ["deny"]


def test_what_was_stored_reads_back_as_it_was_written(stocked: House) -> None:
    """
    Every kind comes back field for field, at the same instant, to those who may see all of it.
    """
    for kind in (
        "outpatient_record",
        "prescription",
        "chat_transcript",
        "consent",
        "revisit_proof",
    ):
        record, line = stocked.planted(kind)[-1]
        body = stocked.vault.read(CLERK, record, PURPOSE).body
        for name, value in line["body"].items():
            assert body[name] == value, (kind, name)
        for name in ("id_no", "name", "phone", "birth_date", "address"):
            assert body[f"patient.{name}"] == line["subject"][name], (kind, name)
        assert body["visit"] == line["visit"]


def test_the_treating_physician_reads_own_visits_only(stocked: House) -> None:
    """
    A clinician sees the records of own visits and is refused those of a colleague.
    """
    record, line = stocked.planted("outpatient_record")[0]
    own = line["clinician"]
    colleague = next(row["clinician"] for row in stocked.good.values() if row["clinician"] != own)

    def caller(staff: str) -> Caller:
        return Caller(actor=staff.removeprefix("SYN-").lower(), role="clinician")

    body = stocked.vault.read(caller(own), record, "treatment").body
    assert body["chief_complaint"] == line["body"]["chief_complaint"]
    with pytest.raises(AccessDenied):
        stocked.vault.read(caller(colleague), record, "treatment")


def test_each_suite_seals_in_its_own_envelope(stocked: House) -> None:
    """
    The home's suite stands on every envelope; two records never share a message id.
    """
    seen = [stocked.vault.inspect(record) for record, _ in stocked.planted("prescription")]

    assert {envelope.suite for envelope in seen} == {stocked.toolkit.home.suite}
    assert len({envelope.message_id for envelope in seen}) == len(seen)


@pytest.mark.parametrize("way", ["id_no", "phone", "name_birth"])
def test_search_finds_exactly_the_patients_records(stocked: House, way: str) -> None:
    """
    By number, by phone, by name and birth date: all records of the person and no other's.
    """
    people = {line["subject"]["id_no"]: line["subject"] for line in stocked.good.values()}
    for number, person in list(people.items())[:12]:
        wanted = {
            "id_no": number,
            "phone": person["phone"],
            "name_birth": f"{person['name']}|{person['birth_date']}",
        }[way]

        def same(subject: dict[str, Any], person: dict[str, Any] = person) -> bool:
            names = ("name", "birth_date") if way == "name_birth" else (way,)
            return all(subject[name] == person[name] for name in names)

        mine = {
            stocked.record_of(line) for line, row in stocked.good.items() if same(row["subject"])
        }
        found = everything_found(stocked, {way: wanted})
        assert len(found) == len(set(found))
        assert set(found) == mine


def test_small_pages_add_up_to_the_whole(stocked: House) -> None:
    """
    Page by page nothing is left out and nothing comes twice.
    """
    subject = stocked.planted("prescription")[0][1]["subject"]
    whole = everything_found(stocked, {"id_no": subject["id_no"]})

    assert everything_found(stocked, {"id_no": subject["id_no"]}, limit=2) == whole
    assert len(whole) > 2


def test_several_criteria_must_all_hold(stocked: House) -> None:
    """
    The number of one person with the phone of another finds nobody.
    """
    rows = [line["subject"] for _, line in stocked.planted("prescription")]
    one = rows[0]
    other = next(row for row in rows if row["id_no"] != one["id_no"])

    assert everything_found(stocked, {"id_no": one["id_no"], "phone": one["phone"]})
    assert everything_found(stocked, {"id_no": one["id_no"], "phone": other["phone"]}) == []


def test_an_empty_search_is_a_disclosure_too(stocked: House) -> None:
    """
    That somebody is no patient here is an answer: it has its entry and its disclosure id.
    """
    page = stocked.vault.search(CLERK, {"phone": "13999999999"}, PURPOSE)

    assert page.records == ()
    newest = stocked.entries(newest_first=True, limit=1)[0]
    assert (newest.action, newest.decision, newest.purpose) == ("record.search", "permit", PURPOSE)
    assert newest.content["details"] == {"disclosure": page.disclosure_id, "found": 0}


def test_search_terms_never_enter_the_log(stocked: House) -> None:
    """
    Neither what was found, nor what was not, nor what was refused is written down.
    """
    subject = stocked.planted("prescription")[0][1]["subject"]
    terms = [
        ("id_no", subject["id_no"]),
        ("phone", subject["phone"]),
        ("name_birth", f"{subject['name']}|{subject['birth_date']}"),
        ("phone", "13999999998"),
        ("name_birth", "查无此人|1990-01-01"),
    ]
    for name, value in terms:
        stocked.vault.search(CLERK, {name: value}, PURPOSE)
    refused = [("id_no", "不是证件号码"), ("phone", "not-a-phone"), ("chief_complaint", "头痛")]
    for name, value in refused:
        with pytest.raises(SearchRefused) as error:
            stocked.vault.search(CLERK, {name: value}, PURPOSE)
        assert value not in str(error.value)

    log = stocked.leaves()
    for _, value in (*terms, *refused):
        for part in value.split("|"):
            assert part.encode() not in log
            assert orjson.dumps(part)[1:-1] not in log


def test_a_refused_search_tells_nothing_about_who_is_here(stocked: House) -> None:
    """
    An administrator gets the same refusal for a patient and for a stranger, and an entry each.
    """
    subject = stocked.planted("prescription")[0][1]["subject"]
    admin = Caller(actor="a001", role="system_admin")
    answers = []
    for phone in (subject["phone"], "13999999999"):
        before = stocked.size()
        with pytest.raises(AccessDenied) as error:
            stocked.vault.search(admin, {"phone": phone}, "operation_support")
        answers.append((str(error.value), error.value.reasons, stocked.size() - before))

    assert answers[0] == answers[1]
    assert answers[0][2] == 1
    newest = stocked.entries(newest_first=True, limit=2)
    assert {(entry.decision, entry.subject, entry.record) for entry in newest} == {
        ("deny", None, None)
    }


def test_the_log_of_an_import_verifies_and_extends(furnished: House) -> None:
    """
    After each import the whole log verifies under a checkpoint that extends the one before.
    """
    sizes = []
    for _ in range(2):
        furnished.import_all()
        furnished.toolkit.seal_log()
        verdict = furnished.toolkit.verify_log()
        assert verdict.ok, [check.detail for check in verdict.checks if not check.ok]
        assert verdict.covered == verdict.size
        sizes.append(verdict.size)

    assert sizes[0] < sizes[1]
