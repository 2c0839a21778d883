"""What must happen before a hospital goes on from an older state than it once vouched for?

Two people say so with their personal signatures, an incident is opened, and the log goes
on as a new epoch whose beginning is signed under the old name and the new one. The head
that was given up is kept beside the anchor: what is lost stays visible for ever.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from jinkui.procedures.offices import suitable_role
from jinkui.settings.origin_line import with_origin
from jinkui.wiring.anchor import Anchor, LogRolledBack
from jinkui.wiring.incidents import desk_in
from jinkui.wiring.toolkit import Toolkit
from jinkui.wiring.unit import Unit
from secure_records.audit.checkpoint import (
    Checkpoint,
    checkpoint_text,
    parse_checkpoint,
    verify_checkpoint,
)
from secure_records.audit.entry import AuditFact
from secure_records.audit.epochs import (
    PERSONS,
    EpochStart,
    epoch_number,
    next_origin,
    parse_epoch,
    sign_epoch,
)
from secure_records.audit.note import NoteKey, parse_note, sign_note
from secure_records.audit.ports import StoredCheckpoint, TrailQuery
from secure_records.audit.trail import find_entries
from shared_kernel.errors import Refused, VerificationFailed
from shared_kernel.identifiers import Entropy

ACTION: Final = "log.epoch"
OFFICE: Final = "store.rollback"
SOURCE: Final = "rollback"


class NothingRolledBack(Refused):
    """The store continues its anchor: there is nothing to declare."""

    code = "rollback.none"
    default_hint = "run jinkui audit verify; a rollback is declared only of a store that has one"


class RollbackNotDeclared(Refused):
    """Two different people must declare it, each with an account of their own."""

    code = "rollback.two_persons"
    default_hint = "name two accounts of two people with --by"


class RollbackOfDamaged(VerificationFailed):
    """The log is not only older: it does not verify in itself."""

    code = "rollback.damaged"
    default_hint = "restore another backup; keep this store as evidence"


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """What was declared."""

    origin: str
    """Of the new epoch."""
    case: str
    abandoned: Checkpoint
    kept: Checkpoint
    note: str


def declare_rollback(
    toolkit: Toolkit, accounts: Sequence[str], reason: str, entropy: Entropy
) -> Declared:
    """Let the log begin a new epoch from the state that is there.

    Args:
        toolkit: An open home whose store does not continue its anchor.
        accounts: Of two different people who hold the office.
        reason: Summary of the incident, for people.
        entropy: Of the name of a file that is replaced.

    Raises:
        NothingRolledBack: the store continues its anchor, or there is none.
        RollbackNotDeclared: not two people.
        RollbackOfDamaged: the log does not verify in itself.
        NoteRefused, NoteMalformed: the anchor is none of ours.
    """
    begun = _begun(toolkit)
    if begun is not None:
        return begun.put_in_place(toolkit, entropy)
    abandoned, _ = rolled_back(toolkit)
    if not toolkit.verify_log_alone().ok:
        raise RollbackOfDamaged("the log that is there does not verify")
    home = toolkit.home
    signers = toolkit.keys.log_signers(toolkit.tenant)
    with toolkit.reading() as unit:
        _require_two_people(unit, accounts)
    # Only now: asking for a signer makes a key for whoever has none.
    persons = [(account, toolkit.personal_signer(account)) for account in accounts]
    with toolkit.transaction() as unit:
        kept = Checkpoint(origin=home.origin, size=unit.log.size(), root=unit.log.root())
        latest = unit.audit_store.latest_checkpoint()
        if latest is None:
            raise RollbackOfDamaged("the store was never signed")
        case = desk_in(toolkit, unit, latest.note).open(
            actor=accounts[0],
            summary=reason,
            source=SOURCE,
            reporter=accounts[0],
            operators=home.text("incident", "operators").split(),
        )
        start = EpochStart(
            origin=next_origin(abandoned.origin, kept.origin),
            abandoned=abandoned,
            kept=kept,
            case=case.case,
            at=toolkit.clock.now(),
        )
        note = sign_epoch(start, signers, persons)
        unit.log.append(
            AuditFact(
                at=start.at,
                actor=accounts[0],
                action=ACTION,
                decision="permit",
                outcome="begun",
                record=case.case,
                details={"with": accounts[1], "note": note},
            )
        )
        size, root = unit.log.size(), unit.log.root()
        head = sign_note(checkpoint_text(start.origin, size, root), start.origin, signers)
        unit.audit_store.save_checkpoint(StoredCheckpoint(size=size, note=head, at=start.at))
    return _Begun(start=start, note=note, head=head).put_in_place(toolkit, entropy)


def rolled_back(toolkit: Toolkit) -> tuple[Checkpoint, int]:
    """The head in the anchor that the store does not continue, and how many entries are there.

    Raises:
        NothingRolledBack: it continues it, or there is no anchor.
        NoteRefused, NoteMalformed: the anchor is none of ours.
    """
    note = toolkit.anchor.read()
    try:
        toolkit.require_anchored()
    except LogRolledBack:
        if note is not None:
            with toolkit.reading() as unit:
                return parse_checkpoint(note), unit.log.size()
    raise NothingRolledBack("the store continues its anchor, or there is no anchor")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Begun:
    """A new epoch that stands in the store, and what the files must say about it."""

    start: EpochStart
    note: str
    head: str
    """First checkpoint under the new name."""

    def put_in_place(self, toolkit: Toolkit, entropy: Entropy) -> Declared:
        """Write the files. The settings last: until then a second call finds this and ends it."""
        start, file = self.start, toolkit.home.anchor_file
        old = file.read_text(encoding="utf-8")
        if parse_checkpoint(old) == start.abandoned:
            _write(file.with_name(f"abandoned-{start.abandoned.size}"), old, entropy)
        number = epoch_number(start.origin)
        _write(file.with_name(f"epoch-{number}.note"), self.note, entropy)
        signers = toolkit.keys.log_signers(toolkit.tenant)
        keys = [NoteKey(name=start.origin, public_key=signer.public_key) for signer in signers]
        verify_checkpoint(self.head, keys, toolkit.verifier, need=len(keys))
        Anchor(file, keys, toolkit.verifier).write(self.head)
        settings = toolkit.home.folder / "home.toml"
        text = settings.read_text(encoding="utf-8")
        _write(settings, with_origin(text, start.origin), entropy)
        return Declared(
            origin=start.origin,
            case=start.case,
            abandoned=start.abandoned,
            kept=start.kept,
            note=self.note,
        )


def _begun(toolkit: Toolkit) -> _Begun | None:
    """The epoch that was begun in the store while the settings still have the old name."""
    with toolkit.reading() as unit:
        latest = unit.audit_store.latest_checkpoint()
        if latest is None:
            return None
        head = parse_checkpoint(latest.note)
        if epoch_number(head.origin) <= epoch_number(toolkit.home.origin):
            return None
        query = TrailQuery(action=ACTION, limit=1, newest_first=True)
        for entry in find_entries(unit.audit_store, query).entries:
            details = entry.content.get("details")
            note = details.get("note") if isinstance(details, Mapping) else None
            if isinstance(note, str):
                start = parse_epoch(parse_note(note).text)
                if start.origin == head.origin:
                    return _Begun(start=start, note=note, head=latest.note)
    return None


def _require_two_people(unit: Unit, accounts: Sequence[str]) -> None:
    found = [unit.registry.actor(unit.tenant, account) for account in accounts]
    holders = [actor for actor in found if actor is not None and actor.partner is None]
    if not len(found) == len(holders) == PERSONS:
        raise RollbackNotDeclared("two accounts of this institution are needed", where="--by")
    if not all(suitable_role(OFFICE, actor.roles) for actor in holders):
        raise RollbackNotDeclared("an account does not hold the office", where=OFFICE)
    if len({actor.person for actor in holders if actor.person}) != PERSONS:
        raise RollbackNotDeclared("the accounts do not belong to two people", where="--by")


def _write(path: Path, text: str, entropy: Entropy) -> None:
    beside = path.with_name(f"{path.name}.{entropy(4).hex()}.new")
    with beside.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
