"""How are plaintext columns of the platform's own database sealed in place?

The address of that database holds a password: it comes from a file or the
environment, never from the command line, where every process could read it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import click

from jinkui.cli.output import print_json, print_table, progress, talk
from jinkui.cli.session import terminal
from jinkui.procedures.adopt_columns import (
    OFFICE,
    ColumnStanding,
    begin_adoption,
    finish_adoption,
    require_plan,
    revert_adoption,
    run_adoption,
    standing,
)
from jinkui.settings.environment import Surroundings
from jinkui.wiring.adoption import platform_tables
from secure_records.columns.adoption_plan import AdoptionPlan, read_plan
from shared_kernel.errors import BadInput

_LARGEST_ADDRESS: Final = 4096
_LARGEST_PLAN: Final = 1024 * 1024
_FILE: Final = click.Path(path_type=Path, exists=True, dir_okay=False)


class DatabaseAddressMissing(BadInput):
    """Nobody said where the platform's database is."""

    code = "adopt.database_missing"
    default_hint = "write its URL into a file for --database-url-file, or set JINKUI_DATABASE_URL"


@click.group()
def adopt() -> None:
    """Seal plaintext columns of the platform's own tables: begin, run, status, revert, finish."""


def _plan_options(command: Any) -> Any:  # noqa: ANN401 - a click command
    """Argument and options that every command of the group has."""
    for decorate in (
        click.option("--json", "as_json", is_flag=True),
        click.option(
            "--database-url-file", type=_FILE, help="File with the SQLAlchemy URL of the database."
        ),
        click.argument("plan", type=_FILE),
    ):
        command = decorate(command)
    return command


@adopt.command("begin")
@_plan_options
def begin_command(plan: Path, database_url_file: Path | None, *, as_json: bool) -> int:
    """Add the index columns of PLAN and seal nothing yet, so that programs may read both."""
    wanted = _read(plan)
    with terminal() as desk, platform_tables(_address(database_url_file)) as tables:
        caller = desk.officer(OFFICE)
        rows = begin_adoption(desk.toolkit, caller, tables, wanted)
    _show(rows, as_json=as_json)
    return 0


@adopt.command("run")
@_plan_options
@click.option("--dry-run", is_flag=True, help="Check plan and tables, change nothing.")
def run_command(plan: Path, database_url_file: Path | None, *, as_json: bool, dry_run: bool) -> int:
    """Seal every plain value that PLAN names. After a kill, run it again."""
    wanted = _read(plan)
    with terminal() as desk, platform_tables(_address(database_url_file)) as tables:
        caller = desk.officer(OFFICE)
        if dry_run:
            rows = require_plan(tables, wanted)
        else:
            with progress(plan.name, quiet=as_json) as advance:
                rows = run_adoption(desk.toolkit, caller, tables, wanted, advance)
    _show(rows, as_json=as_json, dry_run=dry_run)
    return 0


@adopt.command("status")
@_plan_options
def status_command(plan: Path, database_url_file: Path | None, *, as_json: bool) -> int:
    """Count plain and sealed values of the columns in PLAN."""
    wanted = _read(plan)
    with terminal() as desk, platform_tables(_address(database_url_file)) as tables:
        desk.officer(OFFICE)
        rows = standing(tables, wanted)
    _show(rows, as_json=as_json)
    return 0


@adopt.command("revert")
@_plan_options
@click.option("--dry-run", is_flag=True, help="Say what would become plain, change nothing.")
def revert_command(
    plan: Path, database_url_file: Path | None, *, as_json: bool, dry_run: bool
) -> int:
    """Make the columns of PLAN plain again. Impossible once they are finished."""
    wanted = _read(plan)
    with terminal() as desk, platform_tables(_address(database_url_file)) as tables:
        caller = desk.officer(OFFICE)
        if dry_run:
            rows = standing(tables, wanted)
        else:
            with progress(plan.name, quiet=as_json) as advance:
                rows = revert_adoption(desk.toolkit, caller, tables, wanted, advance)
    _show(rows, as_json=as_json, dry_run=dry_run)
    return 0


@adopt.command("finish")
@_plan_options
@click.option(
    "--sample",
    type=click.IntRange(0, 10_000_000),
    default=1000,
    show_default=True,
    help="Values of each column to open and compare; 0: all.",
)
def finish_command(
    plan: Path, database_url_file: Path | None, sample: int, *, as_json: bool
) -> int:
    """Verify counts and a sample of PLAN, then close the way back and drop old contents."""
    wanted = _read(plan)
    with terminal() as desk, platform_tables(_address(database_url_file)) as tables:
        caller = desk.officer(OFFICE)
        opened, rows = finish_adoption(desk.toolkit, caller, tables, wanted, sample)
    _show(rows, as_json=as_json, sampled=opened)
    return 0


def _read(path: Path) -> AdoptionPlan:
    with path.open("rb") as file:
        return read_plan(file.read(_LARGEST_PLAN))


def _address(path: Path | None) -> str:
    if path is None:
        address = Surroundings().database_url.get_secret_value()
    else:
        with path.open(encoding="utf-8", errors="replace") as file:
            address = file.read(_LARGEST_ADDRESS)
    if not address.strip():
        raise DatabaseAddressMissing("no address of the platform's database was given")
    return address.strip()


def _show(
    rows: Sequence[ColumnStanding], *, as_json: bool, dry_run: bool = False, sampled: int = 0
) -> None:
    if as_json:
        listed = [row.document() for row in rows]
        print_json({"columns": listed, "dry_run": dry_run, "sampled": sampled})
        return
    head = ("column", "state", "values", "sealed", "plain")
    print_table(
        "columns",
        head,
        [
            (r.column.name, r.state, str(r.values), str(r.sealed), str(r.values - r.sealed))
            for r in rows
        ],
    )
    if dry_run:
        talk("nothing was changed")
