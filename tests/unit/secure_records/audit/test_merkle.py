"""Roots and paths are those of RFC 6962."""

import pytest

from secure_records.audit import merkle
from secure_records.audit.errors import ProofInvalid, ProofUnavailable
from secure_records.audit.merkle import Frontier, cover, leaf_hash

# The eight leaves and the roots of the reference implementation's tests (rfc6962_test.go).
LEAVES = tuple(
    bytes.fromhex(text)
    for text in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
)
ROOTS = (
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
)


def tree(count: int) -> Frontier:
    frontier = Frontier()
    for leaf in LEAVES[:count]:
        frontier.append(leaf_hash(leaf))
    return frontier


@pytest.mark.parametrize("size", range(9))
def test_root_is_the_reference_root(size: int) -> None:
    """Sizes 0 to 8 have the roots published with the reference implementation."""
    assert tree(size).root().hex() == ROOTS[size]


def test_append_returns_the_subtrees_it_completes() -> None:
    """The fourth leaf completes the pair and the four, lowest first."""
    frontier = tree(3)

    completed = frontier.append(leaf_hash(LEAVES[3]))

    assert len(completed) == 64
    assert completed[32:].hex() == ROOTS[4]


def test_cover_tiles_from_left_to_right() -> None:
    """Seven leaves are a four, a two and a one."""
    assert cover(0, 7) == ((2, 0), (1, 2), (0, 6))


def test_edge_must_have_one_peak_per_bit() -> None:
    """A frontier with a missing or short peak is refused, not repaired."""
    with pytest.raises(ProofInvalid):
        Frontier(3, (b"\0" * 32,))
    with pytest.raises(ProofInvalid):
        Frontier(1, (b"",))


def test_paths_outside_the_log_do_not_exist() -> None:
    """An index at the size, or a larger old size, is bad input."""
    with pytest.raises(ProofUnavailable):
        merkle.inclusion_path(5, 5, lambda _: ())
    with pytest.raises(ProofUnavailable):
        merkle.consistency_path(6, 5, lambda _: ())


def test_empty_leaf_is_not_an_empty_root() -> None:
    """Hashes of another length than 32 bytes never verify."""
    with pytest.raises(ProofInvalid, match="32 bytes"):
        merkle.verify_inclusion(b"", 0, 1, (), b"")
