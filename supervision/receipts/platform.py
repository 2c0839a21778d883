"""What did the platform itself sign, and is it about the bytes that we sent?

Only the exchange form has signed receipts; real platforms seen so far answer
with codes alone. The receipt names institution, message, both digests and the
platform's own number.
"""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from shared_kernel.canonical_json import Json, canonical_bytes
from shared_kernel.instants import instant_text, parse_instant
from shared_kernel.signatures import PublicKey, SignatureInvalid, SignatureVerifier
from supervision.errors import PlatformReceiptInvalid

FORMAT: Final = "jinkui-exchange-receipt/1"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlatformReceipt:
    """What the platform vouches for."""

    platform: str
    institution: str
    message_id: str
    message_sm3: str
    """Hex of the SM3 of the canonical message."""

    request_sm3: str
    """Hex of the SM3 of the request body as it arrived."""

    number: str
    """The platform's own receipt number."""

    received_at: datetime
    """When the message arrived first; a repeated message keeps it."""

    duplicate: bool


def platform_receipt_bytes(receipt: PlatformReceipt) -> bytes:
    """The canonical bytes that the platform signs."""
    return canonical_bytes(
        {
            "format": FORMAT,
            "platform": receipt.platform,
            "institution": receipt.institution,
            "message_id": receipt.message_id,
            "message_sm3": receipt.message_sm3,
            "request_sm3": receipt.request_sm3,
            "number": receipt.number,
            "received_at": instant_text(receipt.received_at),
            "duplicate": receipt.duplicate,
        }
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectedReceipt:
    """What the receipt must be about."""

    platform: str
    institution: str
    message_id: str
    message_sm3: str
    request_sm3: str


def read_platform_receipt(
    reply: Json, key: PublicKey, verifier: SignatureVerifier, expected: ExpectedReceipt
) -> PlatformReceipt:
    """Read and verify the signed receipt inside a reply.

    Raises:
        PlatformReceiptInvalid: missing, not signed by ``key``, or about other bytes.
    """
    try:
        if not isinstance(reply, dict):
            raise PlatformReceiptInvalid("the reply holds no receipt")
        text, signature = reply["receipt"], reply["signature"]
        signed = text.encode()
        verifier.verify(key, signed, base64.b64decode(signature, validate=True))
        found = json.loads(text)
        receipt = PlatformReceipt(
            platform=found["platform"],
            institution=found["institution"],
            message_id=found["message_id"],
            message_sm3=found["message_sm3"],
            request_sm3=found["request_sm3"],
            number=found["number"],
            received_at=parse_instant(found["received_at"], "received_at"),
            duplicate=found["duplicate"],
        )
        canonical = found["format"] == FORMAT and platform_receipt_bytes(receipt) == signed
    except SignatureInvalid as error:
        raise PlatformReceiptInvalid("the receipt is not signed with the pinned key") from error
    except (KeyError, TypeError, AttributeError, ValueError, binascii.Error) as error:
        raise PlatformReceiptInvalid("the receipt cannot be read") from error
    about = (
        receipt.platform,
        receipt.institution,
        receipt.message_id,
        receipt.message_sm3,
        receipt.request_sm3,
    )
    wanted = (
        expected.platform,
        expected.institution,
        expected.message_id,
        expected.message_sm3,
        expected.request_sm3,
    )
    if not canonical or about != wanted:
        raise PlatformReceiptInvalid("the receipt is about another message or other bytes")
    return receipt
