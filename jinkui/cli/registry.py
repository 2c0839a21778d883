"""Who is on the register of this home?"""

from __future__ import annotations

from pathlib import Path

import click

from jinkui.cli.output import print_json, print_table, talk
from jinkui.cli.session import terminal
from jinkui.procedures.registry_entry import enter_registry
from shared_kernel.errors import BadInput

_LARGEST = 4 * 1024 * 1024


class RegistryFileTooLarge(BadInput):
    """The registry file is larger than any hospital needs."""

    code = "registry.file_too_large"
    default_hint = "split the document; entries are added, never removed by omission"


@click.group()
def registry() -> None:
    """Institution, staff, partners and accounts: apply, list."""


@registry.command("apply")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--json", "as_json", is_flag=True)
def apply_command(file: Path, *, as_json: bool) -> int:
    """Enter FILE (YAML or JSON); what it omits stays."""
    if file.stat().st_size > _LARGEST:
        raise RegistryFileTooLarge(f"{file.name} is larger than 4 MiB", where=file.name)
    with terminal() as desk:
        actor = desk.invocation.actor or desk.toolkit.home.default_actor or "terminal"
        document = enter_registry(desk.toolkit, actor, file.read_bytes())
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
    with terminal() as desk, desk.toolkit.reading() as unit:
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
