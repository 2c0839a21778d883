"""What does delivery need from outside: store, journal, transport, secrets?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from shared_kernel.canonical_json import Json
from supervision.messages.message import Attachment
from supervision.outbox.entry import Attempt, OutboxEntry
from supervision.outbox.states import State
from supervision.profiles.pipeline import SecretSource
from supervision.receipts.receipt import StoredReceipt
from supervision.transport.exchange import PreparedRequest, Reply

__all__ = ["Journal", "Ledger", "Ledgers", "OutboxStore", "SecretSource", "Transport"]


class Journal(Protocol):
    """The audit log of the surrounding transaction."""

    def record(self, action: str, details: Mapping[str, Json], *, at: datetime, actor: str) -> int:
        """Append one entry and return its index."""
        ...


class OutboxStore(Protocol):
    """Messages, attempts and receipts of one institution, inside one transaction."""

    def add(self, entry: OutboxEntry, attachments: tuple[Attachment, ...]) -> None:
        """Keep a new message and its files."""
        ...

    def entry(self, message_id: str) -> OutboxEntry:
        """The message.

        Raises:
            UnknownMessage: there is none.
        """
        ...

    def entries(self, states: Iterable[State], profile_id: str | None) -> tuple[OutboxEntry, ...]:
        """Messages in these states, oldest first; of every profile if none is named."""
        ...

    def with_content(self, profile_id: str, content_digest: str) -> OutboxEntry | None:
        """The message with this content, if it was submitted before."""
        ...

    def latest(self, profile_id: str, resource: str, business_key: str) -> OutboxEntry | None:
        """The highest revision about this business."""
        ...

    def due(
        self, profile_id: str, at: datetime, skip_resources: Iterable[str], limit: int
    ) -> tuple[OutboxEntry, ...]:
        """Queued messages whose time has come, oldest first."""
        ...

    def earliest_pending(self, profile_id: str) -> Mapping[str, datetime]:
        """For each resource with unsettled messages, when the oldest was submitted."""
        ...

    def save(self, entry: OutboxEntry, was: OutboxEntry) -> None:
        """Write a moved entry.

        Raises:
            ClaimLost: the stored state or attempt is no longer that of ``was``.
        """
        ...

    def attachments(self, message_id: str) -> tuple[Attachment, ...]:
        """The files of a message, in order."""
        ...

    def save_attempt(self, attempt: Attempt) -> None:
        """Keep a prepared request, or complete it with its outcome."""
        ...

    def attempts(self, message_id: str) -> tuple[Attempt, ...]:
        """Every attempt, first to last."""
        ...

    def add_receipt(self, receipt: StoredReceipt) -> None:
        """Keep a receipt."""
        ...

    def receipts(self, message_id: str | None = None) -> tuple[StoredReceipt, ...]:
        """Receipts of a message, or all, oldest first."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """What one transaction holds: a move and its journal entry commit together."""

    outbox: OutboxStore
    journal: Journal


class Ledgers(Protocol):
    """Where transactions come from; a claim must be on disk before a byte leaves."""

    def begin(self) -> AbstractContextManager[Ledger]:
        """One transaction: committed at a normal end, rolled back on an error."""
        ...


class Transport(Protocol):
    """Carries a prepared request."""

    def send(self, request: PreparedRequest) -> Reply:
        """Send and wait for the complete reply.

        Raises:
            PlatformUnreachable: certainly nothing arrived.
            ReplyLost: the request may have arrived.
        """
        ...
