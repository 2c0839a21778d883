"""Every question of the vault is answered from an index, never by walking a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from secure_records.adapters import sql_record_store as store
from secure_records.adapters.driver_sql import LIST

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
def test_every_question_has_its_index(room: Room, statement: str, by: str) -> None:
    """The plan searches by every column that is asked for, for one value and for several."""
    for marks in ("(?)", "(?, ?, ?, ?)"):
        text = statement.replace(LIST, marks)
        plan = room.sql(f"EXPLAIN QUERY PLAN {text}", *("x",) * text.count("?"))

        assert any(by in row[3] for row in plan), plan
