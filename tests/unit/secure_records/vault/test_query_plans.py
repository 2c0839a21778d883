"""Every question of the vault is answered from an index, never by walking a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlalchemy import Select
from sqlalchemy.dialects import sqlite

from secure_records.adapters import sql_record_store as store

if TYPE_CHECKING:
    from conftest import Room


@pytest.mark.parametrize(
    ("statement", "by"),
    [
        (store._REFERENCES, "tenant=? AND external_ref=?"),
        (store._SUBJECTS, "tenant=? AND identity_mac=?"),
        (store._TERMS, "tenant=? AND subject=?"),
        (store._VISITS, "tenant=? AND visit=? AND kind=?"),
        (store._RECORD, "tenant=? AND record=?"),
        (store._OF_SUBJECTS, "tenant=? AND subject=?"),
        (store._CANDIDATES, "tenant=? AND column=? AND version=? AND term=?"),
    ],
)
def test_every_question_has_its_index(
    room: Room, statement: Select[*tuple[object, ...]], by: str
) -> None:
    """The plan searches by every column that is asked for."""
    given = {"tenant": "x", "wanted": ["x"], "kind": "x", "record": "x", "column": "x"}
    bound = statement.params(**given, version=1, term=b"x")
    compiled = bound.compile(dialect=sqlite.dialect(), compile_kwargs={"render_postcompile": True})
    values = ("x",) * str(compiled).count("?")

    plan = room.sql(f"EXPLAIN QUERY PLAN {compiled}", *values)

    assert any(by in row[3] for row in plan), plan
