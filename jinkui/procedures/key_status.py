"""How old are the keys of this home, and what is due?

How long a key may serve (its crypto-period) is the hospital's own choice in
``[keys]`` of the settings. No law is read here; 0 means that nothing falls due.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from jinkui.wiring.key_room import RootState
from jinkui.wiring.toolkit import Toolkit
from secure_records.keys.models import KeyKind, KindAge, Rotation, RotationKind
from shared_kernel.canonical_json import Json

PERIODS: Final[Mapping[str, str]] = {
    "tenant": "tenant_days",
    "root": "root_days",
    "passphrase": "passphrase_days",
}
"""What can fall due, and the setting of ``[keys]`` that says when."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """Until when something serves."""

    what: str
    since: datetime
    due_at: datetime | None
    """None: the hospital set no term."""

    due: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyStatus:
    """Everything about the keys that is no secret."""

    suite: str
    root: RootState
    ages: tuple[KindAge, ...]
    minimum: Mapping[KeyKind, int]
    rotation: Rotation | None
    rows_left: int
    """Rows that the unfinished rotation has still to rewrap."""

    shares: Mapping[str, Json] | None
    """Note of the recovery shares made last; None: none were."""

    terms: tuple[Term, ...]
    at: datetime

    @property
    def shares_stale(self) -> bool:
        """Are the shares of a root that was left behind?"""
        return self.shares is not None and self.shares.get("generation") != self.root.generation


def key_status(toolkit: Toolkit) -> KeyStatus:
    """Look at every key; opens none."""
    room, at = toolkit.key_room, toolkit.clock.now()
    root = room.root_state()
    ages = (*room.ages(""), *room.ages(toolkit.tenant))
    rotation = room.unfinished()
    moving = rotation is not None and rotation.kind is RotationKind.TENANT
    return KeyStatus(
        suite=toolkit.home.suite,
        root=root,
        ages=ages,
        minimum=room.minimum(toolkit.tenant),
        rotation=rotation,
        rows_left=room.rows_below(toolkit.tenant, rotation.new) if moving and rotation else 0,
        shares=room.shares_note(),
        terms=tuple(_terms(toolkit, root, ages, at)),
        at=at,
    )


def _terms(
    toolkit: Toolkit, root: RootState, ages: tuple[KindAge, ...], at: datetime
) -> list[Term]:
    # The newest tenant key wraps what is made now; an older one is being left anyway.
    tenant = next((age.newest for age in ages if age.kind is KeyKind.TENANT), root.since)
    since = {"tenant": tenant, "root": root.since, "passphrase": root.sealed_at}
    terms = []
    for what, setting in PERIODS.items():
        days = toolkit.home.number("keys", setting)
        due_at = since[what] + timedelta(days=days) if days else None
        terms.append(
            Term(
                what=what,
                since=since[what],
                due_at=due_at,
                due=due_at is not None and at >= due_at,
            )
        )
    return terms
