"""Where are wrapped keys kept, apart from the records they open?

The key store has its own file or database, its own transactions and its own
backups: a key is committed before the first record under it, and destroyed keys
leave their backups earlier than records do.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from secure_records.keys.models import KeyKind, KeySlot, KindAge, Rotation, WrappedKey


class KeyStore(Protocol):
    """Rows of wrapped keys."""

    def add(self, keys: Sequence[WrappedKey]) -> None:
        """Commit all of ``keys``, durably, or none.

        Raises:
            KeySlotTaken: a slot already holds one of these versions.
            ParentKeyRetired: a key is wrapped under a parent that is no longer there.
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

    def minimum(self, tenant: str) -> Mapping[KeyKind, int]:
        """The lowest versions that may still open anything; kinds without a row open all.

        ``TENANT``: of tenant keys, and so of what hangs on them. ``DATA``: of data keys.
        """
        ...


class RotationStore(Protocol):
    """The same rows, as a rotation needs them. Every method is one transaction."""

    def unfinished(self) -> Rotation | None:
        """The rotation that has begun and not ended."""
        ...

    def begin(self, rotation: Rotation, keys: Sequence[WrappedKey]) -> None:
        """Note the rotation and add its first keys, together.

        Raises:
            RotationUnfinished: there is one already; nothing was written.
        """
        ...

    def below(
        self, tenant: str, parent: int, after: tuple[str, str], limit: int
    ) -> tuple[WrappedKey, ...]:
        """Up to ``limit`` rows that hang on a lower version of the tenant key than ``parent``.

        Ordered by (owner, key id), beginning behind ``after``.
        """
        ...

    def count_below(self, tenant: str, parent: int) -> int:
        """How many such rows there are."""
        ...

    def rewrapped(self, parent: int, rows: Sequence[tuple[WrappedKey, bytes]]) -> None:
        """Give each row its new bytes, unless it was changed or destroyed since it was read."""
        ...

    def end_tenant(self, rotation: Rotation) -> int:
        """Destroy the tenant keys below ``rotation.new`` and end the rotation.

        Returns the number of rows that still hang on them; unless it is 0 nothing was done.
        """
        ...

    def rewrap_root(self, rotation: Rotation, rewrapped: Callable[[WrappedKey], bytes]) -> int:
        """Give every row that hangs on the root its new bytes, all or none; how many."""
        ...

    def end_root(self, rotation: Rotation) -> None:
        """End the rotation of the root."""
        ...

    def root_generation(self) -> int | None:
        """Which root the rows hang on; None before there are any."""
        ...

    def count_on_root(self, generation: int) -> int:
        """How many rows hang on the root of this generation."""
        ...

    def raise_minimum(self, tenant: str, kind: KeyKind, version: int) -> None:
        """Set a lowest version.

        Raises:
            MinimumRefused: keys below it are in use, or it would sink.
        """
        ...

    def ages(self, tenant: str) -> tuple[KindAge, ...]:
        """What there is of each kind. Reads every row of the institution."""
        ...
