"""A column whose values could be read off a frequency table never becomes searchable."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secure_records.index import COLUMNS, IndexColumn, column_table
from secure_records.index.columns import LARGEST_SHARE, LONGEST_TERM, SMALLEST_VALUE_SPACE
from secure_records.vault_errors import IndexColumnRefused

PASSPORT = IndexColumn(
    name="passport",
    normaliser="document/1",
    version=1,
    term_bytes=8,
    values=10**8,
    largest_share=Fraction(1, 10**6),
    confirms=("patient.id_no",),
)


def test_our_own_columns_pass_their_own_gate() -> None:
    """What ships is let in by the same rule as what an operator adds."""
    assert column_table(COLUMNS.values()) == COLUMNS
    assert set(COLUMNS) == {"id_no", "phone", "name_birth"}


@pytest.mark.parametrize(
    ("name", "values", "share"),
    [
        ("sex", 4, Fraction(52, 100)),
        ("blood_group", 8, Fraction(34, 100)),
        ("ethnic", 56, Fraction(91, 100)),
        ("hiv", 2, Fraction(99, 100)),
        ("dx", 30_000, Fraction(12, 100)),
        ("surname", 4_000, Fraction(72, 1000)),
    ],
)
def test_guessable_values_are_refused(name: str, values: int, share: Fraction) -> None:
    """Too few values, or one that too many share: refused when it is added, by its name."""
    column = replace(PASSPORT, name=name, values=values, largest_share=share)

    with pytest.raises(IndexColumnRefused, match=name):
        column_table([*COLUMNS.values(), column])


@pytest.mark.parametrize(
    "column",
    [
        replace(PASSPORT, values=SMALLEST_VALUE_SPACE - 1),
        replace(PASSPORT, largest_share=LARGEST_SHARE + Fraction(1, 10**9)),
        replace(PASSPORT, largest_share=Fraction(0)),
        replace(PASSPORT, term_bytes=LONGEST_TERM + 1),
        replace(PASSPORT, term_bytes=0),
        replace(PASSPORT, version=0),
        replace(PASSPORT, name="id_no"),
    ],
)
def test_each_limit_refuses_just_beyond(column: IndexColumn) -> None:
    """One value too few, a share a hair too large, a term too long, a name twice."""
    with pytest.raises(IndexColumnRefused):
        column_table([*COLUMNS.values(), column])


@given(
    values=st.integers(1, 10**6),
    share=st.fractions(min_value=Fraction(1, 10**6), max_value=1),
)
@settings(derandomize=True, deadline=None, max_examples=200)
def test_exactly_the_wide_and_even_columns_pass(values: int, share: Fraction) -> None:
    """The two limits and nothing else decide."""
    column = replace(PASSPORT, values=values, largest_share=share)
    try:
        passed = column_table([column]) == {"passport": column}
    except IndexColumnRefused:
        passed = False

    assert passed == (values >= 1000 and share <= Fraction(1, 20))
