"""What does the receiver owe for what is shown, and what marks the showing as theirs?

An agreement permits under conditions: a notice, a watermark, no copies, so many
rows. They travel with the view, or nobody could keep them, and the log holds
which of them travelled. A watermark names who received, under which disclosure
and when, so that a photograph of the screen leads back to one entry of the log;
it says nothing about the patient.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from secure_records.access.outcome import Obligation, joined
from secure_records.access.vocabulary import ObligationKind
from secure_records.audit.entry import AuditFact
from secure_records.models import Caller
from secure_records.vault_parts import noting
from shared_kernel.instants import china_text


def watermark(
    obligations: Iterable[Obligation], caller: Caller, disclosure: str, at: datetime
) -> str | None:
    """The text that must be visible wherever the view is; None: no watermark is owed.

    Args:
        obligations: What the decision owes.
        caller: Who receives; only account and organisation are named.
        disclosure: ``dis_…`` of the audit entry.
        at: Instant of the audit entry; shown in China time.
    """
    if all(duty.kind is not ObligationKind.WATERMARK for duty in obligations):
        return None
    receiver = caller.actor if caller.partner is None else f"{caller.partner}/{caller.actor}"
    return f"接收方 Recipient {receiver} · {disclosure} · {china_text(at)} +08:00"


def noting_owed(fact: AuditFact, obligations: Iterable[Obligation]) -> AuditFact:
    """The fact with kind and clause of every obligation; the texts stand in the agreement."""
    owed = [{"kind": duty.kind.value, "clause": duty.clause} for duty in obligations]
    return noting(fact, obligations=owed) if owed else fact


def owed_for_page(
    shown: Iterable[Iterable[Obligation]], found: Iterable[Iterable[Obligation]]
) -> tuple[Obligation, ...]:
    """What a page of several records owes.

    Args:
        shown: Obligations of each record on the page.
        found: Obligations of each record the page was cut from: their smallest row
            cap is the one that cut it, even if its own record fell off.
    """
    caps = (duty for duties in found for duty in duties if duty.rows is not None)
    return joined([*(duty for duties in shown for duty in duties), *caps])
