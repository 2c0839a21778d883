"""How is an encrypted field declared, and how does an ORM object read and write it?

As an attribute of a declarative class it brings its columns along and behaves
like a plain attribute: assigning keeps the value in memory until the flush seals
it for its row; reading opens it. On the class it only knows ``matches`` and
questions for NULL. For Core tables ``columns(name)`` gives the same columns.
"""

from __future__ import annotations

from typing import Any, Final, NoReturn, overload

from sqlalchemy import Column, ColumnElement, Connection, LargeBinary, Table, event, inspect, update
from sqlalchemy.orm import InstanceState, Mapper
from sqlalchemy.orm.attributes import set_committed_value

from secure_records.columns.column_keys import ColumnKeys, attached, key_names
from secure_records.columns.errors import PlaceChanged, PlaceIncomplete
from secure_records.columns.place import Place, Value, place_of, value_bytes
from secure_records.columns.rule import (
    RETENTION_CLASS,
    TERM_SUFFIX,
    FieldRule,
    Holds,
    StoredAs,
)
from secure_records.columns.sealed_types import (
    PlainValue,
    SealedColumn,
    SealedType,
    SealedValue,
    refuse_operation,
)

_WAITING: Final = "jinkui.waiting_for_key"


class EncryptedField:
    """One sealed field of a table.

    Args:
        subject: Column that names the patient; its value chooses the data key.
        index: Normal form under which the value is found: ``document/1``,
            ``e164/1``, ``name+birth/1``, ``identifier/1``. None: it is not.
        index_versions: Written with the first, asked with all.
        holds: ``text``, ``bytes`` or ``json``.
        retention_class: Class of the data keys; what shares one is shredded together.
        stored_as: ``bytes``, or ``text`` for a text column that cannot change its type.
        adopting: Read plain values too, until ``jinkui adopt finish``.
        nullable: May the column be NULL? A primary key that the database gives needs it.

    Raises:
        ColumnRuleRefused: a combination that cannot work.
    """

    def __init__(
        self,
        *,
        subject: str | None = None,
        index: str | None = None,
        index_versions: tuple[int, ...] = (1,),
        holds: Holds = "text",
        retention_class: str = RETENTION_CLASS,
        stored_as: StoredAs = "bytes",
        adopting: bool = False,
        nullable: bool = True,
    ) -> None:
        self.rule = FieldRule(
            subject=subject,
            index=index,
            index_versions=index_versions,
            holds=holds,
            retention_class=retention_class,
            stored_as=stored_as,
            adopting=adopting,
        )
        self._nullable = nullable
        self.name = ""

    def columns(self, name: str) -> tuple[Column[Any], ...]:
        """The sealed column, and beside it the index column if there is one."""
        sealed = SealedColumn(name, SealedType(self.rule), nullable=self._nullable)
        if self.rule.index is None:
            return (sealed,)
        return (sealed, Column(f"{name}{TERM_SUFFIX}", LargeBinary, index=True))

    # --- on a declarative class ---------------------------------------------------------

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name
        for column, attribute in zip(self.columns(name), (self.sealed, self.term), strict=False):
            setattr(owner, attribute, column)

    @property
    def sealed(self) -> str:
        """Attribute that holds the sealed value."""
        return f"_{self.name}_sealed"

    @property
    def term(self) -> str:
        """Attribute that holds the index code."""
        return f"_{self.name}_term"

    @overload
    def __get__(self, instance: None, owner: type) -> FieldOperand: ...

    @overload
    def __get__(self, instance: object, owner: type) -> Value: ...

    def __get__(self, instance: object | None, owner: type) -> FieldOperand | Value:
        if instance is None:
            return FieldOperand(self, owner)
        stored = getattr(instance, self.sealed)
        if stored is None or isinstance(stored, PlainValue):
            return None if stored is None else stored.value
        table = self.table(type(instance))
        return attached(table.metadata).open_cell(self.rule, self.place(instance, table), stored)

    def __set__(self, instance: object, value: Value) -> None:
        if value is not None:
            # Refused here, where it was assigned, and not somewhere in a later flush.
            value_bytes(self.rule.holds, value, f"{type(instance).__name__}.{self.name}")
        setattr(instance, self.sealed, None if value is None else PlainValue(value))

    def table(self, owner: type) -> Table:
        """The table that holds the field of a mapped class."""
        mapper: Mapper[Any] = inspect(owner)
        return mapper.columns[self.sealed].table

    def place(self, instance: object, table: Table, *, committed: bool = True) -> Place:
        """The cell of an object, as it was read (``committed``) or as it will be written."""
        row = {}
        for attribute, name in self.binding(instance).items():
            row[name] = getattr(instance, attribute)
            gone = _state(instance).attrs[attribute].history.deleted
            if committed and gone:
                row[name] = gone[0]
        return place_of(table.fullname, self.name, self.rule, key_names(table), row)

    def binding(self, instance: object) -> dict[str, str]:
        """Attributes that say where the value belongs, with their columns."""
        mapper: Mapper[Any] = inspect(type(instance))
        table = self.table(type(instance))
        names = [*key_names(table), *([self.rule.subject] if self.rule.subject else [])]
        return {mapper.get_property_by_column(table.c[name]).key: name for name in names}

    def seal_into(self, instance: object, value: PlainValue) -> dict[str, Any]:
        """Seal a value for its object; returns attribute to what was written."""
        table = self.table(type(instance))
        keys = attached(table.metadata)
        place = self.place(instance, table, committed=False)
        written: dict[str, Any] = {self.sealed: keys.seal_cell(self.rule, place, value.value)}
        keys.commit_new_keys()
        return written | self.terms_of(keys, table, value.value)

    def terms_of(self, keys: ColumnKeys, table: Table, value: Value) -> dict[str, Any]:
        """Attribute of the index to its code."""
        if self.rule.index is None:
            return {}
        terms = keys.terms(table.fullname, self.name, self.rule, value)
        return {self.term: terms[0] if terms else None}


