"""Furnished homes: made once per session and suite, copied for each test."""

# ruff: noqa: ANN401 - fixtures whose classes live in furnishing.py

import sys
from collections.abc import Callable, Iterator
from importlib import util
from pathlib import Path
from typing import Any

import pytest

_PATH = Path(__file__).with_name("furnishing.py")
_SPEC = util.spec_from_file_location("furnishing", _PATH)
assert _SPEC is not None
assert _SPEC.loader is not None
furnishing = sys.modules.get("furnishing") or util.module_from_spec(_SPEC)
if "furnishing" not in sys.modules:
    sys.modules["furnishing"] = furnishing
    _SPEC.loader.exec_module(furnishing)


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, bool], Path]:
    """Folder of a furnished home by suite and whether records are in it."""
    made: dict[tuple[str, bool], Path] = {}

    def get(suite: str, stocked: bool) -> Path:
        if (suite, stocked) not in made:
            folder = tmp_path_factory.mktemp(f"template-{suite}")
            furnishing.build_home(folder, suite, stocked=stocked)
            made[suite, stocked] = folder
        return made[suite, stocked]

    return get


@pytest.fixture(params=["gm", "intl"])
def suite(request: pytest.FixtureRequest) -> str:
    """Both suites."""
    return str(request.param)


@pytest.fixture
def furnished(suite: str, template: Any, tmp_path: Path) -> Iterator[Any]:
    """People and agreements, no records yet."""
    with furnishing.open_copy(template(suite, stocked=False), tmp_path / "copy", suite) as house:
        yield house


@pytest.fixture
def stocked(suite: str, template: Any, tmp_path: Path) -> Iterator[Any]:
    """All good lines imported."""
    with furnishing.open_copy(template(suite, stocked=True), tmp_path / "copy", suite) as house:
        yield house


@pytest.fixture
def house(template: Any, tmp_path: Path) -> Iterator[Any]:
    """All good lines imported, in the gm suite only."""
    with furnishing.open_copy(template("gm", stocked=True), tmp_path / "copy", "gm") as open_house:
        yield open_house
