"""The house keeps the shape that its map promises."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROOMS = (
    "shared_kernel",
    "secure_records",
    "classification",
    "incident",
    "supervision",
    "jinkui",
)
DRAWERS = {"util", "utils", "common", "helper", "helpers", "misc", "base", "manager", "managers"}
SOURCES = sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("test_*.py"))


def short(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", SOURCES, ids=short)
def test_no_source_file_outgrows_a_reader(path: Path) -> None:
    """
    Files stay within 400 lines, so that each can be read in one sitting.
    """
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 400


@pytest.mark.parametrize("path", SOURCES, ids=short)
def test_every_module_begins_with_the_question_it_answers(path: Path) -> None:
    """
    The first line of a module docstring is a question.
    """
    docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))

    assert docstring is not None
    assert "?" in docstring.splitlines()[0] or path.name == "__main__.py"


@pytest.mark.parametrize("path", SOURCES, ids=short)
def test_no_file_is_named_after_a_drawer(path: Path) -> None:
    """
    A newcomer guesses the right file from a noun of the field, never from "utils".
    """
    assert path.stem not in DRAWERS


@pytest.mark.parametrize("path", TESTS, ids=short)
def test_every_test_states_its_rule(path: Path) -> None:
    """
    A test without a docstring protects nobody knows what.
    """
    tree = ast.parse(path.read_text(encoding="utf-8"))
    functions = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.name.startswith("test_")
    ]

    assert [f.name for f in functions if not ast.get_docstring(f)] == []


@pytest.mark.parametrize("path", TESTS, ids=short)
def test_no_test_sleeps(path: Path) -> None:
    """
    A test that waits for time to pass is flaky on somebody's machine.
    """
    assert not re.search(r"\btime\.sleep\(|asyncio\.sleep\(", path.read_text(encoding="utf-8"))


def test_the_shared_kernel_stays_small() -> None:
    """
    At most eight modules and 800 lines: what enters must have two users and push something out.
    """
    modules = [p for p in (ROOT / "shared_kernel").glob("*.py") if p.name != "__init__.py"]

    assert len(modules) <= 8
    assert sum(len(p.read_text(encoding="utf-8").splitlines()) for p in modules) <= 800


@pytest.mark.parametrize("room", ROOMS)
def test_every_room_has_a_door_plate(room: str) -> None:
    """
    Each room says its guarantees, where they stop, and shows its map.
    """
    assert (ROOT / room / "README.md").is_file()


def test_only_one_file_reads_the_clock_and_one_room_the_environment() -> None:
    """
    Time and environment come in as arguments everywhere else.
    """
    clock = [
        short(p)
        for p in SOURCES
        if re.search(r"datetime\.now\(|time\.time\(|date\.today\(", p.read_text(encoding="utf-8"))
    ]
    environment = [
        short(p)
        for p in SOURCES
        if re.search(r"os\.environ|os\.getenv", p.read_text(encoding="utf-8"))
    ]

    assert clock == ["jinkui/system_clock.py"]
    assert [p for p in environment if not p.startswith("jinkui/settings/")] == []


def test_the_runtime_lock_asks_for_what_the_package_declares() -> None:
    """
    requirements/runtime.in and pyproject.toml name the same dependencies.
    """
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    asked = {
        line.strip()
        for line in (ROOT / "requirements" / "runtime.in").read_text(encoding="utf-8").splitlines()
        if line.strip() and not line.startswith("#")
    }

    assert asked == set(project["dependencies"])


@pytest.mark.parametrize("name", ["runtime", "demo", "dev"])
def test_every_locked_requirement_has_a_hash_and_no_index(name: str) -> None:
    """
    A lock pins by hash and names no host to fetch from.
    """
    text = (ROOT / "requirements" / f"{name}.txt").read_text(encoding="utf-8")
    pins = re.findall(r"^[A-Za-z0-9._-]+==[^ ]+ (.*)$", text, flags=re.MULTILINE)

    assert pins
    assert all(rest == "\\" for rest in pins)
    assert "--hash=sha256:" in text
    assert not re.search(r"https?://|--index-url|--find-links|--extra-index", text)


def test_domains_do_not_read_each_other() -> None:
    """
    The four domains never import each other, nor jinkui.
    """
    domains = ("secure_records", "classification", "incident", "supervision")
    offenders = []
    for domain in domains:
        others = [d for d in (*domains, "jinkui") if d != domain]
        pattern = re.compile(rf"^\s*(?:from|import) ({'|'.join(others)})\b", re.MULTILINE)
        offenders += [
            short(p)
            for p in (ROOT / domain).rglob("*.py")
            if pattern.search(p.read_text(encoding="utf-8"))
        ]

    assert offenders == []
