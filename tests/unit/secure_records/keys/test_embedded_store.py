"""The store file is encrypted, protected on every connection, and whole."""

from __future__ import annotations

import sqlite3
import stat
import subprocess
import sys
import traceback
from pathlib import Path

import pytest
import sqlcipher3.dbapi2 as sqlcipher
from sqlalchemy.exc import IntegrityError

from secure_records.adapters import embedded_store
from secure_records.adapters.embedded_store import EmbeddedStore
from secure_records.errors import (
    KeyMalformed,
    StoreBusy,
    StoreDamaged,
    StoreLocked,
    StoreSettingsRefused,
)

RAW_KEY = b"\x22" * 32
MARK = "张三-must-not-be-readable"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "records.db"


def filled(path: Path, rows: int = 400) -> None:
    """A closed store with ``rows`` rows."""
    store = EmbeddedStore(path, RAW_KEY)
    with store.transaction() as connection:
        connection.exec_driver_sql("CREATE TABLE note (id INTEGER PRIMARY KEY, text TEXT)")
        connection.exec_driver_sql(
            "INSERT INTO note VALUES (?, ?)", [(number, MARK * 5) for number in range(rows)]
        )
    store.close()


def test_every_protective_setting_is_on(path: Path) -> None:
    """What the threat model counts on is read back from a working connection."""
    store = EmbeddedStore(path, RAW_KEY)
    wanted = {
        "cipher_hmac_algorithm": "HMAC_SHA256",
        "cipher_page_size": "4096",
        "foreign_keys": 1,
        "journal_mode": "wal",
        "secure_delete": 1,
        "synchronous": 2,
        "temp_store": 2,
        "busy_timeout": 15000,
        "cache_size": -64 * 1024,
    }
    with store.reading() as connection:
        got = {name: connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in wanted}
    store.close()

    assert got == wanted


def test_the_engine_wipes_its_memory_if_asked(path: Path) -> None:
    """The costly setting is the operator's choice; a process that took it cannot go back."""
    program = (
        "import pathlib, sys\n"
        "from secure_records.adapters.embedded_store import EmbeddedStore\n"
        "store = EmbeddedStore(pathlib.Path(sys.argv[1]), b'k' * 32, memory_security=True)\n"
        "with store.reading() as connection:\n"
        "    print(connection.exec_driver_sql('PRAGMA cipher_memory_security').scalar())\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(path)], capture_output=True, text=True, check=True
    )

    assert done.stdout == "1\n"


def test_settings_hold_on_every_connection(path: Path) -> None:
    """A second connection of the pool is as protected as the first."""
    store = EmbeddedStore(path, RAW_KEY, "NORMAL", cache_mib=8)
    with store.reading() as first, store.reading() as second:
        for connection in (first, second):
            assert connection.exec_driver_sql("PRAGMA secure_delete").scalar() == 1
            assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 1
    store.close()


def test_file_is_unreadable_and_private(path: Path) -> None:
    """No clear text, no SQLite header, no access for others."""
    filled(path)
    stored = path.read_bytes()

    assert MARK.encode() not in stored
    assert not stored.startswith(b"SQLite format 3")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_write_ahead_log_is_encrypted_and_private(path: Path) -> None:
    """The log beside the file keeps the same secrets."""
    store = EmbeddedStore(path, RAW_KEY)
    with store.transaction() as connection:
        connection.exec_driver_sql("CREATE TABLE note (text TEXT)")
        connection.exec_driver_sql("INSERT INTO note VALUES (?)", (MARK,))
    log = path.with_name(path.name + "-wal")

    assert log.stat().st_size > 0
    assert MARK.encode() not in log.read_bytes()
    assert stat.S_IMODE(log.stat().st_mode) == 0o600
    store.close()


