"""A record is never overwritten: each change is a further version, decided, sealed and logged."""

from __future__ import annotations

import copy
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from secure_records import Caller, NewRecord, StoreRefusal, parse_line
from secure_records.access.amending import amending_reasons
from secure_records.access.errors import AccessDenied
from secure_records.adapters.sql_record_store import SqlRecordStore
from secure_records.errors import EnvelopeRefused, KeyNotFound
from secure_records.options import VaultOptions
from secure_records.vault_errors import (
    AmendmentRefused,
    IdempotencyConflict,
    NothingChanged,
    RecordMisplaced,
    RecordNotFound,
    RecordWithheld,
    RequestRefused,
    VersionConflict,
)

if TYPE_CHECKING:
    from conftest import Room

KIND = "outpatient_record"
NOBODY = "rec_" + "0" * 26


def line_of(room: Room, kind: str = KIND) -> dict[str, Any]:
    """The first line of this kind, decoded."""
    return next(line for line in room.lines() if line["kind"] == kind)


def with_changes(line: dict[str, Any], **changes: object) -> NewRecord:
    """The line as a record, with other values; ``body__x`` and ``subject__x`` reach inside."""
    changed = copy.deepcopy(line)
    for path, value in changes.items():
        inner = changed
        *folders, name = path.split("__")
        for folder in folders:
            inner = inner[folder]
        inner[name] = value
    return parse_line(orjson.dumps(changed), 1)


def id_of(room: Room, line: dict[str, Any]) -> str:
    """Under which identifier the line is stored."""
    [outcome] = room.vault.store(
        Caller(actor="records-desk", role="records_officer"),
        [parse_line(orjson.dumps(line), 1)],
        "again",
    )
    assert outcome.already_present
    return outcome.record


def amended(room: Room, caller: Caller, **changes: object) -> str:
    """The first outpatient record after one amendment."""
    line = line_of(room)
    record = id_of(room, line)
    room.vault.amend(caller, record, 1, with_changes(line, **changes), "clerical_error")
    return record


def test_the_newest_version_is_read_and_the_first_stays(stored: Room, officer: Caller) -> None:
    """Amending adds a row under the next version; the earlier bytes are not touched."""
    line = line_of(stored)
    record = id_of(stored, line)
    before = stored.sql("SELECT * FROM records ORDER BY record, version")

    receipt = stored.vault.amend(
        officer, record, 1, with_changes(line, body__allergy="青霉素"), "supplement"
    )

    assert (receipt.record, receipt.version, receipt.already_present) == (record, 2, False)
    assert receipt.changed == ("allergy",)
    newest = stored.vault.read(officer, record, "patient_request")
    first = stored.vault.read(officer, record, "patient_request", version=1)
    assert (newest.version, newest.body["allergy"]) == (2, "青霉素")
    assert (first.version, first.body["allergy"]) == (1, line["body"]["allergy"])
    after = stored.sql("SELECT * FROM records ORDER BY record, version")
    assert [row for row in after if tuple(row) not in map(tuple, before)] == [
        row for row in after if row[2] == record and row[3] == 2
    ]
    assert len(after) == len(before) + 1


def test_each_version_is_sealed_for_itself(stored: Room, officer: Caller) -> None:
    """The envelope of one version does not open in the row of another."""
    record = amended(stored, officer, body__allergy="青霉素")
    stored.sql(
        "UPDATE records SET envelope ="
        " (SELECT envelope FROM records WHERE record = ? AND version = 1)"
        " WHERE record = ? AND version = 2",
        record,
        record,
    )

    with pytest.raises(EnvelopeRefused):
        stored.vault.read(officer, record, "patient_request")


def test_the_instant_of_an_amendment_cannot_be_moved(stored: Room, officer: Caller) -> None:
    """When a version was written is sealed inside: the column cannot say otherwise."""
    record = amended(stored, officer, body__allergy="青霉素")
    stored.sql(
        "UPDATE records SET created_at = '2020-01-01T00:00:00Z' WHERE record = ? AND version = 2",
        record,
    )

    with pytest.raises(RecordMisplaced):
        stored.vault.read(officer, record, "patient_request")


