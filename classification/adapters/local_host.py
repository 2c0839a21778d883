"""How is the host we run on read without root, without processes and without a trace?

Opens files read-only with a byte limit and without following a FIFO or device
into a hang (regular files only, except below /proc and /sys, where sizes read as
0). Another root folder may be given, e.g. a mounted image or a recorded tree.
"""

from __future__ import annotations

import os
import stat as mode_bits
from pathlib import Path
from typing import Final

from classification.ports import Listing, Reading, ReadState, Standing

_VIRTUAL: Final = ("/proc/", "/sys/")


class LocalHost:
    """Implements ``HostReader`` with the file system of this machine."""

    def __init__(self, root: Path = Path("/")) -> None:
        self._root = root

    @property
    def effective_uid(self) -> int:
        """The user the collector runs as."""
        return os.geteuid()

    def read_text(self, path: str, limit: int = 2_000_000) -> Reading:
        """See ``HostReader``."""
        state, raw = self._read(path, limit)
        return Reading(state, raw.decode("utf-8", "replace"))

    def read_bytes(self, path: str, limit: int = 65_536) -> bytes | None:
        """See ``HostReader``."""
        state, raw = self._read(path, limit)
        return raw if state is ReadState.OK else None

    def list_dir(self, path: str, limit: int = 20_000) -> Listing:
        """See ``HostReader``."""
        try:
            with os.scandir(self._place(path)) as entries:
                names = [entry.name for _, entry in zip(range(limit), entries, strict=False)]
        except OSError as error:
            return Listing(_state(error))
        return Listing(ReadState.OK, tuple(sorted(names)))

    def stat(self, path: str) -> Standing:
        """See ``HostReader``."""
        try:
            found = self._place(path).stat()
        except OSError as error:
            return Standing(state=_state(error))
        return Standing(
            state=ReadState.OK,
            mode=mode_bits.S_IMODE(found.st_mode),
            uid=found.st_uid,
            gid=found.st_gid,
            size=found.st_size,
            modified=int(found.st_mtime),
            is_folder=mode_bits.S_ISDIR(found.st_mode),
        )

    def _place(self, path: str) -> Path:
        return self._root / path.lstrip("/")

    def _read(self, path: str, limit: int) -> tuple[ReadState, bytes]:
        try:
            # O_NONBLOCK: a FIFO planted under a configuration name must not hang the collector
            handle = os.open(self._place(path), os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            return _state(error), b""
        with os.fdopen(handle, "rb") as file:
            if not mode_bits.S_ISREG(os.fstat(handle).st_mode) and not path.startswith(_VIRTUAL):
                return ReadState.UNREADABLE, b""
            try:
                raw = file.read(limit + 1)
            except OSError as error:
                return _state(error), b""
        if len(raw) > limit:
            return ReadState.TOO_LARGE, b""
        return ReadState.OK, raw


def _state(error: OSError) -> ReadState:
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return ReadState.MISSING
    if isinstance(error, PermissionError):
        return ReadState.DENIED
    return ReadState.UNREADABLE
