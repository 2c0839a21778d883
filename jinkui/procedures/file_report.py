"""How does a released report reach the health platform, with a receipt that proves it?

1. the report becomes a message in the outbox (frozen, journalled)
2. delivery sends what is due and keeps the signed receipt
3. the filing binds the draft's digest and the platform's number to the case

A crash between 2 and 3 loses nothing: the same draft gives the same message, and
the receipt is already there.
"""

from __future__ import annotations

from dataclasses import dataclass

from incident.errors import FilingRefused
from incident.reports.draft import Draft
from incident.reports.filing import Filing, Receipt, ReceiptState, require_released
from incident.workflow.case import Case
from jinkui.bridges.platform_reports import RESOURCE, Reporter, report_body
from jinkui.wiring.incidents import incident_room
from jinkui.wiring.supervision import Platform, supervision_desk
from jinkui.wiring.toolkit import Toolkit
from shared_kernel.errors import NotFound, UpstreamFailed
from supervision.delivery import SupervisionDesk
from supervision.messages.message import Provenance

CHANNEL = "provincial-platform"


class NotDelivered(UpstreamFailed):
    """The platform has not accepted the report yet; the clock keeps running."""

    code = "filing.not_delivered"
    default_hint = "see `jinkui supervision receipts`; file by hand if the deadline is near"


class DraftReleaseMissing(NotFound):
    """The draft has no release."""

    code = "filing.release_missing"
    default_hint = "two persons release it first: jinkui --as PERSON incident release CASE DRAFT"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Delivered:
    """A platform that has already answered: the network is never waited for in a transaction."""

    answer: Receipt
    digest: str

    @property
    def name(self) -> str:
        return CHANNEL

    def submit(self, report: bytes, *, digest: str, recipient: str, draft_id: str) -> Receipt:
        del report, recipient, draft_id
        if digest != self.digest:
            raise FilingRefused("another text of this document was delivered", where="digest")
        return self.answer


def file_to_platform(
    toolkit: Toolkit, case: str, draft_id: str, actor: str, platform: Platform | None = None
) -> Filing:
    """Deliver a released draft and file it with the platform's receipt.

    Raises:
        DraftReleaseMissing: nobody released it.
        NotDelivered: no accepted answer; nothing was filed.
        FilingRefused: filed before, or changed since its release.
    """
    with incident_room(toolkit) as room:
        current = room.desk.case(case)
        draft, released = current.draft(draft_id), current.release_of(draft_id)
    if released is None:
        raise DraftReleaseMissing("the draft is not released", where=draft_id)
    require_released(draft, released)
    who = Reporter(reporter=actor, approver="、".join(released.approvers))
    with supervision_desk(toolkit, platform) as supervision:
        answer = _deliver(toolkit, supervision, current, draft, who)
    channel = _Delivered(answer=answer, digest=str(draft.digest()))
    with incident_room(toolkit) as room:
        return room.desk.file(case, draft_id, actor=actor, by=channel)


def _deliver(
    toolkit: Toolkit, desk: SupervisionDesk, case: Case, draft: Draft, who: Reporter
) -> Receipt:
    message = desk.submit(
        RESOURCE,
        report_body(case, draft, who, toolkit.home.institution_name),
        provenance=Provenance(
            source_system="jinkui-incident", collector="case", operator=who.reporter
        ),
    )
    outcomes = {outcome.message_id: outcome for outcome in desk.deliver_due()}
    lines = {line.message_id: line for line in desk.receipts()}
    line = lines.get(message)
    if line is None or line.state != "accepted":
        note = outcomes[message].note if message in outcomes else None
        raise NotDelivered(f"the platform has not accepted the report ({note or 'no answer'})")
    desk.verify(message)
    number = outcomes[message].platform_number if message in outcomes else None
    return Receipt(
        reference=number or message,
        state=ReceiptState.ACCEPTED,
        received_at=line.received_at,
        digest=str(draft.digest()),
    )
