"""What are the hashes of this subtree, when the tree lies in a store?

The row of a leaf holds the hash of every subtree which that leaf completes, so
one subtree is one row, and a proof is one question to the store. Nothing read
here is believed: ``verification`` recomputes it, and proofs are checked against
a signed root by whoever receives them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from secure_records.audit import merkle
from secure_records.audit.errors import ProofUnavailable, StoredLogDamaged
from secure_records.audit.merkle import HASH_BYTES, Coordinates, Frontier


class HashStore(Protocol):
    """The part of ``AuditStore`` that a tree needs."""

    def size(self) -> int:
        """Number of entries."""
        ...

    def hashes(self, indexes: Sequence[int]) -> Sequence[tuple[bytes, bytes]]:
        """``(leaf_hash, nodes)`` of each index."""
        ...


class StoredTree:
    """The tree of one log as stored now."""

    def __init__(self, store: HashStore) -> None:
        self._store = store
        self._size = store.size()

    @property
    def size(self) -> int:
        """Number of leaves when this object was made."""
        return self._size

    def frontier(self, size: int | None = None) -> Frontier:
        """The right edge at ``size`` leaves (default: all).

        Raises:
            StoredLogDamaged: a row is missing or has another shape.
        """
        leaves = self._reached(size)
        return Frontier(leaves, self.nodes(merkle.cover(0, leaves)))

    def root(self, size: int | None = None) -> bytes:
        """The root at ``size`` leaves (default: all)."""
        return self.frontier(size).root()

    def inclusion_path(self, index: int, size: int | None = None) -> tuple[bytes, ...]:
        """Proof that entry ``index`` is in the first ``size`` leaves."""
        return merkle.inclusion_path(index, self._reached(size), self.nodes)

    def consistency_path(self, old: int, new: int | None = None) -> tuple[bytes, ...]:
        """Proof that the first ``new`` leaves continue the first ``old``."""
        return merkle.consistency_path(old, self._reached(new), self.nodes)

    def nodes(self, wanted: Sequence[Coordinates]) -> Sequence[bytes]:
        """Hashes of complete subtrees; a ``merkle.NodeSource``."""
        if not wanted:
            return ()
        rows = self._store.hashes([((place + 1) << level) - 1 for level, place in wanted])
        found = []
        for (level, place), (leaf, nodes) in zip(wanted, rows, strict=True):
            start = (level - 1) * HASH_BYTES
            node = leaf if level == 0 else nodes[start : start + HASH_BYTES]
            if not isinstance(node, bytes) or len(node) != HASH_BYTES:
                raise StoredLogDamaged(f"subtree {level}/{place} has no hash in the store")
            found.append(node)
        return found

    def _reached(self, size: int | None) -> int:
        if size is None:
            return self._size
        if not 0 <= size <= self._size:
            raise ProofUnavailable(f"the log has {self._size} entries, not {size}")
        return size
