"""The log has no gap, no fork and no entry twice, whoever writes at once and where."""

from __future__ import annotations

import hashlib
import hmac
import os
import threading
from collections import Counter
from datetime import UTC, datetime, timedelta

import orjson
import pytest
from sqlalchemy.engine import Connection

from jinkui.wiring.stores import HomeStore
from secure_records.adapters.sql_audit_store import SqlAuditStore
from secure_records.audit.checkpoint import verify_checkpoint
from secure_records.audit.entry import AuditFact
from secure_records.audit.errors import SequenceTaken
from secure_records.audit.log import AuditLog
from secure_records.audit.note import NoteKey
from secure_records.audit.ports import StoredCheckpoint, TrailQuery
from secure_records.audit.trail import find_entries
from secure_records.audit.verification import verify_log
from secure_records.keys.signing_keys import Sm2Signer, Verifier, generate_sm2

NOON = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)
ORIGIN = "jinkui.test/log"
WRITERS, EACH = 16, 6


class Tags:
    """One audit key per subject."""

    def commit(self, subject: str, nonce: bytes, /) -> bytes:
        return hmac.digest(hashlib.sha256(subject.encode()).digest(), nonce, "sha256")


def fact(writer: int, number: int) -> AuditFact:
    return AuditFact(
        at=NOON + timedelta(seconds=number),
        actor=f"writer-{writer}",
        action="record.read",
        decision="permit",
        purpose="treatment",
        subject=f"sub_{writer % 4:026d}",
        record=f"rec_{number:026d}",
        kind="prescription",
        details={"number": number},
    )


def log_of(connection: Connection, tenant: str) -> AuditLog:
    return AuditLog(SqlAuditStore(connection, tenant), Tags(), os.urandom)


def test_sixteen_writers_at_once_leave_one_unbroken_log(store: HomeStore, tenant: str) -> None:
    """
    Each entry stands in the log once, without a gap, and the signed tree is that of these.
    """
    trouble: list[BaseException] = []
    together = threading.Barrier(WRITERS)

    def write(writer: int) -> None:
        try:
            together.wait(30)
            for number in range(EACH):
                with store.transaction() as connection:
                    log_of(connection, tenant).append(fact(writer, number))
        except BaseException as error:  # noqa: BLE001 - shown by the assertion below
            trouble.append(error)

    threads = [threading.Thread(target=write, args=(writer,)) for writer in range(WRITERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    private, public = generate_sm2()
    signer = Sm2Signer(private, public.raw)
    with store.transaction() as connection:
        note = log_of(connection, tenant).checkpoint(ORIGIN, [signer], NOON)
    key = NoteKey(name=ORIGIN, public_key=public)
    with store.reading() as connection:
        rows = [r for batch in SqlAuditStore(connection, tenant).entries(0) for r in batch]
        verdict = verify_log(
            SqlAuditStore(connection, tenant), Verifier(), (key,), tags=Tags(), need=1
        )

    assert trouble == []
    assert [row.idx for row in rows] == list(range(WRITERS * EACH))
    said = Counter((r.actor, orjson.loads(r.entry)["details"]["number"]) for r in rows)
    assert said == Counter((f"writer-{w}", n) for w in range(WRITERS) for n in range(EACH))
    assert verdict.ok, verdict.checks
    assert verify_checkpoint(note, (key,), Verifier()).size == WRITERS * EACH


def test_a_number_that_is_taken_is_refused(store: HomeStore, tenant: str) -> None:
    """
    Whoever writes past the lock, with an edge of the tree that is old, gets no entry in.
    """
    with store.transaction() as connection:
        log_of(connection, tenant).append(fact(1, 1))
    with store.reading() as connection:
        rows = next(iter(SqlAuditStore(connection, tenant).entries(0)))
    with pytest.raises(SequenceTaken), store.transaction() as connection:
        SqlAuditStore(connection, tenant).add([*rows, rows[0]._replace(idx=1)])

    with store.reading() as connection:
        assert SqlAuditStore(connection, tenant).size() == 1


def test_the_logs_of_two_institutions_do_not_touch(store: HomeStore, tenant: str) -> None:
    """
    Each counts from zero.
    """
    for name in (tenant, "another"):
        with store.transaction() as connection:
            assert log_of(connection, name).append(fact(1, 1)) == 0


def test_pages_of_the_trail_follow_one_another(store: HomeStore, tenant: str) -> None:
    """
    Filters, both directions and the cursor give every entry once.
    """
    with store.transaction() as connection:
        log_of(connection, tenant).append_all([fact(n % 3, n) for n in range(30)])
    with store.reading() as connection:
        rows = SqlAuditStore(connection, tenant)
        for newest in (False, True):
            found, cursor = [], None
            while True:
                query = TrailQuery(
                    actor="writer-1",
                    since=NOON,
                    until=NOON + timedelta(seconds=25),
                    limit=3,
                    cursor=cursor,
                    newest_first=newest,
                )
                page = find_entries(rows, query)
                found += [entry.index for entry in page.entries]
                cursor = page.next_cursor
                if cursor is None:
                    break
            assert found == sorted(range(1, 25, 3), reverse=newest)


def test_openings_are_erased_and_counted(store: HomeStore, tenant: str) -> None:
    """
    After erasure the entries stand, and nobody can tell from them whom they mean.
    """
    with store.transaction() as connection:
        log_of(connection, tenant).append_all([fact(n, n) for n in range(8)])
    subject = f"sub_{1:026d}"
    with store.transaction() as connection:
        assert log_of(connection, tenant).forget(subject, fact(0, 9)) == 2
    with store.reading() as connection:
        rows = [r for batch in SqlAuditStore(connection, tenant).entries(0) for r in batch]

    assert len(rows) == 9
    assert [row.idx for row in rows if row.subject is None] == [1, 5, 8]
    assert all((row.subject is None) == (row.nonce is None) for row in rows)


def test_a_checkpoint_of_one_size_is_replaced(store: HomeStore, tenant: str) -> None:
    """
    The newest note of a size counts, and the largest size comes last.
    """
    with store.transaction() as connection:
        rows = SqlAuditStore(connection, tenant)
        for size, note in ((3, "金 three"), (1, "one"), (3, "three again")):
            rows.save_checkpoint(StoredCheckpoint(size=size, note=note, at=NOON))
    with store.reading() as connection:
        rows = SqlAuditStore(connection, tenant)
        assert [(c.size, c.note) for c in rows.checkpoints()] == [(1, "one"), (3, "three again")]
        assert rows.latest_checkpoint() == StoredCheckpoint(size=3, note="three again", at=NOON)
