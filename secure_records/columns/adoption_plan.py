"""Which plaintext columns of which tables are to be sealed, and how?

A YAML document, read strictly: unknown keys, a column named twice and a normal
form that does not exist are refused by path before any database is opened.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Final, Literal

from msgspec import Meta, Struct

from secure_records.access.errors import AccessDocumentMalformed
from secure_records.access.strict_yaml import read_yaml
from secure_records.columns.errors import ColumnRuleRefused
from secure_records.columns.rule import RETENTION_CLASS, TERM_SUFFIX, FieldRule
from secure_records.kinds.errors import BodyRefused
from secure_records.kinds.parsing import parse_struct
from shared_kernel.digests import sha256

SCHEMA: Final = "jinkui.adoption/1"

_Name = Annotated[str, Meta(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,62}$(?!\n)")]


class AdoptionPlanMalformed(AccessDocumentMalformed):
    """The plan is not readable, or contradicts itself."""

    code = "columns.plan_malformed"
    default_hint = "compare with docs/guides/adopt_columns.md"


class _ColumnEntry(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    column: _Name
    index: str | None = None


class _TableEntry(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    table: _Name
    primary_key: Annotated[tuple[_Name, ...], Meta(min_length=1, max_length=8)]
    subject: _Name | None = None
    retention_class: Annotated[str, Meta(pattern=r"^[a-z0-9_]{1,64}$(?!\n)")] = RETENTION_CLASS
    columns: Annotated[tuple[_ColumnEntry, ...], Meta(min_length=1, max_length=100)]


class _Document(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    schema: Literal["jinkui.adoption/1"]
    tables: Annotated[tuple[_TableEntry, ...], Meta(min_length=1, max_length=200)]


@dataclass(frozen=True, slots=True, kw_only=True)
class AdoptedColumn:
    """One column of the plan."""

    table: str
    column: str
    key: tuple[str, ...]
    """Columns of the primary key, in the order of the table."""

    rule: FieldRule
    """As the field is declared while the adoption runs."""

    @property
    def term(self) -> str | None:
        """Name of the index column; None: the plan asks for none."""
        return None if self.rule.index is None else f"{self.column}{TERM_SUFFIX}"

    @property
    def name(self) -> str:
        """``table.column``."""
        return f"{self.table}.{self.column}"


@dataclass(frozen=True, slots=True, kw_only=True)
class AdoptionPlan:
    """A whole plan."""

    columns: tuple[AdoptedColumn, ...]
    digest: str
    """Tagged digest of the document, for the log."""


def read_plan(data: bytes) -> AdoptionPlan:
    """Read a plan.

    Raises:
        AdoptionPlanMalformed: syntax, shape, or a rule that cannot work.
    """
    try:
        entry = parse_struct(read_yaml(data, error=AdoptionPlanMalformed), _Document, "")
    except BodyRefused as fault:
        # From None: the message of the library underneath may quote a value.
        raise AdoptionPlanMalformed(str(fault), where=fault.where) from None
    found: list[AdoptedColumn] = []
    for place, table in enumerate(entry.tables):
        for index, column in enumerate(table.columns):
            where = f"tables[{place}].columns[{index}]"
            if column.column in {*table.primary_key, table.subject}:
                raise AdoptionPlanMalformed(
                    f"{where}: primary key and subject stay as they are", where=where
                )
            found.append(_adopted(table, column, where))
    names = [column.name.casefold() for column in found]
    if len(set(names)) != len(names):
        raise AdoptionPlanMalformed("a column appears twice", where="tables")
    return AdoptionPlan(columns=tuple(found), digest=str(sha256(data)))


def _adopted(table: _TableEntry, column: _ColumnEntry, where: str) -> AdoptedColumn:
    try:
        rule = FieldRule(
            subject=table.subject,
            index=column.index,
            retention_class=table.retention_class,
            stored_as="text",
            adopting=True,
        )
    except ColumnRuleRefused as fault:
        raise AdoptionPlanMalformed(f"{where}.{fault}", where=where) from fault
    return AdoptedColumn(table=table.table, column=column.column, key=table.primary_key, rule=rule)
