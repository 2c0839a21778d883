"""The daemon starts on its address, stops when told to, and leaves a signed log behind."""

from __future__ import annotations

import json
import re
import shutil
import signal
import socket
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest

JINKUI = [sys.executable, "-c", "from jinkui.cli.entry import main; main()"]
OFFICER, PASSWORD = "a002", "a long night 2026"


@pytest.fixture
def home(template: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "home"
    shutil.copytree(template, folder)
    return folder


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stopped_daemon_leaves_every_entry_under_a_checkpoint(
    home: Path, number: signal.Signals
) -> None:
    """
    A service manager's SIGTERM and a person's Ctrl-C both end it with 0, the log signed.
    """
    with subprocess.Popen(
        [*JINKUI, "--home", str(home), "serve", "--port", "0"],
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        found = re.search(r"http://127\.0\.0\.1:\d+/", process.stderr.readline())
        assert found
        answer = httpx.post(
            f"{found[0]}sign-in", data={"name": OFFICER, "password": PASSWORD}, trust_env=False
        )
        process.send_signal(number)
        assert process.wait(30) == 0
        assert "Traceback" not in process.stderr.read()

    assert answer.status_code == 303
    verified = subprocess.run(
        [*JINKUI, "--home", str(home), "audit", "verify", "--json"],
        capture_output=True,
        check=True,
    )
    document: Any = json.loads(verified.stdout)
    assert document["ok"]
    assert document["covered"] == document["size"]


def test_a_taken_address_is_refused_by_name(home: Path) -> None:
    """
    Exit code 4 and a hint, no trace.
    """
    with closing(socket.create_server(("127.0.0.1", 0))) as other:
        port = str(other.getsockname()[1])
        done = subprocess.run(
            [*JINKUI, "--home", str(home), "serve", "--port", port],
            capture_output=True,
            text=True,
            check=False,
        )

    assert done.returncode == 4
    assert "daemon.address_taken" in done.stderr
    assert "hint:" in done.stderr
