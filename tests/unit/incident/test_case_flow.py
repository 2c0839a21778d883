"""A case, worked by a hospital from awareness to the closing report."""

# ruff: noqa: ANN401 - the class of the fixture lives in conftest, which tests cannot import

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from incident.errors import (
    CaseCannotClose,
    CaseNotFound,
    EventConflict,
    FilingRefused,
    FilingRejected,
    GradeTooLow,
    HistoryBroken,
    IllegalStep,
    MalformedCaseInput,
    ReleaseRefused,
    UnknownWord,
)
from incident.notices.deliveries import DeliveryChannel, DeliveryState, plan_batch
from incident.notices.letter import notice_letter
from incident.reports.draft import Stage
from incident.reports.filing import HandProof, ReceiptState
from incident.scoping.evidence import AccessQuery
from incident.triage.severity import Severity
from incident.workflow.clocks import ClockState
from incident.workflow.events import EventKind
from shared_kernel.digests import sha256

MILLION = {"pi_leaked_persons": 1_000_000}
PROOF = str(sha256(b"scan"))


def standing(hospital: Any, case: str, rule_id: str) -> Any:
    return next(c for c in hospital.desk.duties(case) if c.due.rule.rule_id == rule_id)


def graded(hospital: Any, **changes: Any) -> str:
    case = hospital.opened(**changes)
    hospital.desk.grade(case, actor="li", facts=MILLION, reason="日志统计")
    return str(case)


def proof(hospital: Any) -> HandProof:
    return HandProof(
        name="scan.pdf", digest=PROOF, channel="website", submitted_at=hospital.clock.now()
    )


def test_whole_path_from_awareness_to_closing(hospital: Any) -> None:
    """
    Open, grade, scope, draft, release, file, closing report, close: one log entry each.
    """
    case = graded(hospital)
    now = hospital.clock.now()
    query = AccessQuery(since=now - timedelta(days=1), until=now, partner="par_pharmacy")
    _, scope = hospital.desk.scope(case, actor="li", query=query)
    assert scope.as_json()["bounds"] == {"low": 3, "high": 3}

    first = hospital.released(case, "provincial_cac", Stage.FIRST)
    hospital.clock.forward(hours=1)
    hospital.desk.file(case, first, actor="li", by=hospital.platform)
    assert standing(hospital, case, "NCIR-R03-other").state is ClockState.DISCHARGED
    assert hospital.platform.taken == [hospital.desk.case(case).draft(first).material()]

    hospital.clock.forward(days=3)
    hospital.desk.record(
        case,
        EventKind.HANDLED,
        {"handled_at": hospital.clock.now().isoformat()},
        actor="li",
    )
    with pytest.raises(CaseCannotClose, match="NCIR-R11-closing"):
        hospital.desk.close(case, actor="li", reason="完成")
    last = hospital.released(case, "provincial_cac", Stage.CLOSING, lessons="缩小授权范围")
    hospital.desk.file(case, last, actor="li", by=proof(hospital))
    closed = hospital.desk.close(case, actor="li", reason="完成")

    assert closed.closed_at == hospital.clock.now()
    assert hospital.desk.status() == ()
    assert len(hospital.journal.entries) == closed.last_seq
    assert [line.seq for line in hospital.desk.timeline(case)] == list(
        range(1, closed.last_seq + 1)
    )


def test_clocks_run_from_the_first_minute(hospital: Any) -> None:
    """
    Before anybody has graded, clocks run as if at the highest level and say so.
    """
    case = hospital.opened()

    clock = standing(hospital, case, "NCIR-R03-other")

    assert clock.provisional
    assert clock.due.due_at - clock.due.starts_at == timedelta(hours=4)


