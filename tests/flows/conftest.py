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
def template(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Callable[..., Path]:
    """Folder of a furnished home by suite, whether records are in it, and engine."""
    made: dict[tuple[str, bool, str], Path] = {}

    def get(suite: str, stocked: bool, engine: str = "embedded") -> Path:
        key = (suite, stocked, engine)
        if key not in made:
            folder = tmp_path_factory.mktemp(f"template-{suite}")
            server = request.getfixturevalue("postgres") if engine == "postgresql" else None
            furnishing.build_home(folder, suite, stocked=stocked, server=server)
            made[key] = folder
        return made[key]

    return get


@pytest.fixture
def engine(request: pytest.FixtureRequest) -> str:
    """Where records lie; a module that is to run on both asks for it by name."""
    return str(getattr(request, "param", "embedded"))


@pytest.fixture
def database(engine: str, request: pytest.FixtureRequest) -> Iterator[Callable[[Path], None]]:
    """Gives a copied home a copy of its database; nothing to do where it is a file."""
    copies: list[str] = []

    def copy(home: Path) -> None:
        if engine != "postgresql":
            return
        server = request.getfixturevalue("postgres")
        file = home / "dsn"
        name = server.database(file.read_text("ascii").split("/")[3].split("?")[0])
        copies.append(name)
        file.write_text(server.dsn(name), encoding="ascii")

    yield copy
    for name in copies:
        request.getfixturevalue("postgres").drop(name)


@pytest.fixture(params=["gm", "intl"])
def suite(request: pytest.FixtureRequest) -> str:
    """Both suites."""
    return str(request.param)


@pytest.fixture
def furnished(
    suite: str, engine: str, template: Any, database: Any, tmp_path: Path
) -> Iterator[Any]:
    """People and agreements, no records yet."""
    made = template(suite, stocked=False, engine=engine)
    with furnishing.open_copy(made, tmp_path / "copy", suite, database) as house:
        yield house


@pytest.fixture
def stocked(suite: str, engine: str, template: Any, database: Any, tmp_path: Path) -> Iterator[Any]:
    """All good lines imported."""
    made = template(suite, stocked=True, engine=engine)
    with furnishing.open_copy(made, tmp_path / "copy", suite, database) as house:
        yield house


@pytest.fixture
def house(engine: str, template: Any, database: Any, tmp_path: Path) -> Iterator[Any]:
    """All good lines imported, in the gm suite only."""
    made = template("gm", stocked=True, engine=engine)
    with furnishing.open_copy(made, tmp_path / "copy", "gm", database) as open_house:
        yield open_house
