"""How is something sealed so that one person alone can open it?

To the public key of a recovery person: SM2 encryption in ``gm`` (GB/T 32918.4),
X25519 with HKDF in ``intl`` (RFC 7748, RFC 5869). Only a fresh 32-byte key goes
that way; the content is sealed under it by the suite, with its context.

The private half never lies in a home. The person keeps it in a file under a
passphrase that nobody else knows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import gmssl_pyx
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from secure_records.envelope.one_use import WRAPPED_KEY, fresh_message_id, open_once, seal_once
from secure_records.envelope.suites import GM, PARENT_KEY_BYTES, Suite, hkdf_expand, mac
from secure_records.errors import EnvelopeRefused, KeyMalformed, ShareRefused
from secure_records.keys.signing_keys import is_sm2_point
from shared_kernel.identifiers import Entropy

_PUBLIC_BYTES: Final = {"gm": 64, "intl": 32}
_PRIVATE_BYTES: Final = 32
_LONGEST_TRANSPORT: Final = 256
_LABEL: Final = b"jinkui person seal 1"


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedToPerson:
    """What one person can open."""

    transport: bytes
    """SM2 ciphertext of the content key, or an ephemeral X25519 public key."""

    message_id: bytes
    check: bytes
    sealed: bytes


def generate_pair(suite: Suite, entropy: Entropy) -> tuple[bytes, bytes]:
    """Pair of a fresh private key and its public half; GmSSL draws SM2 keys from the system."""
    if suite is GM:
        public, private = gmssl_pyx.sm2_key_generate()
        return private, public
    private = entropy(_PRIVATE_BYTES)
    return private, _x25519_public(private)


def require_public(suite: Suite, public: bytes) -> None:
    """Return if and only if this can be the public key of a person.

    Raises:
        KeyMalformed: wrong length, or no point of the curve.
    """
    if len(public) != _PUBLIC_BYTES[suite.name] or (suite is GM and not is_sm2_point(public)):
        raise KeyMalformed(f"no public key of a person in the suite {suite.name}")


def seal_to(
    suite: Suite, public: bytes, content: bytes, aad: bytes, entropy: Entropy
) -> SealedToPerson:
    """Seal ``content`` for the holder of ``public``, bound to ``aad``.

    Raises:
        KeyMalformed: no public key.
    """
    require_public(suite, public)
    if suite is GM:
        key = entropy(PARENT_KEY_BYTES)
        transport: bytes = gmssl_pyx.sm2_encrypt(public, key)
    else:
        ephemeral = entropy(_PRIVATE_BYTES)
        transport = _x25519_public(ephemeral)
        key = _agreed(suite, ephemeral, public, transport + public)
    message_id = fresh_message_id(entropy)
    check, sealed = seal_once(suite, key, WRAPPED_KEY, message_id, plaintext=content, aad=aad)
    return SealedToPerson(transport=transport, message_id=message_id, check=check, sealed=sealed)


def open_as(
    suite: Suite, private: bytes, public: bytes, given: SealedToPerson, aad: bytes
) -> bytes:
    """The content.

    Raises:
        ShareRefused: it is not for this person, or was altered.
    """
    try:
        key = _content_key(suite, private, public, given.transport)
        return open_once(
            suite,
            key,
            WRAPPED_KEY,
            given.message_id,
            commitment=given.check,
            sealed=given.sealed,
            aad=aad,
        )
    except (EnvelopeRefused, KeyMalformed) as error:
        raise ShareRefused("this does not open with the key of this person") from error


def _content_key(suite: Suite, private: bytes, public: bytes, transport: bytes) -> bytes:
    if suite is not GM:
        return _agreed(suite, private, transport, transport + public)
    # GmSSL complains about a malformed ciphertext on standard error; the length at
    # least is checked before it is asked.
    if not 0 < len(transport) <= _LONGEST_TRANSPORT:
        raise KeyMalformed("the sealed key has an impossible length")
    try:
        key: bytes = gmssl_pyx.sm2_decrypt(private, transport)
    except (gmssl_pyx.GmsslInnerError, gmssl_pyx.InvalidValueError) as error:
        raise KeyMalformed("the sealed key does not open") from error
    return key


def _agreed(suite: Suite, private: bytes, public: bytes, transcript: bytes) -> bytes:
    try:
        peer = X25519PublicKey.from_public_bytes(public)
        secret = X25519PrivateKey.from_private_bytes(private).exchange(peer)
    except ValueError as error:  # wrong length, or a point of low order
        raise KeyMalformed("no X25519 key") from error
    extracted = mac(suite, _LABEL.ljust(PARENT_KEY_BYTES, b"\0"), secret)
    return hkdf_expand(suite, extracted, _LABEL + transcript, PARENT_KEY_BYTES)


def _x25519_public(private: bytes) -> bytes:
    key = X25519PrivateKey.from_private_bytes(private)
    return key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
