"""Are the recordings that rows promise all there, and what lies there that no row knows?

Looking needs keys and gives nothing away: counts, identifiers and codes. For each
recording the description is opened, then header, length and last chunk of its object;
reading every byte is slower and asked for by name. Objects without row come from
crashes between object and commit; they are listed, and removed once they are old
enough not to belong to an import that is still running.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Final

from secure_records.errors import KeyNotFound
from secure_records.media.description import media_context, open_description
from secure_records.media.errors import MediaUnavailable
from secure_records.media.ports import MediaRow, StoredObject
from secure_records.media.reading import MediaReader
from secure_records.models import Caller
from secure_records.vault_errors import RecordMisplaced
from secure_records.vault_parts import MediaParts, VaultParts, fact_of
from shared_kernel.errors import VerificationFailed

_PAGE: Final = 500
_ACTION: Final = "media.orphans_removed"

Advance = Callable[[int], None]
"""Told how many recordings are done."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaFault:
    """One recording that could not be shown."""

    media: str
    record: str
    code: str
    """``media.object_missing``, ``media.refused``, ``keys.not_found`` …"""


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaVerdict:
    """What was found."""

    recordings: int
    """Rows."""

    checked: int
    """Of them, how many were opened."""

    faults: tuple[MediaFault, ...]


def check_media(
    parts: VaultParts, most: int | None, advance: Advance, *, whole: bool = False
) -> MediaVerdict:
    """Open recordings without showing them.

    Args:
        parts: The vault.
        most: So many at most, spread evenly over all; None: every one.
        advance: Told how many are done.
        whole: Read every byte, not only header and last chunk.

    Raises:
        MediaUnavailable: this vault keeps no recordings.
        MediaStoreFailed: the object store cannot be asked.
    """
    media = _media_of(parts)
    with parts.store.reading() as connection:
        recordings = media.rows(connection).count(parts.tenant)
    wanted = recordings if most is None else min(most, recordings)
    checked = 0
    faults: list[MediaFault] = []
    for place, row in enumerate(_rows(parts, media)):
        # The place is taken where the share of wanted recordings reaches the next whole one.
        if (place + 1) * wanted // max(recordings, 1) == place * wanted // max(recordings, 1):
            continue
        try:
            _open(parts, media, row, whole=whole)
        except (VerificationFailed, KeyNotFound) as fault:
            faults.append(MediaFault(media=row.media, record=row.record, code=fault.code))
        checked += 1
        advance(checked)
    return MediaVerdict(recordings=recordings, checked=checked, faults=tuple(faults))


def find_orphans(parts: VaultParts, before: datetime) -> tuple[StoredObject, ...]:
    """Objects to which no row refers, last changed before this instant.

    Raises:
        MediaUnavailable: this vault keeps no recordings.
        MediaStoreFailed: the object store cannot be asked.
    """
    media = _media_of(parts)
    found: list[StoredObject] = []
    listing = media.objects.listing()
    while batch := list(islice(listing, _PAGE)):
        with parts.store.reading() as connection:
            known = media.rows(connection).known(parts.tenant, [each.name for each in batch])
        found += [each for each in batch if each.name not in known and each.changed_at < before]
    return tuple(found)


def remove_orphans(parts: VaultParts, caller: Caller, orphans: Sequence[StoredObject]) -> None:
    """Remove these objects, after the entry that says so was committed.

    An object to which a row refers by now is left alone.

    Raises:
        MediaUnavailable: this vault keeps no recordings.
        MediaStoreFailed: the object store failed; run it again.
    """
    media = _media_of(parts)
    with parts.store.transaction() as connection:
        known = media.rows(connection).known(parts.tenant, [each.name for each in orphans])
        going = [each for each in orphans if each.name not in known]
        about = {"objects": len(going), "bytes": sum(each.size for each in going)}
        fact = fact_of(caller, parts.clock.now(), _ACTION, "done", about)
        parts.audit(connection).append(fact)
    for each in going:
        media.objects.remove(each.name)


def _media_of(parts: VaultParts) -> MediaParts:
    if parts.media is None:
        raise MediaUnavailable("this vault keeps no recordings")
    return parts.media


def _rows(parts: VaultParts, media: MediaParts) -> Iterator[MediaRow]:
    after = ""
    while True:
        # One short transaction a page: a check of hours must not hold one view of the store.
        with parts.store.reading() as connection:
            page = media.rows(connection).page(parts.tenant, after, _PAGE)
        yield from page
        if len(page) < _PAGE:
            return
        after = page[-1].media


def _open(parts: VaultParts, media: MediaParts, row: MediaRow, *, whole: bool) -> None:
    key = parts.keys.dek_by_id(parts.tenant, row.key_id)
    described = open_description(row, key)
    with media.objects.open(row.object_name) as source:
        reader = MediaReader(
            key,
            media_context(row, described.record_kind),
            source,
            message_id=bytes.fromhex(described.message_id),
        )
        if reader.size != described.size:
            raise RecordMisplaced("the recording contradicts its description")
        if whole:
            deque(reader.range(), maxlen=0)
