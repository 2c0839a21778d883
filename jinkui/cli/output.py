"""How does the terminal speak?

Data goes to standard output, talk and progress to standard error. With --json,
standard output carries exactly one JSON document, also when a command fails.
Errors are one line, lower-case prefix, no trace, and end with ``hint:``.
"""

from __future__ import annotations

import sys
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Protocol

import click
import orjson
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from shared_kernel.errors import JinkuiError


class Advance(Protocol):
    """Tells a progress bar how much is done."""

    def __call__(self, done: int, total: int | None = None, /) -> None:
        """``done`` units so far; ``total`` when it became known."""
        ...


def stderr_console() -> Console:
    """Where people are spoken to."""
    return Console(stderr=True, highlight=False, soft_wrap=True)


def print_json(document: object) -> None:
    """One JSON document, UTF-8, then a newline."""
    sys.stdout.buffer.write(orjson.dumps(document, option=orjson.OPT_INDENT_2))
    sys.stdout.buffer.write(b"\n")
    sys.stdout.buffer.flush()


def print_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A table on standard output; an empty one says so."""
    table = Table(title=title, title_justify="left", header_style="bold", expand=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        # As text, not markup: a value may hold brackets.
        table.add_row(*(Text(cell) for cell in row))
    console = Console(highlight=False)
    console.print(table if rows else f"{title}: —")


def talk(message: str) -> None:
    """One sentence for the person at the terminal."""
    click.echo(message, err=True)


@contextmanager
def progress(label: str, *, quiet: bool) -> Iterator[Advance]:
    """A progress bar on standard error; silent with ``quiet`` or without a terminal."""
    console = stderr_console()
    if quiet or not console.is_terminal:
        yield lambda _done, _total=None, /: None
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed:,.0f}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task(label, total=None)

        def advance(done: int, total: int | None = None, /) -> None:
            bar.update(task, completed=done, total=total)

        yield advance


LONGEST_MESSAGE: Final = 500
"""Characters; a message may repeat what was typed, but not at any length."""


def print_error(error: JinkuiError, *, as_json: bool) -> None:
    """Say what went wrong and what to do next."""
    message = str(error)
    if len(message) > LONGEST_MESSAGE:
        message = f"{message[:LONGEST_MESSAGE]}…"
    if as_json:
        print_json(
            {
                "error": {
                    "code": error.code,
                    "message": message,
                    "where": None if error.where is None else error.where[:LONGEST_MESSAGE],
                    "hint": error.hint,
                }
            }
        )
    talk(f"jinkui: {message} [{error.code}]")
    talk(f"hint: {error.hint}")


def print_defect(error: Exception, *, as_json: bool) -> None:
    """Say that Jinkui itself is at fault, and where. The message may quote a value: left out."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "unknown place"
    code, hint = "jinkui.defect", "set JINKUI_DEBUG=1 to see the trace, and report it"
    message = f"defect in jinkui: {type(error).__name__} at {place}"
    if as_json:
        print_json({"error": {"code": code, "message": message, "where": place, "hint": hint}})
    talk(f"jinkui: {message} [{code}]")
    talk(f"hint: {hint}")
