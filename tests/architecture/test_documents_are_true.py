"""What the documents say can be found in the house: links, commands, paths, refusals."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import click
import pytest
import yaml

from jinkui.cli.entry import root
from secure_records.access.law import reason_texts
from secure_records.admission.red_lines import red_lines
from secure_records.vault_media_storing import MEDIA_CONFLICT, MEDIA_OVERTAKEN
from secure_records.vault_storing import CONFLICT
from shared_kernel.errors import JinkuiError

ROOT = Path(__file__).parents[2]
ROOMS = ("shared_kernel", "secure_records", "classification", "incident", "supervision", "jinkui")
FOREIGN = {"var", "dist", "node_modules"}
"""Folders of the checkout that are not ours to check; dotted ones are left out as well."""

HOME_FOLDERS = {"keys", "anchor", "input", "out", "simulator", "var"}
"""First parts of paths inside a home: they exist after a run, not in the checkout."""

NO_PATHS = {"jinkui/signed-note/sm2-sm3/gmt-0009-der/default-id"}
"""Identifiers that only look like a path."""

SUFFIXES = (".py", ".yaml", ".md", ".toml", ".json", ".html", ".css", ".j2", ".txt", ".in")


def is_ours(path: Path) -> bool:
    return not any(
        part in FOREIGN or part.startswith(".") for part in path.relative_to(ROOT).parts[:-1]
    )


DOCUMENTS = sorted(path for path in ROOT.rglob("*.md") if is_ours(path))
LIVES = sorted((ROOT / "docs" / "design").glob("life_of_*.md"))
SOURCES = sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py"))
TOP = {path.name for path in ROOT.iterdir()}
NAMES = {path.name for path in ROOT.rglob("*") if is_ours(path)}

FENCE = re.compile(r"^ {0,3}(`{3,})([^\n`]*)\n(.*?)^ {0,3}\1 *$", re.MULTILINE | re.DOTALL)
SPAN = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
LINK = re.compile(r"\[(?:[^\[\]]|`[^`]*`)*\]\(([^()\s]+)\)")
HEADING = re.compile(r"^#{1,6} +(.+?) *$", re.MULTILINE)
PATH = re.compile(r"[A-Za-z0-9_.*-]+(?:/[A-Za-z0-9_.*-]*)*")
CODE = re.compile(r"[a-z0-9_]+(?:\.[a-z0-9_]+)+")
STOPS = frozenset({"|", "||", "&", "&&", ";", ">", ">>", "<", "2>", "…"})


def short(path: Path) -> str:
    return str(path.relative_to(ROOT))


def prose(text: str) -> str:
    """The text without fenced blocks."""
    return FENCE.sub("", text)


def spans(text: str) -> list[str]:
    return SPAN.findall(prose(text))


def shell_lines(text: str) -> Iterator[str]:
    """Every line of a fenced shell block, continued lines joined."""
    for _, language, body in FENCE.findall(text):
        if language.strip().split(" ")[0] in {"sh", "bash", "console", "shell"}:
            yield from body.replace("\\\n", " ").splitlines()


def quoted_commands(text: str) -> Iterator[list[str]]:
    """The words after each quoted `jinkui`, up to a pipe, a redirection or an ellipsis."""
    candidates = [*shell_lines(text), *spans(text)]
    for candidate in candidates:
        if "jinkui" not in candidate:
            continue
        lexer = shlex.shlex(candidate, posix=True, punctuation_chars=True)
        lexer.whitespace_split = True
        words = list(lexer)
        for place, word in enumerate(words):
            starts = place == 0 or words[place - 1] in STOPS or "=" in words[place - 1]
            if starts and word in {"jinkui", ".venv/bin/jinkui"}:
                rest = words[place + 1 :]
                ends = [i for i, item in enumerate(rest) if item in STOPS or "…" in item]
                yield rest[: ends[0]] if ends else rest


def require_command(words: list[str]) -> None:
    """Walk the real command tree as far as the words go; complain as click would."""
    command: click.Command = root
    context = click.Context(root, info_name="jinkui")
    rest = list(words)
    while True:
        values, rest, _ = command.make_parser(context).parse_args(rest)
        for parameter in command.params:
            given = values.get(parameter.name)
            if isinstance(parameter.type, click.Choice) and given is not None:
                for value in given if isinstance(given, list | tuple) else [given]:
                    if not value.isupper():  # FORMAT stands for one of the choices
                        parameter.type.convert(value, parameter, context)
        if not isinstance(command, click.Group) or not rest:
            break
        name, *rest = rest
        found = command.get_command(context, name)
        if found is None:
            raise click.UsageError(f"no command {name}", context)
        command, context = found, click.Context(found, info_name=name, parent=context)
    if rest and not isinstance(command, click.Group):
        raise click.UsageError(f"surplus words {rest}", context)


def slug(heading: str) -> str:
    """The anchor that forges make of a heading."""
    plain = re.sub(r"[`*]|\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower()
    return re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")


def exists(span: str, document: Path) -> bool:
    for base in (document.parent, ROOT):
        if "*" in span:
            if any(base.rglob(span)):
                return True
        elif (base / span).exists():
            return True
    return False


def looks_like_a_path(span: str) -> bool:
    if PATH.fullmatch(span) is None or span in NO_PATHS:
        return False
    first, slash, _ = span.partition("/")
    if not slash:
        return span.endswith((".py", ".yaml")) and "*" not in span
    return first not in HOME_FOLDERS and (first in TOP or span.endswith(SUFFIXES))


@pytest.mark.parametrize("document", DOCUMENTS, ids=short)
def test_every_relative_link_resolves(document: Path) -> None:
    """
    A reader who follows a link inside the repository arrives, at the heading named as well.
    """
    broken = []
    for target in LINK.findall(prose(document.read_text(encoding="utf-8"))):
        if re.match(r"[a-z][a-z0-9+.-]*:", target):
            continue
        name, _, anchor = unquote(target).partition("#")
        arrived = document.parent / name if name else document
        headings = (
            HEADING.findall(prose(arrived.read_text(encoding="utf-8")))
            if arrived.suffix == ".md" and arrived.is_file()
            else []
        )
        if not arrived.exists() or (anchor and anchor not in map(slug, headings)):
            broken.append(target)

    assert broken == []


@pytest.mark.parametrize("document", [*DOCUMENTS, *SOURCES], ids=short)
def test_every_quoted_command_exists(document: Path) -> None:
    """
    A quoted `jinkui` line parses against the real command tree: command, options, choices.
    """
    wrong = []
    for words in quoted_commands(document.read_text(encoding="utf-8")):
        try:
            require_command(words)
        except click.ClickException as error:
            wrong.append(f"jinkui {' '.join(words)}: {error.format_message()}")

    assert wrong == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=short)
def test_every_path_in_backticks_exists(document: Path) -> None:
    """
    A path is there, counted from the document or the top; a bare file name belongs to some file.
    """
    missing = []
    for span in spans(document.read_text(encoding="utf-8")):
        if looks_like_a_path(span):
            there = exists(span, document) if "/" in span else span in NAMES
            if not there:
                missing.append(span)

    assert missing == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=short)
def test_every_make_target_exists(document: Path) -> None:
    """
    `make` lines in documents name targets of the Makefile.
    """
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z][a-z-]*):", makefile, re.MULTILINE))
    text = document.read_text(encoding="utf-8")
    quoted = [line.split() for line in (*shell_lines(text), *spans(text))]
    named = {words[1] for words in quoted if len(words) > 1 and words[0] == "make"}

    assert sorted(name for name in named if "=" not in name and name not in targets) == []


def known_codes() -> set[str]:
    for room in ROOMS:
        package = importlib.import_module(room)
        for module in pkgutil.walk_packages(package.__path__, f"{room}."):
            if not module.name.endswith("__main__"):
                importlib.import_module(module.name)
    codes = {CONFLICT, MEDIA_CONFLICT, MEDIA_OVERTAKEN, *reason_texts()}
    codes |= {f"admission.{row.verdict.rule}" for row in red_lines()}
    waiting: list[type[JinkuiError]] = [JinkuiError]
    while waiting:
        error = waiting.pop()
        codes.add(error.code)
        waiting.extend(error.__subclasses__())
    return codes


@pytest.mark.parametrize("document", LIVES, ids=short)
def test_every_refusal_on_a_life_page_exists(document: Path) -> None:
    """
    The tables "where it can stop" name refusals by codes that the program really has.
    """
    rows = [
        line.split("|")[1]
        for line in document.read_text(encoding="utf-8").splitlines()
        if line.startswith("| `")
    ]
    named = {span for cell in rows for span in SPAN.findall(cell) if CODE.fullmatch(span)}

    assert named, "a life page says where the item can stop"
    assert sorted(named - known_codes()) == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=short)
def test_every_python_example_imports_what_exists(document: Path) -> None:
    """
    An example in a document parses, and each name that it imports from the house is there.
    """
    missing = []
    for _, language, body in FENCE.findall(document.read_text(encoding="utf-8")):
        if language.strip() != "python":
            continue
        for node in ast.walk(ast.parse(body)):
            if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in ROOMS:
                module = importlib.import_module(node.module or "")
                missing += [name.name for name in node.names if not hasattr(module, name.name)]

    assert missing == []


def verified_flags(value: object) -> Iterator[bool]:
    inner = value if isinstance(value, list) else []
    if isinstance(value, dict):
        if isinstance(value.get("verified"), bool):
            yield value["verified"]
        inner = list(value.values())
    for item in inner:
        yield from verified_flags(item)


def test_the_page_of_sources_counts_right() -> None:
    """
    Rows and unverified rows of each data file stand in docs/sources.md as the files hold them.
    """
    text = (ROOT / "docs" / "sources.md").read_text(encoding="utf-8")
    told = {
        path: (int(rows), int(unverified))
        for rows, unverified, path in re.findall(
            r"^\| (\d+) \| (\d+) \| `([^`]+\.yaml)` \|", text, re.MULTILINE
        )
    }
    held = {}
    for room in ROOMS[1:5]:
        for path in sorted((ROOT / room).rglob("*.yaml")):
            flags = list(verified_flags(yaml.safe_load(path.read_text(encoding="utf-8"))))
            if flags:
                held[short(path)] = (len(flags), flags.count(False))

    assert told == held


def test_every_key_of_seen_in_is_explained() -> None:
    """
    Where an incident row was seen is a key; the page of sources says what it stands for.
    """
    text = (ROOT / "docs" / "sources.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (S\d\d(?:, S\d\d)*) \|", text, re.MULTILINE)
    explained = {key for cell in rows for key in cell.split(", ")}
    used: set[str] = set()
    for path in (ROOT / "incident").rglob("*.yaml"):
        used |= set(re.findall(r"^ *- (S\d\d)$", path.read_text(encoding="utf-8"), re.MULTILINE))

    assert used
    assert sorted(used - explained) == []
