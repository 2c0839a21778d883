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
from jinkui.procedures.doctor import examine
from jinkui.settings.home import PROFILES, SUITES
from jinkui.system_clock import SystemClock
from jinkui.wiring.homes import create
from jinkui.wiring.root_file import Credentials
from shared_kernel.errors import BadInput

NOT_OK = 3


class InstitutionCodeWrong(BadInput):
    """The unified social credit code fails its check."""

    code = "init.institution_code"
    default_hint = "copy the 18 characters from the licence; the last one is a check character"


@click.command()
@click.option("--institution", required=True, help="Unified social credit code.")
@click.option("--name", required=True, help="Name on the licence.")
@click.option("--profile", type=click.Choice(PROFILES), default="production", show_default=True)
@click.option("--suite", type=click.Choice(SUITES), default="gm", show_default=True)
@click.option("--origin", default="", help="First line of checkpoints; default: from the code.")
@click.option("--default-actor", default="", help="Account that terminal commands act as.")
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
    credentials = Credentials(
        passphrase_file=invocation.passphrase_file,
        second_passphrase_file=invocation.second_passphrase_file,
    )
    files = create(invocation.home, head, {}, credentials, SystemClock(), os.urandom)
    files.close()
    document = {"home": str(Path(invocation.home)), **head}
    if as_json:
        print_json(document)
    else:
        talk(f"home made in {invocation.home}; next: jinkui registry apply FILE")
    return 0


@click.command()
@click.option("--json", "as_json", is_flag=True)
def doctor(*, as_json: bool) -> int:
    """Is everything in order? Store pages, keys, log, anchor, settings."""
    with terminal(examining=True) as desk:
        checks = examine(desk.toolkit)
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
