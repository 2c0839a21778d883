"""Are the two who release a report really two persons, and neither of them its drafter?

Accounts are not persons: one person may hold several. The register says whose each
account is; an account without a person signs nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

from incident.reports.release import Approval, Release
from jinkui.wiring.incidents import IncidentRoom, incident_room
from jinkui.wiring.toolkit import Toolkit
from shared_kernel.errors import Refused


class SamePerson(Refused):
    """The account belongs to nobody, to the drafter, or to one who has signed already."""

    code = "release.same_person"
    default_hint = "another person, with an account of their own, signs"


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """What became of one signature."""

    approval: Approval
    approvers: tuple[str, ...]
    """Accounts that have signed the draft."""
    release: Release | None
    """None: another person must sign."""


def sign_release(
    toolkit: Toolkit, case: str, draft: str, actor: str, emergency: str | None = None
) -> Signed:
    """Sign a draft as ``actor``; the second person's signature releases it.

    Raises:
        SamePerson: not a second pair of eyes.
        ReleaseRefused: an emergency that is none, or approvals that no longer count.
    """
    signer = toolkit.personal_signer(actor)
    with incident_room(toolkit) as room:
        _require_other_person(room, case, draft, actor)
        approval = room.desk.approve(case, draft, actor=actor, signer=signer)
        standing = room.desk.case(case).approvals_of(draft)
        released = None
        if len(standing) > 1 or emergency:
            released = room.desk.release(case, draft, actor=actor, emergency=emergency)
    approvers = tuple(item.approver for item in standing)
    return Signed(approval=approval, approvers=approvers, release=released)


def _require_other_person(room: IncidentRoom, case: str, draft: str, actor: str) -> None:
    current = room.desk.case(case)
    others = {current.draft(draft).made_by}
    others |= {item.approver for item in current.approvals_of(draft)} - {actor}
    mine = _person(room, actor)
    if mine is None:
        raise SamePerson(f"the account {actor} belongs to no person", where=actor)
    if mine in {_person(room, account) for account in others}:
        raise SamePerson(
            f"the person behind {actor} drafted this report or has signed it", where=actor
        )


def _person(room: IncidentRoom, account: str) -> str | None:
    found = room.unit.registry.actor(room.unit.tenant, account)
    return None if found is None else found.person
