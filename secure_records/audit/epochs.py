"""What does a log call itself once it had to begin anew from an older state?

A log that lost its tail cannot go on under its name: somebody outside holds a signed
head that it no longer continues, and two heads under one name are what a forger makes.
So it goes on under a new name, an epoch, and says so in a note that binds the head given
up, the state kept and the new name, signed under both names and by two persons.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from secure_records.audit.checkpoint import Checkpoint, checkpoint_text
from secure_records.audit.errors import NoteMalformed, NoteRefused
from secure_records.audit.note import (
    NoteKey,
    SignedNote,
    add_signatures,
    parse_note,
    sign_note,
    verify_note,
)
from shared_kernel.instants import instant_text, parse_instant
from shared_kernel.signatures import SignatureVerifier, Signer

TYPE: Final = "jinkui-log-epoch/1"
PERSONS: Final = 2
"""How many people give up a head together."""

_MARK: Final = "/epoch-"
_NUMBERED: Final = re.compile(r"(?P<first>.+)/epoch-(?P<number>[1-9][0-9]{0,5})\Z")
_CASE: Final = re.compile(r"[a-z]{3}_[0-9a-z]{26}\Z")
_LINES: Final = 10
_PERSON: Final = "person/"


@dataclass(frozen=True, slots=True, kw_only=True)
class EpochStart:
    """Where one epoch of a log ends and the next begins."""

    origin: str
    """Of the new epoch."""
    abandoned: Checkpoint
    """The head that somebody outside holds and that is continued no more."""
    kept: Checkpoint
    """The state that the new epoch continues."""
    case: str
    """The incident that was opened about it."""
    at: datetime

    def text(self) -> str:
        """The text to sign."""
        lines = [TYPE, self.origin, *_head(self.abandoned), *_head(self.kept), self.case]
        return "\n".join([*lines, instant_text(self.at)]) + "\n"


def epoch_number(origin: str) -> int:
    """1 for a log that never began anew."""
    found = _NUMBERED.match(origin)
    return 1 if found is None else int(found["number"])


def first_origin(origin: str) -> str:
    """The name that the log was given when it was made."""
    found = _NUMBERED.match(origin)
    return origin if found is None else found["first"]


def origins_until(origin: str) -> tuple[str, ...]:
    """Every name that this log has had, its present one last."""
    first = first_origin(origin)
    later = (f"{first}{_MARK}{number}" for number in range(2, epoch_number(origin) + 1))
    return (first, *later)


def next_origin(*origins: str) -> str:
    """The name of the epoch after the newest of these.

    Raises:
        NoteMalformed: they are not of one log.
    """
    first = {first_origin(origin) for origin in origins}
    if len(first) != 1:
        raise NoteMalformed("these are names of several logs")
    return f"{first.pop()}{_MARK}{max(map(epoch_number, origins)) + 1}"


def person_name(account: str) -> str:
    """Under which name a person signs in a note."""
    return f"{_PERSON}{account}"


def sign_epoch(
    start: EpochStart, log: Sequence[Signer], persons: Sequence[tuple[str, Signer]]
) -> str:
    """The whole note: the log's keys under every name involved, then each person's.

    Args:
        start: What is declared.
        log: The log's signers.
        persons: Account and personal signer of each.
    """
    note = sign_note(start.text(), start.origin, log)
    for origin in dict.fromkeys((start.abandoned.origin, start.kept.origin)):
        note = add_signatures(note, origin, log)
    for account, signer in persons:
        note = add_signatures(note, person_name(account), [signer])
    return note


def verify_epoch(
    note: str,
    log: Sequence[NoteKey],
    persons: Sequence[NoteKey],
    verifier: SignatureVerifier,
) -> EpochStart:
    """The declaration, if and only if both names of the log and two persons vouch for it.

    Args:
        note: As it stands in the entry and beside the anchor.
        log: Keys of the log; their names do not matter, they are tried under each origin.
        persons: Personal keys, named by ``person_name``.
        verifier: Checks signatures.

    Raises:
        NoteMalformed: it is no such declaration.
        NoteRefused: a signature is false or missing.
    """
    start = parse_epoch(parse_note(note).text)
    for origin in (start.origin, start.abandoned.origin, start.kept.origin):
        keys = [NoteKey(name=origin, public_key=key.public_key) for key in log]
        verify_note(note, keys, verifier, need=len({key.public_key for key in log}))
    signed: SignedNote = verify_note(note, persons, verifier, need=PERSONS)
    who = {key.name for key in persons if signed.signed_by(key)}
    if len(who) < PERSONS:
        raise NoteRefused("two different persons declare a new epoch")
    return start


def parse_epoch(text: str) -> EpochStart:
    """Read the text of a declaration, believing nothing yet.

    Raises:
        NoteMalformed: any deviation.
    """
    lines = text.removesuffix("\n").split("\n")
    if len(lines) != _LINES or lines[0] != TYPE or _CASE.match(lines[8]) is None:
        raise NoteMalformed("this is no declaration of a new epoch")
    try:
        start = EpochStart(
            origin=lines[1],
            abandoned=_checkpoint(lines[2:5]),
            kept=_checkpoint(lines[5:8]),
            case=lines[8],
            at=parse_instant(lines[9], "at"),
        )
    except ValueError as error:
        raise NoteMalformed("this is no declaration of a new epoch") from error
    if start.text() != text or start.origin != next_origin(
        start.abandoned.origin, start.kept.origin
    ):
        raise NoteMalformed("the declaration of an epoch is not in canonical form")
    return start


def _head(checkpoint: Checkpoint) -> list[str]:
    text = checkpoint_text(checkpoint.origin, checkpoint.size, checkpoint.root)
    return text.removesuffix("\n").split("\n")


def _checkpoint(lines: Sequence[str]) -> Checkpoint:
    origin, size, root = lines
    return Checkpoint(origin=origin, size=int(size), root=base64.b64decode(root, validate=True))
