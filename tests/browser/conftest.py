"""A demo home that was really played, served by the real daemon, seen by a real Chromium."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

JINKUI = [sys.executable, "-c", "from jinkui.cli.entry import main; main()"]
NAMES = ("chromium", "chromium-browser", "google-chrome")
HOW_TO_ADD = (
    "no Chromium found: install the Debian package chromium (apt-get install chromium), "
    "or put a chromium or google-chrome on the PATH"
)
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
_NOT_A_DEFECT = re.compile(r"status of (401|403|404)")
"""Chromium repeats a refused page's status in its console."""


@dataclass
class Console:
    """Address and accounts of the served home."""

    address: str
    home: Path
    passwords: dict[str, str]


@dataclass
class Visit:
    """One browser window and everything it asked for and complained about."""

    console: Console
    context: BrowserContext
    page: Page
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def go(self, path: str) -> None:
        """Open a page of the console."""
        self.page.goto(f"{self.console.address}{path}")

    def fill_in(self, name: str, password: str) -> None:
        """Type into the form and press Enter."""
        self.page.fill("input[name=name]", name)
        self.page.fill("input[name=password]", password)
        with self.page.expect_navigation():
            self.page.press("input[name=password]", "Enter")

    def sign_in(self, language: str = "zh") -> None:
        """Arrive at the first page."""
        self.go(f"/sign-in?lang={language}")
        account = min(self.console.passwords)
        self.fill_in(account, self.console.passwords[account])
        assert urlsplit(self.page.url).path == "/"

    def twin(self) -> Any:  # noqa: ANN401 - a JSON document
        """The JSON beside the page, with the same cookie."""
        answer = self.context.request.get(f"{self.console.address}/status.json")
        assert answer.ok
        return answer.json()


def jinkui(home: Path, *words: str) -> Any:  # noqa: ANN401 - a JSON document
    """One command on the home."""
    done = subprocess.run(
        [*JINKUI, "--home", str(home), *words, "--json"], capture_output=True, check=True
    )
    return json.loads(done.stdout)


@pytest.fixture(scope="session")
def console(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    """All four paths played once, one more case open, then the daemon on a free port."""
    home = tmp_path_factory.mktemp("console") / "home"
    played = jinkui(home, "demo", "--no-serve", "--patients", "30", "--visits", "120")
    assert played["paths"]
    jinkui(home, "incident", "open", "--summary", "演练：发现异常登录", "--flag", "sensitive_pi")
    with subprocess.Popen(
        [*JINKUI, "--home", str(home), "serve", "--port", "0"], stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        address = re.search(r"http://127\.0\.0\.1:\d+", process.stderr.readline())
        assert address
        passwords = json.loads((home / "keys" / "console-passwords.json").read_text("ascii"))
        yield Console(address=address[0], home=home, passwords=passwords)
        process.send_signal(signal.SIGTERM)
        rest = process.stderr.read()
    assert process.returncode == 0
    assert "Traceback" not in rest


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """The installed Chromium."""
    path = next((found for name in NAMES if (found := shutil.which(name))), None)
    if path is None:
        if os.environ.get("CI") == "true":
            pytest.fail(HOW_TO_ADD)
        pytest.skip(HOW_TO_ADD)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield chromium
        chromium.close()


@contextmanager
def visiting(console: Console, browser: Browser, **options: Any) -> Iterator[Visit]:  # noqa: ANN401
    """A window of its own; afterwards: nothing asked elsewhere, nothing complained about."""
    options.setdefault("viewport", {"width": 1200, "height": 800})
    context = browser.new_context(**options)
    visit = Visit(console=console, context=context, page=context.new_page())
    visit.page.on("request", lambda request: visit.requests.append(request.url))
    visit.page.on("console", lambda message: visit.complaints.append(message.text))
    visit.page.on("pageerror", lambda error: visit.complaints.append(str(error)))
    yield visit
    context.close()
    foreign = [
        url for url in visit.requests if not url.startswith((f"{console.address}/", "data:,"))
    ]
    assert foreign == []
    assert [text for text in visit.complaints if not _NOT_A_DEFECT.search(text)] == []


@pytest.fixture
def visit(browser: Browser, console: Console) -> Iterator[Visit]:
    """A window 1200 px wide."""
    with visiting(console, browser) as window:
        yield window


Opener = Callable[..., AbstractContextManager[Visit]]


@pytest.fixture
def open_window(browser: Browser, console: Console) -> Opener:
    """Windows with options of their own."""
    return partial(visiting, console, browser)
