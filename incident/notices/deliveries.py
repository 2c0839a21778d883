"""Who is told, through whom, by which channel, and did it arrive?

A batch names persons only by their subject reference. The list itself stays in the
encrypted store; the case and the log keep its digest and counts.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from incident.errors import MalformedCaseInput
from shared_kernel.canonical_json import Json, canonical_bytes
from shared_kernel.digests import Digest, sha256
from shared_kernel.instants import instant_text


class DeliveryChannel(StrEnum):
    """How a person is told."""

    SMS = "sms"
    PHONE = "phone"
    APP = "app"
    MAIL = "mail"
    LETTER = "letter"


class DeliveryState(StrEnum):
    """Did it arrive?"""

    PENDING = "pending"
    SENT = "sent"
    DELIVERED = "delivered"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One person's notice."""

    subject: str
    channel: DeliveryChannel
    to_guardian: bool
    """A minor's notice goes to the guardian."""
    state: DeliveryState
    at: datetime
    """Of the last change of state."""

    def as_json(self) -> dict[str, Json]:
        """For the digest of a batch."""
        return {
            "subject": self.subject,
            "channel": self.channel.value,
            "to_guardian": self.to_guardian,
            "state": self.state.value,
            "at": instant_text(self.at),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchSummary:
    """A batch in counts."""

    total: int
    delivered: int
    failed: int
    digest: Digest


def plan_batch(
    subjects: Iterable[str],
    *,
    minors: frozenset[str],
    channel: DeliveryChannel,
    at: datetime,
) -> tuple[Delivery, ...]:
    """One pending delivery for each distinct subject, to the guardian for a minor.

    Raises:
        MalformedCaseInput: nobody to tell.
    """
    planned = tuple(
        Delivery(
            subject=subject,
            channel=channel,
            to_guardian=subject in minors,
            state=DeliveryState.PENDING,
            at=at,
        )
        for subject in sorted(set(subjects))
    )
    if not planned:
        raise MalformedCaseInput("the batch names nobody", where="subjects")
    return planned


def summarise(deliveries: tuple[Delivery, ...]) -> BatchSummary:
    """Counts and digest of a batch; the order of the list does not matter.

    Raises:
        MalformedCaseInput: a subject stands twice.
    """
    ordered = sorted(deliveries, key=lambda item: item.subject)
    if len({item.subject for item in ordered}) != len(ordered):
        raise MalformedCaseInput("a subject stands twice in the batch", where="subjects")
    return BatchSummary(
        total=len(ordered),
        delivered=sum(1 for item in ordered if item.state is DeliveryState.DELIVERED),
        failed=sum(1 for item in ordered if item.state is DeliveryState.FAILED),
        digest=sha256(canonical_bytes([item.as_json() for item in ordered])),
    )
