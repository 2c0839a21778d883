"""A record opens with its key, in its place, unaltered; otherwise not at all."""

from __future__ import annotations

import os
from dataclasses import replace

import pytest

from secure_records.envelope.context import EnvelopeContext
from secure_records.envelope.format import parse_envelope, serialise_envelope
from secure_records.envelope.inspect import inspect_envelope
from secure_records.envelope.seal import LARGEST_PLAINTEXT, open_envelope, seal
from secure_records.envelope.suites import GM, INTL, Suite
from secure_records.errors import (
    ContextRefused,
    EnvelopeMalformed,
    EnvelopeRefused,
    KeyMalformed,
    PlaintextTooLong,
)
from shared_kernel.grades import Grade

DEK = bytes(range(32))
CONTEXT = EnvelopeContext(
    tenant="91330100MA2ABCDE4X",
    subject="sub_00000000000000000000000001",
    record="rec_00000000000000000000000002",
    version=1,
    schema="prescription/1",
    kind="prescription",
    grade=Grade.SENSITIVE,
    key_id="key_00000000000000000000000003",
)
BOTH = pytest.mark.parametrize("suite", [GM, INTL], ids=lambda suite: suite.name)


@BOTH
@pytest.mark.parametrize("plaintext", [b"", b"{}", bytes(4096)], ids=len)
def test_sealed_record_opens_in_its_place(suite: Suite, plaintext: bytes) -> None:
    """What was sealed comes back, the empty record included."""
    blob = seal(DEK, suite, CONTEXT, plaintext, os.urandom)

    assert open_envelope(DEK, CONTEXT, blob) == plaintext


@BOTH
def test_two_sealings_of_one_record_share_nothing(suite: Suite) -> None:
    """Equal records must not be recognisable as equal."""
    first, second = (
        parse_envelope(seal(DEK, suite, CONTEXT, b"same", os.urandom)) for _ in range(2)
    )

    assert first.message_id != second.message_id
    assert first.commitment != second.commitment
    assert first.sealed != second.sealed


@BOTH
def test_another_key_is_refused_before_decrypting(suite: Suite) -> None:
    """The commitment of a wrong data key does not match."""
    blob = seal(DEK, suite, CONTEXT, b"secret", os.urandom)

    with pytest.raises(EnvelopeRefused):
        open_envelope(bytes(32), CONTEXT, blob)


@BOTH
def test_forged_commitment_does_not_help(suite: Suite) -> None:
    """A ciphertext made to open under two keys carries at most one right commitment."""
    parts = parse_envelope(seal(DEK, suite, CONTEXT, b"secret", os.urandom))
    forged = serialise_envelope(replace(parts, commitment=bytes(32)))

    with pytest.raises(EnvelopeRefused):
        open_envelope(DEK, CONTEXT, forged)


def test_suites_do_not_mix() -> None:
    """An envelope relabelled as one of the other suite does not open."""
    for suite, other in ((GM, INTL), (INTL, GM)):
        parts = parse_envelope(seal(DEK, suite, CONTEXT, b"secret", os.urandom))
        relabelled = serialise_envelope(replace(parts, suite_code=other.code))
        with pytest.raises(EnvelopeRefused):
            open_envelope(DEK, CONTEXT, relabelled)


@pytest.mark.parametrize("code", [0, 3, 255])
def test_unknown_suite_is_refused(code: int) -> None:
    """A suite that is not known here is no reason to guess."""
    parts = parse_envelope(seal(DEK, GM, CONTEXT, b"secret", os.urandom))
    blob = serialise_envelope(replace(parts, suite_code=code))

    with pytest.raises(EnvelopeRefused):
        open_envelope(DEK, CONTEXT, blob)
    with pytest.raises(EnvelopeMalformed):
        inspect_envelope(blob)


@pytest.mark.parametrize(
    ("blob", "where"),
    [
        (b"", "magic"),
        (b"JK", "magic"),
        (b"XX\x01\x01\x01" + bytes(200), "magic"),
        (b"JK\x00\x01\x01" + bytes(200), "format"),
        (b"JK\x02\x01\x01" + bytes(200), "format"),
        (b"JK\x01\x01\x1e" + bytes(100), "length"),
        (b"JK\x01\x01\x00" + bytes(200), "key_id"),
        (b"JK\x01\x01\x01/" + bytes(200), "key_id"),
        (b"JK\x01\x01\x02\xc3\xa4" + bytes(200), "key_id"),
        (b"JK\x01\x01\xff" + b"a" * 600, "key_id"),
    ],
)
def test_malformed_bytes_are_refused_by_part(blob: bytes, where: str) -> None:
    """The parser names the part that is wrong and raises nothing but its own refusal."""
    with pytest.raises(EnvelopeMalformed) as refusal:
        parse_envelope(blob)
    assert refusal.value.where == where


def test_inspection_needs_no_key() -> None:
    """An auditor sees format, suite, key identifier and sizes, and no content."""
    summary = inspect_envelope(seal(DEK, GM, CONTEXT, b"twelve bytes", os.urandom))

    assert (summary.format, summary.suite, summary.key_id) == (1, "gm", CONTEXT.key_id)
    assert summary.plaintext_bytes == 12
    assert summary.total_bytes == 5 + 30 + 32 + 32 + 12 + 16


@pytest.mark.parametrize(
    "change",
    [
        {"tenant": ""},
        {"subject": ""},
        {"record": ""},
        {"schema": ""},
        {"kind": ""},
        {"kind": "\ud800"},
        {"version": 0},
        {"version": -1},
        {"version": 2**63},
        {"tenant": "x" * 5000},
        {"key_id": "Key 1"},
    ],
    ids=str,
)
def test_incomplete_context_is_refused(change: dict[str, str | int]) -> None:
    """A record is never sealed for a place that is not fully named."""
    context = replace(CONTEXT, **change)  # type: ignore[arg-type]

    with pytest.raises(ContextRefused):
        seal(DEK, INTL, context, b"", os.urandom)


@pytest.mark.parametrize("size", [0, 16, 31, 33])
def test_data_key_has_32_bytes(size: int) -> None:
    """A truncated data key is refused, not padded."""
    with pytest.raises(KeyMalformed):
        seal(bytes(size), GM, CONTEXT, b"", os.urandom)


def test_failing_random_source_stops_sealing() -> None:
    """Too few random bytes would reuse a one-use key, so nothing is sealed."""
    with pytest.raises(KeyMalformed, match="random source"):
        seal(DEK, GM, CONTEXT, b"", lambda _: b"")


def test_over_long_record_is_refused() -> None:
    """Large media have their own chunked format."""
    with pytest.raises(PlaintextTooLong):
        seal(DEK, INTL, CONTEXT, bytes(LARGEST_PLAINTEXT + 1), os.urandom)


def test_serialising_refuses_parts_of_wrong_length() -> None:
    """The writer never makes what the reader would refuse."""
    parts = parse_envelope(seal(DEK, GM, CONTEXT, b"", os.urandom))
    for broken in (
        replace(parts, message_id=bytes(31)),
        replace(parts, commitment=bytes(33)),
        replace(parts, sealed=bytes(15)),
        replace(parts, key_id=""),
    ):
        with pytest.raises(ContextRefused):
            serialise_envelope(broken)
