"""To which place does a sealed record belong, so that it opens nowhere else?

Every part of the context is authenticated together with the ciphertext. An
envelope that is moved to another row, patient, institution or version, or that
is declared to be of another kind, schema, grade or key, does not open.

The parts are encoded with their lengths in front, never joined with a
separator: two different contexts can never give the same bytes.
"""

from __future__ import annotations

from dataclasses import dataclass
from struct import Struct
from typing import Final

from secure_records.envelope.suites import Suite
from secure_records.errors import ContextRefused
from shared_kernel.grades import Grade

_LABEL: Final = b"JKA"
"""Tells associated data from every other keyed input of the house."""

_FORMAT: Final = 1

_FIXED: Final = Struct(">3sBBQB6H")
"""Label, format, suite, version, grade, then the six text lengths in bytes."""

_LONGEST_TEXTS: Final = 4096
"""Bytes of UTF-8, all six together; identifiers are far shorter."""

_NEWEST_VERSION: Final = 2**63 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvelopeContext:
    """The place and the nature of one record version."""

    tenant: str
    """The institution that answers for the record."""

    subject: str
    """Whose record it is (``sub_…``)."""

    record: str
    """Which record (``rec_…``)."""

    version: int
    """Which version of it, from 1."""

    schema: str
    """Shape of the plaintext, e.g. ``prescription/1``."""

    kind: str
    """Record kind, e.g. ``prescription``."""

    grade: Grade
    """Sensitivity owed at sealing; lowering it later must not go unnoticed."""

    key_id: str
    """The data key under which the record is sealed (``key_…``)."""

    def associated_data(self, suite: Suite) -> bytes:
        """The exact bytes that the cipher authenticates.

        Raises:
            ContextRefused: an empty or over-long part, a lone surrogate, or a version below 1.
        """
        parts = (self.key_id, self.tenant, self.subject, self.record, self.schema, self.kind)
        try:
            texts = "".join(parts).encode()
        except UnicodeEncodeError as error:
            raise ContextRefused("a part of the context is no text", where="context") from error
        lengths = tuple(map(len, parts))
        if len(texts) != sum(lengths):
            # Some part is not ASCII: lengths count bytes of UTF-8, not characters.
            lengths = tuple(len(part.encode()) for part in parts)
        if 0 in lengths or len(texts) > _LONGEST_TEXTS:
            raise ContextRefused(
                f"no part of a context is empty, all have at most {_LONGEST_TEXTS} bytes"
                f" (got {lengths})",
                where="context",
            )
        if not 1 <= self.version <= _NEWEST_VERSION:
            raise ContextRefused(
                f"a record version counts from 1 (got {self.version})", where="version"
            )
        fixed = _FIXED.pack(_LABEL, _FORMAT, suite.code, self.version, self.grade, *lengths)
        return fixed + texts
