"""Where are wrapped keys kept, apart from the records they open?

The key store has its own file or database, its own transactions and its own
backups: a key is committed before the first record under it, and destroyed keys
leave their backups earlier than records do.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from secure_records.keys.models import KeyKind, KeySlot, WrappedKey


class KeyStore(Protocol):
    """Rows of wrapped keys."""

    def add(self, keys: Sequence[WrappedKey]) -> None:
        """Commit all of ``keys``, durably, or none.

        Raises:
            KeySlotTaken: a slot already holds one of these versions.
        """
        ...

    def by_id(self, tenant: str, key_id: str) -> WrappedKey | None:
        """The row with this identifier; None if there never was one or it was destroyed."""
        ...

    def in_slot(self, slot: KeySlot) -> tuple[WrappedKey, ...]:
        """Every version in one slot, oldest first; empty if none."""
        ...

    def of_kinds(self, tenant: str, kinds: Sequence[KeyKind]) -> tuple[WrappedKey, ...]:
        """Every row of some kinds, ordered by kind, owner and version. Not for data keys."""
        ...

    def of_owners(self, tenant: str, owners: Sequence[str]) -> tuple[WrappedKey, ...]:
        """Every row that serves these patients or persons, oldest version of a slot first."""
        ...

    def counts(self, tenant: str) -> Mapping[KeyKind, int]:
        """How many rows there are of each kind; kinds without rows are absent."""
        ...
