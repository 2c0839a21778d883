"""How are messages, attempts and receipts kept in SQL?

Works on the open connection of the surrounding transaction and never commits.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Row, and_, func, insert, select, update
from sqlalchemy.engine import Connection

from shared_kernel.instants import in_utc, parse_instant
from shared_kernel.signatures import PublicKey, Signature
from supervision.adapters import tables
from supervision.errors import ClaimLost, UnknownMessage
from supervision.messages.message import Attachment
from supervision.outbox.entry import Attempt, OutboxEntry
from supervision.outbox.states import PENDING, State
from supervision.receipts.receipt import StoredReceipt
from supervision.transport.exchange import PreparedRequest, Reply

_MESSAGES: Final = tables.messages
_ATTEMPTS: Final = tables.attempts
_RECEIPTS: Final = tables.receipts
_FILES: Final = tables.attachments
_PENDING: Final = sorted(state.value for state in PENDING)


class SqlOutbox:
    """``OutboxStore`` of one institution inside one transaction."""

    def __init__(self, connection: Connection, *, tenant: str) -> None:
        self._connection = connection
        self._tenant = tenant

    def add(self, entry: OutboxEntry, attachments: tuple[Attachment, ...]) -> None:
        """Keep a new message and its files."""
        self._connection.execute(
            insert(_MESSAGES).values(tenant=self._tenant, **_entry_values(entry))
        )
        for position, item in enumerate(attachments):
            self._connection.execute(
                insert(_FILES).values(
                    tenant=self._tenant,
                    message_id=entry.message_id,
                    position=position,
                    name=item.name,
                    media_type=item.media_type,
                    content=item.content,
                )
            )

    def entry(self, message_id: str) -> OutboxEntry:
        """The message.

        Raises:
            UnknownMessage: there is none.
        """
        row = self._connection.execute(
            select(_MESSAGES).where(
                _MESSAGES.c.tenant == self._tenant, _MESSAGES.c.message_id == message_id
            )
        ).one_or_none()
        if row is None:
            raise UnknownMessage(f"no message {message_id!r} in this outbox")
        return _entry(row)

    def entries(self, states: Iterable[State], profile_id: str | None) -> tuple[OutboxEntry, ...]:
        """Messages in these states, oldest first."""
        query = select(_MESSAGES).where(
            _MESSAGES.c.tenant == self._tenant,
            _MESSAGES.c.state.in_(sorted(state.value for state in states)),
        )
        if profile_id is not None:
            query = query.where(_MESSAGES.c.profile_id == profile_id)
        query = query.order_by(_MESSAGES.c.created_at, _MESSAGES.c.message_id)
        return tuple(_entry(row) for row in self._connection.execute(query))

    def with_content(self, profile_id: str, content_digest: str) -> OutboxEntry | None:
        """The message with this content."""
        row = self._connection.execute(
            select(_MESSAGES).where(
                _MESSAGES.c.tenant == self._tenant,
                _MESSAGES.c.profile_id == profile_id,
                _MESSAGES.c.content_digest == content_digest,
            )
        ).one_or_none()
        return None if row is None else _entry(row)

    def latest(self, profile_id: str, resource: str, business_key: str) -> OutboxEntry | None:
        """The highest revision about this business."""
        row = self._connection.execute(
            select(_MESSAGES)
            .where(
                _MESSAGES.c.tenant == self._tenant,
                _MESSAGES.c.profile_id == profile_id,
                _MESSAGES.c.resource == resource,
                _MESSAGES.c.business_key == business_key,
            )
            .order_by(_MESSAGES.c.revision.desc())
            .limit(1)
        ).one_or_none()
        return None if row is None else _entry(row)

    def due(
        self, profile_id: str, at: datetime, skip_resources: Iterable[str], limit: int
    ) -> tuple[OutboxEntry, ...]:
        """Queued messages whose time has come, oldest first."""
        rows = self._connection.execute(
            select(_MESSAGES)
            .where(
                _MESSAGES.c.tenant == self._tenant,
                _MESSAGES.c.profile_id == profile_id,
                _MESSAGES.c.state == State.QUEUED.value,
                _MESSAGES.c.next_at <= _text(at),
                _MESSAGES.c.resource.not_in(sorted(skip_resources)),
            )
            .order_by(_MESSAGES.c.created_at, _MESSAGES.c.message_id)
            .limit(limit)
        )
        return tuple(_entry(row) for row in rows)

    def earliest_pending(self, profile_id: str) -> Mapping[str, datetime]:
        """For each resource with unsettled messages, when the oldest was submitted."""
        rows = self._connection.execute(
            select(_MESSAGES.c.resource, func.min(_MESSAGES.c.created_at))
            .where(
                _MESSAGES.c.tenant == self._tenant,
                _MESSAGES.c.profile_id == profile_id,
                _MESSAGES.c.state.in_(_PENDING),
            )
            .group_by(_MESSAGES.c.resource)
        )
        return {resource: parse_instant(at, "created_at") for resource, at in rows}

    def save(self, entry: OutboxEntry, was: OutboxEntry) -> None:
        """Write a moved entry.

        Raises:
            ClaimLost: the stored state or attempt is no longer that of ``was``.
        """
        written = self._connection.execute(
            update(_MESSAGES)
            .where(
                _MESSAGES.c.tenant == self._tenant,
                _MESSAGES.c.message_id == was.message_id,
                _MESSAGES.c.state == was.state.value,
                _MESSAGES.c.attempts == was.attempts,
            )
            .values(
                state=entry.state.value,
                attempts=entry.attempts,
                next_at=_text(entry.next_at),
                claimed_until=_optional_text(entry.claimed_until),
                note=entry.note,
                updated_at=_text(entry.updated_at),
            )
        )
        if written.rowcount != 1:
            raise ClaimLost("the message was moved by somebody else")

    def attachments(self, message_id: str) -> tuple[Attachment, ...]:
        """The files of a message, in order."""
        rows = self._connection.execute(
            select(_FILES)
            .where(_FILES.c.tenant == self._tenant, _FILES.c.message_id == message_id)
            .order_by(_FILES.c.position)
        )
        return tuple(
            Attachment(name=row.name, media_type=row.media_type, content=bytes(row.content))
            for row in rows
        )

    def save_attempt(self, attempt: Attempt) -> None:
        """Keep a prepared request, or complete it with its outcome."""
        outcome = _outcome_values(attempt)
        here = and_(
            _ATTEMPTS.c.tenant == self._tenant,
            _ATTEMPTS.c.message_id == attempt.message_id,
            _ATTEMPTS.c.number == attempt.number,
        )
        completed = self._connection.execute(update(_ATTEMPTS).where(here).values(**outcome))
        if completed.rowcount:
            return
        self._connection.execute(
            insert(_ATTEMPTS).values(
                tenant=self._tenant,
                message_id=attempt.message_id,
                number=attempt.number,
                profile_digest=attempt.profile_digest,
                method=attempt.request.method,
                url=attempt.request.url,
                request_headers=_headers_text(attempt.request.headers),
                request_body=attempt.request.body,
                timeout_s=attempt.request.timeout_s,
                sent_at=_text(attempt.sent_at),
                **outcome,
            )
        )

    def attempts(self, message_id: str) -> tuple[Attempt, ...]:
        """Every attempt, first to last."""
        rows = self._connection.execute(
            select(_ATTEMPTS)
            .where(_ATTEMPTS.c.tenant == self._tenant, _ATTEMPTS.c.message_id == message_id)
            .order_by(_ATTEMPTS.c.number)
        )
        return tuple(_attempt(row) for row in rows)

    def add_receipt(self, receipt: StoredReceipt) -> None:
        """Keep a receipt."""
        self._connection.execute(
            insert(_RECEIPTS).values(
                tenant=self._tenant,
                message_id=receipt.message_id,
                attempt=receipt.attempt,
                document=receipt.document,
                signature=receipt.signature.value,
                key_algorithm=receipt.signature.key.algorithm,
                key_raw=receipt.signature.key.raw,
                digest=receipt.digest,
                received_at=_text(receipt.received_at),
            )
        )

    def receipts(self, message_id: str | None = None) -> tuple[StoredReceipt, ...]:
        """Receipts of a message, or all, oldest first."""
        query = select(_RECEIPTS).where(_RECEIPTS.c.tenant == self._tenant)
        if message_id is not None:
            query = query.where(_RECEIPTS.c.message_id == message_id)
        query = query.order_by(_RECEIPTS.c.received_at, _RECEIPTS.c.message_id, _RECEIPTS.c.attempt)
        return tuple(_receipt(row) for row in self._connection.execute(query))

    def counts(self) -> Mapping[State, int]:
        """Messages by state, without reading them; states without any are absent."""
        query = (
            select(_MESSAGES.c.state, func.count())
            .where(_MESSAGES.c.tenant == self._tenant)
            .group_by(_MESSAGES.c.state)
        )
        return {State(state): count for state, count in self._connection.execute(query)}

    def last_receipt_at(self) -> datetime | None:
        """When the newest receipt came; None: none yet."""
        query = select(func.max(_RECEIPTS.c.received_at)).where(_RECEIPTS.c.tenant == self._tenant)
        newest = self._connection.execute(query).scalar_one_or_none()
        return None if newest is None else parse_instant(newest, "received_at")


def _text(value: datetime) -> str:
    """Fixed width, so that text order is time order: ``instant_text`` drops a zero fraction."""
    return in_utc(value, "instant").strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _optional_text(value: datetime | None) -> str | None:
    return None if value is None else _text(value)


def _optional_instant(text: str | None, field: str) -> datetime | None:
    return None if text is None else parse_instant(text, field)


def _headers_text(headers: tuple[tuple[str, str], ...]) -> str:
    return json.dumps(headers, ensure_ascii=False, separators=(",", ":"))


def _headers(text: str) -> tuple[tuple[str, str], ...]:
    return tuple((name, value) for name, value in json.loads(text))


def _entry_values(entry: OutboxEntry) -> dict[str, object]:
    return {
        "message_id": entry.message_id,
        "profile_id": entry.profile_id,
        "resource": entry.resource,
        "business_key": entry.business_key,
        "revision": entry.revision,
        "corrects": entry.corrects,
        "content_digest": entry.content_digest,
        "sm3": entry.sm3,
        "message": entry.message,
        "state": entry.state.value,
        "attempts": entry.attempts,
        "next_at": _text(entry.next_at),
        "claimed_until": _optional_text(entry.claimed_until),
        "note": entry.note,
        "created_at": _text(entry.created_at),
        "updated_at": _text(entry.updated_at),
    }


def _entry(row: Row[Any]) -> OutboxEntry:
    return OutboxEntry(
        message_id=row.message_id,
        profile_id=row.profile_id,
        resource=row.resource,
        business_key=row.business_key,
        revision=row.revision,
        corrects=row.corrects,
        content_digest=row.content_digest,
        sm3=row.sm3,
        message=bytes(row.message),
        state=State(row.state),
        attempts=row.attempts,
        next_at=parse_instant(row.next_at, "next_at"),
        claimed_until=_optional_instant(row.claimed_until, "claimed_until"),
        note=row.note,
        created_at=parse_instant(row.created_at, "created_at"),
        updated_at=parse_instant(row.updated_at, "updated_at"),
    )


def _outcome_values(attempt: Attempt) -> dict[str, object]:
    reply = attempt.reply
    return {
        "outcome": attempt.outcome,
        "reply_status": None if reply is None else reply.status,
        "reply_headers": None if reply is None else _headers_text(reply.headers),
        "reply_body": None if reply is None else reply.body,
        "replied_at": _optional_text(attempt.replied_at),
    }


def _attempt(row: Row[Any]) -> Attempt:
    reply = None
    if row.reply_status is not None:
        reply = Reply(
            status=row.reply_status,
            headers=_headers(row.reply_headers),
            body=bytes(row.reply_body),
        )
    return Attempt(
        message_id=row.message_id,
        number=row.number,
        profile_digest=row.profile_digest,
        request=PreparedRequest(
            method=row.method,
            url=row.url,
            headers=_headers(row.request_headers),
            body=bytes(row.request_body),
            timeout_s=row.timeout_s,
        ),
        sent_at=parse_instant(row.sent_at, "sent_at"),
        outcome=row.outcome,
        reply=reply,
        replied_at=_optional_instant(row.replied_at, "replied_at"),
    )


def _receipt(row: Row[Any]) -> StoredReceipt:
    return StoredReceipt(
        message_id=row.message_id,
        attempt=row.attempt,
        document=bytes(row.document),
        signature=Signature(
            key=PublicKey(algorithm=row.key_algorithm, raw=bytes(row.key_raw)),
            value=bytes(row.signature),
        ),
        digest=row.digest,
        received_at=parse_instant(row.received_at, "received_at"),
    )