def test_clock_states_at_their_exact_instants(hospital: Any) -> None:
    """
    Running, near at the set share, still in time at the due instant, overdue after it.
    """
    case = graded(hospital)
    states = []
    for minutes in (0, 191, 1, 48, 0.001):  # 0, 191, 192 (80 %), 240 and just after
        hospital.clock.forward(minutes=minutes)
        states.append(standing(hospital, case, "NCIR-R03-other").state.value)

    assert states == ["running", "running", "near", "near", "overdue"]


def test_status_of_a_past_instant_can_be_replayed(hospital: Any) -> None:
    """
    What was known at an instant does not change when more is entered later.
    """
    case = hospital.opened()
    then = hospital.clock.now()
    hospital.clock.forward(hours=1)
    hospital.desk.grade(case, actor="li", facts={}, reason="未达标准")

    assert any(c.due.rule.rule_id == "NCIR-R03-other" for c in hospital.desk.duties(case, at=then))
    assert all(c.due.rule.rule_id != "NCIR-R03-other" for c in hospital.desk.duties(case))
    assert hospital.desk.status(at=then - timedelta(seconds=1)) == ()


def test_late_filing_discharges_and_stays_late(hospital: Any) -> None:
    """
    A late report still stops the clock, and it stays visible that it was late.
    """
    case = graded(hospital)
    hospital.clock.forward(hours=5)
    first = hospital.released(case, "provincial_cac", Stage.FIRST)
    hospital.desk.file(case, first, actor="li", by=proof(hospital))

    clock = standing(hospital, case, "NCIR-R03-other")
    assert (clock.state, clock.late) == (ClockState.DISCHARGED, True)


def test_both_recipients_of_a_cii_report_must_be_told(hospital: Any) -> None:
    """
    The row names two authorities: one letter alone does not discharge it.
    """
    case = graded(hospital, operators=["cii_operator"], flags=["cii_involved"])
    first = hospital.released(case, "protection_department", Stage.FIRST)
    hospital.desk.file(case, first, actor="li", by=proof(hospital))
    assert standing(hospital, case, "NCIR-R01-cii").state is not ClockState.DISCHARGED

    hospital.clock.forward(minutes=20)
    police = hospital.released(case, "public_security", Stage.FIRST)
    hospital.desk.file(case, police, actor="li", by=proof(hospital))
    last_told = hospital.clock.now()
    hospital.clock.forward(minutes=20)
    more = hospital.released(case, "public_security", Stage.SUPPLEMENT)
    hospital.desk.file(case, more, actor="li", by=proof(hospital))

    clock = standing(hospital, case, "NCIR-R01-cii")
    assert (clock.state, clock.discharged_at) == (ClockState.DISCHARGED, last_told)


def test_rejected_report_keeps_the_clock_running(hospital: Any) -> None:
    """
    A platform's rejection is no evidence of submission.
    """
    case = graded(hospital)
    first = hospital.released(case, "provincial_cac", Stage.FIRST)
    hospital.platform.state = ReceiptState.REJECTED

    with pytest.raises(FilingRejected):
        hospital.desk.file(case, first, actor="li", by=hospital.platform)

    assert standing(hospital, case, "NCIR-R03-other").state is ClockState.RUNNING


def test_unreleased_draft_cannot_be_filed(hospital: Any) -> None:
    """
    Nothing leaves the house without a release.
    """
    case = graded(hospital)
    draft = hospital.desk.draft(case, actor="li", recipient="provincial_cac", stage=Stage.FIRST)

    with pytest.raises(FilingRefused):
        hospital.desk.file(case, draft.draft_id, actor="li", by=hospital.platform)
    assert hospital.platform.taken == []


def test_lower_regrade_does_not_remove_a_duty(hospital: Any) -> None:
    """
    A later, lower grade leaves the duty; only a withdrawal by somebody else removes it.
    """
    case = graded(hospital)
    first_decision = hospital.desk.case(case).decisions[0].seq
    hospital.desk.grade(case, actor="li", facts={}, reason="重新统计")
    assert standing(hospital, case, "NCIR-R03-other").state is ClockState.RUNNING

    withdrawal = {"seq": first_decision, "reason": "多录了三个零"}
    with pytest.raises(ReleaseRefused):
        hospital.desk.record(case, EventKind.GRADE_WITHDRAWN, withdrawal, actor="li")
    hospital.desk.record(case, EventKind.GRADE_WITHDRAWN, withdrawal, actor="wang")

    assert hospital.desk.case(case).severity is Severity.GENERAL


