"""Who wrote this, by which means, and which signature do they stand behind?

Signatures are kept as they came: the value is opaque here, because checking it
needs the certificate authority of the signer. ``Provenance`` is the author's
own statement; admission refuses what no clinician wrote.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from secure_records.kinds.constraints import Instant, Line100, LocalId


class ElectronicSignature(
    Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """A personal electronic signature, kept as it came."""

    algorithm: Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9-]{1,39}$(?!\n)")]
    """``sm2-sm3``, ``ed25519``, ``rsa-sha256`` …"""

    certificate_serial: Annotated[str, Meta(pattern=r"^[0-9A-Za-z:-]{1,64}$(?!\n)")]
    """Serial number of the signer's certificate."""

    value: Annotated[str, Meta(pattern=r"^[A-Za-z0-9+/=_-]{1,8192}$(?!\n)")]
    """Base64 of the signature."""

    signed_at: Instant | None = None
    """From a trusted time stamp where there is one."""


class Provenance(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """The statement of who wrote the content and how.

    Only the treating physician may write a prescription, and no software may
    generate it (互联网诊疗监管细则（试行） 2022, 第二十一条).
    """

    author: LocalId
    """Staff number of the person who wrote it."""

    written_by: Literal["clinician", "template_edited_by_clinician", "software", "other_person"]
    """``software`` and ``other_person`` can be stated, and are refused at admission."""

    ai_assisted: bool = False
    """A program proposed wording that the author then took over or changed."""

    tool: Line100 | None = None
    """Name and version of that program."""