class FieldOperand:
    """An encrypted field in a statement."""

    def __init__(self, field: EncryptedField, owner: type) -> None:
        self._field = field
        self._owner = owner

    def matches(self, value: str) -> ColumnElement[bool]:
        """The condition that the field holds ``value``, in any spelling.

        Raises:
            MatchRefused: no index, or a value without normal form.
        """
        column = self._column()
        return attached(self._field.table(self._owner).metadata).matches(column, value)

    def is_(self, other: None) -> ColumnElement[bool]:
        """The condition that there is no value."""
        return self._column().is_(other)

    def is_not(self, other: None) -> ColumnElement[bool]:
        """The condition that there is a value."""
        return self._column().is_not(other)

    def __clause_element__(self) -> NoReturn:
        refuse_operation("this place in a statement")

    def __getattr__(self, name: str) -> object:
        """Everything else that a column can do."""
        if name.startswith("_"):
            raise AttributeError(name)
        refuse_operation(name)

    def _column(self) -> ColumnElement[Any]:
        mapper: Mapper[Any] = inspect(self._owner)
        return mapper.columns[self._field.sealed]

    def __eq__(self, other: object) -> Any:  # noqa: ANN401 - as SQLAlchemy
        return self.is_(None) if other is None else refuse_operation("==")

    def __ne__(self, other: object) -> Any:  # noqa: ANN401 - as SQLAlchemy
        return self.is_not(None) if other is None else refuse_operation("!=")

    def __lt__(self, other: object) -> NoReturn:
        refuse_operation("<")

    def __le__(self, other: object) -> NoReturn:
        refuse_operation("<=")

    def __gt__(self, other: object) -> NoReturn:
        refuse_operation(">")

    def __ge__(self, other: object) -> NoReturn:
        refuse_operation(">=")

    __hash__ = None  # type: ignore[assignment]


# --- at the flush ---------------------------------------------------------------------------


def fields_of(owner: type) -> tuple[EncryptedField, ...]:
    """Every encrypted field of a class, those it inherits included."""
    found: dict[str, EncryptedField] = {}
    for ancestor in reversed(owner.__mro__):
        found |= {n: f for n, f in vars(ancestor).items() if isinstance(f, EncryptedField)}
    return tuple(found.values())


def _state(instance: object) -> InstanceState[Any]:
    found: InstanceState[Any] = inspect(instance)
    return found


def _before_insert(_mapper: Mapper[Any], _connection: Connection, target: object) -> None:
    waiting: dict[EncryptedField, PlainValue] = {}
    for field in fields_of(type(target)):
        value = getattr(target, field.sealed)
        if not isinstance(value, PlainValue):
            continue
        try:
            written = field.seal_into(target, value)
        except PlaceIncomplete:
            # The database gives the key: the row goes in without the value, and the same
            # flush puts the value in. A column that may not be NULL cannot wait.
            if not field.table(type(target)).c[field.name].nullable or _has_key(field, target):
                raise
            waiting[field] = value
            written = {field.sealed: None}
        for attribute, content in written.items():
            setattr(target, attribute, content)
    _state(target).info[_WAITING] = waiting


def _has_key(field: EncryptedField, target: object) -> bool:
    mapper: Mapper[Any] = inspect(type(target))
    columns = field.table(type(target)).primary_key.columns
    keys = (mapper.get_property_by_column(column).key for column in columns)
    return all(getattr(target, key) is not None for key in keys)


def _after_insert(_mapper: Mapper[Any], connection: Connection, target: object) -> None:
    waiting: dict[EncryptedField, PlainValue] = _state(target).info.pop(_WAITING, {})
    mapper: Mapper[Any] = inspect(type(target))
    for field, value in waiting.items():
        written = field.seal_into(target, value)
        table = field.table(type(target))
        statement = update(table).values(
            {mapper.columns[attribute].name: content for attribute, content in written.items()}
        )
        for column in table.primary_key.columns:
            key = getattr(target, mapper.get_property_by_column(column).key)
            statement = statement.where(column == key)
        connection.execute(statement)
        for attribute, content in written.items():
            set_committed_value(target, attribute, content)


def _before_update(_mapper: Mapper[Any], _connection: Connection, target: object) -> None:
    for field in fields_of(type(target)):
        history = _state(target).attrs[field.sealed].history
        value = history.added[0] if history.added else None
        if isinstance(value, PlainValue):
            for attribute, content in field.seal_into(target, value).items():
                setattr(target, attribute, content)
        elif history.added:
            if isinstance(value, SealedValue):
                raise PlaceChanged(f"{field.name} was given another cell's sealed value")
            if field.rule.index is not None:
                setattr(target, field.term, None)
        else:
            if getattr(target, field.sealed) is None:
                continue
            # A value that was set over an unread one counts as changed: nobody knows the old one.
            if any(_state(target).attrs[name].history.added for name in field.binding(target)):
                raise PlaceChanged(
                    f"key or subject of the row changed, {field.name} did not", where=field.name
                )


@event.listens_for(Mapper, "after_mapper_constructed")
def _listen(mapper: Mapper[Any], owner: type) -> None:
    """Once for each mapped class with fields, wherever in its ancestry they were declared."""
    if fields_of(owner):
        event.listen(mapper, "before_insert", _before_insert)
        event.listen(mapper, "after_insert", _after_insert)
        event.listen(mapper, "before_update", _before_update)
