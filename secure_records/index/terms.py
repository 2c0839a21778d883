"""Which codes stand in the index for this patient, or for this question?

A term is the truncated MAC of column, normaliser and normal value under a key
that belongs to one tenant, column and version. Who steals the database sees
which patients share a code, and nothing about the value without the key.

New searchable fields are new rows, let in by ``columns.column_table``: values
with few possible answers are refused there. While the key of a column is being
replaced, two index versions of it live side by side; ``LiveVersions`` says which.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Protocol, TypeAlias

from secure_records.index import normalisers
from secure_records.index.columns import COLUMNS, IndexColumn
from secure_records.kinds.identity import SubjectIdentity
from secure_records.vault_errors import SearchRefused

_LENGTH_BYTES: Final = 4


class TermMac(Protocol):
    """The MAC of one tenant's index."""

    def __call__(self, column: str, version: int, data: bytes, /) -> bytes:
        """32 bytes under the key of this column and index version."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexTerm:
    """One code of one column."""

    column: str
    version: int
    term: bytes


LiveVersions: TypeAlias = Mapping[str, tuple[int, ...]]
"""Index versions that are written and asked now, by column; a column that is missing is
at the version of its row."""

NO_ROTATION: Final[LiveVersions] = MappingProxyType({})

_ALIASES: Final = MappingProxyType({"name+birth_date": "name_birth"})


def terms_for(
    identity: SubjectIdentity, term_mac: TermMac, live: LiveVersions = NO_ROTATION
) -> tuple[IndexTerm, ...]:
    """The codes of this patient in every live version; a value without normal form gives none."""
    return tuple(
        _term(column, version, value, term_mac)
        for column in COLUMNS.values()
        if (value := _value_of(column.name, identity)) is not None
        for version in live.get(column.name, (column.version,))
    )


def query_term(field: str, value: str, term_mac: TermMac) -> tuple[IndexTerm, str]:
    """As ``query_terms`` while no column is being rotated."""
    (term,), normal = query_terms(field, value, term_mac)
    return term, normal


def query_terms(
    field: str, value: str, term_mac: TermMac, live: LiveVersions = NO_ROTATION
) -> tuple[tuple[IndexTerm, ...], str]:
    """The codes to look up, and the normal value to compare after decryption.

    Args:
        field: A column name; ``name+birth_date`` is accepted for ``name_birth``.
        value: As typed; for the compound ``name|birth date``.
        term_mac: MAC of the tenant's index.
        live: Index versions to ask.

    Raises:
        SearchRefused: unknown field or a value without normal form. The message
            names the field, never the value.
    """
    name = column_of(field)
    column = COLUMNS.get(name)
    if column is None:
        raise SearchRefused("there is no search by this field", where="field")
    normal = _normal(name, value)
    if normal is None:
        raise SearchRefused(f"the value is no {column.normaliser} value", where=name)
    versions = live.get(name, (column.version,))
    return tuple(_term(column, version, normal, term_mac) for version in versions), normal


def column_of(field: str) -> str:
    """The column that a search field means; an unknown name comes back as it is."""
    return _ALIASES.get(field, field)


def matches(field: str, normal: str, identity: SubjectIdentity) -> bool:
    """Does this decrypted identity really have the value that was asked for?"""
    return _value_of(column_of(field), identity) == normal


def identity_bytes(identity: SubjectIdentity) -> bytes:
    """What makes two identities the same patient: document type and normal number.

    Length-prefixed, so that no two pairs share their bytes. A number without
    normal form stands for itself.
    """
    number = normalisers.document_number(identity.id_no) or identity.id_no
    return _prefixed(identity.id_type, number)


def _value_of(column: str, identity: SubjectIdentity) -> str | None:
    if column == "id_no":
        return normalisers.document_number(identity.id_no)
    if column == "phone":
        return normalisers.phone_number(identity.phone) if identity.phone else None
    if identity.birth_date is None:
        return None
    return normalisers.name_and_birth(identity.name, str(identity.birth_date))


def _normal(column: str, value: str) -> str | None:
    if column == "id_no":
        return normalisers.document_number(value)
    if column == "phone":
        return normalisers.phone_number(value)
    name, bar, born = value.rpartition("|")
    return normalisers.name_and_birth(name, born) if bar else None


def _term(column: IndexColumn, version: int, value: str, term_mac: TermMac) -> IndexTerm:
    data = _prefixed(column.name, column.normaliser, value)
    code = term_mac(column.name, version, data)[: column.term_bytes]
    return IndexTerm(column=column.name, version=version, term=code)


def _prefixed(*parts: str) -> bytes:
    encoded = [part.encode() for part in parts]
    return b"".join([len(part).to_bytes(_LENGTH_BYTES, "big") + part for part in encoded])
