"""Is every agreement in force the one whose applying the audit log witnessed?

Whoever can write to the database could widen an agreement and its digest together, or
revive one that was ended. Applying and ending are entries in the log; the register is
held against them whenever it has changed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from secure_records.access.errors import AgreementTampered
from secure_records.access.ports import AgreementSummary
from secure_records.audit.ports import AuditStore
from secure_records.audit.trail import LARGEST_PAGE, TrailEntry, TrailQuery, find_entries

APPLY: Final = "agreement.apply"
END: Final = "agreement.end"


def require_witnessed(log: AuditStore, summaries: Sequence[AgreementSummary]) -> None:
    """Return if and only if the log knows each version with this digest and this end.

    Raises:
        AgreementTampered: names the first version that it does not know so.
    """
    for summary in summaries:
        entries = find_entries(log, TrailQuery(record=summary.id, limit=LARGEST_PAGE)).entries
        name = f"{summary.id}@{summary.version}"
        applied = [
            entry
            for entry in entries
            if entry.action == APPLY
            and entry.decision == "done"
            and entry.content.get("agreement") == name
            and _detail(entry, "digest") == summary.digest
        ]
        ends = [e for e in entries if e.action == END and applied and e.index > applied[0].index]
        if not applied or bool(ends) != (summary.ended_at is not None):
            raise AgreementTampered(f"{name} is not as the audit log witnessed it", where=name)


def _detail(entry: TrailEntry, name: str) -> object:
    details = entry.content.get("details")
    return details.get(name) if isinstance(details, Mapping) else None
