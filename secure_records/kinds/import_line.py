"""What stands around the body on every line of an import file?

``LineFrame`` is the shape on paper, its body unread, ``ImportLine`` the line after reading.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from secure_records.kinds.constraints import CreditCode, Instant, LocalId
from secure_records.kinds.identity import SubjectIdentity


class MediaReference(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A recording or picture that comes with the record."""

    path: Annotated[str, Meta(min_length=1, max_length=1024, pattern=r"^[^\x00-\x1f]+$(?!\n)")]
    """Relative to the import file."""

    media_type: Annotated[str, Meta(max_length=100, pattern=r"^[a-z]+/[a-z0-9.+-]+$(?!\n)")]


class LineFrame(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """One line of an import file."""

    kind: str
    external_id: LocalId
    """Unique within institution and kind; the same line twice is stored once."""

    institution: CreditCode
    subject: SubjectIdentity
    visit: LocalId
    """Number of the online follow-up visit in the hospital's system."""

    clinician: LocalId
    """Staff number of the responsible clinician."""

    occurred_at: Instant
    body: dict[str, Any]
    media: MediaReference | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportLine:
    """One line, read completely."""

    kind: str
    external_id: str
    institution: str
    subject: SubjectIdentity
    visit: str
    clinician: str
    occurred_at: datetime
    body: msgspec.Struct
    media: MediaReference | None
