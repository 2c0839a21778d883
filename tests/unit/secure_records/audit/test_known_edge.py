"""The edge that a process remembers is used only while the store ends where it did."""

# ruff: noqa: ANN401 - the house fixture lives in a conftest, whose types tests cannot import

from typing import Any

import pytest
from proofbundle.merkle import merkle_tree_hash

from secure_records.audit.errors import EntryRefused
from secure_records.audit.known_edge import KnownEdge
from secure_records.audit.log import AuditLog
from secure_records.audit.merkle import Frontier
from secure_records.audit.stored_tree import StoredTree

LEAVES = [bytes((number,)) * 32 for number in range(5)]


def grown(leaves: list[bytes]) -> Frontier:
    frontier = Frontier()
    frontier.extend(leaves)
    return frontier


def test_nothing_is_known_at_first() -> None:
    """A new process reads the edge from the store."""
    assert KnownEdge().after(4, LEAVES[-1]) is None


def test_the_edge_is_known_behind_its_own_newest_entry() -> None:
    """Size, peaks and root are those of the tree that was grown."""
    known = KnownEdge()
    known.keep(LEAVES[-1], grown(LEAVES))

    edge = known.after(4, LEAVES[-1])

    assert edge is not None
    assert (edge.size, edge.peaks, edge.root()) == (
        5,
        grown(LEAVES).peaks,
        grown(LEAVES).root(),
    )


def test_another_newest_entry_means_another_edge() -> None:
    """Entries of another process, a rolled-back transaction, an exchanged leaf."""
    known = KnownEdge()
    known.keep(LEAVES[-1], grown(LEAVES))

    assert known.after(5, LEAVES[-1]) is None
    assert known.after(3, LEAVES[3]) is None
    assert known.after(4, LEAVES[3]) is None


def test_growing_what_was_handed_out_changes_nothing_that_is_kept() -> None:
    """The edge is a copy each time: a transaction that fails leaves no trace in it."""
    known = KnownEdge()
    known.keep(LEAVES[-1], grown(LEAVES))
    edge = known.after(4, LEAVES[-1])
    assert edge is not None
    edge.extend([b"\x09" * 32])

    again = known.after(4, LEAVES[-1])

    assert again is not None
    assert again.peaks == grown(LEAVES).peaks


def append(house: Any, known: KnownEdge | None, *numbers: int, malformed: bool = False) -> None:
    """One transaction; a malformed entry behind the others rolls it back."""
    with house.transaction() as connection:
        log = AuditLog(house.store(connection), house.tags, house.entropy, known)
        log.append_all([house.fact(number) for number in numbers])
        if malformed:
            log.append(house.fact(0, actor=""))


def test_the_tree_is_the_rfc_tree_whoever_wrote_last(house: Any) -> None:
    """Own batches, another process between them, and a transaction that was rolled back."""
    known = KnownEdge()
    append(house, known, 0, 1, 2)
    append(house, known, 3)
    append(house, None, 4, 5)
    append(house, known, 6)
    with pytest.raises(EntryRefused):
        append(house, known, 7, malformed=True)
    append(house, known, 8, 9)

    with house.transaction() as connection:
        store = house.store(connection)
        entries = [row.entry for batch in store.entries(0) for row in batch]
        assert len(entries) == 9
        assert house.log(connection).root() == merkle_tree_hash(entries)
        assert StoredTree(store).root() == merkle_tree_hash(entries)
    assert house.verdict().ok
