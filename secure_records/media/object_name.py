"""What is a sealed recording called in the object store?

64 random hexadecimal digits, in 256 folders. Neither the name nor the folder is
derived from patient, record, time or content: whoever lists the store learns sizes
and instants of upload, and nothing else.
"""

from __future__ import annotations

import re
from typing import Final

from secure_records.errors import KeyMalformed
from secure_records.media.errors import MediaObjectMissing
from shared_kernel.identifiers import Entropy

NAME_BYTES: Final = 32

UNFINISHED: Final = ".part"
"""Ends the name of what a folder has not finished writing."""

_SHAPE: Final = re.compile(rf"[0-9a-f]{{2}}/[0-9a-f]{{64}}(?:{re.escape(UNFINISHED)})?\Z")


def new_object_name(entropy: Entropy) -> str:
    """A name that was never used.

    Raises:
        KeyMalformed: the random source gave too few bytes; names would collide.
    """
    raw = entropy(NAME_BYTES)
    if len(raw) != NAME_BYTES:
        raise KeyMalformed(f"the random source gave {len(raw)} bytes")
    name = raw.hex()
    return f"{name[:2]}/{name}"


def require_object_name(name: str) -> str:
    """The name, if an object can have it.

    Raises:
        MediaObjectMissing: it could lead out of the store; no object is called so.
    """
    if _SHAPE.match(name) is None:
        raise MediaObjectMissing("no object has a name of this shape")
    return name


def is_object_name(name: str) -> bool:
    """Whether the name is one of ours; others in the store are left alone."""
    return _SHAPE.match(name) is not None
