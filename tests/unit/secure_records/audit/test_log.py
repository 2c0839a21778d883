"""Facts become entries, heads become checkpoints, and history is never signed twice."""

# ruff: noqa: ANN401 - the house fixture lives in a conftest, whose types tests cannot import

from dataclasses import replace
from typing import Any

import pytest
from proofbundle.checkpoint import verify_checkpoint as oracle_verify_checkpoint
from proofbundle.merkle import merkle_tree_hash
from proofbundle.tlogproof import verify_tlog_proof

from secure_records.audit import merkle
from secure_records.audit.errors import (
    CheckpointInconsistent,
    EntryRefused,
    ProofUnavailable,
    SequenceTaken,
    StoredLogDamaged,
)
from secure_records.audit.log import ERASURE_ACTION, AuditLog
from secure_records.audit.note import vkey_text
from secure_records.audit.stored_tree import StoredTree


@pytest.mark.parametrize("batches", [(1,), (1, 1, 1), (7,), (3, 4), (64, 1), (5, 60, 35)])
def test_stored_tree_is_the_rfc_tree(house: Any, batches: tuple[int, ...]) -> None:
    """However entries are batched, the root is MTH of the stored entries (oracle)."""
    for count in batches:
        house.fill(count, checkpoint=False)

    with house.transaction() as connection:
        store = house.store(connection)
        entries = [row.entry for batch in store.entries(0) for row in batch]
        log = house.log(connection)
        assert log.size() == sum(batches)
        assert log.root() == merkle_tree_hash(entries)


def test_append_gives_consecutive_indexes(house: Any) -> None:
    """One transaction may append several times; indexes continue over transactions."""
    with house.transaction() as connection:
        log = house.log(connection)
        assert log.append(house.fact(0)) == 0
        assert list(log.append_all([house.fact(1), house.fact(2)])) == [1, 2]
        assert list(log.append_all([])) == []
    with house.transaction() as connection:
        assert house.log(connection).append(house.fact(3)) == 3


def test_refused_batch_leaves_nothing(house: Any) -> None:
    """One bad fact refuses the whole batch, and the log goes on as if never asked."""
    with house.transaction() as connection:
        log = house.log(connection)
        log.append(house.fact(0))
        with pytest.raises(EntryRefused):
            log.append_all([house.fact(1), house.fact(2, actor="")])
        assert log.size() == 1
        assert log.append(house.fact(1)) == 1
    assert house.verdict().ok


def test_second_sequencer_is_refused(house: Any) -> None:
    """Two logs over one store cannot both take an index."""
    with house.transaction() as connection:
        first, second = house.log(connection), house.log(connection)
        assert first.size() == second.size() == 0
        first.append(house.fact(0))
        with pytest.raises(SequenceTaken):
            second.append(house.fact(1))
        assert second.size() == 0


def test_equal_facts_give_different_leaves(house: Any) -> None:
    """Neither a guessed content nor a repeated patient is visible in leaf hashes."""
    plain = house.fact(0, subject=None)
    with house.transaction() as connection:
        house.log(connection).append_all([plain, plain, house.fact(0), house.fact(0)])
        [rows] = list(house.store(connection).entries(0))
    assert len({row.leaf_hash for row in rows}) == 4


def test_checkpoint_is_read_by_an_outside_verifier(house: Any) -> None:
    """An independent C2SP implementation accepts the note and reads the same head."""
    note = house.fill(10)

    outcome = oracle_verify_checkpoint(note, vkey_text(house.keys[0]))

    with house.transaction() as connection:
        root = house.log(connection).root()
    assert outcome["ok"]
    assert (outcome["origin"], outcome["tree_size"]) == (house.origin, 10)
    assert outcome["root"] == root


@pytest.mark.parametrize("index", [0, 6, 9])
def test_inclusion_proof_is_read_by_an_outside_verifier(house: Any, index: int) -> None:
    """A tlog-proof of any covered entry holds for that entry and for no other."""
    house.fill(10)
    house.fill(3, checkpoint=False)
    with house.transaction() as connection:
        text = house.log(connection).inclusion_proof(index)
        [rows] = list(house.store(connection).entries(0))

    vkey = vkey_text(house.keys[0])

    assert verify_tlog_proof(text, rows[index].entry, vkey, expected_origin=house.origin)["ok"]
    assert not verify_tlog_proof(text, rows[11].entry, vkey, expected_origin=house.origin)["ok"]


def test_entry_behind_the_checkpoint_has_no_proof_yet(house: Any) -> None:
    """What no checkpoint covers cannot be proven."""
    house.fill(2)
    house.fill(1, checkpoint=False)
    with house.transaction() as connection, pytest.raises(ProofUnavailable):
        house.log(connection).inclusion_proof(2)


def test_checkpoint_at_the_same_size_is_the_same_note(house: Any) -> None:
    """Asking twice signs once; a new key adds its line and keeps the old one."""
    first = house.fill(4)
    other = house.signer_with(b"\x02" * 32)
    with house.transaction() as connection:
        log = house.log(connection)
        assert log.checkpoint(house.origin, (house.signer,), house.day) == first
        both = log.checkpoint(house.origin, (house.signer, other), house.day)
        assert log.latest_checkpoint() == both
    assert both.startswith(first)
    assert both.count("\u2014 ") == 2


def test_empty_log_has_a_checkpoint_that_others_continue(house: Any) -> None:
    """Size 0 may be signed, and every log continues it."""
    house.fill(0)
    house.fill(3)
    verdict = house.verdict()
    assert verdict.ok
    assert verdict.covered == 3


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE audit_entries SET nodes = zeroblob(length(nodes)) WHERE idx = 7",
        "DELETE FROM audit_entries WHERE idx >= 6",
        "UPDATE audit_checkpoints SET note = replace(note, 'audit', 'other')",
    ],
)
def test_no_second_history_is_signed(house: Any, damage: str) -> None:
    """If the log does not continue its last checkpoint, signing is refused."""
    house.fill(8)
    house.tamper(damage)
    with house.transaction() as connection:
        log = house.log(connection)
        with pytest.raises(CheckpointInconsistent):
            log.checkpoint(house.origin, (house.signer,), house.day)


def test_missing_row_is_named(house: Any) -> None:
    """A tree with a hole cannot be extended."""
    house.fill(8, checkpoint=False)
    house.tamper("DELETE FROM audit_entries WHERE idx = 3")
    with house.transaction() as connection, pytest.raises(StoredLogDamaged, match="entry 3"):
        StoredTree(house.store(connection)).inclusion_path(2)


def test_tenants_have_separate_logs(house: Any) -> None:
    """An entry of one tenant is invisible to another's log."""
    house.fill(3)
    with house.transaction() as connection:
        other = AuditLog(house.store(connection, "another"), house.tags, house.entropy)
        assert other.size() == 0
        assert other.root() == merkle.EMPTY_ROOT
        assert other.append(house.fact(0)) == 0


def test_erasure_removes_openings_and_stays_verifiable(house: Any) -> None:
    """After erasure nobody is named, the count is on record and the log still verifies."""
    house.fill(10)
    order = replace(house.fact(10), subject=None, record=None, decision="done")
    with house.transaction() as connection:
        assert house.log(connection).forget(house.subject(1), order) == 2
        [rows] = list(house.store(connection).entries(0))
    assert all(row.subject != house.subject(1) for row in rows)
    assert rows[10].action == ERASURE_ACTION
    assert b'"details":{"openings":2}' in rows[10].entry
    assert house.verdict().ok
