"""How does a report reach the supervision platform exactly once, with proof?

``SupervisionDesk`` is the front door. ``submit`` freezes a message in the
caller's transaction. ``deliver_due`` claims one message at a time: the claim
and the exact request are on disk before a byte leaves, the outcome and its
receipt after; every step is a journal entry of the same transaction. A crash
in between leaves *sending*, which becomes *unknown*, never a second copy.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from shared_kernel.canonical_json import Json
from shared_kernel.digests import HashFunction
from shared_kernel.identifiers import Entropy
from shared_kernel.instants import Clock
from shared_kernel.signatures import SignatureVerifier, Signer
from supervision.claiming import first_ready
from supervision.errors import (
    ClaimLost,
    PipelineFailed,
    PlatformUnreachable,
    ProfileRefused,
    ReplyLost,
    SecretMissing,
    TransportRefused,
)
from supervision.messages.message import Attachment, Provenance
from supervision.options import DeliveryOptions
from supervision.outbox.entry import Attempt, OutboxEntry
from supervision.outbox.states import State
from supervision.packing import PackingTools, pack
from supervision.ports import Ledger, Ledgers, SecretSource, Transport
from supervision.profiles.acceptance import Environment, require_usable
from supervision.profiles.document import Profile
from supervision.proofs import verify_message
from supervision.receipts.listing import ReceiptLine, list_receipts
from supervision.receipts.verification import Witnesses
from supervision.settlement import Settlement, SettlementTools, settle_reply, settle_silence
from supervision.submission import Report, SubmissionRules, prepare_submission

ACTOR: Final = "supervision-desk"
_ABANDONED: Final = "claim_abandoned"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryOutcome:
    """What one attempt came to."""

    message_id: str
    resource: str
    state: State
    note: str | None
    receipt: str | None
    """Digest of the receipt, if there was a complete reply."""

    platform_number: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskParts:
    """What wiring hands to the desk."""

    institution: str
    """Unified social credit code; the tenant of the store."""

    ledgers: Ledgers
    transport: Transport
    profile: Profile
    environment: Environment
    secrets: SecretSource
    signer: Signer
    """The institution's SM2 key: signs content and receipts."""

    verifier: SignatureVerifier
    clock: Clock
    entropy: Entropy
    sm3: HashFunction
    options: DeliveryOptions


