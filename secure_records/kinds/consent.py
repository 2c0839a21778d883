"""To which text did the person agree, through which channel and for what?

A separate consent (单独同意, 个人信息保护法 第二十三、二十九条) names one
purpose and, where data leave the institution, one recipient per scope row. The
clauses named below are of that law.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from secure_records.kinds.constraints import CreditCode, Instant, LocalId, Slug, TaggedDigest


class ConsentScope(
    Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """One thing agreed to."""

    kind: Literal["general", "sensitive", "separate_provision"]
    """``sensitive``: 第二十九条; ``separate_provision``: 第二十三条, one recipient."""

    purpose: Slug
    """As agreements name it, e.g. ``treatment``, ``dispensing``."""

    partner: CreditCode | None = None
    """Recipient outside the institution; absent: nobody outside."""

    def __post_init__(self) -> None:
        """A consent to hand over that names nobody is no consent (第二十三条)."""
        if self.kind == "separate_provision" and self.partner is None:
            raise ValueError("partner is required when kind is separate_provision")


class Consent(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """知情同意."""

    consent_no: LocalId
    text_id: Slug
    text_version: Annotated[str, Meta(pattern=r"^[0-9A-Za-z][0-9A-Za-z._-]{0,31}$(?!\n)")]
    text_digest: TaggedDigest
    """Of the exact text that was shown."""

    channel: Literal["app", "mini_program", "web", "paper", "telephone"]
    scope: Annotated[tuple[ConsentScope, ...], Meta(min_length=1, max_length=50)]
    given_by: Literal["patient", "guardian"]
    """``guardian`` for a child under fourteen (第三十一条)."""

    given_at: Instant
    expires_at: Instant | None = None
    evidence_digest: TaggedDigest
    """Of the proof: signature image, tick-box log, recording."""

    def __post_init__(self) -> None:
        """A consent cannot end before it was given."""
        if self.expires_at is not None and self.expires_at <= self.given_at:
            raise ValueError("expires_at must be after given_at")
