"""What does storing a record cost from the vault's door to the commit?

Ours: admission, decision on the caller, digests, sealing, blind index terms,
record and audit entry in one transaction. The limit is the composite floor of
the limits: a look-up, 12 sealed fields, 3 indexed codes, an event with its tree
hashes, two rows, one transaction, bare calls on lean tables. The peer does the
same on our own tables and indexes with the record sealed whole, and so parts
what Python costs from what the tables cost.
"""

from __future__ import annotations

import sys

sys.path.sort(key=lambda place: place.endswith("bench"))  # last: supervision.py is here, too

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import msgspec
import orjson
from floors import (
    Edge,
    add_tables,
    bare_store,
    insert_into,
    kept_key,
    mac_state,
    one_use_key,
    record_of,
)
from hospital_home import OFFICER, Supply, opened_home, supply
from rounds import Bench, Case, drawn, main

from jinkui.wiring.toolkit import Toolkit
from secure_records.adapters.audit_tables import audit_entries, audit_metadata
from secure_records.adapters.tables import metadata as record_metadata
from secure_records.adapters.tables import records as record_table
from secure_records.models import NewRecord, StoreReceipt

BATCHES: Final = (1, 10, 100)
OWN_TABLES: Final = "bare calls, our tables"
PLANS: Final = (
    ("gm", "NORMAL", BATCHES),
    ("intl", "NORMAL", BATCHES),
    ("gm", "FULL", (1, 100)),
)
STRANGERS: Final = "store 100 new patients a transaction, gm, NORMAL"
CASES: Final = tuple(
    name
    for suite, synchronous, batches in PLANS
    for name in (
        *(f"store {batch} a transaction, {suite}, {synchronous}" for batch in batches),
        *((STRANGERS,) if (suite, synchronous) == ("gm", "NORMAL") else ()),
    )
)
GOAL_OF_COMPOSITE: Final = 0.65
_MOST: Final = 4_000
_TENANT: Final = "12340100490000001M"


class Composite:
    """The floor of the limits."""

    def __init__(self, path: Path, suite: str, synchronous: str) -> None:
        self.connection = bare_store(path, synchronous)
        fields = ", ".join(f"c{place} BLOB" for place in range(12))
        self.connection.execute(
            f"CREATE TABLE r(id INTEGER PRIMARY KEY, {fields}, b0 BLOB, b1 BLOB, b2 BLOB)"
        )
        for place in range(3):
            self.connection.execute(f"CREATE INDEX r_b{place} ON r(b{place})")
        self.connection.execute("CREATE TABLE ev(seq INTEGER PRIMARY KEY, body BLOB, leaf BLOB)")
        self.seal = kept_key(suite)[0]
        self.state = mac_state(suite)
        self.edge = Edge()
        self.allowed = {("records_officer", "record.store")}
        self.values = [value.encode() for value in record_of(1024).values()]
        self.statement = "INSERT INTO r VALUES (NULL" + ", ?" * 15 + ")"

    def prepare(self, size: int) -> Callable[[], object]:
        """A transaction of ``size`` records."""

        def run() -> None:
            execute = self.connection.execute
            execute("BEGIN IMMEDIATE")
            for _ in range(size):
                self._store_one(execute)
            execute("COMMIT")

        return run

    def _store_one(self, execute: Callable[..., object]) -> None:
        assert ("records_officer", "record.store") in self.allowed
        number = self.edge.size
        sealed = [self.seal(value) for value in self.values]
        codes = [self._code(column, number) for column in (b"name|", b"id|", b"phone|")]
        body = orjson.dumps({"seq": number, "who": "a008", "act": "record.store", "ok": True})
        leaf, _ = self.edge.append(body)
        execute(self.statement, sealed + codes)
        execute("INSERT INTO ev VALUES (?, ?, ?)", (number, body, leaf))

    def _code(self, column: bytes, number: int) -> bytes:
        state = self.state.copy()
        state.update(column + str(number).encode())
        return state.finalize()[:16]


