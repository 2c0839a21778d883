"""For all records, places and alterations: an envelope opens whole, at home, or not."""

from __future__ import annotations

import contextlib
import os
from dataclasses import fields, replace

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from secure_records.envelope.context import EnvelopeContext
from secure_records.envelope.format import parse_envelope, serialise_envelope
from secure_records.envelope.inspect import inspect_envelope
from secure_records.envelope.seal import open_envelope, seal
from secure_records.envelope.suites import GM, INTL, Suite
from secure_records.errors import EnvelopeRefused
from shared_kernel.grades import Grade

MODEST = settings(derandomize=True, deadline=None, max_examples=80)
DEK = bytes(range(32))
SUITES = st.sampled_from([GM, INTL])
TEXTS = st.text(st.characters(codec="utf-8"), min_size=1, max_size=12)
CONTEXTS = st.builds(
    EnvelopeContext,
    tenant=TEXTS,
    subject=TEXTS,
    record=TEXTS,
    version=st.integers(1, 2**63 - 1),
    schema=TEXTS,
    kind=TEXTS,
    grade=st.sampled_from(Grade),
    key_id=st.from_regex(r"[a-z0-9_]{1,64}", fullmatch=True),
)
FIELDS = [field.name for field in fields(EnvelopeContext)]


@MODEST
@given(suite=SUITES, context=CONTEXTS, plaintext=st.binary(max_size=300))
def test_round_trip(suite: Suite, context: EnvelopeContext, plaintext: bytes) -> None:
    """Opening undoes sealing, and serialising undoes parsing."""
    blob = seal(DEK, suite, context, plaintext, os.urandom)

    assert open_envelope(DEK, context, blob) == plaintext
    assert serialise_envelope(parse_envelope(blob)) == blob


@MODEST
@given(
    suite=SUITES, home=CONTEXTS, away=CONTEXTS, moved=st.sets(st.sampled_from(FIELDS), min_size=1)
)
def test_no_part_of_the_context_may_differ(
    suite: Suite, home: EnvelopeContext, away: EnvelopeContext, moved: set[str]
) -> None:
    """Moving an envelope in any one or several parts of its context closes it."""
    elsewhere = replace(home, **{name: getattr(away, name) for name in moved})
    assume(elsewhere != home)
    blob = seal(DEK, suite, home, b"secret", os.urandom)

    with pytest.raises(EnvelopeRefused):
        open_envelope(DEK, elsewhere, blob)


@MODEST
@given(left=CONTEXTS, right=CONTEXTS, suite=SUITES, other=SUITES)
def test_associated_data_is_injective(
    left: EnvelopeContext, right: EnvelopeContext, suite: Suite, other: Suite
) -> None:
    """Two places or suites never give the same associated data."""
    same = left == right and suite is other

    assert (left.associated_data(suite) == right.associated_data(other)) == same


@pytest.mark.parametrize("suite", [GM, INTL], ids=lambda suite: suite.name)
def test_text_cannot_move_between_neighbouring_parts(suite: Suite) -> None:
    """Shifting characters over the border of two parts changes the associated data."""
    base = EnvelopeContext(
        tenant="ab", subject="cd", record="ef", version=1, schema="gh", kind="ij",
        grade=Grade.STRICT, key_id="k",
    )  # fmt: skip
    shifted = replace(base, tenant="abc", subject="d")

    assert base.associated_data(suite) != shifted.associated_data(suite)


@pytest.mark.parametrize("suite", [GM, INTL], ids=lambda suite: suite.name)
def test_every_flipped_byte_closes_the_envelope(suite: Suite) -> None:
    """No byte of the envelope, header included, can be altered unnoticed."""
    context = EnvelopeContext(
        tenant="t", subject="s", record="r", version=1, schema="x/1", kind="x",
        grade=Grade.SENSITIVE, key_id="key_1",
    )  # fmt: skip
    blob = seal(DEK, suite, context, b"forty bytes or so of a patient's record", os.urandom)

    for place in range(len(blob)):
        for mask in (0x01, 0x80, 0xFF):
            altered = bytearray(blob)
            altered[place] ^= mask
            with pytest.raises(EnvelopeRefused):
                open_envelope(DEK, context, bytes(altered))
    for length in range(len(blob)):
        with pytest.raises(EnvelopeRefused):
            open_envelope(DEK, context, blob[:length])


@MODEST
@given(blob=st.binary(max_size=300) | st.binary(max_size=300).map(lambda b: b"JK\x01\x01" + b))
def test_parsers_raise_nothing_foreign(blob: bytes) -> None:
    """Whatever the bytes, a parser answers or refuses by its own name."""
    with contextlib.suppress(EnvelopeRefused):
        assert serialise_envelope(parse_envelope(blob)) == blob
        inspect_envelope(blob)
