"""Path 2: a partner sees what its agreement says, and each answer is in the log before it leaves."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from jinkui.procedures.agreement_office import apply_agreement
from jinkui.settings.home import config_text
from secure_records.access.errors import AccessDenied
from secure_records.models import Caller
from secure_records.vault_errors import RecordWithheld
from shared_kernel.errors import JinkuiError, Refused

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from furnishing import House

pytestmark = pytest.mark.parametrize("engine", ["embedded", "postgresql"], indirect=True)
"""Records in the file of the home, and in a database server."""

PHARMACY = Caller(
    actor="x001",
    role="pharmacist",
    partner="demo-pharmacy",
    credential="token-demo-pharmacy-01",
)
COURIER = Caller(actor="x002", role="courier_desk", partner="demo-pharmacy")
INSURER = Caller(actor="x003", role="claims_examiner", partner="demo-insurer")
CLOUD = Caller(actor="x004", role="operator", partner="demo-cloud")
OFFICER = Caller(actor="a004", role="data_protection_officer")
NOBODY = "rec_" + "0" * 26
KINDS = ("outpatient_record", "prescription", "chat_transcript", "consent", "revisit_proof")

PHARMACY_CLEAR = {
    "patient.sex", "visit", "clinician", "occurred_at", "rx_no", "rx_unique_id", "rx_type",
    "doses", "dx", "allergy", "issued_at", "valid_days", "lines", "guardian_present",
    "doctor_signature", "review",
}  # fmt: skip
PHARMACY_MASKED = {"patient.name", "patient.id_no", "patient.birth_date", "patient.phone"}
"""The first grant of examples/agreements/pharmacy.yaml, copied by hand."""


def imported(line: Mapping[str, Any]) -> dict[str, Any]:
    """An import line in the names that agreements use."""
    view = {f"patient.{key}": value for key, value in line["subject"].items() if key != "guardian"}
    guardian = line["subject"].get("guardian", {})
    view |= {f"patient.guardian_{key}": value for key, value in guardian.items()}
    return view | {key: line[key] for key in ("visit", "clinician", "occurred_at")} | line["body"]


def refusal(house: House, caller: Caller, record: str, purpose: str) -> dict[str, Any]:
    """Everything a refused caller can learn."""
    with pytest.raises(JinkuiError) as caught:
        house.vault.read(caller, record, purpose)
    error = caught.value
    return {
        "class": type(error),
        "text": str(error),
        "code": error.code,
        "hint": error.hint,
        "where": error.where,
        "cause": error.__cause__,
        "more": {k: v for k, v in vars(error).items() if k not in {"hint", "where"}},
    }


def newest(house: House) -> Any:  # noqa: ANN401 - TrailEntry, importable for types only
    return house.entries(newest_first=True, limit=1)[0]


def insurer_in_force(house: House) -> None:
    text = config_text("examples/agreements/insurer.yaml").encode()
    apply_agreement(house.toolkit, OFFICER, text, dry_run=False)


def consent_given(house: House, folder: Path, numbers: set[str]) -> None:
    """Import for these patients what the insurer's agreement asks for: both separate consents."""
    lines = {line["subject"]["id_no"]: line for _, line in house.planted("consent")}
    path = folder / "consents.jsonl"
    insurer = {"purpose": "claims_settlement", "partner": "91310000MA1FL0002W"}
    with path.open("wb") as file:
        for number in sorted(numbers):
            line = dict(lines[number])
            line["external_id"] = f"SYN-CLAIMS-{line['external_id']}"
            line["body"] = {
                **line["body"],
                "consent_no": f"SYN-CLAIMS-{line['body']['consent_no']}",
                "scope": [
                    {"kind": kind, **insurer} for kind in ("separate_provision", "sensitive")
                ],
            }
            file.write(orjson.dumps(line) + b"\n")
    assert house.import_all(path).accepted == len(numbers)


def test_the_pharmacy_sees_exactly_the_agreed_fields(stocked: House) -> None:
    """
    Agreed clear fields as stored, agreed masked fields masked, nothing else at all.
    """
    prescriptions = stocked.planted("prescription")
    assert len(prescriptions) > 20
    for record, line in prescriptions:
        held = imported(line)
        view = stocked.vault.read(PHARMACY, record, "dispensing")

        assert set(view.body) == (PHARMACY_CLEAR | PHARMACY_MASKED) & set(held)
        assert set(view.masked) == PHARMACY_MASKED & set(held)
        for name in PHARMACY_CLEAR & set(held) - {"occurred_at"}:
            assert view.body[name] == held[name], name
        at = datetime.fromisoformat(str(view.body["occurred_at"]))
        assert at == datetime.fromisoformat(held["occurred_at"])


