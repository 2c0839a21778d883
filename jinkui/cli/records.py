"""How does a person at a terminal take records in, find one and read it?"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from jinkui.cli.media import media_check_command, media_command, orphans_command
from jinkui.cli.output import print_json, print_table, progress, talk
from jinkui.cli.record_index import canary_command, leakage_command, reindex_command
from jinkui.cli.record_versions import amend_command, history_command
from jinkui.cli.session import terminal
from jinkui.procedures.export_records import OFFICE, export_preview, export_records
from jinkui.procedures.import_records import import_file
from secure_records.export_lines import FORMATS, ExportFormat
from secure_records.kinds.catalogue import KINDS, json_schema
from secure_records.search_filter import SearchFilter
from shared_kernel.canonical_json import Json
from shared_kernel.errors import BadInput
from shared_kernel.instants import china_text, instant_text, parse_instant


class CriterionMalformed(BadInput):
    """A search criterion is written FIELD=VALUE."""

    code = "search.criterion_malformed"
    default_hint = "write for example --by phone=13800000000"


@click.group()
def records() -> None:
    """Encrypted health records: import, search, get, amend, recordings and more."""


records.add_command(amend_command)
records.add_command(history_command)
records.add_command(reindex_command)
records.add_command(leakage_command)
records.add_command(media_command)
records.add_command(media_check_command)
records.add_command(orphans_command)
records.add_command(canary_command)


@records.command("import")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--role", help="Role of the account to act in.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on standard output.")
def import_command(file: Path, role: str | None, *, as_json: bool) -> int:
    """Take in FILE, JSON Lines. Bad lines are refused by number; good ones go in.

    Once the file was read the exit code is 0, whatever was refused: the summary counts it.
    """
    with terminal() as desk:
        caller = desk.officer("record.intake", role)
        with progress(file.name, quiet=as_json) as advance:
            summary = import_file(desk.toolkit, caller, file, advance)
    if as_json:
        print_json(summary.document())
        return 0
    rows = [(str(e.line), e.code, e.reason) for e in summary.errors[:50]]
    if rows:
        print_table("refused", ("line", "code", "reason"), rows)
    if len(summary.errors) > len(rows):
        talk(f"… and {len(summary.errors) - len(rows)} more; --json lists all")
    talk(
        f"accepted {summary.accepted}, already present {summary.already_present}, "
        f"refused {summary.refused}"
    )
    return 0


@records.command("search")
@click.option("--by", "criteria", multiple=True, required=True, metavar="FIELD=VALUE")
@click.option("--purpose", required=True)
@click.option("--kind", "kinds", multiple=True, type=click.Choice([*KINDS]), help="Only these.")
@click.option("--clinician", help="Only by this staff number.")
@click.option("--from", "since", help="RFC 3339 instant of the visit, inclusive.")
@click.option("--to", "until", help="RFC 3339 instant of the visit, exclusive.")
@click.option("--limit", type=click.IntRange(1, 100), default=50, show_default=True)
@click.option("--cursor")
@click.option("--role", help="Role of the account to act in.")
@click.option("--json", "as_json", is_flag=True)
def search_command(
    criteria: tuple[str, ...],
    purpose: str,
    kinds: tuple[str, ...],
    clinician: str | None,
    since: str | None,
    until: str | None,
    limit: int,
    cursor: str | None,
    role: str | None,
    *,
    as_json: bool,
) -> int:
    """Find records by id_no, phone or name_birth ("name|1990-03-07"). A search is a disclosure."""
    wanted = _criteria(criteria)
    among = SearchFilter(
        kinds=kinds,
        clinician=clinician,
        since=None if since is None else parse_instant(since, "--from"),
        until=None if until is None else parse_instant(until, "--to"),
    )
    with terminal() as desk:
        reader = desk.reader(purpose, role)
        page = desk.toolkit.vault.search(reader, wanted, purpose, limit, cursor, among)
    if as_json:
        found: list[Json] = [
            {
                "id": hit.id,
                "kind": hit.kind,
                "version": hit.version,
                "created_at": instant_text(hit.created_at),
            }
            for hit in page.records
        ]
        owed: list[Json] = [duty.as_json() for duty in page.obligations]
        print_json(
            {
                "records": found,
                "next_cursor": page.next_cursor,
                "disclosure_id": page.disclosure_id,
                "obligations": owed,
                "watermark": page.watermark,
            }
        )
        return 0
    rows = [(f.id, f.kind, str(f.version), china_text(f.created_at)) for f in page.records]
    print_table("records", ("id", "kind", "version", "stored"), rows)
    talk(f"disclosure {page.disclosure_id}")
    return 0


@records.command("get")
@click.argument("record")
@click.option("--purpose", required=True)
@click.option("--field", "fields", multiple=True, help="Only these fields; repeat for several.")
@click.option("--version", type=click.IntRange(min=1), help="An earlier version; else the newest.")
@click.option("--role", help="Role of the account to act in.")
@click.option("--json", "as_json", is_flag=True)
def get_command(
    record: str,
    purpose: str,
    fields: tuple[str, ...],
    version: int | None,
    role: str | None,
    *,
    as_json: bool,
) -> int:
    """Read RECORD as far as agreements and roles allow."""
    with terminal() as desk:
        reader = desk.reader(purpose, role)
        view = desk.toolkit.vault.read(reader, record, purpose, fields, version)
    if as_json:
        print_json(
            {
                "id": view.id,
                "kind": view.kind,
                "version": view.version,
                "body": dict(view.body),
                "masked": list(view.masked),
                "withheld": list(view.withheld),
                "obligations": [duty.as_json() for duty in view.obligations],
                "watermark": view.watermark,
                "disclosure_id": view.disclosure_id,
                "created_at": instant_text(view.created_at),
            }
        )
        return 0
    masked = set(view.masked)
    rows = [
        (name, str(value), "masked" if name in masked else "") for name, value in view.body.items()
    ]
    # Above the values, so that no picture of them goes without it.
    for line in (view.watermark, *(duty.text for duty in view.obligations)):
        if line is not None:
            click.echo(line)
    print_table(f"{view.kind} {view.id}", ("field", "value", ""), rows)
    for duty in view.obligations:
        talk(f"obligation {duty.kind.value}: {duty.clause}")
    if view.withheld:
        talk("withheld: " + ", ".join(view.withheld))
    talk(f"disclosure {view.disclosure_id}")
    return 0


@records.command("inspect")
@click.argument("record")
@click.option("--json", "as_json", is_flag=True)
def inspect_command(record: str, *, as_json: bool) -> int:
    """Show what may be seen of RECORD's envelope without any key."""
    with terminal() as desk:
        desk.officer("record.inspect")
        summary = desk.toolkit.vault.inspect(record)
    document: dict[str, Json] = {"id": record, **asdict(summary)}
    if as_json:
        print_json(document)
    else:
        print_table(record, ("part", "value"), [(k, str(v)) for k, v in document.items()])
    return 0


