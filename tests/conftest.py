"""Servers that tests of several folders start, each once and on ports of its own."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

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
