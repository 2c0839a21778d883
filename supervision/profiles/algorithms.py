"""What do the named algorithms of platform profiles compute?

Thin names over ``cryptography``. MD5, ECB and CBC without authentication are
here because platforms demand them (compatibility only, see the README); nothing
of our own storage or audit uses this file.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from supervision.errors import PipelineFailed, SecretMissing

BLOCK: Final = 16
NONCE_BYTES: Final = 12
TAG_BYTES: Final = 16
SM4_KEY_BYTES: Final = 16
_ISO_MARK: Final = b"\x80"


class Padding(StrEnum):
    """How the last block is filled."""

    ISO7816_4 = "iso7816-4"
    """One byte 80, then zeros (ISO/IEC 7816-4)."""

    PKCS7 = "pkcs7"


class Encoding(StrEnum):
    """How bytes become what stands in a slot."""

    HEX_LOWER = "hex_lower"
    HEX_UPPER = "hex_upper"
    BASE64 = "base64"
    RAW = "raw"


class Sm3:
    """SM3 (GB/T 32905) as a hash port."""

    name: Final = "sm3"

    def __call__(self, data: bytes, /) -> bytes:
        """The 32-byte SM3 of ``data``."""
        state = hashes.Hash(hashes.SM3())
        state.update(data)
        return state.finalize()


SM3: Final = Sm3()


def _md5(data: bytes) -> bytes:
    return hashlib.md5(data, usedforsecurity=False).digest()


def _sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


DIGESTS: Final[Mapping[str, Callable[[bytes], bytes]]] = {
    "md5": _md5,
    "sm3": SM3,
    "sha256": _sha256,
}


def keyed_digest(name: str, key: bytes, data: bytes) -> bytes:
    """HMAC-SHA256 or HMAC-SM3 (RFC 2104 over a 64-byte block)."""
    if name == "sha256":
        return hmac.new(key, data, hashlib.sha256).digest()
    block = 64
    padded = (SM3(key) if len(key) > block else key).ljust(block, b"\0")
    inner = SM3(bytes(byte ^ 0x36 for byte in padded) + data)
    return SM3(bytes(byte ^ 0x5C for byte in padded) + inner)


def pad(data: bytes, padding: Padding) -> bytes:
    """Fill to whole blocks."""
    missing = BLOCK - len(data) % BLOCK
    if padding is Padding.PKCS7:
        return data + bytes([missing]) * missing
    return data + _ISO_MARK + bytes(missing - 1)


def unpad(data: bytes, padding: Padding) -> bytes:
    """Undo ``pad``.

    Raises:
        PipelineFailed: the filling is not of this kind.
    """
    if data and len(data) % BLOCK == 0:
        if padding is Padding.PKCS7:
            count = data[-1]
            if 1 <= count <= BLOCK and data.endswith(bytes([count]) * count):
                return data[:-count]
        else:
            stripped = data.rstrip(b"\0")
            if stripped.endswith(_ISO_MARK) and len(data) - len(stripped) < BLOCK:
                return stripped[:-1]
    raise PipelineFailed("the padding of the last block does not hold")


def sm4_cbc_encrypt(key: bytes, iv: bytes, data: bytes, padding: Padding) -> bytes:
    """SM4-CBC; no authentication: compatibility only."""
    step = Cipher(algorithms.SM4(_sized(key, SM4_KEY_BYTES)), modes.CBC(_sized(iv, BLOCK)))
    encryptor = step.encryptor()
    return encryptor.update(pad(data, padding)) + encryptor.finalize()


def sm4_cbc_decrypt(key: bytes, iv: bytes, data: bytes, padding: Padding) -> bytes:
    """Undo ``sm4_cbc_encrypt``."""
    step = Cipher(algorithms.SM4(_sized(key, SM4_KEY_BYTES)), modes.CBC(_sized(iv, BLOCK)))
    decryptor = step.decryptor()
    return unpad(decryptor.update(_whole(data)) + decryptor.finalize(), padding)


def aes_ecb_encrypt(key: bytes, data: bytes, padding: Padding) -> bytes:
    """AES-ECB; equal blocks show: compatibility only."""
    encryptor = Cipher(_aes(key), modes.ECB()).encryptor()  # noqa: S305  # demanded by the platform
    return encryptor.update(pad(data, padding)) + encryptor.finalize()


def aes_ecb_decrypt(key: bytes, data: bytes, padding: Padding) -> bytes:
    """Undo ``aes_ecb_encrypt``."""
    decryptor = Cipher(_aes(key), modes.ECB()).decryptor()  # noqa: S305  # demanded by the platform
    return unpad(decryptor.update(_whole(data)) + decryptor.finalize(), padding)


def sm4_gcm_seal(key: bytes, nonce: bytes, data: bytes, associated: bytes) -> bytes:
    """``nonce ‖ ciphertext ‖ tag``; the nonce must never repeat under a key."""
    step = Cipher(algorithms.SM4(_sized(key, SM4_KEY_BYTES)), modes.GCM(_sized(nonce, NONCE_BYTES)))
    encryptor = step.encryptor()
    encryptor.authenticate_additional_data(associated)
    return nonce + encryptor.update(data) + encryptor.finalize() + encryptor.tag


def sm4_gcm_open(key: bytes, sealed: bytes, associated: bytes) -> bytes:
    """Undo ``sm4_gcm_seal``.

    Raises:
        PipelineFailed: key, bytes or associated data differ; nothing is released.
    """
    if len(sealed) < NONCE_BYTES + TAG_BYTES:
        raise PipelineFailed("the sealed body is too short")
    nonce, tag = sealed[:NONCE_BYTES], sealed[-TAG_BYTES:]
    step = Cipher(algorithms.SM4(_sized(key, SM4_KEY_BYTES)), modes.GCM(nonce, tag))
    decryptor = step.decryptor()
    decryptor.authenticate_additional_data(associated)
    try:
        return decryptor.update(sealed[NONCE_BYTES:-TAG_BYTES]) + decryptor.finalize()
    except InvalidTag as error:
        raise PipelineFailed("the sealed body does not open") from error


def encoded(data: bytes, encoding: Encoding) -> bytes:
    """``data`` as it stands in a slot."""
    if encoding is Encoding.RAW:
        return data
    if encoding is Encoding.BASE64:
        return base64.b64encode(data)
    text = data.hex()
    return (text.upper() if encoding is Encoding.HEX_UPPER else text).encode()


def _aes(key: bytes) -> algorithms.AES:
    if len(key) not in {16, 24, 32}:
        raise SecretMissing("the AES key has the wrong length")
    return algorithms.AES(key)


def _sized(value: bytes, size: int) -> bytes:
    if len(value) != size:
        raise SecretMissing(f"a key or start value must have {size} bytes")
    return value


def _whole(data: bytes) -> bytes:
    if len(data) % BLOCK:
        raise PipelineFailed("the ciphertext does not fill whole blocks")
    return data
