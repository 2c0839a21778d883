"""What does replacing a parent key cost, and does it depend on how many patients there are?

Ours rewraps every row of the institution in resumable transactions; each patient
has two keys, as after a first visit: a data key and an audit key. The limit reads
the same table, opens and wraps each row by bare calls under a fresh one-use key with
its commitment, and writes it back in one pass that nothing could resume.

The root is measured by how often its rows can be replaced in a second, with many
patients (ours) and with a fiftieth of them (limit): the same, if patients do not count.
"""

from __future__ import annotations

import sys

sys.path.sort(key=lambda place: place.endswith("bench"))  # last: supervision.py is here, too

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from time import perf_counter
from typing import Any, Final

from floors import bare_store, one_use_key
from rounds import Bench, Case, main, repeated, whole

from jinkui.system_clock import SystemClock
from secure_records.adapters.embedded_store import EmbeddedStore
from secure_records.adapters.key_rotation_store import SqlKeyRotations
from secure_records.adapters.key_store import SqlKeyStore
from secure_records.adapters.key_tables import prepare_key_tables
from secure_records.envelope.suites import Suite, suite_named
from secure_records.keys.key_ring import KeyRing
from secure_records.keys.key_rows import Parent
from secure_records.keys.rotation import TenantRotation, begin_root, rewrap_root_rows

CASES: Final = (
    "rotate tenant key, gm, FULL",
    "rotate tenant key, intl, FULL",
    "rotate root, many patients against few, gm, FULL",
)
GOAL_SUBJECTS: Final = 20_000
GOAL_OF_FEW: Final = 0.8
_TENANT: Final = "12340100490000001M"
_SUBJECTS: Final = 20_000
_QUICK_SUBJECTS: Final = 4_000
_FEWER: Final = 50
_AT_ONCE: Final = 2_000
_FILE_KEY: Final = b"\x11" * 32


class Keys:
    """A key file with this many patients, two keys each."""

    def __init__(self, path: Path, suite: Suite, subjects: int) -> None:
        self.suite = suite
        self.subjects = subjects
        self.root = Parent(1, os.urandom(32))
        self.file = EmbeddedStore(path, _FILE_KEY, "FULL")
        with self.file.transaction() as connection:
            prepare_key_tables(connection)
        self.rows = SqlKeyStore(self.file)
        self.rotations = SqlKeyRotations(self.file)
        ring = KeyRing(suite, self.root.secret, self.rows, os.urandom, SystemClock())
        ring.open_tenant(_TENANT)
        ring.file_key()
        for number in range(subjects):
            person = f"sub_{number:026d}"
            ring.dek(_TENANT, person, "outpatient_record")
            ring.audit_key(_TENANT, person)
            if number % _AT_ONCE == 0:
                ring.flush()
        ring.flush()

    def rotate_tenant(self) -> tuple[int, float]:
        """Patients, seconds."""
        work = TenantRotation(
            self.suite,
            self.root,
            self.rows,
            self.rotations,
            entropy=os.urandom,
            clock=SystemClock(),
        )
        began = perf_counter()
        done = work.run(work.begin(_TENANT, "bench"), lambda _done, _total: None)
        seconds = perf_counter() - began
        assert done >= 2 * self.subjects
        return self.subjects, seconds

    def rotate_root(self) -> None:
        """Only the rows: sealing the descriptor costs one Argon2id, whoever rotates what."""
        rotation = begin_root(self.rotations, self.root.version, SystemClock(), "bench")
        coming = Parent(rotation.new, os.urandom(32))
        done = rewrap_root_rows(self.suite, self.root, coming, self.rotations, rotation, os.urandom)
        assert done == 2
        self.rotations.end_root(rotation)
        self.root = coming


class BareRows:
    """The same rows by bare calls: read all, open, wrap, write all, one transaction."""

    def __init__(self, keys: Keys, path: Path, suite: str) -> None:
        self.subjects = keys.subjects
        self.connection = bare_store(path, "FULL", key=_FILE_KEY)
        source = keys.rows.of_owners(_TENANT, [f"sub_{n:026d}" for n in range(keys.subjects)])
        self.connection.execute(
            "CREATE TABLE k(id TEXT PRIMARY KEY, owner TEXT, wrapped BLOB, parent INTEGER)"
        )
        self.wrap, self.unwrap = one_use_key(suite)
        rows = [(row.key_id, row.slot.owner, self.wrap(os.urandom(32)), 1) for row in source]
        self.connection.execute("BEGIN IMMEDIATE")
        self.connection.executemany("INSERT INTO k VALUES (?, ?, ?, ?)", rows)
        self.connection.execute("COMMIT")
        assert len(rows) == 2 * keys.subjects

    def rotate(self) -> tuple[int, float]:
        """Patients, seconds."""
        execute: Callable[..., Any] = self.connection.execute
        began = perf_counter()
        execute("BEGIN IMMEDIATE")
        rows = execute("SELECT id, wrapped FROM k").fetchall()
        changed = {name: self.wrap(self.unwrap(wrapped)) for name, wrapped in rows}
        # A statement for each row costs more than all the cryptography.
        self.connection.create_function("changed", 1, changed.get)
        execute("UPDATE k SET wrapped = changed(id), parent = parent + 1")
        execute("COMMIT")
        seconds = perf_counter() - began
        return self.subjects, seconds


def cases(bench: Bench) -> Iterator[Case]:
    """The rotation goals: subjects in a second; a root that does not count them."""
    subjects = bench.pace.sized(_SUBJECTS, _QUICK_SUBJECTS)
    folder = bench.place("keys")
    for suite in ("gm", "intl"):
        with ExitStack() as stack:
            many = Keys(folder / f"{suite}.db", suite_named(suite), subjects)
            stack.callback(many.file.close)
            bare = BareRows(many, folder / f"bare-{suite}.db", suite)
            stack.callback(bare.connection.close)
            yield Case(
                case=f"rotate tenant key, {suite}, FULL",
                unit="patients/s",
                ours=whole(many.rotate_tenant),
                limit=whole(bare.rotate),
                goal_ours=GOAL_SUBJECTS,
            )
    with ExitStack() as stack:
        many = Keys(folder / "many.db", suite_named("gm"), subjects)
        stack.callback(many.file.close)
        few = Keys(folder / "few.db", suite_named("gm"), subjects // _FEWER)
        stack.callback(few.file.close)
        yield Case(
            case=CASES[-1],
            unit="rotations/s",
            ours=repeated(many.rotate_root),
            limit=repeated(few.rotate_root),
            goal_of_limit=GOAL_OF_FEW,
        )


if __name__ == "__main__":
    main(CASES, cases)
