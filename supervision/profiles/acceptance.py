"""May this profile be used, and in this environment?

Accepted means: schema valid, evidence stated, every golden vector reproduced
byte for byte. Production additionally refuses compatibility profiles, unverified
addresses and incomplete mappings.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from shared_kernel.canonical_json import canonical_bytes
from shared_kernel.signatures import SM2_SM3, PublicKey
from supervision.errors import ProfileRefused, SecretMissing, VectorMismatch
from supervision.profiles.document import (
    GoldenVector,
    Profile,
    parse_profile,
    shipped_profile_bytes,
)
from supervision.profiles.pipeline import Packed, PipelineInputs, run_pipeline


class Setting(StrEnum):
    """What the address stands for."""

    TEST = "test"
    PRODUCTION = "production"


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """One address of one platform, from the operator's settings."""

    setting: Setting
    base_url: str
    platform: str
    """Name of the platform instance; part of what is signed."""

    platform_key: PublicKey | None = None
    """Pinned key of signed receipts; required by profiles with signed receipts."""


def accept_profile(data: bytes) -> Profile:
    """Read a profile and prove it against its own vectors.

    Raises:
        ProfileMalformed: schema.
        VectorMismatch: a vector is not reproduced.
    """
    profile = parse_profile(data)
    for vector in profile.vectors:
        _prove(profile, vector)
    return profile


def shipped_profile(name: str) -> Profile:
    """An accepted shipped profile.

    Raises:
        ProfileRefused: none of this name.
    """
    return accept_profile(shipped_profile_bytes(name))


def require_usable(profile: Profile, environment: Environment) -> None:
    """Refuse what must not be used in this environment.

    Raises:
        ProfileRefused: names the first reason.
    """
    if profile.signed_receipts and environment.platform_key is None:
        raise ProfileRefused(f"{profile.id} needs the platform's pinned public key")
    if environment.setting is Setting.TEST:
        return
    if profile.compatibility_only:
        raise ProfileRefused(f"{profile.id} is for compatibility tests and not for production")
    if not environment.base_url.startswith("https://"):
        raise ProfileRefused("production needs an https address")


def require_mapped(profile: Profile, resource: str, environment: Environment) -> None:
    """Refuse an incomplete mapping in production.

    Raises:
        ProfileRefused: the mapping is missing or, in production, incomplete.
    """
    mapping = profile.mapping(resource)
    if environment.setting is Setting.PRODUCTION and not mapping.complete:
        raise ProfileRefused(
            f"the mapping of {resource} in {profile.id} is incomplete",
            hint="complete it from the platform's current interface document",
        )


def _prove(profile: Profile, vector: GoldenVector) -> None:
    message = canonical_bytes(json.loads(vector.message)) if vector.message else b""
    packed = run_pipeline(
        profile,
        PipelineInputs(
            rows=tuple(vector.rows),
            message=message,
            attachments=(),
            variables=vector.variables,
        ),
        _VectorSecrets(vector.secrets),
        _VectorSigner(bytes.fromhex(vector.signature)),
        _VectorEntropy(bytes.fromhex(vector.entropy)),
    )
    if not _agrees(packed, vector):
        raise VectorMismatch(f"{profile.id} does not reproduce its vector {vector.name!r}")


def _agrees(packed: Packed, vector: GoldenVector) -> bool:
    expect = vector.expect
    if expect.body is None and not expect.headers and not expect.slots:
        return False
    return (
        (expect.body is None or packed.body == expect.body.encode())
        and all(packed.headers.get(name) == value for name, value in expect.headers.items())
        and all(packed.slots.get(name) == value.encode() for name, value in expect.slots.items())
    )


class _VectorSecrets:
    """The dummy secrets of a vector."""

    def __init__(self, secrets: Mapping[str, str]) -> None:
        self._secrets = secrets

    def secret(self, name: str) -> bytes:
        value = self._secrets.get(name)
        if value is None:
            raise SecretMissing(f"the vector has no secret {name!r}")
        return bytes.fromhex(value[4:]) if value.startswith("hex:") else value.encode()


class _VectorEntropy:
    """The recorded random bytes of a vector, in order."""

    def __init__(self, recorded: bytes) -> None:
        self._rest = recorded

    def __call__(self, count: int, /) -> bytes:
        if len(self._rest) < count:
            raise VectorMismatch("the vector records too few random bytes")
        taken, self._rest = self._rest[:count], self._rest[count:]
        return taken


class _VectorSigner:
    """Returns the recorded signature: SM2 signing is randomised, its bytes cannot be recomputed."""

    def __init__(self, signature: bytes) -> None:
        self._signature = signature

    @property
    def public_key(self) -> PublicKey:
        return PublicKey(algorithm=SM2_SM3, raw=bytes(64))

    def sign(self, message: bytes) -> bytes:
        del message
        return self._signature
