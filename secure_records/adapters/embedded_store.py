"""How is an encrypted single-file database opened so that nothing weaker slips in?

SQLCipher through SQLAlchemy. The raw key opens the file in about a millisecond;
every protective setting is applied on every connection and read back, and a
connection on which one does not hold is refused: a build without encryption
answers ``PRAGMA key`` with silence, not with an error.

Each transaction says at its start whether it will write. A writer takes the
lock at once (BEGIN IMMEDIATE), so that two writers wait for each other instead
of failing halfway.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Literal, TypeAlias

import sqlcipher3.dbapi2 as sqlcipher
from sqlalchemy import create_engine
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import QueuePool

from secure_records.errors import (
    KeyMalformed,
    SecureRecordsError,
    StoreBusy,
    StoreDamaged,
    StoreLocked,
    StoreSettingsRefused,
)

Synchronous: TypeAlias = Literal["FULL", "NORMAL"]

RAW_KEY_BYTES: Final = 32
BUSY_MILLISECONDS: Final = 15_000
CACHE_MIB: Final = 64
_CIPHER_PAGE_BYTES: Final = 4096
_HMAC: Final = "HMAC_SHA256"
"""Page authentication; the measured best of the three that SQLCipher offers."""

_POOL_SIZE: Final = 8
_POOL_OVERFLOW: Final = 24
_SYNCHRONOUS_CODES: Final[dict[str, str]] = {"NORMAL": "1", "FULL": "2"}
_LOCKED: Final = frozenset(("database is locked", "database table is locked"))
_DRIVER_ERRORS: Final = (DBAPIError, sqlcipher.DatabaseError)
_PAGES_AT_ONCE: Final = 2_048
"""Of a copy: 8 MiB between two reports."""

_WRITE: Final = "BEGIN IMMEDIATE"
_READ: Final = "BEGIN DEFERRED"


class EmbeddedStore:
    """One SQLCipher file and a pool of connections to it.

    Args:
        path: The file; made with mode 0600 if absent.
        raw_key: 32 bytes, used as they are (no password stretching).
        synchronous: ``FULL`` survives a power cut; ``NORMAL`` is for demos and benches.
        cache_mib: Page cache of each connection, in MiB. It holds clear pages.
        memory_security: The engine locks and wipes its own memory, at twice the cost of a
            write. It covers the engine only, not what Python holds of the same records:
            keep the whole process out of swap and core files instead.

    Raises:
        StoreLocked: the file is not one of this key.
        StoreSettingsRefused: the engine does not hold a protective setting.
    """

    def __init__(
        self,
        path: Path,
        raw_key: bytes,
        synchronous: Synchronous = "FULL",
        *,
        cache_mib: int = CACHE_MIB,
        busy_milliseconds: int = BUSY_MILLISECONDS,
        memory_security: bool = False,
    ) -> None:
        if len(raw_key) != RAW_KEY_BYTES:
            raise KeyMalformed(f"a raw file key has {RAW_KEY_BYTES} bytes, got {len(raw_key)}")
        self._path = path
        self._raw_key = raw_key
        self._synchronous = synchronous
        self._cache_mib = cache_mib
        self._busy_milliseconds = busy_milliseconds
        self._memory_security = memory_security
        # The engine would make the file readable by the group; -wal and -shm
        # inherit the mode of the main file.
        os.close(os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600))
        self._engine = create_engine(
            "sqlite+pysqlite://",
            creator=self._connect,
            module=sqlcipher,
            poolclass=QueuePool,
            pool_size=_POOL_SIZE,
            max_overflow=_POOL_OVERFLOW,
            # The text of a failed statement goes into logs; the bound values are patients.
            hide_parameters=True,
        )
        self._idle: deque[Connection] = deque()
        self._closed = False
        # One connection now: a wrong key is found at opening, not at first use.
        with self._guarded(), self._engine.connect():
            pass

    @property
    def path(self) -> Path:
        """The file."""
        return self._path

    def transaction(self) -> AbstractContextManager[Connection]:
        """A writing transaction: commits at the end of the block, rolls back on any error.

        Tables are made in one, too: ``metadata.create_all(connection)``.

        Raises:
            StoreBusy: another process held the write lock for too long.
        """
        return _Transaction(self, _WRITE)

    def reading(self) -> AbstractContextManager[Connection]:
        """A transaction that sees one state of the store throughout and writes nothing."""
        return _Transaction(self, _READ)

    def integrity_check(self) -> None:
        """Read every page: authentication codes, then structure.

        Raises:
            StoreDamaged: a page does not hold; the message gives the number of findings.
        """
        with self.reading() as connection:
            findings = connection.exec_driver_sql("PRAGMA cipher_integrity_check").fetchall()
            if findings:
                raise StoreDamaged(
                    f"{len(findings)} pages of {self._path.name} fail authentication",
                    where=self._path.name,
                )
            verdict = connection.exec_driver_sql("PRAGMA integrity_check").scalars().all()
        if verdict != ["ok"]:
            raise StoreDamaged(
                f"{len(verdict)} faults in the structure of {self._path.name}",
                where=self._path.name,
            )

    def copy_to(self, path: Path, report: Callable[[int, int], None]) -> EmbeddedStore:
        """A copy of one state of the file, under the same key, while others go on writing.

        Args:
            path: A file that does not exist yet.
            report: Told how many pages are done, and of how many.

        Returns:
            The copy, open.

        Raises:
            StoreLocked: there is something at ``path``.
        """
        if path.exists():
            raise StoreLocked(f"{path.name} exists already", where=path.name)
        copied = EmbeddedStore(path, self._raw_key, "FULL", cache_mib=self._cache_mib)
        target = copied._connect()
        try:
            with self.reading() as connection:
                # The first read fixes the state; pages are then taken from it alone.
                connection.exec_driver_sql("SELECT count(*) FROM sqlite_master").fetchone()
                driver: Any = connection.connection.driver_connection
                driver.backup(
                    target,
                    pages=_PAGES_AT_ONCE,
                    progress=lambda _status, left, every: report(every - left, every),
                )
        finally:
            target.close()
        return copied

    def empty_log(self) -> bool:
        """Move the write-ahead log into the file and cut it: no replaced page stays in it.

        False if a reader still needed it; the log is then cut at a later time.
        """
        with self._guarded(), self._engine.connect() as connection:
            driver: Any = connection.connection.driver_connection
            busy, _, _ = driver.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        return not busy

    def close(self) -> None:
        """Close every idle connection. Open transactions keep theirs until they end."""
        self._closed = True
        while self._idle:
            self._idle.pop().close()
        self._engine.dispose()

    def _take(self) -> Connection:
        """A connection for one transaction.

        A few are kept beside the engine's pool: checking one out of it and in again
        costs as much as a small transaction.
        """
        try:
            return self._idle.pop()
        except IndexError:
            return self._engine.connect()

    def _give_back(self, connection: Connection) -> None:
        unusable = connection.closed or connection.invalidated
        if unusable or self._closed or len(self._idle) >= _POOL_SIZE:
            connection.close()
        else:
            self._idle.append(connection)

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        try:
            yield
        except _DRIVER_ERRORS as error:
            message = str(error.orig) if isinstance(error, DBAPIError) else str(error)
            translated = _translate(message, self._path.name)
            if translated is None:
                raise
            raise translated from error

    def _connect(self) -> Any:  # noqa: ANN401 - the driver ships no types
        connection = sqlcipher.connect(
            str(self._path),
            isolation_level=None,
            check_same_thread=False,
            timeout=self._busy_milliseconds / 1000,
        )
        try:
            self._prepare(connection)
        except sqlcipher.DatabaseError as error:
            connection.close()
            raise _translate(str(error), self._path.name) or StoreLocked(
                f"{self._path.name} cannot be opened", where=self._path.name
            ) from error
        except SecureRecordsError:
            connection.close()
            raise
        return connection

    def _prepare(self, connection: Any) -> None:  # noqa: ANN401 - the driver ships no types
        execute = connection.execute
        if not execute("PRAGMA cipher_version").fetchone():
            # Plain SQLite ignores unknown pragmas: it would write health data in clear.
            raise StoreSettingsRefused("this SQLite has no encryption", where="cipher_version")
        # A wrong key is reported by an error class, not by lines on standard error.
        execute("PRAGMA cipher_log_level = NONE")
        # Order matters: key, then file format, before the first page is read.
        execute(f"PRAGMA key = \"x'{self._raw_key.hex()}'\"")
        execute(f"PRAGMA cipher_page_size = {_CIPHER_PAGE_BYTES}")
        execute(f"PRAGMA cipher_hmac_algorithm = {_HMAC}")
        if self._memory_security:
            # A setting of the whole process, which cannot be taken back while it runs.
            execute("PRAGMA cipher_memory_security = ON")
        execute("SELECT count(*) FROM sqlite_master").fetchone()
        execute(f"PRAGMA busy_timeout = {self._busy_milliseconds}")
        execute("PRAGMA journal_mode = WAL")
        execute(f"PRAGMA synchronous = {self._synchronous}")
        execute("PRAGMA secure_delete = ON")
        execute("PRAGMA temp_store = MEMORY")
        execute("PRAGMA foreign_keys = ON")
        execute(f"PRAGMA cache_size = {-1024 * self._cache_mib}")
        for name, wanted in (
            ("cipher_page_size", str(_CIPHER_PAGE_BYTES)),
            ("cipher_hmac_algorithm", _HMAC),
            ("cipher_use_hmac", "1"),
            *((("cipher_memory_security", "1"),) if self._memory_security else ()),
            ("journal_mode", "wal"),
            ("synchronous", _SYNCHRONOUS_CODES[self._synchronous]),
            ("secure_delete", "1"),
            ("temp_store", "2"),
            ("foreign_keys", "1"),
            ("busy_timeout", str(self._busy_milliseconds)),
        ):
            row = execute(f"PRAGMA {name}").fetchone()
            got = None if row is None else str(row[0])
            if got != wanted:
                raise StoreSettingsRefused(
                    f"the engine holds {name} = {got}, not {wanted}", where=name
                )


class _Transaction:
    """One transaction on one connection of the store; what the driver says is translated."""

    __slots__ = ("_connection", "_mode", "_outer", "_store")

    def __init__(self, store: EmbeddedStore, mode: str) -> None:
        self._store = store
        self._mode = mode

    def __enter__(self) -> Connection:
        with self._store._guarded():  # noqa: SLF001 - its other half
            self._connection = self._store._take()  # noqa: SLF001 - as above
            self._outer = self._connection.begin()
            try:
                # The driver's own transaction control is off (isolation_level None), so
                # BEGIN is said here: straight to the driver, on the hottest path there is.
                driver: Any = self._connection.connection.driver_connection
                driver.execute(self._mode)
            except BaseException:
                self._connection.close()
                raise
        return self._connection

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with self._store._guarded():  # noqa: SLF001 - its other half
            try:
                # Inactive: the block itself rolled back, as a dry run does.
                if error is None and self._outer.is_active:
                    self._outer.commit()
                else:
                    self._outer.close()
            except BaseException:
                self._connection.close()
                raise
            self._store._give_back(self._connection)  # noqa: SLF001 - as above
            if isinstance(error, _DRIVER_ERRORS):
                raise error  # to be translated; anything else goes on by itself


def _translate(message: str, name: str) -> SecureRecordsError | None:
    """The refusal for an engine message; None if the message is none of ours."""
    if "file is not a database" in message:
        return StoreLocked(f"{name} does not open with this key", where=name)
    if "disk image is malformed" in message:
        return StoreDamaged(f"{name} is damaged", where=name)
    if message in _LOCKED:
        return StoreBusy(f"{name} stayed locked by another process", where=name)
    return None
