"""Was it handed in, how can that be proven, and did they confirm it?

A filing binds the digest of one released draft. Evidence of submission stops the
clock: the answer of a platform, or a proof (a file with digest and name) of a filing
by hand. A receipt that comes later confirms; it moves nothing. A rejection is not
evidence: the clock keeps running.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from incident.errors import FilingRefused, FilingRejected, MalformedCaseInput
from incident.reports.draft import Draft, Stage
from incident.reports.release import Release
from incident.workflow.events import Payload
from shared_kernel.canonical_json import Json
from shared_kernel.digests import parse_digest
from shared_kernel.instants import in_utc, instant_text


class ReceiptState(StrEnum):
    """What the other side says."""

    RECEIVED = "received"
    ACCEPTED = "accepted"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """The other side's answer."""

    reference: str
    """Their number for it."""
    state: ReceiptState
    received_at: datetime
    digest: str | None
    """The digest they say they received, where they say it."""

    def as_json(self) -> dict[str, Json]:
        """As kept in the case."""
        return {
            "reference": self.reference,
            "state": self.state.value,
            "received_at": instant_text(self.received_at),
            "digest": self.digest,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class HandProof:
    """Evidence of a filing by hand: a scan, a photo, a call record."""

    name: str
    digest: str
    """Tagged digest of the file."""
    channel: str
    """How it was handed in, e.g. ``hotline`` or ``website``."""
    submitted_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Filing:
    """One released draft, handed in."""

    draft_id: str
    digest: str
    recipient: str
    stage: Stage
    channel: str
    submitted_at: datetime
    proof_name: str | None
    proof_digest: str | None
    receipt: Receipt | None
    confirmed: Receipt | None = None
    """A receipt that came later."""

    def as_json(self) -> dict[str, Json]:
        """As kept in the case."""
        return {
            "draft_id": self.draft_id,
            "digest": self.digest,
            "recipient": self.recipient,
            "stage": self.stage.value,
            "channel": self.channel,
            "submitted_at": instant_text(self.submitted_at),
            "proof_name": self.proof_name,
            "proof_digest": self.proof_digest,
            "receipt": None if self.receipt is None else self.receipt.as_json(),
        }


def require_released(draft: Draft, released: Release | None) -> None:
    """Return if and only if this exact text was released.

    Raises:
        FilingRefused: never released, or the released text was another.
    """
    if released is None:
        raise FilingRefused("the document is not released", where="draft_id")
    if released.digest != str(draft.digest()):
        raise FilingRefused("another text of this document was released", where="digest")


def filed_by_hand(draft: Draft, released: Release | None, proof: HandProof, at: datetime) -> Filing:
    """The filing that a proof evidences.

    Raises:
        FilingRefused: not released, or submitted before release or in the future.
    """
    require_released(draft, released)
    parse_digest(proof.digest, "proof")
    submitted_at = in_utc(proof.submitted_at, "submitted_at")
    if submitted_at > in_utc(at, "at"):
        raise FilingRefused("it cannot have been submitted in the future", where="submitted_at")
    if released is not None and submitted_at < released.released_at:
        raise FilingRefused("it was submitted before its release", where="submitted_at")
    return Filing(
        draft_id=draft.draft_id,
        digest=str(draft.digest()),
        recipient=draft.recipient,
        stage=draft.stage,
        channel=proof.channel,
        submitted_at=submitted_at,
        proof_name=proof.name,
        proof_digest=proof.digest,
        receipt=None,
    )


def filed_by_platform(draft: Draft, channel: str, receipt: Receipt, at: datetime) -> Filing:
    """The filing that a platform's answer evidences.

    Raises:
        FilingRejected: the platform refused it, or confirms another digest.
    """
    if receipt.state is ReceiptState.REJECTED:
        raise FilingRejected(f"{channel} rejected the report", where="receipt")
    if receipt.digest is not None and receipt.digest != str(draft.digest()):
        raise FilingRejected(f"{channel} confirms another document", where="receipt")
    return Filing(
        draft_id=draft.draft_id,
        digest=str(draft.digest()),
        recipient=draft.recipient,
        stage=draft.stage,
        channel=channel,
        submitted_at=in_utc(at, "at"),
        proof_name=None,
        proof_digest=None,
        receipt=receipt,
    )


def read_receipt(payload: Payload) -> Receipt:
    """A receipt from its JSON."""
    state = payload.text("state")
    if state not in tuple(ReceiptState):
        raise MalformedCaseInput(f"receipt state {state!r} is not known", where="state")
    return Receipt(
        reference=payload.text("reference"),
        state=ReceiptState(state),
        received_at=payload.instant("received_at"),
        digest=payload.text_or_none("digest"),
    )


def read_filing(payload: Payload) -> Filing:
    """A filing from its JSON."""
    stage = payload.text("stage")
    if stage not in tuple(Stage):
        raise MalformedCaseInput(f"stage {stage!r} is not known", where="stage")
    proof_digest = payload.text_or_none("proof_digest")
    receipt = None if payload.raw("receipt") is None else read_receipt(payload.child("receipt"))
    if proof_digest is None and receipt is None:
        raise MalformedCaseInput("a filing needs a proof or a platform's answer", where="proof")
    return Filing(
        draft_id=payload.text("draft_id"),
        digest=payload.text("digest"),
        recipient=payload.text("recipient"),
        stage=Stage(stage),
        channel=payload.text("channel"),
        submitted_at=payload.instant("submitted_at"),
        proof_name=payload.text_or_none("proof_name"),
        proof_digest=proof_digest,
        receipt=receipt,
    )
