"""How does a collector write down what it saw and what it could not see?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from classification.facts.models import Note
from classification.ports import HostReader, Reading, ReadState, Standing
from shared_kernel.canonical_json import Json

_REASONS: Final = {
    ReadState.DENIED: "needs_root",
    ReadState.MISSING: "missing",
    ReadState.TOO_LARGE: "too_large",
    ReadState.UNREADABLE: "unreadable",
}


class Notebook:
    """Facts and notes of one host while they are being collected."""

    def __init__(self, host: HostReader) -> None:
        self.host = host
        self._facts: dict[str, Json] = {}
        self._notes: list[Note] = []

    @property
    def facts(self) -> Mapping[str, Json]:
        """What was written so far."""
        return self._facts

    @property
    def notes(self) -> tuple[Note, ...]:
        """What could not be seen, in order of trying."""
        return tuple(self._notes)

    def put(self, fact: str, value: Json) -> None:
        """Write a fact; null means: looked, and it is not there."""
        self._facts[fact] = value

    def miss(self, fact: str, reason: str, source: str) -> None:
        """Note that a fact stays unknown."""
        self._notes.append(Note(fact=fact, reason=reason, source=source))

    def text(self, path: str, fact: str) -> str | None:
        """The text of a file; "" when it is proven absent; None (with a note) when unknown."""
        reading: Reading = self.host.read_text(path)
        if reading.state is ReadState.OK:
            return reading.text
        if reading.state is ReadState.MISSING:
            return ""
        self.miss(fact, _REASONS[reading.state], path)
        return None

    def names(self, path: str, fact: str) -> tuple[str, ...] | None:
        """Names in a folder; () when it is proven absent; None (with a note) when unknown."""
        listing = self.host.list_dir(path)
        if listing.state is ReadState.OK:
            return listing.names
        if listing.state is ReadState.MISSING:
            return ()
        self.miss(fact, _REASONS[listing.state], path)
        return None

    def standing(self, path: str, fact: str) -> Standing | None:
        """Owner and mode; None when unknown (with a note) or absent (without)."""
        found = self.host.stat(path)
        if found.state is ReadState.OK:
            return found
        if found.state is not ReadState.MISSING:
            self.miss(fact, _REASONS[found.state], path)
        return None

    def put_mode(self, fact: str, path: str) -> None:
        """Write the permission bits of ``path`` as octal text, null when it is absent."""
        found = self.host.stat(path)
        if found.state is ReadState.OK:
            self.put(fact, octal(found.mode))
        elif found.state is ReadState.MISSING:
            self.put(fact, None)
        else:
            self.miss(fact, _REASONS[found.state], path)

    def exists(self, path: str) -> bool | None:
        """True or False when proven, None when this user may not look."""
        state = self.host.stat(path).state
        return {ReadState.OK: True, ReadState.MISSING: False}.get(state)


def octal(mode: int) -> str:
    """Four octal digits: 0o640 is ``0640``."""
    return f"{mode & 0o7777:04o}"


def settings_of(text: str, separator: str | None = None) -> dict[str, str]:
    """``key value`` or ``key = value`` lines of a configuration file; the last one wins.

    Comments (#, ;) are dropped. With ``separator`` None the value may follow
    ``=`` or white space. Keys are lower-cased; a bare word gets the value "".
    """
    found: dict[str, str] = {}
    for raw in text.splitlines():
        line = raw.strip()
        if not line or line[0] in "#;[":
            continue
        if separator is None and "=" not in line.split(None, 1)[0]:
            parts = line.split(None, 1)
            value = parts[1] if len(parts) > 1 else ""
            found[parts[0].lower()] = _clean(value.lstrip("= "))
        else:
            key, _, value = line.partition(separator or "=")
            found[key.strip().lower()] = _clean(value)
    return found


def _clean(value: str) -> str:
    return value.split(" #", 1)[0].strip().strip('"')


def whole(text: str | None) -> int | None:
    """A whole number of ordinary size, None for anything else."""
    if text is None:
        return None
    stripped = text.strip()
    digits = stripped[1:] if stripped[:1] in "+-" else stripped
    if not digits.isascii() or not digits.isdigit() or len(digits) > 12:  # noqa: PLR2004
        return None
    return int(stripped)
