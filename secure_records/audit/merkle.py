"""Is this leaf in that tree, and is that tree a continuation of this one?

RFC 6962, section 2.1, with SHA-256 and nothing else, so that any outside
verifier works on our logs. Sizes count leaves, indexes count from zero. The
complete subtree *(level, position)* covers the leaves from ``position << level``
up to, excluding, ``position + 1 << level``.

Paths are computed in two steps: which complete subtrees are needed (arithmetic),
then their hashes from a ``NodeSource`` in one go, so a store is asked once.
Verification follows RFC 9162, sections 2.1.3.2 and 2.1.4.2.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Sequence
from typing import Final, Protocol, TypeAlias

from secure_records.audit.errors import ProofInvalid, ProofUnavailable

HASH_BYTES: Final = 32
EMPTY_ROOT: Final = hashlib.sha256(b"").digest()
"""MTH({}): the root of the tree without leaves."""

LEAF_PREFIX: Final = b"\x00"
NODE_PREFIX: Final = b"\x01"
"""Different prefixes, or an interior node could be passed off as a leaf (second preimage)."""

Coordinates: TypeAlias = tuple[int, int]
"""Level (0 is the leaves) and position of a complete subtree."""


class NodeSource(Protocol):
    """Where hashes of complete subtrees come from."""

    def __call__(self, wanted: Sequence[Coordinates], /) -> Sequence[bytes]:
        """The 32-byte hashes, in the order asked for."""
        ...


def leaf_hash(data: bytes) -> bytes:
    """MTH of a single leaf: SHA-256 of 0x00 and the data."""
    return hashlib.sha256(LEAF_PREFIX + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """SHA-256 of 0x01 and both children."""
    return hashlib.sha256(NODE_PREFIX + left + right).digest()


def fold(hashes: Sequence[bytes]) -> bytes:
    """The hash over adjacent complete subtrees, given left to right in falling size."""
    if not hashes:
        return EMPTY_ROOT
    result = hashes[-1]
    for left in reversed(hashes[:-1]):
        result = node_hash(left, result)
    return result


def cover(start: int, stop: int) -> tuple[Coordinates, ...]:
    """The largest complete subtrees that tile the leaves from ``start`` up to ``stop``.

    ``start`` must be aligned as RFC 6962 aligns subtrees; then sizes fall from left to right.
    """
    found = []
    while start < stop:
        level = (stop - start).bit_length() - 1
        found.append((level, start >> level))
        start += 1 << level
    return tuple(found)


class Frontier:
    """The right edge of a growing tree: enough to append and to know the root.

    Mutable on purpose: one lives for one transaction or one verification run.
    """

    __slots__ = ("_peaks", "_size")

    def __init__(self, size: int = 0, peaks: Sequence[bytes] = ()) -> None:
        if len(peaks) != size.bit_count() or any(len(peak) != HASH_BYTES for peak in peaks):
            raise ProofInvalid(f"a tree of {size} leaves has {size.bit_count()} peaks of 32 bytes")
        self._size = size
        self._peaks = list(peaks)

    @property
    def size(self) -> int:
        """Leaves so far."""
        return self._size

    @property
    def peaks(self) -> tuple[bytes, ...]:
        """Hashes of ``cover(0, size)``."""
        return tuple(self._peaks)

    def root(self) -> bytes:
        """MTH of all leaves so far."""
        return fold(self._peaks)

    def append(self, leaf: bytes) -> bytes:
        """Take the next leaf hash; what it completes, as ``extend`` tells it."""
        return self.extend((leaf,))[0]

    def extend(self, leaves: Sequence[bytes]) -> list[bytes]:
        """Take the next leaf hashes.

        Returns:
            For each leaf the hashes of the subtrees that it completes, lowest
            level first, joined; half of all leaves complete none.
        """
        peaks, size, sha256, result = self._peaks, self._size, hashlib.sha256, []
        for leaf in leaves:
            node, completed, lower = leaf, b"", size
            while lower & 1:
                node = sha256(NODE_PREFIX + peaks.pop() + node).digest()
                completed += node
                lower >>= 1
            peaks.append(node)
            result.append(completed)
            size += 1
        self._size = size
        return result


def inclusion_path(index: int, size: int, nodes: NodeSource) -> tuple[bytes, ...]:
    """PATH(index, D[size]) of RFC 6962, section 2.1.1, from the leaf's sibling upwards.

    Raises:
        ProofUnavailable: ``index`` is not below ``size``.
    """
    if not 0 <= index < size:
        raise ProofUnavailable(f"no entry {index} in a log of {size}")
    ranges: list[tuple[int, int]] = []
    start, stop = 0, size
    while stop - start > 1:
        middle = start + _split(stop - start)
        if index < middle:
            ranges.append((middle, stop))
            stop = middle
        else:
            ranges.append((start, middle))
            start = middle
    return _fetch(reversed(ranges), nodes)


def consistency_path(old: int, new: int, nodes: NodeSource) -> tuple[bytes, ...]:
    """PROOF(old, D[new]) of RFC 6962, section 2.1.2; empty for ``old`` 0 or equal sizes.

    Raises:
        ProofUnavailable: not ``0 <= old <= new``.
    """
    if not 0 <= old <= new:
        raise ProofUnavailable(f"no consistency proof from {old} to {new} leaves")
    if old in (0, new):
        return ()
    ranges: list[tuple[int, int]] = []
    start, stop, whole = 0, new, True
    while old != stop:
        middle = start + _split(stop - start)
        if old <= middle:
            ranges.append((middle, stop))
            stop = middle
        else:
            ranges.append((start, middle))
            start, whole = middle, False
    if not whole:
        ranges.append((start, stop))
    return _fetch(reversed(ranges), nodes)


def verify_inclusion(
    leaf: bytes, index: int, size: int, path: Sequence[bytes], root: bytes
) -> None:
    """Return if and only if ``leaf`` (a leaf hash) is at ``index`` of the tree.

    Raises:
        ProofInvalid: anything else, wrong lengths of hashes included: a verifier
            that skips the length check takes an empty leaf for an empty root.
    """
    _require_hashes(leaf, root, *path)
    if not 0 <= index < size:
        raise ProofInvalid(f"index {index} is not below the size {size}")
    lower, last, result = index, size - 1, leaf
    for sibling in path:
        if last == 0:
            raise ProofInvalid("the inclusion proof is too long")
        if lower & 1 or lower == last:
            result = node_hash(sibling, result)
            while lower and not lower & 1:
                lower, last = lower >> 1, last >> 1
        else:
            result = node_hash(result, sibling)
        lower, last = lower >> 1, last >> 1
    if last != 0:
        raise ProofInvalid("the inclusion proof is too short")
    if not hmac.compare_digest(result, root):
        raise ProofInvalid(f"entry {index} is not in the tree of {size} leaves")


def verify_consistency(
    old: int, new: int, path: Sequence[bytes], old_root: bytes, new_root: bytes
) -> None:
    """Return if and only if the first ``old`` leaves of the new tree are the old tree.

    Equal sizes need equal roots and an empty path. From or to an empty tree nothing can be
    proven (RFC 9162 asks for 0 < old), so that is refused.

    Raises:
        ProofInvalid: anything else, wrong lengths of hashes included.
    """
    if old == new > 0:
        if path or not hmac.compare_digest(old_root, new_root):
            raise ProofInvalid(f"two roots for the same {old} leaves")
        return
    _require_hashes(old_root, new_root, *path)
    if not 0 < old < new:
        raise ProofInvalid(f"a tree of {new} leaves cannot be shown to continue one of {old}")
    # RFC 9162, 2.1.4.2, step 2: a complete old tree is itself the first node of the path.
    hashes = [old_root, *path] if old & (old - 1) == 0 else list(path)
    lower, last = old - 1, new - 1
    while lower & 1:
        lower, last = lower >> 1, last >> 1
    if not path:
        raise ProofInvalid("the consistency proof is empty")
    first = second = hashes[0]
    for node in hashes[1:]:
        if last == 0:
            raise ProofInvalid("the consistency proof is too long")
        if lower & 1 or lower == last:
            first, second = node_hash(node, first), node_hash(node, second)
            while lower and not lower & 1:
                lower, last = lower >> 1, last >> 1
        else:
            second = node_hash(second, node)
        lower, last = lower >> 1, last >> 1
    agrees = hmac.compare_digest(first, old_root) & hmac.compare_digest(second, new_root)
    if last != 0 or not agrees:
        raise ProofInvalid(f"the tree of {new} leaves does not continue the one of {old}")


def _split(width: int) -> int:
    """The k of RFC 6962: the largest power of two smaller than ``width``."""
    return 1 << (width - 1).bit_length() - 1


def _fetch(ranges: Iterable[tuple[int, int]], nodes: NodeSource) -> tuple[bytes, ...]:
    groups = [cover(start, stop) for start, stop in ranges]
    hashes = iter(nodes([place for group in groups for place in group]))
    return tuple(fold([next(hashes) for _ in group]) for group in groups)


def _require_hashes(*values: bytes) -> None:
    if any(len(value) != HASH_BYTES for value in values):
        raise ProofInvalid("every hash of a proof has exactly 32 bytes")
