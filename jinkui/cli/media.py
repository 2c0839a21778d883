"""How does a person at a terminal fetch a recording, and look after the store of recordings?"""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Final

import click

from jinkui.cli.output import print_json, print_table, progress, talk
from jinkui.cli.session import terminal
from jinkui.procedures.fetch_media import write_view
from secure_records.vault_media_care import check_media, find_orphans, remove_orphans
from shared_kernel.canonical_json import Json
from shared_kernel.errors import BadInput
from shared_kernel.instants import china_text, instant_text

NOT_OK: Final = 3
_RANGE: Final = re.compile(r"([0-9]{1,18})-([0-9]{1,18})?\Z")


class RangeMalformed(BadInput):
    """A range is written FIRST-LAST."""

    code = "media.range_malformed"
    default_hint = "write for example --range 0-1048575 for the first MiB, or --range 1048576-"


@click.command("media")
@click.argument("record")
@click.option("--purpose", required=True)
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    help="File to write; replaced whole or not at all.",
)
@click.option(
    "--range",
    "wanted",
    metavar="FIRST-LAST",
    help="Bytes from 0, both included; FIRST- to the end.",
)
@click.option("--role", help="Role of the account to act in.")
@click.option("--json", "as_json", is_flag=True)
def media_command(
    record: str, purpose: str, out: Path, wanted: str | None, role: str | None, *, as_json: bool
) -> int:
    """Write the recording of RECORD to a file, if agreements and roles show the field media."""
    start, end = (0, None) if wanted is None else _range(wanted)
    with terminal() as desk:
        caller = desk.reader(purpose, role)
        with (
            desk.toolkit.vault.read_media(caller, record, purpose, start, end) as view,
            progress(view.media, quiet=as_json) as advance,
        ):
            write_view(view, out, advance)
    owed: list[Json] = [duty.as_json() for duty in view.obligations]
    document: dict[str, Json] = {
        "id": view.record,
        "media": view.media,
        "media_type": view.media_type,
        "size": view.size,
        "start": view.start,
        "end": view.end,
        "sm3": view.sm3,
        "sha256": view.sha256,
        "out": str(out),
        "obligations": owed,
        "watermark": view.watermark,
        "disclosure_id": view.disclosure_id,
        "created_at": instant_text(view.created_at),
    }
    if as_json:
        print_json(document)
        return 0
    for line in (view.watermark, *(duty.text for duty in view.obligations)):
        if line is not None:
            click.echo(line)
    rows = [(k, str(v)) for k, v in document.items() if k not in {"obligations", "watermark"}]
    print_table(view.media, ("part", "value"), rows)
    for duty in view.obligations:
        talk(f"obligation {duty.kind.value}: {duty.clause}")
    return 0


@click.command("media-check")
@click.option("--whole", is_flag=True, help="Read every byte, not only header, length and end.")
@click.option("--json", "as_json", is_flag=True)
def media_check_command(*, whole: bool, as_json: bool) -> int:
    """Open every recording without showing it: what is missing, altered or closed for ever."""
    with terminal() as desk:
        desk.officer("media.check")
        with progress("recordings", quiet=as_json) as advance:
            verdict = check_media(desk.toolkit.parts, None, advance, whole=whole)
    faults: list[Json] = [
        {"media": each.media, "record": each.record, "code": each.code} for each in verdict.faults
    ]
    ok = not faults
    if as_json:
        print_json(
            {
                "ok": ok,
                "recordings": verdict.recordings,
                "checked": verdict.checked,
                "whole": whole,
                "faults": faults,
            }
        )
    else:
        rows = [(each.media, each.record, each.code) for each in verdict.faults]
        print_table("faults", ("media", "record", "code"), rows)
        talk(f"{verdict.checked} of {verdict.recordings} recordings opened, {len(faults)} faults")
    return 0 if ok else NOT_OK


@click.command("orphans")
@click.option("--remove", is_flag=True, help="Remove them; without it they are only listed.")
@click.option("--json", "as_json", is_flag=True)
def orphans_command(*, remove: bool, as_json: bool) -> int:
    """List sealed objects that no record refers to: left by a crash between object and commit."""
    with terminal() as desk:
        caller = desk.officer("media.tidy")
        toolkit = desk.toolkit
        age = timedelta(hours=toolkit.home.number("media", "orphan_hours"))
        found = find_orphans(toolkit.parts, toolkit.clock.now() - age)
        if remove and found:
            remove_orphans(toolkit.parts, caller, found)
    listed: list[Json] = [
        {"name": each.name, "size": each.size, "changed_at": instant_text(each.changed_at)}
        for each in found
    ]
    if as_json:
        print_json({"orphans": listed, "removed": remove})
        return 0
    rows = [(each.name, str(each.size), china_text(each.changed_at)) for each in found]
    print_table("orphans", ("object", "bytes", "changed"), rows)
    talk(f"{len(found)} orphans{' removed' if remove else ''}")
    return 0


def _range(text: str) -> tuple[int, int | None]:
    """First byte, and the byte behind the last one."""
    found = _RANGE.match(text)
    if found is None or (found[2] is not None and int(found[2]) < int(found[1])):
        raise RangeMalformed("a range is FIRST-LAST in bytes", where="--range")
    return int(found[1]), None if found[2] is None else int(found[2]) + 1
