"""Which rows of law and vocabulary ship inside this package?

Data files are read through ``importlib.resources`` with the same strict reader
as agreements. A broken file is a defect of the release: it is refused whole.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.resources import files

from secure_records.access.errors import AccessDocumentMalformed
from secure_records.access.strict_yaml import read_yaml
from shared_kernel.canonical_json import Json


def read_data(name: str) -> Json:
    """The document ``name``, a path below this package with forward slashes."""
    return read_yaml(files("secure_records.access").joinpath(*name.split("/")).read_bytes())


def read_rows(name: str) -> tuple[Mapping[str, Json], ...]:
    """The mappings under ``rows``.

    Raises:
        AccessDocumentMalformed: the file has another shape.
    """
    document = read_data(name)
    rows = document.get("rows") if isinstance(document, Mapping) else None
    if not isinstance(rows, Sequence) or isinstance(rows, str):
        raise AccessDocumentMalformed(f"{name} has no rows", where=name)
    found = tuple(row for row in rows if isinstance(row, Mapping))
    if len(found) != len(rows):
        raise AccessDocumentMalformed(f"{name} has a row that is no mapping", where=name)
    return found


def read_table(name: str, columns: tuple[str, ...]) -> tuple[Mapping[str, str], ...]:
    """The rows of ``name`` with these text columns; other columns are ignored.

    Raises:
        AccessDocumentMalformed: a column is missing or not text.
    """
    table: list[Mapping[str, str]] = []
    for number, row in enumerate(read_rows(name), start=1):
        table.append({column: text_of(row, column, f"{name} row {number}") for column in columns})
    return tuple(table)


def text_of(row: Mapping[str, Json], column: str, where: str) -> str:
    """The text in ``column``.

    Raises:
        AccessDocumentMalformed: missing, empty or not text.
    """
    value = row.get(column)
    if not isinstance(value, str) or not value:
        raise AccessDocumentMalformed(f"{where}: {column} must be text", where=where)
    return value


def texts_of(row: Mapping[str, Json], column: str, where: str) -> tuple[str, ...]:
    """The list of texts in ``column``; an absent column is an empty tuple.

    Raises:
        AccessDocumentMalformed: not a list of text.
    """
    value = row.get(column, ())
    if not isinstance(value, Sequence) or isinstance(value, str):
        raise AccessDocumentMalformed(f"{where}: {column} must be a list", where=where)
    found = tuple(item for item in value if isinstance(item, str))
    if len(found) != len(value):
        raise AccessDocumentMalformed(f"{where}: {column} must hold text only", where=where)
    return found
