"""Path 4: a partner's credential is stolen; who was reached, who must be told, by when?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from incident.notices.deliveries import DeliveryChannel
from incident.reports.draft import Draft
from incident.reports.draft import Stage as ReportStage
from incident.reports.filing import HandProof
from incident.scoping.evidence import AccessQuery, BreachScope
from incident.triage.severity import Severity
from incident.workflow.case import Case
from incident.workflow.clocks import Clock, ClockState
from incident.workflow.events import EventKind
from jinkui.console.pages.status import duration_text
from jinkui.procedures.credentials import (
    CredentialRefused,
    caller_by_credential,
    credential_of,
    replace_credential,
)
from jinkui.procedures.demonstration.stage import (
    DATA_OFFICER,
    PHARMACIST,
    RELEASERS,
    SECURITY_ADMIN,
    Stage,
)
from jinkui.procedures.demonstration.storing import StoredRecords
from jinkui.procedures.demonstration.telling import Chapter, Line
from jinkui.procedures.file_report import file_to_platform
from jinkui.procedures.filing_proofs import keep_proof
from jinkui.procedures.incident_papers import write_papers
from jinkui.procedures.notify_individuals import notify_individuals
from jinkui.system_clock import stopwatch
from jinkui.wiring.incidents import BEGINNING, incident_room
from jinkui.wiring.supervision import Platform
from shared_kernel.errors import JinkuiError
from shared_kernel.instants import china_text, instant_text

STOLEN_READS: Final = 60
"""Records that the thief reads in the demonstration, if there are as many."""

OFFICES: Final = ("provincial_cac", "public_security")
HEALTH: Final = "health_commission"
PEOPLE: Final = "individuals"
_FLAGS: Final = ("personal_info_leak", "sensitive_pi", "suspected_crime")
_STATEMENTS: Final = {
    "cause": "合作药房工作人员账号凭据被盗，被用于批量读取处方。",
    "preliminary_cause": "合作药房工作人员账号凭据被盗。",
    "possible_harm": "可能收到冒充药房的诈骗电话；用药信息可能被他人知悉。",
    "self_help": "如接到以用药为由的可疑来电请勿转账，可拨打本院电话核实。",
}
_CONTAINED: Final = {
    "measures_taken": "已停用被盗凭据并换发新凭据，保全审计日志与检查点。",
    "handler_remedies": "已停用被盗凭据并换发新凭据，同时报案。",
}
_NOT_CONTAINED: Final = {
    "measures_taken": "尚未完成停用被盗凭据；已保全审计日志与检查点。",
    "handler_remedies": "尚未完成停用被盗凭据，同时报案。",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Told:
    """What happened to the four reports."""

    drafts: tuple[Draft, ...]
    receipt: str
    batch: int
    """Persons in the round of notices."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Checked:
    """What was tried out, not only said."""

    stolen: int
    """Records that the thief read."""
    contained: bool
    """The stolen credential opens nothing any more."""
    log_ok: bool
    log_size: int


def breach(stage: Stage, stored: StoredRecords, platform: Platform) -> Chapter:
    """Play the theft, then work the case to the end of its first reports."""
    began = stopwatch()
    toolkit = stage.toolkit
    stolen = credential_of(toolkit, PHARMACIST)
    thief = caller_by_credential(toolkit, stolen)
    taken = stored.prescriptions[-STOLEN_READS:]
    for record in taken:
        toolkit.vault.read(thief, record, "dispensing")
    case, scope = _open_and_scope(stage, stolen)
    # Contained first: a report may only say what has been done.
    contained = _contain(stage, stolen)
    case = _grade_and_state(stage, case, scope, contained=contained)
    told = _tell(stage, case, platform)
    with incident_room(toolkit) as room:
        room.desk.record(
            case.case,
            EventKind.HANDLED,
            {"handled_at": instant_text(toolkit.clock.now())},
            actor=SECURITY_ADMIN,
        )
        clocks = room.desk.duties(case.case)
        final = room.desk.case(case.case)
    verdict = toolkit.verify_log()
    toolkit.seal_log()
    return Chapter(
        zh="报得及：凭据被盗，按法定时限处置与报告",
        en="Reported: a stolen credential, on the law's clock",
        lines=_lines(
            stage,
            final,
            scope,
            told,
            clocks,
            _Checked(
                stolen=len(taken),
                contained=contained,
                log_ok=verdict.ok,
                log_size=verdict.size,
            ),
        ),
        seconds=stopwatch() - began,
    )


