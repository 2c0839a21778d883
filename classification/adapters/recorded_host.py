"""How is a host judged that was only recorded, in one file, on another day or by another person?

A recording is JSON: ``{"uid": 0, "paths": {"/etc/shadow": {"text": "…", "mode":
"0640", "uid": 0, "gid": 42, "modified": 1760000000}, "/etc/sudoers": {"denied":
true}, "/home/a": {"folder": true, "mode": "0750"}}}``. Folders above a path exist
by themselves. Everything that is not recorded is proven absent, so a recording
must be complete for what it is used for.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

from classification.errors import FactsRefused
from classification.ports import Listing, Reading, ReadState, Standing

_FIELDS: Final = frozenset({"text", "mode", "uid", "gid", "modified", "denied", "folder"})


class RecordedHost:
    """Implements ``HostReader`` over a recording."""

    def __init__(self, file: Path) -> None:
        try:
            recorded = json.loads(file.read_text("utf-8"))
            self._uid = int(recorded["uid"])
            paths: dict[str, dict[str, object]] = dict(recorded["paths"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise FactsRefused(f"{file.name} is no recording of a host") from error
        for path, entry in paths.items():
            if not path.startswith("/") or set(entry) - _FIELDS:
                raise FactsRefused(f"{file.name}: {path} is recorded in a way nobody knows")
        self._paths = paths
        self._folders: dict[str, set[str]] = {}
        for path in paths:
            child = path
            while child != "/":
                parent, _, name = child.rpartition("/")
                self._folders.setdefault(parent or "/", set()).add(name)
                child = parent or "/"

    @property
    def effective_uid(self) -> int:
        """The user who recorded."""
        return self._uid

    def read_text(self, path: str, limit: int = 2_000_000) -> Reading:
        """See ``HostReader``."""
        entry = self._paths.get(path)
        if entry is None:
            known = path in self._folders
            return Reading(ReadState.UNREADABLE if known else ReadState.MISSING)
        if entry.get("denied") is True:
            return Reading(ReadState.DENIED)
        if "text" not in entry:
            return Reading(ReadState.UNREADABLE)
        text = str(entry["text"])
        if len(text.encode()) > limit:
            return Reading(ReadState.TOO_LARGE)
        return Reading(ReadState.OK, text)

    def read_bytes(self, path: str, limit: int = 65_536) -> bytes | None:
        """See ``HostReader``; a recording keeps text only, one byte a character."""
        reading = self.read_text(path, limit)
        return reading.text.encode("latin-1") if reading.state is ReadState.OK else None

    def list_dir(self, path: str, limit: int = 20_000) -> Listing:
        """See ``HostReader``."""
        if self._paths.get(path, {}).get("denied") is True:
            return Listing(ReadState.DENIED)
        if path in self._folders:
            return Listing(ReadState.OK, tuple(sorted(self._folders[path])[:limit]))
        recorded = self._paths.get(path)
        empty = recorded is not None and recorded.get("folder") is True
        return Listing(ReadState.OK if empty else ReadState.MISSING)

    def stat(self, path: str) -> Standing:
        """See ``HostReader``; owner root and mode 0644 or 0755 where nothing is noted."""
        entry = self._paths.get(path)
        is_folder = path in self._folders or (entry or {}).get("folder") is True
        if entry is None and not is_folder:
            return Standing(state=ReadState.MISSING)
        noted = entry or {}
        return Standing(
            state=ReadState.OK,
            mode=int(str(noted.get("mode", "0755" if is_folder else "0644")), 8),
            uid=int(str(noted.get("uid", 0))),
            gid=int(str(noted.get("gid", 0))),
            size=len(str(noted.get("text", ""))),
            modified=int(str(noted.get("modified", 0))),
            is_folder=is_folder,
        )