def test_masked_values_do_not_contain_what_they_hide(stocked: House) -> None:
    """
    No full name, number, phone or birth date stands anywhere in what the pharmacy gets.
    """
    for record, line in stocked.planted("prescription"):
        view = stocked.vault.read(PHARMACY, record, "dispensing")
        shown = orjson.dumps(dict(view.body)).decode()
        subject = line["subject"]
        hidden = [subject[name] for name in ("name", "id_no", "phone", "birth_date", "address")]
        hidden += list(subject.get("guardian", {}).values())
        hidden.append(subject["birth_date"].replace("-", ""))
        assert [value for value in hidden if value in shown] == []


def test_asking_for_less_gives_less_and_asking_for_more_gives_no_more(stocked: House) -> None:
    """
    Named fields narrow the answer; a field outside the agreement is not served by naming it.
    """
    record, line = stocked.planted("prescription")[0]

    view = stocked.vault.read(PHARMACY, record, "dispensing", ("lines", "patient.name"))
    assert set(view.body) == {"lines", "patient.name"}
    assert newest(stocked).content["fields"] == ["patient.name", "lines"]

    view = stocked.vault.read(PHARMACY, record, "dispensing", ("lines", "patient.address"))
    assert set(view.body) == {"lines"}
    assert line["subject"]["address"] not in orjson.dumps(dict(view.body)).decode()
    for forbidden in ("history", "patient.guardian_id_no", "no_such_field"):
        with pytest.raises(RecordWithheld):
            stocked.vault.read(PHARMACY, record, "dispensing", (forbidden,))
        assert newest(stocked).decision == "deny"


def test_another_role_under_the_same_agreement_has_its_own_fields(stocked: House) -> None:
    """
    The courier gets phone and address to deliver, and neither drugs nor diagnosis.
    """
    record, line = stocked.planted("prescription")[0]

    view = stocked.vault.read(COURIER, record, "delivery")

    assert set(view.body) == {
        "patient.name", "patient.phone", "patient.address", "rx_unique_id", "issued_at",
    }  # fmt: skip
    assert view.masked == ("patient.name",)
    assert view.body["patient.phone"] == line["subject"]["phone"]


@pytest.mark.parametrize(
    ("caller", "purpose"),
    [
        (PHARMACY, "delivery"),
        (PHARMACY, "research"),
        (PHARMACY, "treatment"),
        (COURIER, "dispensing"),
        (Caller(actor="x001", role="claims_examiner", partner="demo-pharmacy"), "dispensing"),
        (Caller(actor="x001", role="records_officer", partner="demo-pharmacy"), "patient_request"),
        (Caller(actor="x001", role="pharmacist", partner="demo-insurer"), "dispensing"),
        (Caller(actor="x001", role="pharmacist", partner="nobody"), "dispensing"),
        (Caller(actor="x001", role="pharmacist", partner=""), "dispensing"),
    ],
    ids=lambda value: value if isinstance(value, str) else f"{value.role}-{value.partner}",
)
def test_what_nobody_agreed_on_is_refused(house: House, caller: Caller, purpose: str) -> None:
    """
    Another purpose, another role or another partner than agreed: refused, with one entry.
    """
    record, _ = house.planted("prescription")[0]
    before = house.size()

    with pytest.raises(Refused):
        house.vault.read(caller, record, purpose)

    assert house.size() == before + 1
    assert newest(house).decision == "deny"


def test_chat_transcripts_are_refused_to_the_pharmacy(stocked: House) -> None:
    """
    The prohibited kind is refused every time, and the log cites the clause that says so.
    """
    for record, _ in stocked.planted("chat_transcript")[:5]:
        answer = refusal(stocked, PHARMACY, record, "dispensing")
        assert answer["class"] is RecordWithheld
        entry = newest(stocked)
        assert (entry.decision, entry.record, entry.kind) == ("deny", record, "chat_transcript")
        assert entry.content["clauses"] == ["pharmacy-dispensing@1 第四条第一款"]


