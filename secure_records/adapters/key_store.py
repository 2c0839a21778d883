"""How do wrapped keys reach their own database, and come back as rows?

Implements ``KeyStore``. Unlike the other SQL adapters it opens its own
transactions: keys lie in another file than the records and commit before them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Final, Protocol, TypeAlias

from sqlalchemy import Executable, bindparam, func, insert, select
from sqlalchemy.engine import Connection, Row
from sqlalchemy.exc import IntegrityError

from secure_records.adapters.key_tables import key_minimum, wrapped_keys
from secure_records.errors import KeySlotTaken, ParentKeyRetired
from secure_records.keys.models import ROOT_WRAPPED, KeyKind, KeySlot, WrappedKey
from shared_kernel.instants import instant_text, parse_instant

_OWNERS_AT_ONCE: Final = 500
"""Bound parameters of one statement; SQLite and PostgreSQL allow far more."""

_T: Final = wrapped_keys.c
KEY_COLUMNS: Final = (
    _T.tenant,
    _T.owner,
    _T.key_id,
    _T.kind,
    _T.retention_class,
    _T.version,
    _T.suite,
    _T.wrapped,
    _T.public,
    _T.created_at,
    _T.parent,
)
"""A row, in the order that ``wrapped_keys_of`` reads."""

_Row: TypeAlias = Row[*tuple[Any, ...]]

# Built once: composing a statement costs more than running it.
_BY_ID: Final = select(*KEY_COLUMNS).where(
    _T.tenant == bindparam("tenant"), _T.key_id == bindparam("key_id")
)
_IN_SLOT: Final = (
    select(*KEY_COLUMNS)
    .where(
        _T.tenant == bindparam("tenant"),
        _T.owner == bindparam("owner"),
        _T.kind == bindparam("kind"),
        _T.retention_class == bindparam("retention_class"),
    )
    .order_by(_T.version)
)
_OF_KINDS: Final = (
    select(*KEY_COLUMNS)
    .where(_T.tenant == bindparam("tenant"), _T.kind.in_(bindparam("kinds", expanding=True)))
    .order_by(_T.kind, _T.owner, _T.version)
)
_OF_OWNERS: Final = (
    select(*KEY_COLUMNS)
    .where(_T.tenant == bindparam("tenant"), _T.owner.in_(bindparam("owners", expanding=True)))
    .order_by(_T.owner, _T.kind, _T.retention_class, _T.version)
)
_COUNTS: Final = (
    select(_T.kind, func.count()).where(_T.tenant == bindparam("tenant")).group_by(_T.kind)
)

# Locked until the commit where the engine can lock rows: a rotation must not destroy
# the parent between this look and the insert.
_TENANT_KEY: Final = (
    select(_T.version)
    .where(_T.tenant == bindparam("tenant"), _T.owner == "", _T.kind == KeyKind.TENANT.value)
    .with_for_update(read=True)
)
_FILE_KEY: Final = (
    select(_T.parent)
    .where(_T.tenant == "", _T.owner == "", _T.kind == KeyKind.FILE.value)
    .with_for_update(read=True)
)
_MINIMUM: Final = select(key_minimum.c.kind, key_minimum.c.version).where(
    key_minimum.c.tenant == bindparam("tenant")
)


class TransactionSource(Protocol):
    """Whatever opens transactions on the key database."""

    def transaction(self) -> AbstractContextManager[Connection]:
        """A writing transaction that commits at the end of its block."""
        ...

    def reading(self) -> AbstractContextManager[Connection]:
        """A transaction that only reads."""
        ...


class SqlKeyStore:
    """Wrapped keys in SQL; the tables must exist."""

    __slots__ = ("_source",)

    def __init__(self, source: TransactionSource) -> None:
        self._source = source

    def add(self, keys: Sequence[WrappedKey]) -> None:
        """Commit all of ``keys``, durably, or none.

        Raises:
            KeySlotTaken: a slot already holds one of these versions.
            ParentKeyRetired: a key is wrapped under a parent that is no longer there.
        """
        if not keys:
            return
        try:
            with self._source.transaction() as connection:
                _require_parents(connection, keys)
                connection.execute(insert(wrapped_keys), [key_values(key) for key in keys])
        except IntegrityError as error:
            raise KeySlotTaken("a key slot was taken by another process") from error

    def by_id(self, tenant: str, key_id: str) -> WrappedKey | None:
        """The row with this identifier, or None."""
        found = self._rows(_BY_ID, {"tenant": tenant, "key_id": key_id})
        return found[0] if found else None

    def in_slot(self, slot: KeySlot) -> tuple[WrappedKey, ...]:
        """Every version in one slot, oldest first."""
        values = {
            "tenant": slot.tenant,
            "owner": slot.owner,
            "kind": slot.kind.value,
            "retention_class": slot.retention_class,
        }
        return self._rows(_IN_SLOT, values)

    def of_kinds(self, tenant: str, kinds: Sequence[KeyKind]) -> tuple[WrappedKey, ...]:
        """Every row of some kinds, ordered by kind, owner and version."""
        return self._rows(_OF_KINDS, {"tenant": tenant, "kinds": [kind.value for kind in kinds]})

    def of_owners(self, tenant: str, owners: Sequence[str]) -> tuple[WrappedKey, ...]:
        """Every row that serves these patients or persons."""
        found: list[WrappedKey] = []
        for start in range(0, len(owners), _OWNERS_AT_ONCE):
            some = list(owners[start : start + _OWNERS_AT_ONCE])
            found.extend(self._rows(_OF_OWNERS, {"tenant": tenant, "owners": some}))
        return tuple(found)

    def counts(self, tenant: str) -> Mapping[KeyKind, int]:
        """How many rows there are of each kind."""
        with self._source.reading() as connection:
            rows = connection.execute(_COUNTS, {"tenant": tenant}).all()
        return {KeyKind(kind): count for kind, count in rows}

    def minimum(self, tenant: str) -> Mapping[KeyKind, int]:
        """The lowest versions that may still open anything."""
        with self._source.reading() as connection:
            rows = connection.execute(_MINIMUM, {"tenant": tenant}).all()
        return {KeyKind(kind): version for kind, version in rows}

    def _rows(
        self, statement: Executable, values: Mapping[str, str | list[str]]
    ) -> tuple[WrappedKey, ...]:
        with self._source.reading() as connection:
            return tuple(wrapped_keys_of(connection.execute(statement, values).all()))


def _require_parents(connection: Connection, keys: Sequence[WrappedKey]) -> None:
    """A process that slept through a rotation must not wrap under the key that it remembers."""
    added = {(key.slot.tenant, key.version) for key in keys if key.slot.kind is KeyKind.TENANT}
    needed = {
        ("" if key.slot.kind in ROOT_WRAPPED else key.slot.tenant, key.parent) for key in keys
    }
    for tenant, parent in needed - added:
        statement, values = (_TENANT_KEY, {"tenant": tenant}) if tenant else (_FILE_KEY, {})
        present = set(connection.execute(statement, values).scalars())
        # A home without file key has no rows under any root yet.
        if parent not in present and (tenant or present):
            raise ParentKeyRetired(f"version {parent} of the parent key was replaced")


def key_values(key: WrappedKey) -> dict[str, str | int | bytes]:
    """The columns of a row."""
    return {
        "tenant": key.slot.tenant,
        "owner": key.slot.owner,
        "key_id": key.key_id,
        "kind": key.slot.kind.value,
        "retention_class": key.slot.retention_class,
        "version": key.version,
        "suite": key.suite,
        "wrapped": key.wrapped,
        "public": key.public,
        "created_at": instant_text(key.created_at),
        "parent": key.parent,
    }


def wrapped_keys_of(rows: Iterable[_Row]) -> Iterable[WrappedKey]:
    """Rows read as ``KEY_COLUMNS``."""
    for row in rows:
        tenant, owner, key_id, kind, retention_class, version, suite, wrapped, public, at, up = row
        yield WrappedKey(
            slot=KeySlot(
                tenant=tenant, kind=KeyKind(kind), owner=owner, retention_class=retention_class
            ),
            key_id=key_id,
            version=version,
            suite=suite,
            wrapped=bytes(wrapped),
            public=bytes(public),
            created_at=parse_instant(at, "created_at"),
            parent=up,
        )
