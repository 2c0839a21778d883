"""Where do the records of this home lie, and how is that place opened?

In an encrypted file of the home, or in a schema of a PostgreSQL database. Keys stay in
the home in either case. The address of a database may hold a password: it is read from
a file of its own that nobody but its owner may read, never from the settings, the
environment or the command line.
"""

from __future__ import annotations

import stat
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

from sqlalchemy.engine import Connection

from jinkui.settings.home import POSTGRESQL, Home
from jinkui.wiring.schemas import require_no_tables
from secure_records.adapters.embedded_store import EmbeddedStore, Synchronous
from secure_records.errors import StoreDamaged
from shared_kernel.errors import NotFound, Refused

if TYPE_CHECKING:
    from secure_records.adapters.postgres_store import PostgresStore

_LARGEST_ADDRESS: Final = 4096
_OTHERS: Final = 0o077


class AddressMissing(NotFound):
    """The file with the address of the database is not there."""

    code = "home.dsn_missing"
    default_hint = (
        "write the address into a file of mode 0600, name it as dsn_file in [store] of home.toml "
        "or as JINKUI_DSN_FILE"
    )


class AddressReadable(Refused):
    """Others may read the file with the address of the database, and so its password."""

    code = "home.dsn_readable"
    default_hint = "chmod 600 this file; if others could read it, change the password"


class EngineNotInstalled(Refused):
    """The records lie in a database, and its client is not installed here."""

    code = "store.engine_not_installed"
    default_hint = "pip install 'jinkui[postgresql]'"


class HomeStore(Protocol):
    """What every engine offers."""

    def transaction(self) -> AbstractContextManager[Connection]:
        """One write transaction."""
        ...

    def reading(self) -> AbstractContextManager[Connection]:
        """One consistent read transaction."""
        ...

    def integrity_check(self) -> None:
        """Read everything.

        Raises:
            StoreDamaged: something is not what was written.
        """
        ...

    def close(self) -> None:
        """Close every idle connection."""
        ...


def is_remote(home: Home) -> bool:
    """Do the records lie in a database server?"""
    return home.engine == POSTGRESQL


def open_store(home: Home, file_key: Callable[[], bytes], *, fresh: bool = False) -> HomeStore:
    """Open the place of the records.

    Args:
        home: The settings.
        file_key: 32 bytes, asked for only where there is a file.
        fresh: The file is to be made.

    Raises:
        StoreDamaged: the file is gone or empty.
        AddressMissing, AddressReadable: about the file with the address.
    """
    synchronous: Synchronous = "NORMAL" if home.text("store", "synchronous") == "NORMAL" else "FULL"
    if is_remote(home):
        return server_store(read_address(home.dsn_file), home.institution, synchronous)
    if not fresh:
        # An absent file would be made anew, and an empty hospital would look like a whole one.
        require_present(home.records_file)
    return EmbeddedStore(
        home.records_file,
        file_key(),
        synchronous,
        cache_mib=home.number("store", "cache_mebibytes"),
        memory_security=home.flag("store", "memory_security"),
    )


def server_store(
    address: str, institution: str, synchronous: Synchronous = "FULL"
) -> PostgresStore:
    """The records of ``institution`` in the database at ``address``.

    Raises:
        EngineNotInstalled: the client of the database is an extra, and it is not there.
    """
    try:
        # An extra: a home with a file needs neither driver nor client library.
        from secure_records.adapters.postgres_store import PostgresStore  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise EngineNotInstalled("the client of PostgreSQL is not installed") from error
    return PostgresStore(address, institution, synchronous)


def require_free_server(dsn_file: Path | None) -> None:
    """Return if and only if the database can be reached and holds no tables of a home.

    Raises:
        StoreTaken: it holds some.
    """
    store = server_store(read_address(dsn_file), "")
    try:
        with store.reading() as connection:
            require_no_tables(connection)
    finally:
        store.close()


def read_address(path: Path | None) -> str:
    """The address in the file.

    Raises:
        AddressMissing: no such file, or nothing in it.
        AddressReadable: others may read it.
    """
    if path is None or not path.is_file():
        raise AddressMissing("there is no file with the address of the database", where="dsn_file")
    if stat.S_IMODE(path.stat().st_mode) & _OTHERS:
        raise AddressReadable(f"others may read {path.name}", where=path.name)
    with path.open(encoding="utf-8", errors="replace") as file:
        address = file.read(_LARGEST_ADDRESS + 1).strip()
    if not address:
        raise AddressMissing(f"{path.name} is empty", where=path.name)
    return address


def require_present(path: Path) -> None:
    """Raise ``StoreDamaged`` unless the file is there and holds something."""
    if not path.is_file() or path.stat().st_size == 0:
        raise StoreDamaged(f"{path.name} is missing or empty", where=path.name)
