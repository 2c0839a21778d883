"""What is the vault put together from?

One value that the three halves of the vault (storing, reading, searching)
share, with the few derivations that all of them need. Wiring fills it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from types import MappingProxyType
from typing import Final, Protocol

import msgspec
from sqlalchemy.engine import Connection

from secure_records.access.outcome import Decision
from secure_records.access.request import AccessRequest
from secure_records.access.vocabulary import purposes
from secure_records.admission.facts import Admission, AdmissionFacts
from secure_records.audit.entry import AuditDecision, AuditFact
from secure_records.envelope.suites import mac
from secure_records.index.terms import identity_bytes
from secure_records.kinds.identity import SubjectIdentity
from secure_records.media.ports import MediaObjects, MediaRows
from secure_records.models import Caller, NewRecord
from secure_records.options import VaultOptions
from secure_records.ports import RecordRow, RecordStore, Registry, Store
from secure_records.vault_errors import RequestRefused
from shared_kernel.canonical_json import Json
from shared_kernel.errors import BadInput
from shared_kernel.grades import Grade
from shared_kernel.identifiers import Entropy
from shared_kernel.instants import Clock

_LENGTH_BYTES: Final = 4
_NO_DETAILS: Final[Mapping[str, Json]] = MappingProxyType({})


class VaultKeys(Protocol):
    """The part of the key ring that the vault uses."""

    def dek(self, tenant: str, subject: str, retention_class: str) -> tuple[str, bytes]:
        """Key id and data key of one patient and retention class; made on first use."""
        ...

    def dek_by_id(self, tenant: str, key_id: str) -> bytes:
        """A data key that exists."""
        ...

    def index_key(self, tenant: str, column: str, version: int = 1) -> bytes:
        """Key of one index column."""
        ...

    def content_key(self, tenant: str) -> bytes:
        """Key of the digests that recognise repeats."""
        ...

    def prepare(self, tenant: str, subjects: Sequence[str]) -> None:
        """Read the keys of many patients at once; makes nothing."""
        ...

    def flush(self) -> None:
        """Commit new keys, durably."""
        ...


class Log(Protocol):
    """The audit log inside one transaction."""

    def append(self, fact: AuditFact) -> int:
        """Write one entry."""
        ...

    def append_all(self, facts: Sequence[AuditFact]) -> range:
        """Write entries in this order."""
        ...

    def leaves_about(self, record: str, action: str) -> tuple[Mapping[str, Json], ...]:
        """The leaves of one record with this action, oldest first."""
        ...


class Policy(Protocol):
    """The access policy in force."""

    def decide(self, request: AccessRequest) -> Decision:
        """Answer one request."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaParts:
    """Where a vault keeps recordings."""

    objects: MediaObjects
    rows: Callable[[Connection], MediaRows]
    largest_bytes: int
    """A larger file beside a line is refused."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VaultParts:
    """Everything one institution's vault stands on."""

    tenant: str
    """Unified social credit code of the institution."""

    store: Store
    keys: VaultKeys
    records: Callable[[Connection], RecordStore]
    registry: Callable[[Connection], Registry]
    audit: Callable[[Connection], Log]
    policy: Callable[[Connection], Policy]
    """Asked inside each transaction: an agreement that ended a moment ago has ended."""

    admit: Callable[[NewRecord, AdmissionFacts], Admission]
    grade: Callable[[str, msgspec.Struct], Grade]
    """Grade owed to a record by kind and body. No default: a vault that nobody told how to
    grade would hand out special diseases like any other."""

    clock: Clock
    entropy: Entropy
    options: VaultOptions = field(default_factory=VaultOptions)
    media: MediaParts | None = None
    """None: a line with a file beside it is refused."""

    def term_mac(self, column: str, version: int, data: bytes) -> bytes:
        """MAC of the blind index; satisfies ``TermMac``."""
        return mac(self.options.suite, self.keys.index_key(self.tenant, column, version), data)

    def identity_mac(self, identity: SubjectIdentity) -> bytes:
        """Recognises the same person without showing who it is."""
        return self._content_mac(b"identity/1", identity_bytes(identity))

    def external_ref(self, record: NewRecord) -> bytes:
        """Recognises the same line of the hospital's system."""
        return self._content_mac(
            b"external-ref/1", record.kind.encode(), record.external_id.encode()
        )

    def content_mac(self, record: NewRecord) -> bytes:
        """Tells an unchanged repeat from a contradiction."""
        return self._content_mac(b"content/1", record.digest)

    def key_mac(self, key: str) -> bytes:
        """Recognises an idempotency key without keeping its text."""
        return self._content_mac(b"idempotency-key/1", key.encode())

    def amendment_mac(self, record: str, expected: int, digest: bytes, reason: str) -> bytes:
        """Tells a repeated amendment from another one under the same key."""
        parts = (record.encode(), str(expected).encode(), digest, reason.encode())
        return self._content_mac(b"amendment/1", *parts)

    def canary_mark(self, subject: str) -> bytes:
        """Recognises a canary among the patients; says nothing without the key."""
        return self._content_mac(b"canary/1", subject.encode())

    def _content_mac(self, *parts: bytes) -> bytes:
        data = b"".join([len(part).to_bytes(_LENGTH_BYTES, "big") + part for part in parts])
        return mac(self.options.suite, self.keys.content_key(self.tenant), data)


def fact_of(
    caller: Caller,
    at: datetime,
    action: str,
    decision: AuditDecision,
    details: Mapping[str, Json] = _NO_DETAILS,
    row: RecordRow | None = None,
) -> AuditFact:
    """The part of an audit fact that says who asked, with which credential, about which row."""
    if caller.credential is not None:
        details = {**details, "credential": caller.credential}
    return AuditFact(
        at=at,
        actor=caller.actor,
        action=action,
        decision=decision,
        on_behalf=caller.on_behalf,
        role=caller.role,
        partner=caller.partner,
        subject=None if row is None else row.subject,
        record=None if row is None else row.record,
        kind=None if row is None else row.kind,
        details=details,
    )


def noting(fact: AuditFact, /, **details: Json) -> AuditFact:
    """The fact with more details."""
    return replace(fact, details={**fact.details, **details})


def note_failure(parts: VaultParts, fact: AuditFact, code: str) -> None:
    """Write, in a transaction of its own, that what was asked for did not happen."""
    with parts.store.transaction() as connection:
        failed = replace(fact, at=parts.clock.now(), decision="failed", outcome=code)
        parts.audit(connection).append(failed)
        parts.keys.flush()


@contextmanager
def noting_malformed(parts: VaultParts, caller: Caller, action: str) -> Iterator[None]:
    """A request that cannot even be asked leaves an entry: its code, none of its words."""
    try:
        yield
    except BadInput as fault:
        note_failure(parts, fact_of(caller, parts.clock.now(), action, "failed"), fault.code)
        raise


def require_purpose(purpose: str) -> str:
    """A published purpose code, as it may stand in the log.

    Raises:
        RequestRefused: free text, which would carry personal data into the log.
    """
    if purpose not in purposes():
        raise RequestRefused(
            "purpose: expected one of the published purposes",
            hint=f"use one of: {', '.join(purposes())}",
            where="purpose",
        )
    return purpose
