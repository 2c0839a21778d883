"""How does a fixed SQL text run on the driver, inside the transaction of a connection?

For the hot paths. A statement that is composed and compiled for each call costs
more than its execution; a fixed text is prepared once by the driver. Texts are
written with ``?`` and respelt for drivers that want ``%s``. Lists of values go in
slices of a few fixed lengths, padded with their last value, so that the number
of texts stays small and no engine's limit of bound parameters is met.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import closing
from functools import lru_cache
from itertools import islice
from typing import Any, Final, TypeAlias

from sqlalchemy.engine import Connection

from secure_records.errors import RowTaken

Row: TypeAlias = Sequence[Any]
LIST: Final = "(:list)"
"""Stands in a text for a list of values; once at most, behind every other parameter."""

_LENGTHS: Final = (1, 4, 16, 64, 256)
_TEXTS: Final = 256
_TAKEN: Final = "a row of this key is there already"


class DriverSql:
    """Fixed statements on the driver of an open connection."""

    __slots__ = ("_clash", "_driver", "_question_marks")

    def __init__(self, connection: Connection) -> None:
        if not connection.in_transaction():
            connection.begin()  # else the driver would read outside any snapshot
        self._driver: Any = connection.connection.driver_connection
        dialect = connection.dialect
        self._question_marks = dialect.paramstyle == "qmark"
        self._clash: type[Exception] = dialect.loaded_dbapi.IntegrityError

    def rows(self, text: str, values: Sequence[object]) -> list[Row]:
        """Every row that ``text`` gives."""
        found: list[Row] = self._execute(text, values).fetchall()
        return found

    def first(self, text: str, values: Sequence[object]) -> Row | None:
        """The first row, or None."""
        found = self.rows(text, values)
        return found[0] if found else None

    def each(
        self, text: str, values: Sequence[object], wanted: Collection[str] | Collection[bytes]
    ) -> list[Row]:
        """Rows of ``text``, whose ``(:list)`` stands for each of ``wanted`` once."""
        if len(wanted) == 1:
            return self.rows(_listed(text, 1), (*values, *wanted))
        found: list[Row] = []
        # In order: neighbours in an index are read one after the other.
        left = iter(sorted(set[Any](wanted)))
        while some := tuple(islice(left, _LENGTHS[-1])):
            length = next(length for length in _LENGTHS if length >= len(some))
            padding = (some[-1],) * (length - len(some))
            found += self.rows(_listed(text, length), (*values, *some, *padding))
        return found

    def run(self, text: str, values: Sequence[object]) -> int:
        """Number of rows that ``text`` changed.

        Raises:
            RowTaken: it would clash with another row.
        """
        return int(self._execute(text, values).rowcount)

    def write(self, text: str, rows: Sequence[Sequence[object]]) -> None:
        """Run ``text`` once for each of ``rows``.

        Raises:
            RowTaken: one of them clashes with another row.
        """
        if len(rows) == 1:
            self._execute(text, rows[0])
            return
        with closing(self._driver.cursor()) as cursor:
            try:
                cursor.executemany(text if self._question_marks else _respelt(text), rows)
            except self._clash:
                raise RowTaken(_TAKEN) from None

    def _execute(self, text: str, values: Sequence[object]) -> Any:  # noqa: ANN401 - the drivers' cursor
        try:
            return self._driver.execute(text if self._question_marks else _respelt(text), values)
        except self._clash:
            # From None: a server's words quote the key that clashed.
            raise RowTaken(_TAKEN) from None


@lru_cache(maxsize=_TEXTS)
def _respelt(text: str) -> str:
    return text.replace("?", "%s")


@lru_cache(maxsize=_TEXTS)
def _listed(text: str, length: int) -> str:
    return text.replace(LIST, "(?" + ", ?" * (length - 1) + ")")
