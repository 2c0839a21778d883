"""What holds for the vault whatever the hospital hands in."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from secure_records import Caller

if TYPE_CHECKING:
    from conftest import Room

SETTINGS = settings(
    derandomize=True,
    deadline=None,
    max_examples=15,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@SETTINGS
@given(data=st.data())
def test_any_order_and_any_batching_give_the_same_store(
    make_room: Callable[..., Room], officer: Caller, data: st.DataObject
) -> None:
    """However a file is cut and repeated, each line is in the store exactly once."""
    room = make_room()
    records = room.records()
    picks = data.draw(st.lists(st.integers(0, len(records) - 1), min_size=1, max_size=40))
    size = data.draw(st.integers(1, 10))

    for start in range(0, len(picks), size):
        chosen = [records[pick] for pick in picks[start : start + size]]
        outcomes = room.vault.store(officer, chosen, "cut")
        assert [each.line for each in outcomes] == [record.line for record in chosen]

    distinct = {records[pick].external_id for pick in picks}
    assert room.vault.count() == len(distinct)
    stored = [each for each in room.entries() if each["action"] == "record.stored"]
    assert len(stored) == len(distinct)


@SETTINGS
@given(changes=st.lists(st.integers(0, 3), min_size=1, max_size=12))
def test_what_is_read_is_what_was_stored(
    make_room: Callable[..., Room], officer: Caller, changes: list[int]
) -> None:
    """A stored body comes back unchanged, and a contradicting repeat never replaces it."""
    room = make_room()
    record = room.records()[0]
    accepted = None
    for change in changes:
        digest = hashlib.sha256(bytes([change])).digest()
        [outcome] = room.vault.store(officer, [replace(record, digest=digest)], "again")
        if accepted is None:
            accepted = (digest, outcome.record)
        elif digest == accepted[0]:
            assert outcome.already_present
            assert outcome.record == accepted[1]
        else:
            assert outcome.code == "records.conflict"

    assert accepted is not None
    view = room.vault.read(officer, accepted[1], "patient_request")
    assert view.body["visit"] == record.visit
    assert view.body["patient.id_no"] == record.subject.id_no
    assert room.vault.count() == 1
