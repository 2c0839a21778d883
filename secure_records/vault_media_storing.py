"""How does the file beside a line come into the store together with its record?

1. in a reading transaction: which lines are new, and whose are they
2. each file is sealed and written as an object, before the write lock is taken
3. record and media row commit together, in the transaction of the batch
4. objects that no row came to refer to are removed; a crash in between leaves an
   object that nothing refers to, which ``doctor`` lists, never a row without object
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from sqlalchemy.engine import Connection

from secure_records.admission.facts import AdmissionFacts
from secure_records.admission.rules import staff_named
from secure_records.envelope.suites import mac
from secure_records.kinds.catalogue import kind_named
from secure_records.media.description import MediaDescription, media_context, seal_description
from secure_records.media.errors import MediaFileRefused, MediaStoreFailed, MediaUnavailable
from secure_records.media.media_types import require_media_type
from secure_records.media.object_name import new_object_name
from secure_records.media.ports import ImportFolder, MediaRow
from secure_records.media.taking import TakenFile, file_sha256, take_file
from secure_records.models import Caller, NewRecord, StoreReceipt, StoreRefusal
from secure_records.ports import RecordRow, StoredReference
from secure_records.vault_parts import MediaParts, VaultParts, fact_of, note_failure
from shared_kernel.identifiers import new_identifier

MEDIA_CONFLICT: Final = "media.conflict"
"""The line is stored already, with another file."""

MEDIA_OVERTAKEN: Final = "media.overtaken"
"""Another process changed what the object was sealed for, between sealing and commit."""

_ACTION: Final = "record.store"
_LENGTH_BYTES: Final = 4


@dataclass(slots=True)
class StagedMedia:
    """Objects that are written, and the rows that are to refer to them."""

    subjects: dict[bytes, str] = field(default_factory=dict)
    """Keyed identity → patient for whom something was sealed."""

    of_record: dict[str, MediaRow] = field(default_factory=dict)
    _of_line: dict[int, MediaRow | StoreRefusal] = field(default_factory=dict)

    def outcome(self, record: NewRecord) -> MediaRow | StoreRefusal | None:
        """What became of the file of this line; None: there is none, or none was needed."""
        return self._of_line.get(id(record))

    def taken(self, record: NewRecord) -> MediaRow | None:
        """The row of this line's file, if it was sealed."""
        found = self.outcome(record)
        return found if isinstance(found, MediaRow) else None

    def add_rows(
        self, parts: VaultParts, connection: Connection, written: Sequence[RecordRow]
    ) -> None:
        """Insert the media rows of the records that go in."""
        rows = [self.of_record[row.record] for row in written if row.record in self.of_record]
        if rows and parts.media is not None:
            parts.media.rows(connection).add(rows)

    def drop_unused(
        self, parts: VaultParts, results: Sequence[StoreReceipt | StoreRefusal]
    ) -> None:
        """Remove the objects of lines that did not go in; call it after the commit."""
        stored = {result.record for result in results if isinstance(result, StoreReceipt)}
        for record, row in self.of_record.items():
            if record not in stored and parts.media is not None:
                # An object that cannot be removed now stays an orphan: doctor lists it.
                with suppress(MediaStoreFailed):
                    parts.media.objects.remove(row.object_name)

    def refuse(self, record: NewRecord, code: str, reason: str) -> None:
        """Note that this line does not go in because of its file."""
        self._of_line[id(record)] = StoreRefusal(line=record.line, code=code, reason=reason)

    def keep(self, record: NewRecord, row: MediaRow) -> None:
        """Note the object of this line."""
        self._of_line[id(record)] = row
        self.of_record[row.record] = row


def overtaken(record: NewRecord) -> StoreRefusal:
    """The line whose object was sealed for what is no longer true."""
    reason = "media: the patient or the staff list changed meanwhile; import the line again"
    return StoreRefusal(line=record.line, code=MEDIA_OVERTAKEN, reason=reason)


def stage_media(
    parts: VaultParts,
    caller: Caller,
    items: Sequence[NewRecord | StoreRefusal],
    beside: ImportFolder | None,
    at: datetime,
) -> StagedMedia:
    """Seal and write the files of all lines that seem to go in.

    Raises:
        MediaStoreFailed: the object store failed; nothing of the batch is stored, and an
            entry says so.
    """
    staged = StagedMedia()
    bearing = [item for item in items if isinstance(item, NewRecord) and item.media is not None]
    if not bearing:
        return staged
    if parts.media is None:
        # 1. A repeat of a line that was stored when files were kept is still a repeat.
        known = _look_up(parts, bearing)
        for record in bearing:
            if parts.external_ref(record) not in known.references:
                staged.refuse(record, MediaUnavailable.code, "media: this store keeps no files")
        return staged
    try:
        _Staging(parts, parts.media, beside, at, staged).take_all(bearing)
    except MediaStoreFailed as fault:
        note_failure(parts, fact_of(caller, at, _ACTION, "failed"), fault.code)
        raise
    return staged


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    references: Mapping[bytes, StoredReference]
    subjects: Mapping[bytes, str]
    macs: Mapping[str, bytes]
    """Record → content code of its recording."""

    refused: frozenset[int]
    """``id`` of lines that cross a red line: their files are not even read."""


