"""How do the versions of one record lie in SQL, and which of them is the newest?

A record is as many rows as it has versions; none is ever changed. What asks for
records means their newest versions, unless it says otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Final

from sqlalchemy import and_, bindparam, delete, insert, select
from sqlalchemy.engine import Connection
from sqlalchemy.exc import IntegrityError

from secure_records.adapters.driver_sql import Row
from secure_records.adapters.tables import idempotency_keys, index_terms, records
from secure_records.ports import IdempotencyRow, RecordRow, TermRow
from secure_records.vault_errors import VersionConflict
from shared_kernel.instants import instant_text, parse_instant


class SqlRecordVersions:
    """``RecordVersions`` on an open connection.

    Args:
        connection: Of the surrounding transaction; never committed here.
        as_record: Makes a ``RecordRow`` of the columns of a row, in the order of the table.
    """

    def __init__(self, connection: Connection, as_record: Callable[[Row], RecordRow]) -> None:
        self._connection = connection
        self._as_record = as_record

    def version(self, tenant: str, record: str, version: int) -> RecordRow | None:
        """One version of a record."""
        wanted = {"tenant": tenant, "record": record, "version": version}
        row = self._connection.execute(_VERSION, wanted).first()
        return None if row is None else self._as_record(row)

    def versions(self, tenant: str, record: str) -> tuple[RecordRow, ...]:
        """Every version of a record, oldest first."""
        found = self._connection.execute(_VERSIONS, {"tenant": tenant, "record": record})
        return tuple(self._as_record(row) for row in found)

    def add_version(self, record: RecordRow, key: IdempotencyRow | None) -> None:
        """Insert the next version.

        Raises:
            VersionConflict: another writer was faster.
        """
        values = {name: getattr(record, name) for name in records.c.keys()}  # noqa: SIM118 - a collection of columns
        for name in ("occurred_at", "created_at"):
            values[name] = instant_text(values[name])
        try:
            self._connection.execute(_ADD_VERSION, values)
            if key is not None:
                names = idempotency_keys.c.keys()
                held = {name: getattr(key, name) for name in names}
                self._connection.execute(
                    _ADD_KEY, {**held, "created_at": instant_text(key.created_at)}
                )
        except IntegrityError as fault:
            raise VersionConflict("another amendment of this record was faster") from fault

    def amended_under(self, tenant: str, key_mac: bytes) -> IdempotencyRow | None:
        """What was amended under this idempotency key."""
        found = self._connection.execute(_BY_KEY, {"tenant": tenant, "key_mac": key_mac})
        row = found.mappings().first()
        if row is None:
            return None
        at = parse_instant(row["created_at"], "created_at")
        return IdempotencyRow(**{**row, "created_at": at})

    def replace_terms(self, stale: Collection[TermRow], new: Collection[TermRow]) -> None:
        """Take index entries away and write others."""
        if stale:
            gone = [{f"old_{name}": value for name, value in _term(row).items()} for row in stale]
            self._connection.execute(_DROP_TERM, gone)
        if new:
            self._connection.execute(_ADD_TERM, [_term(row) for row in new])


_VERSIONS: Final = (
    select(records)
    .where(records.c.tenant == bindparam("tenant"), records.c.record == bindparam("record"))
    .order_by(records.c.version)
)
_VERSION: Final = select(records).where(
    records.c.tenant == bindparam("tenant"),
    records.c.record == bindparam("record"),
    records.c.version == bindparam("version"),
)
_BY_KEY: Final = select(idempotency_keys).where(
    idempotency_keys.c.tenant == bindparam("tenant"),
    idempotency_keys.c.key_mac == bindparam("key_mac"),
)
_DROP_TERM: Final = delete(index_terms).where(
    and_(*(column == bindparam(f"old_{name}") for name, column in index_terms.c.items()))
)
_ADD_VERSION: Final = insert(records)
_ADD_KEY: Final = insert(idempotency_keys)
_ADD_TERM: Final = insert(index_terms)


def _term(row: TermRow) -> dict[str, object]:
    return {name: getattr(row, name) for name in index_terms.c.keys()}  # noqa: SIM118 - a collection of columns
