"""Every rule here is tried on both engines."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from jinkui.wiring.schemas import make_tables

ENGINES = ("embedded", "postgresql")
TENANT = "12340100490000001M"


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def store(engine: str, make_store: Callable[..., Any]) -> Any:  # noqa: ANN401
    """An open store with every table of the house."""
    opened = make_store(engine)
    with opened.transaction() as connection:
        make_tables(connection, TENANT)
    return opened


@pytest.fixture
def tenant() -> str:
    return TENANT
