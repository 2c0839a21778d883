"""May this exact document leave the house?

Accounts are not persons: an approval is a personal signature over the digest of the
document, for a limited time. Two distinct persons release; whoever drafted it does
not count, not even in an emergency, so that two people have always seen it. Distinct
means distinct names and distinct keys: one person with two accounts and one key
counts once. Near a statutory deadline a single approver may release; the release is
flagged and a review by a third person is owed before the case can close.

Pure: keys of persons, the verifier and the instant are arguments.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from incident.errors import ApprovalForged, MalformedCaseInput, ReleaseRefused
from incident.reports.draft import Draft
from incident.workflow.events import Payload
from shared_kernel.canonical_json import Json, canonical_bytes
from shared_kernel.instants import in_utc, instant_text
from shared_kernel.signatures import (
    PublicKey,
    Signature,
    SignatureInvalid,
    SignatureVerifier,
    Signer,
)

PERSONS = 2
"""How many distinct persons release (the two-person rule of this house)."""

KeysOf = Callable[[str], tuple[PublicKey, ...]]
"""Person → the public keys registered for that person now; empty: nobody."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """One person's signature over one digest."""

    case: str
    draft_id: str
    digest: str
    """``sha256:…`` of the draft's material."""
    approver: str
    approved_at: datetime
    expires_at: datetime
    """Exclusive."""
    signature: Signature

    def as_json(self) -> dict[str, Json]:
        """As kept in the case."""
        return {
            "case": self.case,
            "draft_id": self.draft_id,
            "digest": self.digest,
            "approver": self.approver,
            "approved_at": instant_text(self.approved_at),
            "expires_at": instant_text(self.expires_at),
            "algorithm": self.signature.key.algorithm,
            "key": self.signature.key.raw.hex(),
            "signature": self.signature.value.hex(),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """The document may leave."""

    draft_id: str
    digest: str
    approvers: tuple[str, ...]
    released_at: datetime
    emergency: str | None
    """Reason of a single release; None: released by two."""
    reviewed: str | None = None
    """Outcome of the review owed after an emergency release."""

    @property
    def review_owed(self) -> bool:
        """Is a review still owed?"""
        return self.emergency is not None and self.reviewed is None

    def as_json(self) -> dict[str, Json]:
        """As kept in the case."""
        return {
            "draft_id": self.draft_id,
            "digest": self.digest,
            "approvers": list(self.approvers),
            "released_at": instant_text(self.released_at),
            "emergency": self.emergency,
        }


def approval_statement(
    *,
    case: str,
    draft_id: str,
    digest: str,
    approver: str,
    approved_at: datetime,
    expires_at: datetime,
) -> bytes:
    """The bytes a person signs. The type line keeps the signature from meaning anything else."""
    return canonical_bytes(
        {
            "type": "jinkui.incident.approval/1",
            "case": case,
            "draft_id": draft_id,
            "digest": digest,
            "approver": approver,
            "approved_at": instant_text(approved_at),
            "expires_at": instant_text(expires_at),
        }
    )


def approve(
    draft: Draft, *, approver: str, signer: Signer, at: datetime, term: timedelta
) -> Approval:
    """Sign the draft's digest as ``approver``, good for ``term``.

    Raises:
        ReleaseRefused: the approver drafted it.
    """
    if approver == draft.made_by:
        raise ReleaseRefused("the drafter may not approve the own draft", where="approver")
    approved_at = in_utc(at, "at")
    expires_at, digest = approved_at + term, str(draft.digest())
    statement = approval_statement(
        case=draft.case,
        draft_id=draft.draft_id,
        digest=digest,
        approver=approver,
        approved_at=approved_at,
        expires_at=expires_at,
    )
    return Approval(
        case=draft.case,
        draft_id=draft.draft_id,
        digest=digest,
        approver=approver,
        approved_at=approved_at,
        expires_at=expires_at,
        signature=Signature(key=signer.public_key, value=signer.sign(statement)),
    )


def verify_approval(
    draft: Draft,
    approval: Approval,
    *,
    keys_of: KeysOf,
    verifier: SignatureVerifier,
    at: datetime,
    term: timedelta,
) -> None:
    """Return if and only if this approval counts for this draft at this instant.

    Raises:
        ReleaseRefused: another document, expired, not yet valid, a term longer than
            the house allows, or given by the drafter.
        ApprovalForged: the key is not that person's, or the signature does not hold.
    """
    now = in_utc(at, "at")
    if (approval.case, approval.draft_id) != (draft.case, draft.draft_id):
        raise ReleaseRefused("the approval is for another document", where="draft_id")
    if approval.digest != str(draft.digest()):
        raise ReleaseRefused("the approval is for another text of this document", where="digest")
    if approval.approver == draft.made_by:
        raise ReleaseRefused("the drafter may not approve the own draft", where="approver")
    if not approval.approved_at <= now < approval.expires_at:
        raise ReleaseRefused("the approval has expired or is not yet valid", where="expires_at")
    # A signer could write any expiry into the own statement; the house caps it.
    if approval.expires_at - approval.approved_at > term:
        raise ReleaseRefused("the approval claims too long a term", where="expires_at")
    if approval.signature.key not in keys_of(approval.approver):
        raise ApprovalForged("the key is not registered for this person", where="key")
    statement = approval_statement(
        case=approval.case,
        draft_id=approval.draft_id,
        digest=approval.digest,
        approver=approval.approver,
        approved_at=approval.approved_at,
        expires_at=approval.expires_at,
    )
    try:
        verifier.verify(approval.signature.key, statement, approval.signature.value)
    except SignatureInvalid as error:
        raise ApprovalForged("the signature does not hold", where="signature") from error


def release(
    draft: Draft,
    approvals: Iterable[Approval],
    *,
    keys_of: KeysOf,
    verifier: SignatureVerifier,
    at: datetime,
    term: timedelta,
    emergency: str | None = None,
    deadline_near: bool = False,
) -> Release:
    """Release the draft, or say why not. Every approval handed in must hold.

    Args:
        draft: The exact document.
        approvals: Those meant for it; one that fails refuses all, because a forged
            approval beside two good ones is an incident, not noise.
        keys_of: Registered keys by person.
        verifier: Checks signatures.
        at: Now.
        term: Longest term an approval may claim.
        emergency: Reason for a single release.
        deadline_near: A duty served by this draft is near or past its limit.

    Raises:
        ReleaseRefused: too few distinct persons; emergency without reason or need.
        ApprovalForged: as in ``verify_approval``.
    """
    given = tuple(approvals)
    for approval in given:
        verify_approval(draft, approval, keys_of=keys_of, verifier=verifier, at=at, term=term)
    people = {approval.approver for approval in given}
    keys = {(item.signature.key.algorithm, item.signature.key.raw) for item in given}
    distinct = min(len(people), len(keys))
    if distinct < PERSONS:
        if emergency is None:
            raise ReleaseRefused(f"{distinct} of {PERSONS} distinct persons have approved")
        if not emergency.strip():
            raise ReleaseRefused("an emergency release needs a reason", where="emergency")
        if not deadline_near:
            raise ReleaseRefused("no statutory deadline is near; two persons release")
        if distinct < 1:
            raise ReleaseRefused("nobody has approved")
    return Release(
        draft_id=draft.draft_id,
        digest=str(draft.digest()),
        approvers=tuple(sorted(people)),
        released_at=in_utc(at, "at"),
        emergency=emergency if distinct < PERSONS else None,
    )


def read_approval(payload: Payload) -> Approval:
    """An approval from its JSON."""
    try:
        key = bytes.fromhex(payload.text("key"))
        value = bytes.fromhex(payload.text("signature"))
    except ValueError as error:
        raise MalformedCaseInput("key or signature is not hex", where="signature") from error
    return Approval(
        case=payload.text("case"),
        draft_id=payload.text("draft_id"),
        digest=payload.text("digest"),
        approver=payload.text("approver"),
        approved_at=payload.instant("approved_at"),
        expires_at=payload.instant("expires_at"),
        signature=Signature(
            key=PublicKey(algorithm=payload.text("algorithm"), raw=key), value=value
        ),
    )


def read_release(payload: Payload) -> Release:
    """A release from its JSON."""
    return Release(
        draft_id=payload.text("draft_id"),
        digest=payload.text("digest"),
        approvers=payload.texts("approvers"),
        released_at=payload.instant("released_at"),
        emergency=payload.text_or_none("emergency"),
    )
