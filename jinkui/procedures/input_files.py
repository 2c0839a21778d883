"""What does a file that a person hands over hold, if it is one and of a sensible size?

A device or a pipe has no size and no end, and a file may grow between the question
for its size and the reading: so what is read is bounded, never what was promised.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from shared_kernel.errors import BadInput


class FileNotRegular(BadInput):
    """A folder, pipe or device stands under that name."""

    code = "file.not_regular"
    default_hint = "name an ordinary file"


class FileTooLarge(BadInput):
    """The file is larger than anything it could rightly hold."""

    code = "file.too_large"
    default_hint = "check that this is the right file"


class FileEmpty(BadInput):
    """The file holds nothing."""

    code = "file.empty"
    default_hint = "check that this is the right file"


class FileNotUtf8(BadInput):
    """The file is not text in UTF-8."""

    code = "file.not_utf8"
    default_hint = "save the file as UTF-8"


def require_regular(path: Path) -> None:
    """Return if and only if ``path`` is an ordinary file, or a link to one.

    Raises:
        FileNotRegular: it is something else.
    """
    if not stat.S_ISREG(path.stat().st_mode):
        raise FileNotRegular(f"{path.name} is no ordinary file", where=path.name)


def read_file(path: Path, largest: int) -> bytes:
    """The bytes of ``path``, at most ``largest``.

    Raises:
        FileNotRegular: it is no ordinary file.
        FileTooLarge: it has more bytes; nothing is cut off.
    """
    require_regular(path)  # before opening: a pipe would make us wait for its other end
    with path.open("rb") as opened:
        if not stat.S_ISREG(os.fstat(opened.fileno()).st_mode):
            raise FileNotRegular(f"{path.name} is no ordinary file", where=path.name)
        content = opened.read(largest + 1)
    if len(content) > largest:
        raise FileTooLarge(f"{path.name} has more than {largest} bytes", where=path.name)
    return content


def read_filled_file(path: Path, largest: int) -> bytes:
    """As ``read_file``, for what must not be empty.

    Raises:
        FileEmpty: it has no bytes.
    """
    content = read_file(path, largest)
    if not content:
        raise FileEmpty(f"{path.name} is empty", where=path.name)
    return content


def read_text_file(path: Path, largest: int) -> str:
    """As ``read_file``, as text.

    Raises:
        FileNotUtf8: it is none in UTF-8. The message shows none of it.
    """
    try:
        return read_file(path, largest).decode("utf-8")
    except UnicodeDecodeError:
        # From None: the decoder's error carries the bytes.
        raise FileNotUtf8(f"{path.name} is not UTF-8", where=path.name) from None
