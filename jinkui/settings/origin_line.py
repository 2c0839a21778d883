"""How does a home.toml get the name of the log's new epoch?

Exactly the line ``origin`` of ``[home]`` changes; everything else stays as it was written.
"""

from __future__ import annotations

import re
from typing import Final

from jinkui.settings.home import SettingsRefused

_SECTION: Final = re.compile(r"\s*\[")
_HOME: Final = re.compile(r"\s*\[\s*home\s*\]\s*(#.*)?\Z")
_ORIGIN: Final = re.compile(r"\s*(origin|\"origin\")\s*=")


def with_origin(text: str, origin: str) -> str:
    """The settings with another origin.

    Raises:
        SettingsRefused: there is not exactly one such line.
    """
    lines = text.splitlines()
    inside, places = False, []
    for number, line in enumerate(lines):
        if _SECTION.match(line):
            inside = _HOME.match(line) is not None
        elif inside and _ORIGIN.match(line):
            places.append(number)
    if len(places) != 1:
        raise SettingsRefused("home.toml: [home] does not have one line origin", where="origin")
    # Printable ASCII without quotes and backslashes is all that a name of a log may hold.
    lines[places[0]] = f'origin = "{origin}"'
    return "\n".join(lines) + "\n"
