"""When is the duty to report the rest of a first report fulfilled?"""

# ruff: noqa: ANN401 - the class of the fixture lives in conftest, which tests cannot import

from typing import Any

from incident.reports.draft import Stage
from incident.reports.filing import HandProof
from incident.workflow.clocks import ClockState
from shared_kernel.digests import sha256


def standing(hospital: Any, case: str, rule_id: str) -> Any:
    return next(c for c in hospital.desk.duties(case) if c.due.rule.rule_id == rule_id)


def proof(hospital: Any) -> HandProof:
    return HandProof(
        name="scan.pdf",
        digest=str(sha256(b"scan")),
        channel="website",
        submitted_at=hospital.clock.now(),
    )


def test_unknown_answers_keep_the_duty_to_supplement_open(hospital: Any) -> None:
    """
    A first report with open answers does not discharge the duty to report the rest.
    """
    case = hospital.opened()
    hospital.desk.grade(case, actor="li", facts={"pi_leaked_persons": 1_000_000}, reason="日志统计")
    first = hospital.released(case, "provincial_cac", Stage.FIRST)
    hospital.desk.file(case, first, actor="li", by=proof(hospital))
    open_fields = hospital.desk.case(case).draft(first).unknown()
    assert open_fields
    assert standing(hospital, case, "NCIR-R03-other").state is ClockState.DISCHARGED
    for rule in ("NCIR-R08-partial", "NCIR-R09-update"):
        assert standing(hospital, case, rule).state is ClockState.NO_HOURS

    hospital.clock.forward(hours=1)
    answers = {field.name: "已查明" for field in open_fields}
    more = hospital.released(case, "provincial_cac", Stage.SUPPLEMENT, **answers)
    assert hospital.desk.case(case).draft(more).unknown() == ()
    hospital.desk.file(case, more, actor="li", by=proof(hospital))

    for rule in ("NCIR-R08-partial", "NCIR-R09-update"):
        clock = standing(hospital, case, rule)
        assert (clock.state, clock.discharged_at) == (
            ClockState.DISCHARGED,
            hospital.clock.now(),
        )
