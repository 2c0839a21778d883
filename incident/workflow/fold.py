"""What does the next event make of a case?

``apply`` is the one function through which a case changes: the transition table
first, then the rules about time, then the rule of the event itself. It returns a new
case or raises; a case that raised is the case it was. ``fold`` replays a whole
history. Whether a case may close depends on law and is asked in ``clocks``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Final

from incident.errors import (
    CaseNotFound,
    FilingRefused,
    HistoryBroken,
    MalformedCaseInput,
    ReleaseRefused,
)
from incident.reports.draft import read_draft
from incident.reports.filing import read_filing, read_receipt, require_released
from incident.reports.release import PERSONS, read_approval, read_release
from incident.triage.severity import parse_severity
from incident.workflow.case import (
    AwarenessFact,
    Case,
    GradeDecision,
    NoticeBatchFact,
    NoticeDecision,
    ProvenAction,
    ScopeFact,
)
from incident.workflow.events import CaseEvent, EventKind, Payload
from incident.workflow.transitions import State, next_state
from shared_kernel.digests import parse_digest
from shared_kernel.errors import JinkuiError
from shared_kernel.instants import in_utc


def fold(events: Iterable[CaseEvent]) -> Case:
    """The case that these events tell.

    Raises:
        CaseNotFound: no events at all.
        HistoryBroken: an event is missing, out of order or impossible: somebody
            edited what is kept.
    """
    case: Case | None = None
    for event in events:
        try:
            case = apply(case, event)
        except JinkuiError as error:
            raise HistoryBroken(
                f"event {event.seq} of case {event.case} does not follow: {error}",
                where=f"seq {event.seq}",
            ) from error
    if case is None:
        raise CaseNotFound("there is no such case")
    return case


def apply(case: Case | None, event: CaseEvent) -> Case:
    """The case after the event.

    Raises:
        IllegalStep: the transition table does not allow it.
        IncidentError: the event contradicts what the case already says.
    """
    state = next_state(None if case is None else case.state, event.kind)
    entered, happened = in_utc(event.at, "at"), in_utc(event.event_at, "event_at")
    if happened > entered:
        raise MalformedCaseInput("an event cannot be entered before it happens", where="event_at")
    payload = Payload(event.payload, event.kind.value)
    if case is None:
        if event.seq != 1:
            raise HistoryBroken("the first event does not have number 1", where="seq")
        return _opened(event, payload, state)
    if (event.tenant, event.case, event.seq) != (case.tenant, case.case, case.last_seq + 1):
        raise HistoryBroken("the event is not the next one of this case", where="seq")
    if entered < case.last_at:
        raise MalformedCaseInput("the event is entered before the one before it", where="at")
    changed = _RULES[event.kind](case, event, payload)
    return replace(changed, state=state, last_seq=event.seq, last_at=entered)


def _opened(event: CaseEvent, payload: Payload, state: State) -> Case:
    aware_at = payload.instant("aware_at")
    if aware_at > in_utc(event.at, "at"):
        raise MalformedCaseInput("awareness lies in the future", where="aware_at")
    return Case(
        tenant=event.tenant,
        case=event.case,
        state=state,
        last_seq=1,
        last_at=in_utc(event.at, "at"),
        opened_at=in_utc(event.at, "at"),
        opened_by=event.actor,
        summary=payload.text("summary"),
        source=payload.text("source"),
        reporter=payload.text("reporter"),
        awareness=(AwarenessFact(seq=1, aware_at=aware_at, reason=None),),
        operators=frozenset(payload.texts("operators")),
        flags=frozenset(payload.texts("flags")),
    )


def _graded(case: Case, event: CaseEvent, payload: Payload) -> Case:
    proposed = payload.text_or_none("proposed")
    decision = GradeDecision(
        seq=event.seq,
        severity=parse_severity(payload.text("severity")),
        proposed=None if proposed is None else parse_severity(proposed),
        reason=payload.text("reason"),
        at=event.at,
        actor=event.actor,
    )
    return replace(case, decisions=(*case.decisions, decision))


def _grade_withdrawn(case: Case, event: CaseEvent, payload: Payload) -> Case:
    seq = payload.whole("seq")
    payload.text("reason")
    kept: list[GradeDecision] = []
    for item in case.decisions:
        if item.seq == seq and not item.withdrawn:
            if item.actor == event.actor:
                raise ReleaseRefused("whoever graded may not withdraw the own grade", where="actor")
            kept.append(replace(item, withdrawn=True))
        else:
            kept.append(item)
    if tuple(kept) == case.decisions:
        raise MalformedCaseInput("no standing grade has this number", where="seq")
    return replace(case, decisions=tuple(kept))


def _awareness_corrected(case: Case, event: CaseEvent, payload: Payload) -> Case:
    aware_at = payload.instant("aware_at")
    if aware_at > in_utc(event.at, "at"):
        raise MalformedCaseInput("awareness lies in the future", where="aware_at")
    if case.handled_at is not None and aware_at > case.handled_at:
        raise MalformedCaseInput("awareness lies after handling was completed", where="aware_at")
    fact = AwarenessFact(seq=event.seq, aware_at=aware_at, reason=payload.text("reason"))
    return replace(case, awareness=(*case.awareness, fact))


def _circumstances_amended(case: Case, event: CaseEvent, payload: Payload) -> Case:
    del event
    payload.text("reason")
    return replace(
        case,
        operators=frozenset(payload.texts("operators")),
        flags=frozenset(payload.texts("flags")),
    )


def _instant_known(case: Case, event: CaseEvent, payload: Payload) -> Case:
    instant = payload.instant("instant")
    if instant > in_utc(event.at, "at"):
        raise MalformedCaseInput("the instant lies in the future", where="instant")
    payload.text("reason")
    known = {**dict(case.instants), payload.text("clock"): instant}
    return replace(case, instants=tuple(sorted(known.items())))


def _facts_stated(case: Case, event: CaseEvent, payload: Payload) -> Case:
    del event
    values = payload.child("values")
    stated = dict(case.statements)
    for name in payload.mapping("values"):
        stated[name] = values.text(name)
    return replace(case, statements=tuple(sorted(stated.items())))


def _scoped(case: Case, event: CaseEvent, payload: Payload) -> Case:
    bounds = payload.child("bounds")
    fact = ScopeFact(
        seq=event.seq,
        at=event.at,
        subjects=payload.whole("subjects"),
        records=payload.whole("records"),
        minors=payload.whole("minors"),
        low=bounds.whole("low"),
        high=None if bounds.raw("high") is None else bounds.whole("high"),
        proofs_ok=payload.flag("proofs_ok"),
        fields=payload.texts("fields"),
        partners=payload.texts("partners"),
        root=payload.text("root"),
    )
    return replace(case, scopes=(*case.scopes, fact))


def _drafted(case: Case, event: CaseEvent, payload: Payload) -> Case:
    draft = read_draft(payload)
    if (draft.tenant, draft.case, draft.made_by) != (case.tenant, case.case, event.actor):
        raise MalformedCaseInput("the draft belongs to another case or person", where="draft")
    if any(item.draft_id == draft.draft_id for item in case.drafts):
        raise MalformedCaseInput("there is already a draft of this id", where="draft_id")
    return replace(case, drafts=(*case.drafts, draft))


def _approved(case: Case, event: CaseEvent, payload: Payload) -> Case:
    approval = read_approval(payload)
    draft = case.draft(approval.draft_id)
    if approval.digest != str(draft.digest()):
        raise ReleaseRefused("the approval is for another text of this document", where="digest")
    if approval.approver != event.actor or approval.approver == draft.made_by:
        raise ReleaseRefused("an approval is personal and never the drafter's", where="approver")
    return replace(case, approvals=(*case.approvals, approval))


def _released(case: Case, event: CaseEvent, payload: Payload) -> Case:
    del event
    released = read_release(payload)
    draft = case.draft(released.draft_id)
    if released.digest != str(draft.digest()):
        raise ReleaseRefused("another text of this document was approved", where="digest")
    if case.release_of(draft.draft_id) is not None:
        raise ReleaseRefused("the document is released already", where="draft_id")
    people = {item.approver for item in case.approvals_of(draft.draft_id)}
    if not set(released.approvers) <= people - {draft.made_by}:
        raise ReleaseRefused("the release names somebody who did not approve", where="approvers")
    if len(set(released.approvers)) < (PERSONS if released.emergency is None else 1):
        raise ReleaseRefused("too few persons approved", where="approvers")
    return replace(case, releases=(*case.releases, released))


def _release_reviewed(case: Case, event: CaseEvent, payload: Payload) -> Case:
    draft = case.draft(payload.text("draft_id"))
    released = case.release_of(draft.draft_id)
    if released is None or not released.review_owed:
        raise MalformedCaseInput("no review is owed for this document", where="draft_id")
    if event.actor in (*released.approvers, draft.made_by):
        raise ReleaseRefused("the review is for a third person", where="actor")
    done = replace(released, reviewed=payload.text("outcome"))
    return replace(
        case,
        releases=tuple(done if item is released else item for item in case.releases),
    )


def _filed(case: Case, event: CaseEvent, payload: Payload) -> Case:
    filing = read_filing(payload)
    draft, released = case.draft(filing.draft_id), case.release_of(filing.draft_id)
    require_released(draft, released)
    if filing.digest != str(draft.digest()) or case.filing_of(draft.draft_id) is not None:
        raise FilingRefused("another text, or filed already", where="digest")
    if (filing.recipient, filing.stage) != (draft.recipient, draft.stage):
        raise FilingRefused("the filing names another recipient or stage", where="recipient")
    if filing.submitted_at > in_utc(event.at, "at"):
        raise FilingRefused("it cannot have been submitted in the future", where="submitted_at")
    if released is not None and filing.submitted_at < released.released_at:
        raise FilingRefused("it was submitted before its release", where="submitted_at")
    return replace(case, filings=(*case.filings, filing))


def _receipted(case: Case, event: CaseEvent, payload: Payload) -> Case:
    del event
    filing = case.filing_of(payload.text("draft_id"))
    if filing is None:
        raise FilingRefused("there is no filing that a receipt could confirm", where="draft_id")
    done = replace(filing, confirmed=read_receipt(payload.child("receipt")))
    return replace(case, filings=tuple(done if item is filing else item for item in case.filings))


def _notice_decided(case: Case, event: CaseEvent, payload: Payload) -> Case:
    decision = NoticeDecision(
        notify=payload.flag("notify"),
        reason=payload.text("reason"),
        actor=event.actor,
        approver=payload.text("approver"),
        at=event.at,
    )
    if decision.approver == decision.actor:
        raise ReleaseRefused("a second person approves the decision", where="approver")
    return replace(case, notice_decision=decision)


def _notices_recorded(case: Case, event: CaseEvent, payload: Payload) -> Case:
    batch = NoticeBatchFact(
        batch_id=payload.text("batch_id"),
        draft_id=payload.text("draft_id"),
        digest=payload.text("digest"),
        at=event.at,
        total=payload.whole("total"),
        delivered=payload.whole("delivered"),
        failed=payload.whole("failed"),
    )
    require_released(case.draft(batch.draft_id), case.release_of(batch.draft_id))
    return replace(case, notice_batches=(*case.notice_batches, batch))


def _action_proven(case: Case, event: CaseEvent, payload: Payload) -> Case:
    action = ProvenAction(
        rule_id=payload.text("rule_id"),
        done_at=payload.instant("done_at"),
        proof_name=payload.text("proof_name"),
        proof_digest=payload.text("proof_digest"),
    )
    parse_digest(action.proof_digest, "proof_digest")
    if action.done_at > in_utc(event.at, "at"):
        raise MalformedCaseInput("the act lies in the future", where="done_at")
    return replace(case, actions=(*case.actions, action))


def _handled(case: Case, event: CaseEvent, payload: Payload) -> Case:
    handled_at = payload.instant("handled_at")
    if not case.aware_at <= handled_at <= in_utc(event.at, "at"):
        raise MalformedCaseInput(
            "handling is completed after awareness and not in the future", where="handled_at"
        )
    return replace(case, handled_at=handled_at)


def _noted(case: Case, event: CaseEvent, payload: Payload) -> Case:
    del event
    payload.text("text")
    return case


def _closed(case: Case, event: CaseEvent, payload: Payload) -> Case:
    payload.text("reason")
    return replace(case, closed_at=in_utc(event.at, "at"))


_Rule = Callable[[Case, CaseEvent, Payload], Case]

_RULES: Final[Mapping[EventKind, _Rule]] = {
    EventKind.GRADED: _graded,
    EventKind.GRADE_WITHDRAWN: _grade_withdrawn,
    EventKind.AWARENESS_CORRECTED: _awareness_corrected,
    EventKind.CIRCUMSTANCES_AMENDED: _circumstances_amended,
    EventKind.INSTANT_KNOWN: _instant_known,
    EventKind.FACTS_STATED: _facts_stated,
    EventKind.SCOPED: _scoped,
    EventKind.DRAFTED: _drafted,
    EventKind.APPROVED: _approved,
    EventKind.RELEASED: _released,
    EventKind.RELEASE_REVIEWED: _release_reviewed,
    EventKind.FILED: _filed,
    EventKind.RECEIPTED: _receipted,
    EventKind.NOTICE_DECIDED: _notice_decided,
    EventKind.NOTICES_RECORDED: _notices_recorded,
    EventKind.ACTION_PROVEN: _action_proven,
    EventKind.HANDLED: _handled,
    EventKind.NOTED: _noted,
    EventKind.CLOSED: _closed,
}
"""The rule of each event but the first; the table of states is asked before."""
