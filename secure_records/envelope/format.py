"""How is one sealed record laid out in bytes, and is this such a layout?

Envelope format 1, documented in ``docs/formats/envelope-v1.md``. Parsing and
serialising only: no key, no cipher, no hash. A parser of untrusted bytes stays
small enough to be read in one sitting, and refuses what it does not know.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from secure_records.errors import ContextRefused, EnvelopeMalformed

MAGIC: Final = b"JK"
FORMAT: Final = 1
MESSAGE_ID_BYTES: Final = 32
COMMITMENT_BYTES: Final = 32
_TAG_BYTES: Final = 16
_PREFIX_BYTES: Final = 5
"""Magic (2), format (1), suite (1), length of the key identifier (1)."""

_KEY_ID: Final = re.compile(r"[a-z0-9_]{1,64}\Z")
_HEADERS: Final = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """The parts of one sealed record."""

    suite_code: int
    """1 ``gm``, 2 ``intl``; others are refused when the suite is looked up."""

    key_id: str
    """The data key that opens it; not secret, not telling."""

    message_id: bytes
    """32 random bytes that make the record key a one-use key."""

    commitment: bytes
    """32 bytes that only the right data key can produce."""

    sealed: bytes
    """Ciphertext, then the 16-byte tag."""


@lru_cache(maxsize=_HEADERS)
def header(suite_code: int, key_id: str) -> bytes:
    """The bytes before the message identifier.

    Raises:
        ContextRefused: the key identifier is no 1 to 64 of ``a-z 0-9 _``.
    """
    if _KEY_ID.match(key_id) is None:
        raise ContextRefused("key_id is no key identifier", where="key_id")
    return MAGIC + bytes((FORMAT, suite_code, len(key_id))) + key_id.encode("ascii")


def serialise_envelope(envelope: Envelope) -> bytes:
    """The bytes of ``envelope``.

    Raises:
        ContextRefused: a part has the wrong length.
    """
    if (
        len(envelope.message_id) != MESSAGE_ID_BYTES
        or len(envelope.commitment) != COMMITMENT_BYTES
        or len(envelope.sealed) < _TAG_BYTES
    ):
        raise ContextRefused("a part of the envelope has the wrong length", where="envelope")
    start = header(envelope.suite_code, envelope.key_id)
    return start + envelope.message_id + envelope.commitment + envelope.sealed


def parse_envelope(blob: bytes) -> Envelope:
    """Split ``blob`` into its parts. Nothing in them is authenticated yet.

    Raises:
        EnvelopeMalformed: not an envelope of this format.
    """
    suite_code, key_id, message_id, commitment, sealed = split_envelope(blob)
    return Envelope(
        suite_code=suite_code,
        key_id=key_id,
        message_id=message_id,
        commitment=commitment,
        sealed=sealed,
    )


def split_envelope(blob: bytes) -> tuple[int, str, bytes, bytes, bytes]:
    """The five parts in the order of ``Envelope``, without the object: reading is a hot path.

    Raises:
        EnvelopeMalformed: not an envelope of this format.
    """
    if blob[:2] != MAGIC or len(blob) < _PREFIX_BYTES:
        raise EnvelopeMalformed("not an envelope", where="magic")
    if blob[2] != FORMAT:
        raise EnvelopeMalformed(f"envelope format {blob[2]} is not known here", where="format")
    after_key_id = _PREFIX_BYTES + blob[4]
    after_message_id = after_key_id + MESSAGE_ID_BYTES
    after_commitment = after_message_id + COMMITMENT_BYTES
    if len(blob) < after_commitment + _TAG_BYTES:
        raise EnvelopeMalformed("the envelope is cut short", where="length")
    # latin-1 maps every byte to one character, so that the pattern alone decides.
    key_id = blob[_PREFIX_BYTES:after_key_id].decode("latin-1")
    if _KEY_ID.match(key_id) is None:
        raise EnvelopeMalformed("the envelope names no key", where="key_id")
    return (
        blob[3],
        key_id,
        blob[after_key_id:after_message_id],
        blob[after_message_id:after_commitment],
        blob[after_commitment:],
    )
