"""How does a home open again when its passphrase is lost?

Root and key of the key file are sealed under a fresh recovery key. That key is split
by Shamir's scheme (GF(2^128), pycryptodome), and each share is sealed to one person.
So many of them as are needed open the root together; fewer learn nothing, and so
does whoever finds the files. The shares do not need ``keys/root.json``.

A rotation of the root makes shares worthless: make new ones after it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

from secure_records.envelope.one_use import WRAPPED_KEY, fresh_message_id, open_once, seal_once
from secure_records.envelope.suites import PARENT_KEY_BYTES, Suite, suite_named
from secure_records.errors import (
    EnvelopeRefused,
    RootDescriptorRefused,
    ShareRefused,
    SharesMalformed,
    SharingNotInstalled,
    UnknownSuite,
)
from secure_records.keys.argon2_costs import RFC_9106_LOW_MEMORY, Argon2Parameters
from secure_records.keys.person_seal import (
    SealedToPerson,
    generate_pair,
    open_as,
    require_public,
    seal_to,
)
from secure_records.keys.root_descriptor import RootKey
from secure_records.keys.root_providers import PassphraseProvider, hex_bytes
from shared_kernel.canonical_json import Json, canonical_bytes
from shared_kernel.identifiers import Entropy
from shared_kernel.instants import instant_text, parse_instant

if TYPE_CHECKING:
    from Crypto.Protocol.SecretSharing import Shamir

PERSON_FORMAT: Final = "jinkui-recovery-person/1"
PRIVATE_FORMAT: Final = "jinkui-recovery-private/1"
SHARE_FORMAT: Final = "jinkui-recovery-share/1"
MOST_SHARES: Final = 16
FEWEST_NEEDED: Final = 2

_HALF: Final = 16
"""Bytes that the scheme splits at once; a key is two halves."""

_SET_BYTES: Final = 16
_SECRET_BYTES: Final = 2 * PARENT_KEY_BYTES
_SEAL_FIELDS: Final = ("transport", "message_id", "check", "sealed")
_SET_FIELDS: Final = (
    *("format", "suite", "institution", "set", "made_at", "needed", "of", "generation"),
    "root_since",
)
_SHARE_KEYS: Final = frozenset((*_SET_FIELDS, "index", "person", "public", "root", "share"))
_PRIVATE_KEYS: Final = frozenset(
    ("format", "suite", "person", "public", "provider", "message_id", "check", "sealed")
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RecoveryPerson:
    """Somebody who keeps a share."""

    suite: Suite
    name: str
    public: bytes

    def document(self) -> dict[str, Json]:
        """What the person hands over, JSON; nothing in it is secret."""
        return {
            "format": PERSON_FORMAT,
            "suite": self.suite.name,
            "person": self.name,
            "public": self.public.hex(),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """A person at the table: the private key is open."""

    person: RecoveryPerson
    private: bytes


def make_person(
    suite: Suite,
    name: str,
    passphrase: bytes,
    entropy: Entropy,
    *,
    parameters: Argon2Parameters = RFC_9106_LOW_MEMORY,
    profile: str = "production",
) -> tuple[RecoveryPerson, dict[str, Json]]:
    """Pair of a person and the document of the private key, under that person's passphrase.

    Raises:
        RootDescriptorRefused: the passphrase is too weak.
    """
    private, public = generate_pair(suite, entropy)
    person = RecoveryPerson(suite=suite, name=name, public=public)
    provider = PassphraseProvider(passphrase, parameters, profile=profile)
    section, wrapping_key = provider.fresh(suite, entropy)
    clear = person.document() | {"format": PRIVATE_FORMAT, "provider": section}
    message_id = fresh_message_id(entropy)
    check, sealed = seal_once(
        suite,
        wrapping_key,
        WRAPPED_KEY,
        message_id,
        plaintext=private,
        aad=canonical_bytes(clear),
    )
    texts = {"message_id": message_id.hex(), "check": check.hex(), "sealed": sealed.hex()}
    return person, clear | texts


def read_person(document: Mapping[str, Json]) -> RecoveryPerson:
    """The person of a public document.

    Raises:
        SharesMalformed: another format.
        KeyMalformed: its key is none.
    """
    if document.get("format") != PERSON_FORMAT or set(document) != {
        *("format", "suite", "person", "public")
    }:
        raise SharesMalformed("this is not the public document of a recovery person")
    suite = _suite(document)
    public = _hex(document["public"], "public")
    require_public(suite, public)
    return RecoveryPerson(suite=suite, name=_text(document, "person"), public=public)


def open_holder(
    document: Mapping[str, Json], passphrase: bytes, *, profile: str = "production"
) -> Holder:
    """The person with an open private key.

    Raises:
        SharesMalformed: another format.
        ShareRefused: another passphrase, or an altered document.
    """
    if document.get("format") != PRIVATE_FORMAT or frozenset(document) != _PRIVATE_KEYS:
        raise SharesMalformed("this is not the private document of a recovery person")
    suite = _suite(document)
    section = document["provider"]
    if not isinstance(section, Mapping):
        raise SharesMalformed("the private document has no provider", where="provider")
    clear = {k: v for k, v in document.items() if k not in {"message_id", "check", "sealed"}}
    provider = PassphraseProvider(passphrase, profile=profile)
    try:
        private = open_once(
            suite,
            provider.wrapping_key(suite, section),
            WRAPPED_KEY,
            _hex(document["message_id"], "message_id"),
            commitment=_hex(document["check"], "check"),
            sealed=_hex(document["sealed"], "sealed"),
            aad=canonical_bytes(clear),
        )
    except EnvelopeRefused as error:
        raise ShareRefused("the private key does not open with this passphrase") from error
    public = _hex(document["public"], "public")
    person = RecoveryPerson(suite=suite, name=_text(document, "person"), public=public)
    return Holder(person=person, private=private)


def make_shares(
    root: RootKey,
    institution: str,
    persons: Sequence[RecoveryPerson],
    needed: int,
    entropy: Entropy,
    at: datetime,
) -> list[dict[str, Json]]:
    """One share for each person, any ``needed`` of which open the root.

    Raises:
        SharesMalformed: fewer than two needed, more needed than persons, two shares for one
            key, another suite than the home's.
    """
    _require_circle(root, persons, needed)
    key = entropy(PARENT_KEY_BYTES)
    common: dict[str, Json] = {
        "format": SHARE_FORMAT,
        "suite": root.suite.name,
        "institution": institution,
        "set": entropy(_SET_BYTES).hex(),
        "made_at": instant_text(at),
        "needed": needed,
        "of": len(persons),
        "generation": root.generation,
        "root_since": instant_text(root.since),
    }
    message_id = fresh_message_id(entropy)
    check, sealed = seal_once(
        root.suite,
        key,
        WRAPPED_KEY,
        message_id,
        plaintext=root.secret + root.keys_file_key,
        aad=canonical_bytes(common),
    )
    bundle: dict[str, Json] = {
        "message_id": message_id.hex(),
        "check": check.hex(),
        "sealed": sealed.hex(),
    }
    halves = [
        _shamir().split(needed, len(persons), key[:_HALF], ssss=False),
        _shamir().split(needed, len(persons), key[_HALF:], ssss=False),
    ]
    shares = []
    for place, person in enumerate(persons):
        index = halves[0][place][0]
        clear = common | {
            "index": index,
            "person": person.name,
            "public": person.public.hex(),
            "root": bundle,
        }
        part = halves[0][place][1] + halves[1][place][1]
        given = seal_to(root.suite, person.public, part, canonical_bytes(clear), entropy)
        shares.append(
            clear | {"share": {name: getattr(given, name).hex() for name in _SEAL_FIELDS}}
        )
    return shares


def recover(shares: Sequence[tuple[Mapping[str, Json], Holder]]) -> tuple[str, RootKey]:
    """Pair of the institution and its root, from the shares of the persons at the table.

    Raises:
        SharesMalformed: not shares, not of one set, too few.
        ShareRefused: a share is not for its person, or was altered.
    """
    if not shares:
        raise SharesMalformed("no share was given")
    first = _checked(shares[0][0])
    common = {name: first[name] for name in _SET_FIELDS}
    suite, needed = _suite(first), first["needed"]
    parts: dict[int, bytes] = {}
    for share, holder in shares:
        clear = dict(_checked(share))
        if {name: clear[name] for name in _SET_FIELDS} != common or clear["root"] != first["root"]:
            raise SharesMalformed("the shares are not of one set", where="set")
        given = _sealed(clear.pop("share"))
        index = clear["index"]
        # Anybody can seal something to a person: what is inside may be made up.
        if type(index) is not int or not 1 <= index <= MOST_SHARES:
            raise SharesMalformed("a share has an impossible index", where="index")
        person = holder.person
        aad = canonical_bytes(clear)
        part = open_as(suite, holder.private, person.public, given, aad)
        if len(part) != PARENT_KEY_BYTES:
            raise SharesMalformed("a share has an impossible length", where="share")
        parts[index] = part
    if type(needed) is not int or needed < FEWEST_NEEDED or len(parts) < needed:
        raise SharesMalformed(f"{len(parts)} different shares were given, {needed} are needed")
    chosen = sorted(parts.items())[:needed]
    key = b"".join(
        _shamir().combine([(index, part[cut]) for index, part in chosen], ssss=False)
        for cut in (slice(_HALF), slice(_HALF, None))
    )
    secret = _root_of(suite, key, first["root"], canonical_bytes(common))
    generation = first["generation"]
    if type(generation) is not int:
        raise SharesMalformed("the shares name no generation", where="generation")
    return _text(first, "institution"), RootKey(
        suite=suite,
        secret=secret[:PARENT_KEY_BYTES],
        generation=generation,
        since=parse_instant(_text(first, "root_since"), "root_since"),
        keys_file_key=secret[PARENT_KEY_BYTES:],
    )


def _require_circle(root: RootKey, persons: Sequence[RecoveryPerson], needed: int) -> None:
    if not FEWEST_NEEDED <= needed <= len(persons) <= MOST_SHARES:
        raise SharesMalformed(
            f"{needed} of {len(persons)} shares: at least two are needed, of at most {MOST_SHARES}"
        )
    if len({person.public for person in persons}) != len(persons):
        raise SharesMalformed("one key would get two shares")
    if any(person.suite is not root.suite for person in persons):
        raise SharesMalformed("a recovery person has a key of another suite than the home")


def _root_of(suite: Suite, key: bytes, part: Json, aad: bytes) -> bytes:
    if not isinstance(part, Mapping) or set(part) != {"message_id", "check", "sealed"}:
        raise SharesMalformed("the sealed root of a share is malformed", where="root")
    try:
        secret = open_once(
            suite,
            key,
            WRAPPED_KEY,
            _hex(part["message_id"], "message_id"),
            commitment=_hex(part["check"], "check"),
            sealed=_hex(part["sealed"], "sealed"),
            aad=aad,
        )
    except EnvelopeRefused as error:
        raise ShareRefused("the shares do not open the root together") from error
    if len(secret) != _SECRET_BYTES:
        raise ShareRefused("the shares do not hold a root")
    return secret


def _checked(share: Mapping[str, Json]) -> Mapping[str, Json]:
    if share.get("format") != SHARE_FORMAT or frozenset(share) != _SHARE_KEYS:
        raise SharesMalformed("this is not a recovery share")
    return share


def _sealed(part: Json) -> SealedToPerson:
    if not isinstance(part, Mapping) or set(part) != set(_SEAL_FIELDS):
        raise SharesMalformed("the sealed part of a share is malformed", where="share")
    return SealedToPerson(**{name: _hex(part[name], name) for name in _SEAL_FIELDS})


def _suite(document: Mapping[str, Json]) -> Suite:
    try:
        return suite_named(str(document.get("suite")))
    except UnknownSuite as error:
        raise SharesMalformed("the document names no suite known here", where="suite") from error


def _hex(value: Json, field: str) -> bytes:
    try:
        return hex_bytes(value, field)
    except RootDescriptorRefused as error:
        raise SharesMalformed(f"{field} is malformed", where=field) from error


def _text(document: Mapping[str, Json], name: str) -> str:
    value = document.get(name)
    if not isinstance(value, str) or not value:
        raise SharesMalformed(f"{name} is missing", where=name)
    return value


def _shamir() -> type[Shamir]:
    try:
        # An extra: sixteen megabytes that daily work does not need.
        from Crypto.Protocol.SecretSharing import Shamir  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise SharingNotInstalled("the library for secret sharing is not installed") from error
    return Shamir
