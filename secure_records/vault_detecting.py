"""Was a patient touched who does not exist?

A canary is a made-up patient whom nobody has a reason to look at. Marks are keyed
digests, so that neither the store nor its thief can tell a canary from a patient.
Whoever reads, finds or amends one gets the answer that anybody gets; an entry in
the same transaction says that it happened.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from secure_records.audit.entry import AuditFact
from secure_records.models import Caller
from secure_records.ports import RecordRow, RecordStore
from secure_records.vault_errors import RecordNotFound
from secure_records.vault_parts import VaultParts, fact_of
from shared_kernel.identifiers import require_identifier

DETECTION: Final = "detection.canary"
_MARKED: Final = "canary.marked"


def detections(
    parts: VaultParts, rows: RecordStore, asked: AuditFact, touched: Sequence[RecordRow]
) -> list[AuditFact]:
    """One fact for each canary record among those that were touched, mostly none."""
    marks = rows.canary_marks(parts.tenant)
    if not marks:
        return []
    return [
        replace(
            asked,
            action=DETECTION,
            decision="done",
            subject=row.subject,
            record=row.record,
            kind=row.kind,
            fields=(),
            outcome=None,
            details={**asked.details, "during": asked.action, "answer": asked.decision},
        )
        for row in touched
        if parts.canary_mark(row.subject) in marks
    ]


def mark_canary(parts: VaultParts, caller: Caller, record_id: str) -> bool:
    """Make the patient of this record a canary; False: was one already.

    Whoever calls decides whose office it is. The entry names the record, for those
    who read the log; no answer of the vault does.

    Raises:
        RecordNotFound: no such record.
    """
    require_identifier(record_id, "rec", "record")
    at = parts.clock.now()
    with parts.store.transaction() as connection:
        rows = parts.records(connection)
        row = rows.record(parts.tenant, record_id)
        fact = replace(fact_of(caller, at, _MARKED, "done", {}, row), record=record_id)
        marked = False
        if row is None:
            fact = replace(fact, decision="failed", outcome=RecordNotFound.code)
        else:
            mark = parts.canary_mark(row.subject)
            marked = mark not in rows.canary_marks(parts.tenant)
            if marked:
                rows.add_canary_mark(parts.tenant, mark, at)
        parts.audit(connection).append(fact)
        parts.keys.flush()
    if row is None:
        raise RecordNotFound("no such record")
    return marked
