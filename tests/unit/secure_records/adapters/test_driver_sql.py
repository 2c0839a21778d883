"""Fixed statements on the driver: each value once, in slices, inside one snapshot."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy.engine import Connection

from secure_records.adapters.driver_sql import DriverSql
from secure_records.adapters.embedded_store import EmbeddedStore
from secure_records.errors import RowTaken

FEW, MANY = 3, 700


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedStore]:
    """A table with the numbers below ``MANY`` as text."""
    folder: Path = tmp_path_factory.mktemp("driver")
    store = EmbeddedStore(folder / "records.db", b"\x07" * 32, "NORMAL")
    with store.transaction() as connection:
        sql = DriverSql(connection)
        sql.run("CREATE TABLE numbers (name TEXT PRIMARY KEY, value INTEGER)", ())
        sql.write("INSERT INTO numbers VALUES (?, ?)", [(f"{n:04}", n) for n in range(MANY)])
    yield store
    store.close()


def found(connection: Connection, wanted: list[str]) -> list[int]:
    rows = DriverSql(connection).each(
        "SELECT value FROM numbers WHERE value >= ? AND name IN (:list)", (0,), wanted
    )
    return sorted(value for (value,) in rows)


@given(st.lists(st.integers(min_value=0, max_value=MANY + 50), max_size=MANY))
@settings(max_examples=60, deadline=None)
def test_a_list_of_any_length_gives_each_row_once(store: EmbeddedStore, numbers: list[int]) -> None:
    """Padding and slices show nowhere, nor does a value that is asked for twice."""
    with store.reading() as connection:
        got = found(connection, [f"{number:04}" for number in numbers])

    assert got == sorted({number for number in numbers if number < MANY})


def test_one_row_and_many_are_written_alike(store: EmbeddedStore) -> None:
    """A single row goes another way through the driver, to the same table."""
    with store.transaction() as connection:
        sql = DriverSql(connection)
        sql.write("INSERT INTO numbers VALUES (?, ?)", [("one", -1)])
        sql.write("INSERT INTO numbers VALUES (?, ?)", [("two", -2), ("three", -3)])
        assert sql.first("SELECT value FROM numbers WHERE name = ?", ("one",)) == (-1,)
        assert sql.first("SELECT value FROM numbers WHERE name = ?", ("four",)) is None
        assert sql.run("DELETE FROM numbers WHERE value < ?", (0,)) == FEW


def test_a_clash_is_named_without_its_values(store: EmbeddedStore) -> None:
    """One row or many, read or written: the same refusal, and the driver's words stay behind."""
    for rows in ([("0000", 0)], [("9998", 0), ("0000", 0)]):
        with pytest.raises(RowTaken) as clash, store.transaction() as connection:
            DriverSql(connection).write("INSERT INTO numbers VALUES (?, ?)", rows)
        assert clash.value.__cause__ is None
        assert clash.value.__suppress_context__
    with store.reading() as connection:
        assert found(connection, ["9998"]) == []


def test_nothing_is_read_outside_a_snapshot(store: EmbeddedStore) -> None:
    """A connection without a transaction gets one before the first statement."""
    with store.reading() as connection:
        fresh = connection.engine.connect()
        assert not fresh.in_transaction()
        DriverSql(fresh)
        assert fresh.in_transaction()
        fresh.close()
