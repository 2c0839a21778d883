"""The programs in the guides run as they are written and print what the page says."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

GUIDES = sorted((Path(__file__).parents[2] / "docs" / "guides").glob("*.md"))
BLOCK = re.compile(r"^```(python|text)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(page: Path, language: str) -> list[str]:
    return [body for kind, body in BLOCK.findall(page.read_text("utf-8")) if kind == language]


def test_there_is_a_guide_to_run() -> None:
    """
    The guide to the library face is there, so that the test below has something to run.
    """
    assert "embed_the_vault.md" in {page.name for page in GUIDES}
    assert all(blocks(page, "python") for page in GUIDES)


@pytest.mark.parametrize("page", GUIDES, ids=lambda page: page.stem)
def test_every_guide_runs_as_written(page: Path, tmp_path: Path) -> None:
    """
    A reader who copies the blocks in order gets the printed output, and nothing on stderr.
    """
    program = tmp_path / "guide.py"
    program.write_text("\n".join(blocks(page, "python")), encoding="utf-8")

    done = subprocess.run(
        [sys.executable, "-W", "error", str(program)],
        cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip

    assert done.stderr == ""
    assert done.returncode == 0
    assert done.stdout == "".join(blocks(page, "text"))
