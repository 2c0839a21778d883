"""A YAML document says one thing only, or is refused."""

from __future__ import annotations

import pytest

from secure_records.access.errors import AccessDocumentMalformed
from secure_records.access.strict_yaml import MAX_BYTES, MAX_DEPTH, read_yaml


def test_dates_words_and_decimals_stay_text() -> None:
    """Nothing is guessed from the look of a word: 2026-01-01, no and 1.5 are text."""
    found = read_yaml(b"a: 2026-01-01\nb: no\nc: 1.5\nd: 12\ne: true\nf: null\ng: '12'\nh: 010")

    assert found == {
        "a": "2026-01-01", "b": "no", "c": "1.5", "d": 12, "e": True, "f": None, "g": "12",
        "h": "010",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "where"),
    [
        (b"a: 1\na: 2", "$.a"),
        (b"x:\n  a: 1\n  'a': 2", "$.x.a"),
        (b"a: &x [1]\nb: *x", "line 1"),
        (b"a: !!python/object:os.system ls", "line 1"),
        (b"a: 1\n---\nb: 2", "line 2"),
        (b"a: [1, 2", "line 1"),
        (b"[1]: 2", "$"),
        (b"", "$"),
        (b"a: \xff", "$"),
        (b"a: \x00", "$"),
        (b"#" * (MAX_BYTES + 1), "$"),
        (b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1), "line 1"),
        (b"[" * 100_000, "line 1"),
    ],
)
def test_surprises_are_refused_by_place(text: bytes, where: str) -> None:
    """Duplicate keys, aliases, tags, many documents and depth are refused, each with its place."""
    with pytest.raises(AccessDocumentMalformed) as caught:
        read_yaml(text)

    assert caught.value.where == where


def test_merge_keys_do_not_merge() -> None:
    """The key << is an ordinary key and so an unknown one to whoever reads on."""
    assert read_yaml(b"<<: 1\na: 2") == {"<<": 1, "a": 2}
