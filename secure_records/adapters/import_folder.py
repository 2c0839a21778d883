"""How is a file beside an import file opened, and never one anywhere else?

Every part of the path is opened below the one before it, and a link in any place
is refused: nothing can be put in between the check and the opening. Only regular
files are read, so a pipe cannot make the import wait for ever.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import BinaryIO, Final

from secure_records.media.errors import MediaFileRefused

_FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_NO_STEPS: Final = frozenset(("", ".", ".."))


class BesideFile:
    """The files in one folder and below it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def open(self, path: str) -> BinaryIO:
        """One of them, for reading, unbuffered.

        Raises:
            MediaFileRefused: outside the folder, a link, no regular file, or not readable.
        """
        *folders, name = path.split("/")
        if _NO_STEPS.intersection((*folders, name)) or "\\" in path:
            raise _refused("lies outside the folder of the import file")
        descriptors = []
        try:
            # The folder of the import file itself may be reached through links: it was
            # chosen by whoever runs the import, not by the line.
            at = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            descriptors.append(at)
            for folder in folders:
                at = os.open(folder, _FOLDER, dir_fd=at)
                descriptors.append(at)
            opened = os.open(name, _FILE, dir_fd=at)
        except (OSError, ValueError):
            # No reason: whether a file exists elsewhere is nobody's business.
            raise _refused("no such file beside the import file, or a link") from None
        finally:
            for descriptor in descriptors:
                os.close(descriptor)
        if not stat.S_ISREG(os.fstat(opened).st_mode):
            os.close(opened)
            raise _refused("is no regular file")
        return os.fdopen(opened, "rb", buffering=0)


def _refused(why: str) -> MediaFileRefused:
    return MediaFileRefused(f"media.path: {why}", where="media.path")
