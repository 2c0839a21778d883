"""How is a cell sealed, opened and found, given its table and its row?

Holds the keys of one open home for the tables of the platform. New data keys
are committed to the key file before a sealed row is handed back, so the
platform's own transaction can never commit a value without its key.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final, Protocol

import orjson
from sqlalchemy import ColumnElement, FromClause, MetaData, Table
from sqlalchemy.schema import Column

from secure_records.columns.errors import ColumnKeysMissing, MatchRefused
from secure_records.columns.place import KIND, Place, Value, place_of, value_bytes, value_of
from secure_records.columns.rule import NORMAL_FORMS, TERM_BYTES, TERM_SUFFIX, FieldRule
from secure_records.columns.sealed_types import PlainValue, SealedType, SealedValue
from secure_records.envelope.format import split_envelope
from secure_records.envelope.seal import open_envelope, seal
from secure_records.envelope.suites import Suite, mac
from shared_kernel.identifiers import Entropy

_ATTACHED: Final = "jinkui.column_keys"
_LENGTH_BYTES: Final = 4


class KeySource(Protocol):
    """The part of the key ring that columns use."""

    @property
    def suite(self) -> Suite:
        """Algorithms for what is sealed from now on."""
        ...

    def dek(self, tenant: str, subject: str, retention_class: str) -> tuple[str, bytes]:
        """Key id and data key, made on first use."""
        ...

    def dek_by_id(self, tenant: str, key_id: str) -> bytes:
        """A data key that exists."""
        ...

    def index_key(self, tenant: str, column: str, version: int = 1) -> bytes:
        """Key of one index column."""
        ...

    def flush(self) -> None:
        """Commit new keys, durably."""
        ...


class ColumnKeys:
    """The keys of one institution, for columns outside the vault.

    Args:
        keys: The key ring of an open home.
        tenant: The institution.
        entropy: Where random bytes come from.
    """

    def __init__(self, keys: KeySource, tenant: str, entropy: Entropy) -> None:
        self._keys = keys
        self._tenant = tenant
        self._entropy = entropy

    # --- ORM ----------------------------------------------------------------------------

    def attach(self, metadata: MetaData) -> None:
        """Let the encrypted fields of these tables find their keys."""
        metadata.info[_ATTACHED] = self

    # --- whole rows, for Core -----------------------------------------------------------

    def seal_row(self, table: Table, row: Mapping[str, Value]) -> dict[str, Value]:
        """``row`` by column name with every sealed column sealed and its index terms beside it.

        Raises:
            PlaceIncomplete: key or subject is missing.
            ValueRefused: a value of another type than its field holds.
        """
        return self.seal_rows(table, (row,))[0]

    def seal_rows(
        self, table: Table, rows: Iterable[Mapping[str, Value]]
    ) -> list[dict[str, Value]]:
        """Many rows at once; see ``seal_row``."""
        sealed = [self._sealed(table, row) for row in rows]
        self._keys.flush()
        return sealed

    def open_row(self, table: Table, row: Mapping[str, Any]) -> dict[str, Value]:
        """``row`` as it was read, by column name, with plain values and without index terms.

        Raises:
            PlaceIncomplete: key or subject was not selected with it.
            EnvelopeRefused: a value was altered, or does not belong into this cell.
            KeyNotFound: the patient's data key has been destroyed.
        """
        rules = rules_of(table)
        terms = {f"{name}{TERM_SUFFIX}" for name, rule in rules.items() if rule.index}
        opened = {name: value for name, value in row.items() if name not in terms}
        for name, rule in rules.items():
            if isinstance(opened.get(name), PlainValue | SealedValue):
                place = place_of(table.fullname, name, rule, key_names(table), row)
                opened[name] = self.open_cell(rule, place, opened[name])
        return opened

    def matches(self, column: Column[Any] | ColumnElement[Any], value: str) -> ColumnElement[bool]:
        """The condition that a sealed column holds ``value`` in any spelling.

        Raises:
            MatchRefused: no index on this column, or the value has no normal form.
        """
        kind = column.type
        table = getattr(column, "table", None)
        if not isinstance(kind, SealedType) or not isinstance(table, FromClause):
            raise MatchRefused("this is no sealed column of a table")
        name = str(getattr(column, "name", ""))
        origin = next(iter(column.base_columns))
        source = getattr(origin, "table", table)
        terms = self.terms(str(getattr(source, "fullname", "")), name, kind.rule, value)
        if not terms:
            raise MatchRefused(f"{name}: the value is no {kind.rule.index} value", where=name)
        codes: ColumnElement[Any] = table.c[f"{name}{TERM_SUFFIX}"]
        return codes.in_(terms)

    # --- one cell -----------------------------------------------------------------------

    def seal_cell(self, rule: FieldRule, place: Place, value: Value) -> SealedValue:
        """Seal one value. ``commit_new_keys`` must follow before the row is committed."""
        plaintext = value_bytes(rule.holds, value, f"{place.table}.{place.column}")
        key_id, dek = self._keys.dek(self._tenant, place.owner, rule.retention_class)
        context = place.context(self._tenant, rule, key_id)
        return SealedValue(seal(dek, self._keys.suite, context, plaintext, self._entropy))

    def open_cell(self, rule: FieldRule, place: Place, stored: SealedValue | PlainValue) -> Value:
        """The value of one cell; see ``open_row`` for what it raises."""
        if isinstance(stored, PlainValue):
            return stored.value
        key_id = split_envelope(stored.envelope)[1]
        dek = self._keys.dek_by_id(self._tenant, key_id)
        context = place.context(self._tenant, rule, key_id)
        return value_of(rule.holds, open_envelope(dek, context, stored.envelope))

    def terms(self, table: str, column: str, rule: FieldRule, value: str) -> list[bytes]:
        """Index codes of a value, one for each index version; empty without normal form.

        Raises:
            MatchRefused: the column has no index.
        """
        if rule.index is None:
            raise MatchRefused(f"{column} has no index", where=column)
        normal = NORMAL_FORMS[rule.index](value)
        if normal is None:
            return []
        return [self._term(table, column, rule.index, v, normal) for v in rule.index_versions]

    def commit_new_keys(self) -> None:
        """Commit keys that were made since, durably."""
        self._keys.flush()

    # --- inside -------------------------------------------------------------------------

    def _sealed(self, table: Table, row: Mapping[str, Value]) -> dict[str, Value]:
        sealed = dict(row)
        for name, rule in rules_of(table).items():
            if name not in row:
                continue
            value = row[name]
            if rule.index is not None:
                terms = [] if value is None else self.terms(table.fullname, name, rule, value)
                sealed[f"{name}{TERM_SUFFIX}"] = terms[0] if terms else None
            if value is not None:
                place = place_of(table.fullname, name, rule, key_names(table), row)
                sealed[name] = self.seal_cell(rule, place, value)
        return sealed

    def _term(self, table: str, column: str, form: str, version: int, normal: str) -> bytes:
        # JSON, so that no two pairs of table and column share a name.
        label = orjson.dumps([KIND, table, column]).decode()
        parts = (label.encode(), form.encode(), normal.encode())
        data = b"".join(len(part).to_bytes(_LENGTH_BYTES, "big") + part for part in parts)
        key = self._keys.index_key(self._tenant, label, version)
        # The version stands in front: rows under an old index key are told from new ones.
        return bytes((version,)) + mac(self._keys.suite, key, data)[:TERM_BYTES]


def attached(metadata: MetaData) -> ColumnKeys:
    """The keys that were attached to these tables.

    Raises:
        ColumnKeysMissing: none were.
    """
    found = metadata.info.get(_ATTACHED)
    if not isinstance(found, ColumnKeys):
        raise ColumnKeysMissing("no keys are attached to the tables of this field")
    return found


def rules_of(table: Table) -> dict[str, FieldRule]:
    """Sealed columns of a table by name."""
    return {
        column.name: column.type.rule
        for column in table.columns
        if isinstance(column.type, SealedType)
    }


def key_names(table: Table) -> tuple[str, ...]:
    """Columns of the primary key, in its order."""
    return tuple(column.name for column in table.primary_key.columns)