def _look_up(parts: VaultParts, bearing: Sequence[NewRecord]) -> _Known:
    with parts.store.reading() as connection:
        rows, registry = parts.records(connection), parts.registry(connection)
        references = rows.references(parts.tenant, {parts.external_ref(r) for r in bearing})
        subjects = rows.subjects(parts.tenant, {parts.identity_mac(r.subject) for r in bearing})
        facts = AdmissionFacts(
            tenant=parts.tenant,
            institution=registry.institution(parts.tenant),
            staff=registry.staff(
                parts.tenant, frozenset(name for r in bearing for name in staff_named(r))
            ),
            revisit_proof=True,
        )
        macs: dict[str, bytes] = {}
        if parts.media is not None:
            for found in references.values():
                for row in parts.media.rows(connection).of_record(parts.tenant, found.record):
                    macs[found.record] = row.content_mac
    refused = frozenset(id(r) for r in bearing if parts.admit(r, facts).refused)
    return _Known(references=references, subjects=subjects, macs=macs, refused=refused)


class _Staging:
    """One batch."""

    def __init__(
        self,
        parts: VaultParts,
        media: MediaParts,
        beside: ImportFolder | None,
        at: datetime,
        staged: StagedMedia,
    ) -> None:
        self._parts = parts
        self._media = media
        self._beside = beside
        self._at = at
        self._staged = staged
        self._refs: set[bytes] = set()

    def take_all(self, bearing: Sequence[NewRecord]) -> None:
        """Every line in order."""
        known = _look_up(self._parts, bearing)
        for record in bearing:
            ref = self._parts.external_ref(record)
            stored = known.references.get(ref)
            try:
                if stored is not None:
                    self._compare(record, ref, known.macs.get(stored.record))
                elif id(record) not in known.refused and ref not in self._refs:
                    self._refs.add(ref)
                    self._take(record, ref, known.subjects)
            except MediaFileRefused as fault:
                # A stored record stays stored, whatever became of the file it came from.
                if stored is None:
                    self._refs.discard(ref)
                    self._staged.refuse(record, fault.code, str(fault))

    def _compare(self, record: NewRecord, ref: bytes, stored: bytes | None) -> None:
        if self._beside is None or record.media is None or stored is None:
            return
        found = file_sha256(self._beside, record.media, self._media.largest_bytes)
        if _content_mac(self._parts, ref, found) != stored:
            reason = "media: this line is stored already, with another file"
            self._staged.refuse(record, MEDIA_CONFLICT, reason)

    def _take(self, record: NewRecord, ref: bytes, subjects: Mapping[bytes, str]) -> None:
        parts, reference = self._parts, record.media
        if reference is None:
            return
        if self._beside is None:
            raise MediaFileRefused("media.path: no folder was named in which it lies")
        # 2.
        identity, kind = parts.identity_mac(record.subject), kind_named(record.kind)
        subject = subjects.get(identity) or self._staged.subjects.get(identity)
        subject = subject or new_identifier("sub", self._at, parts.entropy)
        of_class = require_media_type(reference.media_type).class_for(kind.retention_class)
        key_id, dek = parts.keys.dek(parts.tenant, subject, of_class)
        row = MediaRow(
            tenant=parts.tenant,
            subject=subject,
            record=new_identifier("rec", self._at, parts.entropy),
            media=new_identifier("med", self._at, parts.entropy),
            retention_class=of_class,
            grade=int(parts.grade(record.kind, record.body)),
            key_id=key_id,
            object_name=new_object_name(parts.entropy),
            content_mac=b"",
            created_at=self._at,
            description=b"",
        )
        taken = take_file(
            self._beside,
            reference,
            self._media.largest_bytes,
            self._media.objects,
            row.object_name,
            dek=dek,
            suite=parts.options.suite,
            context=media_context(row, kind.name),
            entropy=parts.entropy,
        )
        content = _description(row, kind.name, reference.media_type, taken)
        self._staged.subjects[identity] = subject
        self._staged.keep(
            record,
            replace(
                row,
                content_mac=_content_mac(parts, ref, taken.sha256),
                description=seal_description(dek, parts.options.suite, row, content, parts.entropy),
            ),
        )


def _description(
    row: MediaRow, record_kind: str, media_type: str, taken: TakenFile
) -> MediaDescription:
    return MediaDescription(
        record=row.record,
        record_kind=record_kind,
        object_name=row.object_name,
        media_type=media_type,
        size=taken.size,
        sm3=taken.sm3,
        sha256=taken.sha256,
        message_id=taken.message_id,
    )


def _content_mac(parts: VaultParts, ref: bytes, sha256: str) -> bytes:
    """Recognises the same file beside the same line; tells nothing across lines."""
    data = b"".join(
        len(part).to_bytes(_LENGTH_BYTES, "big") + part
        for part in (b"media/1", ref, sha256.encode())
    )
    return mac(parts.options.suite, parts.keys.content_key(parts.tenant), data)