def test_person_may_grade_higher_never_lower(hospital: Any) -> None:
    """
    Criteria in words can raise a level; they cannot argue a threshold away.
    """
    case = hospital.opened()
    with pytest.raises(GradeTooLow):
        hospital.desk.grade(
            case, actor="li", facts=MILLION, reason="影响小", decided=Severity.GENERAL
        )
    after, _ = hospital.desk.grade(
        case, actor="li", facts=MILLION, reason="重要数据", decided=Severity.MAJOR
    )
    assert after.severity is Severity.MAJOR


def test_awareness_moves_only_by_a_correction_that_stays_visible(hospital: Any) -> None:
    """
    The clock moves with the corrected instant; the earlier instant is kept with the reason.
    """
    case = graded(hospital)
    earlier = hospital.clock.now() - timedelta(hours=2)
    hospital.desk.record(
        case,
        EventKind.AWARENESS_CORRECTED,
        {"aware_at": earlier.isoformat(), "reason": "值班电话记录"},
        actor="wang",
    )

    found = hospital.desk.case(case)
    assert standing(hospital, case, "NCIR-R03-other").due.due_at == earlier + timedelta(hours=4)
    assert [fact.reason for fact in found.awareness] == [None, "值班电话记录"]
    with pytest.raises(MalformedCaseInput):
        hospital.desk.record(
            case, EventKind.AWARENESS_CORRECTED, {"aware_at": earlier.isoformat()}, actor="wang"
        )


def test_emergency_single_release_needs_a_near_deadline_and_a_review(hospital: Any) -> None:
    """
    One person may release near the limit; a third person reviews before closing.
    """
    case = graded(hospital)
    draft = hospital.desk.draft(case, actor="li", recipient="provincial_cac", stage=Stage.FIRST)
    hospital.desk.approve(case, draft.draft_id, actor="wang", signer=hospital.people["wang"])
    with pytest.raises(ReleaseRefused, match="no statutory deadline is near"):
        hospital.desk.release(case, draft.draft_id, actor="wang", emergency="夜间")
    hospital.clock.forward(hours=3, minutes=30)
    released = hospital.desk.release(case, draft.draft_id, actor="wang", emergency="夜间")
    assert released.review_owed

    review = {"draft_id": draft.draft_id, "outcome": "内容属实"}
    for person in ("li", "wang"):
        with pytest.raises(ReleaseRefused):
            hospital.desk.record(case, EventKind.RELEASE_REVIEWED, review, actor=person)
    after = hospital.desk.record(case, EventKind.RELEASE_REVIEWED, review, actor="zhao")
    assert not after.releases[0].review_owed


def test_internal_act_with_proof_discharges_its_duty(hospital: Any) -> None:
    """
    Completing rescue notes is an act, not a letter; its proof stops the six-hour clock.
    """
    case = hospital.opened(flags=["medical_quality_event"])
    assert standing(hospital, case, "DISP-R01-latenote").due.start_assumed
    payload = {
        "rule_id": "DISP-R01-latenote",
        "done_at": hospital.clock.now().isoformat(),
        "proof_name": "notes.pdf",
        "proof_digest": PROOF,
    }
    hospital.desk.record(case, EventKind.ACTION_PROVEN, payload, actor="wang")

    assert standing(hospital, case, "DISP-R01-latenote").state is ClockState.DISCHARGED


