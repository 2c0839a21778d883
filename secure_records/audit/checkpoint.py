"""What does the log promise, at which size and under which root?

C2SP tlog-checkpoint: three lines (origin, size, root) inside a signed note. We
write no extension lines, which the specification discourages, and refuse to
read them: nothing unaudited rides along.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from secure_records.audit.errors import NoteMalformed, NoteRefused
from secure_records.audit.merkle import HASH_BYTES
from secure_records.audit.note import NoteKey, parse_note, verify_note
from shared_kernel.signatures import SignatureVerifier

_ORIGIN: Final = re.compile(r"[!-*,-~]{1,200}")
"""Printable ASCII without space and plus, so that it may serve as a key name."""

_SIZE: Final = re.compile(r"0|[1-9][0-9]{0,18}")
_LINES: Final = 3
_PROOF_MAGIC: Final = "c2sp.org/tlog-proof@v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """A tree head."""

    origin: str
    """Which log, e.g. ``jinkui.example/12460100000000019E/audit``."""

    size: int
    root: bytes


def checkpoint_text(origin: str, size: int, root: bytes) -> str:
    """The text to sign.

    Raises:
        NoteMalformed: an origin with spaces, plus or non-ASCII, a negative size
            or a root that has not 32 bytes.
    """
    if _ORIGIN.fullmatch(origin) is None:
        raise NoteMalformed("an origin is printable ASCII without spaces and plus")
    if size < 0 or len(root) != HASH_BYTES:
        raise NoteMalformed("a checkpoint has a size and a root of 32 bytes")
    return f"{origin}\n{size}\n{base64.b64encode(root).decode()}\n"


def parse_checkpoint(note: str) -> Checkpoint:
    """Read a note as a checkpoint, believing nothing yet.

    Raises:
        NoteMalformed: any deviation, extension lines included.
    """
    return _body(parse_note(note).text)


def claimed_origin(note: str) -> str:
    """The first line of a note, believed in nothing: which log's keys to try."""
    return note.partition("\n")[0]


def verify_checkpoint(
    note: str, keys: Sequence[NoteKey], verifier: SignatureVerifier, *, need: int = 1
) -> Checkpoint:
    """The checkpoint, if and only if the log's own keys signed it.

    The name of each of ``keys`` is the origin it may speak for; at least ``need``
    of them must have signed.

    Raises:
        NoteMalformed: no checkpoint.
        NoteRefused: not signed by these keys, or signed for another log.
    """
    checkpoint = _body(verify_note(note, keys, verifier, need=need).text)
    # A key of one log must not vouch for another: tenants share a process, not an origin.
    if all(key.name != checkpoint.origin for key in keys):
        raise NoteRefused("the checkpoint is of another log")
    return checkpoint


def inclusion_proof_text(index: int, path: Sequence[bytes], note: str) -> str:
    """A C2SP tlog-proof file: the path of one entry and the checkpoint it leads to."""
    hashes = "".join(f"{base64.b64encode(value).decode()}\n" for value in path)
    return f"{_PROOF_MAGIC}\nindex {index}\n{hashes}\n{note}"


def _body(text: str) -> Checkpoint:
    lines = text[:-1].split("\n")
    if len(lines) != _LINES:
        raise NoteMalformed("a checkpoint has three lines: origin, size, root")
    origin, size, encoded = lines
    if _SIZE.fullmatch(size) is None:
        raise NoteMalformed("the size of a checkpoint is a decimal number")
    try:
        root = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError) as error:
        raise NoteMalformed("the root of a checkpoint is not base64") from error
    if checkpoint_text(origin, int(size), root) != text:
        raise NoteMalformed("the checkpoint is not in canonical form")
    return Checkpoint(origin=origin, size=int(size), root=root)
