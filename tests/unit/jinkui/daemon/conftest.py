"""A furnished home, the real server on a loopback port, and a clock that tests move."""

from __future__ import annotations

import os
import shutil
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
from fastapi import FastAPI

from jinkui.console.sessions import Sessions
from jinkui.daemon.application import create_application
from jinkui.daemon.backend import HomeBackend
from jinkui.daemon.limits import session_limits
from jinkui.daemon.serving import http_server
from jinkui.procedures.passwords import set_password
from jinkui.procedures.registry_entry import enter_registry
from jinkui.synthetic.hospital import SyntheticHospital
from jinkui.synthetic.institution import CREDIT_CODE, NAME
from jinkui.wiring.homes import create
from jinkui.wiring.toolkit import Toolkit, open_toolkit
from secure_records.audit.trail import TrailQuery, find_entries

NIGHT = datetime(2026, 3, 1, 19, 0, tzinfo=UTC)
PASSWORD = "a long night 2026"
OFFICER, PARTNER, CLINICIAN = "a002", "x001", "d001"


class SteppedClock:
    def __init__(self) -> None:
        self.at = NIGHT

    def now(self) -> datetime:
        return self.at

    def forward(self, **step: float) -> None:
        self.at += timedelta(**step)


@dataclass
class House:
    """One served home."""

    toolkit: Toolkit
    backend: HomeBackend
    clock: SteppedClock
    address: str

    def browser(self, **headers: str) -> httpx.Client:
        """Keeps cookies, follows nothing by itself, goes through no proxy."""
        return httpx.Client(base_url=self.address, headers=headers, trust_env=False)

    def sign_in(
        self,
        client: httpx.Client,
        name: str = OFFICER,
        password: str = PASSWORD,
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        """Post the form."""
        form = {"name": name, "password": password}
        return client.post("/sign-in", data=form, headers=headers)

    def entries(self) -> list[Mapping[str, Any]]:
        """What the console has left in the log: action, actor, decision, outcome."""
        with self.toolkit.reading() as unit:
            page = find_entries(unit.audit_store, TrailQuery(limit=1000))
        return [e.content for e in page.entries if e.action.startswith("console.")]


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with people, two of whom have a password."""
    folder = tmp_path_factory.mktemp("house") / "home"
    clock = SteppedClock()
    head = {
        "institution": CREDIT_CODE,
        "institution_name": NAME,
        "profile": "demo",
        "suite": "gm",
        "origin": "jinkui.example/test/audit",
        "default_actor": "a004",
    }
    create(folder, head, {}, None, clock, os.urandom).close()
    with open_toolkit(folder, None, clock, os.urandom) as toolkit:
        document = SyntheticHospital(1, 10, 10, start=date(2026, 3, 1)).registry_document()
        enter_registry(toolkit, "test", orjson.dumps(document))
        for account in (OFFICER, PARTNER, CLINICIAN):
            set_password(toolkit, "test", account, PASSWORD)
        toolkit.seal_log()
    return folder


@contextmanager
def listening(app: FastAPI) -> Iterator[str]:
    """The application behind the server that the daemon uses; yields its address."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = http_server(app)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    with closing(listener):
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


@contextmanager
def served(template: Path, folder: Path) -> Iterator[House]:
    """A copy of the home, open and served."""
    shutil.copytree(template, folder)
    clock = SteppedClock()
    with open_toolkit(folder, None, clock, os.urandom) as toolkit:
        backend = HomeBackend(toolkit)
        sessions = Sessions(session_limits(toolkit.home), clock, os.urandom)
        with listening(create_application(backend, sessions)) as address:
            yield House(toolkit=toolkit, backend=backend, clock=clock, address=address)


@pytest.fixture
def house(template: Path, tmp_path: Path) -> Iterator[House]:
    """A home of this test's own, served."""
    with served(template, tmp_path / "home") as open_house:
        yield open_house


@pytest.fixture(scope="module")
def shared_house(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """One home for tests that change nothing in it."""
    with served(template, tmp_path_factory.mktemp("shared") / "home") as open_house:
        yield open_house
