"""A leaf has one canonical form and names no patient."""

# ruff: noqa: ANN401 - the house fixture lives in a conftest, whose types tests cannot import

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import rfc8785
from hypothesis import given, settings
from hypothesis import strategies as st

from secure_records.audit.entry import AuditFact, entry_bytes, parse_entry
from secure_records.audit.errors import EntryRefused
from shared_kernel.canonical_json import NotCanonical

PAGE = Path(__file__).parents[4] / "docs" / "formats" / "audit-entry-v1.md"
SALT = bytes(range(16))
AT = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)


def fact(**changes: Any) -> AuditFact:
    content: dict[str, Any] = {
        "at": AT,
        "actor": "staff-1",
        "action": "record.read",
        "decision": "permit",
    }
    return AuditFact(**(content | changes))


def test_smallest_entry_literally() -> None:
    """Absent fields leave no key; the format document shows the same bytes."""
    encoded = entry_bytes(fact(), commitment=None, salt=SALT)
    assert encoded in PAGE.read_bytes().splitlines()
    assert encoded == (
        b'{"action":"record.read","actor":"staff-1","at":"2026-03-01T09:00:00Z",'
        b'"decision":"permit","salt":"000102030405060708090a0b0c0d0e0f","v":1}'
    )


def test_every_field_is_in_canonical_order() -> None:
    """A full entry equals what an independent RFC 8785 writer makes of it."""
    full = fact(
        on_behalf="staff-2",
        role="医师",
        purpose="treatment",
        partner="partner-a",
        agreement="a-1@2",
        policy="sm3:" + "0" * 64,
        clauses=("HIPC-12", "PIPL-23"),
        subject="sub_" + "0" * 26,
        record="rec_" + "0" * 26,
        kind="prescription",
        fields=("drugs", "diagnosis"),
        outcome="served",
        details={
            "é": 'quote " slash / back \\ \u0007 \u007f \u20ac 𝒳',
            "b": {"10": 1, "9": [True]},
        },
    )

    encoded = entry_bytes(full, commitment=b"\xab" * 32, salt=None)

    assert encoded == rfc8785.dumps(dict(parse_entry(encoded, 0)))  # type: ignore[arg-type]
    assert b"sub_" not in encoded
    assert b'"commitment":"abab' in encoded


@pytest.mark.parametrize(
    "changes",
    [
        {"actor": "sub_" + "0" * 26},
        {"details": {"who": "sub_" + "0" * 26}},
        {"outcome": "merged into sub_" + "a" * 26},
    ],
)
def test_subject_identifier_never_reaches_a_leaf(changes: dict[str, Any]) -> None:
    """An identifier of a patient anywhere in the leaf is refused."""
    with pytest.raises(EntryRefused, match="subject identifier"):
        entry_bytes(fact(**changes), commitment=None, salt=SALT)


@pytest.mark.parametrize(
    ("commitment", "salt"),
    [(None, None), (b"\0" * 32, SALT), (b"\0" * 31, None), (None, b"\0" * 15)],
)
def test_leaf_has_exactly_one_source_of_unpredictability(
    commitment: bytes | None, salt: bytes | None
) -> None:
    """Either a commitment of 32 bytes or a salt of 16, never both or neither."""
    with pytest.raises(EntryRefused):
        entry_bytes(fact(), commitment=commitment, salt=salt)


@pytest.mark.parametrize(
    "changes", [{"actor": ""}, {"action": ""}, {"decision": "maybe"}, {"outcome": "x" * 66_000}]
)
def test_malformed_facts_are_refused(changes: dict[str, Any]) -> None:
    """No actor, no action, an unknown decision or too many bytes."""
    with pytest.raises(EntryRefused):
        entry_bytes(fact(**changes), commitment=None, salt=SALT)


@pytest.mark.parametrize("details", [{"x": 1.5}, {"x": 2**53}, {"x": "\ud800"}])
def test_details_without_canonical_form_are_refused(details: dict[str, Any]) -> None:
    """Floats, unsafe integers and lone surrogates would hash differently elsewhere."""
    with pytest.raises(NotCanonical):
        entry_bytes(fact(details=details), commitment=None, salt=SALT)


def test_lone_surrogate_in_a_plain_field_is_refused() -> None:
    """Text that is not UTF-8 is refused in every field."""
    with pytest.raises(NotCanonical):
        entry_bytes(fact(actor="\ud800"), commitment=None, salt=SALT)


@pytest.mark.parametrize("entry", [b"", b"[]", b'{"v":2}', b"{"])
def test_foreign_leaves_are_not_read(entry: bytes) -> None:
    """Another version or shape is refused by name."""
    with pytest.raises(EntryRefused):
        parse_entry(entry, 7)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(), VALUES, max_size=6))
@settings(max_examples=300, deadline=None)
def test_details_are_canonical_whatever_they_hold(details: dict[str, Any]) -> None:
    """Flat or nested, in any script: the bytes are those of an independent writer (oracle)."""
    entry = entry_bytes(fact(details=details), commitment=None, salt=SALT)

    assert entry == rfc8785.dumps(json.loads(entry))
    assert parse_entry(entry, 0).get("details", {}) == details
