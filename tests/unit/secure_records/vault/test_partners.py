"""A partner sees what its agreement and the patient's consent show, and not a field more."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import orjson
import pytest
import yaml

from secure_records import Caller, parse_line
from secure_records.access.agreement import StandingAgreement
from secure_records.access.agreement_document import parse_agreement
from secure_records.access.compiled import compile_agreements
from secure_records.access.decision import AccessPolicy
from secure_records.access.errors import AccessDenied
from secure_records.access.internal_roles import compiled_internal_roles
from secure_records.vault_errors import RecordWithheld

if TYPE_CHECKING:
    from conftest import Room

TEMPLATES = Path(__file__).parents[4] / "config" / "examples" / "agreements"
PHARMACIST = Caller(actor="desk", role="pharmacist", partner="demo-pharmacy", credential="token-7")
CLAIMS = Caller(actor="desk", role="claims_examiner", partner="demo-insurer")


def policy(
    room: Room, *, ended_at: datetime | None = None, registered: bool = False
) -> AccessPolicy:
    """The published templates, with the synthetic hospital's partners as parties."""
    standing = []
    for name in ("pharmacy", "insurer"):
        text = yaml.safe_load((TEMPLATES / f"{name}.yaml").read_text(encoding="utf-8"))
        partner = room.hospital.institution.partner_of_kind(name)
        text["partner"]["credit_code"] = partner.credit_code
        text["term"].update({"from": "2025-01-01", "until": "2028-12-31"})
        if registered:
            # The hospital is a party: its register would count for a person proven to be on it.
            text["discloser"]["credit_code"] = room.tenant
            for grant in text["grants"]:
                grant["registered_staff"] = True
        agreement = parse_agreement(yaml.safe_dump(text, allow_unicode=True).encode())
        standing.append(StandingAgreement(agreement=agreement, ended_at=ended_at))
    return AccessPolicy(compile_agreements(standing), compiled_internal_roles())


def records_of(room: Room, kind: str) -> list[str]:
    """Stored records of this kind."""
    return [row[0] for row in room.sql("SELECT record FROM records WHERE kind = ?", kind)]


def test_the_pharmacy_sees_the_prescription_masked(stored: Room) -> None:
    """Agreed fields, names and numbers masked, everything else withheld, the clause in the log."""
    stored.policy = policy(stored)
    record = records_of(stored, "prescription")[0]

    view = stored.vault.read(PHARMACIST, record, "dispensing")

    person = next(
        each.subject
        for each in stored.records()
        if each.kind == "prescription" and each.visit == view.body["visit"]
    )
    shown = orjson.dumps(dict(view.body)).decode()
    assert view.body["lines"]
    assert person.id_no not in shown
    assert person.name not in shown
    assert "history" in view.withheld
    assert "patient.name" in view.masked
    entry = stored.entries()[-1]
    assert entry["agreement"] == "pharmacy-dispensing@1"
    assert any("第三条第一款" in clause for clause in entry["clauses"])
    assert entry["details"]["credential"] == "token-7"
    assert "history" not in entry["fields"]


def test_what_the_agreement_forbids_does_not_exist(stored: Room) -> None:
    """Kinds outside the agreement look like records that are not there."""
    stored.policy = policy(stored)

    for kind in ("chat_transcript", "outpatient_record", "consent"):
        with pytest.raises(RecordWithheld):
            stored.vault.read(PHARMACIST, records_of(stored, kind)[0], "dispensing")


def test_an_ended_agreement_shows_nothing_more(stored: Room) -> None:
    """From the instant it ends, on the very next read."""
    record = records_of(stored, "prescription")[0]
    stored.policy = policy(stored)
    assert stored.vault.read(PHARMACIST, record, "dispensing").body

    stored.policy = policy(stored, ended_at=datetime(2026, 1, 1, tzinfo=UTC))
    with pytest.raises(RecordWithheld):
        stored.vault.read(PHARMACIST, record, "dispensing")
    assert "agreement.terminated" in stored.entries()[-1]["details"]["reasons"]


def test_the_insurer_sees_only_who_said_yes(room: Room, officer: Caller) -> None:
    """Separate consent to this recipient, stored as a record, opens exactly its patients."""
    room.policy = policy(room)
    insurer = room.hospital.institution.partner_of_kind("insurer").credit_code
    lines = room.lines()
    for number, line in enumerate(each for each in lines if each["kind"] == "consent"):
        line["body"]["scope"] = [{"kind": "general", "purpose": "treatment"}]
        if number % 2:
            line["body"]["scope"] += [
                {"kind": kind, "purpose": "claims_settlement", "partner": insurer}
                for kind in ("separate_provision", "sensitive")
            ]
    records = [parse_line(orjson.dumps(line), number) for number, line in enumerate(lines, 1)]
    room.vault.store(officer, records, "test")
    willing = {
        line["subject"]["id_no"]
        for line in lines
        if line["kind"] == "consent" and len(line["body"]["scope"]) > 1
    }

    seen = set()
    for line in lines:
        if line["kind"] != "outpatient_record":
            continue
        [(record,)] = room.sql(
            "SELECT record FROM records WHERE kind = 'outpatient_record' AND visit = ?",
            line["visit"],
        )
        try:
            room.vault.read(CLAIMS, record, "claims_settlement")
        except RecordWithheld:
            assert "consent.missing" in room.entries()[-1]["details"]["reasons"]
            continue
        seen.add(line["subject"]["id_no"])

    assert seen == willing
    assert len(willing) < len({line["subject"]["id_no"] for line in lines})


def test_a_partner_search_shows_agreed_kinds_only(stored: Room) -> None:
    """Hits of other kinds, and patients who are not there, look alike: absent."""
    stored.policy = policy(stored)
    person = next(each.subject for each in stored.records() if each.kind == "prescription")

    page = stored.vault.search(PHARMACIST, {"id_no": person.id_no}, "dispensing")
    nobody = stored.vault.search(PHARMACIST, {"id_no": "E99999999"}, "dispensing")

    assert {each.kind for each in page.records} == {"prescription"}
    assert nobody.records == ()


def test_a_hospital_account_lends_a_partner_no_standing(stored: Room) -> None:
    """A partner's caller with the name of a clinician's account is nobody on the register."""
    stored.policy = policy(stored, registered=True)
    line = next(each for each in stored.lines() if each["kind"] == "prescription")
    [(record,)] = stored.sql(
        "SELECT record FROM records WHERE visit = ? AND kind = 'prescription'", line["visit"]
    )
    inside = stored.caller_of(line["clinician"])
    assert stored.vault.read(inside, record, "treatment").body
    outside = Caller(actor=inside.actor, role="pharmacist", partner="demo-pharmacy")

    with pytest.raises(RecordWithheld):
        stored.vault.read(outside, record, "dispensing")

    assert stored.entries()[-1]["details"]["reasons"] == ["staff.unknown"]


def test_a_partner_account_lends_no_standing_inside(stored: Room) -> None:
    """An account of a partner whose person is a clinician here opens nothing of the hospital."""
    line = next(each for each in stored.lines() if each["kind"] == "prescription")
    [(record,)] = stored.sql(
        "SELECT record FROM records WHERE visit = ? AND kind = 'prescription'", line["visit"]
    )
    inside = stored.caller_of(line["clinician"])
    stored.sql("UPDATE actors SET partner = 'demo-pharmacy' WHERE id = ?", inside.actor)

    with pytest.raises(AccessDenied) as denied:
        stored.vault.read(inside, record, "treatment")

    assert "staff.unknown" in denied.value.reasons
