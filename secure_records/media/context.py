"""To which place does a sealed recording belong, so that it opens nowhere else?

The binding goes into the derivation of the file key: a recording that is moved to
another record, patient or institution, or whose header is altered, has another key
and another commitment, and is refused before its first chunk.
"""

from __future__ import annotations

from dataclasses import dataclass
from struct import Struct
from typing import Final

from secure_records.envelope.suites import Suite
from secure_records.errors import ContextRefused

_LABEL: Final = b"JKM"
_FORMAT: Final = 1
_FIXED: Final = Struct(">3sBBB6H")
"""Label, format, suite, chunk exponent, then the six text lengths in bytes."""

_LONGEST_TEXTS: Final = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaContext:
    """The place of one recording."""

    tenant: str
    """The institution that answers for the record."""

    subject: str
    """Whose recording it is (``sub_…``)."""

    record: str
    """The record it belongs to (``rec_…``)."""

    media: str
    """Which recording (``med_…``)."""

    kind: str
    """Kind of the record, e.g. ``chat_transcript``."""

    key_id: str
    """The data key it is sealed under (``key_…``)."""

    def binding(self, suite: Suite, chunk_exponent: int) -> bytes:
        """The exact bytes that enter the derivation of the file key.

        Raises:
            ContextRefused: an empty or over-long part, or a lone surrogate.
        """
        parts = (self.key_id, self.tenant, self.subject, self.record, self.media, self.kind)
        try:
            encoded = tuple(part.encode() for part in parts)
        except UnicodeEncodeError as error:
            raise ContextRefused("a part of the context is no text", where="context") from error
        lengths = tuple(map(len, encoded))
        if 0 in lengths or sum(lengths) > _LONGEST_TEXTS:
            raise ContextRefused(
                f"no part of a context is empty, all have at most {_LONGEST_TEXTS} bytes"
                f" (got {lengths})",
                where="context",
            )
        fixed = _FIXED.pack(_LABEL, _FORMAT, suite.code, chunk_exponent, *lengths)
        return fixed + b"".join(encoded)
