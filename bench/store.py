"""What does the encrypted file cost under the toolkit, beside a plain one?

A row holds a 1 KiB blob and three indexed columns, as in the limits: the blob
stands for sealed bytes, so this is the price of the engine and of our
transactions, not of sealing. Ours goes through the embedded store and its fixed
statements; the limit is the standard library's SQLite on a plain file with the
same journal and cache; the peer is bare SQLCipher with our file format.
"""

from __future__ import annotations

import sys

sys.path.sort(key=lambda place: place.endswith("bench"))  # last: supervision.py is here, too

import os
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from random import Random
from typing import Any, Final, TypeAlias

from floors import bare_store
from rounds import Bench, Case, drawn, main, repeated

from secure_records.adapters.driver_sql import DriverSql
from secure_records.adapters.embedded_store import EmbeddedStore, Synchronous

Row: TypeAlias = tuple[int, int, str, int, bytes]

BATCHES: Final = (1, 100)
SETTINGS: Final[tuple[Synchronous, ...]] = ("NORMAL", "FULL")
ROWS: Final = (30_000, 6_000)
"""Rows that are read from, in a full and in a quick run: 39 MB and 8 MB."""

DEFAULT_CACHE: Final = 8
LARGE_CACHE: Final = 256
"""MiB: less than the rows, and more than all of them."""

BARE: Final = "bare SQLCipher"
_KEY: Final = b"\x11" * 32
_GOALS: Final = {1: 0.42, 100: 0.50}
_READ_GOALS: Final = {DEFAULT_CACHE: 0.50, LARGE_CACHE: 1.0}
_MOST: Final = 6_000
_SCHEMA: Final = (
    "CREATE TABLE rec(id INTEGER PRIMARY KEY, patient INTEGER, kind TEXT, at INTEGER, body BLOB)",
    "CREATE INDEX rec_patient ON rec(patient)",
    "CREATE INDEX rec_kind ON rec(kind)",
    "CREATE INDEX rec_at ON rec(at)",
)
_INSERT: Final = "INSERT INTO rec(id, patient, kind, at, body) VALUES (?, ?, ?, ?, ?)"
_BY_KEY: Final = "SELECT patient, kind, at, body FROM rec WHERE id = ?"
_OPEN: Final = "open and ask once"
CASES: Final = (
    *(f"insert {batch} a transaction, {setting}" for setting in SETTINGS for batch in BATCHES),
    *(f"read by key, cache of {cache} MiB" for cache in _READ_GOALS),
    _OPEN,
)


def plain_store(path: Path, synchronous: str, cache_mib: int) -> sqlite3.Connection:
    """The standard library's SQLite with the journal, cache and durability of ours."""
    connection = sqlite3.connect(path, isolation_level=None)
    for pragma in (
        "journal_mode = WAL",
        f"synchronous = {synchronous}",
        f"cache_size = {-1024 * cache_mib}",
    ):
        connection.execute(f"PRAGMA {pragma}").fetchall()
    return connection


def ciphered_store(path: Path, synchronous: str, cache_mib: int) -> Any:  # noqa: ANN401 - the driver ships no types
    """Bare SQLCipher with our format."""
    connection = bare_store(path, synchronous, key=_KEY)
    connection.execute(f"PRAGMA cache_size = {-1024 * cache_mib}").fetchall()
    return connection


class Supply:
    """Rows that come once each; the same for every contender."""

    def __init__(self) -> None:
        self._random = Random(7)
        self._bodies = [os.urandom(1024) for _ in range(256)]
        self._numbers = count(1)

    def take(self, size: int) -> list[Row]:
        """The next ``size`` rows."""
        draw, bodies = self._random, self._bodies
        return [
            (
                number,
                draw.randrange(10_000),
                draw.choice(("lab", "note", "rx", "img")),
                1_700_000_000 + number * 7 + draw.randrange(100_000),
                bodies[number & 255],
            )
            for number in (next(self._numbers) for _ in range(size))
        ]


def cases(bench: Bench) -> Iterator[Case]:
    """G4 and G5 of the limits."""
    for setting in SETTINGS:
        for batch in BATCHES:
            yield from _inserting(bench, setting, batch)
    rows = bench.pace.sized(*ROWS)
    for cache in _READ_GOALS:
        yield from _reading(bench, cache, rows)
    yield from _opening(bench)


