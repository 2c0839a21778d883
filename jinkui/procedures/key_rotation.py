"""Who may replace keys, and what stands in the log before and after?

Each act is noted before it begins and again when it has ended or failed. A rotation
that was stopped goes on under a new entry that says so.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from jinkui.bridges.witnessed_minimum import RAISED
from jinkui.wiring.key_room import RootState, RotationOutcome, Told
from jinkui.wiring.root_file import Credentials
from jinkui.wiring.toolkit import Toolkit
from secure_records.audit.entry import AuditDecision, AuditFact
from secure_records.errors import RotationUnfinished
from secure_records.keys.models import KeyKind, RotationKind
from secure_records.models import Caller
from shared_kernel.canonical_json import Json
from shared_kernel.errors import JinkuiError

ROTATE: Final = "keys.rotate"
PASSPHRASE: Final = "keys.passphrase"  # noqa: S105 - the name of an act


@dataclass(frozen=True, slots=True, kw_only=True)
class RotationPlan:
    """What a rotation would do now."""

    what: RotationKind
    old: int
    new: int
    rows: int
    """Rows that would be rewrapped."""

    resumed: bool
    """An unfinished rotation would be ended."""


def plan_rotation(toolkit: Toolkit, what: RotationKind) -> RotationPlan:
    """Look, and change nothing.

    Raises:
        RotationUnfinished: a rotation of the other kind has to be ended first.
    """
    room = toolkit.key_room
    held = room.unfinished()
    if held is not None and held.kind is not what:
        raise RotationUnfinished(f"a rotation of the {held.kind.value} has not ended")
    if what is RotationKind.TENANT:
        old = held.old if held else room.tenant_version(toolkit.tenant)
        new = old + 1
        rows = room.rows_below(toolkit.tenant, new)
    else:
        old = held.old if held else room.root_state().generation
        new = old + 1
        rows = room.rows_on_root(old)
    return RotationPlan(what=what, old=old, new=new, rows=rows, resumed=held is not None)


def rotate(toolkit: Toolkit, caller: Caller, what: RotationKind, told: Told) -> RotationOutcome:
    """Replace the tenant key or the root.

    Raises:
        RotationRunning, RotationUnfinished: another rotation comes first.
        WrappedKeyRefused: a key opens under nothing; the old parent stays.
    """
    plan = plan_rotation(toolkit, what)
    details: dict[str, Json] = {
        "what": what.value,
        "old": plan.old,
        "new": plan.new,
        "resumed": plan.resumed,
    }
    with noted(toolkit, caller, ROTATE, details):
        room = toolkit.key_room
        if what is RotationKind.TENANT:
            outcome = room.rotate_tenant(toolkit.tenant, caller.actor, told)
        else:
            outcome = room.rotate_root(caller.actor, told)
        details["rows"] = outcome.rows
    return outcome


def change_passphrase(toolkit: Toolkit, caller: Caller, wanted: Credentials) -> RootState:
    """Give the same root a new passphrase, or two.

    Raises:
        RotationUnfinished: a rotation of the root has to be ended first.
        RootDescriptorRefused: the new passphrase is too weak.
    """
    persons = 1 if wanted.second_passphrase_file is None else 2
    with noted(toolkit, caller, PASSPHRASE, {"persons": persons}):
        return toolkit.key_room.change_credentials(wanted)


def raise_minimum(toolkit: Toolkit, caller: Caller, kind: KeyKind, version: int) -> None:
    """Let no key below this version open anything any more.

    Raises:
        MinimumRefused: keys below it are in use, or it would sink.
    """
    # The entry that says "done" is the witness: it comes after the row, so that a crash
    # between them leaves a home that opens.
    with noted(toolkit, caller, RAISED, {"kind": kind.value, "version": version}, record=RAISED):
        toolkit.key_room.raise_minimum(toolkit.tenant, kind, version)


@contextmanager
def noted(
    toolkit: Toolkit,
    caller: Caller,
    action: str,
    details: Mapping[str, Json],
    record: str | None = None,
) -> Iterator[None]:
    """An entry before the act, and one after it, whichever way it ended."""

    def note(decision: AuditDecision, outcome: str | None = None) -> None:
        with toolkit.transaction() as unit:
            unit.log.append(
                AuditFact(
                    at=toolkit.clock.now(),
                    actor=caller.actor,
                    role=caller.role,
                    action=action,
                    decision=decision,
                    outcome=outcome,
                    record=record,
                    details=dict(details),
                )
            )

    note("permit")
    try:
        yield
    except JinkuiError as fault:
        note("failed", fault.code)
        raise
    note("done")
