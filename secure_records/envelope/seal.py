"""How does a record become unreadable, and readable again in its own place only?

Sealing:

1. draw a fresh 256-bit message identifier
2. derive the one-use record key and the commitment from the data key
3. encrypt, authenticating the whole context
4. lay the parts out as envelope format 1

Opening walks back and refuses at the first step that does not hold. Which step
it was is not said: to whoever stores the bytes, a refusal is a refusal.

This file knows no key hierarchy: the data key is an argument.
"""

from __future__ import annotations

from typing import Final

from secure_records.envelope.context import EnvelopeContext
from secure_records.envelope.format import header, split_envelope
from secure_records.envelope.one_use import RECORD, fresh_message_id, open_once, seal_once
from secure_records.envelope.suites import Suite, suite_coded
from secure_records.errors import EnvelopeRefused, PlaintextTooLong, UnknownSuite
from shared_kernel.identifiers import Entropy

LARGEST_PLAINTEXT: Final = 16 * 1024 * 1024
"""Bytes. A record is held in memory whole; audio and video are sealed in chunks elsewhere."""


def seal(
    dek: bytes, suite: Suite, context: EnvelopeContext, plaintext: bytes, entropy: Entropy
) -> bytes:
    """Seal ``plaintext`` under the 32-byte data key ``context.key_id``.

    Raises:
        ContextRefused: a part of the context cannot be bound.
        KeyMalformed: the data key has not 32 bytes.
        PlaintextTooLong: more than ``LARGEST_PLAINTEXT`` bytes.
    """
    if len(plaintext) > LARGEST_PLAINTEXT:
        raise PlaintextTooLong(
            f"a record has at most {LARGEST_PLAINTEXT} bytes (got {len(plaintext)})"
        )
    # 1.
    message_id = fresh_message_id(entropy)
    # 2. and 3.
    aad = context.associated_data(suite)
    commitment, sealed = seal_once(suite, dek, RECORD, message_id, plaintext=plaintext, aad=aad)
    # 4.
    return b"".join((header(suite.code, context.key_id), message_id, commitment, sealed))


def open_envelope(dek: bytes, context: EnvelopeContext, blob: bytes) -> bytes:
    """The plaintext of ``blob``, if it was sealed with this key for this context.

    Raises:
        EnvelopeRefused: it was not, or a byte of it was altered.
        ContextRefused: a part of the context cannot be bound.
        KeyMalformed: the data key has not 32 bytes.
    """
    # 4.
    suite_code, key_id, message_id, commitment, sealed = split_envelope(blob)
    try:
        suite = suite_coded(suite_code)
    except UnknownSuite as error:
        raise EnvelopeRefused("the sealed bytes do not open") from error
    if key_id != context.key_id:
        raise EnvelopeRefused("the sealed bytes do not open")
    # 3. and 2.
    return open_once(
        suite,
        dek,
        RECORD,
        message_id,
        commitment=commitment,
        sealed=sealed,
        aad=context.associated_data(suite),
    )
