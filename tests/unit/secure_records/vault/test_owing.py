"""What an agreement demands in return travels with the view and stands in the log."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import orjson
import pytest
import yaml

from secure_records import Caller
from secure_records.access.agreement import StandingAgreement
from secure_records.access.agreement_document import parse_agreement
from secure_records.access.compiled import compile_agreements
from secure_records.access.decision import AccessPolicy
from secure_records.access.internal_roles import compiled_internal_roles
from secure_records.access.outcome import Obligation
from secure_records.access.vocabulary import ObligationKind
from secure_records.errors import KeyNotFound
from secure_records.vault_errors import RecordWithheld
from secure_records.vault_owing import owed_for_page
from shared_kernel.instants import china_text, parse_instant

if TYPE_CHECKING:
    from conftest import Room

PHARMACY = Path(__file__).parents[4] / "config" / "examples" / "agreements" / "pharmacy.yaml"
PHARMACIST = Caller(actor="desk", role="pharmacist", partner="demo-pharmacy")
CLAUSE = "pharmacy-dispensing@1 第三条第一款"
NOTED = [{"kind": kind, "clause": CLAUSE} for kind in ("row_cap", "watermark", "notice")]
VISITS_SHOWN = {"clause": "第三条第三款", "kinds": ["outpatient_record"], "max_grade": 4}


def policy(room: Room, **obligations: bool) -> AccessPolicy:
    """The published pharmacy template; ``obligations`` replace those of its first clause."""
    text = yaml.safe_load(PHARMACY.read_text(encoding="utf-8"))
    partner = room.hospital.institution.partner_of_kind("pharmacy")
    text["partner"]["credit_code"] = partner.credit_code
    text["term"].update({"from": "2025-01-01", "until": "2028-12-31"})
    first = text["grants"][0]
    first["obligations"] = {**first["obligations"], **obligations}
    text["grants"].append(
        {
            **VISITS_SHOWN,
            "purposes": ["dispensing"],
            "roles": ["pharmacist"],
            "fields": {"visit": "clear"},
            "obligations": {"view_only": True, "row_cap": 40},
        }
    )
    agreement = parse_agreement(yaml.safe_dump(text, allow_unicode=True).encode())
    standing = StandingAgreement(agreement=agreement)
    return AccessPolicy(compile_agreements((standing,)), compiled_internal_roles())


def prescription(room: Room) -> str:
    """A stored prescription."""
    rows = room.sql("SELECT record FROM records WHERE kind = 'prescription' ORDER BY record")
    return str(rows[0][0])


def test_the_view_carries_what_the_clause_demands(stored: Room) -> None:
    """Every obligation of the clause that served, with its clause, its text and its number."""
    stored.policy = policy(stored, view_only=True)

    view = stored.vault.read(PHARMACIST, prescription(stored), "dispensing")

    assert [duty.as_json() for duty in view.obligations] == [
        {"kind": "row_cap", "clause": CLAUSE, "rows": 50},
        {"kind": "watermark", "clause": CLAUSE},
        {"kind": "notice", "clause": CLAUSE, "text": "仅用于本次处方的审核与调剂，不得留存副本。"},
        {"kind": "view_only", "clause": CLAUSE},
    ]


def test_the_log_holds_which_obligations_went_along(stored: Room) -> None:
    """Kind and clause of each, in the entry of the disclosure; the texts stay in the agreement."""
    stored.policy = policy(stored)

    view = stored.vault.read(PHARMACIST, prescription(stored), "dispensing")

    details = stored.entries()[-1]["details"]
    assert details["disclosure"] == view.disclosure_id
    assert details["obligations"] == NOTED


def test_the_watermark_leads_back_to_one_entry(stored: Room) -> None:
    """It names receiver, disclosure and instant as the entry does, and nothing of the patient."""
    stored.policy = policy(stored)
    record = prescription(stored)

    view = stored.vault.read(PHARMACIST, record, "dispensing")

    entry = stored.entries()[-1]
    assert view.watermark is not None
    assert f"{entry['partner']}/{entry['actor']}" in view.watermark
    assert entry["details"]["disclosure"] in view.watermark
    assert china_text(parse_instant(entry["at"], "at")) in view.watermark
    assert record not in view.watermark
    for line in stored.lines():
        for value in (line["subject"]["name"], line["subject"]["id_no"], line["visit"]):
            assert value not in view.watermark


def test_no_watermark_where_none_is_owed(stored: Room) -> None:
    """It marks exactly the views whose clause asks for it."""
    stored.policy = policy(stored, watermark=False)

    view = stored.vault.read(PHARMACIST, prescription(stored), "dispensing")

    assert view.watermark is None
    assert {duty.kind for duty in view.obligations} == {
        ObligationKind.ROW_CAP,
        ObligationKind.NOTICE,
    }


def test_nobody_inside_owes_an_agreement_anything(stored: Room, officer: Caller) -> None:
    """Roles carry no obligations: the view has none and the entry no empty list."""
    person = stored.records()[0].subject

    view = stored.vault.read(officer, prescription(stored), "patient_request")
    page = stored.vault.search(officer, {"id_no": person.id_no}, "patient_request")

    assert (view.obligations, view.watermark) == ((), None)
    assert (page.obligations, page.watermark) == ((), None)
    assert all("obligations" not in entry.get("details", {}) for entry in stored.entries())


def test_a_denial_owes_nothing(stored: Room) -> None:
    """Who gets nothing is bound to nothing, and the log does not say otherwise."""
    stored.policy = policy(stored)
    [(record,), *_] = stored.sql("SELECT record FROM records WHERE kind = 'chat_transcript'")

    with pytest.raises(RecordWithheld):
        stored.vault.read(PHARMACIST, record, "dispensing")

    assert "obligations" not in stored.entries()[-1]["details"]


def test_a_failed_disclosure_says_what_would_have_been_owed(stored: Room) -> None:
    """The entry of the failure repeats the promise it takes back."""
    stored.policy = policy(stored)
    record = prescription(stored)
    with stored.key_file.transaction() as connection:
        connection.exec_driver_sql("DELETE FROM wrapped_keys WHERE retention_class <> ''")
    stored.open()

    with pytest.raises(KeyNotFound):
        stored.vault.read(PHARMACIST, record, "dispensing")

    permitted, failed = stored.entries()[-2:]
    assert (permitted["decision"], failed["decision"]) == ("permit", "failed")
    assert permitted["details"]["obligations"] == failed["details"]["obligations"] == NOTED


def test_a_page_owes_for_all_its_records(stored: Room) -> None:
    """The obligations of each hit once, the smallest cap alone, one watermark for the page."""
    stored.policy = policy(stored)
    line = next(each for each in stored.lines() if each["kind"] == "prescription")
    size = len(stored.entries())

    page = stored.vault.search(PHARMACIST, {"id_no": line["subject"]["id_no"]}, "dispensing")

    assert {hit.kind for hit in page.records} == {"prescription", "outpatient_record"}
    assert [duty.rows for duty in page.obligations if duty.rows is not None] == [40]
    assert sorted(duty.kind for duty in page.obligations) == sorted(ObligationKind)
    assert page.watermark is not None
    assert page.disclosure_id in page.watermark
    head, *hits = stored.entries()[size:]
    assert {each["kind"] for each in head["details"]["obligations"]} == set(ObligationKind)
    for entry in hits:
        kinds = {each["kind"] for each in entry["details"]["obligations"]}
        assert ("watermark" in kinds) == (entry["kind"] == "prescription")
    assert line["subject"]["id_no"] not in orjson.dumps(stored.entries()).decode()


def test_an_empty_page_owes_nothing(stored: Room) -> None:
    """Obligations come with what is shown: otherwise they would tell what was hidden."""
    stored.policy = policy(stored)

    page = stored.vault.search(PHARMACIST, {"id_no": "E99999999"}, "dispensing")

    assert (page.records, page.obligations, page.watermark) == ((), (), None)


def test_the_cap_that_cut_a_page_is_named_even_if_its_record_fell_off() -> None:
    """A page of one record under a cap of one says which clause allowed no more."""
    loose = Obligation(kind=ObligationKind.ROW_CAP, clause="a@1 1", rows=9)
    tight = Obligation(kind=ObligationKind.ROW_CAP, clause="a@1 2", rows=1)
    seen = Obligation(kind=ObligationKind.WATERMARK, clause="a@1 1")
    hidden = Obligation(kind=ObligationKind.WATERMARK, clause="a@1 2")

    owed = owed_for_page([(loose, seen)], [(loose, seen), (tight, hidden)])

    assert owed == (tight, seen)
