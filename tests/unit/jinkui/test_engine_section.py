"""Only the place of the records changes in a home.toml; the rest stays as it was written."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from jinkui.settings.engine_section import with_engine

FILE = Path('/etc/jinkui/a "b"\\c')
TEXTS = {
    "no section": '[home]\nsuite = "gm"\n',
    "an empty one": '[home]\nsuite = "gm"\n[store]\n',
    "an embedded one": '[store]\nsynchronous = "FULL" # kept\nengine = "embedded"\n[home]\na = 1\n',
    "a server": '[home]\nx = 1\n[store] # here\nengine="postgresql"\n dsn_file = "/a"\ncache_mebibytes = 8\n',
    "the words elsewhere": '[daemon]\nengine = "mine"\n\n[store]\nsynchronous = "FULL"\n[x]\ndsn_file = 1\n',
}


@pytest.mark.parametrize("name", TEXTS)
def test_engine_and_address_are_exchanged_and_nothing_else(name: str) -> None:
    """
    To a server and back to a file, whatever the section looked like.
    """
    text = TEXTS[name]
    before = tomllib.loads(text)
    rest = {k: v for k, v in before.get("store", {}).items() if k not in {"engine", "dsn_file"}}
    moved = tomllib.loads(with_engine(text, "postgresql", FILE))
    back = tomllib.loads(with_engine(with_engine(text, "postgresql", FILE), "embedded", None))

    assert moved["store"] == {**rest, "engine": "postgresql", "dsn_file": str(FILE)}
    assert back.get("store", {}) == rest
    for found in (moved, back):
        others = {key: value for key, value in found.items() if key != "store"}
        assert others == {key: value for key, value in before.items() if key != "store"}
    assert ("# kept" in text) == ("# kept" in with_engine(text, "postgresql", FILE))
