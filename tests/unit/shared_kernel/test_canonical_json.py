"""Canonical bytes are those of RFC 8785."""

from __future__ import annotations

import pytest
import rfc8785
from hypothesis import given, settings
from hypothesis import strategies as st

from shared_kernel.canonical_json import NotCanonical, canonical_bytes

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=20,
)


def test_members_are_sorted_by_utf16_code_units() -> None:
    """
    RFC 8785 3.2.3: sorting is by UTF-16, where U+1F600 comes before U+FB33.
    """
    expected = b'{"\xf0\x9f\x98\x80":1,"\xef\xac\xb3":2}'

    assert canonical_bytes({"\ufb33": 2, "\U0001f600": 1}) == expected


@pytest.mark.parametrize("value", [1.0, 2**53, {"a": [0.5]}, "\ud800", {1: "x"}, b"x", {"s": {1}}])
def test_what_has_no_canonical_form_is_refused(value: object) -> None:
    """
    Floats, unsafe integers, lone surrogates, bytes and non-text keys are refused by name.
    """
    with pytest.raises(NotCanonical):
        canonical_bytes(value)  # type: ignore[arg-type]


@given(VALUES)
@settings(derandomize=True, deadline=None, max_examples=200)
def test_agrees_with_the_reference_implementation(value: object) -> None:
    """
    For every value both accept, the bytes equal those of the rfc8785 package.
    """
    assert canonical_bytes(value) == rfc8785.dumps(value)  # type: ignore[arg-type]
