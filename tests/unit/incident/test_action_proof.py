"""A proof names a duty of the law rows, and a duty done in time is never late afterwards."""

# ruff: noqa: ANN401 - the class of the fixture lives in conftest, which tests cannot import

from datetime import timedelta
from typing import Any

import pytest

from incident.errors import UnknownWord
from incident.reports.draft import Stage
from incident.reports.filing import HandProof
from incident.workflow.clocks import ClockState
from incident.workflow.events import EventKind
from shared_kernel.digests import sha256
from shared_kernel.errors import BadInput

PROOF = str(sha256(b"scan"))


def prove(hospital: Any, case: str, rule_id: str) -> None:
    payload = {
        "rule_id": rule_id,
        "done_at": hospital.clock.now().isoformat(),
        "proof_name": "notes.pdf",
        "proof_digest": PROOF,
    }
    hospital.desk.record(case, EventKind.ACTION_PROVEN, payload, actor="wang")


def standing(hospital: Any, case: str, rule_id: str) -> Any:
    return next(c for c in hospital.desk.duties(case) if c.due.rule.rule_id == rule_id)


def test_proof_of_an_unknown_rule_is_refused(hospital: Any) -> None:
    """
    A mistyped rule id is bad input; case and log stay as they were.
    """
    case = hospital.opened(flags=["medical_quality_event"])
    before, logged = hospital.desk.case(case), len(hospital.journal.entries)

    with pytest.raises(UnknownWord, match="rule_id 'NOPE'") as refused:
        prove(hospital, case, "NOPE")

    assert isinstance(refused.value, BadInput)
    assert refused.value.code == "incident.unknown_word"
    assert "DISP-R01-latenote" in refused.value.allowed
    assert hospital.desk.case(case) == before
    assert len(hospital.journal.entries) == logged


def test_act_done_in_time_never_turns_late(hospital: Any) -> None:
    """
    Long after the due instant, a duty proven before it is discharged and not late.
    """
    case = hospital.opened(flags=["medical_quality_event"])
    hospital.clock.forward(minutes=1)
    done = hospital.clock.now()
    prove(hospital, case, "DISP-R01-latenote")
    hospital.clock.forward(days=400)

    clock = standing(hospital, case, "DISP-R01-latenote")

    assert clock.due.due_at is not None
    assert done < clock.due.due_at < hospital.clock.now()
    assert (clock.state, clock.discharged_at, clock.late) == (ClockState.DISCHARGED, done, False)


@pytest.mark.parametrize(("after_limit", "late"), [(timedelta(0), False), (timedelta(1), True)])
def test_report_at_its_due_instant_is_in_time_for_ever(
    hospital: Any, after_limit: timedelta, late: bool
) -> None:
    """
    Lateness compares the submission with the due instant, not the day on which one looks.
    """
    case = hospital.opened()
    facts = {"pi_leaked_persons": 1_000_000}
    hospital.desk.grade(case, actor="li", facts=facts, reason="日志统计")
    due = standing(hospital, case, "NCIR-R03-other").due
    hospital.clock.instant = due.due_at + after_limit
    first = hospital.released(case, "provincial_cac", Stage.FIRST)
    told = HandProof(
        name="scan.pdf", digest=PROOF, channel="website", submitted_at=hospital.clock.now()
    )
    hospital.desk.file(case, first, actor="li", by=told)
    hospital.clock.forward(days=400)

    clock = standing(hospital, case, "NCIR-R03-other")

    assert (clock.state, clock.late) == (ClockState.DISCHARGED, late)
