"""How does an institution work a case, from the first minute to the closing report?

The front door. Every step reads the case, checks the step against table, facts and
law, writes one entry into the audit log and one event into the case (``case_book``).
Reading comes from ``CaseBook``: ``case``, ``timeline``, ``duties``, ``status``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from incident.case_book import CaseBook, DeskPorts, Rulebook
from incident.errors import FilingRefused, GradeTooLow
from incident.notices.deliveries import Delivery, summarise
from incident.ports import FilingChannel
from incident.reports.compose import DraftOrder, compose
from incident.reports.draft import Draft, Stage
from incident.reports.filing import (
    Filing,
    HandProof,
    Receipt,
    filed_by_hand,
    filed_by_platform,
    require_released,
)
from incident.reports.release import Approval, Release, approve, release, verify_approval
from incident.scoping.breach_scope import scope
from incident.scoping.evidence import AccessQuery, BreachScope
from incident.triage.grading import Measure, Proposal, grade, proposal_record
from incident.triage.severity import Severity
from incident.workflow.case import Case
from incident.workflow.clocks import (
    ClockState,
    addressees,
    case_duties,
    clocks,
)
from incident.workflow.events import EventKind
from shared_kernel.canonical_json import Json
from shared_kernel.identifiers import new_identifier
from shared_kernel.instants import instant_text
from shared_kernel.signatures import PublicKey, Signer


class IncidentDesk(CaseBook):
    """Everything a person does to a case of this institution, within one transaction."""

    def open(
        self,
        *,
        actor: str,
        summary: str,
        source: str,
        reporter: str,
        operators: Iterable[str],
        flags: Iterable[str] = (),
        aware_at: datetime | None = None,
    ) -> Case:
        """Open a case; awareness is now unless an earlier instant is given.

        Clocks run from this moment, as if at the highest level until it is graded.
        """
        now = self._now()
        payload: dict[str, Json] = {
            "summary": summary,
            "source": source,
            "reporter": reporter,
            "aware_at": instant_text(now if aware_at is None else aware_at),
            "operators": sorted(set(operators)),
            "flags": sorted(set(flags)),
        }
        name = new_identifier("inc", now, self._ports.entropy)
        return self._write(name, None, EventKind.OPENED, payload, actor=actor, now=now)

    def grade(
        self,
        case: str,
        *,
        actor: str,
        facts: Mapping[str, Measure],
        reason: str,
        decided: Severity | None = None,
    ) -> tuple[Case, Proposal]:
        """Grade from facts; a person may decide higher than they give.

        Raises:
            GradeTooLow: the decision lies below what a threshold gives.
        """
        now, current = self._now(), self.case(case)
        proposal = grade(self._rules.guides, facts, now)
        level = proposal.severity if decided is None else decided
        if level < proposal.severity:
            raise GradeTooLow(f"the facts reach {proposal.severity.word}", where="decided")
        payload: dict[str, Json] = {
            "severity": level.word,
            "proposed": proposal.severity.word,
            "proposal": proposal_record(proposal),
            "facts": {metric: str(value) for metric, value in sorted(facts.items())},
            "reason": reason,
        }
        after = self._write(case, current, EventKind.GRADED, payload, actor=actor, now=now)
        return after, proposal

    def scope(self, case: str, *, actor: str, query: AccessQuery) -> tuple[Case, BreachScope]:
        """Ask the access log whose data was reached, and keep the counts."""
        now, current = self._now(), self.case(case)
        found = scope(self._ports.evidence.window(query))
        after = self._write(case, current, EventKind.SCOPED, found.as_json(), actor=actor, now=now)
        return after, found

    def close(self, case: str, *, actor: str, reason: str) -> Case:
        """Close the case; duties without a number that are still open are listed in it.

        Raises:
            CaseCannotClose: a duty with a limit, or a review, is still owed.
        """
        now = self._now()
        still_open = [
            item.due.rule.rule_id
            for item in self.duties(case)
            if item.state is ClockState.NO_HOURS and item.due.rule.addressees
        ]
        payload: dict[str, Json] = {"reason": reason, "open_without_hours": still_open}
        return self._write(case, self.case(case), EventKind.CLOSED, payload, actor=actor, now=now)

    # Documents

    def draft(
        self,
        case: str,
        *,
        actor: str,
        recipient: str,
        stage: Stage,
        language: str = "zh",
        answers: Mapping[str, str] | None = None,
        promised_by: datetime | None = None,
    ) -> Draft:
        """Write a report; ``actor`` is its initiator and may not release it."""
        now, current = self._now(), self.case(case)
        draft = compose(
            self._rules.law,
            self._rules.letters,
            current,
            self._institution,
            DraftOrder(
                draft_id=new_identifier("dft", now, self._ports.entropy),
                recipient=recipient,
                stage=stage,
                language=language,
                made_at=now,
                made_by=actor,
                promised_by=now + self._options.supplement_promise
                if promised_by is None
                else promised_by,
                answers=answers or {},
            ),
        )
        self._write(case, current, EventKind.DRAFTED, draft.as_json(), actor=actor, now=now)
        return draft

    def approve(self, case: str, draft_id: str, *, actor: str, signer: Signer) -> Approval:
        """Sign the draft's digest as ``actor``; checked before it is kept."""
        now, current = self._now(), self.case(case)
        draft, term = current.draft(draft_id), self._options.approval_term
        approval = approve(draft, approver=actor, signer=signer, at=now, term=term)
        verify_approval(
            draft,
            approval,
            keys_of=self._keys_of,
            verifier=self._ports.verifier,
            at=now,
            term=term,
        )
        self._write(case, current, EventKind.APPROVED, approval.as_json(), actor=actor, now=now)
        return approval

    def release(
        self, case: str, draft_id: str, *, actor: str, emergency: str | None = None
    ) -> Release:
        """Release a draft on the approvals kept; expired ones do not count.

        Raises:
            ReleaseRefused: too few persons, or an emergency that is none.
        """
        now, current = self._now(), self.case(case)
        draft = current.draft(draft_id)
        standing = [
            item
            for item in current.approvals_of(draft_id)
            # A key taken from a person since then takes the approval with it.
            if now < item.expires_at and item.signature.key in self._keys_of(item.approver)
        ]
        released = release(
            draft,
            standing,
            keys_of=self._keys_of,
            verifier=self._ports.verifier,
            at=now,
            term=self._options.approval_term,
            emergency=emergency,
            deadline_near=self._deadline_near(current, draft, now),
        )
        self._write(case, current, EventKind.RELEASED, released.as_json(), actor=actor, now=now)
        return released

    def file(
        self, case: str, draft_id: str, *, actor: str, by: FilingChannel | HandProof
    ) -> Filing:
        """Hand a released draft in, or record with proof that it was handed in.

        Raises:
            FilingRefused: not released, changed, or filed before.
            FilingRejected: the platform refused it; the clock keeps running.
        """
        now, current = self._now(), self.case(case)
        draft, released = current.draft(draft_id), current.release_of(draft_id)
        require_released(draft, released)
        if current.filing_of(draft_id) is not None:
            raise FilingRefused("the document was filed before", where="draft_id")
        if isinstance(by, HandProof):
            filing = filed_by_hand(draft, released, by, now)
        else:
            receipt = by.submit(
                draft.material(),
                digest=str(draft.digest()),
                recipient=draft.recipient,
                draft_id=draft.draft_id,
            )
            filing = filed_by_platform(draft, by.name, receipt, now)
        self._write(case, current, EventKind.FILED, filing.as_json(), actor=actor, now=now)
        return filing

    def receipt(self, case: str, draft_id: str, *, actor: str, receipt: Receipt) -> Case:
        """Keep a receipt that came later: it confirms a filing and moves no clock."""
        payload: dict[str, Json] = {"draft_id": draft_id, "receipt": receipt.as_json()}
        return self._write(
            case, self.case(case), EventKind.RECEIPTED, payload, actor=actor, now=self._now()
        )

    def notify(
        self, case: str, draft_id: str, *, actor: str, deliveries: tuple[Delivery, ...]
    ) -> str:
        """Keep one round of notices under a released draft; returns the batch id.

        Persons are kept in the encrypted store; case and log get counts and a digest.
        """
        now, current = self._now(), self.case(case)
        summary, batch_id = summarise(deliveries), new_identifier("bat", now, self._ports.entropy)
        payload: dict[str, Json] = {
            "batch_id": batch_id,
            "draft_id": draft_id,
            "digest": str(summary.digest),
            "total": summary.total,
            "delivered": summary.delivered,
            "failed": summary.failed,
        }
        self._write(case, current, EventKind.NOTICES_RECORDED, payload, actor=actor, now=now)
        self._ports.store.keep_deliveries(self._tenant, case, batch_id, deliveries)
        return batch_id

    def _keys_of(self, person: str) -> tuple[PublicKey, ...]:
        return self._ports.keys.keys_of(self._tenant, person)

    def _deadline_near(self, case: Case, draft: Draft, now: datetime) -> bool:
        law = self._rules.law
        dues = case_duties(law, case)
        near = {
            item.due.rule.rule_id
            for item in clocks(law, case, now, near_percent=self._options.near_percent)
            if item.state in (ClockState.NEAR, ClockState.OVERDUE)
        }
        return any(
            due.rule.rule_id in near
            and law.vocabulary.recipients[name].fulfilled_by((draft.recipient,))
            for due in dues
            for name in addressees(due.rule, dues)
        )


__all__ = ["DeskPorts", "IncidentDesk", "Rulebook"]
