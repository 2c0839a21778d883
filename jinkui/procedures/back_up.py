"""How is a hospital copied while it works, so that the copy alone is of no use to a thief?

Records and keys go into two folders, never into one: records without keys are sealed,
keys without records open nothing, and each may have its own term. The records are copied
first and the keys after them: keys commit before the records under them, so the later
copy of the keys holds every key that the earlier copy of the records needs.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from jinkui.procedures.backup_manifest import (
    KEYS,
    OBJECT,
    RECORDS,
    Manifest,
    describe,
    write_manifest,
)
from jinkui.wiring.key_room import SHARES_NOTE
from jinkui.wiring.root_file import NEXT_FILE, ROOT_FILE
from jinkui.wiring.supervision import SECRETS_FILE
from jinkui.wiring.toolkit import Toolkit
from secure_records.audit.entry import AuditFact
from secure_records.models import Caller
from shared_kernel.errors import Refused

Tell = Callable[[str, int, int], None]
"""Told which part, how much of it is done, and of how much."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_OBJECTS: Final = ("media", "evidence")
"""Folders of a home with sealed objects; a store of recordings elsewhere is not copied."""

_UNFINISHED: Final = ".unfinished"


class BackupPlaceRefused(Refused):
    """There is something in that place already, or records and keys would lie together."""

    code = "backup.place"
    default_hint = "name two new folders, on two media, neither inside the other nor in the home"


@dataclass(frozen=True, slots=True, kw_only=True)
class BackedUp:
    """What was copied."""

    manifest: Manifest
    """Of the records."""
    keys: Manifest | None
    seconds: float


def back_up(
    toolkit: Toolkit,
    caller: Caller,
    out: Path,
    keys_to: Path | None,
    *,
    tell: Tell,
    stopwatch: Callable[[], float],
) -> BackedUp:
    """Copy the records to ``out`` and, if a folder is named, the keys to ``keys_to``.

    Both folders are made by this and appear whole or not at all.

    Raises:
        BackupPlaceRefused: a folder is there already, or the two would lie together.
        RotationRunning: the keys are just being rotated; nothing is left behind.
    """
    began = stopwatch()
    _require_apart(toolkit.home.folder, out, keys_to)
    with toolkit.transaction() as unit:
        unit.log.append(
            AuditFact(
                at=toolkit.clock.now(),
                actor=caller.actor,
                role=caller.role,
                action="store.backup",
                decision="permit",
                outcome="made",
                details={"keys": keys_to is not None},
            )
        )
    checkpoint = toolkit.seal_log()
    with ExitStack() as unfinished:
        records_at = _begin(out, unfinished)
        keys_at = None if keys_to is None else _begin(keys_to, unfinished)
        manifest = _copy_records(toolkit, records_at, checkpoint, tell)
        keys = None
        if keys_at is not None:
            # File and descriptor are two files: between them no root may be replaced.
            with toolkit.key_room.standing_still():
                keys = _copy_keys(toolkit, keys_at, manifest, tell)
        # The keys first: records whose keys were not kept would be worth nothing.
        if keys_at is not None and keys_to is not None:
            keys_at.rename(keys_to)
        records_at.rename(out)
    return BackedUp(manifest=manifest, keys=keys, seconds=stopwatch() - began)


def _require_apart(home: Path, out: Path, keys_to: Path | None) -> None:
    places = [home, out] if keys_to is None else [home, out, keys_to]
    whole = [place.resolve() for place in places]
    for place in whole[1:]:
        if place.exists():
            raise BackupPlaceRefused(f"{place.name} exists already", where=place.name)
    for one in whole:
        for other in whole:
            if one is not other and (one == other or one in other.parents):
                raise BackupPlaceRefused(f"{other.name} would lie in {one.name}", where=other.name)


def _begin(place: Path, unfinished: ExitStack) -> Path:
    """A folder beside the final one; whatever goes wrong, it is gone afterwards."""
    place.parent.mkdir(parents=True, exist_ok=True)
    made = place.with_name(f"{place.name}{_UNFINISHED}")
    if made.exists():
        raise BackupPlaceRefused(f"{made.name} is left from a backup that broke off",
                                 where=made.name, hint="delete it and start again")  # fmt: skip
    made.mkdir(mode=0o700)
    unfinished.callback(shutil.rmtree, made, ignore_errors=True)
    return made


def _copy_records(toolkit: Toolkit, folder: Path, checkpoint: str, tell: Tell) -> Manifest:
    found = toolkit.copy_records(
        folder / "records.db", lambda done, every: tell(RECORDS, done, every)
    )
    shutil.copyfile(toolkit.home.folder / "home.toml", folder / "home.toml")
    # After the rows: an object is there before its row is, and never changes.
    objects = _copy_objects(toolkit.home.folder, folder, tell)
    point = found.last_at_us
    manifest = Manifest(
        part=RECORDS,
        institution=toolkit.tenant,
        suite=toolkit.home.suite,
        engine=toolkit.home.engine,
        made_at=toolkit.clock.now(),
        checkpoint=checkpoint,
        entries=found.entries,
        records=found.records,
        recovery_point=None if point is None else _EPOCH + timedelta(microseconds=point),
        files=describe(folder, ("records.db", "home.toml", *objects)),
    )
    _sign(toolkit, folder, manifest)
    return manifest


def _copy_objects(home: Path, folder: Path, tell: Tell) -> tuple[str, ...]:
    """Copy sealed recordings and proofs of filings; their names within the home, in order."""
    found = (path for name in _OBJECTS for path in (home / name).glob("*/*") if path.is_file())
    names = sorted(path.relative_to(home).as_posix() for path in found)
    kept = tuple(name for name in names if OBJECT.match(name) is not None)
    for done, name in enumerate(kept, start=1):
        (folder / name).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        shutil.copyfile(home / name, folder / name)
        (folder / name).chmod(0o600)
        tell("objects", done, len(kept))
    return kept


def _copy_keys(toolkit: Toolkit, folder: Path, records: Manifest, tell: Tell) -> Manifest:
    toolkit.copy_keys(folder / "keys.db", lambda done, every: tell(KEYS, done, every))
    names = ["keys.db"]
    for name in (ROOT_FILE, NEXT_FILE, SHARES_NOTE, SECRETS_FILE):
        source = toolkit.home.keys_folder / name
        if source.is_file():
            shutil.copyfile(source, folder / name)
            (folder / name).chmod(0o600)
            names.append(name)
    manifest = replace(records, part=KEYS, files=describe(folder, names))
    _sign(toolkit, folder, manifest)
    return manifest


def _sign(toolkit: Toolkit, folder: Path, manifest: Manifest) -> None:
    signers = toolkit.keys.log_signers(toolkit.tenant)
    write_manifest(folder, manifest, toolkit.home.origin, signers)
