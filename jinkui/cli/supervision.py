"""How does a person send to the provincial platform and see its receipts?"""

from __future__ import annotations

from pathlib import Path

import click

from jinkui.cli.output import print_json, print_table, talk
from jinkui.cli.session import terminal
from jinkui.procedures.input_files import read_file
from jinkui.procedures.official_result import (
    import_official,
    official_attachment,
    send_official,
)
from jinkui.procedures.platform_secret import enter_secret
from jinkui.wiring.supervision import supervision_desk
from shared_kernel.instants import china_text
from supervision.delivery import DeliveryOutcome

_LARGEST_SECRET = 4096
_UPSTREAM_FAILED = 6


@click.group()
def supervision() -> None:
    """The provincial supervision platform: official, send, settle, receipts, verify, secret."""


@supervision.command("official")
@click.argument("description", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.argument("report", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--json", "as_json", is_flag=True)
def official_command(description: Path, report: Path, *, as_json: bool) -> int:
    """Take in an official evaluation: DESCRIPTION (JSON) bound to the signed REPORT (PDF)."""
    with terminal() as desk:
        result = import_official(
            desk.toolkit, desk.officer("supervision.official").actor, description, report
        )
    if as_json:
        print_json({"evaluation": result.report_number, "conclusion": result.conclusion})
    else:
        talk(f"official evaluation {result.report_number}: {result.conclusion}")
    return 0


@supervision.command("secret")
@click.argument("name")
@click.option(
    "--file",
    "file",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    required=True,
    help="File with the secret, exactly its bytes.",
)
@click.option("--json", "as_json", is_flag=True)
def secret_command(name: str, file: Path, *, as_json: bool) -> int:
    """Enter a secret of the platform profile (e.g. exchange_key); it is kept sealed."""
    with terminal() as desk:
        actor = desk.officer("supervision.secret").actor
        enter_secret(desk.toolkit, actor, name, read_file(file, _LARGEST_SECRET))
    if as_json:
        print_json({"secret": name, "entered": True})
    else:
        talk(f"{name} is kept sealed")
    return 0


@supervision.command("send")
@click.argument("evaluation", required=False)
@click.option("--report", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--dry-run", is_flag=True, help="Check and show; send nothing.")
@click.option("--json", "as_json", is_flag=True)
def send_command(
    evaluation: str | None, report: Path | None, *, dry_run: bool, as_json: bool
) -> int:
    """Deliver what is due; with EVALUATION and --report, submit that official result first."""
    with terminal() as desk:
        toolkit, actor = desk.toolkit, desk.officer("supervision.send").actor
        submitted = None
        if evaluation is not None:
            if report is None:
                raise click.UsageError("EVALUATION needs --report, the signed PDF")
            attachment = official_attachment(report)
            submitted = send_official(toolkit, actor, evaluation, attachment, dry_run=dry_run)
        outcomes: tuple[DeliveryOutcome, ...] = ()
        if not dry_run:
            with supervision_desk(toolkit) as room:
                outcomes = room.deliver_due()
    rows = [
        {
            "message_id": outcome.message_id,
            "resource": outcome.resource,
            "state": outcome.state.value,
            "note": outcome.note,
            "platform_number": outcome.platform_number,
        }
        for outcome in outcomes
    ]
    code = 0 if all(o.state.value == "accepted" for o in outcomes) else _UPSTREAM_FAILED
    if as_json:
        print_json({"submitted": submitted, "outcomes": rows})
        return code
    table = [(o.message_id, o.resource, o.state.value, o.note or "") for o in outcomes]
    print_table("delivered", ("message", "resource", "state", "note"), table)
    return code


@supervision.command("settle")
@click.argument("message")
@click.argument("outcome", type=click.Choice(["send-again", "accepted", "give-up"]))
@click.option("--reason", required=True, help="What was found out, and how; no patient data.")
@click.option("--json", "as_json", is_flag=True)
def settle_command(message: str, outcome: str, reason: str, *, as_json: bool) -> int:
    """Decide about MESSAGE whose fate is unknown or whose credentials the platform refused.

    send-again: it is not there, or the credentials are right now. accepted: the platform
    shows it. give-up: it is not sent any more and stays as evidence.
    """
    with terminal() as desk:
        actor = desk.officer("supervision.send").actor
        with supervision_desk(desk.toolkit) as room:
            decide = {
                "send-again": room.release,
                "accepted": room.close_as_accepted,
                "give-up": room.give_up,
            }[outcome]
            decide(message, actor=actor, reason=reason)
    if as_json:
        print_json({"message_id": message, "outcome": outcome})
    else:
        talk(f"{message}: {outcome}; next: jinkui supervision send")
    return 0


@supervision.command("receipts")
@click.option("--json", "as_json", is_flag=True)
def receipts_command(*, as_json: bool) -> int:
    """The latest receipt of every answered message."""
    with terminal() as desk:
        desk.officer("supervision.receipts")
        with supervision_desk(desk.toolkit) as room:
            lines = room.receipts()
    if as_json:
        print_json({"receipts": [line.as_json() for line in lines]})
        return 0
    rows = [
        (line.message_id, line.resource, line.state, china_text(line.received_at)) for line in lines
    ]
    print_table("receipts", ("message", "resource", "state", "received (China)"), rows)
    return 0


@supervision.command("verify")
@click.argument("message")
@click.option("--json", "as_json", is_flag=True)
def verify_command(message: str, *, as_json: bool) -> int:
    """Verify every receipt of MESSAGE against the stored bytes."""
    with terminal() as desk:
        desk.officer("supervision.receipts")
        with supervision_desk(desk.toolkit) as room:
            count = room.verify(message)
    if as_json:
        print_json({"ok": True, "receipts": count})
    else:
        talk(f"{count} receipts verify")
    return 0
