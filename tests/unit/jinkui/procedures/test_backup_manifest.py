"""A manifest says one thing in one spelling, and nothing in it leads out of its folder."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import orjson
import pytest

from jinkui.procedures.backup_manifest import (
    MANIFEST,
    NOTE,
    RECORDS,
    BackupMalformed,
    read_manifest,
)
from shared_kernel.canonical_json import canonical_bytes

PAGE = Path(__file__).parents[4] / "docs" / "formats" / "backup-v1.md"


def published() -> bytes:
    [found] = re.findall(r"```json\n(.*?)\n```", PAGE.read_text("utf-8"), flags=re.DOTALL)
    return found.encode()


def put(folder: Path, raw: bytes) -> Path:
    (folder / MANIFEST).write_bytes(raw)
    (folder / NOTE).write_bytes(b"")
    return folder


def test_the_published_example_is_a_manifest(tmp_path: Path) -> None:
    """
    Every member is read, and the same bytes are written again.
    """
    manifest, raw = read_manifest(put(tmp_path, published()), RECORDS)

    assert raw == published() == manifest.as_bytes()
    assert (manifest.institution, manifest.entries, manifest.records) == (
        "12340100490000001M",
        3,
        1,
    )
    assert [(file.name, file.size) for file in manifest.files] == [
        ("records.db", 385024),
        ("home.toml", 275),
    ]


def changed(**members: Any) -> bytes:  # noqa: ANN401
    return canonical_bytes({**orjson.loads(published()), **members})


def file_named(name: str) -> dict[str, Any]:
    return {**orjson.loads(published())["files"][0], "name": name}


ROWS = orjson.loads(published())["files"]
BAD: dict[str, bytes] = {
    "nothing": b"",
    "no JSON": b"{",
    "an array": b"[]",
    "deep": b"[" * 50_000,
    "not UTF-8": b"\xff" + published(),
    "too long": changed(checkpoint="x" * 70_000),
    "spaced": published().replace(b",", b", ", 1),
    "another format": changed(format="jinkui-backup/2"),
    "another part": changed(part="keys"),
    "an unknown member": changed(more=1),
    "text for a number": changed(entries="3"),
    "a truth for a number": changed(records=True),
    "a negative number": changed(entries=-1),
    "no instant": changed(made_at="yesterday"),
    "no digest": changed(files=[{**ROWS[0], "digest": "sha256:00"}, ROWS[1]]),
    "a file too few": changed(files=ROWS[:1]),
    "a file too many": changed(files=[*ROWS, file_named("more.db")]),
    "a file twice": changed(files=[*ROWS, ROWS[0]]),
    "a way out": changed(files=[*ROWS, file_named("../escape")]),
    "an absolute name": changed(files=[*ROWS, file_named("/etc/passwd")]),
    "a folder": changed(files=[*ROWS, file_named("keys/keys.db")]),
    "an own note": changed(files=[*ROWS, file_named("manifest.note")]),
}


@pytest.mark.parametrize("name", BAD)
def test_anything_else_is_refused(name: str, tmp_path: Path) -> None:
    """
    Another shape, type, spelling or name of a file is no manifest of this version.
    """
    with pytest.raises(BackupMalformed):
        read_manifest(put(tmp_path, BAD[name]), RECORDS)


@pytest.mark.parametrize("member", sorted(orjson.loads(published())))
def test_every_member_is_needed(member: str, tmp_path: Path) -> None:
    """
    A manifest that says less is not completed by guessing.
    """
    document = orjson.loads(published())
    del document[member]

    with pytest.raises(BackupMalformed):
        read_manifest(put(tmp_path, canonical_bytes(document)), RECORDS)
