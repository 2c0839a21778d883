"""Do all stored proofs of one message still hold?"""

from __future__ import annotations

from supervision.errors import ReceiptInvalid
from supervision.packing import require_untouched
from supervision.ports import OutboxStore
from supervision.receipts.verification import Witnesses, verify_receipt


def verify_message(outbox: OutboxStore, message_id: str, trust: Witnesses) -> int:
    """Verify message, files and every receipt; returns the number of receipts.

    Zero receipts is an answer, not a proof: an unanswered message has none.

    Raises:
        UnknownMessage: no such message.
        DigestMismatch: message or files are not what was submitted.
        ReceiptInvalid: request, reply or receipt are not what was signed.
    """
    entry = outbox.entry(message_id)
    require_untouched(entry, outbox.attachments(message_id), trust.sm3)
    attempts = {item.number: item for item in outbox.attempts(message_id)}
    receipts = outbox.receipts(message_id)
    for receipt in receipts:
        attempt = attempts.get(receipt.attempt)
        if attempt is None:
            raise ReceiptInvalid("the attempt of a receipt is gone")
        verify_receipt(receipt, entry, attempt, trust)
    answered = {item.number for item in attempts.values() if item.reply is not None}
    if answered != {receipt.attempt for receipt in receipts}:
        raise ReceiptInvalid("an answered attempt has no receipt")
    return len(receipts)
