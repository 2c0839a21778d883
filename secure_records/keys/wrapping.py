"""How does a key travel outside memory?

Wrapped by its parent with the suite's AEAD, a fresh one-use wrapping key and a
commitment, bound to its row. RFC 3394 key wrap is not used: it has no
associated data, so a wrapped key could be moved between patients unnoticed.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from secure_records.envelope.format import COMMITMENT_BYTES, MESSAGE_ID_BYTES
from secure_records.envelope.one_use import WRAPPED_KEY, fresh_message_id, open_once, seal_once
from secure_records.envelope.suites import Suite
from secure_records.errors import EnvelopeRefused, WrappedKeyRefused
from secure_records.keys.models import WrappedKey, binding
from shared_kernel.identifiers import Entropy

_HEAD_BYTES: Final = MESSAGE_ID_BYTES + COMMITMENT_BYTES


def wrap(
    suite: Suite, parent: bytes, secret: bytes, row: WrappedKey, entropy: Entropy
) -> WrappedKey:
    """``row`` with ``secret`` wrapped for it under ``parent``; ``row.wrapped`` is ignored."""
    message_id = fresh_message_id(entropy)
    commitment, sealed = seal_once(
        suite,
        parent,
        WRAPPED_KEY,
        message_id,
        plaintext=secret,
        aad=binding(row, suite.code),
    )
    return replace(row, wrapped=message_id + commitment + sealed)


def rewrap(suite: Suite, old: bytes, new: bytes, row: WrappedKey, message_id: bytes) -> bytes:
    """What ``row.wrapped`` becomes under another parent; the key inside stays what it is.

    Args:
        suite: Suite of both parents.
        old: The parent that opens the row now.
        new: The parent that shall open it.
        row: The row; nothing but ``wrapped`` and ``parent`` may change with it.
        message_id: 32 fresh random bytes, never used before under ``new``.

    Raises:
        WrappedKeyRefused: the row does not open under ``old``.
    """
    aad = binding(row, suite.code)
    secret = _opened(suite, old, row, aad)
    commitment, sealed = seal_once(suite, new, WRAPPED_KEY, message_id, plaintext=secret, aad=aad)
    return message_id + commitment + sealed


def unwrap(suite: Suite, parent: bytes, row: WrappedKey) -> bytes:
    """The secret of ``row``.

    Raises:
        WrappedKeyRefused: the row was altered or moved, or has another suite or parent.
    """
    return _opened(suite, parent, row, binding(row, suite.code))


def _opened(suite: Suite, parent: bytes, row: WrappedKey, aad: bytes) -> bytes:
    if row.suite != suite.name:
        raise WrappedKeyRefused(
            f"key {row.key_id} was wrapped under another suite than this home's", where=row.key_id
        )
    try:
        return open_once(
            suite,
            parent,
            WRAPPED_KEY,
            row.wrapped[:MESSAGE_ID_BYTES],
            commitment=row.wrapped[MESSAGE_ID_BYTES:_HEAD_BYTES],
            sealed=row.wrapped[_HEAD_BYTES:],
            aad=aad,
        )
    except EnvelopeRefused as error:
        raise WrappedKeyRefused(
            f"key {row.key_id} does not open in its row", where=row.key_id
        ) from error
