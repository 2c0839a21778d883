"""How does somebody at a terminal copy a hospital, and bring it back?"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from jinkui.cli.entry import Invocation
from jinkui.cli.output import print_json, progress, talk
from jinkui.cli.session import terminal
from jinkui.procedures.back_up import BackedUp, Tell, back_up
from jinkui.procedures.declare_rollback import declare_rollback, rolled_back
from jinkui.procedures.restore_home import Restored, RestoreOrder, restore_home
from jinkui.settings.home import EMBEDDED, ENGINES
from jinkui.system_clock import SystemClock, stopwatch
from jinkui.wiring.toolkit import open_toolkit
from shared_kernel.errors import BadInput
from shared_kernel.instants import china_text, instant_text

_FOLDER = click.Path(path_type=Path, file_okay=False)
_FILE = click.Path(path_type=Path, dir_okay=False)


class RestoreOptionsWrong(BadInput):
    """Kind of store and address do not go together."""

    code = "restore.store_options"
    default_hint = "use --store postgresql --dsn-file FILE, or neither"


@click.command()
@click.argument("out", type=_FOLDER)
@click.option("--keys-to", type=_FOLDER, help="Folder for the keys, on another medium than OUT.")
@click.option("--json", "as_json", is_flag=True)
def backup(out: Path, keys_to: Path | None, *, as_json: bool) -> int:
    """Copy the records into the new folder OUT while the hospital goes on working.

    The copy is encrypted like the store. Keys never go into the same folder.
    """
    with terminal() as desk, _bar("backup", quiet=as_json) as tell:
        caller = desk.officer("store.backup")
        done = back_up(desk.toolkit, caller, out, keys_to, tell=tell, stopwatch=stopwatch)
    if as_json:
        print_json(_backed_up(done, out, keys_to))
        return 0
    point = done.manifest.recovery_point
    talk(
        f"{done.manifest.records} records and {done.manifest.entries} entries"
        f" in {out}, {done.seconds:.1f} s; recovery point"
        f" {'—' if point is None else china_text(point)}"
    )
    if keys_to is None:
        talk("the keys were not copied: without them nobody can read this backup (--keys-to)")
    return 0


@click.command()
@click.argument("source", type=_FOLDER, metavar="FROM")
@click.option("--keys", required=True, type=_FOLDER, help="Folder with the backup of the keys.")
@click.option("--anchor", type=_FILE, help="Copy of the anchor that was kept elsewhere.")
@click.option(
    "--declare-rollback",
    "declare",
    is_flag=True,
    help="Restore although that anchor promises more.",
)
@click.option("--store", "engine", type=click.Choice(ENGINES), default=EMBEDDED)
@click.option("--dsn-file", type=_FILE, help="With --store postgresql: file with the address.")
@click.option("--json", "as_json", is_flag=True)
@click.pass_obj
def restore(
    invocation: Invocation,
    source: Path,
    keys: Path,
    anchor: Path | None,
    engine: str,
    dsn_file: Path | None,
    *,
    declare: bool,
    as_json: bool,
) -> int:
    """Make the home named by --home from the backup in FROM; it must not exist yet.

    Everything is verified before the home appears: digests, signatures, pages, log, keys.
    """
    if (engine == EMBEDDED) != (dsn_file is None):
        raise RestoreOptionsWrong("--store and --dsn-file do not go together", where="--store")
    order = RestoreOrder(
        records=source,
        keys=keys,
        home=invocation.home,
        passphrase_file=invocation.passphrase_file,
        anchor=anchor,
        declare_rollback=declare,
        engine=engine,
        dsn_file=dsn_file,
    )
    with _bar("restore", quiet=as_json) as tell:
        done = restore_home(order, SystemClock(), os.urandom, tell=tell, stopwatch=stopwatch)
    if as_json:
        print_json(_restored(done, order))
        return 0
    point = done.recovery_point
    talk(
        f"{done.records} records, {done.entries} entries, {done.keys} data keys"
        f" in {order.home}, {done.seconds:.1f} s;"
        f" recovery point {'—' if point is None else china_text(point)}"
    )
    if done.rolled_back:
        talk("closed until two people have declared it: jinkui rollback --by … --by …")
        return 0
    talk("next: jinkui doctor; what happened after the recovery point is not in this home")
    return 0


@click.command()
@click.option(
    "--by", "accounts", multiple=True, required=True, help="Twice: two people's accounts."
)
@click.option("--reason", required=True, help="Summary of the incident.")
@click.option("--dry-run", is_flag=True, help="Say what would be given up; change nothing.")
@click.option("--json", "as_json", is_flag=True)
@click.pass_obj
def rollback(
    invocation: Invocation,
    accounts: tuple[str, ...],
    reason: str,
    *,
    dry_run: bool,
    as_json: bool,
) -> int:
    """Go on from a store that is older than its anchor: two people declare it.

    Opens an incident and begins a new epoch of the log, signed under both names.
    """
    clock = SystemClock()
    with open_toolkit(invocation.home, invocation.passphrase_file, clock, os.urandom) as toolkit:
        if dry_run:
            promised, size = rolled_back(toolkit)
            declared = None
        else:
            declared = declare_rollback(toolkit, accounts, reason, os.urandom)
            promised, size = declared.abandoned, declared.kept.size
    if as_json:
        print_json(
            {
                "promised": promised.size,
                "entries": size,
                "origin": None if declared is None else declared.origin,
                "case": None if declared is None else declared.case,
                "note": None if declared is None else declared.note,
                "dry_run": dry_run,
            }
        )
        return 0
    talk(f"the anchor promises {promised.size} entries, {size} are there")
    if declared is not None:
        talk(f"the log goes on as {declared.origin}; next: jinkui incident status")
    return 0


@contextmanager
def _bar(label: str, *, quiet: bool) -> Iterator[Tell]:
    """One bar that starts again with each part."""
    with progress(label, quiet=quiet) as advance:
        yield lambda _part, done, every: advance(done, every)


def _backed_up(done: BackedUp, out: Path, keys_to: Path | None) -> dict[str, object]:
    manifest = done.manifest
    point = manifest.recovery_point
    return {
        "path": str(out),
        "keys_path": None if keys_to is None else str(keys_to),
        "engine": manifest.engine,
        "records": manifest.records,
        "entries": manifest.entries,
        "bytes": manifest.size + (0 if done.keys is None else done.keys.size),
        "made_at": instant_text(manifest.made_at),
        "recovery_point": None if point is None else instant_text(point),
        "checkpoint": manifest.checkpoint,
        "seconds": round(done.seconds, 3),
    }


def _restored(done: Restored, order: RestoreOrder) -> dict[str, object]:
    point = done.recovery_point
    return {
        "home": str(order.home),
        "store": order.engine,
        "records": done.records,
        "entries": done.entries,
        "data_keys": done.keys,
        "rolled_back": done.rolled_back,
        "made_at": instant_text(done.made_at),
        "recovery_point": None if point is None else instant_text(point),
        "seconds": round(done.seconds, 3),
    }
