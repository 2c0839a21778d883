"""How does a recording become unreadable while it passes through?

A file key for this one recording, then chunk after chunk, each under a nonce that
says its place and whether it is the last (STREAM: Hoang, Reyhanitabar, Rogaway,
Vizár 2015). Two chunks are held at a time, however long the recording is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Protocol

from secure_records.envelope.one_use import fresh_message_id
from secure_records.envelope.suites import Suite
from secure_records.errors import ContextRefused
from secure_records.media.chunk_cipher import Chunk, ChunkCipher
from secure_records.media.context import MediaContext
from secure_records.media.file_key import derive_file_key
from secure_records.media.format import (
    DEFAULT_EXPONENT,
    MOST_CHUNKS,
    MediaHeader,
)
from shared_kernel.identifiers import Entropy


class ReadsInto(Protocol):
    """An open binary file, or anything that fills a buffer."""

    def readinto(self, buffer: bytearray | memoryview, /) -> int | None:
        """Fill from the front; 0 at the end."""
        ...


class MediaSealer:
    """Seals the chunks of one recording, in order.

    Args:
        dek: 32-byte data key ``context.key_id``.
        suite: Algorithms.
        context: Place of the recording.
        entropy: Source of the message identifier.
        chunk_exponent: Chunks have two to this power bytes.

    Raises:
        ContextRefused: a part of the context cannot be bound, or no such chunk size.
        KeyMalformed: the data key or the random source has the wrong length.
    """

    def __init__(
        self,
        dek: bytes,
        suite: Suite,
        context: MediaContext,
        entropy: Entropy,
        *,
        chunk_exponent: int = DEFAULT_EXPONENT,
    ) -> None:
        self.message_id = fresh_message_id(entropy)
        binding = context.binding(suite, chunk_exponent)
        key, commitment = derive_file_key(suite, dek, self.message_id, binding)
        self.header = MediaHeader(
            suite_code=suite.code,
            chunk_exponent=chunk_exponent,
            key_id=context.key_id,
            message_id=self.message_id,
            commitment=commitment,
        ).serialise()
        self.chunk_bytes = 1 << chunk_exponent
        self._cipher = ChunkCipher(suite, key, self.chunk_bytes)
        self._next = 0
        self._finished = False

    def seal(self, chunk: Chunk, *, last: bool) -> memoryview:
        """The sealed bytes of the next chunk; the view is good until the next call.

        Args:
            chunk: Exactly ``chunk_bytes``; the last one from 1 byte, or none if it is the only.
            last: No other follows.

        Raises:
            ContextRefused: a chunk of another size, one after the last, or too many.
        """
        size = len(chunk)
        fits = size == self.chunk_bytes or (last and 0 < size < self.chunk_bytes)
        if not fits and not (last and size == self._next == 0):
            raise ContextRefused("a chunk of this size cannot stand here", where="chunk")
        if self._finished or self._next >= MOST_CHUNKS:
            raise ContextRefused("the recording is complete", where="chunk")
        number, self._next, self._finished = self._next, self._next + 1, last
        return self._cipher.seal(number, chunk, last=last)

    def stream(
        self, source: ReadsInto, watch: Callable[[memoryview], None] | None = None
    ) -> Iterator[memoryview]:
        """Header and chunks of everything that ``source`` gives.

        Args:
            source: Read once, from where it stands to its end.
            watch: Sees each chunk of plaintext before it is sealed.

        Yields:
            Views that are good until the next step.
        """
        yield memoryview(self.header)
        here, ahead = (
            memoryview(bytearray(self.chunk_bytes)),
            memoryview(bytearray(self.chunk_bytes)),
        )
        size = _fill(source, here)
        while not self._finished:
            following = _fill(source, ahead) if size == self.chunk_bytes else 0
            chunk = here[:size]
            if watch is not None:
                watch(chunk)
            yield self.seal(chunk, last=following == 0)
            here, ahead, size = ahead, here, following


def _fill(source: ReadsInto, room: memoryview) -> int:
    filled = 0
    while filled < len(room):
        count = source.readinto(room[filled:])
        if not count:
            break
        filled += count
    return filled