def _inserting(bench: Bench, setting: Synchronous, batch: int) -> Iterator[Case]:
    folder = bench.place(f"insert-{setting}-{batch}")
    with ExitStack() as stack:
        ours = EmbeddedStore(folder / "ours.db", _KEY, setting)
        stack.callback(ours.close)
        with ours.transaction() as connection:
            for statement in _SCHEMA:
                connection.exec_driver_sql(statement)
        others: tuple[Any, ...] = (
            plain_store(folder / "plain.db", setting, 64),
            ciphered_store(folder / "bare.db", setting, 64),
        )
        for other in others:
            stack.callback(other.close)
            for statement in _SCHEMA:
                other.execute(statement)
        plain, bare = others
        supplies = [Supply() for _ in range(3)]

        def store(size: int) -> Callable[[], object]:
            rows = supplies[0].take(size)

            def run() -> None:
                with ours.transaction() as connection:
                    DriverSql(connection).write(_INSERT, rows)

            return run

        yield Case(
            case=f"insert {batch} a transaction, {setting}",
            unit="rows/s",
            ours=drawn(store, at_once=batch, most=_MOST),
            limit=drawn(_inserted(plain, supplies[1]), at_once=batch, most=_MOST),
            peers={BARE: drawn(_inserted(bare, supplies[2]), at_once=batch, most=_MOST)},
            goal_of_limit=_GOALS[batch],
        )


def _inserted(connection: Any, supply: Supply) -> Callable[[int], Callable[[], object]]:  # noqa: ANN401 - two drivers
    def prepare(size: int) -> Callable[[], object]:
        rows: Sequence[Row] = supply.take(size)

        def run() -> None:
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany(_INSERT, rows)
            connection.execute("COMMIT")

        return run

    return prepare


def _reading(bench: Bench, cache: int, rows: int) -> Iterator[Case]:
    folder = bench.place(f"read-{cache}")
    with ExitStack() as stack:
        ours = EmbeddedStore(folder / "ours.db", _KEY, "NORMAL", cache_mib=cache)
        stack.callback(ours.close)
        plain = plain_store(folder / "plain.db", "NORMAL", cache)
        stack.callback(plain.close)
        content = Supply().take(rows)
        with ours.transaction() as connection:
            for statement in _SCHEMA:
                connection.exec_driver_sql(statement)
            DriverSql(connection).write(_INSERT, content)
        for statement in _SCHEMA:
            plain.execute(statement)
        plain.executemany(_INSERT, content)
        wanted = Random(11)

        # As a request does: many look-ups inside one transaction.
        with ours.reading() as connection:
            sql = DriverSql(connection)
            yield Case(
                case=f"read by key, cache of {cache} MiB",
                unit="rows/s",
                ours=repeated(lambda: sql.first(_BY_KEY, (wanted.randrange(1, rows),))),
                limit=repeated(
                    lambda: plain.execute(_BY_KEY, (wanted.randrange(1, rows),)).fetchone()
                ),
                goal_of_limit=_READ_GOALS[cache],
            )


def _opening(bench: Bench) -> Iterator[Case]:
    folder = bench.place("open")
    EmbeddedStore(folder / "ours.db", _KEY, "NORMAL").close()
    plain_store(folder / "plain.db", "NORMAL", 64).close()
    ciphered_store(folder / "bare.db", "NORMAL", 64).close()

    def ours() -> None:
        store = EmbeddedStore(folder / "ours.db", _KEY, "NORMAL")
        with store.reading() as connection:
            DriverSql(connection).rows("SELECT count(*) FROM sqlite_master", ())
        store.close()

    def other(opened: Callable[[], Any]) -> Callable[[], object]:
        def run() -> None:
            connection = opened()
            connection.execute("SELECT count(*) FROM sqlite_master").fetchall()
            connection.close()

        return run

    yield Case(
        case=_OPEN,
        unit="times/s",
        ours=repeated(ours),
        limit=repeated(other(lambda: plain_store(folder / "plain.db", "NORMAL", 64))),
        peers={BARE: repeated(other(lambda: ciphered_store(folder / "bare.db", "NORMAL", 64)))},
        goal_of_limit=1 / 6,
    )


if __name__ == "__main__":
    main(CASES, cases)
