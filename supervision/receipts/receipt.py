"""Which document binds a message, the request sent, and the reply received?

One receipt per complete reply: digests of every byte, times, profile and its
digest, the platform's own number. The institution signs the document, so that
a store alone cannot rewrite history; its digest is also in the audit journal.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from shared_kernel.canonical_json import Json, canonical_bytes
from shared_kernel.digests import HashFunction, digest_with, sha256
from shared_kernel.instants import instant_text, parse_instant
from shared_kernel.signatures import Signature, Signer
from supervision.errors import ReceiptInvalid
from supervision.outbox.entry import Attempt, OutboxEntry

FORMAT: Final = "jinkui-supervision-receipt/1"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredReceipt:
    """A receipt as it is kept."""

    message_id: str
    attempt: int
    document: bytes
    """Canonical JSON of this format."""

    signature: Signature
    """By the institution over ``document``."""

    digest: str
    """``sm3:…`` of ``document``; what lists and journal show."""

    received_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptContext:
    """Who talked to whom."""

    institution: str
    platform: str
    profile_id: str
    number: str | None
    """The platform's own receipt number, if it gives one."""


def receipt_document(
    entry: OutboxEntry,
    attempt: Attempt,
    context: ReceiptContext,
    sm3: HashFunction,
) -> bytes:
    """The canonical document for one answered attempt.

    Raises:
        ReceiptInvalid: the attempt has no reply.
    """
    if attempt.reply is None or attempt.replied_at is None:
        raise ReceiptInvalid("an attempt without a reply has no receipt")
    request, reply = attempt.request, attempt.reply
    return canonical_bytes(
        {
            "format": FORMAT,
            "institution": context.institution,
            "platform": {"name": context.platform, "number": context.number},
            "profile": {"id": context.profile_id, "digest": attempt.profile_digest},
            "message": {
                "id": entry.message_id,
                "resource": entry.resource,
                "revision": entry.revision,
                **_digests(entry.message, sm3),
            },
            "attempt": attempt.number,
            "request": {
                "method": request.method,
                "url": request.url,
                "headers": str(digest_with(sm3, _headers(request.headers))),
                **_digests(request.body, sm3),
            },
            "reply": {
                "status": reply.status,
                "headers": str(digest_with(sm3, _headers(reply.headers))),
                "meaning": attempt.outcome,
                **_digests(reply.body, sm3),
            },
            "sent_at": instant_text(attempt.sent_at),
            "received_at": instant_text(attempt.replied_at),
        }
    )


def sign_receipt(
    document: bytes, entry: OutboxEntry, attempt: Attempt, signer: Signer, sm3: HashFunction
) -> StoredReceipt:
    """Sign a receipt document with the institution's key."""
    return StoredReceipt(
        message_id=entry.message_id,
        attempt=attempt.number,
        document=document,
        signature=Signature(key=signer.public_key, value=signer.sign(document)),
        digest=str(digest_with(sm3, document)),
        received_at=received_at(document),
    )


def received_at(document: bytes) -> datetime:
    """When the reply arrived, from the document itself.

    Raises:
        ReceiptInvalid: no receipt document.
    """
    try:
        return parse_instant(json.loads(document)["received_at"], "received_at")
    except (ValueError, KeyError, TypeError) as error:
        raise ReceiptInvalid("the receipt document cannot be read") from error


def platform_number(document: bytes) -> str | None:
    """The platform's own number, from the document.

    Raises:
        ReceiptInvalid: no receipt document.
    """
    try:
        number = json.loads(document)["platform"]["number"]
    except (ValueError, KeyError, TypeError) as error:
        raise ReceiptInvalid("the receipt document cannot be read") from error
    return number if isinstance(number, str) else None


def _digests(data: bytes, sm3: HashFunction) -> dict[str, Json]:
    return {"size": len(data), "sm3": str(digest_with(sm3, data)), "sha256": str(sha256(data))}


def _headers(headers: tuple[tuple[str, str], ...]) -> bytes:
    return canonical_bytes([[name, value] for name, value in headers])
