"""Which request is sent for this message now?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from shared_kernel.canonical_json import Json
from shared_kernel.digests import HashFunction, parse_digest, require_equal
from shared_kernel.identifiers import Entropy
from shared_kernel.instants import in_utc
from shared_kernel.signatures import Signer
from supervision.messages.message import Attachment, parse_message
from supervision.outbox.entry import OutboxEntry
from supervision.profiles.acceptance import Environment, require_mapped
from supervision.profiles.document import Profile
from supervision.profiles.mapping import platform_row
from supervision.profiles.pipeline import PipelineInputs, SecretSource, run_pipeline
from supervision.transport.exchange import PreparedRequest

_UUID_BYTES = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class PackingTools:
    """What packing uses besides the message."""

    institution: str
    profile: Profile
    environment: Environment
    secrets: SecretSource
    signer: Signer
    entropy: Entropy
    sm3: HashFunction


def pack(
    entry: OutboxEntry, attachments: tuple[Attachment, ...], tools: PackingTools, at: datetime
) -> PreparedRequest:
    """The request for one attempt; nonce and time are fresh each time.

    Raises:
        DigestMismatch: the stored message or a file is not the one submitted.
        PipelineFailed, ProfileRefused: the profile cannot take it.
        SecretMissing: a credential is missing.
    """
    require_untouched(entry, attachments, tools.sm3)
    message = parse_message(entry.message)
    require_mapped(tools.profile, entry.resource, tools.environment)
    mapping = tools.profile.mapping(entry.resource)
    rows: tuple[Mapping[str, Json], ...] = ()
    if mapping.fields:
        rows = (platform_row(tools.profile, mapping, message.body),)
    packed = run_pipeline(
        tools.profile,
        PipelineInputs(
            rows=rows,
            message=entry.message,
            attachments=attachments,
            variables={
                "uuid4": str(UUID(bytes=tools.entropy(_UUID_BYTES), version=4)),
                "epoch_ms": str(int(in_utc(at, "at").timestamp() * 1000)),
                "method": mapping.method,
                "message_id": entry.message_id,
                "institution": tools.institution,
                "platform": tools.environment.platform,
                "resource": entry.resource,
            },
        ),
        tools.secrets,
        tools.signer,
        tools.entropy,
    )
    transport = tools.profile.transport
    return PreparedRequest(
        method=transport.method,
        url=tools.environment.base_url.rstrip("/") + transport.path,
        headers=(("Content-Type", transport.content_type), *packed.headers.items()),
        body=packed.body,
        timeout_s=transport.timeout_s,
    )


def require_untouched(
    entry: OutboxEntry, attachments: tuple[Attachment, ...], sm3: HashFunction
) -> None:
    """Check the stored message and files against the digests taken at submission.

    Raises:
        DigestMismatch: one byte differs.
    """
    stated = parse_digest(entry.sm3, "message digest")
    require_equal(stated.value, sm3(entry.message), "stored message")
    notes = parse_message(entry.message).attachments
    require_equal(
        "|".join(note.sm3 for note in notes).encode(),
        "|".join(f"sm3:{sm3(item.content).hex()}" for item in attachments).encode(),
        "stored attachments",
    )
