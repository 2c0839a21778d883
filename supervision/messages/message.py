"""What exactly did we report, and in which bytes?

A message is head, body, notes on attachments and provenance. Its RFC 8785 bytes
are kept as they are; a correction is a new message with a higher revision,
never an edit. ``content_digest`` leaves out what differs between two recordings
of the same fact (id, time, provenance), so that collecting a day twice is safe.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final, cast

from shared_kernel.canonical_json import Json, canonical_bytes
from shared_kernel.digests import Digest, HashFunction, digest_with
from shared_kernel.instants import CHINA, in_utc, instant_text, parse_instant
from supervision.errors import AttachmentRefused, MessageMalformed
from supervision.messages.catalogue import SCHEMA_VERSION, Resource
from supervision.messages.field_types import business_day

FORMAT: Final = "jinkui-supervision-message/1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """A file that travels with a message."""

    name: str
    """What the body's attachment field says."""

    media_type: str
    content: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class AttachmentNote:
    """What the message says about an attachment."""

    name: str
    media_type: str
    size: int
    """Bytes."""

    sm3: str
    """``sm3:<hex>`` of the content."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """Where the facts came from."""

    source_system: str
    collector: str
    operator: str
    """Who had it sent: an actor name, never a patient."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """Who reports what about which day."""

    message_id: str
    resource: str
    schema_version: int
    institution: str
    """Unified social credit code."""

    business_key: str
    business_date: date
    """Calendar day in China."""

    revision: int
    """1 for the first report; a correction counts up."""

    corrects: str | None
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CanonicalMessage:
    """One report, before any platform's dress."""

    head: Head
    body: Mapping[str, Json]
    attachments: tuple[AttachmentNote, ...]
    provenance: Provenance


def message_bytes(message: CanonicalMessage) -> bytes:
    """The RFC 8785 bytes of the whole message."""
    return canonical_bytes(_as_json(message))


def content_digest(message: CanonicalMessage, sm3: HashFunction) -> Digest:
    """SM3 of what is reported, without id, time of making and provenance."""
    whole = _as_json(message)
    head = cast("Mapping[str, Json]", whole["head"])
    kept = {name: head[name] for name in head if name not in {"message_id", "created_at"}}
    rest = {name: whole[name] for name in ("format", "body", "attachments")}
    return digest_with(sm3, canonical_bytes({**rest, "head": kept}))


def note_attachments(
    resource: Resource,
    body: Mapping[str, Json],
    attachments: tuple[Attachment, ...],
    sm3: HashFunction,
) -> tuple[AttachmentNote, ...]:
    """Bind files to the body that names them.

    Raises:
        AttachmentRefused: a file is missing, superfluous, named twice, of a type
            that the resource does not take, or not the one whose SM3 the body gives.
    """
    by_name = {attachment.name: attachment for attachment in attachments}
    if len(by_name) != len(attachments):
        raise AttachmentRefused("two attachments have the same name", where="attachments")
    wanted = _named_files(resource, body)
    if set(wanted) != set(by_name):
        raise AttachmentRefused(
            f"{resource.name} names {len(set(wanted))} files and {len(by_name)} are attached, "
            "or under other names",
            where="attachments",
        )
    for name, field in wanted.items():
        allowed = resource.media_types.get(field)
        if allowed is not None and by_name[name].media_type not in allowed:
            raise AttachmentRefused(f"{field} must be {' or '.join(allowed)}", where=field)
        if not by_name[name].content:
            raise AttachmentRefused(f"{field} is an empty file", where=field)
    for digest_field, file_field in resource.attachment_digests.items():
        stated = str(body.get(digest_field, "")).lower().removeprefix("sm3:")
        attachment = by_name[cast("str", body[file_field])]
        if stated != sm3(attachment.content).hex():
            raise AttachmentRefused(
                f"{digest_field} is not the SM3 of the file in {file_field}", where=digest_field
            )
    return tuple(
        AttachmentNote(
            name=item.name,
            media_type=item.media_type,
            size=len(item.content),
            sm3=str(digest_with(sm3, item.content)),
        )
        for item in attachments
    )


def business_key(resource: Resource, body: Mapping[str, Json]) -> str:
    """What names the business of this body on our side, e.g. the report number."""
    return "/".join(str(body.get(name, "")) for name in resource.key)


def business_date(resource: Resource, body: Mapping[str, Json], created_at: datetime) -> date:
    """The business day in China; the day of making where the resource has no date of its own."""
    own = business_day(body.get(resource.date_field)) if resource.date_field else None
    return own if own is not None else in_utc(created_at, "created_at").astimezone(CHINA).date()


def parse_message(data: bytes) -> CanonicalMessage:
    """Read stored message bytes back.

    Raises:
        MessageMalformed: not the canonical bytes of a message of this format.
    """
    try:
        whole = json.loads(data)
        head = whole["head"]
        message = CanonicalMessage(
            head=Head(
                message_id=head["message_id"],
                resource=head["resource"],
                schema_version=head["schema_version"],
                institution=head["institution"],
                business_key=head["business_key"],
                business_date=date.fromisoformat(head["business_date"]),
                revision=head["revision"],
                corrects=head["corrects"],
                created_at=parse_instant(head["created_at"], "head.created_at"),
            ),
            body=whole["body"],
            attachments=tuple(AttachmentNote(**note) for note in whole["attachments"]),
            provenance=Provenance(**whole["provenance"]),
        )
        same = whole["format"] == FORMAT and message_bytes(message) == data
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise MessageMalformed("the bytes are no canonical message") from error
    if not same or message.head.schema_version != SCHEMA_VERSION:
        raise MessageMalformed("the bytes are not in canonical form or of another edition")
    return message


def _as_json(message: CanonicalMessage) -> dict[str, Json]:
    head = message.head
    return {
        "format": FORMAT,
        "head": {
            "message_id": head.message_id,
            "resource": head.resource,
            "schema_version": head.schema_version,
            "institution": head.institution,
            "business_key": head.business_key,
            "business_date": head.business_date.isoformat(),
            "revision": head.revision,
            "corrects": head.corrects,
            "created_at": instant_text(head.created_at),
        },
        "body": message.body,
        "attachments": [
            {"name": n.name, "media_type": n.media_type, "size": n.size, "sm3": n.sm3}
            for n in message.attachments
        ],
        "provenance": {
            "source_system": message.provenance.source_system,
            "collector": message.provenance.collector,
            "operator": message.provenance.operator,
        },
    }


def _named_files(resource: Resource, body: Mapping[str, Json]) -> dict[str, str]:
    """File name → field that names it."""
    named: dict[str, str] = {}
    for field in resource.fields:
        value = body.get(field.name)
        if value is None:
            continue
        if field.type.name == "attachment":
            named[cast("str", value)] = field.name
        elif field.type.item == "attachment":
            named.update(dict.fromkeys(cast("list[str]", value), field.name))
    return named
