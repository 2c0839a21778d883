"""What exactly lies inside an envelope, and does it agree with its row?

The content repeats what the row says in clear about visit, clinician and
instant. The row decides who counts as the treating clinician, so a row that was
edited in the database would widen access: after opening the two are compared,
and a contradiction is refused like a broken tag.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final

import msgspec

from secure_records.envelope.context import EnvelopeContext
from secure_records.envelope.seal import open_envelope
from secure_records.kinds.catalogue import parse_body
from secure_records.kinds.identity import SubjectIdentity, identity_values
from secure_records.models import NewRecord
from secure_records.ports import RecordRow
from secure_records.vault_errors import RecordMisplaced
from shared_kernel.canonical_json import Json
from shared_kernel.grades import Grade
from shared_kernel.instants import instant_text


class SealedAmendment(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who made this version out of the one before. The log says the same; this cannot be lost."""

    by: str
    """Account."""

    role: str
    reason: str
    """A code of ``access/amending_reasons.yaml``."""

    at: datetime
    previous: str
    """SHA-256 of the plaintext of the version before, in hex: the versions are a chain."""


class SealedContent(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The plaintext of one record."""

    external_id: str
    visit: str
    clinician: str
    occurred_at: datetime
    patient: SubjectIdentity
    """The identity as it was at this visit."""

    body: dict[str, Any]
    """JSON of the body; its shape is the schema of the envelope's context."""

    amendment: SealedAmendment | None = None
    """None in the first version, and only there."""


_DECODER: Final = msgspec.json.Decoder(SealedContent)
_ENCODER: Final = msgspec.json.Encoder()


def plaintext_of(record: NewRecord) -> bytes:
    """The bytes that are sealed for this record."""
    return _ENCODER.encode(
        {
            "external_id": record.external_id,
            "visit": record.visit,
            "clinician": record.clinician,
            "occurred_at": record.occurred_at,
            "patient": record.subject,
            "body": record.body,
        }
    )


def content_of(record: NewRecord) -> SealedContent:
    """A record as it would be read back, for comparing it with what is sealed."""
    return _DECODER.decode(plaintext_of(record))


def amended_plaintext(record: NewRecord, amendment: SealedAmendment) -> bytes:
    """The bytes that are sealed for a later version."""
    return _ENCODER.encode(
        {
            "external_id": record.external_id,
            "visit": record.visit,
            "clinician": record.clinician,
            "occurred_at": record.occurred_at,
            "patient": record.subject,
            "body": record.body,
            "amendment": amendment,
        }
    )


def context_of(row: RecordRow) -> EnvelopeContext:
    """The place that this row claims for its envelope.

    Raises:
        RecordMisplaced: the row holds a grade that does not exist.
    """
    if row.grade not in {grade.value for grade in Grade}:
        raise RecordMisplaced("the row of the record holds an impossible grade")
    return EnvelopeContext(
        tenant=row.tenant,
        subject=row.subject,
        record=row.record,
        version=row.version,
        schema=row.schema,
        kind=row.kind,
        grade=Grade(row.grade),
        key_id=row.key_id,
    )


def open_row(row: RecordRow, dek: bytes) -> SealedContent:
    """The content of a row.

    Raises:
        EnvelopeRefused: the bytes are not what was sealed for this place.
        RecordMisplaced: they open, and contradict the clear columns of the row.
    """
    return content_in(row, open_envelope(dek, context_of(row), row.envelope))


def content_in(row: RecordRow, plaintext: bytes) -> SealedContent:
    """The content of a row whose envelope was opened already.

    Raises:
        RecordMisplaced: it contradicts the clear columns of the row.
    """
    try:
        content = _DECODER.decode(plaintext)
    except msgspec.ValidationError:
        # From None: the library's message may quote a value.
        raise RecordMisplaced("the sealed content has not the shape of a record") from None
    clear = (row.visit, row.clinician, row.occurred_at)
    if clear != (content.visit, content.clinician, content.occurred_at):
        raise RecordMisplaced("the row of the record contradicts its sealed content")
    amendment = content.amendment
    if (amendment is None) != (row.version == 1):
        raise RecordMisplaced("the version of the row contradicts its sealed content")
    if amendment is not None and amendment.at != row.created_at:
        raise RecordMisplaced("the instant of the amendment contradicts its sealed content")
    return content


def body_of(row: RecordRow, content: SealedContent) -> msgspec.Struct:
    """The body as its struct."""
    return parse_body(row.kind, content.body)


def full_view(content: SealedContent) -> Mapping[str, Json]:
    """Every present field by the name that agreements use. For masking, never for output."""
    present = {
        name: value for name, value in identity_values(content.patient).items() if value is not None
    }
    return MappingProxyType(
        {
            **present,
            "visit": content.visit,
            "clinician": content.clinician,
            "occurred_at": instant_text(content.occurred_at),
            **content.body,
        }
    )
