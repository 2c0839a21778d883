"""A search may be narrowed by kind, clinician and time, and its pages stand still."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from secure_records import Caller, NewRecord, SearchPage
from secure_records.access.errors import AccessDenied
from secure_records.kinds.catalogue import KINDS
from secure_records.search_filter import EVERYTHING, SearchFilter
from secure_records.vault_errors import SearchRefused

if TYPE_CHECKING:
    from conftest import Room

PURPOSE = "patient_request"


def found(room: Room, officer: Caller, record: NewRecord, among: SearchFilter) -> SearchPage:
    return room.vault.search(
        officer, {"id_no": record.subject.id_no}, PURPOSE, limit=100, among=among
    )


def mine(room: Room, record: NewRecord) -> list[NewRecord]:
    return [each for each in room.records() if each.subject.id_no == record.subject.id_no]


@pytest.mark.parametrize(
    "kinds", [("prescription",), ("consent", "revisit_proof"), tuple(KINDS)], ids="+".join
)
def test_by_kind(stored: Room, officer: Caller, kinds: tuple[str, ...]) -> None:
    """Any of the kinds that were named, and no other."""
    record = stored.records()[0]
    page = found(stored, officer, record, SearchFilter(kinds=kinds))

    assert sorted(hit.kind for hit in page.records) == sorted(
        each.kind for each in mine(stored, record) if each.kind in kinds
    )


def test_by_clinician_and_time(stored: Room, officer: Caller) -> None:
    """The staff number of the visit; from inclusive, to exclusive."""
    record = stored.records()[0]
    records = mine(stored, record)
    instant = sorted(each.occurred_at for each in records)[len(records) // 2]

    other = found(stored, officer, record, SearchFilter(clinician="SYN-D999"))
    own = found(stored, officer, record, SearchFilter(clinician=record.clinician))
    late = found(stored, officer, record, SearchFilter(since=instant))
    early = found(stored, officer, record, SearchFilter(until=instant))

    assert other.records == ()
    assert len(own.records) == sum(each.clinician == record.clinician for each in records)
    assert len(late.records) == sum(each.occurred_at >= instant for each in records)
    assert len(early.records) == sum(each.occurred_at < instant for each in records)
    assert 0 < len(late.records) < len(records)


def test_the_log_keeps_which_filters_and_not_what(stored: Room, officer: Caller) -> None:
    """Names of the filters; an unfiltered search says nothing about them."""
    record = stored.records()[0]
    among = SearchFilter(
        kinds=("consent",), clinician=record.clinician, since=datetime(2020, 1, 1, tzinfo=UTC)
    )
    size = len(stored.entries())
    found(stored, officer, record, among)
    found(stored, officer, record, EVERYTHING)

    heads = [entry for entry in stored.entries()[size:] if "found" in entry["details"]]
    assert heads[0]["details"]["filters"] == ["kinds", "clinician", "since"]
    assert "filters" not in heads[1]["details"]
    assert record.clinician not in orjson.dumps(stored.entries()[size:]).decode()


@pytest.mark.parametrize(
    "among",
    [
        SearchFilter(kinds=("diagnosis",)),
        SearchFilter(since=datetime(2026, 1, 1)),  # noqa: DTZ001 - the missing offset is the point
        SearchFilter(
            since=datetime(2026, 1, 2, tzinfo=UTC), until=datetime(2026, 1, 2, tzinfo=UTC)
        ),
    ],
)
def test_filters_that_cannot_be_applied(stored: Room, officer: Caller, among: SearchFilter) -> None:
    """An unknown kind, an instant without offset, an empty time: refused and logged."""
    with pytest.raises(SearchRefused):
        found(stored, officer, stored.records()[0], among)
    assert stored.entries()[-1]["outcome"] == SearchRefused.code


def test_a_filter_is_no_way_around_the_policy(stored: Room) -> None:
    """Who may see none of the kinds asked for is denied, whoever the patient is."""
    pharmacist = Caller(actor="p005", role="pharmacist")
    for number in (stored.records()[0].subject.id_no, "E99999999"):
        with pytest.raises(AccessDenied):
            stored.vault.search(
                pharmacist,
                {"id_no": number},
                "dispensing",
                among=SearchFilter(kinds=("chat_transcript",)),
            )


def test_inserts_and_amendments_never_move_a_page(stored: Room, officer: Caller) -> None:
    """What comes in between two pages stands before the first one; nothing is shown twice."""
    record = stored.records()[0]
    criteria = {"id_no": record.subject.id_no}
    whole = [hit.id for hit in found(stored, officer, record, EVERYTHING).records]
    walked: list[str] = []
    cursor: str | None = None
    number = 0
    while True:
        page = stored.vault.search(officer, criteria, PURPOSE, limit=2, cursor=cursor)
        walked += [hit.id for hit in page.records]
        cursor = page.next_cursor
        if cursor is None:
            break
        number += 1
        late = replace(record, external_id=f"LATE-{number}", digest=bytes([number]) * 32)
        stored.vault.store(officer, [late], "late")

    assert walked == whole
    assert len(found(stored, officer, record, EVERYTHING).records) == len(whole) + number


@settings(
    derandomize=True,
    deadline=None,
    max_examples=25,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(data=st.data())
def test_filters_are_exactly_their_conditions(
    stored: Room, officer: Caller, data: st.DataObject
) -> None:
    """Any combination finds what holds for every condition, in the order of the whole."""
    record = stored.records()[0]
    records = mine(stored, record)
    instants = sorted(each.occurred_at for each in records)
    among = SearchFilter(
        kinds=tuple(data.draw(st.sets(st.sampled_from([*KINDS]), max_size=3))),
        clinician=data.draw(st.sampled_from([None, *sorted({e.clinician for e in records})])),
        since=data.draw(st.sampled_from([None, *instants])),
        until=data.draw(st.sampled_from([None, instants[-1] + timedelta(seconds=1)])),
    )
    wanted = [
        each
        for each in records
        if (not among.kinds or each.kind in among.kinds)
        and (among.clinician is None or each.clinician == among.clinician)
        and (among.since is None or each.occurred_at >= among.since)
        and (among.until is None or each.occurred_at < among.until)
    ]

    page = found(stored, officer, record, among)

    assert sorted(hit.kind for hit in page.records) == sorted(each.kind for each in wanted)
    ids = [hit.id for hit in page.records]
    assert ids == sorted(ids, reverse=True)
