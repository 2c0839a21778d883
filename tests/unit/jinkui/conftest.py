"""A small home of the demo profile with a synthetic registry."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson
import pytest

from jinkui.procedures.registry_entry import enter_registry
from jinkui.synthetic.hospital import SyntheticHospital
from jinkui.synthetic.institution import CREDIT_CODE, NAME
from jinkui.wiring.homes import create
from jinkui.wiring.toolkit import Toolkit, open_toolkit

START = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)


class SteppedClock:
    """A clock that a test moves by hand."""

    def __init__(self) -> None:
        self.at = START

    def now(self) -> datetime:
        self.at += timedelta(milliseconds=1)
        return self.at


@pytest.fixture
def steady() -> SteppedClock:
    return SteppedClock()


@pytest.fixture
def folder(tmp_path: Path, steady: SteppedClock) -> Path:
    head = {
        "institution": CREDIT_CODE,
        "institution_name": NAME,
        "profile": "demo",
        "suite": "gm",
        "origin": f"jinkui.test/{CREDIT_CODE}/audit",
        "default_actor": "a004",
    }
    home = tmp_path / "home"
    create(home, head, {}, None, steady, os.urandom).close()
    return home


@pytest.fixture
def toolkit(folder: Path, steady: SteppedClock) -> Iterator[Toolkit]:
    with open_toolkit(folder, None, steady, os.urandom) as opened:
        hospital = SyntheticHospital(3, 12, 20, start=START.date())
        enter_registry(opened, "test", orjson.dumps(hospital.registry_document()))
        opened.seal_log()
        yield opened
