"""For every tree, every true proof holds and every touched one is refused."""

# ruff: noqa: ANN401 - the house fixture lives in a conftest, whose types tests cannot import

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secure_records.audit import merkle
from secure_records.audit.entry import AuditFact, entry_bytes, parse_entry
from secure_records.audit.errors import ProofInvalid
from secure_records.audit.merkle import Coordinates, Frontier, leaf_hash
from shared_kernel.canonical_json import canonical_bytes
from shared_kernel.instants import parse_instant

LEAVES = [leaf_hash(number.to_bytes(2, "big")) for number in range(130)]


def mth(leaves: Sequence[bytes]) -> bytes:
    """RFC 6962, section 2.1, word for word."""
    if len(leaves) < 2:
        return leaves[0] if leaves else merkle.EMPTY_ROOT
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return merkle.node_hash(mth(leaves[:k]), mth(leaves[k:]))


def nodes(wanted: Sequence[Coordinates]) -> list[bytes]:
    return [mth(LEAVES[place << level : (place + 1) << level]) for level, place in wanted]


def flipped(value: bytes, bit: int) -> bytes:
    bit %= len(value) * 8
    changed = bytearray(value)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


@given(size=st.integers(0, 130))
@settings(derandomize=True, deadline=None, max_examples=60)
def test_frontier_has_the_recursive_root(size: int) -> None:
    """Appending one by one and the recursive definition agree at every size."""
    frontier = Frontier()
    for leaf in LEAVES[:size]:
        frontier.append(leaf)
    assert frontier.root() == mth(LEAVES[:size])
    assert list(frontier.peaks) == nodes(merkle.cover(0, size))


@given(size=st.integers(1, 130), data=st.data())
@settings(derandomize=True, deadline=None, max_examples=80)
def test_inclusion_holds_and_flips_refuse(size: int, data: Any) -> None:
    """A true inclusion proof verifies; one flipped bit anywhere does not."""
    index = data.draw(st.integers(0, size - 1))
    bit = data.draw(st.integers(0, 10_000))
    root = mth(LEAVES[:size])
    path = merkle.inclusion_path(index, size, nodes)
    parts = [LEAVES[index], root, *path]

    merkle.verify_inclusion(parts[0], index, size, path, root)

    which = bit % len(parts)
    parts[which] = flipped(parts[which], bit // len(parts))
    with pytest.raises(ProofInvalid):
        merkle.verify_inclusion(parts[0], index, size, parts[2:], parts[1])
    for wrong in ((*path, root), path[:-1]):
        if wrong != path:
            with pytest.raises(ProofInvalid):
                merkle.verify_inclusion(LEAVES[index], index, size, wrong, root)


@given(old=st.integers(1, 130), new=st.integers(1, 130), bit=st.integers(0, 10_000))
@settings(derandomize=True, deadline=None, max_examples=80)
def test_consistency_holds_and_flips_refuse(old: int, new: int, bit: int) -> None:
    """A true consistency proof verifies; one flipped bit anywhere does not."""
    old, new = sorted((old, new))
    path = merkle.consistency_path(old, new, nodes)
    parts = [mth(LEAVES[:old]), mth(LEAVES[:new]), *path]

    merkle.verify_consistency(old, new, path, parts[0], parts[1])

    which = bit % len(parts)
    parts[which] = flipped(parts[which], bit // len(parts))
    with pytest.raises(ProofInvalid):
        merkle.verify_consistency(old, new, parts[2:], parts[0], parts[1])


texts = st.text(max_size=12)
jsons = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)


@given(
    actor=st.text(min_size=1, max_size=20),
    clauses=st.lists(texts, max_size=3),
    purpose=st.none() | texts,
    details=st.dictionaries(texts, jsons, max_size=4),
)
@settings(derandomize=True, deadline=None, max_examples=100)
def test_entry_bytes_are_canonical(
    actor: str, clauses: list[str], purpose: str | None, details: dict[str, Any]
) -> None:
    """The fast writer gives exactly the shared kernel's canonical bytes, for any text."""
    fact = AuditFact(
        at=parse_instant("2026-03-01T00:00:00.123456Z", "at"),
        actor=actor,
        action="a",
        decision="done",
        purpose=purpose,
        clauses=tuple(clauses),
        details=details,
    )
    encoded = entry_bytes(fact, commitment=None, salt=bytes(16))
    assert encoded == canonical_bytes(parse_entry(encoded, 0))
