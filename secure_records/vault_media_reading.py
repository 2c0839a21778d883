"""How does a recording leave the store, and what stands in the log before it does?

1. find record and recording and decide, in one transaction that also writes the entry
2. commit; only then
3. open the sealed description, then the object; only authentic bytes are handed out,
   chunk by chunk

If step 3 fails, at its beginning or in the middle, a second entry says so. A recording
cannot be masked: whoever may see it masked does not see it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from sqlalchemy.engine import Connection

from secure_records.access.errors import AccessDenied
from secure_records.access.outcome import Decision, Obligation
from secure_records.access.vocabulary import Treatment
from secure_records.audit.entry import AuditFact
from secure_records.errors import KeyNotFound
from secure_records.kinds.catalogue import media_field
from secure_records.media.description import MediaDescription, media_context, open_description
from secure_records.media.errors import MediaNotFound, MediaRangeRefused, MediaUnavailable
from secure_records.media.ports import MediaRow
from secure_records.media.reading import MediaReader, SealedSource, checked_range
from secure_records.models import Caller
from secure_records.ports import RecordRow
from secure_records.sealing import open_row
from secure_records.vault_asking import Asking
from secure_records.vault_detecting import detections
from secure_records.vault_errors import RecordMisplaced, RecordNotFound, RecordWithheld
from secure_records.vault_owing import noting_owed, watermark
from secure_records.vault_parts import (
    MediaParts,
    VaultParts,
    fact_of,
    note_failure,
    noting,
    noting_malformed,
    require_purpose,
)
from shared_kernel.errors import JinkuiError, UpstreamFailed, VerificationFailed
from shared_kernel.identifiers import new_identifier, require_identifier

_ACTION: Final = "media.read"
_FAULTS: Final = (VerificationFailed, KeyNotFound, UpstreamFailed, MediaRangeRefused)


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaView:
    """A recording, or a part of it, on its way to one caller."""

    record: str
    media: str
    """``med_…``."""

    media_type: str
    size: int
    """Bytes of the whole recording."""

    start: int
    end: int
    """The range that is shown: from ``start`` up to, without, ``end``."""

    sm3: str
    sha256: str
    """Of the whole recording, in hex."""

    parts: Iterator[memoryview] = field(repr=False)
    """The bytes of the range, in order; each view is good until the next is asked for."""

    obligations: tuple[Obligation, ...]
    watermark: str | None
    disclosure_id: str
    created_at: datetime


@contextmanager
def read_media(
    parts: VaultParts, caller: Caller, record_id: str, purpose: str, start: int, end: int | None
) -> Iterator[MediaView]:
    """See ``Vault.read_media``."""
    with noting_malformed(parts, caller, _ACTION):
        require_identifier(record_id, "rec", "record")
        require_purpose(purpose)
        if start < 0 or (end is not None and end <= start):
            raise MediaRangeRefused("a range goes from a byte to a later one", where="range")
    at = parts.clock.now()
    asked = replace(fact_of(caller, at, _ACTION, "permit"), purpose=purpose, record=record_id)
    if parts.media is None:
        note_failure(parts, asked, MediaUnavailable.code)
        raise MediaUnavailable("this vault keeps no recordings")
    request = _Request(parts=parts, media=parts.media, caller=caller, at=at, asked=asked)
    # 1. and 2.
    granted = request.granted(new_identifier("dis", at, parts.entropy), start, end)
    # 3.
    with ExitStack() as stack:
        with request.noting_faults(granted):
            # The row of the record decided who treats the patient: it is held against its
            # envelope, or whoever edits the row could widen access.
            record = granted.record
            open_row(record, parts.keys.dek_by_id(parts.tenant, record.key_id))
            key = parts.keys.dek_by_id(parts.tenant, granted.row.key_id)
            described = open_description(granted.row, key)
            begin, stop = checked_range(start, end, described.size)
            source = stack.enter_context(parts.media.objects.open(granted.row.object_name))
            reader = _reader(key, granted, described, source)
        duties = granted.decision.obligations
        yield MediaView(
            record=granted.record.record,
            media=granted.row.media,
            media_type=described.media_type,
            size=described.size,
            start=begin,
            end=stop,
            sm3=described.sm3,
            sha256=described.sha256,
            parts=request.watched(granted, reader.range(begin, stop)),
            obligations=duties,
            watermark=watermark(duties, caller, granted.disclosure, at),
            disclosure_id=granted.disclosure,
            created_at=granted.row.created_at,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Granted:
    record: RecordRow
    row: MediaRow
    decision: Decision
    disclosure: str
    fact: AuditFact


@dataclass(frozen=True, slots=True, kw_only=True)
class _Refusal:
    fact: AuditFact
    error: JinkuiError


@dataclass(frozen=True, slots=True, kw_only=True)
class _Request:
    parts: VaultParts
    media: MediaParts
    caller: Caller
    at: datetime
    asked: AuditFact

    def granted(self, disclosure: str, start: int, end: int | None) -> _Granted:
        """Decide and write the entry."""
        parts = self.parts
        with parts.store.transaction() as connection:
            rows = parts.records(connection)
            record = rows.record(parts.tenant, self.asked.record or "")
            answer = (
                self._refusal(self.asked, RecordNotFound("no such record"))
                if record is None
                else self._answer(connection, record, disclosure, (start, end))
            )
            alarms = detections(parts, rows, answer.fact, () if record is None else (record,))
            parts.audit(connection).append_all([answer.fact, *alarms])
            parts.keys.flush()
        if isinstance(answer, _Refusal):
            raise answer.error
        return answer

    def _answer(
        self,
        connection: Connection,
        record: RecordRow,
        disclosure: str,
        wanted: tuple[int, int | None],
    ) -> _Granted | _Refusal:
        asking = Asking(
            parts=self.parts,
            connection=connection,
            caller=self.caller,
            purpose=self.asked.purpose or "",
            at=self.at,
            fields=(media_field,),
        )
        decision = asking.about(record)
        fact = _decided(self.asked, record, decision)
        if not _shown(decision):
            codes = tuple(reason.code for reason in decision.reasons)
            denial = AccessDenied("the access policy does not allow this", reasons=codes)
            return self._refusal(noting(fact, reasons=list(codes)), denial)
        rows = self.media.rows(connection).of_record(self.parts.tenant, record.record)
        if not rows:
            return self._refusal(fact, MediaNotFound("this record has no recording"))
        fact = replace(
            noting_owed(fact, decision.obligations), fields=(media_field,), outcome="served"
        )
        fact = noting(fact, disclosure=disclosure, media=rows[0].media, range=list(wanted))
        return _Granted(
            record=record, row=rows[0], decision=decision, disclosure=disclosure, fact=fact
        )

    def _refusal(
        self, fact: AuditFact, inside: RecordNotFound | MediaNotFound | AccessDenied
    ) -> _Refusal:
        # To a partner a record it may not see, one without recording and one that does
        # not exist are the same.
        withheld = RecordWithheld("no such record, or none that you may know of")
        return _Refusal(
            fact=replace(fact, decision="deny", outcome=inside.code),
            error=inside if self.caller.partner is None else withheld,
        )

    @contextmanager
    def noting_faults(self, granted: _Granted) -> Iterator[None]:
        """What was promised and did not happen leaves a second entry."""
        try:
            yield
        except _FAULTS as fault:
            note_failure(self.parts, granted.fact, fault.code)
            raise

    def watched(self, granted: _Granted, found: Iterator[memoryview]) -> Iterator[memoryview]:
        """The parts; a fault in the middle leaves an entry."""
        with self.noting_faults(granted):
            yield from found


def _reader(
    key: bytes, granted: _Granted, described: MediaDescription, source: SealedSource
) -> MediaReader:
    if (
        described.record_kind != granted.record.kind
        or granted.row.subject != granted.record.subject
    ):
        raise RecordMisplaced("the recording was sealed for another record")
    reader = MediaReader(
        key,
        media_context(granted.row, described.record_kind),
        source,
        message_id=bytes.fromhex(described.message_id),
    )
    if reader.size != described.size:
        raise RecordMisplaced("the recording contradicts its description")
    return reader


def _decided(fact: AuditFact, record: RecordRow, decision: Decision) -> AuditFact:
    fact = replace(
        fact,
        agreement=decision.agreement,
        policy=decision.policy or None,
        clauses=decision.clauses,
        subject=record.subject,
        kind=record.kind,
    )
    return noting(fact, grade=record.grade)


def _shown(decision: Decision) -> bool:
    return decision.permit and decision.treatment(media_field) is Treatment.CLEAR
