"""How does a body become a frozen message in the outbox, at most once?

Validation first, then attachments, then the two keys of idempotency: the same
content returns the message that is already there; another content about the
same business must say which message it corrects.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from shared_kernel.canonical_json import Json
from shared_kernel.digests import HashFunction, digest_with
from shared_kernel.identifiers import Entropy, new_identifier
from supervision.errors import AttachmentRefused, BodyInvalid, FieldProblem, RevisionNeeded
from supervision.messages.catalogue import SCHEMA_VERSION, Resource, catalogue
from supervision.messages.message import (
    Attachment,
    CanonicalMessage,
    Head,
    Provenance,
    business_date,
    business_key,
    content_digest,
    message_bytes,
    note_attachments,
)
from supervision.messages.validation import NotEnforced, validate_body
from supervision.options import DeliveryOptions
from supervision.outbox.entry import OutboxEntry
from supervision.outbox.states import State
from supervision.ports import OutboxStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a caller hands over."""

    resource: str
    body: Mapping[str, Json]
    attachments: tuple[Attachment, ...] = ()
    provenance: Provenance
    corrects: str | None = None
    """Message that this one corrects."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """What became of it."""

    entry: OutboxEntry
    attachments: tuple[Attachment, ...]
    already_there: bool
    not_enforced: tuple[NotEnforced, ...]
    """Rules that people must have looked at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmissionRules:
    """What stays the same between submissions."""

    institution: str
    profile_id: str
    options: DeliveryOptions
    sm3: HashFunction


def prepare_submission(
    outbox: OutboxStore, report: Report, rules: SubmissionRules, at: datetime, entropy: Entropy
) -> Submission:
    """Decide what to store; stores nothing itself.

    Raises:
        UnknownResource: no such resource.
        BodyInvalid: fields break rules.
        AttachmentRefused: files do not fit the body or are too large.
        RevisionNeeded: the business was reported before with another content.
        UnknownMessage: the message to be corrected does not exist.
    """
    datasets = catalogue()
    resource = datasets.resource(report.resource)
    checked = validate_body(resource, report.body, datasets)
    body = checked.require_valid()
    _require_own(resource, body, rules.institution)
    if sum(len(item.content) for item in report.attachments) > rules.options.largest_attachments:
        raise AttachmentRefused("the attachments together are too large", where="attachments")
    notes = note_attachments(resource, body, report.attachments, rules.sm3)
    corrected = outbox.entry(report.corrects) if report.corrects is not None else None
    key = business_key(resource, body)
    message = CanonicalMessage(
        head=Head(
            message_id=new_identifier("msg", at, entropy),
            resource=resource.name,
            schema_version=SCHEMA_VERSION,
            institution=rules.institution,
            business_key=key,
            business_date=business_date(resource, body, at),
            revision=1 if corrected is None else corrected.revision + 1,
            corrects=report.corrects,
            created_at=at,
        ),
        body=body,
        attachments=notes,
        provenance=report.provenance,
    )
    data = message_bytes(message)
    if len(data) > rules.options.largest_body:
        raise BodyInvalid(
            resource.name,
            (FieldProblem(path="*", rule="size", zh="报文过大", en="the message is too large"),),
        )
    content = str(content_digest(message, rules.sm3))
    known = outbox.with_content(rules.profile_id, content)
    if known is not None:
        return Submission(
            entry=known, attachments=(), already_there=True, not_enforced=checked.not_enforced
        )
    _require_revision(outbox.latest(rules.profile_id, resource.name, key), corrected)
    staged = OutboxEntry(
        message_id=message.head.message_id,
        profile_id=rules.profile_id,
        resource=resource.name,
        business_key=key,
        revision=message.head.revision,
        corrects=report.corrects,
        content_digest=content,
        sm3=str(digest_with(rules.sm3, data)),
        message=data,
        state=State.STAGED,
        attempts=0,
        next_at=at,
        claimed_until=None,
        note=None,
        created_at=at,
        updated_at=at,
    )
    return Submission(
        entry=staged.moved(State.VALID, at).moved(State.QUEUED, at),
        attachments=report.attachments,
        already_there=False,
        not_enforced=checked.not_enforced,
    )


def _require_own(resource: Resource, body: Mapping[str, Json], institution: str) -> None:
    stated = body.get("org_uscc")
    if stated is not None and stated != institution:
        problem = FieldProblem(
            path="org_uscc", rule="institution", zh="不是本机构代码", en="is another institution's"
        )
        raise BodyInvalid(resource.name, (problem,))


def _require_revision(latest: OutboxEntry | None, corrected: OutboxEntry | None) -> None:
    if latest is None and corrected is None:
        return
    if corrected is None or latest is None or latest.message_id != corrected.message_id:
        raise RevisionNeeded(
            "this business was reported before with another content"
            if corrected is None
            else "the message to be corrected is not the latest about this business",
            where="business_key",
        )
