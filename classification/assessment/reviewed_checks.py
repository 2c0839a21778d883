"""Which questions need a few lines of Python because the grammar cannot say them?

Each function is pure and answers True, False or None (not known). Add one only
when no condition of the grammar will do.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final

from shared_kernel.canonical_json import Json

_DIGITS: Final = re.compile(r"[0-9]+")
_NAMED_LOGS: Final = re.compile(r"(auth\.log|secure|syslog|messages)\Z")


def newest_kernel_runs(facts: Mapping[str, Json]) -> bool | None:
    """Does the newest installed kernel run? Unknown when modules of the running one are missing."""
    running, installed = facts.get("kernel.running"), facts.get("kernel.installed")
    if not isinstance(running, str) or not isinstance(installed, list) or running not in installed:
        return None
    return max(map(str, installed), key=_version) == running


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in _DIGITS.findall(text))


def log_files_closed(facts: Mapping[str, Json]) -> bool | None:
    """Are the text logs written by root or syslog only and not readable by everybody?"""
    files = facts.get("log.files")
    if not isinstance(files, list):
        return None
    asked = [
        item
        for item in files
        if isinstance(item, Mapping) and _NAMED_LOGS.match(str(item.get("name")))
    ]
    return all(int(str(item.get("mode")), 8) & 0o037 == 0 for item in asked)


REVIEWED_CHECKS: Final[Mapping[str, Callable[[Mapping[str, Json]], bool | None]]] = {
    "newest_kernel_runs": newest_kernel_runs,
    "log_files_closed": log_files_closed,
}