def test_the_entry_names_fields_and_never_values(stored: Room, officer: Caller) -> None:
    """Who, which version, why and which fields; what they say stays sealed."""
    size = len(stored.entries())
    line = line_of(stored)
    record = amended(stored, officer, subject__address="浙江省杭州市改后街9号", body__allergy="虾")

    entry = stored.entries()[-1]
    assert len(stored.entries()) == size + 2  # the repeat that told the identifier, and this
    assert (entry["action"], entry["decision"]) == ("record.amended", "done")
    assert (entry["actor"], entry["record"], entry["purpose"]) == (
        officer.actor,
        record,
        "correction",
    )
    about = entry["details"]
    assert (about["version"], about["reason"]) == (2, "clerical_error")
    assert about["changed"] == ["patient.address", "allergy"]
    text = orjson.dumps(entry).decode()
    assert "commitment" in entry
    assert not any(word in text for word in ("改后街", "虾", line["subject"]["name"]))


def test_the_original_line_stays_already_present(stored: Room, officer: Caller) -> None:
    """A repeated import neither reverts an amendment nor contradicts it; other content does."""
    line = line_of(stored)
    record = id_of(stored, line)
    new = with_changes(line, body__allergy="青霉素")
    stored.vault.amend(officer, record, 1, new, "supplement")
    other = with_changes(line, body__allergy="头孢")

    original, current, contradiction = stored.vault.store(
        officer, [with_changes(line), new, other], "again"
    )

    assert (original.record, original.already_present) == (record, True)
    assert (current.record, current.already_present) == (record, True)
    assert isinstance(contradiction, StoreRefusal)
    assert contradiction.code == "records.conflict"
    assert stored.vault.read(officer, record, "patient_request").version == 2


def test_a_record_counts_once_however_often_it_was_amended(stored: Room, officer: Caller) -> None:
    """Counting, finding and the rows of a patient know newest versions only."""
    before = stored.vault.count()
    record = amended(stored, officer, body__allergy="青霉素")
    person = line_of(stored)["subject"]

    page = stored.vault.search(officer, {"id_no": person["id_no"]}, "patient_request")

    assert stored.vault.count() == before
    assert [(hit.id, hit.version) for hit in page.records if hit.id == record] == [(record, 2)]
    assert len({hit.id for hit in page.records}) == len(page.records)


def test_a_stale_view_is_refused(stored: Room, officer: Caller) -> None:
    """Who amends what somebody else amended meanwhile is told so; nothing is written."""
    line = line_of(stored)
    record = amended(stored, officer, body__allergy="青霉素")

    with pytest.raises(VersionConflict, match="version 2"):
        stored.vault.amend(
            officer, record, 1, with_changes(line, body__allergy="头孢"), "clerical_error"
        )

    assert stored.sql("SELECT max(version) FROM records WHERE record = ?", record) == [(2,)]
    entry = stored.entries()[-1]
    assert (entry["decision"], entry["outcome"]) == ("deny", VersionConflict.code)


def test_of_many_at_once_one_wins(stored: Room, officer: Caller) -> None:
    """Optimistic concurrency: of equal expectations exactly one becomes the next version."""
    line = line_of(stored)
    record = id_of(stored, line)

    def attempt(number: int) -> str:
        new = with_changes(line, body__allergy=f"变化{number}")
        try:
            stored.vault.amend(officer, record, 1, new, "clerical_error")
        except VersionConflict as refusal:
            return refusal.code
        return "written"

    with ThreadPoolExecutor(4) as pool:
        outcomes = list(pool.map(attempt, range(4)))

    assert sorted(outcomes) == [VersionConflict.code] * 3 + ["written"]
    assert stored.sql("SELECT count(*) FROM records WHERE record = ?", record) == [(2,)]


