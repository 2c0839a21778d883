"""Whatever an intruder with the file key does to the rows is found, and where."""

# ruff: noqa: ANN401 - the house fixture lives in a conftest, whose types tests cannot import

import shutil
from typing import Any

import pytest

from secure_records.audit.checkpoint import checkpoint_text
from secure_records.audit.merkle import Frontier, leaf_hash
from secure_records.audit.note import sign_note

EDIT = (
    "UPDATE audit_entries SET entry = CAST(replace(CAST(entry AS TEXT), 'permit', 'deny') AS BLOB)"
)
INSERT = (
    "INSERT INTO audit_entries SELECT tenant, 42, entry, leaf_hash, nodes, at_us, actor, action,"
    " decision, purpose, partner, record, kind, subject, nonce FROM audit_entries WHERE idx = 7"
)
TAKE = (
    "UPDATE audit_entries SET leaf_hash = (SELECT leaf_hash FROM t WHERE t.idx = {source})"
    " WHERE idx = {target}"
)
SWAP = (
    "UPDATE audit_entries SET idx = -1 WHERE idx = {a}",
    "UPDATE audit_entries SET idx = {a} WHERE idx = {b}",
    "UPDATE audit_entries SET idx = {b} WHERE idx = -1",
)


def bad_checks(verdict: Any) -> set[str]:
    return {check.name for check in verdict.checks if not check.ok}


def rehash(house: Any, *, nodes: bool) -> None:
    """Recompute leaf hashes (and interior nodes) the way a knowing intruder would."""
    with house.transaction() as connection:
        frontier = Frontier()
        rows = connection.exec_driver_sql(
            "SELECT idx, entry, nodes FROM audit_entries ORDER BY idx"
        ).all()
        for idx, entry, kept in rows:
            leaf = leaf_hash(entry)
            made = frontier.append(leaf)
            connection.exec_driver_sql(
                "UPDATE audit_entries SET leaf_hash = ?, nodes = ? WHERE idx = ?",
                (leaf, made if nodes else kept, idx),
            )


def test_untouched_log_is_whole(house: Any) -> None:
    """Without an intruder every check passes, and all entries are covered."""
    house.fill(60)
    note = house.fill(40)
    verdict = house.verdict(note)
    assert verdict.ok
    assert verdict.first_bad_index is None
    assert (verdict.size, verdict.covered) == (100, 100)
    assert len(verdict.checks) == 8


