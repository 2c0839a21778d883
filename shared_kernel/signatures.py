"""Who vouched for these exact bytes?

Ports only: keys and algorithms live behind them. Two algorithms are named here
because everybody must spell them alike: ``ed25519`` (RFC 8032) and ``sm2-sm3``
(GB/T 32918.2 with the default identifier). A verifier raises; it never returns
a flag that a caller could forget to look at.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Protocol

from shared_kernel.errors import VerificationFailed

ED25519: Final = "ed25519"
SM2_SM3: Final = "sm2-sm3"


class SignatureInvalid(VerificationFailed):
    """The signature does not belong to these bytes and this key."""

    code = "signature.invalid"


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicKey:
    """A public key by value."""

    algorithm: str
    """``ed25519`` or ``sm2-sm3``."""

    raw: bytes
    """Ed25519: 32 bytes. SM2: 64 bytes, x then y, without the leading 04."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """A signature and the key that made it."""

    key: PublicKey
    value: bytes
    """Ed25519: 64 bytes. SM2: DER SEQUENCE of r and s (GM/T 0009)."""


class Signer(Protocol):
    """Holds one private key."""

    @property
    def public_key(self) -> PublicKey:
        """The public half."""
        ...

    def sign(self, message: bytes) -> bytes:
        """Sign ``message`` whole (hashing is the algorithm's affair)."""
        ...


class SignatureVerifier(Protocol):
    """Checks signatures of every algorithm named in this file."""

    def verify(self, key: PublicKey, message: bytes, signature: bytes) -> None:
        """Return if and only if the signature holds.

        Raises:
            SignatureInvalid: anything else, unknown algorithm included.
        """
        ...
