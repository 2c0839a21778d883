"""Which files does a person hold in hand when a report goes out?

For each draft: the exact signed bytes (JSON), a page to print and sign (HTML),
and plain text. The JSON is the material; the others are views of it.
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryFile

from incident.reports.draft import Draft
from incident.reports.release import Release
from incident.reports.render import render_html, render_text
from jinkui.wiring.incidents import rulebook


def require_writable(folder: Path) -> None:
    """Return if and only if papers can be written there; the folder is made if absent.

    Asked before a draft is recorded: one whose papers nobody can hold is half an act.

    Raises:
        OSError: what the machine says.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with TemporaryFile(dir=folder):
        pass


def write_papers(
    folder: Path, draft: Draft, house: str, release: Release | None
) -> tuple[Path, ...]:
    """Write the three files of a draft; a repeated call replaces them."""
    folder.mkdir(parents=True, exist_ok=True)
    name = f"{draft.recipient}-{draft.stage.value}-{draft.draft_id[-6:]}"
    book = rulebook().letters
    contents = {
        "json": draft.material(),
        "html": render_html(draft, book, house=house, release=release).encode(),
        "txt": render_text(draft, book, house=house, release=release).encode(),
    }
    paths = []
    for ending, content in contents.items():
        path = folder / f"{name}.{ending}"
        path.write_bytes(content)
        path.chmod(0o600)
        paths.append(path)
    return tuple(paths)
