"""What a store promises about transactions, whichever engine it is."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from sqlalchemy import text
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError

from jinkui.wiring.stores import HomeStore
from secure_records.errors import StoreBusy, StoreSettingsRefused, StoreValueRefused

ADD = "INSERT INTO institutions (tenant, name) VALUES (:tenant, :name)"
NAMES = "SELECT name FROM institutions ORDER BY name"


def add(connection: Connection, name: str) -> None:
    connection.execute(text(ADD), {"tenant": f"tenant of {name}", "name": name})


def names(store: HomeStore) -> list[str]:
    with store.reading() as connection:
        return list(connection.execute(text(NAMES)).scalars())


def test_a_block_that_ends_well_is_kept_and_one_that_fails_leaves_nothing(store: HomeStore) -> None:
    """
    Everything of a transaction commits, or none of it does.
    """
    with store.transaction() as connection:
        add(connection, "kept")
        add(connection, "kept too")

    def fail() -> None:
        with store.transaction() as connection:
            add(connection, "lost")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()

    assert names(store) == ["kept", "kept too"]


def test_a_refused_statement_takes_the_whole_transaction_with_it(store: HomeStore) -> None:
    """
    A key that is taken fails the transaction; what it wrote before is gone, later ones work.
    """
    with store.transaction() as connection:
        add(connection, "first")

    def clash() -> None:
        with store.transaction() as connection:
            add(connection, "second")
            add(connection, "first")

    with pytest.raises(DBAPIError):
        clash()

    with store.transaction() as connection:
        add(connection, "third")
    assert names(store) == ["first", "third"]


def test_a_reader_sees_one_state_however_much_is_written_meanwhile(store: HomeStore) -> None:
    """
    What was committed after a reading began does not appear in it.
    """
    with store.transaction() as connection:
        add(connection, "before")
    with store.reading() as reader:
        assert list(reader.execute(text(NAMES)).scalars()) == ["before"]
        with store.transaction() as connection:
            add(connection, "meanwhile")
        assert list(reader.execute(text(NAMES)).scalars()) == ["before"]

    assert names(store) == ["before", "meanwhile"]


def test_a_writer_sees_everything_that_the_writer_before_it_committed(store: HomeStore) -> None:
    """
    A second writer waits at the beginning, not halfway, and then decides on what is there.
    """
    seen: list[list[str]] = []
    inside, go_on = threading.Event(), threading.Event()

    def first() -> None:
        with store.transaction() as connection:
            inside.set()
            go_on.wait(10)
            add(connection, "first")

    def second() -> None:
        inside.wait(10)
        go_on.set()
        with store.transaction() as connection:
            seen.append(list(connection.execute(text(NAMES)).scalars()))

    threads = [threading.Thread(target=task) for task in (first, second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)

    assert seen == [["first"]]


def test_a_writer_that_waits_too_long_is_told_so(
    engine: str, make_store: Callable[..., HomeStore], store: HomeStore
) -> None:
    """
    The lock of another writer is an error with a verdict of its own, after a set time.
    """
    impatient = make_store(engine, busy_milliseconds=50)

    with store.transaction(), pytest.raises(StoreBusy), impatient.transaction():
        pytest.fail("two writers at once")


def test_reading_does_not_wait_for_a_writer(store: HomeStore) -> None:
    """
    A long import does not keep a doctor from a record.
    """
    with store.transaction() as connection:
        add(connection, "unfinished")
        assert names(store) == []


@pytest.mark.parametrize("engine", ["postgresql"], indirect=True)
def test_a_reading_transaction_cannot_write_at_a_server(store: HomeStore) -> None:
    """
    The server itself refuses a write in a reading.
    """
    with pytest.raises(StoreSettingsRefused), store.reading() as connection:
        add(connection, "sneaked in")

    assert names(store) == []


def test_a_text_with_a_nul_is_kept_whole_or_refused(store: HomeStore) -> None:
    """
    No engine may cut a text short at a character it does not like.
    """
    try:
        with store.transaction() as connection:
            add(connection, "before\0after")
    except StoreValueRefused:
        assert names(store) == []
    else:
        assert names(store) == ["before\0after"]


def test_every_page_or_row_is_read_back(store: HomeStore) -> None:
    """
    A store that nobody touched passes its own check.
    """
    with store.transaction() as connection:
        add(connection, "whole")

    store.integrity_check()
    assert names(store) == ["whole"]


def test_text_sorts_by_bytes_on_every_engine(store: HomeStore) -> None:
    """
    The order of identifiers does not depend on the language that a server was set up with.
    """
    mixed = ["a", "B", "_", "é", "Z", "b-1", "b1", "金"]
    with store.transaction() as connection:
        for name in mixed:
            connection.execute(
                text("INSERT INTO partners (tenant, id, name, credit_code, kind)"
                     " VALUES ('t', :id, 'n', 'c', 'k')"),
                {"id": name},
            )  # fmt: skip
    with store.reading() as connection:
        found = list(connection.execute(text("SELECT id FROM partners ORDER BY id")).scalars())

    assert found == sorted(mixed, key=lambda name: name.encode())


@pytest.mark.parametrize("engine", ["postgresql"], indirect=True)
def test_every_text_column_has_byte_order_at_a_server(store: HomeStore) -> None:
    """
    Each column says so itself; no database default is trusted.
    """
    asked = (
        "SELECT count(*), count(*) FILTER (WHERE collation_name = 'C')"
        " FROM information_schema.columns WHERE table_schema = current_schema()"
        " AND data_type IN ('text', 'character varying')"
        " AND table_name NOT IN ('schema_version', 'schema_owner')"
    )
    with store.reading() as connection:
        every, ordered = connection.execute(text(asked)).one()

    assert every == ordered > 50