def _open_and_scope(stage: Stage, stolen: str) -> tuple[Case, BreachScope]:
    toolkit = stage.toolkit
    with incident_room(toolkit) as room:
        case = room.desk.open(
            actor=SECURITY_ADMIN,
            summary="合作药房凭据被盗，用于批量读取处方",
            source="detection",
            reporter=SECURITY_ADMIN,
            operators=toolkit.home.text("incident", "operators").split(),
            flags=_FLAGS,
        )
        query = AccessQuery(since=BEGINNING, until=toolkit.clock.now(), credential=stolen)
        _, scope = room.desk.scope(case.case, actor=SECURITY_ADMIN, query=query)
        if scope.minors:
            room.desk.record(
                case.case,
                EventKind.CIRCUMSTANCES_AMENDED,
                {
                    "operators": sorted(case.operators),
                    "flags": sorted({*case.flags, "minor_pi"}),
                    "reason": f"范围中有未成年人 {scope.minors} 人",
                },
                actor=SECURITY_ADMIN,
            )
        case = room.desk.case(case.case)
    return case, scope


def _grade_and_state(stage: Stage, case: Case, scope: BreachScope, *, contained: bool) -> Case:
    done = _CONTAINED if contained else _NOT_CONTAINED
    with incident_room(stage.toolkit) as room:
        # The thresholds give the lowest level; a person decides higher, with a reason.
        room.desk.grade(
            case.case,
            actor=SECURITY_ADMIN,
            facts={"pi_leaked_persons": scope.high or scope.low},
            reason="涉及敏感的处方信息，且疑似犯罪，按较大事件从严处置",
            decided=Severity.RELATIVELY_MAJOR,
        )
        room.desk.record(
            case.case,
            EventKind.FACTS_STATED,
            {"values": {**_STATEMENTS, **done}},
            actor=SECURITY_ADMIN,
        )
        return room.desk.case(case.case)


def _contain(stage: Stage, stolen: str) -> bool:
    """Replace the stolen credential; True when it opens nothing any more."""
    toolkit = stage.toolkit
    try:
        replace_credential(toolkit, SECURITY_ADMIN, stolen)
    except JinkuiError:
        # Not hidden: the report then says that it is not done, and the summary shows it.
        return False
    try:
        caller_by_credential(toolkit, stolen)
    except CredentialRefused:
        return True
    return False


def _tell(stage: Stage, case: Case, platform: Platform) -> _Told:
    toolkit = stage.toolkit
    folder = toolkit.home.folder / "out" / case.case
    drafts: list[Draft] = []
    with incident_room(toolkit) as room:
        for recipient in (*OFFICES, HEALTH, PEOPLE):
            draft = room.desk.draft(
                case.case,
                actor=DATA_OFFICER,
                recipient=recipient,
                stage=ReportStage.FIRST,
                language="zh",
            )
            drafts.append(draft)
            for person in RELEASERS:
                signer = toolkit.personal_signer(person)
                room.desk.approve(case.case, draft.draft_id, actor=person, signer=signer)
            release = room.desk.release(case.case, draft.draft_id, actor=RELEASERS[-1])
            write_papers(folder, draft, toolkit.home.institution_name, release)
    by_recipient = {draft.recipient: draft for draft in drafts}
    with incident_room(toolkit) as room:
        for recipient in OFFICES:
            draft = by_recipient[recipient]
            proof = folder / f"proof-{recipient}.txt"
            text = f"合成的报送凭证：{draft.number} 于 {china_text(toolkit.clock.now())} 当面递交\n"
            proof.write_text(text, encoding="utf-8")
            kept = keep_proof(toolkit, case.case, proof)
            room.desk.file(
                case.case,
                draft.draft_id,
                actor=DATA_OFFICER,
                by=HandProof(
                    name=kept.name,
                    digest=kept.digest,
                    channel="counter",
                    submitted_at=toolkit.clock.now(),
                ),
            )
    filing = file_to_platform(
        toolkit, case.case, by_recipient[HEALTH].draft_id, DATA_OFFICER, platform
    )
    notice = by_recipient[PEOPLE].draft_id
    round_ = notify_individuals(toolkit, case.case, notice, DATA_OFFICER, DeliveryChannel.APP)
    receipt = filing.receipt.reference if filing.receipt else ""
    return _Told(drafts=tuple(drafts), receipt=receipt, batch=round_.persons)


