"""Which key encrypts this one message and never another?

From a parent key and 32 fresh random bytes, HKDF-Expand gives a cipher key and
a commitment. The cipher key is used for exactly one encryption, so the nonce
may be fixed and the limits on random nonces (2^32 messages for one key, NIST
SP 800-38D 8.3) never apply.

The commitment exists because GCM does not commit to its key: a ciphertext can
be built that opens under two keys. It is compared, in constant time, before
anything is decrypted.
"""

from __future__ import annotations

import hmac
from functools import cache
from typing import Final

from secure_records.envelope.format import COMMITMENT_BYTES, MESSAGE_ID_BYTES
from secure_records.envelope.suites import (
    NONCE_BYTES,
    PARENT_KEY_BYTES,
    Suite,
    aead_open,
    aead_seal,
    hkdf_expand,
)
from secure_records.errors import EnvelopeRefused, KeyMalformed
from shared_kernel.identifiers import Entropy

RECORD: Final = b"rec"
"""Purpose of keys that seal records."""

WRAPPED_KEY: Final = b"key"
"""Purpose of keys that wrap other keys."""

_LABEL: Final = b"JK1"

_FIXED_NONCE: Final = bytes(NONCE_BYTES)
"""Safe only because no derived key is ever used for a second encryption."""


def fresh_message_id(entropy: Entropy) -> bytes:
    """32 random bytes.

    Raises:
        KeyMalformed: the source gave another number of bytes. Sealing on would
            reuse a key and lay open two plaintexts at once.
    """
    message_id = entropy(MESSAGE_ID_BYTES)
    if len(message_id) != MESSAGE_ID_BYTES:
        raise KeyMalformed(f"the random source gave {len(message_id)} bytes")
    return message_id


def seal_once(
    suite: Suite, parent: bytes, purpose: bytes, message_id: bytes, *, plaintext: bytes, aad: bytes
) -> tuple[bytes, bytes]:
    """Pair of the 32-byte commitment and the sealed bytes (ciphertext, then tag).

    ``message_id`` must be fresh for every call with the same parent.

    Raises:
        KeyMalformed: the parent key has not 32 bytes.
    """
    key, commitment = _derive(suite, parent, purpose, message_id)
    return commitment, aead_seal(suite, key, _FIXED_NONCE, plaintext, aad)


def open_once(
    suite: Suite,
    parent: bytes,
    purpose: bytes,
    message_id: bytes,
    *,
    commitment: bytes,
    sealed: bytes,
    aad: bytes,
) -> bytes:
    """The plaintext, after commitment and tag were checked.

    Raises:
        KeyMalformed: the parent key has not 32 bytes.
        EnvelopeRefused: anything does not hold.
    """
    key, expected = _derive(suite, parent, purpose, message_id)
    if not hmac.compare_digest(expected, commitment):
        raise EnvelopeRefused("the sealed bytes do not open")
    return aead_open(suite, key, _FIXED_NONCE, sealed, aad)


@cache
def _info_start(suite_code: int, purpose: bytes) -> bytes:
    # Every part has a fixed length (3, 1, 3, then 32 bytes): the encoding is injective.
    return _LABEL + bytes((suite_code,)) + purpose


def _derive(suite: Suite, parent: bytes, purpose: bytes, message_id: bytes) -> tuple[bytes, bytes]:
    if len(parent) != PARENT_KEY_BYTES:
        raise KeyMalformed(f"a parent key has {PARENT_KEY_BYTES} bytes, got {len(parent)}")
    size = suite.key_bytes
    info = _info_start(suite.code, purpose) + message_id
    material = hkdf_expand(suite, parent, info, size + COMMITMENT_BYTES)
    return material[:size], material[size:]
