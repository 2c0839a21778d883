"""Does this receipt still bind these exact bytes?

Steps: 1 the institution's signature; 2 the digest that lists and journal show;
3 the document rebuilt from message, request and reply is the same document;
4 the platform's signed receipt inside the reply, where the profile has one.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from shared_kernel.digests import HashFunction
from shared_kernel.signatures import PublicKey, SignatureInvalid, SignatureVerifier
from supervision.errors import ReceiptInvalid
from supervision.outbox.entry import Attempt, OutboxEntry
from supervision.receipts.platform import ExpectedReceipt, read_platform_receipt
from supervision.receipts.receipt import (
    ReceiptContext,
    StoredReceipt,
    platform_number,
    receipt_document,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Witnesses:
    """Whom the verifier trusts."""

    verifier: SignatureVerifier
    sm3: HashFunction
    institution: str
    institution_key: PublicKey
    platform: str
    profile_id: str
    platform_key: PublicKey | None
    """Given: an accepted message must also carry the platform's own signature."""


def verify_receipt(
    receipt: StoredReceipt, entry: OutboxEntry, attempt: Attempt, trust: Witnesses
) -> None:
    """Verify one receipt against the stored bytes.

    Raises:
        ReceiptInvalid: one byte of message, request, reply or receipt is not what was signed.
    """
    # 1
    if receipt.signature.key != trust.institution_key:
        raise ReceiptInvalid("the receipt is signed with another key than the institution's")
    try:
        trust.verifier.verify(trust.institution_key, receipt.document, receipt.signature.value)
    except SignatureInvalid as error:
        raise ReceiptInvalid("the institution's signature does not hold") from error
    # 2
    if receipt.digest != f"sm3:{trust.sm3(receipt.document).hex()}":
        raise ReceiptInvalid("the receipt has another digest than the list shows")
    # 3
    context = ReceiptContext(
        institution=trust.institution,
        platform=trust.platform,
        profile_id=trust.profile_id,
        number=platform_number(receipt.document),
    )
    if receipt_document(entry, attempt, context, trust.sm3) != receipt.document:
        raise ReceiptInvalid("message, request or reply differ from what the receipt binds")
    # 4
    if trust.platform_key is not None and attempt.outcome == "ok":
        assert attempt.reply is not None  # noqa: S101  # step 3 refuses an attempt without reply
        found = read_platform_receipt(
            json.loads(attempt.reply.body),
            trust.platform_key,
            trust.verifier,
            expected_receipt(entry, attempt, trust.institution, trust.platform, trust.sm3),
        )
        if found.number != context.number:
            raise ReceiptInvalid("the platform's number is not the one it signed")


def expected_receipt(
    entry: OutboxEntry, attempt: Attempt, institution: str, platform: str, sm3: HashFunction
) -> ExpectedReceipt:
    """What the platform's receipt for this attempt must be about."""
    return ExpectedReceipt(
        platform=platform,
        institution=institution,
        message_id=entry.message_id,
        message_sm3=sm3(entry.message).hex(),
        request_sm3=sm3(attempt.request.body).hex(),
    )
