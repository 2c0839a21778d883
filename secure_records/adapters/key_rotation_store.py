"""How does one parent key take the place of another without a row being lost?

Implements ``RotationStore`` over the tables of wrapped keys. Every step is one
transaction of its own, and says in its WHERE what it believes to be there: a row
that was destroyed or rewrapped meanwhile is left alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

from sqlalchemy import bindparam, delete, func, insert, literal_column, select, update
from sqlalchemy.engine import Connection
from sqlalchemy.exc import IntegrityError

from secure_records.adapters.key_store import (
    KEY_COLUMNS,
    TransactionSource,
    key_values,
    wrapped_keys_of,
)
from secure_records.adapters.key_tables import key_minimum, key_rotation, wrapped_keys
from secure_records.errors import MinimumRefused, RotationUnfinished, WrappedKeyRefused
from secure_records.keys.models import (
    ROOT_WRAPPED,
    KeyKind,
    KindAge,
    Rotation,
    RotationKind,
    WrappedKey,
)
from shared_kernel.instants import instant_text, parse_instant

_T: Final = wrapped_keys.c
_ROOT_KINDS: Final = sorted(kind.value for kind in ROOT_WRAPPED)
_PLACE: Final = 1

_BELOW: Final = (
    select(*KEY_COLUMNS)
    .where(
        _T.tenant == bindparam("tenant"),
        (_T.owner > bindparam("owner"))
        | ((_T.owner == bindparam("owner")) & (_T.key_id > bindparam("key_id"))),
        # Behind the cursor by the primary key; the first condition alone finds the place.
        _T.owner >= bindparam("owner"),
        _T.parent < bindparam("below"),
        _T.kind.not_in(_ROOT_KINDS),
    )
    .order_by(_T.owner, _T.key_id)
    .limit(bindparam("limit"))
)
_COUNT_BELOW: Final = select(func.count()).where(
    _T.tenant == bindparam("tenant"),
    _T.parent < bindparam("below"),
    _T.kind.not_in(_ROOT_KINDS),
)
_REWRAPPED: Final = (
    update(wrapped_keys)
    .where(
        _T.tenant == bindparam("of_tenant"),
        _T.owner == bindparam("of_owner"),
        _T.key_id == bindparam("of_key"),
        _T.parent == bindparam("from_parent"),
    )
    .values(wrapped=bindparam("wrapped"), parent=bindparam("parent"))
)
_ASKED: Final = "jinkui_rewrapped"
_AT_ONCE: Final = (
    f"UPDATE wrapped_keys SET wrapped = {_ASKED}(key_id), parent = ?"  # noqa: S608 - our own name
    " WHERE tenant = ? AND owner >= ? AND owner <= ? AND parent < ?"
    f" AND kind NOT IN ('file', 'tenant') AND {_ASKED}(key_id) IS NOT NULL"
)
_NEXT_TENANT: Final = select(func.min(_T.tenant)).where(_T.tenant > bindparam("tenant"))
_ROOT_ROWS: Final = select(*KEY_COLUMNS).where(
    _T.tenant == bindparam("tenant"), _T.owner == "", _T.kind.in_(_ROOT_KINDS)
)
_AGES: Final = (
    select(
        _T.kind,
        func.count(),
        func.min(_T.created_at),
        func.max(_T.created_at),
        func.min(_T.version),
        func.max(_T.version),
        func.min(_T.parent),
        func.max(_T.parent),
    )
    .where(_T.tenant == bindparam("tenant"))
    .group_by(_T.kind)
    .order_by(_T.kind)
)


class SqlKeyRotations:
    """The tables of wrapped keys, as rotations see them; the tables must exist."""

    __slots__ = ("_source",)

    def __init__(self, source: TransactionSource) -> None:
        self._source = source

    def unfinished(self) -> Rotation | None:
        """The rotation that has begun and not ended."""
        with self._source.reading() as connection:
            return _unfinished(connection)

    def begin(self, rotation: Rotation, keys: Sequence[WrappedKey]) -> None:
        """Note the rotation and add its first keys, together.

        Raises:
            RotationUnfinished: there is one already; nothing was written.
        """
        row = {
            "place": _PLACE,
            "kind": rotation.kind.value,
            "tenant": rotation.tenant,
            "old": rotation.old,
            "new": rotation.new,
            "began_at": instant_text(rotation.began_at),
            "began_by": rotation.began_by,
        }
        try:
            with self._source.transaction() as connection:
                connection.execute(insert(key_rotation).values(row))
                if keys:
                    connection.execute(insert(wrapped_keys), [key_values(key) for key in keys])
        except IntegrityError as error:
            raise RotationUnfinished("another rotation of this home has not ended") from error

    def below(
        self, tenant: str, parent: int, after: tuple[str, str], limit: int
    ) -> tuple[WrappedKey, ...]:
        """Rows under a lower version of the tenant key, in order, behind ``after``."""
        owner, key_id = after
        values = {
            "tenant": tenant,
            "owner": owner,
            "key_id": key_id,
            "below": parent,
            "limit": limit,
        }
        with self._source.reading() as connection:
            return tuple(wrapped_keys_of(connection.execute(_BELOW, values).all()))

    def count_below(self, tenant: str, parent: int) -> int:
        """How many rows hang on a lower version of the tenant key."""
        with self._source.reading() as connection:
            return _count_below(connection, tenant, parent)

    def rewrapped(self, parent: int, rows: Sequence[tuple[WrappedKey, bytes]]) -> None:
        """Give each row its new bytes, unless it was changed or destroyed since it was read."""
        if not rows:
            return
        with self._source.transaction() as connection:
            if connection.dialect.name == "sqlite":
                _rewrapped_at_once(connection, parent, rows)
            else:
                changes = [_change(row, wrapped, parent) for row, wrapped in rows]
                connection.execute(_REWRAPPED, changes)

    def end_tenant(self, rotation: Rotation) -> int:
        """Destroy the tenant keys below ``rotation.new``; 0 if nothing hangs on them any more."""
        with self._source.transaction() as connection:
            left = _count_below(connection, rotation.tenant, rotation.new)
            if left:
                return left
            connection.execute(
                delete(wrapped_keys).where(
                    _T.tenant == rotation.tenant,
                    _T.owner == "",
                    _T.kind == KeyKind.TENANT.value,
                    _T.version < rotation.new,
                )
            )
            _end(connection, rotation)
        return 0

    def rewrap_root(self, rotation: Rotation, rewrapped: Callable[[WrappedKey], bytes]) -> int:
        """Give every row that hangs on the root its new bytes, all or none; how many.

        Raises:
            WrappedKeyRefused: a row hangs on neither root.
        """
        with self._source.transaction() as connection:
            changes = []
            for tenant in _tenants(connection):
                found = connection.execute(_ROOT_ROWS, {"tenant": tenant}).all()
                for row in wrapped_keys_of(found):
                    if row.parent == rotation.new:
                        continue
                    if row.parent != rotation.old:
                        raise WrappedKeyRefused(
                            f"key {row.key_id} hangs on another root", where=row.key_id
                        )
                    changes.append(_change(row, rewrapped(row), rotation.new))
            if changes:
                connection.execute(_REWRAPPED, changes)
        return len(changes)

    def end_root(self, rotation: Rotation) -> None:
        """End the rotation of the root."""
        with self._source.transaction() as connection:
            _end(connection, rotation)

    def root_generation(self) -> int | None:
        """Which root the rows hang on; None before there are any."""
        with self._source.reading() as connection:
            generations = {
                row.parent
                for tenant in _tenants(connection)
                for row in connection.execute(_ROOT_ROWS, {"tenant": tenant})
            }
        return max(generations, default=None)

    def count_on_root(self, generation: int) -> int:
        """How many rows hang on the root of this generation."""
        with self._source.reading() as connection:
            parents = [
                row.parent
                for tenant in _tenants(connection)
                for row in connection.execute(_ROOT_ROWS, {"tenant": tenant})
            ]
        return parents.count(generation)

    def raise_minimum(self, tenant: str, kind: KeyKind, version: int) -> None:
        """Set a lowest version.

        Raises:
            MinimumRefused: keys below it are in use, or it would sink.
        """
        with self._source.transaction() as connection:
            held = connection.execute(
                select(key_minimum.c.version).where(
                    key_minimum.c.tenant == tenant, key_minimum.c.kind == kind.value
                )
            ).scalar()
            if version < (held or 1):
                raise MinimumRefused(f"the lowest {kind.value} version is {held} and never sinks")
            used = _T.parent if kind is KeyKind.TENANT else _T.version
            low = func.min(used)
            rows = select(low).where(_T.tenant == tenant)
            rows = (
                rows.where(_T.kind.not_in(_ROOT_KINDS))
                if kind is KeyKind.TENANT
                else rows.where(_T.kind == kind.value)
            )
            lowest = connection.execute(rows).scalar()
            if lowest is None or lowest < version:
                raise MinimumRefused(
                    f"keys of {kind.value} version {lowest} are still in use",
                    where=kind.value,
                )
            place = {"tenant": tenant, "kind": kind.value}
            if held is None:
                connection.execute(insert(key_minimum).values(**place, version=version))
            else:
                connection.execute(
                    update(key_minimum)
                    .where(key_minimum.c.tenant == tenant, key_minimum.c.kind == kind.value)
                    .values(version=version)
                )

    def ages(self, tenant: str) -> tuple[KindAge, ...]:
        """What there is of each kind. Reads every row of the institution."""
        with self._source.reading() as connection:
            rows = connection.execute(_AGES, {"tenant": tenant}).all()
        return tuple(
            KindAge(
                kind=KeyKind(kind),
                count=count,
                oldest=parse_instant(oldest, "created_at"),
                newest=parse_instant(newest, "created_at"),
                versions=(lowest, highest),
                parents=(first, last),
            )
            for kind, count, oldest, newest, lowest, highest, first, last in rows
        )


def _unfinished(connection: Connection) -> Rotation | None:
    row = connection.execute(select(key_rotation)).one_or_none()
    if row is None:
        return None
    return Rotation(
        kind=RotationKind(row.kind),
        tenant=row.tenant,
        old=row.old,
        new=row.new,
        began_at=parse_instant(row.began_at, "began_at"),
        began_by=row.began_by,
    )


def _count_below(connection: Connection, tenant: str, parent: int) -> int:
    found = connection.execute(_COUNT_BELOW, {"tenant": tenant, "below": parent}).scalar_one()
    return int(found)


def _change(row: WrappedKey, wrapped: bytes, parent: int) -> dict[str, Any]:
    return {
        "of_tenant": row.slot.tenant,
        "of_owner": row.slot.owner,
        "of_key": row.key_id,
        "from_parent": row.parent,
        "wrapped": wrapped,
        "parent": parent,
    }


def _rewrapped_at_once(
    connection: Connection, parent: int, rows: Sequence[tuple[WrappedKey, bytes]]
) -> None:
    # SQLCipher locks and wipes the memory of every statement: one statement that asks
    # us for each value is ten times as fast as one statement for each row.
    driver: Any = connection.connection.driver_connection
    wrapped = {row.key_id: changed for row, changed in rows}
    owners = [row.slot.owner for row, _ in rows]
    driver.create_function(_ASKED, 1, wrapped.get)
    try:
        driver.execute(_AT_ONCE, (parent, rows[0][0].slot.tenant, min(owners), max(owners), parent))
    finally:
        driver.create_function(_ASKED, 1, None)


def _end(connection: Connection, rotation: Rotation) -> None:
    connection.execute(
        delete(key_rotation).where(
            key_rotation.c.kind == rotation.kind.value, key_rotation.c.new == rotation.new
        )
    )


def _tenants(connection: Connection) -> Iterator[str]:
    """Every institution, the home itself ("") included: one look-up each, however many rows."""
    if connection.execute(select(literal_column("1")).where(_T.tenant == "").limit(1)).first():
        yield ""
    tenant: str | None = ""
    while (tenant := connection.execute(_NEXT_TENANT, {"tenant": tenant}).scalar()) is not None:
        yield tenant
