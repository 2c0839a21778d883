"""How is a fresh key turned into its row?

Gives it an identifier, a version and an instant, and wraps it for its place.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final

from secure_records.envelope.suites import Suite
from secure_records.keys.models import KeySlot, WrappedKey
from secure_records.keys.wrapping import wrap
from shared_kernel.identifiers import Entropy, new_identifier
from shared_kernel.instants import Clock

_LABELS: Final = 256


@dataclass(frozen=True, slots=True)
class Parent:
    """A key that wraps others."""

    version: int
    """Version of a tenant key, or generation of the root."""

    secret: bytes
    """32 bytes."""


class KeyRows:
    """Makes rows of wrapped keys in one suite."""

    __slots__ = ("_clock", "_entropy", "_suite")

    def __init__(self, suite: Suite, entropy: Entropy, clock: Clock) -> None:
        self._suite = suite
        self._entropy = entropy
        self._clock = clock

    def make(
        self, slot: KeySlot, parent: Parent, secret: bytes, public: bytes = b"", version: int = 1
    ) -> WrappedKey:
        """One version of ``slot``, holding ``secret`` wrapped under ``parent``."""
        now = self._clock.now()
        row = WrappedKey(
            slot=slot,
            key_id=new_identifier("key", now, self._entropy),
            version=version,
            suite=self._suite.name,
            wrapped=b"",
            public=public,
            created_at=now,
            parent=parent.version,
        )
        return wrap(self._suite, parent.secret, secret, row, self._entropy)

    def renumber(self, row: WrappedKey, parent: Parent, secret: bytes, version: int) -> WrappedKey:
        """The same key as another version: wrapped anew, because the version is bound."""
        changed = replace(row, version=version, parent=parent.version)
        return wrap(self._suite, parent.secret, secret, changed, self._entropy)


@lru_cache(maxsize=_LABELS)
def derivation_label(*parts: str) -> bytes:
    """HKDF ``info`` of a derived key: each part behind its length, never joined by a mark."""
    texts = [part.encode() for part in parts]
    return b"JKD1" + b"".join(len(text).to_bytes(2, "big") + text for text in texts)
