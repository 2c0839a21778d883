"""How does a home.toml say that its records lie somewhere else now?

Only the two lines of ``[store]`` that name engine and address are changed; everything
else, comments included, stays as the hospital wrote it.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from jinkui.settings.home import EMBEDDED

_SECTION: Final = re.compile(r"\s*\[")
_STORE: Final = re.compile(r"\s*\[\s*store\s*\]\s*(#.*)?\Z")
_PLACE: Final = re.compile(r"\s*(engine|dsn_file|\"engine\"|\"dsn_file\")\s*=")


def with_engine(text: str, engine: str, dsn_file: Path | None) -> str:
    """The settings with another engine.

    Args:
        text: A home.toml.
        engine: ``embedded`` or ``postgresql``.
        dsn_file: File with the address of the server; None for the embedded engine.
    """
    kept: list[str] = []
    inside, place = False, None
    for line in text.splitlines():
        if _SECTION.match(line):
            inside = _STORE.match(line) is not None
            if inside:
                place = len(kept) + 1
        if not (inside and _PLACE.match(line)):
            kept.append(line)
    if engine != EMBEDDED:
        name = str(dsn_file).replace("\\", "\\\\").replace('"', '\\"')
        added = [f'engine = "{engine}"', f'dsn_file = "{name}"']
        if place is None:
            kept += ["", "[store]", *added]
        else:
            kept[place:place] = added
    return "\n".join(kept) + "\n"
