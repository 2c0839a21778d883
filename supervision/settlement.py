"""What does an outcome mean for the message, and what proves it?

Pure: from the entry, the attempt and what the transport brought back to the
moved entry, the completed attempt and, for every complete reply, a receipt. A
success that the platform did not sign where it should have is *unknown*.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from shared_kernel.digests import HashFunction
from shared_kernel.signatures import SignatureVerifier, Signer
from supervision.errors import PlatformReceiptInvalid
from supervision.options import DeliveryOptions
from supervision.outbox.entry import Attempt, OutboxEntry
from supervision.outbox.pacing import next_attempt_at
from supervision.outbox.states import State
from supervision.profiles.acceptance import Environment
from supervision.profiles.document import Profile
from supervision.profiles.reply import ReplyClass, read_reply, reply_json
from supervision.receipts.platform import read_platform_receipt
from supervision.receipts.receipt import (
    ReceiptContext,
    StoredReceipt,
    receipt_document,
    sign_receipt,
)
from supervision.receipts.verification import expected_receipt
from supervision.transport.exchange import Reply

NOT_SENT: Final = "not_sent"
REPLY_LOST: Final = "reply_lost"
UNSIGNED: Final = "unsigned_success"
_ENDS: Final = {
    ReplyClass.OK: State.ACCEPTED,
    ReplyClass.DATA_ERROR: State.DATA_ERROR,
    ReplyClass.CREDENTIAL_ERROR: State.CREDENTIAL_ERROR,
    ReplyClass.UNKNOWN: State.UNKNOWN,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SettlementTools:
    """What settling uses besides the outcome."""

    institution: str
    profile: Profile
    environment: Environment
    options: DeliveryOptions
    signer: Signer
    verifier: SignatureVerifier
    sm3: HashFunction


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """What to write."""

    steps: tuple[OutboxEntry, ...]
    """The entry after each move, in order."""

    attempt: Attempt
    receipt: StoredReceipt | None
    number: str | None
    """The platform's own receipt number."""


def settle_reply(
    entry: OutboxEntry, attempt: Attempt, reply: Reply, at: datetime, tools: SettlementTools
) -> Settlement:
    """Settle an attempt that was answered."""
    reading = read_reply(tools.profile, reply)
    outcome, number = reading.meaning.value, None
    if reading.meaning is ReplyClass.OK and tools.profile.signed_receipts:
        outcome, number = _platform_word(entry, attempt, reply, tools)
    done = replace(attempt, outcome=outcome, reply=reply, replied_at=at)
    context = ReceiptContext(
        institution=tools.institution,
        platform=tools.environment.platform,
        profile_id=tools.profile.id,
        number=number,
    )
    document = receipt_document(entry, done, context, tools.sm3)
    if outcome == ReplyClass.RETRY:
        steps = _again(entry, at, tools.options, reading.summary(), unsure=False)
    else:
        end = State.UNKNOWN if outcome == UNSIGNED else _ENDS[reading.meaning]
        steps = (entry.moved(end, at, note=reading.summary()),)
        steps += _released(steps[0], at, tools)
    return Settlement(
        steps=steps,
        attempt=done,
        receipt=sign_receipt(document, entry, done, tools.signer, tools.sm3),
        number=number,
    )


def settle_silence(
    entry: OutboxEntry, attempt: Attempt, at: datetime, tools: SettlementTools, *, sent: bool
) -> Settlement:
    """Settle an attempt without a complete reply; ``sent``: it may have arrived."""
    done = replace(attempt, outcome=REPLY_LOST if sent else NOT_SENT)
    if sent:
        steps: tuple[OutboxEntry, ...] = (entry.moved(State.UNKNOWN, at, note=REPLY_LOST),)
        steps += _released(steps[0], at, tools)
    else:
        steps = _again(entry, at, tools.options, NOT_SENT, unsure=False)
    return Settlement(steps=steps, attempt=done, receipt=None, number=None)


def _platform_word(
    entry: OutboxEntry, attempt: Attempt, reply: Reply, tools: SettlementTools
) -> tuple[str, str | None]:
    key = tools.environment.platform_key
    if key is None:
        return UNSIGNED, None
    try:
        receipt = read_platform_receipt(
            reply_json(reply),
            key,
            tools.verifier,
            expected_receipt(
                entry, attempt, tools.institution, tools.environment.platform, tools.sm3
            ),
        )
    except PlatformReceiptInvalid:
        # Anyone between us and the platform can say 200; only its key can say "accepted".
        return UNSIGNED, None
    return ReplyClass.OK.value, receipt.number


def _again(
    entry: OutboxEntry, at: datetime, options: DeliveryOptions, note: str, *, unsure: bool
) -> tuple[OutboxEntry, ...]:
    next_at = next_attempt_at(options.backoff, entry.attempts, at)
    if next_at is None:
        return () if unsure else (entry.moved(State.DEAD, at, note=note),)
    return (entry.moved(State.QUEUED, at, next_at=next_at, note=note),)


def _released(entry: OutboxEntry, at: datetime, tools: SettlementTools) -> tuple[OutboxEntry, ...]:
    """An unknown outcome is tried again only where the platform recognises the message id."""
    if entry.state is not State.UNKNOWN or not tools.profile.deduplicates:
        return ()
    return _again(entry, at, tools.options, entry.note or "", unsure=True)
