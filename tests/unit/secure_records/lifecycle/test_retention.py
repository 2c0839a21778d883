"""Retention floors agree with the clauses they cite and count as the Civil Code counts."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secure_records.lifecycle import (
    RetentionEvent,
    parse_events,
    retain_until,
    retention_schedule,
)
from secure_records.lifecycle.calendar import Period, last_day
from secure_records.lifecycle.errors import RetentionRefused
from shared_kernel.instants import CHINA

PUBLISHED = {
    "outpatient_record": "visit",
    "inpatient_record": "discharge",
    "chat_transcript": "visit_end",
    "audio_video": "visit_end",
    "revisit_proof": "visit",
    "prescription_ordinary": "issued",
    "prescription_class2_psychotropic": "issued",
    "prescription_narcotic": "issued",
    "impact_assessment": "completed",
    "provision_record": "recorded",
    "network_log": "created",
}


def event(name: str, at: str) -> RetentionEvent:
    return RetentionEvent(event=name, at=datetime.fromisoformat(at))


@pytest.mark.parametrize(
    ("retention_class", "started", "until"),
    [
        ("outpatient_record", "2026-03-02T10:00:00+08:00", "2041-03-02"),  # 至少十五年
        ("inpatient_record", "2026-03-02T10:00:00+08:00", "2056-03-02"),  # 三十年
        ("chat_transcript", "2026-03-02T10:00:00+08:00", "2029-03-02"),  # 不少于三年
        ("audio_video", "2026-03-02T10:00:00+08:00", "2029-03-02"),
        ("prescription_ordinary", "2026-03-02T10:00:00+08:00", "2027-03-02"),  # 一年
        ("prescription_class2_psychotropic", "2026-03-02T10:00:00+08:00", "2028-03-02"),
        ("prescription_narcotic", "2026-03-02T10:00:00+08:00", "2029-03-02"),
        ("impact_assessment", "2026-03-02T10:00:00+08:00", "2029-03-02"),
        ("provision_record", "2026-03-02T10:00:00+08:00", "2029-03-02"),
        ("network_log", "2026-03-02T10:00:00+08:00", "2026-09-02"),  # 六个月
        ("outpatient_record", "2024-02-29T10:00:00+08:00", "2039-02-28"),  # 没有对应日的，月末日
        ("network_log", "2026-08-31T10:00:00+08:00", "2027-02-28"),
        ("network_log", "2027-08-31T10:00:00+08:00", "2028-02-29"),
        ("network_log", "2026-03-01T23:30:00Z", "2026-09-02"),  # already 2 March in China
    ],
)
def test_floor_matches_the_clause(retention_class: str, started: str, until: str) -> None:
    """The last day is the corresponding day in China time, or the last of its month."""
    answer = retain_until(retention_class, [event(PUBLISHED[retention_class], started)])

    assert answer.retain_until.isoformat() == until


def test_every_published_class_has_its_row() -> None:
    """The contract's classes and starting events are exactly the schedule's."""
    assert {name: row.event for name, row in retention_schedule().items()} == PUBLISHED


def test_the_last_visit_starts_the_clock_in_any_order() -> None:
    """每次复诊会重置时钟: a later visit moves the end, and order does not matter."""
    events = [event("visit", "2026-03-02T10:00:00+08:00"), event("visit", "2020-01-01T00:00:00Z")]

    assert retain_until("outpatient_record", events) == retain_until(
        "outpatient_record", events[::-1]
    )
    assert retain_until("outpatient_record", events).retain_until == date(2041, 3, 2)


def test_an_inferred_period_says_so() -> None:
    """A period nobody has seen in a source travels as unverified to the reader."""
    answer = retain_until("revisit_proof", [event("visit", "2026-03-02T10:00:00+08:00")]).as_json()

    assert answer["verified"] is False
    assert "未核实" in str(answer["citation"])


@pytest.mark.parametrize(
    ("retention_class", "events"),
    [
        ("love_letters", [event("visit", "2026-03-02T10:00:00+08:00")]),
        ("outpatient_record", []),
        ("outpatient_record", [event("discharge", "2026-03-02T10:00:00+08:00")]),
        ("outpatient_record", [event("visits", "2026-03-02T10:00:00+08:00")]),
        ("outpatient_record", [event("visit", "9990-03-02T10:00:00+08:00")]),
    ],
)
def test_what_cannot_be_counted_is_refused(
    retention_class: str, events: list[RetentionEvent]
) -> None:
    """Without a class and a starting event no date is given: a guess would destroy records."""
    with pytest.raises(RetentionRefused):
        retain_until(retention_class, events)


@pytest.mark.parametrize(
    "value",
    [None, "visit", [{}], [{"event": "visit"}], [{"event": "visit", "at": "2026-03-02"}], [7]],
)
def test_malformed_events_are_one_error(value: object) -> None:
    """Events of another shape, or an instant without offset, are refused by path."""
    with pytest.raises(RetentionRefused, match="events"):
        parse_events(value)  # type: ignore[arg-type]


@given(
    begins=st.dates(min_value=date(1950, 1, 1), max_value=date(2200, 1, 1)),
    months=st.integers(1, 400),
)
@settings(derandomize=True, deadline=None, max_examples=100)
def test_period_ends_in_its_own_month(begins: date, months: int) -> None:
    """The end lies in the month the count says, never on a later day than the start's."""
    end = last_day(begins, Period(months=months))

    assert (end.year * 12 + end.month) - (begins.year * 12 + begins.month) == months
    assert end.day <= begins.day
    assert end.day == begins.day or (end + timedelta(days=1)).day == 1


@given(
    at=st.integers(1970, 8999).map(lambda year: datetime(year, 5, 17, 20, tzinfo=UTC)),
    earlier=st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=4000)),
)
@settings(derandomize=True, deadline=None, max_examples=100)
def test_more_events_never_shorten(at: datetime, earlier: timedelta) -> None:
    """Adding an older event leaves the floor where it was."""
    later = RetentionEvent(event="visit", at=at)
    older = RetentionEvent(event="visit", at=at - earlier)

    alone = retain_until("outpatient_record", [later])
    both = retain_until("outpatient_record", [older, later])

    assert alone == both
    assert alone.retain_until > at.astimezone(CHINA).date()
