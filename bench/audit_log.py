"""What does an entry of the audit log cost, and how fast can all of them be checked again?

Append: the limit writes the same columns, hashes and indexes with bare calls on
a connection with the same settings. The lean floor (a peer) has only event,
leaf hash and head, the shape in which pymerkle and the limits were measured.
Verification: the limit reads the same file and hashes leaves and nodes, no more.
"""

from __future__ import annotations

import sys

sys.path.sort(key=lambda place: place.endswith("bench"))  # last: supervision.py is here, too

import hashlib
import hmac
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from random import Random
from time import perf_counter
from typing import Any, Final

import orjson
from floors import Edge, add_tables, bare_store, insert_into
from rounds import Bench, Case, Contender, drawn, installed, main, repeated, whole

from secure_records.adapters.audit_tables import audit_entries, audit_metadata
from secure_records.adapters.embedded_store import EmbeddedStore
from secure_records.adapters.sql_audit_store import SqlAuditStore
from secure_records.audit.entry import AuditFact, microseconds
from secure_records.audit.log import AuditLog
from secure_records.audit.note import NoteKey
from secure_records.audit.stored_tree import StoredTree
from secure_records.audit.verification import verify_log
from secure_records.envelope.suites import INTL, mac
from secure_records.keys.signing_keys import Ed25519Signer, Verifier, generate_ed25519
from shared_kernel.instants import instant_text

TENANT: Final = "12460100000000019E"
ORIGIN: Final = f"jinkui.example/{TENANT}/audit"
DURABILITY: Final = ("NORMAL", "FULL")
BATCHES: Final = (1, 10, 100)
PYMERKLE: Final = "pymerkle SqliteTree, one by one"
LEAN: Final = "bare, lean tables"
CASES: Final = (
    *(f"append {batch} a transaction, {sync}" for sync in DURABILITY for batch in BATCHES),
    "verify the whole log",
    "verify the whole log, openings recomputed",
    "inclusion proof from the store",
)
_TIMES_PYMERKLE: Final = {
    ("NORMAL", 1): 8.0,
    ("FULL", 1): 2.5,
    ("NORMAL", 100): 60.0,
}
_MOST: Final = 20_000
_DAY: Final = datetime(2026, 3, 1, 1, 0, tzinfo=UTC)


class Tags:
    """Commitments under one key per patient, as the key ring makes them."""

    def commit(self, subject: str, nonce: bytes, /) -> bytes:
        """HMAC of the nonce."""
        return mac(INTL, _audit_key(subject), nonce)


def _audit_key(subject: str) -> bytes:
    return subject[-32:].encode().rjust(32, b"k")


def fact(number: int) -> AuditFact:
    """Somebody read a prescription."""
    return AuditFact(
        at=_DAY + timedelta(milliseconds=number),
        actor=f"staff-{number % 30}",
        action="record.read",
        decision="permit",
        role="clinician",
        purpose="treatment",
        policy="sha256:" + "ab" * 32,
        clauses=("internal-roles@1 clinician.treatment",),
        subject=f"sub_{number % 500:026d}",
        record=f"rec_{number:026d}",
        kind="prescription",
        fields=("drugs", "diagnosis", "review"),
        outcome="served",
        details={"disclosure": f"dis_{number:026d}", "grade": 4},
    )


