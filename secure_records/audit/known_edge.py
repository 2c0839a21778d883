"""Is the edge of the tree that this process grew last still the edge in the store?

Appending needs the right edge of the tree. Whoever appended last holds it; if the
store's newest entry is the one that it ended with, nothing has to be read and
joined again. Entries of another process, or a transaction that was rolled back,
leave another newest entry, and the edge is then read from the store.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass

from secure_records.audit.merkle import Frontier


@dataclass(frozen=True, slots=True)
class _Edge:
    last: bytes
    size: int
    peaks: tuple[bytes, ...]


class KnownEdge:
    """The edge of one log after this process's newest entry; lives as long as the process."""

    __slots__ = ("_edge",)

    def __init__(self) -> None:
        self._edge: _Edge | None = None

    def keep(self, last: bytes, frontier: Frontier) -> None:
        """Remember ``frontier``, whose newest leaf hash is ``last``."""
        # One assignment of one value: threads see the old edge or the new, never a mixture.
        self._edge = _Edge(last, frontier.size, frontier.peaks)

    def after(self, index: int, leaf: bytes) -> Frontier | None:
        """The edge behind entry ``index`` with this leaf hash; None if it is not known."""
        edge = self._edge
        if edge is None or edge.size != index + 1 or not hmac.compare_digest(edge.last, leaf):
            return None
        return Frontier(edge.size, edge.peaks)