def _lines(
    stage: Stage,
    case: Case,
    scope: BreachScope,
    told: _Told,
    clocks: tuple[Clock, ...],
    checked: _Checked,
) -> tuple[Line, ...]:
    high = "?" if scope.high is None else str(scope.high)
    open_fields = [field for draft in told.drafts for field in draft.unknown()]
    contained, log_ok = checked.contained, checked.log_ok
    return (
        _grade_line(case),
        Line(
            f"范围由日志重放得出：患者 {scope.low}–{high} 人（未成年 {scope.minors}），"
            f"处方 {scope.records} 份，字段 {len(scope.fields)} 个，证明"
            f"{'成立' if scope.proofs_ok else '不成立'}",
            f"scope replayed from the log: {scope.low}–{high} patients ({scope.minors} minors), "
            f"{scope.records} records, {len(scope.fields)} fields, proofs "
            f"{'hold' if scope.proofs_ok else 'FAIL'}",
            ok=scope.proofs_ok and scope.records >= checked.stolen > 0,
        ),
        Line(
            "被盗凭据已停用并换发" if contained else "被盗凭据尚未完成停用",
            f"the stolen credential is {'replaced' if contained else 'NOT YET replaced'}",
            ok=contained,
        ),
        _duty_line(stage, case, clocks),
        Line(
            f"报送：省网信办、公安机关（当面递交，留存凭证）；卫健平台（模拟）回执 {told.receipt}；"
            f"个人通知 {told.batch} 人；均经两人签发",
            f"filed: provincial CAC and public security (by hand, with proof), health platform "
            f"(simulated) receipt {told.receipt}, {told.batch} persons notified; each "
            "released by two people",
            ok=bool(told.receipt)
            and told.batch == len(scope.subject_refs)
            and {draft.recipient for draft in told.drafts} == {*OFFICES, HEALTH, PEOPLE}
            and all(_left_properly(case, draft) for draft in told.drafts),
        ),
        Line(
            f"报告中尚未查明的内容 {len(open_fields)} 处，均注明补报时间；文书在 out/{case.case}",
            f"{len(open_fields)} answers not yet known, each promised with an instant; "
            f"papers in out/{case.case}",
            ok=all(field.promised_by is not None for field in open_fields)
            and any((stage.toolkit.home.folder / "out" / case.case).iterdir()),
        ),
        Line(
            f"日志再次核验{'通过' if log_ok else '不通过'}（{checked.log_size} 条）",
            f"log verified again: {'passed' if log_ok else 'FAILED'} ({checked.log_size} entries)",
            ok=log_ok,
        ),
    )


def _grade_line(case: Case) -> Line:
    decision = next((d for d in reversed(case.decisions) if not d.withdrawn), None)
    zh, en = "尚未定级", "not graded"
    if decision is not None:
        decided, proposed = decision.severity, decision.proposed
        zh, en = f"定级“{decided.zh}”", f"graded {decided.word}"
        if proposed is None:
            zh, en = f"{zh}（由人判断，门槛未给出级别）", f"{en} (judged; no threshold met)"
        elif decided > proposed:
            zh = f"{zh}（门槛给出“{proposed.zh}”，人工从严）"
            en = f"{en} (thresholds gave {proposed.word}; a person decided higher)"
        else:
            zh, en = f"{zh}（与门槛一致）", f"{en} (as the thresholds gave)"
    return Line(
        f"案件 {case.case[:8]}…：知悉 {china_text(case.aware_at)}，{zh}",
        f"case {case.case[:8]}…: aware {china_text(case.aware_at)} (China), {en}",
        ok=decision is not None
        and decision.severity == case.severity
        and (decision.proposed is None or decision.severity >= decision.proposed),
    )


def _duty_line(stage: Stage, case: Case, clocks: tuple[Clock, ...]) -> Line:
    fixed = [clock for clock in clocks if clock.due.due_at is not None]
    done = [clock for clock in clocks if clock.state is ClockState.DISCHARGED]
    late = [clock for clock in clocks if clock.state is ClockState.OVERDUE]
    prompt = [clock for clock in clocks if clock.state is ClockState.NO_HOURS]
    rest = len(clocks) - len(done) - len(late) - len(prompt)
    first = fixed[0] if fixed else None
    due = china_text(first.due.due_at) if first and first.due.due_at else "—"
    used = duration_text(stage.toolkit.clock.now() - case.aware_at)
    return Line(
        f"义务 {len(clocks)} 项：有时限 {len(fixed)} 项（最早 {due}），"
        f"已履行 {len(done)} 项，逾期 {len(late)} 项，尚待“及时”办理 {len(prompt)} 项，"
        f"未到期 {rest} 项；知悉后用时 {used}",
        f"{len(clocks)} duties: {len(fixed)} with hours (first due {due} China), "
        f"{len(done)} discharged, {len(late)} overdue, {len(prompt)} still to be met "
        f"promptly, {rest} not yet due; {used} after awareness",
        ok=bool(done) and not any(clock.late for clock in clocks),
    )


def _left_properly(case: Case, draft: Draft) -> bool:
    """Was it released by two people other than its maker, and did it go out?"""
    release = case.release_of(draft.draft_id)
    noticed = any(batch.draft_id == draft.draft_id for batch in case.notice_batches)
    sent = noticed if draft.recipient == PEOPLE else case.filing_of(draft.draft_id) is not None
    return (
        sent
        and release is not None
        and len(set(release.approvers)) > 1
        and draft.made_by not in release.approvers
    )
