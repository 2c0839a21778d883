"""How do sealed recordings lie in a local folder, whole or not at all?

Written under an unfinished name, flushed to the disk, then renamed, then the folder
flushed: after ``put`` returns, a power cut takes nothing away; before, it leaves at
most a file that ``listing`` shows and ``remove`` takes away. Only sealed bytes ever
reach the disk. Files are readable by their owner only.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from secure_records.media.chunk_cipher import Chunk
from secure_records.media.errors import MediaObjectMissing, MediaStoreFailed
from secure_records.media.object_name import UNFINISHED, is_object_name, require_object_name
from secure_records.media.ports import StoredObject

_NEW: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_READ: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC

_WINDOW_BYTES: Final = 256 * 1024


class FolderObject:
    """One open object."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._size = os.fstat(descriptor).st_size

    @property
    def size(self) -> int:
        """Bytes of the object when it was opened."""
        return self._size

    @property
    def window_bytes(self) -> int:
        """As much as stays in the second-level cache until it is decrypted."""
        return _WINDOW_BYTES

    def read(self, offset: int, length: int) -> bytes:
        """These bytes; fewer if the file ends before."""
        try:
            return os.pread(self._descriptor, length, offset)
        except OSError as error:
            raise MediaStoreFailed(f"reading failed: {error.strerror}") from error


class MediaFolder:
    """Objects as files below one folder, which is made on the first write.

    Args:
        folder: Used by one home only.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, name: str, parts: Iterable[Chunk]) -> None:
        """Write a whole object, durably, or nothing that can be seen.

        Raises:
            MediaStoreFailed: no room, or no permission.
        """
        final = self._folder / require_object_name(name)
        unfinished = final.with_name(final.name + UNFINISHED)
        try:
            self._make(final.parent)
            descriptor = os.open(unfinished, _NEW, 0o600)
        except OSError as error:
            raise MediaStoreFailed(f"the media folder: {error.strerror}") from error
        try:
            with os.fdopen(descriptor, "wb", buffering=0) as file:
                for part in parts:
                    _write_all(file.fileno(), part)
                os.fsync(file.fileno())
            unfinished.rename(final)
            _flush(final.parent)
        except OSError as error:
            raise MediaStoreFailed(f"the media folder: {error.strerror}") from error
        finally:
            with suppress(OSError):
                unfinished.unlink(missing_ok=True)

    @contextmanager
    def open(self, name: str) -> Iterator[FolderObject]:
        """One object for reading by range.

        Raises:
            MediaObjectMissing: there is none of this name.
            MediaStoreFailed: it cannot be read.
        """
        try:
            descriptor = os.open(self._folder / require_object_name(name), _READ)
        except FileNotFoundError:
            raise MediaObjectMissing("the object of a recording is not there") from None
        except OSError as error:
            raise MediaStoreFailed(f"the media folder: {error.strerror}") from error
        try:
            yield FolderObject(descriptor)
        finally:
            os.close(descriptor)

    def listing(self) -> Iterator[StoredObject]:
        """Every object, and what broken writes left behind.

        Raises:
            MediaStoreFailed: the folder cannot be read.
        """
        if not self._folder.exists():
            return
        try:
            for shelf in sorted(self._folder.iterdir()):
                for path in sorted(shelf.iterdir()) if shelf.is_dir() else ():
                    name = f"{shelf.name}/{path.name}"
                    if is_object_name(name):
                        found = path.lstat()
                        changed = datetime.fromtimestamp(found.st_mtime, UTC)
                        yield StoredObject(name=name, size=found.st_size, changed_at=changed)
        except OSError as error:
            raise MediaStoreFailed(f"the media folder: {error.strerror}") from error

    def remove(self, name: str) -> None:
        """Remove an object; one that is not there is no error.

        Raises:
            MediaStoreFailed: it could not be removed.
        """
        path = self._folder / require_object_name(name)
        try:
            path.unlink(missing_ok=True)
            if path.parent.exists():
                _flush(path.parent)
        except OSError as error:
            raise MediaStoreFailed(f"the media folder: {error.strerror}") from error

    def _make(self, shelf: Path) -> None:
        for folder in (self._folder, shelf):
            if not folder.exists():
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                _flush(folder.parent)


def _write_all(descriptor: int, part: Chunk) -> None:
    left = memoryview(part)
    while left:
        left = left[os.write(descriptor, left) :]


def _flush(folder: Path) -> None:
    """A new name is on the disk only when its folder is."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
