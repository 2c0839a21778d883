"""No entry, no service; no key, no record; and a crash leaves at most keys that open nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from sqlalchemy.engine import Connection

from secure_records import Caller
from secure_records.access.decision import AccessPolicy
from secure_records.access.errors import AccessDenied
from secure_records.vault_parts import VaultParts

if TYPE_CHECKING:
    from conftest import Room


class LogIsFull(Exception):
    """The log cannot be written."""


class Broken:
    """A log that takes nothing."""

    def append(self, _fact: object) -> int:
        raise LogIsFull

    def append_all(self, _facts: object) -> range:
        raise LogIsFull


def key_rows(room: Room) -> int:
    """Committed keys."""
    with room.key_file.reading() as connection:
        return connection.exec_driver_sql("SELECT count(*) FROM wrapped_keys").scalar_one()


def test_without_a_log_nothing_is_stored(room: Room, officer: Caller) -> None:
    """The entry commits with the record or neither does."""
    vault = room.open(audit=lambda _: Broken())

    with pytest.raises(LogIsFull):
        vault.store(officer, room.records(), "test")

    assert vault.count() == 0
    assert room.sql("SELECT subject FROM subjects") == []
    assert room.sql("SELECT subject FROM index_terms") == []


def test_without_a_log_nothing_is_shown(stored: Room, officer: Caller) -> None:
    """Neither a record nor the answer to a search leaves without its entry."""
    person = stored.records()[0].subject
    [(record,), *_] = stored.sql("SELECT record FROM records")
    vault = stored.open(audit=lambda _: Broken())

    with pytest.raises(LogIsFull):
        vault.read(officer, record, "patient_request")
    with pytest.raises(LogIsFull):
        vault.search(officer, {"id_no": person.id_no}, "patient_request")


def test_the_entry_is_committed_before_anything_is_opened(stored: Room, officer: Caller) -> None:
    """At the moment the data key is asked for, another connection already sees the entry."""
    [(record,), *_] = stored.sql("SELECT record FROM records")
    seen = []
    real = stored.keys.dek_by_id

    def watched(tenant: str, key_id: str) -> bytes:
        last = stored.entries()[-1]
        seen.append((last["action"], last["record"]))
        return real(tenant, key_id)

    stored.keys.dek_by_id = watched
    stored.vault.read(officer, record, "patient_request")

    assert seen == [("record.read", record)]


def test_a_crash_after_the_key_commit_leaves_orphan_keys_only(room: Room, officer: Caller) -> None:
    """Power fails between key and record: keys without records, and the import simply repeats."""
    real = room.file.transaction

    @contextmanager
    def fails_at_commit() -> Iterator[Connection]:
        with real() as connection:
            yield connection
            raise ConnectionAbortedError

    before = key_rows(room)
    room.file.transaction = fails_at_commit
    with pytest.raises(ConnectionAbortedError):
        room.vault.store(officer, room.records(), "test")
    room.file.transaction = real

    assert room.vault.count() == 0
    assert key_rows(room) > before
    again = room.open().store(officer, room.records(), "test")
    assert not any(receipt.already_present for receipt in again)
    assert room.vault.count() == len(again)


def test_keys_that_cannot_be_kept_seal_nothing(room: Room, officer: Caller) -> None:
    """If the key file cannot be written the records do not commit."""

    def fails() -> None:
        raise OSError("disk full")

    room.keys.flush = fails
    with pytest.raises(OSError, match="disk full"):
        room.vault.store(officer, room.records(), "test")

    assert room.vault.count() == 0
    assert room.entries() == []


def test_a_policy_that_ends_is_over_at_once(stored: Room, officer: Caller) -> None:
    """The policy is asked inside each transaction, not remembered."""

    class Changing:
        def __init__(self) -> None:
            self.asked = 0

        def __call__(self, _connection: Connection) -> AccessPolicy:
            self.asked += 1
            return stored_policy

    stored_policy = _policy(stored)
    changing = Changing()
    vault = stored.open(policy=changing)
    [(record,), *_] = stored.sql("SELECT record FROM records")
    vault.read(officer, record, "patient_request")
    first = changing.asked
    vault.read(officer, record, "patient_request")
    assert changing.asked > first

    with pytest.raises(AccessDenied):
        vault.read(officer, record, "treatment")


def _policy(room: Room) -> AccessPolicy:
    parts: VaultParts = room.vault._parts
    with room.file.reading() as connection:
        return parts.policy(connection)