def test_a_writer_in_between_is_a_conflict(
    stored: Room, officer: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An engine with concurrent writers lets both see version 1: its key decides, and it is said."""
    line = line_of(stored)
    record = amended(stored, officer, body__allergy="青霉素")
    stale = SqlRecordStore.version
    monkeypatch.setattr(
        SqlRecordStore, "record", lambda self, tenant, name: stale(self, tenant, name, 1)
    )

    with pytest.raises(VersionConflict, match="faster"):
        stored.vault.amend(
            officer, record, 1, with_changes(line, body__allergy="头孢"), "clerical_error"
        )
    assert stored.entries()[-1]["outcome"] == VersionConflict.code


def test_the_same_key_writes_once(stored: Room, officer: Caller) -> None:
    """A repeated amendment under its key stores nothing and answers with the version it made."""
    line = line_of(stored)
    record = id_of(stored, line)
    new = with_changes(line, body__allergy="青霉素")

    first = stored.vault.amend(officer, record, 1, new, "supplement", "ticket-4711")
    later = stored.vault.amend(
        officer, record, 2, with_changes(line, body__allergy="头孢"), "clerical_error"
    )
    again = stored.vault.amend(officer, record, 1, new, "supplement", "ticket-4711")

    assert (first.already_present, again.already_present) == (False, True)
    assert (first.version, later.version, again.version) == (2, 3, 2)
    assert stored.sql("SELECT max(version) FROM records WHERE record = ?", record) == [(3,)]
    assert stored.entries()[-1]["action"] == "record.repeated"
    assert b"ticket-4711" not in orjson.dumps(stored.entries())
    [(kept,)] = stored.sql("SELECT hex(key_mac) FROM idempotency_keys")
    assert b"ticket".hex() not in kept.lower()


@pytest.mark.parametrize("other", ["content", "reason", "version", "record"])
def test_a_key_stands_for_one_amendment(stored: Room, officer: Caller, other: str) -> None:
    """Under a used key anything else is refused, whatever part of it differs."""
    line = line_of(stored)
    record = id_of(stored, line)
    new = with_changes(line, body__allergy="青霉素")
    stored.vault.amend(officer, record, 1, new, "supplement", "k")
    asked: dict[str, Any] = {
        "record": record,
        "expected": 1,
        "new": new,
        "reason": "supplement",
    }
    asked |= {
        "content": {"new": with_changes(line, body__allergy="头孢")},
        "reason": {"reason": "clerical_error"},
        "version": {"expected": 2},
        "record": {"record": id_of(stored, line_of(stored, "consent"))},
    }[other]

    with pytest.raises(IdempotencyConflict):
        stored.vault.amend(
            officer, asked["record"], asked["expected"], asked["new"], asked["reason"], "k"
        )
    assert stored.sql("SELECT max(version) FROM records") == [(2,)]


# --- who may ------------------------------------------------------------------------------


def test_the_treating_clinician_may_and_a_colleague_may_not(stored: Room) -> None:
    """The relation is looked up, and a denial is an entry."""
    line = line_of(stored)
    record = id_of(stored, line)
    other = next(e["clinician"] for e in stored.lines() if e["clinician"] != line["clinician"])
    new = with_changes(line, body__allergy="青霉素")

    with pytest.raises(AccessDenied) as denied:
        stored.vault.amend(stored.caller_of(other), record, 1, new, "clerical_error")
    assert denied.value.reasons == ("relation.unproven",)
    entry = stored.entries()[-1]
    assert (entry["decision"], entry["outcome"]) == ("deny", "access.denied")

    receipt = stored.vault.amend(
        stored.caller_of(line["clinician"]), record, 1, new, "clerical_error"
    )
    assert receipt.version == 2


def test_by_relation_nobody_hands_a_record_on(stored: Room, officer: Caller) -> None:
    """Who may amend because of the treatment may not make somebody else the clinician."""
    line = line_of(stored, "consent")
    record = id_of(stored, line)
    other = next(e["clinician"] for e in stored.lines() if e["clinician"] != line["clinician"])
    moved = with_changes(line, clinician=other)

    with pytest.raises(AccessDenied):
        stored.vault.amend(stored.caller_of(line["clinician"]), record, 1, moved, "clerical_error")

    receipt = stored.vault.amend(officer, record, 1, moved, "clerical_error")
    assert receipt.changed == ("clinician",)


@pytest.mark.parametrize(
    "role",
    ["system_admin", "security_admin", "quality_control", "pharmacist", "patient", "made_up"],
)
def test_whoever_is_not_on_the_list_may_not(stored: Room, role: str) -> None:
    """Deny by default: reading rights are no rights to amend."""
    line = line_of(stored)
    record = id_of(stored, line)
    caller = Caller(actor="somebody", role=role)

    with pytest.raises(AccessDenied):
        stored.vault.amend(
            caller, record, 1, with_changes(line, body__allergy="青霉素"), "clerical_error"
        )
    assert stored.sql("SELECT max(version) FROM records") == [(1,)]
    assert stored.entries()[-1]["decision"] == "deny"


def test_the_operator_may_narrow_who_hands_in(stored: Room, officer: Caller) -> None:
    """A role that may not hand in records may not amend them either."""
    line = line_of(stored)
    record = id_of(stored, line)
    vault = stored.open(options=VaultOptions(intake_roles=frozenset({"intake_service"})))

    with pytest.raises(AccessDenied) as denied:
        vault.amend(
            officer, record, 1, with_changes(line, body__allergy="青霉素"), "clerical_error"
        )
    assert denied.value.reasons == ("intake.role",)


def test_a_partner_learns_nothing_from_trying(stored: Room) -> None:
    """The same answer for a record that is there and one that is not, before any look-up."""
    line = line_of(stored)
    partner = Caller(actor="desk", role="clinician", partner="demo-pharmacy")
    texts = set()
    for record in (id_of(stored, line), NOBODY):
        with pytest.raises(RecordWithheld) as refused:
            stored.vault.amend(partner, record, 1, with_changes(line), "clerical_error")
        texts.add(str(refused.value))
        assert "commitment" not in stored.entries()[-1]

    assert len(texts) == 1


# --- what may not be amended --------------------------------------------------------------


def test_another_patient_is_another_record(stored: Room, officer: Caller) -> None:
    """Document type and number say whose it is: they stay."""
    line = line_of(stored)
    record = id_of(stored, line)
    stranger = next(
        each["subject"]
        for each in stored.lines()
        if each["subject"]["id_no"] != line["subject"]["id_no"]
    )

    for subject in (stranger, {**line["subject"], "id_type": "03", "id_no": "E12345678"}):
        with pytest.raises(AmendmentRefused) as refused:
            stored.vault.amend(
                officer, record, 1, with_changes(line, subject=subject), "identity_data"
            )
        assert refused.value.where == "subject.id_no"


@pytest.mark.parametrize(
    "changes", [{"external_id": "SYN-OTHER"}, {"kind": "consent"}], ids=["external_id", "kind"]
)
def test_a_version_belongs_to_its_record(
    stored: Room, officer: Caller, changes: dict[str, object]
) -> None:
    """Neither another line of the hospital's system nor another kind becomes a version."""
    line = line_of(stored)
    record = id_of(stored, line)
    source = line_of(stored, "consent") if "kind" in changes else line

    with pytest.raises(AmendmentRefused) as refused:
        stored.vault.amend(officer, record, 1, with_changes(source, **changes), "clerical_error")
    assert refused.value.where == "external_id"


def test_red_lines_hold_for_every_version(stored: Room, officer: Caller) -> None:
    """What would not have been taken in is not let in by the back door."""
    line = line_of(stored, "prescription")
    record = id_of(stored, line)
    author = {"author": line["clinician"], "written_by": "software"}
    narcotic = [{**line["body"]["lines"][0], "control_class": "narcotic"}]

    for changes in ({"body__lines": narcotic}, {"body__provenance": author}):
        with pytest.raises(AmendmentRefused) as refused:
            stored.vault.amend(officer, record, 1, with_changes(line, **changes), "clerical_error")
        assert refused.value.rules
        assert stored.entries()[-1]["details"]["rules"] == list(refused.value.rules)
    assert stored.entries()[-1]["outcome"] == AmendmentRefused.code
    assert stored.sql("SELECT max(version) FROM records") == [(1,)]


def test_media_beside_a_version_are_not_dropped_in_silence(stored: Room, officer: Caller) -> None:
    """As with a first version: what is not kept is refused."""
    line = line_of(stored)
    media = {"path": "a.mp4", "media_type": "video/mp4"}

    with pytest.raises(AmendmentRefused) as refused:
        stored.vault.amend(
            officer, id_of(stored, line), 1, with_changes(line, media=media), "supplement"
        )
    assert refused.value.where == "media"


def test_nothing_new_is_no_version(stored: Room, officer: Caller) -> None:
    """The same content, written in another order of keys, makes no version."""
    line = line_of(stored)
    record = id_of(stored, line)
    turned = parse_line(orjson.dumps(dict(reversed(line.items()))), 1)

    for new in (with_changes(line), turned, replace(with_changes(line), digest=b"\x01" * 32)):
        with pytest.raises(NothingChanged):
            stored.vault.amend(officer, record, 1, new, "clerical_error")
    assert stored.sql("SELECT max(version) FROM records") == [(1,)]


def test_the_grade_never_falls(stored: Room, officer: Caller) -> None:
    """A special diagnosis raises it; taking the diagnosis back does not lower it again."""
    line = line_of(stored)
    record = id_of(stored, line)
    special = [{"code": "B20.000", "name": "合成诊断"}]

    raised = stored.vault.amend(
        officer, record, 1, with_changes(line, body__dx=special), "supplement"
    )
    kept = stored.vault.amend(officer, record, 2, with_changes(line), "clerical_error")

    assert (raised.grade, kept.grade) == (5, 5)
    rows = stored.sql("SELECT grade FROM records WHERE record = ? ORDER BY version", record)
    assert rows == [(4,), (5,), (5,)]


def test_what_cannot_be_asked_is_refused_and_logged(stored: Room, officer: Caller) -> None:
    """Free reasons, impossible versions and unprintable keys never reach the record."""
    line = line_of(stored)
    record = id_of(stored, line)
    new = with_changes(line, body__allergy="青霉素")
    for arguments in (
        (0, new, "clerical_error", None),
        (2**40, new, "clerical_error", None),
        (1, new, "because 王小明 said so", None),
        (1, new, "clerical_error", ""),
        (1, new, "clerical_error", "键"),
        (1, new, "clerical_error", "k" * 129),
    ):
        with pytest.raises(RequestRefused):
            stored.vault.amend(officer, record, *arguments)
        assert stored.entries()[-1]["outcome"] == RequestRefused.code
    assert "王小明" not in orjson.dumps(stored.entries()).decode()
    assert "clerical_error" in amending_reasons()


def test_unknown_records_and_versions(stored: Room, officer: Caller) -> None:
    """What is not there is said to somebody inside, and logged."""
    line = line_of(stored)
    record = amended(stored, officer, body__allergy="青霉素")

    with pytest.raises(RecordNotFound):
        stored.vault.amend(officer, NOBODY, 1, with_changes(line), "clerical_error")
    with pytest.raises(RecordNotFound):
        stored.vault.read(officer, record, "patient_request", version=3)
    with pytest.raises(RequestRefused):
        stored.vault.read(officer, record, "patient_request", version=0)


def test_an_erased_patient_is_not_brought_back(stored: Room, officer: Caller) -> None:
    """Without the data key there is no further version, and no new key is made for it."""
    line = line_of(stored)
    record = id_of(stored, line)
    [(key_id,)] = stored.sql("SELECT key_id FROM records WHERE record = ?", record)
    count = "SELECT count(*) FROM wrapped_keys"
    with stored.key_file.transaction() as connection:
        connection.exec_driver_sql("DELETE FROM wrapped_keys WHERE key_id = ?", (key_id,))
        before = connection.exec_driver_sql(count).scalar_one()
    stored.open()

    with pytest.raises(KeyNotFound):
        stored.vault.amend(
            officer, record, 1, with_changes(line, body__allergy="青霉素"), "clerical_error"
        )

    with stored.key_file.reading() as connection:
        assert connection.exec_driver_sql(count).scalar_one() == before
    entry = stored.entries()[-1]
    assert (entry["decision"], entry["outcome"]) == ("failed", KeyNotFound.code)


# --- finding what was amended -------------------------------------------------------------


def test_the_identity_of_now_is_searched(make_room: Callable[..., Room], officer: Caller) -> None:
    """A corrected phone finds the patient; the wrong one leads nowhere and leaves the index."""
    room = make_room()
    line = line_of(room)
    [receipt] = room.vault.store(officer, [with_changes(line)], "one")
    new = with_changes(line, subject__phone="13700137000")
    room.vault.amend(officer, receipt.record, 1, new, "identity_data")

    old = room.vault.search(officer, {"phone": line["subject"]["phone"]}, "patient_request")
    now = room.vault.search(officer, {"phone": "13700137000"}, "patient_request")

    assert old.records == ()
    assert [(hit.id, hit.version) for hit in now.records] == [(receipt.record, 2)]
    terms = room.sql("SELECT count(*) FROM index_terms WHERE \"column\" = 'phone'")
    assert terms == [(1,)]


def test_a_phone_that_another_record_still_has_stays(stored: Room, officer: Caller) -> None:
    """Only what no newest version says any more is taken out of the index."""
    line = line_of(stored)
    person = line["subject"]
    amended(stored, officer, subject__phone="13700137000")

    old = stored.vault.search(officer, {"phone": person["phone"]}, "patient_request")
    now = stored.vault.search(officer, {"phone": "13700137000"}, "patient_request")

    assert old.records == now.records
    assert len(old.records) > 1


def test_consent_is_what_its_newest_version_says(stored: Room, officer: Caller) -> None:
    """A consent that was amended away opens nothing any more."""
    line = line_of(stored, "consent")
    record = id_of(stored, line)
    scope = [{"kind": "sensitive", "purpose": "treatment"}]
    stored.vault.amend(officer, record, 1, with_changes(line, body__scope=scope), "clerical_error")

    with stored.file.reading() as connection:
        rows = SqlRecordStore(connection).of_subjects(
            stored.tenant,
            [row[0] for row in stored.sql("SELECT subject FROM records WHERE record = ?", record)],
            "consent",
        )
    assert [row.version for row in rows if row.record == record] == [2]


def test_without_a_log_nothing_is_amended(stored: Room, officer: Caller) -> None:
    """The entry commits with the version or neither does."""

    class Full(Exception):
        pass

    class Broken:
        def append_all(self, _facts: object) -> range:
            raise Full

    line = line_of(stored)
    record = id_of(stored, line)
    terms = stored.sql("SELECT * FROM index_terms")
    vault = stored.open(audit=lambda _: Broken())

    with pytest.raises(Full):
        vault.amend(
            officer, record, 1, with_changes(line, subject__phone="13700137000"), "supplement", "k"
        )
    assert stored.sql("SELECT max(version) FROM records") == [(1,)]
    assert stored.sql("SELECT * FROM index_terms") == terms
    assert stored.sql("SELECT * FROM idempotency_keys") == []
