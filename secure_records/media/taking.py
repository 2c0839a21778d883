"""How does the file beside a line become a sealed object, read exactly once?

Opened inside the import folder, held against its declared type and the size limit,
then digested, sealed and written in one pass: what was digested is what was sealed,
whatever somebody does to the file meanwhile.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO, Final

from cryptography.hazmat.primitives.hashes import SM3, Hash

from secure_records.envelope.suites import Suite
from secure_records.kinds.import_line import MediaReference
from secure_records.media.context import MediaContext
from secure_records.media.errors import MediaFileRefused, MediaTypeRefused
from secure_records.media.media_types import LOOKED_AT, require_media_type
from secure_records.media.ports import ImportFolder, MediaObjects
from secure_records.media.sealing import MediaSealer
from shared_kernel.identifiers import Entropy

_READ_BYTES: Final = 256 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenFile:
    """What became of the file."""

    size: int
    sm3: str
    sha256: str
    message_id: str


class _Source:
    """The file, counted while it is read and digested beside the cipher.

    A digest runs in a thread while the same chunk is sealed and written; it is waited
    for before the next bytes are read, because they may take the chunk's place.
    """

    def __init__(self, file: BinaryIO, largest: int, beside: Executor | None = None) -> None:
        self._file = file
        self._largest = largest
        self._beside = beside
        self._waiting: list[Future[None]] = []
        self._sm3, self._sha256 = Hash(SM3()), hashlib.sha256()
        self.size = 0

    def readinto(self, buffer: bytearray | memoryview, /) -> int:
        self._wait()
        try:
            count = self._file.readinto(buffer)  # type: ignore[attr-defined]
        except OSError as error:
            raise MediaFileRefused(f"media.path: {error.strerror}", where="media.path") from error
        self.size += count
        if self.size > self._largest:
            raise _too_large(self._largest)
        return int(count)

    def watch(self, chunk: memoryview) -> None:
        if self._beside is not None:
            self._waiting.append(self._beside.submit(self._digest, chunk))

    def _digest(self, chunk: memoryview) -> None:
        self._sm3.update(chunk)
        self._sha256.update(chunk)

    def _wait(self) -> None:
        for each in self._waiting:
            each.result()
        self._waiting.clear()

    def digests(self) -> tuple[str, str]:
        self._wait()
        return self._sm3.finalize().hex(), self._sha256.hexdigest()


def take_file(
    beside: ImportFolder,
    reference: MediaReference,
    largest: int,
    objects: MediaObjects,
    name: str,
    *,
    dek: bytes,
    suite: Suite,
    context: MediaContext,
    entropy: Entropy,
) -> TakenFile:
    """Seal the file into the object ``name``.

    Args:
        beside: Where files beside the line lie.
        reference: Path and declared type.
        largest: Bytes; a larger file is refused, also if it grows while it is read.
        objects: Where sealed recordings lie.
        name: Fresh name of the object.
        dek: 32-byte data key ``context.key_id``.
        suite: Algorithms.
        context: Place of the recording.
        entropy: Source of the message identifier.

    Raises:
        MediaFileRefused: place, size or type of the file; no object is left.
        MediaStoreFailed: the store did not take it.
    """
    with _opened(beside, reference, largest) as file, ThreadPoolExecutor(1) as digesting:
        source = _Source(file, largest, digesting)
        sealer = MediaSealer(dek, suite, context, entropy)
        objects.put(name, sealer.stream(source, source.watch))
        sm3, sha256 = source.digests()
    return TakenFile(size=source.size, sm3=sm3, sha256=sha256, message_id=sealer.message_id.hex())


def file_sha256(beside: ImportFolder, reference: MediaReference, largest: int) -> str:
    """SHA-256 of the file in hex, for telling an unchanged repeat from another file.

    Raises:
        MediaFileRefused: as for ``take_file``.
    """
    with _opened(beside, reference, largest) as file:
        found = hashlib.sha256()
        for part in _parts(_Source(file, largest)):
            found.update(part)
    return found.hexdigest()


@contextmanager
def _opened(beside: ImportFolder, reference: MediaReference, largest: int) -> Iterator[BinaryIO]:
    kind = require_media_type(reference.media_type)
    with beside.open(reference.path) as file:
        size = file.seek(0, os.SEEK_END)
        if size == 0:
            raise MediaFileRefused("media.path: the file is empty", where="media.path")
        if size > largest:
            raise _too_large(largest)
        file.seek(0)
        if not kind.fits(file.read(LOOKED_AT)):
            raise MediaTypeRefused(
                "media.path: the file does not begin like its media_type", where="media.path"
            )
        file.seek(0)
        yield file


def _parts(source: _Source) -> Iterator[memoryview]:
    room = memoryview(bytearray(_READ_BYTES))
    while count := source.readinto(room):
        yield room[:count]


def _too_large(largest: int) -> MediaFileRefused:
    return MediaFileRefused(
        f"media.path: the file is larger than {largest} bytes",
        hint="raise [media] largest_mebibytes, or cut the recording",
        where="media.path",
    )
