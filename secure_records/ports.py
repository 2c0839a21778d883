"""What does the vault need from outside, in its own words?

Ports for the store, the rows and the registry, and the shapes of the rows.
An adapter takes the open connection of the surrounding transaction and never
commits, so a record, its index terms and its audit entry commit together or
not at all.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, Protocol, TypeAlias

from sqlalchemy.engine import Connection

from secure_records.registry.models import (
    Actor,
    Institution,
    Partner,
    RegistryDocument,
    StaffMember,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SubjectRow:
    """A patient, as far as the store knows without keys."""

    tenant: str
    subject: str
    identity_mac: bytes
    """32 bytes over document type and number: the same person gets the same subject."""

    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordRow:
    """One sealed record and what stands beside it in clear."""

    tenant: str
    subject: str
    record: str
    version: int
    kind: str
    schema: str
    retention_class: str
    clinician: str
    visit: str
    occurred_at: datetime
    grade: int
    key_id: str
    external_ref: bytes
    """32 bytes over kind and external id: the same line is stored once."""

    content_mac: bytes
    """32 bytes over the line: says whether a repeat has the same content."""

    created_at: datetime
    envelope: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class TermRow:
    """One blind index entry."""

    tenant: str
    subject: str
    column: str
    version: int
    term: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredReference:
    """What is already there under an external reference."""

    record: str
    content_mac: bytes
    amended: frozenset[bytes] = frozenset()
    """Digests of the lines of later versions."""

    def holds(self, content_mac: bytes) -> bool:
        """True if some version of the record came from a line with this digest."""
        return content_mac == self.content_mac or content_mac in self.amended


class Store(Protocol):
    """Hands out connections; knows nothing about tables."""

    def transaction(self) -> AbstractContextManager[Connection]:
        """One write transaction: commits on leaving, rolls back on an error."""
        ...

    def reading(self) -> AbstractContextManager[Connection]:
        """One consistent read transaction."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class IdempotencyRow:
    """One key under which a caller amended, so that a repeat is recognised."""

    tenant: str
    key_mac: bytes
    """32 bytes: what the caller wrote as key may say anything and stays outside."""

    request_mac: bytes
    """32 bytes over record, expected version, content and reason."""

    subject: str
    record: str
    version: int
    """The version that the amendment made."""

    created_at: datetime


class RecordVersions(Protocol):
    """Versions of records, inside one transaction."""

    def version(self, tenant: str, record: str, version: int) -> RecordRow | None:
        """One version of a record."""
        ...

    def versions(self, tenant: str, record: str) -> tuple[RecordRow, ...]:
        """Every version of a record, oldest first."""
        ...

    def add_version(self, record: RecordRow, key: IdempotencyRow | None) -> None:
        """Insert the next version.

        Raises:
            VersionConflict: another writer was faster.
        """
        ...

    def amended_under(self, tenant: str, key_mac: bytes) -> IdempotencyRow | None:
        """What was amended under this idempotency key."""
        ...

    def replace_terms(self, stale: Collection[TermRow], new: Collection[TermRow]) -> None:
        """Take index entries away and write others."""
        ...


IndexPhase: TypeAlias = Literal["current", "building", "retired"]


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexVersionRow:
    """How far one index version of one column is."""

    tenant: str
    column: str
    version: int
    phase: IndexPhase
    """``current`` and ``building`` are written and asked; ``retired`` waits to be dropped."""

    position: str = ""
    """While building: the last subject that was re-indexed."""

    done: int = 0
    """While building: subjects re-indexed so far."""

    started_at: datetime


class IndexVersions(Protocol):
    """Which index versions there are, inside one transaction."""

    def index_versions(self, tenant: str) -> tuple[IndexVersionRow, ...]:
        """Every version that a rotation has made known; none before the first rotation."""
        ...

    def put_index_version(self, row: IndexVersionRow) -> None:
        """Insert or replace one."""
        ...

    def drop_index_version(self, tenant: str, column: str, version: int) -> None:
        """Forget one that has no entries left."""
        ...

    def subject_count(self, tenant: str) -> int:
        """Number of patients."""
        ...

    def subjects_after(self, tenant: str, after: str, limit: int) -> tuple[str, ...]:
        """The next patients in the order of their identifiers."""
        ...

    def uneven_subjects(
        self, tenant: str, column: str, versions: tuple[int, int], after: str, limit: int
    ) -> tuple[str, ...]:
        """Patients who have not as many entries in one version as in the other."""
        ...

    def drop_terms(self, tenant: str, column: str, version: int, limit: int) -> int:
        """Delete at most so many entries of a version; how many were deleted."""
        ...


class CanaryMarks(Protocol):
    """Keyed digests of the patients who do not exist."""

    def canary_marks(self, tenant: str) -> frozenset[bytes]:
        """All of them: a handful."""
        ...

    def add_canary_mark(self, tenant: str, mark: bytes, at: datetime) -> None:
        """Add one."""
        ...


class RecordStore(RecordVersions, IndexVersions, CanaryMarks, Protocol):
    """Rows of sealed records, inside one transaction."""

    def references(self, tenant: str, refs: Collection[bytes]) -> Mapping[bytes, StoredReference]:
        """Those of ``refs`` that are stored already."""
        ...

    def subjects(self, tenant: str, identity_macs: Collection[bytes]) -> Mapping[bytes, str]:
        """Subject of each identity that is known."""
        ...

    def terms_of(self, tenant: str, subjects: Collection[str]) -> frozenset[TermRow]:
        """Index entries of these subjects."""
        ...

    def visits_with(self, tenant: str, kind: str, visits: Collection[str]) -> frozenset[str]:
        """Those of ``visits`` for which a record of ``kind`` is stored and not amended away."""
        ...

    def add(
        self,
        subjects: Sequence[SubjectRow],
        records: Sequence[RecordRow],
        terms: Sequence[TermRow],
    ) -> None:
        """Insert all rows; any clash is an error of the transaction."""
        ...

    def record(self, tenant: str, record: str) -> RecordRow | None:
        """One record, in its newest version."""
        ...

    def of_subjects(
        self, tenant: str, subjects: Collection[str], kind: str | None = None
    ) -> tuple[RecordRow, ...]:
        """Records of these subjects in their newest versions, newest identifier first."""
        ...

    def subjects_with(self, tenant: str, column: str, version: int, term: bytes) -> tuple[str, ...]:
        """Candidates of a blind index search."""
        ...

    def count(self, tenant: str) -> int:
        """Number of records."""
        ...


class Registry(Protocol):
    """Institution, staff, partners and accounts, inside one transaction."""

    def institution(self, tenant: str) -> Institution | None:
        """The institution itself."""
        ...

    def staff(self, tenant: str, ids: Collection[str]) -> Mapping[str, StaffMember]:
        """Those of ``ids`` that are on the list."""
        ...

    def partner(self, tenant: str, partner: str) -> Partner | None:
        """One partner organisation."""
        ...

    def partner_ids(self, tenant: str) -> frozenset[str]:
        """Every partner organisation that is on the list."""
        ...

    def actor(self, tenant: str, actor: str) -> Actor | None:
        """One account."""
        ...

    def actor_of_credential(self, tenant: str, credential: str) -> Actor | None:
        """The account that signs in with this token or key."""
        ...

    def actors(self, tenant: str) -> tuple[Actor, ...]:
        """All accounts, by id."""
        ...

    def enter(self, document: RegistryDocument) -> None:
        """Insert or replace every entry of the document; what it omits stays."""
        ...
