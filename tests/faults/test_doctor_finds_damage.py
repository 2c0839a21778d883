"""Whatever page of whatever file is damaged, doctor says so in a finding and does not fall over."""

from __future__ import annotations

import io
import json
import os
import shutil
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from jinkui.cli.entry import run
from jinkui.procedures.upgrade_home import upgrade_home
from jinkui.system_clock import SystemClock
from jinkui.wiring.homes import create

FROZEN = Path(__file__).parents[1] / "fixtures" / "homes" / "before_schemas"
PAGE = 4096
FAILED = 3
Answer: TypeAlias = dict[str, Any]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with records, in order but for its registry's age."""
    folder = tmp_path_factory.mktemp("whole") / "whole"
    shutil.copytree(FROZEN, folder)
    for path in folder.rglob("*.db"):
        path.chmod(0o600)
    upgrade_home(folder / "home", folder / "passphrase", SystemClock(), os.urandom, dry_run=False)
    return folder


@pytest.fixture
def damaged(whole: Path, tmp_path: Path) -> Callable[[str, int], Path]:
    """A copy of the home with eight bytes of one file changed."""

    def damage(name: str, place: int) -> Path:
        folder = tmp_path / f"{Path(name).stem}-{place}"
        shutil.copytree(whole, folder)
        path = folder / "home" / name
        content = bytearray(path.read_bytes())
        content[place : place + 8] = bytes(byte ^ 0xFF for byte in content[place : place + 8])
        path.write_bytes(content)
        return folder

    return damage


def doctor(folder: Path) -> tuple[int, Answer]:
    out = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    words = ["--home", str(folder / "home"), "--passphrase-file", str(folder / "passphrase")]
    with redirect_stdout(out), redirect_stderr(io.StringIO()):
        code = run([*words, "doctor", "--json"])
    assert isinstance(out.buffer, io.BytesIO)
    return code, json.loads(out.buffer.getvalue())


def failed(answer: Answer) -> set[str]:
    return {check["id"] for check in answer["checks"] if not check["ok"]}


def test_a_whole_home_is_in_order(whole: Path) -> None:
    """
    Without damage there is no finding: the tests below do not pass by accident.
    """
    code, answer = doctor(whole)

    assert failed(answer) == set()
    assert (code, answer["ok"]) == (0, True)
    assert {"store", "keys", "log", "anchor"} <= {check["id"] for check in answer["checks"]}


@pytest.mark.parametrize(("name", "found"), [("records.db", "store"), ("keys/keys.db", "keys")])
def test_damage_in_any_page_is_a_finding(
    whole: Path, damaged: Callable[[str, int], Path], name: str, found: str
) -> None:
    """
    From the first byte, in which lies the salt, to the last page: exit 3 and the right name.
    """
    pages = (whole / "home" / name).stat().st_size // PAGE
    some = sorted({0, 1, 3, pages // 2, pages - 1})
    for place in (0, *(page * PAGE + 100 for page in some)):
        code, answer = doctor(damaged(name, place))

        assert (code, answer.get("ok")) == (FAILED, False), (place, answer)
        assert failed(answer) == {found}, place
        hints = {check["hint"] for check in answer["checks"] if not check["ok"]}
        assert all("backup" in hint for hint in hints)


def test_a_store_of_an_earlier_version_is_a_finding(tmp_path: Path) -> None:
    """
    What to do about it is the hint.
    """
    shutil.copytree(FROZEN, tmp_path / "old")
    for path in (tmp_path / "old").rglob("*.db"):
        path.chmod(0o600)

    code, answer = doctor(tmp_path / "old")
    [check] = [check for check in answer["checks"] if not check["ok"]]
    assert (code, check["id"]) == (FAILED, "store")
    assert "jinkui upgrade" in check["hint"]


def test_a_server_that_does_not_answer_is_a_finding(tmp_path: Path, dsn_file: Path) -> None:
    """
    The home is looked at as far as it goes, and the server's absence is named.
    """
    passphrase = tmp_path / "passphrase"
    passphrase.write_bytes(b"correct horse battery staple\n")
    head = {
        "institution": "12340100490000001M",
        "institution_name": "示范互联网医院",
        "profile": "test",
        "suite": "gm",
        "origin": "jinkui.test/a/audit",
        "default_actor": "",
    }
    store = {"engine": "postgresql", "dsn_file": str(dsn_file)}
    home = tmp_path / "home"
    create(home, head, {"store": store}, passphrase, SystemClock(), os.urandom).close()
    _, answer = doctor(tmp_path)
    assert "store" not in failed(answer)
    dsn_file.write_text(f"host={tmp_path}\n", encoding="ascii")

    code, answer = doctor(tmp_path)
    assert (code, failed(answer)) == (FAILED, {"store"})
    [check] = [check for check in answer["checks"] if not check["ok"]]
    assert "database server runs" in check["hint"]
