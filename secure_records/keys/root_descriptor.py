"""What lies in ``keys/root.json``, and which root does it open?

The root is 32 random bytes, wrapped under a key that a provider makes. The
descriptor holds everything but what the provider asks for; it lies in the home,
in clear, and every part of it is checked or authenticated.

The raw key of the key file cannot lie in that file. It is random and lies here,
wrapped by the root: a new root takes it over, so the file need not be written anew.
In format 1, which is still read, it was derived from the root.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from secure_records.envelope.one_use import WRAPPED_KEY, fresh_message_id, open_once, seal_once
from secure_records.envelope.suites import PARENT_KEY_BYTES, Suite, hkdf_expand, suite_named
from secure_records.errors import (
    EnvelopeRefused,
    RootDescriptorRefused,
    RootLocked,
    UnknownSuite,
)
from secure_records.keys.key_rows import Parent
from secure_records.keys.root_providers import ONE_PERSON, RootProvider, hex_bytes
from shared_kernel.canonical_json import Json, canonical_bytes
from shared_kernel.identifiers import Entropy
from shared_kernel.instants import instant_text, parse_instant

FORMAT: Final = "jinkui-root/2"
FIRST_FORMAT: Final = "jinkui-root/1"

_SEALED_FIELDS: Final = ("message_id", "check", "sealed_root")
_KEYS: Final = frozenset(
    (
        *("format", "suite", "created_at", "generation", "root_since", "provider", "keys_file"),
        *_SEALED_FIELDS,
    )
)
_FIRST_KEYS: Final = frozenset(
    ("format", "provider", "suite", "created_at", "salt", "kdf", *_SEALED_FIELDS)
)
_FILE_KEYS: Final = frozenset(("message_id", "check", "sealed"))


@dataclass(frozen=True, slots=True, kw_only=True)
class RootKey:
    """An open root."""

    suite: Suite

    secret: bytes
    """32 bytes."""

    generation: int
    """From 1; each rotation of the root makes the next one."""

    since: datetime
    """When this root was made; a new passphrase does not renew it."""

    keys_file_key: bytes
    """Raw key of the key file, 32 bytes; outlives the root."""

    @property
    def parent(self) -> Parent:
        """As the key ring wants it."""
        return Parent(self.generation, self.secret)


def make_root(suite: Suite, entropy: Entropy, at: datetime) -> RootKey:
    """The first root of a home, and the key of its key file."""
    return RootKey(
        suite=suite,
        secret=entropy(PARENT_KEY_BYTES),
        generation=1,
        since=at,
        keys_file_key=entropy(PARENT_KEY_BYTES),
    )


def next_root(root: RootKey, entropy: Entropy, at: datetime) -> RootKey:
    """The root that takes the place of this one; the key file keeps its key."""
    return RootKey(
        suite=root.suite,
        secret=entropy(PARENT_KEY_BYTES),
        generation=root.generation + 1,
        since=at,
        keys_file_key=root.keys_file_key,
    )


def seal_root(
    root: RootKey, provider: RootProvider, entropy: Entropy, at: datetime
) -> dict[str, Json]:
    """A descriptor of ``root`` that ``provider`` opens, made at this instant.

    Raises:
        RootDescriptorRefused: what the provider was given is too weak.
    """
    section, wrapping_key = provider.fresh(root.suite, entropy)
    clear: dict[str, Json] = {
        "format": FORMAT,
        "suite": root.suite.name,
        "created_at": instant_text(at),
        "generation": root.generation,
        "root_since": instant_text(root.since),
        "provider": section,
    }
    message_id = fresh_message_id(entropy)
    check, sealed = seal_once(
        root.suite,
        root.secret,
        WRAPPED_KEY,
        message_id,
        plaintext=root.keys_file_key,
        aad=_file_context(root.suite, root.generation),
    )
    clear["keys_file"] = {
        "message_id": message_id.hex(),
        "check": check.hex(),
        "sealed": sealed.hex(),
    }
    message_id = fresh_message_id(entropy)
    check, sealed = seal_once(
        root.suite,
        wrapping_key,
        WRAPPED_KEY,
        message_id,
        plaintext=root.secret,
        aad=canonical_bytes(clear),
    )
    return clear | {
        "message_id": message_id.hex(),
        "check": check.hex(),
        "sealed_root": sealed.hex(),
    }


def open_root(descriptor: Mapping[str, Json], provider: RootProvider) -> RootKey:
    """The root of ``descriptor``.

    Raises:
        RootDescriptorRefused: a part is missing or malformed, or a guess is too cheap.
        RootLocked: wrong passphrase, another provider, or a descriptor that was altered.
    """
    suite = descriptor_suite(descriptor)
    generation = descriptor_generation(descriptor)
    first = descriptor.get("format") == FIRST_FORMAT
    section = provider_section(descriptor)
    clear = {name: value for name, value in descriptor.items() if name not in _SEALED_FIELDS}
    try:
        secret = open_once(
            suite,
            provider.wrapping_key(suite, section),
            WRAPPED_KEY,
            hex_bytes(descriptor["message_id"], "message_id"),
            commitment=hex_bytes(descriptor["check"], "check"),
            sealed=hex_bytes(descriptor["sealed_root"], "sealed_root"),
            aad=canonical_bytes(clear),
        )
    except EnvelopeRefused as error:
        raise RootLocked("the root key does not open with this passphrase") from error
    since = descriptor["created_at" if first else "root_since"]
    return RootKey(
        suite=suite,
        secret=secret,
        generation=generation,
        since=parse_instant(str(since), "root_since"),
        keys_file_key=_derived_file_key(suite, secret)
        if first
        else _file_key(suite, secret, generation, descriptor["keys_file"]),
    )


def provider_section(descriptor: Mapping[str, Json]) -> Mapping[str, Json]:
    """What the descriptor says about its provider; ``name`` is always there.

    Raises:
        RootDescriptorRefused: a part is missing or there is one too many.
    """
    form = descriptor.get("format")
    if form not in {FORMAT, FIRST_FORMAT}:
        raise RootDescriptorRefused("the root descriptor has another format")
    if frozenset(descriptor) != (_KEYS if form == FORMAT else _FIRST_KEYS):
        raise RootDescriptorRefused("the root descriptor lacks a part or has one too many")
    section = descriptor["provider"]
    if form == FIRST_FORMAT and section == ONE_PERSON:
        return {"name": ONE_PERSON, "salt": descriptor["salt"], "kdf": descriptor["kdf"]}
    if not isinstance(section, Mapping) or not isinstance(section.get("name"), str):
        raise RootDescriptorRefused("the root descriptor names no provider", where="provider")
    return section


def descriptor_suite(descriptor: Mapping[str, Json]) -> Suite:
    """The suite of the home that ``descriptor`` belongs to; authenticated once it unlocks.

    Raises:
        RootDescriptorRefused: it names none known here.
    """
    try:
        return suite_named(str(descriptor.get("suite")))
    except UnknownSuite as error:
        raise RootDescriptorRefused(
            "the root descriptor names no suite known here", where="suite"
        ) from error


def descriptor_generation(descriptor: Mapping[str, Json]) -> int:
    """The generation of its root; authenticated once it unlocks.

    Raises:
        RootDescriptorRefused: it says none.
    """
    found = descriptor.get("generation", 1 if descriptor.get("format") == FIRST_FORMAT else None)
    if type(found) is not int or found < 1:
        raise RootDescriptorRefused("the root descriptor has no generation", where="generation")
    return found


def _file_key(suite: Suite, root: bytes, generation: int, part: Json) -> bytes:
    if not isinstance(part, Mapping) or frozenset(part) != _FILE_KEYS:
        raise RootDescriptorRefused("keys_file of the descriptor is malformed", where="keys_file")
    try:
        return open_once(
            suite,
            root,
            WRAPPED_KEY,
            hex_bytes(part["message_id"], "message_id"),
            commitment=hex_bytes(part["check"], "check"),
            sealed=hex_bytes(part["sealed"], "sealed"),
            aad=_file_context(suite, generation),
        )
    except EnvelopeRefused as error:
        raise RootLocked("the key of the key file does not open under this root") from error


def _file_context(suite: Suite, generation: int) -> bytes:
    return canonical_bytes(
        {"format": FORMAT, "part": "keys_file", "suite": suite.name, "generation": generation}
    )


def _derived_file_key(suite: Suite, root: bytes) -> bytes:
    """Format 1: the key of the key file follows from the root."""
    return hkdf_expand(suite, root, b"keys.db file", PARENT_KEY_BYTES)
