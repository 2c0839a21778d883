"""What did the verification of a log find, and where does the damage begin?

A finding is exact (this row) or a range (somewhere between these indexes: a hash
over many leaves differs). Exact findings about leaves explain ranges; findings
about the side columns never do, since those columns lie outside the tree.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

SEQUENCE: Final = "sequence"
LEAVES: Final = "leaf_hashes"
NODES: Final = "interior_nodes"
COLUMNS: Final = "side_columns"
OPENINGS: Final = "openings"
SIGNATURES: Final = "checkpoint_signatures"
ROOTS: Final = "checkpoint_roots"
ANCHOR: Final = "anchor"

_CLEAN: Final[Mapping[str, tuple[str, str]]] = {
    SEQUENCE: ("indexes run without gap", "序号连续无缺"),
    LEAVES: ("every entry has its stored leaf hash", "每条记录与其叶散列一致"),
    NODES: ("every stored interior node was recomputed", "全部中间节点重算一致"),
    COLUMNS: ("indexed columns repeat their entries", "索引列与记录内容一致"),
    OPENINGS: ("patients stand beside their own commitments", "患者对应关系与承诺一致"),
    SIGNATURES: ("every checkpoint is signed by the log", "全部检查点签名有效"),
    ROOTS: ("the log continues every checkpoint", "日志延续全部检查点"),
    ANCHOR: ("the log continues the anchored checkpoint", "日志延续外存检查点"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing that was looked at."""

    name: str
    ok: bool
    detail: str
    """For people, in English; names indexes, never content."""

    detail_zh: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LogVerdict:
    """May this log be believed?"""

    ok: bool
    size: int
    """Entries found."""

    root: bytes
    """Recomputed from the entries found."""

    first_bad_index: int | None
    """Where the damage begins. If only a hash over several entries differs: the first of the
    smallest group known to hold a bad one. None: no damage, or none that has a place."""

    covered: int
    """Entries under a verified checkpoint or anchor; a cut behind them would not show."""

    checks: tuple[Check, ...]


class Findings:
    """Collects while a verification runs; mutable, one per run."""

    def __init__(self) -> None:
        self._first: dict[str, tuple[str, str]] = {}
        self._count: dict[str, int] = {}
        self._looked: dict[str, tuple[str, str]] = {}
        self._leaf: int | None = None
        self._side: int | None = None
        self._range: tuple[int, int] | None = None

    def looked(self, check: str, note: str = "", note_zh: str = "") -> None:
        """Say that a check ran; a note is added to its clean sentence."""
        english, chinese = _CLEAN[check]
        self._looked[check] = (
            f"{english}; {note}" if note else english,
            f"{chinese};{note_zh}" if note_zh else chinese,
        )

    def exact(self, check: str, index: int, english: str, chinese: str) -> None:
        """This row is bad."""
        self._add(check, f"entry {index}: {english}", f"第 {index} 条:{chinese}")
        if check in {COLUMNS, OPENINGS}:
            self._side = index if self._side is None else min(self._side, index)
        else:
            self._leaf = index if self._leaf is None else min(self._leaf, index)

    def within(self, check: str, start: int, stop: int, english: str, chinese: str) -> None:
        """At least one row from ``start`` up to, excluding, ``stop`` is bad."""
        last = stop - 1
        self._add(
            check, f"entries {start} to {last}: {english}", f"第 {start} 至 {last} 条:{chinese}"
        )
        # The range that ends first holds the first bad row; among those the shortest says most.
        best = self._range
        if best is None or (stop, -start) < (best[1], -best[0]):
            self._range = (start, stop)

    def placeless(self, check: str, english: str, chinese: str) -> None:
        """Something is wrong that has no index."""
        self._add(check, english, chinese)

    def verdict(self, *, size: int, root: bytes, covered: int) -> LogVerdict:
        """Everything, in the order in which the checks were announced."""
        checks = tuple(self._check(name) for name in self._looked)
        return LogVerdict(
            ok=all(check.ok for check in checks),
            size=size,
            root=root,
            first_bad_index=self._first_bad(covered),
            covered=covered,
            checks=checks,
        )

    def _add(self, check: str, english: str, chinese: str) -> None:
        self._first.setdefault(check, (english, chinese))
        self._count[check] = self._count.get(check, 0) + 1

    def _check(self, name: str) -> Check:
        if name not in self._first:
            english, chinese = self._looked[name]
            return Check(name=name, ok=True, detail=english, detail_zh=chinese)
        english, chinese = self._first[name]
        more = self._count[name] - 1
        if more:
            english, chinese = f"{english} (and {more} more)", f"{chinese}(另有 {more} 处)"
        return Check(name=name, ok=False, detail=english, detail_zh=chinese)

    def _first_bad(self, covered: int) -> int | None:
        tree = self._leaf
        # A bad leaf explains every hash above it, but no group that ends before it.
        if self._range is not None and (tree is None or self._range[1] <= tree):
            start, stop = self._range
            # Entries under a true checkpoint are whole: then the row that stores the node is bad.
            tree = stop - 1 if stop <= covered else start
        places = [place for place in (tree, self._side) if place is not None]
        return min(places, default=None)
