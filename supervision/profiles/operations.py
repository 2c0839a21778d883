"""Which steps may a profile's pipeline consist of?

A closed set: a profile names them and fills in parameters, it never brings
program text. Slots: ``body``, ``header.NAME`` and ``slot.NAME``.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

from supervision.profiles.algorithms import Encoding, Padding


class _Step(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="op"):
    """A step; unknown parameters are refused."""


class SecretKey(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A secret by name and how its text becomes key bytes."""

    secret: str
    encoding: Literal["hex", "text", "raw"]


class JsonStep(_Step, frozen=True, kw_only=True, tag="json"):
    """Write JSON into a slot: the mapped rows, or an object of other slots."""

    target: str = msgspec.field(name="as")
    of: Literal["rows", "slots"] = "rows"
    members: dict[str, str] = {}
    """For ``slots``: member name → slot, read as text; written in canonical form."""


class PackageStep(_Step, frozen=True, kw_only=True, tag="package"):
    """Canonical message, attachments, sender and receiver as one canonical JSON text."""

    target: str = msgspec.field(name="as")
    format: str


class Sm4CbcStep(_Step, frozen=True, kw_only=True, tag="sm4_cbc"):
    """SM4-CBC; compatibility only."""

    of: str = "body"
    key: SecretKey
    iv: SecretKey
    padding: Padding
    out: Encoding
    target: str = msgspec.field(name="as", default="body")


class AesEcbStep(_Step, frozen=True, kw_only=True, tag="aes_ecb"):
    """AES-ECB; compatibility only."""

    of: str = "body"
    key: SecretKey
    padding: Padding
    out: Encoding
    target: str = msgspec.field(name="as", default="body")


class Sm4GcmStep(_Step, frozen=True, kw_only=True, tag="sm4_gcm"):
    """SM4-GCM with a random nonce in front; header values are bound as associated data."""

    of: str = "body"
    key: SecretKey
    bind: list[str]
    """Header names, bound as ``lower-case-name:value`` lines sorted by name."""

    out: Encoding
    target: str = msgspec.field(name="as", default="body")


class DigestStep(_Step, frozen=True, kw_only=True, tag="digest"):
    """A fingerprint of a slot."""

    algo: Literal["md5", "sm3", "sha256"]
    of: str
    out: Encoding
    target: str = msgspec.field(name="as")


class HmacStep(_Step, frozen=True, kw_only=True, tag="hmac"):
    """A keyed fingerprint of a slot."""

    algo: Literal["sha256", "sm3"]
    key: SecretKey
    of: str
    out: Encoding
    target: str = msgspec.field(name="as")


class HeadersStep(_Step, frozen=True, kw_only=True, tag="headers"):
    """Set headers; ``$name`` stands for a variable or a text secret."""

    set: dict[str, str]


class SignHeadersStep(_Step, frozen=True, kw_only=True, tag="sign_headers"):
    """A digest, keyed digest or signature over chosen headers."""

    algo: Literal["sm3", "hmac_sha256", "hmac_sm3", "sm2"]
    key: SecretKey | None = None
    include: list[str]
    join: str = "&"
    out: Encoding
    target: str = msgspec.field(name="as")
    list_as: str | None = None


class Sm2SignStep(_Step, frozen=True, kw_only=True, tag="sm2_sign"):
    """A detached SM2 signature by the institution's key over a slot."""

    of: str
    out: Encoding
    target: str = msgspec.field(name="as")


Step: TypeAlias = (
    JsonStep
    | PackageStep
    | Sm4CbcStep
    | AesEcbStep
    | Sm4GcmStep
    | DigestStep
    | HmacStep
    | HeadersStep
    | SignHeadersStep
    | Sm2SignStep
)
