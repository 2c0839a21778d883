"""How is a sealed recording read, whole or by range, without believing a byte of it?

1. the header: known format, the expected key, the commitment of this place
2. the last chunk: it alone may carry the mark of the last, so the length is authentic
   and a recording cut at a chunk's edge is refused before anything is shown
3. any chunk, in any order: its tag answers for its bytes and its place

Windows of a few chunks are asked from the source at a time. Only the last chunk, opened
already, is held besides.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterator
from typing import Protocol

from secure_records.envelope.suites import TAG_BYTES, suite_coded
from secure_records.errors import UnknownSuite
from secure_records.media.chunk_cipher import Chunk, ChunkCipher
from secure_records.media.context import MediaContext
from secure_records.media.errors import MediaRangeRefused, MediaRefused
from secure_records.media.file_key import derive_file_key
from secure_records.media.format import LONGEST_HEADER, layout_of, parse_header


class SealedSource(Protocol):
    """One stored object."""

    @property
    def size(self) -> int:
        """Bytes of the object."""
        ...

    @property
    def window_bytes(self) -> int:
        """How much to ask for at once: little from a disk, more from a distant server."""
        ...

    def read(self, offset: int, length: int) -> Chunk:
        """These bytes; fewer if the object ends before."""
        ...


class MediaReader:
    """One recording that has been found authentic in its length and place.

    Args:
        dek: 32-byte data key ``context.key_id``.
        context: Place at which the recording is expected.
        source: The object.
        message_id: The one that the row's sealed description names; None: any.

    Raises:
        MediaRefused: not the recording of this place, altered, or cut.
        KeyMalformed: the data key has not 32 bytes.
    """

    def __init__(
        self,
        dek: bytes,
        context: MediaContext,
        source: SealedSource,
        *,
        message_id: bytes | None = None,
    ) -> None:
        # 1.
        header = parse_header(bytes(source.read(0, min(source.size, LONGEST_HEADER))))
        try:
            suite = suite_coded(header.suite_code)
        except UnknownSuite as error:
            raise MediaRefused("the recording does not open") from error
        binding = context.binding(suite, header.chunk_exponent)
        key, commitment = derive_file_key(suite, dek, header.message_id, binding)
        same = hmac.compare_digest(commitment, header.commitment)
        if header.key_id != context.key_id or not same:
            raise MediaRefused("the recording does not open")
        if message_id is not None and not hmac.compare_digest(message_id, header.message_id):
            raise MediaRefused("the recording does not open")
        self._source = source
        self._layout = layout_of(header, source.size)
        self._cipher = ChunkCipher(suite, key, self._layout.chunk_bytes)
        # 2.
        self._last = self._layout.chunks - 1
        sealed = self._window(self._last, self._last + 1)
        self._end = bytes(self._cipher.open(self._last, sealed, last=True))

    @property
    def size(self) -> int:
        """Bytes of the recording; authentic."""
        return self._layout.plaintext_bytes

    def range(self, start: int = 0, end: int | None = None) -> Iterator[memoryview]:
        """The bytes from ``start`` up to, without, ``end``; an end beyond the recording is cut.

        Yields:
            Views of at most one chunk, each good until the next step.

        Raises:
            MediaRangeRefused: the range is empty or begins behind the end.
            MediaRefused: a chunk was altered or moved; what came before it was authentic.
        """
        start, end = checked_range(start, end, self.size)
        return self._cut(start, end)

    def _cut(self, start: int, end: int) -> Iterator[memoryview]:
        if start == end:
            return
        size = self._layout.chunk_bytes
        at = start // size * size
        for chunk in self._opened(start // size, (end - 1) // size):
            yield chunk[max(start - at, 0) : end - at]
            at += size

    def _opened(self, first: int, final: int) -> Iterator[memoryview]:
        # 3.
        layout = self._layout
        step = max(1, self._source.window_bytes // layout.chunk_bytes)
        sealed_bytes = layout.chunk_bytes + TAG_BYTES
        behind = min(final + 1, self._last)
        for begin in range(first, behind, step):
            until = min(begin + step, behind)
            window = self._window(begin, until)
            for number in range(begin, until):
                at = (number - begin) * sealed_bytes
                yield self._cipher.open(number, window[at : at + sealed_bytes], last=False)
        if final == self._last:
            yield memoryview(self._end)

    def _window(self, begin: int, until: int) -> memoryview:
        """The sealed chunks from ``begin`` up to, without, ``until``."""
        layout = self._layout
        offset = layout.offset_of(begin)
        wanted = layout.offset_of(until - 1) + layout.plaintext_of(until - 1) + TAG_BYTES - offset
        window = memoryview(self._source.read(offset, wanted))
        if len(window) != wanted:
            raise MediaRefused("the recording is cut short")
        return window


def checked_range(start: int, end: int | None, size: int) -> tuple[int, int]:
    """The range within ``size`` bytes.

    Raises:
        MediaRangeRefused: empty, reversed, negative, or beginning behind the end.
    """
    whole = start == 0 and end is None
    last = size if end is None else min(end, size)
    if not whole and not 0 <= start < last:
        raise MediaRangeRefused(f"no such range in {size} bytes", where="range")
    return start, last
