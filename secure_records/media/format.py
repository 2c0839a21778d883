"""How is a sealed recording laid out in bytes, and is this such a layout?

Media format 1, documented in ``docs/formats/media-v1.md``: a header, then chunks.
Parsing and arithmetic only: no key, no cipher.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from secure_records.envelope.format import COMMITMENT_BYTES, MESSAGE_ID_BYTES
from secure_records.envelope.suites import NONCE_BYTES, TAG_BYTES
from secure_records.errors import ContextRefused
from secure_records.media.errors import MediaMalformed

MAGIC: Final = b"JKM"
FORMAT: Final = 1

SMALLEST_EXPONENT: Final = 4
LARGEST_EXPONENT: Final = 24
"""Chunks have 2^4 (for examples on paper) to 2^24 bytes of plaintext: a reader holds one."""

DEFAULT_EXPONENT: Final = 18
"""256 KiB: fits the second-level cache, and a short range costs no more than that."""

MOST_CHUNKS: Final = 2**32
"""Encryptions under one file key (NIST SP 800-38D, 8.3 allows as many)."""

_PREFIX_BYTES: Final = 7
"""Magic (3), format (1), suite (1), chunk exponent (1), length of the key identifier (1)."""

_LONGEST_KEY_ID: Final = 64
_KEY_ID: Final = re.compile(rf"[a-z0-9_]{{1,{_LONGEST_KEY_ID}}}\Z")

LONGEST_HEADER: Final = _PREFIX_BYTES + _LONGEST_KEY_ID + MESSAGE_ID_BYTES + COMMITMENT_BYTES
"""Bytes: as much must be read to be sure to have the header."""

_LAST: Final = b"\x01"
_NOT_LAST: Final = b"\x00"


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaHeader:
    """What stands before the chunks; authentic only after the commitment was compared."""

    suite_code: int
    chunk_exponent: int
    key_id: str
    message_id: bytes
    commitment: bytes

    @property
    def length(self) -> int:
        """Bytes of the header: the first chunk begins here."""
        return _PREFIX_BYTES + len(self.key_id) + MESSAGE_ID_BYTES + COMMITMENT_BYTES

    def serialise(self) -> bytes:
        """The bytes of the header.

        Raises:
            ContextRefused: the key identifier or the chunk size lies outside the format.
        """
        if _KEY_ID.match(self.key_id) is None:
            raise ContextRefused("key_id is no key identifier", where="key_id")
        if not SMALLEST_EXPONENT <= self.chunk_exponent <= LARGEST_EXPONENT:
            raise ContextRefused("no such chunk size", where="chunk_exponent")
        start = bytes((FORMAT, self.suite_code, self.chunk_exponent, len(self.key_id)))
        return MAGIC + start + self.key_id.encode("ascii") + self.message_id + self.commitment


def parse_header(start: bytes) -> MediaHeader:
    """Read the header from the first bytes of an object; more bytes may follow.

    Raises:
        MediaMalformed: not a sealed recording of this format.
    """
    if start[:3] != MAGIC or len(start) < _PREFIX_BYTES:
        raise MediaMalformed("not a sealed recording", where="magic")
    if start[3] != FORMAT:
        raise MediaMalformed(f"media format {start[3]} is not known here", where="format")
    if not SMALLEST_EXPONENT <= start[5] <= LARGEST_EXPONENT:
        raise MediaMalformed("the chunk size lies outside the format", where="chunk_exponent")
    after_key_id = _PREFIX_BYTES + start[6]
    after_message_id = after_key_id + MESSAGE_ID_BYTES
    after_commitment = after_message_id + COMMITMENT_BYTES
    if len(start) < after_commitment:
        raise MediaMalformed("the header is cut short", where="length")
    # latin-1 maps every byte to one character, so that the pattern alone decides.
    key_id = start[_PREFIX_BYTES:after_key_id].decode("latin-1")
    if _KEY_ID.match(key_id) is None:
        raise MediaMalformed("the header names no key", where="key_id")
    return MediaHeader(
        suite_code=start[4],
        chunk_exponent=start[5],
        key_id=key_id,
        message_id=start[after_key_id:after_message_id],
        commitment=start[after_message_id:after_commitment],
    )


def chunk_nonce(number: int, *, last: bool) -> bytes:
    """The 12 bytes that say where a chunk stands and whether another follows (STREAM)."""
    return number.to_bytes(NONCE_BYTES - 1, "big") + (_LAST if last else _NOT_LAST)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkLayout:
    """Where the chunks of one object lie. Computed from sizes: not authentic by itself."""

    first: int
    """Offset of the first chunk."""

    chunk_bytes: int
    """Plaintext of every chunk but the last."""

    chunks: int
    last_bytes: int
    """Plaintext of the last chunk; 0 only if it is the only one."""

    @property
    def plaintext_bytes(self) -> int:
        """Length of the recording."""
        return (self.chunks - 1) * self.chunk_bytes + self.last_bytes

    def plaintext_of(self, number: int) -> int:
        """Plaintext bytes of one chunk."""
        return self.last_bytes if number == self.chunks - 1 else self.chunk_bytes

    def offset_of(self, number: int) -> int:
        """Where a chunk begins in the object."""
        return self.first + number * (self.chunk_bytes + TAG_BYTES)


def layout_of(header: MediaHeader, object_bytes: int) -> ChunkLayout:
    """The only layout that an object of this size can have.

    Raises:
        MediaMalformed: no recording has this size.
    """
    chunk_bytes = 1 << header.chunk_exponent
    body = object_bytes - header.length
    full, rest = divmod(body, chunk_bytes + TAG_BYTES)
    chunks = full + (rest > 0)
    last_bytes = (rest or chunk_bytes + TAG_BYTES) - TAG_BYTES
    # An empty last chunk after others would give one recording two encodings.
    if not 0 < chunks <= MOST_CHUNKS or last_bytes < (chunks > 1):
        raise MediaMalformed("no sealed recording has this length", where="length")
    return ChunkLayout(
        first=header.length, chunk_bytes=chunk_bytes, chunks=chunks, last_bytes=last_bytes
    )


def sealed_size(header_bytes: int, chunk_exponent: int, plaintext_bytes: int) -> int:
    """Bytes of the whole object that a recording of this length becomes."""
    chunk_bytes = 1 << chunk_exponent
    chunks = max(1, -(-plaintext_bytes // chunk_bytes))
    return header_bytes + plaintext_bytes + chunks * TAG_BYTES