def test_notices_go_to_guardians_and_keep_names_out_of_the_log(hospital: Any) -> None:
    """
    A minor's notice goes to the guardian; log and case see counts only.
    """
    case = graded(hospital)
    draft_id = hospital.released(case, "individuals", Stage.FIRST, cause="授权过宽")
    planned = plan_batch(
        ["sub_a", "sub_b", "sub_a"],
        minors=frozenset({"sub_b"}),
        channel=DeliveryChannel.SMS,
        at=hospital.clock.now(),
    )
    assert [(item.subject, item.to_guardian) for item in planned] == [
        ("sub_a", False),
        ("sub_b", True),
    ]
    batch = hospital.desk.notify(case, draft_id, actor="li", deliveries=planned)

    assert hospital.desk.deliveries(case, batch) == planned
    assert {item.state for item in planned} == {DeliveryState.PENDING}
    assert "sub_" not in str(hospital.journal.entries)
    draft = hospital.desk.case(case).draft(draft_id)
    letter = notice_letter(draft, house="示范医院", to_guardian=True)
    assert letter.startswith("尊敬的监护人")
    assert "发生的原因：授权过宽" in letter
    assert "目前尚未查明，我们将于" in letter


def test_decision_not_to_notify_needs_a_second_person(hospital: Any) -> None:
    """
    Not telling the persons (PIPL 57, second paragraph) is a reasoned decision of two.
    """
    case = graded(hospital)
    decision = {"notify": False, "reason": "已有效避免危害", "approver": "li"}
    with pytest.raises(ReleaseRefused):
        hospital.desk.record(case, EventKind.NOTICE_DECIDED, decision, actor="li")

    after = hospital.desk.record(
        case, EventKind.NOTICE_DECIDED, {**decision, "approver": "wang"}, actor="li"
    )
    assert after.notice_decision.notify is False


def test_illegal_step_raises_and_changes_nothing(hospital: Any) -> None:
    """
    Whatever the table does not list leaves case and log as they were.
    """
    case = hospital.opened()
    before, logged = hospital.desk.case(case), len(hospital.journal.entries)

    with pytest.raises(IllegalStep):
        hospital.desk.close(case, actor="li", reason="x")
    with pytest.raises(IllegalStep):
        hospital.desk.draft(case, actor="li", recipient="provincial_cac", stage=Stage.FIRST)
    with pytest.raises(UnknownWord):
        hospital.desk.record(
            case,
            EventKind.CIRCUMSTANCES_AMENDED,
            {"operators": ["hospital"], "flags": [], "reason": "x"},
            actor="li",
        )

    assert hospital.desk.case(case) == before
    assert len(hospital.journal.entries) == logged


def test_no_entry_no_event(hospital: Any) -> None:
    """
    If the log cannot take the entry, the case does not take the event.
    """
    case = hospital.opened()
    hospital.journal.broken = True
    with pytest.raises(OSError, match="log full"):
        hospital.desk.grade(case, actor="li", facts={}, reason="x")

    assert hospital.desk.case(case).last_seq == 1


def test_edited_or_missing_history_is_noticed(hospital: Any) -> None:
    """
    A deleted event breaks the fold by name instead of giving another case.
    """
    case = graded(hospital)
    hospital.desk.record(case, EventKind.NOTED, {"text": "电话确认"}, actor="li")
    hospital.connection.execute(text("DELETE FROM incident_case_events WHERE seq = 2"))

    with pytest.raises(HistoryBroken):
        hospital.desk.case(case)


def test_two_writers_of_one_number_conflict(hospital: Any) -> None:
    """
    The second writer of the same event number is refused.
    """
    case = hospital.opened()
    [event] = hospital.store.events("12330000470000000X", case)

    with pytest.raises(EventConflict):
        hospital.store.append(event, 7)


def test_unknown_case_is_not_found(hospital: Any) -> None:
    """
    A well-formed identifier of no case is not found, and never an empty case.
    """
    with pytest.raises(CaseNotFound):
        hospital.desk.case("inc_" + "0" * 26)