class OwnTables:
    """The same job by bare calls, into the tables that we really have."""

    def __init__(self, path: Path, suite: str, synchronous: str, records: Supply) -> None:
        self.connection = bare_store(path, synchronous)
        add_tables(self.connection, record_metadata)
        add_tables(self.connection, audit_metadata)
        self.seal = one_use_key(suite)[0]
        self.state = mac_state(suite)
        self.edge = Edge()
        self.records = records
        self.insert_record = insert_into(record_table)
        self.insert_entry = insert_into(audit_entries)

    def prepare(self, size: int) -> Callable[[], object]:
        """A transaction of ``size`` records of known patients."""
        taken = self.records.take(size)

        def run() -> None:
            execute = self.connection.execute
            execute("BEGIN IMMEDIATE")
            rows = [self._row(record) for record in taken]
            self.connection.executemany(self.insert_record, rows)
            entries = [self._entry(row) for row in rows]
            self.connection.executemany(self.insert_entry, entries)
            execute("COMMIT")

        return run

    def _row(self, record: NewRecord) -> tuple[object, ...]:
        person = record.subject
        for code in (person.id_no, person.phone, person.name):
            self._mac(code.encode())
        plaintext = orjson.dumps(
            {
                "external_id": record.external_id,
                "visit": record.visit,
                "clinician": record.clinician,
                "occurred_at": record.occurred_at,
                "patient": person,
                "body": record.body,
            },
            default=msgspec.to_builtins,
        )
        name = os.urandom(13).hex()
        return (
            *(_TENANT, f"sub_{person.id_no:0>26}", f"rec_{name}", 1, record.kind),
            *(f"{record.kind}/1", "outpatient_record", record.clinician, record.visit),
            *(record.occurred_at.isoformat(), 4, "key_00000000000000000000000000"),
            *(self._mac(record.external_id.encode()), self._mac(record.digest)),
            *(record.occurred_at.isoformat(), self.seal(plaintext)),
        )

    def _entry(self, row: tuple[object, ...]) -> tuple[object, ...]:
        nonce = os.urandom(16)
        entry = orjson.dumps(
            {
                "action": "record.stored",
                "actor": OFFICER.actor,
                "at": row[14],
                "commitment": self._mac(nonce).hex(),
                "decision": "done",
                "details": {"grade": 4, "line": 1, "source": "import-file"},
                "kind": row[4],
                "record": row[2],
                "role": OFFICER.role,
                "v": 1,
            }
        )
        index = self.edge.size
        leaf, nodes = self.edge.append(entry)
        return (
            *(_TENANT, index, entry, leaf, nodes, index, OFFICER.actor, "record.stored", "done"),
            *(None, None, row[2], row[4], row[1], nonce),
        )

    def _mac(self, data: bytes) -> bytes:
        state = self.state.copy()
        state.update(data)
        return state.finalize()


def cases(bench: Bench) -> Iterator[Case]:
    """G6 of the limits."""
    records = supply()
    for suite, synchronous, batches in PLANS:
        home = bench.folder / f"home-{suite}-{synchronous}"
        with opened_home(home, suite=suite, synchronous=synchronous) as toolkit:
            # Known patients: their keys and index terms are there, as at a second visit.
            toolkit.vault.store(OFFICER, records.records, "bench")
            for batch in batches:
                yield from _known(bench, toolkit, records, (suite, synchronous, batch))
            if (suite, synchronous) == ("gm", "NORMAL"):
                yield from _strangers(bench, toolkit, records)


def _known(
    bench: Bench, toolkit: Toolkit, records: Supply, plan: tuple[str, str, int]
) -> Iterator[Case]:
    suite, synchronous, batch = plan
    folder = bench.place(f"bare-{suite}-{synchronous}-{batch}")
    with ExitStack() as stack:
        composite = Composite(folder / "composite.db", suite, synchronous)
        stack.callback(composite.connection.close)
        own = OwnTables(folder / "own.db", suite, synchronous, records)
        stack.callback(own.connection.close)
        yield Case(
            case=f"store {batch} a transaction, {suite}, {synchronous}",
            unit="records/s",
            ours=drawn(
                lambda size: _storing(toolkit, records.take(size)), at_once=batch, most=_MOST
            ),
            limit=drawn(composite.prepare, at_once=batch, most=_MOST),
            peers={OWN_TABLES: drawn(own.prepare, at_once=batch, most=_MOST)},
            goal_of_limit=GOAL_OF_COMPOSITE,
        )


def _strangers(bench: Bench, toolkit: Toolkit, records: Supply) -> Iterator[Case]:
    folder = bench.place("bare-strangers")
    with ExitStack() as stack:
        composite = Composite(folder / "composite.db", "gm", "NORMAL")
        stack.callback(composite.connection.close)
        yield Case(
            case=STRANGERS,
            unit="records/s",
            ours=drawn(
                lambda size: _storing(toolkit, records.take_strangers(size)),
                at_once=100,
                most=_MOST,
            ),
            limit=drawn(composite.prepare, at_once=100, most=_MOST),
        )


def _storing(toolkit: Toolkit, taken: Sequence[NewRecord]) -> Callable[[], object]:
    def run() -> None:
        for outcome in toolkit.vault.store(OFFICER, taken, "bench"):
            assert isinstance(outcome, StoreReceipt), outcome
            assert not outcome.already_present

    return run


if __name__ == "__main__":
    main(CASES, cases)
