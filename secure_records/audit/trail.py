"""Who touched what, when; and is the answer complete?

Two ways to the same answer. ``find_entries`` asks the indexed columns: fast, and
only as honest as they are. ``replay`` reads every leaf up to a signed
checkpoint, recomputes its root and filters by the leaves themselves: a doctored
index cannot undercount. A signed scope asks both and calls ``require_same``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

import orjson

from secure_records.audit.checkpoint import Checkpoint
from secure_records.audit.entry import microseconds, parse_entry
from secure_records.audit.errors import ReplayDiverges, TrailQueryRefused
from secure_records.audit.merkle import LEAF_PREFIX, Frontier
from secure_records.audit.ports import AuditStore, EntryRow, SubjectTags, TrailQuery
from shared_kernel.canonical_json import Json
from shared_kernel.instants import parse_instant

__all__ = [
    "LARGEST_PAGE",
    "Replay",
    "TrailEntry",
    "TrailPage",
    "TrailQuery",
    "find_entries",
    "replay",
    "require_same",
]

LARGEST_PAGE: Final = 10_000
"""Entries per page; more would hold the reader's memory hostage."""

_IN_LEAF: Final = ("actor", "partner", "record", "purpose", "action", "decision")


@dataclass(frozen=True, slots=True, kw_only=True)
class TrailEntry:
    """One entry as a reader sees it."""

    index: int
    at: datetime
    actor: str
    action: str
    decision: str
    purpose: str | None
    partner: str | None
    record: str | None
    kind: str | None
    subject: str | None
    """From the opening beside the tree; None without patient or after erasure."""

    content: Mapping[str, Json]
    """The whole leaf: fields, clauses, agreement, details and the rest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrailPage:
    """Some entries, in the order asked for."""

    entries: tuple[TrailEntry, ...]
    next_cursor: str | None
    """None: nothing follows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """What the leaves themselves say, under a signed root."""

    entries: tuple[TrailEntry, ...]
    size: int
    root: bytes
    unopened: int
    """Matching entries that concern a patient whose opening is gone or false: a count of
    patients from ``entries`` may be too low by as many."""


def find_entries(store: AuditStore, query: TrailQuery) -> TrailPage:
    """One page by the indexed columns.

    Raises:
        TrailQueryRefused: a limit outside 1 to 10,000 or a foreign cursor.
    """
    if not 1 <= query.limit <= LARGEST_PAGE:
        raise TrailQueryRefused(f"limit is not within 1 to {LARGEST_PAGE}", where="limit")
    after = _position(query.cursor)
    rows = store.find(replace(query, limit=query.limit + 1), after)
    page = rows[: query.limit]
    more = len(rows) > query.limit
    return TrailPage(
        entries=tuple(_read(row) for row in page),
        next_cursor=str(page[-1].idx) if more else None,
    )


def replay(
    store: AuditStore,
    checkpoint: Checkpoint,
    query: TrailQuery,
    *,
    details: Mapping[str, str] | None = None,
    tags: SubjectTags | None = None,
) -> Replay:
    """Every entry under ``checkpoint`` that matches, read from verified leaves.

    ``checkpoint`` must come from ``verify_checkpoint``. ``details`` filters by texts
    inside the entry's details, e.g. a credential. Limit and cursor do not apply:
    half an answer proves nothing. With ``tags`` each opening is recomputed.

    Raises:
        ReplayDiverges: the leaves do not add up to the checkpoint's root.
        TrailQueryRefused: a filter by subject, which no leaf can answer.
    """
    if query.subject is not None:
        raise TrailQueryRefused(
            "leaves do not name patients", where="subject", hint="replay by record or window"
        )
    wanted = {name: value for name in _IN_LEAF if (value := getattr(query, name)) is not None}
    needles = tuple(orjson.dumps(value) for value in (*wanted.values(), *(details or {}).values()))
    frontier, found, unopened = Frontier(), [], 0
    for batch in store.entries(0, checkpoint.size):
        for row in batch:
            entry = row.entry
            if not isinstance(entry, bytes):  # SQLite lets an intruder put text where bytes belong
                raise ReplayDiverges(f"entry {row.idx} is not stored as bytes")
            frontier.append(hashlib.sha256(LEAF_PREFIX + entry).digest())
            # A leaf that lacks the text of a filter cannot match: most are never parsed.
            if not all(needle in entry for needle in needles):
                continue
            content = parse_entry(entry, row.idx)
            if not _matches(content, wanted, details or {}, query):
                continue
            opened = _opened(row, content, tags)
            unopened += opened is None and "commitment" in content
            found.append(_from_leaf(row.idx, content, opened))
    if frontier.size != checkpoint.size or frontier.root() != checkpoint.root:
        raise ReplayDiverges(
            f"the leaves do not add up to the checkpoint at {checkpoint.size}"
            f" ({frontier.size} found)"
        )
    return Replay(entries=tuple(found), size=frontier.size, root=checkpoint.root, unopened=unopened)


def require_same(indexed: Sequence[TrailEntry], replayed: Replay) -> None:
    """Return if and only if the index answered exactly what the leaves say.

    Only entries under the replay's checkpoint are compared; order does not matter.

    Raises:
        ReplayDiverges: the index hides or invents entries; the first one is named.
    """
    by_index = {entry.index for entry in indexed if entry.index < replayed.size}
    by_leaf = {entry.index for entry in replayed.entries}
    if odd := by_index ^ by_leaf:
        first = min(odd)
        how = "hides" if first in by_leaf else "invents"
        raise ReplayDiverges(f"the index {how} entry {first} ({len(odd)} differences)")


def _position(cursor: str | None) -> int | None:
    if cursor is None:
        return None
    if not cursor.isascii() or not cursor.isdigit() or len(cursor) > 18:  # noqa: PLR2004 - 64 bits
        raise TrailQueryRefused("the cursor is not one of ours", where="cursor")
    return int(cursor)


def _matches(
    content: Mapping[str, Json],
    wanted: Mapping[str, str],
    details: Mapping[str, str],
    query: TrailQuery,
) -> bool:
    if any(content.get(name) != value for name, value in wanted.items()):
        return False
    inner = content.get("details")
    held = inner if isinstance(inner, Mapping) else {}
    if any(held.get(name) != value for name, value in details.items()):
        return False
    if query.since is None and query.until is None:
        return True
    at = microseconds(parse_instant(str(content.get("at")), "entry.at"))
    after = query.since is None or at >= microseconds(query.since)
    return after and (query.until is None or at < microseconds(query.until))


def _opened(row: EntryRow, content: Mapping[str, Json], tags: SubjectTags | None) -> str | None:
    if row.subject is None or row.nonce is None:
        return None
    if tags is not None and tags.commit(row.subject, row.nonce).hex() != content.get("commitment"):
        return None
    return row.subject


def _read(row: EntryRow) -> TrailEntry:
    return _from_leaf(row.idx, parse_entry(row.entry, row.idx), row.subject)


def _from_leaf(index: int, content: Mapping[str, Json], subject: str | None) -> TrailEntry:
    return TrailEntry(
        index=index,
        at=parse_instant(str(content.get("at")), "entry.at"),
        actor=str(content.get("actor")),
        action=str(content.get("action")),
        decision=str(content.get("decision")),
        purpose=_text(content, "purpose"),
        partner=_text(content, "partner"),
        record=_text(content, "record"),
        kind=_text(content, "kind"),
        subject=subject,
        content=content,
    )


def _text(content: Mapping[str, Json], key: str) -> str | None:
    value = content.get(key)
    return value if isinstance(value, str) else None
