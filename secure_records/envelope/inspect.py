"""What may an auditor see of a sealed record without any key?

Format, suite, key identifier and sizes. Nothing here is authenticated: a forger
can write any of it. It answers "what does this claim to be", never "is it whole".
"""

from __future__ import annotations

from dataclasses import dataclass

from secure_records.envelope.format import FORMAT, parse_envelope
from secure_records.envelope.suites import TAG_BYTES, SuiteName, suite_coded
from secure_records.errors import EnvelopeMalformed, UnknownSuite


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvelopeSummary:
    """What an envelope says about itself."""

    format: int
    suite: SuiteName
    key_id: str
    message_id: str
    """64 hex digits, unique to this envelope."""

    commitment: str
    """64 hex digits; equal commitments mean a copied envelope."""

    plaintext_bytes: int
    """Length of what is inside: GCM does not hide it."""

    total_bytes: int


def inspect_envelope(blob: bytes) -> EnvelopeSummary:
    """Describe ``blob`` without opening it.

    Raises:
        EnvelopeMalformed: no envelope of a format or suite known here.
    """
    envelope = parse_envelope(blob)
    try:
        suite = suite_coded(envelope.suite_code)
    except UnknownSuite as error:
        raise EnvelopeMalformed(
            f"envelope suite {envelope.suite_code} is not known here", where="suite"
        ) from error
    return EnvelopeSummary(
        format=FORMAT,
        suite=suite.name,
        key_id=envelope.key_id,
        message_id=envelope.message_id.hex(),
        commitment=envelope.commitment.hex(),
        plaintext_bytes=len(envelope.sealed) - TAG_BYTES,
        total_bytes=len(blob),
    )
