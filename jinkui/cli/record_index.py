"""How does a person at a terminal look after the blind index?"""

from __future__ import annotations

import click

from jinkui.cli.output import print_json, print_table, progress, talk
from jinkui.cli.session import terminal
from jinkui.procedures.leakage import report_leakage
from secure_records.index.columns import COLUMNS
from secure_records.reindexing import ReindexProgress, reindex, rotation_states
from secure_records.vault_detecting import mark_canary
from shared_kernel.canonical_json import Json
from shared_kernel.instants import instant_text


@click.command("reindex")
@click.argument("columns", nargs=-1, metavar="[COLUMN]...", type=click.Choice([*COLUMNS]))
@click.option("--status", is_flag=True, help="Only show which index versions there are.")
@click.option("--role", help="Role of the account to act in.")
@click.option("--json", "as_json", is_flag=True)
def reindex_command(
    columns: tuple[str, ...], role: str | None, *, status: bool, as_json: bool
) -> int:
    """Give index COLUMNs (all, if none is named) a new key, while searches go on.

    If it is stopped, run it again: it goes on where it was.
    """
    results: list[ReindexProgress] = []
    with terminal() as desk:
        caller = desk.officer("index.rotate", role)
        parts = desk.toolkit.parts
        for column in () if status else columns or tuple(COLUMNS):
            with progress(column, quiet=as_json) as advance:
                for step in reindex(parts, caller, column):
                    advance(step.done, step.total)
            results.append(step)
        states = rotation_states(parts)
    rotated: list[Json] = [
        {
            "column": result.column,
            "version": result.version,
            "subjects": result.done,
            "dropped": result.dropped,
        }
        for result in results
    ]
    versions: list[Json] = [
        {
            "column": row.column,
            "version": row.version,
            "phase": row.phase,
            "subjects": row.done,
            "started_at": instant_text(row.started_at),
        }
        for row in states
    ]
    if as_json:
        print_json({"rotated": rotated, "versions": versions})
        return 0
    rows = [(row.column, str(row.version), row.phase, str(row.done)) for row in states]
    print_table("index versions", ("column", "version", "phase", "subjects"), rows)
    return 0


@click.command("leakage")
@click.option("--role", help="Role of the account to act in.")
@click.option("--json", "as_json", is_flag=True)
def leakage_command(role: str | None, *, as_json: bool) -> int:
    """Count what a thief with the file key and no record keys would learn."""
    with terminal() as desk:
        report = report_leakage(desk.toolkit, desk.officer("records.leakage", role))
        chinese = desk.language == "zh"
    if as_json:
        print_json(report.as_json())
        return 0
    rows = [
        (
            each.name if each.version is None else f"{each.name} v{each.version}",
            str(each.rows),
            str(each.distinct),
            str(each.alone),
            str(each.largest),
            f"{each.entropy_bits:.2f}",
        )
        for each in (*report.index, *report.clear, report.envelope_lengths)
    ]
    columns = ("column", "rows", "distinct", "alone", "largest", "entropy (bits)")
    print_table("equality classes", columns, rows)
    for sentence in report.sentences:
        click.echo(sentence.zh if chinese else sentence.en)
    return 0


@click.command("canary")
@click.argument("record")
@click.option("--role", help="Role of the account to act in.")
@click.option("--json", "as_json", is_flag=True)
def canary_command(record: str, role: str | None, *, as_json: bool) -> int:
    """Mark the made-up patient of RECORD: from now on whoever reads or finds one is noted.

    Readers see no difference. `jinkui doctor` says when it happened.
    """
    with terminal() as desk:
        caller = desk.officer("canary.mark", role)
        marked = mark_canary(desk.toolkit.parts, caller, record)
    if as_json:
        print_json({"id": record, "already_marked": not marked})
    else:
        talk("marked" if marked else "this patient was marked before")
    return 0
