"""What does one guess at a passphrase cost, and is that enough for this profile?

Argon2id (RFC 9106). The costs stand in clear in the root descriptor; they are
checked before they are paid, upwards and downwards.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from argon2.low_level import ARGON2_VERSION, Type, hash_secret_raw

from secure_records.envelope.suites import PARENT_KEY_BYTES
from secure_records.errors import RootDescriptorRefused
from shared_kernel.canonical_json import Json

SALT_BYTES: Final = 32

_LARGEST_KIB: Final = 4 * 1024 * 1024
_MOST_PASSES: Final = 64
_MOST_LANES: Final = 64
_WEAK_PROFILES: Final = frozenset(("demo", "test"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Argon2Parameters:
    """Costs of one guess."""

    memory_kib: int
    passes: int
    lanes: int

    def at_least(self, floor: Argon2Parameters) -> bool:
        """Is a guess at least as costly as under ``floor``?"""
        return self.memory_kib >= floor.memory_kib and self.passes >= floor.passes


RFC_9106_LOW_MEMORY: Final = Argon2Parameters(memory_kib=64 * 1024, passes=3, lanes=4)
"""The second recommended option of RFC 9106, 4: t=3, p=4, m=2^16 KiB (64 MiB)."""

TESTING: Final = Argon2Parameters(memory_kib=64, passes=1, lanes=1)
"""Instant and worthless. Refused outside the profiles ``demo`` and ``test``."""


def require_strength(parameters: Argon2Parameters, profile: str) -> None:
    """Return if and only if these costs do for the profile.

    Raises:
        RootDescriptorRefused: they are for tests and demos.
    """
    if not parameters.at_least(RFC_9106_LOW_MEMORY) and profile not in _WEAK_PROFILES:
        raise RootDescriptorRefused(
            f"these Argon2id costs are for tests and demos, not for the profile {profile!r}",
            hint="make the root anew with the recommended costs",
            where="kdf",
        )


def costs_json(parameters: Argon2Parameters) -> dict[str, Json]:
    """The costs as a descriptor says them."""
    return {
        "name": "argon2id",
        "version": ARGON2_VERSION,
        "memory_kib": parameters.memory_kib,
        "passes": parameters.passes,
        "lanes": parameters.lanes,
    }


def costs_of(kdf: Json) -> Argon2Parameters:
    """The costs that a descriptor says.

    Raises:
        RootDescriptorRefused: malformed, another function, or dearer than any machine pays.
    """
    known = {"name", "version", "memory_kib", "passes", "lanes"}
    if not isinstance(kdf, Mapping) or set(kdf) != known:
        raise RootDescriptorRefused("kdf of the root descriptor is malformed", where="kdf")
    if kdf["name"] != "argon2id" or kdf["version"] != ARGON2_VERSION:
        raise RootDescriptorRefused("kdf of the root descriptor is not known here", where="kdf")
    memory, passes, lanes = kdf["memory_kib"], kdf["passes"], kdf["lanes"]
    # Upper bounds: an altered descriptor must not exhaust the machine before it is refused.
    if not (
        type(memory) is int
        and type(passes) is int
        and type(lanes) is int
        and 1 <= lanes <= _MOST_LANES
        and 8 * lanes <= memory <= _LARGEST_KIB
        and 1 <= passes <= _MOST_PASSES
    ):
        raise RootDescriptorRefused("kdf costs of the root descriptor are malformed", where="kdf")
    return Argon2Parameters(memory_kib=memory, passes=passes, lanes=lanes)


def stretch(passphrase: bytes, salt: bytes, parameters: Argon2Parameters) -> bytes:
    """32 bytes from a passphrase, at this cost."""
    return hash_secret_raw(
        secret=passphrase,
        salt=salt,
        time_cost=parameters.passes,
        memory_cost=parameters.memory_kib,
        parallelism=parameters.lanes,
        hash_len=PARENT_KEY_BYTES,
        type=Type.ID,
    )
