"""Which values may pass between SQLAlchemy and a sealed column?

Only sealed ones. A plain value is refused before it reaches the database, and
so is every comparison that the database could not answer. What SQLAlchemy does
not ask the type about (``func.lower(column)``, textual SQL), and two columns
compared with each other, are not stopped here: ciphertexts are all different.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final, NoReturn, cast

from sqlalchemy import Column, ColumnElement, Dialect, LargeBinary, Text
from sqlalchemy.types import TypeDecorator, TypeEngine

from secure_records.columns.errors import ColumnOperationRefused, PlaintextRefused
from secure_records.columns.place import Value, as_text, from_text, looks_sealed
from secure_records.columns.rule import FieldRule

_NULL_QUESTIONS: Final = frozenset(("is_", "is_not", "eq", "ne"))


@dataclass(frozen=True, slots=True)
class SealedValue:
    """A value as the column holds it."""

    envelope: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class PlainValue:
    """A value that is not sealed: on its way in, or not adopted yet."""

    value: Value = field(repr=False)


def refuse_operation(what: str) -> NoReturn:
    """The one sentence about what a sealed column cannot do.

    Raises:
        ColumnOperationRefused: always.
    """
    raise ColumnOperationRefused(f"{what} needs the plain value, and the column is sealed")


class _Comparator(TypeDecorator.Comparator[Any]):
    """Answers whether there is a value, and nothing else."""

    def operate(self, op: Any, *other: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - as SQLAlchemy
        name = op.__name__
        if name in _NULL_QUESTIONS and len(other) == 1:
            # A column beside a column: SQLAlchemy itself compares them when it keeps sets of them.
            column = isinstance(other[0], ColumnElement) and name in {"eq", "ne"}
            if column or other[0] is None:
                return super().operate(op, *other, **kwargs)
        return refuse_operation(name.removesuffix("_op"))

    def reverse_operate(self, op: Any, other: Any, **kwargs: Any) -> Any:  # noqa: ANN401
        del other, kwargs
        return refuse_operation(op.__name__)


class SealedType(TypeDecorator[Any]):
    """Type of a sealed column; its Python values are ``SealedValue``."""

    impl = LargeBinary
    cache_ok = True
    comparator_factory = _Comparator

    def __init__(self, rule: FieldRule) -> None:
        super().__init__()
        self.rule = rule

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Bytes, or text where the table had text before."""
        wanted = Text() if self.rule.stored_as == "text" else LargeBinary()
        return dialect.type_descriptor(wanted)

    def process_bind_param(self, value: object, dialect: Dialect) -> bytes | str | None:
        """What is written.

        Raises:
            PlaintextRefused: anything that is not sealed.
        """
        del dialect
        if value is None:
            return None
        if not isinstance(value, SealedValue):
            raise PlaintextRefused("a plain value was about to be written into a sealed column")
        return as_text(value.envelope) if self.rule.stored_as == "text" else value.envelope

    def process_literal_param(self, value: object, dialect: Dialect) -> str:
        """Sealed values never stand inside the text of a statement."""
        del value, dialect
        return refuse_operation("a literal")

    def process_result_value(
        self, value: object, dialect: Dialect
    ) -> SealedValue | PlainValue | None:
        """What was read.

        Raises:
            EnvelopeMalformed: not sealed, and nobody is adopting.
        """
        del dialect
        if value is None:
            return None
        if isinstance(value, str):
            if self.rule.adopting and not looks_sealed(value):
                return PlainValue(value)
            return SealedValue(from_text(value))
        return SealedValue(bytes(cast("bytes", value)))


class SealedColumn(Column[Any]):
    """A column that refuses to be sorted by: ciphertext has an order that means nothing."""

    inherit_cache = True

    @property
    def _order_by_label_element(self) -> None:
        # The one hook that SQLAlchemy asks when a bare column is sorted by; a test watches it.
        refuse_operation("ORDER BY")
