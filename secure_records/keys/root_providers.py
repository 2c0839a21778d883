"""Who or what must be there for the root to open?

A provider makes the 32-byte key that wraps the root. What it needs again next
time, but is not secret, lies in its section of the descriptor.

``passphrase``: one person, or a file (then the home unlocks by itself: whoever has
the file has the root). ``two_persons``: both passphrases at once. Each is stretched
apart and the two are combined, so one of them alone opens nothing, cannot be tried
alone, and says nothing about the other.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping
from typing import Final, NoReturn, Protocol

from secure_records.envelope.suites import Suite, mac
from secure_records.errors import RootDescriptorRefused, RootLocked
from secure_records.keys.argon2_costs import (
    RFC_9106_LOW_MEMORY,
    SALT_BYTES,
    Argon2Parameters,
    costs_json,
    costs_of,
    require_strength,
    stretch,
)
from shared_kernel.canonical_json import Json
from shared_kernel.identifiers import Entropy

ONE_PERSON: Final = "passphrase"
TWO_PERSONS: Final = "two_persons"
SHORTEST_PASSPHRASE: Final = 8
"""Bytes; shorter ones fall to guessing whatever Argon2id costs."""

_HEX: Final = re.compile(r"([0-9a-f]{2})+\Z")


class RootProvider(Protocol):
    """One way to the key that wraps the root."""

    @property
    def name(self) -> str:
        """As the descriptor names it."""
        ...

    def fresh(self, suite: Suite, entropy: Entropy) -> tuple[dict[str, Json], bytes]:
        """Pair of a new section for the descriptor and the wrapping key that belongs to it.

        Raises:
            RootDescriptorRefused: what was given is too weak.
        """
        ...

    def wrapping_key(self, suite: Suite, section: Mapping[str, Json]) -> bytes:
        """The wrapping key of an existing section.

        Raises:
            RootDescriptorRefused: the section is malformed, or a guess is too cheap.
        """
        ...


class PassphraseProvider:
    """One passphrase.

    Args:
        passphrase: As typed, UTF-8.
        parameters: Cost of a guess for sections made here.
        profile: ``production``, or ``demo`` or ``test``, which allow weak parameters.

    Raises:
        RootDescriptorRefused: weak parameters in another profile.
    """

    __slots__ = ("_parameters", "_passphrase", "_profile")

    name: Final = ONE_PERSON

    def __init__(
        self,
        passphrase: bytes,
        parameters: Argon2Parameters = RFC_9106_LOW_MEMORY,
        *,
        profile: str = "production",
    ) -> None:
        require_strength(parameters, profile)
        self._passphrase = passphrase
        self._parameters = parameters
        self._profile = profile

    def fresh(self, suite: Suite, entropy: Entropy) -> tuple[dict[str, Json], bytes]:
        """A new salt, and what it gives.

        Raises:
            RootDescriptorRefused: the passphrase is too short.
        """
        del suite
        _require_long_enough(self._passphrase)
        salt = entropy(SALT_BYTES)
        section: dict[str, Json] = {
            "name": ONE_PERSON,
            "salt": salt.hex(),
            "kdf": costs_json(self._parameters),
        }
        return section, stretch(self._passphrase, salt, self._parameters)

    def wrapping_key(self, suite: Suite, section: Mapping[str, Json]) -> bytes:
        """The passphrase stretched with the salt and at the costs of the section."""
        del suite
        _require_section(section, ONE_PERSON, {"name", "salt", "kdf"})
        parameters = costs_of(section["kdf"])
        require_strength(parameters, self._profile)
        return stretch(self._passphrase, _salt(section, "salt"), parameters)


class TwoPersonProvider:
    """Two passphrases of two persons; both at once, in the order in which they were set.

    Raises:
        RootDescriptorRefused: weak parameters outside ``demo`` and ``test``.
    """

    __slots__ = ("_first", "_parameters", "_profile", "_second")

    name: Final = TWO_PERSONS

    def __init__(
        self,
        first: bytes,
        second: bytes,
        parameters: Argon2Parameters = RFC_9106_LOW_MEMORY,
        *,
        profile: str = "production",
    ) -> None:
        require_strength(parameters, profile)
        self._first = first
        self._second = second
        self._parameters = parameters
        self._profile = profile

    def fresh(self, suite: Suite, entropy: Entropy) -> tuple[dict[str, Json], bytes]:
        """Two new salts, and what they give together.

        Raises:
            RootDescriptorRefused: a passphrase is too short, or both are the same.
        """
        for passphrase in (self._first, self._second):
            _require_long_enough(passphrase)
        if hmac.compare_digest(self._first, self._second):
            raise RootDescriptorRefused(
                "both persons gave the same passphrase",
                hint="each person chooses a passphrase and tells nobody",
                where="passphrase",
            )
        salts = (entropy(SALT_BYTES), entropy(SALT_BYTES))
        section: dict[str, Json] = {
            "name": TWO_PERSONS,
            "salt": salts[0].hex(),
            "second_salt": salts[1].hex(),
            "kdf": costs_json(self._parameters),
        }
        return section, self._combined(suite, salts, self._parameters)

    def wrapping_key(self, suite: Suite, section: Mapping[str, Json]) -> bytes:
        """Both passphrases stretched and combined as the section says."""
        _require_section(section, TWO_PERSONS, {"name", "salt", "second_salt", "kdf"})
        parameters = costs_of(section["kdf"])
        require_strength(parameters, self._profile)
        salts = (_salt(section, "salt"), _salt(section, "second_salt"))
        return self._combined(suite, salts, parameters)

    def _combined(
        self, suite: Suite, salts: tuple[bytes, bytes], parameters: Argon2Parameters
    ) -> bytes:
        # HKDF-Extract (RFC 5869, 2.2): uniform as long as either input is unknown.
        first = stretch(self._first, salts[0], parameters)
        return mac(suite, first, stretch(self._second, salts[1], parameters))


def _require_section(section: Mapping[str, Json], name: str, keys: set[str]) -> None:
    named = section.get("name")
    if isinstance(named, str) and named != name:
        raise RootLocked(
            f"this home opens by {named}, not by {name}",
            hint="two_persons needs --passphrase-file and --second-passphrase-file",
        )
    if set(section) != keys:
        raise RootDescriptorRefused("the provider of the root descriptor is malformed")


def _require_long_enough(passphrase: bytes) -> None:
    if len(passphrase) < SHORTEST_PASSPHRASE:
        raise RootDescriptorRefused(
            f"a passphrase has at least {SHORTEST_PASSPHRASE} bytes",
            hint="choose a longer passphrase",
            where="passphrase",
        )


def _salt(section: Mapping[str, Json], field: str) -> bytes:
    salt = hex_bytes(section.get(field), field)
    if len(salt) != SALT_BYTES:
        _refuse(field)
    return salt


def hex_bytes(value: Json, field: str) -> bytes:
    """The bytes behind lower-case hex digits.

    Raises:
        RootDescriptorRefused: anything else.
    """
    if not isinstance(value, str) or _HEX.match(value) is None:
        _refuse(field)
    return bytes.fromhex(value)


def _refuse(field: str) -> NoReturn:
    raise RootDescriptorRefused(f"{field} of the root descriptor is malformed", where=field)
