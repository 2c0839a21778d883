"""What has been decided about one sealed column, before there is any row?"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal, TypeAlias

from secure_records.columns.errors import ColumnRuleRefused
from secure_records.index import normalisers
from shared_kernel.grades import Grade

Holds: TypeAlias = Literal["text", "bytes", "json"]
StoredAs: TypeAlias = Literal["bytes", "text"]

TERM_SUFFIX: Final = "_term"
TERM_BYTES: Final = 8
"""As for unique numbers of the vault. Values with few possible answers have no normal form here."""

RETENTION_CLASS: Final = "column"
"""Class of the data keys of columns: shredded apart from the patient's records."""

_LONGEST_IDENTIFIER: Final = 200
_SHORTEST_IDENTIFIER: Final = 4
_INDEX_VERSIONS: Final = range(1, 256)


def _name_and_birth(text: str) -> str | None:
    name, bar, born = text.rpartition("|")
    return normalisers.name_and_birth(name, born) if bar else None


def _identifier(text: str) -> str | None:
    plain = unicodedata.normalize("NFKC", text).strip().casefold()
    return plain if _SHORTEST_IDENTIFIER <= len(plain) <= _LONGEST_IDENTIFIER else None


NORMAL_FORMS: Final[Mapping[str, Callable[[str], str | None]]] = MappingProxyType(
    {
        "document/1": normalisers.document_number,
        "e164/1": normalisers.phone_number,
        "name+birth/1": _name_and_birth,
        "identifier/1": _identifier,
    }
)
"""Name and version of a normal form to the function. A bare name is missing on purpose: three
surnames cover a fifth of the country, so its codes would be readable from their frequency.
``identifier/1`` is for numbers that are unique, such as a card number or an address for mail."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldRule:
    """One sealed column.

    Raises:
        ColumnRuleRefused: a combination that cannot work.
    """

    subject: str | None = None
    """Column that names the patient; its value chooses the data key. None: one key a table."""

    index: str | None = None
    """Normal form of the blind index; None: the column cannot be asked."""

    index_versions: tuple[int, ...] = (1,)
    """The first is written, all are asked: this is how the index key rotates."""

    holds: Holds = "text"
    retention_class: str = RETENTION_CLASS
    grade: Grade = Grade.SENSITIVE
    stored_as: StoredAs = "bytes"
    """``text`` for a text column whose type cannot be changed: base64url behind ``jk1.``."""

    adopting: bool = False
    """Read plain values as well, as long as ``jinkui adopt`` has not finished."""

    def __post_init__(self) -> None:
        """Refuse at declaration what would fail at the first row."""
        if self.index is not None and self.index not in NORMAL_FORMS:
            raise ColumnRuleRefused(
                f"index: expected one of {', '.join(NORMAL_FORMS)}", where="index"
            )
        if self.index is not None and self.holds != "text":
            raise ColumnRuleRefused("index: only text has a normal form", where="index")
        if self.holds not in {"text", "bytes", "json"}:
            raise ColumnRuleRefused("holds: expected text, bytes or json", where="holds")
        if self.stored_as not in {"bytes", "text"}:
            raise ColumnRuleRefused("stored_as: expected bytes or text", where="stored_as")
        if self.adopting and (self.stored_as, self.holds) != ("text", "text"):
            raise ColumnRuleRefused(
                "adopting: only text in a text column is adopted", where="adopting"
            )
        versions = self.index_versions
        known = all(version in _INDEX_VERSIONS for version in versions)
        if not versions or len(set(versions)) != len(versions) or not known:
            raise ColumnRuleRefused(
                "index_versions: expected different numbers from 1 to 255", where="index_versions"
            )
        if not self.retention_class:
            raise ColumnRuleRefused("retention_class: expected a name", where="retention_class")
