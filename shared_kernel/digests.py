"""What is the fingerprint of these bytes, and do two fingerprints agree?

A digest always names its algorithm: ``sha256:…`` or ``sm3:…``. SHA-256 is
computed here; SM3 comes in as a ``HashFunction`` because the standard library
does not guarantee it.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from dataclasses import dataclass
from typing import Final, Protocol

from shared_kernel.errors import BadInput, VerificationFailed

DIGEST_BYTES: Final = 32
"""Both SHA-256 and SM3 give 32 bytes."""

_SHAPE: Final = re.compile(r"(sha256|sm3):([0-9a-f]{64})\Z")


class MalformedDigest(BadInput, ValueError):
    """The text is no algorithm-tagged digest."""

    code = "digest.malformed"
    default_hint = "write it as sha256:<64 hex digits> or sm3:<64 hex digits>"


class DigestMismatch(VerificationFailed):
    """The bytes are not the bytes that were fingerprinted."""

    code = "digest.mismatch"


class HashFunction(Protocol):
    """A named hash with a 32-byte result."""

    @property
    def name(self) -> str:
        """``sha256`` or ``sm3``."""
        ...

    def __call__(self, data: bytes, /) -> bytes:
        """The 32-byte hash of ``data``."""
        ...


@dataclass(frozen=True, slots=True)
class Digest:
    """An algorithm-tagged fingerprint."""

    algorithm: str
    value: bytes

    def __str__(self) -> str:
        """``sha256:…`` or ``sm3:…`` in lower-case hex."""
        return f"{self.algorithm}:{self.value.hex()}"


def sha256(data: bytes) -> Digest:
    """The SHA-256 fingerprint of ``data``."""
    return Digest("sha256", hashlib.sha256(data).digest())


def digest_with(function: HashFunction, data: bytes) -> Digest:
    """The fingerprint of ``data`` under any port."""
    return Digest(function.name, function(data))


def parse_digest(text: str, field: str) -> Digest:
    """Read ``algorithm:hex``.

    Raises:
        MalformedDigest: another shape or algorithm.
    """
    found = _SHAPE.match(text)
    if found is None:
        raise MalformedDigest(f"{field} is not a tagged digest", where=field)
    return Digest(found[1], bytes.fromhex(found[2]))


def require_equal(expected: bytes, actual: bytes, what: str) -> None:
    """Compare in constant time.

    Raises:
        DigestMismatch: the two differ; ``what`` names them in the message.
    """
    if not hmac.compare_digest(expected, actual):
        raise DigestMismatch(f"{what}: digest does not match")
