"""How does a step of another domain become an entry of the one audit log?

Incident, supervision and classification each have a ``Journal`` port of the same
shape. This fills all three with the log of the surrounding transaction.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

from secure_records.audit.entry import AuditFact
from shared_kernel.canonical_json import Json


class Appends(Protocol):
    """The log inside one transaction."""

    def append(self, fact: AuditFact) -> int:
        """Write one entry."""
        ...


class AuditJournal:
    """Writes steps as work done."""

    def __init__(self, log: Appends) -> None:
        self._log = log

    def record(self, action: str, details: Mapping[str, Json], *, at: datetime, actor: str) -> int:
        """Append one entry and return its index."""
        case = details.get("case")
        fact = AuditFact(
            at=at,
            actor=actor,
            action=action,
            decision="done",
            # The indexed column: what was noted about one case is found without a scan.
            record=case if isinstance(case, str) else None,
            details=details,
        )
        return self._log.append(fact)
