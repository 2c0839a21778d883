"""What is known of a recording, sealed beside its row, and does it agree with the row?

An ordinary envelope under the data key of the recording. It names the message
identifier of the one object that belongs there, so that an older object of the same
place, which would open, is refused.
"""

from __future__ import annotations

from typing import Annotated, Final, TypeAlias

import msgspec

from secure_records.envelope.context import EnvelopeContext
from secure_records.envelope.seal import open_envelope, seal
from secure_records.envelope.suites import Suite
from secure_records.media.context import MediaContext
from secure_records.media.ports import MediaRow
from secure_records.vault_errors import RecordMisplaced
from shared_kernel.grades import Grade
from shared_kernel.identifiers import Entropy

_SCHEMA: Final = "media/1"
_KIND: Final = "media"
_VERSION: Final = 1
"""A recording is never replaced: an amended record keeps it, a new one is another recording."""

_Hex: TypeAlias = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}\Z")]


class MediaDescription(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The plaintext of a description."""

    record: str
    record_kind: str
    object_name: str
    media_type: str
    size: Annotated[int, msgspec.Meta(ge=0)]
    """Bytes of the recording."""

    sm3: _Hex
    sha256: _Hex
    """Of the recording as it came in, for whoever must show that it is the same."""

    message_id: _Hex


def seal_description(
    dek: bytes, suite: Suite, row: MediaRow, content: MediaDescription, entropy: Entropy
) -> bytes:
    """The envelope for ``row.description``; the row's own ``description`` is not looked at."""
    return seal(dek, suite, _context(row), msgspec.json.encode(content), entropy)


def open_description(row: MediaRow, dek: bytes) -> MediaDescription:
    """The description of a row.

    Raises:
        EnvelopeRefused: the bytes are not what was sealed for this row.
        RecordMisplaced: they open, and contradict the row.
    """
    plaintext = open_envelope(dek, _context(row), row.description)
    try:
        content = msgspec.json.decode(plaintext, type=MediaDescription)
    except msgspec.ValidationError:
        # From None: the library's message may quote a value.
        raise RecordMisplaced("the description has not the shape of one") from None
    if (content.record, content.object_name) != (row.record, row.object_name):
        raise RecordMisplaced("the row of the recording contradicts its description")
    return content


def media_context(row: MediaRow, record_kind: str) -> MediaContext:
    """The place that this row claims for its object."""
    return MediaContext(
        tenant=row.tenant,
        subject=row.subject,
        record=row.record,
        media=row.media,
        kind=record_kind,
        key_id=row.key_id,
    )


def _context(row: MediaRow) -> EnvelopeContext:
    if row.grade not in {grade.value for grade in Grade}:
        raise RecordMisplaced("the row of the recording holds an impossible grade")
    return EnvelopeContext(
        tenant=row.tenant,
        subject=row.subject,
        record=row.media,
        version=_VERSION,
        schema=_SCHEMA,
        kind=_KIND,
        grade=Grade(row.grade),
        key_id=row.key_id,
    )
