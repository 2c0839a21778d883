"""How does somebody at a terminal look into the log and prove it?"""

from __future__ import annotations

import base64

import click

from jinkui.cli.exit_codes import DONE
from jinkui.cli.output import print_json, print_table, talk
from jinkui.cli.session import terminal
from jinkui.procedures.trail_reading import read_trail
from secure_records.audit.checkpoint import parse_checkpoint
from secure_records.audit.trail import TrailEntry, TrailQuery
from shared_kernel.canonical_json import Json
from shared_kernel.instants import china_text, instant_text, parse_instant

VERIFICATION_FAILED = 3


@click.group()
def audit() -> None:
    """The audit log: checkpoint, verify, trail."""


@audit.command("checkpoint")
@click.option("--json", "as_json", is_flag=True)
def checkpoint_command(*, as_json: bool) -> int:
    """Sign the head of the log and print the C2SP checkpoint note."""
    with terminal() as desk:
        note = desk.toolkit.seal_log()
    if as_json:
        head = parse_checkpoint(note)
        root = base64.b64encode(head.root).decode()
        print_json({"note": note, "origin": head.origin, "size": head.size, "root": root})
    else:
        click.echo(note, nl=False)
    return DONE


@audit.command("verify")
@click.option("--json", "as_json", is_flag=True)
def verify_command(*, as_json: bool) -> int:
    """Recompute every entry, node and root; check signatures and the anchor."""
    with terminal(examining=True) as desk:
        verdict = desk.toolkit.verify_log()
        zh = desk.language == "zh"
    if as_json:
        checks: list[Json] = [
            {"name": c.name, "ok": c.ok, "detail": c.detail, "detail_zh": c.detail_zh}
            for c in verdict.checks
        ]
        print_json(
            {
                "ok": verdict.ok,
                "size": verdict.size,
                "root": base64.b64encode(verdict.root).decode(),
                "covered": verdict.covered,
                "first_bad_index": verdict.first_bad_index,
                "checks": checks,
            }
        )
    else:
        rows = [
            ("✓" if c.ok else "✗", c.name, c.detail_zh if zh else c.detail) for c in verdict.checks
        ]
        print_table(f"{verdict.size} entries", ("", "check", "finding"), rows)
        if verdict.first_bad_index is not None:
            talk(f"first bad entry: {verdict.first_bad_index}")
    return DONE if verdict.ok else VERIFICATION_FAILED


@audit.command("trail")
@click.option("--actor")
@click.option("--partner")
@click.option("--record")
@click.option("--subject")
@click.option("--purpose")
@click.option("--action")
@click.option("--decision", type=click.Choice(["permit", "deny", "done", "failed"]))
@click.option("--since", help="Inclusive; RFC 3339 with offset.")
@click.option("--until", help="Exclusive; RFC 3339 with offset.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=100, show_default=True)
@click.option("--cursor")
@click.option("--newest", is_flag=True, help="Newest first.")
@click.option("--json", "as_json", is_flag=True)
def trail_command(
    since: str | None,
    until: str | None,
    limit: int,
    *,
    newest: bool,
    as_json: bool,
    **filters: str | None,
) -> int:
    """Who did what, when, for which purpose."""
    query = TrailQuery(
        since=None if since is None else parse_instant(since, "--since"),
        until=None if until is None else parse_instant(until, "--until"),
        limit=limit,
        newest_first=newest,
        **filters,
    )
    with terminal() as desk:
        page = read_trail(desk.toolkit, desk.officer("audit.trail"), query)
    if as_json:
        entries = [_entry(entry) for entry in page.entries]
        print_json({"entries": entries, "next_cursor": page.next_cursor})
        return DONE
    rows = [
        (
            str(entry.index),
            china_text(entry.at),
            entry.actor,
            entry.action,
            entry.decision,
            entry.purpose or "",
            entry.record or "",
        )
        for entry in page.entries
    ]
    columns = ("#", "at (China)", "actor", "action", "decision", "purpose", "record")
    print_table("trail", columns, rows)
    if page.next_cursor is not None:
        talk(f"more: --cursor {page.next_cursor}")
    return DONE


def _entry(entry: TrailEntry) -> dict[str, Json]:
    return {
        "index": entry.index,
        "at": instant_text(entry.at),
        "actor": entry.actor,
        "action": entry.action,
        "purpose": entry.purpose,
        "record": entry.record,
        "decision": entry.decision,
        "partner": entry.partner,
        "kind": entry.kind,
        "entry": dict(entry.content),
    }
