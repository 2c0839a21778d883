"""How is a home made, and is it in order?"""

from __future__ import annotations

import os
from pathlib import Path

import click
from stdnum.cn import uscc
from stdnum.exceptions import ValidationError

from jinkui.cli.entry import Invocation
from jinkui.cli.output import print_json, print_table, talk
from jinkui.cli.session import terminal
from jinkui.procedures.doctor import CLOSED, examine, examine_closed
from jinkui.procedures.upgrade_home import upgrade_home
from jinkui.settings.home import EMBEDDED, ENGINES, PROFILES, SUITES, read_home
from jinkui.system_clock import SystemClock
from jinkui.wiring.homes import create
from jinkui.wiring.root_file import Credentials
from shared_kernel.errors import BadInput

NOT_OK = 3


class InstitutionCodeWrong(BadInput):
    """The unified social credit code fails its check."""

    code = "init.institution_code"
    default_hint = "copy the 18 characters from the licence; the last one is a check character"


class StoreOptionsWrong(BadInput):
    """Kind of store and address do not go together."""

    code = "init.store_options"
    default_hint = "use --store postgresql --dsn-file FILE, or neither"


@click.command()
@click.option("--institution", required=True, help="Unified social credit code.")
@click.option("--name", required=True, help="Name on the licence.")
@click.option("--profile", type=click.Choice(PROFILES), default="production", show_default=True)
@click.option("--suite", type=click.Choice(SUITES), default="gm", show_default=True)
@click.option("--origin", default="", help="First line of checkpoints; default: from the code.")
@click.option("--default-actor", default="", help="Account that terminal commands act as.")
@click.option("--store", "engine", type=click.Choice(ENGINES), default="embedded")
@click.option(
    "--dsn-file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="With --store postgresql: file with the database address, mode 0600.",
)
@click.option("--json", "as_json", is_flag=True)
@click.pass_obj
def init(
    invocation: Invocation,
    institution: str,
    name: str,
    profile: str,
    suite: str,
    origin: str,
    default_actor: str,
    engine: str,
    dsn_file: Path | None,
    *,
    as_json: bool,
) -> int:
    """Make a home: settings, root key under a passphrase, encrypted stores, log keys."""
    try:
        code = uscc.validate(institution)
    except ValidationError as error:
        raise InstitutionCodeWrong(
            "the credit code fails its check", where="--institution"
        ) from error
    head = {
        "institution": code,
        "institution_name": name,
        "profile": profile,
        "suite": suite,
        "origin": origin or f"jinkui.local/{code}/audit",
        "default_actor": default_actor,
    }
    sections = _store_section(engine, dsn_file)
    credentials = Credentials(
        passphrase_file=invocation.passphrase_file,
        second_passphrase_file=invocation.second_passphrase_file,
    )
    files = create(invocation.home, head, sections, credentials, SystemClock(), os.urandom)
    files.close()
    document = {"home": str(Path(invocation.home)), **head, "store": engine}
    if as_json:
        print_json(document)
    else:
        talk(f"home made in {invocation.home}; next: jinkui registry apply FILE")
    return 0


def _store_section(engine: str, dsn_file: Path | None) -> dict[str, dict[str, str]]:
    """What differs from the defaults; only the name of the file, never what is in it."""
    if engine == EMBEDDED:
        if dsn_file is not None:
            raise StoreOptionsWrong("an embedded store has no address", where="--dsn-file")
        return {}
    if dsn_file is None:
        raise StoreOptionsWrong("a database needs a file with its address", where="--dsn-file")
    return {"store": {"engine": engine, "dsn_file": str(dsn_file.absolute())}}


@click.command()
@click.option("--dry-run", is_flag=True, help="Say what would change; change nothing.")
@click.option("--json", "as_json", is_flag=True)
@click.pass_obj
def upgrade(invocation: Invocation, *, dry_run: bool, as_json: bool) -> int:
    """Bring the store to the schema of this version; all of it or nothing."""
    clock = SystemClock()
    done = upgrade_home(
        invocation.home, invocation.passphrase_file, clock, os.urandom, dry_run=dry_run
    )
    if as_json:
        print_json(
            {
                "revision": done.before,
                "head": done.head,
                "applied": list(done.applied),
                "dry_run": dry_run,
            }
        )
    elif not done.changes:
        talk(f"the store is at {done.head}; nothing to do")
    else:
        verb = "would be brought" if dry_run else "was brought"
        talk(f"the store {verb} from {done.before or 'its beginning'} to {done.head}")
    return 0


@click.command()
@click.option("--json", "as_json", is_flag=True)
@click.pass_obj
def doctor(invocation: Invocation, *, as_json: bool) -> int:
    """Is everything in order? Store pages, keys, log, anchor, settings."""
    try:
        with terminal(examining=True) as desk:
            checks = examine(desk.toolkit)
    except CLOSED as fault:
        checks = examine_closed(read_home(invocation.home), fault)
    ok = all(check.ok for check in checks)
    if as_json:
        print_json(
            {
                "ok": ok,
                "checks": [
                    {"id": c.id, "ok": c.ok, "detail": c.detail, "hint": c.hint} for c in checks
                ],
            }
        )
    else:
        rows = [("✓" if c.ok else "✗", c.id, c.detail, "" if c.ok else c.hint) for c in checks]
        print_table("doctor", ("", "check", "finding", "hint"), rows)
    return 0 if ok else NOT_OK