def test_an_expired_agreement_refuses_everything(stocked: House) -> None:
    """
    After its last day nothing is served, whatever the kind and whatever patients consented to.
    """
    for kind in KINDS:
        for record, _ in stocked.planted(kind)[:6]:
            assert refusal(stocked, INSURER, record, "claims_settlement")["class"] is RecordWithheld
            assert newest(stocked).decision == "deny"
    subject = stocked.planted("outpatient_record")[0][1]["subject"]
    with pytest.raises(AccessDenied):
        stocked.vault.search(INSURER, {"id_no": subject["id_no"]}, "claims_settlement")
    assert newest(stocked).decision == "deny"


def test_an_agreement_ends_at_the_last_instant_of_its_last_day(stocked: House) -> None:
    """
    Served until midnight in China of the last day, refused from midnight on, with no restart.
    """
    record, _ = stocked.planted("prescription")[0]
    end = datetime.fromisoformat("2029-01-01T00:00:00+08:00")

    stocked.clock.instant = end - timedelta(microseconds=1)
    assert stocked.vault.read(PHARMACY, record, "dispensing").body
    stocked.clock.instant = end
    with pytest.raises(RecordWithheld):
        stocked.vault.read(PHARMACY, record, "dispensing")
    assert newest(stocked).content["details"]["reasons"] == ["agreement.expired"]


def test_provision_needs_the_patients_separate_consent(stocked: House, tmp_path: Path) -> None:
    """
    Under an agreement in force the insurer reads consenting patients only, and finds no others.
    """
    insurer_in_force(stocked)
    visits = stocked.planted("outpatient_record")
    people = sorted({line["subject"]["id_no"] for _, line in visits})
    consenting = set(people[::3])
    consent_given(stocked, tmp_path, consenting)
    for record, line in visits:
        subject = line["subject"]
        found = stocked.vault.search(INSURER, {"id_no": subject["id_no"]}, "claims_settlement")
        if subject["id_no"] in consenting:
            body = stocked.vault.read(INSURER, record, "claims_settlement").body
            assert body["patient.name"] == subject["name"]
            assert "chief_complaint" not in body
            assert record in {hit.id for hit in found.records}
        else:
            assert refusal(stocked, INSURER, record, "claims_settlement")["class"] is RecordWithheld
            assert found.records == ()


def test_the_cloud_operator_never_sees_a_person(house: House) -> None:
    """
    Operation staff get visit and hour, and no field of the patient or the body.
    """
    for kind in KINDS:
        record, _ = house.planted(kind)[0]
        try:
            body = house.vault.read(CLOUD, record, "operation_support").body
        except RecordWithheld:
            continue
        assert set(body) <= {"visit", "occurred_at"}


class WatchedKeys:
    """The key ring, telling what stood in the log when a data key was fetched."""

    def __init__(self, house: House) -> None:
        self._house = house
        self.seen: list[tuple[str, str | None, str]] = []

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - passes everything else through
        return getattr(self._house.toolkit.keys, name)

    def dek_by_id(self, tenant: str, key_id: str) -> bytes:
        entry = newest(self._house)  # through another connection: only what is committed
        self.seen.append((entry.action, entry.record, entry.decision))
        return self._house.toolkit.keys.dek_by_id(tenant, key_id)


def test_a_permit_is_in_the_log_before_anything_is_unsealed(stocked: House) -> None:
    """
    When the data key is taken out, the entry is already committed for everybody to see.
    """
    keys = WatchedKeys(stocked)
    vault = stocked.vault_with(keys=keys)
    record, _ = stocked.planted("prescription")[0]

    view = vault.read(PHARMACY, record, "dispensing")

    assert keys.seen == [("record.read", record, "permit")]
    assert newest(stocked).content["details"]["disclosure"] == view.disclosure_id


def test_a_denial_is_in_the_log_before_the_answer_and_unseals_nothing(stocked: House) -> None:
    """
    A refused read takes no data key out and has its entry when the refusal arrives.
    """
    keys = WatchedKeys(stocked)
    vault = stocked.vault_with(keys=keys)
    record, _ = stocked.planted("chat_transcript")[0]
    before = stocked.size()

    with pytest.raises(RecordWithheld):
        vault.read(PHARMACY, record, "dispensing")

    assert keys.seen == []
    assert stocked.size() == before + 1
    entry = newest(stocked)
    assert (entry.decision, entry.record, entry.partner) == ("deny", record, "demo-pharmacy")


_FULL = "CREATE TRIGGER log_full BEFORE INSERT ON audit_entries "
_RAISE = "RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'log full'; END $$"
LOG_FULL = {
    "sqlite": (f"{_FULL} BEGIN SELECT RAISE(ABORT, 'log full'); END",),
    "postgresql": (
        f"CREATE FUNCTION log_full() {_RAISE}",
        f"{_FULL} FOR EACH ROW EXECUTE FUNCTION log_full()",
    ),
}
"""How the log of each engine is made to refuse."""


