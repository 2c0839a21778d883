"""What has the simulated platform stored?

Holds digests, numbers and names of fields, not their values: the list is there
to be looked at.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from threading import Lock

from shared_kernel.canonical_json import Json, canonical_bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceivedMessage:
    """One stored message."""

    scheme: str
    """``exchange``, ``a`` or ``b``."""

    institution: str
    resource: str
    """Canonical resource, or the service method of scheme A and B."""

    message_id: str
    """Message id, or the platform's business id."""

    digest: str
    """``sm3:…`` of the canonical message or row."""

    number: str
    received_at: str
    fields: tuple[str, ...]


class ReceivedStore:
    """Append-only; optionally mirrored to a file that a restart reads back."""

    def __init__(self, file: Path | None) -> None:
        self._file = file
        self._lock = Lock()
        self._items: list[ReceivedMessage] = []
        if file is not None and file.exists():
            for line in file.read_text("utf-8").splitlines():
                row = json.loads(line)
                self._items.append(ReceivedMessage(**{**row, "fields": tuple(row["fields"])}))

    def add(self, item: ReceivedMessage) -> None:
        """Store one message."""
        with self._lock:
            self._items.append(item)
            if self._file is not None:
                row: Mapping[str, Json] = asdict(item)
                with self._file.open("ab") as stream:
                    stream.write(canonical_bytes(row) + b"\n")

    def all(self) -> tuple[ReceivedMessage, ...]:
        """Everything stored, in order."""
        with self._lock:
            return tuple(self._items)

    def find(self, institution: str, message_id: str) -> ReceivedMessage | None:
        """The first message with this id."""
        return next(
            (
                item
                for item in self.all()
                if item.institution == institution and item.message_id == message_id
            ),
            None,
        )

    def next_number(self) -> str:
        """The next receipt number."""
        return f"R{len(self.all()) + 1:08d}"
