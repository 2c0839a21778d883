"""Where do sealed recordings lie, and where do new ones come from?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import BinaryIO, Protocol

from secure_records.media.chunk_cipher import Chunk
from secure_records.media.reading import SealedSource


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredObject:
    """What a listing says about one object."""

    name: str
    size: int
    changed_at: datetime


class MediaObjects(Protocol):
    """Objects under random names; knows nothing of records, keys or patients."""

    def put(self, name: str, parts: Iterable[Chunk]) -> None:
        """Write a whole object, durably, or nothing that can be seen.

        Each part is only good until the next one is asked for.

        Raises:
            MediaStoreFailed: it was not written.
        """
        ...

    def open(self, name: str) -> AbstractContextManager[SealedSource]:
        """One object for reading by range.

        Raises:
            MediaObjectMissing: there is none of this name.
            MediaStoreFailed: the store cannot be asked.
        """
        ...

    def listing(self) -> Iterator[StoredObject]:
        """Every object of this home, left-overs of broken writes included.

        Raises:
            MediaStoreFailed: the store cannot be asked.
        """
        ...

    def remove(self, name: str) -> None:
        """Remove an object; one that is not there is no error.

        Raises:
            MediaStoreFailed: it could not be removed.
        """
        ...


class ImportFolder(Protocol):
    """Files that lie beside an import file."""

    def open(self, path: str) -> BinaryIO:
        """One of them, for reading.

        Raises:
            MediaFileRefused: outside the folder, a link, no file, or not readable.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaRow:
    """One recording, as far as the store knows without keys."""

    tenant: str
    subject: str
    record: str
    media: str
    """``med_…``."""

    retention_class: str
    grade: int
    key_id: str
    object_name: str
    """Random; says nothing."""

    content_mac: bytes
    """32 bytes over record reference and content: says whether a repeat brings the same."""

    created_at: datetime
    description: bytes = field(repr=False)
    """Envelope that holds type, length, digests and the object's message identifier."""


class MediaRows(Protocol):
    """Rows of recordings, inside one transaction."""

    def add(self, rows: Sequence[MediaRow]) -> None:
        """Insert all rows; any clash is an error of the transaction."""
        ...

    def of_record(self, tenant: str, record: str) -> tuple[MediaRow, ...]:
        """Recordings of one record, oldest first."""
        ...

    def page(self, tenant: str, after: str, limit: int) -> tuple[MediaRow, ...]:
        """Recordings in the order of their identifiers, from behind ``after``."""
        ...

    def count(self, tenant: str) -> int:
        """Number of recordings."""
        ...

    def known(self, tenant: str, names: Sequence[str]) -> frozenset[str]:
        """Those of ``names`` that a row refers to."""
        ...
