"""Doctor says that a canary was touched, until a case was opened about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

from jinkui.procedures.doctor import Finding, examine
from jinkui.synthetic.hospital import SyntheticHospital
from jinkui.wiring.incidents import incident_room
from secure_records.intake import parse_line
from secure_records.models import Caller, StoreReceipt
from secure_records.vault_detecting import mark_canary

if TYPE_CHECKING:
    from jinkui.wiring.toolkit import Toolkit

OFFICER = Caller(actor="a008", role="records_officer")
GUARD = Caller(actor="a002", role="security_admin")


def finding(toolkit: Toolkit) -> Finding:
    [found] = [each for each in examine(toolkit) if each.id == "canaries"]
    return found


def test_doctor_shows_a_touched_canary_until_a_case_is_opened(toolkit: Toolkit) -> None:
    """Marked is in order; read is not; a case opened after the last time is again."""
    start = toolkit.clock.now().date()
    [line, *_] = SyntheticHospital(3, 12, 20, start=start).lines()
    [receipt] = toolkit.vault.store(OFFICER, [parse_line(orjson.dumps(line), 1)], "test")
    assert isinstance(receipt, StoreReceipt)
    mark_canary(toolkit.parts, GUARD, receipt.record)
    assert (finding(toolkit).ok, finding(toolkit).detail) == (True, "1 marked")

    toolkit.vault.read(OFFICER, receipt.record, "patient_request")
    assert not finding(toolkit).ok
    assert "touched" in finding(toolkit).detail

    with incident_room(toolkit) as room:
        room.desk.open(
            actor="a002",
            summary="演练",
            source="detection",
            reporter="doctor",
            operators=("medical_institution",),
            flags=(),
            aware_at=None,
        )
    assert finding(toolkit).ok
    toolkit.vault.read(OFFICER, receipt.record, "patient_request")
    assert not finding(toolkit).ok
