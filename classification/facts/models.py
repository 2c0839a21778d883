"""What is a fact, and how does one say that it is not known?

Facts are flat: a dotted name and a JSON value. Three states must never be mixed:

* the name is missing: nobody could look (no root, no such tool) — *unknown*;
* the value is null: somebody looked and the setting is not there — *absent*;
* any other value: what was seen.

Facts carry no judgement: "PASS_MAX_DAYS is 99999" is a fact, "too long" is not.
Password hashes, keys and patient data never become facts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from shared_kernel.canonical_json import Json
from shared_kernel.instants import instant_text

FACTS_FORMAT: Final = "jinkui-facts/1"
COLLECTOR: Final = "jinkui-collector/1"
"""Raise the number whenever a fact changes its meaning."""


class ObjectKind(StrEnum):
    """What is assessed."""

    HOST = "host"
    """A Linux server."""
    STORE = "store"
    """The encrypted record store of this product, with its keys and its log."""
    DAEMON = "daemon"
    """The service of this product."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """A fact that could not be had, and what would help."""

    fact: str
    """Name of the fact, or a prefix ending in ``.`` for several."""
    reason: str
    """``needs_root``, ``missing``, ``unreadable`` or ``not_supported``."""
    source: str
    """File or interface that was tried."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectFacts:
    """Everything collected about one object."""

    id: str
    """Unique inside the document, e.g. ``host:his-app-1``."""
    kind: ObjectKind
    facts: Mapping[str, Json]
    notes: tuple[Note, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class FactsDocument:
    """One collection, over all objects of one target."""

    collected_at: datetime
    collector: str
    target: str
    objects: tuple[ObjectFacts, ...]

    def to_json(self) -> Mapping[str, Json]:
        """The JSON value whose RFC 8785 bytes are fingerprinted and signed."""
        return {
            "format": FACTS_FORMAT,
            "collected_at": instant_text(self.collected_at),
            "collector": self.collector,
            "target": self.target,
            "objects": [
                {
                    "id": item.id,
                    "kind": item.kind.value,
                    "facts": dict(item.facts),
                    "notes": [
                        {"fact": note.fact, "reason": note.reason, "source": note.source}
                        for note in item.notes
                    ],
                }
                for item in self.objects
            ],
        }
