"""Until when must something be kept?"""

from __future__ import annotations

from pathlib import Path

import click

from jinkui.cli.json_files import read_json
from jinkui.cli.output import print_json, print_table
from secure_records.lifecycle.retention import parse_events, retain_until


@click.group()
def retention() -> None:
    """Statutory retention: until."""


@retention.command("until")
@click.argument("retention_class", metavar="CLASS")
@click.argument("events", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--json", "as_json", is_flag=True)
def until_command(retention_class: str, events: Path, *, as_json: bool) -> int:
    """The last day on which something of CLASS must be kept, after EVENTS (JSON). Pure."""
    answer = retain_until(retention_class, parse_events(read_json(events)))
    document = dict(answer.as_json())
    if as_json:
        print_json(document)
    else:
        print_table(retention_class, ("what", "value"), [(k, str(v)) for k, v in document.items()])
    return 0