def test_no_entry_no_service(house: House) -> None:
    """
    When the log cannot be written, neither a read nor a search nor a refusal answers.
    """
    record, line = house.planted("prescription")[0]
    keys = WatchedKeys(house)
    with house.toolkit.transaction() as unit:
        for statement in LOG_FULL[unit.connection.dialect.name]:
            unit.connection.exec_driver_sql(statement)
    vault = house.vault_with(keys=keys)
    asked = {"id_no": line["subject"]["id_no"]}
    for ask in (
        lambda: vault.read(PHARMACY, record, "dispensing"),
        lambda: vault.search(PHARMACY, asked, "dispensing"),
        lambda: vault.read(PHARMACY, NOBODY, "dispensing"),
    ):
        with pytest.raises(Exception) as caught:  # noqa: PT011 - whatever, but no answer
            ask()
        assert not isinstance(caught.value, RecordWithheld)
        assert line["subject"]["name"] not in str(caught.value)
    assert house.toolkit.verify_log().ok


def test_unknown_and_foreign_records_look_the_same_to_a_partner(stocked: House) -> None:
    """
    Nothing a partner is told separates a record that does not exist from one it may not know of.
    """
    foreign = [
        refusal(stocked, PHARMACY, stocked.planted(kind)[0][0], "dispensing")
        for kind in KINDS
        if kind != "prescription"
    ]
    foreign.append(refusal(stocked, INSURER, stocked.planted("consent")[0][0], "claims_settlement"))

    unknown = refusal(stocked, PHARMACY, NOBODY, "dispensing")
    assert all(answer == unknown for answer in foreign)


def test_the_log_tells_unknown_and_foreign_apart(stocked: House) -> None:
    """
    The hospital, unlike the partner, sees which of the two it was.
    """
    record, _ = stocked.planted("chat_transcript")[0]
    outcomes = []
    for asked in (record, NOBODY):
        with pytest.raises(RecordWithheld):
            stocked.vault.read(PHARMACY, asked, "dispensing")
        outcomes.append(newest(stocked).content["outcome"])

    assert outcomes == ["access.denied", "records.not_found"]


def test_a_partner_finds_only_what_it_may_read(stocked: House) -> None:
    """
    A search shows prescriptions of the person and no other kind; each hit has its entry.
    """
    line = stocked.planted("prescription")[0][1]
    number = line["subject"]["id_no"]
    mine = {
        record
        for record, row in stocked.planted("prescription")
        if row["subject"]["id_no"] == number
    }

    page = stocked.vault.search(PHARMACY, {"id_no": number}, "dispensing")

    assert {found.id for found in page.records} == mine
    told = [
        entry
        for entry in stocked.entries(action="record.search", partner="demo-pharmacy")
        if entry.content["details"].get("disclosure") == page.disclosure_id
    ]
    assert {entry.record for entry in told if entry.record} == mine
    assert all(entry.content["details"]["credential"] == PHARMACY.credential for entry in told)


def test_only_the_offices_that_may_put_agreements_into_force(house: House) -> None:
    """
    The system administrator may not, a partner may not; the attempt is in the log.
    """
    text = config_text("examples/agreements/insurer.yaml").encode()
    for caller in (
        Caller(actor="a001", role="system_admin"),
        Caller(actor="x003", role="claims_examiner", partner="demo-insurer"),
    ):
        with pytest.raises(Refused):
            apply_agreement(house.toolkit, caller, text, dry_run=False)
        assert (newest(house).action, newest(house).decision) == ("agreement.apply", "deny")
    with house.toolkit.reading() as unit:
        assert "insurer-claims" not in {row.id for row in unit.agreements.list()}


def test_a_dry_run_of_an_agreement_changes_nothing(house: House) -> None:
    """
    Checked whole, written nowhere: not in the register, not in the log, not in the policy.
    """
    text = config_text("examples/agreements/insurer.yaml").encode()
    before = house.size()

    assert not apply_agreement(house.toolkit, OFFICER, text, dry_run=True).already_present

    assert house.size() == before
    record, _ = house.planted("outpatient_record")[0]
    with pytest.raises(RecordWithheld):
        house.vault.read(INSURER, record, "claims_settlement")
    assert newest(house).content["details"]["reasons"] == ["agreement.expired"]