class Ours:
    """A store of ours with an empty log."""

    def __init__(self, folder: Path, synchronous: Any) -> None:  # noqa: ANN401 - a literal of the store
        self.store = EmbeddedStore(folder / "records.db", b"\x11" * 32, synchronous)
        with self.store.transaction() as connection:
            audit_metadata.create_all(connection)
        self.numbers = count()

    def prepare(self, size: int) -> Callable[[], object]:
        """A transaction of ``size`` entries."""
        facts = [fact(next(self.numbers)) for _ in range(size)]

        def run() -> None:
            with self.store.transaction() as connection:
                _log(connection).append_all(facts)

        return run

    def fill(self, size: int) -> None:
        """Many entries, in transactions of a thousand."""
        for _ in range(size // 1000):
            self.prepare(1000)()


def _log(connection: Any) -> AuditLog:  # noqa: ANN401 - an open connection
    return AuditLog(SqlAuditStore(connection, TENANT), Tags(), os.urandom)


class Bare:
    """The same rows by the shortest way: one connection, one edge, fixed statements."""

    def __init__(self, folder: Path, synchronous: str) -> None:
        self.connection = bare_store(folder / "bare.db", synchronous)
        add_tables(self.connection, audit_metadata)
        self.edge = Edge()
        self.numbers = count()
        self.statement = insert_into(audit_entries)

    def prepare(self, size: int) -> Callable[[], object]:
        """A transaction of ``size`` entries."""
        facts = [fact(next(self.numbers)) for _ in range(size)]

        def run() -> None:
            self.connection.execute("BEGIN IMMEDIATE")
            self.connection.executemany(self.statement, [self._row(one) for one in facts])
            self.connection.execute("COMMIT")

        return run

    def _row(self, one: AuditFact) -> tuple[object, ...]:
        nonce = os.urandom(16)
        commitment = hmac.digest(_audit_key(str(one.subject)), nonce, "sha256")
        entry = orjson.dumps(
            {
                "action": one.action,
                "actor": one.actor,
                "at": instant_text(one.at),
                "clauses": one.clauses,
                "commitment": commitment.hex(),
                "decision": one.decision,
                "details": one.details,
                "fields": one.fields,
                "kind": one.kind,
                "outcome": one.outcome,
                "policy": one.policy,
                "purpose": one.purpose,
                "record": one.record,
                "role": one.role,
                "v": 1,
            }
        )
        index = self.edge.size
        leaf, nodes = self.edge.append(entry)
        at = microseconds(one.at)
        return (
            *(TENANT, index, entry, leaf, nodes, at, one.actor, one.action, one.decision),
            *(one.purpose, one.partner, one.record, one.kind, one.subject, nonce),
        )


class Lean(Bare):
    """Event, leaf hash and head: the shape of the limits."""

    def __init__(self, folder: Path, synchronous: str) -> None:
        self.connection = bare_store(folder / "lean.db", synchronous)
        self.connection.execute("CREATE TABLE ev(seq INTEGER PRIMARY KEY, body BLOB, leaf BLOB)")
        self.connection.execute("CREATE TABLE head(id INTEGER PRIMARY KEY, size INT, root BLOB)")
        self.edge = Edge()
        self.numbers = count()

    def prepare(self, size: int) -> Callable[[], object]:
        """A transaction of ``size`` events."""
        rows = [fact(next(self.numbers)) for _ in range(size)]

        def run() -> None:
            self.connection.execute("BEGIN IMMEDIATE")
            written = [self._row(one)[1:4] for one in rows]
            self.connection.executemany("INSERT INTO ev VALUES (?, ?, ?)", written)
            head = (self.edge.size, self.edge.root())
            self.connection.execute("INSERT OR REPLACE INTO head VALUES (0, ?, ?)", head)
            self.connection.execute("COMMIT")

        return run


def cases(bench: Bench) -> Iterator[Case]:
    """G7, G8 and G9 of the limits."""
    for sync in DURABILITY:
        for batch in BATCHES:
            yield from _append(bench, sync, batch)
    yield from _checking(bench)


def _append(bench: Bench, sync: str, batch: int) -> Iterator[Case]:
    folder = bench.place(f"append-{sync}-{batch}")
    with ExitStack() as stack:
        ours, bare, lean = Ours(folder, sync), Bare(folder, sync), Lean(folder, sync)
        stack.callback(ours.store.close)
        stack.callback(bare.connection.close)
        stack.callback(lean.connection.close)
        goal = _TIMES_PYMERKLE.get((sync, batch))
        yield Case(
            case=f"append {batch} a transaction, {sync}",
            unit="entries/s",
            ours=drawn(ours.prepare, at_once=batch, most=_MOST),
            limit=drawn(bare.prepare, at_once=batch, most=_MOST),
            peers={
                LEAN: drawn(lean.prepare, at_once=batch, most=_MOST),
                **installed({PYMERKLE: lambda: _pymerkle(folder)} if goal else {}),
            },
            goal_times_peer={PYMERKLE: goal} if goal else {},
        )


def _checking(bench: Bench) -> Iterator[Case]:
    size = bench.pace.sized(100_000, 10_000)
    folder = bench.place("verify")
    ours = Ours(folder, "NORMAL")
    ours.fill(size)
    secret, public = generate_ed25519(os.urandom)
    with ours.store.transaction() as connection:
        _log(connection).checkpoint(ORIGIN, (Ed25519Signer(secret),), _DAY)
    keys = (NoteKey(name=ORIGIN, public_key=public),)
    with ours.store.reading() as connection, ExitStack() as stack:
        bare = bare_store(folder / "records.db", "NORMAL")
        stack.callback(bare.close)
        stack.callback(ours.store.close)
        store = SqlAuditStore(connection, TENANT)

        def verified(tags: Tags | None) -> tuple[int, float]:
            began = perf_counter()
            verdict = verify_log(store, Verifier(), keys, tags=tags)
            took = perf_counter() - began
            assert verdict.ok
            assert verdict.covered == size
            return size, took

        for name, tags, goal in (
            ("verify the whole log", None, 0.6),
            ("verify the whole log, openings recomputed", Tags(), None),
        ):
            yield Case(
                case=name,
                unit="entries/s",
                ours=whole(lambda tags=tags: verified(tags)),
                limit=whole(lambda: _hashed(bare, size)),
                goal_of_limit=goal,
            )
        yield _proving(store, bare, size)


def _hashed(bare: Any, size: int) -> tuple[int, float]:  # noqa: ANN401 - the driver ships no types
    """The bare loop: read every entry, hash leaf and nodes, compare nothing."""
    began = perf_counter()
    sha256 = hashlib.sha256
    peaks: list[bytes] = []
    rows = bare.execute("SELECT entry FROM audit_entries WHERE tenant = ? ORDER BY idx", (TENANT,))
    for index, (entry,) in enumerate(rows):
        node, lower = sha256(b"\x00" + entry).digest(), index
        while lower & 1:
            node = sha256(b"\x01" + peaks.pop() + node).digest()
            lower >>= 1
        peaks.append(node)
    assert peaks
    return size, perf_counter() - began


def _proving(store: SqlAuditStore, bare: Any, size: int) -> Case:  # noqa: ANN401 - the driver ships no types
    draw = Random(1)

    def ours() -> None:
        StoredTree(store).inclusion_path(draw.randrange(size), size)

    depth = len(StoredTree(store).inclusion_path(0, size))
    marks = ", ".join("?" * depth)
    columns = "idx, leaf_hash, nodes"
    statement = (
        f"SELECT {columns} FROM audit_entries"  # noqa: S608 - our own names and marks only
        f" WHERE tenant = ? AND idx IN ({marks})"
    )

    def limit() -> None:
        index = draw.randrange(size)
        wanted = [min(size - 1, ((index >> up) ^ 1) << up) for up in range(depth)]
        bare.execute(statement, (TENANT, *wanted)).fetchall()

    return Case(
        case="inclusion proof from the store",
        unit="proofs/s",
        ours=repeated(ours),
        limit=repeated(limit),
        peers=installed({"pymerkle in memory": lambda: _pymerkle_proof(size, draw)}),
        goal_times_peer={"pymerkle in memory": 1.0},
    )


def _pymerkle(folder: Path) -> Contender:
    import pymerkle  # noqa: PLC0415

    tree = pymerkle.SqliteTree(str(folder / "pymerkle.db"))
    entry = os.urandom(256)
    return repeated(lambda: tree.append_entry(entry))


def _pymerkle_proof(size: int, draw: Random) -> Contender:
    import pymerkle  # noqa: PLC0415

    tree = pymerkle.InmemoryTree(algorithm="sha256")
    tree.append_entries([os.urandom(256) for _ in range(size)])
    return repeated(lambda: tree.prove_inclusion(draw.randrange(size) + 1))


if __name__ == "__main__":
    main(CASES, cases)
