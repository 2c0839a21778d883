"""How is a tenant key or the root replaced while the house keeps working?

Only wrapped keys change. No record, no index term and no key that opens one is
touched, so a rotation costs the same whatever lies in the records.

Tenant: the new version is committed beside the old one, then row after row is
rewrapped in small transactions, then, in one more, the old versions are destroyed
if and only if nothing hangs on them. Root: the few rows that hang on it change in
one transaction.

Each step leaves a state in which every key opens. Nothing about the progress is
kept but the rotation itself: each row says which parent it hangs on, so whoever
continues after a crash finds what is left by looking.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from secure_records.envelope.format import MESSAGE_ID_BYTES
from secure_records.envelope.suites import PARENT_KEY_BYTES, Suite, forget_keyed_states
from secure_records.errors import (
    KeyMalformed,
    RotationUnfinished,
    TenantNotOpened,
    WrappedKeyRefused,
)
from secure_records.keys.key_rows import KeyRows, Parent
from secure_records.keys.models import KeyKind, KeySlot, Rotation, RotationKind, WrappedKey
from secure_records.keys.ports import KeyStore, RotationStore
from secure_records.keys.wrapping import rewrap, unwrap
from shared_kernel.identifiers import Entropy
from shared_kernel.instants import Clock

ROWS_AT_ONCE: Final = 2000
"""Rows of one transaction: long enough to be fast, short enough that writers do not wait."""

OnRows = Callable[[int, int], None]
"""Told after every transaction: rows done in this run, rows that were to be done."""


class TenantRotation:
    """Replaces the tenant key of one institution.

    Args:
        suite: The suite of the home.
        root: The root and its generation.
        keys: Where wrapped keys are.
        store: The same place, as a rotation needs it.
    """

    def __init__(
        self,
        suite: Suite,
        root: Parent,
        keys: KeyStore,
        store: RotationStore,
        *,
        entropy: Entropy,
        clock: Clock,
    ) -> None:
        self._suite = suite
        self._root = root
        self._keys = keys
        self._store = store
        self._entropy = entropy
        self._clock = clock

    def begin(self, tenant: str, by: str) -> Rotation:
        """Commit the new tenant key, or find the rotation that did; returns what to ``run``.

        Raises:
            RotationUnfinished: a rotation of something else has not ended.
            TenantNotOpened: the institution has no keys here.
        """
        held = self._store.unfinished()
        if held is not None:
            if (held.kind, held.tenant) != (RotationKind.TENANT, tenant):
                raise RotationUnfinished(f"a rotation of the {held.kind.value} has not ended")
            return held
        slot = KeySlot(tenant=tenant, kind=KeyKind.TENANT)
        rows = self._keys.in_slot(slot)
        if not rows:
            raise TenantNotOpened(f"institution {tenant} has no keys here", where=tenant)
        old = rows[-1].version
        row = KeyRows(self._suite, self._entropy, self._clock).make(
            slot, self._root, self._entropy(PARENT_KEY_BYTES), version=old + 1
        )
        rotation = Rotation(
            kind=RotationKind.TENANT,
            tenant=tenant,
            old=old,
            new=old + 1,
            began_at=row.created_at,
            began_by=by,
        )
        self._store.begin(rotation, [row])
        return rotation

    def run(self, rotation: Rotation, told: OnRows, rows_at_once: int = ROWS_AT_ONCE) -> int:
        """Rewrap what still hangs on older versions, destroy them, end; returns rows rewrapped.

        Raises:
            WrappedKeyRefused: a row opens under no tenant key. It is left as it was, the
                old versions stay, and so does the rotation.
        """
        parents = self._parents(rotation)
        done, total = 0, self._store.count_below(rotation.tenant, rotation.new)
        told(done, total)
        # Again as long as a process that had not noticed the rotation added some.
        while self._store.end_tenant(rotation):
            after = ("", "")
            while rows := self._store.below(rotation.tenant, rotation.new, after, rows_at_once):
                self._store.rewrapped(rotation.new, self._rewrapped(rows, parents, rotation.new))
                after = (rows[-1].slot.owner, rows[-1].key_id)
                done += len(rows)
                told(done, max(total, done))
        forget_keyed_states()
        return done

    def _parents(self, rotation: Rotation) -> dict[int, bytes]:
        slot = KeySlot(tenant=rotation.tenant, kind=KeyKind.TENANT)
        rows = self._keys.in_slot(slot)
        return {row.version: unwrap(self._suite, self._root.secret, row) for row in rows}

    def _rewrapped(
        self, rows: tuple[WrappedKey, ...], parents: dict[int, bytes], new: int
    ) -> list[tuple[WrappedKey, bytes]]:
        target = parents[new]
        drawn = self._entropy(MESSAGE_ID_BYTES * len(rows))
        if len(drawn) != MESSAGE_ID_BYTES * len(rows):
            raise KeyMalformed(f"the random source gave {len(drawn)} bytes")
        message_ids = (
            drawn[start : start + MESSAGE_ID_BYTES]
            for start in range(0, len(drawn), MESSAGE_ID_BYTES)
        )
        changed = []
        for row, message_id in zip(rows, message_ids, strict=True):
            parent = parents.get(row.parent)
            if parent is None:
                raise WrappedKeyRefused(
                    f"key {row.key_id} names a tenant key that is not there", where=row.key_id
                )
            changed.append((row, rewrap(self._suite, parent, target, row, message_id)))
        return changed


def begin_root(store: RotationStore, old: int, clock: Clock, by: str) -> Rotation:
    """Note that the root of this generation is being replaced, or find the note.

    Raises:
        RotationUnfinished: a rotation of something else has not ended.
    """
    held = store.unfinished()
    if held is not None:
        if held.kind is not RotationKind.ROOT:
            raise RotationUnfinished(f"a rotation of the {held.kind.value} key has not ended")
        return held
    rotation = Rotation(
        kind=RotationKind.ROOT, tenant="", old=old, new=old + 1, began_at=clock.now(), began_by=by
    )
    store.begin(rotation, ())
    return rotation


def rewrap_root_rows(
    suite: Suite,
    old: Parent,
    new: Parent,
    store: RotationStore,
    rotation: Rotation,
    entropy: Entropy,
) -> int:
    """Hang every row of the old root on the new one, all or none; returns how many."""

    def rewrapped(row: WrappedKey) -> bytes:
        return rewrap(suite, old.secret, new.secret, row, entropy(MESSAGE_ID_BYTES))

    return store.rewrap_root(rotation, rewrapped)
