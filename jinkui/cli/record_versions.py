"""How does a person at a terminal amend a record, and see what became of it?"""

from __future__ import annotations

from pathlib import Path

import click

from jinkui.cli.output import print_json, print_table, talk
from jinkui.cli.session import terminal
from secure_records.access.amending import amending_reasons
from secure_records.intake import LINE_LIMIT, parse_line
from secure_records.models import NewRecord
from secure_records.version_models import FieldChange, VersionView
from shared_kernel.canonical_json import Json
from shared_kernel.errors import BadInput
from shared_kernel.instants import china_text, instant_text


class AmendmentFileUnreadable(BadInput):
    """The file with the new version cannot be read."""

    code = "records.amendment_file_unreadable"
    default_hint = "check the path and the permissions"


@click.command("amend")
@click.argument("record")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option(
    "--expect-version",
    "expected",
    type=click.IntRange(min=1),
    required=True,
    help="The newest version you know; if there is a newer one, nothing is written.",
)
@click.option("--reason", required=True, type=click.Choice([*amending_reasons()]), help="Why.")
@click.option("--key", help="Idempotency key: the same amendment under it is written once.")
@click.option("--role", help="Role of the account to act in.")
@click.option("--json", "as_json", is_flag=True)
def amend_command(
    record: str,
    file: Path,
    expected: int,
    reason: str,
    key: str | None,
    role: str | None,
    *,
    as_json: bool,
) -> int:
    """Write a further version of RECORD from FILE; the earlier versions stay.

    FILE holds one import line: the whole record as it is to be.
    """
    with terminal() as desk:
        caller = desk.officer("record.amend", role)
        new = _new_version(file)
        receipt = desk.toolkit.vault.amend(caller, record, expected, new, reason, key)
    if as_json:
        print_json(
            {
                "id": receipt.record,
                "version": receipt.version,
                "already_present": receipt.already_present,
                "changed": list(receipt.changed),
                "grade": receipt.grade,
                "flags": [verdict.rule for verdict in receipt.flags],
            }
        )
        return 0
    if receipt.already_present:
        talk(f"{receipt.record} was amended under this key before: version {receipt.version}")
    else:
        talk(f"{receipt.record} is now at version {receipt.version}: {', '.join(receipt.changed)}")
    for verdict in receipt.flags:
        talk(f"flagged {verdict.rule}: {verdict.zh} {verdict.en}")
    return 0


@click.command("history")
@click.argument("record")
@click.option("--purpose", required=True)
@click.option("--role", help="Role of the account to act in.")
@click.option("--json", "as_json", is_flag=True)
def history_command(record: str, purpose: str, role: str | None, *, as_json: bool) -> int:
    """Show who changed which fields of RECORD when. A disclosure like a read."""
    with terminal() as desk:
        history = desk.toolkit.vault.history(desk.reader(purpose, role), record, purpose)
    if as_json:
        versions: list[Json] = [_version(view) for view in history.versions]
        print_json(
            {
                "id": history.id,
                "kind": history.kind,
                "versions": versions,
                "obligations": [duty.as_json() for duty in history.obligations],
                "watermark": history.watermark,
                "disclosure_id": history.disclosure_id,
            }
        )
        return 0
    # Above the values, so that no picture of them goes without it.
    for line in (history.watermark, *(duty.text for duty in history.obligations)):
        if line is not None:
            click.echo(line)
    rows = [
        (str(view.version), china_text(view.at), view.actor or "—", view.reason or "—", *row)
        for view in history.versions
        for row in [_row(change) for change in view.changes] or [("—", "", "")]
    ]
    columns = ("version", "at", "by", "reason", "field", "before", "after")
    print_table(f"{history.kind} {history.id}", columns, rows)
    for duty in history.obligations:
        talk(f"obligation {duty.kind.value}: {duty.clause}")
    talk(f"disclosure {history.disclosure_id}")
    return 0


def _new_version(file: Path) -> NewRecord:
    try:
        with file.open("rb") as opened:
            raw = opened.read(LINE_LIMIT + 1)
    except OSError as error:
        raise AmendmentFileUnreadable(f"{file.name}: {error.strerror}", where=file.name) from error
    return parse_line(raw, 1)


def _version(view: VersionView) -> Json:
    return {
        "version": view.version,
        "at": instant_text(view.at),
        "actor": view.actor,
        "role": view.role,
        "reason": view.reason,
        "changes": [
            {
                "field": change.name,
                "shown": change.treatment.value,
                "before": change.before,
                "after": change.after,
            }
            for change in view.changes
        ],
    }


def _row(change: FieldChange) -> tuple[str, str, str]:
    if change.treatment.openness == 0:
        return (change.name, "withheld", "withheld")
    return (change.name, _shown(change.before), _shown(change.after))


def _shown(value: Json) -> str:
    return "—" if value is None else str(value)