def test_wrong_key_is_one_clear_refusal(path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """The engine's lines on standard error are replaced by one error."""
    filled(path)

    with pytest.raises(StoreLocked, match=r"records\.db does not open with this key"):
        EmbeddedStore(path, bytes(32))
    assert capfd.readouterr() == ("", "")


def test_plain_database_is_refused(path: Path) -> None:
    """A file in clear is no store, even if it is readable."""
    with sqlite3.connect(path) as plain:
        plain.execute("CREATE TABLE note (text TEXT)")
    plain.close()

    with pytest.raises(StoreLocked):
        EmbeddedStore(path, RAW_KEY)


@pytest.mark.parametrize("size", [0, 16, 31, 33])
def test_key_length_is_checked(path: Path, size: int) -> None:
    """A short raw key would be taken for a passphrase by the engine."""
    with pytest.raises(KeyMalformed):
        EmbeddedStore(path, bytes(size))
    assert not path.exists()


def test_engine_without_encryption_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Plain SQLite ignores PRAGMA key in silence; it must never receive a record."""

    def connect_plain(name: str, **_: object) -> sqlite3.Connection:
        return sqlite3.connect(name, isolation_level=None)

    monkeypatch.setattr(sqlcipher, "connect", connect_plain)

    with pytest.raises(StoreSettingsRefused, match="no encryption"):
        EmbeddedStore(path, RAW_KEY)


def test_setting_that_does_not_hold_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings are read back, not believed."""
    monkeypatch.setitem(embedded_store._SYNCHRONOUS_CODES, "FULL", "3")

    with pytest.raises(StoreSettingsRefused, match="holds synchronous = 2, not 3"):
        EmbeddedStore(path, RAW_KEY)


def test_failed_transaction_leaves_nothing(path: Path) -> None:
    """Any error in the block rolls back all of it."""
    filled(path, rows=1)
    store = EmbeddedStore(path, RAW_KEY)

    def fail_halfway() -> None:
        with store.transaction() as connection:
            connection.exec_driver_sql("DELETE FROM note")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail_halfway()
    with store.reading() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM note").scalar() == 1
    store.close()


def test_reader_sees_one_state_while_others_write(path: Path) -> None:
    """A reading transaction does not move under the reader's feet, and does not block a writer."""
    filled(path, rows=1)
    store = EmbeddedStore(path, RAW_KEY)

    with store.reading() as reader:
        before = reader.exec_driver_sql("SELECT count(*) FROM note").scalar()
        with store.transaction() as writer:
            writer.exec_driver_sql("INSERT INTO note VALUES (99, 'x')")
        assert reader.exec_driver_sql("SELECT count(*) FROM note").scalar() == before
    store.close()


def test_second_writer_waits_and_then_is_told(path: Path) -> None:
    """Two writers never interleave; waiting too long is one clear error."""
    filled(path, rows=1)
    store = EmbeddedStore(path, RAW_KEY, busy_milliseconds=20)

    with store.transaction(), pytest.raises(StoreBusy), store.transaction():
        pass
    with store.transaction() as connection:
        connection.exec_driver_sql("DELETE FROM note")
    store.close()


def test_altered_page_is_found(path: Path) -> None:
    """Every page carries an authentication code; the health check reads them all."""
    filled(path)
    store = EmbeddedStore(path, RAW_KEY)
    store.integrity_check()
    store.close()

    altered = bytearray(path.read_bytes())
    altered[len(altered) // 2] ^= 1
    path.write_bytes(altered)
    store = EmbeddedStore(path, RAW_KEY)
    with pytest.raises(StoreDamaged, match="fail authentication"):
        store.integrity_check()
    store.close()


def test_committed_rows_survive_without_closing(path: Path) -> None:
    """What was committed is there for the next process, whatever became of this one."""
    store = EmbeddedStore(path, RAW_KEY)
    with store.transaction() as connection:
        connection.exec_driver_sql("CREATE TABLE note (text TEXT)")
    copy = path.with_name("copy.db")
    for suffix in ("", "-wal"):
        copy.with_name(copy.name + suffix).write_bytes(
            path.with_name(path.name + suffix).read_bytes()
        )
    later = EmbeddedStore(copy, RAW_KEY)
    with later.reading() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM note").scalar() == 0
    later.close()
    store.close()


def test_driver_is_sqlcipher_4() -> None:
    """The file format is that of SQLCipher 4."""
    connection = sqlcipher.connect(":memory:")
    [version] = connection.execute("PRAGMA cipher_version").fetchone()
    connection.close()

    assert version.startswith("4.")


def test_failed_statement_keeps_its_values_to_itself(path: Path) -> None:
    """The error of a statement goes into logs: it shows the statement, never a bound value."""
    store = EmbeddedStore(path, RAW_KEY)
    with store.transaction() as connection:
        connection.exec_driver_sql("CREATE TABLE note (text TEXT UNIQUE)")
        connection.exec_driver_sql("INSERT INTO note VALUES (?)", (MARK,))

    with pytest.raises(IntegrityError) as failed, store.transaction() as connection:
        connection.exec_driver_sql("INSERT INTO note VALUES (?)", (MARK,))
    store.close()

    assert "INSERT INTO note" in str(failed.value)
    assert MARK not in "".join(traceback.format_exception(failed.value))
