"""What does the incident room need from outside?

Five small ports. Each may raise ``JinkuiError`` only; whoever implements one wraps
foreign exceptions.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

from incident.notices.deliveries import Delivery
from incident.reports.filing import Receipt
from incident.scoping.evidence import AccessQuery, EvidenceWindow
from incident.workflow.events import CaseEvent
from shared_kernel.canonical_json import Json
from shared_kernel.signatures import PublicKey


class Journal(Protocol):
    """The audit log of the surrounding transaction."""

    def record(self, action: str, details: Mapping[str, Json], *, at: datetime, actor: str) -> int:
        """Append one entry and return its index. If it raises, nothing happened."""
        ...


class AccessEvidence(Protocol):
    """Replays the access log."""

    def window(self, query: AccessQuery) -> EvidenceWindow:
        """Every matching entry, recomputed from the log's leaves."""
        ...


class CaseStore(Protocol):
    """Keeps case events in the transaction of its caller; never commits."""

    def append(self, event: CaseEvent, journal_index: int) -> None:
        """Keep one event.

        Raises:
            EventConflict: the case already has an event of this number.
        """
        ...

    def events(
        self, tenant: str, case: str, *, entered_until: datetime | None = None
    ) -> tuple[CaseEvent, ...]:
        """The events of a case by number; empty when there is none."""
        ...

    def cases(self, tenant: str) -> tuple[str, ...]:
        """Every case of the institution, oldest first."""
        ...

    def keep_deliveries(
        self, tenant: str, case: str, batch_id: str, deliveries: tuple[Delivery, ...]
    ) -> None:
        """Keep or update who is told how; one row for each subject and batch."""
        ...

    def deliveries(self, tenant: str, case: str, batch_id: str) -> tuple[Delivery, ...]:
        """The deliveries of a batch, by subject."""
        ...


class IndexedCaseStore(CaseStore, Protocol):
    """A case store that also says where the log noted each event."""

    def journal_indexes(self, tenant: str, case: str) -> Mapping[int, int]:
        """Event number to index of its entry in the audit log."""
        ...


class FilingChannel(Protocol):
    """A platform that takes reports."""

    @property
    def name(self) -> str:
        """For the record, e.g. ``provincial-platform``."""
        ...

    def submit(self, report: bytes, *, digest: str, recipient: str, draft_id: str) -> Receipt:
        """Hand in the exact bytes; the same ``draft_id`` again gives the same receipt.

        Raises:
            UpstreamFailed: nothing is known to have arrived.
        """
        ...


class PersonKeys(Protocol):
    """Which signing keys are registered for whom."""

    def keys_of(self, tenant: str, person: str) -> tuple[PublicKey, ...]:
        """The keys that are good now; empty for a stranger."""
        ...
