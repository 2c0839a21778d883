"""How is a PostgreSQL database used so that it gives what the embedded file gives?

The same port: a writing transaction, a reading one, a check, an end. One writer of
an institution at a time, held by an advisory lock until its commit: what the log says
happened in this order happened in this order, and no decision is taken on a state
that a writer before it has changed. Readers see one state and wait for nobody.

The server is not trusted with keys, nor the way to it with anything: outside this
machine the connection must be encrypted and the server must prove its name.
"""

from __future__ import annotations

import hashlib
import ipaddress
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import zip_longest
from typing import Any, Final, Literal, TypeAlias

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.rows import TupleRow
from sqlalchemy import create_engine
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import QueuePool

from secure_records.adapters.postgres_refusals import refusal_of
from secure_records.errors import StoreAddressRefused, StoreDamaged, StoreSettingsRefused

Synchronous: TypeAlias = Literal["FULL", "NORMAL"]
_Driver: TypeAlias = psycopg.Connection[TupleRow]

LARGEST_DSN: Final = 4096
"""Characters; an address is short."""

BUSY_MILLISECONDS: Final = 15_000
STATEMENT_MILLISECONDS: Final = 120_000
"""A statement that takes longer is stopped: it holds up every writer."""

IDLE_MILLISECONDS: Final = 300_000
"""A transaction that does nothing for so long is ended by the server."""

CONNECT_SECONDS: Final = 10

_POOL_SIZE: Final = 8
_POOL_OVERFLOW: Final = 24
_LOCK_BYTES: Final = 8
_LOCK_NAME: Final = "jinkui/writer/"
_LOCK: Final = "SELECT pg_advisory_xact_lock(%s)"
_PROVEN: Final = frozenset(("verify-ca", "verify-full"))
_SYSTEM_ROOTS: Final = "system"
_COMMITS: Final[Mapping[Synchronous, str]] = {"FULL": "on", "NORMAL": "off"}
_DURABLE: Final = ("fsync", "full_page_writes")
_CHECKSUMS: Final = "data_checksums"
_TABLES: Final = (
    "SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
    " WHERE c.relkind IN ('r', 'p') AND n.nspname = current_schema() ORDER BY c.relname"
)