class SupervisionDesk:
    """One institution's desk for one platform profile.

    Raises:
        ProfileRefused: at construction, if the profile may not be used in the environment.
    """

    def __init__(self, parts: DeskParts) -> None:
        require_usable(parts.profile, parts.environment)
        self._parts = parts
        self._profile = parts.profile
        self._packing = PackingTools(
            institution=parts.institution,
            profile=parts.profile,
            environment=parts.environment,
            secrets=parts.secrets,
            signer=parts.signer,
            entropy=parts.entropy,
            sm3=parts.sm3,
        )
        self._settling = SettlementTools(
            institution=parts.institution,
            profile=parts.profile,
            environment=parts.environment,
            options=parts.options,
            signer=parts.signer,
            verifier=parts.verifier,
            sm3=parts.sm3,
        )

    def submit(
        self,
        resource: str,
        body: Mapping[str, Json],
        attachments: tuple[Attachment, ...] = (),
        *,
        provenance: Provenance,
        corrects: str | None = None,
        within: Ledger | None = None,
    ) -> str:
        """Freeze a report in the outbox and return its message id.

        Args:
            resource: Canonical resource, e.g. ``mlps_evaluation``.
            body: Its fields.
            attachments: Files that the body names.
            provenance: Where the facts come from; ``operator`` is the actor in the journal.
            corrects: The message that this one corrects.
            within: The caller's open transaction; one of its own if not given.

        Raises:
            UnknownResource, BodyInvalid, AttachmentRefused, RevisionNeeded, ProfileRefused:
                see ``supervision.submission``; nothing was stored.
        """
        self._profile.mapping(resource)  # refused now rather than at midnight
        now = self._parts.clock.now()
        report = Report(
            resource=resource,
            body=body,
            attachments=attachments,
            provenance=provenance,
            corrects=corrects,
        )
        rules = SubmissionRules(
            institution=self._parts.institution,
            profile_id=self._profile.id,
            options=self._parts.options,
            sm3=self._parts.sm3,
        )
        with self._ledger(within) as ledger:
            submission = prepare_submission(ledger.outbox, report, rules, now, self._parts.entropy)
            entry = submission.entry
            if not submission.already_there:
                ledger.outbox.add(entry, submission.attachments)
                unchecked: list[Json] = [
                    f"{item.path}: {item.rule}" for item in submission.not_enforced
                ]
                self._note(
                    ledger,
                    "supervision.submitted",
                    entry,
                    now,
                    actor=provenance.operator,
                    digest=entry.sm3,
                    not_enforced=unchecked,
                )
            return entry.message_id

    def deliver_due(self) -> tuple[DeliveryOutcome, ...]:
        """Deliver what is due, oldest first, until nothing is due or the batch is full.

        Stops after a credential error: the whole profile waits for a person.

        Raises:
            DigestMismatch: a stored message was altered; nothing was sent.
        """
        self.recover()
        outcomes: list[DeliveryOutcome] = []
        while len(outcomes) < self._parts.options.batch:
            claimed = self._claim()
            if claimed is None:
                break
            outcome = claimed if isinstance(claimed, DeliveryOutcome) else self._send(*claimed)
            outcomes.append(outcome)
            if outcome.state is State.CREDENTIAL_ERROR:
                break
        return tuple(outcomes)

    def recover(self, *, sole_worker: bool = False) -> tuple[str, ...]:
        """Settle claims that a dead worker left behind; returns their message ids.

        Args:
            sole_worker: No other worker runs, so every claim is abandoned (at start-up).
                Otherwise only claims older than the lease are.
        """
        now = self._parts.clock.now()
        recovered: list[str] = []
        with self._parts.ledgers.begin() as ledger:
            for entry in ledger.outbox.entries((State.SENDING,), self._profile.id):
                lapsed = entry.claimed_until is None or entry.claimed_until <= now
                if not (lapsed or sole_worker):
                    continue
                attempt = ledger.outbox.attempts(entry.message_id)[-1]
                settlement = settle_silence(entry, attempt, now, self._settling, sent=True)
                self._write(ledger, entry, settlement, now, _ABANDONED)
                recovered.append(entry.message_id)
        return tuple(recovered)

    def release(self, message_id: str, *, actor: str, reason: str) -> None:
        """A person sends an *unknown* or *credential_error* message again.

        Raises:
            IllegalTransition: the message is in another state.
        """
        self._decide(message_id, State.QUEUED, "supervision.released", actor, reason)

    def close_as_accepted(self, message_id: str, *, actor: str, reason: str) -> None:
        """A person found an *unknown* message on the platform, e.g. by comparing counts.

        Raises:
            IllegalTransition: the message is in another state.
        """
        self._decide(message_id, State.ACCEPTED, "supervision.closed", actor, reason)

    def give_up(self, message_id: str, *, actor: str, reason: str) -> None:
        """A person gives a message up; it stays as evidence.

        Raises:
            IllegalTransition: the message cannot be given up in its state.
        """
        self._decide(message_id, State.DEAD, "supervision.given_up", actor, reason)

    def held(self) -> tuple[str, ...]:
        """Messages with a credential error: while there is one, nothing is delivered."""
        with self._parts.ledgers.begin() as ledger:
            held = ledger.outbox.entries((State.CREDENTIAL_ERROR,), self._profile.id)
        return tuple(entry.message_id for entry in held)

    def receipts(self) -> tuple[ReceiptLine, ...]:
        """The latest receipt of every answered message of this profile."""
        with self._parts.ledgers.begin() as ledger:
            entries = ledger.outbox.entries(tuple(State), self._profile.id)
            return list_receipts(entries, ledger.outbox.receipts())

    def verify(self, message_id: str) -> int:
        """Verify every receipt of a message against the stored bytes; returns how many.

        Raises:
            ReceiptInvalid, DigestMismatch: one byte of what is stored differs.
        """
        parts = self._parts
        trust = Witnesses(
            verifier=parts.verifier,
            sm3=parts.sm3,
            institution=parts.institution,
            institution_key=parts.signer.public_key,
            platform=parts.environment.platform,
            profile_id=self._profile.id,
            platform_key=parts.environment.platform_key if self._profile.signed_receipts else None,
        )
        with parts.ledgers.begin() as ledger:
            return verify_message(ledger.outbox, message_id, trust)

    def _claim(self) -> tuple[OutboxEntry, Attempt] | DeliveryOutcome | None:
        now = self._parts.clock.now()
        with self._parts.ledgers.begin() as ledger:
            outbox = ledger.outbox
            if outbox.entries((State.CREDENTIAL_ERROR,), self._profile.id):
                return None
            entry = first_ready(outbox, self._profile, now)
            if entry is None:
                return None
            try:
                request = pack(entry, outbox.attachments(entry.message_id), self._packing, now)
            except (PipelineFailed, ProfileRefused) as error:
                return self._stop(ledger, entry, State.DATA_ERROR, error.code, now)
            except SecretMissing as error:
                return self._stop(ledger, entry, State.CREDENTIAL_ERROR, error.code, now)
            lease = now + self._parts.options.lease
            claimed = entry.moved(State.SENDING, now, claimed_until=lease)
            attempt = Attempt(
                message_id=entry.message_id,
                number=claimed.attempts,
                profile_digest=self._profile.digest,
                request=request,
                sent_at=now,
                outcome=None,
                reply=None,
                replied_at=None,
            )
            outbox.save(claimed, entry)
            outbox.save_attempt(attempt)
            self._note(
                ledger,
                "supervision.sending",
                claimed,
                now,
                attempt=claimed.attempts,
                request=f"sm3:{self._parts.sm3(request.body).hex()}",
            )
            return claimed, attempt

    def _send(self, entry: OutboxEntry, attempt: Attempt) -> DeliveryOutcome:
        try:
            reply = self._parts.transport.send(attempt.request)
        except (PlatformUnreachable, TransportRefused):
            now = self._parts.clock.now()
            settlement = settle_silence(entry, attempt, now, self._settling, sent=False)
        except ReplyLost:
            now = self._parts.clock.now()
            settlement = settle_silence(entry, attempt, now, self._settling, sent=True)
        else:
            now = self._parts.clock.now()
            settlement = settle_reply(entry, attempt, reply, now, self._settling)
        with self._parts.ledgers.begin() as ledger:
            stored = ledger.outbox.entry(entry.message_id)
            if (stored.state, stored.attempts) != (entry.state, entry.attempts):
                raise ClaimLost("the claim was taken over while the request was under way")
            return self._write(ledger, entry, settlement, now, settlement.attempt.outcome or "")

    def _write(
        self, ledger: Ledger, entry: OutboxEntry, settlement: Settlement, at: datetime, cause: str
    ) -> DeliveryOutcome:
        was = entry
        for step in settlement.steps:
            ledger.outbox.save(step, was)
            was = step
        ledger.outbox.save_attempt(settlement.attempt)
        receipt = settlement.receipt
        if receipt is not None:
            ledger.outbox.add_receipt(receipt)
        self._note(
            ledger,
            f"supervision.{settlement.steps[0].state.value}",
            was,
            at,
            attempt=settlement.attempt.number,
            cause=cause,
            receipt=receipt.digest if receipt else None,
            platform_number=settlement.number,
        )
        return DeliveryOutcome(
            message_id=was.message_id,
            resource=was.resource,
            state=was.state,
            note=was.note,
            receipt=receipt.digest if receipt else None,
            platform_number=settlement.number,
        )

    def _stop(
        self, ledger: Ledger, entry: OutboxEntry, state: State, cause: str, at: datetime
    ) -> DeliveryOutcome:
        stopped = entry.moved(state, at, note=cause)
        ledger.outbox.save(stopped, entry)
        self._note(ledger, f"supervision.{state.value}", stopped, at, cause=cause)
        return DeliveryOutcome(
            message_id=entry.message_id,
            resource=entry.resource,
            state=state,
            note=cause,
            receipt=None,
            platform_number=None,
        )

    def _decide(self, message_id: str, to: State, action: str, actor: str, reason: str) -> None:
        now = self._parts.clock.now()
        with self._parts.ledgers.begin() as ledger:
            entry = ledger.outbox.entry(message_id)
            decided = replace(entry.moved(to, now), next_at=now)
            ledger.outbox.save(decided, entry)
            self._note(ledger, action, decided, now, actor=actor, reason=reason)

    def _ledger(self, within: Ledger | None) -> AbstractContextManager[Ledger]:
        return self._parts.ledgers.begin() if within is None else nullcontext(within)

    def _note(
        self,
        ledger: Ledger,
        action: str,
        entry: OutboxEntry,
        at: datetime,
        actor: str = ACTOR,
        **details: Json,
    ) -> None:
        known: dict[str, Json] = {
            "message_id": entry.message_id,
            "resource": entry.resource,
            "state": entry.state.value,
            "profile": self._profile.id,
        }
        ledger.journal.record(action, {**known, **details}, at=at, actor=actor)
