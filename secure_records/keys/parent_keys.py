"""Which root or tenant key opens this row, while a rotation may be replacing both?

A row says which version of its parent wraps it. Versions not seen yet are read
from the store; a row whose parent has just been destroyed was rewrapped a moment
ago and is read again. So a reader never fails because of a rotation, in whichever
order it meets old rows, new rows, old parents and new ones.

It also refuses what is older than the lowest versions of the home.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from secure_records.envelope.suites import Suite
from secure_records.errors import (
    KeyVersionRetired,
    ParentKeyRetired,
    RootChanged,
    TenantNotOpened,
    WrappedKeyRefused,
)
from secure_records.keys.key_rows import Parent
from secure_records.keys.models import ROOT_WRAPPED, KeyKind, KeySlot, WrappedKey
from secure_records.keys.ports import KeyStore
from secure_records.keys.wrapping import unwrap

_ATTEMPTS: Final = 4
"""Readings of a row that keeps moving; a rotation of either kind moves it once."""


class ParentKeys:
    """The root and the tenant keys of one home, by version.

    Not safe for threads by itself: the key ring holds its lock around every call.

    Args:
        suite: The suite of the home.
        root: The root and its generation.
        store: Where the rows are.
        reopen: Opens the root anew after another process replaced it; None: it cannot.
    """

    def __init__(
        self, suite: Suite, root: Parent, store: KeyStore, reopen: Callable[[], Parent] | None
    ) -> None:
        self._suite = suite
        self._root = root
        self._store = store
        self._reopen = reopen
        self._keys: dict[str, dict[int, bytes]] = {}
        self._minimum: dict[str, Mapping[KeyKind, int]] = {}

    @property
    def root(self) -> Parent:
        """The root as it was last opened."""
        return self._root

    def find(self, tenant: str) -> Parent | None:
        """The newest tenant key, if the institution has any."""
        keys = self._keys.get(tenant) or self._load(tenant)
        if not keys:
            return None
        newest = max(keys)
        return Parent(newest, keys[newest])

    def newest(self, tenant: str) -> Parent:
        """The tenant key that wraps what is made now.

        Raises:
            TenantNotOpened: the institution has no keys here.
        """
        found = self.find(tenant)
        if found is None:
            raise TenantNotOpened(f"institution {tenant} has no keys here", where=tenant)
        return found

    def forget(self) -> None:
        """Read tenant keys and lowest versions anew; the root when a row asks for another."""
        self._keys.clear()
        self._minimum.clear()

    def opened(self, read: Callable[[], Iterable[WrappedKey]]) -> list[tuple[WrappedKey, bytes]]:
        """What ``read`` gives, each row with its secret.

        Args:
            read: Reads the rows; called again if a rotation took a parent away in between.

        Raises:
            WrappedKeyRefused: a row was altered or moved.
            KeyVersionRetired: it is older than this home still opens.
            RootChanged: the root was replaced and cannot be opened again from here.
        """
        fault: ParentKeyRetired | None = None
        for _ in range(_ATTEMPTS):
            rows = read()
            try:
                return [(row, self._open(row)) for row in rows]
            except ParentKeyRetired as error:
                fault = error
        raise WrappedKeyRefused(
            "a key names a parent that is not there", where=None if fault is None else fault.where
        ) from fault

    def _open(self, row: WrappedKey) -> bytes:
        if row.slot.kind in ROOT_WRAPPED:
            return unwrap(self._suite, self._root_of(row), row)
        tenant = row.slot.tenant
        # The newest first: it reads the lowest versions as well.
        self.newest(tenant)
        self._require_recent(row)
        keys = self._keys[tenant]
        secret = keys.get(row.parent)
        if secret is None:
            secret = self._load(tenant).get(row.parent)
        if secret is None:
            raise ParentKeyRetired(
                f"version {row.parent} of the tenant key is not there", where=row.key_id
            )
        return unwrap(self._suite, secret, row)

    def _root_of(self, row: WrappedKey) -> bytes:
        if row.parent != self._root.version:
            if self._reopen is None:
                raise RootChanged("the root of this home was replaced", where=row.key_id)
            self._root = self._reopen()
        if row.parent > self._root.version:
            raise RootChanged("the root of this home was replaced", where=row.key_id)
        if row.parent < self._root.version:
            raise ParentKeyRetired("the row was read before the root changed", where=row.key_id)
        return self._root.secret

    def _require_recent(self, row: WrappedKey) -> None:
        minimum = self._minimum[row.slot.tenant]
        below_parent = row.parent < minimum.get(KeyKind.TENANT, 1)
        below_own = row.version < minimum.get(row.slot.kind, 1)
        if below_parent or below_own:
            raise KeyVersionRetired(
                f"key {row.key_id} is older than this home still opens", where=row.key_id
            )

    def _load(self, tenant: str) -> dict[int, bytes]:
        slot = KeySlot(tenant=tenant, kind=KeyKind.TENANT)
        self._minimum[tenant] = self._store.minimum(tenant)
        rows = self.opened(lambda: self._store.in_slot(slot))
        self._keys[tenant] = {row.version: secret for row, secret in rows}
        return self._keys[tenant]
