"""How does a security administrator look after the keys?"""

from __future__ import annotations

from pathlib import Path

import click

from jinkui.cli.exit_codes import DONE
from jinkui.cli.key_shares import shares
from jinkui.cli.output import print_json, print_table, progress, talk
from jinkui.cli.session import terminal
from jinkui.procedures.key_rotation import (
    change_passphrase,
    plan_rotation,
    raise_minimum,
    rotate,
)
from jinkui.procedures.key_status import KeyStatus, key_status
from jinkui.wiring.root_file import Credentials
from secure_records.keys.models import KeyKind, RotationKind
from shared_kernel.canonical_json import Json
from shared_kernel.instants import china_text, instant_text

_FILE = click.Path(path_type=Path, exists=True, dir_okay=False)


@click.group()
def keys() -> None:
    """The keys: status, rotate, passphrase, minimum, shares."""


keys.add_command(shares)


@keys.command("status")
@click.option("--json", "as_json", is_flag=True)
def status_command(*, as_json: bool) -> int:
    """How many keys of each kind there are, how old they are, and what is due."""
    with terminal() as desk:
        desk.officer("keys.status")
        status = key_status(desk.toolkit)
    if as_json:
        print_json(_status_json(status))
        return DONE
    rows = [
        (
            age.kind.value,
            str(age.count),
            china_text(age.oldest),
            f"{age.versions[0]}-{age.versions[1]}",
            f"{age.parents[0]}-{age.parents[1]}",
        )
        for age in status.ages
    ]
    columns = ("kind", "keys", "oldest (China)", "versions", "wrapped by version")
    root = status.root
    title = f"root {root.generation} ({root.provider}), suite {status.suite}"
    print_table(title, columns, rows)
    for term in status.terms:
        due = "no term set" if term.due_at is None else china_text(term.due_at)
        talk(f"{'DUE' if term.due else 'ok'}: {term.what} since {china_text(term.since)}: {due}")
    if status.shares is None or status.shares_stale:
        talk("no recovery shares of the present root: a lost passphrase loses everything")
    if status.rotation is not None:
        talk(
            f"unfinished: rotation of the {status.rotation.kind.value} key,"
            f" {status.rows_left} rows left; run the same rotation again"
        )
    return DONE


def _status_json(status: KeyStatus) -> dict[str, Json]:
    rotation = status.rotation
    return {
        "suite": status.suite,
        "root": {
            "provider": status.root.provider,
            "generation": status.root.generation,
            "since": instant_text(status.root.since),
            "sealed_at": instant_text(status.root.sealed_at),
            "key_file_apart": status.root.apart,
        },
        "keys": [
            {
                "kind": age.kind.value,
                "count": age.count,
                "oldest": instant_text(age.oldest),
                "newest": instant_text(age.newest),
                "oldest_days": (status.at - age.oldest).days,
                "versions": list(age.versions),
                "parents": list(age.parents),
            }
            for age in status.ages
        ],
        "minimum": {
            kind.value: status.minimum.get(kind, 1) for kind in (KeyKind.TENANT, KeyKind.DATA)
        },
        "rotation": None
        if rotation is None
        else {
            "what": rotation.kind.value,
            "old": rotation.old,
            "new": rotation.new,
            "began_at": instant_text(rotation.began_at),
            "began_by": rotation.began_by,
            "rows_left": status.rows_left,
        },
        "shares": None
        if status.shares is None
        else dict(status.shares) | {"stale": status.shares_stale},
        "terms": [
            {
                "what": term.what,
                "since": instant_text(term.since),
                "due_at": None if term.due_at is None else instant_text(term.due_at),
                "due": term.due,
            }
            for term in status.terms
        ],
    }


@keys.command("rotate")
@click.argument("what", type=click.Choice([kind.value for kind in RotationKind]))
@click.option("--dry-run", is_flag=True, help="Say what would be rewrapped; change nothing.")
@click.option("--json", "as_json", is_flag=True)
def rotate_command(what: str, *, dry_run: bool, as_json: bool) -> int:
    """Replace the institution's tenant key, or the root; records are not touched.

    Run again after an interruption: it goes on where it stopped.
    """
    kind = RotationKind(what)
    with terminal() as desk:
        caller = desk.officer("keys.rotate")
        plan = plan_rotation(desk.toolkit, kind)
        rows = plan.rows
        if not dry_run:
            with progress(f"rotate {what}", quiet=as_json) as advance:
                outcome = rotate(
                    desk.toolkit, caller, kind, lambda _step, done, total: advance(done, total)
                )
            rows = outcome.rows
    document: dict[str, Json] = {
        "what": what,
        "old": plan.old,
        "new": plan.new,
        "rows": rows,
        "resumed": plan.resumed,
        "dry_run": dry_run,
        "ended": not dry_run,
    }
    if as_json:
        print_json(document)
    else:
        said = "would be" if dry_run else "were"
        talk(f"{what} {plan.old} -> {plan.new}: {rows} keys {said} rewrapped")
    return DONE


@keys.command("passphrase")
@click.option("--new-file", type=_FILE, required=True, help="File with the new passphrase.")
@click.option("--second-new-file", type=_FILE, help="File of the second person: both are needed.")
@click.option("--json", "as_json", is_flag=True)
def passphrase_command(new_file: Path, second_new_file: Path | None, *, as_json: bool) -> int:
    """Change the passphrase of the root, or ask for two persons from now on."""
    wanted = Credentials(passphrase_file=new_file, second_passphrase_file=second_new_file)
    with terminal() as desk:
        caller = desk.officer("keys.passphrase")
        state = change_passphrase(desk.toolkit, caller, wanted)
    if as_json:
        print_json(
            {
                "provider": state.provider,
                "generation": state.generation,
                "sealed_at": instant_text(state.sealed_at),
            }
        )
    else:
        talk(f"the root opens by {state.provider} from now on")
    return DONE


@keys.command("minimum")
@click.argument("kind", type=click.Choice([KeyKind.TENANT.value, KeyKind.DATA.value]))
@click.argument("version", type=click.IntRange(min=1))
@click.option("--json", "as_json", is_flag=True)
def minimum_command(kind: str, version: int, *, as_json: bool) -> int:
    """Let keys of KIND below VERSION open nothing any more. It only ever rises."""
    with terminal() as desk:
        raise_minimum(desk.toolkit, desk.officer("keys.minimum"), KeyKind(kind), version)
    if as_json:
        print_json({"kind": kind, "minimum": version})
    else:
        talk(f"{kind} keys below version {version} open nothing any more")
    return DONE
