"""Which values may become searchable, and which would give themselves away?

A blind term hides a value only among many. Of sex, blood group, a diagnosis or a
surname the frequencies are public: whoever counts equal terms reads the values
without any key. So a column states how many values it has and how common the
commonest is, and one that is too narrow or too lopsided is refused when the table
is made: at import for our own rows, at the call for an operator's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from types import MappingProxyType
from typing import Final

from secure_records.vault_errors import IndexColumnRefused

SMALLEST_VALUE_SPACE: Final = 1000
"""Fewer values than this are read off a frequency table."""

LARGEST_SHARE: Final = Fraction(1, 20)
"""A commoner value stands out of the histogram of any store."""

LONGEST_TERM: Final = 8
"""Bytes. Longer terms find nothing more and tell more apart."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexColumn:
    """One way to find a patient."""

    name: str
    """As written in a search: ``id_no``."""

    normaliser: str
    """Name and version of the normal form; part of what is MACed."""

    version: int
    """First index version; a rotation starts a higher one under a new key."""

    term_bytes: int
    """Length of the stored code. Unique numbers: 8. The compound of name and
    birth date: 3, so that in a large store codes also collide by chance and a
    single hit proves nothing."""

    values: int
    """How many values exist, at least: a lower bound, not a hope."""

    largest_share: Fraction
    """Share of the patients who have the commonest value, at most."""

    confirms: tuple[str, ...]
    """What a hit tells about the patient, in the names agreements use."""


def column_table(rows: Iterable[IndexColumn]) -> Mapping[str, IndexColumn]:
    """The columns by name.

    Raises:
        IndexColumnRefused: two of one name, too few values, one value too common, or
            a term of another length than 1 to 8 bytes.
    """
    table: dict[str, IndexColumn] = {}
    for row in rows:
        if row.name in table:
            raise IndexColumnRefused(f"{row.name}: there are two columns of this name")
        if row.values < SMALLEST_VALUE_SPACE:
            raise IndexColumnRefused(
                f"{row.name}: {row.values} values, at least {SMALLEST_VALUE_SPACE} are needed",
                where=row.name,
            )
        if not 0 < row.largest_share <= LARGEST_SHARE:
            raise IndexColumnRefused(
                f"{row.name}: the commonest value may have at most {LARGEST_SHARE} of the patients",
                where=row.name,
            )
        if not 1 <= row.term_bytes <= LONGEST_TERM:
            raise IndexColumnRefused(
                f"{row.name}: a term has 1 to {LONGEST_TERM} bytes", where=row.name
            )
        if row.version < 1:
            raise IndexColumnRefused(f"{row.name}: index versions count from 1", where=row.name)
        table[row.name] = row
    return MappingProxyType(table)


_ROWS: Final = (
    IndexColumn(
        name="id_no",
        normaliser="document/1",
        version=1,
        term_bytes=8,
        values=10**12,
        largest_share=Fraction(1, 10**6),
        confirms=("patient.id_no",),
    ),
    IndexColumn(
        name="phone",
        normaliser="e164/1",
        version=1,
        term_bytes=8,
        values=10**9,
        largest_share=Fraction(1, 10**4),
        confirms=("patient.phone",),
    ),
    IndexColumn(
        name="name_birth",
        normaliser="name+birth/1",
        version=1,
        term_bytes=3,
        values=10**8,
        largest_share=Fraction(1, 10**4),
        confirms=("patient.name", "patient.birth_date"),
    ),
)

COLUMNS: Final[Mapping[str, IndexColumn]] = column_table(_ROWS)
"""Searchable columns by name."""
