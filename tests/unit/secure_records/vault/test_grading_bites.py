"""The grade a record got when it was stored decides who may see it afterwards."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
import pytest
import yaml

from secure_records import Caller, parse_line
from secure_records.access.agreement import StandingAgreement
from secure_records.access.agreement_document import parse_agreement
from secure_records.access.compiled import compile_agreements
from secure_records.access.decision import AccessPolicy
from secure_records.access.internal_roles import compiled_internal_roles
from secure_records.vault_errors import RecordWithheld
from shared_kernel.grades import Grade

if TYPE_CHECKING:
    from conftest import Room

PHARMACY = Path(__file__).parents[4] / "config" / "examples" / "agreements" / "pharmacy.yaml"
PHARMACIST = Caller(actor="desk", role="pharmacist", partner="demo-pharmacy")
HIV = [{"code": "B24.x00", "name": "人类免疫缺陷病毒病"}]


def policy(room: Room, max_grade: int) -> AccessPolicy:
    """The published pharmacy template, its first clause reaching up to ``max_grade``."""
    text = yaml.safe_load(PHARMACY.read_text(encoding="utf-8"))
    partner = room.hospital.institution.partner_of_kind("pharmacy")
    text["partner"]["credit_code"] = partner.credit_code
    text["term"].update({"from": "2025-01-01", "until": "2028-12-31"})
    text["grants"][0]["max_grade"] = max_grade
    agreement = parse_agreement(yaml.safe_dump(text, allow_unicode=True).encode())
    standing = StandingAgreement(agreement=agreement)
    return AccessPolicy(compile_agreements((standing,)), compiled_internal_roles())


@pytest.fixture
def mixed(room: Room, officer: Caller) -> tuple[Room, str, str, dict[str, Any]]:
    """A room with one special and one ordinary prescription, and the special one's line."""
    lines = room.lines()
    special, ordinary, *_ = (line for line in lines if line["kind"] == "prescription")
    special["body"]["dx"] = HIV
    room.vault.store(
        officer, [parse_line(orjson.dumps(line), n) for n, line in enumerate(lines, 1)], "test"
    )
    ids = [
        str(room.sql("SELECT record FROM records WHERE visit = ? AND kind = ?", *key)[0][0])
        for key in ((line["visit"], "prescription") for line in (special, ordinary))
    ]
    return room, ids[0], ids[1], special


def test_the_grade_is_taken_from_the_body_and_sealed_with_it(
    mixed: tuple[Room, str, str, dict[str, Any]],
) -> None:
    """Row and log entry hold the grade; ordinary records keep that of their kind."""
    room, special, ordinary, _ = mixed

    grades = dict(room.sql("SELECT record, grade FROM records"))

    assert grades[special] == Grade.STRICT
    assert grades[ordinary] == Grade.SENSITIVE
    assert sorted(grades.values())[-2] == Grade.SENSITIVE
    stored = {e["record"]: e for e in room.entries() if e["action"] == "record.stored"}
    assert stored[special]["details"]["grade"] == Grade.STRICT


def test_a_special_disease_stays_out_of_reach_of_an_ordinary_agreement(
    mixed: tuple[Room, str, str, dict[str, Any]],
) -> None:
    """max_grade 4 does not reach grade 5: to the partner the record does not exist."""
    room, special, ordinary, line = mixed
    room.policy = policy(room, 4)

    assert room.vault.read(PHARMACIST, ordinary, "dispensing").body["lines"]
    with pytest.raises(RecordWithheld):
        room.vault.read(PHARMACIST, special, "dispensing")

    assert room.entries()[-1]["details"]["reasons"] == ["grade.too_high"]
    page = room.vault.search(PHARMACIST, {"id_no": line["subject"]["id_no"]}, "dispensing")
    assert special not in {hit.id for hit in page.records}


def test_an_agreement_may_reach_it_by_saying_so(
    mixed: tuple[Room, str, str, dict[str, Any]],
) -> None:
    """max_grade 5 is a clause like any other: inclusive."""
    room, special, _, _ = mixed
    room.policy = policy(room, 5)

    assert room.vault.read(PHARMACIST, special, "dispensing").body["dx"] == HIV


def test_the_treating_clinician_sees_it_and_quality_control_does_not(
    mixed: tuple[Room, str, str, dict[str, Any]],
) -> None:
    """Inside the house grade 5 is for who treats, and for the records officer."""
    room, special, _, line = mixed

    assert room.vault.read(room.caller_of(line["clinician"]), special, "treatment").body["dx"]
    inspector = Caller(actor="qc", role="quality_control")
    with pytest.raises(Exception, match="does not allow"):
        room.vault.read(inspector, special, "quality_control")
    assert room.entries()[-1]["details"]["reasons"] == ["grade.too_high"]
