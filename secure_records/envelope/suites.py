"""Which algorithms belong together, and how is each called safely?

Two suites, never mixed inside one envelope: ``gm`` (SM4-GCM, HMAC-SM3) and
``intl`` (AES-256-GCM, HMAC-SHA-256). The primitives come from ``cryptography``;
this file fixes what they leave open: 12-byte nonces, 16-byte tags, and no byte
of plaintext before the tag has been checked.

It holds no key hierarchy and no layout. A new suite is a new instance here, a
row in the format document and a set of vectors.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal, TypeAlias

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.ciphers.algorithms import SM4
from cryptography.hazmat.primitives.hashes import SHA256, SM3, Hash
from cryptography.hazmat.primitives.hmac import HMAC

from secure_records.errors import ContextRefused, EnvelopeRefused, KeyMalformed, UnknownSuite
from shared_kernel.digests import DIGEST_BYTES, HashFunction

SuiteName: TypeAlias = Literal["gm", "intl"]

NONCE_BYTES: Final = 12
"""The only nonce length: others make GCM hash the nonce, with worse bounds."""

TAG_BYTES: Final = 16
"""The only tag length: GCM with short tags is forgeable (NIST SP 800-38D, appendix C)."""

PARENT_KEY_BYTES: Final = 32
"""Length of every key that others are derived from, in both suites (RFC 5869, 2.3)."""

_KEYED_STATES: Final = 4096
"""Keyed hash states held ready; one is a few hundred bytes."""

_LONGEST_EXPANSION: Final = 255 * DIGEST_BYTES

_OCTETS: Final = tuple(bytes((value,)) for value in range(256))

_HASHES: Final[dict[str, SHA256 | SM3]] = {"sha256": SHA256(), "sm3": SM3()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Suite:
    """Algorithms that are used as a set."""

    code: int
    """The byte that stands for the suite in every format."""

    name: SuiteName

    key_bytes: int
    """Key length of the cipher: 16 for SM4, 32 for AES-256."""

    hash_name: Literal["sm3", "sha256"]
    """Hash under HMAC and HKDF."""


GM: Final = Suite(code=1, name="gm", key_bytes=16, hash_name="sm3")
"""GB/T 32907 SM4 in GCM (RFC 8998), GB/T 32905 SM3."""

INTL: Final = Suite(code=2, name="intl", key_bytes=32, hash_name="sha256")
"""FIPS 197 AES-256 in GCM (SP 800-38D), FIPS 180-4 SHA-256."""

_BY_NAME: Final[dict[str, Suite]] = {suite.name: suite for suite in (GM, INTL)}
_BY_CODE: Final[dict[int, Suite]] = {suite.code: suite for suite in (GM, INTL)}


def suite_named(name: str) -> Suite:
    """The suite called ``gm`` or ``intl``.

    Raises:
        UnknownSuite: another name.
    """
    found = _BY_NAME.get(name)
    if found is None:
        raise UnknownSuite(f"no suite is named {name!r}", where="suite")
    return found


def suite_coded(code: int) -> Suite:
    """The suite with this byte.

    Raises:
        UnknownSuite: another code.
    """
    found = _BY_CODE.get(code)
    if found is None:
        raise UnknownSuite(f"no suite has the code {code}", where="suite")
    return found


@lru_cache(maxsize=_KEYED_STATES)
def _keyed(hash_name: str, key: bytes) -> HMAC:
    # Copying a keyed state costs half of keying a new one, and every record of
    # one patient is derived from the same key. Callers only ever copy.
    return HMAC(key, _HASHES[hash_name])


def forget_keyed_states() -> None:
    """Drop all keyed states held ready; call it when keys are destroyed."""
    _keyed.cache_clear()


def mac(suite: Suite, key: bytes, data: bytes) -> bytes:
    """HMAC of ``data``: 32 bytes (RFC 2104 with the suite's hash)."""
    state = _keyed(suite.hash_name, key).copy()
    state.update(data)
    return state.finalize()


def hkdf_expand(suite: Suite, key: bytes, info: bytes, length: int) -> bytes:
    """HKDF-Expand (RFC 5869, 2.3): ``length`` bytes bound to ``info``.

    There is no extract step: every parent key is uniformly random already.

    Raises:
        KeyMalformed: a parent key shorter than the hash, or a length HKDF cannot give.
    """
    if len(key) < PARENT_KEY_BYTES or not 0 < length <= _LONGEST_EXPANSION:
        raise KeyMalformed(f"cannot derive {length} bytes from a key of {len(key)}")
    keyed = _keyed(suite.hash_name, key)
    block = output = b""
    for counter in range(1, 2 + (length - 1) // DIGEST_BYTES):
        state = keyed.copy()
        state.update(block + info + _OCTETS[counter])
        block = state.finalize()
        output += block
    return output[:length]


def aead_seal(suite: Suite, key: bytes, nonce: bytes, plaintext: bytes, aad: bytes) -> bytes:
    """Encrypt and authenticate: ciphertext followed by a 16-byte tag.

    Raises:
        KeyMalformed: the key has not the suite's length.
        ContextRefused: the nonce is not 12 bytes.
    """
    _require_key(suite, key)
    if len(nonce) != NONCE_BYTES:
        raise ContextRefused(f"the nonce has {len(nonce)} bytes, not {NONCE_BYTES}", where="nonce")
    if suite is INTL:
        return AESGCM(key).encrypt(nonce, plaintext, aad)
    encryptor = Cipher(SM4(key), modes.GCM(nonce)).encryptor()
    encryptor.authenticate_additional_data(aad)
    # finalize() returns nothing for GCM; it fixes the tag.
    ciphertext = encryptor.update(plaintext) + encryptor.finalize()
    return ciphertext + encryptor.tag


def aead_open(suite: Suite, key: bytes, nonce: bytes, sealed: bytes, aad: bytes) -> bytes:
    """Check the tag, then return the plaintext.

    Raises:
        KeyMalformed: the key has not the suite's length.
        EnvelopeRefused: anything does not hold; nothing is released.
    """
    _require_key(suite, key)
    if len(nonce) != NONCE_BYTES or len(sealed) < TAG_BYTES:
        raise EnvelopeRefused("the sealed bytes do not open")
    try:
        if suite is INTL:
            return AESGCM(key).decrypt(nonce, sealed, aad)
        ciphertext, tag = sealed[:-TAG_BYTES], sealed[-TAG_BYTES:]
        decryptor = Cipher(SM4(key), modes.GCM(nonce, tag, TAG_BYTES)).decryptor()
        decryptor.authenticate_additional_data(aad)
        # The streaming decryptor hands out plaintext before it has seen the tag.
        # It stays in this frame until finalize() has compared the tag.
        unverified = decryptor.update(ciphertext)
        return unverified + decryptor.finalize()
    except InvalidTag as error:
        raise EnvelopeRefused("the sealed bytes do not open") from error


def _require_key(suite: Suite, key: bytes) -> None:
    if len(key) != suite.key_bytes:
        raise KeyMalformed(f"a {suite.name} cipher key has {suite.key_bytes} bytes, got {len(key)}")


@dataclass(frozen=True, slots=True)
class _SuiteHash:
    name: str

    def __call__(self, data: bytes, /) -> bytes:
        state = Hash(_HASHES[self.name])
        state.update(data)
        return state.finalize()


def hash_function(suite: Suite) -> HashFunction:
    """The suite's plain hash, for digests that say their algorithm."""
    return _SuiteHash(suite.hash_name)
