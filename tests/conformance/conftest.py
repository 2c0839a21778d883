"""The installed command line, as a script sees it: words in, exit code and two streams out.

``CommandLine.installed`` starts the installed script. ``run`` and ``many`` ask a process
that has the same entry point already imported and forks for each command: a new process
with its own working folder, environment and streams, without a second of imports.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

JINKUI = Path(sys.executable).with_name("jinkui")
CODE = "12340100490000001M"
AGREEMENTS = Path(__file__).parents[2] / "config" / "examples" / "agreements"
SECONDS = 120
Word = str | bytes | Path


@dataclass(frozen=True)
class Said:
    """What one command left behind."""

    words: tuple[Word, ...]
    code: int
    out: bytes
    err: str

    @property
    def document(self) -> Any:  # noqa: ANN401 - JSON
        """The one document on standard output; a second one or talk beside it is an error."""
        return json.loads(self.out.decode("utf-8"))

    def must(self, code: int = 0) -> Any:  # noqa: ANN401 - JSON
        assert self.code == code, self.told()
        return self.document

    def told(self) -> str:
        return f"{self.words} -> {self.code}\n{self.out[:2000]!r}\n{self.err[-3000:]}"


FORKING = """
import gc, json, os, sys, traceback
from jinkui.cli.entry import COMMANDS, main
from importlib import import_module
for module, _ in COMMANDS.values():
    import_module(module)
import jinkui.procedures.file_report
from jinkui.wiring.assessment import catalogue
from jinkui.wiring.incidents import rulebook
catalogue(), rulebook(), gc.collect(), gc.freeze()
for order in sys.stdin:
    words, folder, surroundings, out, err = json.loads(order)
    child = os.fork()
    if child == 0:
        os.environ.clear()
        os.environ.update(surroundings)
        os.chdir(folder)
        flags = os.O_CREAT | os.O_TRUNC | os.O_WRONLY
        for number, path in ((1, out), (2, err)):
            os.dup2(os.open(path, flags, 0o600), number)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        sys.argv = ["jinkui", *words]
        try:
            main()
            code = 0
        except SystemExit as leaving:
            code = leaving.code or 0
        except BaseException:
            traceback.print_exc()
            code = 1
        sys.stdout.flush(), sys.stderr.flush()
        os._exit(code)
    _, status = os.waitpid(child, 0)
    print(os.waitstatus_to_exitcode(status), flush=True)
"""


class Forking:
    """One process with everything imported, that runs one command at a time in a child."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process = subprocess.Popen(
            [sys.executable, "-c", FORKING],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(
        self, words: list[str], folder: Path, surroundings: dict[str, str]
    ) -> tuple[int, bytes, bytes]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        paths = [self._folder / "out", self._folder / "err"]
        order = [words, str(folder), surroundings, *(str(path) for path in paths)]
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        code = int(self._process.stdout.readline())
        out, err = (path.read_bytes() for path in paths)
        return code, out, err

    def stop(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(SECONDS)
        self._process.stdout.close()


class CommandLine:
    """Runs commands in an empty place with next to no environment."""

    def __init__(self, forking: Forking, folder: Path, home: Path | None = None) -> None:
        self._forking = forking
        self.folder = folder
        self.home = home
        self.nowhere = folder / "nowhere"
        self.nowhere.mkdir(parents=True, exist_ok=True)

    def beside(self, folder: Path, home: Path | None = None) -> CommandLine:
        """The same command line, used elsewhere."""
        return CommandLine(self._forking, folder, home)

    def installed(self, *words: Word) -> Said:
        """Start the installed script."""
        done = subprocess.run(
            [JINKUI, *self._front(), *words],
            capture_output=True,
            check=False,
            cwd=self.nowhere,
            timeout=SECONDS,
            stdin=subprocess.DEVNULL,
            env=self._surroundings(),
        )
        return Said(tuple(words), done.returncode, done.stdout, done.stderr.decode())

    def run(self, *words: Word) -> Said:
        every = [os.fsdecode(word) for word in (*self._front(), *words)]
        code, out, err = self._forking.run(every, self.nowhere, self._surroundings())
        return Said(tuple(words), code, out, err.decode("utf-8", "replace"))

    def json(self, *words: Word, code: int = 0) -> Any:  # noqa: ANN401 - JSON
        return self.run(*words, "--json").must(code)

    def many(self, orders: Iterable[Sequence[Word]]) -> list[Said]:
        """Several commands, answers in the order asked."""
        return [self.run(*words) for words in orders]

    def _front(self) -> tuple[Word, ...]:
        if self.home is None:
            return ()
        return ("--home", self.home, "--passphrase-file", self.home.parent / "passphrase")

    def _surroundings(self) -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.nowhere),
            "LANG": "C.UTF-8",
            "TERM": "dumb",
            "PYTHONDONTWRITEBYTECODE": "1",
        }


@dataclass(frozen=True)
class Site:
    """A home made by the command line, and what came out on the way."""

    line: CommandLine
    folder: Path
    home: Path
    made: dict[str, Any]
    """Command → its JSON document."""
    lines: list[dict[str, Any]]
    """The good lines of the import file."""


@pytest.fixture(scope="session")
def forking(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forking]:
    """The warm process; stopped at the end."""
    process = Forking(tmp_path_factory.mktemp("forking"))
    yield process
    process.stop()


@pytest.fixture
def bare(forking: Forking, tmp_path: Path) -> CommandLine:
    """No home, an empty HOME, an empty working folder."""
    return CommandLine(forking, tmp_path / "bare")


@pytest.fixture(scope="session")
def site(forking: Forking, tmp_path_factory: pytest.TempPathFactory) -> Site:
    """Hospital, home, people, agreements, records: all through the installed command."""
    folder = tmp_path_factory.mktemp("site")
    (folder / "passphrase").write_text("correct horse battery staple\n", encoding="ascii")
    home = folder / "home"
    line = CommandLine(forking, folder, home)
    made: dict[str, Any] = {}
    made["hospital"] = line.json(
        "demo", "hospital", "--out", folder / "input", "--patients", "15", "--visits", "20",
        "--bad-lines", "8",
    )  # fmt: skip
    made["init"] = line.json(
        "init", "--institution", CODE, "--name", "示范互联网医院", "--profile", "test",
        "--default-actor", "a004",
    )  # fmt: skip
    with (home / "home.toml").open("a", encoding="utf-8") as file:
        file.write(
            '\n[supervision]\nbase_url = "http://127.0.0.1:9"\nplatform = "nobody"\n'
            f'platform_key = "{"11" * 64}"\n'
        )
    made["registry apply"] = line.json("registry", "apply", made["hospital"]["registry"])
    agreement = folder / "pharmacy.yaml"
    text = (AGREEMENTS / "pharmacy.yaml").read_text(encoding="utf-8")
    agreement.write_text(text.replace("until: 2028-12-31", "until: 2098-12-31"), encoding="utf-8")
    made["agreements apply"] = line.json("agreements", "apply", agreement)
    visits = Path(made["hospital"]["visits"])
    made["records import"] = line.json("--as", "a008", "records", "import", visits)
    bad = {row["line"] for row in made["hospital"]["refusals"]}
    lines = [
        json.loads(raw)
        for number, raw in enumerate(visits.read_bytes().splitlines(), start=1)
        if number not in bad
    ]
    return Site(line=line, folder=folder, home=home, made=made, lines=lines)
