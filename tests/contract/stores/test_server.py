"""What goes wrong with a database server is one clear refusal, and nothing is half-written."""

from __future__ import annotations

import signal
import subprocess
import sys
import traceback
from pathlib import Path

import pytest
from sqlalchemy import text

from jinkui.wiring.schemas import make_tables
from jinkui.wiring.stores import AddressMissing, AddressReadable, read_address
from secure_records.adapters import postgres_store
from secure_records.adapters.postgres_store import PostgresStore, guarded_conninfo
from secure_records.errors import (
    StoreAddressRefused,
    StoreBusy,
    StoreLocked,
    StoreSettingsRefused,
    StoreUnreachable,
)

ADD = text("INSERT INTO institutions (tenant, name) VALUES ('t', 'n')")
COUNT = text("SELECT count(*) FROM institutions")
SECRET = "Xq7-hunter2"

WRITER = """
import sys
from sqlalchemy import text
from secure_records.adapters.postgres_store import PostgresStore
store = PostgresStore(sys.argv[1], "tenant")
with store.transaction() as connection:
    connection.execute(text("INSERT INTO institutions (tenant, name) VALUES ('t', 'n')"))
    print("written", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def address(empty_database: str) -> str:
    """A database with every table."""
    store = PostgresStore(empty_database, "tenant")
    with store.transaction() as connection:
        make_tables(connection, "tenant")
    store.close()
    return empty_database


def count(store: PostgresStore) -> int:
    with store.reading() as connection:
        return int(connection.execute(COUNT).scalar_one())


def test_a_connection_cut_in_the_middle_leaves_nothing(address: str) -> None:
    """
    The server ends the connection of an open transaction: no row stays, and the store goes on.
    """
    store = PostgresStore(address, "tenant")

    def write_and_be_cut() -> None:
        with store.transaction() as connection:
            connection.execute(ADD)
            mine = connection.execute(text("SELECT pg_backend_pid()")).scalar_one()
            other = PostgresStore(address, "another")
            with other.reading() as elsewhere:
                elsewhere.execute(text(f"SELECT pg_terminate_backend({mine}, 5000)"))
            other.close()
            connection.execute(COUNT)

    with pytest.raises(StoreUnreachable):
        write_and_be_cut()

    assert count(store) == 0
    with store.transaction() as connection:
        connection.execute(ADD)
    assert count(store) == 1
    store.close()


def test_a_process_that_is_killed_leaves_neither_rows_nor_its_lock(address: str) -> None:
    """
    After a kill in the middle of a transaction the next writer begins at once on clean tables.
    """
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER, address],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "written\n"
    store = PostgresStore(address, "tenant", busy_milliseconds=30)
    with pytest.raises(StoreBusy), store.transaction():
        pytest.fail("two writers at once")
    store.close()

    process.send_signal(signal.SIGKILL)
    process.communicate()
    store = PostgresStore(address, "tenant")
    with store.transaction() as connection:
        assert connection.execute(COUNT).scalar_one() == 0
        connection.execute(ADD)
    store.close()


def test_a_statement_without_end_is_stopped(address: str) -> None:
    """
    A statement that would hold up every writer is a time limit, not a wait.
    """
    store = PostgresStore(address, "tenant", statement_milliseconds=50)

    with pytest.raises(StoreBusy), store.transaction() as connection:
        connection.execute(text("SELECT pg_sleep(60)"))
    store.close()


def test_writers_of_two_institutions_do_not_wait_for_each_other(address: str) -> None:
    """
    The lock is one institution's.
    """
    one = PostgresStore(address, "one", busy_milliseconds=50)
    two = PostgresStore(address, "two", busy_milliseconds=50)

    with one.transaction(), two.transaction() as connection:
        assert connection.execute(COUNT).scalar_one() == 0
    one.close()
    two.close()


def test_a_server_that_is_not_there_is_said_without_the_password(tmp_path: Path) -> None:
    """
    The refusal carries neither address nor account nor password, and nor does its trace.
    """
    with pytest.raises(StoreUnreachable) as refused:
        PostgresStore(f"host={tmp_path} user=keeper password={SECRET}", "tenant")

    said = "".join(traceback.format_exception(refused.value))
    assert SECRET not in said
    assert "keeper" not in str(refused.value)


def test_an_account_without_rights_is_locked_out(postgres: object, address: str) -> None:
    """
    Missing rights are a refusal of their own, not a defect.
    """
    postgres.admin("CREATE ROLE onlooker LOGIN")  # type: ignore[attr-defined]
    try:
        store = PostgresStore(address.replace("//postgres:", "//onlooker:"), "tenant")
        with pytest.raises(StoreLocked), store.reading() as connection:
            connection.execute(COUNT)
        store.close()
    finally:
        postgres.admin("DROP ROLE onlooker")  # type: ignore[attr-defined]


def test_what_the_account_was_given_as_habit_does_not_weaken_a_commit(
    postgres: object, address: str
) -> None:
    """
    A database that was set to commit lazily is made to wait for the disk all the same.
    """
    name = address.split("/")[3].split("?", maxsplit=1)[0]
    postgres.admin(f"ALTER DATABASE {name} SET synchronous_commit = off")  # type: ignore[attr-defined]
    store = PostgresStore(address, "tenant")
    with store.reading() as connection:
        assert connection.execute(text("SHOW synchronous_commit")).scalar_one() == "on"
    store.close()
    lazy = PostgresStore(address, "tenant", "NORMAL")
    with lazy.reading() as connection:
        assert connection.execute(text("SHOW synchronous_commit")).scalar_one() == "off"
    lazy.close()


def test_a_server_that_does_not_hold_a_protective_setting_is_refused(
    monkeypatch: pytest.MonkeyPatch, empty_database: str
) -> None:
    """
    Settings are read back; one that is off ends the opening.
    """
    monkeypatch.setattr(postgres_store, "_DURABLE", ("allow_system_table_mods",))

    with pytest.raises(StoreSettingsRefused, match="allow_system_table_mods = off"):
        PostgresStore(empty_database, "tenant")
    PostgresStore(empty_database, "tenant", "NORMAL").close()


def test_fsync_and_full_pages_are_asked_for() -> None:
    """
    The two settings without which a power cut loses or tears what was committed.
    """
    assert postgres_store._DURABLE == ("fsync", "full_page_writes")


def test_a_database_that_keeps_bytes_for_text_is_refused(postgres: object) -> None:
    """
    Names in Chinese need UTF-8.
    """
    postgres.admin(  # type: ignore[attr-defined]
        "CREATE DATABASE ascii TEMPLATE template0 ENCODING 'SQL_ASCII' LOCALE 'C'"
    )
    try:
        with pytest.raises(StoreSettingsRefused, match="SQL_ASCII"):
            PostgresStore(postgres.dsn("ascii"), "tenant")  # type: ignore[attr-defined]
    finally:
        postgres.drop("ascii")  # type: ignore[attr-defined]


# The way to the server

ELSEWHERE = (
    "host=db.example",
    "postgresql://keeper@db.example/records",
    "host=localhost hostaddr=10.0.0.9",
    "host=localhost,db.example",
    "hostaddr=::2",
    "host=127.0.0.1.example",
)
HERE = (
    "host=/run/postgresql",
    "host=localhost",
    "host=127.0.0.1",
    "host=::1",
    "postgresql://keeper@localhost/records",
    "host=db.internal hostaddr=127.0.0.1",
)


@pytest.mark.parametrize("address", ELSEWHERE)
@pytest.mark.parametrize("mode", ["disable", "allow", "prefer", "require"])
def test_a_server_elsewhere_must_prove_its_name(address: str, mode: str) -> None:
    """
    Any mode that would not check the certificate is refused before a connection is made.
    """
    mark = ("&" if "?" in address else "?") if "//" in address else " "
    with pytest.raises(StoreAddressRefused, match="sslmode"):
        guarded_conninfo(f"{address}{mark}sslmode={mode}")


@pytest.mark.parametrize("address", ELSEWHERE)
def test_a_server_elsewhere_is_asked_for_its_certificate_by_default(address: str) -> None:
    """
    Who says nothing gets full verification, against the machine's own roots.
    """
    found = guarded_conninfo(address)

    assert "sslmode=verify-full" in found
    assert "sslrootcert=system" in found


def test_a_root_certificate_of_ones_own_is_kept() -> None:
    """
    A hospital's own authority is used where it is named.
    """
    found = guarded_conninfo("host=db.example sslmode=verify-ca sslrootcert=/etc/ca.pem")

    assert "sslmode=verify-ca" in found
    assert "sslrootcert=/etc/ca.pem" in found


@pytest.mark.parametrize("address", HERE)
def test_a_server_on_this_machine_needs_no_certificate(address: str) -> None:
    """
    A socket file or the loopback: nobody is on the way.
    """
    assert "sslmode" not in guarded_conninfo(address)


@pytest.mark.parametrize(
    "address",
    [
        "",
        "x" * 5000,
        f"password={SECRET} ho st",
        f"nonsense={SECRET}",
        "host=localhost service=x",
        "dbname=records",
        "host=localhost,",
    ],
)
def test_an_address_that_is_none_is_refused_without_repeating_it(address: str) -> None:
    """
    What cannot be read may be a password in the wrong place.
    """
    with pytest.raises(StoreAddressRefused) as refused:
        guarded_conninfo(address)

    assert SECRET not in "".join(traceback.format_exception(refused.value))


def test_the_environment_does_not_lead_elsewhere(
    empty_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    PGHOSTADDR of whoever starts the program does not stand above the address in the file.
    """
    monkeypatch.setenv("PGHOSTADDR", "192.0.2.1")
    monkeypatch.setenv("PGHOST", "db.example")

    PostgresStore(empty_database, "tenant").close()


# The file with the address


def test_a_file_with_the_address_that_others_may_read_is_refused(tmp_path: Path) -> None:
    """
    Each bit for group or others counts; a missing or empty file is another refusal.
    """
    path = tmp_path / "dsn"
    with pytest.raises(AddressMissing):
        read_address(path)
    with pytest.raises(AddressMissing):
        read_address(None)
    path.write_text("\n", encoding="ascii")
    path.chmod(0o600)
    with pytest.raises(AddressMissing):
        read_address(path)
    path.write_text("host=/run/postgresql\n", encoding="ascii")
    for mode in (0o640, 0o604, 0o620, 0o602, 0o610, 0o601):
        path.chmod(mode)
        with pytest.raises(AddressReadable):
            read_address(path)
    for mode in (0o600, 0o400):
        path.chmod(mode)
        assert read_address(path) == "host=/run/postgresql"
