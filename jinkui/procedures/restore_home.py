"""How does a backup become a hospital again, and how do we know that it is the right one?

Everything is made beside the final place and looked at whole before it appears there:
digests, signatures, every page of both files, the whole log against the checkpoint of
the backup (and against an anchor kept elsewhere, if one is named), and every data key.
What does not hold leaves nothing behind; a home that is there is never touched.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from jinkui.procedures.backup_manifest import (
    KEYS,
    RECORDS,
    BackupDamaged,
    Manifest,
    copy_checked,
    read_manifest,
    require_signed,
)
from jinkui.settings.engine_section import with_engine
from jinkui.settings.home import EMBEDDED, HomeExists, read_home
from jinkui.wiring.anchor import LogRolledBack
from jinkui.wiring.copies import data_keys_in_use
from jinkui.wiring.homes import open_files
from jinkui.wiring.moving import move_to_server
from jinkui.wiring.root_file import ROOT_FILE
from jinkui.wiring.schemas import upgrade
from jinkui.wiring.stores import require_free_server
from jinkui.wiring.toolkit import Toolkit
from secure_records.audit.entry import AuditFact
from secure_records.errors import KeyNotFound
from shared_kernel.errors import VerificationFailed
from shared_kernel.identifiers import Entropy
from shared_kernel.instants import Clock, instant_text

Tell = Callable[[str, int, int], None]
"""Told which part, how much of it is done, and of how much."""

OPERATOR: Final = "operator"
"""Whoever restores; nobody can be asked for an account before the register is there."""


_LATER: Final = (
    "restore a newer backup; if there is none, add --declare-rollback and let two people "
    "declare it (jinkui rollback)"
)


class KeysMissing(VerificationFailed):
    """Records lie under keys that are not in the backup of the keys."""

    code = "backup.keys_missing"
    default_hint = "take a backup of the keys that was made together with or after the records'"


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoreOrder:
    """What is to be restored, and where."""

    records: Path
    keys: Path
    home: Path
    passphrase_file: Path | None
    anchor: Path | None = None
    """Copy of the anchor that was kept elsewhere: the newest state anybody vouched for."""
    declare_rollback: bool = False
    """Restore although that anchor promises more; the home stays closed until it is declared."""
    engine: str = EMBEDDED
    dsn_file: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """What came back."""

    records: int
    entries: int
    """In the log, the one about this restoration included."""
    keys: int
    """Data keys that were opened."""
    made_at: datetime
    rolled_back: bool
    """The anchor promises more: closed until two people have declared it."""
    recovery_point: datetime | None
    """Instant of the newest entry that came back: what happened later is not in here."""
    seconds: float
    """Recovery time, from the first byte read."""


def restore_home(
    order: RestoreOrder,
    clock: Clock,
    entropy: Entropy,
    *,
    tell: Tell,
    stopwatch: Callable[[], float],
) -> Restored:
    """Make a home from a backup of the records and one of the keys.

    Raises:
        HomeExists: there is something in that place.
        BackupNotFound, BackupMalformed, BackupDamaged: about the backup.
        KeysMissing: the backup of the keys is older than that of the records.
        LogRolledBack: the anchor that was named promises more than the backup holds.
        StoreTaken: the database holds records already.
    """
    began = stopwatch()
    _require_free(order)
    records, raw_records = read_manifest(order.records, RECORDS)
    keys, raw_keys = read_manifest(order.keys, KEYS)
    if records.institution != keys.institution:
        raise BackupDamaged("records and keys are of two institutions", where=order.keys.name)
    with ExitStack() as unfinished:
        staged = order.home.with_name(f"{order.home.name}.{entropy(4).hex()}.unfinished")
        staged.mkdir(mode=0o700, parents=True)
        unfinished.callback(shutil.rmtree, staged, ignore_errors=True)
        _lay_out(order, staged, records, keys, tell)
        files = open_files(staged, order.passphrase_file, clock, entropy, any_schema=True)
        with Toolkit(files, clock, entropy) as toolkit:
            for folder, raw in ((order.records, raw_records), (order.keys, raw_keys)):
                require_signed(folder, raw, toolkit.log_keys(), toolkit.verifier)
            toolkit.check_store()
            toolkit.check_keys()
            with toolkit.transaction() as unit:
                upgrade(unit.connection, toolkit.tenant)
            # Keys before the log: without them its commitments cannot be looked at either,
            # and the refusal should name what is missing.
            opened = _require_keys(toolkit, tell)
            lost = _require_log(toolkit, records, order)
            _note_restoration(toolkit, records)
            if lost is None:
                toolkit.seal_log()
            with toolkit.reading() as unit:
                entries = unit.log.size()
        if order.engine != EMBEDDED:
            move_to_server(
                staged, order.passphrase_file, clock, entropy, order.dsn_file,
                lambda done, every: tell("server", done, every),
            )  # fmt: skip
        staged.rename(order.home)
    return Restored(
        records=records.records,
        entries=entries,
        keys=opened,
        rolled_back=lost is not None,
        made_at=records.made_at,
        recovery_point=records.recovery_point,
        seconds=stopwatch() - began,
    )


def _require_free(order: RestoreOrder) -> None:
    place = order.home
    if place.exists() and (not place.is_dir() or any(place.iterdir())):
        raise HomeExists(f"{place} is not empty", where=str(place))
    if order.engine != EMBEDDED:
        require_free_server(order.dsn_file)


def _lay_out(
    order: RestoreOrder, staged: Path, records: Manifest, keys: Manifest, tell: Tell
) -> None:
    """Every file in its place, compared with its digest on the way."""
    every, done = records.size + keys.size, 0

    def told(count: int) -> None:
        nonlocal done
        done += count
        tell("files", done, every)

    for name in ("keys", "anchor", "input", "out"):
        (staged / name).mkdir(mode=0o700)
    for file in records.files:
        (staged / file.name).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        copy_checked(file, order.records / file.name, staged / file.name, told)
    for file in keys.files:
        copy_checked(file, order.keys / file.name, staged / "keys" / file.name, told)
    settings = staged / "home.toml"
    text = settings.read_text(encoding="utf-8", errors="strict")
    settings.write_text(with_engine(text, EMBEDDED, None), encoding="utf-8")
    home = read_home(staged)
    if home.institution != records.institution or not (staged / "keys" / ROOT_FILE).is_file():
        raise BackupDamaged("the settings are another institution's", where="home.toml")


def _require_log(toolkit: Toolkit, manifest: Manifest, order: RestoreOrder) -> str | None:
    """The whole log, against the checkpoint of the backup and the anchor of elsewhere.

    Returns:
        The anchor that the log does not continue, if that is to be declared; else None.
    """
    lost = (
        None
        if order.anchor is None
        else _lost(toolkit, order.anchor, declare=order.declare_rollback)
    )
    toolkit.anchor.write(manifest.checkpoint)
    verdict = toolkit.verify_log()
    if not verdict.ok:
        first = next(check.detail for check in verdict.checks if not check.ok)
        raise BackupDamaged(f"the log does not verify: {first}", where="audit")
    if lost is not None:
        toolkit.anchor.write(lost)
    return lost


def _lost(toolkit: Toolkit, file: Path, *, declare: bool) -> str | None:
    anchor = toolkit.anchor_in(file)
    note = anchor.read()
    if note is None:
        raise BackupDamaged("there is no anchor in that file", where=file.name)
    try:
        with toolkit.reading() as unit:
            anchor.require_continued(unit.audit_store)
    except LogRolledBack as fault:
        if declare:
            return note
        fault.hint = _LATER
        raise
    return None


def _require_keys(toolkit: Toolkit, tell: Tell) -> int:
    """Open every data key that a record lies under; how many there are."""
    with toolkit.reading() as unit:
        wanted = list(data_keys_in_use(unit.connection, toolkit.tenant))
    missing = 0
    for done, key_id in enumerate(wanted, start=1):
        try:
            toolkit.keys.dek_by_id(toolkit.tenant, key_id)
        except KeyNotFound:
            missing += 1
        tell("data keys", done, len(wanted))
    if missing:
        raise KeysMissing(f"{missing} of {len(wanted)} data keys are not there", where=KEYS)
    return len(wanted)


def _note_restoration(toolkit: Toolkit, manifest: Manifest) -> None:
    with toolkit.transaction() as unit:
        unit.log.append(
            AuditFact(
                at=toolkit.clock.now(),
                actor=OPERATOR,
                action="store.restored",
                decision="permit",
                outcome="restored",
                details={
                    "backup": instant_text(manifest.made_at),
                    "entries": manifest.entries,
                },
            )
        )