@records.command("export")
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--purpose", required=True)
@click.option(
    "--format",
    "form",
    type=click.Choice(FORMATS),
    default="lines",
    show_default=True,
    help="lines: import file, newest versions. archive: every version with its columns.",
)
@click.option("--dry-run", is_flag=True, help="Count what would be written, write nothing.")
@click.option("--json", "as_json", is_flag=True)
def export_command(
    out: Path, purpose: str, form: ExportFormat, *, dry_run: bool, as_json: bool
) -> int:
    """Write every record in clear to OUT, a new file readable by its owner only."""
    with terminal() as desk:
        caller = desk.officer(OFFICE)
        if dry_run:
            summary = export_preview(desk.toolkit, caller, out, purpose, form)
        else:
            with progress(out.name, quiet=as_json) as advance:
                summary = export_records(desk.toolkit, caller, out, purpose, form, advance)
    if as_json:
        print_json(summary.document())
    elif dry_run:
        talk(f"{summary.records} records would be written in clear; nothing was written")
    else:
        talk(f"{summary.lines} lines of {summary.records} records in clear: {summary.path}")
        talk(f"disclosure {summary.disclosure}; keep the file sealed, and delete it when done")
    return 0


@records.command("schema")
@click.argument("kind", type=click.Choice(sorted(KINDS)))
@click.option("--json", "as_json", is_flag=True, help="Always JSON; accepted for symmetry.")
def schema_command(kind: str, *, as_json: bool) -> int:
    """Print the JSON schema of an import line of KIND. Pure."""
    del as_json
    print_json(json_schema(kind))
    return 0


def _criteria(texts: tuple[str, ...]) -> dict[str, str]:
    wanted: dict[str, str] = {}
    for name, value in map(_criterion, texts):
        if name in wanted:
            raise CriterionMalformed(f"--by {name} is given twice", where=name)
        wanted[name] = value
    return wanted


def _criterion(text: str) -> tuple[str, str]:
    name, separator, value = text.partition("=")
    if not separator or not name or not value:
        raise CriterionMalformed("a search criterion is FIELD=VALUE", where="--by")
    return name.strip(), value
