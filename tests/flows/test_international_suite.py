"""A home of the international suite goes the whole way: stored, read, searched, proved, rotated."""

from __future__ import annotations

import io
import json
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import pytest

from jinkui.cli.entry import run

CODE = "12340100490000001M"
PURPOSE = ("--purpose", "patient_request")


class Hospital:
    """One home, worked on by typed commands only."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.passphrase = folder / "passphrase"
        self.passphrase.write_text("correct horse battery staple\n", encoding="ascii")

    def tell(self, *words: str, actor: str = "", expect: int = 0) -> Any:  # noqa: ANN401 - JSON
        front = ["--home", str(self.folder / "home"), "--passphrase-file", str(self.passphrase)]
        out = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
        err = io.StringIO()
        with redirect_stdout(out), redirect_stderr(err):
            code = run([*front, *(["--as", actor] if actor else []), *words, "--json"])
        assert code == expect, (words, code, err.getvalue())
        assert isinstance(out.buffer, io.BytesIO)
        return json.loads(out.buffer.getvalue())


@pytest.mark.parametrize("suite", ["intl", "gm"])
def test_a_home_goes_the_whole_way_in_its_suite(tmp_path: Path, suite: str) -> None:
    """
    The same commands, the same answers in both suites, before and after both rotations.
    """
    hospital = Hospital(tmp_path)
    tell = hospital.tell
    made = tell("demo", "hospital", "--out", str(tmp_path / "in"), "--patients", "10",
                "--visits", "10", "--bad-lines", "0")  # fmt: skip
    head = ("--name", "示范互联网医院", "--profile", "test", "--default-actor", "a008")
    assert tell("init", "--institution", CODE, *head, "--suite", suite)["suite"] == suite
    tell("registry", "apply", made["registry"], actor="a002")
    imported = tell("records", "import", made["visits"])
    assert imported["refused"] == 0
    line = json.loads(Path(made["visits"]).read_text("utf-8").splitlines()[0])
    by = ("--by", f"id_no={line['subject']['id_no']}")

    def seen() -> list[Any]:
        found = tell("records", "search", *by, *PURPOSE)["records"]
        assert found
        views = [tell("records", "get", row["id"], *PURPOSE) for row in found]
        return [(view["id"], view["body"]) for view in views]

    before = seen()
    assert any(body["patient.name"] == line["subject"]["name"] for _, body in before)
    [record, *_] = [name for name, _ in before]
    assert tell("records", "inspect", record, actor="a002")["suite"] == suite
    for what in ("tenant", "root", "tenant"):
        assert tell("keys", "rotate", what, actor="a002")["ended"]
    tell("keys", "minimum", "tenant", "3", actor="a002")

    assert seen() == before
    again = tell("records", "import", made["visits"])
    assert (again["accepted"], again["already_present"]) == (0, imported["accepted"])
    assert tell("audit", "verify")["ok"]
    assert tell("doctor")["ok"]
    status = tell("keys", "status", actor="a002")
    assert (status["suite"], status["root"]["generation"]) == (suite, 2)
    assert status["rotation"] is None
