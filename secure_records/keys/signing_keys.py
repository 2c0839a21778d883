"""Who signs, who checks, and which malformed signatures never reach a library?

Ed25519 (RFC 8032) through ``cryptography``; SM2 with SM3 (GB/T 32918.2, default
identifier) through GmSSL. GmSSL takes raw keys and trusts its caller, so what
GB/T 32918.2 7.1 demands of a verifier is checked here first: strict DER, r and
s in range, r + s not zero, the public key on the curve.

A well-formed SM2 signature that simply is the wrong one is refused by GmSSL
itself, which writes two lines about it to standard error.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import gmssl_pyx
from asn1crypto.algos import DSASignature
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.hashes import SM3, Hash
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from secure_records.errors import KeyMalformed
from shared_kernel.digests import HashFunction
from shared_kernel.identifiers import Entropy
from shared_kernel.signatures import ED25519, SM2_SM3, PublicKey, SignatureInvalid

PRIVATE_BYTES: Final = 32
_COORDINATE_BYTES: Final = 32
_LONGEST_DER: Final = 72
"""SEQUENCE of two INTEGERs of at most 33 content bytes each."""

# The curve of GB/T 32918.5: y^2 = x^3 - 3x + b over the prime field P, of order N.
_P: Final = 0xFFFFFFFE_FFFFFFFF_FFFFFFFF_FFFFFFFF_FFFFFFFF_00000000_FFFFFFFF_FFFFFFFF
_B: Final = 0x28E9FA9E_9D9F5E34_4D5A9E4B_CF6509A7_F39789F5_15AB8F92_DDBCBD41_4D940E93
_N: Final = 0xFFFFFFFE_FFFFFFFF_FFFFFFFF_FFFFFFFF_7203DF6B_21C6052B_53BBF409_39D54123


class _Sm3:
    """SM3 (GB/T 32905) as the kernel's ``HashFunction``."""

    name: Final = "sm3"

    def __call__(self, data: bytes, /) -> bytes:
        state = Hash(SM3())
        state.update(data)
        return state.finalize()


sm3_function: Final[HashFunction] = _Sm3()


class Ed25519Signer:
    """Holds one Ed25519 private key.

    Raises:
        KeyMalformed: the private key has not 32 bytes.
    """

    __slots__ = ("_private", "_public")

    def __init__(self, private: bytes) -> None:
        if len(private) != PRIVATE_BYTES:
            raise KeyMalformed(f"an Ed25519 private key has 32 bytes, got {len(private)}")
        self._private = Ed25519PrivateKey.from_private_bytes(private)
        raw = self._private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        self._public = PublicKey(algorithm=ED25519, raw=raw)

    @property
    def public_key(self) -> PublicKey:
        """The public half."""
        return self._public

    def sign(self, message: bytes) -> bytes:
        """64 bytes."""
        return self._private.sign(message)


class Sm2Signer:
    """Holds one SM2 key pair.

    The public half is an argument because GmSSL cannot compute it from the
    private one; the key table authenticates the two together.

    Raises:
        KeyMalformed: a private key out of range, a public key off the curve.
    """

    __slots__ = ("_private", "_public")

    def __init__(self, private: bytes, public: bytes) -> None:
        # GB/T 32918.1 6.1: the private key lies in [1, n - 2].
        if len(private) != PRIVATE_BYTES or not 1 <= int.from_bytes(private, "big") <= _N - 2:
            raise KeyMalformed("an SM2 private key is 32 bytes between 1 and n - 2")
        if not _on_curve(public):
            raise KeyMalformed("the SM2 public key is no point of the curve")
        self._private = private
        self._public = PublicKey(algorithm=SM2_SM3, raw=public)

    @property
    def public_key(self) -> PublicKey:
        """The public half."""
        return self._public

    def sign(self, message: bytes) -> bytes:
        """DER SEQUENCE of r and s (GM/T 0009), at most 72 bytes."""
        signature: bytes = gmssl_pyx.sm2_sign(self._private, self._public.raw, message)
        return signature


def generate_ed25519(entropy: Entropy) -> tuple[bytes, PublicKey]:
    """Pair of a fresh 32-byte private key and its public half."""
    private = entropy(PRIVATE_BYTES)
    return private, Ed25519Signer(private).public_key


def generate_sm2() -> tuple[bytes, PublicKey]:
    """Pair of a fresh 32-byte private key and its public half; GmSSL draws it from the system."""
    public, private = gmssl_pyx.sm2_key_generate()
    return private, PublicKey(algorithm=SM2_SM3, raw=public)


class Verifier:
    """Checks Ed25519 and SM2 signatures; implements the kernel's ``SignatureVerifier``."""

    __slots__ = ()

    def verify(self, key: PublicKey, message: bytes, signature: bytes) -> None:
        """Return if and only if the signature holds.

        Raises:
            SignatureInvalid: anything else, unknown algorithm included.
        """
        if key.algorithm == ED25519:
            _verify_ed25519(key.raw, message, signature)
        elif key.algorithm == SM2_SM3:
            _verify_sm2(key.raw, message, signature)
        else:
            raise SignatureInvalid("the signature algorithm is not known here")


def _verify_ed25519(public: bytes, message: bytes, signature: bytes) -> None:
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError) as error:
        raise SignatureInvalid("the signature does not hold") from error


def _verify_sm2(public: bytes, message: bytes, signature: bytes) -> None:
    # GmSSL would read a point off the curve or an r beyond n and complain on
    # standard error; both are refused here, without calling it.
    if not _on_curve(public) or not _well_formed(signature):
        raise SignatureInvalid("the signature does not hold")
    try:
        holds = gmssl_pyx.sm2_verify(public, message, signature)
    except (gmssl_pyx.GmsslInnerError, gmssl_pyx.InvalidValueError) as error:
        raise SignatureInvalid("the signature does not hold") from error
    if holds is not True:
        raise SignatureInvalid("the signature does not hold")


def is_sm2_point(public: bytes) -> bool:
    """Are these the 64 bytes of a point on the SM2 curve?"""
    return _on_curve(public)


@lru_cache(maxsize=1024)
def _on_curve(public: bytes) -> bool:
    if len(public) != 2 * _COORDINATE_BYTES:
        return False
    x = int.from_bytes(public[:_COORDINATE_BYTES], "big")
    y = int.from_bytes(public[_COORDINATE_BYTES:], "big")
    return x < _P and y < _P and (y * y - (x * x * x - 3 * x + _B)) % _P == 0


def _well_formed(signature: bytes) -> bool:
    """Strict DER of r and s, both in [1, n - 1], r + s no multiple of n (GB/T 32918.2, 7.1)."""
    if len(signature) > _LONGEST_DER:
        return False
    try:
        parsed = DSASignature.load(signature, strict=True)
        r: int = parsed["r"].native
        s: int = parsed["s"].native
        # BER has many spellings of one signature; DER has the one that is written back.
        canonical: bytes = DSASignature({"r": r, "s": s}).dump()
    except (ValueError, TypeError, KeyError):
        return False
    return canonical == signature and 0 < r < _N and 0 < s < _N and (r + s) % _N != 0
