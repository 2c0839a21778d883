"""What must a store and a key ring offer so that a log can be kept in them?

One store serves one tenant inside one open transaction; it never commits. Reads
of many rows come in batches, so memory stays flat however long the log is.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Protocol


class EntryRow(NamedTuple):
    """One stored entry. A named tuple, not a dataclass: verification reads millions of them.

    Only ``entry`` is evidence. Every other column repeats or indexes it, and
    ``verification`` holds them against it.
    """

    idx: int
    entry: bytes
    """Canonical bytes of the leaf."""

    leaf_hash: bytes
    nodes: bytes
    """Hashes of the subtrees this leaf completes, lowest first, joined; often empty."""

    at_us: int
    """Microseconds since 1970 in UTC: unlike RFC 3339 text it sorts as time does."""

    actor: str
    action: str
    decision: str
    purpose: str | None
    partner: str | None
    record: str | None
    kind: str | None
    subject: str | None
    """The opening of the commitment: whom it means; None without patient or after erasure."""

    nonce: bytes | None
    """The opening of the commitment: 16 random bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredCheckpoint:
    """A signed note as it was kept."""

    size: int
    note: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class TrailQuery:
    """Which entries somebody wants to see. Filters that are None do not filter."""

    actor: str | None = None
    partner: str | None = None
    record: str | None = None
    subject: str | None = None
    purpose: str | None = None
    action: str | None = None
    decision: str | None = None
    since: datetime | None = None
    """Inclusive."""

    until: datetime | None = None
    """Exclusive."""

    limit: int = 100
    cursor: str | None = None
    """``next_cursor`` of the page before."""

    newest_first: bool = False


class AuditStore(Protocol):
    """The rows of one tenant's log, inside the surrounding transaction."""

    def size(self) -> int:
        """Highest index plus one; 0 for an empty log."""
        ...

    def last(self) -> tuple[int, bytes] | None:
        """Index and leaf hash of the newest entry; None for an empty log."""
        ...

    def hashes(self, indexes: Sequence[int]) -> Sequence[tuple[bytes, bytes]]:
        """``(leaf_hash, nodes)`` of each index, in the order asked for.

        Raises:
            StoredLogDamaged: a row is missing.
        """
        ...

    def add(self, rows: Sequence[EntryRow]) -> None:
        """Write entries.

        Raises:
            SequenceTaken: an index is occupied.
        """
        ...

    def entries(self, start: int, stop: int | None = None) -> Iterator[Sequence[EntryRow]]:
        """Stored rows from ``start`` up to ``stop`` in order of index, in batches."""
        ...

    def find(self, query: TrailQuery, after: int | None) -> Sequence[EntryRow]:
        """At most ``query.limit`` rows by the indexed columns, beyond index ``after``."""
        ...

    def forget(self, subject: str) -> int:
        """Erase the openings of this subject's commitments; how many there were."""
        ...

    def checkpoints(self) -> Sequence[StoredCheckpoint]:
        """All, by size."""
        ...

    def latest_checkpoint(self) -> StoredCheckpoint | None:
        """The one of the largest size."""
        ...

    def save_checkpoint(self, checkpoint: StoredCheckpoint) -> None:
        """Keep a note; one of the same size is replaced."""
        ...


class SubjectTags(Protocol):
    """Makes commitments with the random audit key of a subject."""

    def commit(self, subject: str, nonce: bytes, /) -> bytes:
        """HMAC of ``nonce`` under the subject's audit key: 32 bytes.

        Verifying means recomputing; once the key is destroyed nobody can.
        """
        ...
