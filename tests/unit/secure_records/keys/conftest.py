"""A real key database in a temporary folder, and rings over it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from secure_records.adapters.embedded_store import EmbeddedStore
from secure_records.adapters.key_store import SqlKeyStore
from secure_records.adapters.key_tables import metadata
from secure_records.envelope.suites import GM, INTL, Suite
from secure_records.keys.key_ring import KeyRing

ROOT = bytes(range(32))


class FixedClock:
    """Always the same instant."""

    def now(self) -> datetime:
        return datetime(2026, 3, 1, 1, 0, tzinfo=UTC)


@pytest.fixture
def keys_file(tmp_path: Path) -> Iterator[EmbeddedStore]:
    store = EmbeddedStore(tmp_path / "keys.db", b"\x11" * 32, "NORMAL")
    with store.transaction() as connection:
        metadata.create_all(connection)
    yield store
    store.close()


@pytest.fixture
def key_store(keys_file: EmbeddedStore) -> SqlKeyStore:
    return SqlKeyStore(keys_file)


@pytest.fixture(params=[GM, INTL], ids=lambda suite: suite.name)
def suite(request: pytest.FixtureRequest) -> Suite:
    chosen: Suite = request.param
    return chosen


@pytest.fixture
def new_ring(suite: Suite, key_store: SqlKeyStore) -> Callable[[], KeyRing]:
    """Each call is another process: an empty cache over the same file."""
    return lambda: KeyRing(suite, ROOT, key_store, os.urandom, FixedClock())
