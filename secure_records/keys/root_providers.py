"""Where does the root key come from, and how is a wrong passphrase told from damage?

The root is 32 random bytes, wrapped under a key that Argon2id (RFC 9106) makes
from a passphrase. The descriptor holds everything but the passphrase and lies in
the home, in clear. Changing the passphrase writes a new descriptor; the root,
and all that hangs on it, stays as it is.

Hardware and key services will be further providers beside this one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, NoReturn

from argon2.low_level import ARGON2_VERSION, Type, hash_secret_raw

from secure_records.envelope.one_use import WRAPPED_KEY, fresh_message_id, open_once, seal_once
from secure_records.envelope.suites import PARENT_KEY_BYTES, Suite, hkdf_expand, suite_named
from secure_records.errors import (
    EnvelopeRefused,
    RootDescriptorRefused,
    RootLocked,
    UnknownSuite,
)
from shared_kernel.canonical_json import Json, canonical_bytes
from shared_kernel.identifiers import Entropy
from shared_kernel.instants import instant_text

FORMAT: Final = "jinkui-root/1"
PROVIDER: Final = "passphrase"
SHORTEST_PASSPHRASE: Final = 8
"""Bytes; shorter ones fall to guessing whatever Argon2id costs."""

_SALT_BYTES: Final = 32
_HEX: Final = re.compile(r"([0-9a-f]{2})+\Z")
_LARGEST_KIB: Final = 4 * 1024 * 1024
_MOST_PASSES: Final = 64
_MOST_LANES: Final = 64
_SEALED_FIELDS: Final = ("message_id", "check", "sealed_root")
_DESCRIPTOR_KEYS: Final = frozenset(
    ("format", "provider", "suite", "created_at", "salt", "kdf", *_SEALED_FIELDS)
)
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


class PassphraseRoot:
    """Makes and opens roots under a passphrase.

    Args:
        parameters: Cost of a guess for descriptors made here.
        profile: ``production``, or ``demo`` or ``test``, which allow weak parameters.

    Raises:
        RootDescriptorRefused: weak parameters in another profile.
    """

    __slots__ = ("_parameters", "_profile")

    def __init__(
        self, parameters: Argon2Parameters = RFC_9106_LOW_MEMORY, *, profile: str = "production"
    ) -> None:
        _require_strength(parameters, profile)
        self._parameters = parameters
        self._profile = profile

    def create(
        self, suite: Suite, passphrase: bytes, entropy: Entropy, at: datetime
    ) -> tuple[dict[str, Json], bytes]:
        """Pair of the descriptor of a fresh root (JSON for the home) and the root itself."""
        root = entropy(PARENT_KEY_BYTES)
        return self.seal_root(suite, root, passphrase, entropy, at), root

    def seal_root(
        self, suite: Suite, root: bytes, passphrase: bytes, entropy: Entropy, at: datetime
    ) -> dict[str, Json]:
        """A descriptor of an existing root, for a new passphrase.

        Raises:
            RootDescriptorRefused: the passphrase is too short.
        """
        if len(passphrase) < SHORTEST_PASSPHRASE:
            raise RootDescriptorRefused(
                f"a passphrase has at least {SHORTEST_PASSPHRASE} bytes",
                hint="choose a longer passphrase",
                where="passphrase",
            )
        salt = entropy(_SALT_BYTES)
        clear: dict[str, Json] = {
            "format": FORMAT,
            "provider": PROVIDER,
            "suite": suite.name,
            "created_at": instant_text(at),
            "salt": salt.hex(),
            "kdf": {
                "name": "argon2id",
                "version": ARGON2_VERSION,
                "memory_kib": self._parameters.memory_kib,
                "passes": self._parameters.passes,
                "lanes": self._parameters.lanes,
            },
        }
        message_id = fresh_message_id(entropy)
        check, sealed = seal_once(
            suite,
            _stretch(passphrase, salt, self._parameters),
            WRAPPED_KEY,
            message_id,
            plaintext=root,
            aad=canonical_bytes(clear),
        )
        return clear | {
            "message_id": message_id.hex(),
            "check": check.hex(),
            "sealed_root": sealed.hex(),
        }

    def unlock(self, descriptor: Mapping[str, Json], passphrase: bytes) -> bytes:
        """The 32-byte root of ``descriptor``.

        Raises:
            RootDescriptorRefused: a part is missing or malformed, or a guess is too cheap.
            RootLocked: wrong passphrase, or a descriptor that was altered.
        """
        return unlock_root(descriptor, passphrase, profile=self._profile)


def unlock_root(
    descriptor: Mapping[str, Json], passphrase: bytes, *, profile: str = "production"
) -> bytes:
    """The 32-byte root of ``descriptor``.

    Raises:
        RootDescriptorRefused: a part is missing or malformed, or a guess is too cheap.
        RootLocked: wrong passphrase, or a descriptor that was altered.
    """
    if frozenset(descriptor) != _DESCRIPTOR_KEYS:
        raise RootDescriptorRefused("the root descriptor lacks a part or has one too many")
    if descriptor["format"] != FORMAT or descriptor["provider"] != PROVIDER:
        raise RootDescriptorRefused("the root descriptor has another format or provider")
    suite = _suite(descriptor)
    parameters = _parameters(descriptor["kdf"])
    _require_strength(parameters, profile)
    salt = _hex(descriptor, "salt")
    if len(salt) != _SALT_BYTES:
        _refuse("salt")
    clear = {name: value for name, value in descriptor.items() if name not in _SEALED_FIELDS}
    try:
        return open_once(
            suite,
            _stretch(passphrase, salt, parameters),
            WRAPPED_KEY,
            _hex(descriptor, "message_id"),
            commitment=_hex(descriptor, "check"),
            sealed=_hex(descriptor, "sealed_root"),
            aad=canonical_bytes(clear),
        )
    except EnvelopeRefused as error:
        raise RootLocked("the root key does not open with this passphrase") from error


def descriptor_suite(descriptor: Mapping[str, Json]) -> Suite:
    """The suite of the home that ``descriptor`` belongs to; authenticated once it unlocks.

    Raises:
        RootDescriptorRefused: it names none known here.
    """
    return _suite(descriptor)


def keys_file_key(suite: Suite, root: bytes) -> bytes:
    """The 32-byte raw key of the key file, derived from the root.

    The key file cannot hold its own key, so this one is not random but derived.
    """
    return hkdf_expand(suite, root, b"keys.db file", PARENT_KEY_BYTES)


def _suite(descriptor: Mapping[str, Json]) -> Suite:
    try:
        return suite_named(str(descriptor.get("suite")))
    except UnknownSuite as error:
        raise RootDescriptorRefused(
            "the root descriptor names no suite known here", where="suite"
        ) from error


def _hex(descriptor: Mapping[str, Json], field: str) -> bytes:
    value = descriptor[field]
    if not isinstance(value, str) or _HEX.match(value) is None:
        _refuse(field)
    return bytes.fromhex(value)


def _refuse(field: str) -> NoReturn:
    raise RootDescriptorRefused(f"{field} of the root descriptor is malformed", where=field)


def _parameters(kdf: Json) -> Argon2Parameters:
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


def _require_strength(parameters: Argon2Parameters, profile: str) -> None:
    if not parameters.at_least(RFC_9106_LOW_MEMORY) and profile not in _WEAK_PROFILES:
        raise RootDescriptorRefused(
            f"these Argon2id costs are for tests and demos, not for the profile {profile!r}",
            hint="make the root anew with the recommended costs",
            where="kdf",
        )


def _stretch(passphrase: bytes, salt: bytes, parameters: Argon2Parameters) -> bytes:
    return hash_secret_raw(
        secret=passphrase,
        salt=salt,
        time_cost=parameters.passes,
        memory_cost=parameters.memory_kib,
        parallelism=parameters.lanes,
        hash_len=PARENT_KEY_BYTES,
        type=Type.ID,
    )
