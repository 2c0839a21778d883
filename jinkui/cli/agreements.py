"""How are partner agreements put into force, listed, ended and explained?"""

from __future__ import annotations

from pathlib import Path

import click
import orjson

from jinkui.cli.output import print_json, print_table, talk
from jinkui.cli.session import terminal
from jinkui.procedures.agreement_office import apply_agreement, end_agreement
from jinkui.procedures.input_files import read_file
from secure_records.access.explain import explain_documents
from secure_records.access.ports import AgreementSummary
from shared_kernel.canonical_json import Json
from shared_kernel.errors import BadInput
from shared_kernel.instants import china_text, instant_text

_LARGEST = 256 * 1024


class DocumentUnreadable(BadInput):
    """The file is too large or no JSON."""

    code = "agreements.document_unreadable"
    default_hint = "see docs/reference/agreements.md for both forms"


@click.group()
def agreements() -> None:
    """Partner agreements: apply, list, end, explain."""


@agreements.command("apply")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--dry-run", is_flag=True, help="Check everything, write nothing.")
@click.option("--json", "as_json", is_flag=True)
def apply_command(file: Path, *, dry_run: bool, as_json: bool) -> int:
    """Put FILE (YAML) into force; its own term decides from when."""
    text = read_file(file, _LARGEST)
    with terminal() as desk:
        applied = apply_agreement(
            desk.toolkit, desk.officer("agreement.apply"), text, dry_run=dry_run
        )
    agreement = applied.agreement
    document: dict[str, Json] = {
        "agreement": agreement.reference,
        "partner": agreement.partner,
        "digest": str(agreement.digest),
        "already_present": applied.already_present,
        "applied": not dry_run and not applied.already_present,
    }
    if as_json:
        print_json(document)
    else:
        print_table("agreement", ("what", "value"), [(k, str(v)) for k, v in document.items()])
    return 0


@agreements.command("list")
@click.option("--json", "as_json", is_flag=True)
def list_command(*, as_json: bool) -> int:
    """Every applied version."""
    with terminal() as desk:
        desk.officer("agreement.read")
        with desk.toolkit.reading() as unit:
            rows = unit.agreements.list()
    if as_json:
        print_json({"agreements": [_row(row) for row in rows]})
        return 0
    table = [
        (
            f"{row.id}@{row.version}",
            row.partner,
            china_text(row.applied_at),
            row.applied_by,
            "—" if row.ended_at is None else china_text(row.ended_at),
        )
        for row in rows
    ]
    print_table("agreements", ("agreement", "partner", "applied", "by", "ended"), table)
    return 0


@agreements.command("end")
@click.argument("agreement")
@click.option("--dry-run", is_flag=True, help="Say what would end, write nothing.")
@click.option("--json", "as_json", is_flag=True)
def end_command(agreement: str, *, dry_run: bool, as_json: bool) -> int:
    """End AGREEMENT (its id) before its term: nothing more is disclosed from now on.

    What the partner has already seen cannot be unseen.
    """
    with terminal() as desk:
        caller = desk.officer("agreement.end")
        ended = end_agreement(desk.toolkit, caller, agreement, dry_run=dry_run)
    if as_json:
        print_json({"agreement": agreement, "versions": ended, "ended": not dry_run})
    else:
        talk(f"{ended} versions of {agreement} {'would end' if dry_run else 'ended'}")
    return 0


@agreements.command("explain")
@click.argument("agreement", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.argument("request", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--json", "as_json", is_flag=True)
def explain_command(agreement: Path, request: Path, *, as_json: bool) -> int:
    """What AGREEMENT (YAML) answers to REQUEST (JSON), and which clauses say so. Pure."""
    try:
        asked = orjson.loads(read_file(request, _LARGEST))
    except orjson.JSONDecodeError as error:
        raise DocumentUnreadable("the request is not JSON", where=request.name) from error
    answer = explain_documents(read_file(agreement, _LARGEST), asked)
    if as_json:
        print_json(answer)
        return 0
    if not isinstance(answer, dict):
        raise TypeError("an explanation is an object")
    talk(str(answer["decision"]))
    reasons = [(str(r["code"]), str(r["clause"]), str(r["text"])) for r in answer["reasons"]]
    print_table("reasons", ("code", "clause", "text"), reasons)
    print_table(
        "fields", ("field", "treatment"), [(k, str(v)) for k, v in answer["fields"].items()]
    )
    return 0


def _row(row: AgreementSummary) -> dict[str, Json]:
    return {
        "id": row.id,
        "version": row.version,
        "partner": row.partner,
        "digest": row.digest,
        "applied_at": instant_text(row.applied_at),
        "applied_by": row.applied_by,
        "ended_at": None if row.ended_at is None else instant_text(row.ended_at),
    }
