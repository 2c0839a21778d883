"""What does one row of the key table say, and to which place is it bound?

A wrapped key is bound to its row: identifier, kind, owner, retention class and
version are authenticated when it is unwrapped. A wrapped key that somebody
moves to another patient's row does not open there.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from struct import Struct
from typing import Final

from shared_kernel.signatures import PublicKey

_LABEL: Final = b"JKW"
_FORMAT: Final = 1
_FIXED: Final = Struct(">3sBBI7H")
"""Label, format, suite, version, then the seven part lengths in bytes."""


class KeyKind(StrEnum):
    """What a key is for. A key of one kind never serves another."""

    TENANT = "tenant"
    """Wraps every other key of one institution; itself wrapped by the root."""
    DATA = "data"
    """Parent of record keys of one patient and retention class (DEK)."""
    AUDIT = "audit"
    """Commitments to one patient in the log; independent of the data keys."""
    INDEX = "index"
    """Root of an institution's search and content keys."""
    LOG_ED25519 = "log-ed25519"
    """Signs the institution's log heads, Ed25519."""
    LOG_SM2 = "log-sm2"
    """Signs the institution's log heads, SM2."""
    PERSON_ED25519 = "person-ed25519"
    """Signs for one named person, Ed25519."""
    PERSON_SM2 = "person-sm2"
    """Signs for one named person, SM2."""
    FILE = "file"
    """Raw key of the record store's file; wrapped by the root."""


ROOT_WRAPPED: Final = frozenset({KeyKind.TENANT, KeyKind.FILE})
"""Kinds whose parent is the root; the parent of all others is a tenant key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeySlot:
    """The place of a key; in one slot there are versions, newest last."""

    tenant: str
    """The institution; empty for the file key, which belongs to the home."""

    kind: KeyKind

    owner: str = ""
    """The patient (``sub_…``) or person the key serves; empty if the institution itself."""

    retention_class: str = ""
    """Data keys only: records that are shredded together share a class."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WrappedKey:
    """One row of the key table: nothing in it is secret."""

    slot: KeySlot

    key_id: str
    """``key_…``; also stands inside every envelope sealed under the key."""

    version: int
    """From 1, within the slot."""

    suite: str
    """Name of the suite that wrapped it."""

    wrapped: bytes
    """Message identifier, commitment, ciphertext and tag."""

    public: bytes
    """Public half of a signing key; empty for others."""

    created_at: datetime
    """When the key itself was made; rewrapping does not renew it."""

    parent: int = 1
    """Which version of its parent wraps it: of the tenant key, or the generation of the root.

    Not authenticated apart: under another parent the row does not open.
    """


class RotationKind(StrEnum):
    """What is being replaced."""

    TENANT = "tenant"
    ROOT = "root"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotation:
    """A replacement of one parent key that has begun and not ended. A home has at most one."""

    kind: RotationKind

    tenant: str
    """The institution; empty for the root."""

    old: int
    """Version (of the root: generation) that is being left; all lower ones are left as well."""

    new: int

    began_at: datetime

    began_by: str
    """The account that asked for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KindAge:
    """How many keys of one kind there are, and since when."""

    kind: KeyKind
    count: int
    oldest: datetime
    newest: datetime

    versions: tuple[int, int]
    """Lowest and highest version."""

    parents: tuple[int, int]
    """Lowest and highest version of what wraps them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldPublicKey:
    """A public key whose private half is held here."""

    key_id: str
    owner: str
    """The named person; empty for the keys of the institution's log."""

    key: PublicKey


def binding(key: WrappedKey, suite_code: int) -> bytes:
    """The associated data of ``key``: the whole row but ``created_at`` and ``parent``."""
    parts = (
        key.key_id.encode(),
        key.slot.kind.value.encode(),
        key.slot.tenant.encode(),
        key.slot.owner.encode(),
        key.slot.retention_class.encode(),
        key.suite.encode(),
        key.public,
    )
    lengths = tuple(len(part) for part in parts)
    fixed = _FIXED.pack(_LABEL, _FORMAT, suite_code, key.version, *lengths)
    return b"".join((fixed, *parts))