@pytest.mark.parametrize(
    ("name", "statements", "first", "check"),
    [
        ("edit", (f"{EDIT} WHERE idx = 41",), 41, "leaf_hashes"),
        ("delete", ("DELETE FROM audit_entries WHERE idx = 41",), 41, "sequence"),
        ("delete first", ("DELETE FROM audit_entries WHERE idx = 0",), 0, "sequence"),
        (
            "delete and close the gap",
            (
                "DELETE FROM audit_entries WHERE idx = 41",
                "UPDATE audit_entries SET idx = -idx WHERE idx > 41",
                "UPDATE audit_entries SET idx = -idx - 1 WHERE idx < 0",
            ),
            40,
            "interior_nodes",
        ),
        (
            "insert",
            (
                "UPDATE audit_entries SET idx = -idx WHERE idx > 41",
                "UPDATE audit_entries SET idx = -idx + 1 WHERE idx < 0",
                INSERT,
            ),
            42,
            "interior_nodes",
        ),
        ("reorder", tuple(s.format(a=40, b=44) for s in SWAP), 40, "interior_nodes"),
        ("truncate", ("DELETE FROM audit_entries WHERE idx >= 90",), 90, "checkpoint_roots"),
        (
            "swap two leaf hashes",
            (
                "CREATE TABLE t AS SELECT idx, leaf_hash FROM audit_entries WHERE idx IN (8, 12)",
                TAKE.format(source=12, target=8),
                TAKE.format(source=8, target=12),
            ),
            8,
            "leaf_hashes",
        ),
        ("column", ("UPDATE audit_entries SET actor = 'nobody' WHERE idx = 5",), 5, "side_columns"),
        ("time", ("UPDATE audit_entries SET at_us = at_us + 1 WHERE idx = 5",), 5, "side_columns"),
        (
            "blame another patient",
            ("UPDATE audit_entries SET subject = 'sub_x' WHERE idx = 9",),
            9,
            "openings",
        ),
        (
            "half an opening",
            ("UPDATE audit_entries SET nonce = NULL WHERE idx = 9",),
            9,
            "openings",
        ),
        (
            "nodes",
            ("UPDATE audit_entries SET nodes = zeroblob(length(nodes)) WHERE idx = 63",),
            63,
            "interior_nodes",
        ),
        (
            "text",
            ("UPDATE audit_entries SET entry = CAST(entry AS TEXT) WHERE idx = 3",),
            3,
            "leaf_hashes",
        ),
        ("text nonce", ("UPDATE audit_entries SET nonce = 'x' WHERE idx = 9",), 9, "openings"),
        ("no JSON", ("UPDATE audit_entries SET entry = X'7B' WHERE idx = 3",), 3, "leaf_hashes"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_tampering_is_found_and_placed(
    house: Any, name: str, statements: tuple[str, ...], first: int, check: str
) -> None:
    """Each way of touching stored rows is noticed, with the first bad index."""
    house.fill(60)
    house.fill(40)
    house.tamper(*statements)

    verdict = house.verdict()

    assert not verdict.ok
    assert verdict.first_bad_index == first
    assert check in bad_checks(verdict), name


def test_edit_with_matching_leaf_hash_is_placed_within_a_pair(house: Any) -> None:
    """Whoever recomputes the leaf hash meets the pair's stored node."""
    house.fill(100)
    house.tamper(f"{EDIT} WHERE idx = 41")
    rehash(house, nodes=False)

    verdict = house.verdict()

    assert bad_checks(verdict) >= {"interior_nodes", "checkpoint_roots"}
    assert verdict.first_bad_index == 40


def test_rewritten_history_is_caught_by_the_signed_roots(house: Any) -> None:
    """A tree recomputed throughout still misses every root signed after the edit."""
    for _ in range(4):
        house.fill(25)
    house.tamper(
        f"{EDIT} WHERE idx = 60", "UPDATE audit_entries SET decision = 'deny' WHERE idx = 60"
    )
    rehash(house, nodes=True)

    verdict = house.verdict()

    assert bad_checks(verdict) == {"checkpoint_roots"}
    assert (verdict.first_bad_index, verdict.covered) == (50, 50)


def test_old_file_put_back_is_caught_by_the_anchor(house: Any) -> None:
    """A consistent older copy is whole in itself, but shorter than the note kept outside."""
    house.fill(20)
    shutil.copy(house.path, house.path.with_suffix(".old"))
    anchor = house.fill(10)
    shutil.copy(house.path.with_suffix(".old"), house.path)

    assert house.verdict().ok
    verdict = house.verdict(anchor)

    assert bad_checks(verdict) == {"anchor"}
    assert verdict.first_bad_index == 20


def test_truncation_with_its_checkpoints_is_caught_by_the_anchor(house: Any) -> None:
    """Cutting rows and the checkpoints over them leaves only the outside note as witness."""
    house.fill(20)
    anchor = house.fill(10)
    house.tamper(
        "DELETE FROM audit_entries WHERE idx >= 25", "DELETE FROM audit_checkpoints WHERE size > 20"
    )
    verdict = house.verdict(anchor)
    assert bad_checks(verdict) == {"anchor"}
    assert verdict.first_bad_index == 25


def test_fork_under_the_true_key_is_caught_by_the_anchor(house: Any) -> None:
    """Another history of the same length, signed by the log itself, is not the anchored one."""
    house.fill(10)
    anchor = house.fill(10)
    house.tamper(f"{EDIT} WHERE idx = 15", "DELETE FROM audit_checkpoints WHERE size > 10")
    house.tamper("UPDATE audit_entries SET decision = 'deny' WHERE idx = 15")
    rehash(house, nodes=True)
    house.fill(0)

    assert house.verdict().ok
    verdict = house.verdict(anchor)
    assert bad_checks(verdict) == {"anchor"}
    assert not verdict.ok


def test_forged_checkpoint_is_refused(house: Any) -> None:
    """A note signed by a stranger, or stored under another size, counts for nothing."""
    house.fill(10)
    stranger = house.signer_with(b"\x05" * 32)
    forged = sign_note(checkpoint_text(house.origin, 4, b"\1" * 32), house.origin, (stranger,))
    with house.transaction() as connection:
        connection.exec_driver_sql(
            "INSERT INTO audit_checkpoints SELECT tenant, 4, ?, at FROM audit_checkpoints",
            (forged,),
        )
    assert bad_checks(house.verdict()) == {"checkpoint_signatures"}
    house.tamper("DELETE FROM audit_checkpoints WHERE size = 4")
    house.tamper("UPDATE audit_checkpoints SET size = 9")
    assert bad_checks(house.verdict()) == {"checkpoint_signatures"}


def test_openings_cannot_vanish_unrecorded(house: Any) -> None:
    """Erased openings must be on record; a silent erasure hides a patient's trail."""
    house.fill(10)
    house.tamper("UPDATE audit_entries SET subject = NULL, nonce = NULL WHERE idx = 4")
    verdict = house.verdict()
    assert bad_checks(verdict) == {"openings"}
    assert verdict.first_bad_index is None


def test_foreign_anchor_is_refused(house: Any) -> None:
    """Something that is no note of this log is no anchor."""
    house.fill(3)
    assert bad_checks(house.verdict("not a note")) == {"anchor"}
