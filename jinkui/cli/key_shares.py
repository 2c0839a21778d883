"""How do several persons keep the root together, and open it when its passphrase is lost?"""

from __future__ import annotations

import os
from pathlib import Path

import click

from jinkui.cli.entry import Invocation
from jinkui.cli.exit_codes import DONE
from jinkui.cli.output import print_json, talk
from jinkui.cli.session import terminal
from jinkui.procedures.key_recovery import SharesExist, make_recovery_shares, recover_root
from jinkui.settings.home import SUITES, read_home
from jinkui.wiring.root_file import (
    Credentials,
    read_descriptor,
    read_passphrase,
    write_private,
)
from secure_records.envelope.suites import suite_named
from secure_records.errors import SharesMalformed
from secure_records.keys.recovery_shares import (
    make_person,
    open_holder,
    read_person,
    recover,
)
from shared_kernel.instants import instant_text

_FILE = click.Path(path_type=Path, exists=True, dir_okay=False)


@click.group()
def shares() -> None:
    """Recovery shares of the root: person, make, recover."""


@shares.command("person")
@click.option("--name", required=True, help="Whose key this is.")
@click.option("--suite", type=click.Choice(SUITES), default="gm", show_default=True)
@click.option("--secret-file", type=_FILE, required=True, help="The person's own passphrase.")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), required=True)
@click.option("--json", "as_json", is_flag=True)
def person_command(name: str, suite: str, secret_file: Path, out: Path, *, as_json: bool) -> int:
    """Make a person's own key pair: a private and a public file. *Pure*: needs no home."""
    private, public = out / "private.json", out / "public.json"
    for path in (private, public):
        if path.exists():
            raise SharesExist(f"{path.name} exists", where=str(out))
    person, document = make_person(
        suite_named(suite), name, read_passphrase(secret_file), os.urandom
    )
    out.mkdir(parents=True, exist_ok=True)
    write_private(private, document)
    write_private(public, person.document())
    if as_json:
        print_json({"private": str(private), "public": str(public), "person": name})
    else:
        talk(f"keep {private} to yourself; hand over {public}")
    return DONE


@shares.command("make")
@click.argument("persons", type=_FILE, nargs=-1, required=True)
@click.option("--needed", type=click.IntRange(2, 16), default=2, show_default=True)
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), required=True)
@click.option("--json", "as_json", is_flag=True)
def make_command(persons: tuple[Path, ...], needed: int, out: Path, *, as_json: bool) -> int:
    """Split the root among PERSONS (their public files), each share sealed to one of them."""
    circle = [read_person(read_descriptor(path)) for path in persons]
    with terminal() as desk:
        caller = desk.officer("keys.shares")
        paths = make_recovery_shares(desk.toolkit, caller, circle, needed, out)
    if as_json:
        print_json(
            {
                "needed": needed,
                "shares": [
                    {"person": person.name, "path": str(path)}
                    for person, path in zip(circle, paths, strict=True)
                ],
            }
        )
    else:
        talk(f"{len(paths)} shares in {out}, {needed} open the root; hand them over, keep none")
    return DONE


@shares.command("recover")
@click.option("--share", "files", type=_FILE, multiple=True, required=True, help="Once for each.")
@click.option("--key", "private", type=_FILE, multiple=True, required=True, help="Same order.")
@click.option("--secret-file", type=_FILE, multiple=True, required=True, help="Same order.")
@click.option("--new-file", type=_FILE, required=True, help="File with the new passphrase.")
@click.option("--second-new-file", type=_FILE, help="File of the second person: both are needed.")
@click.option("--json", "as_json", is_flag=True)
@click.pass_obj
def recover_command(
    invocation: Invocation,
    files: tuple[Path, ...],
    private: tuple[Path, ...],
    secret_file: tuple[Path, ...],
    new_file: Path,
    second_new_file: Path | None,
    *,
    as_json: bool,
) -> int:
    """Open the root with shares and give it a new passphrase."""
    if not len(files) == len(private) == len(secret_file):
        raise SharesMalformed("each --share needs its --key and its --secret-file")
    home = read_home(invocation.home)
    brought = [
        (
            read_descriptor(share),
            open_holder(read_descriptor(key), read_passphrase(secret), profile=home.profile),
        )
        for share, key, secret in zip(files, private, secret_file, strict=True)
    ]
    institution, root = recover(brought)
    if institution != home.institution:
        raise SharesMalformed("the shares are those of another institution", where="institution")
    wanted = Credentials(passphrase_file=new_file, second_passphrase_file=second_new_file)
    with terminal(recovered=root) as desk:
        state = recover_root(desk.toolkit, desk.officer("keys.recover"), root, wanted)
    if as_json:
        print_json(
            {
                "provider": state.provider,
                "generation": state.generation,
                "sealed_at": instant_text(state.sealed_at),
            }
        )
    else:
        talk(f"the root opens by {state.provider} from now on; the shares stay valid")
    return DONE
