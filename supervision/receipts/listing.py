"""Which receipts does the institution hold, and how did each message end?"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from shared_kernel.canonical_json import Json
from shared_kernel.instants import instant_text
from supervision.outbox.entry import OutboxEntry
from supervision.receipts.receipt import StoredReceipt


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptLine:
    """The latest receipt of one message."""

    message_id: str
    resource: str
    state: str
    digest: str
    received_at: datetime

    def as_json(self) -> dict[str, Json]:
        """The object that ``supervision receipts --json`` prints."""
        return {
            "message_id": self.message_id,
            "resource": self.resource,
            "state": self.state,
            "digest": self.digest,
            "received_at": instant_text(self.received_at),
        }


def list_receipts(
    entries: Iterable[OutboxEntry], receipts: Iterable[StoredReceipt]
) -> tuple[ReceiptLine, ...]:
    """One line per message that was answered, by the time of the last answer."""
    last: dict[str, StoredReceipt] = {}
    for receipt in receipts:
        known = last.get(receipt.message_id)
        if known is None or known.attempt < receipt.attempt:
            last[receipt.message_id] = receipt
    lines = [
        ReceiptLine(
            message_id=entry.message_id,
            resource=entry.resource,
            state=entry.state.value,
            digest=last[entry.message_id].digest,
            received_at=last[entry.message_id].received_at,
        )
        for entry in entries
        if entry.message_id in last
    ]
    return tuple(sorted(lines, key=lambda line: (line.received_at, line.message_id)))
