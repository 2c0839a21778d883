"""How are the affected persons told, guardians of minors in their place?

The persons come from the last scope of the case, replayed anew; the list stays in the
encrypted store, the case and the log keep counts and a digest.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from incident.notices.deliveries import DeliveryChannel, DeliveryState, plan_batch
from incident.reports.filing import HandProof
from incident.scoping.breach_scope import scope
from jinkui.wiring.incidents import incident_room, last_query
from jinkui.wiring.toolkit import Toolkit


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeRound:
    """One round of notices in counts."""

    batch_id: str | None
    """None: a dry run."""
    persons: int
    to_guardians: int


def notify_individuals(
    toolkit: Toolkit,
    case: str,
    draft: str,
    actor: str,
    channel: DeliveryChannel,
    *,
    dry_run: bool = False,
) -> NoticeRound:
    """Hand a released notice to a channel for everybody whose data was reached.

    The state is *sent*, not *delivered*: what the channel reports back is entered later.

    Raises:
        NoScopeYet: nobody has scoped the case.
        FilingRefused: the notice is not released, or was filed before.
    """
    with incident_room(toolkit) as room:
        window = toolkit.evidence(room.unit, room.note).window(last_query(room, case))
        subjects = scope(window).subject_refs
        now = toolkit.clock.now()
        planned = plan_batch(subjects, minors=window.minors, channel=channel, at=now)
        guardians = sum(item.to_guardian for item in planned)
        if dry_run:
            return NoticeRound(batch_id=None, persons=len(planned), to_guardians=guardians)
        sent = tuple(replace(item, state=DeliveryState.SENT) for item in planned)
        batch = room.desk.notify(case, draft, actor=actor, deliveries=sent)
        letter = room.desk.case(case).draft(draft)
        room.desk.file(
            case,
            draft,
            actor=actor,
            by=HandProof(
                name=batch,
                digest=str(letter.digest()),
                channel=channel.value,
                submitted_at=toolkit.clock.now(),
            ),
        )
    return NoticeRound(batch_id=batch, persons=len(sent), to_guardians=guardians)
