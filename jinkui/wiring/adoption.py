"""How is the platform's own database opened beside the home?"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from jinkui.wiring.toolkit import Toolkit
from secure_records.adapters.adopted_tables import SqlPlatformTables, open_platform_database
from secure_records.columns import ColumnKeys


@contextmanager
def platform_tables(address: str) -> Iterator[SqlPlatformTables]:
    """The tables at a database URL.

    Raises:
        AdoptionRefused: the address is not usable.
    """
    tables = SqlPlatformTables(open_platform_database(address))
    try:
        yield tables
    finally:
        tables.close()


def column_keys(toolkit: Toolkit) -> ColumnKeys:
    """Keys of the home for columns outside the vault."""
    return ColumnKeys(toolkit.keys, toolkit.tenant, toolkit.entropy)
