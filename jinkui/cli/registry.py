"""Who is on the register of this home?"""

from __future__ import annotations

from pathlib import Path

import click

from jinkui.cli.output import print_json, print_table, talk
from jinkui.cli.session import Terminal, terminal
from jinkui.procedures.credentials import credential_of, replace_credential
from jinkui.procedures.input_files import read_file, read_text_file
from jinkui.procedures.passwords import set_password
from jinkui.procedures.registry_entry import enter_registry
from shared_kernel.errors import BadInput

FIRST = "terminal"
"""Who enters the first registry of a home."""

_LARGEST = 4 * 1024 * 1024
_LONGEST_PASSWORD = 256
_LARGEST_PASSWORD_FILE = 4096


class PasswordTooLong(BadInput):
    """Nobody types that; it is another file."""

    code = "account.password_too_long"
    default_hint = "check that this is the right file"


@click.group()
def registry() -> None:
    """Institution, staff, partners and accounts: apply, list, password, credential."""


@registry.command("apply")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--json", "as_json", is_flag=True)
def apply_command(file: Path, *, as_json: bool) -> int:
    """Enter FILE (YAML or JSON); what it omits stays."""
    with terminal() as desk:
        # The first registry of a home is entered before there is any account to act as.
        actor = FIRST if _empty(desk) else desk.officer("registry.enter").actor
        document = enter_registry(desk.toolkit, actor, read_file(file, _LARGEST))
    counts = {
        "institution": document.institution.credit_code,
        "staff": len(document.staff),
        "partners": len(document.partners),
        "actors": len(document.actors),
        "warnings": list(document.warnings),
    }
    if as_json:
        print_json(counts)
    else:
        for warning in document.warnings:
            talk(f"warning: {warning}")
        print_table("registry", ("what", "value"), [(k, str(v)) for k, v in counts.items()])
    return 0


@registry.command("list")
@click.option("--json", "as_json", is_flag=True)
def list_command(*, as_json: bool) -> int:
    """Accounts that may act here."""
    with terminal() as desk:
        if not _empty(desk):
            desk.officer("registry.read")
        with desk.toolkit.reading() as unit:
            actors = unit.registry.actors(desk.toolkit.tenant)
    if as_json:
        print_json(
            {
                "actors": [
                    {
                        "id": actor.id,
                        "person": actor.person,
                        "roles": list(actor.roles),
                        "partner": actor.partner,
                        "signs_in": actor.password_hash is not None,
                    }
                    for actor in actors
                ]
            }
        )
        return 0
    rows = [
        (actor.id, actor.person or "", ", ".join(actor.roles), actor.partner or "")
        for actor in actors
    ]
    print_table("accounts", ("account", "person", "roles", "partner"), rows)
    return 0


@registry.command("password")
@click.argument("account")
@click.option(
    "--file",
    "file",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="File with the password; default: asked for on the terminal.",
)
@click.option("--json", "as_json", is_flag=True)
def password_command(account: str, file: Path | None, *, as_json: bool) -> int:
    """Give ACCOUNT a console password."""
    with terminal() as desk:
        actor = desk.officer("account.password").actor
        set_password(desk.toolkit, actor, account, _password(file))
    if as_json:
        print_json({"account": account, "signs_in": True})
    else:
        talk(f"{account} can sign in to the console")
    return 0


@registry.command("credential")
@click.argument("account")
@click.option("--json", "as_json", is_flag=True)
def credential_command(account: str, *, as_json: bool) -> int:
    """Take the first credential of ACCOUNT out of use and give it a new one."""
    with terminal() as desk:
        actor = desk.officer("credential.replace").actor
        old = credential_of(desk.toolkit, account)
        fresh = replace_credential(desk.toolkit, actor, old)
    if as_json:
        print_json({"account": account, "credential": fresh, "replaced": old})
    else:
        talk(f"{account}: {old} opens nothing any more; new credential {fresh}")
    return 0


def _password(file: Path | None) -> str:
    if file is None:
        return str(click.prompt("password", hide_input=True, confirmation_prompt=True, err=True))
    password = read_text_file(file, _LARGEST_PASSWORD_FILE).rstrip("\r\n")
    if len(password) > _LONGEST_PASSWORD:
        raise PasswordTooLong(
            f"a password has at most {_LONGEST_PASSWORD} characters", where=file.name
        )
    return password


def _empty(desk: Terminal) -> bool:
    with desk.toolkit.reading() as unit:
        return not unit.registry.actors(desk.toolkit.tenant)
