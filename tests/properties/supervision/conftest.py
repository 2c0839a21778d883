"""The rig of the unit tests, for properties."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

_RIG = Path(__file__).parents[2] / "unit" / "supervision" / "conftest.py"


@pytest.fixture(scope="session")
def rigs() -> ModuleType:
    """The module that builds rigs."""
    name = "supervision_rigs"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, _RIG)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
    return sys.modules[name]
