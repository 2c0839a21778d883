"""Which key seals this one recording and never another?

From the data key, 32 fresh random bytes and the whole binding (header and place),
HKDF-Expand gives a file key and a commitment. Because the binding goes into the
derivation, the commitment answers for header and place too: whatever of them was
altered is found before a single chunk is decrypted.
"""

from __future__ import annotations

from typing import Final

from secure_records.envelope.format import COMMITMENT_BYTES
from secure_records.envelope.suites import PARENT_KEY_BYTES, Suite, hkdf_expand
from secure_records.errors import KeyMalformed

_LABEL: Final = b"JK1"
_PURPOSE: Final = b"med"


def derive_file_key(
    suite: Suite, dek: bytes, message_id: bytes, binding: bytes
) -> tuple[bytes, bytes]:
    """Pair of cipher key and 32-byte commitment.

    Raises:
        KeyMalformed: the data key has not 32 bytes.
    """
    if len(dek) != PARENT_KEY_BYTES:
        raise KeyMalformed(f"a parent key has {PARENT_KEY_BYTES} bytes, got {len(dek)}")
    # Label, suite, purpose and message id have fixed lengths and the binding carries its own:
    # no two inputs give the same bytes, and none meets the input of a record key.
    info = _LABEL + bytes((suite.code,)) + _PURPOSE + message_id + binding
    material = hkdf_expand(suite, dek, info, suite.key_bytes + COMMITMENT_BYTES)
    return material[: suite.key_bytes], material[suite.key_bytes :]