class PostgresStore:
    """One schema of a PostgreSQL database and a pool of connections to it.

    Args:
        dsn: libpq's connection string or URI. It may hold a password: it is never shown.
        writer: Who waits for whom when writing: the institution.
        synchronous: ``FULL`` waits until a commit is on disk; ``NORMAL`` is for demos
            and benches.

    Raises:
        StoreAddressRefused: the address is none, or would send records in clear.
        StoreUnreachable: no server answers there.
        StoreLocked: the server does not let this account in.
        StoreSettingsRefused: the server does not hold a protective setting.
    """

    def __init__(
        self,
        dsn: str,
        writer: str,
        synchronous: Synchronous = "FULL",
        *,
        busy_milliseconds: int = BUSY_MILLISECONDS,
        statement_milliseconds: int = STATEMENT_MILLISECONDS,
    ) -> None:
        self._conninfo = guarded_conninfo(dsn)
        self._lock = _lock_number(writer)
        self._synchronous = synchronous
        self._busy_milliseconds = busy_milliseconds
        self._statement_milliseconds = statement_milliseconds
        self._engine = create_engine(
            "postgresql+psycopg://",
            creator=self._connect,
            poolclass=QueuePool,
            pool_size=_POOL_SIZE,
            max_overflow=_POOL_OVERFLOW,
            # A restarted server costs one look, not one failed request per connection.
            pool_pre_ping=True,
            # The text of a failed statement goes into logs; the bound values are patients.
            hide_parameters=True,
            use_native_hstore=False,
        )
        with self._guarded(), self._engine.connect():
            pass

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """A writing transaction: commits at the end of the block, rolls back on any error.

        Raises:
            StoreBusy: another writer held the lock for too long.
            StoreUnreachable: the server went away; nothing was committed.
        """
        # READ COMMITTED on purpose: each statement after the lock sees what the writer
        # before has committed. A stricter level would take its view before the lock.
        with self._begun("READ COMMITTED", readonly=False) as connection:
            connection.exec_driver_sql(_LOCK, (self._lock,))
            yield connection

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction that sees one state of the store throughout and writes nothing."""
        with self._begun("REPEATABLE READ", readonly=True) as connection:
            yield connection

    def integrity_check(self) -> None:
        """Have the server read every row of every table, long values included.

        Raises:
            StoreDamaged: a row cannot be read back.
            StoreSettingsRefused: the server keeps no checksums, so reading proves little.
        """
        with self.reading() as connection:
            connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
            kept = connection.exec_driver_sql(f"SHOW {_CHECKSUMS}").scalar_one()
            names = connection.exec_driver_sql(_TABLES).scalars().all()
            for name in names:
                _read_through(connection, name)
        if kept != "on":
            raise StoreSettingsRefused(
                "the server keeps no page checksums", where=_CHECKSUMS, hint=_CHECKSUM_HINT
            )

    def tables(self) -> Sequence[str]:
        """Names of every table in the schema, in order."""
        with self.reading() as connection:
            return connection.exec_driver_sql(_TABLES).scalars().all()

    def close(self) -> None:
        """Close every idle connection. Open transactions keep theirs until they end."""
        self._engine.dispose()

    @contextmanager
    def _begun(
        self, level: Literal["READ COMMITTED", "REPEATABLE READ"], *, readonly: bool
    ) -> Iterator[Connection]:
        with self._guarded(), self._engine.connect() as connection:
            connection.execution_options(isolation_level=level, postgresql_readonly=readonly)
            with connection.begin():
                yield connection

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        try:
            yield
        except (DBAPIError, psycopg.Error) as error:
            origin = error.orig if isinstance(error, DBAPIError) else error
            translated = refusal_of(origin)
            if translated is None:
                raise
            # The server's own words may quote an address, an account or a value.
            raise translated from None

    def _connect(self) -> _Driver:
        connection = psycopg.connect(self._conninfo)
        try:
            self._prepare(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _prepare(self, connection: _Driver) -> None:
        require_private(connection)
        connection.autocommit = True
        for name, value in (
            ("statement_timeout", f"{self._statement_milliseconds}ms"),
            ("lock_timeout", f"{self._busy_milliseconds}ms"),
            ("idle_in_transaction_session_timeout", f"{IDLE_MILLISECONDS}ms"),
            ("synchronous_commit", _COMMITS[self._synchronous]),
            ("TimeZone", "UTC"),
        ):
            connection.execute("SELECT set_config(%s, %s, false)", (name, value))
        _require(connection, "server_encoding", "UTF8")
        _require(connection, "synchronous_commit", _COMMITS[self._synchronous])
        if self._synchronous == "FULL":
            for name in _DURABLE:
                _require(connection, name, "on")
        connection.autocommit = False


_CHECKSUM_HINT: Final = "stop the server and run `pg_checksums --enable`, or start with a new one"


def guarded_conninfo(dsn: str) -> str:
    """The same address with what must not be left to chance filled in.

    Raises:
        StoreAddressRefused: it is no address, or one that would send records in clear.
    """
    if not dsn or len(dsn) > LARGEST_DSN:
        raise StoreAddressRefused("the address of the database is empty or too long")
    try:
        parts = conninfo_to_dict(dsn)
    except psycopg.Error:
        # libpq quotes the piece that it cannot read, and that may be the password.
        raise StoreAddressRefused("the address of the database cannot be read") from None
    if "service" in parts:
        raise StoreAddressRefused("a service name hides where the records go", where="service")
    places = _places(parts)
    if not all(places):
        # libpq would take it from the environment, which nobody has looked at.
        raise StoreAddressRefused("the address names no host", where="host")
    added: dict[str, Any] = {
        "hostaddr": parts.get("hostaddr") or "",
        "connect_timeout": CONNECT_SECONDS,
        "application_name": "jinkui",
        "client_encoding": "UTF8",
        "keepalives": 1,
    }
    if not all(_is_local(place) for place in places):
        mode = str(parts.get("sslmode", ""))
        if mode and mode not in _PROVEN:
            raise StoreAddressRefused(
                f"sslmode={mode} would not prove who the server is", where="sslmode"
            )
        added["sslmode"] = mode or "verify-full"
        added["sslrootcert"] = parts.get("sslrootcert") or _SYSTEM_ROOTS
        added["gssencmode"] = "disable"
    return make_conninfo(dsn, **added)


def require_private(connection: _Driver) -> None:
    """Return if and only if nobody on the way can read along.

    Raises:
        StoreAddressRefused: the server is elsewhere and the connection is in clear.
    """
    address = connection.info.hostaddr
    if connection.pgconn.ssl_in_use or not address or _is_local(address):
        return
    raise StoreAddressRefused("the connection to the database is not encrypted", where="sslmode")


def _places(parts: Mapping[str, Any]) -> list[str]:
    """Every place that libpq might connect to; a number stands above a name."""
    hosts = str(parts.get("host") or "").split(",")
    numbers = str(parts.get("hostaddr") or "").split(",")
    return [number or host for host, number in zip_longest(hosts, numbers, fillvalue="")]


def _is_local(place: str) -> bool:
    """A socket file or this machine itself."""
    if place == "localhost" or place.startswith(("/", "@")):
        return True
    try:
        return ipaddress.ip_address(place).is_loopback
    except ValueError:
        return False


def _lock_number(writer: str) -> int:
    """The advisory lock of one institution: a signed 64-bit number."""
    digest = hashlib.sha256((_LOCK_NAME + writer).encode()).digest()
    return int.from_bytes(digest[:_LOCK_BYTES], "big", signed=True)


def _require(connection: _Driver, name: str, wanted: str) -> None:
    row = connection.execute("SELECT current_setting(%s)", (name,)).fetchone()
    got = None if row is None else row[0]
    if got != wanted:
        raise StoreSettingsRefused(
            f"the server holds {name} = {got}, not {wanted}",
            where=name,
            hint="ask whoever runs the database server to set it",
        )


def _read_through(connection: Connection, name: str) -> None:
    driver: Any = connection.connection.driver_connection
    statement = sql.SQL("COPY {} TO STDOUT (FORMAT binary)").format(sql.Identifier(name))
    try:
        with driver.cursor() as cursor, cursor.copy(statement) as rows:
            for _ in rows:
                pass
    except (psycopg.errors.DataCorrupted, psycopg.errors.IndexCorrupted):
        raise StoreDamaged(f"table {name} cannot be read back", where=name) from None
