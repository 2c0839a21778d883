"""A hospital in a database server, through the installed command: made, filled, saved, restored."""

# ruff: noqa: ANN401 - the command line comes from a conftest, whose types tests cannot import

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

CODE = "12340100490000001M"
INIT = ("init", "--institution", CODE, "--name", "示范互联网医院", "--profile", "test")


@pytest.fixture
def line(forking: Any, bare: Any, tmp_path: Path) -> Any:
    """A command line for a home that does not exist yet."""
    del forking
    (tmp_path / "passphrase").write_text("correct horse battery staple\n", encoding="ascii")
    return bare.beside(tmp_path, tmp_path / "home")


def test_a_hospital_lives_in_a_database(line: Any, dsn_file: Path, tmp_path: Path) -> None:
    """
    Every command that a hospital needs works, and the address appears in none of its answers.
    """
    on_server = ("--store", "postgresql", "--dsn-file", dsn_file)
    made = line.json(*INIT, "--default-actor", "a004", *on_server)
    files = line.json(
        "demo", "hospital", "--out", tmp_path / "input", "--patients", "12", "--visits", "14",
        "--bad-lines", "2",
    )  # fmt: skip
    line.json("registry", "apply", files["registry"])
    imported = line.json("--as", "a008", "records", "import", files["visits"])
    verdict = line.json("audit", "verify")
    checked = line.json("doctor")
    keys = tmp_path / "keys"
    saved = line.json("--as", "a002", "backup", tmp_path / "saved", "--keys-to", keys)
    again = line.beside(tmp_path, tmp_path / "again")
    back = again.json("restore", tmp_path / "saved", "--keys", keys)
    also = again.json("doctor")
    unasked = line.run("upgrade", "--json")

    assert made["store"] == "postgresql"
    assert not (tmp_path / "home" / "records.db").exists()
    assert imported["refused"] == 2
    assert verdict["ok"] is True
    assert checked["ok"] is True, checked
    assert saved["engine"] == "postgresql"
    assert back["records"] == saved["records"] == imported["accepted"]
    assert also["ok"] is True, also
    assert unasked.must()["applied"] == []
    address = dsn_file.read_text("ascii").strip()
    told = json.dumps([made, imported, checked, saved, back], ensure_ascii=False)
    assert address not in told
    assert address not in (tmp_path / "home" / "home.toml").read_text("utf-8")


def test_a_database_with_another_home_is_not_taken_over(
    line: Any, dsn_file: Path, tmp_path: Path
) -> None:
    """
    The second home is refused before a file of it is written.
    """
    on_server = ("--store", "postgresql", "--dsn-file", dsn_file)
    line.json(*INIT, *on_server)
    other = line.beside(tmp_path, tmp_path / "other")
    said = other.run(*INIT, *on_server, "--json")

    assert said.code == 4
    assert said.document["error"]["code"] == "store.taken"
    assert not (tmp_path / "other").exists()


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("--store", "postgresql"), "init.store_options"),
        (("--dsn-file", "dsn"), "init.store_options"),
        (("--store", "postgresql", "--dsn-file", "missing"), "home.dsn_missing"),
        (("--store", "postgresql", "--dsn-file", "open"), "home.dsn_readable"),
        (("--store", "postgresql", "--dsn-file", "afar"), "store.address"),
        (("--store", "postgresql", "--dsn-file", "gone"), "store.unreachable"),
    ],
)
def test_an_address_that_will_not_do_leaves_no_home(
    line: Any, tmp_path: Path, words: tuple[str, ...], code: str
) -> None:
    """
    Missing, readable by others, unencrypted, unreachable: one clear refusal each.
    """
    for name, text, mode in (
        ("dsn", f"host={tmp_path}", 0o600),
        ("open", f"host={tmp_path}", 0o644),
        ("afar", "host=db.example sslmode=require", 0o600),
        ("gone", f"host={tmp_path} user=x password=hunter2", 0o600),
    ):
        (line.nowhere / name).write_text(text, encoding="utf-8")
        (line.nowhere / name).chmod(mode)
    said = line.run(*INIT, *words, "--json")

    assert said.document["error"]["code"] == code, said.told()
    assert "hunter2" not in said.told()
    assert "hint:" in said.err
    assert not (tmp_path / "home").exists()


def test_a_backup_is_an_office(line: Any, site: Any, tmp_path: Path) -> None:
    """
    A clinician does not copy the hospital; the attempt is in the log, and nothing is written.
    """
    said = site.line.run("--as", "a008", "backup", tmp_path / "saved", "--json")

    assert said.code == 4
    assert said.document["error"]["code"] == "office.not_yours"
    assert not (tmp_path / "saved").exists()
    del line
