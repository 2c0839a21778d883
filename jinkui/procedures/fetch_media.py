"""How does a recording become a file outside the house, whole or not at all?"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

from secure_records.vault_media_reading import MediaView

_NEW: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC

Advance = Callable[[int, int], None]
"""Told how many bytes of how many are written."""


def write_view(view: MediaView, out: Path, advance: Advance) -> None:
    """Write the bytes of a view to ``out``, readable by its owner only.

    What is written bears an unfinished name until every byte was found authentic; if
    one is not, nothing is left, and a file that was there before stays as it was.

    Raises:
        EnvelopeRefused: a part of the recording was altered.
        MediaStoreFailed: the object store failed in the middle.
    """
    unfinished = out.with_name(f".{out.name}.{view.disclosure_id}.part")
    descriptor = os.open(unfinished, _NEW, 0o600)
    try:
        with os.fdopen(descriptor, "wb", buffering=0) as file:
            written = 0
            for part in view.parts:
                left = part
                while left:
                    left = left[os.write(file.fileno(), left) :]
                written += len(part)
                advance(written, view.end - view.start)
            os.fsync(file.fileno())
        unfinished.replace(out)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise
