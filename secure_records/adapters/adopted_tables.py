"""How are cells of a platform's own table read and exchanged, on SQLite and PostgreSQL?

Fills ``PlatformTables``. Which columns are being adopted stands in a small
table beside the platform's own (``jinkui_adoptions``), so that it is backed up
and restored together with them. Every statement is made from reflected tables:
names are quoted by SQLAlchemy, values are bound.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, Final, cast

from sqlalchemy import (
    Column,
    Connection,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    create_engine,
    delete,
    distinct,
    event,
    func,
    insert,
    inspect,
    select,
    text,
    tuple_,
    update,
)
from sqlalchemy.engine import URL, Engine, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.sql import ColumnElement

from secure_records.columns.adoption import (
    AdoptionRefused,
    Cell,
    Census,
    Exchange,
    PlatformDatabaseFailed,
    State,
)
from secure_records.columns.adoption_plan import AdoptedColumn
from secure_records.columns.place import TEXT_PREFIX
from shared_kernel.instants import instant_text

_ENGINES: Final = frozenset(("sqlite", "postgresql"))
_ADOPTING: Final = "adopting"
_FINISHED: Final = "finished"

_adoptions: Final = Table(
    "jinkui_adoptions",
    MetaData(),
    Column("table_name", Text, primary_key=True),
    Column("column_name", Text, primary_key=True),
    Column("state", Text, nullable=False),
    Column("started_at", Text, nullable=False),
    Column("finished_at", Text),
)


def open_platform_database(address: str) -> Engine:
    """An engine for a database URL; nothing of the URL reaches an error message.

    Raises:
        AdoptionRefused: no URL, another engine, a missing driver or file.
    """
    try:
        url = make_url(address)
        if url.get_backend_name() not in _ENGINES:
            raise AdoptionRefused("adoption works on SQLite and PostgreSQL", where="database")
        _require_file(url)
        engine = create_engine(url, hide_parameters=True)
    except (ArgumentError, NoSuchModuleError, ModuleNotFoundError) as error:
        # From None: the chained message may quote the address with its password.
        raise AdoptionRefused(
            f"the database address is not usable ({type(error).__name__})", where="database"
        ) from None
    if url.get_backend_name() == "sqlite":
        event.listen(engine, "connect", _scrubbing)
    return engine


def _require_file(url: URL) -> None:
    # SQLite would make an empty database for a mistyped name.
    if url.get_backend_name() == "sqlite" and (
        not url.database or not Path(url.database).is_file()
    ):
        raise AdoptionRefused("there is no database file at this address", where="database")


def _scrubbing(connection: Any, _record: object) -> None:  # noqa: ANN401 - a driver's object
    connection.execute("PRAGMA secure_delete = ON")


class SqlPlatformTables:
    """``PlatformTables`` on an engine."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._tables: dict[str, Table] = {}

    def examine(self, column: AdoptedColumn) -> None:
        """Return if table, key, types and names are as the plan needs them."""
        table = self._table(column.table)
        key = tuple(part.name for part in table.primary_key.columns)
        if key != column.key:
            _refuse(column, f"the primary key is ({', '.join(key)})")
        for name in (column.column, *filter(None, (column.rule.subject,))):
            if name not in table.c:
                _refuse(column, f"there is no column {name}")
        if not isinstance(table.c[column.column].type, String):
            _refuse(column, "only text columns are adopted")
        if column.term is not None and column.term in table.c and self.state(column) == "plain":
            _refuse(column, f"the name {column.term} is taken")

    def state(self, column: AdoptedColumn) -> State:
        """How far the adoption of this column has come."""
        with self._guarded(self._engine.connect) as connection:
            if not inspect(connection).has_table(_adoptions.name):
                return "plain"
            asked = select(_adoptions.c.state).where(*_row_of(column))
            found = connection.execute(asked).scalar_one_or_none()
        return "plain" if found is None else cast("State", found)

    def census(self, column: AdoptedColumn) -> Census:
        """Count its cells."""
        cell, table = self._cell(column), self._table(column.table)
        counts: list[ColumnElement[int]] = [
            func.count(cell),
            func.count(cell).filter(_sealed(cell)),
            func.count(distinct(cell)),
        ]
        if column.rule.subject is not None:
            subject = table.c[column.rule.subject]
            counts.append(func.count(cell).filter(subject.is_(None)))
        with self._guarded(self._engine.connect) as connection:
            values, sealed, different, *rest = connection.execute(select(*counts)).one()
        return Census(values=values, sealed=sealed, distinct=different, subjectless=sum(rest))

    def begin(self, column: AdoptedColumn, at: datetime) -> None:
        """Note the state, widen the column, add the index; what is there already stays."""
        # The state first: an index column of ours is recognised by it after a kill.
        with self._guarded(self._engine.begin) as connection:
            _adoptions.create(connection, checkfirst=True)
            if (
                connection.execute(select(_adoptions.c.state).where(*_row_of(column))).first()
                is None
            ):
                connection.execute(
                    insert(_adoptions).values(
                        table_name=column.table,
                        column_name=column.column,
                        state=_ADOPTING,
                        started_at=instant_text(at),
                    )
                )
        table = self._table(column.table)
        with self._guarded(self._engine.begin) as connection:
            length = getattr(table.c[column.column].type, "length", None)
            if length is not None and connection.dialect.name == "postgresql":
                self._alter(
                    connection, table, f"ALTER COLUMN {self._quoted(column.column)} TYPE TEXT"
                )
            if column.term is not None and column.term not in table.c:
                kind = LargeBinary().compile(connection.dialect)
                self._alter(connection, table, f"ADD COLUMN {self._quoted(column.term)} {kind}")
        self._tables.pop(column.table, None)
        if column.term is not None:
            self._make_index(column)

    def cells(
        self, column: AdoptedColumn, after: Cell | None, limit: int, *, sealed: bool
    ) -> Sequence[Cell]:
        """Cells in the order of the key, behind ``after``."""
        table, cell = self._table(column.table), self._cell(column)
        names = list(dict.fromkeys((*column.key, *filter(None, (column.rule.subject,)))))
        key = [table.c[name] for name in column.key]
        wanted = [table.c[name] for name in names]
        term = column.term if column.term is not None and column.term in table.c else None
        asked = select(*wanted, cell.label("jinkui_cell"))
        if term is not None:
            asked = asked.add_columns(table.c[term].label("jinkui_term"))
        asked = asked.where(cell.is_not(None), _sealed(cell) if sealed else ~_sealed(cell))
        if after is not None:
            asked = asked.where(tuple_(*key) > tuple_(*(after.row[name] for name in column.key)))
        with self._guarded(self._engine.connect) as connection:
            rows = connection.execute(asked.order_by(*key).limit(limit)).mappings().all()
        found = []
        for row in rows:
            if not isinstance(row["jinkui_cell"], str):
                _refuse(column, "a cell holds something that is no text")
            code = row["jinkui_term"] if term is not None else None
            found.append(
                Cell(
                    row={name: row[name] for name in names},
                    text=row["jinkui_cell"],
                    term=None if code is None else bytes(code),
                )
            )
        return found

    def exchange(self, column: AdoptedColumn, changes: Sequence[Exchange]) -> int:
        """Write all changes whose cell is unchanged, in one transaction; returns how many."""
        table, cell = self._table(column.table), self._cell(column)
        done = 0
        with self._guarded(self._engine.begin) as connection:
            for change in changes:
                values: dict[str, Any] = {column.column: change.text}
                if column.term is not None and column.term in table.c:
                    values[column.term] = change.term
                # Subject too: a row that changed hands meanwhile is sealed in the next pass.
                here = [table.c[name] == value for name, value in change.cell.row.items()]
                statement = update(table).where(*here, cell == change.cell.text).values(values)
                done += connection.execute(statement).rowcount
        return done

    def forget(self, column: AdoptedColumn) -> None:
        """Take index and state away again."""
        table = self._table(column.table)
        with self._guarded(self._engine.begin) as connection:
            if column.term is not None and column.term in table.c:
                held = {index["name"] for index in inspect(connection).get_indexes(column.table)}
                if _index_name(column) in held:
                    name = self._quoted(_index_name(column))
                    connection.execute(text(f"DROP INDEX {name}"))
                self._alter(connection, table, f"DROP COLUMN {self._quoted(column.term)}")
            connection.execute(delete(_adoptions).where(*_row_of(column)))
        self._tables.pop(column.table, None)

    def finish(self, columns: Sequence[AdoptedColumn], at: datetime) -> None:
        """Make the engine drop old contents, then note that the columns are finished."""
        # In this order: after a kill in between the command can be given again.
        with self._guarded(self._engine.connect) as connection:
            alone = connection.execution_options(isolation_level="AUTOCOMMIT")
            if alone.dialect.name == "sqlite":
                # Old pages hold old contents: the file is written anew, the journal cut.
                alone.execute(text("VACUUM"))
                alone.execute(text("PRAGMA wal_checkpoint(TRUNCATE)"))
            else:
                for name in dict.fromkeys(column.table for column in columns):
                    alone.execute(text(f"VACUUM FULL {self._quoted(name)}"))
        with self._guarded(self._engine.begin) as connection:
            for column in columns:
                statement = update(_adoptions).where(*_row_of(column))
                connection.execute(statement.values(state=_FINISHED, finished_at=instant_text(at)))

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()

    # --- inside -------------------------------------------------------------------------

    def _table(self, name: str) -> Table:
        found = self._tables.get(name)
        if found is None:
            with self._guarded(self._engine.connect) as connection:
                if not inspect(connection).has_table(name):
                    raise AdoptionRefused(f"there is no table {name}", where=name)
                found = Table(name, MetaData(), autoload_with=connection)
            self._tables[name] = found
        return found

    def _cell(self, column: AdoptedColumn) -> Column[Any]:
        return self._table(column.table).c[column.column]

    def _quoted(self, name: str) -> str:
        return self._engine.dialect.identifier_preparer.quote(name)

    def _alter(self, connection: Connection, table: Table, action: str) -> None:
        name = self._engine.dialect.identifier_preparer.format_table(table)
        connection.execute(text(f"ALTER TABLE {name} {action}"))

    def _make_index(self, column: AdoptedColumn) -> None:
        with self._guarded(self._engine.begin) as connection:
            held = {index["name"] for index in inspect(connection).get_indexes(column.table)}
            if _index_name(column) not in held:
                name, table = self._quoted(_index_name(column)), self._quoted(column.table)
                term = self._quoted(cast("str", column.term))
                connection.execute(text(f"CREATE INDEX {name} ON {table} ({term})"))

    @contextmanager
    def _guarded(self, way_in: Callable[[], Any]) -> Iterator[Connection]:
        try:
            with way_in() as connection:
                yield connection
        except SQLAlchemyError as error:
            # From None: the driver's message may quote a value of the row.
            raise PlatformDatabaseFailed(
                f"the platform's database failed ({type(error).__name__})", where="database"
            ) from None


def _sealed(cell: ColumnElement[Any]) -> ColumnElement[bool]:
    # Not LIKE: SQLite compares it without regard to case.
    return func.substr(cell, 1, len(TEXT_PREFIX)) == TEXT_PREFIX


def _row_of(column: AdoptedColumn) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return (
        _adoptions.c.table_name == column.table,
        _adoptions.c.column_name == column.column,
    )


def _index_name(column: AdoptedColumn) -> str:
    return f"ix_{column.table}_{column.term}"


def _refuse(column: AdoptedColumn, what: str) -> None:
    raise AdoptionRefused(f"{column.name}: {what}", where=column.name)
